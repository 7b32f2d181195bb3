"""One interval for every number of the scorecard: the score test of a multinomial, turned round.

Each item falls in one cell of a table, such as (student right, teacher wrong). A number θ of interest makes
E[u − θ v] = 0 for some u and v that depend on the cell alone:

    a proportion        u = right                v = 1                Wilson (1927)
    a paired difference u = student − teacher    v = 1                Tango (1998), Stat. Med. 17:891–908
    a ratio             u = student              v = teacher          Nam & Blackwelder (2002), Stat. Med. 21:689–699
    recovered gap       u = student − base       v = teacher − base

The interval is every θ that Pearson's statistic against the most likely table with E[u − θ v] = 0 does not reject. That
table may put weight on cells nobody fell in, which is why the interval has a width even where all items agree. Cells may
be grades between 0 and 1 as well as right and wrong; the same test is then a score test of the empirical likelihood.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STEPS = 60
"""Most of a root search; a dozen is usual."""
_POINTS = 32
"""Values of θ that are tried at once between the last allowed one and the first rejected one."""
_ROUNDS = 8
"""Of such tries: to one part in 33⁸, some 10¹²."""


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
    degrees: float = np.inf
    """Degrees of freedom with which the counts' worth is known: infinite unless a design effect was estimated."""

    @property
    def estimate(self) -> float:
        """The θ at which the counts themselves have E[u − θ v] = 0; infinite when E[v] is 0."""
        below = float(self.counts @ self.v)
        return float(self.counts @ self.u) / below if below else np.inf


def critical(confidence: float, degrees: float = np.inf) -> float:
    """The value that a two-sided test of this confidence rejects above: chi-squared with one degree of freedom.

    Where the spread is an estimate with few degrees of freedom, the square of Student's t; infinite when it has none.
    """
    if degrees == np.inf:
        return NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    if degrees <= 0:
        return np.inf
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + confidence) / 2)) ** 2


def pearson(counts: Array, w: Array) -> float:
    """Pearson's statistic of the counts against the most likely table with E[w] = 0; infinite when there is none."""
    return float(pearsons(counts, w[None])[0])


def pearsons(counts: Array, w: Array) -> Array:
    """`pearson` of many pairs at once: counts of shape (cells,) or (pairs, cells), w of shape (pairs, cells).

    With multiplier λ the most likely table has p = counts / n / (1 + λ w), and the statistic is n λ mean(w). λ may go
    no further than where 1 + λ w is 0 for the outermost cell; if the counts would have it go on, that cell takes the
    rest of the weight.
    """
    counts = np.broadcast_to(counts, w.shape)
    total, lowest, highest = (counts * w).sum(1), w.min(1), w.max(1)
    found = np.where(total == 0, 0.0, np.inf)
    open_ = (total != 0) & (lowest < 0) & (highest > 0)
    if not open_.any():
        return found
    held, moved, total = counts[open_], w[open_], total[open_]
    # λ has the sign of the mean: the table moves towards cells on the other side of 0.
    limit = -1 / np.where(total > 0, lowest[open_], highest[open_])
    moved = moved * limit[:, None]
    found[open_] = total * limit * _multipliers(np.where(held > 0, moved, 0.0), held)
    return found


def _multipliers(moved: Array, held: Array) -> Array:
    """Per row, where in (0, 1] the sum of held · moved / (1 + share · moved) falls to 0; 1 where it does not.

    `moved` is −1 at least. Newton's steps; one that leaves what is known to enclose the root is a bisection instead.
    """
    at_end = 1 + moved
    inner = at_end > 1e-12
    ending = np.divide(held * moved, at_end, where=inner, out=np.zeros_like(moved)).sum(1)
    stays = inner.all(1) & (ending >= 0)
    low, high = np.zeros(len(moved)), np.full(len(moved), 1 - 1e-15)
    share = np.where(stays, 1.0, 0.5)
    for _ in range(_STEPS):
        part = moved / (1 + share[:, None] * moved)
        value, fall = (held * part).sum(1), (held * part * part).sum(1)
        low, high = np.where(value > 0, share, low), np.where(value > 0, high, share)
        newton = share + value / fall
        after = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
        after = np.where(stays, 1.0, after)
        if np.all(np.abs(after - share) <= 1e-13):
            return after
        share = after
    return share


def score_interval(moment: Moment, confidence: float, bounds: tuple[float, float], wider: float = 1.0) -> Interval:
    """The estimate with every θ around it, within bounds, that is not rejected.

    Args:
        moment: the table and the number that is wanted of it.
        confidence: how often such an interval is to hold the true θ.
        bounds: between which θ is looked for.
        wider: how many times its usual value the critical one is to be.

    Raises:
        ValueError: the estimate is not a number within the bounds.
    """
    estimate, limit = moment.estimate, wider * critical(confidence, moment.degrees)
    if not bounds[0] <= estimate <= bounds[1]:
        raise ValueError(f"the estimate {estimate} is not within {bounds}")

    def allowed(thetas: Array) -> NDArray[np.bool_]:
        return pearsons(moment.counts, moment.u - thetas[:, None] * moment.v) <= limit

    low, high = (_last_allowed(allowed, estimate, bound) for bound in bounds)
    return Interval(estimate, low, high)


def _last_allowed(allowed: Callable[[Array], NDArray[np.bool_]], start: float, bound: float) -> float:
    """The θ from `start` towards `bound` up to which all are allowed, or the bound where all are."""
    far = abs(bound - start)
    if not far:
        return bound
    # Steps that double, the last one to the bound.
    steps = np.minimum(1e-3 * 2.0 ** np.arange(max(1, np.ceil(np.log2(far / 1e-3)) + 1)), far)
    inside, outside = 0.0, far
    side = 1.0 if bound > start else -1.0
    for turn in range(1 + _ROUNDS):
        tried = steps if not turn else inside + (outside - inside) * np.arange(1, _POINTS + 1) / (_POINTS + 1)
        thetas = np.where(tried == far, bound, start + side * tried)
        out = np.flatnonzero(~allowed(thetas))
        if not len(out):
            if not turn:
                return bound
            inside = tried[-1]
        else:
            inside, outside = (tried[out[0] - 1] if out[0] else inside), tried[out[0]]
    return float(start + side * (inside + outside) / 2)
