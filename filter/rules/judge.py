"""The rule `judge`: a judge grades an answer high enough. What it gives no verdict on is kept and counted, never called bad."""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling, keep_all
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers that are graded below `at_least`; with no judge given, let all pass."""
    judge = section.judge
    if judge is None:
        return Rule(keep_all)
    reason = f"graded below {judge.at_least:g}"

    def look(scored: Scored, still_in: Mask) -> Ruling:
        grade = scored.number("judge")
        return Ruling(grade < judge.at_least, np.isnan(grade), lambda row: (reason, f"{grade[row]:g}"))

    return Rule(look)
