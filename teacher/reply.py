"""What a teacher is asked and what comes back, whatever transport carried it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from ..ledger.key import Draw
from ..store.rows import Message

ASKED_AGAIN = frozenset({"error:lost", "error:torn", "error:unreached"})
"""With every `error:http_…` the failures of the moment: no reply says that they cannot be answered."""

Operation = Literal["chat", "completions"]
"""What is asked of an endpoint: `chat` completes a conversation, `completions` goes on with a raw text."""


class Question(NamedTuple):
    """One conversation or one raw text to complete, and the draws of it that are wanted."""

    messages: Sequence[Message] | str
    """The turns of a conversation; a plain text is completed as it stands, without any chat template."""
    options: Mapping[str, Any]
    """Fields of the request body beside model and messages: max_tokens, temperature, response_format, …"""
    draws: Sequence[Draw] = (Draw(),)

    @property
    def operation(self) -> Operation:
        """Which of the endpoint's operations answers it."""
        return "completions" if isinstance(self.messages, str) else "chat"

    def body(self, model: str) -> dict[str, Any]:
        """The request body, before anything is derived from a draw."""
        if isinstance(self.messages, str):
            return {"model": model, "prompt": self.messages, **self.options}
        return {"model": model, "messages": list(self.messages), **self.options}


class Reply(NamedTuple):
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


class NotKnownError(Exception):
    """A question that the ledger does not answer."""

    def __init__(self, question: Question) -> None:
        self.question = question


def is_owed(status: str) -> bool:
    """Whether a row of this status failed only for the moment: the next run asks it again."""
    return status in ASKED_AGAIN or status.startswith("error:http_")
