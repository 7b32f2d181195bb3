"""What goes into the ledger and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Payer:
    """Who an attempt is billed to."""

    run: str
    stage: str
    recipe: str
    """Digest of the recipe."""
    teacher: str
    """The teacher's identity."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that went over the wire, and what it cost."""

    payer: Payer
    outcome: str
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    settled: bool = True
    """False: no usage came back, so `usd` is its worst case."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An attempt, and, if it was answered, the reply under the keys of the draws that it fills."""

    attempt: Attempt
    body: bytes = b""
    seconds: float = 0.0
    choices: Mapping[bytes, int] = field(default_factory=dict)
    """Key of a draw → index of the reply's choice."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A reply that the ledger had, and the choice that a key points to."""

    body: bytes
    choice: int
    seconds: float
    usd: float
    """What the whole reply cost when it was bought."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a run's attempts came to."""

    sent: int
    failed: int
    """Attempts that brought no answer."""
    input_tokens: int
    output_tokens: int
    usd: float
    unsettled_usd: float
    """The part of `usd` that is a worst case, because no usage came back."""
