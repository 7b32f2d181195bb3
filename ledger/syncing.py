"""From committed to durable, in a thread of its own: a disk that stalls holds up who waits, and not the next commit.

What is committed survives the death of this process at once, for the system has it; a crash of the machine it survives once
the write-ahead log is synced, and only then anyone is told.
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
    """Syncs the write-ahead log of one ledger, once for all commits that wait for it."""

    def __init__(self, path: Path) -> None:
        self._log = path.with_name(f"{path.name}-wal")
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

    def now(self) -> OSError | None:
        """Return when everything that has been committed is durable, or with why it may not be."""
        try:
            file = os.open(self._log, os.O_RDONLY)
            try:
                _sync(file)
            finally:
                os.close(file)
        except FileNotFoundError:  # nothing has been committed
            return None
        except OSError as error:
            return error
        return None

    def close(self) -> None:
        """Sync what waits for it, then end."""
        self._inbox.put(None)
        self._thread.join()

    def _sync_until_closed(self) -> None:
        closing = False
        while not closing:
            waiting = [self._inbox.get()]
            while not self._inbox.empty():
                waiting.append(self._inbox.get())
            closing = None in waiting
            error = self.now()
            if self._inbox.empty():
                self._idle.set()
            for told in waiting:
                if told is not None:
                    told(error)
