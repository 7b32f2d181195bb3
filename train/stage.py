"""The stage `train`: samples become a student."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..recipe import Recipe
from ..store.run import Run
from ..store.stage import Stage
from ..student.check import PACKAGES, check_student, model_files
from .earlier import take_over
from .settings import check_references, check_section


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    """All of `train` but how often it saves, which changes no result."""
    return recipe.train.model_dump(mode="json", exclude={"save_every"})


def _files(run: Run) -> Sequence[Path]:
    return model_files(run.recipe.train.student, run.home)


def _preflight(run: Run) -> None:
    check_references(run.recipe)
    check_section(run.recipe.train, check_student(run.recipe.train.student, run.home))


def _work(run: Run, folder: Path) -> dict[str, Any]:
    from .arms import train_arms

    if taken := take_over(run, folder, STAGE.version, _settings(run.recipe)):
        run.screen.line(f"trained before on the same rows and taken over: {', '.join(taken)}")
    return train_arms(run, folder)


STAGE = Stage(
    command="train",
    writes="student",
    reads=("samples",),
    extra="train",
    packages=PACKAGES,
    version=2,
    settings=_settings,
    work=_work,
    files=_files,
    preflight=_preflight,
)
