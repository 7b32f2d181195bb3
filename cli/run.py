"""`potstill run`: everything that is not done yet, from prompts to report."""

from typing import TYPE_CHECKING, Any

import typer

from .options import DEFAULT_RECIPE, DEFAULT_RUNS, AsJson, Overrides, RecipePath, Retry, RunsFolder, open_run
from .output import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..pipeline import Outcome
    from ..store.run import Run
    from ..store.stage import Stage


def run(
    recipe: RecipePath = DEFAULT_RECIPE,
    set_: Overrides = None,
    runs: RunsFolder = DEFAULT_RUNS,
    retry: Retry = None,
    json: AsJson = False,
) -> None:
    """Do everything that is not done yet: prompts, generate, filter, train, eval, report."""
    from .. import pipeline

    job = open_run(recipe, set_, runs, quiet=json, retry=retry)
    stages = pipeline.installed(pipeline.STAGES)
    to_do = pipeline.to_do(job, stages)
    pipeline.preflight(job, to_do)
    pipeline.save_recipe(job)
    if to_do:
        from ..planning.keeping import keep_before

        keep_before(job)
        _look_for_judges(job, to_do)
    outcomes = []
    for stage in stages:
        outcome = pipeline.run_stage(job, stage)
        job.screen.line(_said(job, outcome))
        outcomes.append(outcome)
    left = [stage for stage in pipeline.STAGES if stage not in stages]
    if json:
        print_json(_facts(job, outcomes, left))
        return
    typer.echo("")
    _summary(job, outcomes)
    if left:
        _how_to_go_on(job, left)


def _look_for_judges(job: "Run", to_do: "Sequence[Stage]") -> None:
    """Say before the first paid request that a judge cannot be reached; no error, for the ledger may have what it will say."""
    from ..errors import BadInput
    from ..teacher.identity import is_practice, judging
    from ..teacher.loop import run_async
    from ..teacher.open import greet

    if not any(stage.command == "generate" for stage in to_do):
        return
    for judge in judging(job.recipe):
        if is_practice(judge):
            continue
        try:
            run_async(greet(judge, [judge.base_url, *judge.replicas]))
        except BadInput as error:
            job.screen.line(f"the judge {judge.model} cannot be asked now, and will be needed: {error}")


def _said(job: "Run", outcome: "Outcome") -> str:
    command, manifest = outcome.stage.command, outcome.manifest
    if outcome.skipped:
        return f"{command}: unchanged, skipped"
    counts = manifest.counts
    statuses = counts.get("status", {})
    numbers = {name: value for name, value in counts.items() if isinstance(value, int)}
    shown = ", ".join(f"{name} {value:,}" for name, value in (numbers | statuses).items())
    done = f"{command}: done in {manifest.seconds:,.1f} s"
    return f"{done} ({shown})" if shown else done


def _asked(outcomes: "list[Outcome]") -> "dict[str, int | float]":
    """Requests and money of this call, the judges' with them.

    What the filter's judge was asked stands among the filter's own counts; `eval` keeps the teacher's and the judge's apart.
    """
    now = [outcome for outcome in outcomes if not outcome.skipped]
    counts = [outcome.manifest.counts for outcome in now]
    counts += [outcome.manifest.counts.get("judge", {}) for outcome in now if outcome.stage.command == "eval"]
    return {name: sum(one.get(name, 0) for one in counts) for name in ("sent", "reused", "usd")}


def _facts(job: "Run", outcomes: "list[Outcome]", left: "list[Stage]") -> dict[str, Any]:
    import orjson

    scorecard = job.folder / "scorecard" / "scorecard.json"
    return {
        "name": job.recipe.name,
        "run": str(job.folder),
        "ledger": str(job.ledger),
        **_asked(outcomes),
        "stages": {
            outcome.stage.command: {"skipped": outcome.skipped, "counts": outcome.manifest.counts}
            for outcome in outcomes
        },
        "left_out": [stage.command for stage in left],
        "verdict": orjson.loads(scorecard.read_bytes())["verdict"] if scorecard.exists() else None,
    }


def _summary(job: "Run", outcomes: "list[Outcome]") -> None:
    """Requests and money of this call, then the verdict."""
    from .funnel import funnel_lines
    from .verdict import verdict_lines

    asked = _asked(outcomes)
    trained = any(outcome.stage.command == "train" and not outcome.skipped for outcome in outcomes)
    typer.echo(
        f"requests: {asked['sent']:,} sent, {asked['reused']:,} reused, ${asked['usd']:,.4f} spent now; "
        f"{'trained' if trained else 'nothing trained'}"
    )
    typer.echo(f"ledger: {job.ledger}")
    for line in funnel_lines(job):
        typer.echo(line)
    typer.echo(f"report: {job.folder / 'report.html'}")
    scorecard = job.folder / "scorecard" / "scorecard.json"
    if scorecard.exists():
        typer.echo("")
        for line in verdict_lines(scorecard):
            typer.echo(line)


def _how_to_go_on(job: "Run", left: "list[Stage]") -> None:
    samples = job.folder / "samples"
    extras = ",".join(sorted({extra for stage in left for extra in stage.extra.split(",")}, reverse=True))
    typer.echo(
        f"\nThe dataset is ready: {samples}. Not done here: {' and '.join(stage.command for stage in left)}, for which\n"
        "packages are missing. To go on, on this machine or on one with a GPU:\n"
        f"  pip install 'potstill[{extras}]'\n"
        "  potstill run (the same recipe)\n"
        "or train with any tool that reads prompt/completion rows:\n"
        f'  load_dataset("parquet", data_files="{samples}/train-*.parquet")'
    )
