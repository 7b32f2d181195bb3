"""Told only when it is on disk, committed all the same while the disk stalls, and never called written once it failed."""

import asyncio
import errno
import gc
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from potstill.errors import BrokenWorld
from potstill.ledger.entries import Answered, Cap, Charge, Elsewhere, Refused, Reservation, Reserved, Settlement, Stored
from potstill.ledger.file import connect
from potstill.ledger.ledger import Ledger
from potstill.ledger.purse import Purse
from potstill.ledger.stats import stats
from potstill.ledger.syncing import Syncer

from .booking import PAYER, WORST, find, keep, reserved, settle

REPLY = Answered(b"{}", {b"a": 0}, 0.1)


def wanted(key: bytes) -> Reservation:
    return Reservation(PAYER, [key], WORST)


@contextmanager
def stalling_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is synced until the event is set."""
    goes_on = threading.Event()
    with monkeypatch.context() as during:
        during.setattr("potstill.ledger.syncing._sync", lambda log: goes_on.wait(20))
        yield goes_on
        goes_on.set()


def fail_to_sync(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fail(log: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("potstill.ledger.syncing._sync", fail)


def count_syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes that are synced from now on."""
    synced: list[int] = []
    monkeypatch.setattr("potstill.ledger.syncing._sync", lambda log: synced.append(os.fstat(log).st_ino))
    return synced


def test_while_the_disk_stalls_what_comes_is_committed_and_nobody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(ledger: Ledger) -> tuple[int, int]:
        assert find(ledger, b"before")
        first = await ledger.reserve(wanted(b"a"))
        assert isinstance(first, Reserved)
        with stalling_disk(monkeypatch) as goes_on:
            waiting: list[asyncio.Future[Any]] = [ledger.reserve(wanted(b"b"))]
            await asyncio.sleep(0.1)
            waiting.append(ledger.settle(Settlement(first, "ok", Charge(3, 4, 0.5), answer=REPLY), wanted(b"a")))
            while stats(ledger.path, ledger.reader).replies < 2:  # noqa: ASYNC110 - nobody says when another thread commits
                await asyncio.sleep(0.001)
            told = sum(one.done() for one in waiting)
            assert find(ledger, b"a") is None, "nobody uses it before either, or waits for the disk to look"
            goes_on.set()
            await asyncio.gather(*waiting)
            assert find(ledger, b"a")
        return told, sum(one.done() for one in waiting)

    with Ledger(tmp_path / "ledger.db") as ledger:
        keep(ledger, b"{}", b"before")
        assert asyncio.run(asyncio.wait_for(work(ledger), 15)) == (0, 2)


def test_a_reply_is_not_told_before_its_log_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        for key in (b"a", b"b"):
            synced = count_syncs(monkeypatch)
            keep(ledger, b"{}", key)
            assert synced == [(tmp_path / "ledger.db-wal").stat().st_ino] * 2, "the reservation, and the reply"


def test_what_was_there_before_is_synced_once_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(tmp_path / "ledger.db") as other, Ledger(tmp_path / "ledger.db") as ledger:
        for key in (b"a", b"b"):
            keep(other, b"{}", key)
        synced = count_syncs(monkeypatch)
        assert all(find(ledger, key) for key in (b"a", b"b"))
        assert len(synced) == 1


def test_what_another_process_puts_down_is_not_used_before_it_is_on_disk_and_no_search_waits_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(tmp_path / "ledger.db") as other, Ledger(tmp_path / "ledger.db") as ledger:
        keep(other, b"{}", b"a")
        assert find(ledger, b"a")
        keep(other, b"{}", b"b")
        synced = count_syncs(monkeypatch)
        assert find(ledger, b"b") is None
        assert synced == []
        assert reserved(ledger, b"b")[0] == Elsewhere(frozenset([b"b"]), frozenset())
        assert find(ledger, b"b")
        assert len(synced) == 1


def test_whoever_has_bought_something_waits_for_no_disk_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(tmp_path / "ledger.db") as other, Ledger(tmp_path / "ledger.db") as ledger:
        keep(other, b"{}", b"a")
        keep(ledger, b"{}", b"b")
        keep(other, b"{}", b"c")
        synced = count_syncs(monkeypatch)
        assert [find(ledger, key) is not None for key in (b"a", b"b", b"c")] == [True, True, False]
        assert synced == []


def test_what_was_refused_and_then_bought_by_another_process_is_not_called_refused(tmp_path: Path) -> None:
    refusal = Refused("error:http_400", "no")
    with Ledger(tmp_path / "ledger.db") as other, Ledger(tmp_path / "ledger.db") as ledger:
        settle(other, reserved(other, b"a"), "http_400", refusal=refusal)
        keep(ledger, b"{}", b"b")
        assert find(ledger, b"a") == refusal
        keep(other, b"{}", b"a")  # --retry rejected
        assert find(ledger, b"a") is None
        assert isinstance(reserved(ledger, b"a")[0], Elsewhere)
        assert isinstance(find(ledger, b"a"), Stored)


def test_of_a_lost_write_whoever_syncs_at_that_moment_hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = threading.Event()

    def lose(log: int) -> None:
        """As the system does: one call fails, and the next has nothing to say."""
        if not first.is_set():
            first.set()
            time.sleep(0.2)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    connection = connect(tmp_path / "ledger.db")
    syncer, failures = Syncer(tmp_path / "ledger.db"), []
    monkeypatch.setattr("potstill.ledger.syncing._sync", lose)
    syncer.then(failures.append)
    first.wait(20)
    with pytest.raises(OSError, match="Input/output error"):
        syncer.now()
    syncer.close()
    connection.close()
    assert [str(failure) for failure in failures] == ["[Errno 5] Input/output error"]


