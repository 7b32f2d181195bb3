"""What every section of a recipe is: frozen, strict about its keys, described by its docstrings."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A part of the recipe. The docstring below a field is its only description: help and reference come from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _empty_is_all_defaults(cls, values: Any) -> Any:
        """`generate:` with nothing below it is null in YAML and means a section without values."""
        if not isinstance(values, dict):
            return values
        return {name: {} if value is None and _is_section(cls, name) else value for name, value in values.items()}


def _is_section(section: type[BaseModel], name: str) -> bool:
    field = section.model_fields.get(name)
    return field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, Section)
