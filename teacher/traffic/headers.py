"""What a reply's headers say about the pace: how long to wait, and what is left of each limit."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ...errors import BrokenWorld

LONGEST_WAIT_S = 600.0
"""A server that asks for more than this is gone for the day, not busy."""
MINUTE_S = 61.0
"""A limit by the minute is whole again within one; rounding is forgiven."""
DAY_S, DAY_FROM, DAY_TO = 86_400.0, 0.97, 1.005
"""A bucket of a day that told how full it is, to the request and to the millisecond, tells its day to within so much."""
EPOCH_FROM_S = 1e9
"""A reset so far away is a date, in seconds since 1970."""
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True)
class Rate:
    """One limit as a reply states it; None for what it does not state, or states as nonsense."""

    limit: float | None
    """So many a minute, or an hour or a day: no header says it."""
    remaining: float | None
    reset: float | None
    """Seconds until the whole limit is there again."""

    @property
    def outlasts_a_minute(self) -> bool:
        """Whether it is whole again too late for a limit by the minute."""
        return self.reset is not None and self.reset > MINUTE_S

    @property
    def fills_in_a_day(self) -> bool:
        """Whether what is gone comes back at the rate of a bucket of a day: Groq's, and those of OpenAI's first tiers."""
        if self.limit is None or self.remaining is None or self.reset is None or self.remaining >= self.limit:
            return False
        return DAY_FROM <= self.reset * self.limit / (self.limit - self.remaining) / DAY_S <= DAY_TO


def too_long(seconds: float) -> BrokenWorld:
    """Why a run ends that would have to wait for more than LONGEST_WAIT_S."""
    return BrokenWorld(
        f"the teacher asks to wait {seconds:,.0f} s before the next request, longer than {LONGEST_WAIT_S:,.0f} s; "
        "run again then: what was answered is kept"
    )


def gone_too_long(seconds: float) -> BrokenWorld:
    """Why a run ends whose teacher has taken no connection for more than LONGEST_WAIT_S."""
    return BrokenWorld(
        f"for {seconds:,.0f} s the teacher has taken no connection; run again when it does: what was answered is kept"
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait before the next request, from retry-after-ms or retry-after; None where neither makes sense."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        told = headers.get(name)
        if told is None:
            continue
        seconds = _number(told)
        if seconds is not None:
            return max(0.0, seconds * unit)
        if unit == 1.0:
            return _until(told)
    return None


def rate(headers: Mapping[str, str], kind: str) -> Rate | None:
    """What x-ratelimit-{limit,remaining,reset}-{kind} say; None where the first two say nothing.

    A limit below 1 and a remainder below 0 are nonsense that has been seen (Azure: -1 and 0).
    """
    told_limit = headers.get("x-ratelimit-limit-" + kind)
    told_remaining = headers.get("x-ratelimit-remaining-" + kind)
    if told_limit is None and told_remaining is None:
        return None
    limit = _number(told_limit)
    remaining = _number(told_remaining)
    reset = duration(headers.get("x-ratelimit-reset-" + kind))
    if reset is not None and reset >= EPOCH_FROM_S:
        reset = max(0.0, reset - time.time())
    limit = limit if limit is not None and limit >= 1 else None
    remaining = remaining if remaining is not None and remaining >= 0 else None
    return Rate(limit, remaining, reset) if limit is not None or remaining is not None else None


def duration(told: str | None) -> float | None:
    """Seconds in a duration such as "12ms", "6m0s", "1.5s" or "59.9"; None if it is none."""
    if told is None:
        return None
    plain = _number(told)
    if plain is not None:
        return plain if plain >= 0 else None
    told = told.strip()
    parts = _PART.findall(told)
    if not parts or "".join(number + unit for number, unit in parts) != told:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _number(told: str | None) -> float | None:
    try:
        number = float(told or "")
    except ValueError:
        return None
    return number if -1e15 < number < 1e15 else None


def _until(date: str) -> float | None:
    """Seconds until an HTTP date (RFC 9110 section 10.2.3)."""
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
