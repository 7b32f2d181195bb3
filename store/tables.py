"""Tables as Parquet parts: `<name>-00000.parquet` and on, each written under a temporary name and renamed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from .columns import record_batch

ROWS_PER_PART = 10_000
ROWS_PER_GROUP = 400
"""A multiple of ROWS_PER_BATCH. A row group of completions costs a millisecond and 7 KB whatever is in it; one of 1,000 takes
4 MiB more to write."""
ROWS_PER_BATCH = 200
"""Rows that a writer or a reader holds as Python objects at a time: with answers of 2 KB, 1,000 take 10 MiB more."""


class TableWriter:
    """Writes rows in order into parts of 10,000; a context manager, so that the last part is written too.

    Two row groups of 400 are held at most, one that fills and one that a thread compresses and writes. An empty table is
    one part without rows: a reader finds its columns either way.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self.rows = 0
        self._folder, self._name, self._schema = folder, name, schema
        self._waiting: list[Mapping[str, Any]] = []
        self._batches: list[pa.RecordBatch] = []
        self._grouped = 0
        self._part: pq.ParquetWriter | None = None
        self._parts = 0
        self._thread = ThreadPoolExecutor(1, "tables")
        self._writing: Future[None] | None = None

    def write(self, row: Mapping[str, Any]) -> None:
        """Add one row."""
        self._waiting.append(row)
        self.rows += 1
        if self.rows % ROWS_PER_PART == 0:
            self._end_part()
        elif len(self._waiting) == ROWS_PER_BATCH:
            self._end_batch()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows that are columns already; into the same groups and parts as one by one."""
        if self._waiting:
            self._end_batch()
        at = 0
        while at < batch.num_rows:
            room = min(ROWS_PER_GROUP - self._grouped, ROWS_PER_PART - self.rows % ROWS_PER_PART)
            piece = batch.slice(at, room)
            at += piece.num_rows
            self.rows += piece.num_rows
            self._add(piece)
            if self.rows % ROWS_PER_PART == 0:
                self._end_part()

    @property
    def _temporary(self) -> Path:
        return self._folder / f"{self._name}-{self._parts:05d}.tmp"

    def _end_batch(self) -> None:
        batch = record_batch(self._waiting, self._schema)
        self._waiting.clear()
        self._add(batch)

    def _add(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        self._grouped += batch.num_rows
        if self._grouped >= ROWS_PER_GROUP:
            self._write_group()

    def _write_group(self) -> pq.ParquetWriter:
        self._hear_thread()
        if self._part is None:
            # Dictionaries under zstd made the parts larger by 3% and their writing slower by 10%: texts hardly repeat.
            self._part = pq.ParquetWriter(self._temporary, self._schema, compression="zstd", use_dictionary=False)
        if self._batches:
            self._writing = self._thread.submit(self._part.write_table, pa.Table.from_batches(self._batches))
            self._batches.clear()
            self._grouped = 0
        return self._part

    def _hear_thread(self) -> None:
        """Wait for the group that is being written, and raise what went wrong with it."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def _end_part(self) -> None:
        if self._waiting:
            self._end_batch()
        part = self._write_group()
        self._hear_thread()
        part.close()
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
        for left in self._folder.glob(f"{self._name}-[0-9]*"):  # by a writer that did not come to its end
            left.unlink()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and (self.rows % ROWS_PER_PART or not self._parts):
                self._end_part()
        finally:
            self._thread.shutdown()
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
    for batch in read_columns(folder, name, columns):
        yield from (dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True))


def read_columns(folder: Path, name: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, list[Any]]]:
    """The columns of a table, or some of them, by their names: batch after batch of its rows, in order."""
    for batch in read_batches(folder, name, ROWS_PER_BATCH, columns):
        # Column by column is twice as fast as `batch.to_pylist()`.
        yield dict(zip(batch.schema.names, [column.to_pylist() for column in batch.columns], strict=True))


def read_batches(folder: Path, name: str, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a table, or some columns of them, in order and in batches of at most so many; none is empty."""
    for part in parts(folder, name):
        with pq.ParquetFile(part, pre_buffer=False) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns, use_threads=False)


def count_rows(folder: Path, name: str) -> int:
    """Rows in a table, from its footers alone."""
    return sum(pq.read_metadata(part).num_rows for part in parts(folder, name))
