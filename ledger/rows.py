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

GIVEN = "SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL"
"""The rows of an INSERT, whose first value is never NULL."""


def write_rows(write: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute a statement whose `VALUES ?` stands for all the rows, and for some of NULLs, which must say nothing to it."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        _execute(write, statement, [value for row in some for value in row], len(some), len(some[0]))


def rows_with(connection: sqlite3.Connection, statement: str, values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """What a query finds whose `IN (VALUES ?)` stands for all the values; never `NOT IN`, for NULLs may be among them."""
    wanted = list(values)
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        some = wanted[start : start + ROWS_AT_ONCE]
        yield from _execute(connection, statement, some, len(some), 1).fetchall()


def _execute(
    connection: sqlite3.Connection, statement: str, values: list[Any], rows: int, columns: int
) -> sqlite3.Cursor:
    length = _rounded(rows)
    return connection.execute(_spelled(statement, length, columns), values + [None] * ((length - rows) * columns))


def _rounded(rows: int) -> int:
    """So many rows or up to a quarter more: statements of a few lengths, so that SQLite need not compile each anew."""
    step = 1 << max((rows - 1).bit_length() - 3, 0)
    return -(-rows // step) * step


@lru_cache(maxsize=512)
def _spelled(statement: str, rows: int, columns: int) -> str:
    row = "(" + ",".join("?" * columns) + ")"
    return statement.replace("VALUES ?", "VALUES " + ",".join([row] * rows))
