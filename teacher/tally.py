"""What a stage asked for, counted while it asks."""

from dataclasses import dataclass
from typing import Any

from ..ledger.entries import Attempt


@dataclass(slots=True)
class Tally:
    """Counts of this process; the ledger's `bill` has those of all that ever ran."""

    sent: int = 0
    """Requests that went over the wire, retries included."""
    reused: int = 0
    """Draws that the ledger already had."""
    failed: int = 0
    """Draws without any reply."""
    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0

    def count(self, attempt: Attempt) -> None:
        """Add what an attempt cost."""
        self.usd += attempt.usd
        self.input_tokens += attempt.input_tokens
        self.output_tokens += attempt.output_tokens

    def counts(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "sent": self.sent,
            "reused": self.reused,
            "failed": self.failed,
            "usd": round(self.usd, 9),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        }
