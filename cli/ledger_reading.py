"""Opening a ledger for a command that looks into it: nothing is left beside it, and damage ends in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """What SQLite cannot read of a ledger ends the command, and says what to do.

    Raises:
        BrokenWorld: the ledger is damaged, or cannot be used at the moment: held by another program, the disk full.
    """
    from ..errors import BrokenWorld
    from ..ledger.faults import UNREADABLE, is_in_the_way

    try:
        yield
    except UNREADABLE as error:
        if is_in_the_way(error):
            raise BrokenWorld(
                f"{path}: this ledger cannot be used now ({error}): try again when there is room on the disk and no other "
                "program holds it"
            ) from None
        raise BrokenWorld(
            f"{path}: this ledger cannot be read whole ({error}); "
            f"`potstill ledger verify --ledger {path}` says what is damaged and what to do"
        ) from None


@contextmanager
def looked_into(path: Path) -> "Iterator[sqlite3.Connection]":
    """A connection for looking only, where there is nothing to set right first; else that of an open ledger.

    To be set right are an older version, and what a dead process has left.

    Raises:
        BadInput: it is no ledger, was written by a newer Potstill, or its beginning is destroyed.
        BrokenWorld: it is damaged elsewhere, or cannot be used at the moment.
    """
    from ..ledger.ledger import Ledger
    from ..ledger.verification import reading

    with in_words(path):
        with reading(path) as read:
            if _is_at_rest(path, read):
                yield read
                return
        with Ledger(path) as opened:
            yield opened.reader


def _is_at_rest(path: Path, read: "sqlite3.Connection") -> bool:
    from ..ledger.file import SCHEMA_VERSION
    from ..ledger.holders import are_there

    current = read.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    return current and not are_there(path) and not read.execute("SELECT 1 FROM claims").fetchone()
