"""What a 2xx reply says: its choices with their statuses, its usage, the model that answered."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..ledger.prices import Usage

REFUSAL = re.compile(
    r"^((i['’]m|i am) (very |so )?sorry|sorry|i apologi[sz]e)?[,.]?\s*(but\s+)?"
    r"(as an ai[^.]{0,60}?,?\s*)?(i\s+(can(no|['’])t|am (not able|unable) to|won['’]t|will not)\s+"
    r"(help(?! but)|assist|comply|provide|answer|do that|fulfil|continue|engage)|i must decline)",
    re.IGNORECASE,
)
"""How a refusal in plain text begins; only short answers are held against it."""
REFUSAL_MAX_CHARS = 400

MOST_TOKENS = 10**9
"""A count above this is no count."""


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
    reply = _whole(body)
    choices = tuple(_read_choice(choice) for choice in sorted(reply["choices"], key=_index))
    fingerprint = reply.get("system_fingerprint")
    snapshot = str(reply.get("model") or "")
    # A whole completion without any choice was paid for like another: one answer that says nothing.
    return ChatReply(
        choices or (Choice("unparsable", "", ""),),
        _usage(reply.get("usage")),
        f"{snapshot} ({fingerprint})" if fingerprint else snapshot,
    )


def _whole(body: bytes) -> Mapping[str, Any]:
    """The completion in a body that arrived whole; a lone surrogate in it is replaced, not a reason to buy it again."""
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            reply = json.loads(body.decode("utf-8", "replace"))
            reply = orjson.loads(json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace"))
        except ValueError as error:
            raise TornReplyError(f"not JSON: {error}") from None
    if not isinstance(reply, dict) or not isinstance(reply.get("choices"), list):
        raise TornReplyError("not a chat completion: it has no choices")
    return reply


def _index(choice: Any) -> int:
    index = choice.get("index") if isinstance(choice, dict) else None
    return index if isinstance(index, int) else 0


def _read_choice(choice: Any) -> Choice:
    """One choice; one in a shape that we do not know is `unparsable`, for it was paid."""
    message = choice.get("message") if isinstance(choice, dict) else None
    return _choice(choice, message) if isinstance(message, dict) else Choice("unparsable", "", "")


def _choice(choice: Mapping[str, Any], message: Mapping[str, Any]) -> Choice:
    text = _text(message.get("content"))
    finish = choice.get("finish_reason") or ""
    refusal = message.get("refusal")
    if finish == "content_filter":
        return Choice("content_filter", text, finish)
    if refusal or (len(text) <= REFUSAL_MAX_CHARS and REFUSAL.match(text)):
        return Choice("refused", text or str(refusal), finish)
    if finish == "length":
        return Choice("truncated", text, finish)
    return Choice("ok" if text.strip() else "unparsable", text, finish)


def _text(content: Any) -> str:
    """The text of a message, its parts joined where it comes in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _usage(usage: Any) -> Usage | None:
    """The token counts; None when there are none or they cannot be."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    asked, answered = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens") or 0)
    cached = _count(details.get("cached_tokens") or 0) if isinstance(details, dict) else 0
    if asked is None or answered is None:
        return None
    return Usage(asked, answered, min(cached or 0, asked))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= MOST_TOKENS else None
