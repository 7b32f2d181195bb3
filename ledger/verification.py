"""Whether a ledger is whole: the file, every body, and everything that points to something else. Reads only."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BadInput
from ..store.screen import Track
from .bodies import Bodies, UnreadableBodyError, answers_in
from .file import APPLICATION_ID, SCHEMA_VERSION
from .relations import GIVE_UP, RELATIONS, TABLES

SHOWN = 20
"""Ids that a finding names; it counts them all."""
_BATCH = 1_000
_RESTORE = "restore a copy of the file, or save what can be read: `sqlite3 LEDGER .recover | sqlite3 NEW`"


@dataclass(slots=True)
class Finding:
    """One kind of damage, and where it is."""

    says: str
    do: str
    count: int = 0
    where: list[str] = field(default_factory=list)
    """Ids of the first ones, with what is wrong where that differs."""

    def add(self, where: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.where) < SHOWN:
            self.where.append(where)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what is damaged."""

    counts: Mapping[str, int]
    findings: tuple[Finding, ...]


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot change the ledger.

    Raises:
        BadInput: the file is something else, was written by a newer Potstill, or its beginning is destroyed.
    """
    try:
        read = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=60)
        application, version = (
            read.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        empty = not application and not read.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        raise BadInput(
            f"{path}: this cannot be read ({error}); copy it, with its -wal file, to where you may write"
        ) from None
    except sqlite3.DatabaseError as error:
        raise BadInput(f"{path}: this is no ledger, or its beginning is destroyed ({error}); restore a copy") from None
    if application != APPLICATION_ID and not empty:
        raise BadInput(f"{path}: this SQLite file is not a ledger of Potstill")
    if version > SCHEMA_VERSION:
        raise BadInput(f"{path}: a newer Potstill wrote this ledger (version {version}); upgrade potstill to verify it")
    return read


def rows(read: sqlite3.Connection, table: str) -> int:
    """How many rows a table has; 0 where it is missing or cannot be counted."""
    try:
        return read.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
    except sqlite3.DatabaseError:
        return 0


def verify(read: sqlite3.Connection, track: Track) -> Verified:
    """Look at everything, each reply once; `track` is told of each."""
    findings = list(_structure(read))
    there = _tables(read)
    if "replies" in there:
        read.execute("CREATE TEMP TABLE answers (reply INTEGER PRIMARY KEY, number INTEGER)")
        findings += _bodies(read, track, with_logprobs="logprobs" in there)
    for relation in RELATIONS:
        if relation.tables <= there:
            findings.append(_collect(read, relation.says, relation.do, relation.query))
    counts = {name: rows(read, name) for name in sorted(there & set().union(*TABLES))}
    return Verified(counts, tuple(finding for finding in findings if finding.count))


def _structure(read: sqlite3.Connection) -> Iterator[Finding]:
    yield _collect(read, "SQLite finds the file damaged", _RESTORE, "PRAGMA integrity_check(20)", but="ok")
    version = read.execute("PRAGMA user_version").fetchone()[0]
    missing = Finding("a table is missing", _RESTORE)
    for name in sorted(set().union(*TABLES[:version]) - _tables(read)):
        missing.add(name)
    yield missing


def _bodies(read: sqlite3.Connection, track: Track, *, with_logprobs: bool) -> list[Finding]:
    bodies = Finding("a reply cannot be read", GIVE_UP)
    logprobs = Finding("the log-probabilities of a reply cannot be read", GIVE_UP)
    stored = Bodies()
    for reply in _ids(read, "replies", "id"):
        track.advance()
        try:
            codec, body = read.execute("SELECT codec, body FROM replies WHERE id = ?", (reply,)).fetchone()
            found = stored.reply(codec, body)
        except (UnreadableBodyError, sqlite3.DatabaseError) as error:
            bodies.add(f"{reply}: {error}")
            continue
        read.execute("INSERT INTO temp.answers VALUES (?, ?)", (reply, answers_in(found)))
        if with_logprobs and (wrong := _wrong_logprobs(read, stored, reply, len(found["choices"]))):
            logprobs.add(f"{reply}: {wrong}")
    return [bodies, logprobs]


def _wrong_logprobs(read: sqlite3.Connection, stored: Bodies, reply: int, choices: int) -> str:
    try:
        row = read.execute("SELECT body FROM logprobs WHERE reply = ?", (reply,)).fetchone()
        told = stored.logprobs(row[0]) if row else None
    except (UnreadableBodyError, sqlite3.DatabaseError) as error:
        return str(error)
    return "" if told is None or len(told) == choices else f"of {len(told)} choices, and the reply has {choices}"


def _ids(read: sqlite3.Connection, table: str, column: str) -> Iterator[int]:
    """The ids of a table in short reads, so that a ledger in use can be merged with its log meanwhile."""
    last = -1
    query = f"SELECT {column} FROM {table} WHERE {column} > ? ORDER BY {column} LIMIT {_BATCH}"  # noqa: S608 - our names
    while True:
        try:
            batch = [row[0] for row in read.execute(query, (last,))]
        except sqlite3.DatabaseError:  # integrity_check has said where
            return
        yield from batch
        if len(batch) < _BATCH:
            return
        last = batch[-1]


def _collect(read: sqlite3.Connection, says: str, do: str, query: str, but: str | None = None) -> Finding:
    finding = Finding(says, do)
    try:
        rows: Iterable[tuple[str]] = read.execute(query)
        for (where,) in rows:
            if where != but:
                finding.add(str(where))
    except sqlite3.DatabaseError as error:
        finding.add(f"cannot be looked up: {error}")
    return finding


def _tables(read: sqlite3.Connection) -> set[str]:
    """The tables that are there; none where the list of them is damaged, of which integrity_check tells."""
    try:
        return {row[0] for row in read.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError:
        return set()
