"""The smallest hashes of each text: a sample of its n-grams that texts which share most of them have in common.

Broder 1997, "On the resemblance and containment of documents": min-wise sampling under one permutation.
"""

from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from .hashing import Hashes

NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Stands where a text has fewer n-grams than places."""
_MISSED = 1e-3
_SPARE = 4
"""So many times the hashes that are wanted are looked at: too few of them once in 60,000 texts, which are then read whole."""


def places(threshold: float) -> int:
    """How many hashes two texts of this Jaccard index need, so that they share one of them but once in a thousand times.

    They share none only if so many of one text's n-grams come before the first that they share; at worst one text holds all
    that the other holds, and each n-gram is shared with probability `threshold`.
    """
    return max(3, ceil(log(_MISSED) / log(1 - threshold))) if threshold < 1 else 3


def smallest(hashes: Hashes, ends: NDArray[np.int64], count: int) -> Hashes:
    """(texts, count) the smallest different hashes of each text, ascending, then `NONE`."""
    sizes = np.diff(ends)
    bound = np.full(len(sizes), NONE)
    cut = sizes > _SPARE * count
    bound[cut] = (float(2**64) * _SPARE * count / sizes[cut]).astype(np.uint64)
    few = (hashes <= np.repeat(bound, sizes)).nonzero()[0]
    edges = np.searchsorted(few, ends)
    laid = laid_out(hashes[few], edges[:-1], np.diff(edges), NONE)
    laid.sort(axis=1)
    twice = laid[:, 1:] == laid[:, :-1]
    twice &= laid[:, 1:] != NONE
    if twice.any():
        laid[:, 1:][twice] = NONE
        rows = twice.any(axis=1).nonzero()[0]
        laid[rows] = np.sort(laid[rows], axis=1)
    found = np.full((len(sizes), count), NONE)
    width = min(count, laid.shape[1])
    found[:, :width] = laid[:, :width]
    for text in (cut & (found[:, -1] == NONE)).nonzero()[0].tolist():
        all_of_it = np.unique(hashes[ends[text] : ends[text + 1]])[:count]
        found[text, : len(all_of_it)] = all_of_it
    return found


def laid_out(values: Hashes, begins: NDArray[np.int64], sizes: NDArray[np.int64], rest: np.uint64) -> Hashes:
    """(rows, longest) the stretches values[begin:begin + size] as rows of one table, filled up with `rest`."""
    columns = np.arange(int(sizes.max(initial=0)))
    if not len(values):
        return np.full((len(begins), len(columns)), rest)
    table = values.take(begins[:, None] + columns, mode="clip")
    table[columns >= sizes[:, None]] = rest
    return table
