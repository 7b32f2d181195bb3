"""What the light server counts; `GET /stats` and `GET /log` tell it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .server_answers import INPUT_TOKENS, OUTPUT_TOKENS, Asked
from .server_limits import Limit


@dataclass(slots=True)
class Logged:
    """One request: times are seconds of the machine's monotonic clock, 0 where it did not come to that."""

    name: str
    received: float
    answered: float = 0.0


@dataclass(slots=True)
class Counts:
    """Counts since the start. A request is accepted when the rate limit lets it pass, and then it is billed."""

    received: int = 0
    accepted: int = 0
    taken: int = 0
    """Of the limit, by the accepted requests, in what it counts."""
    answered: int = 0
    limited: int = 0
    """Sent away with 429."""
    abandoned: int = 0
    """Connections that the client closed while an answer was still to come."""
    billed_requests: int = 0
    """What a provider bills: every accepted request but those that end in a 500; whether anybody received it or not."""
    input_tokens: int = 0
    output_tokens: int = 0
    largest_body: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    """Accepted attempts by the hash of the body."""
    whole: Counter[int] = field(default_factory=Counter)
    """Whole answers by the hash of the body."""
    log: list[Logged] = field(default_factory=list)
    first: float = 0.0
    last: float = 0.0
    """When the first request came and the last one was accepted."""
    in_flight: int = 0
    _held: float = 0.0
    _changed: float = 0.0
    _held_at_last: float = 0.0

    def receive(self, asked: Asked, now: float) -> None:
        """A request came."""
        self.received += 1
        self.first = self.first or now
        self.largest_body = max(self.largest_body, asked.size)

    def accept(self, asked: Asked, now: float, amount: int, fault: str) -> None:
        """It passed the limit and took so much of it."""
        self._flow(now, 1)
        self.accepted += 1
        self.taken += amount
        self.last, self._held_at_last = now, self._held
        self.attempts[asked.hash] += 1
        if fault:
            self.faults[fault] += 1
        if fault != "error_500":
            self.billed_requests += 1
            self.input_tokens += INPUT_TOKENS
            self.output_tokens += OUTPUT_TOKENS * asked.choices

    def end(self, now: float) -> None:
        """An accepted request is no longer under way."""
        self._flow(now, -1)

    def told(self, limit: Limit | None) -> dict[str, Any]:
        """Everything, as JSON."""
        elapsed = self.last - self.first
        return {
            "received": self.received,
            "accepted": self.accepted,
            "taken": self.taken,
            "answered": self.answered,
            "limited": self.limited,
            "abandoned": self.abandoned,
            "bodies": len(self.whole),
            "rebought": sum(count - 1 for count in self.whole.values()),
            "billed": {"requests": self.billed_requests, "input": self.input_tokens, "output": self.output_tokens},
            "largest_body": self.largest_body,
            "faults": dict(self.faults),
            "elapsed": elapsed,
            "permitted": limit.permitted(elapsed) if limit else 0.0,
            "mean_in_flight": self._held_at_last / elapsed if elapsed else 0.0,
            "in_flight": self.in_flight,
        }

    def _flow(self, now: float, change: int) -> None:
        """The integral of what is in flight over time."""
        self._held += self.in_flight * (now - self._changed)
        self._changed = now
        self.in_flight += change
