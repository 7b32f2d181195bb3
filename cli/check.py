"""`potstill check`: look everything over before anything is paid: prompts, key, endpoint, model, price, student, disk."""

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import typer

from .options import DEFAULT_RECIPE, DEFAULT_RUNS, AsJson, Overrides, RecipePath, RunsFolder, open_run
from .output import print_json

if TYPE_CHECKING:
    from ..store.run import Run
    from ..store.stage import Stage

FREE_GB_WANTED = 2.0


def check(
    recipe: RecipePath = DEFAULT_RECIPE, set_: Overrides = None, runs: RunsFolder = DEFAULT_RUNS, json: AsJson = False
) -> None:
    """Look everything over; nothing is paid. Ends with exit code 2 if anything would stop a run."""
    from ..errors import BadInput

    job = open_run(recipe, set_, runs, quiet=json)
    found = []
    for name, look in _checks(job):
        try:
            found.append({"check": name, "ok": True, "says": look()})
        except BadInput as error:
            found.append({"check": name, "ok": False, "says": str(error)})
        if not json:
            typer.echo(f"{'ok ' if found[-1]['ok'] else 'NO '} {name}: {found[-1]['says']}")
    passed = all(entry["ok"] for entry in found)
    if json:
        print_json({"ok": passed, "checks": found})
    if not passed:
        raise typer.Exit(BadInput.exit_code)


def _checks(job: "Run") -> Iterator[tuple[str, Callable[[], str]]]:
    from .. import pipeline

    yield "prompts", lambda: _prompts(job)
    yield "teacher", lambda: _teacher(job)
    yield "price", lambda: _price(job)
    yield "disk", lambda: _disk(job)
    for stage in pipeline.STAGES:
        if stage.command not in ("prompts", "report"):
            yield stage.command, lambda stage=stage: _stage(job, stage)


def _stage(job: "Run", stage: "Stage") -> str:
    from ..pipeline import missing_packages

    if missing := missing_packages(stage):
        return f"left out of a run here ({', '.join(missing)} not installed): pip install 'potstill[{stage.extra}]'"
    stage.preflight(job)
    return "ready"


def _prompts(job: "Run") -> str:
    from ..prompts.stage import load

    loaded = load(job)
    heldout = [prompt for prompt in loaded.prompts if prompt.side == "heldout"]
    graded = sum(prompt.reference is not None for prompt in heldout)
    told = f"{len(loaded.prompts):,} distinct of {loaded.rows:,} rows, {len(heldout):,} of them held out"
    return f"{told}, {graded:,} of those with a reference" + ("" if graded else ": there will be no verdict")


def _teacher(job: "Run") -> str:
    from ..teacher.endpoint import check_endpoint
    from ..teacher.identity import identity
    from ..teacher.loop import run_async
    from ..teacher.open import serving

    section = job.recipe.teacher
    with serving(job) as base_url:
        models = run_async(check_endpoint(section, base_url))
    known = "is there" if models else "is not listed by the endpoint; the first request will tell"
    return f"{section.model} {known}; in the ledger it is {identity(section, job.home)}"


def _price(job: "Run") -> str:
    from ..ledger.prices import MILLION, Usage
    from ..teacher.identity import tariff

    usd = tariff(job.recipe.teacher)
    per_input, per_output = usd(Usage(input_tokens=MILLION)), usd(Usage(output_tokens=MILLION))
    if not per_input + per_output:
        return "free: your own machine, or stated so"
    return f"${per_input:,.2f} per million tokens in, ${per_output:,.2f} out"


def _disk(job: "Run") -> str:
    from ..errors import BadInput

    there = next(folder for folder in [job.folder.resolve(), *job.folder.resolve().parents] if folder.exists())
    free = shutil.disk_usage(there).free / 1e9
    if free < FREE_GB_WANTED:
        raise BadInput(f"{free:.1f} GB free at {there}; make room for {FREE_GB_WANTED:.0f} GB")
    return f"{free:,.0f} GB free at {there}"
