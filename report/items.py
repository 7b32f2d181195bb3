"""The held-out prompts with all arms' answers side by side, read as a stream from the scorecard's table of items."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ..store.tables import read_table
from .labels import is_student
from .scores import Duel

Row = Mapping[str, Any]
Side = Mapping[str, Row]
"""One prompt: each arm's row."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The student's row beside the teacher's, and beside that of the arm that it is held against."""

    student: Row
    teacher: Row
    against: Row


MARKED = ("prompt_id", "arm", "verdict", "score")
"""The columns that a mark takes."""


def mark_of(row: Row) -> float | None:
    """What an answer counts for: 1 or 0 where it is right or wrong, a judge's mark itself; None where there is no telling."""
    if row["verdict"] in ("right", "wrong"):
        return float(row["verdict"] == "right")
    return row["score"] if row["verdict"] in ("graded", "win", "tie", "loss", "compared") else None


def side_by_side(scorecard: Path, columns: Sequence[str] | None = None) -> Iterator[Side]:
    """Each held-out prompt that was asked."""
    for _, group in groupby(read_table(scorecard, "items", columns), itemgetter("prompt_id")):
        yield {row["arm"]: row for row in group}


def marked(sides: Iterator[Side], ceiling: str) -> Iterator[Side]:
    """Those on which the students, and the arm that they are held against, have a mark; what others lack leaves nothing out.

    A teacher that the others are held against without a mark of its own, as for agreement, needs none.
    """
    for side in sides:
        judged = [row for arm, row in side.items() if arm == ceiling or is_student(arm)]
        if all(mark_of(row) is not None for row in judged):
            yield side


def duel(scorecard: Path, ceiling: str) -> Duel:
    """How often the student's mark is below, above and equal to that of the arm that it is held against."""
    if not ceiling:
        return Duel(0, 0, 0)
    found = [0, 0, 0]
    for side in marked(side_by_side(scorecard, MARKED), ceiling):
        lead = _lead(side, ceiling)
        found[0 if lead < 0 else 1 if lead > 0 else 2] += 1
    return Duel(*found)


def _lead(side: Side, ceiling: str) -> float:
    return (mark_of(side["student"]) or 0.0) - (mark_of(side[ceiling]) or 0.0)


def differing(scorecard: Path, ceiling: str) -> Iterator[Pair]:
    """The student's rows where its mark is another than the one it is held against, each with that one."""
    for side in marked(side_by_side(scorecard), ceiling):
        if _lead(side, ceiling):
            yield _with(side, ceiling)


def failing(scorecard: Path, ceiling: str, by: str) -> Iterator[Pair]:
    """The student's rows that are wrong, or that a judge found worse than the teacher's."""
    for side in marked(side_by_side(scorecard), ceiling):
        mark = mark_of(side["student"]) or 0.0
        if mark < 1 if by in ("reference", "agreement") else _lead(side, ceiling) < 0:
            yield _with(side, ceiling)


def undecided(scorecard: Path) -> Iterator[Pair]:
    """The student's rows of which the judge said nothing that can be used."""
    for side in side_by_side(scorecard):
        if side["student"]["verdict"] in ("inconsistent", "unparsable"):
            yield _with(side, "teacher")


def _with(side: Side, ceiling: str) -> Pair:
    return Pair(side["student"], side["teacher"], side[ceiling])
