"""When the next request may go to one replica, learned from its answers. Time is an argument: no clock, no event loop."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .headers import Rate, rate, retry_after
from .learned import Learned, Mark
from .stated import BOUNDLESS, Allowance, Permitted
from .tokens import Charges

TOGETHER_S = 0.01
"""What was held up goes one right after the other; what comes later than that had not been waiting."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is known of a teacher before it was asked anything."""

    concurrency: int
    """Requests in flight at most, over all replicas."""
    requests_per_minute: int | None = None
    """Over all replicas, like the next."""
    tokens_per_minute: int | None = None
    deadline_s: float = 60.0
    """Nothing is given up sooner."""
    counts_caps: bool | None = None
    """Whether output caps count against the token limit before anything was answered; None: found out."""


class Permit:
    """What the recipe permits, shared by all replicas of a teacher."""

    def __init__(self, limits: Limits) -> None:
        self.requests = Allowance(limits.requests_per_minute)
        self.tokens = Allowance(limits.tokens_per_minute)


@dataclass(slots=True)
class Ticket:
    """One request on its way, as the pace remembers it."""

    tokens: int
    """At worst."""
    cap: int
    charged: float
    """Tokens, when it got its place."""
    gated: bool
    """Whether it was charged, as a request too."""
    mark: Mark
    sent: float = math.nan
    requests_then: float = 0.0
    """All that the replica had been sent then, itself included; likewise the next."""
    tokens_then: float = 0.0
    shown: float | None = None
    """Tokens that were gone from the limit when it was alone."""


