"""The work of the stage `filter`: score every answer, let the rules label it, write `train`, `dropped` and `heldout`.

It reads the answers twice, and again for a fit or a judge, some thousand rows at a time: free scores go into a narrow file; then
come scores that cost something, of what the free rules keep; the rules look at the scores; answers with scores and labels go into
the tables. Memory grows by some 40 bytes a row.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ..store.run import Run
from ..store.schemas import PROMPTS
from ..store.tables import read_table, write_table
from .labelling import label_all, with_columns
from .late import score_late
from .rules.table import rules_of
from .scored import Scored
from .scoring import columns_of, read_scored, score_all, scores_of
from .writing import write_samples

SCORES_FILE = ".scores.tmp"


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Write the tables and return the counts with the funnel."""
    section, scores = run.recipe.filter, scores_of(run)
    path = folder / SCORES_FILE
    score_all(run, scores, path)
    columns = {name: kind for name, kind in columns_of(scores).items() if not name.startswith("_")}
    late = score_late(run, path)
    columns |= {name: column.type for name, column in late.columns.items()}

    def scored() -> Iterator[Scored]:
        return with_columns(read_scored(path), late.columns)

    labelled = label_all(scored(), rules_of(section), section)
    told = write_samples(run, folder, scored(), labelled, columns)
    path.unlink()
    _write(folder / "leaks.json", told.leaks)
    _write(folder / "funnel.json", told.examples)
    kept = int(labelled.kept.sum())
    return {
        "rows": len(labelled.rule),
        "kept": kept,
        "dropped": len(labelled.rule) - kept,
        "heldout": _copy_heldout(run, folder),
        "leaks_kept": {name: file["trained_on"] for name, file in told.leaks["files"].items() if file["trained_on"]},
        "scores": list(columns),
        "funnel": [step.counts() for step in labelled.steps],
        **late.counts,
    }


def _write(path: Path, told: Mapping[str, Any]) -> None:
    path.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _copy_heldout(run: Run, folder: Path) -> int:
    """What the student is judged on travels with the samples, in a table of its own."""
    prompts = read_table(run.folder / "prompts", "prompts")
    return write_table(folder, "heldout", PROMPTS, (row for row in prompts if row["side"] == "heldout"))
