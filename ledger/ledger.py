"""The ledger: every reply that was paid for, durable before anyone uses it.

One thread writes. Entries that arrive while a commit is under way share the next one (group commit), and each
caller is woken after its own entry is on disk.
"""

import asyncio
import fcntl
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import zstandard

from ..errors import BrokenWorld
from .entries import Attempt, Bill, Entry, Stored
from .file import connect

COMPRESS_FROM_BYTES = 1024
_Waiting = tuple[Entry, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Ledger:
    """The open ledger of a project; a context manager that commits what is waiting when it closes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = connect(path)
        self._writer = connect(path)
        self._lock = (path.parent / (path.name + ".lock")).open("a")
        self._compress = zstandard.ZstdCompressor(level=3).compress
        self._decompress = zstandard.ZstdDecompressor().decompress
        self._inbox: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_until_closed, name="ledger", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._inbox.put(None)
        self._thread.join()
        self._reader.close()
        self._writer.close()
        self._lock.close()

    def find(self, key: bytes) -> Stored | None:
        """The reply that satisfies a key, if it was ever paid for."""
        row = self._reader.execute(
            "SELECT body, codec, choice, seconds, usd FROM draws JOIN replies ON replies.id = reply WHERE key = ?",
            (key,),
        ).fetchone()
        if row is None:
            return None
        body, codec, choice, seconds, usd = row
        return Stored(self._decompress(body) if codec else body, choice, seconds, usd)

    async def keep(self, entry: Entry) -> None:
        """Return when the entry is on disk.

        Raises:
            BrokenWorld: it could not be written: the disk is full or gone.
        """
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._inbox.put((entry, loop, done))
        await done

    def bill(self, run: str, stage: str | None = None) -> Bill:
        """What a run's attempts, or those of one of its stages, came to in all."""
        row = self._reader.execute(
            "SELECT count(*), coalesce(sum(outcome <> 'ok'), 0), coalesce(sum(input_tokens), 0),"
            " coalesce(sum(output_tokens), 0), coalesce(sum(usd), 0.0), coalesce(sum(usd * (settled = 0)), 0.0)"
            " FROM attempts WHERE run = ? AND (? IS NULL OR stage = ?)",
            (run, stage, stage),
        ).fetchone()
        return Bill(*row)

    def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            waiting = [self._inbox.get()]
            while not self._inbox.empty():
                waiting.append(self._inbox.get())
            closing = None in waiting
            self._commit([item for item in waiting if item is not None])

    def _commit(self, waiting: Sequence[_Waiting]) -> None:
        if not waiting:
            return
        problem: BrokenWorld | None = None
        try:
            with self._transaction() as write:
                for entry, _, _ in waiting:
                    self._insert(write, entry)
        except Exception as error:  # noqa: BLE001 - the boundary of the thread: whoever waits must hear of anything
            problem = BrokenWorld(
                f"{self.path}: the ledger cannot be written ({error}). Make room or mend the disk, then run again: "
                "everything that was recorded is kept"
            )
        _wake(waiting, problem)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        # One process at a time: SQLite before 3.51.3 can damage a WAL that two connections write and checkpoint at once.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # a full disk has already rolled it back
                    self._writer.execute("ROLLBACK")
                raise
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _insert(self, write: sqlite3.Connection, entry: Entry) -> None:
        now = time.time()
        reply = None
        if entry.choices:
            codec = int(len(entry.body) >= COMPRESS_FROM_BYTES)
            body = self._compress(entry.body) if codec else entry.body
            values = (now, entry.seconds, entry.attempt.usd, codec, body)
            reply = write.execute(
                "INSERT INTO replies (created, seconds, usd, codec, body) VALUES (?, ?, ?, ?, ?)", values
            ).lastrowid
            # A key is satisfied once: the first answer stays, whoever bought it.
            rows = [(key, reply, choice) for key, choice in entry.choices.items()]
            write.executemany("INSERT OR IGNORE INTO draws (key, reply, choice) VALUES (?, ?, ?)", rows)
        spent = entry.attempt
        who = spent.payer
        write.execute(
            "INSERT INTO attempts (created, run, stage, recipe, teacher, outcome, reply,"
            " input_tokens, output_tokens, usd, settled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (now, who.run, who.stage, who.recipe, who.teacher, spent.outcome, reply, *_paid(spent)),
        )


def _paid(attempt: Attempt) -> tuple[int, int, float, bool]:
    return attempt.input_tokens, attempt.output_tokens, attempt.usd, attempt.settled


def _wake(waiting: Sequence[_Waiting], problem: BrokenWorld | None) -> None:
    """Resolve the futures of one commit, in one call per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for _, loop, done in waiting:
        by_loop.setdefault(loop, []).append(done)
    for loop, futures in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, futures, problem)


def _resolve(futures: Sequence["asyncio.Future[None]"], problem: BrokenWorld | None) -> None:
    for future in futures:
        if future.done():  # whoever waited was cancelled
            continue
        if problem is None:
            future.set_result(None)
        else:
            future.set_exception(problem)
