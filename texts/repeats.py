"""What stands in a text more than once: by sorting hashes, all texts of a batch at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .hashing import WORDS, Hashes, mixed

Places = NDArray[np.int64]

_OF_TEXT = np.uint64(0xC2B2AE3D27D4EB4F)
"""Sets the same words in different texts apart."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Things that stand in the same text more than once, each group in the order of the text."""

    members: Places
    """(members,) which things, group by group."""
    starts: Places
    """(groups,) where each group begins among the members."""

    @property
    def later(self) -> Places:
        """All but the first of each group, in order."""
        others = np.ones(len(self.members), bool)
        others[self.starts] = False
        return np.sort(self.members[others])


def alike(hashes: Hashes, text: Places) -> Groups:
    """Which of some things have an equal one in the same text.

    What is left of the hashes beside a thing's place decides: for 2¹⁷ bytes of text 47 bits or more, one wrong pair in a
    million rows.

    Args:
        hashes: (things,) in the order of the texts.
        text: (things,) the text in which each stands.
    """
    bits = np.uint64(max(len(hashes), 1).bit_length())
    place = (np.uint64(1) << bits) - np.uint64(1)
    keys = mixed(hashes + text.astype(np.uint64) * _OF_TEXT) & ~place
    keys |= np.arange(len(hashes), dtype=np.uint64)
    keys.sort()
    as_before = np.zeros(len(keys) + 1, bool)
    as_before[1:-1] = (keys[1:] ^ keys[:-1]) <= place
    in_group = as_before[:-1] | as_before[1:]
    return Groups((keys[in_group] & place).astype(np.int64), np.flatnonzero(~as_before[:-1][in_group]))


def longer(hashes: Hashes, grams: Hashes, places: Places, ends: Places, n: int) -> tuple[Hashes, Places]:
    """From n-grams of n - 1 words to those of n, where the text goes on: their hashes and the places of their first words.

    Args:
        hashes: (words,) of all words.
        grams: (things,) the hashes of sequences of n - 1 words.
        places: (things,) their first words.
        ends: (things,) where their texts end.
        n: words of the new ones.
    """
    goes_on = places + n <= ends
    grams, places = grams[goes_on], places[goes_on]
    return grams + hashes[places + (n - 1)] * np.uint64(pow(WORDS, n - 1, 1 << 64)), places


def covered(places: Places, n: int, size: int) -> NDArray[np.bool_]:
    """(size,) which of so many words lie in the stretches of n words that begin at these places."""
    edges = np.bincount(places, minlength=size + 1) - np.bincount(places + n, minlength=size + 1)
    return np.cumsum(edges[:size]) > 0


def sums(values: NDArray[np.integer | np.bool_], ends: Places) -> Places:
    """The sum of the values in each stretch ends[i]:ends[i + 1]."""
    return np.diff(np.concatenate(([0], np.cumsum(values, dtype=np.int64)))[ends])
