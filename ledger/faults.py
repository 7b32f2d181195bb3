"""Why a commit failed: a full disk, something else in the world, or one of its orders."""

import sqlite3

from ..errors import BrokenWorld

DISK_MAY_BE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
"""A quota that is used up, or no room for the index of the write-ahead log, is an IOERR."""
IN_THE_WAY = DISK_MAY_BE_FULL | {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
}
"""What says nothing of whether the file is sound."""
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
"""What says that it is not; the last, that a table is missing."""
OF_THE_WORLD = IN_THE_WAY | DAMAGE

UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises: where a name in it is damaged, sqlite3 fails to decode SQLite's own message."""


class NotSyncedError(BrokenWorld):
    """It was committed, and the disk failed when it was to be synced: a crash of the machine may take it away."""


def disk_may_be_full(error: Exception) -> bool:
    """Whether room could help."""
    return isinstance(error, OSError) or _code(error) in DISK_MAY_BE_FULL


def is_in_the_way(error: Exception) -> bool:
    """Whether something keeps us from the file, which may well be sound: another program, the disk, its permissions."""
    return _code(error) in IN_THE_WAY


def is_damage(error: Exception) -> bool:
    """Whether the file itself is not sound."""
    return isinstance(error, UnicodeDecodeError) or _code(error) in DAMAGE


def is_an_orders_fault(error: Exception) -> bool:
    """Whether the other orders of the commit could be written without one that is to blame."""
    of_the_world = isinstance(error, BrokenWorld | OSError) or _code(error) in OF_THE_WORLD
    return not of_the_world


def _code(error: Exception) -> int:
    """SQLite's primary result code; 0 if it is not SQLite's error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
