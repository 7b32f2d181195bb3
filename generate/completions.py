"""From a reply to a completion row that can be understood alone."""

import hashlib
from typing import Any

from ..ledger.key import Draw
from ..store.rows import Completion, Prompt
from ..store.schemas import read_completion
from ..teacher.reply import Reply
from .elicitation import Elicitation


def completion(prompt: Prompt, draw: Draw, reply: Reply, elicitation: Elicitation) -> Completion:
    """The row of one draw. A failed draw has an empty text and its status."""
    return read_completion(completion_row(prompt, draw, reply, elicitation))


def completion_row(prompt: Prompt, draw: Draw, reply: Reply, elicitation: Elicitation) -> dict[str, Any]:
    """The same row as the table takes it: a replay writes tens of thousands a second, and has no other use for them."""
    return {
        "id": _id(prompt, draw, elicitation),
        "prompt_id": prompt.id,
        "method": elicitation.method,
        "template": elicitation.template,
        "series": draw.series,
        "draw": draw.index,
        "status": reply.status,
        "text": reply.text,
        "finish_reason": reply.finish_reason,
        "error": reply.error,
        "key": reply.key,
        "provider": reply.provider,
        "model": reply.model,
        "snapshot": reply.snapshot,
        "parameters": elicitation.parameters,
        "terms": elicitation.terms,
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "usd": reply.usd,
    }


def _id(prompt: Prompt, draw: Draw, elicitation: Elicitation) -> str:
    named = f"{prompt.id}\x1f{elicitation.method}\x1f{elicitation.template}\x1f{draw.series}\x1f{draw.index}"
    return hashlib.blake2b(named.encode(), digest_size=16).hexdigest()
