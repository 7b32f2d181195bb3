"""How many requests a second a teacher lets through that does not say it."""

import math
from dataclasses import dataclass

from .stated import Meter

LATE_S = 0.08
"""What a busy machine held up is made good, up to so many seconds' worth."""
BELOW = 0.97
"""Of the estimate is sent at first."""
FINDING_S, FINDING_FROM = 0.3, 8.0
"""The first estimate holds what the teacher had saved up: begin at an eighth of it, and double every 0.3 s."""
FAR = 1.1
"""So far above the estimate without a 429, it was too low."""
MET = 0.02
"""Where more than this share was refused the teacher was short all the time: what it let through is its supply."""
AMPLE = 30
"""Requests in a cycle before it may take more than half off the estimate."""
MANY, LESS = 100, 0.98
"""Requests in a cycle before its share of single 429s takes something off the estimate, and what is left of it then."""
VAIN, VAIN_SHARE = 3.0, 0.04
"""Where the estimate fell to a third and still so many are refused, no rate is limited: the teacher refuses at random."""
STEADY_S, STEADY_REQUESTS = 4.0, 150
"""Before the rate is back at the estimate pass at most so many seconds, or so many requests where that takes longer."""


@dataclass(slots=True)
class Cycle:
    """The time from one pause to the next, and what was sent in it."""

    started: float
    sent: int = 0
    refused: int = 0
    resumed: float = -math.inf
    """When the pause was over that it began with."""

    def let_through(self, now: float) -> float:
        """Requests a second that were not refused."""
        return max(self.sent - self.refused, 1) / max(now - self.started, 1e-3)

    def since_resumed(self, now: float) -> float:
        """The same, without the pause."""
        return max(self.sent - self.refused, 1) / max(now - self.resumed, 1e-3)


class Supply:
    """The rate at which to send, from pause to pause.

    At each pause the teacher has nothing left, so what it let through since the one before is its supply: exact for token
    buckets, from below for windows that were not used up; the rate at which it refused is an estimate from above. After the
    pause the rate follows a cubic (CUBIC, RFC 9438): flat about the estimate, then ever faster, so that a wrong one costs little.
    """

    def __init__(self, ended: Cycle, now: float) -> None:
        self.meter = Meter(1.0, LATE_S)
        # What the teacher had saved up is in the first estimate: only an upper bound.
        self._estimate = max(ended.sent - ended.refused, 1) / max(now - ended.started, 1e-3)
        self._found = False
        self._resumed = self.meter.due = now
        self._flat = 1.0
        self._highest = self._refused_share = 0.0

    @property
    def in_vain(self) -> bool:
        """Whether sending less, again and again, did not make for fewer 429s."""
        return self._estimate < self._highest / VAIN and self._refused_share > VAIN_SHARE

    def rate(self, now: float) -> float:
        """Requests a second by now."""
        t = now - self._resumed
        if not self._found:
            return self._estimate * min(2 ** min(t / FINDING_S, 30) / FINDING_FROM, 2 ** min(t, 30))
        x = (t - self._flat) / self._flat
        return self._estimate * (1 + (1 - BELOW) * x * x * x)

    def charge(self, now: float) -> None:
        """One was sent."""
        self.meter.rate = max(self.rate(now), 1e-3)
        self.meter.charge(now, 1.0)

    def steady(self, cycle: Cycle, now: float) -> None:
        """A single 429: the limit is near, so begin the curve anew, a little lower where such 429s have become many."""
        if not self._found or now - self._resumed <= self._flat / 2:
            return
        self._refused_share = cycle.refused / cycle.sent
        if self.rate(now) > FAR * self._estimate:
            self._estimate = _between(self._estimate, self.rate(now))
        elif cycle.sent >= MANY and self._refused_share > MET:
            self._estimate *= LESS
        self._resumed = now

    def resume(self, ended: Cycle, paused: float, now: float) -> None:
        """Begin again after a pause that began at `paused`."""
        through, at_end = ended.let_through(paused), self.rate(paused)
        if not self._found:
            at_end = min(at_end, ended.since_resumed(paused))
        elif paused - self._resumed < self._flat:  # the curve began anew at a single 429 just before
            at_end = max(at_end, self._estimate)
        refused = ended.refused / max(ended.sent, 1)
        estimate = through if self._found and refused > MET else _between(through, at_end)
        # A cycle that ended soon says little: a pause may have begun again at once.
        self._estimate = estimate if ended.sent >= AMPLE else max(estimate, self._estimate / 2)
        self._flat = min(2 * self._flat if self._found else 1.0, max(STEADY_S, STEADY_REQUESTS / self._estimate))
        self._found = True
        self._resumed = self.meter.due = now
        self._highest = max(self._highest, self._estimate)
        self._refused_share = refused


def _between(through: float, refused_at: float) -> float:
    """A rate was let through, a higher one refused."""
    return (through * refused_at) ** 0.5 if refused_at > through else through
