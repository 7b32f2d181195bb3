"""What a stage is: the folder it owns, the folders it reads, the part of the recipe it depends on, and its work."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..recipe import Recipe
from .run import Run


def _nothing(run: Run) -> None:
    """No preflight."""


def _no_files(run: Run) -> Sequence[Path]:
    return ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way of the data. Stages meet only in files."""

    command: str
    """What the user types, and the verb in messages."""
    writes: str
    """The folder below the run that it owns."""
    reads: tuple[str, ...]
    """Folders of earlier stages."""
    version: int
    """Raised when the same inputs and settings would give another result."""
    settings: Callable[[Recipe], Mapping[str, Any]]
    """The values of the recipe that its result depends on, as JSON."""
    work: Callable[[Run, Path], dict[str, Any]]
    """Fill the folder given and return the counts. The folder may hold what an interrupted run left."""
    files: Callable[[Run], Sequence[Path]] = field(default=_no_files)
    """Files of the user's that it reads."""
    extra: str = ""
    """The optional part of Potstill that it needs, and the packages by which to tell whether it is installed."""
    packages: tuple[str, ...] = ()
    preflight: Callable[[Run], None] = field(default=_nothing)
    """Raise BadInput for whatever can be known to be wrong before the first request."""
