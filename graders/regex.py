"""The grader `regex`: the same thing taken out of answer and reference, such as the number after `####`."""

import re

from ..errors import BadRecipe
from .judgement import Grade, Judgement, right, unparsable, wrong


def compile_pattern(pattern: str, where: str) -> re.Pattern[str]:
    """The pattern, compiled.

    Raises:
        BadRecipe: it is not a regular expression; `where` names the recipe's field.
    """
    try:
        return re.compile(pattern)
    except (re.error, RecursionError) as error:
        raise BadRecipe(f"{where}: {pattern!r} is not a regular expression: {error}") from None


def last_group(pattern: re.Pattern[str], text: str) -> str | None:
    """The first group of the last match, the whole match when the pattern has no group, None without a match."""
    matches = list(pattern.finditer(text))
    if not matches:
        return None
    return (matches[-1].group(1) or "") if pattern.groups else matches[-1].group()


def regex(pattern: re.Pattern[str]) -> Grade:
    """A grader that is right when `last_group` of both is the same text."""

    def grade(answer: str, reference: str) -> Judgement:
        wanted = last_group(pattern, reference)
        if wanted is None:
            return unparsable(f"the reference does not match {pattern.pattern!r}")
        given = last_group(pattern, answer)
        if given is None:
            return wrong(f"nothing in it matches {pattern.pattern!r}")
        return right() if given == wanted else wrong(f"{given!r} where {wanted!r} was expected")

    return grade
