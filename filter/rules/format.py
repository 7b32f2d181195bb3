"""The rule `format`: an answer has one of the shapes that the recipe names.

This is what cures a bad habit of the teacher: one that a check can see and a vote would only amplify.
"""

from pathlib import Path

from ...graders.shape import compile_shapes
from ...recipe import FilterSection
from ...store.rows import Sample
from ..rule import KEEP, Rule, Ruling, row_by_row


def make(section: FilterSection, home: Path) -> Rule:
    """Drop answers that have none of the shapes; with no shapes given, let all pass."""
    if not section.format:
        return row_by_row(lambda sample: KEEP)
    misfit = compile_shapes(section.format, home)

    def look(sample: Sample) -> Ruling:
        seen = misfit(sample.completion.text.strip())
        return KEEP if seen is None else Ruling("has none of the shapes", seen)

    return row_by_row(look)
