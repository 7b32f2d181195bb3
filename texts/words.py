"""The words of texts and of everything that is compared by words: their hashes, and the hashes of n-grams and whole texts.

A word is a run of letters, digits and marks, without case and after NFKC; ideographs, kana, characters of Thai, Lao, Burmese and
Khmer, and emoji are words by themselves. The hash of a word depends on nothing around it.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .characters import ALONE, DIGIT, ENDER, PART, POINT, SIGN, SPACE, UPPER
from .hashing import CHARACTERS, TEXTS, WORDS, Hashes, mixed, stretches, totals
from .units import Units, units

Places = NDArray[np.int64]

_LONGEST_TITLE = 4
"""`Prof. Smith` is no end of a sentence: so many letters with a capital before a full stop are a title or an initial."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a batch of texts, laid end to end."""

    hashes: Hashes
    """(words,) of each word as it is read: without case, after NFKC."""
    ends: Places
    """(texts + 1,) text i has the words ends[i]:ends[i + 1]."""
    capital: NDArray[np.bool_]
    """(words,) it begins with a capital, though not a text or a sentence with it: most likely a name."""
    signs: Hashes
    """(texts,) over the sequence of numbers (words with a digit) and signs of mathematics, programs and money; 0 without any."""
    opening: NDArray[np.bool_]
    """(words,) it begins with a capital, and a text or a sentence with it: a name or not."""
    placed: Hashes
    """(texts,) as `signs`, and over how many words are before each: (a or b) and c is not a or (b and c)."""


def words_of(texts: pa.Array) -> Words:
    """The words of each text of an Arrow array of strings; a null has none."""
    pieces = [_words(piece) for piece in units(texts)]
    if len(pieces) == 1:
        return pieces[0]
    ends = np.cumsum(np.concatenate([np.zeros(1, np.int64), *(np.diff(piece.ends) for piece in pieces)]))

    def joined(name: str, kind: type[np.generic]) -> NDArray:
        return np.concatenate([np.empty(0, kind), *(getattr(piece, name) for piece in pieces)])

    return Words(
        joined("hashes", np.uint64),
        ends,
        joined("capital", np.bool_),
        joined("signs", np.uint64),
        joined("opening", np.bool_),
        joined("placed", np.uint64),
    )


def ngrams(words: Words, n: int) -> tuple[Hashes, Places]:
    """The hash of each n consecutive words, and where those of each text end as in `Words`; a text of fewer words has none."""
    counts = np.maximum(np.diff(words.ends) - (n - 1), 0)
    ends = np.concatenate([[0], np.cumsum(counts)])
    if not ends[-1]:
        return np.empty(0, np.uint64), ends
    size = len(words.hashes)
    inside = np.ones(size + n, bool)
    for back in range(1, n):
        inside[words.ends[1:] - back] = False  # what is below 0 falls on the last places, which are cut off
    return _rolling(words.hashes, n)[inside[: size - n + 1]], ends


def _rolling(hashes: Hashes, n: int) -> Hashes:
    """The polynomial hash of each n neighbours, from those of 1, 2, 4 and so on."""
    total = len(hashes) - n + 1
    result, done, span, run = np.zeros(total, np.uint64), 0, 1, hashes
    while span <= n:
        if n & span:
            result += run[done : done + total] * np.uint64(pow(WORDS, done, 1 << 64))
            done += span
        if 2 * span <= n:
            run = run[:-span] + run[span:] * np.uint64(pow(WORDS, span, 1 << 64))
        span *= 2
    return result


def whole(words: Words) -> Hashes:
    """(texts,) the hash of each text's sequence of words."""
    begins, ends = words.ends[:-1], words.ends[1:]
    return mixed(stretches(words.hashes, begins, ends, WORDS) + (ends - begins).astype(np.uint64))


def exact_hashes(texts: pa.Array) -> Hashes:
    """(texts, 2) two hashes of each text without case, after NFKC, with white space as one blank and none around it."""
    pieces = [_exact(piece) for piece in units(texts)]
    return np.concatenate([np.empty((0, 2), np.uint64), *pieces])


def _exact(piece: Units) -> Hashes:
    folded, ends = piece.folded, piece.ends
    space = piece.flags >= SPACE
    idle = space.copy()  # white space that follows some, or nothing, or that nothing follows
    idle[1:] &= space[:-1]
    begins = ends[:-1][ends[:-1] < ends[1:]]
    idle[begins] = space[begins]
    folded = np.where(space, folded.dtype.type(32), folded)
    if idle.any():
        before = np.concatenate([[0], np.cumsum(~idle)])
        ends, folded = before[ends], folded[~idle]
    sizes, last = np.diff(ends), ends[1:] - 1
    last = last[sizes > 0]
    sizes[sizes > 0] -= folded[last] == 32
    folded[last[folded[last] == 32]] = 0
    hashes = [totals(folded, ends, base) for base in (CHARACTERS, TEXTS)]
    return mixed(np.stack(hashes, 1) + sizes.astype(np.uint64)[:, None])


