"""Structured answers: the JSON schema or pydantic model of a recipe, as a field of the request and as a test of answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ..errors import BadRecipe
from ..prompts.templates import fill_turn
from ..recipe import GenerateSection
from ..store.own_code import load_named, split_name
from ..teacher.whole import Form, Misfit
from .json_value import NotJsonError, read_json
from .shape import LONGEST_REASON, read_schema, schema_test
from .strict import why_not_strict

WHERE = "generate.json_schema"
NAME = "answer"
"""What the schema is called in a request. Never the file's name: to rename a file must not change a key."""


def form_of(section: GenerateSection, home: Path) -> Form | None:
    """The form that the recipe wants of every answer, None where it names no schema.

    Args:
        section: how the recipe asks.
        home: the recipe's folder; paths are relative to it.

    Raises:
        BadRecipe: a file that cannot be read, a schema that is none, a class that is no pydantic model.
    """
    given = section.json_schema
    if given is None:
        return None
    if isinstance(given, str) and (named := split_name(given, home)):
        model = _load_model(*named)
        schema, misfit = _schema_of(model), _model_test(model)
    else:
        schema = read_schema(_path(home, given), WHERE) if isinstance(given, str) else given
        misfit = schema_test(schema, WHERE)
    spelled = _spelled(schema)
    return Form(
        misfit=misfit,
        complain=lambda problem: fill_turn("repair_json", {"problem": problem, "schema": spelled}),
        options=_options(section, schema),
    )


def why_a_hint(section: GenerateSection, home: Path) -> str | None:
    """Why OpenAI takes the recipe's schema as a hint alone; None where it holds answers to it, or is told of none."""
    form = form_of(section, home)
    told = form.options.get("response_format", {}).get("json_schema") if form else None
    return why_not_strict(told["schema"]) if told else None


def schema_files(section: GenerateSection, home: Path) -> list[Path]:
    """The user's own file behind the recipe's schema; none where it stands in the recipe."""
    given = section.json_schema
    if not isinstance(given, str):
        return []
    named = split_name(given, home)
    return [named[0] if named else _path(home, given)]


def _options(section: GenerateSection, schema: Any) -> Mapping[str, Any]:
    match section.schema_mode:
        case "json_schema":
            # Told to be strict, OpenAI refuses a schema outside of its subset; told not to be, it takes any as a hint.
            told = {"name": NAME, "schema": schema, "strict": why_not_strict(schema) is None}
            return {"response_format": {"type": "json_schema", "json_schema": told}}
        case "json_object":
            return {"response_format": {"type": "json_object"}}
        case "none":
            return {}


def _path(home: Path, given: str) -> Path:
    return home / Path(given).expanduser()


def _spelled(schema: Any) -> str:
    import orjson

    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()


def _load_model(path: Path, name: str) -> type[BaseModel]:
    """A class of the user's file."""
    found = load_named(path, name, WHERE)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise BadRecipe(f"'{WHERE}' is {path}:{name}: the file has no pydantic model of that name")
    return found


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    try:
        return model.model_json_schema()
    except Exception as error:  # noqa: BLE001 - pydantic's own errors and those of the user's hooks
        raise BadRecipe(f"'{WHERE}': {model.__name__} has no JSON schema: {error}") from None


def _model_test(model: type[BaseModel]) -> Misfit:
    def misfit(text: str) -> str | None:
        try:
            read_json(text)  # pydantic lets a key twice and NaN pass
            # Strict: an answer with "3" for 3 would be trained as it stands.
            model.model_validate_json(text, strict=True)
        except NotJsonError as error:
            return f"not JSON: {error}"
        except ValidationError as error:
            return "; ".join(_place(found["loc"]) + found["msg"] for found in error.errors())[:LONGEST_REASON]
        except Exception as error:  # noqa: BLE001 - validators are programs of the user's
            raise BadRecipe(f"'{WHERE}': a validator of {model.__name__} fails: {error!r}") from None
        return None

    return misfit


def _place(where: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).join(("$", ": "))
