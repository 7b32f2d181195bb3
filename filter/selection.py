"""Selection: the best of what the rules have kept, by a score, with a bound on rows of one kind.

At a million rows no score is known to select better than chance (arXiv 2410.09335); so `train` draws as many rows at random
from the same pool and trains a control on them.
"""

import numpy as np
from numpy.typing import NDArray

from ..recipe import SelectSection
from ..texts.groups import changes, rank
from .rule import Mask


def select(pool: Mask, values: NDArray[np.float64], kinds: NDArray[np.int64] | None, section: SelectSection) -> Mask:
    """Whom of the pool to take: the best first, of equals the first, the unscored last.

    Args:
        pool: who may be taken; shape (rows,).
        values: the score of each, NaN where there is none; shape (rows,).
        kinds: a number for the kind of each, for the quota; shape (rows,).
        section: how many, and which end is best.

    Returns:
        Who is taken; shape (rows,).
    """
    rows = np.flatnonzero(pool)
    worth = values[rows] if section.best == "lowest" else -values[rows]
    rows = rows[np.argsort(worth, kind="stable")]  # NaN is sorted last
    if section.quota is not None and kinds is not None:
        rows = rows[_rank_in_kind(kinds[rows]) < section.quota.most]
    taken = np.zeros(len(pool), bool)
    taken[rows[: section.top]] = True
    return taken


def _rank_in_kind(kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the same kind come before each."""
    order = np.argsort(kinds, kind="stable")
    ranks = np.empty(len(kinds), np.int64)
    ranks[order] = rank(changes(kinds[order]))
    return ranks
