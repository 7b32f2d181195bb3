"""One interval for every number of the scorecard: the score test of a multinomial, turned round.

Each item falls in one cell of a table, such as (student right, teacher wrong). A number θ of interest makes
E[u − θ v] = 0 for some u and v that depend on the cell alone:

    a proportion        u = right                v = 1                Wilson (1927)
    a paired difference u = student − teacher    v = 1                Tango (1998), Stat. Med. 17:891–908
    a ratio             u = student              v = teacher          Nam & Blackwelder (2002), Stat. Med. 21:689–699
    recovered gap       u = student − base       v = teacher − base

The interval is every θ that Pearson's statistic against the most likely table with E[u − θ v] = 0 does not reject. That
table may put weight on cells nobody fell in, which is why the interval has a width even where all items agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HALVINGS = 40
"""Of a bisection: to one part in 10¹²."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A table of counts and the θ that is wanted of it, by u and v of each cell (all three of one length)."""

    counts: Array
    """Items in each possible cell; cells that hold none belong to the table too. Fractions are fine."""
    u: Array
    v: Array

    @property
    def estimate(self) -> float:
        """The θ at which the counts themselves have E[u − θ v] = 0; infinite when E[v] is 0."""
        below = float(self.counts @ self.v)
        return float(self.counts @ self.u) / below if below else np.inf


def critical(confidence: float) -> float:
    """The chi-squared value with one degree of freedom that a two-sided test of this confidence rejects above."""
    return NormalDist().inv_cdf((1 + confidence) / 2) ** 2


def pearson(counts: Array, w: Array) -> float:
    """Pearson's statistic of the counts against the most likely table with E[w] = 0; infinite when there is none.

    With multiplier λ the most likely table has p = counts / n / (1 + λ w), and the statistic is n λ mean(w). λ may go
    no further than where 1 + λ w is 0 for the outermost cell; if the counts would have it go on, that cell takes the
    rest of the weight.
    """
    total, mean = counts.sum(), float(counts @ w) / counts.sum()
    if mean == 0:
        return 0.0
    if not w.min() < 0 < w.max():
        return np.inf
    seen = counts > 0
    held, moved = counts[seen], w[seen]
    # λ has the sign of the mean: the table moves towards cells on the other side of 0.
    limit = -1 / (w.min() if mean > 0 else w.max())

    def slope(share: float) -> float:
        return float(np.sum(held * moved / (1 + share * limit * moved))) * np.sign(mean)

    edge = 1 + limit * moved
    if edge.min() > 1e-12 and slope(1.0) >= 0:
        return float(total * limit * mean)
    return float(total * limit * mean) * _falling_root(slope, 0.0, 1.0)


def score_interval(moment: Moment, confidence: float, bounds: tuple[float, float]) -> Interval:
    """The estimate with every θ around it, within bounds, that is not rejected.

    Raises:
        ValueError: the estimate is not a number within the bounds.
    """
    estimate, limit = moment.estimate, critical(confidence)
    if not bounds[0] <= estimate <= bounds[1]:
        raise ValueError(f"the estimate {estimate} is not within {bounds}")

    def allowed(theta: float) -> float:
        return limit - pearson(moment.counts, moment.u - theta * moment.v)

    low, high = (_last_allowed(allowed, estimate, bound) for bound in bounds)
    return Interval(estimate, low, high)


def _last_allowed(allowed: Callable[[float], float], start: float, bound: float) -> float:
    """The θ from `start` towards `bound` at which `allowed` falls to 0, or the bound where it never does."""
    side = 1.0 if bound > start else -1.0
    if start == bound:
        return bound
    step, inside = 1e-3, start
    while True:
        outside = start + side * step
        if (bound - outside) * side <= 0:
            outside = bound
        if allowed(outside) < 0:
            break
        if outside == bound:
            return bound
        inside, step = outside, step * 2
    span = outside - inside
    return inside + span * _falling_root(lambda share: allowed(inside + share * span), 0.0, 1.0)


def _falling_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is positive at `low` and negative near `high` crosses 0, by bisection."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
