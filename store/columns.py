"""Arrow columns from Python values, buffer by buffer.

`pyarrow.array`, and with it `from_pylist`, asks whether what it is given comes from pandas, and where pandas is installed it
imports it to ask: 43 MiB and up to a second, before the first row is written.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

_FILLERS = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0}


def record_batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as columns, as `RecordBatch.from_pylist` makes them: what a row lacks is null, what the schema lacks is left out.

    Raises:
        TypeError: a value is not of its column's type.
        OverflowError: a whole number has more than 64 bits.
        UnicodeEncodeError: a text holds half of a surrogate pair.
    """
    return pa.RecordBatch.from_arrays(_by_name(rows, zip(schema.names, schema.types, strict=True)), schema=schema)


def column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Values of one type as an Arrow array: texts, whole numbers, floats, lists and (not empty) structs of these; None is null.

    Values of any other type go the way that asks for pandas.
    """
    try:
        return _array(kind, values)
    except (TypeError, AttributeError):
        # Hardly any column has a null: to look for one in each would cost as much as to write it.
        if not (missing := values.count(None)):
            raise
        filler = _filler(kind)
        return _array(kind, [filler if value is None else value for value in values], _present(values), missing)


def _array(kind: pa.DataType, values: Sequence[Any], present: bytes | None = None, missing: int = 0) -> pa.Array:
    """Values without any null; those that `present` has no bit for only hold the place of one."""
    buffers, children = [], []
    if kind.equals(pa.string()):
        buffers = _texts(values)
    elif kind.equals(pa.int64()):
        buffers = [array("q", values)]
    elif kind.equals(pa.float64()):
        buffers = [array("d", values)]
    elif isinstance(kind, pa.ListType):
        buffers, children = [_ends(values)], [column(list(chain.from_iterable(values)), kind.value_type)]
    elif isinstance(kind, pa.StructType):
        children = _by_name(values, ((field.name, field.type) for field in kind))
    else:
        return pa.array(values, kind)
    held = [None if buffer is None else pa.py_buffer(buffer) for buffer in (present, *buffers)]
    return pa.Array.from_buffers(kind, len(values), held, missing, children=children)


def _filler(kind: pa.DataType) -> Any:
    """What stands in the place of a null: its column's buffers hold something there, too."""
    if isinstance(kind, pa.ListType):
        return ()
    return {} if isinstance(kind, pa.StructType) else _FILLERS.get(kind)


def _by_name(rows: Sequence[Mapping[str, Any]], fields: Iterable[tuple[str, pa.DataType]]) -> list[pa.Array]:
    return [column([row.get(name) for row in rows], kind) for name, kind in fields]


def _texts(values: Sequence[str]) -> list[Any]:
    """The two buffers of a column of texts."""
    if values and values.count(values[0]) == len(values):  # most columns of our tables say the same in every row
        text, count = str.encode(values[0]), len(values)
        return [array("i", [len(text) * place for place in range(count + 1)]), text * count]
    texts = [str.encode(value) for value in values]
    return [_ends(texts), b"".join(texts)]


def _present(values: Sequence[Any]) -> bytes:
    """Arrow's validity bitmap: one bit for each value, the first in the lowest bit of the first byte."""
    bits = sum(1 << place for place, value in enumerate(values) if value is not None)
    return bits.to_bytes((len(values) + 7) // 8, "little")


def _ends(parts: Sequence[Any]) -> "array[int]":
    """Where each part begins and ends among all of them laid end to end."""
    return array("i", accumulate(map(len, parts), initial=0))
