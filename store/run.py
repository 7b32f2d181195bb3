"""A run: one recipe, its folder, the ledger beside the recipe, and where words go."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..recipe import Recipe
from .manifest import Manifest
from .screen import Screen


@dataclass(frozen=True, slots=True)
class Run:
    """Everything a stage is given. Paths in the recipe are relative to `home`, the recipe's folder."""

    recipe: Recipe
    home: Path
    folder: Path
    """`runs/<recipe name>`."""
    screen: Screen
    retry_rejected: bool = False
    """Ask again what the teacher has rejected for good, because the user says that the cause is mended."""

    @property
    def ledger(self) -> Path:
        """The ledger of the project: beside the recipe, or where POTSTILL_LEDGER says."""
        named = os.environ.get("POTSTILL_LEDGER")
        return Path(named) if named else self.home / ".potstill" / "ledger.db"

    def path(self, text: str) -> Path:
        """A path of the recipe, seen from the recipe's folder."""
        return self.home / Path(text).expanduser()

    def count(self, stage: str, name: str) -> int:
        """One of the counts of a finished stage, 0 where there is none."""
        manifest = self.finished(stage)
        return manifest.counts.get(name, 0) if manifest else 0

    def finished(self, stage: str) -> Manifest | None:
        """The manifest of a stage that is done, None while it is not."""
        return Manifest.read(self.folder / stage)
