"""One endpoint of a teacher: how requests get there, its pace, and whether it is well."""

import math

from ..transport import Transport
from .pace import Pace

LEFT_OUT_S, LEFT_OUT_MOST_S = 1.0, 60.0
"""How long a replica is left out at first, and at most."""
PATIENCE = 3
"""Failures in a row, 5xx or lost, after which a replica is left out; one that takes no connection is at once."""
PATIENCE_ALONE = 5
"""Likewise for the only replica: while it is left out nothing is asked, so that accidents must not look like an outage."""


class Replica:
    """A replica that fails is left out for 1 s, doubling to 60 s, then tried again with one request.

    The only one is left out once it has answered before: of one that never did, whoever asks wants to hear soon.
    """

    def __init__(self, transport: Transport, pace: Pace, *, alone: bool = False) -> None:
        self.transport, self.pace = transport, pace
        self.out_until = -math.inf
        self.out_since = math.inf
        """When it was left out and has not answered since; infinity: it is well."""
        self._patience = PATIENCE_ALONE if alone else PATIENCE
        self._trusted = not alone
        self._failures = 0
        self._out_for = 0.0
        self._on_trial = False

    @property
    def left_out(self) -> bool:
        """Whether it failed and has not answered since."""
        return self._out_for > 0

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
        self._failures, self._out_for, self._on_trial, self._trusted = 0, 0.0, False, True
        self.out_until, self.out_since = -math.inf, math.inf

    def failed(self, now: float, *, reached: bool) -> None:
        """It did not answer, or only with a 5xx."""
        self._failures += 1
        if self._trusted and (self._on_trial or not reached or self._failures >= self._patience):
            if now < self.out_until:
                self._on_trial = False
                return  # what was in flight when it was left out tells nothing new
            self.out_since = min(self.out_since, now)
            self._out_for = min(max(LEFT_OUT_S, 2 * self._out_for), LEFT_OUT_MOST_S)
            self.out_until = now + self._out_for
            self._on_trial = False