def test_what_a_dead_process_left_in_the_log_is_in_the_file_before_anything_follows_it(tmp_path: Path) -> None:
    path, log = tmp_path / "ledger.db", tmp_path / "ledger.db-wal"
    with Ledger(path) as other:
        keep(other, os.urandom(500_000), b"a")
        left = log.stat().st_size
        with Ledger(path) as ledger:
            keep(ledger, b"{}", b"b")
            assert log.stat().st_size < left
            assert find(ledger, b"a")
            assert find(other, b"a")


def test_whoever_reads_the_ledger_at_length_is_not_waited_for_and_the_log_is_begun_anew_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reserve(ledger: Ledger) -> Any:
        return await asyncio.wait_for(ledger.reserve(wanted(b"c")), 20)

    monkeypatch.setattr("potstill.ledger.writer.ANEW_EVERY_S", 0.0)
    path, log = tmp_path / "ledger.db", tmp_path / "ledger.db-wal"
    with Ledger(path) as other, Ledger(path) as ledger:
        keep(other, os.urandom(500_000), b"a")
        keep(other, b"{}", b"b")
        reading, left = other.reader.execute("SELECT * FROM draws"), log.stat().st_size
        assert isinstance(asyncio.run(reserve(ledger)), Reserved)
        assert log.stat().st_size >= left
        assert len(reading.fetchall()) == len((b"a", b"b"))
        keep(ledger, b"{}", b"d")
        assert log.stat().st_size < left


def test_a_file_that_cannot_grow_after_a_kill_keeps_nobody_from_burying_the_dead(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    script = f"""
import os, signal
from pathlib import Path
from potstill.ledger.ledger import Ledger
from potstill.tests.booking import keep, reserved
with Ledger(Path({str(path)!r})) as ledger:
    keep(ledger, os.urandom(800_000), b"in the file")
ledger = Ledger(Path({str(path)!r}))
keep(ledger, os.urandom(200_000), b"in the log")
reserved(ledger, b"open")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    (ballast,) = (tmp_path / "ledger.db.holders").iterdir()
    assert ballast.stat().st_size > 0
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50_000, hard))
    try:
        ledger = Ledger(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with ledger:
        assert not ballast.exists()
        assert ledger.bill("run").outcomes == {"ok": 2, "killed": 1}


def test_what_cannot_be_synced_is_not_called_written_and_never_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        keep(ledger, b"{}", b"a")
        with monkeypatch.context() as during:
            fail_to_sync(during, errno.EIO)
            with pytest.raises(BrokenWorld, match=r"may have reached the disk .*Input/output error"):
                keep(ledger, b"{}", b"b")
        # The system tells of a lost write once; what follows it in the log is lost with it.
        with pytest.raises(BrokenWorld, match="Input/output error"):
            keep(ledger, b"{}", b"c")
        with pytest.raises(BrokenWorld, match="Input/output error"), ledger.transaction() as write:
            write.execute("DELETE FROM rejections")
        assert find(ledger, b"a"), "it was on disk before"


def test_a_disk_that_is_full_when_the_log_is_synced_gets_the_ballast_and_nothing_new_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        held = reserved(ledger, b"a")
        (file,) = (tmp_path / "ledger.db.holders").iterdir()
        assert file.stat().st_size > 0
        with monkeypatch.context() as during:
            fail_to_sync(during, errno.ENOSPC)
            with pytest.raises(BrokenWorld, match="No space left"):
                settle(ledger, held, answer=REPLY)
        assert file.stat().st_size == 0
        with pytest.raises(BrokenWorld, match="No space left"):
            reserved(ledger, b"b")
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert find(ledger, b"a"), "it was paid for, and the system had it"
        assert ledger.bill("run").outcomes == {"ok": 1}


def test_a_reservation_that_could_not_be_synced_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unheard: list[Any] = []

    async def work(ledger: Ledger) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        with pytest.raises(BrokenWorld, match="Input/output error"):
            await Purse(ledger, PAYER, Cap()).reserve([b"a"], WORST, lambda: None)
        await asyncio.sleep(0.1)
        gc.collect()

    with Ledger(tmp_path / "ledger.db") as ledger:
        fail_to_sync(monkeypatch, errno.EIO)
        asyncio.run(work(ledger))
        bill = ledger.bill("run")
    assert bill.sent == 0
    assert bill.usd == 0
    assert unheard == []


def test_what_is_waiting_is_synced_before_a_ledger_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(ledger: Ledger) -> "asyncio.Future[Any]":
        return ledger.reserve(wanted(b"a"))

    with Ledger(tmp_path / "ledger.db") as ledger:
        synced = count_syncs(monkeypatch)
        asyncio.run(work(ledger))
    assert synced, "although the loop that asked is closed"


def test_a_ledger_that_goes_by_another_name_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "ledger.db", tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    with Ledger(path) as ledger, Ledger(link) as other:
        assert isinstance(reserved(ledger, b"a")[0], Reserved)
        assert isinstance(reserved(other, b"a")[0], Elsewhere)
        synced = count_syncs(monkeypatch)
        keep(other, b"{}", b"b")
        assert set(synced) == {path.with_name("ledger.db-wal").stat().st_ino}
    assert list(link.parent.iterdir()) == [link]
