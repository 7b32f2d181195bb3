"""What every section of a recipe is: frozen, strict about its keys, described by its docstrings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the recipe. The docstring below a field is its only description: help and reference come from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())
