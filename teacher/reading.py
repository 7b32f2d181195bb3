"""What a 2xx reply says: its choices with their statuses, its usage, the model that answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..ledger.prices import Usage

REFUSAL = re.compile(
    r"^(i['’]?m sorry,? but|sorry,? but|i apologi[sz]e,? but)?\s*"
    r"(as an ai[^.]{0,60},?\s*)?(i\s+(can(no|['’])t|am (not able|unable)|won['’]?t|will not)\s+"
    r"(help|assist|comply|provide|answer|do that|fulfil|continue|engage)|i must decline)",
    re.IGNORECASE,
)
"""How a refusal in plain text begins; only short answers are held against it."""
REFUSAL_MAX_CHARS = 400


class TornReplyError(ValueError):
    """A 2xx body that is not a chat completion: cut off, or not JSON."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a reply."""

    status: str
    text: str
    finish_reason: str


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A chat completion, read."""

    choices: tuple[Choice, ...]
    usage: Usage | None
    snapshot: str
    """The model that answered, with the provider's fingerprint when there is one."""


def read_chat(body: bytes) -> ChatReply:
    """Read the body of a chat completion.

    Raises:
        TornReplyError: it is not one.
    """
    try:
        reply = orjson.loads(body)
        choices = tuple(_choice(choice) for choice in sorted(reply["choices"], key=_index))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise TornReplyError(f"not a chat completion: {error!r}") from None
    if not choices:
        raise TornReplyError("a chat completion without choices")
    fingerprint = reply.get("system_fingerprint")
    snapshot = reply.get("model") or ""
    return ChatReply(choices, _usage(reply.get("usage")), f"{snapshot} ({fingerprint})" if fingerprint else snapshot)


def _index(choice: Mapping[str, Any]) -> int:
    return choice.get("index") or 0


def _choice(choice: Mapping[str, Any]) -> Choice:
    message = choice["message"]
    text = message.get("content") or ""
    finish = choice.get("finish_reason") or ""
    refusal = message.get("refusal")
    if finish == "content_filter":
        return Choice("content_filter", text, finish)
    if refusal or (len(text) <= REFUSAL_MAX_CHARS and REFUSAL.match(text)):
        return Choice("refused", text or str(refusal), finish)
    if finish == "length":
        return Choice("truncated", text, finish)
    return Choice("ok" if text.strip() else "unparsable", text, finish)


def _usage(usage: Mapping[str, Any] | None) -> Usage | None:
    if not usage or usage.get("prompt_tokens") is None:
        return None
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        input_tokens=int(usage["prompt_tokens"]),
        output_tokens=int(usage.get("completion_tokens") or 0),
        cached_tokens=int(details.get("cached_tokens") or 0),
    )
