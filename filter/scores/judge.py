"""The score `judge`: a model's grade for each answer, asked through the ledger and never bought twice."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import BadTeacher, BrokenWorld
from ...graders.judge import OUTCOMES, Judge, Outcome, judge_of
from ...recipe.judge import JudgeSection
from ...store.rows import Message
from ...store.run import Run
from ...teacher.ask import Teacher
from ...teacher.identity import identity, provider
from ...teacher.loop import run_async
from ...teacher.open import open_teacher
from ...teacher.reply import is_owed
from ...teacher.tally import Tally
from ...teacher.workers import ask_all

WITHOUT_A_VERDICT = 0.5
"""A judge that says nothing usable of a larger share of answers is broken: what is paid on for would be silence."""

_CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}


@dataclass(frozen=True, slots=True)
class JudgeRow:
    """One answer that is to be judged."""

    prompt: Sequence[Message]
    answer: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Judgements:
    """What the judge said, five bytes a row, in the order in which the rows were given."""

    scores: NDArray[np.float32]
    """Grades; NaN where there is no verdict."""
    codes: NDArray[np.int8]
    """For each row the place of its outcome in `OUTCOMES`."""
    counts: dict[str, Any]
    """Who judged; verdicts, and rows without one by the reason; what all replies cost, whenever they were paid; owed and
    rejected rows; sent, reused, dollars and tokens of this call."""


def judge_rows(run: Run, section: JudgeSection, rows: Iterable[JudgeRow], total: int) -> Judgements:
    """Ask the judge about every row, with progress; nobody is asked if there is none.

    Args:
        run: who pays, under the stage `filter`.
        section: the judge.
        rows: what is judged; drawn one by one, so that memory does not hold them all.
        total: how many they are.

    Raises:
        BrokenWorld: more requests failed than `generate.failed_share` lets pass, more than half of the rows get no verdict, or
            no request can succeed.
        BudgetReached: the next request does not fit under the cap.
        BadInput: the rubric or the model's section does not hold.
        ValueError: there are fewer rows than `total`.
    """
    judge = judge_of(run, section)
    if not total:
        return _Judging(run, judge, 0).judgements(Tally())
    return run_async(_judge(run, judge, rows, total))


async def _judge(run: Run, judge: Judge, rows: Iterable[JudgeRow], total: int) -> Judgements:
    judging = _Judging(run, judge, total)
    try:
        async with open_teacher(run, "filter", judge.teacher) as teacher:

            async def ask(numbered: tuple[int, JudgeRow]) -> None:
                await judging.ask(teacher, *numbered)

            await ask_all(teacher, enumerate(rows), ask, run.screen, "judge", total, "answers")
            return judging.judgements(teacher.tally)
    except BadTeacher as error:
        raise type(error)(f"filter.judge: {error}") from None


class _Judging:
    """The rows of one call, judged so far."""

    def __init__(self, run: Run, judge: Judge, total: int) -> None:
        self._run, self._judge, self._total = run, judge, total
        self._scores = np.full(total, np.nan, dtype=np.float32)
        self._codes = np.zeros(total, dtype=np.int8)
        self._outcomes: Counter[Outcome] = Counter()
        self._owed = self._rejected = 0
        self._usd = np.zeros(total)
        self._keys = np.zeros(total, dtype=np.uint64)
        """What the reply to each row cost, and the first half of its key: equal answers to one prompt share one."""
        self._first: dict[Outcome, str] = {}
        """Why there was no verdict, of the first row of each kind."""

    async def ask(self, teacher: Teacher, place: int, row: JudgeRow) -> None:
        """Judge one row."""
        question = self._judge.question(row.prompt, row.answer, row.reference)
        [reply] = await teacher.ask(question)
        judged = self._judge.read(reply)
        self._keys[place], self._usd[place] = int(reply.key[:16] or "0", 16), reply.usd
        if judged.score is not None:
            self._scores[place] = judged.score
        self._codes[place] = _CODES[judged.outcome]
        self._outcomes[judged.outcome] += 1
        if judged.outcome != "ok":
            self._owed += is_owed(reply.status)
            self._rejected += bool(reply.error and not reply.snapshot and not is_owed(reply.status))
            self._first.setdefault(judged.outcome, judged.reason)
            self._enough_verdicts()

    def judgements(self, tally: Tally) -> Judgements:
        """All rows, once they are judged.

        Raises:
            ValueError: there were fewer than was said.
        """
        if (judged := self._outcomes.total()) != self._total:
            raise ValueError(f"{self._total} rows were to be judged, and {judged} came")
        silent = {
            outcome: self._outcomes[outcome] for outcome in OUTCOMES if outcome != "ok" and self._outcomes[outcome]
        }
        counts = {
            "judge": identity(self._judge.teacher, self._run.home),
            "provider": provider(self._judge.teacher),
            "rows": self._total,
            "verdicts": self._outcomes["ok"],
            "no_verdict": silent,
            "cost_usd": round(fsum(self._usd[np.unique(self._keys, return_index=True)[1]]), 9),
            "owed": self._owed,
            "rejected": self._rejected,
        }
        return Judgements(self._scores, self._codes, {**counts, **tally.counts()})

    def _enough_verdicts(self) -> None:
        """Stop as soon as it is certain that too many rows stay without a verdict: what follows would be paid for nothing."""
        failed = self._outcomes["failed"]
        allowed = self._run.recipe.generate.failed_share
        if failed > allowed * self._total:
            raise BrokenWorld(
                f"at least {failed:,} of {self._total:,} requests to the judge failed; generate.failed_share allows "
                f"{allowed:.0%}. The first: {self._first['failed']}. What was answered is in the ledger and will not be bought "
                "again: mend the cause and run again"
            )
        silent = self._outcomes.total() - self._outcomes["ok"]
        if silent > WITHOUT_A_VERDICT * self._total:
            found = "; ".join(
                f"{outcome} {self._outcomes[outcome]:,}, the first: {reason}" for outcome, reason in self._first.items()
            )
            raise BrokenWorld(
                f"the judge gives no verdict on at least {silent:,} of {self._total:,} answers ({found}). What it said is in "
                "the ledger and will not be bought again. Give it more max_tokens, a rubric that it keeps to, or another model"
            )
