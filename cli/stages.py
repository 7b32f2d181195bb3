"""`potstill prompts | generate | filter | train | eval | report`: one stage each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadInput
from .options import DEFAULT_RECIPE, DEFAULT_RUNS, AsJson, Overrides, RecipePath, Retry, RunsFolder, open_run
from .output import print_json

if TYPE_CHECKING:
    from ..store.run import Run

ASKING = frozenset({"generate", "eval"})
"""The stages that ask the teacher, and may ask again."""

Ablate = Annotated[
    bool,
    typer.Option(
        "--ablate", help="Then say what each rule changes in the kept set; that asks nobody. Not with --json."
    ),
]

SUMMARIES = {
    "prompts": "Read the prompts, merge duplicates, hold some out.",
    "generate": "Ask the teacher what has not been asked yet.",
    "filter": "Label every answer: kept, or dropped with a reason.",
    "train": "Prove the masks and fine-tune the student.",
    "eval": "Ask base, student and teacher the same held-out prompts.",
    "report": "Write report.html of whatever there is.",
}


def _command(stage_name: str, summary: str) -> Callable[..., None]:
    def command(
        recipe: RecipePath = DEFAULT_RECIPE,
        set_: Overrides = None,
        runs: RunsFolder = DEFAULT_RUNS,
        json: AsJson = False,
    ) -> None:
        _do(stage_name, open_run(recipe, set_, runs, quiet=json), json=json)

    def command_that_asks(
        recipe: RecipePath = DEFAULT_RECIPE,
        set_: Overrides = None,
        runs: RunsFolder = DEFAULT_RUNS,
        retry: Retry = None,
        json: AsJson = False,
    ) -> None:
        _do(stage_name, open_run(recipe, set_, runs, quiet=json, retry=retry), json=json)

    def command_that_filters(
        recipe: RecipePath = DEFAULT_RECIPE,
        set_: Overrides = None,
        runs: RunsFolder = DEFAULT_RUNS,
        ablate: Ablate = False,
        retry: Retry = None,
        json: AsJson = False,
    ) -> None:
        if ablate and json:
            raise BadInput("--ablate is for people and --json for programs: the counts of --json have the same figures")
        job = open_run(recipe, set_, runs, quiet=json, retry=retry)
        _do(stage_name, job, json=json)
        if ablate:
            from .ablation import print_ablation

            print_ablation(job)

    chosen = command_that_asks if stage_name in ASKING else command_that_filters if stage_name == "filter" else command
    chosen.__doc__ = summary
    return chosen


def _do(stage_name: str, job: "Run", *, json: bool) -> None:
    """Run one stage and say what came of it."""
    from .. import pipeline

    stage = pipeline.stage_named(stage_name)
    pipeline.preflight(job, [stage])
    pipeline.save_recipe(job)
    outcome = pipeline.run_stage(job, stage)
    if json:
        print_json({"stage": stage_name, "skipped": outcome.skipped, "counts": outcome.manifest.counts})
        return
    typer.echo(f"{stage_name}: {'unchanged, skipped' if outcome.skipped else 'done'}; {job.folder / stage.writes}")
    counts = outcome.manifest.counts
    for name, value in {**counts, **counts.get("status", {})}.items():
        if isinstance(value, int | float | str):
            typer.echo(f"  {name} {value:,}" if not isinstance(value, str) else f"  {name} {value}")
    if stage_name == "filter":
        from .funnel import funnel_lines

        for line in funnel_lines(job):
            typer.echo(line)


COMMANDS = {name: _command(name, summary) for name, summary in SUMMARIES.items()}
