"""How big a student is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def parameters(model: PreTrainedModel) -> int:
    """Weights of a model; tied ones count once."""
    return sum(weight.numel() for weight in model.parameters())


def bytes_on_disk(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
