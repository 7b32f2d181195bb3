"""The stage `filter`: score every completion, let the rules label it, write `train`, `dropped` and `heldout`."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..recipe import Recipe
from ..store.rows import Sample
from ..store.run import Run
from ..store.schemas import PROMPTS, read_completion, read_prompts, sample_columns, samples_schema
from ..store.stage import Stage
from ..store.tables import TableWriter, read_table, write_table
from .funnel import Funnel
from .label import rules_of, scored
from .scores.table import SCORES

FOLDER = "samples"


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Write the three tables and return the counts with the funnel."""
    funnel = Funnel(rules_of(run))
    schema = samples_schema(list(SCORES))
    with (
        TableWriter(folder, "train", schema) as train,
        TableWriter(folder, "dropped", schema) as dropped,
        run.screen.track("filter", run.count("completions", "rows")) as track,
    ):
        for group in _groups(run):
            for sample in funnel.label(group):
                (train if sample.kept else dropped).write(sample_columns(sample))
            track.advance(len(group))
    return {
        "rows": train.rows + dropped.rows,
        "kept": train.rows,
        "dropped": dropped.rows,
        "heldout": _copy_heldout(run, folder),
        "scores": list(SCORES),
        "funnel": [step.counts() for step in funnel.steps.values()],
    }


def _groups(run: Run) -> Iterator[list[Sample]]:
    """The scored answers of one training prompt after another, in the order of the prompts."""
    completions = map(read_completion, read_table(run.folder / "completions", "completions"))
    prompts = read_prompts(run.folder / "prompts")
    for prompt_id, rows in groupby(completions, key=lambda row: row.prompt_id):
        prompt = next((prompt for prompt in prompts if prompt.id == prompt_id and prompt.side == "train"), None)
        if prompt is None:
            raise BadInput(
                f"{run.folder}: completions/ holds prompt {prompt_id}, which is not a training prompt (in order)"
            )
        yield scored(prompt, list(rows))


def _copy_heldout(run: Run, folder: Path) -> int:
    """What the student is judged on travels with the samples, in a table of its own."""
    prompts = read_table(run.folder / "prompts", "prompts")
    return write_table(folder, "heldout", PROMPTS, (row for row in prompts if row["side"] == "heldout"))


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    return recipe.filter.model_dump(mode="json")


def _files(run: Run) -> list[Path]:
    schemas = (shape.json_schema for shape in run.recipe.filter.format)
    return [run.path(schema) for schema in schemas if isinstance(schema, str)]


def _preflight(run: Run) -> None:
    rules_of(run)


STAGE = Stage(
    command="filter",
    writes=FOLDER,
    reads=("prompts", "completions"),
    version=1,
    settings=_settings,
    work=work,
    files=_files,
    preflight=_preflight,
)
