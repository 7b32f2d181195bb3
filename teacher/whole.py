"""A question asked until its answer is whole: once more if it was cut off, once more if it has the wrong form.

A pure function of the replies: who asks the same again, after a kill or in the next run, meets the same requests, and
the ledger answers them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..store.rows import Message
from .options import CAPS
from .reply import Question, Reply, is_owed

Ask: TypeAlias = Callable[[Question], Awaitable[list[Reply]]]
Misfit: TypeAlias = Callable[[str], str | None]
"""A text to the reason why it does not fit, None when it does."""

_WHOLE = frozenset({"ok", "refused"})


@dataclass(frozen=True, slots=True)
class Form:
    """The form that every answer must have."""

    misfit: Misfit
    complain: Callable[[str], str]
    """The user turn that tells the teacher what was wrong, from the reason."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request body that tell the endpoint of the form."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked once more."""

    second_cap: int | None = None
    """The output cap for an answer that was cut off, tokens; None: it is not asked again."""
    form: Form | None = None
    """The form of an answer; None where any text will do."""


async def ask_whole(ask: Ask, question: Question, policy: Policy) -> list[Reply]:
    """One reply per draw, in their order; each draw goes its own way.

    An answer that was cut off is asked again under the larger cap; if that brings no whole one, the first stays,
    `truncated`. An answer without the form asked for is sent back once with what is wrong; if that does not mend it,
    it is `unparsable`, its text is kept and `error` says what is wrong. A second request that fails only for the moment
    leaves the draw without an answer, so that the next run asks on. Dollars, tokens and seconds of a reply are the sums
    over all that was asked for it; its key is that of the request whose end it tells.
    """
    replies = await ask(question)
    asked = [question] * len(replies)
    if policy.second_cap is not None and "truncated" in [reply.status for reply in replies]:
        asked, replies = await _ask_longer(ask, question, replies, policy.second_cap)
    if (form := policy.form) is None:
        return replies
    problems = [form.misfit(reply.text) if reply.status == "ok" else None for reply in replies]
    if not any(problems):
        return replies
    alone = [Question(each.messages, each.options, [draw]) for each, draw in zip(asked, question.draws, strict=True)]
    return await _all([_mended(ask, form, *drawn) for drawn in zip(alone, replies, problems, strict=True)])


async def _ask_longer(
    ask: Ask, question: Question, replies: Sequence[Reply], cap: int
) -> tuple[list[Question], list[Reply]]:
    """The replies, those that were cut off asked again, and which question each now answers."""
    options = {name: cap if name in CAPS else value for name, value in question.options.items()}
    cut = [index for index, reply in enumerate(replies) if reply.status == "truncated"]
    longer = Question(question.messages, options, [question.draws[index] for index in cut])
    asked, best = [question] * len(replies), list(replies)
    for index, second in zip(cut, await ask(longer), strict=True):
        first = replies[index]
        stands = second.status in _WHOLE or is_owed(second.status)
        asked[index] = longer if stands else question
        best[index] = _summed(second if stands else first, first, second)
    return asked, best


async def _mended(ask: Ask, form: Form, question: Question, reply: Reply, problem: str | None) -> Reply:
    """The reply, or if it has a problem the one that the teacher gives when it is told of it."""
    if problem is None:
        return reply
    if isinstance(question.messages, str):  # a raw text has no turn to say it in
        return reply._replace(status="unparsable", error=_told(problem))
    turns = (
        *question.messages,
        Message(role="assistant", content=reply.text),
        Message(role="user", content=form.complain(problem)),
    )
    [second] = await ask(Question(turns, question.options, question.draws))
    if is_owed(second.status):
        return _summed(second, reply, second)
    answered = second.status == "ok"
    left = form.misfit(second.text) if answered else problem
    kept = _summed(second if answered else reply, reply, second)
    return kept if left is None else kept._replace(status="unparsable", error=_told(left))


def _told(problem: str) -> str:
    return f"not in the form asked for: {problem}"


def _summed(kept: Reply, first: Reply, second: Reply) -> Reply:
    return kept._replace(
        input_tokens=first.input_tokens + second.input_tokens,
        output_tokens=first.output_tokens + second.output_tokens,
        usd=first.usd + second.usd,
        seconds=first.seconds + second.seconds,
        reused=first.reused and second.reused,
    )


async def _all(asking: Sequence[Awaitable[Reply]]) -> list[Reply]:
    """What all of them bring; every one comes home before an error is raised, for it is paid."""
    found = await asyncio.gather(*asking, return_exceptions=True)
    if errors := [one for one in found if isinstance(one, BaseException)]:
        raise errors[0]
    return [one for one in found if isinstance(one, Reply)]
