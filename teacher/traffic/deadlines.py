"""When an unanswered request is given up: judged while it waits, by how long requests of its output cap have taken."""

import asyncio
import math

ENOUGH = 100
"""Replies of an output cap before their 99th percentile is believed."""
OVERDUE = 0.5
"""A request that has used up so much of its patience is worth a word."""

_RATIO = 1.08
_SHORTEST_S, _LONGEST_S = 1e-3, 1e6
_SCALE = 1 / math.log(_RATIO)
_BINS = math.ceil(math.log(_LONGEST_S / _SHORTEST_S) * _SCALE) + 1


class Latencies:
    """Latencies of one output cap, in a histogram of log-spaced bins (each 8% wider than the one before)."""

    __slots__ = ("_bins", "count", "longest")

    def __init__(self) -> None:
        self._bins = [0] * _BINS
        self.count = 0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        place = int(math.log(seconds / _SHORTEST_S) * _SCALE) if seconds > _SHORTEST_S else 0
        self._bins[min(place, _BINS - 1)] += 1
        self.count += 1
        if seconds > self.longest:
            self.longest = seconds

    def p99(self) -> float:
        """The 99th percentile in seconds, one standard error on the safe side, at the upper edge of its bin."""
        rank = 0.99 * self.count + math.sqrt(0.99 * 0.01 * self.count)
        seen = 0
        for place, number in enumerate(self._bins):
            seen += number
            if seen >= min(rank, self.count):
                return _SHORTEST_S * _RATIO ** (place + 1)
        return 0.0

    def patience(self, floor: float) -> float:
        """Seconds after which a request is given up: 4 × the p99, before there are enough 10 × the longest seen."""
        return max(floor, 4 * self.p99() if self.count >= ENOUGH else 10 * self.longest)


class Deadlines:
    """Watches what is in flight, and gives up what is older than its cap has patience for.

    One sweep looks at all of it, about every second and only while something is in flight: no timer per request.
    """

    def __init__(self, floor: float) -> None:
        self._floor = floor
        self._every = min(1.0, floor / 10)
        self._seen: dict[int, Latencies] = {}
        self._waiting: dict[asyncio.Timeout, tuple[float, int]] = {}
        self._sweeping = False

    def watch(self, cap: int, now: float) -> asyncio.Timeout:
        """A scope to send in, which ends with TimeoutError when patience does; `leave` it afterwards."""
        scope = asyncio.timeout(None)
        self._waiting[scope] = (now, cap)
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self._every, self._sweep)
        return scope

    def leave(self, scope: asyncio.Timeout) -> None:
        """Watch it no more."""
        del self._waiting[scope]

    def answered(self, cap: int, seconds: float) -> None:
        """Learn from a reply. One that was not 2xx teaches nothing: refusing is quick."""
        self._latencies(cap).add(seconds)

    @property
    def watched(self) -> int:
        """Requests in flight."""
        return len(self._waiting)

    def overdue(self, now: float) -> str:
        """A few words on the oldest request in flight once half its patience is used up; before that empty."""
        if not self._waiting:
            return ""
        started, cap = next(iter(self._waiting.values()))
        age, patience = now - started, self.patience(cap)
        if age <= OVERDUE * patience:
            return ""
        return f"the oldest request is {age:,.0f} s old, and is given up after {patience:,.0f} s"

    def patience(self, cap: int) -> float:
        """Seconds after which a request of this cap is given up, as far as is known by now.

        A cap of which nothing has come back yet has the patience of the others, longer in proportion where it is larger.
        """
        seen = self._seen.get(cap)
        if seen is not None and seen.count:
            return seen.patience(self._floor)
        known = (max(1.0, cap / other) * seen.patience(self._floor) for other, seen in self._seen.items() if seen.count)
        return max(known, default=self._floor)

    def _latencies(self, cap: int) -> Latencies:
        seen = self._seen.get(cap)
        if seen is None:
            seen = self._seen[cap] = Latencies()
        return seen

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        patience = {cap: self.patience(cap) for cap in {cap for _, cap in self._waiting.values()}}
        for scope, (started, cap) in self._waiting.items():
            age = now - started
            if age > patience[cap] and not scope.expired() and scope.when() is None:
                scope.reschedule(now)
                # It counts with its age: patience that was too short grows by itself, for those that left with it too.
                self._latencies(cap).add(age)
                patience[cap] = self.patience(cap)
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            loop.call_later(self._every, self._sweep)
