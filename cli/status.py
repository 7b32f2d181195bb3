"""`potstill status`: what a run has done and what it has spent."""

from typing import TYPE_CHECKING, Any

import typer

from .options import DEFAULT_RECIPE, DEFAULT_RUNS, AsJson, Overrides, RecipePath, RunsFolder, open_run
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..store.run import Run


def status(
    recipe: RecipePath = DEFAULT_RECIPE, set_: Overrides = None, runs: RunsFolder = DEFAULT_RUNS, json: AsJson = False
) -> None:
    """What a run has done, stage by stage, and what all its requests came to."""
    job = open_run(recipe, set_, runs, quiet=True)
    facts = _facts(job)
    if json:
        print_json(facts)
        return
    rows = [
        [
            stage["stage"],
            stage["state"],
            f"{stage['rows']:,}" if stage["rows"] is not None else "",
            stage["finished"] or "",
        ]
        for stage in facts["stages"].values()
    ]
    print_table(["stage", "state", "rows", "finished"], rows)
    if any(stage["state"] == "out of date" for stage in facts["stages"].values()):
        typer.echo(
            "out of date: made with another recipe (--set counts) or from other files; `potstill run` makes it anew"
        )
    requests, usd = facts["requests"], facts["usd"]
    waiting = f", {requests['open']:,} in flight" if requests["open"] else ""
    typer.echo(
        f"\nrequests: {requests['sent']:,} sent, {requests['reused']:,} reused, {requests['failed']:,} failed{waiting}"
    )
    typer.echo(
        f"spent: ${usd['spent']:,.4f}, of it ${usd['unsettled']:,.4f} at its worst case, without a usage from the provider"
    )
    caps = {"usd": f"${job.recipe.budget.usd or 0:,.2f}", "tokens": f"{job.recipe.budget.tokens or 0:,} tokens"}
    if told := [caps[name] for name, cap in facts["budget"].items() if cap is not None]:
        typer.echo(f"budget: {' and '.join(told)}; {facts['tokens']:,} tokens are charged so far")
    typer.echo(f"run: {facts['run']}\nledger: {facts['ledger']}")


def _facts(job: "Run") -> dict[str, Any]:
    from ..ledger.entries import Bill
    from ..ledger.ledger import Ledger
    from .ledger_reading import in_words

    bill = Bill()
    if job.ledger.exists():
        with in_words(job.ledger), Ledger(job.ledger) as ledger:
            bill = ledger.bill(job.recipe.name)
    stages = _stages(job)
    return {
        "name": job.recipe.name,
        "run": str(job.folder),
        "ledger": str(job.ledger),
        "requests": {
            "sent": bill.sent,
            "reused": sum(stage["reused"] for stage in stages.values()),
            "failed": bill.failed,
            "open": bill.outcomes.get("open", 0),
            "outcomes": bill.outcomes,
        },
        "usd": {"spent": bill.usd, "unsettled": bill.unsettled_usd},
        "tokens": bill.input_tokens + bill.output_tokens,
        "budget": job.recipe.budget.model_dump(),
        "stages": stages,
    }


def _stages(job: "Run") -> dict[str, Any]:
    from ..pipeline import STAGES, current

    found = {}
    fresh = True
    for stage in STAGES:
        manifest = job.finished(stage.writes)
        fresh = fresh and (manifest is None or current(job, stage))  # what follows something stale is stale
        begun = (job.folder / f".{stage.writes}.partial").exists()
        state = ("begun" if begun else "not run") if manifest is None else "done" if fresh else "out of date"
        counts = manifest.counts if manifest else {}
        found[stage.command] = {
            "stage": stage.command,
            "state": state,
            "rows": counts.get("rows", counts.get("items")),
            "reused": counts.get("reused", 0),
            "finished": manifest.finished.isoformat(timespec="seconds") if manifest else None,
            "counts": counts,
        }
    return found
