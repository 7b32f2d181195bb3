"""Stretches that go round in a circle: the same few words, or the same few bytes, again and again without a pause."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

_AT_ONCE = 8
"""Bytes that are compared as one."""


@dataclass(frozen=True, slots=True)
class Circles:
    """Stretches of things, each a round of `period` things and then the same round again."""

    begins: Places
    finishes: Places
    periods: Places

    @property
    def sizes(self) -> Places:
        """Things in each."""
        return self.finishes - self.begins

    @property
    def times(self) -> NDArray[np.float64]:
        """How many rounds, the last one seldom whole."""
        return self.sizes / self.periods


def circles_of_words(hashes: NDArray[np.uint64], ends: Places, longest: int, rounds: int, least: int) -> Circles:
    """Every stretch of words in one text with a period of up to `longest` words, at least so many rounds and so many words.

    A stretch of three rounds of two is found again as one and a half rounds of four: ask for two rounds at least.

    Args:
        hashes: (words,).
        ends: (texts + 1,) text i has the words ends[i]:ends[i + 1].
        longest: the longest round.
        rounds: rounds at least.
        least: words at least.
    """
    begin = np.repeat(ends[:-1], np.diff(ends))
    found = [
        _runs(_repeats(hashes, begin, period), period, max(rounds * period, least)) for period in range(1, longest + 1)
    ]
    return Circles(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def circles_of_bytes(data: NDArray[np.uint8], ends: Places, longest: int, least: int) -> Circles:
    """Every stretch of bytes in one text with a period of up to `longest` bytes, and at least so many bytes.

    Only the upper half of the periods is looked for: each smaller one has a multiple there.
    """
    found = []
    for period in range(longest // 2 + 1, longest + 1):
        same = data[period:] == data[:-period]
        for back in range(1, period + 1):
            same[ends[(ends >= back) & (ends < len(same) + back)] - back] = False  # that stands in the next text
        begins, finishes = _long(same, least - period)
        found.append((begins, finishes + period, np.full(len(begins), period)))
    return Circles(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _long(same: NDArray[np.bool_], least: int) -> tuple[Places, Places]:
    """Where stretches of at least so many yeses begin and end."""
    blocks = same[: len(same) // _AT_ONCE * _AT_ONCE].view(np.uint64) == 0x0101010101010101
    begins, finishes = (edge * _AT_ONCE for edge in _bounds(np.flatnonzero(blocks), least // _AT_ONCE - 1))
    for _ in range(_AT_ONCE - 1):  # the bytes before and behind whole blocks
        begins -= same[np.maximum(begins - 1, 0)] & (begins > 0)
        finishes += same[np.minimum(finishes, len(same) - 1)] & (finishes < len(same))
    long = finishes - begins >= least
    return begins[long], finishes[long]


def _repeats(hashes: NDArray[np.uint64], begin: Places, period: int) -> Places:
    """The words that say what stood `period` words before, in the same text."""
    places = np.flatnonzero(hashes[period:] == hashes[:-period]) + period
    return places[begin[places] <= places - period]


def _runs(places: Places, period: int, least: int) -> tuple[Places, Places, Places]:
    begins, finishes = _bounds(places, least - period)
    return begins - period, finishes, np.full(len(begins), period)


def _bounds(places: Places, least: int) -> tuple[Places, Places]:
    """Where stretches of consecutive numbers, at least so many, begin and end."""
    if not len(places):
        return places, places
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    starts, stops = np.concatenate(([0], breaks)), np.concatenate((breaks, [len(places)]))
    long = stops - starts >= least
    return places[starts[long]], places[stops[long] - 1] + 1
