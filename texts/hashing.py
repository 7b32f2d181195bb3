"""64-bit hashes of sequences as polynomials modulo 2⁶⁴: one running sum gives the hash of every stretch of it."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

CHARACTERS = 0x9E3779B97F4A7C15
"""Base over the characters of a word."""
WORDS = 0xD6E8FEB86659FD93
"""Base over words."""
TEXTS = 0xA0761D6478BD642F
"""A second base over characters, for the second of two hashes."""
_KEPT = 1 << 18


def mixed(values: Hashes) -> Hashes:
    """Values spread over all 64 bits, each to another one (Steele et al. 2014, the finaliser of SplitMix64)."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def powers(base: int, count: int) -> Hashes:
    """The first `count` powers of an odd base, from 1 on."""
    return _held(base)[:count] if count <= _KEPT else _powers(base, count)


@cache
def _held(base: int) -> Hashes:
    return _powers(base, _KEPT)


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, out=factors)


def stretches(values: NDArray[np.integer], begins: NDArray[np.int64], ends: NDArray[np.int64], base: int) -> Hashes:
    """The hash of each stretch values[begin:end], wherever it stands; 0 for an empty one. Not mixed."""
    count = len(values)
    sums = np.empty(count + 1, np.uint64)
    sums[0] = 0
    np.multiply(values, powers(base, count), out=sums[1:], dtype=np.uint64, casting="unsafe")
    np.cumsum(sums[1:], out=sums[1:])
    back = powers(pow(base, -1, 1 << 64), count + 1)
    return (sums[ends] - sums[begins]) * back[begins]


def totals(values: NDArray[np.integer], ends: NDArray[np.int64], base: int) -> Hashes:
    """The hash of each stretch values[ends[i]:ends[i + 1]], as `stretches` has it; faster where they are long."""
    begins = ends[:-1]
    found, filled = np.zeros(len(begins), np.uint64), begins < ends[1:]
    if filled.any():
        products = np.multiply(values, powers(base, len(values)), dtype=np.uint64, casting="unsafe")
        back = powers(pow(base, -1, 1 << 64), len(values))
        found[filled] = np.add.reduceat(products, begins[filled]) * back[begins[filled]]
    return found
