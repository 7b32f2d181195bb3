"""The rule `format`: an answer has one of the shapes that the recipe names.

This is what cures a bad habit of the teacher: one that a check can see and a vote would only amplify.
"""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling, keep_all
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers that have none of the shapes; with no shapes given, let all pass."""
    return Rule(_look if section.format else keep_all)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    shape = scored.number("shape")
    return Ruling(shape == 0, np.isnan(shape), lambda row: ("has none of the shapes", scored.text("_misfit", row)))
