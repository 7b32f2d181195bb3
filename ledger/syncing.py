"""From committed to durable, in a thread of its own: a disk that stalls holds up who waits, and not the next commit.

What is committed survives the death of this process, for the system has it; a crash of the machine it survives once the
write-ahead log is synced, and only then anyone is told.
"""

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

Told = Callable[[OSError | None], None]
"""Called from the thread when what was committed is durable, or with why it may not be."""

_sync = getattr(os, "fdatasync", os.fsync)


class Syncer:
    """Syncs the write-ahead log of a ledger, once for all commits that wait for it.

    Args:
        ledger: the file itself, and no link to it. Its log stays the same file as long as a connection is open.
    """

    def __init__(self, ledger: Path) -> None:
        # Held from the start, and used by one at a time: of a write that is lost the system tells once.
        self._log = os.open(f"{ledger}-wal", os.O_RDONLY)
        self._one = threading.Lock()
        self._failure: OSError | None = None
        self._inbox: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._sync_until_closed, name="ledger-sync", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return when nothing is being synced, or after so many seconds."""
        self._idle.wait(seconds)

    def then(self, told: Told) -> None:
        """Have somebody told when everything that has been committed is durable."""
        self._idle.clear()
        self._inbox.put(told)

    def now(self) -> None:
        """Return when everything that has been committed, by whatever process, is durable.

        Raises:
            OSError: it may not be, and nothing that follows it in the log ever will.
        """
        with self._one:
            if self._failure is None:
                try:
                    return _sync(self._log)
                except OSError as error:
                    self._failure = error
            raise self._failure

    def close(self) -> None:
        """Sync what waits for it, then end."""
        self._inbox.put(None)
        self._thread.join()
        os.close(self._log)

    def _sync_until_closed(self) -> None:
        closing = False
        while not closing:
            waiting = [self._inbox.get()]
            while not self._inbox.empty():
                waiting.append(self._inbox.get())
            closing = None in waiting
            failure = self._failed()
            if self._inbox.empty():
                self._idle.set()
            for told in waiting:
                if told is not None:
                    told(failure)

    def _failed(self) -> OSError | None:
        try:
            self.now()
        except OSError as failure:
            return failure
        return None
