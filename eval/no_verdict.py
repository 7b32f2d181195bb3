"""Why there is no verdict, and what would make one possible. Silence is never a yes."""

from dataclasses import dataclass

from .circumstances import Circumstances, Judge
from .words import count, percent

MOST_SILENT = 0.5
"""A judge that gives no usable verdict on a larger share of what it was asked is not believed on the rest."""


@dataclass(frozen=True, slots=True)
class NoVerdict:
    """What is missing."""

    because: str
    """Goes on after: There is no verdict."""
    give: tuple[str, ...]


def judge_not_believed(judge: Judge) -> NoVerdict | None:
    """Why nothing that the judge says counts; None where it is believed."""
    another = "Another judge (`eval.judge.teacher`), or a rubric that it can follow; or references."
    exam = judge.exam
    if not exam.passed:
        decided = exam.tasks - exam.even
        if exam.low is None:
            because = (
                f"{judge.name} decided only {decided} of {exam.tasks} tasks of its examination, in which the teacher's "
                "own answer stands beside a longer one that belongs to other prompts: too few to know whether it can be "
                "believed"
            )
            return NoVerdict(because, (another, "More held-out prompts with whole answers of the teacher's."))
        return NoVerdict(
            f"{judge.name} cannot be believed: of {decided} tasks in which the teacher's own answer stood beside a longer "
            f"one that belongs to other prompts it got {exam.right} right, {exam.silent} with no verdict or two that "
            f"contradict each other (at the low end {percent(exam.low)}, and {percent(exam.needed)} is asked for)",
            (another,),
        )
    if judge.asked and judge.silent > MOST_SILENT * judge.asked:
        return NoVerdict(
            f"{judge.name} gave no usable verdict on {judge.silent:,} of the {judge.asked:,} answers of the student that it "
            f"was asked about ({judge.inconsistent:,} times the two orders contradict each other)",
            (another,),
        )
    return None


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
    found = [(f"{number:,} with {what}", give) for number, what, give in why if number]
    reasons = ", ".join(what for what, _ in found)
    return NoVerdict(f"of the {asked} none could be graded for every arm: {reasons}", tuple(give for _, give in found))


def _mend_judgement(around: Circumstances) -> str:
    if around.judge is not None:
        return "Another judge, or more `max_tokens` for it; and whole answers of the teacher's."
    what = "answers" if around.way == "agreement" else "references"
    return f"A grader that fits the {what}: `eval.grader` is `{around.grader}`."
