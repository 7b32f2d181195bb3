"""Rows to look at, drawn at random with a fixed seed: kept, dropped, failed, and held-out prompts answered wrongly.

Each table is read once as a stream and a reservoir holds a few rows of it (Vitter 1985, algorithm R), so memory does not
grow with the table and nobody chooses what is shown.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ..store.rows import Message
from ..store.run import Run
from ..store.tables import read_table

SHOWN = 5
SEED = "potstill report"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One row on the page."""

    messages: tuple[Message, ...]
    """The prompt; empty when it could not be found again."""
    answer: str
    note: str
    """Why it is here: the rule and its reason, the status and its error, the verdict."""
    reference: str | None = None
    teacher: str | None = None
    """What the teacher answered to the same held-out prompt."""


@dataclass(frozen=True, slots=True)
class Wall:
    """The rows of one kind that are shown, and of how many they were drawn."""

    shown: tuple[Exhibit, ...] = ()
    of: int = 0


@dataclass(frozen=True, slots=True)
class Gallery:
    """The four kinds of rows."""

    kept: Wall
    dropped: Wall
    failed: Wall
    wrong: Wall

    def shown(self) -> int:
        """Rows on the page."""
        return sum(len(wall.shown) for wall in (self.kept, self.dropped, self.failed, self.wrong))


def draw_gallery(run: Run, done: frozenset[str]) -> Gallery:
    """The rows to show of a run, from its finished stages; the same files give the same rows."""
    samples, completions = run.folder / "samples", run.folder / "completions"
    sifted = "samples" in done
    kept, of_kept = reservoir(read_table(samples, "train") if sifted else (), "kept")
    dropped, of_dropped = reservoir(_answered(read_table(samples, "dropped")) if sifted else (), "dropped")
    return Gallery(
        kept=Wall(tuple(_sample(row, "") for row in kept), of_kept),
        dropped=Wall(tuple(_sample(row, f"{row['rule']}: {row['reason']}") for row in dropped), of_dropped),
        failed=_failed(completions, run.folder / "prompts") if "completions" in done else Wall(),
        wrong=_wrong(run.folder / "scorecard", samples) if "scorecard" in done else Wall(),
    )


def reservoir(rows: Iterable[Row], name: str, most: int = SHOWN) -> tuple[list[Row], int]:
    """At most so many rows, each with the same chance, in the table's order; and how many there were."""
    chance = random.Random(f"{SEED}: {name}")  # noqa: S311 - nothing secret depends on it
    held: list[tuple[int, Row]] = []
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


def _wrong(scorecard: Path, samples: Path) -> Wall:
    rows, of = reservoir(_missed(scorecard), "wrong")
    found = _messages(samples, "heldout", {row["prompt_id"] for row in rows})
    shown = [
        Exhibit(found.get(row["prompt_id"], ()), row["text"], row["reason"], row["reference"], row["teacher"])
        for row in rows
    ]
    return Wall(tuple(shown), of)


def _missed(scorecard: Path) -> Iterator[Row]:
    """The student's wrong items, each with the teacher's text, over the prompts on which every arm was graded."""
    for _, group in groupby(read_table(scorecard, "items"), itemgetter("prompt_id")):
        arms = {row["arm"]: row for row in group}
        graded = all(row["score"] is not None for row in arms.values())
        if graded and arms["student"]["score"] < 1:
            yield arms["student"] | {"teacher": arms["teacher"]["text"]}


def _messages(folder: Path, name: str, wanted: set[str]) -> dict[str, tuple[Message, ...]]:
    """The messages of the prompts that are wanted, from a table of prompts."""
    rows = read_table(folder, name) if wanted else ()
    return {row["id"]: tuple(row["messages"]) for row in rows if row["id"] in wanted}
