"""Which row is meant: an id or the beginning of one, a ledger key, or a line of the prompts' source."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from ..errors import BadInput
from .tables import count_rows, parts, read_columns

pc: Any = pyarrow.compute
"""It makes its functions when it is imported, so that no type checker sees them."""
LEAST_DIGITS = 4
SHOWN = 10
"""Rows that are named where several are meant."""
_ID_DIGITS, _KEY_DIGITS = 32, 64
_TABLES = (("prompt", "prompts", "prompts"), ("near", "prompts", "near"), ("answer", "completions", "completions"))
"""What a row is, and the folder and the table that hold such rows."""

Test = Callable[[pa.Table], Any]
"""Which rows of a table are meant: a column of booleans."""


@dataclass(frozen=True, slots=True)
class Found:
    """The row that is meant."""

    kind: Literal["prompt", "near", "answer"]
    """`near`: a prompt that was not asked, for it nearly repeats another one."""
    id: str
    prompt: str
    """The id of its prompt; of a prompt its own."""


def find_row(folder: Path, given: str) -> Found:
    """The one row of a run that is meant.

    Args:
        folder: the run's.
        given: the id of a prompt or an answer, at least four digits of its beginning, the ledger key of an answer, or
            `FILE:LINE` or `:LINE` of the source.

    Raises:
        BadInput: there is none, or there are several.
    """
    said = given.strip()
    at_line = re.fullmatch(r"(?P<file>.*):(?P<line>\d+)", said)
    digits = said.lower()
    if at_line:
        found = list(_at_line(folder, at_line["file"], int(at_line["line"])))
    elif not re.fullmatch(r"[0-9a-f]+", digits) or (len(digits) > _ID_DIGITS and len(digits) != _KEY_DIGITS):
        raise BadInput(f"{given!r} is no name of a row. {_how(folder)}")
    elif len(digits) < LEAST_DIGITS:
        raise BadInput(f"{given!r} is too short: give at least {LEAST_DIGITS} digits of an id")
    else:
        found = list(_with_digits(folder, digits))
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(
            f"{given!r} may be any of {len(found):,} rows: {_named(found)}. Give more of the one that is meant"
        )
    raise BadInput(f"{given!r} is not in {folder}: looked through {_looked_through(folder)}. {_how(folder)}")


def rows_where(
    folder: Path, name: str, tested: Sequence[str], true: Test, columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a table for which something is true, in order; of the others only the tested columns are read."""
    for part in parts(folder, name):
        with pq.ParquetFile(part, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                hit = true(file.read_row_group(group, columns=list(tested), use_threads=False))
                if pc.any(hit).as_py():
                    yield from file.read_row_group(group, columns=columns, use_threads=False).filter(hit).to_pylist()


def is_one_of(column: str, values: Sequence[str]) -> Test:
    """Whether a column has one of these values."""
    return lambda table: pc.is_in(table[column], pa.array(values, pa.string()))


def _with_digits(folder: Path, digits: str) -> Iterator[Found]:
    """Whatever has this id or key; an id begins with it where it is shorter."""

    def begins(table: pa.Table) -> Any:
        return pc.starts_with(table["id"], digits)

    if len(digits) == _KEY_DIGITS:
        yield from _found("answer", folder / "completions", "completions", ["key"], is_one_of("key", [digits]))
        return
    for kind, below, name in _TABLES:
        yield from _found(kind, folder / below, name, ["id"], begins)


def _at_line(folder: Path, file: str, line: int) -> Iterator[Found]:
    """The prompt that was read from a line, whether it is asked or not."""

    def holds(table: pa.Table) -> pa.Array:
        rows = zip(table["source"].to_pylist(), table["lines"].to_pylist(), strict=True)
        return pa.array([line in lines and file in ("", source) for source, lines in rows], pa.bool_())

    sources = {
        source for batch in read_columns(folder / "prompts", "prompts", ["source"]) for source in batch["source"]
    }
    if file and file not in sources:
        file = Path(file).name  # a source that is a file is known by its name
    for kind, below, name in _TABLES[:2]:
        yield from _found(kind, folder / below, name, ["source", "lines"], holds)


def _found(kind: Any, folder: Path, name: str, tested: Sequence[str], true: Test) -> Iterator[Found]:
    columns = ["id", "prompt_id"] if kind == "answer" else ["id"]
    for row in rows_where(folder, name, tested, true, columns):
        yield Found(kind, row["id"], row.get("prompt_id", row["id"]))


def _named(found: Sequence[Found]) -> str:
    words = {"prompt": "prompt", "near": "near duplicate", "answer": "answer"}
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return ", ".join(f"{words[row.kind]} {row.id}" for row in found[:SHOWN]) + more


def _looked_through(folder: Path) -> str:
    words = {"prompt": "prompts", "near": "near duplicates that were not asked", "answer": "answers with their keys"}
    counts = {kind: count_rows(folder / below, name) for kind, below, name in _TABLES}
    return ", ".join(f"{count:,} {words[kind]}" for kind, count in counts.items())


def _how(folder: Path) -> str:
    """How a row is named, with the first prompt of the run as an example."""
    first = next((batch for batch in read_columns(folder / "prompts", "prompts", ["id", "source", "lines"])), None)
    if first is None:
        return f"there are no prompts in {folder / 'prompts'}"
    where = f"{first['source'][0]}:{first['lines'][0][0]}"
    return (
        f"A row is named by the id of a prompt or an answer, {_ID_DIGITS} hexadecimal digits as {first['id'][0]}, by "
        f"{LEAST_DIGITS} or more of the first of them, by the ledger key of an answer ({_KEY_DIGITS} digits), or by a line of "
        f"the source, as {where} or :{first['lines'][0][0]}"
    )
