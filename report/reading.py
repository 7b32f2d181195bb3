"""A run's folder as the facts of its report. A stage that is not finished is left out, never an error.

What a finished stage always writes is read without a fallback: a name that is not there is an error, not a gap on the page.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ..errors import BrokenWorld
from ..store.manifest import Manifest
from ..store.run import Run
from ..store.tables import read_table
from ..teacher.identity import PRACTICE, is_simulated
from .courses import read_courses
from .facts import Bill, Facts, Judgement, Origin, Spending
from .harvest import read_harvest
from .judgement import read_judgement
from .values import read_json, tally

STAGES = ("prompts", "completions", "samples", "student", "scorecard")
"""The folders that the report reads, in the order in which they are made."""

_PAID = {"completions": "training answers", "scorecard": "held-out answers"}


def read_facts(run: Run) -> Facts:
    """Everything that the finished stages of a run tell.

    Raises:
        BrokenWorld: a finished stage lacks something that this version of it always writes.
    """
    try:
        return _facts(run)
    except KeyError as error:
        raise BrokenWorld(
            f"{run.folder}: a finished stage lacks {error}, as if another version had made it; `potstill run` makes it anew"
        ) from None


def _facts(run: Run) -> Facts:
    manifests = {stage: found for stage in STAGES if (found := run.finished(stage))}
    training = read_json(run.folder / "student" / "training.json") if "student" in manifests else None
    scorecard = read_json(run.folder / "scorecard" / "scorecard.json") if "scorecard" in manifests else None
    counts = {stage: manifest.counts for stage, manifest in manifests.items()}
    paid, snapshots = _paid(run.folder / "completions") if "completions" in manifests else (None, Counter[str]())
    judges = read_table(run.folder / "scorecard", "items", ("snapshot",)) if scorecard else ()
    simulated = is_simulated(run.recipe.teacher, {*snapshots, *(row["snapshot"] for row in judges)})
    harvest = read_harvest(counts, run.folder / "samples")
    return Facts(
        name=run.recipe.name,
        teacher=run.recipe.teacher.model,
        student=run.recipe.train.student,
        simulated=simulated,
        replays=run.recipe.teacher.base_url.startswith(f"{PRACTICE}replay"),
        retain=run.recipe.eval.retain,
        done=frozenset(manifests),
        outdated=_outdated(manifests),
        judgement=read_judgement(scorecard, simulated) if scorecard else Judgement(),
        harvest=harvest,
        bill=_bill(counts, paid, harvest.kept, scorecard),
        courses=read_courses(training) if training else (),
        origin=_origin(run, manifests, training, tally(snapshots)),
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


def _bill(
    counts: Mapping[str, Mapping[str, Any]], paid: float | None, kept: int | None, scorecard: Mapping[str, Any] | None
) -> Bill:
    judged = counts.get("samples", {}).get("judge", {}).get("cost_usd", 0.0)
    return Bill(
        stages=tuple(_spending(label, paid_for) for label, paid_for in _paid_for(counts)),
        answers_usd=paid,
        kept_row_usd=(paid + judged) / kept if paid is not None and kept else None,
        distillation_usd=scorecard["costs"]["distillation_usd"] if scorecard else None,
        paid_by_this_run=scorecard["costs"]["paid_by_this_run"] if scorecard else None,
    )


def _paid_for(counts: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What asked, and the counts of it: a judge's stand apart among those of the filter."""
    for stage, label in _PAID.items():
        if stage in counts:
            yield label, counts[stage]
    if "judge" in counts.get("samples", {}):
        yield "the judge's grades", counts["samples"]["judge"]


def _spending(label: str, counts: Mapping[str, Any]) -> Spending:
    names = ("sent", "reused", "failed", "input_tokens", "output_tokens", "usd")
    return Spending(label, **{name: counts[name] for name in names})


def _paid(completions: Path) -> tuple[float, Counter[str]]:
    """What the answers cost in dollars, whenever they were paid, and the models that gave them."""
    usd, snapshots = 0.0, Counter[str]()
    for row in read_table(completions, "completions", ("usd", "snapshot")):
        usd += row["usd"]
        if row["snapshot"]:
            snapshots[row["snapshot"]] += 1
    return usd, snapshots


def _origin(
    run: Run,
    manifests: Mapping[str, Manifest],
    training: Mapping[str, Any] | None,
    snapshots: tuple[tuple[str, int], ...],
) -> Origin:
    resolved = yaml.safe_dump(run.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
    packages = training["packages"] if training else {}
    return Origin(
        digest=run.recipe.digest(),
        recipe_yaml=resolved,
        snapshots=snapshots,
        versions=tuple(sorted({manifest.potstill for manifest in manifests.values()})),
        stages=tuple((stage, found.finished, found.seconds) for stage, found in manifests.items()),
        base_url=run.recipe.teacher.base_url,
        terms=run.recipe.teacher.terms or "",
        device=training["device"] if training else "",
        packages=tuple(sorted(packages.items())),
    )
