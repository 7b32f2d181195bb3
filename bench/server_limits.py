"""The rate limits of the light server: each says yes, or how long until it might, and what it permitted in all."""

from typing import Protocol

from .server_settings import Counted, FixedWindow, InFlight, Scheme, TokenBucket


class Limit(Protocol):
    """A rate limit at work; times are seconds of one monotonic clock."""

    def enter(self, now: float, amount: int) -> float:
        """0 if a request that takes so much may pass, else the seconds until it might."""
        ...

    def leave(self) -> None:
        """A request that passed is answered."""
        ...

    def state(self, now: float) -> tuple[int, int, float]:
        """How much a minute (or at once), what is left of it, seconds until all of it is left again."""
        ...

    def permitted(self, elapsed: float) -> float:
        """What the limit permits over `elapsed` seconds, from the first request on; 0 where it has no rate."""
        ...


class Bucket:
    """A token bucket."""

    def __init__(self, scheme: TokenBucket) -> None:
        self._scheme, self._per_second = scheme, scheme.per_minute / 60
        self._left, self._seen = scheme.holds, 0.0

    def enter(self, now: float, amount: int) -> float:
        self._fill(now)
        if self._left < amount:
            return (amount - self._left) / self._per_second
        self._left -= amount
        return 0.0

    def leave(self) -> None:
        pass

    def state(self, now: float) -> tuple[int, int, float]:
        self._fill(now)
        full_in = (self._scheme.holds - self._left) / self._per_second
        return round(self._scheme.per_minute), int(self._left), full_in

    def permitted(self, elapsed: float) -> float:
        return self._scheme.holds + self._per_second * elapsed

    def _fill(self, now: float) -> None:
        self._left = min(self._scheme.holds, self._left + (now - self._seen) * self._per_second)
        self._seen = now


class Window:
    """A fixed window."""

    def __init__(self, scheme: FixedWindow) -> None:
        self._scheme = scheme
        self._begun: float | None = None
        self._used = 0

    def enter(self, now: float, amount: int) -> float:
        self._turn(now)
        if self._used + amount > self._scheme.count:
            return self._ends_in(now)
        self._used += amount
        return 0.0

    def leave(self) -> None:
        pass

    def state(self, now: float) -> tuple[int, int, float]:
        self._turn(now)
        return (
            round(self._scheme.count * 60 / self._scheme.seconds),
            self._scheme.count - self._used,
            self._ends_in(now),
        )

    def permitted(self, elapsed: float) -> float:
        return self._scheme.count * max(1.0, elapsed / self._scheme.seconds)

    def _turn(self, now: float) -> None:
        if self._begun is None:
            self._begun = now
        passed = int((now - self._begun) / self._scheme.seconds)
        if passed:
            self._begun += passed * self._scheme.seconds
            self._used = 0

    def _ends_in(self, now: float) -> float:
        return self._scheme.seconds if self._begun is None else self._begun + self._scheme.seconds - now


class AtOnce:
    """A limit of what is in flight."""

    def __init__(self, scheme: InFlight) -> None:
        self._count = scheme.count
        self._inside = 0

    def enter(self, now: float, amount: int) -> float:
        if self._inside >= self._count:
            return 1.0  # nobody knows; providers say a second
        self._inside += 1
        return 0.0

    def leave(self) -> None:
        self._inside -= 1

    def state(self, now: float) -> tuple[int, int, float]:
        return self._count, self._count - self._inside, 0.0

    def permitted(self, elapsed: float) -> float:
        return 0.0


def limit_of(scheme: Scheme | None) -> Limit | None:
    """The limit that the settings ask for."""
    match scheme:
        case TokenBucket():
            return Bucket(scheme)
        case FixedWindow():
            return Window(scheme)
        case InFlight():
            return AtOnce(scheme)
        case None:
            return None


def told(limit: Limit, counted: Counted, now: float) -> bytes:
    """The headers that tell of a limit, each line ended."""
    count, left, full_in = limit.state(now)
    kind = b"requests" if counted == "requests" else b"tokens"
    return (b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %.3fs\r\n") % (
        *(kind, count),
        *(kind, left),
        *(kind, full_in),
    )
