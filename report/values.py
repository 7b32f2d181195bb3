"""Careful reading of JSON that another stage wrote: a value that is missing or of another kind is None, never an error."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from ..errors import BrokenWorld


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file; empty where there is no file.

    Raises:
        BrokenWorld: the file is there and is not JSON.
    """
    if not path.exists():
        return {}
    try:
        return inner(orjson.loads(path.read_bytes()))
    except orjson.JSONDecodeError as error:
        raise BrokenWorld(f"{path}: this is not JSON ({error}); run the stage that wrote it again") from None


def inner(value: Any, *names: str) -> Mapping[str, Any]:
    """The object under a path of names; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def number(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def numbers(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, float]:
    """Those of the named values that are numbers, in the order of the names."""
    found = {name: number(values.get(name)) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def text(value: Any) -> str:
    """A text; empty for anything else."""
    return value if isinstance(value, str) else ""


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list | tuple) else ()


def tally(values: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Counts under names, most frequent first, then by name; noughts are left out."""
    found = [(name, int(many)) for name in values if (many := number(values[name]))]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))
