"""Whether a JSON schema is one that endpoints keep to by a grammar when they are told `strict`.

OpenAI and those that follow it refuse such a request if the schema goes beyond their subset: every object closed, every
property required, and only some of the keywords (https://platform.openai.com/docs/guides/structured-outputs).
"""

from typing import Any

KEYWORDS = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "definitions",
        "description",
        "enum",
        "items",
        "properties",
    }
    | {"required", "title", "type", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"multipleOf", "minItems", "maxItems", "$schema"}
)
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})


def why_not_strict(schema: Any) -> str | None:
    """The first thing in a schema that strict endpoints do not take, and where; None where they take it."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return "$: the whole answer must be an object"
    return _why_not(schema, "$")


def _why_not(schema: Any, where: str) -> str | None:
    if not isinstance(schema, dict):
        return f"{where}: {schema!r} says nothing of the form"
    if strange := sorted(schema.keys() - KEYWORDS):
        return f"{where}: '{strange[0]}' is not taken"
    if "$ref" in schema and len(schema) > 1:
        return f"{where}: '$ref' must stand alone"
    if schema.get("format", "date") not in FORMATS:
        return f"{where}: the format '{schema['format']}' is not taken"
    if _is_object(schema) and (problem := _not_closed(schema)):
        return f"{where}: {problem}"
    parts = [(f"{where}.{name}", part) for group in _GROUPS for name, part in schema.get(group, {}).items()]
    parts += [(f"{where}.anyOf[{index}]", part) for index, part in enumerate(schema.get("anyOf", ()))]
    parts += [(f"{where}[]", schema["items"])] if "items" in schema else []
    return next((problem for place, part in parts if (problem := _why_not(part, place))), None)


_GROUPS = ("properties", "$defs", "definitions")
"""Keywords under which a schema names others."""


def _is_object(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", ())
    return "properties" in schema or "object" in ([kinds] if isinstance(kinds, str) else kinds)


def _not_closed(schema: dict[str, Any]) -> str | None:
    if schema.get("additionalProperties") is not False:
        return "the object is not closed ('additionalProperties': false; for a pydantic model extra=\"forbid\")"
    optional = sorted(schema.get("properties", {}).keys() - set(schema.get("required", ())))
    return f"'{optional[0]}' is not required (for a pydantic model: it has a default)" if optional else None
