"""Tables as Parquet parts: `<name>-00000.parquet` and on, each written under a temporary name and renamed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_PART = 10_000


class TableWriter:
    """Writes rows in order into parts of 10,000; a context manager, so that the last part is written too.

    An empty table is one part without rows: a reader finds its columns either way.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self.rows = 0
        self._folder, self._name, self._schema = folder, name, schema
        self._waiting: list[Mapping[str, Any]] = []
        self._parts = 0

    def write(self, row: Mapping[str, Any]) -> None:
        """Add one row."""
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) == ROWS_PER_PART:
            self._flush()

    def _flush(self) -> None:
        path = self._folder / f"{self._name}-{self._parts:05d}.parquet"
        temporary = path.with_suffix(".tmp")
        table = pa.Table.from_pylist(self._waiting, schema=self._schema)
        pq.write_table(table, temporary, compression="zstd")
        temporary.rename(path)
        self._parts += 1
        self._waiting = []

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and (self._waiting or not self._parts):
            self._flush()


def write_table(folder: Path, name: str, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write all rows and return how many there were."""
    with TableWriter(folder, name, schema) as table:
        for row in rows:
            table.write(row)
    return table.rows


def parts(folder: Path, name: str) -> list[Path]:
    """The parts of a table, in order."""
    return sorted(folder.glob(f"{name}-[0-9]*.parquet"))


def read_table(folder: Path, name: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a table, or some columns of them, in order, a batch in memory at a time."""
    for part in parts(folder, name):
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(batch_size=1_000, columns=columns):
                yield from batch.to_pylist()


def count_rows(folder: Path, name: str) -> int:
    """Rows in a table, from its footers alone."""
    return sum(pq.read_metadata(part).num_rows for part in parts(folder, name))
