"""The rule `agreement`: an answer stays if enough draws of its prompt say the same.

Self-consistency (Wang et al. 2022, arXiv 2203.11171) as a filter. It removes errors that differ from draw to draw; errors
that the teacher repeats pass, and a habit that it has in most draws is made stronger.
"""

from collections.abc import Sequence
from pathlib import Path

from ...recipe import FilterSection
from ...store.rows import Sample
from ..rule import KEEP, UNSCORED, Rule, Ruling


def make(section: FilterSection, home: Path) -> Rule:
    """Drop answers whose score `agreement` is below `at_least`; prompts with too few draws are left unjudged."""
    at_least = section.agreement.at_least

    def rule(group: Sequence[Sample]) -> list[Ruling]:
        return [_ruling(sample.scores.get("agreement"), sample.scores.get("draws"), at_least) for sample in group]

    return rule


def _ruling(agreeing: float | None, draws: float | None, at_least: int) -> Ruling:
    if agreeing is None or draws is None or draws < at_least:
        return UNSCORED
    return KEEP if agreeing >= at_least else Ruling(f"said by fewer than {at_least} draws")
