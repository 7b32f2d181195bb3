"""Tables: what is written is what is read, in order, in parts; a half-written part is never seen."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from potstill.store import tables
from potstill.store.tables import TableWriter, count_rows, parts, read_table, write_table

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string())])


def rows(count: int) -> list[dict]:
    return [{"n": n, "text": f"row {n} 🙂"} for n in range(count)]


def test_rows_come_back_in_order_from_several_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_PER_PART", 10)
    assert write_table(tmp_path, "t", SCHEMA, rows(25)) == 25
    assert [part.name for part in parts(tmp_path, "t")] == ["t-00000.parquet", "t-00001.parquet", "t-00002.parquet"]
    assert list(read_table(tmp_path, "t")) == rows(25)
    assert count_rows(tmp_path, "t") == 25


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    write_table(tmp_path, "t", SCHEMA, [])
    assert list(read_table(tmp_path, "t")) == []
    assert pq.read_schema(parts(tmp_path, "t")[0]) == SCHEMA


def half_written(folder: Path) -> None:
    with TableWriter(folder, "t", SCHEMA) as table:
        table.write(rows(1)[0])
        raise KeyError


def test_a_writer_that_fails_leaves_no_part_that_looks_whole(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        half_written(tmp_path)
    assert parts(tmp_path, "t") == []
