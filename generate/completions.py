"""From a reply to a completion row that can be understood alone."""

import hashlib

import orjson

from ..ledger.key import Draw
from ..store.rows import Completion, Prompt
from ..teacher.reply import Reply
from .plan import Plan


def completion(prompt: Prompt, draw: Draw, reply: Reply, plan: Plan) -> Completion:
    """The row of one draw. A failed draw has an empty text and its status."""
    return Completion(
        id=_id(prompt, draw, plan),
        prompt_id=prompt.id,
        method=plan.method,
        template=plan.template.digest,
        series=draw.series,
        draw=draw.index,
        status=reply.status,
        text=reply.text,
        finish_reason=reply.finish_reason,
        error=reply.error,
        key=reply.key,
        provider=reply.provider,
        model=reply.model,
        snapshot=reply.snapshot,
        parameters=orjson.dumps(plan.options, option=orjson.OPT_SORT_KEYS).decode(),
        terms=plan.terms,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        usd=reply.usd,
    )


def _id(prompt: Prompt, draw: Draw, plan: Plan) -> str:
    named = "\x1f".join([prompt.id, plan.method, plan.template.digest, draw.series, str(draw.index)])
    return hashlib.blake2b(named.encode(), digest_size=16).hexdigest()
