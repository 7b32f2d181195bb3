"""Sets of n-grams, and where their members stand in texts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .hashing import Hashes
from .words import Places, Words, ngrams

_SIEVE_BITS = (16, 26)
_SPARSE = 4
"""log₂ of the sieve's places for each n-gram: of 16 strange n-grams one is looked up in vain."""


@dataclass(frozen=True, slots=True)
class Grams:
    """A set of n-grams that is fast to look up in."""

    n: int
    hashes: Hashes
    """(grams,) sorted, each once."""
    sieve: NDArray[np.bool_]
    """Whether any of them begins with these bits."""


def grams_of(n: int, hashes: Hashes) -> Grams:
    """A set from its members' hashes, sorted, each once."""
    bits = min(max(len(hashes).bit_length() + _SPARSE, _SIEVE_BITS[0]), _SIEVE_BITS[1])
    sieve = np.zeros(1 << bits, bool)
    sieve[_place(hashes, sieve)] = True
    return Grams(n, hashes, sieve)


def found(grams: Grams, words: Words) -> tuple[Places, Places, Places]:
    """Which of the n-grams stand where among those of the texts, and where those of each text end."""
    hashes, ends = ngrams(words, grams.n)
    at = np.flatnonzero(grams.sieve[_place(hashes, grams.sieve)])
    if not len(at) or not len(grams.hashes):
        return np.empty(0, np.int64), np.empty(0, np.int64), ends
    member = np.minimum(np.searchsorted(grams.hashes, hashes[at]), len(grams.hashes) - 1)
    same = grams.hashes[member] == hashes[at]
    return member[same], at[same], ends


def counted(grams: Grams, words: Words, group: Places | None = None) -> Places:
    """(grams,) in how many texts each stands; with `group`, (texts,) never decreasing, in how many groups of texts."""
    member, at, ends = found(grams, words)
    text = np.searchsorted(ends, at, side="right") - 1
    size = max(len(grams.hashes), 1)
    pairs = np.unique((text if group is None else group[text]) * np.int64(size) + member)
    return np.bincount(pairs % size, minlength=len(grams.hashes))


def _place(hashes: Hashes, sieve: NDArray[np.bool_]) -> Places:
    return (hashes >> np.uint64(65 - len(sieve).bit_length())).astype(np.int64)
