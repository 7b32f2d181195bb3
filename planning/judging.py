"""What the filter's judge will cost, said before there is an answer to judge.

How many answers the free rules leave to the judge nobody knows before they are there. Offline all of them are counted; a pilot
tells which share its own rules kept.
"""

from collections.abc import Iterator, Sequence

import orjson

from ..graders.judge import Judge, judge_of
from ..recipe import TeacherSection
from ..recipe.judge import JudgeSection
from ..store.rows import Prompt
from ..store.run import Run
from ..teacher.identity import tariff
from ..teacher.reply import Question
from .caps import Caps
from .forecast import Forecast, forecast
from .range import Range
from .sizes import ASCII_BYTES_A_TOKEN, DRAW_FIELDS, TOKENS_A_MESSAGE, Size, tokens_of

BYTES_OF_AN_ANSWER = ASCII_BYTES_A_TOKEN[0]
"""For the bound: bytes of each of an answer's tokens. The judge may cut them into other tokens than the teacher did."""


def judging(
    run: Run, section: JudgeSection, prompts: Sequence[Prompt], answers: Sequence[Range], longest: int
) -> Forecast:
    """The forecast of judging every answer to these prompts; verdicts that the ledger has are not left out.

    Args:
        run: whose recipe says how many answers a prompt has.
        section: the judge.
        prompts: the training prompts.
        answers: for each of them the tokens of one answer.
        longest: the output cap of an answer, tokens.
    """
    judge = judge_of(run, section)
    sizes = list(_sizes(judge, prompts, answers, longest)) * run.recipe.generate.draws
    return forecast(sizes, Caps(section.max_tokens, None, None), tariff(judge.teacher, run.home))


def of_a_share(whole: Forecast, share: Range) -> Forecast:
    """The forecast for a share of the answers; at most it is still all of them."""
    return Forecast(
        prompts=whole.prompts,
        draws=whole.draws,
        requests=_times(whole.requests, share),
        input_tokens=_times(whole.input_tokens, share),
        output_tokens=_times(whole.output_tokens, share),
        usd=_times(whole.usd, share),
        most=whole.most,
    )


def size_of(question: Question, judge: TeacherSection, answers: Range, most: float) -> Size:
    """One question to a judge.

    Args:
        question: with an empty text wherever an answer will stand.
        judge: the model that judges.
        answers: tokens of the answers in it.
        most: bytes of them at most.
    """
    body = question.body(judge.model)
    tokens = tokens_of(body["messages"][0]["content"]) + TOKENS_A_MESSAGE + answers
    return Size(len(orjson.dumps(body)) + DRAW_FIELDS + round(most), tokens, None, 1)


def _sizes(judge: Judge, prompts: Sequence[Prompt], answers: Sequence[Range], longest: int) -> Iterator[Size]:
    for prompt, answer in zip(prompts, answers, strict=True):
        question = judge.question(prompt.messages, "", prompt.reference)
        yield size_of(question, judge.teacher, answer, BYTES_OF_AN_ANSWER * longest)


def _times(one: Range, other: Range) -> Range:
    return Range(one.low * other.low, one.likely * other.likely, one.high * other.high)
