"""Fits that the last run of the stage computed: each costs a pass of the student, and most changes of the rules touch none."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..store.manifest import Manifest, digest_of_file
from ..store.run import Run
from ..store.tables import count_rows, parts, read_batches
from .scored import FIT
from .scores.fit import FitRow

FOLDER, TABLES = "samples", ("train", "dropped")
COLUMNS = [f"score_{name}" for name in FIT]
ROWS_AT_ONCE = 2_000


def earlier_fits(run: Run, opinion: str, rows: Iterable[FitRow], total: int) -> NDArray[np.float64]:
    """What the tables that lie in `samples/` now know of the fit of these rows.

    Memory grows by some 100 bytes for each row of those tables while they are looked through, then by none.

    Args:
        run: whose tables they are.
        opinion: what a fit depends on beside the row (`opinion_of`); fits of any other are not taken.
        rows: not read where there is nothing to take.
        total: how many those are.

    Returns:
        Shape (3, total): ratio, surprisal and rank in the order of the rows; NaN for a row without a fit there.
    """
    found = np.full((len(COLUMNS), total), np.nan)
    done = run.finished(FOLDER)
    if done is None or done.counts.get("fit", {}).get("opinion") != opinion or not _whole(run, done):
        return found
    keys, values = _read(run)
    if not len(keys):
        return found
    wanted = np.fromiter((_key(row.id, row.completion[-1]["content"]) for row in rows), np.uint64, total)
    places = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    known = keys[places] == wanted
    found[:, known] = values[:, places[known]]
    return found


def _whole(run: Run, done: Manifest) -> bool:
    """Whether the tables are those that the stage wrote."""
    here = {part.name: digest_of_file(part) for name in TABLES for part in parts(run.folder / FOLDER, name)}
    return here == {name: digest for name, digest in done.outputs.items() if name.startswith(TABLES)}


def _read(run: Run) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Keys in ascending order, and the fits that go with them."""
    size = sum(count_rows(run.folder / FOLDER, name) for name in TABLES)
    keys, values = np.empty(size, np.uint64), np.empty((len(COLUMNS), size))
    at = 0
    for name in TABLES:
        for batch in read_batches(run.folder / FOLDER, name, ROWS_AT_ONCE, ["id", "completion", *COLUMNS]):
            fits = np.array([batch.column(column).to_numpy(zero_copy_only=False) for column in COLUMNS], np.float64)
            ids, turns = batch.column("id"), batch.column("completion")
            for row in map(int, np.flatnonzero(~np.isnan(fits[0]))):
                keys[at], values[:, at] = _key(ids[row].as_py(), turns[row].as_py()[-1]["content"]), fits[:, row]
                at += 1
    order = np.argsort(keys[:at])
    return keys[order], values[:, order]


def _key(name: str, answer: str) -> int:
    """A row's id says what was asked; another teacher's answer to it has the same."""
    return int.from_bytes(hashlib.blake2b(f"{name} {answer}".encode(), digest_size=8).digest())
