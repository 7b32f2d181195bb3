"""What the ledger has of one draw: who bought it, when, and for how much."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

_BOUGHT = (
    "SELECT replies.created, replies.usd, (SELECT count(*) FROM draws AS others WHERE others.reply = replies.id),"
    " run, stage, teacher, settled FROM draws JOIN replies ON replies.id = draws.reply"
    " LEFT JOIN attempts ON attempts.reply = replies.id WHERE draws.key = ? ORDER BY attempts.id LIMIT 1"
)
_REJECTED = "SELECT created, status, error FROM rejections WHERE key = ?"


@dataclass(frozen=True, slots=True)
class Purchase:
    """A reply that was paid for, or a request that the endpoint rejected for good."""

    when: datetime
    usd: float
    """What the whole reply was charged with."""
    draws: int
    """Draws that it fills; 0 where the request was rejected."""
    run: str = ""
    stage: str = ""
    teacher: str = ""
    settled: bool = True
    """False: charged at its worst case, for no usage came back."""
    rejected: str = ""
    """The status and what the endpoint said."""


def purchase(read: sqlite3.Connection, key: str) -> Purchase | None:
    """What is in the ledger under a key (64 hexadecimal digits); None where nothing is."""
    row = read.execute(_BOUGHT, (bytes.fromhex(key),)).fetchone()
    if row is not None:
        created, usd, draws, run, stage, teacher, settled = row
        told = (run or "", stage or "", teacher or "", settled != 0)
        return Purchase(datetime.fromtimestamp(created, UTC), usd, draws, *told)
    row = read.execute(_REJECTED, (bytes.fromhex(key),)).fetchone()
    if row is None:
        return None
    created, status, error = row
    return Purchase(datetime.fromtimestamp(created, UTC), 0.0, 0, rejected=f"{status} {error}".rstrip())
