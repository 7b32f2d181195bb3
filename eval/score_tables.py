"""The arms' scores, item by item, counted into the cells of a table; items of one family count for less."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clusters import Families, design_effect, families_of
from .score_interval import Moment

Scores = NDArray[np.float64]
"""Shape (items,): what an arm scored, from 0 to 1; right and wrong are 1 and 0. Bools will do."""


@dataclass(frozen=True, slots=True)
class Table:
    """Every tuple of scores that the arms have on one item, and every one of only 0 and 1, with how often it occurs."""

    cells: Scores
    """Shape (arms, cells): what each arm scored on the items of a cell."""
    counts: Scores
    """Shape (cells,): the items of each."""
    cell: NDArray[np.int64]
    """Shape (items,): the cell of each item."""
    families: Families | None
    """None where every item has a family of its own."""

    def moment(self, u: Scores, v: Scores) -> Moment:
        """The number θ with E[u − θ v] = 0, for u and v of each cell; v may not be 0 all over."""
        plain = Moment(self.counts, u, v)
        if self.families is None or plain.estimate == np.inf:
            return plain
        residuals = (u - plain.estimate * v)[self.cell]
        return Moment(self.counts / design_effect(residuals, self.families), u, v, self.families.degrees)

    @property
    def one_family(self) -> bool:
        """Whether all items are alike, so that nothing tells how far others would be off."""
        return self.families is not None and len(self.families.sizes) == 1


def tabulate(*arms: ArrayLike, families: Sequence[str] | None = None) -> Table:
    """The table of one arm or several.

    Args:
        arms: the scores of each, over the same items in the same order.
        families: the family of each item; None where each has its own.

    Raises:
        ValueError: there are no items, the arms differ in their number, or a score is not from 0 to 1.
    """
    scores = [checked(arm) for arm in arms]
    if len({len(arm) for arm in scores}) != 1:
        raise ValueError("arms are compared on the same items")
    if not len(scores[0]):
        raise ValueError("a score of no items does not exist")
    corners = np.array(list(product((0.0, 1.0), repeat=len(scores))))
    # Means over seeds that differ by a rounding error are one cell.
    rows = np.concatenate([corners, np.stack(scores, axis=1).round(12)])
    cells, cell = np.unique(rows, axis=0, return_inverse=True)
    cell = cell.reshape(-1)[len(corners) :]
    counts = np.bincount(cell, minlength=len(cells)).astype(float)
    return Table(cells.T, counts, cell, families_of(families, len(cell)))


def checked(arm: ArrayLike) -> Scores:
    """The scores of an arm as floats.

    Raises:
        ValueError: one of them is not from 0 to 1.
    """
    scores = np.asarray(arm, dtype=float)
    wrong = np.flatnonzero(~((scores >= 0) & (scores <= 1)))
    if len(wrong):
        raise ValueError(f"the score of item {wrong[0]} is {scores[wrong[0]]}: scores are from 0 to 1")
    return scores
