"""The judge's examination: before it is believed, it has to tell the teacher's answer from one that belongs to other prompts,
which is longer one time and shorter the next.

A judge that picks by chance, by place or by length, or that says nothing, fails; so nothing that it says can raise a verdict.
Where it finds both equally good or bad it has said nothing against itself: the teacher's own answer may be wrong too.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
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
FEWEST_OF_A_KIND = 5
"""Decided tasks with a longer wrong answer, and with a shorter one, below which too little is known of what it does there."""
MOST_EVEN = 0.5
"""The share of tasks on which it may find neither better."""
LONGER, SHORTER = 1.25, 0.75
"""How long the wrong answer is, by turns, beside the right one."""

NEAREST = 60
"""Answers to the prompts that follow, of which the wrong one is made."""

Mark = Literal["right", "wrong", "even", "silent"]


@dataclass(frozen=True, slots=True)
class Task:
    """A prompt, the answer that belongs to it, and a longer or a shorter one that does not."""

    prompt: Prompt
    own: str
    foreign: str
    longer: bool
    """Whether the wrong one is the longer."""


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
    by_length: bool = False
    """Whether it does badly on the longer wrong answers, or on the shorter ones, taken alone."""
    needed: float = NEEDED

    @property
    def passed(self) -> bool:
        """Whether it is believed."""
        enough = self.low is not None and self.low >= self.needed
        return enough and not self.by_length and self.even <= MOST_EVEN * self.tasks

    def told(self) -> dict[str, Any]:
        """For the scorecard."""
        return {**asdict(self), "passed": self.passed}


def tasks_of(prompts: Sequence[Prompt], answers: Sequence[Answer], wanted: int) -> list[Task]:
    """At most so many tasks from the teacher's whole answers; the wrong ones are made of answers to prompts of other families,
    by turns longer and shorter than the right one. Prompts for which there is none are left out.
    """
    whole = [(prompt, answer.text) for prompt, answer in zip(prompts, answers, strict=True) if answer.whole]
    tasks: list[Task] = []
    for place, (prompt, own) in enumerate(whole):
        others = (whole[(place + step) % len(whole)] for step in range(1, len(whole)))
        texts = [
            text
            for other, text in islice(others, NEAREST)
            if other.family != prompt.family and text.strip() != own.strip()
        ]
        shorter = _shorter(own, texts) if len(tasks) % 2 else None
        foreign = shorter or _longer(own, texts)
        if foreign is not None:
            tasks.append(Task(prompt, own, foreign, longer=shorter is None))
        if len(tasks) == wanted:
            break
    return tasks


def _longer(own: str, texts: Sequence[str]) -> str | None:
    """Texts put together until they are longer; None where there are not enough."""
    chosen: list[str] = []
    for text in texts:
        chosen.append(text)
        if sum(map(len, chosen)) >= max(LONGER * len(own), len(own) + 20):
            return "\n\n".join(chosen)
    return None


def _shorter(own: str, texts: Sequence[str]) -> str | None:
    """The first text that is shorter, else the beginning of one; None where the right answer is too short for that."""
    room = int(SHORTER * len(own))
    found = next((text for text in texts if len(text) <= room), None)
    if found is None and texts:
        found = texts[0][:room].strip()
    return found or None


def examine(
    run: Run, judge: JudgeAsking, section: EvalJudgeSection, prompts: Sequence[Prompt], answers: Sequence[Answer]
) -> Exam:
    """Ask the judge its tasks: as pairs in both orders, or a grade for each of the two answers."""
    tasks = tasks_of(prompts, answers, section.exam)
    marks = {"pairs": _in_pairs, "grades": _by_grades}[section.how](run, judge, section, tasks)
    right, even, silent = (marks.count(mark) for mark in ("right", "even", "silent"))
    decided = len(marks) - even
    low = wilson(right / decided, decided, run.recipe.eval.confidence)[0] if decided >= FEWEST else None
    return Exam(len(marks), right, even, silent, low, any(_fails(marks, tasks, longer=kind) for kind in (True, False)))


def _fails(marks: Sequence[Mark], tasks: Sequence[Task], *, longer: bool) -> bool:
    """Whether it does badly on one kind of task: too few decided, or too few of those right."""
    kind = [mark for mark, task in zip(marks, tasks, strict=True) if task.longer == longer]
    decided = len(kind) - kind.count("even")
    return len(kind) >= FEWEST_OF_A_KIND and (decided < FEWEST_OF_A_KIND or kind.count("right") < NEEDED * decided)


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
