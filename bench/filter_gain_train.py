"""One student of the gain experiments: trained as the stage `train` trains it, examined as `eval` does, greedily and exactly."""

from collections.abc import Mapping, Sequence
from functools import cache
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from potstill.cli.screen import QuietScreen
from potstill.filter.scores.fit import FitRow, fit_rows, random_slice
from potstill.recipe import Recipe, TrainSection
from potstill.recipe.fit import FitSection
from potstill.store.rows import conversation
from potstill.store.run import Run
from potstill.student.answer import answer_all
from potstill.student.encode import Conversation
from potstill.student.load import Scratch, Student, load_student
from potstill.student.measure import parameters
from potstill.train.rows import EncodedRow, Row, encode_rows
from potstill.train.settings import Facts, settle
from potstill.train.sft import fine_tune

from .filter_gain_rows import Answered
from .teacher_job import scratch

STUDENT, VOCABULARY, LONGEST = "scratch:tiny", 600, 80


def examined(
    rows: Sequence[Answered], texts: Sequence[str], heldout: Sequence[Mapping[str, str]], steps: int, seed: int
) -> NDArray[np.bool_]:
    """Which held-out prompts a student gets right that was trained on the rows.

    Args:
        rows: what it is trained on.
        texts: what its tokenizer is made from; the same for all arms of a teacher.
        heldout: `prompt` and `reference`.
        steps: of 64 rows.
        seed: of its first weights and of the order of its rows.
    """
    student = load_student(STUDENT, Path(), scratch=Scratch(texts, VOCABULARY, seed))
    trained = _train(student, [_row(one) for one in rows], steps, seed)
    asked = [conversation(("user", one["prompt"])) for one in heldout]
    said = answer_all(trained.model, trained.tokenizer, asked, LONGEST, 128, lambda done: None)
    pairs = zip(said, heldout, strict=True)
    return np.array([one.finish_reason == "stop" and one.text == row["reference"] for one, row in pairs])


def fits(rows: Sequence[Answered], section: FitSection) -> dict[str, float]:
    """By id, how well each row fits a warmed-up student: the lower, the better; infinite where it could not be judged."""
    asked = [FitRow(one.id, *_turns(one)) for one in rows]
    drawn = random_slice(asked, section.warm_rows, section.seed)
    found = zip(asked, fit_rows(_run(), section, drawn, asked, len(asked)), strict=True)
    return {row.id: inf if fit is None else fit.ratio for row, fit in found}


def _turns(one: Answered) -> Conversation:
    return conversation(("user", one.asked)), conversation(("assistant", one.said))


def _row(one: Answered) -> Row:
    return Row(one.id, *_turns(one))


@cache
def _run() -> Run:
    """A run that no stage works on."""
    sections = {
        "teacher": {"base_url": "practice://skills", "model": "practice-1"},
        "prompts": {"path": "practice://skills"},
        "train": {"student": STUDENT, "vocab_size": VOCABULARY},
    }
    recipe = Recipe.model_validate({"name": "gain", **sections})
    return Run(recipe, Path(), Path("runs/gain"), QuietScreen())


def _train(student: Student, rows: Sequence[Row], steps: int, seed: int) -> Student:
    arm = encode_rows(student.tokenizer, rows, student.context)
    section = TrainSection(
        student=STUDENT, vocab_size=VOCABULARY, steps=steps, seed=seed, save_every=steps, packing=False
    )
    settings = settle(section, _facts(student, arm.rows), lambda text: None)
    with scratch() as folder, QuietScreen().track("", steps) as track:
        fine_tune(student, arm.rows, settings, folder, track)
    return student


def _facts(student: Student, rows: Sequence[EncodedRow]) -> Facts:
    lengths = [len(one.encoded.input_ids) for one in rows]
    return Facts("scratch", False, False, parameters(student.model), lengths, max(lengths), student.context)
