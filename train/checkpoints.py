"""What an interrupted training left: which checkpoint is whole, how long it took to get there, and whether it still counts."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SETTLED = "settled.json"
"""Beside the arms: the settings, the kind of device and the packages that all of them are trained with."""

MARK = "whole.json"
"""Written into a checkpoint after everything else; a checkpoint without it was torn by a kill."""


def clear_if_changed(folder: Path, arms: Iterable[str], settled: Mapping[str, Any]) -> list[str]:
    """Clear finished arms and checkpoints that were made another way, and return what is different now.

    Args:
        folder: the stage's.
        arms: the folders of the arms below it.
        settled: everything that the weights depend on beside rows and recipe, as JSON.
    """
    path = folder / SETTLED
    before = json.loads(path.read_bytes()) if path.is_file() else {}
    changed = [
        f"{name} {before.get(name)} → {settled.get(name)}"
        for name in sorted({*before, *settled})
        if before.get(name) != settled.get(name)
    ]
    if not changed:
        return []
    begun = [place for place in (*(folder / name for name in arms), *folder.glob("checkpoints/*")) if place.is_dir()]
    for place in begun:
        shutil.rmtree(place)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(settled, indent=2) + "\n", encoding="utf-8")
    temporary.rename(path)
    return (changed if before else ["no note of its settings"]) if begun else []


def mark_whole(checkpoint: Path, seconds: float) -> None:
    """Say that a checkpoint is complete, and how many seconds of training it holds."""
    temporary = checkpoint / (MARK + ".tmp")
    temporary.write_text(json.dumps({"seconds": seconds}), encoding="utf-8")
    temporary.rename(checkpoint / MARK)


def last_whole(folder: Path) -> Path | None:
    """The latest complete checkpoint; torn ones are removed on the way, so that they do not count as saved."""
    whole: dict[int, Path] = {}
    for checkpoint in folder.glob("checkpoint-*"):
        if (checkpoint / MARK).is_file():
            whole[int(checkpoint.name.rpartition("-")[2])] = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return whole[max(whole)] if whole else None


def seconds_in(checkpoint: Path | None) -> float:
    """Seconds of training that a checkpoint holds; none without one."""
    return float(json.loads((checkpoint / MARK).read_bytes())["seconds"]) if checkpoint else 0.0
