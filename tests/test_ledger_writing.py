"""What is paid for is written down: on a full disk, beside an order that cannot be, and while another process is stopped."""

import asyncio
import fcntl
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from potstill.errors import BrokenWorld
from potstill.ledger.books import GATHERING_MOST_S, GATHERING_S, MANY_OPEN, Books, Release
from potstill.ledger.entries import Answered, Charge, Reservation, Reserved, Settlement
from potstill.ledger.file import connect
from potstill.ledger.holders import Holder
from potstill.ledger.ledger import Ledger
from potstill.ledger.settling import Ended
from potstill.ledger.stats import stats
from potstill.ledger.turns import Turns
from potstill.ledger.writer import Writer

from .booking import PAYER, WORST, find, keep, reserved

KEYS = [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"]


def wanted(key: bytes) -> Reservation:
    return Reservation(PAYER, [key], WORST)


def ended(key: bytes, got: Reserved, usd: float = 0.5) -> Ended:
    """A reply that does not get smaller by compressing, and takes pages of its own."""
    answer = Answered(os.urandom(40_000), {key: 0}, 0.1)
    return Ended(Settlement(got, "ok", Charge(3, 4, usd), answer=answer), wanted(key))


def done(writer: Writer, *orders: Any) -> list[Any]:
    """What comes of orders that arrive at once, errors among it."""

    async def work() -> list[Any]:
        return await asyncio.gather(*map(writer.submit, orders), return_exceptions=True)

    return asyncio.run(work())


@contextmanager
def filling_disk(path: Path) -> Iterator[tuple[Writer, sqlite3.Connection]]:
    """A writer to a ledger that SQLite can be forbidden to let grow, until room is made for it."""
    connection, holder = connect(path), Holder(path)

    def make_room() -> None:
        holder.make_room()
        connection.execute("PRAGMA max_page_count = 100000")

    books = Books(holder, zstandard.ZstdCompressor())
    writer = Writer(path, connection, books.post, make_room, books.gathering_s)
    try:
        yield writer, connection
    finally:
        writer.close()
        holder.leave()


def fill(connection: sqlite3.Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_loses_no_reply_and_lets_nothing_new_begin(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with filling_disk(path) as (writer, connection):
        got = done(writer, *map(wanted, KEYS))
        fill(connection)
        results = done(writer, *map(ended, KEYS, got), wanted(b"new"))
        assert results[:-1] == [None] * len(KEYS)
        assert isinstance(results[-1], BrokenWorld)
        assert "full" in str(results[-1])
        (later,) = done(writer, wanted(b"later"))
        assert later is results[-1], "the room is for what was in flight"
    with Ledger(path) as ledger:
        assert sum(find(ledger, key) is not None for key in KEYS) == len(KEYS)
        assert ledger.bill("run").outcomes == {"ok": len(KEYS)}
        assert isinstance(reserved(ledger, b"new")[0], Reserved), "the next run begins again"


def test_a_reservation_that_nobody_waits_for_is_given_back_also_on_a_full_disk(tmp_path: Path) -> None:
    with filling_disk(tmp_path / "ledger.db") as (writer, connection):
        got = done(writer, *map(wanted, KEYS))
        fill(connection)
        assert done(writer, ended(b"a", got[0]), Release(wanted(b"b"))) == [None, None]
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert ledger.bill("run").outcomes == {"ok": 1, "killed": len(KEYS) - 2}, "b was never sent"


def test_a_ledger_throws_its_ballast_off_when_it_meets_a_full_disk(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        keep(ledger, b"{}", b"a")
        (file,) = (tmp_path / "ledger.db.holders").iterdir()
        assert file.stat().st_size > 0
        with ledger.transaction() as write:
            fill(write)
        with pytest.raises(BrokenWorld, match="full"):
            keep(ledger, os.urandom(100_000), b"b")
        assert file.stat().st_size == 0


def test_an_order_that_cannot_be_written_takes_no_other_with_it(tmp_path: Path) -> None:
    with filling_disk(tmp_path / "ledger.db") as (writer, _):
        got = done(writer, *map(wanted, KEYS))
        replies = [ended(key, one, math.nan if key == b"c" else 0.5) for key, one in zip(KEYS, got, strict=True)]
        results = done(writer, *replies, wanted(b"new"))
        assert isinstance(results[2], BrokenWorld)
        assert [one for one in results[:-1] if one] == [results[2]]
        assert isinstance(results[-1], Reserved)
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert sum(find(ledger, key) is not None for key in KEYS) == len(KEYS) - 1
        assert find(ledger, b"c") is None


def test_an_order_that_cannot_be_written_takes_no_other_with_it_on_a_full_disk(tmp_path: Path) -> None:
    with filling_disk(tmp_path / "ledger.db") as (writer, connection):
        got = done(writer, *map(wanted, KEYS))
        fill(connection)
        bad = Ended(Settlement(got[-1], "ok", Charge(usd=math.nan)), wanted(KEYS[-1]))
        results = done(writer, *map(ended, KEYS[:-1], got), bad)
        assert [isinstance(one, BrokenWorld) for one in results] == [False] * 7 + [True]
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert sum(find(ledger, key) is not None for key in KEYS) == len(KEYS) - 1


@contextmanager
def stopped_within_a_commit(path: Path) -> Iterator[None]:
    """What a process that is stopped while it writes does to the others."""
    with path.with_name(path.name + ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_process_that_is_stopped_while_it_writes_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path).__exit__()
    turns = Turns(path, patience_s=0.05)
    with (
        stopped_within_a_commit(path),
        pytest.raises(BrokenWorld, match="another potstill holds this ledger"),
        turns.mine(),
    ):
        raise AssertionError
    with turns.mine():  # it went on
        pass
    turns.close()


def test_a_ledger_can_be_looked_into_while_a_process_that_writes_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        keep(ledger, b"{}", b"a")
    with stopped_within_a_commit(path), Ledger(path) as ledger:
        assert find(ledger, b"a")
        assert stats(path, ledger.reader).draws == 1


def test_a_commit_waits_longer_only_while_many_requests_are_open(tmp_path: Path) -> None:
    connection, holder = connect(tmp_path / "ledger.db"), Holder(tmp_path / "ledger.db")
    books = Books(holder, zstandard.ZstdCompressor())
    orders = [wanted(b"%d" % number) for number in range(MANY_OPEN)]
    connection.execute("BEGIN")
    least = books.gathering_s()
    got = books.post(connection, orders)
    assert books.gathering_s() == GATHERING_MOST_S > least == GATHERING_S
    half = [ended(order.keys[0], one) for order, one in zip(orders, got, strict=True) if isinstance(one, Reserved)][::2]
    books.post(connection, half)
    assert books.gathering_s() == GATHERING_MOST_S / 2
    books.post(connection, [Release(order) for order in orders[1::2]])
    assert books.gathering_s() == GATHERING_S
    connection.close()
    holder.leave()
