"""Tables as Parquet parts: `<name>-00000.parquet` and on, each written under a temporary name and renamed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from .columns import record_batch

ROWS_PER_PART = 10_000
ROWS_PER_GROUP = 250
"""Rows that a writer or a reader holds at a time: with answers of 2 KB, 1,000 take 10 MiB more."""


class TableWriter:
    """Writes rows in order into parts of 10,000; a context manager, so that the last part is written too.

    Never more than a row group of 250 is held. An empty table is one part without rows: a reader finds its columns
    either way.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self.rows = 0
        self._folder, self._name, self._schema = folder, name, schema
        self._waiting: list[Mapping[str, Any]] = []
        self._part: pq.ParquetWriter | None = None
        self._parts = 0

    def write(self, row: Mapping[str, Any]) -> None:
        """Add one row."""
        self._waiting.append(row)
        self.rows += 1
        if self.rows % ROWS_PER_PART == 0:
            self._end_part()
        elif len(self._waiting) == ROWS_PER_GROUP:
            self._write_group()

    @property
    def _temporary(self) -> Path:
        return self._folder / f"{self._name}-{self._parts:05d}.tmp"

    def _write_group(self) -> pq.ParquetWriter:
        if self._part is None:
            # Dictionaries under zstd made the parts larger by 3% and their writing slower by 10%: texts hardly repeat.
            self._part = pq.ParquetWriter(self._temporary, self._schema, compression="zstd", use_dictionary=False)
        if self._waiting:
            self._part.write_batch(record_batch(self._waiting, self._schema))
            self._waiting.clear()
        return self._part

    def _end_part(self) -> None:
        self._write_group().close()
        self._temporary.rename(self._temporary.with_suffix(".parquet"))
        self._part = None
        self._parts += 1

    def _throw_part_away(self) -> None:
        """What was begun and not ended."""
        if self._part is not None:
            with suppress(OSError):  # on a full disk its end cannot be written either
                self._part.close()
            self._temporary.unlink()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and (self._waiting or self._part is not None or not self._parts):
                self._end_part()
        finally:
            self._throw_part_away()


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
        with pq.ParquetFile(part, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_GROUP, columns=columns, use_threads=False):
                # Column by column is twice as fast as `batch.to_pylist()`.
                names, values = batch.schema.names, [column.to_pylist() for column in batch.columns]
                yield from (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))


def count_rows(folder: Path, name: str) -> int:
    """Rows in a table, from its footers alone."""
    return sum(pq.read_metadata(part).num_rows for part in parts(folder, name))
