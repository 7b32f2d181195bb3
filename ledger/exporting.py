"""A ledger as JSON lines, one per draw, oldest reply first, in bounded memory."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from ..errors import BadInput, BrokenWorld
from .bodies import Bodies, UnreadableBodyError

NAMED = 20
"""Runs that are named where there is none of the name given."""
_BATCH = 1_000
_BELOW_ALL = -(2**63)
_BY_REPLY = (
    "DROP TABLE IF EXISTS temp.buyers",
    "DROP TABLE IF EXISTS temp.exported",
    "CREATE TEMP TABLE buyers (reply INTEGER PRIMARY KEY, attempt INTEGER)",
    "CREATE TEMP TABLE exported (reply INTEGER, choice INTEGER, key BLOB, PRIMARY KEY (reply, choice, key)) WITHOUT ROWID",
    "INSERT INTO buyers SELECT reply, min(id) FROM attempts WHERE reply IS NOT NULL GROUP BY reply",
)
_EXPORTED = (
    "INSERT INTO exported SELECT draws.reply, choice, key FROM draws LEFT JOIN buyers ON buyers.reply = draws.reply"
    " LEFT JOIN attempts ON attempts.id = attempt WHERE :run IS NULL OR run = :run ORDER BY draws.reply"
)
_NEXT = (
    "SELECT reply, choice, key FROM temp.exported WHERE (reply, choice, key) > (?, ?, ?)"
    " ORDER BY reply, choice, key LIMIT ?"
)
_BOUGHT = (
    "SELECT replies.created, replies.seconds, replies.usd, codec, body, run, stage, teacher,"
    " (SELECT count(*) FROM temp.exported WHERE reply = replies.id)"
    " FROM replies LEFT JOIN temp.buyers ON buyers.reply = replies.id LEFT JOIN attempts ON attempts.id = attempt"
    " WHERE replies.id = ?"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which draws, and how much of each."""

    run: str | None = None
    """Those whose reply an attempt of this run bought; all if None."""
    logprobs: bool = False
    """Whether the log-probabilities are put back into the bodies."""


def select(read: sqlite3.Connection, selection: Selection) -> int:
    """Sort the draws by reply, in temporary tables of this connection; how many there are.

    Raises:
        BadInput: the ledger has no such run.
    """
    if selection.run is not None:
        _must_have(read, selection.run)
    for statement in _BY_REPLY:
        read.execute(statement)
    return read.execute(_EXPORTED, {"run": selection.run}).rowcount


def _must_have(read: sqlite3.Connection, run: str) -> None:
    runs = [name for (name,) in read.execute("SELECT DISTINCT run FROM attempts ORDER BY run")]
    if run not in runs:
        more = f" and {len(runs) - NAMED:,} more" if len(runs) > NAMED else ""
        has = f"it has {', '.join(map(str, runs[:NAMED]))}{more}" if runs else "it has none yet"
        raise BadInput(f"--run {run}: the ledger has no such run; {has}")


def lines(read: sqlite3.Connection, selection: Selection) -> Iterator[bytes]:
    """One line for each draw that was selected.

    Raises:
        BrokenWorld: a reply is damaged.
    """
    stored = Bodies()

    @lru_cache(maxsize=1)  # the draws of a reply follow one another
    def bought(reply: int) -> dict[str, Any]:
        return _bought(read, stored, reply, logprobs=selection.logprobs)

    last = (_BELOW_ALL, _BELOW_ALL, b"")
    while True:
        batch = read.execute(_NEXT, (*last, _BATCH)).fetchall()
        for reply, choice, key in batch:
            yield _line(reply, choice, key, bought(reply))
        if len(batch) < _BATCH:
            return
        last = batch[-1]


def _line(reply: int, choice: int, key: bytes, bought: dict[str, Any]) -> bytes:
    try:
        line = {"key": key.hex(), "choice": choice, "reply": reply, **bought}
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except (AttributeError, TypeError) as error:  # a destroyed row holds values of any kind
        raise _damaged(reply, error) from None


def _bought(read: sqlite3.Connection, stored: Bodies, reply: int, *, logprobs: bool) -> dict[str, Any]:
    """What the lines of one reply have in common; its price is shared by the draws that it fills."""
    try:
        row = read.execute(_BOUGHT, (reply,)).fetchone()
        if row is None:
            raise UnreadableBodyError("not found under its id")
        created, seconds, usd, codec, body, run, stage, teacher, draws = row
        found = stored.reply(codec, body)
        if logprobs:
            found = _with_logprobs(read, stored, reply, found)
        return {
            "teacher": teacher,
            "run": run,
            "stage": stage,
            "created": datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds"),
            "usd": usd / draws,
            "seconds": seconds,
            "body": found,
        }
    except (sqlite3.DatabaseError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _damaged(reply, error) from None


def _damaged(reply: int, error: Exception) -> BrokenWorld:
    return BrokenWorld(
        f"reply {reply} of the ledger is damaged or gone ({error}): `potstill ledger verify` says what to do"
    )


def _with_logprobs(read: sqlite3.Connection, stored: Bodies, reply: int, found: dict[str, Any]) -> dict[str, Any]:
    row = read.execute("SELECT body FROM logprobs WHERE reply = ?", (reply,)).fetchone()
    if row is None:
        return found
    pairs = zip(found["choices"], stored.logprobs(row[0]), strict=False)
    return {**found, "choices": [{**choice, "logprobs": told} for choice, told in pairs]}
