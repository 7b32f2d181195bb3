"""What a rule is: it looks at the answers of one prompt that are still in, and says of each whether it stays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..recipe import FilterSection
from ..store.rows import Sample


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule says of one row: drop it for a reason, or keep it, perhaps without having been able to tell."""

    reason: str = ""
    """Why it is dropped; empty to keep it. Short and the same for like rows: the funnel counts by it."""
    detail: str = ""
    """What was seen in this very row; kept with it, not counted by."""
    unscored: bool = False
    """The score that the rule reads is not there: the row is kept and counted."""


KEEP = Ruling()
UNSCORED = Ruling(unscored=True)

Rule: TypeAlias = Callable[[Sequence[Sample]], list[Ruling]]
"""The answers of one prompt that are still in → a ruling for each."""

MakeRule: TypeAlias = Callable[[FilterSection, Path], Rule]
"""The recipe's section and its folder → the rule. Raises BadRecipe when its settings do not hold."""


def row_by_row(look: Callable[[Sample], Ruling]) -> Rule:
    """A rule that judges each row alone."""

    def rule(group: Sequence[Sample]) -> list[Ruling]:
        return [look(sample) for sample in group]

    return rule
