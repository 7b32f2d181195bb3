"""What the scorecard says of the arms' scores: scores, differences, shares kept; each with its interval.

Arms are compared item by item: all arrays of one call are scores from 0 to 1 over the same items in the same order, and
right and wrong are the scores 1 and 0. Items that share a family are alike (clusters.py); without `families`, or where
every item has one of its own, items are independent. All items of one family say nothing of others: an interval is then
as wide as its bounds, and a ratio is undefined.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from .score_interval import Interval, Moment, critical, pearson, score_interval
from .score_tables import Scores, tabulate

Outcomes = NDArray[np.bool_] | Scores
"""Shape (items,): whether an arm's answer was right, or what it scored."""
Labels = Sequence[str] | None
"""The family of each item; None where each has its own."""

FARTHEST = 1e6
"""A ratio beyond it is not looked for."""
_ALIKE = "all items are of one family: they say nothing of other items"


@dataclass(frozen=True, slots=True)
class Undefined:
    """A number that does not exist for these items, and why."""

    why: str


def proportion(scores: Outcomes, confidence: float, families: Labels = None) -> Interval:
    """The mean score; of right and wrong that is the share right, with Wilson's interval.

    Raises:
        ValueError: there are no items.
    """
    table = tabulate(scores, families=families)
    (values,) = table.cells
    moment = table.moment(values, np.ones_like(values))
    if table.families is None and len(values) == 2:
        return _wilson(moment, confidence)
    return score_interval(moment, confidence, (0.0, 1.0))


def difference(one: Outcomes, other: Outcomes, confidence: float, families: Labels = None) -> Interval:
    """The mean score of one minus the other's, with Tango's interval for pairs."""
    return score_interval(_difference(one, other, families), confidence, (-1.0, 1.0))


def retained(student: Outcomes, teacher: Outcomes, confidence: float, families: Labels = None) -> Interval | Undefined:
    """The student's score as a share of the teacher's, with Nam and Blackwelder's interval for pairs."""
    table = tabulate(student, teacher, families=families)
    moment = table.moment(*table.cells)
    if moment.estimate > FARTHEST:
        return Undefined("the teacher scored 0: there is nothing to keep")
    return Undefined(_ALIKE) if table.one_family else score_interval(moment, confidence, (0.0, FARTHEST))


def gap_recovered(
    student: Outcomes, teacher: Outcomes, base: Outcomes, confidence: float, families: Labels = None
) -> Interval | Undefined:
    """The part of the way from base to teacher that the student has come: (student − base) / (teacher − base).

    Undefined unless the teacher beats the base well beyond chance: elsewhere its interval has no ends (Fieller 1954).
    """
    table = tabulate(base, student, teacher, families=families)
    bases, students, teachers = table.cells
    gap = table.moment(teachers - bases, np.ones_like(bases))
    if gap.estimate <= 0:
        return Undefined("the base student scored no lower than the teacher: there is no gap to recover")
    if table.one_family:
        return Undefined(_ALIKE)
    wider = gap_allowance(pearson(gap.counts, gap.u), critical(confidence, gap.degrees))
    if wider is None:
        return Undefined("these items cannot tell the teacher's score from the base student's")
    moment = table.moment(students - bases, teachers - bases)
    return score_interval(moment, confidence, (-FARTHEST, FARTHEST), wider)


def gap_allowance(statistic: float, limit: float) -> float | None:
    """How many times the usual the critical value of `gap_recovered` is; None where the gap is too uncertain.

    A gap that is asked for only where it stands out looks larger than it is, the more so the less it stands out. Fieller's
    g is the critical value over the gap's own statistic; with 1 + g the interval holds the truth about as often as it says.

    Args:
        statistic: Pearson's, against there being no gap.
        limit: its critical value.
    """
    wider = 1 + limit / statistic
    return wider if statistic > wider * limit else None


def items_needed(
    student: Outcomes, teacher: Outcomes, retain: float, confidence: float, families: Labels = None
) -> int | None:
    """How many items like these would move the interval of `retained` clear of a bar; None if over a million.

    Pearson's statistic grows in proportion to the number of items, so this takes no search.
    """
    table = tabulate(student, teacher, families=families)
    moment = table.moment(*table.cells)
    statistic = pearson(moment.counts, moment.u - retain * moment.v)
    needed = len(table.cell) * critical(confidence, moment.degrees) / statistic if statistic else np.inf
    return ceil(needed) if needed <= 1e6 else None


def smallest_difference(
    student: Outcomes, teacher: Outcomes, confidence: float, power: float = 0.8, families: Labels = None
) -> float | None:
    """The smallest true difference in score that so many items like these find with this power; None if none is.

    It solves z_α √ψ + z_β √(ψ − δ²) = δ √n for δ (Connor 1987, Biometrics 43:207–211), ψ being the mean square of the
    paired difference: of right and wrong, the share of items on which the arms are not right or wrong together. ψ is
    taken no smaller than the upper end of its interval had there been none, and no smaller than δ.
    """
    moment = _difference(student, teacher, families)
    limit, items = critical(confidence, moment.degrees), float(moment.counts.sum())
    if items <= limit:
        return None
    beyond = NormalDist().inv_cdf(power) ** 2
    spread = max(float(moment.counts @ moment.u**2) / items, limit / (items + limit))
    # With a = z_α², b = z_β² the equation is (n + b) δ² − 2 √(a ψ n) δ + (a − b) ψ = 0.
    half = sqrt(limit * spread * items)
    found = (half + sqrt(max(half**2 - (items + beyond) * (limit - beyond) * spread, 0.0))) / (items + beyond)
    if found > spread:
        # With ψ = δ it is (n + b) x² + 2 √(a b) x + a − n = 0 for x = √(1 − δ).
        half = sqrt(limit * beyond)
        found = 1 - ((sqrt(half**2 + (items + beyond) * (items - limit)) - half) / (items + beyond)) ** 2
    return found


def mcnemar(one: Outcomes, other: Outcomes) -> float:
    """The exact two-sided p-value of two arms being equally often right (McNemar 1947, by the binomial)."""
    from scipy.stats import binomtest

    ahead, behind = int(np.sum(one > other)), int(np.sum(other > one))
    return float(binomtest(ahead, ahead + behind).pvalue) if ahead + behind else 1.0


def _difference(one: Outcomes, other: Outcomes, families: Labels) -> Moment:
    table = tabulate(one, other, families=families)
    ones, others = table.cells
    return table.moment(ones - others, np.ones_like(ones))


def _wilson(moment: Moment, confidence: float) -> Interval:
    from scipy.stats import binomtest

    count, total = int(moment.counts @ moment.u), int(moment.counts.sum())
    low, high = binomtest(count, total).proportion_ci(confidence, method="wilson")
    value = count / total
    # At 0 and 1 the ends miss the value by a rounding error.
    return Interval(value, min(float(low), value), max(float(high), value))
