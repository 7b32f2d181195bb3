"""What is wrong with values, in our words: each problem that pydantic found, with its place and a way out."""

import difflib
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_NOT_REPEATED = frozenset({"base_url", "replicas", "api_key_env", "extra"})
"""Fields into which a secret may have been pasted."""

_SECRETS = ("key", "token", "secret", "password")

_WORDS: Mapping[str, str] = {
    "int_type": "a whole number is wanted",
    "int_parsing": "a whole number is wanted",
    "int_parsing_size": "a smaller number is wanted",
    "int_from_float": "a whole number is wanted",
    "float_type": "a number is wanted",
    "float_parsing": "a number is wanted",
    "finite_number": "a finite number is wanted",
    "bool_type": "true or false is wanted",
    "bool_parsing": "true or false is wanted",
    "string_type": "a text is wanted; quotes make one of a number, a date, yes or no",
    "string_pattern_mismatch": "a text of the form {pattern} is wanted",
    "literal_error": "{expected} is wanted",
    "dict_type": "a mapping is wanted, `name: value`",
    "tuple_type": "a list is wanted, `[one, another]`",
    "invalid_key": "a key is a text; quotes make one of a number, a date, yes or no",
    "greater_than": "a number above {gt:.16g} is wanted",
    "greater_than_equal": "{ge:.16g} or more is wanted",
    "less_than": "a number below {lt:.16g} is wanted",
    "less_than_equal": "{le:.16g} or less is wanted",
}
"""Ours for pydantic's own, by kind; `value_error` has the words of our own validators."""


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """One line for each place in `model` where a value does not hold."""
    for where, problems in groupby(error.errors(), key=lambda problem: _place(problem["loc"])):
        first, *others = problems
        told = "; or ".join(dict.fromkeys(_words(one) for one in (first, *others)))
        yield _explain_one(where, first, told, model)


def _explain_one(where: tuple[int | str, ...], problem: ErrorDetails, told: str, model: type[BaseModel]) -> str:
    dotted = ".".join(map(str, where))
    if problem["type"] == "extra_forbidden":
        if where[0] == "teacher" and any(word in str(where[-1]).lower() for word in _SECRETS):
            return f"unknown key {dotted!r}: the key stays in the environment; name its variable in api_key_env"
        known = _keys_at(where[:-1], model)
        near = difflib.get_close_matches(str(where[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {dotted!r}: {hint}"
    if problem["type"] == "missing":
        return f"{dotted!r} is missing: it has no default"
    if problem["type"] == "model_type":
        told = f"a section is wanted here, with keys of its own: {', '.join(_keys_at(where, model))}"
        return f"{dotted!r}: {told}" if dotted else told
    shown = "" if _NOT_REPEATED & set(where) else f" is {problem['input']!r}"
    return f"{dotted!r}{shown}: {told}"


def _words(problem: ErrorDetails) -> str:
    words = _WORDS.get(problem["type"])
    return words.format(**problem.get("ctx", {})) if words else problem["msg"].removeprefix("Value error, ")


def _place(where: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A location without the name that pydantic gives to each type that a value may have, `str` and `dict[str,any]`."""
    return where[:-1] if len(where) > 1 and (where[-1] == "str" or str(where[-1]).startswith("dict[")) else where


def _keys_at(where: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The fields of the section that a location leads to."""
    for name in where:
        if isinstance(name, str) and name in model.model_fields:
            model = section_in(model.model_fields[name].annotation) or model
    return list(model.model_fields)


def section_in(annotation: Any) -> type[BaseModel] | None:
    """The section inside `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := section_in(inner))), None)
