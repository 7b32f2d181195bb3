"""The judge's examination: before it is believed, it has to tell the teacher's answer from a longer one that belongs elsewhere.

A judge that picks by chance, by place or by length, or that says nothing, fails; so nothing that it says can raise a verdict.
Where it finds both equally good or bad it has said nothing against itself: the teacher's own answer may be wrong too.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..recipe import EvalJudgeSection
from ..store.rows import Prompt
from ..store.run import Run
from ..store.wilson import wilson
from ..teacher.reply import Question
from .items import Answer
from .judge_asking import JudgeAsking

NEEDED = 0.65
"""The share of tasks that the judge must get right, at the lower end of its interval."""
FEWEST = 12
"""Decided tasks below which too little is known of a judge."""
LONGER = 1.25
"""How much longer the wrong answer is than the right one."""

Mark = Literal["right", "wrong", "even", "silent"]


@dataclass(frozen=True, slots=True)
class Task:
    """A prompt, the answer that belongs to it, and a longer one that does not."""

    prompt: Prompt
    own: str
    foreign: str


@dataclass(frozen=True, slots=True)
class Exam:
    """How the judge did."""

    tasks: int
    right: int
    even: int
    """Tasks on which it found neither better; they do not count."""
    silent: int
    """Tasks on which it gave no verdict, or two that contradict each other."""
    low: float | None
    """The lower end of the interval of its share of right verdicts."""
    needed: float = NEEDED

    @property
    def passed(self) -> bool:
        """Whether it is believed."""
        return self.low is not None and self.low >= self.needed

    def told(self) -> dict[str, Any]:
        """For the scorecard."""
        return {**asdict(self), "passed": self.passed}


def tasks_of(prompts: Sequence[Prompt], answers: Sequence[Answer], wanted: int) -> list[Task]:
    """At most so many tasks from the teacher's whole answers; the wrong ones are answers to the prompts that follow, put together
    until they are longer. Prompts for which there is none are left out.
    """
    whole = [(prompt, answer.text) for prompt, answer in zip(prompts, answers, strict=True) if answer.whole]
    tasks: list[Task] = []
    for place, (prompt, own) in enumerate(whole):
        others = [whole[(place + step) % len(whole)] for step in range(1, len(whole))]
        foreign = _foreign(own, [text for other, text in others if other.family != prompt.family])
        if foreign is not None and len(tasks) < wanted:
            tasks.append(Task(prompt, own, foreign))
        if len(tasks) == wanted:
            break
    return tasks


def _foreign(own: str, texts: Sequence[str]) -> str | None:
    """Answers to other prompts, none like `own`, that are longer together."""
    chosen: list[str] = []
    for text in texts[:50]:
        if text.strip() != own.strip():
            chosen.append(text)
        if sum(map(len, chosen)) >= max(LONGER * len(own), len(own) + 20):
            return "\n\n".join(chosen)
    return None


def examine(
    run: Run, judge: JudgeAsking, section: EvalJudgeSection, prompts: Sequence[Prompt], answers: Sequence[Answer]
) -> Exam:
    """Ask the judge its tasks: as pairs in both orders, or a grade for each of the two answers."""
    tasks = tasks_of(prompts, answers, section.exam)
    marks = {"pairs": _in_pairs, "grades": _by_grades}[section.how](run, judge, section, tasks)
    right, even, silent = (marks.count(mark) for mark in ("right", "even", "silent"))
    decided = len(marks) - even
    low = wilson(right / decided, decided, run.recipe.eval.confidence)[0] if decided >= FEWEST else None
    return Exam(len(marks), right, even, silent, low)


def _in_pairs(run: Run, judge: JudgeAsking, section: EvalJudgeSection, tasks: Sequence[Task]) -> list[Mark]:
    from ..graders.pair import pair_judge_of

    asked = pair_judge_of(run, section)
    both = _two_each(
        tasks,
        lambda task: asked.question(task.prompt.messages, task.own, task.foreign),
        lambda task: asked.question(task.prompt.messages, task.foreign, task.own),
    )
    read = [asked.read(reply) for reply in judge.ask(both, "examining the judge")]
    return [_pair_mark(one.choice, other.choice) for one, other in zip(read[::2], read[1::2], strict=True)]


def _pair_mark(one: str | None, other: str | None) -> Mark:
    """From its choice with the right answer first, and with it second."""
    if (one, other) == ("first", "second"):
        return "right"
    if (one, other) == ("tie", "tie"):
        return "even"
    return "wrong" if (one, other) == ("second", "first") else "silent"


def _by_grades(run: Run, judge: JudgeAsking, section: EvalJudgeSection, tasks: Sequence[Task]) -> list[Mark]:
    from ..graders.judge import judge_of

    asked = judge_of(run, section)
    # Without the reference: it would be told which answer is right.
    both = _two_each(
        tasks,
        lambda task: asked.question(task.prompt.messages, task.own, None),
        lambda task: asked.question(task.prompt.messages, task.foreign, None),
    )
    read = [asked.read(reply).score for reply in judge.ask(both, "examining the judge")]
    return [_grade_mark(own, foreign) for own, foreign in zip(read[::2], read[1::2], strict=True)]


def _grade_mark(own: float | None, foreign: float | None) -> Mark:
    if own is None or foreign is None:
        return "silent"
    return "even" if own == foreign else "right" if own > foreign else "wrong"


def _two_each(
    tasks: Sequence[Task], one: Callable[[Task], Question], other: Callable[[Task], Question]
) -> list[Question]:
    return [question for task in tasks for question in (one(task), other(task))]
