"""How many requests may be in flight at a teacher that does not say it: slow start, then the number that it was seen to take."""

import math

from .stated import Meter

FIRST = 8
DOUBLING_S, DOUBLING_MOST_S = 0.4, 1.0
"""The window doubles in a round trip, but no faster than the first, so that an overflow is small, and no slower than the second:
a 429 does not take as long as an answer."""
SPREAD_GROWING, SPREAD = 2.0, 1.25
"""Times the window are sent in a round trip at most, as Linux paces TCP."""
CALM, CALM_MOST = 20, 2000
"""Replies without a 429 after which a narrowed window tries one more; twice as many after each failure."""
HELD = 3
"""Times the window accepted in a row, with the window full: its height is proved."""
SHRINK = 0.9
"""Of a height that was proved and then refused."""


class Window:
    """Requests in flight at most.

    It doubles (slow start, RFC 5681 section 3.1) until 429s narrow it to what is in flight then: if the teacher limits
    concurrency, that is the limit. From there it tries a few more, rarely, and twice as many each time that it went well.
    """

    __slots__ = (
        "_begun",
        "_calm",
        "_from",
        "_full",
        "_meter",
        "_most",
        "_need",
        "_rough",
        "_step",
        "_top",
        "_trip",
        "proved",
        "size",
    )

    def __init__(self, most: int) -> None:
        self._most = self._top = most
        self.size = min(FIRST, most)
        self.proved = 0
        """In flight so many were accepted; 0 as long as nothing was refused."""
        self._begun, self._from = math.inf, float(self.size)
        self._calm, self._need, self._step, self._full = 0, CALM, 1, 0
        self._meter, self._trip, self._rough = Meter(1.0), 0.0, False

    @property
    def narrowed(self) -> bool:
        """Whether the teacher takes fewer than it might be sent."""
        return 0 < self.proved < self._most

    @property
    def trip(self) -> float:
        """Seconds that an answer takes on average."""
        return self._trip

    def ready_at(self, in_flight: int, now: float) -> float:
        """When the next may go; infinity: when something has come back."""
        if self.size < self._top:
            self._grow(now)
        if in_flight < self.size:
            return self._meter.due if self.size < self._most else -math.inf
        if self.size < self._top and self._begun < math.inf:
            return self._begun + self._doubling() * math.log2((in_flight + 1) / self._from)
        return math.inf

    def place(self, now: float) -> None:
        """One gets a place. A window that is being found out is spread over a round trip: a rate would look like a height."""
        if self.size < self._most and self._trip:
            spread = SPREAD_GROWING if self.size < self._top else SPREAD
            self._meter.rate = spread * self.size / self._trip
            self._meter.charge(now, 1.0)

    def accepted(self, level: int, seconds: float, now: float) -> None:
        """A request of the present epoch was taken, as one of so many in flight, and answered in so many seconds."""
        self._trip += (seconds - self._trip) / 32 if self._trip else seconds
        if self._begun == math.inf:
            self._begun = now
        if self._top == self._most:
            return
        self._full = self._full + 1 if level >= self.size else self._full
        if self._full >= max(CALM, HELD * self._top) and self.size == self._top:
            self.proved = self._top
        if self.size == self._top:
            self._calm += 1
            if self._calm >= max(self._need, self._top):
                self._raise()

    def refused(self) -> None:
        """A single 429, which may be an accident."""
        self._full = 0

    def shrink(self) -> None:
        """A height that was proved is refused: a little less."""
        self._top = self.proved = self.size = max(1, int(SHRINK * self.proved))
        self._calm, self._step, self._full = 0, 1, 0

    def narrow(self, in_flight: int, refusal_s: float, now: float) -> None:
        """More than `in_flight` are not taken. Begin below that, unless 429s come so fast that they do no harm."""
        if self.proved and in_flight >= self.proved:  # one more was tried, and it was too much
            self._need = min(max(100, 2 * self._need), CALM_MOST)
            self._top = self.size = self.proved
            self._rough = False
        else:
            self._rough = True
            self._top = self.proved = max(1, in_flight)
            self.size = self._top if 4 * refusal_s <= self._trip else max(1, self._top // 8)
        self._begun, self._from = now, float(self.size)
        self._calm, self._step, self._full = 0, max(1, self._top // 20), 0

    def lower(self, level: int) -> None:
        """A late 429 of the same overflow: one less was taken than it seemed, unless it was for one more than was proved."""
        if self.proved > 1 and (self._rough or level <= self.proved):
            self._top = self.proved = self.proved - 1
            self.size = min(self.size, self._top)

    def open(self) -> None:
        """It is not the number in flight that is limited."""
        self._top = self.size = self._most
        self.proved = 0

    def _raise(self) -> None:
        self.proved, self._calm, self._full = self._top, 0, 0
        self._top = self.size = min(self._top + self._step, self._most)
        self._step *= 2

    def _grow(self, now: float) -> None:
        if now > self._begun:
            grown = self._from * 2 ** min((now - self._begun) / self._doubling(), 16)
            self.size = max(self.size, min(int(grown + 1e-9), self._top))

    def _doubling(self) -> float:
        return min(max(DOUBLING_S, self._trip), DOUBLING_MOST_S)
