"""`potstill export`: the kept rows in a format that another tool reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import DEFAULT_RECIPE, DEFAULT_RUNS, Overrides, RecipePath, RunsFolder, open_run
from .writing import write_lines


def export(
    recipe: RecipePath = DEFAULT_RECIPE,
    to: Annotated[
        str, typer.Option("--to", metavar="FORMAT", help="jsonl: prompt and completion messages, a row a line.")
    ] = "jsonl",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write; standard output if not given.")
    ] = None,
    set_: Overrides = None,
    runs: RunsFolder = DEFAULT_RUNS,
) -> None:
    """Write the kept rows, with where each came from."""
    from ..errors import BadInput
    from ..store.tables import read_table

    if to not in FORMATS:
        raise BadInput(f"--to {to}: there is {', '.join(FORMATS)}")
    job = open_run(recipe, set_, runs)
    if job.finished("samples") is None:
        raise BadInput(f"{job.folder / 'samples'} is not there: run `potstill run` or `potstill filter` first")
    lines = map(FORMATS[to], read_table(job.folder / "samples", "train"))
    write_lines(out, lines)
    if out is None:
        return
    job.screen.line(f"{job.finished('samples').counts['kept']:,} rows in {out}")  # type: ignore[union-attr]


def _jsonl(row: Mapping[str, Any]) -> bytes:
    import orjson

    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


FORMATS: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = {"jsonl": _jsonl}
