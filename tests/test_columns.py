"""Columns: what is built from buffers is what Arrow itself builds, and pandas is not imported for it."""

import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.store.columns import column, record_batch
from potstill.store.schemas import COMPLETIONS, MESSAGES, PROMPTS, samples_schema

SCHEMAS = (PROMPTS, COMPLETIONS, samples_schema({"copies": pa.float64(), "length": pa.float64()}), pa.schema([]))


def values_of(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Values of a type, null among them at every depth."""
    if isinstance(kind, pa.ListType):
        whole = st.lists(values_of(kind.value_type), max_size=4)
    elif isinstance(kind, pa.StructType):
        whole = st.fixed_dictionaries({}, optional={field.name: values_of(field.type) for field in kind})
    else:
        whole = {
            pa.string(): st.text(st.characters(codec="utf-8")),
            pa.int64(): st.integers(-(2**63), 2**63 - 1),
            pa.float64(): st.floats(allow_nan=False),
        }[kind]
    return st.none() | whole


def rows_of(schema: pa.Schema) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({}, optional={field.name: values_of(field.type) for field in schema})
    some = st.lists(row, max_size=20)
    return some | some.map(lambda rows: rows * 3) | row.map(lambda row: [row] * 9)


@settings(deadline=None)  # Arrow's own way imports pandas at its first call
@given(st.data())
def test_a_batch_is_what_arrow_makes_of_the_same_rows(data: st.DataObject) -> None:
    schema = data.draw(st.sampled_from(SCHEMAS))
    rows = data.draw(rows_of(schema))
    batch = record_batch(rows, schema)
    batch.validate(full=True)
    assert batch.num_rows == (len(rows) if len(schema) else 0)
    if len(schema):
        assert batch.equals(pa.RecordBatch.from_pylist(rows, schema=schema))
        assert batch.to_pylist() == pa.RecordBatch.from_pylist(rows, schema=schema).to_pylist()


@given(st.lists(st.floats() | st.integers(-(2**53), 2**53)))
def test_floats_keep_every_bit_and_whole_numbers_become_floats(values: list[float]) -> None:
    assert repr(column(values, pa.float64()).to_pylist()) == repr([float(value) for value in values])


def test_a_type_that_is_not_built_here_is_left_to_arrow() -> None:
    assert column([True, None], pa.bool_()).equals(pa.array([True, None], pa.bool_()))


@pytest.mark.parametrize(
    ("value", "kind", "error"),
    [
        ("half of a pair: \ud83d", pa.string(), UnicodeEncodeError),
        (5, pa.string(), TypeError),
        ("5", pa.int64(), TypeError),
        (0.5, pa.int64(), TypeError),
        ("0.5", pa.float64(), TypeError),
        (2**63, pa.int64(), OverflowError),
        ([{"role": "user", "content": "\udc00"}], MESSAGES, UnicodeEncodeError),
    ],
)
def test_a_value_that_does_not_fit_is_an_error(value: Any, kind: pa.DataType, error: type[Exception]) -> None:
    for values in ([value], [value, value], [value, None]):
        with pytest.raises(error):
            column(values, kind)


def test_writing_and_reading_tables_imports_no_pandas() -> None:
    pytest.importorskip("pandas")
    code = """
import sys, tempfile
import pyarrow as pa
from pathlib import Path
from potstill.store.schemas import COMPLETIONS, PROMPTS, samples_schema
from potstill.store.tables import read_table, write_table
with tempfile.TemporaryDirectory() as name:
    for number, schema in enumerate((PROMPTS, COMPLETIONS, samples_schema({"copies": pa.float64()}))):
        write_table(Path(name), f"t{number}", schema, [{}, {}])
        assert list(read_table(Path(name), f"t{number}")) == [dict.fromkeys(schema.names)] * 2
print("pandas" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
