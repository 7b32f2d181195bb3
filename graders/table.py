"""All graders by their names in the recipe. To add one: a file beside this, a row here, a name in `recipe/eval.py`."""

from collections.abc import Callable, Mapping

from ..recipe import GraderSection
from .exact import exact
from .json_value import json_value
from .judgement import Grade, Grader, Judgement, no_reference
from .maths import maths
from .normalised import normalised
from .regex import compile_pattern, regex


def _regex(section: GraderSection) -> Grade:
    return regex(compile_pattern(section.pattern or "", "eval.grader.pattern"))


GRADERS: Mapping[str, Callable[[GraderSection], Grade]] = {
    "exact": lambda section: exact,
    "normalised": lambda section: normalised,
    "json": lambda section: json_value,
    "maths": lambda section: maths(),
    "regex": _regex,
}


def grader(section: GraderSection) -> Grader:
    """The grader that a recipe asks for, ready to judge; an answer without a reference is `no_reference`.

    Raises:
        BadRecipe: its pattern is not a regular expression.
    """
    grade = GRADERS[section.kind](section)

    def judge(answer: str, reference: str | None) -> Judgement:
        return no_reference() if reference is None else grade(answer, reference)

    return judge
