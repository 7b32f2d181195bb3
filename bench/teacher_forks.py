"""Children that can be killed: forked from a process that has everything imported, so that a kill meets work and not imports."""

import importlib
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HEAVY = (
    "potstill.store",
    "aiohttp",
    "openai.resources",
    "pyarrow.parquet",
    "uvloop",
    "potstill.pipeline",
    "potstill.teacher.open",
)
"""`potstill.store` is the first: it tells Arrow which allocator to use, and Arrow reads that when it is imported."""
PATIENCE_S = 300
"""After this a child that was to end by itself hangs."""


@dataclass(frozen=True, slots=True)
class Child:
    """A forked child."""

    pid: int
    said: Path
    """What it wrote to standard error."""

    def live(self, seconds: float, begun: Callable[[], bool] = lambda: True) -> float | None:
        """`kill -9` so long after it has begun; when it was sent, on the machine's monotonic clock.

        None if the child ended well before.
        """
        while not begun():
            if not self.alive():
                return None
            time.sleep(0.002)
        time.sleep(seconds)
        if not self.alive():
            return None
        sent = time.monotonic()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return sent

    def end(self) -> None:
        """Wait for its end.

        Raises:
            RuntimeError: it ended with another status than 0, or hangs.
        """
        until = time.monotonic() + PATIENCE_S
        while self.alive():
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                self._well(-signal.SIGKILL)
            time.sleep(0.005)

    def alive(self) -> bool:
        """Whether it is still at work.

        Raises:
            RuntimeError: it ended with another status than 0.
        """
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if ended:
            self._well(os.waitstatus_to_exitcode(status))
        return not ended

    def _well(self, status: int) -> None:
        if status:
            raise RuntimeError(f"a child ended with {status}:\n{self.said.read_text()[-4000:]}")


def import_everything() -> None:
    """Have what the children need, once, before the first fork. Nothing of it starts a Python thread."""
    for name in HEAVY:
        importlib.import_module(name)


def fork(work: Callable[[], int], said: Path) -> Child:
    """A child that does the work and ends with its status, 99 if it raises; its standard error goes to the end of a file."""
    pid = os.fork()
    if pid:
        return Child(pid, said)
    status = 99
    try:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        status = work()
    except BaseException:  # noqa: BLE001 - the boundary of the child
        traceback.print_exc()
    finally:
        os._exit(status)
