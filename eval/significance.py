"""p-values of two arms on the same items: exact for right and wrong, by sign flips for grades and families."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clusters import families_of
from .score_tables import checked
from .statistics import mcnemar

RESAMPLES = 9_999
"""Random sign flips, where trying all would be more; with the real one that makes 10,000, the smallest p being 1 of them."""


def paired_p(one: ArrayLike, other: ArrayLike, families: Sequence[str] | None = None) -> float:
    """The two-sided p-value of two arms scoring alike: McNemar's exact test, or else a permutation test.

    If the arms are alike, each item's two scores could as well be the other way round, and so could those of a whole family at
    once: p is the share of such exchanges after which the arms are no nearer to one another than they are. All are tried
    where they are few, else a fixed random sample.

    Raises:
        ValueError: the arms differ in their number of items, or a score is not from 0 to 1.
    """
    first, second = checked(one), checked(other)
    if len(first) != len(second):
        raise ValueError("arms are compared on the same items")
    groups = families_of(families, len(first))
    apart = (first - second).round(12)
    if groups is None and np.isin(np.concatenate([first, second]), (0.0, 1.0)).all():
        return mcnemar(first == 1, second == 1)
    totals = apart if groups is None else groups.totals(apart).round(12)
    return _sign_flips(totals[totals != 0])


def holm(ps: Sequence[float]) -> list[float]:
    """The p-values of several tests, each raised so that all together mislead no oftener than one (Holm 1979)."""
    raised, least = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        least = max(least, min(1.0, (len(ps) - rank) * ps[place]))
        raised[place] = least
    return raised


def _sign_flips(apart: NDArray[np.float64]) -> float:
    if not len(apart):
        return 1.0
    seen = abs(apart.sum()) - 1e-9
    if 2 ** len(apart) <= RESAMPLES + 1:
        signs = 1 - 2.0 * (np.arange(2 ** len(apart))[:, None] >> np.arange(len(apart)) & 1)
        return float(np.mean(np.abs(signs @ apart) >= seen))
    random, hits = np.random.default_rng(0), 0
    for _ in range(RESAMPLES // 99):
        signs = 2.0 * random.integers(0, 2, (99, len(apart)), dtype=np.int8) - 1
        hits += int(np.sum(np.abs(signs @ apart) >= seen))
    return (hits + 1) / (RESAMPLES + 1)
