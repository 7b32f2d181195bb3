"""Items of one family are alike and tell less than as many strangers would: by how much, from the scores themselves.

Counts are divided by the design effect (Rao & Scott 1992, Biometrics 48:577–585) and then treated as independent. It is
an estimate, so the test that follows uses Student's t, with one degree of freedom less than there are families; unequal
families count as the (Σm)² / Σm² equal ones that are worth as much (Kish 1965, Survey Sampling, chapter 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Families:
    """Which items belong together; at least one family has several."""

    number: NDArray[np.int64]
    """Shape (items,): the family of each item, counted from 0."""
    sizes: Array
    """Shape (families,): the items in each."""

    @property
    def heaviest(self) -> float:
        """The design effect if all items of a family always had the same score."""
        return float(self.sizes @ self.sizes / self.sizes.sum())

    @property
    def degrees(self) -> float:
        """Degrees of freedom of a spread that is estimated between families: 0 where there is one."""
        return float(self.sizes.sum()) / self.heaviest - 1

    def totals(self, values: Array) -> Array:
        """The sum of the items' values in each family."""
        return np.bincount(self.number, values, len(self.sizes)).astype(float)


def families_of(labels: Sequence[str] | None, items: int) -> Families | None:
    """The families of so many items; None where each item has one of its own, or none are given.

    Raises:
        ValueError: there are not as many labels as items.
    """
    if labels is None:
        return None
    if len(labels) != items:
        raise ValueError(f"{len(labels)} families for {items} items: every item has one")
    _, number, sizes = np.unique(np.asarray(labels, dtype=str), return_inverse=True, return_counts=True)
    return None if len(sizes) == items else Families(number.reshape(-1), sizes.astype(float))


def design_effect(residuals: Array, families: Families) -> float:
    """How many times the variance of the residuals' mean is what it would be if items were independent; 1 at least.

    The variance between families over the variance between items, each with its factor G / (G − 1) for a small sample.
    Both are taken as though the item farthest off had been seen once more, its whole family like it: from the few
    wrong answers of a good arm the ratio alone is too often too small, and where no item is off it does not exist.

    Args:
        residuals: u − θ v of each item, shape (items,), adding up to 0.
        families: of the same items.
    """
    groups, items = len(families.sizes), len(residuals)
    farthest = float((residuals**2).max())
    if groups == 1 or farthest < 1e-18:
        return families.heaviest
    between = groups / (groups - 1) * float((families.totals(residuals) ** 2).sum())
    within = items / (items - 1) * float((residuals**2).sum())
    return max(1.0, (between + farthest * families.heaviest) / (within + farthest))
