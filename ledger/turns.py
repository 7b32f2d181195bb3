"""One process writes at a time, and none waits for ever for its turn."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import BrokenWorld

PATIENCE_S = 60.0
"""As long as our connections wait for each other."""
LOOK_AGAIN_S = 0.001


class Turns:
    """The lock that goes round among the processes that write a ledger."""

    def __init__(self, ledger: Path, patience_s: float = PATIENCE_S) -> None:
        self._ledger, self._patience_s = ledger, patience_s
        self._file = (ledger.parent / (ledger.name + ".lock")).open("a")

    @contextmanager
    def mine(self) -> Iterator[None]:
        """No other process is in a turn of its own meanwhile.

        Raises:
            BrokenWorld: another process does not end its turn.
        """
        self._wait()
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Take part no more."""
        self._file.close()

    def _wait(self) -> None:
        until = 0.0
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                until = until or time.monotonic() + self._patience_s
                if time.monotonic() > until:
                    raise BrokenWorld(
                        f"{self._ledger}: another potstill holds this ledger and has not let go of it for "
                        f"{self._patience_s:g} s; it may be stopped (Ctrl-Z; `fg` lets it go on). Let it go on or end "
                        "it, then run again: everything that was recorded is kept"
                    ) from None
                time.sleep(LOOK_AGAIN_S)
