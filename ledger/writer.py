"""One thread writes. What arrives while a commit is under way shares the next one, and each caller is woken after it."""

import asyncio
import fcntl
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BrokenWorld

GATHERING_S = 0.002
"""How long a commit waits for others to share it: an eighth of the CPU of asking less, for 2 ms on replies that take longer."""

Post = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
"""What does the orders of one commit inside its transaction; each result goes to whoever ordered."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    order: Any
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Any]"


class Writer:
    """The one writing connection of this process to a ledger, and the thread that uses it."""

    def __init__(self, path: Path, connection: sqlite3.Connection, post: Post) -> None:
        self._path, self._connection, self._post = path, connection, post
        self._lock = (path.parent / (path.name + ".lock")).open("a")
        self._inbox: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_until_closed, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, order: Any) -> "asyncio.Future[Any]":
        """Have an order done; the future gets its result when it is on disk.

        Raises (from the future):
            BrokenWorld: it could not be written: the disk is full or gone.
        """
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._inbox.put(_Waiting(order, loop, done))
        return done

    def close(self) -> None:
        """Commit what is waiting, then end."""
        self._inbox.put(None)
        self._thread.join()
        self._connection.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in it is on disk when it ends, or nothing is. For the writing thread, or while it has nothing to do."""
        # One process at a time: SQLite before 3.51.3 can damage a WAL that two connections write and checkpoint at once.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has already rolled it back
                    self._connection.execute("ROLLBACK")
                raise
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            waiting = [self._inbox.get()]
            time.sleep(GATHERING_S)
            while not self._inbox.empty():
                waiting.append(self._inbox.get())
            closing = None in waiting
            self._commit([one for one in waiting if one is not None])

    def _commit(self, waiting: Sequence[_Waiting]) -> None:
        if not waiting:
            return
        results: Sequence[Any]
        try:
            with self.transaction() as connection:
                results = self._post(connection, [one.order for one in waiting])
        except Exception as error:  # noqa: BLE001 - the boundary of the thread: whoever waits must hear of anything
            problem = BrokenWorld(
                f"{self._path}: the ledger cannot be written ({error}). Make room or mend the disk, then run again: "
                "everything that was recorded is kept"
            )
            results = [problem] * len(waiting)
        _wake(waiting, results)


def _wake(waiting: Sequence[_Waiting], results: Sequence[Any]) -> None:
    """Resolve the futures of one commit, in one call per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for one, result in zip(waiting, results, strict=True):
        by_loop.setdefault(one.loop, []).append((one.done, result))
    for loop, resolved in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, resolved)


def _resolve(resolved: Sequence[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in resolved:
        if future.done():  # whoever waited was cancelled
            continue
        if isinstance(result, BrokenWorld):
            future.set_exception(result)
        else:
            future.set_result(result)