class Pace:
    """The pace of one replica: what recipe and headers permit, what 429s teach, and Retry-After."""

    def __init__(self, limits: Limits, permit: Permit | None = None) -> None:
        self.in_flight = 0
        self.heard = False
        """Whether anything was answered."""
        self._most = limits.concurrency
        self._permit = permit or Permit(limits)
        self._requests, self._tokens = Allowance(None), Allowance(None)
        self._charges = Charges(limits.counts_caps)
        self._gates: list[Allowance] = []
        self._learned = Learned(limits.concurrency)
        self._not_before = self._seen = -math.inf
        self._waited = False
        self._catching_up_until = -math.inf
        self._boundless: dict[str, str] = {}
        self._set_gates()
        if self._permit.requests.stated:
            self._learned.open()

    def ready_at(self, now: float) -> float:
        """When the next request may get a place; infinity: when something has been sent or has come back."""
        self._seen = now
        if self.in_flight >= self._most:
            return math.inf
        ready = max(self._not_before, self._learned.ready_at(self.in_flight, now))
        for gate in self._gates:
            ready = max(ready, gate.ready_at())
        self._waited = self._waited or ready > now
        return ready

    def place(self, now: float, tokens: int, cap: int) -> Ticket:
        """A request gets a place, of so many tokens at worst, `cap` of them output."""
        self.in_flight += 1
        gated, charged = bool(self._gates), 0.0
        if gated:
            late, self._waited = self._waited or now < self._catching_up_until, False
            charged = self._charges.expected(tokens, cap)
            for allowance in (self._requests, self._permit.requests):
                allowance.charge(now, 1.0, late=late)
            for allowance in (self._tokens, self._permit.tokens):
                allowance.charge(now, charged, late=late)
            if late and max(gate.due for gate in self._gates) <= now:
                self._catching_up_until = now + TOGETHER_S
        return Ticket(tokens, cap, charged, gated, self._learned.place(self.in_flight, now))

    def set_off(self, ticket: Ticket, now: float) -> bool:
        """It is sent. Since it got its place it was put on disk, which may have taken long.

        Returns:
            Whether others may have been waiting for that.
        """
        requests, tokens = self._requests, self._tokens
        if ticket.gated:
            for allowance in (requests, self._permit.requests):
                allowance.sent += 1.0
            for allowance in (tokens, self._permit.tokens):
                allowance.sent += ticket.charged
        self._learned.set_off(ticket.mark, now)
        ticket.sent, ticket.requests_then, ticket.tokens_then = now, requests.sent, tokens.sent
        return ticket.gated

    def answered(self, ticket: Ticket, now: float, status: int, headers: Mapping[str, str]) -> None:
        """A reply came."""
        self.in_flight -= 1
        self.heard = True
        self._read(ticket, now, headers)
        if status != 429:
            self._learned.accepted(ticket.mark, now)
            return
        for gate in self._gates:
            gate.refused()
        after = retry_after(headers)
        if after is not None:
            self._not_before = max(self._not_before, now + after)
        self._learned.refused(ticket.mark, self.in_flight, now, after or 0.0)

    def lost(self, ticket: Ticket) -> None:
        """No reply will come."""
        self.in_flight -= 1

    def returned(self, ticket: Ticket) -> None:
        """It was never sent: nothing was taken."""
        self.in_flight -= 1
        self._learned.returned(ticket.mark)
        if ticket.gated:
            for allowance in (self._requests, self._permit.requests):
                allowance.take_back(1.0)
            for allowance in (self._tokens, self._permit.tokens):
                allowance.take_back(ticket.charged)

    def used(self, ticket: Ticket, tokens: int) -> None:
        """What a request really used."""
        if self._tokens.stated or self._permit.tokens.stated:
            taken = self._charges.learn(ticket.tokens, ticket.cap, tokens, ticket.shown)
            for allowance in (self._tokens, self._permit.tokens):
                allowance.correct(taken - ticket.charged)

    @property
    def permitted(self) -> Permitted:
        """What the replica's headers permit."""
        return Permitted(self._requests.per_minute, self._tokens.per_minute)

    @property
    def shut_until(self) -> float:
        """When the teacher will take anything again, where that is longer than anyone waits; else long ago."""
        return max(self._requests.shut_until, self._tokens.shut_until)

    @property
    def slowed_by(self) -> str:
        """A few words on what limits the pace; empty when nothing does, or only the recipe's concurrency."""
        if self.in_flight >= self._most:
            return ""
        if self._not_before > self._seen:
            return "the teacher asks to wait (Retry-After)"
        for allowance, what in ((self._requests, "requests"), (self._tokens, "tokens")):
            if allowance.due > self._seen:
                if allowance.per_minute == math.inf:
                    return f"limited by the {what} that the teacher says are left"
                return f"limited to {allowance.per_minute:,.0f} {what} a minute by the teacher"
        for allowance, what in ((self._permit.requests, "requests"), (self._permit.tokens, "tokens")):
            if allowance.due > self._seen:
                return f"limited to {allowance.per_minute:,.0f} {what} a minute by the recipe"
        if any(allowance.held_up for allowance in self._gates):
            return "waiting for the ledger's disk"
        return self._learned.slowed_by(self._seen)

    def _read(self, ticket: Ticket, now: float, headers: Mapping[str, str]) -> None:
        """What the headers say of the limits."""
        said, told = self._rate(headers, "requests"), self._rate(headers, "tokens")
        if said is not None:
            self._requests.heard(said, ticket.requests_then, ticket.sent, now)
            if self._requests.per_minute < math.inf:
                self._learned.open()
        if told is not None:
            if ticket.mark.level == 1:
                ticket.shown = _gone(told)
            self._tokens.heard(told, ticket.tokens_then, ticket.sent, now)
            if self._tokens.per_minute < math.inf:
                self._learned.open()
        if len(self._gates) < 4 and (said is not None or told is not None):
            self._set_gates()

    def _rate(self, headers: Mapping[str, str], kind: str) -> Rate | None:
        """One limit, if the headers tell of one; what they said of it before and is none is not read again."""
        limit = headers.get("x-ratelimit-limit-" + kind)
        if limit is None or limit == self._boundless.get(kind):
            return None
        said = rate(headers, kind)
        if said is None or said.limit is None:
            return None
        if said.limit >= BOUNDLESS:
            self._boundless[kind] = limit
            if kind == "requests":
                self._learned.open()
            return None
        return said

    def _set_gates(self) -> None:
        every = (self._requests, self._tokens, self._permit.requests, self._permit.tokens)
        self._gates = [allowance for allowance in every if allowance.stated]


def _gone(told: Rate) -> float | None:
    """What is gone from a limit of tokens: its rest tells, or, of a bucket of less than a minute, how long it takes to fill."""
    if told.limit is None or told.remaining is None:
        return None
    gone = told.limit - told.remaining
    return gone if told.reset is None else min(gone, told.reset * told.limit / 60)
