"""Where all arms begin: the untrained student, written down in `base/` so that evaluation finds the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..store.run import Run
from ..student.check import Kind, kind_of
from ..student.load import BASE_FILE, Scratch, Student, load_base, load_student, save_student
from ..student.sizes import new_model, size_named
from .names import BASE
from .rows import Row, corpus_texts, shows_thinking
from .settings import way_of


@dataclass(frozen=True, slots=True)
class Start:
    """The same tokenizer for all arms; the same weights too, but for students from scratch of other seeds."""

    student: Student
    kind: Kind
    base: Path
    dtype: str
    spec: str
    """What the recipe calls it."""
    seed: int
    """Of the weights in `base`."""

    def fresh(self, home: Path, seed: int) -> Student:
        """The untrained student once more; one from scratch with the first weights of this seed."""
        student = load_base(self.base, home, dtype=self.dtype)
        if self.kind != "scratch" or seed == self.seed:
            return student
        model = new_model(size_named(self.spec), student.tokenizer, seed)  # pyright: ignore[reportArgumentType]: saved as one
        return replace(student, model=model)


def begin(run: Run, folder: Path, kept: Sequence[Row], dropped: Sequence[Row]) -> Start:
    """The untrained student of an interrupted training, or a new one.

    Raises:
        BadStudent: it cannot be loaded.
    """
    section = run.recipe.train
    kind = kind_of(section.student, run.home)
    gpu_adapters = way_of(section, kind) == "lora" and torch.cuda.is_available()
    dtype = "bfloat16" if gpu_adapters else "float32"
    base = folder / BASE
    if base.is_dir():
        return Start(load_base(base, run.home, dtype=dtype), kind, base, dtype, section.student, section.seed)
    unfinished = clean(folder / "checkpoints" / BASE)
    if kind == "scratch":
        made_of = Scratch(corpus_texts([*kept, *dropped]), section.vocab_size, section.seed)
        student = load_student(section.student, run.home, scratch=made_of)
        save_student(student, unfinished)
    else:
        thinking = shows_thinking(kept)
        student = load_student(section.student, run.home, thinking=thinking, dtype=dtype)
        named = {"spec": section.student, "revision": student.revision, "thinking": thinking}
        (unfinished / BASE_FILE).write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")
    unfinished.rename(base)
    return Start(student, kind, base, dtype, section.student, section.seed)


def clean(folder: Path) -> Path:
    """An empty folder, to be renamed when it is whole."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
