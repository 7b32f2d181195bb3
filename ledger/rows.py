"""Many rows by one statement.

sqlite3 lets go of the interpreter at every statement, and while other threads compute it takes up to a switch interval to get
it back: a hundred statements in a commit could hold up what was answered for a tenth of a second.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

ROWS_AT_ONCE = 500
"""Within SQLite's limit of 32,766 values for one statement."""


def write_rows(write: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute a statement whose `VALUES ?` stands for all the rows."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        write.execute(_spelled(statement, len(some), len(some[0])), [value for row in some for value in row])


def rows_with(connection: sqlite3.Connection, statement: str, values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """What a query finds whose `IN (VALUES ?)` stands for all the values."""
    wanted = [(value,) for value in values]
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        some = wanted[start : start + ROWS_AT_ONCE]
        yield from connection.execute(_spelled(statement, len(some), 1), [value for (value,) in some]).fetchall()


@lru_cache(maxsize=512)
def _spelled(statement: str, rows: int, columns: int) -> str:
    row = "(" + ",".join("?" * columns) + ")"
    return statement.replace("VALUES ?", "VALUES " + ",".join([row] * rows))
