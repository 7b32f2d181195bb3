"""What a teacher permits without saying so, learned from its 429s: how many in flight, or how many a second."""

import math
from dataclasses import dataclass

from .supply import Cycle, Supply
from .window import Window

PROBE_S, PROBE_MOST_S = 0.1, 5.0
"""The first single request after a pause began, and the most between two of them."""
STRIKES, AMONG = 3, 20
"""So many 429s among so many requests are no accident."""
IN_A_ROW = 2
"""Once a rate is known, so many in a row are enough."""
DOUBTS, DOUBTED_AMONG = 4, 1000
"""A height that was accepted was refused so often, among so many requests: it is not the number in flight that is limited."""
TOLERATED = 10
"""Instead of STRIKES, with a teacher that refuses at random, however slowly it is asked."""


@dataclass(slots=True)
class Mark:
    """What is remembered of a request until it is answered."""

    cycle: Cycle
    epoch: int
    level: int
    """Requests in flight when it got its place, itself included."""
    placed: float
    probe: bool


class Learned:
    """Finds out which kind of limit it meets, and keeps to it.

    429s above a number in flight: concurrency, kept by the `Window`. 429s at heights that were accepted a moment ago: a
    rate. Then it pauses, tries single requests, and goes on at the rate that the `Supply` measured.
    """

    def __init__(self, concurrency: int) -> None:
        self.window = Window(concurrency)
        self.supply: Supply | None = None
        self._most = concurrency
        self._epoch = 0  # rises with each event: a 429 to what was sent before is part of that event
        self._cycle = Cycle(math.inf)
        self._strikes: list[int] = []
        self._doubts: list[int] = []
        self._count = self._row = 0
        self._enough = STRIKES
        self._refusal_s = 0.0
        self._pause: Pause | None = None

    def open(self) -> None:
        """The limit was stated: no need to feel one's way."""
        if not self._epoch:
            self.window.open()

    def ready_at(self, in_flight: int, now: float) -> float:
        """When the next may go; infinity: when something has come back."""
        if self._pause is not None:
            return self._pause.ready_at(self._refusal_s)
        if self.supply is not None:
            return self.supply.meter.due
        return self.window.ready_at(in_flight, now)

    def place(self, level: int, now: float) -> Mark:
        """One gets a place, as one of so many in flight."""
        probe = False
        if self._cycle.started == math.inf:
            self._cycle.started = now
        if self._pause is not None:
            if self._pause.probing is None:
                self._pause.probing, probe = math.inf, True
            else:  # a 429 would have come by now
                self._resume(now)
        if self.supply is not None:
            self.supply.charge(now)
        else:
            self.window.place(now)
        self._cycle.sent += 1
        return Mark(self._cycle, self._epoch, level, now, probe)

    def set_off(self, mark: Mark, now: float) -> None:
        """One is sent."""
        if mark.probe and mark.epoch == self._epoch and self._pause is not None:
            self._pause.probing = now

    def accepted(self, mark: Mark, now: float) -> None:
        """One was taken."""
        if mark.epoch != self._epoch:
            return
        self._row = 0
        self._count += 1
        if mark.probe and self._pause is not None:
            self._resume(now)
        elif self.supply is None:
            self.window.accepted(mark.level, now - mark.placed, now)

    def refused(self, mark: Mark, in_flight: int, now: float, after: float = 0.0) -> None:
        """One was answered with 429. A wait was asked for that is longer than an answer takes: a slot is not what is missing."""
        mark.cycle.refused += 1
        self._refusal_s = max(0.9 * self._refusal_s, now - mark.placed)
        if mark.epoch != self._epoch:
            if self.supply is None:
                self.window.lower(mark.level)
        elif self._pause is not None:
            if mark.probe:
                self._pause.failed(now)
        elif not self._struck():
            self._lone_refusal(mark, now)
        else:
            self._limited(mark, in_flight, now, after)

    def _lone_refusal(self, mark: Mark, now: float) -> None:
        if self.supply is None:
            self.window.refused()
        else:
            self.supply.steady(mark.cycle, now)
            self._doubt_supply()

    def _limited(self, mark: Mark, in_flight: int, now: float, after: float) -> None:
        """Enough 429s: of which kind is the limit?"""
        self._next_epoch()
        if self.supply is None and after <= self.window.trip:
            if mark.level > self.window.proved:
                self.window.narrow(in_flight, self._refusal_s, now)
                return
            lately = self._count - max(DOUBTED_AMONG, 20 * self.window.proved)
            self._doubts = [count for count in self._doubts if count > lately] + [self._count]
            if len(self._doubts) < DOUBTS:
                self.window.shrink()
                return
        self._pause = Pause(self._cycle, now)
        self._cycle = Cycle(now)

    def returned(self, mark: Mark) -> None:
        """One was not sent after all."""
        mark.cycle.sent -= 1
        if mark.probe and mark.epoch == self._epoch and self._pause is not None:
            self._pause.probing = None

    def slowed_by(self, now: float) -> str:
        """What was learned, in a few words; empty when there is no limit."""
        if self._pause is not None:
            return "waiting: the teacher answers 429"
        if self.supply is not None:
            return f"limited to about {self.supply.rate(now):,.1f} requests/s by the teacher"
        return f"limited to {self.window.size} requests at once by the teacher" if self.window.narrowed else ""

    def _struck(self) -> bool:
        self._count += 1
        self._row += 1
        self._strikes = [count for count in self._strikes if count > self._count - AMONG] + [self._count]
        if self.supply is not None and self._enough == STRIKES and self._row >= IN_A_ROW:
            return True
        return len(self._strikes) >= self._enough

    def _next_epoch(self) -> None:
        self._epoch += 1
        self._strikes, self._row, self._enough = [], 0, STRIKES

    def _resume(self, now: float) -> None:
        pause, self._pause = self._pause, None
        if pause is None:
            return
        self._cycle.resumed = now
        if self.supply is None:
            self.supply = Supply(pause.cycle, now)
            return
        self.supply.resume(pause.cycle, pause.since, now)
        self._doubt_supply()

    def _doubt_supply(self) -> None:
        if self.supply is not None and self.supply.in_vain:
            self._next_epoch()
            self._enough, self.supply, self.window = TOLERATED, None, Window(self._most)


class Pause:
    """A pause after a rate limit was met: single requests, further and further apart, until one is accepted."""

    __slots__ = ("_at", "_delay", "cycle", "probing", "since")

    def __init__(self, cycle: Cycle, now: float) -> None:
        self.cycle, self.since = cycle, now
        self.probing: float | None = None
        """When the probe was sent that is under way; infinity: it has only its place."""
        self._delay = PROBE_S
        self._at = now + self._delay

    def ready_at(self, refusal_s: float) -> float:
        """When the next may go; a probe that was not refused in time is accepted."""
        return self._at if self.probing is None else self.probing + 0.05 + 2 * refusal_s

    def failed(self, now: float) -> None:
        """The probe was refused."""
        self._delay = min(2 * self._delay, PROBE_MOST_S)
        self.probing, self._at = None, now + self._delay
