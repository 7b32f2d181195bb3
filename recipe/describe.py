"""The reference page, made from the fields: `python -m potstill.recipe.describe > docs/recipe.md`."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .explain import section_in
from .recipe import Recipe

HEAD = """# The recipe

Every field of the YAML file, from the models in `recipe/` (made by `python -m potstill.recipe.describe`; do not edit).
Any of them can be overridden with `--set section.field=value`. Unknown keys are errors.
"""


def reference() -> str:
    """The page, as Markdown."""
    return HEAD + "".join(_section(Recipe, ""))


def _section(section: type[BaseModel], path: str) -> Iterator[str]:
    yield f"\n## {f'`{path}`' if path else 'The file'}\n\n{_one_line(section.__doc__)}\n\n"
    yield "| field | type | default | meaning |\n|---|---|---|---|\n"
    below = []
    for name, field in section.model_fields.items():
        inner = section_in(field.annotation)
        if inner:
            below.append((inner, f"{path}.{name}" if path else name))
        yield f"| `{name}` | {_type(field, inner)} | {_default(field)} | {_one_line(field.description)} |\n"
    for inner, inner_path in below:
        yield from _section(inner, inner_path)


def _type(field: FieldInfo, inner: type[BaseModel] | None) -> str:
    if inner:
        return "section" if "tuple" not in str(field.annotation) else "list of sections"
    text = str(field.annotation) if "[" in str(field.annotation) or "|" in str(field.annotation) else ""
    text = text or getattr(field.annotation, "__name__", "")
    return "`" + text.replace("typing.", "").replace("|", "or") + "`"


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "needed"
    return "" if value is None or isinstance(value, BaseModel) or value == {} or value == () else f"`{value}`"


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference())
