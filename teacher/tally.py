"""What a stage asked for, counted while it asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..ledger.entries import Charge
from .reply import Reply


@dataclass(slots=True)
class Tally:
    """Counts of this process; the ledger's `bill` has those of all that ever ran."""

    sent: int = 0
    """Requests that went over the wire, retries included."""
    reused: int = 0
    """Draws that the ledger already had."""
    failed: int = 0
    """Draws without any reply."""
    limited: int = 0
    """Requests that were answered with 429: too many."""
    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0

    def count(self, charge: Charge) -> None:
        """Add what an attempt cost."""
        self.usd += charge.usd
        self.input_tokens += charge.input_tokens
        self.output_tokens += charge.output_tokens

    def reuse(self, replies: Iterable[Reply]) -> None:
        """Add draws that nobody had to be asked for; one without an answer is none."""
        for reply in replies:
            self.reused += not reply.error

    def counts(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "sent": self.sent,
            "reused": self.reused,
            "failed": self.failed,
            "limited": self.limited,
            "usd": round(self.usd, 9),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        }
