"""Who holds a claim, and whether that process still lives.

Each process that has a ledger open holds a lock on a file of its own beside it. The operating system lets go of the lock
when the process ends, however it ends: a claim lasts exactly as long as whoever made it, and no clock is involved.
While a process buys, its file is also its ballast.
"""

import fcntl
import secrets
from contextlib import suppress
from pathlib import Path
from typing import IO

from .ballast import take_on, throw_off

APPEARING = ".new"


def _folder(ledger: Path) -> Path:
    return ledger.parent / f"{ledger.name}.holders"


def are_there(ledger: Path) -> bool:
    """Whether any process has a file beside the ledger, living or dead."""
    return any(file.suffix != APPEARING for file in _folder(ledger).glob("*"))


class Holder:
    """This process, as other processes see it."""

    def __init__(self, ledger: Path) -> None:
        self._folder = _folder(ledger)
        self.name = secrets.token_hex(8)
        self._path = self._folder / self.name
        self._file = self._appear()
        self._laden = False

    def stay(self) -> None:
        """Be seen by other processes, with ballast: for before anything is claimed.

        Raises:
            OSError: somebody has taken the file away, and it cannot be put back.
        """
        if not self._path.exists():
            gone = self._file
            self._file, self._laden = self._appear(), False
            gone.close()
        if not self._laden:
            take_on(self._file)
            self._laden = True

    def make_room(self) -> None:
        """Throw the ballast off, for the rest of this process."""
        throw_off(self._file)

    def known(self) -> list[str]:
        """All processes that have a file, dead ones among them."""
        return [file.name for file in self._folder.glob("*") if file.suffix != APPEARING]

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
        """End: what this process still holds is free, and the last one to leave takes the folder away."""
        self.bury(self.name)
        self._file.close()
        with suppress(OSError):  # not empty: somebody else is there
            self._folder.rmdir()

    def _appear(self) -> IO[str]:
        """The file gets its name when it is locked: at no moment does it look like that of a dead process."""
        new = self._path.with_suffix(APPEARING)
        while True:
            with suppress(FileExistsError):  # exist_ok would look again, and find it gone
                self._folder.mkdir(mode=0o700)
            try:
                file = new.open("w")
                break
            except FileNotFoundError:  # the last one to leave was just taking the folder away
                if self._folder.is_symlink():
                    raise
        fcntl.flock(file, fcntl.LOCK_EX)
        new.rename(self._path)
        return file
