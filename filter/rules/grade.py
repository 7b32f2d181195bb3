"""The rule `grade`: an answer agrees with the reference of its prompt. Rejection sampling, where references are known.

With wrong answers rare or many draws it may buy nothing (OpenThoughts3, arXiv 2506.04178): look at what it changes.
"""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling, keep_all
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers that the recipe's grader finds wrong; with no grader given, let all pass."""
    return Rule(_look if section.grader else keep_all)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    grade = scored.number("grade")
    return Ruling(grade < 1, np.isnan(grade), lambda row: ("not what the reference says", scored.text("_grade", row)))
