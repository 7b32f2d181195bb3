"""Functions and classes of the user's own files, named in a recipe as `path/to/file.py:name`."""

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from ..errors import BadRecipe

_NAMED = re.compile(r"(.+\.py):(\w+)")


def split_name(given: str, home: Path) -> tuple[Path, str] | None:
    """The file and the name in `path/to/file.py:name`, the path seen from `home`; None for any other text."""
    named = _NAMED.fullmatch(given)
    return (home / Path(named[1]).expanduser(), named[2]) if named else None


def load_named(path: Path, name: str, where: str) -> Any:
    """What a file calls by a name, None if it has no such name.

    Raises:
        BadRecipe: there is no such file, or it cannot be imported; the message begins with `where`, the field of the recipe.
    """
    module = f"potstill_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(module, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise BadRecipe(f"'{where}' is {path}:{name}: there is no file {path}")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded  # where pydantic looks up the names in annotations
    try:
        spec.loader.exec_module(loaded)
    except Exception as error:  # noqa: BLE001 - the file is a program of the user's, and can fail like any
        raise BadRecipe(f"'{where}': {path} cannot be imported: {type(error).__name__}: {error}") from None
    return getattr(loaded, name, None)
