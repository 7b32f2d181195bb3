"""Whether a ledger is whole: the file, every body, and everything that points to something else. Reads only."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..store.screen import Track
from .bodies import Bodies, UnreadableBodyError, answers_in
from .faults import UNREADABLE
from .file import APPLICATION_ID, SCHEMA_VERSION
from .relations import GIVE_UP, RELATIONS, TABLES, WORDS

SHOWN = 20
"""Ids that a finding names; it counts them all."""
_BATCH = 1_000
_BELOW_ALL = -(2**63)
"""Below every id, also those of a damaged table."""
_LIST = "SELECT id FROM replies WHERE id > ? ORDER BY id LIMIT ?"
_NAMED = (
    "SELECT reply FROM attempts WHERE typeof(reply) = 'integer' AND reply > ?",
    "SELECT reply FROM draws WHERE typeof(reply) = 'integer' AND reply > ?",
)
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
        with ExitStack() as opened:
            read = opened.enter_context(closing(_connect(path, "ro")))
            _must_be_a_ledger(path, read)
            opened.pop_all()  # it is ours, and stays open
    except sqlite3.OperationalError as error:
        raise BadInput(
            f"{path}: this cannot be read ({error}); copy it, with its -wal file, to where you may write"
        ) from None
    except UNREADABLE as error:
        raise BadInput(f"{path}: this is no ledger, or its beginning is destroyed ({error}); restore a copy") from None
    return read


def _must_be_a_ledger(path: Path, read: sqlite3.Connection) -> None:
    application, version = (read.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    empty = not application and not read.execute("SELECT 1 FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and not empty:
        raise BadInput(f"{path}: this SQLite file is not a ledger of Potstill")
    if version > SCHEMA_VERSION:
        raise BadInput(f"{path}: a newer Potstill wrote this ledger (version {version}); upgrade potstill to read it")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """As `open_to_read`, and afterwards no file lies beside the ledger that did not before.

    A connection that cannot write leaves an empty log and its index behind. Taking them away is left to SQLite, which
    does so when the last connection that could write is closed, and for no other.
    """
    was_open = path.with_name(f"{path.name}-wal").exists()
    try:
        with closing(open_to_read(path)) as read:
            yield read
    finally:
        if not was_open:
            with suppress(*UNREADABLE), closing(_connect(path, "rw")) as last:
                last.execute("SELECT 1 FROM sqlite_master").fetchone()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=60)


def rows(read: sqlite3.Connection, table: str) -> int:
    """How many rows a table has; 0 where it is missing or cannot be counted."""
    try:
        return read.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
    except UNREADABLE:
        return 0


def verify(read: sqlite3.Connection, track: Track) -> Verified:
    """Look at everything, each reply once; `track` is told of each."""
    findings = list(_structure(read))
    there = _tables(read)
    if "replies" in there:
        read.execute("CREATE TEMP TABLE answers (reply INTEGER PRIMARY KEY, number INTEGER)")
        findings += _bodies(read, track, with_logprobs="logprobs" in there)
    findings.append(_words(read, there))
    for relation in RELATIONS:
        if relation.tables <= there:
            findings.append(_collect(read, relation.says, relation.do, relation.query))
    counts = {name: rows(read, name) for name in sorted(there & set().union(*TABLES))}
    return Verified(counts, tuple(finding for finding in findings if finding.count))


def _structure(read: sqlite3.Connection) -> Iterator[Finding]:
    yield _collect(read, "SQLite finds the file damaged", _RESTORE, "PRAGMA integrity_check(20)", but="ok")
    version, there = max(0, read.execute("PRAGMA user_version").fetchone()[0]), _tables(read)
    missing = Finding("a table is missing", _RESTORE)
    for name in sorted(set().union(*TABLES[:version]) - there):
        missing.add(name)
    yield missing
    older = Finding("the file says that it is older than a table in it", _RESTORE)
    for name in sorted(set().union(*TABLES[version:]) & there):
        older.add(name)
    yield older


def _bodies(read: sqlite3.Connection, track: Track, *, with_logprobs: bool) -> list[Finding]:
    bodies = Finding("a reply cannot be read", GIVE_UP)
    logprobs = Finding("the log-probabilities of a reply cannot be read", GIVE_UP)
    stored = Bodies()
    for reply in _replies(read, bodies):
        track.advance()
        try:
            found = _reply(read, stored, reply)
        except (UnreadableBodyError, *UNREADABLE) as error:
            bodies.add(f"{reply}: {error}")
            continue
        read.execute("INSERT INTO temp.answers VALUES (?, ?)", (reply, answers_in(found)))
        if with_logprobs and (wrong := _wrong_logprobs(read, stored, reply, len(found["choices"]))):
            logprobs.add(f"{reply}: {wrong}")
    return [bodies, logprobs]


def _reply(read: sqlite3.Connection, stored: Bodies, reply: int) -> dict[str, Any]:
    row = read.execute("SELECT codec, body FROM replies WHERE id = ?", (reply,)).fetchone()
    if row is None:
        raise UnreadableBodyError("not found under its id")
    return stored.reply(*row)


def _wrong_logprobs(read: sqlite3.Connection, stored: Bodies, reply: int, choices: int) -> str:
    try:
        row = read.execute("SELECT body FROM logprobs WHERE reply = ?", (reply,)).fetchone()
        told = stored.logprobs(row[0]) if row else None
    except (UnreadableBodyError, *UNREADABLE) as error:
        return str(error)
    return "" if told is None or len(told) == choices else f"of {len(told)} choices, and the reply has {choices}"


def _replies(read: sqlite3.Connection, broken: Finding) -> Iterator[int]:
    """The ids of the replies, rising; where their list breaks off, those that attempts and draws name beyond.

    In short reads, so that a ledger in use can be merged with its log meanwhile.
    """
    last = _BELOW_ALL
    while True:
        batch, error = _fetched(read, _LIST, last, _BATCH)
        for reply in batch:
            if reply <= last:  # the pages of a damaged table can lead back to where one was
                error = "the ids do not rise"
                break
            yield (last := reply)
        if error:
            broken.add(f"after {last}: {error}" if last > _BELOW_ALL else error)
            named = set().union(*(_fetched(read, query, last)[0] for query in _NAMED))
            yield from sorted(named)
        if error or len(batch) < _BATCH:
            return


def _fetched(read: sqlite3.Connection, query: str, *values: int) -> tuple[list[int], str]:
    """The numbers that a query finds, up to where the file is damaged, and what SQLite says of that."""
    found: list[int] = []
    try:
        found.extend(number for (number,) in read.execute(query, values))
    except UNREADABLE as error:
        return found, str(error)
    return found, ""


def _words(read: sqlite3.Connection, there: set[str]) -> Finding:
    finding = Finding("what should be text is not", _RESTORE)
    for table in sorted(there.intersection(WORDS)):
        columns = WORDS[table]
        try:
            for row in read.execute(f"SELECT DISTINCT {columns} FROM {table}"):  # noqa: S608 - our names
                if not all(isinstance(word, str) for word in row):
                    finding.add(f"{table}: {row}")
        except UNREADABLE as error:  # other bytes than UTF-8 among them
            finding.add(f"{table}: {error}")
    return finding


def _collect(read: sqlite3.Connection, says: str, do: str, query: str, but: str | None = None) -> Finding:
    finding = Finding(says, do)
    try:
        rows: Iterable[tuple[str]] = read.execute(query)
        for (where,) in rows:
            if where != but:
                finding.add(str(where))
    except UNREADABLE as error:
        finding.add(f"cannot be looked up: {error}")
    return finding


def _tables(read: sqlite3.Connection) -> set[str]:
    """The tables that are there; none where the list of them is damaged, of which integrity_check tells."""
    try:
        return {row[0] for row in read.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except UNREADABLE:
        return set()
