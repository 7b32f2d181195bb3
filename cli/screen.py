"""How words and progress look: a live bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ..store.screen import PlainScreen, Screen, Track

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_LOOKS = 0.1


def screen_for_this_terminal(*, quiet: bool = False) -> Screen:
    """A bar if somebody is looking, lines if not."""
    if quiet:
        return QuietScreen()
    return RichScreen() if sys.stderr.isatty() else LineScreen()


class QuietScreen(PlainScreen):
    """Says nothing: standard output belongs to a program."""

    def line(self, text: str) -> None:
        """Say nothing."""


class LineScreen(PlainScreen):
    """Plain lines, one every ten seconds of long work."""

    @contextmanager
    def track(self, label: str, total: int, unit: str = "rows") -> Iterator[Track]:
        """Log how far the work is."""
        track = _LineTrack(self, label, total, unit)
        yield track
        track.report()


class _LineTrack:
    def __init__(self, screen: LineScreen, label: str, total: int, unit: str) -> None:
        self._screen, self._label, self._total, self._unit = screen, label, total, unit
        self._done, self._note = 0, ""
        self._started = self._said = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self._done += count
        self._report_in_time()

    def note(self, text: str) -> None:
        self._note = text
        self._report_in_time()

    def _report_in_time(self) -> None:
        if time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self.report()

    def report(self) -> None:
        self._said = time.monotonic()
        spent = self._said - self._started
        rate = self._done / spent if spent > 0 else 0.0
        left = f", {(self._total - self._done) / rate:,.0f} s left" if rate and self._done < self._total else ""
        note = f", {self._note}" if self._note else ""
        self._screen.line(f"{self._label}: {self._done:,} of {self._total:,} {self._unit}, {rate:,.0f}/s{left}{note}")


class RichScreen:
    """A live bar with rate, money and time left."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def line(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, markup=False)

    def track(self, label: str, total: int, unit: str = "rows") -> AbstractContextManager[Track]:
        """Show a bar until the work is done."""
        return self._bar(label, total, unit)

    @contextmanager
    def _bar(self, label: str, total: int, unit: str) -> Iterator[Track]:
        from rich import progress

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            progress.TextColumn("{task.fields[note]}"),
        )
        with progress.Progress(*columns, console=self._console, refresh_per_second=4) as bar:
            track = _RichTrack(bar, bar.add_task(label, total=total or None, rate="", note=""), unit)
            yield track
            track.show(time.monotonic())


class _RichTrack:
    def __init__(self, bar: "object", task: "object", unit: str) -> None:
        self._bar, self._task, self._unit = bar, task, unit
        self._started, self._done, self._shown = time.monotonic(), 0, 0.0

    def advance(self, count: int = 1) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._shown >= SECONDS_BETWEEN_LOOKS:  # an update costs more than a request
            self.show(now)

    def show(self, now: float) -> None:
        self._shown = now
        rate = self._done / max(now - self._started, 1e-9)
        self._bar.update(self._task, completed=self._done, rate=f"{rate:,.0f} {self._unit}/s")  # type: ignore[attr-defined]

    def note(self, text: str) -> None:
        self._bar.update(self._task, note=text)  # type: ignore[attr-defined]
