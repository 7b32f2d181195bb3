"""One thread writes. What arrives while a commit is under way shares the next one; each caller is woken when it is on disk."""

import asyncio
import math
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import BrokenWorld
from .faults import NotSyncedError, disk_may_be_full, is_an_orders_fault, is_damage
from .file import begin_the_log_anew
from .syncing import Syncer
from .turns import PATIENCE_S, Turns

WHILE_SYNCING_S = 0.02
"""How long a commit waits, at most, for the one before it to be synced: it shares the next sync all the same."""
ANEW_EVERY_S = 1.0
"""How often it is tried to begin the log anew."""

Post = Callable[[sqlite3.Connection, Sequence[Any], BrokenWorld | None], Sequence[Any]]
"""What does the orders of one commit inside its transaction; each result goes to whoever ordered.

After a full disk it is given the reason why nothing new is begun, which is then the result of such an order.
"""


class _Waiting(NamedTuple):
    order: Any
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Any]"


class Writer:
    """The one writing connection of this process to a ledger, and the thread that uses it.

    Args:
        path: what the connection is to.
        connection: used by nobody else.
        post: does the orders.
        make_room: called when the disk is full, from the thread.
        gathering_s: how long a commit waits for others to share it; asked before each.
        patience_s: how long other processes may take before it is an error.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        post: Post,
        make_room: Callable[[], None],
        gathering_s: Callable[[], float],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._path, self._connection, self._post = path, connection, post
        self._make_room, self._gathering_s = make_room, gathering_s
        self._turns = Turns(path, patience_s)
        self._anew_from = -math.inf
        """When the log may be begun anew; infinity: this process has done so."""
        self._syncer = Syncer(path)
        self.durable = self._last = -1
        """The last reply that was there after the last commit of which somebody was told; -1 before the first."""
        self._full: BrokenWorld | None = None
        self._inbox: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_until_closed, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, order: Any) -> "asyncio.Future[Any]":
        """Have an order done; the future gets its result when it is on disk.

        Raises (from the future):
            BrokenWorld: it could not be written: the disk is full or gone, or the order cannot be.
        """
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._inbox.put(_Waiting(order, loop, done))
        return done

    def close(self) -> None:
        """Commit and sync what is waiting, then end."""
        self._inbox.put(None)
        self._thread.join()
        self._syncer.close()
        self._connection.close()
        self._turns.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in it is on disk when it ends; if it fails nothing is, or (NotSyncedError) it may not stay.

        For use while the writing thread has nothing to do.
        """
        with self._committed() as connection:
            yield connection
        self.sync()

    def sync(self) -> None:
        """Return when everything that has been committed, by whatever process, is on disk.

        Raises:
            NotSyncedError: it may not be.
        """
        try:
            self._syncer.now()
        except OSError as error:
            raise self._not_synced(error) from None

    @contextmanager
    def _committed(self) -> Iterator[sqlite3.Connection]:
        # One process at a time: SQLite before 3.51.3 can damage a WAL that two connections write and checkpoint at once.
        with self._turns.mine():
            if (now := time.monotonic()) >= self._anew_from:
                self._anew_from = math.inf if begin_the_log_anew(self._connection) else now + ANEW_EVERY_S
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has already rolled it back
                    self._connection.execute("ROLLBACK")
                raise

    def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            waiting = [self._inbox.get()]
            time.sleep(self._gathering_s())
            self._syncer.wait(WHILE_SYNCING_S)
            while not self._inbox.empty():
                waiting.append(self._inbox.get())
            closing = None in waiting
            self._commit([one for one in waiting if one is not None])

    def _commit(self, waiting: Sequence[_Waiting]) -> None:
        if not waiting:
            return
        orders = [one.order for one in waiting]
        try:
            results = self._posted(orders)
        except Exception as error:  # noqa: BLE001 - the boundary of the thread: whoever waits must hear of anything
            results = self._saved(orders, error)
        self._syncer.then(partial(self._tell, waiting, results, self._last))

    def _tell(self, waiting: Sequence[_Waiting], results: Sequence[Any], last: int, failure: OSError | None) -> None:
        """Wake who waited for a commit, now that it is on disk; if it may not be, nothing new is begun."""
        if failure:
            problem = self._not_synced(failure)
            self._full = self._full or problem
            with suppress(OSError, ValueError):  # no ballast, or a file that is being replaced
                self._make_room()
            results = [problem] * len(waiting)
        else:
            self.durable = last
        _wake(waiting, results)

    def _posted(self, orders: Sequence[Any]) -> Sequence[Any]:
        with self._committed() as connection:
            results = self._post(connection, orders, self._full)
            (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM replies").fetchone()
        self._last = last
        return results

    def _saved(self, orders: Sequence[Any], error: Exception) -> Sequence[Any]:
        """What can still be done of a commit that failed: no reply in it is lost to a full disk, or to another's fault."""
        if disk_may_be_full(error):
            self._full = self._full or self.problem(error)  # the room that is made is for what has been paid already
            try:
                self._make_room()
                return self._posted(orders)
            except Exception as again:  # noqa: BLE001 - as in _commit
                error = again
        if is_an_orders_fault(error):
            return [self._alone(order) for order in orders]
        return [self.problem(error)] * len(orders)

    def _alone(self, order: Any) -> Any:
        try:
            return self._posted([order])[0]
        except Exception as error:  # noqa: BLE001 - as in _commit
            return self.problem(error)

    def problem(self, error: Exception) -> BrokenWorld:
        """What ends a run whose ledger cannot be written."""
        if isinstance(error, BrokenWorld):
            return error
        cure = "Make room or mend the disk, then run again"
        if is_damage(error):
            cure = "`potstill ledger verify` says what is damaged and what to do"
        elif is_an_orders_fault(error):
            cure = "Run again, and report it if it stays"
        problem = BrokenWorld(
            f"{self._path}: the ledger cannot be written ({error}). {cure}: everything that was recorded is kept"
        )
        problem.__cause__ = error
        return problem

    def _not_synced(self, error: OSError) -> NotSyncedError:
        return NotSyncedError(
            f"{self._path}: the ledger was written, but not all of it may have reached the disk ({error}). Make room or mend "
            "the disk, then run again; after a crash of the machine let `potstill ledger verify` look first"
        )


def _wake(waiting: Sequence[_Waiting], results: Sequence[Any]) -> None:
    """Resolve the futures of one commit, in one call per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for one, result in zip(waiting, results, strict=True):
        by_loop.setdefault(one.loop, []).append((one.done, result))
    for loop, resolved in by_loop.items():
        with suppress(RuntimeError):  # it is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, resolved)


def _resolve(resolved: Sequence[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in resolved:
        if future.done():  # whoever waited was cancelled
            continue
        if isinstance(result, BrokenWorld):
            future.set_exception(result)
        else:
            future.set_result(result)
