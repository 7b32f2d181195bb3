"""The rule `refusal`: answers that refuse although their status says `ok` (how it is seen: filter/scores/refusal.py)."""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling
from ..scored import Scored

LEAST = 0.5
"""Half the weight is left at 160 words: a longer answer has said something beside its refusal."""


def make(section: FilterSection) -> Rule:
    """Drop answers whose score `refusal` is 0.5 or more; the detail is how they begin."""
    return Rule(_look)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    refusal = scored.number("refusal")
    return Ruling(refusal >= LEAST, np.isnan(refusal), lambda row: ("refuses", scored.text("_refusal_seen", row)))