def _words(piece: Units) -> Words:
    begins, ends = _bounds(piece)
    hashes = mixed(stretches(piece.folded, begins, ends, CHARACTERS))
    edges = np.searchsorted(begins, piece.ends)
    first = piece.flags.take(begins)
    # All that is rare is looked for at once: to go through every character is what costs.
    rare = ((piece.flags & (DIGIT | SIGN | ENDER | POINT)) > 0).nonzero()[0]
    rare_flags = piece.flags[rare]
    capital, opening = _capitals(piece, begins, ends, edges, first, rare[(rare_flags & ENDER) > 0])
    signs = np.concatenate(
        [rare[(rare_flags & SIGN) > 0], _decimal_points(piece, rare[(rare_flags & POINT) > 0])],
    )
    numbers = _numbers(piece, begins, first, rare[(rare_flags & DIGIT) > 0])
    sequence, placed = _sequence(piece, begins, edges, hashes, numbers, signs)
    return Words(hashes, edges, capital, sequence, opening, placed)


def _bounds(piece: Units) -> tuple[Places, Places]:
    """Where each word begins and ends among the characters."""
    part = (piece.flags & PART).view(bool)
    size = len(part)
    edge = np.zeros(size + 1, bool)
    edge[piece.ends] = True
    begin, end = part.copy(), part.copy()
    begin[1:] &= ~part[:-1] | edge[1:size]
    end[:-1] &= ~part[1:] | edge[1:size]
    if piece.folded.dtype != np.uint8:
        alone = (piece.flags & ALONE) > 0
        begin |= alone
        end |= alone
    return begin.nonzero()[0], end.nonzero()[0] + 1


def _capitals(
    piece: Units, begins: Places, ends: Places, edges: Places, first: NDArray[np.uint8], enders: Places
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which words begin with a capital within a sentence, and which at its beginning."""
    upper = (first & UPPER) > 0
    starts = np.zeros(len(begins) + 1, bool)
    starts[edges] = True  # a text without words names the next one's first word, which is one anyway
    following = np.searchsorted(begins, enders)
    before = following - 1  # where there is none, the last word: its end is nowhere near
    if len(begins):
        title = (ends[before] == enders) & upper[before] & (enders - begins[before] <= _LONGEST_TITLE)
        title &= piece.folded[enders] == ord(".")
        starts[following[~title]] = True
    return upper & ~starts[:-1], upper & starts[:-1]


def _numbers(piece: Units, begins: Places, first: NDArray[np.uint8], digits: Places) -> Places:
    """The words that have a digit."""
    having = (first & DIGIT) > 0
    inside = digits[(piece.flags[digits - 1] & (PART | DIGIT)) == PART]  # b2, but not 2b nor 22
    having[np.searchsorted(begins, inside, side="right") - 1] = True
    return having.nonzero()[0]


def _sequence(
    piece: Units, begins: Places, edges: Places, hashes: Hashes, numbers: Places, signs: Places
) -> tuple[Hashes, Hashes]:
    """(texts,) the hash of each text's numbers and signs in their order, without and with how many words are before each."""
    places = np.concatenate([begins[numbers], signs])
    order = np.argsort(places, kind="stable")
    places = places[order]
    values = np.concatenate([hashes[numbers], mixed(piece.folded[signs].astype(np.uint64))])[order]
    ends = np.searchsorted(places, piece.ends)
    before = np.searchsorted(begins, places) - np.repeat(edges[:-1], np.diff(ends))
    some = ends[1:] > ends[:-1]
    sums = (stretches(each, ends[:-1], ends[1:], WORDS) for each in (values, mixed(values + before.astype(np.uint64))))
    sequence, placed = (np.where(some, mixed(each + np.uint64(1)), np.uint64(0)) for each in sums)
    return sequence, placed


def _decimal_points(piece: Units, points: Places) -> Places:
    """Those of some full stops and commas that stand between two digits of one text."""
    points = points[(points > 0) & (points < len(piece.flags) - 1)]
    points = points[(piece.flags[points - 1] & piece.flags[points + 1] & DIGIT) > 0]
    text = np.searchsorted(piece.ends, points - 1, side="right")
    return points[text == np.searchsorted(piece.ends, points + 1, side="right")]
