"""The ancestry of one row: everything that the finished stages of a run have written of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from .lookup import Found, is_one_of, rows_where
from .run import Run
from .schemas import SCORE_PREFIX

Row = Mapping[str, Any]
State = Literal["done", "begun", "missing"]

FOLDERS = ("prompts", "completions", "samples", "student", "scorecard")
"""What stages write of a row, in their order."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the filter said of an answer."""

    kept: bool
    rule: str
    """The rule that dropped it; empty for a kept one."""
    reason: str
    key: str
    """The ledger key of the answer that it looked at."""
    scores: Mapping[str, Any]
    """Null where a score was not computed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One draw, and what became of it."""

    row: Row
    """Its columns in the table of completions."""
    label: Label | None
    """None while the filter has not seen it."""


@dataclass(frozen=True, slots=True)
class Ancestry:
    """One row from where it was read to how it was judged."""

    found: Found
    states: Mapping[str, State]
    """By the folder of each stage."""
    outdated: Mapping[str, Sequence[str]]
    """By the folder of a stage: those that it was made from and that have been made anew since."""
    salt: str
    prompt: Row | None
    """Its columns in the table of prompts, or of near duplicates; None where they were loaded anew without it."""
    twins: Sequence[Row]
    """The near duplicates that are not asked because of it."""
    answers: Sequence[Answer]
    """All of a prompt, or the one that is meant."""
    others: Sequence[str]
    """Ids of the prompt's other answers, where one is meant."""
    items: Sequence[Row] = ()
    """Of a held-out prompt: what each arm said and how it was judged."""
    verdict: str | None = None
    """The run's, in a sentence."""


def read_ancestry(run: Run, found: Found) -> Ancestry:
    """Look a row up in every table of its run."""
    folder = run.folder
    states: dict[str, State] = {name: _state(run, name) for name in FOLDERS}
    manifest = run.finished("prompts")
    prompts = folder / "prompts"
    rows = _rows(folder / "completions", "completions", "prompt_id", found.prompt) if found.kind != "near" else []
    meant = [row for row in rows if found.kind != "answer" or row["id"] == found.id]
    card = folder / "scorecard" / "scorecard.json"
    judged = states["scorecard"] == "done" and found.kind != "near"
    return Ancestry(
        found=found,
        states=states,
        outdated=_outdated(run),
        salt=manifest.settings.get("heldout", {}).get("salt", "") if manifest else "",
        prompt=next(iter(_rows(prompts, "near" if found.kind == "near" else "prompts", "id", found.prompt)), None),
        twins=_rows(prompts, "near", "mate", found.prompt),
        answers=_with_labels(folder / "samples", meant),
        others=[row["id"] for row in rows if row not in meant],
        items=_rows(folder / "scorecard", "items", "prompt_id", found.prompt) if judged else (),
        verdict=orjson.loads(card.read_bytes())["verdict"]["sentence"] if judged else None,
    )


def _state(run: Run, name: str) -> State:
    if run.finished(name) is not None:
        return "done"
    return "begun" if (run.folder / f".{name}.partial").exists() else "missing"


def _outdated(run: Run) -> dict[str, list[str]]:
    manifests = {name: made for name in FOLDERS if (made := run.finished(name))}
    digests = {name: made.digest() for name, made in manifests.items()}
    since = {
        name: [source for source, digest in made.inputs.items() if digests.get(source, digest) != digest]
        for name, made in manifests.items()
    }
    return {name: sources for name, sources in since.items() if sources}


def _rows(folder: Path, name: str, column: str, value: str) -> list[dict[str, Any]]:
    return list(rows_where(folder, name, [column], is_one_of(column, [value])))


def _with_labels(samples: Path, rows: Sequence[Row]) -> list[Answer]:
    wanted = is_one_of("id", [row["id"] for row in rows])
    labels = {
        row["id"]: _label(row, kept=name == "train")
        for name in ("train", "dropped")
        for row in (rows_where(samples, name, ["id"], wanted) if rows else ())
    }
    return [Answer(row, labels.get(row["id"])) for row in rows]


def _label(row: Row, *, kept: bool) -> Label:
    scores = {name.removeprefix(SCORE_PREFIX): value for name, value in row.items() if name.startswith(SCORE_PREFIX)}
    return Label(kept, row["rule"], row["reason"], row["key"], scores)
