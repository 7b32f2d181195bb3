"""The rows that travel between stages, as plain frozen data; `schemas.py` has their Parquet columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypedDict

Side = Literal["train", "heldout"]


class Message(TypedDict):
    """One turn of a conversation, as every chat API and trainer knows it."""

    role: str
    content: str


class Prompt(NamedTuple):
    """One thing to ask; `id` is the hash of its messages."""

    id: str
    messages: tuple[Message, ...]
    family: str
    """Prompts that must stay on one side of the split share it."""
    side: Side
    source: str
    """Where it was read: the file or the practice source."""
    lines: tuple[int, ...]
    """The line numbers (from 1) that held it; several when duplicates were merged."""
    reference: str | None = None
    slice: str = ""
    """The kind of prompt that it is, for scores by kind; empty where nobody says."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One draw of one prompt, answered or not; `id` is the hash of prompt id, method, template and draw."""

    id: str
    prompt_id: str
    method: str
    template: str
    """Digest of the prompt template."""
    series: str
    draw: int
    status: str
    """`ok`, `truncated`, `refused`, `content_filter`, `unparsable`, `too_long` or `error:<code>`."""
    text: str
    """The answer; empty unless the status says that there is one. Never null."""
    finish_reason: str
    error: str
    """What the endpoint said of a failure; empty otherwise."""
    key: str
    """The request's key in the ledger, hexadecimal."""
    provider: str
    model: str
    """The model that was asked for."""
    snapshot: str
    """The model that answered, as the reply names it."""
    parameters: str
    """The request body without its messages, as JSON."""
    terms: str
    input_tokens: int
    output_tokens: int
    usd: float
    """This draw's share of what the reply cost."""


HELDOUT = "held-out prompts"
"""How leak reports call them, beside the names of benchmark files."""

LEAK, SELECT = "leak", "select"
"""Rules whose dropped rows later stages tell from the others: `leak` drops what repeats a held-out prompt, `select` chooses,
last of all, among rows that every other rule has let pass."""


def conversation(*turns: tuple[str, str]) -> tuple[Message, ...]:
    """Messages from (role, content) pairs."""
    return tuple(Message(role=role, content=content) for role, content in turns)


def last_user_text(messages: Sequence[Message]) -> str:
    """The content of the last user turn, empty when there is none."""
    return next((turn["content"] for turn in reversed(messages) if turn["role"] == "user"), "")
