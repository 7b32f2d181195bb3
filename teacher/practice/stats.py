"""What the practice teacher counts, so that a test can prove what was asked twice."""

from collections import Counter
from typing import Any


class Stats:
    """Counts by the hash of a request's very bytes, its seed included."""

    def __init__(self) -> None:
        self.asked: Counter[bytes] = Counter()
        self.failed: Counter[bytes] = Counter()
        """Faults met by a request."""
        self.answered: Counter[bytes] = Counter()
        self.faults: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        """Error replies that are no fault, by code."""
        self.completion_tokens = 0
        self.prompt_tokens = 0

    def told(self) -> dict[str, Any]:
        """The counts as JSON."""
        requests, answered = self.asked.total(), self.answered.total()
        return {
            "simulated": True,
            "requests": requests,
            "distinct": len(self.asked),
            "asked_again": requests - len(self.asked),
            "answered": answered,
            "answered_again": answered - len(self.answered),
            "faults": dict(self.faults),
            "errors": dict(self.errors),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
