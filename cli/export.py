"""`potstill export`: the kept rows in a format that another tool reads."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import DEFAULT_RECIPE, DEFAULT_RUNS, Overrides, RecipePath, RunsFolder, open_run


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
    if out is None:
        for line in lines:
            typer.echo(line, nl=False)
        return
    _write(out, lines)
    job.screen.line(f"{job.finished('samples').counts['kept']:,} rows in {out}")  # type: ignore[union-attr]


def _write(out: Path, lines: Iterable[bytes]) -> None:
    from ..errors import BadInput

    if out.is_dir():
        raise BadInput(f"--out {out}: this is a folder; name a file")
    temporary = out.with_name(out.name + ".tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("wb")
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise BadInput(f"--out {out}: {error.strerror}: {error.filename}; write to another place") from None
    with file:
        file.writelines(lines)
    temporary.rename(out)


def _jsonl(row: Mapping[str, Any]) -> bytes:
    import orjson

    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


FORMATS: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = {"jsonl": _jsonl}
