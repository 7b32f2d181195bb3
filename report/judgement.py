"""The evaluation's side of the report: from `scorecard.json` to arms, intervals and the verdict."""

from collections.abc import Mapping
from typing import Any

from .facts import Arm, Efficiency, Interval, Judgement, Verdict
from .values import inner, number, numbers, text, texts

ARMS: Mapping[str, tuple[str, str]] = {
    "teacher": ("teacher", "asked the held-out prompts as it was asked the others"),
    "student": ("student", "trained on the kept rows"),
    "control_unfiltered": ("unfiltered control", "trained the same way on as many rows, drawn before filtering"),
    "base": ("base", "the student before training"),
}
"""The arms in the order of the page: name in the scorecard, name on the page, what it is."""


def read_judgement(scorecard: Mapping[str, Any], simulated: bool) -> Judgement:
    """What a scorecard says; an empty one says nothing."""
    grader = scorecard.get("grader")
    return Judgement(
        verdict=_verdict(inner(scorecard, "verdict")),
        arms=_arms(inner(scorecard, "arms"), simulated),
        confidence=number(scorecard.get("confidence")) or 0.95,
        grader=text(grader) or text(inner(grader).get("kind")),
        retained=_interval(scorecard.get("retained")),
        gap_recovered=_interval(scorecard.get("gap_recovered")),
        undefined=tuple(
            why for name in ("retained", "gap_recovered") if (why := text(inner(scorecard, name).get("why")))
        ),
        differences=_differences(inner(scorecard, "difference")),
        filtering=_interval(scorecard.get("filtering")),
        training_seeds=number(scorecard.get("training_seeds")),
        efficiency=_efficiency(scorecard),
    )


def arm_label(name: str) -> str:
    """An arm's name on the page."""
    return ARMS[name][0] if name in ARMS else name.replace("_", " ")


def _verdict(found: Mapping[str, Any]) -> Verdict | None:
    sentence, replace = text(found.get("sentence")), found.get("replace")
    if not sentence:
        return None
    known = replace if isinstance(replace, bool) else None
    return Verdict(known, sentence, texts(found.get("conditions")), texts(found.get("give")))


def _arms(found: Mapping[str, Any], simulated: bool) -> tuple[Arm, ...]:
    known = [name for name in ARMS if name in found]
    others = sorted(name for name in found if name not in ARMS)
    return tuple(_arm(name, inner(found, name), simulated) for name in [*known, *others])


def _arm(name: str, values: Mapping[str, Any], simulated: bool) -> Arm:
    label = arm_label(name)
    what = text(values.get("how")) or ARMS.get(name, ("", ""))[1]
    return Arm(
        name=name,
        label=f"{label} (simulated)" if simulated and name == "teacher" else label,
        what=what,
        score=number(values.get("score")),
        low=number(values.get("low")),
        high=number(values.get("high")),
        n=number(values.get("n")),
        unparsable=number(values.get("unparsable")),
        excluded=number(values.get("excluded")),
        mean_output_tokens=number(values.get("mean_output_tokens")),
    )


def _interval(found: Any) -> Interval | None:
    values = inner(found)
    value = number(values.get("value"))
    if value is None:
        return None
    return Interval(value, number(values.get("low")), number(values.get("high")), number(values.get("p")))


def _differences(found: Mapping[str, Any]) -> tuple[tuple[str, Interval], ...]:
    pairs = [(" − ".join(arm_label(name.strip()) for name in label.split(" - ")), found[label]) for label in found]
    return tuple((label, interval) for label, value in pairs if (interval := _interval(value)))


def _efficiency(scorecard: Mapping[str, Any]) -> Efficiency:
    of_student = inner(scorecard, "efficiency", "student")
    student: dict[str, float | str] = {
        **numbers(of_student, ("parameters", "bytes", "tokens_per_second", "seconds_per_request", "batch_size"))
    }
    if device := text(of_student.get("device")):
        student["device"] = device
    teacher = numbers(
        inner(scorecard, "efficiency", "teacher"),
        ("usd_per_1000", "mean_input_tokens", "mean_output_tokens", "p50_s", "p95_s"),
    )
    own = number(inner(scorecard, "efficiency").get("student_usd_per_1000"))
    paid = number(inner(scorecard, "costs").get("distillation_usd"))
    return Efficiency(student, teacher, own, _break_even(paid, teacher.get("usd_per_1000"), own))


def _break_even(paid: float | None, teacher: float | None, student: float | None) -> float | None:
    """Requests after which what was paid is saved; None where the student saves nothing or its price is not known."""
    if not paid or teacher is None or student is None or teacher <= student:
        return None
    return 1000 * paid / (teacher - student)
