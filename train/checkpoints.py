"""Checkpoints of a training under way: which one is whole, and how long it took to get there."""

import json
import shutil
from pathlib import Path

MARK = "whole.json"
"""Written into a checkpoint after everything else; a checkpoint without it was torn by a kill."""


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
