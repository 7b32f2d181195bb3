"""Two texts side by side: how many n-grams they share, where they begin to differ, and whether a name is what differs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .contrast import turning
from .hashing import WORDS, Hashes, mixed, stretches
from .sketch import NONE, laid_out
from .words import Places, Words, ngrams

_AREA = 1 << 16
"""Hashes that are laid out at a time."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Pairs of texts that reach the threshold."""

    one: Places
    other: Places
    similarity: NDArray[np.float64]
    """Jaccard index of their sets of n-grams."""
    named: NDArray[np.bool_]
    """A word that one of them has more often is most likely a name or turns what is said, or signs stand elsewhere."""
    frames: Hashes
    """Of the words before and of those after all that differs."""
    slotted: NDArray[np.bool_]
    """One has something else in the place of what the other has, or a few words more."""


def alike(words: Words, one: Places, other: Places, threshold: float, n: int, templates: Hashes | None = None) -> Alike:
    """Those pairs of texts whose n-grams have a Jaccard index of at least the threshold, and what they are like.

    `templates`: hashes of n-grams that say nothing, ascending. The index must be as high without them, if any are left.
    """
    grams, ends = ngrams(words, n)
    similarity = jaccard(grams, ends, one, other)
    near = similarity >= threshold
    if templates is not None and len(templates):
        bare = jaccard(without(grams, templates), ends, one[near], other[near])
        near[near] = (bare >= threshold) | np.isnan(bare)
    one, other, similarity = one[near], other[near], similarity[near]
    before, after = common_ends(words, one, other)
    frames = _frames(words, one, before, after)
    sizes = np.diff(words.ends)
    changed = np.stack([sizes[one], sizes[other]]) - before - after
    # The same words with signs in other places, such as brackets, say something else.
    named = _named(words, one, other, before, after)
    named |= (changed == 0).all(0) & (words.placed[one] != words.placed[other])
    slotted = (changed.min(0, initial=1 << 40) > 0) | (changed.max(0, initial=0) < n)
    slotted &= before + after >= changed.max(0, initial=0)
    return Alike(one, other, similarity, named, frames, slotted)


def jaccard(grams: Hashes, ends: Places, one: Places, other: Places) -> NDArray[np.float64]:
    """(pairs,) the Jaccard index of the sets of hashes of two texts each; not a number where neither has any."""
    sizes = np.diff(ends)
    found = np.empty(len(one))
    for batch in _batches(sizes[one] + sizes[other]):
        # The lowest bit says whose hash it is: after sorting, what is in both stands side by side.
        mine = laid_out(grams, ends[one[batch]], sizes[one[batch]], NONE)
        theirs = laid_out(grams, ends[other[batch]], sizes[other[batch]], NONE)
        mine[mine != NONE] &= ~np.uint64(1)
        table = np.concatenate([mine, theirs | np.uint64(1), np.full((len(batch), 1), NONE)], axis=1)
        table.sort(axis=1)
        step = table[:, 1:] ^ table[:, :-1]
        shared = np.count_nonzero(step == 1, axis=1)
        both = np.count_nonzero(step, axis=1)
        with np.errstate(invalid="ignore"):
            found[batch] = shared / (both - shared)
    return found


def without(grams: Hashes, templates: Hashes) -> Hashes:
    """The n-grams with `NONE` for each that is among the (ascending) templates."""
    maybe = np.zeros(1 << 16, bool)
    maybe[templates & np.uint64(0xFFFF)] = True
    places = maybe[grams & np.uint64(0xFFFF)].nonzero()[0]
    at = np.searchsorted(templates, grams[places])
    hit = templates[np.minimum(at, len(templates) - 1)] == grams[places]
    left = grams.copy()
    left[places[hit]] = NONE
    return left


def common_ends(words: Words, one: Places, other: Places) -> tuple[Places, Places]:
    """How many words two texts have in common from their beginnings, and how many of the rest from their ends."""
    sizes = np.diff(words.ends)
    most = np.minimum(sizes[one], sizes[other])
    before, after = np.empty(len(one), np.int64), np.empty(len(one), np.int64)
    for batch in _batches(most):
        first, second, size = one[batch], other[batch], most[batch]
        before[batch] = _same(words.hashes, words.ends[first], words.ends[second], size, 1)
        left = size - before[batch]
        after[batch] = _same(words.hashes, words.ends[first + 1] - 1, words.ends[second + 1] - 1, left, -1)
    return before, after


