"""Near duplicates of a corpus that is larger than memory: found by shared n-grams, each verified, none by way of a third.

The corpus is read twice, up to ten times where templates are in it. Of each row some hundred bytes are held; the texts of rows
that may have a duplicate go through a temporary file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .candidates import components, pairs_of
from .choice import choose, of_templates
from .groups import changes
from .hashing import Hashes
from .pairs import Alike, alike
from .sketch import NONE, places
from .spill import Spill
from .stream import Read, ahead, chosen, taken
from .survey import survey
from .templates import strip_templates
from .words import Places, Words, exact_hashes, words_of

_PART = 2_000_000
"""Words of texts that are compared at a time."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Each row that is dropped, ascending, with the kept row that it repeats."""

    row: Places
    mate: Places
    similarity: NDArray[np.float64]
    """Jaccard index of the two texts' sets of n-grams of words; 1 for exact duplicates."""
    exact: NDArray[np.bool_]
    """The texts are the same after NFKC, without case, with white space as one blank."""
    stayed: Places
    """Rows, ascending, that repeat a kept row and were kept because they had to stay."""


def near_duplicates(
    read: Read,
    marks: Hashes | None = None,
    *,
    threshold: float = 0.8,
    n: int = 5,
    priority: NDArray[np.float64] | None = None,
    stays: NDArray[np.bool_] | None = None,
    folder: Path | None = None,
    workers: int | None = None,
) -> Duplicates:
    """The rows of a corpus to drop because they repeat another: the same text, or one whose word n-grams are nearly the same.

    Rows come in the order of `priority`, highest first, then of their numbers; a row is dropped if and only if it is a duplicate
    of one that is kept, and does not have to stay. Texts of fewer than n words have exact duplicates only. Texts are no
    duplicates, however alike, if

    - their `marks` (rows,) differ;
    - the sequences of numbers and signs in them differ, or the same words have them in other places;
    - they differ by a word that is most likely a name or that turns what is said (`contrast.py`);
    - a template made them: three or more differ in the same place only, of which none is dropped; or without the n-grams that
      more than some dozens of texts have they do not reach the threshold.

    Args:
        read: begins the corpus anew: Arrow arrays of strings, every time the same rows in the same order.
        marks: what else must be equal, as a hash for each row, such as a prompt's other turns.
        threshold: the least Jaccard index.
        n: words in an n-gram.
        priority: (rows,) which of two duplicates is kept.
        stays: (rows,) which are kept whatever they repeat; they come before all others.
        folder: where the temporary file is.
        workers: threads; None is as many as there are cores. The result is the same.
    """
    noted = survey(read, marks, places(threshold), n, workers)
    count = len(noted.same)
    stays = np.zeros(count, bool) if stays is None else stays
    rank = _rank(stays, np.zeros(count) if priority is None else priority)
    first = _first_of_same(noted.same, rank)
    repeats = first != np.arange(count)
    noted.sketches[repeats] = NONE
    templates = strip_templates(read, noted, n)
    pairs = pairs_of(noted.bind())
    twins = np.zeros(count, bool)
    twins[repeats] = twins[first[repeats]] = True
    rows, parts = _parts(pairs, noted.sizes)
    del noted
    with Spill(folder) as spill:
        exact = _put_aside(read, spill, twins, rows, parts)
        parts = parts[np.searchsorted(rows, pairs[:, 0])]

        def compare(part: tuple[pa.Array, Places, Places]) -> tuple[Alike, Places]:
            texts, numbers, mine = part
            one, other = np.searchsorted(numbers, mine).T
            return alike(words_of(texts), one, other, threshold, n, templates), numbers

        compared = list(ahead(compare, _by_part(spill, pairs, parts), workers))
    return _dropped(compared, rank, stays, first, exact)


def similarities(
    words: Words, groups: Places, *, threshold: float = 0.8, n: int = 5
) -> tuple[Places, Places, NDArray[np.float64]]:
    """The pairs of near duplicates within small groups, such as the answers to one prompt: one, other, Jaccard index.

    Group g has the texts groups[g]:groups[g + 1], all of whose pairs are compared. What makes no duplicates of a corpus makes
    none here, templates apart: so few texts show none. Nor are there any among texts of fewer than n words.
    """
    end = np.repeat(groups[1:], np.diff(groups))
    first = np.arange(int(groups[0]), int(groups[-1]))
    one, other = [], []
    for ahead_by in range(1, int(np.diff(groups).max(initial=0))):
        there = first + ahead_by < end
        first, end = first[there], end[there]
        same = words.signs[first] == words.signs[first + ahead_by]
        one.append(first[same])
        other.append(first[same] + ahead_by)
    none = np.empty(0, np.int64)
    found = alike(words, np.concatenate([none, *one]), np.concatenate([none, *other]), threshold, n)
    drop = ~found.named
    return found.one[drop], found.other[drop], found.similarity[drop]


