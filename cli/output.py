"""What commands print on standard output: tables for people, one object for programs."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object, indented."""
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns; the first to the left, the others to the right."""
    widths = [max(len(row[index]) for row in [columns, *rows]) for index in range(len(columns))]
    for row in [columns, *rows]:
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
        typer.echo("  ".join(cells).rstrip())
