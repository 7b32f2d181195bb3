"""Which of texts that are alike is kept: the best one first, and no chains."""

import numpy as np
from numpy.typing import NDArray

from .groups import changes
from .hashing import Hashes
from .words import Places

_FAMILY = 3
"""So many different texts in one frame are a template with a slot in it."""


def of_templates(one: Places, other: Places, frames: Hashes) -> Places:
    """The rows, ascending, that a template made, given pairs of rows and what stands around that in which they differ.

    Texts of which three or more differ from one another in the same place only are what a template gives for different
    words in its slot.
    """
    row, frame = np.concatenate([one, other]), np.tile(frames, 2)
    order = np.lexsort((row, frame))
    row, frame = row[order], frame[order]
    new = np.ones(len(row), bool)
    new[1:] = (row[1:] != row[:-1]) | (frame[1:] != frame[:-1])
    row, frame = row[new], frame[new]
    _, place, sizes = np.unique(frame, return_inverse=True, return_counts=True)
    return np.unique(row[sizes[place] >= _FAMILY])


def choose(
    one: Places, other: Places, similarity: NDArray[np.float64], rank: Places
) -> tuple[Places, Places, NDArray[np.float64]]:
    """Rows that are dropped, ascending, with the kept row that each is most like (of equal ones the first) and how much.

    In the order of `rank` (lowest first) a row is kept unless it is in a pair with one that was kept.
    """
    swap = rank[one] > rank[other]
    first, second = np.where(swap, other, one), np.where(swap, one, other)
    rows, ends = np.unique(np.concatenate([first, second]), return_inverse=True)
    before, behind = ends[: len(first)], ends[len(first) :]
    dropped = np.zeros(len(rows), bool)
    decided = np.zeros(len(rows), bool)
    live = np.arange(len(first))
    while len(live):
        waiting = np.zeros(len(rows), bool)
        waiting[behind[live]] = True
        kept = ~waiting & ~decided
        decided |= kept
        gone = behind[live[kept[before[live]]]]
        dropped[gone] = decided[gone] = True
        live = live[~decided[before[live]] & ~decided[behind[live]]]
    forth, back = dropped[behind] & ~dropped[before], dropped[before] & ~dropped[behind]
    row = np.concatenate([second[forth], first[back]])
    mate = np.concatenate([first[forth], second[back]])
    near = np.concatenate([similarity[forth], similarity[back]])
    order = np.lexsort((rank[mate], -near, row))
    row, mate, near = row[order], mate[order], near[order]
    new = changes(row)
    return row[new], mate[new], near[new]
