"""Whether a text has one of the shapes that a recipe allows: a regular expression or a JSON schema."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BadRecipe
from ..recipe import Shape
from ..teacher.whole import Misfit
from .json_value import NotJsonError, read_json
from .regex import compile_pattern

LONGEST_REASON = 200


def compile_shapes(shapes: Sequence[Shape], home: Path) -> Misfit:
    """A function that says why a text has none of the shapes, or None when it has one; without shapes all texts fit.

    Args:
        shapes: what an answer may look like, each a regular expression for the whole text or a JSON schema.
        home: the recipe's folder; a schema's path is relative to it.

    Raises:
        BadRecipe: a pattern or a schema that is none; a file that cannot be read.
    """
    tests = [_compile(shape, home, f"filter.format.{number}") for number, shape in enumerate(shapes)]

    def misfit(text: str) -> str | None:
        reasons = []
        for test in tests:
            reason = test(text)
            if reason is None:
                return None
            reasons.append(reason)
        return "; ".join(reasons) or None

    return misfit


def _compile(shape: Shape, home: Path, where: str) -> Misfit:
    if shape.regex is not None:
        return _regex_test(shape.regex, f"{where}.regex")
    schema = shape.json_schema
    if isinstance(schema, str):
        schema = read_schema(home / Path(schema).expanduser(), f"{where}.json_schema")
    return schema_test(schema, f"{where}.json_schema")


def _regex_test(regex: str, where: str) -> Misfit:
    pattern = compile_pattern(regex, where)
    return lambda text: None if pattern.fullmatch(text) else f"does not match {regex!r}"


def read_schema(path: Path, where: str) -> Any:
    """The JSON of a file.

    Raises:
        BadRecipe: it cannot be read; the message begins with `where`, the field of the recipe.
    """
    try:
        return read_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{where}: {path} cannot be read: {error}") from None
    except NotJsonError as error:
        raise BadRecipe(f"{where}: {path} is not JSON: {error}") from None


def schema_test(schema: Any, where: str) -> Misfit:
    """A function that says why a text is no JSON that a schema takes, None when it is.

    Raises:
        BadRecipe: the schema is none; the message begins with `where`, the field of the recipe.
    """
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise BadRecipe(f"{where}: this is not a JSON schema: {error.message}, at {error.json_path}") from None
    # An empty registry: a schema never makes us fetch another one from the network.
    validator = kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)

    def misfit(text: str) -> str | None:
        try:
            value = read_json(text)
        except NotJsonError as error:
            return f"not JSON: {error}"
        try:
            worst = best_match(validator.iter_errors(value))
        except Unresolvable as error:
            raise BadRecipe(f"{where}: the schema refers to {error.ref!r}, which is not in it") from None
        return None if worst is None else f"{worst.json_path}: {worst.message}"[:LONGEST_REASON]

    return misfit
