"""Which arms of a training an answer was among, told from the files: the draw of a control's rows is made once more."""

import json
import random
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ..store.rows import LEAK, SELECT
from ..store.run import Run
from ..store.tables import read_columns
from .names import RANDOM, SEEDS_ONLY, STUDENT, UNFILTERED
from .rows import CONTROL_DRAW, RANDOM_DRAW
from .stage import STAGE

_DRAWS = {UNFILTERED: CONTROL_DRAW, RANDOM: RANDOM_DRAW}


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether one arm trained on one answer."""

    among: bool | None
    """None: the files do not say."""
    why: str
    """Why not, or why nothing can be said; empty for one that it trained on."""
    rows: int
    """Rows of the arm."""
    steps: int
    epochs: float
    """Below 1 not every row of the arm was seen."""


@dataclass(slots=True)
class _Pool:
    """What an arm draws from: how many answers, and the places of those that are asked about."""

    size: int = 0
    places: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _LeftOut:
    counts: Counter[str]
    """By arm."""
    reasons: Mapping[tuple[str, str], str]
    """By arm and answer, of those that are asked about."""


def memberships(run: Run, ids: Collection[str]) -> dict[str, dict[str, Membership]]:
    """Whether each arm of a finished training had each of these answers: by answer, by arm; what was not filtered is left out.

    Memory grows by some 40 bytes for each answer of the run.
    """
    folder = run.folder / "student"
    arms = json.loads((folder / "training.json").read_bytes())["arms"]
    left_out = _left_out(folder / "left_out.jsonl", ids)
    pools, outside = _pools(run.folder / "samples", ids)
    doubt = _doubt(run)
    found: dict[str, dict[str, Membership]] = {one: {} for one in outside}
    for arm, record in arms.items():
        pool = pools.get(_draws_as(arm), _Pool())
        drawn = _drawn(arm, pool, record["rows"] + left_out.counts[arm])
        for one in outside:
            among, why = drawn.get(one, (False, outside[one]))
            if doubt:
                among, why = None, doubt
            elif arm == SEEDS_ONLY:
                among, why = False, "it learns from references, from no answer"
            elif _draws_as(arm) not in pools:
                among, why = None, "what it draws from is not known here"
            elif reason := left_out.reasons.get((arm, one)):
                among, why = False, reason
            found[one][arm] = Membership(among, why, record["rows"], record["steps"], record["epochs"])
    return found


def _draws_as(arm: str) -> str:
    """The arm with the same rows: students that differ by their seeds have the first one's."""
    return STUDENT if re.fullmatch(rf"{STUDENT}_\d+", arm) else arm


def _left_out(path: Path, ids: Collection[str]) -> _LeftOut:
    counts, reasons = Counter[str](), {}
    with path.open("rb") as lines:
        for line in map(json.loads, lines):
            counts[line["arm"]] += 1
            if line["id"] in ids:
                tokens = f" ({line['tokens']:,} tokens)" if line["tokens"] else ""
                reasons[line["arm"], line["id"]] = f"left out: {line['reason']}{tokens}"
    return _LeftOut(counts, reasons)


def _pools(samples: Path, ids: Collection[str]) -> tuple[dict[str, _Pool], dict[str, str]]:
    """What each arm draws from, and why each answer that is asked about is outside a pool that it is outside of."""
    pools = {arm: _Pool() for arm in (STUDENT, *_DRAWS)}
    outside: dict[str, str] = {}
    for one, status, rule in _answers(samples):
        for arm in _arms_for(status, rule):
            if one in ids:
                pools[arm].places[one] = pools[arm].size
            pools[arm].size += 1
        if one in ids:
            outside[one] = "not a whole answer" if status != "ok" else f"dropped by {rule}"
    return pools, outside


def _answers(samples: Path) -> Iterator[tuple[str, str, str]]:
    """Id, status and rule of every answer, the kept ones first: the order in which the arms are drawn."""
    for name in ("train", "dropped"):
        for batch in read_columns(samples, name, ["id", "status", "rule"]):
            yield from zip(batch["id"], batch["status"], batch["rule"], strict=True)


def _arms_for(status: str, rule: str) -> Sequence[str]:
    """Those that may train on such an answer, as in `train.rows`."""
    if status != "ok" or rule == LEAK:
        return ()
    if not rule:
        return (STUDENT, UNFILTERED, RANDOM)
    return (UNFILTERED, RANDOM) if rule == SELECT else (UNFILTERED,)


def _drawn(arm: str, pool: _Pool, drawn: int) -> dict[str, tuple[bool | None, str]]:
    """Whether each answer of the pool that is asked about was among the first so many, and why not.

    None where the pool cannot have been this one.
    """
    fits = drawn <= pool.size if arm in _DRAWS else drawn == pool.size
    if not fits:
        return dict.fromkeys(pool.places, (None, "its rows do not fit the samples that are there"))
    order = list(range(pool.size))
    if arm in _DRAWS:
        random.Random(_DRAWS[arm]).shuffle(order)  # noqa: S311 (the draw of `train.rows` once more)
    first = set(pool.places.values()).intersection(islice(order, drawn))
    no = f"not among the {drawn:,} drawn of {pool.size:,}"
    return {one: (True, "") if place in first else (False, no) for one, place in pool.places.items()}


def _doubt(run: Run) -> str:
    """Why the files that are here now say nothing of the training; empty where they do."""
    trained, samples = run.finished("student"), run.finished("samples")
    if trained is None or samples is None or trained.inputs.get("samples") != samples.digest():
        return "it was trained on other samples than there are now"
    if trained.stage_version != STAGE.version:
        return "another version of Potstill trained it"
    return ""
