"""The rule `near`: of answers to one prompt that say nearly the same, one stays.

Answers are taken in the order of their agreement, then of their draws; one is dropped if it is near enough to one that
stays, and names it. There are no chains: what is near only to a dropped answer stays.
"""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers that are at least `similarity` near to one that stays."""
    return Rule(_look, among=True)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    mates, similarities = scored.lists("_near_mates"), scored.lists("_near_similarities")
    rows = [row for row in map(int, np.flatnonzero(still_in)) if row in mates]
    agreement, order, starts = scored.number("agreement"), scored.integer("_order"), scored.starts
    out: dict[int, tuple[int, float]] = {}
    for row in sorted(rows, key=lambda row: (starts[row], -agreement[row], order[row])):
        # A mate is known by its place among the answers to the prompt.
        near = [
            (similarity, starts[row] + mate) for mate, similarity in zip(mates[row], similarities[row], strict=True)
        ]
        staying = [
            (similarity, -mate)
            for similarity, mate in near
            if still_in[mate] and mate not in out and _before(agreement, order, mate, row)
        ]
        if staying:
            similarity, mate = max(staying)
            out[row] = (-mate, similarity)
    dropped = np.zeros(len(scored), bool)
    dropped[list(out)] = True

    def why(row: int) -> tuple[str, str]:
        mate, similarity = out[row]
        return "nearly repeats another draw of its prompt", f"draw {scored.integer('_draw')[mate]}, {similarity:.3f}"

    return Ruling(dropped, np.zeros(len(scored), bool), why)


def _before(agreement: np.ndarray, order: np.ndarray, one: int, other: int) -> bool:
    return (-agreement[one], order[one]) < (-agreement[other], order[other])
