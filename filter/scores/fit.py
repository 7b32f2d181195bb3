"""The score `fit`: how well each answer fits the student that is to learn it (student/fit.py, student/warm.py)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import BadStudent
from ...recipe import Recipe
from ...recipe.fit import FitSection
from ...store.manifest import digest_of, digest_of_file
from ...store.rows import Message
from ...store.run import Run
from ...student.check import PACKAGES, check_student, kind_of, model_files, weights_mark
from ...student.template import END_OF_THINKING

if TYPE_CHECKING:
    from ...student.fit import Fit
    from ...student.load import Student

TOKENS_AT_ONCE = 8_192
"""Tokens of one forward pass."""

VERSION = 1
"""Of how a fit is computed: another one, and those of an earlier run are computed anew."""


class FitRow(NamedTuple):
    """A whole answer beside what it answers."""

    id: str
    prompt: Sequence[Message]
    completion: Sequence[Message]


def student_of(recipe: Recipe, section: FitSection) -> str:
    """The student that answers are held against."""
    return section.student or recipe.train.student


def fit_settings(recipe: Recipe, section: FitSection) -> Mapping[str, Any]:
    """Everything of the recipe that a fit depends on, as JSON; of `train`, only what stands in for what is not given here."""
    return section.model_dump(mode="json") | {
        "student": student_of(recipe, section),
        "vocab_size": recipe.train.vocab_size,
    }


def why_not(run: Run, section: FitSection) -> str | None:
    """Why fits cannot be computed here, None if they can: packages that are missing, a student that is not to be had.

    Raises:
        BadStudent: the student named is no size, no folder and no name on the hub, or its folder holds no model.
    """
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        return f"{', '.join(missing)} not installed: pip install 'potstill[train]'"
    spec = student_of(run.recipe, section)
    kind = None
    try:
        kind = kind_of(spec, run.home)
        check_student(spec, run.home)
    except BadStudent as error:
        told = str(error).replace("train.student", "filter.fit.student") if section.student else str(error)
        if kind == "hub":  # it may be there at another time, or with another network
            return told
        raise BadStudent(told) from None
    return None


def opinion_of(run: Run, section: FitSection, drawn: Sequence[FitRow]) -> str:
    """A digest of all that a row's fit depends on beside the row: while it is the same, so is the fit.

    Args:
        run: its recipe names the student.
        section: the recipe's.
        drawn: the slice on which a student from nothing is warmed up.
    """
    import torch

    spec = student_of(run.recipe, section)
    depends: dict[str, Any] = {
        "version": VERSION,
        "settings": fit_settings(run.recipe, section),
        "files": [digest_of_file(path) for path in model_files(spec, run.home)],
        "weights": weights_mark(spec, run.home),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }
    if kind_of(spec, run.home) == "scratch":
        depends["drawn"] = digest_of({"rows": [digest_of(row._asdict()) for row in drawn]})
    else:
        depends["thinking"] = _thinks(drawn)
    return digest_of(depends)


def fit_rows(
    run: Run, section: FitSection, drawn: Sequence[FitRow], rows: Iterable[FitRow], total: int
) -> Iterator[Fit | None]:
    """The fit of each row, None for one that the student cannot judge, in the order of the rows; says how many those were.

    Args:
        run: its recipe names the student, its screen shows progress.
        section: the recipe's.
        drawn: a random slice of the rows, for a student from nothing to be warmed up on.
        rows: what is judged.
        total: how many that are.

    Raises:
        BadStudent: the student cannot be loaded, or none of the rows drawn fits it.
    """
    from ...student.fit import fit_all

    student = _ready(run, section, drawn)
    left_out: Counter[str] = Counter()
    with run.screen.track("fit", total) as track:
        yield from fit_all(
            student,
            ((row.prompt, row.completion) for row in rows),
            tokens_at_once=TOKENS_AT_ONCE,
            on_done=track.advance,
            on_left_out=lambda why: left_out.update([why]),
        )
    if left_out:
        why = ", ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
        run.screen.line(f"fit: not computed for {left_out.total():,} of {total:,} rows: {why}")


def random_slice(rows: Iterable[FitRow], count: int, seed: int) -> list[FitRow]:
    """So many rows drawn by chance, or all; the same ones in whatever order the rows come."""
    return [
        row for _, row in nsmallest(count, ((_chance(row.id, seed), row) for row in rows), key=lambda pair: pair[0])
    ]


def _chance(name: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed} {name}".encode(), digest_size=16).digest()


def _ready(run: Run, section: FitSection, drawn: Sequence[FitRow]) -> Student:
    """The student with an opinion: a pretrained one as it is, one from nothing warmed up on the rows drawn."""
    import torch

    from ...student.load import Scratch, load_student

    spec = student_of(run.recipe, section)
    if kind_of(spec, run.home) == "scratch":
        texts = [turn["content"] for row in drawn for turn in (*row.prompt, *row.completion)]
        made_of = Scratch(texts, run.recipe.train.vocab_size, section.seed)
        student = load_student(spec, run.home, scratch=made_of)
        _warm(run, section, student, drawn)
        return student
    dtype = "bfloat16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "float32"
    return load_student(spec, run.home, thinking=_thinks(drawn), dtype=dtype)


def _thinks(drawn: Sequence[FitRow]) -> bool:
    return any(END_OF_THINKING in turn["content"] for row in drawn for turn in row.completion)


def _warm(run: Run, section: FitSection, student: Student, drawn: Sequence[FitRow]) -> None:
    from ...student.fit import readable
    from ...student.warm import warm_up

    rows = [(row.prompt, row.completion) for row in drawn]
    encoded = list(readable(student, rows).values())
    if not encoded:
        raise BadStudent(f"none of the {len(rows):,} rows drawn to warm the student up fits it, so that nothing fits")
    with run.screen.track("fit: warming the student up", section.warm_steps, "steps") as track:
        warm_up(student, encoded, steps=section.warm_steps, seed=section.seed, on_step=track.advance)
