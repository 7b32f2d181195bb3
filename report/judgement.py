"""The evaluation's side of the report: from `scorecard.json` to arms, intervals and the verdict."""

from collections.abc import Mapping
from typing import Any

from .facts import Arm, Efficiency, Interval, Judgement, Verdict

ARMS: Mapping[str, str] = {
    "teacher": "teacher",
    "student": "student",
    "control_unfiltered": "unfiltered control",
    "control_random": "random control",
    "base": "base",
}
"""The arms in the order of the page: name in the scorecard, name on the page."""


def read_judgement(scorecard: Mapping[str, Any], simulated: bool) -> Judgement:
    """What a scorecard says."""
    efficiency, verdict = scorecard["efficiency"], scorecard["verdict"]
    shares = [scorecard[name] for name in ("retained", "gap_recovered")]
    return Judgement(
        verdict=Verdict(verdict["replace"], verdict["sentence"], tuple(verdict["conditions"]), tuple(verdict["give"])),
        arms=tuple(_arm(name, scorecard["arms"][name], simulated) for name in ARMS if name in scorecard["arms"]),
        graded=scorecard["n"],
        confidence=scorecard["confidence"],
        grader=scorecard["grader"],
        retained=_interval(shares[0]),
        gap_recovered=_interval(shares[1]),
        undefined=tuple(share["why"] for share in shares if share["value"] is None),
        differences=_differences(scorecard["difference"]),
        filtering=_interval(scorecard["filtering"]),
        selection=_interval(scorecard["selection"]),
        training_seeds=scorecard["training_seeds"],
        efficiency=Efficiency(efficiency["student"], efficiency["teacher"], efficiency.get("student_usd_per_1000")),
    )


def arm_label(name: str) -> str:
    """An arm's name on the page."""
    return ARMS.get(name, name.replace("_", " "))


def _arm(name: str, values: Mapping[str, Any], simulated: bool) -> Arm:
    label = arm_label(name)
    return Arm(
        name=name,
        label=f"{label} (simulated)" if simulated and name == "teacher" else label,
        what=values["how"],
        score=values["score"],
        low=values["low"],
        high=values["high"],
        unparsable=values["unparsable"],
        excluded=values["excluded"],
        mean_output_tokens=values["mean_output_tokens"],
    )


def _interval(found: Mapping[str, Any] | None) -> Interval | None:
    if found is None or found["value"] is None:
        return None
    return Interval(found["value"], found["low"], found["high"], found.get("p"))


def _differences(found: Mapping[str, Any]) -> tuple[tuple[str, Interval], ...]:
    pairs = [(" − ".join(arm_label(name) for name in label.split(" - ")), found[label]) for label in found]
    return tuple((label, interval) for label, value in pairs if (interval := _interval(value)))
