"""What goes into the ledger and what comes out. What every request makes is a NamedTuple: it costs half of a frozen dataclass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Payer:
    """Who an attempt is billed to."""

    run: str
    stage: str
    recipe: str
    """Digest of the recipe."""
    teacher: str
    """The teacher's identity."""


class Charge(NamedTuple):
    """What an attempt costs: tokens and dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that a run may spend, all its attempts together; None is no cap."""

    usd: float | None = None
    tokens: int | None = None


class Reservation(NamedTuple):
    """A request that is about to go out: the keys of the draws it would fill, and the worst that it can cost."""

    payer: Payer
    keys: Sequence[bytes]
    worst: Charge
    cap: Cap = Cap()


class Reserved(NamedTuple):
    """The request may go out; it is charged at its worst until it is settled under this number."""

    attempt: int


@dataclass(frozen=True, slots=True)
class NoRoom:
    """The worst case does not fit under the cap beside what is spent and what is open."""

    spent_usd: float
    """Dollars charged to the run so far, open requests at their worst."""
    spent_tokens: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another process has bought some of the draws since, or is buying them now: nothing was reserved."""

    bought: frozenset[bytes]
    held: frozenset[bytes]


class Answered(NamedTuple):
    """A reply, for the draws that it fills."""

    body: bytes
    choices: Mapping[bytes, int]
    """Key of a draw → index of the reply's choice."""
    seconds: float
    logprobs: bytes = b""
    """The log-probabilities, cut out of the body; empty where there are none."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint will never answer this: a deterministic 4xx, remembered so that it is not asked again."""

    status: str
    """One of the row statuses."""
    error: str


class Settlement(NamedTuple):
    """How an attempt ended."""

    reserved: Reserved
    outcome: str
    """`ok`, or what went wrong."""
    charge: Charge
    settled: bool = True
    """False: no usage came back, so the charge is the worst case."""
    answer: Answered | None = None
    refusal: Refused | None = None


class Stored(NamedTuple):
    """A reply that the ledger had, and the choice that a key points to."""

    body: bytes
    seconds: float
    usd: float
    """What the whole reply cost when it was bought."""
    choice: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What a run's attempts came to."""

    sent: int = 0
    failed: int = 0
    """Attempts that brought no answer."""
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unsettled_usd: float = 0.0
    """The part of `usd` that is a worst case, because no usage came back."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """Attempts by how they ended."""
