"""One endpoint of a teacher: how requests get there, its pace, and whether it is well."""

import math

from ..transport import Transport
from .pace import Pace

LEFT_OUT_S, LEFT_OUT_MOST_S = 1.0, 60.0
"""How long a replica is left out at first, and at most."""
PATIENCE = 3
"""Failures in a row, 5xx or lost, after which a replica is left out; one that takes no connection is at once."""


class Replica:
    """A replica that fails is left out for 1 s, doubling to 60 s, then tried again with one request."""

    def __init__(self, transport: Transport, pace: Pace) -> None:
        self.transport, self.pace = transport, pace
        self.out_until = -math.inf
        self.gone_for = 0.0
        """Seconds from the first to the last connection that it did not take, if it has taken none since."""
        self._gone_since = math.inf
        self._failures = 0
        self._out_for = 0.0
        self._on_trial = False

    @property
    def left_out(self) -> bool:
        """Whether it failed and has not answered since."""
        return self._out_for > 0

    @property
    def gone(self) -> bool:
        """Whether it took no connection at the last try: that is no request's own fault."""
        return self._gone_since < math.inf

    def ready_at(self, now: float) -> float:
        """When it may be sent the next request; infinity: when a reply has come."""
        if self._out_for and self._on_trial:
            return math.inf
        return max(self.out_until, self.pace.ready_at(now))

    def taken(self) -> None:
        """A place was given out; where it was left out this is the trial."""
        self._on_trial = self._out_for > 0

    def untried(self) -> None:
        """A place came back that says nothing about it: never sent, or not waited for."""
        self._on_trial = False

    def well(self) -> None:
        """It answered."""
        self._failures, self._out_for, self._on_trial = 0, 0.0, False
        self.out_until = -math.inf
        self._reached()

    def failed(self, now: float, *, reached: bool) -> None:
        """It did not answer, or only with a 5xx."""
        self._failures += 1
        if reached:
            self._reached()
        else:
            self._gone_since = min(self._gone_since, now)
            self.gone_for = now - self._gone_since
        if self._on_trial or not reached or self._failures >= PATIENCE:
            if now < self.out_until:
                self._on_trial = False
                return  # what was in flight when it was left out tells nothing new
            self._out_for = min(max(LEFT_OUT_S, 2 * self._out_for), LEFT_OUT_MOST_S)
            self.out_until = now + self._out_for
            self._on_trial = False

    def _reached(self) -> None:
        self._gone_since, self.gone_for = math.inf, 0.0
