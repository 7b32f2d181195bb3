"""All graders by their names in the recipe. To add one: a file beside this, a row here, a name in `recipe/eval.py`."""

from collections.abc import Callable, Mapping

from ..recipe import GraderSection
from .constraints import constraints
from .exact import exact
from .json_value import json_value
from .judgement import Grade, Grader, Judgement, no_reference
from .maths import maths
from .normalised import normalised
from .regex import compile_pattern, regex


def _regex(section: GraderSection, where: str) -> Grade:
    return regex(compile_pattern(section.pattern or "", f"{where}.pattern"))


GRADERS: Mapping[str, Callable[[GraderSection, str], Grade]] = {
    "exact": lambda section, where: exact,
    "normalised": lambda section, where: normalised,
    "json": lambda section, where: json_value,
    "maths": lambda section, where: maths(),
    "regex": _regex,
    "constraints": lambda section, where: constraints,
}


def grader(section: GraderSection, where: str = "eval.grader") -> Grader:
    """The grader that a recipe asks for, ready to judge; an answer without a reference is `no_reference`.

    Args:
        section: which one, with its settings.
        where: the section's name in the recipe, for errors.

    Raises:
        BadRecipe: its pattern is not a regular expression.
    """
    grade = GRADERS[section.kind](section, where)

    def judge(answer: str, reference: str | None) -> Judgement:
        return no_reference() if reference is None else grade(answer, reference)

    return judge
