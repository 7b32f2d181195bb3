"""The grader `json`: the same JSON value, however it is spaced and its keys are ordered."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .judgement import Judgement, right, unparsable, wrong


class NotJsonError(ValueError):
    """A text that is not one JSON value; says why."""


def read_json(text: str, real: Callable[[str], Any] = float) -> Any:
    """The one JSON value that a text is.

    Args:
        text: JSON by RFC 8259: no NaN, no comments, no key twice in an object, nothing around it.
        real: what makes a number of its digits when it has a point or an exponent.

    Raises:
        NotJsonError: it is not, and why.
    """
    try:
        return json.loads(text, parse_float=real, parse_constant=_no_constant, object_pairs_hook=_unique)
    except NotJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise NotJsonError("it stands in a code fence" if text.lstrip().startswith("```") else str(error)) from None


def same_value(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; `true` is not 1, and 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    return one == other


def json_value(answer: str, reference: str) -> Judgement:
    """Right when both are the same JSON value; numbers are compared exactly, not as floats."""
    try:
        wanted = read_json(reference, Decimal)
    except NotJsonError as error:
        return unparsable(f"the reference is not JSON: {error}")
    try:
        given = read_json(answer, Decimal)
    except NotJsonError as error:
        return wrong(f"not JSON: {error}")
    try:
        return right() if same_value(given, wanted) else wrong("another JSON value")
    except RecursionError:
        return unparsable("nested too deep to compare")


def _no_constant(name: str) -> Any:
    raise NotJsonError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotJsonError("an object has a key twice")
    return value
