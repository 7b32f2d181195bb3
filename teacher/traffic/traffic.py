"""Traffic to a teacher: who goes next, when, and to which of its replicas."""

import asyncio
import math
from collections import deque
from collections.abc import Sequence

from ..transport import Transport, TransportError, Wire
from .deadlines import Deadlines
from .headers import LONGEST_WAIT_S, gone_too_long, too_long
from .pace import Limits, Pace, Permit
from .replica import Replica
from .stated import Permitted

SLACK_S = 0.0005
"""Half of what event loops measure time in: a timer that rings so much early is in time."""


class Place:
    """A free slot on a replica, for one request. Whoever got it gives it back with `leave`."""

    __slots__ = ("_cap", "_left", "_sent", "_ticket", "_traffic", "replica")

    def __init__(self, traffic: "Traffic", replica: Replica, tokens: int, cap: int, now: float) -> None:
        self._traffic, self.replica, self._cap = traffic, replica, cap
        self._ticket = replica.pace.place(now, tokens, cap)
        self._sent = self._left = False
        replica.taken()

    async def send(self, operation: str, body: bytes) -> Wire:
        """Send, and wait for the reply as long as such requests may take.

        Raises:
            TransportError: no whole reply came.
        """
        self._sent = True
        traffic, replica = self._traffic, self.replica
        started = traffic.now()
        if replica.pace.set_off(self._ticket, started):
            traffic.set_off()
        scope = traffic.deadlines.watch(self._cap, started)
        try:
            async with scope:
                wire = await replica.transport.send(operation, body)
        except TimeoutError:
            self._lost(reached=True)
            raise TransportError(f"no answer in {traffic.now() - started:.1f} s: given up") from None
        except TransportError as error:
            self._lost(reached=error.reached)
            raise
        except BaseException:  # cancelled, or an error of ours: nothing is learned of the replica, nothing leaks
            replica.pace.lost(self._ticket)
            replica.untried()
            raise
        finally:
            traffic.deadlines.leave(scope)
        self._answered(wire, started)
        return wire

    def used(self, tokens: int) -> None:
        """Tell what the request really used, once that is known."""
        self.replica.pace.used(self._ticket, tokens)

    def leave(self) -> None:
        """Give the place back; a second time does nothing."""
        if self._left:
            return
        self._left = True
        if not self._sent:
            self.replica.pace.returned(self._ticket)
            self.replica.untried()
        self._traffic.left()

    def _answered(self, wire: Wire, started: float) -> None:
        traffic, replica = self._traffic, self.replica
        now = traffic.now()
        replica.pace.answered(self._ticket, now, wire.status, wire.headers)
        if wire.status < 300:
            traffic.has_answered = True
            traffic.deadlines.answered(self._cap, now - started)
        if wire.status < 500:
            replica.well()
        else:
            replica.failed(now, reached=True)

    def _lost(self, *, reached: bool) -> None:
        now = self._traffic.now()
        self.replica.pace.lost(self._ticket)
        self.replica.failed(now, reached=reached)


