"""The money's side of the report: from the stages' counts, the plan, the ledger and the scorecard to one bill."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..ledger.ledger import Ledger
from ..store.run import Run
from .money import Bill, BreakEven, Planned, Spending
from .values import read_json

Json = Mapping[str, Any]

PLAN = "plan.json"
"""Beside the stages' folders: what was planned before the first request, as `potstill plan --json` prints it."""

_ASKED = (
    ("completions", "training answers", None),
    ("scorecard", "held-out answers", None),
    ("samples", "the filter’s judge", "judge"),
    ("scorecard", "the evaluation’s judge", "judge"),
)
"""(stage, what it asked for, the part of its counts): a judge's counts stand apart among those of the stage."""

_PARTS = (
    ("answers_usd", "training answers"),
    ("heldout_usd", "held-out answers"),
    ("filter_judge_usd", "the filter’s judge"),
    ("eval_judge_usd", "the evaluation’s judge"),
    ("training_usd", "the machine that trained"),
)
_STAGES = (("generate", "training answers"), ("filter", "the filter’s judge"), ("eval", "evaluation"))


def plan_of(run: Run) -> Path:
    """Where the plan lies, if there is one."""
    return run.folder / PLAN


def read_bill(run: Run, counts: Mapping[str, Json], answers_usd: float | None, scorecard: Json | None) -> Bill:
    """The bill of a run.

    Args:
        run: whose plan and ledger are read.
        counts: those of the finished stages, by folder.
        answers_usd: what the training answers cost, whenever they were paid.
        scorecard: as `eval` wrote it, None before there is one.
    """
    kept, spent = counts.get("samples", {}).get("kept"), scorecard["costs"] if scorecard else None
    judged = counts.get("samples", {}).get("judge", {}).get("cost_usd", 0.0)
    charged = _charged(run) or ({"total": spent["paid_by_this_run"]} if spent else {})
    plan = read_json(plan_of(run)) if plan_of(run).is_file() else None
    return Bill(
        stages=tuple(_spending(counts)),
        answers_usd=answers_usd,
        kept_row_usd=(answers_usd + judged) / kept if answers_usd is not None and kept else None,
        parts=tuple(_parts(spent, run.recipe.eval.machine_usd_per_hour)) if spent else (),
        distillation_usd=spent["distillation_usd"] if spent else None,
        charged_usd=charged.get("total"),
        planned=tuple(_planned(plan, charged)) if plan else (),
        basis=plan["basis"] if plan else "",
        bought_before=plan["ledger"]["bought"] if plan else 0,
        break_even=_break_even(scorecard) if scorecard else None,
    )


def _charged(run: Run) -> Mapping[str, float]:
    """What the ledger has charged to each stage of the run, and in all; nothing where there is no ledger."""
    if not run.ledger.is_file():
        return {}
    with Ledger(run.ledger) as ledger:
        stages = {stage: ledger.bill(run.recipe.name, stage).usd for stage, _ in _STAGES}
        return {**stages, "total": ledger.bill(run.recipe.name).usd}


def _spending(counts: Mapping[str, Json]) -> Iterator[Spending]:
    for stage, label, part in _ASKED:
        found = counts.get(stage, {}) if part is None else counts.get(stage, {}).get(part)
        if found:
            names = ("sent", "reused", "failed", "input_tokens", "output_tokens", "usd")
            yield Spending(label, **{name: found[name] for name in names})


def _parts(spent: Json, rent: float | None) -> Iterator[tuple[str, float | None]]:
    for name, label in _PARTS:
        if name == "training_usd":
            yield label, spent[name] if rent is not None else None
        elif spent[name] or "judge" not in name:
            yield label, spent[name]


def _planned(plan: Json, charged: Mapping[str, float]) -> Iterator[Planned]:
    for stage, label in _STAGES:
        found = plan["stages"].get(stage, {})
        if found.get("asks"):
            yield _one(label, found, charged.get(stage))
    yield _one("all together", plan["total"], charged.get("total"))


def _one(label: str, found: Json, charged: float | None) -> Planned:
    usd, most = found["usd"], found.get("most")
    return Planned(label, usd["low"], usd["likely"], usd["high"], most["usd"] if most else None, charged)


def _break_even(scorecard: Json) -> BreakEven:
    found, efficiency = scorecard["break_even"], scorecard["efficiency"]
    spent = scorecard["costs"]["distillation_usd"]
    teacher, student = efficiency["teacher"].get("usd_per_1000"), efficiency.get("student_usd_per_1000")
    return BreakEven(
        requests=found["requests"],
        low=found["low"],
        high=found["high"],
        requests_per_hour=found["requests_per_hour"],
        why=found["why"],
        teacher_usd=None if teacher is None else teacher / 1000,
        student_usd=None if student is None else student / 1000,
        floor=1000 * spent / teacher if teacher and spent else None,
    )
