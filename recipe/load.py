"""A recipe from its YAML file: read, override, check, and say plainly what is wrong."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from ..errors import BadRecipe
from .recipe import Recipe, run_name

_NOT_REPEATED = frozenset({"base_url", "api_key_env", "extra"})
"""Fields into which a secret may have been pasted."""

_SECRETS = ("key", "token", "secret", "password")


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML file, with `a.b=c` overrides applied; the name is the file's unless it has one.

    Raises:
        BadRecipe: the file is missing, is not YAML, or a value does not hold.
    """
    values = _read(path)
    for override in overrides:
        _override(values, override)
    if values.get("name") is None:
        values["name"] = run_name(path.stem)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise BadRecipe(_explain(path, error)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadRecipe(f"{path}: there is no such recipe; `potstill init` writes one") from None
    except OSError as error:
        raise BadRecipe(f"{path}: this cannot be read ({error.strerror}); give the recipe's file") from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadRecipe(f"{path}: this is not YAML: {_said_by_yaml(error)}") from None
    if not isinstance(values, dict):
        raise BadRecipe(f"{path}: a recipe is a mapping of sections (teacher, prompts, …); this file is not")
    return values


def _override(values: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    if not equals or not dotted:
        raise BadRecipe("--set: write it as section.field=value")
    *sections, last = dotted.split(".")
    for name in sections:
        if values.get(name) is None:
            values[name] = {}
        values = values[name]
        if not isinstance(values, dict):
            raise BadRecipe(f"--set {dotted}: {name} is a value in the recipe, not a section")
    try:
        values[last] = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise BadRecipe(f"--set {dotted}: the value is not YAML: {_said_by_yaml(error)}") from None


def _said_by_yaml(error: Exception) -> str:
    """What is wrong and where, without the line itself: a key may stand in it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {error.problem}"
    return str(error)


def _explain(path: Path, error: ValidationError) -> str:
    lines = [
        _explain_one(problem["loc"], problem["type"], problem["msg"], problem["input"]) for problem in error.errors()
    ]
    return "\n".join(f"{path}: {line}" for line in lines)


def _explain_one(where: tuple[int | str, ...], kind: str, message: str, given: Any) -> str:
    dotted = ".".join(str(part) for part in where)
    if kind == "extra_forbidden":
        if where[0] == "teacher" and any(word in str(where[-1]).lower() for word in _SECRETS):
            return f"unknown key {dotted!r}: the key stays in the environment; name its variable in api_key_env"
        known = _keys_at(where[:-1])
        near = difflib.get_close_matches(str(where[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {dotted!r}: {hint}"
    if kind == "missing":
        return f"{dotted!r} is missing: a recipe needs it"
    shown = "" if _NOT_REPEATED & set(where) else f" is {given!r}"
    return f"{dotted!r}{shown}: {message.removeprefix('Value error, ')}"


def _keys_at(where: tuple[int | str, ...]) -> list[str]:
    """The fields of the section that a location leads to."""
    section: type[BaseModel] = Recipe
    for name in where:
        if isinstance(name, str) and name in section.model_fields:
            section = section_in(section.model_fields[name].annotation) or section
    return list(section.model_fields)


def section_in(annotation: Any) -> type[BaseModel] | None:
    """The section inside `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := section_in(inner))), None)
