"""Tables: what is written is what is read, in order, in parts; a half-written part is never seen."""

import errno
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from potstill.store import tables
from potstill.store.tables import ROWS_PER_GROUP, ROWS_PER_PART, TableWriter, count_rows, parts, read_table, write_table

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


def test_a_part_is_written_in_small_groups_so_that_few_rows_are_ever_held(tmp_path: Path) -> None:
    count = 2 * ROWS_PER_GROUP + 7
    write_table(tmp_path, "t", SCHEMA, rows(count))
    [part] = parts(tmp_path, "t")
    footer = pq.read_metadata(part)
    assert [footer.row_group(group).num_rows for group in range(footer.num_row_groups)] == [ROWS_PER_GROUP] * 2 + [7]
    assert list(read_table(tmp_path, "t")) == rows(count)


@pytest.mark.parametrize("sizes", [[3, 30, 1], [34], [1] * 34])
def test_batches_are_written_as_their_rows_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    monkeypatch.setattr(tables, "ROWS_PER_PART", 10)
    monkeypatch.setattr(tables, "ROWS_PER_GROUP", 4)
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 2)
    write_table(tmp_path / "one", "t", SCHEMA, rows(34))
    with TableWriter(tmp_path / "many", "t", SCHEMA) as table:
        at = 0
        for size in sizes:
            table.write_batch(pa.RecordBatch.from_pylist(rows(34)[at : at + size], schema=SCHEMA))
            at += size
    assert table.rows == 34
    wanted, found = (parts(tmp_path / name, "t") for name in ("one", "many"))
    assert [path.read_bytes() for path in found] == [path.read_bytes() for path in wanted]


def test_parts_that_an_interrupted_writer_left_are_no_part_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROWS_PER_PART", 10)
    write_table(tmp_path, "t", SCHEMA, rows(35))
    (tmp_path / "t-00004.tmp").write_bytes(b"half")
    write_table(tmp_path, "t", SCHEMA, rows(12))
    assert list(read_table(tmp_path, "t")) == rows(12)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t-00000.parquet", "t-00001.parquet"]


def test_some_columns_are_read_alone(tmp_path: Path) -> None:
    write_table(tmp_path, "t", SCHEMA, rows(3))
    assert list(read_table(tmp_path, "t", ["n"])) == [{"n": 0}, {"n": 1}, {"n": 2}]


def half_written(folder: Path, count: int) -> None:
    with TableWriter(folder, "t", SCHEMA) as table:
        for row in rows(count):
            table.write(row)
        raise KeyError


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_GROUP + 1])
def test_a_writer_that_fails_leaves_nothing_behind(tmp_path: Path, count: int) -> None:
    with pytest.raises(KeyError):
        half_written(tmp_path, count)
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_table(tmp_path, "t", SCHEMA, [*rows(ROWS_PER_GROUP), {"n": 1, "text": "half of a pair: \ud83d"}])
    assert list(tmp_path.iterdir()) == []


def test_what_goes_wrong_while_a_group_is_written_is_raised_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = pq.ParquetWriter.write_table

    def full_once(self: pq.ParquetWriter, table: pa.Table) -> None:
        if not failed:
            failed.append(True)
            raise OSError(errno.ENOSPC, "no space left")
        write(self, table)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full_once)
    for count in (1, ROWS_PER_GROUP, 2 * ROWS_PER_GROUP + 1):
        failed: list[bool] = []
        with pytest.raises(OSError, match="no space left"):
            write_table(tmp_path, "t", SCHEMA, rows(count))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", [0, 1])
def test_a_part_ends_after_so_many_rows_wherever_its_groups_end(tmp_path: Path, more: int) -> None:
    write_table(tmp_path, "t", SCHEMA, rows(2 * ROWS_PER_PART + more))
    assert [pq.read_metadata(part).num_rows for part in parts(tmp_path, "t")] == [ROWS_PER_PART] * 2 + [1] * more
    assert list(read_table(tmp_path, "t")) == rows(2 * ROWS_PER_PART + more)
