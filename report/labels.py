"""What the arms, the ways of marking and the verdicts are called on the page."""

from collections.abc import Mapping

_ARMS: Mapping[str, str] = {
    "teacher": "teacher",
    "teacher_again": "teacher again",
    "student": "student",
    "control_unfiltered": "unfiltered control",
    "control_random": "random control",
    "seeds_only": "references only",
    "base": "base",
    "chance": "by chance",
}
"""In the order of the page; the students of further seeds follow the first."""

MEAN = "student_mean"
"""The arm that is no arm: all students, trained alike, taken together."""

SCORED: Mapping[str, str] = {
    "reference": "Share of right answers",
    "agreement": "Share of answers that agree with the teacher’s first answer",
    "pairs": "Share of points against the teacher’s answers: a win is a point, a tie half of one",
    "grades": "Mean grade that the judge gave, as a share of the highest",
}
"""What a score is, by what a mark is."""

_WHOLE: Mapping[str, str] = {
    "agreement": "the teacher’s agreement with itself",
    "pairs": "the half of the points that an equal would have",
}

METRICS: Mapping[str, str] = {
    "reference": "accuracy",
    "agreement": "agreement",
    "pairs": "win_rate",
    "grades": "grade",
}
"""A score's name among the metrics of a model card."""

VERDICTS: Mapping[str, str] = {
    "right": "right",
    "wrong": "wrong",
    "win": "win",
    "tie": "tie",
    "loss": "loss",
    "graded": "graded",
    "inconsistent": "inconsistent",
    "unparsable": "unparsable",
    "error": "no answer",
}
"""What may be said of an answer, in the order of the page."""

_AGREEMENT: Mapping[str, str] = {"right": "agrees", "wrong": "differs"}


def arm_label(name: str) -> str:
    """An arm's name on the page."""
    number = name.removeprefix("student_")
    return f"student, seed {number}" if number != name else _ARMS.get(name, name.replace("_", " "))


def is_student(name: str) -> bool:
    """Whether an arm is the student, under the first seed or another."""
    return name == "student" or name.removeprefix("student_").isdigit()


def in_order(names: Mapping[str, object]) -> list[str]:
    """Arms as the page lists them: teacher, students, controls, base, and any other last."""
    known = list(_ARMS)

    def place(name: str) -> tuple[int, int, str]:
        if name.startswith("student_"):
            number = name.removeprefix("student_")
            return known.index("student"), int(number) if number.isdigit() else 0, name
        return known.index(name) if name in known else len(known), 0, name

    return sorted(names, key=place)


def whole_label(by: str | None) -> str:
    """What the student keeps a share of."""
    return _WHOLE.get(by or "", "the teacher’s score")


def verdict_label(verdict: str, by: str | None) -> str:
    """A verdict of one answer in words; right and wrong mean another thing where the teacher's own answer is the measure."""
    return (_AGREEMENT if by == "agreement" else VERDICTS).get(verdict) or VERDICTS.get(verdict, verdict)