class Traffic:
    """The traffic to one teacher, over one replica or several: first come, first served; least in flight first."""

    def __init__(self, transports: Sequence[Transport], limits: Limits) -> None:
        self.deadlines = Deadlines(limits.deadline_s)
        self._limits = limits
        permit = Permit(limits)
        self._replicas = [Replica(transport, Pace(limits, permit)) for transport in transports]
        self.has_answered = False
        """Whether any request has got what it asked for."""
        self._free = limits.concurrency
        self._waiting: deque[tuple[asyncio.Future[Place], int, int]] = deque()
        self._timer: asyncio.Handle | None = None
        self._rings_at = math.inf
        self._halted: Exception | None = None
        self.now = asyncio.get_running_loop().time

    @property
    def slowed_by(self) -> str:
        """A few words on what limits the pace, on replicas that fail and on a reply that does not come; else empty."""
        told = next((told for replica in self._replicas if (told := replica.pace.slowed_by)), "")
        return "; ".join(part for part in (told, self._failing(), self.deadlines.overdue(self.now())) if part)

    @property
    def gone(self) -> bool:
        """Whether it has answered, and now no replica takes a connection."""
        return self.has_answered and all(replica.gone for replica in self._replicas)

    @property
    def in_flight(self) -> int:
        """Requests that were sent and have no reply."""
        return self.deadlines.watched

    def _failing(self) -> str:
        """The replicas that are left out, and if nothing else can be done when one of them is tried."""
        failing = ", ".join(replica.transport.where for replica in self._replicas if replica.left_out)
        if self.gone:
            wait = math.ceil(min(replica.out_until for replica in self._replicas) - self.now())
            return f"no connection to {failing}" + (f", next try in {wait:,} s" if wait > 0 else "")
        return failing and f"failing: {failing}"

    @property
    def permitted(self) -> Permitted:
        """What the headers permit, all replicas together that have answered."""
        heard = [replica.pace.permitted for replica in self._replicas if replica.pace.heard]
        return Permitted(*map(sum, zip(*heard, strict=True))) if heard else Permitted()

    async def place(self, tokens: int, cap: int) -> Place:
        """A place for a request of so many tokens at worst, `cap` of them output; waits for a slot and for the pace.

        Raises:
            BrokenWorld: no replica will take anything for longer than LONGEST_WAIT_S, or none takes a connection for so long.
            Exception: the reason for which `halt` was called.
        """
        if self._halted is not None:
            raise self._halted
        if not self._waiting and self._free:
            now = self.now()
            replica, when = self._next(now)
            if when <= now + SLACK_S:
                self._free -= 1
                return Place(self, replica, tokens, cap, now)
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, tokens, cap))
        self._release()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                future.result().leave()  # it was given a place while it was being cancelled
            raise

    def halt(self, reason: Exception) -> None:
        """Give out no further place: whoever waits for one gets the reason."""
        self._halted = reason
        for future, _, _ in self._waiting:
            if not future.done():
                future.set_exception(reason)

    def set_off(self) -> None:
        """A request was sent, which others may have been waiting for."""
        if self._waiting:
            self._release()

    def left(self) -> None:
        """A place was given back."""
        self._free += 1
        self._release()

    def _release(self) -> None:
        """Give places to those who wait, as many as may go now, and come back when the next may."""
        waiting = self._waiting
        while waiting and self._free:
            future, tokens, cap = waiting[0]
            if future.done():  # cancelled
                waiting.popleft()
                continue
            now = self.now()
            replica, when = self._next(now)
            if when > now + SLACK_S:
                self._wait_until(when, now)
                return
            waiting.popleft()
            self._free -= 1
            future.set_result(Place(self, replica, tokens, cap, now))

    def _next(self, now: float) -> tuple[Replica, float]:
        """The replica that may be sent to first, and when; of those that may at once the one with the fewest in flight."""
        best, soonest = self._replicas[0], math.inf
        for replica in self._replicas:
            when = max(replica.ready_at(now), now)
            if when < soonest or (when == soonest and replica.pace.in_flight < best.pace.in_flight):
                best, soonest = replica, when
        if soonest <= now or self.gone or not all(replica.left_out for replica in self._replicas):
            return best, soonest
        # Those that take connections may well be sound, and the requests fail by their own fault.
        there = [replica for replica in self._replicas if not replica.gone] or self._replicas
        least_bad = min(there, key=lambda replica: replica.out_until)
        when = least_bad.pace.ready_at(now)
        return (least_bad, when) if when < soonest else (best, soonest)

    def _wait_until(self, when: float, now: float) -> None:
        """Come back then, unless every replica has said that it is gone for longer, or has taken no connection for so long."""
        wait = min(replica.pace.shut_until for replica in self._replicas) - now
        gone = min(replica.gone_for for replica in self._replicas)
        if wait > LONGEST_WAIT_S:
            self.halt(too_long(wait))
        elif gone > LONGEST_WAIT_S and self.has_answered:
            self.halt(gone_too_long(gone))
        else:
            self._wake_at(when)

    def _wake_at(self, when: float) -> None:
        """Come back then, or sooner if a timer is set for sooner; at infinity something sent, or given back, wakes us."""
        if when >= self._rings_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = when
        self._timer = asyncio.get_running_loop().call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, math.inf
        self._release()
