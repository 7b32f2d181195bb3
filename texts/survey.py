"""What is noted of each row of a corpus in one reading: what it is, and the keys under which its likes are found."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .candidates import NO_KEY
from .hashing import Hashes, mixed
from .pairs import without
from .sketch import NONE, smallest
from .stream import Read, ahead, slices, taken
from .words import Words, exact_hashes, ngrams, whole, words_of

Noted = tuple[Hashes, Hashes, Hashes, NDArray[np.uint32]]


@dataclass(frozen=True, slots=True)
class Survey:
    """The corpus, row by row."""

    same: Hashes
    """(rows,) equal for rows of the same words, signs and mark; for texts too short for an n-gram, for exact duplicates."""
    sketches: Hashes
    """(rows, places) the smallest n-grams of each row; `NONE` where it has no more."""
    contexts: Hashes
    """(rows,) what must be equal in two rows for them to be compared at all: numbers, signs and mark."""
    sizes: NDArray[np.uint32]
    """(rows,) words."""

    def bind(self) -> Hashes:
        """(rows, places) the keys by which rows find their likes: n-grams and context together. The sketches become these."""
        for place in range(self.sketches.shape[1]):
            column = self.sketches[:, place]
            self.sketches[:, place] = np.where(column == NONE, NO_KEY, mixed(column ^ self.contexts))
        return self.sketches


def survey(read: Read, marks: Hashes | None, places: int, n: int, workers: int | None) -> Survey:
    """Read the corpus once; `marks` (rows,) of rows that may be duplicates of one another are equal."""

    def note(part: tuple[int, pa.Array]) -> Noted:
        first, texts = part
        words = words_of(texts)
        mark = np.uint64(0) if marks is None else mixed(marks[first : first + len(texts)] + np.uint64(1))
        sizes = np.diff(words.ends)
        same = mixed(whole(words) + mixed(words.placed + mark))
        short = (sizes < n).nonzero()[0]
        exact = exact_hashes(taken(texts, short))
        context = mixed(words.signs + mark)
        same[short] = mixed(exact[:, 0] + mixed(exact[:, 1] + context[short]))
        return same, sketch_of(words, places, n), context, sizes.astype(np.uint32)

    return Survey(*_gathered(ahead(note, slices(read), workers), places))


def _gathered(noted: Iterator[Noted], places: int) -> Noted:
    """Notes of slices as one: each array grows in its place, for which two of them at a time would be too much."""
    held = np.empty(0, np.uint64), np.empty((0, places), np.uint64), np.empty(0, np.uint64), np.empty(0, np.uint32)
    count = 0
    for note in noted:
        last = count + len(note[0])
        for array, more in zip(held, note, strict=True):
            if last > len(array):
                array.resize((last + last // 8, *array.shape[1:]), refcheck=False)
            array[count:last] = more
        count = last
    for array in held:
        array.resize((count, *array.shape[1:]), refcheck=False)
    return held


def sketch_of(words: Words, places: int, n: int, templates: Hashes | None = None) -> Hashes:
    """(texts, places) the smallest n-grams of each text, those of templates (ascending) apart."""
    grams, ends = ngrams(words, n)
    if templates is not None and len(templates):
        kept = without(grams, templates) != NONE
        grams, ends = grams[kept], np.concatenate([[0], np.cumsum(kept)])[ends]
    return smallest(grams, ends, places)