def _rank(stays: NDArray[np.bool_], priority: NDArray[np.float64]) -> Places:
    """(rows,) the place of each row: first those that stay, then highest priority, then lowest row."""
    rank = np.empty(len(priority), np.int64)
    rank[np.lexsort((-priority, ~stays))] = np.arange(len(priority))
    return rank


def _first_of_same(same: Hashes, rank: Places) -> Places:
    """(rows,) for each row the first in rank of those that are the same."""
    order = np.lexsort((rank, same))
    new = changes(same[order])
    first = np.empty(len(same), np.int64)
    first[order] = order[new][np.cumsum(new) - 1]
    return first


def _parts(pairs: Places, sizes: NDArray[np.uint32]) -> tuple[Places, Places]:
    """The rows of all pairs, ascending, each with the part of the work that it is in; the rows of a pair are in the same."""
    rows, label = components(pairs)
    words = np.cumsum(np.bincount(label, weights=sizes[rows], minlength=1))
    return rows, (words // _PART).astype(np.int64)[label]


def _put_aside(read: Read, spill: Spill, twins: NDArray[np.bool_], rows: Places, parts: Places) -> Hashes:
    """Put the texts of some rows aside, each for its part; (all rows,) the exact hash of each row that has a twin, else 0."""
    exact = np.zeros(len(twins), np.uint64)
    wanted = twins.copy()
    wanted[rows] = True
    for found, texts in chosen(read, wanted):
        same = twins[found].nonzero()[0]
        exact[found[same]] = exact_hashes(taken(texts, same))[:, 0]
        at, behind = np.searchsorted(rows, found), np.searchsorted(rows, found, side="right")
        paired = (behind > at).nonzero()[0]
        spill.add(taken(texts, paired), found[paired], parts[at[paired]])
    return exact


def _by_part(spill: Spill, pairs: Places, parts: Places) -> Iterator[tuple[pa.Array, Places, Places]]:
    """The texts of each part, their rows, and the pairs among them."""
    order = np.argsort(parts, kind="stable")
    edges = np.searchsorted(parts[order], np.arange(int(parts.max(initial=-1)) + 2))
    for part in range(len(edges) - 1):
        yield *spill.part(part), pairs[order[edges[part] : edges[part + 1]]]


def _dropped(
    compared: list[tuple[Alike, Places]], rank: Places, stays: NDArray[np.bool_], first: Places, exact: Hashes
) -> Duplicates:
    one, other = (
        np.concatenate([np.empty(0, np.int64), *(rows[getattr(found, side)] for found, rows in compared)])
        for side in ("one", "other")
    )
    slotted = np.concatenate([np.empty(0, bool), *(found.slotted for found, _ in compared)])
    frames = np.concatenate([np.empty(0, np.uint64), *(found.frames for found, _ in compared)])
    named = np.concatenate([np.empty(0, bool), *(found.named for found, _ in compared)])
    similarity = np.concatenate([np.empty(0), *(found.similarity for found, _ in compared)])
    kept_first = np.zeros(len(rank), bool)
    kept_first[of_templates(one[slotted], other[slotted], frames[slotted])] = True
    drop = ~named & ~(kept_first[one] & kept_first[other])
    both = stays[one] & stays[other]
    left = drop & both
    drop &= ~both
    order = rank + len(rank) * np.where(stays, 0, np.where(kept_first, 1, 2))
    row, mate, near = choose(one[drop], other[drop], similarity[drop], order)
    found = _with_repeats(row, mate, near, stays, first, exact)
    later = np.where(rank[one] > rank[other], one, other)[left]
    return replace(found, stayed=np.union1d(found.stayed, later))


def _with_repeats(
    row: Places, mate: Places, near: NDArray[np.float64], stays: NDArray[np.bool_], first: Places, exact: Hashes
) -> Duplicates:
    """The rows that stand for others of the same words, and those others: they go where it went, or it is their mate."""
    goes, how = first.copy(), np.ones(len(first))
    goes[row], how[row] = mate, near
    repeats = (first != np.arange(len(first))).nonzero()[0]
    goes[repeats], how[repeats] = goes[first[repeats]], how[first[repeats]]
    repeating = goes != np.arange(len(first))
    gone = (repeating & ~stays).nonzero()[0]
    same = (goes[gone] == first[gone]) & (exact[gone] == exact[goes[gone]])
    return Duplicates(gone, goes[gone], how[gone], same, (repeating & stays).nonzero()[0])
