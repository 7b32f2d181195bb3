"""What a teacher permits in so many words, in the recipe or in its headers, spread evenly over time."""

import math
from typing import NamedTuple

from .headers import LONGEST_WAIT_S, Rate

MARGIN = 0.995
"""Of what is permitted is used: the teacher's clock is not ours."""
EAGER, PLENTY_S = 1.02, 0.5
"""While headers say that at least so many seconds' worth is left, so much is sent instead; they tell when it was too much."""
LAG_S, LAG_OF_PLENTY_S = 0.05, 0.25
"""What a late timer or a busy machine held up is made good, up to this many seconds' worth; the second while there is plenty."""
GUARD_S = 0.01
"""Nothing goes sooner after a reset: the way there differs from request to request."""
AHEAD_S = 0.25
"""While more than so many seconds' worth have a place and are not sent yet, no other gets one: after a stall of the disk they
all go at once."""
BOUNDLESS = 1e8
"""A limit of more a minute is none."""


class Permitted(NamedTuple):
    """Limits that somebody states; infinity where nobody does."""

    requests_per_minute: float = math.inf
    tokens_per_minute: float = math.inf

    def lower(self, other: "Permitted") -> "Permitted":
        """The lower of each."""
        return Permitted(*map(min, self, other))


class Meter:
    """Lets amounts through at an even rate (the generic cell rate algorithm, ITU-T I.371)."""

    __slots__ = ("due", "lag", "rate")

    def __init__(self, rate: float, lag: float = LAG_S) -> None:
        self.rate, self.lag = rate, lag
        self.due = -math.inf

    def charge(self, now: float, amount: float, *, late: bool = True) -> None:
        """Something went; the next is due when this would be through. Idle time is not made good, being `late` is."""
        self.due = max(self.due, now - self.lag if late and self.due > -math.inf else now) + amount / self.rate


class Allowance:
    """One kind of limit, requests or tokens a minute: the lower of what recipe and headers say, as far as it is left.

    Sent evenly, it keeps to token buckets of any size, to fixed and sliding windows, and to limits held every second.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._told = per_minute or math.inf
        self.placed = self.sent = 0.0
        """All that was charged so far, and what of it is on its way or has been."""
        self._meter: Meter | None = Meter(MARGIN * per_minute / 60) if per_minute else None
        self._per_minute = self._told
        self._each, self._last, self._left = 0.0, 1.0, math.inf
        self._eager = True
        self._due = self._relief = self._heard = -math.inf
        self._by_minute = True
        self.shut_until = -math.inf
        """Nothing is left until then, as the teacher says, and that is longer than anyone waits."""

    @property
    def stated(self) -> bool:
        """Whether anything is known."""
        return self._meter is not None

    @property
    def per_minute(self) -> float:
        """The limit; infinity where there is none, or only one by the hour or the day."""
        return self._per_minute

    @property
    def held_up(self) -> bool:
        """Whether too much has a place and is not sent yet."""
        return self._meter is not None and self.placed - self.sent > AHEAD_S * self._meter.rate

    @property
    def due(self) -> float:
        """When the limit lets the next one go."""
        return -math.inf if self._meter is None else max(self._meter.due, min(self._due, self._relief))

    def ready_at(self) -> float:
        """When the next may get a place; infinity: when something that has one was sent, or came back unsent."""
        return math.inf if self.held_up else self.due

    def charge(self, now: float, amount: float, *, late: bool) -> None:
        """A request that takes this much gets a place; `late`: it was waiting for its time."""
        self.placed += amount
        self._last = amount
        if self._meter is not None:
            self._meter.charge(now, amount, late=late)
            self._left -= amount
            # What is left is made good like what the meter lets through, but nothing that a reset let go before its time.
            since = max(self._due, now - self._meter.lag) if late and self._due < now else now
            self._due = since + amount * self._each if self._left >= amount else math.inf

    def take_back(self, amount: float) -> None:
        """So much that was charged is not sent after all."""
        self.placed -= amount
        self._left += amount
        self.correct(-amount)

    def correct(self, amount: float) -> None:
        """So much more was taken than was charged; less where it is negative."""
        if self._meter is not None:
            self._meter.due += amount / self._meter.rate

    def heard(self, said: Rate, since: float, sent: float, now: float) -> None:
        """Learn from a reply to a request that was sent at `sent`, as the last of `since` sent so far.

        What is left is spread until the reset; with nothing left, nothing goes before. A lone user of a bucket or of a
        window never notices; where others share the key, it makes room for them. A limit by the hour or the day says
        nothing of the pace as long as something is left: how much is back before the reset is not known.
        """
        self._limit(said)
        if self._meter is None or said.remaining is None or said.reset is None or sent < self._heard:
            return  # what an older request heard is out of date
        self._heard = sent
        self._left = left = said.remaining - (self.placed - since)
        ahead = said.reset - (now - sent)
        permitted = self._per_minute / 60
        plenty = self._eager and left >= PLENTY_S * permitted and (ahead > 0 or said.reset <= 1)
        self._meter.rate = permitted * (EAGER if plenty else MARGIN)
        self._meter.lag = LAG_OF_PLENTY_S if plenty else min(self._meter.lag, LAG_S)
        gone = said.remaining < 1
        self.shut_until = now + ahead if gone and said.reset > LONGEST_WAIT_S else -math.inf
        if not (self._by_minute or gone):
            self._each, self._relief = 0.0, -math.inf
            return
        if ahead <= 0:
            return  # it tells of a reset that is past by now, or just about to be
        # The teacher saw it some time after it was sent: of all that tell of one reset, the latest is the nearest.
        self._relief = max(self._relief, now + ahead + GUARD_S)
        enough = left >= max(self._last, 1.0)
        self._each = ahead / (MARGIN * left) if enough else math.inf
        self._due = min(self._due, now + self._last * self._each) if enough else math.inf

    def _limit(self, said: Rate) -> None:
        """Take the limit for one by the minute, until it turns out that it is not."""
        if said.outlasts_a_minute or (self._heard == -math.inf and said.fills_in_a_day):
            self._by_minute = False
        limit = min(self._told, said.limit if said.limit is not None and self._by_minute else math.inf)
        self._meter = self._meter or Meter(math.inf)
        if limit != self._per_minute:
            self._per_minute = limit
            self._meter.rate = MARGIN * limit / 60

    def refused(self) -> None:
        """It was too much all the same: less is made up that was late, and no surplus is trusted."""
        self._eager = False
        if self._meter is not None:
            self._meter.lag = min(self._meter.lag, LAG_S) / 2
