"""The evaluation's side of the report: from `scorecard.json` to arms, intervals, slices, tasks, the judge and the verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

from .labels import MEAN, arm_label, in_order, is_student
from .scores import Arm, Compared, Duel, Efficiency, Interval, Judge, Judgement, Slice, Task, Verdict

Json = Mapping[str, Any]


def read_judgement(scorecard: Json, duel: Duel, simulated: bool) -> Judgement:
    """What a scorecard says.

    Args:
        scorecard: as `eval` wrote it.
        duel: what the table of items says of student and teacher.
        simulated: no real model was asked.
    """
    verdict, efficiency = scorecard["verdict"], scorecard["efficiency"]
    return Judgement(
        verdict=Verdict(verdict["replace"], verdict["sentence"], tuple(verdict["conditions"]), tuple(verdict["give"])),
        by=scorecard["by"],
        compared=_compared(scorecard, simulated),
        duel=duel,
        confidence=scorecard["confidence"],
        grader=scorecard["grader"],
        seeds=scorecard["training_seeds"],
        filtering=_interval(scorecard["filtering"]),
        selection=_interval(scorecard["selection"]),
        teaching=_interval(scorecard["teaching"]),
        slices=tuple(_slice(one) for one in scorecard["slices"]),
        slices_left=scorecard["slices_left"],
        tasks=tuple(
            Task(one["name"], one["marked_by"], one["prompts"], _compared(one, simulated)) for one in scorecard["tasks"]
        ),
        judge=_judge(scorecard["judge"]),
        efficiency=Efficiency(efficiency["student"], efficiency["teacher"], efficiency.get("student_usd_per_1000")),
    )


def _compared(found: Json, simulated: bool) -> Compared:
    seeds = sum(is_student(name) for name in found["arms"])
    shares = [found[name] for name in ("retained", "gap_recovered")]
    return Compared(
        graded=found["n"],
        ceiling=found["ceiling"] or "",
        arms=tuple(_arms(found, simulated, seeds)),
        retained=_interval(shares[0]),
        kept_alone=_interval(found["kept_alone"]),
        gap_recovered=_interval(shares[1]),
        undefined=tuple(dict.fromkeys(share["why"] for share in shares if share["value"] is None)),
        differences=_differences(found["difference"]),
        smallest_difference=found["smallest_difference"],
    )


def _arms(found: Json, simulated: bool, seeds: int) -> Iterator[Arm]:
    """The arms, and where several students were trained alike, their mean before the first of them."""
    for name in in_order(found["arms"]):
        if name == "student" and seeds > 1 and found["students"]:
            yield _mean(found["students"], seeds)
        yield _arm(name, found["arms"][name], simulated, seeds)


def _mean(found: Json, seeds: int) -> Arm:
    return Arm(
        name=MEAN,
        label=f"mean of {seeds} students",
        what="the students of all seeds together; what retained and the differences are of",
        score=found["value"],
        low=found["low"],
        high=found["high"],
        verdicts={},
        cut_off=0,
        unparsable=0,
        excluded=0,
        mean_output_tokens=None,
        mean_characters=None,
        constraints=None,
    )


def _arm(name: str, values: Json, simulated: bool, seeds: int) -> Arm:
    label = arm_label(name)
    if simulated and name.startswith("teacher"):
        label += " (simulated)"
    if name == "student" and seeds > 1:
        label += ", kept"
    kept = values.get("constraints")
    return Arm(
        name=name,
        label=label,
        what=values["how"],
        score=values["score"],
        low=values["low"],
        high=values["high"],
        verdicts=values["verdicts"],
        cut_off=values["finish"].get("length", 0),
        unparsable=values["unparsable"],
        excluded=values["excluded"],
        mean_output_tokens=values["mean_output_tokens"],
        mean_characters=values["mean_characters"],
        constraints=(kept[0], kept[1]) if kept else None,
    )


def _interval(found: Json | None) -> Interval | None:
    if found is None or found["value"] is None:
        return None
    return Interval(found["value"], found["low"], found["high"], found.get("p"))


def _differences(found: Json) -> tuple[tuple[str, Interval], ...]:
    pairs = [(" − ".join(arm_label(name) for name in label.split(" - ")), found[label]) for label in found]
    return tuple((label, interval) for label, value in pairs if (interval := _interval(value)))


def _slice(found: Json) -> Slice:
    scores = {name: found["arms"][name] for name in in_order(found["arms"])}
    difference = found["difference"]
    return Slice(
        name=found["name"],
        graded=found["n"],
        scores={name: Interval(one["value"], one["low"], one["high"]) for name, one in scores.items()},
        retained=_interval(found["retained"]),
        difference=Interval(difference["value"], difference["low"], difference["high"], found["p"]),
    )


def _judge(found: Json | None) -> Judge | None:
    if found is None:
        return None
    return Judge(
        model=found["model"],
        label=found["model"] + (" (simulated)" if found["simulated"] else ""),
        identity=found["identity"],
        provider=found["provider"],
        how=found["how"],
        own_family=found["own_family"],
        students_family=found["students_family"],
        exam=found["exam"],
        asked=found["asked"],
        inconsistent=found["inconsistent"],
        silent=found["silent"],
        lengths=found["lengths"],
        length_doubt=found["length_doubt"],
    )
