"""The rule `length`: answers within the recipe's bounds, in characters without white space at the ends."""

import numpy as np

from ...errors import BadRecipe
from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers shorter than `min_chars` or longer than `max_chars`."""
    bounds = section.length
    if bounds.min_chars > bounds.max_chars:
        raise BadRecipe(f"'filter.length': min_chars {bounds.min_chars} is above max_chars {bounds.max_chars}")
    too_short, too_long = f"shorter than {bounds.min_chars} characters", f"longer than {bounds.max_chars} characters"

    def look(scored: Scored, still_in: Mask) -> Ruling:
        chars = scored.number("chars")
        short = chars < bounds.min_chars
        return Ruling(
            short | (chars > bounds.max_chars),
            np.isnan(chars),
            lambda row: (too_short if short[row] else too_long, f"{chars[row]:.0f}"),
        )

    return Rule(look)
