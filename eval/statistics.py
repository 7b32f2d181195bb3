"""What the scorecard says of right and wrong answers: scores, differences, shares kept; each with its interval.

Arms are compared item by item: all arrays of one call are bools over the same items in the same order. Items are taken
to be independent, which holds while each has a family of its own.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from .score_interval import Interval, Moment, critical, pearson, score_interval

Outcomes = NDArray[np.bool_]
"""Shape (items,): whether an arm's answer was right."""

FARTHEST = 1e6
"""A ratio beyond it is not looked for."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """A number that does not exist for these items, and why."""

    why: str


def proportion(right: Outcomes, confidence: float) -> Interval:
    """The share of right answers with Wilson's interval.

    Raises:
        ValueError: there are no items.
    """
    from scipy.stats import binomtest

    if not len(right):
        raise ValueError("a share of no items does not exist")
    count, total = int(right.sum()), len(right)
    low, high = binomtest(count, total).proportion_ci(confidence, method="wilson")
    value = count / total
    # At 0 and 1 the ends miss the value by a rounding error.
    return Interval(value, min(float(low), value), max(float(high), value))


def mcnemar(one: Outcomes, other: Outcomes) -> float:
    """The exact two-sided p-value of two arms being equally often right (McNemar 1947, by the binomial)."""
    from scipy.stats import binomtest

    ahead, behind = int((one & ~other).sum()), int((other & ~one).sum())
    return float(binomtest(ahead, ahead + behind).pvalue) if ahead + behind else 1.0


def difference(one: Outcomes, other: Outcomes, confidence: float) -> Interval:
    """Share right of one minus the other's, with Tango's interval for pairs."""
    ones, others = _cells(2)
    moment = Moment(_counts(one, other), ones - others, np.ones(4))
    return score_interval(moment, confidence, (-1.0, 1.0))


def retained(student: Outcomes, teacher: Outcomes, confidence: float) -> Interval | Undefined:
    """The student's score as a share of the teacher's, with Nam and Blackwelder's interval for pairs."""
    if not teacher.any():
        return Undefined("the teacher scored 0: there is nothing to keep")
    return score_interval(_ratio(student, teacher), confidence, (0.0, FARTHEST))


def gap_recovered(student: Outcomes, teacher: Outcomes, base: Outcomes, confidence: float) -> Interval | Undefined:
    """The part of the way from base to teacher that the student has come: (student − base) / (teacher − base).

    Undefined unless the teacher beats the base beyond chance: elsewhere its interval has no ends (Fieller 1954).
    """
    bases, students, teachers = _cells(3)
    counts, gap = _counts(base, student, teacher), teachers - bases
    if counts @ gap <= 0:
        return Undefined("the base student scored no lower than the teacher: there is no gap to recover")
    if pearson(counts, gap) <= critical(confidence):
        return Undefined("these items cannot tell the teacher's score from the base student's")
    return score_interval(Moment(counts, students - bases, gap), confidence, (-FARTHEST, FARTHEST))


def items_needed(student: Outcomes, teacher: Outcomes, retain: float, confidence: float) -> int | None:
    """How many items like these would move the interval of `retained` clear of a bar; None if over a million.

    Pearson's statistic grows in proportion to the number of items, so this takes no search.
    """
    moment = _ratio(student, teacher)
    statistic = pearson(moment.counts, moment.u - retain * moment.v)
    needed = len(student) * critical(confidence) / statistic if statistic else np.inf
    return ceil(needed) if needed <= 1e6 else None


def _ratio(student: Outcomes, teacher: Outcomes) -> Moment:
    students, teachers = _cells(2)
    return Moment(_counts(student, teacher), students, teachers)


def _cells(arms: int) -> NDArray[np.float64]:
    """Which arms are right in each of the 2**arms cells, shape (arms, cells), the first arm slowest."""
    return np.indices((2,) * arms).reshape(arms, -1).astype(float)


def _counts(*arms: Outcomes) -> NDArray[np.float64]:
    """How many items fall in each cell, in the order of `_cells`."""
    if len({len(arm) for arm in arms}) != 1:
        raise ValueError("arms are compared on the same items")
    cell = np.ravel_multi_index(tuple(np.asarray(arm, dtype=int) for arm in arms), (2,) * len(arms))
    return np.bincount(cell, minlength=2 ** len(arms)).astype(float)
