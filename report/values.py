"""JSON that another stage wrote, and counts under names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ..errors import BrokenWorld


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file.

    Raises:
        BrokenWorld: the file is not there, or is not JSON.
    """
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BrokenWorld(f"{path} cannot be read ({error}); run the stage that wrote it again") from None


def tally(values: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Counts under names, most frequent first, then by name; noughts are left out."""
    found = [(name, many) for name, many in values.items() if many]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))
