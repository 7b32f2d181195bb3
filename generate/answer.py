"""The method `answer`: each prompt is asked as it is, in as many draws as the recipe wants.

Sequence-level distillation in its plain form (Kim & Rush 2016, arXiv 1606.07947).
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ..ledger.key import Draw
from ..store.rows import Prompt
from ..teacher.reply import Question, Reply
from .plan import Plan

Ask: TypeAlias = Callable[[Question], Awaitable[list[Reply]]]


async def answer(prompt: Prompt, ask: Ask, plan: Plan) -> list[tuple[Draw, Reply]]:
    """The draws of one prompt."""
    draws = [Draw(index=index) for index in range(plan.draws)]
    replies = await ask(Question(plan.template.apply(prompt.messages), plan.options, draws))
    return list(zip(draws, replies, strict=True))
