"""A stage's manifest: what it read, what it was told, what it wrote, and what that took."""

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE_NAME = "manifest.json"
NOT_COMPUTED = "not_computed"
"""Among the counts: how many things a stage could not compute here. It is not done, and looks again at every run."""


class Manifest(BaseModel):
    """What `manifest.json` holds."""

    model_config = ConfigDict(frozen=True)

    stage: str
    fingerprint: str
    """Hash of stage, stage version, inputs and settings: while it is the same there is nothing to do."""
    stage_version: int
    potstill: str = Field(default_factory=lambda: version("potstill"))
    recipe: str
    """Digest of the whole recipe that asked for it."""
    inputs: dict[str, str]
    """Digest of each folder and file that was read."""
    settings: dict[str, Any]
    """The recipe's values that this stage depends on."""
    outputs: dict[str, str] = Field(default_factory=dict)
    """Digest of each file that was written."""
    counts: dict[str, Any] = Field(default_factory=dict)
    """What the stage counted: rows, requests, dollars, reasons."""
    seconds: float = 0.0
    finished: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def write(self, folder: Path) -> None:
        """Write it durably into a folder."""
        temporary = folder / (FILE_NAME + ".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / FILE_NAME)

    @classmethod
    def read(cls, folder: Path) -> "Manifest | None":
        """The manifest of a finished stage, None where there is none that can be read: the stage is done again then."""
        try:
            return cls.model_validate_json((folder / FILE_NAME).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def digest(self) -> str:
        """One digest over everything that the stage wrote."""
        return digest_of(self.outputs)


def digest_of(value: Mapping[str, Any]) -> str:
    """Sixteen hex digits over a JSON value, the order of keys apart."""
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def digest_of_file(path: Path) -> str:
    """Sixteen hex digits over a file's bytes, or over all files of a folder with their names."""
    if path.is_dir():
        return digest_of(digests_below(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def digests_below(folder: Path) -> dict[str, str]:
    """The digest of each file below a folder, manifests and temporary files apart."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): digest_of_file(path)
        for path in files
        if path.name != FILE_NAME and path.suffix != ".tmp" and "checkpoints" not in path.relative_to(folder).parts
    }
