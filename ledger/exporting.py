"""A ledger as JSON lines, one per draw, oldest reply first, in bounded memory."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from ..errors import BrokenWorld
from .bodies import Bodies, UnreadableBodyError

_BATCH = 1_000
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
    """Sort the draws by reply, in temporary tables of this connection; how many there are."""
    for statement in _BY_REPLY:
        read.execute(statement)
    return read.execute(_EXPORTED, {"run": selection.run}).rowcount


def lines(read: sqlite3.Connection, selection: Selection) -> Iterator[bytes]:
    """One line for each draw that was selected.

    Raises:
        BrokenWorld: a reply is damaged.
    """
    stored = Bodies()

    @lru_cache(maxsize=1)  # the draws of a reply follow one another
    def bought(reply: int) -> dict[str, Any]:
        return _bought(read, stored, reply, logprobs=selection.logprobs)

    last = (-1, -1, b"")
    while True:
        batch = read.execute(_NEXT, (*last, _BATCH)).fetchall()
        for reply, choice, key in batch:
            line = {"key": key.hex(), "choice": choice, "reply": reply, **bought(reply)}
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if len(batch) < _BATCH:
            return
        last = batch[-1]


def _bought(read: sqlite3.Connection, stored: Bodies, reply: int, *, logprobs: bool) -> dict[str, Any]:
    """What the lines of one reply have in common; its price is shared by the draws that it fills."""
    try:
        created, seconds, usd, codec, body, run, stage, teacher, draws = read.execute(_BOUGHT, (reply,)).fetchone()
        found = stored.reply(codec, body)
        if logprobs:
            found = _with_logprobs(read, stored, reply, found)
    except (UnreadableBodyError, sqlite3.DatabaseError, TypeError) as error:
        raise BrokenWorld(
            f"reply {reply} of the ledger is damaged or gone ({error}): `potstill ledger verify` says what to do"
        ) from None
    return {
        "teacher": teacher,
        "run": run,
        "stage": stage,
        "created": datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds"),
        "usd": usd / draws,
        "seconds": seconds,
        "body": found,
    }


def _with_logprobs(read: sqlite3.Connection, stored: Bodies, reply: int, found: dict[str, Any]) -> dict[str, Any]:
    row = read.execute("SELECT body FROM logprobs WHERE reply = ?", (reply,)).fetchone()
    if row is None:
        return found
    pairs = zip(found["choices"], stored.logprobs(row[0]), strict=False)
    return {**found, "choices": [{**choice, "logprobs": told} for choice, told in pairs]}
