"""The stage `train`: samples become a student."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..recipe import Recipe
from ..store.run import Run
from ..store.stage import Stage
from ..student.check import PACKAGES, check_student, kind_of, local_folder
from .settings import check_section


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    """All of `train` but how often it saves, which changes no result."""
    return recipe.train.model_dump(mode="json", exclude={"save_every"})


SMALL = 32 * 2**20
"""Bytes up to which a file of a local student is read at every command that asks whether something changed."""


def _files(run: Run) -> Sequence[Path]:
    """Config, tokenizer, template, index: the files of a local student below 32 MB.

    Larger ones are weights, and reading them would make `status` slow. Weights that are saved anew over the old ones
    without any other change are not noticed: a new student wants a new folder.
    """
    spec = run.recipe.train.student
    if kind_of(spec, run.home) != "local":
        return []
    folder = local_folder(spec, run.home)
    found = sorted([*folder.iterdir(), *folder.glob("additional_chat_templates/*")])
    return [path for path in found if path.is_file() and path.stat().st_size < SMALL]


def _preflight(run: Run) -> None:
    check_section(run.recipe.train, check_student(run.recipe.train.student, run.home))


def _work(run: Run, folder: Path) -> dict[str, Any]:
    from .arms import train_arms

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
