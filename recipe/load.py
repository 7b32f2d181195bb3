"""A recipe from its YAML file: read, override, check; `explain.py` says what is wrong with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ..errors import BadRecipe
from .explain import explain
from .recipe import Recipe, run_name


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
        raise BadRecipe("\n".join(f"{path}: {line}" for line in explain(error, Recipe))) from None


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
