"""What goes wrong between teacher and client, on purpose: decided by the request's bytes and its attempts."""

import math
import time

from .draws import random_of
from .settings import PracticeSettings

FAULTS = ("fail_429", "fail_500", "fail_reset", "fail_torn", "fail_hang")


def fault_of(settings: PracticeSettings, body_hash: bytes, attempt: int, failed: int) -> str:
    """The fault of one attempt (counted from 0), empty for none; a request that failed `fail_times` fails no more."""
    if failed >= settings.fail_times or not any(getattr(settings, fault) for fault in FAULTS):
        return ""
    level = random_of(settings, "fault", attempt, body_hash.hex()).random()
    for fault in FAULTS:
        level -= getattr(settings, fault)
        if level < 0:
            return fault
    return ""


class RateLimit:
    """A bucket that refills at `rpm` a minute and holds one second's worth, at least one request."""

    def __init__(self, rpm: int) -> None:
        self._per_second = rpm / 60
        self._holds = max(1.0, self._per_second)
        self._left = self._holds
        self._seen = time.monotonic()

    def take(self) -> float:
        """Take one request: 0, or the seconds until one may be taken, in whole milliseconds."""
        now = time.monotonic()
        self._left = min(self._holds, self._left + (now - self._seen) * self._per_second)
        self._seen = now
        if self._left < 1:
            return math.ceil((1 - self._left) / self._per_second * 1000) / 1000
        self._left -= 1
        return 0.0

    @property
    def remaining(self) -> int:
        """Requests that may come at once."""
        return int(self._left)

    @property
    def full_in(self) -> float:
        """Seconds until the bucket is full."""
        return (self._holds - self._left) / self._per_second
