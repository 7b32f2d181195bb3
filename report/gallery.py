"""Rows to look at, drawn at random with a fixed seed: kept, dropped, failed, wrong, disputed, and those of which a judge said
nothing.

Each table is read as a stream and a reservoir holds a few rows of it (Vitter 1985, algorithm R), so memory does not grow
with the table and nobody chooses what is shown.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..store.rows import Message
from ..store.run import Run
from ..store.tables import read_table
from .facts import Facts
from .items import Pair, differing, failing, undecided
from .labels import arm_label, verdict_label

SHOWN = 5
SEED = "potstill report"

Row = Mapping[str, Any]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One row on the page."""

    messages: tuple[Message, ...]
    """The prompt; empty when it could not be found again."""
    answer: str
    note: str
    """Why it is here: the rule and its reason, the status and its error, what was said of student and teacher."""
    reference: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    """(arm, what it answered to the same held-out prompt)."""


@dataclass(frozen=True, slots=True)
class Wall:
    """The rows of one kind that are shown, and of how many they were drawn."""

    shown: tuple[Exhibit, ...] = ()
    of: int = 0


@dataclass(frozen=True, slots=True)
class Gallery:
    """The kinds of rows."""

    kept: Wall = Wall()
    dropped: Wall = Wall()
    failed: Wall = Wall()
    wrong: Wall = Wall()
    """Held-out prompts that the student got wrong, or on which a judge found it worse."""
    disputed: Wall = Wall()
    """Held-out prompts on which student and teacher were marked differently."""
    undecided: Wall = Wall()
    """Held-out prompts on which a judge said nothing that can be used."""

    def shown(self) -> int:
        """Rows on the page."""
        return sum(len(getattr(self, wall.name).shown) for wall in fields(self))


def draw_gallery(run: Run, facts: Facts) -> Gallery:
    """The rows to show of a run, from its finished stages; the same files give the same rows."""
    samples, done = run.folder / "samples", facts.done
    sifted = "samples" in done
    kept, of_kept = reservoir(read_table(samples, "train") if sifted else (), "kept")
    dropped, of_dropped = reservoir(_answered(read_table(samples, "dropped")) if sifted else (), "dropped")
    return Gallery(
        kept=Wall(tuple(_sample(row, "") for row in kept), of_kept),
        dropped=Wall(tuple(_sample(row, f"{row['rule']}: {row['reason']}") for row in dropped), of_dropped),
        failed=_failed(run.folder / "completions", run.folder / "prompts") if "completions" in done else Wall(),
        **_heldout(run, facts),
    )


def reservoir(rows: Iterable[R], name: str, most: int = SHOWN) -> tuple[list[R], int]:
    """At most so many rows, each with the same chance, in the table's order; and how many there were."""
    chance = random.Random(f"{SEED}: {name}")  # noqa: S311 - nothing secret depends on it
    held: list[tuple[int, R]] = []
    seen = 0
    for row in rows:
        seen += 1
        if len(held) < most:
            held.append((seen, row))
        elif (place := chance.randrange(seen)) < most:
            held[place] = (seen, row)
    return [row for _, row in sorted(held, key=lambda pair: pair[0])], seen


def _answered(rows: Iterable[Row]) -> Iterator[Row]:
    """Dropped rows that have an answer: the failed ones have a wall of their own."""
    return (row for row in rows if row["status"] == "ok")


def _sample(row: Row, note: str) -> Exhibit:
    answer = "\n".join(turn["content"] for turn in row["completion"])
    return Exhibit(tuple(row["prompt"]), answer, note, row["reference"])


def _failed(completions: Path, prompts: Path) -> Wall:
    rows, of = reservoir((row for row in read_table(completions, "completions") if row["status"] != "ok"), "failed")
    found = _messages(prompts, "prompts", {row["prompt_id"] for row in rows})
    shown = [
        Exhibit(found.get(row["prompt_id"], ()), row["text"], f"{row['status']}: {row['error']}".rstrip(": "))
        for row in rows
    ]
    return Wall(tuple(shown), of)


def _heldout(run: Run, facts: Facts) -> dict[str, Wall]:
    """The walls of held-out prompts; none where nothing was marked, and none by a judge that is not believed."""
    judgement = facts.judgement
    if judgement is None or not judgement.by or not judgement.compared.ceiling:
        return {}
    scorecard, ceiling, by = run.folder / "scorecard", judgement.compared.ceiling, judgement.by
    wall = partial(_wall, by=by, samples=run.folder / "samples")
    walls = {
        "wrong": wall(failing(scorecard, ceiling, by), "wrong"),
        "disputed": wall(differing(scorecard, ceiling), "disputed"),
    }
    if judgement.judge is not None:
        walls["undecided"] = wall(undecided(scorecard), "undecided")
    return walls


def _wall(rows: Iterable[Pair], name: str, by: str, samples: Path) -> Wall:
    drawn, of = reservoir(rows, name)
    found = _messages(samples, "heldout", {pair.student["prompt_id"] for pair in drawn})
    return Wall(tuple(_exhibit(pair, found.get(pair.student["prompt_id"], ()), by) for pair in drawn), of)


def _exhibit(pair: Pair, messages: tuple[Message, ...], by: str) -> Exhibit:
    shown = {arm_label(row["arm"]): row["text"] for row in (pair.teacher, pair.against)}
    # For agreement the reference is the teacher's own answer.
    reference = None if by == "agreement" else pair.student["reference"]
    return Exhibit(messages, pair.student["text"], _said_of(pair, by), reference, tuple(shown.items()))


def _said_of(pair: Pair, by: str) -> str:
    """What was said of the student's answer, and of the one that it is held against."""
    said = f"student: {_verdict(pair.student, by)}"
    other = pair.against
    return said if other["verdict"] == "compared" else f"{said}; {arm_label(other['arm'])}: {_verdict(other, by)}"


def _verdict(row: Row, by: str) -> str:
    grade = f" {100 * row['score']:.0f}%" if row["verdict"] == "graded" else ""
    return verdict_label(row["verdict"], by) + grade + (f" ({row['reason']})" if row["reason"] else "")


def _messages(folder: Path, name: str, wanted: set[str]) -> dict[str, tuple[Message, ...]]:
    """The messages of the prompts that are wanted, from a table of prompts."""
    rows = read_table(folder, name) if wanted else ()
    return {row["id"]: tuple(row["messages"]) for row in rows if row["id"] in wanted}
