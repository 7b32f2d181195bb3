"""Where a task of lm-eval is declared, and the files that shape it; found without importing lm-eval, which takes seconds.

lm-eval's own index reads some 14,000 YAML files as YAML, for most of a minute. The line that names a task is found without.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from glob import glob
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from ..errors import BadRecipe, MissingExtra
from ..recipe import TaskSection

_NAMED = re.compile(rb"""^["']?(task|group)["']?[ \t]*:[ \t]*["']?([^"'\s#\[{-][^"'\s#]*)""", re.MULTILINE)
_LOCAL = ("data_files", "data_dir")
"""Of a task's `dataset_kwargs`: what may be a path on this machine."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A task's declaration."""

    path: Path
    config: Mapping[str, Any]
    """Its YAML and what that includes, functions left out."""
    files: tuple[Path, ...]
    """The YAML files that it was read from."""
    dataset: Mapping[str, Any]
    """`dataset_kwargs` with the paths in it made absolute where there is such a file beside the task."""


def whereof(section: TaskSection) -> str:
    """How an error calls the task."""
    return f"the task {section.name!r} of eval.tasks (lm_eval: {section.lm_eval})"


def declared(section: TaskSection, home: Path) -> Declared:
    """The declaration that a recipe means: in the folder `include`, else among lm-eval's own.

    Raises:
        BadRecipe: there is no such folder, or no such task in it and in lm-eval.
        MissingExtra: lm-eval is not installed.
    """
    own, names = _included(section, home), dict[tuple[str, str], Path]()
    for folder in [*([own] if own else []), _tasks_of_lm_eval()]:
        named = _named_in(folder)
        if (path := named.get(("task", section.lm_eval or ""))) is not None:
            return _read(section, path, [path.parent, *([own] if own else [])])
        names |= named
    raise BadRecipe(f"{whereof(section)}: {_unknown(section.lm_eval or '', names)}")


def harness_files(section: TaskSection, home: Path) -> list[Path]:
    """Files of the user's that shape a task: its YAML and what that includes, the functions beside it, its data.

    None for a task of lm-eval's own; none where the declaration cannot be read, which `declared` explains.
    """
    own = home / Path(section.include).expanduser() if section.include else None
    path = _named_in(own).get(("task", section.lm_eval or "")) if own and own.is_dir() else None
    if path is None or own is None:
        return []
    try:
        found = _read(section, path, [path.parent, own])
    except BadRecipe:
        return []
    data = [Path(name) for pattern in _texts(found.dataset) for name in glob(pattern, recursive=True)]
    return sorted({*found.files, *path.parent.glob("*.py"), *(name for name in data if name.is_file())})


def _included(section: TaskSection, home: Path) -> Path | None:
    if section.include is None:
        return None
    folder = home / Path(section.include).expanduser()
    if not folder.is_dir():
        raise BadRecipe(f"{whereof(section)}: include is {section.include!r}, and there is no folder {folder}")
    return folder


def _tasks_of_lm_eval() -> Path:
    spec = find_spec("lm_eval")
    if spec is None or spec.origin is None:
        raise MissingExtra("eval", "a task of lm-eval")
    return Path(spec.origin).parent / "tasks"


def _named_in(folder: Path) -> dict[tuple[str, str], Path]:
    """The file of each (kind, name); of several the first, as lm-eval takes it."""
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.glob("**/*.yaml"), key=Path.as_posix):
        for kind, name in _NAMED.findall(path.read_bytes()):
            found.setdefault((kind.decode(errors="replace"), name.decode(errors="replace")), path)
    return found


def _unknown(name: str, names: Mapping[tuple[str, str], Path]) -> str:
    if ("group", name) in names:
        return "it is a group of tasks; give each of its tasks an entry of its own"
    near = get_close_matches(name, [one for kind, one in names if kind == "task"], n=3)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return f"there is no such task; {meant}`include` is the folder of a task file of yours (*.yaml)"


def _read(section: TaskSection, path: Path, bases: Sequence[Path]) -> Declared:
    try:
        config, files = _merged(path, ())
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise BadRecipe(f"{whereof(section)}: {path} cannot be read: {error}") from None
    kwargs = config.get("dataset_kwargs")
    dataset = dict(kwargs) if isinstance(kwargs, Mapping) else {}
    dataset |= {key: _absolute(dataset[key], bases) for key in _LOCAL if key in dataset}
    return Declared(path, config, files, dataset)


class _Plain(yaml.SafeLoader):
    """YAML with lm-eval's `!function` in it, which is read as nothing."""


_Plain.add_multi_constructor("!", lambda loader, suffix, node: None)


def _merged(path: Path, above: tuple[Path, ...]) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """A file over those that it includes, and all of these files."""
    if path in above:
        raise ValueError(f"{path} includes itself")
    # Not `safe_load`, which knows no `!function`; the loader is a safe one.
    config = yaml.load(path.read_bytes(), _Plain)  # noqa: S506
    if not isinstance(config, dict):
        raise ValueError(f"{path} is not a mapping")
    includes = config.pop("include", [])
    merged, files = dict[str, Any](), (path,)
    for name in includes if isinstance(includes, list) else [includes]:
        under, more = _merged((path.parent / str(name)).resolve(), (*above, path))
        merged, files = merged | under, files + more
    return merged | config, files


def _absolute(value: Any, bases: Sequence[Path]) -> Any:
    """The same paths, seen from the first folder that has them; those that none has stay."""
    if isinstance(value, Mapping):
        return {key: _absolute(one, bases) for key, one in value.items()}
    if isinstance(value, list):
        return [_absolute(one, bases) for one in value]
    if not isinstance(value, str) or "://" in value:
        return value
    seen = (str(base.resolve() / value) for base in bases)
    return next((path for path in seen if glob(path, recursive=True)), value)


def _texts(value: Any) -> list[str]:
    """The local patterns under a task's `dataset_kwargs`."""
    if isinstance(value, Mapping):
        return [text for key, one in value.items() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) and Path(value).is_absolute() else []
