"""The budget: what all of a run's requests together may cost."""

from pydantic import Field

from .section import Section


class BudgetSection(Section):
    """Caps over all of a run's requests, retries and failures included; what the ledger already has costs nothing.

    A request goes out only if its worst case fits beside what is spent and what is open. Where the next one does not fit,
    the run stops with exit code 3; a raised cap goes on.
    """

    usd: float | None = Field(default=None, gt=0)
    """US dollars at most; no cap if not given."""

    tokens: int | None = Field(default=None, gt=0)
    """Input and output tokens at most; no cap if not given."""
