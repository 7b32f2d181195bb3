"""Held-out answers marked by a judge: in pairs against the teacher's, or each with a grade."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..recipe import EvalJudgeSection
from ..store.rows import Prompt
from ..store.run import Run
from ..teacher.reply import Question
from .items import NO_VERDICT, Answer, Item, Marked, item_of
from .judge_asking import JudgeAsking

Arms = Mapping[str, Sequence[Answer]]
"""The answers of each arm, one for each prompt in their order; the teacher's among them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The items, and by arm what the judge was asked and did not decide."""

    items: Mapping[str, Sequence[Item]]
    asked: Mapping[str, int]
    """Answers that were put to it; the same text and what never came whole need no judge."""
    inconsistent: Mapping[str, int]
    """Of these, pairs on which its two orders contradict each other."""
    silent: Mapping[str, int]
    """Of these, all without a usable verdict, the inconsistent ones included."""


POINTS: Mapping[str, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}


def marked_in_pairs(
    run: Run, judge: JudgeAsking, section: EvalJudgeSection, prompts: Sequence[Prompt], arms: Arms
) -> Judged:
    """Each arm's answers held against the teacher's, in both orders.

    The same text is a tie, and an answer that never came whole is a loss; nobody is asked for either. Where the teacher has no
    whole answer there is nothing to hold against.
    """
    from ..graders.pair import pair_judge_of

    asked = pair_judge_of(run, section)
    teacher = arms["teacher"]
    known: dict[tuple[str, int], _Known] = {}
    open_pairs: list[tuple[str, int]] = []
    questions: list[Question] = []
    for name, answers in arms.items():
        for place, (prompt, answer, other) in enumerate(zip(prompts, answers, teacher, strict=True)):
            if name == "teacher":
                known[name, place] = _of_teacher(other)
            elif (found := _without_asking(answer, other)) is not None:
                known[name, place] = found
            else:
                open_pairs.append((name, place))
                questions.append(asked.question(prompt.messages, answer.text, other.text))
                questions.append(asked.question(prompt.messages, other.text, answer.text))
    read = [asked.read(reply) for reply in judge.ask(questions, "judging pairs")]
    for pair, one, other in zip(open_pairs, read[::2], read[1::2], strict=True):
        known[pair] = _of_pair(one.choice, other.choice, one.reason or other.reason)
    return _judged(prompts, arms, known, open_pairs)


def marked_by_grades(
    run: Run, judge: JudgeAsking, section: EvalJudgeSection, prompts: Sequence[Prompt], arms: Arms
) -> Judged:
    """Each answer with its grade, from 0 for the lowest to 1 for the highest; one that never came whole has the lowest,
    unasked.
    """
    from ..graders.judge import judge_of

    asked = judge_of(run, section)
    known: dict[tuple[str, int], _Known] = {}
    open_answers: list[tuple[str, int]] = []
    questions: list[Question] = []
    for name, answers in arms.items():
        for place, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            if answer.whole:
                open_answers.append((name, place))
                questions.append(asked.question(prompt.messages, answer.text, prompt.reference))
            elif answer.status.startswith("error:"):
                known[name, place] = _Known("error", None, answer.status)
            elif name == "teacher":
                known[name, place] = _Known("unparsable", None, f"the teacher's answer is not whole: {answer.status}")
            else:
                known[name, place] = _Known("graded", 0.0, answer.status)
    read = [asked.read(reply) for reply in judge.ask(questions, "grading")]
    span = section.highest - section.lowest
    for answer, one in zip(open_answers, read, strict=True):
        grade = None if one.score is None else (one.score - section.lowest) / span
        known[answer] = _Known("unparsable" if grade is None else "graded", grade, one.reason)
    return _judged(prompts, arms, known, open_answers)


@dataclass(frozen=True, slots=True)
class _Known:
    verdict: Marked
    score: float | None
    reason: str = ""


def _of_teacher(answer: Answer) -> _Known:
    """Against itself it would have half of the points."""
    if answer.status.startswith("error:"):
        return _Known("error", None, answer.status)
    if not answer.whole:
        return _Known("unparsable", None, f"the teacher's answer is not whole: {answer.status}")
    return _Known("compared", 0.5)


def _without_asking(answer: Answer, teacher: Answer) -> _Known | None:
    if answer.status.startswith("error:"):
        return _Known("error", None, answer.status)
    if not teacher.whole:
        return _Known("unparsable", None, f"the teacher's answer is not whole: {teacher.status}")
    if not answer.whole:
        return _Known("loss", 0.0, answer.status)
    return _Known("tie", 0.5, "the same text") if answer.text.strip() == teacher.text.strip() else None


def _of_pair(one: str | None, other: str | None, reason: str) -> _Known:
    """From the judge's choice with the arm's answer first, and with it second."""
    match one, other:
        case ("first", "second"):
            return _Known("win", POINTS["win"])
        case ("second", "first"):
            return _Known("loss", POINTS["loss"], "the teacher's answer was preferred in both orders")
        case ("tie", "tie"):
            return _Known("tie", POINTS["tie"])
        case (None, _) | (_, None):
            return _Known("unparsable", None, reason)
        case _:
            return _Known("inconsistent", None, f"arm first: {one}; arm second: {other}")


def _judged(
    prompts: Sequence[Prompt],
    arms: Arms,
    known: Mapping[tuple[str, int], _Known],
    asked: Sequence[tuple[str, int]],
) -> Judged:
    items = {
        name: [
            item_of(prompt, name, answer, found.verdict, found.score, found.reason)
            for place, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
            for found in (known[name, place],)
        ]
        for name, answers in arms.items()
    }
    return Judged(
        items,
        Counter(name for name, _ in asked),
        Counter(name for name, place in asked if known[name, place].verdict == "inconsistent"),
        Counter(name for name, place in asked if known[name, place].verdict in NO_VERDICT),
    )
