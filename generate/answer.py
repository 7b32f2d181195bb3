"""The method `answer`: each prompt is asked as it is, in as many draws as the recipe wants.

Sequence-level distillation in its plain form (Kim & Rush 2016, arXiv 1606.07947).
"""

from functools import cache

from ..ledger.key import Draw
from ..store.rows import Prompt
from ..teacher.reply import Question, Reply
from ..teacher.whole import Ask
from .elicitation import Elicitation


def first_question(prompt: Prompt, elicitation: Elicitation) -> Question:
    """What is asked of one prompt before anything else."""
    return elicitation.asking.question(prompt.messages, _draws(elicitation.draws))


async def answer(prompt: Prompt, ask: Ask, elicitation: Elicitation) -> list[tuple[Draw, Reply]]:
    """The draws of one prompt."""
    draws = _draws(elicitation.draws)
    replies = await elicitation.asking.ask(ask, prompt.messages, draws)
    return list(zip(draws, replies, strict=True))


@cache
def _draws(count: int) -> tuple[Draw, ...]:
    return tuple(Draw(index=index) for index in range(count))
