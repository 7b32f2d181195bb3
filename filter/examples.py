"""Rows that each rule dropped, drawn at random: nobody chooses what is shown."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..store.rows import last_user_text
from .rule import Mask

SHOWN = 5
SEED = 20_240_229
COLUMNS = ("id", "prompt", "completion", "rule", "reason")


class Examples:
    """Some dropped rows of each rule, each with the same chance; the same labels give the same rows."""

    def __init__(self, rule: NDArray[np.uint8], names: Sequence[str]) -> None:
        """Draw them.

        Args:
            rule: the place, from 1, of the rule that drops each row; shape (rows,).
            names: the rules in their order.
        """
        chance = np.random.default_rng(SEED)
        self._drawn = np.zeros(len(rule), bool)
        for place in range(1, len(names) + 1):
            rows = np.flatnonzero(rule == place)
            self._drawn[chance.permutation(rows)[:SHOWN]] = True
        self._told: dict[str, list[dict[str, Any]]] = {name: [] for name in names}

    def drawn(self, here: slice) -> Mask:
        """Which of these rows were drawn."""
        return self._drawn[here]

    def see(self, rows: pa.RecordBatch) -> None:
        """Take down rows of `samples/` that were drawn."""
        for row in rows.select(list(COLUMNS)).to_pylist():
            shown = {"id": row["id"], "reason": row["reason"], "asked": last_user_text(row["prompt"])}
            self._told[row["rule"]].append(shown | {"answer": row["completion"][0]["content"]})

    def report(self) -> dict[str, list[dict[str, Any]]]:
        """For `funnel.json`: by rule, in the order of the rows."""
        return {rule: rows for rule, rows in self._told.items() if rows}
