"""The scores of a batch of answers, without their texts: all that a rule may look at."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..texts.arrow import pc

BASE: Mapping[str, pa.DataType] = {
    "_status": pa.string(),
    "_error": pa.string(),
    "_draw": pa.int64(),
    "_order": pa.int64(),
    "_prompt": pa.int64(),
    "_usd": pa.float64(),
}
"""What every batch has beside the scores: status, error and draw of the completion, its rank among the answers to its prompt
(by series, then draw), the place of its prompt, and what it cost in dollars."""


JUDGE = {"judge": pa.float64(), "judge_outcome": pa.string()}
FIT = {"fit": pa.float64(), "fit_surprisal": pa.float64(), "fit_rank": pa.float64()}
LATE = frozenset({*JUDGE, *FIT})
"""Scores that come late, for they cost something; see `late.py`."""


class Scored:
    """Columns of scores by their names; answers to one prompt stand together."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._lists: dict[str, dict[int, list[Any]]] = {}

    def __len__(self) -> int:
        return self.batch.num_rows

    def has(self, column: str) -> bool:
        """Whether there is such a column."""
        return column in self.batch.schema.names

    def number(self, column: str) -> NDArray[np.float64]:
        """A column as floats, NaN where there is no score, or no such column at all."""
        if column not in self._numbers:
            values = self.column(column, pa.float64())
            self._numbers[column] = np.asarray(pc.fill_null(values.cast(pa.float64()), np.nan))
        return self._numbers[column]

    def column(self, column: str, kind: pa.DataType) -> pa.Array:
        """A column as it is; nulls of that type where there is no such column."""
        return self.batch.column(column) if self.has(column) else pa.nulls(len(self), kind)

    def integer(self, column: str) -> NDArray[np.int64]:
        """A column of whole numbers, which has no nulls."""
        return np.asarray(self.batch.column(column))

    def lists(self, column: str) -> dict[int, list[Any]]:
        """A column of lists by row, the empty ones left out; nothing where there is no such column."""
        if not self.has(column):
            return {}
        if column not in self._lists:
            lists = self.batch.column(column)
            rows = np.flatnonzero(np.asarray(pc.fill_null(pc.list_value_length(lists), 0)))
            self._lists[column] = dict(zip(map(int, rows), lists.take(pa.array(rows)).to_pylist(), strict=True))
        return self._lists[column]

    def text(self, column: str, row: int) -> str:
        """One value of a column of texts, empty for null."""
        return self.batch.column(column)[row].as_py() or ""

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first row of the prompt that each answers; shape (answers,)."""
        prompts = self.integer("_prompt")
        return np.searchsorted(prompts, prompts)
