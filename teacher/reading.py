"""What a 2xx reply says: its choices with their statuses, its usage, the model that answered, its log-probabilities."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
_REFUSALS_BEGIN = frozenset("iIsSaAbB,.")

WHOLE = frozenset({"stop", "", "eos", "eos_token", "stop_sequence", "end_turn", "tool_calls", "function_call"})
"""How an answer that came to its end finishes; empty where the server does not say. Any other end is a cut: `length`, and what
gateways and engines say when they break off (`error`, `abort`, `insufficient_system_resource`, …)."""
FILTERED = frozenset({"content_filter", "safety", "recitation"})

MOST_TOKENS = 10**9
"""A count above this is no count."""


class TornReplyError(ValueError):
    """A 2xx body that is not a completion: cut off, or not JSON."""


class Choice(NamedTuple):
    """One answer of a reply."""

    status: str
    text: str
    finish_reason: str


class ChatReply(NamedTuple):
    """A completion, read: of a conversation or of a raw text."""

    choices: tuple[Choice, ...]
    usage: Usage | None
    snapshot: str
    """The model that answered, with the provider's fingerprint when there is one."""


class Split(NamedTuple):
    """A reply in the two parts that the ledger keeps; both are JSON."""

    body: bytes
    """The reply without its log-probabilities; the very body where it has none."""
    logprobs: bytes
    """A list: what each choice had under `logprobs`, in the order of `ChatReply.choices`; empty where none has any."""


def read_reply(body: bytes) -> ChatReply:
    """Read the body of a chat completion or of a raw completion.

    Raises:
        TornReplyError: it is neither.
    """
    return _read(_whole(body))


def split_logprobs(body: bytes) -> Split:
    """Take the log-probabilities out of a body: they are most of its bytes, and few ever read them again.

    Raises:
        TornReplyError: it is not a completion.
    """
    return _split(body, _whole(body)) if b'"logprobs"' in body else Split(body, b"")


def read_fresh(body: bytes) -> tuple[ChatReply, Split]:
    """`read_reply` and `split_logprobs` of a body that has just arrived, parsed once.

    Raises:
        TornReplyError: it is not a completion.
    """
    reply = _whole(body)
    return _read(reply), _split(body, reply)


def read_logprobs(logprobs: bytes, choice: int) -> list[dict[str, Any]] | None:
    """The tokens of one choice out of `Split.logprobs`: `token`, `logprob`, `top_logprobs`, as chat completions name them.

    None where that choice has none. A refusal's tokens stand for the answer's.
    """
    found = orjson.loads(logprobs)[choice] if logprobs else None
    if not isinstance(found, dict):
        return None
    if "content" in found or "refusal" in found:
        return found.get("content") or found.get("refusal") or []
    return _raw_tokens(found)


def _raw_tokens(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tokens of a raw completion, which come in columns, with a mapping of alternatives for each."""
    tokens, numbers = found.get("tokens") or [], found.get("token_logprobs") or []
    others: Sequence[Mapping[str, float] | None] = found.get("top_logprobs") or [None] * len(tokens)
    return [
        {"token": token, "logprob": number, "top_logprobs": [_one(*pair) for pair in (other or {}).items()]}
        for token, number, other in zip(tokens, numbers, others, strict=False)
    ]


def _one(token: str, number: float) -> dict[str, Any]:
    return {"token": token, "logprob": number}


def _whole(body: bytes) -> dict[str, Any]:
    """The completion in a body that arrived whole.

    What strict JSON does not know, a lone surrogate or an infinite log-probability, is replaced: it is no reason to buy
    the answer again.
    """
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            reply = json.loads(body.decode("utf-8", "replace"), parse_constant=lambda name: None)
            reply = orjson.loads(json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise TornReplyError(f"not JSON: {error}") from None
    if not isinstance(reply, dict) or not isinstance(reply.get("choices"), list):
        raise TornReplyError("not a completion: it has no choices")
    return reply


def _read(reply: Mapping[str, Any]) -> ChatReply:
    choices = tuple(map(_read_choice, _in_order(reply["choices"])))
    snapshot = str(reply.get("model") or "")
    if fingerprint := reply.get("system_fingerprint"):
        snapshot = f"{snapshot} ({fingerprint})"
    # A whole completion without any choice was paid for like another: one answer that says nothing.
    return ChatReply(choices or (Choice("unparsable", "", ""),), _usage(reply.get("usage")), snapshot)


def _split(body: bytes, reply: dict[str, Any]) -> Split:
    choices = _in_order(reply["choices"])
    if not any(isinstance(choice, dict) and choice.get("logprobs") is not None for choice in choices):
        return Split(body, b"")
    told = [choice.get("logprobs") if isinstance(choice, dict) else None for choice in choices]
    bare = [
        {name: value for name, value in choice.items() if name != "logprobs"} if isinstance(choice, dict) else choice
        for choice in choices
    ]
    return Split(orjson.dumps({**reply, "choices": bare}), orjson.dumps(told))


def _in_order(choices: list[Any]) -> list[Any]:
    return choices if len(choices) == 1 else sorted(choices, key=_index)


def _index(choice: Any) -> int:
    index = choice.get("index") if isinstance(choice, dict) else None
    return index if isinstance(index, int) else 0


def _read_choice(choice: Any) -> Choice:
    """One choice; one in a shape that we do not know is `unparsable`, for it was paid."""
    if isinstance(choice, dict):
        message = choice.get("message")
        if isinstance(message, dict):
            return _choice(choice, message.get("content"), message.get("refusal"))
        if "text" in choice:  # of a raw completion
            return _choice(choice, choice["text"], None)
    return Choice("unparsable", "", "")


def _choice(choice: Mapping[str, Any], content: Any, refusal: Any) -> Choice:
    text = content if isinstance(content, str) else _joined(content)
    finish = choice.get("finish_reason") or ""
    if not isinstance(finish, str):
        finish = json.dumps(finish)
    if finish in FILTERED:
        return Choice("content_filter", text, finish)
    if refusal or (len(text) <= REFUSAL_MAX_CHARS and _reads_as_refusal(text)):
        return Choice("refused", text or str(refusal), finish)
    if finish not in WHOLE:
        return Choice("truncated", text, finish)
    return Choice("ok" if text and not text.isspace() else "unparsable", text, finish)


def _reads_as_refusal(text: str) -> bool:
    # Nearly every answer is told apart by its first letter alone.
    first = text[:1]
    return (first in _REFUSALS_BEGIN or first.isspace()) and REFUSAL.match(text) is not None


def _joined(content: Any) -> str:
    """The text of a message that comes in parts."""
    if not isinstance(content, list):
        return ""
    return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))


def _usage(usage: Any) -> Usage | None:
    """The token counts; None when there are none or they cannot be.

    Where the total is more than the parts, what is missing is reasoning that some providers (xAI) count beside the answer.
    """
    if not isinstance(usage, dict):
        return None
    asked, total = _count(usage.get("prompt_tokens")), _count(usage.get("total_tokens"))
    answered = _count(usage.get("completion_tokens"))
    if asked is None or (answered is None and total is None):
        return None
    if answered is None or (total is not None and answered < total - asked):
        answered = max((total or 0) - asked, 0)
    details = usage.get("prompt_tokens_details")
    if not isinstance(details, dict):
        return Usage(asked, answered)
    cached, written = _count(details.get("cached_tokens")), _count(details.get("cache_write_tokens"))
    return Usage(asked, answered, min(cached, asked) if cached else 0, min(written, asked) if written else 0)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= MOST_TOKENS else None
