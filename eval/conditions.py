"""What anyone who repeats the verdict has to say with it."""

from collections.abc import Iterator, Mapping

from .circumstances import Circumstances, Judge
from .findings import CHANCE, Findings
from .statistics import Undefined
from .words import count, percent

FEW = 20
"""Fewer graded prompts than this are said to be few."""
NEAR = 0.9
"""A base student with this share of the teacher's score is near it."""
LOW = 0.5
"""A teacher below this score is wrong more often than right."""

GRADED: Mapping[str, str] = {
    "exact": "is the reference, character for character (grader `exact`).",
    "normalised": "is the reference but for case, width and spacing (grader `normalised`).",
    "json": "is the same JSON value as the reference (grader `json`).",
    "maths": "ends in the same mathematics as the reference (grader `maths`, by math-verify).",
    "regex": "holds what the recipe's pattern finds in the reference (grader `regex`).",
    "constraints": "keeps to every constraint that the reference lists (grader `constraints`).",
}
"""When an answer is right, by the grader."""


def conditions(findings: Findings, around: Circumstances) -> list[str]:
    """The conditions of a verdict, the general ones first."""
    said = [
        _luck(around),
        f"The held-out prompts come from the same source as the training prompts ({', '.join(around.sources)}): "
        "they say nothing of other prompts.",
        _marked(around),
    ]
    if around.judge is not None:
        said += _about_judge(around.judge)
    said += _about_teacher(around)
    said += _doubts(around)
    if findings.n < FEW:
        said.append(
            f"Only {count(findings.n, 'prompt')} could be graded: the intervals are wide, and they are approximate."
        )
    return said + _left_out(findings, around) + _about_scores(findings, around)


def _luck(around: Circumstances) -> str:
    if around.seeds > 1:
        return (
            f"{around.seeds} students were trained alike with different seeds, and scores and intervals are of them all: "
            "they cover the luck of training, not that of sampling, and speak of such trainings; the student that is kept is the "
            "first of them."
        )
    return (
        "One training seed and one answer to each prompt: the intervals cover the choice of held-out prompts, "
        "not the luck of training or of sampling."
    )


def _marked(around: Circumstances) -> str:
    match around.way:
        case "pairs":
            return (
                "Nobody knows what is right here: a judge said which of two answers is better. A win is a point, a tie half of "
                "one; pairs on which its two orders contradict each other are left out and counted."
            )
        case "grades":
            return "Nobody knows what is right here: a judge gave each answer a grade by a rubric."
        case "agreement":
            rule = GRADED[around.grader].replace("reference", "teacher's first answer")
            return (
                f"Nobody knows what is right here: an answer agrees if it {rule} To agree with {around.teacher} is to err "
                "with it too."
            )
        case _:
            return f"An answer is right if it {GRADED[around.grader]}"


def _about_judge(judge: Judge) -> Iterator[str]:
    exam = judge.exam
    name = judge.name[0].upper() + judge.name[1:]
    yield (
        f"{name} told the teacher's own answer from one that belongs to other prompts in {exam.right} of "
        f"{exam.tasks - exam.even} tasks; finer differences were not tried, and nobody held it against the judgement of people."
    )
    if judge.own_family:
        yield f"{name} is of the teacher's own family, and judges are known to favour their own."
    if not judge.family_known:
        yield f"Whose family {judge.name} is of cannot be told by its name."
    if judge.students_family:
        yield f"{name} is of the student's family, and judges are known to favour their own."
    if judge.silent:
        yield (
            f"On {judge.silent:,} of {judge.asked:,} answers of the student that it was asked about it gave no usable verdict"
            + (
                f", on {judge.inconsistent:,} of them its two orders contradict each other"
                if judge.inconsistent
                else ""
            )
            + ": they are left out."
        )
    if judge.lengths is not None:
        ours, theirs = judge.lengths.student, judge.lengths.teacher
        yield (
            f"The student's answers have {ours:,.0f} characters on average, the teacher's {theirs:,.0f}: judges like "
            "long answers."
        )


def _about_teacher(around: Circumstances) -> Iterator[str]:
    if around.replays:
        yield "The teacher is simulated: it replays recorded answers, and its latency is not a model's."
    elif around.teacher != "the teacher":
        yield "The teacher is simulated: no real model was asked, and its price and latency are not a model's."
    if around.sampling:
        yield f"{around.teacher.capitalize()} was sampled {around.sampling}; the local models answered greedily."


def _doubts(around: Circumstances) -> list[str]:
    said = []
    asked = around.prompts - (around.no_reference if around.way == "reference" else 0)
    if around.leaked:
        said.append(
            f"{count(around.leaked, 'training row')} {'repeats' if around.leaked == 1 else 'repeat'} held-out prompts "
            "(filter.leak.drop is false): the student has seen some of what it was asked."
        )
    if around.drifted:
        said.append(
            f"Held-out answers came from {', '.join(around.drifted)}, which gave no training answer: "
            f"{around.teacher} may have changed in between."
        )
    if around.families < asked:
        said.append(
            f"The {asked:,} held-out prompts belong to {count(around.families, 'family', 'families')}: prompts of one "
            "family are alike, and the intervals are as wide as that makes them."
        )
    return said


def _left_out(findings: Findings, around: Circumstances) -> list[str]:
    kinds = {
        "had no reference": around.no_reference if around.way == "reference" else 0,
        f"could not be judged (most often: {around.broken})": around.unparsable,
        "got no answer from some arm": around.errors,
    }
    why = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
    left = around.prompts - findings.n
    return (
        [f"{count(left, 'held-out prompt')} of {around.prompts:,} left out, for all arms alike: {why}."] if left else []
    )


def _about_scores(findings: Findings, around: Circumstances) -> list[str]:
    said = []
    base = findings.scores.get("base")
    teacher = 0.5 if around.way == "pairs" else findings.scores[findings.ceiling].value
    if around.way == "reference" and teacher < LOW:
        said.append(
            f"{around.teacher.capitalize()} itself is right on only {percent(teacher)} of these prompts: "
            "to keep its score is not to be good."
        )
    if around.way == "agreement" and teacher < NEAR:
        said.append(
            f"{around.teacher.capitalize()} agrees with itself on only {percent(teacher)} of these prompts: "
            "its answers differ from draw to draw more than this grader forgives, or it guesses."
        )
    if (chance := findings.scores.get(CHANCE)) is not None:
        said.append(f"By chance, its answers to other prompts agree with these on {percent(chance.value)}.")
    if base is not None and (isinstance(findings.gap_recovered, Undefined) or base.value >= NEAR * teacher):
        beside = (
            "an equal would have half of the points"
            if around.way == "pairs"
            else f"{around.teacher} {percent(teacher)}"
        )
        said.append(
            f"Before any training the student scored {percent(base.value)}, {beside}: "
            "the share it keeps says little about what the distillation did."
        )
    return said
