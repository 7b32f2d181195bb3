"""What a stage may say while it works; the command line decides how it looks."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Track(Protocol):
    """One piece of long work under way."""

    def advance(self, count: int = 1) -> None:
        """So many more are done."""
        ...

    def note(self, text: str) -> None:
        """A short word beside the bar: money, loss."""
        ...


class Screen(Protocol):
    """Where lines and progress go."""

    def line(self, text: str) -> None:
        """One line to read and keep."""
        ...

    def track(self, label: str, total: int, unit: str = "rows") -> AbstractContextManager[Track]:
        """Progress over `total` units, with rate and time left."""
        ...


class PlainScreen:
    """Lines on standard error and no bars: for scripts and tests."""

    def line(self, text: str) -> None:
        """Print the line."""
        print(text, file=sys.stderr)  # noqa: T201 - this is the screen

    @contextmanager
    def track(self, label: str, total: int, unit: str = "rows") -> Iterator[Track]:
        """Say nothing until it is done."""
        yield _Silent()
        self.line(f"{label}: {total:,} {unit}")


class _Silent:
    def advance(self, count: int = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass
