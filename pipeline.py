"""The stages in their order, and what it means to run one: skip what is unchanged, work aside, put it in its place.

A stage works in `.<folder>.partial`; when it is done the folder takes its name at once, and what stood there before goes
to `history/`. A partial folder made for the same inputs and settings is gone on with, another one is cleared away.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from .errors import BadInput, MissingExtra
from .eval.stage import STAGE as EVAL
from .filter.stage import STAGE as FILTER
from .generate.stage import STAGE as GENERATE
from .prompts.stage import STAGE as PROMPTS
from .report.stage import STAGE as REPORT
from .store.manifest import NOT_COMPUTED, Manifest, digest_of, digest_of_file, digests_below
from .store.run import Run
from .store.stage import Stage
from .train.stage import STAGE as TRAIN

STAGES: tuple[Stage, ...] = (PROMPTS, GENERATE, FILTER, TRAIN, EVAL, REPORT)
FINGERPRINT = ".fingerprint.tmp"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a stage."""

    stage: Stage
    manifest: Manifest
    skipped: bool


def stage_named(command: str) -> Stage:
    """The stage that a command stands for."""
    return next(stage for stage in STAGES if stage.command == command)


def preflight(run: Run, stages: Iterable[Stage]) -> None:
    """Everything that can be known to be wrong, before the first request.

    Raises:
        BadInput: the first thing that is.
    """
    for stage in stages:
        if missing_packages(stage):
            raise MissingExtra(stage.extra, f"`{stage.command}`")
        stage.preflight(run)


def run_stage(run: Run, stage: Stage) -> Outcome:
    """Bring one stage up to date.

    Raises:
        BadInput: a stage that it reads from has not run yet.
    """
    with _alone(run):
        return _run_alone(run, stage)


def _run_alone(run: Run, stage: Stage) -> Outcome:
    begun = _describe(run, stage)
    _tell_outdated(run, stage)
    done = run.finished(stage.writes)
    if done is not None and is_current(run, stage, done, begun.fingerprint):
        _show(run, stage)
        return Outcome(stage, done, skipped=True)
    folder = _partial(run, stage, begun.fingerprint)
    if (made := Manifest.read(folder)) is not None:  # killed between the last write and the renaming
        _put_in_place(run, stage, folder)
        return Outcome(stage, made, skipped=False)
    started = time.monotonic()
    counts = stage.work(run, folder)
    manifest = begun.model_copy(
        update={
            "outputs": digests_below(folder),
            "counts": counts,
            "seconds": round(time.monotonic() - started, 3),
            "finished": datetime.now(UTC),
        }
    )
    manifest.write(folder)
    _put_in_place(run, stage, folder)
    return Outcome(stage, manifest, skipped=False)


def is_current(run: Run, stage: Stage, done: Manifest, fingerprint: str) -> bool:
    """Whether a finished stage is what this recipe would make, with all its files there and nothing left to ask again."""
    here = run.folder / stage.writes
    whole = all((here / name).exists() for name in done.outputs)
    owed = done.counts.get("owed") or (run.retry_rejected and done.counts.get("rejected"))
    owed = owed or done.counts.get(NOT_COMPUTED)
    return done.fingerprint == fingerprint and whole and not owed


def current(run: Run, stage: Stage) -> bool:
    """Whether a stage has nothing to do, seen from the folders as they are now."""
    done = run.finished(stage.writes)
    try:
        return done is not None and is_current(run, stage, done, _describe(run, stage).fingerprint)
    except BadInput:  # what it reads from is not there, or is out of date
        return False


def to_do(run: Run, stages: Sequence[Stage]) -> Sequence[Stage]:
    """The stages from the first that is not current on: what may have to run."""
    first = next((index for index, stage in enumerate(stages) if not current(run, stage)), len(stages))
    return stages[first:]


def save_recipe(run: Run) -> None:
    """The resolved recipe, every default spelled out, beside what it makes."""
    import yaml

    run.folder.mkdir(parents=True, exist_ok=True)
    text = f"# Resolved by potstill; digest {run.recipe.digest()}.\n"
    text += yaml.safe_dump(run.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    (run.folder / "recipe.yaml").write_text(text, encoding="utf-8")


def _describe(run: Run, stage: Stage) -> Manifest:
    """The manifest that this stage would have now, before it works."""
    inputs = {name: _finished(run, stage, name).digest() for name in stage.reads if not _optional(run, stage, name)}
    # A file that is not there is the preflight's to speak of.
    files = [path for path in stage.files(run) if path.exists()]
    inputs |= {f"file:{os.path.relpath(path, run.home)}": digest_of_file(path) for path in files}
    settings = dict(stage.settings(run.recipe))
    known: dict[str, Any] = {"stage": stage.command, "version": stage.version, "inputs": inputs, "settings": settings}
    return Manifest(
        stage=stage.command,
        fingerprint=digest_of(orjson.loads(orjson.dumps(known))),
        stage_version=stage.version,
        recipe=run.recipe.digest(),
        inputs=inputs,
        settings=settings,
    )


def _optional(run: Run, stage: Stage, folder: str) -> bool:
    """A report is written of whatever there is."""
    return stage is REPORT and run.finished(folder) is None


def _finished(run: Run, stage: Stage, folder: str) -> Manifest:
    """The manifest of a folder that a stage reads, which must be there and made from what is there now.

    Held-out prompts of one split beside training rows of another would be a leak that nobody sees.
    """
    manifest = run.finished(folder)
    maker = next(other for other in STAGES if other.writes == folder)
    if manifest is None:
        raise BadInput(
            f"`{stage.command}` reads {run.folder / folder}, which is not there: run `potstill {maker.command}` first"
        )
    for name in maker.reads:
        before = run.finished(name)
        if stage is not REPORT and before is not None and manifest.inputs.get(name) != before.digest():
            raise BadInput(
                f"{run.folder / folder} was made from other {name} than there are now: "
                f"run `potstill {maker.command}` first, or `potstill run`"
            )
    if stage is GENERATE and not current(run, maker):
        raise BadInput(
            f"{run.folder / folder} is out of date: made with another recipe (--set counts) or from other files, and "
            f"`generate` would pay for them. Run `potstill {maker.command}` first, or `potstill run`"
        )
    return manifest


def _tell_outdated(run: Run, stage: Stage) -> None:
    """Say which folders that the stage reads another recipe made: it goes by them as they are."""
    for maker in STAGES:
        done = run.finished(maker.writes) if maker.writes in stage.reads else None
        try:
            outdated = done is not None and done.fingerprint != _describe(run, maker).fingerprint
        except BadInput:  # what it was made from is not there any more, or is out of date
            outdated = True
        if outdated:
            run.screen.line(
                f"{stage.command}: {run.folder / maker.writes} was made with another recipe (--set counts) or from other files; "
                f"`potstill {maker.command}` makes it anew"
            )


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Only one process at a time works in a run's folder."""
    run.folder.mkdir(parents=True, exist_ok=True)
    with (run.folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"another potstill is at work in {run.folder}: wait for it, or stop it") from None
        yield


def _partial(run: Run, stage: Stage, fingerprint: str) -> Path:
    folder = run.folder / f".{stage.writes}.partial"
    marker = folder / FINGERPRINT
    if folder.exists() and not (marker.exists() and marker.read_text(encoding="utf-8") == fingerprint):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(fingerprint, encoding="utf-8")
    return folder


def _put_in_place(run: Run, stage: Stage, folder: Path) -> None:
    place = run.folder / stage.writes
    if place.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        (run.folder / "history").mkdir(exist_ok=True)
        place.rename(run.folder / "history" / f"{stamp}-{stage.writes}")
    folder.rename(place)
    _show(run, stage)


def _show(run: Run, stage: Stage) -> None:
    """The report lies where a person looks for it: `runs/<name>/report.html`."""
    page = run.folder / "report.html"
    if stage is REPORT and not (page.exists() and page.samefile(run.folder / stage.writes / page.name)):
        page.unlink(missing_ok=True)
        page.hardlink_to(run.folder / stage.writes / page.name)


def missing_packages(stage: Stage) -> list[str]:
    """The packages that a stage needs and that are not installed; imports none of them."""
    return [name for name in stage.packages if find_spec(name) is None]


def installed(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that this installation can run: without the one extra there is no training, and nothing to judge."""
    here: list[Stage] = []
    gone: set[str] = set()
    for stage in stages:
        if missing_packages(stage) or (stage is not REPORT and gone & set(stage.reads)):
            gone.add(stage.writes)
        else:
            here.append(stage)
    return here
