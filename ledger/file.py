"""The ledger's file: opened only if it is ours and not newer than we are, private to its owner, never overwritten."""

import sqlite3
from pathlib import Path

from ..errors import BadInput
from .faults import UNREADABLE
from .network import refuse_network

APPLICATION_ID = 0x504F5453  # "POTS"
SCHEMA_VERSION = 2

_FIRST = """
CREATE TABLE replies (
    id INTEGER PRIMARY KEY,
    created REAL NOT NULL,           -- seconds since 1970
    seconds REAL NOT NULL,           -- from sending to the last byte
    usd REAL NOT NULL,               -- what it cost when it was bought
    codec INTEGER NOT NULL,          -- 0: as it came, 1: zstd
    body BLOB NOT NULL
);
CREATE TABLE draws (
    key BLOB PRIMARY KEY,            -- ledger.key.request_keys
    reply INTEGER NOT NULL REFERENCES replies (id),
    choice INTEGER NOT NULL          -- which of the reply's choices
) WITHOUT ROWID;
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    created REAL NOT NULL,
    run TEXT NOT NULL,
    stage TEXT NOT NULL,
    recipe TEXT NOT NULL,            -- digest of the recipe that asked
    teacher TEXT NOT NULL,           -- identity
    outcome TEXT NOT NULL,           -- open, ok, killed, or what went wrong
    reply INTEGER REFERENCES replies (id),
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    usd REAL NOT NULL,
    settled INTEGER NOT NULL         -- 0: charged at its worst case, because it is open or no usage came back
);
CREATE INDEX attempts_by_run ON attempts (run, stage);
"""

_SECOND = """
CREATE TABLE logprobs (
    reply INTEGER PRIMARY KEY REFERENCES replies (id),
    body BLOB NOT NULL               -- zstd of a JSON list: one entry per choice
);
CREATE TABLE rejections (
    key BLOB PRIMARY KEY,
    created REAL NOT NULL,
    status TEXT NOT NULL,            -- the row's status
    error TEXT NOT NULL              -- what the endpoint said
) WITHOUT ROWID;
CREATE TABLE claims (
    key BLOB PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempts (id),
    holder TEXT NOT NULL             -- ledger.holders: the process that is buying it
) WITHOUT ROWID;
CREATE TABLE spent (
    run TEXT PRIMARY KEY,
    nanousd INTEGER NOT NULL,        -- the sum over its attempts, in billionths of a dollar: sums of integers do not drift
    tokens INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO spent SELECT run, sum(CAST(round(usd * 1e9) AS INTEGER)), sum(input_tokens + output_tokens) FROM attempts
    GROUP BY run;
"""

STATEMENTS = 256
"""Statements that stay compiled: a commit has a dozen, each in the lengths of `ledger.rows`."""

BUSY_S = 60
"""How long SQLite waits for others, most of the time."""

UPGRADES = (_FIRST, _SECOND)
"""What makes version k + 1 of version k; an empty file has version 0."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the ledger at `path`, which is made if it is not there.

    WAL with `synchronous=NORMAL`: what was committed survives the death of the process, and a crash of the machine once the
    log is synced, which is left to `ledger.syncing`. The log is there.

    Raises:
        BadInput: the file is damaged, is something else, was written by a newer Potstill, or lies on a network.
    """
    refuse_network(path)
    try:
        _make_room(path)
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=BUSY_S, check_same_thread=False, cached_statements=STATEMENTS
        )
    except (OSError, sqlite3.OperationalError) as error:
        raise BadInput(
            f"{path}: no ledger can be made there ({error}); set POTSTILL_LEDGER to a file elsewhere"
        ) from None
    try:
        _bring_up_to_date(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # the first look makes the log
    except BadInput:
        connection.close()
        raise
    except sqlite3.OperationalError as error:
        connection.close()
        raise BadInput(
            f"{path}: this ledger cannot be used now ({error}); another program may hold it. Try again"
        ) from None
    except UNREADABLE as error:
        connection.close()
        raise BadInput(f"{path}: this ledger cannot be read ({error}); move it away or restore a copy of it") from None
    return connection


def begin_the_log_anew(connection: sqlite3.Connection) -> bool:
    """Move what lies in the log into the file; for whose turn it is to write.

    A process that has died may have left a log of which a part was lost on the way to the disk. The system may still show it
    whole, but what would be appended to it would be lost in a crash of the machine.

    Returns:
        Whether it could be done: somebody may be reading the log just now, or there is no room in the file.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError:
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")


def _make_room(path: Path) -> None:
    """The folder and an empty file that only its owner can read; git is told to leave them alone."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
        if path.parent.name == ".potstill":
            (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    if not path.exists():
        path.touch(mode=0o600)


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection, path) == SCHEMA_VERSION:
        return
    connection.execute("PRAGMA page_size = 16384")  # 4 KiB pages cost 1.7 times the space for replies of 2 KB
    connection.execute("BEGIN EXCLUSIVE")
    for upgrade in UPGRADES[_version(connection, path) :]:  # read again: another process may have been first
        for statement in upgrade.split(";\n"):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The file's version; 0 if there is nothing in it yet: it is new, or its making was cut short."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        return 0
    if application != APPLICATION_ID:
        raise BadInput(f"{path}: this SQLite file is not a ledger of Potstill; set POTSTILL_LEDGER to another path")
    if version > SCHEMA_VERSION:
        raise BadInput(f"{path}: a newer Potstill wrote this ledger (version {version}); upgrade potstill to use it")
    return version