def _same(hashes: Hashes, first: Places, second: Places, sizes: Places, step: int) -> Places:
    """How many of so many words are the same, going from two places by steps."""
    columns = np.arange(int(sizes.max(initial=0)) + 1)
    differ = hashes.take(first[:, None] + step * columns, mode="clip") != hashes.take(
        second[:, None] + step * columns, mode="clip"
    )
    differ |= columns >= sizes[:, None]
    return differ.argmax(axis=1)


def _named(words: Words, one: Places, other: Places, before: Places, after: Places) -> NDArray[np.bool_]:
    """Whether a word of which they have not the same number is most likely a name, or turns what is said.

    A name begins with a capital within a sentence of either. Where a sentence begins all words do: there, one of each text
    must be such a word, as where Amanda stands for Josie; a sentence that only one of them has says no more than its words.
    """
    kind = np.uint64(1) * words.capital | np.uint64(2) * words.opening
    tagged = (words.hashes & ~np.uint64(7)) | kind
    begins = [words.ends[text] + before for text in (one, other)]
    sizes = [words.ends[text + 1] - after - begin for text, begin in zip((one, other), begins, strict=True)]
    named = np.zeros(len(one), bool)
    for batch in _batches(sizes[0] + sizes[1]):
        mine, theirs = (
            laid_out(tagged, begin[batch], size[batch], NONE) for begin, size in zip(begins, sizes, strict=True)
        )
        theirs[theirs != NONE] |= np.uint64(4)
        table = np.concatenate([mine, theirs], axis=1)
        if table.size:
            table.sort(axis=1)
            named[batch] = _uneven(table)
    return named


def _uneven(table: Hashes) -> NDArray[np.bool_]:
    """(rows,) of sorted rows of hashes, whose lowest bits are (within a sentence, at its beginning, of the second text)."""
    rows, width = table.shape
    new = np.ones((rows, width), bool)
    new[:, 1:] = (table[:, 1:] ^ table[:, :-1]) > 7
    begins = new.ravel().nonzero()[0]
    flat = table.ravel()
    real = flat != NONE
    side = np.where(real, (flat >> np.uint64(1) & np.uint64(2)).astype(np.int8) - np.int8(1), np.int8(0))
    inside, opening = ((flat >> np.uint64(bit) & np.uint64(1)).astype(np.int8) for bit in (0, 1))
    more, more_inside, more_opening = (
        np.add.reduceat(side * only, begins, dtype=np.int64) for only in (np.int8(1), inside, opening)
    )

    def with_any(which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.bincount(begins[which] // width, minlength=rows) > 0

    turned = np.isin(flat[begins] >> np.uint64(3), turning() >> np.uint64(3))
    return with_any((more != 0) & ((more_inside != 0) | turned)) | (
        with_any((more > 0) & (more_opening > 0)) & with_any((more < 0) & (more_opening < 0))
    )


def _frames(words: Words, text: Places, before: Places, after: Places) -> Hashes:
    begins, ends = words.ends[text], words.ends[text + 1]
    edges = np.concatenate([begins, ends - after]), np.concatenate([begins + before, ends])
    head, tail = stretches(words.hashes, *edges, WORDS).reshape(2, -1)
    return mixed(mixed(head + before.astype(np.uint64)) + tail + after.astype(np.uint64))


def _batches(widths: Places) -> Iterator[Places]:
    """The places of all widths, alike ones together, so many at a time that a table of them stays in the cache."""
    order = np.argsort(widths, kind="stable")
    ordered = widths[order]
    first = 0
    while first < len(order):
        last = min(first + _AREA // (int(ordered[first]) + 1), len(order) - 1)
        last = max(first + _AREA // (int(ordered[last]) + 1), first + 1)
        yield order[first:last]
        first = last
