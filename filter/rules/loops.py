"""The rule `loops`: answers of which a fifth or more runs in a circle (what a circle is: filter/scores/loops.py)."""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling
from ..scored import Scored

MOST = 0.2
"""Of the five loops in 5,276 solutions of GSM8K by four models the one with the smallest share makes up 0.76 of its answer."""


def make(section: FilterSection) -> Rule:
    """Drop answers whose score `loop` is 0.2 or more; the detail is the longest circle."""
    return Rule(_look)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    share = scored.number("loop")
    return Ruling(share >= MOST, np.isnan(share), lambda row: ("runs in a circle", scored.text("_loop_seen", row)))
