"""Which rows share a key: pairs that are worth comparing, and the groups in which they hang together."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .hashing import Hashes
from .sketch import NONE

Rows = NDArray[np.int64]

NO_KEY = NONE
MOST = 64
"""A key of more rows than this is no sign of likeness but of a template; to compare all of them would cost their square."""
_PARTS = 16
"""Keys are sorted in so many parts, so that the room for sorting stays small."""


def sorted_keys(keys: Hashes) -> Iterator[tuple[Hashes, NDArray[np.uint32]]]:
    """The keys of a (rows, places) table in ascending order, each with its row, part by part; equal keys are in one part."""
    for part in range(_PARTS):
        inside = keys >= np.uint64(part << 60)
        inside &= keys < (np.uint64((part + 1) << 60) if part + 1 < _PARTS else NO_KEY)
        rows = inside.nonzero()[0].astype(np.uint32)
        found = keys[inside]
        order = np.argsort(found)
        yield found[order], rows[order]


def runs(keys: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each stretch of equal keys begins, and how long it is."""
    if not len(keys):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    begins = np.concatenate([[0], (keys[1:] != keys[:-1]).nonzero()[0] + 1])
    return begins, np.diff(np.append(begins, len(keys)))


def pairs_of(keys: Hashes) -> NDArray[np.int64]:
    """(pairs, 2) the rows that share a key, each pair once, the lower row first; keys of too many rows are passed over."""
    packed = []
    for found, rows in sorted_keys(keys):
        sizes = runs(found)[1]
        sizes = np.repeat(np.where(sizes <= MOST, sizes, 1), sizes)
        first = (sizes > 1).nonzero()[0]
        ahead = 1
        held = []
        while len(first):
            first = first[first + ahead < len(found)]
            first = first[found[first] == found[first + ahead]]
            one, other = rows[first].astype(np.int64), rows[first + ahead].astype(np.int64)
            held.append(np.minimum(one, other) << 32 | np.maximum(one, other))
            ahead += 1
        packed.append(np.unique(np.concatenate([np.empty(0, np.int64), *held])))
    pairs = np.unique(np.concatenate(packed))
    pairs = np.stack([pairs >> 32, pairs & 0xFFFFFFFF], 1)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def components(pairs: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
    """The rows that are in any pair, ascending, and for each the number of the group that its pairs tie it into."""
    rows, ends = np.unique(pairs, return_inverse=True)
    one, other = ends.reshape(-1, 2).T
    label = np.arange(len(rows))
    while len(one):
        low = np.minimum(label[one], label[other])
        np.minimum.at(label, label[one], low)
        np.minimum.at(label, label[other], low)
        while (label[label] != label).any():
            label = label[label]
        apart = label[one] != label[other]
        one, other = one[apart], other[apart]
    return rows, label
