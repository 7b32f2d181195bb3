"""The rule `language`: answers are in one of the languages that the recipe expects."""

import numpy as np
import pyarrow as pa

from ...recipe import FilterSection
from ...texts.arrow import pc
from ..rule import Mask, Rule, Ruling, keep_all
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers of which the detector is sure that they are in another language; with none expected, let all pass."""
    expected, sure = section.language.expect, section.language.sure
    if not expected:
        return Rule(keep_all)

    def look(scored: Scored, still_in: Mask) -> Ruling:
        language = scored.column("language", pa.string())
        chance = scored.number("language_sure")
        other = ~np.asarray(pc.fill_null(pc.is_in(language, value_set=pa.array(expected)), True))
        reason = f"not in {' or '.join(expected)}"
        dropped = other & (chance >= sure)
        return Ruling(
            dropped, np.isnan(chance), lambda row: (reason, f"{scored.text('language', row)} {chance[row]:.2f}")
        )

    return Rule(look)
