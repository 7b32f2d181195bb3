"""Numbers as the verdict writes them. Ends of intervals are rounded outwards: none looks narrower than it is."""

from ..store.rounding import down, nearest, up
from .score_interval import Interval


def percent(share: float) -> str:
    """A share as per cent with at most one digit after the point."""
    return _written(nearest(share))


def at_least(share: float) -> str:
    """The lower end of an interval, rounded down."""
    return _written(down(share))


def at_most(share: float) -> str:
    """The upper end of an interval, rounded up."""
    return _written(up(share))


def with_interval(interval: Interval) -> str:
    """Such as `61% (56.1–65.7%)`."""
    return f"{percent(interval.value)} ({span(interval)})"


def span(interval: Interval) -> str:
    """Such as `56.1–65.7%`."""
    return f"{at_least(interval.low).removesuffix('%')}–{at_most(interval.high)}"


def count(number: int, thing: str, things: str = "") -> str:
    """Such as `1 prompt`, `1,000 prompts`, or, with a plural given, `2 families`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {things or f'{thing}s'}"


def _written(per_cent: float) -> str:
    return f"{per_cent:,.1f}".removesuffix(".0") + "%"
