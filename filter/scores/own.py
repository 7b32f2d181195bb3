"""Scores of the user's own: a function of a file that takes (messages, answer, reference) and returns a number or None."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa

from ...errors import BadRecipe, BrokenWorld
from ...store.own_code import load_named, split_name
from ...store.run import Run
from ..answers import Answers
from ..score import Score

Own = Callable[[Sequence[Mapping[str, str]], str, str | None], float | None]


def make(run: Run) -> Score | None:
    """One column for each function that the recipe names.

    Raises:
        BadRecipe: a file or a function that is not there.
    """
    named = run.recipe.filter.scores
    if not named:
        return None
    functions = {name: _load(given, run.home, f"filter.scores.{name}") for name, given in named.items()}
    alone = Lock()  # nobody promised that the user's functions may run in two threads

    def write(answers: Answers) -> list[pa.Array]:
        asked = [answers.prompts.column(name).to_pylist() for name in ("messages", "reference")]
        places, texts, whole = answers.of.tolist(), answers.texts.to_pylist(), answers.whole.tolist()
        rows = [
            (asked[0][place], text, asked[1][place]) if good else None
            for place, text, good in zip(places, texts, whole, strict=True)
        ]
        with alone, redirect_stdout(sys.stderr):  # what programs read is on standard output
            return [
                pa.array([_call(name, function, row) for row in rows], pa.float64())
                for name, function in functions.items()
            ]

    return Score(dict.fromkeys(functions, pa.float64()), write)


def _load(given: str, home: Path, where: str) -> Own:
    split = split_name(given, home)
    function: Any = load_named(*split, where) if split else None
    if not isinstance(function, Callable):
        raise BadRecipe(f"'{where}' is {given!r}: give path/to/file.py:function, a function that the file has")
    return function


def _call(name: str, function: Own, row: tuple[Any, str, str | None] | None) -> float | None:
    if row is None:  # not a whole answer, which is dropped in any case
        return None
    try:
        found = function(*row)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a program of the user's, which can fail like any
        raise BrokenWorld(
            f"filter.scores.{name}: the function fails with {type(error).__name__}: {error}; on the answer {row[1][:80]!r}"
        ) from None
    try:
        return None if found is None else float(found)
    except (TypeError, ValueError):
        raise BrokenWorld(
            f"filter.scores.{name}: the function must return a number or None, and gives {found!r} on the answer {row[1][:80]!r}"
        ) from None
