"""What a teacher is asked and what comes back, whatever transport carried it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ledger.key import Draw
from ..store.rows import Message


@dataclass(frozen=True, slots=True)
class Question:
    """One conversation to complete, and the draws of it that are wanted."""

    messages: Sequence[Message]
    options: Mapping[str, Any]
    """Fields of the request body beside model and messages: max_tokens, temperature, response_format, …"""
    draws: Sequence[Draw] = (Draw(),)


@dataclass(frozen=True, slots=True)
class Reply:
    """One draw's answer, or why there is none. `status` is one of the row statuses of `store.rows.Completion`."""

    status: str
    text: str
    finish_reason: str
    error: str
    key: str
    """The draw's key in the ledger, hexadecimal."""
    provider: str
    model: str
    snapshot: str
    input_tokens: int
    """This draw's share of the request's input tokens."""
    output_tokens: int
    usd: float
    """This draw's share of the bill, whenever it was paid; never bought twice."""
    reused: bool
    """The ledger had it: nothing was sent."""
    seconds: float
    """From sending to the last byte, when it was bought."""
