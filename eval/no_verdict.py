"""Why there is no verdict, and what would make one possible. Silence is never a yes."""

from dataclasses import dataclass

from .circumstances import Circumstances, Judge
from .exam import FEWEST, MOST_EVEN, Exam
from .findings import CHANCE, Findings
from .words import count, percent

MOST_SILENT = 0.5
"""Where there is no mark on a larger share of what was asked, the rest does not speak for it."""


@dataclass(frozen=True, slots=True)
class NoVerdict:
    """What is missing."""

    because: str
    """Goes on after: There is no verdict."""
    give: tuple[str, ...]


def judge_not_believed(judge: Judge) -> NoVerdict | None:
    """Why nothing that the judge says counts; None where it is believed."""
    another = "Another judge (`eval.judge.teacher`), or a rubric that it can follow; or references."
    if not judge.exam.passed:
        return NoVerdict(_failed(judge.name, judge.exam), (another, *_more_tasks(judge.exam)))
    if judge.asked and judge.silent > MOST_SILENT * judge.asked:
        return NoVerdict(
            f"{judge.name} gave no usable verdict on {judge.silent:,} of the {judge.asked:,} answers of the student that it "
            f"was asked about ({judge.inconsistent:,} times the two orders contradict each other)",
            (another,),
        )
    return None


def _failed(name: str, exam: Exam) -> str:
    what = "the teacher's own answer stands beside one that belongs to other prompts"
    decided = exam.tasks - exam.even
    if not exam.tasks:
        return f"{name} could not be examined: no held-out prompt has beside it another of another family with another answer"
    if exam.low is None or exam.even > MOST_EVEN * exam.tasks:
        return (
            f"{name} decided only {decided} of {exam.tasks} tasks of its examination, in which {what}: too few to know "
            "whether it can be believed"
        )
    if exam.by_length and exam.low >= exam.needed:
        return (
            f"{name} cannot be believed: of {decided} tasks in which {what} it got {exam.right} right, but hardly any where "
            "the wrong answer was the longer one, or where it was the shorter"
        )
    return (
        f"{name} cannot be believed: of {decided} tasks in which {what} it got {exam.right} right, {exam.silent} with no "
        f"verdict or two that contradict each other (at the low end {percent(exam.low)}, and {percent(exam.needed)} is asked for)"
    )


def _more_tasks(exam: Exam) -> tuple[str, ...]:
    return (
        ()
        if exam.tasks >= FEWEST
        else ("More held-out prompts, of several families, with whole answers of the teacher's.",)
    )


def too_few_marked(findings: Findings, around: Circumstances) -> NoVerdict | None:
    """Why what could be marked is too small a part of what was asked to speak for it; None where it is not."""
    if findings.n >= (1 - MOST_SILENT) * around.asked:
        return None
    found = _missing(around)
    return NoVerdict(
        f"only {findings.n:,} of {count(around.asked, 'held-out prompt')} could be marked for student and teacher alike "
        f"({', '.join(what for what, _ in found)}), and they may not be like the others",
        tuple(give for _, give in found),
    )


def no_better_than_chance(findings: Findings, around: Circumstances) -> NoVerdict | None:
    """Why agreement says nothing here; None where the teacher agrees with itself beyond chance."""
    beyond = findings.beyond_chance
    if beyond is None or beyond.interval.low > 0:
        return None
    itself, chance = findings.scores[findings.ceiling], findings.scores[CHANCE]
    return NoVerdict(
        f"{around.teacher} agrees with itself on {percent(itself.value)} of these prompts, and its answers to other prompts "
        f"agree with these on {percent(chance.value)}: agreement says nothing here that chance does not",
        ("References, or a judge: a student that always said the same would agree as often.",),
    )


def nothing_marked(around: Circumstances) -> NoVerdict:
    """Why no prompt was marked for every arm, and what to do about it."""
    asked = count(around.prompts, "held-out prompt")
    if not around.prompts:
        return NoVerdict("there are no held-out prompts", ("More prompts, or a larger `prompts.heldout.share`.",))
    if around.way is None or (around.way == "reference" and around.no_reference == around.prompts):
        return NoVerdict(
            f"none of the {asked} has a reference to hold an answer against",
            (
                "A reference for each prompt: a column `reference`, or another one named in `prompts.columns`.",
                "Or a judge, of another family than the teacher's: `eval.judge.teacher`.",
                "Or, where answers that agree look alike, `eval.by: agreement` with a grader: the student's answers are held "
                "against the teacher's, beside the teacher's own second answers.",
            ),
        )
    found = _missing(around)
    reasons = ", ".join(what for what, _ in found)
    return NoVerdict(f"of the {asked} none could be graded for every arm: {reasons}", tuple(give for _, give in found))


def _missing(around: Circumstances) -> list[tuple[str, str]]:
    """What kept prompts from being marked, with what would mend it."""
    no_reference = around.no_reference if around.way == "reference" else 0
    why = [
        (no_reference, "no reference", "References for all held-out prompts."),
        (around.unparsable, f"no judgement (most often: {around.broken})", _mend_judgement(around)),
        (
            around.errors,
            "no answer from some arm",
            "Another run of `potstill eval`: what was answered is not bought twice.",
        ),
    ]
    return [(f"{number:,} with {what}", give) for number, what, give in why if number]


def _mend_judgement(around: Circumstances) -> str:
    if around.judge is not None:
        return "Another judge, or more `max_tokens` for it; and whole answers of the teacher's."
    what = "answers" if around.way == "agreement" else "references"
    return f"A grader that fits the {what}: `eval.grader` is `{around.grader}`."
