"""Arms that a finished training has left and that would come out the same: other seeds or controls beside them change none."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..store.manifest import Manifest, digests_below
from ..store.run import Run
from .checkpoints import SETTLED
from .names import BASE, folder_of, wanted_arms

MAY_DIFFER = frozenset({"seeds", "controls"})


def take_over(run: Run, folder: Path, version: int, settings: Mapping[str, Any]) -> list[str]:
    """Copy the arms that this recipe wants out of the training that stands in `student/`, and return their names.

    Whether they were trained with the values and packages that hold now is told by the copied `settled.json`, as for an
    interrupted training. A student from a local folder is not taken over: what its large files hold is not known.

    Args:
        run: of this recipe.
        folder: where the stage works.
        version: the stage's.
        settings: the values of the recipe that the stage depends on.
    """
    there, done = run.folder / "student", run.finished("student")
    if done is None or (folder / SETTLED).exists() or not _alike(run, done, version, settings):
        return []
    arms = [name for name in wanted_arms(run.recipe.train) if _intact(there, folder_of(name), done)]
    if not arms or not _intact(there, BASE, done):
        return []
    for name in (BASE, *map(folder_of, arms)):
        if not (folder / name).exists():
            unfinished = folder / "checkpoints" / f"{name}-taken-over"
            shutil.copytree(there / name, unfinished, dirs_exist_ok=True)
            unfinished.rename(folder / name)
    # Last: without it a copying that was interrupted goes on.
    shutil.copyfile(there / SETTLED, folder / (SETTLED + ".tmp"))
    (folder / (SETTLED + ".tmp")).rename(folder / SETTLED)
    return arms


def _alike(run: Run, done: Manifest, version: int, settings: Mapping[str, Any]) -> bool:
    """Whether it was trained on these samples and nothing else that may change, by this version, with these settings."""
    samples = run.finished("samples")
    same_rows = samples is not None and done.inputs == {"samples": samples.digest()}
    return same_rows and done.stage_version == version and _fixed(done.settings) == _fixed(settings)


def _fixed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in MAY_DIFFER}


def _intact(there: Path, name: str, done: Manifest) -> bool:
    """Whether a folder holds what the training wrote into it, byte for byte."""
    written = {path: digest for path, digest in done.outputs.items() if path.startswith(f"{name}/")}
    found = {f"{name}/{path}": digest for path, digest in digests_below(there / name).items()}
    return bool(written) and found == written
