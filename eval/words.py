"""Numbers as the verdict writes them. Ends of intervals are rounded outwards: none looks narrower than it is."""

from math import ceil, floor

from .score_interval import Interval

_FUZZ = 1e-9


def percent(share: float) -> str:
    """A share as per cent with at most one digit after the point."""
    return _written(round(share * 1000))


def at_least(share: float) -> str:
    """The lower end of an interval, rounded down."""
    return _written(floor(share * 1000 + _FUZZ))


def at_most(share: float) -> str:
    """The upper end of an interval, rounded up."""
    return _written(ceil(share * 1000 - _FUZZ))


def with_interval(interval: Interval) -> str:
    """Such as `61% (56.1–65.7%)`."""
    return f"{percent(interval.value)} ({span(interval)})"


def span(interval: Interval) -> str:
    """Such as `56.1–65.7%`."""
    return f"{at_least(interval.low).removesuffix('%')}–{at_most(interval.high)}"


def count(number: int, thing: str) -> str:
    """Such as `1 prompt` or `1,000 prompts`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _written(tenths: int) -> str:
    whole, tenth = divmod(abs(tenths), 10)
    return f"{'-' if tenths < 0 else ''}{whole:,}{f'.{tenth}' if tenth else ''}%"
