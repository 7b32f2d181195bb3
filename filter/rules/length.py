"""The rule `length`: answers within the recipe's bounds, in characters without white space at the ends."""

from pathlib import Path

from ...errors import BadRecipe
from ...recipe import FilterSection
from ...store.rows import Sample
from ..rule import KEEP, Rule, Ruling, row_by_row


def make(section: FilterSection, home: Path) -> Rule:
    """Drop answers shorter than `min_chars` or longer than `max_chars`."""
    bounds = section.length
    if bounds.min_chars > bounds.max_chars:
        raise BadRecipe(f"'filter.length': min_chars {bounds.min_chars} is above max_chars {bounds.max_chars}")

    def look(sample: Sample) -> Ruling:
        length = len(sample.completion.text.strip())
        if length < bounds.min_chars:
            return Ruling(f"shorter than {bounds.min_chars} characters", f"{length}")
        return Ruling(f"longer than {bounds.max_chars} characters", f"{length}") if length > bounds.max_chars else KEEP

    return row_by_row(look)
