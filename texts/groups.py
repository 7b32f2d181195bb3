"""Values in groups: where each begins, what comes first in it, and what stretches of one owner cover together."""

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


def changes(values: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which values differ from the one before; the first does."""
    result = np.ones(len(values), bool)
    result[1:] = values[1:] != values[:-1]
    return result


def rank(first: NDArray[np.bool_]) -> Places:
    """How many of its group come before each; a group begins wherever `first` is set."""
    starts = np.flatnonzero(first)
    return np.arange(len(first)) - np.repeat(starts, np.diff(np.append(starts, len(first))))


def first_of(group: NDArray[np.integer]) -> Places:
    """Where each group comes first, once they are sorted."""
    return np.flatnonzero(changes(np.sort(group)))


def union_sizes(of: NDArray[np.integer], begin: Places, end: Places, count: int) -> Places:
    """(count,) the size of the union of the stretches, from `begin` up to `end`, that belong to each owner."""
    order = np.lexsort((begin, of))
    shift = of[order].astype(np.int64) * (int(end.max(initial=0)) + 1)  # one line for all, on which no two owners meet
    begin, end = shift + begin[order], shift + end[order]
    furthest = np.maximum.accumulate(end)
    before = np.concatenate(([0], furthest[:-1]))
    return np.bincount(of[order], np.maximum(end - np.maximum(begin, before), 0), count).astype(np.int64)
