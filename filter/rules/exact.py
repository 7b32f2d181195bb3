"""The rule `exact`: of equal answers to one prompt, one stays.

Equal but for white space. The one with the lowest draw stays; the others name it. Different prompts may well
have the same answer, so that nothing is compared across prompts.
"""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop every answer that repeats an earlier draw's."""
    return Rule(_look, among=True)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    order, same = scored.integer("_order"), scored.integer("_same")
    rows = np.flatnonzero(still_in)
    rows = rows[np.lexsort((order[rows], same[rows]))]
    repeats = np.concatenate(([False], same[rows][1:] == same[rows][:-1])) if len(rows) else np.zeros(0, bool)
    first = rows[np.maximum.accumulate(np.where(repeats, 0, np.arange(len(rows))))] if len(rows) else rows
    mates = np.full(len(scored), -1)
    mates[rows[repeats]] = first[repeats]

    def why(row: int) -> tuple[str, str]:
        return "repeats another draw of its prompt", f"draw {scored.integer('_draw')[mates[row]]}"

    return Ruling(mates >= 0, np.zeros(len(scored), bool), why)
