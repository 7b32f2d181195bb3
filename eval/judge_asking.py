"""Asking the judge of an evaluation: through the ledger, under the run's cap, with what it cost kept apart."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import BadTeacher, BrokenWorld
from ..recipe import EvalJudgeSection, TeacherSection
from ..store.run import Run
from ..teacher.identity import identity, provider
from ..teacher.loop import run_async
from ..teacher.open import open_teacher
from ..teacher.reply import Question, Reply
from ..teacher.workers import ask_all
from .teacher_arm import owing


class JudgeAsking:
    """A judge that can be asked many questions, round after round."""

    def __init__(self, run: Run, section: EvalJudgeSection) -> None:
        self.section = section
        self.teacher: TeacherSection = section.teacher or run.recipe.teacher
        """The model that judges."""
        self.counts: Counter[str] = Counter()
        """Sent, reused, dollars and tokens of this call; owed and rejected replies."""
        self._run = run
        self._costs: dict[str, float] = {}
        """Of each reply by its key: what is asked twice is one reply."""

    @property
    def usd(self) -> float:
        """What its replies cost, whenever they were paid."""
        return sum(self._costs.values())

    def told(self) -> dict[str, Any]:
        """Who judged and what that took, for the scorecard and the manifest."""
        return {
            "model": self.teacher.model,
            "identity": identity(self.teacher, self._run.home),
            "provider": provider(self.teacher),
            "cost_usd": round(self.usd, 9),
            "counts": dict(self.counts),
        }

    def ask(self, questions: Sequence[Question], label: str) -> list[Reply]:
        """One reply to each question, in their order.

        Raises:
            BrokenWorld: more requests failed than `generate.failed_share` lets pass, or none can succeed.
            BudgetReached: the next request does not fit under the cap.
            BadInput: the judge cannot be asked.
        """
        if not questions:
            return []
        try:
            replies, counts = run_async(self._ask(questions, label))
        except BadTeacher as error:
            raise type(error)(f"eval.judge: {error}") from None
        self.counts.update(counts)
        self.counts.update(owing(replies))
        self._costs |= {reply.key: reply.usd for reply in replies if reply.key}
        self._check_failures(replies)
        return replies

    async def _ask(self, questions: Sequence[Question], label: str) -> tuple[list[Reply], dict[str, Any]]:
        replies: dict[int, Reply] = {}
        async with open_teacher(self._run, "eval", self.teacher) as teacher:

            async def ask(numbered: tuple[int, Question]) -> None:
                place, question = numbered
                [replies[place]] = await teacher.ask(question)

            await ask_all(teacher, enumerate(questions), ask, self._run.screen, label, len(questions), "verdicts")
            return [replies[place] for place in range(len(questions))], teacher.tally.counts()

    def _check_failures(self, replies: Sequence[Reply]) -> None:
        failed = [reply for reply in replies if reply.status.startswith("error:")]
        allowed = self._run.recipe.generate.failed_share
        if len(failed) > allowed * len(replies):
            raise BrokenWorld(
                f"{len(failed):,} of {len(replies):,} requests to the judge (eval.judge) failed; generate.failed_share allows "
                f"{allowed:.0%}. The first says: {failed[0].error or failed[0].status}. What was answered is in the ledger and "
                "will not be bought again: mend the cause and run again"
            )
