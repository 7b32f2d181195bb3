"""A run's folder as the facts of its report. A stage that is not finished is left out, never an error.

What a finished stage always writes is read without a fallback: a name that is not there is an error, not a gap on the page.
"""

from collections import Counter
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from ..errors import BrokenWorld
from ..store.manifest import Manifest
from ..store.run import Run
from ..store.tables import read_table
from ..student.check import PACKAGES
from ..teacher.identity import PRACTICE, is_simulated
from .bill import read_bill
from .courses import read_courses
from .facts import Facts, Origin
from .harvest import read_harvest
from .items import duel
from .judgement import read_judgement
from .scores import Judgement
from .values import read_json, tally

STAGES = ("prompts", "completions", "samples", "student", "scorecard")
"""The folders that the report reads, in the order in which they are made."""

_EXTRAS = {"train": PACKAGES, "eval": ("scipy",)}
"""The optional parts of Potstill, and the packages by which to tell whether they are installed."""


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
    return Facts(
        name=run.recipe.name,
        teacher=run.recipe.teacher.model,
        student=run.recipe.train.student,
        simulated=simulated,
        replays=run.recipe.teacher.base_url.startswith(f"{PRACTICE}replay"),
        retain=run.recipe.eval.retain,
        done=frozenset(manifests),
        missing=tuple(extra for extra, names in _EXTRAS.items() if any(find_spec(name) is None for name in names)),
        outdated=_outdated(manifests),
        judgement=_judgement(run, scorecard, simulated) if scorecard else None,
        harvest=read_harvest(counts, run.folder / "samples"),
        bill=read_bill(run, counts, paid, scorecard),
        courses=read_courses(training) if training else (),
        references=training["references"] if training else 0,
        origin=_origin(run, manifests, training, tally(snapshots)),
    )


def _judgement(run: Run, scorecard: Mapping[str, Any], simulated: bool) -> Judgement:
    return read_judgement(scorecard, duel(run.folder / "scorecard", scorecard["ceiling"] or ""), simulated)


def _outdated(manifests: Mapping[str, Manifest]) -> tuple[tuple[str, str], ...]:
    """Stages that read something which has been made anew since."""
    digests = {stage: manifest.digest() for stage, manifest in manifests.items()}
    return tuple(
        (stage, name)
        for stage, manifest in manifests.items()
        for name, digest in manifest.inputs.items()
        if digests.get(name, digest) != digest
    )


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
        prompts=run.recipe.prompts.path,
        base_url=run.recipe.teacher.base_url,
        terms=run.recipe.teacher.terms or "",
        device=training["device"] if training else "",
        packages=tuple(sorted(packages.items())),
    )
