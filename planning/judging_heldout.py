"""What the evaluation's judge will cost: its examination, then a question or two about each held-out answer of each arm.

Low is the examination alone: a judge that fails it is asked nothing more, and where an answer is the teacher's own text it is not
asked either. Likely and high count every answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..eval.exam import LONGER
from ..graders.judge import judge_of
from ..graders.pair import pair_judge_of
from ..recipe import EvalJudgeSection
from ..store.rows import Prompt
from ..store.run import Run
from ..teacher.identity import tariff
from .caps import Caps
from .evaluation import Evaluation
from .forecast import Forecast, forecast
from .judging import BYTES_OF_AN_ANSWER, of_a_share, size_of
from .range import Range
from .sizes import Size

WRONG_TIMES = Range(LONGER, 2.0, 3.0)
"""The examination's wrong answer as a multiple of the right one: a few others put together until they are longer."""
PIECES = 50
"""Answers that it is put together from at most."""
NONE_OR_ALL = Range(0.0, 1.0, 1.0)

Sizes: TypeAlias = tuple[list[tuple[Size, Size]], list[Size]]
"""The examination's two questions about each prompt, and all that would be asked afterwards."""


@dataclass(frozen=True, slots=True)
class _Held:
    """One held-out prompt, and what is known of an answer to it."""

    prompt: Prompt
    answer: Range
    """Tokens."""
    most: float
    """Bytes at most."""

    @property
    def wrong(self) -> Range:
        """Tokens of the examination's wrong answer."""
        return Range(
            self.answer.low * WRONG_TIMES.low,
            self.answer.likely * WRONG_TIMES.likely,
            self.answer.high * WRONG_TIMES.high,
        )

    @property
    def most_wrong(self) -> float:
        """Bytes of it at most: up to its last piece it is not long enough, and an empty line stands between two."""
        return max(LONGER * self.most, self.most + 20) + self.most + 2 * PIECES


def judging_heldout(run: Run, evaluation: Evaluation, answers: Sequence[Range], longest: int) -> Forecast:
    """The forecast of what the judge is asked; verdicts that the ledger has are not left out.

    Args:
        run: whose judge it is.
        evaluation: what is judged.
        answers: for each prompt that is asked the tokens of one answer.
        longest: the output cap of an answer, tokens.

    Raises:
        ValueError: nobody judges.
    """
    section = evaluation.judge
    if section is None:
        raise ValueError("there is no judge whose price could be foretold")
    most = BYTES_OF_AN_ANSWER * longest
    held = [_Held(prompt, answer, most) for prompt, answer in zip(evaluation.asked, answers, strict=True)]
    sized = {"pairs": _in_pairs, "grades": _by_grades}[section.how]
    examined, judged = sized(run, section, held, len(evaluation.judged))
    caps, price = Caps(section.max_tokens, None, None), tariff(section.teacher or run.recipe.teacher, run.home)
    examination = forecast(_some(examined, section.exam), caps, price)
    return examination + of_a_share(forecast(judged, caps, price), NONE_OR_ALL)


def _in_pairs(run: Run, section: EvalJudgeSection, held: Sequence[_Held], arms: int) -> Sizes:
    """Both orders of the right answer and the wrong one; both orders of each arm's answer and the teacher's."""
    judge = pair_judge_of(run, section)
    examined: list[tuple[Size, Size]] = []
    judged: list[Size] = []
    for one in held:
        question = judge.question(one.prompt.messages, "", "")
        task = size_of(question, judge.teacher, one.answer + one.wrong, one.most + one.most_wrong)
        examined.append((task, task))
        judged += [size_of(question, judge.teacher, one.answer.times(2), 2 * one.most)] * (2 * arms)
    return examined, judged


def _by_grades(run: Run, section: EvalJudgeSection, held: Sequence[_Held], arms: int) -> Sizes:
    """The right answer and the wrong one, without the reference; the teacher's answer and each arm's, with it."""
    judge = judge_of(run, section)
    examined: list[tuple[Size, Size]] = []
    judged: list[Size] = []
    for one in held:
        alone = judge.question(one.prompt.messages, "", None)
        right = size_of(alone, judge.teacher, one.answer, one.most)
        examined.append((right, size_of(alone, judge.teacher, one.wrong, one.most_wrong)))
        question = judge.question(one.prompt.messages, "", one.prompt.reference)
        judged += [size_of(question, judge.teacher, one.answer, one.most)] * (1 + arms)
    return examined, judged


def _some(examined: Sequence[tuple[Size, Size]], count: int) -> list[Size]:
    """The examination of the first so many prompts, at most that of the largest: answers that are not whole are passed over."""
    largest = sorted(examined, key=lambda task: task[0].body, reverse=True)
    return [
        replace(size, body=most.body)
        for task, bound in zip(examined[:count], largest, strict=False)
        for size, most in zip(task, bound, strict=True)
    ]
