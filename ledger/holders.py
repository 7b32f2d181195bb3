"""Who holds a claim, and whether that process still lives.

Each process that has a ledger open holds a lock on a file of its own beside it. The operating system lets go of the lock
when the process ends, however it ends: a claim lasts exactly as long as whoever made it, and no clock is involved.
"""

import fcntl
import secrets
from pathlib import Path


class Holder:
    """This process, as other processes see it."""

    def __init__(self, ledger: Path) -> None:
        self._folder = ledger.parent / f"{ledger.name}.holders"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.name = secrets.token_hex(8)
        self._file = (self._folder / self.name).open("a")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def is_alive(self, name: str) -> bool:
        """Whether the process that goes by this name still has the ledger open."""
        try:
            with (self._folder / name).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def bury(self, name: str) -> None:
        """Take the file of a dead process away."""
        (self._folder / name).unlink(missing_ok=True)

    def leave(self) -> None:
        """End: what this process still holds is free."""
        self.bury(self.name)
        self._file.close()
