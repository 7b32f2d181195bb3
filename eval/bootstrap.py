"""The share of the teacher's score that is kept, by resampling items: a cross-check beside the score interval.

It never draws what nobody answered, so it is too narrow where a good teacher meets few items (docs/evaluation.md has the
figures): it stands beside the score interval and decides nothing. The percentiles are plain ones; corrected for bias and
acceleration (BCa) they hold the truth less often on few items with right and wrong answers.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clusters import families_of
from .score_interval import Interval
from .score_tables import checked
from .statistics import Undefined

Array = NDArray[np.float64]

_AT_ONCE = 1_000
"""Resamples drawn at once: so many times the distinct items are held in memory."""


def bootstrap_ratio(
    student: ArrayLike,
    teacher: ArrayLike,
    confidence: float,
    families: Sequence[str] | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval | Undefined:
    """Student's score / teacher's score between two percentiles of its resamples (Efron 1979), pairs kept together.

    Families are resampled whole. Undefined where that moves nothing, or leaves the teacher without a point too often.
    """
    above, below = checked(student), checked(teacher)
    groups = families_of(families, len(above))
    if groups is not None:
        above, below = groups.totals(above), groups.totals(below)
    units, counts = np.unique(np.stack([above, below], axis=1).round(12), axis=0, return_counts=True)
    above, below = units.T
    if not counts @ below:
        return Undefined("the teacher scored 0: there is nothing to keep")
    ratios = np.sort(_resample(above, below, counts, resamples, seed))
    if len(units) == 1 or ratios[0] == ratios[-1]:
        return Undefined("the items are all alike: drawn again they give the same number")
    value = float(counts @ above / (counts @ below))
    low, high = (_quantile(ratios, share) for share in ((1 - confidence) / 2, (1 + confidence) / 2))
    if not np.isfinite(high):
        return Undefined("the teacher scored 0 in too many of the resamples")
    return Interval(value, low, high)


def _resample(above: Array, below: Array, counts: NDArray[np.int64], resamples: int, seed: int) -> Array:
    random, found = np.random.default_rng(seed), []
    for start in range(0, resamples, _AT_ONCE):
        size = min(_AT_ONCE, resamples - start)
        drawn = random.multinomial(counts.sum(), counts / counts.sum(), size).astype(float)
        tops, bottoms = drawn @ above, drawn @ below
        found.append(np.divide(tops, bottoms, where=bottoms > 0, out=np.full(size, np.inf)))
    return np.concatenate(found)


def _quantile(ordered: Array, share: float) -> float:
    """Between two resamples that are next to each other, straight; infinite where either is."""
    place = share * (len(ordered) - 1)
    before = int(place)
    after = min(before + 1, len(ordered) - 1)
    if not np.isfinite(ordered[after]):
        return np.inf
    return float(ordered[before] + (place - before) * (ordered[after] - ordered[before]))
