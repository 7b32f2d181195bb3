"""A run's folder as the facts of its report. A stage that is not finished is left out, never an error."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from ..store.manifest import Manifest
from ..store.run import Run
from ..store.tables import parts
from .courses import read_courses
from .facts import Bill, Facts, Harvest, Origin, Spending, Step
from .judgement import read_judgement
from .values import inner, number, numbers, read_json, tally, text

STAGES = ("prompts", "completions", "samples", "student", "scorecard")
"""The folders that the report reads, in the order in which they are made."""

_PAID = {"completions": "training answers", "scorecard": "held-out answers"}


def read_facts(run: Run) -> Facts:
    """Everything that the finished stages of a run tell."""
    manifests = {stage: found for stage in STAGES if (found := run.finished(stage))}
    training = read_json(run.folder / "student" / "training.json") if "student" in manifests else {}
    scorecard = read_json(run.folder / "scorecard" / "scorecard.json") if "scorecard" in manifests else {}
    counts = {stage: manifest.counts for stage, manifest in manifests.items()}
    paid, snapshots = _paid(run.folder / "completions") if "completions" in manifests else (None, ())
    harvest = _harvest(counts)
    address = run.recipe.teacher.base_url
    simulated = address.startswith("practice://")
    return Facts(
        name=run.recipe.name,
        teacher=run.recipe.teacher.model,
        student=run.recipe.train.student,
        simulated=simulated,
        replays=address.startswith("practice://replay"),
        retain=run.recipe.eval.retain,
        done=frozenset(manifests),
        outdated=_outdated(manifests),
        judgement=read_judgement(scorecard, simulated),
        harvest=harvest,
        bill=_bill(counts, paid, harvest.kept, scorecard),
        courses=read_courses(training),
        origin=_origin(run, manifests, training, snapshots),
    )


def _outdated(manifests: Mapping[str, Manifest]) -> tuple[tuple[str, str], ...]:
    """Stages that read something which has been made anew since."""
    digests = {stage: manifest.digest() for stage, manifest in manifests.items()}
    return tuple(
        (stage, name)
        for stage, manifest in manifests.items()
        for name, digest in manifest.inputs.items()
        if digests.get(name, digest) != digest
    )


def _harvest(counts: Mapping[str, Mapping[str, Any]]) -> Harvest:
    asked, sifted = counts.get("completions", {}), counts.get("samples", {})
    funnel = sifted.get("funnel")
    return Harvest(
        prompts=numbers(counts.get("prompts", {}), ("rows", "merged", "train", "heldout", "families")),
        answers=number(asked.get("rows")),
        statuses=tally(inner(asked, "status")),
        filtered="samples" in counts,
        funnel=tuple(_step(inner(one)) for one in funnel) if isinstance(funnel, list) else (),
        kept=number(sifted.get("kept")),
    )


def _step(values: Mapping[str, Any]) -> Step:
    known = numbers(values, ("in", "dropped", "unscored"))
    return Step(
        rule=text(values.get("rule")),
        rows_in=int(known.get("in", 0)),
        dropped=int(known.get("dropped", 0)),
        unscored=int(known.get("unscored", 0)),
        reasons=tally(inner(values, "reasons")),
    )


def _bill(
    counts: Mapping[str, Mapping[str, Any]], paid: float | None, kept: float | None, scorecard: Mapping[str, Any]
) -> Bill:
    stages = tuple(_spending(label, counts[stage]) for stage, label in _PAID.items() if stage in counts)
    return Bill(
        stages=stages,
        answers_usd=paid,
        kept_row_usd=paid / kept if paid is not None and kept else None,
        distillation_usd=number(inner(scorecard, "costs").get("distillation_usd")),
    )


def _spending(label: str, counts: Mapping[str, Any]) -> Spending:
    names = ("sent", "reused", "failed", "input_tokens", "output_tokens", "usd")
    return Spending(label, **{name: number(counts.get(name)) for name in names})


def _paid(folder: Path) -> tuple[float, tuple[tuple[str, int], ...]]:
    """What the answers cost in dollars, whenever they were paid, and the models that gave them."""
    usd, snapshots = 0.0, Counter[str]()
    for part in parts(folder, "completions"):
        table = pq.read_table(part, columns=["usd", "snapshot"])
        usd += sum(value for value in table["usd"].to_pylist() if value is not None)
        snapshots.update(name for name in table["snapshot"].to_pylist() if name)
    return usd, tally(snapshots)


def _origin(
    run: Run, manifests: Mapping[str, Manifest], training: Mapping[str, Any], snapshots: tuple[tuple[str, int], ...]
) -> Origin:
    resolved = yaml.safe_dump(run.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
    packages = inner(training, "packages")
    return Origin(
        digest=run.recipe.digest(),
        recipe_yaml=resolved,
        snapshots=snapshots,
        versions=tuple(sorted({manifest.potstill for manifest in manifests.values()})),
        stages=tuple((stage, found.finished, found.seconds) for stage, found in manifests.items()),
        base_url=run.recipe.teacher.base_url,
        terms=run.recipe.teacher.terms or "",
        device=text(training.get("device")),
        packages=tuple((name, text(packages[name])) for name in sorted(packages) if text(packages[name])),
    )
