"""`potstill run`: everything that is not done yet, from prompts to report."""

from typing import TYPE_CHECKING

import typer

from .options import DEFAULT_RECIPE, DEFAULT_RUNS, Overrides, RecipePath, Retry, RunsFolder, open_run

if TYPE_CHECKING:
    from ..pipeline import Outcome
    from ..store.run import Run
    from ..store.stage import Stage


def run(
    recipe: RecipePath = DEFAULT_RECIPE, set_: Overrides = None, runs: RunsFolder = DEFAULT_RUNS, retry: Retry = None
) -> None:
    """Do everything that is not done yet: prompts, generate, filter, train, eval, report."""
    from .. import pipeline

    job = open_run(recipe, set_, runs, retry=retry)
    stages = pipeline.installed(pipeline.STAGES)
    pipeline.preflight(job, pipeline.to_do(job, stages))
    pipeline.save_recipe(job)
    outcomes = []
    for stage in stages:
        outcome = pipeline.run_stage(job, stage)
        job.screen.line(_said(job, outcome))
        outcomes.append(outcome)
    typer.echo("")
    _summary(job, outcomes)
    if left := [stage for stage in pipeline.STAGES if stage not in stages]:
        _how_to_go_on(job, left)


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


def _summary(job: "Run", outcomes: "list[Outcome]") -> None:
    """Requests and money of this call, then the verdict."""
    from .funnel import funnel_lines
    from .verdict import verdict_lines

    now = [outcome.manifest.counts for outcome in outcomes if not outcome.skipped]
    sent, reused, usd = (sum(counts.get(name, 0) for counts in now) for name in ("sent", "reused", "usd"))
    trained = any(outcome.stage.command == "train" and not outcome.skipped for outcome in outcomes)
    typer.echo(
        f"requests: {sent:,} sent, {reused:,} reused, ${usd:,.4f} spent now; {'trained' if trained else 'nothing trained'}"
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
