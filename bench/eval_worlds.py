"""Simulated evaluations of which the truth is known, and how often an interval of the evaluation holds it.

Student and teacher share a normal factor: of two latent marks with the correlation given, each is right, or reaches a
grade, where its own lies below a threshold; thresholds are set so that the true scores are exactly those of the world.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from potstill.eval.score_interval import critical, pearsons

Array = NDArray[np.float64]

CONFIDENCE = 0.95
RIGHT_OR_WRONG = (0.0,)
FIVE_GRADES = (-0.9, -0.3, 0.3, 0.9)
"""How far the thresholds of the grades 1, ¾, ½ and ¼ lie from their middle."""


@dataclass(frozen=True, slots=True)
class World:
    """What is true of an evaluation."""

    items: int
    teacher: float
    """Its true score."""
    kept: float
    """The student's true score / the teacher's."""
    correlation: float
    thresholds: tuple[float, ...] = RIGHT_OR_WRONG

    @property
    def scores(self) -> tuple[float, float]:
        """The true scores of student and teacher."""
        return self.kept * self.teacher, self.teacher


@dataclass(frozen=True, slots=True)
class Held:
    """Of so many simulated evaluations in which a number existed, those whose interval held the truth, or lay above."""

    cases: int
    inside: int
    above: int
    """The whole interval was above the truth: a bar that is the truth would have been passed."""

    @property
    def coverage(self) -> float:
        """How often the interval held the truth."""
        return self.inside / self.cases

    @property
    def passed(self) -> float:
        """How often a bar was passed that is the truth."""
        return self.above / self.cases


def middle(score: float, thresholds: Sequence[float], spread: float = 1.0) -> float:
    """Where the thresholds have their middle, if the mean grade is to be so much and marks spread so far."""
    normal, low, high = NormalDist(0, spread), -9.0 * spread, 9.0 * spread
    for _ in range(80):
        half = (low + high) / 2
        mean = sum(normal.cdf(half + threshold) for threshold in thresholds) / len(thresholds)
        low, high = (half, high) if mean < score else (low, half)
    return (low + high) / 2


@cache
def normal_nodes() -> tuple[Array, Array]:
    """Points of a normal variable and their weights, closely enough for a correlation of 0.9."""
    points = np.linspace(-8, 8, 1601)
    weights = np.exp(-(points**2) / 2)
    return points, weights / weights.sum()


def cells_of(scores: Sequence[float], correlation: float, thresholds: Sequence[float]) -> tuple[Array, Array]:
    """The grades of each arm in every cell, shape (arms, cells), the first arm slowest; and the cells' true shares."""
    from scipy.special import ndtr

    points, weights = normal_nodes()
    levels, joint = len(thresholds) + 1, weights[:, None]
    for score in scores:
        edges = middle(score, thresholds) + np.array(sorted(thresholds, reverse=True))
        below = ndtr((edges - points[:, None] * correlation**0.5) / (1 - correlation) ** 0.5)
        steps = np.concatenate([np.ones((len(points), 1)), below, np.zeros((len(points), 1))], axis=1)
        joint = (joint[:, :, None] * -np.diff(steps, axis=1)[:, None, :]).reshape(len(points), -1)
    grades = np.indices((levels,) * len(scores)).reshape(len(scores), -1) / (levels - 1)
    shares = joint.sum(0)
    return grades, shares / shares.sum()


def drawn(shares: Array, items: int, simulations: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
    """The tables of so many simulated evaluations: the distinct ones, and how often each came up."""
    tables, times = np.unique(random.multinomial(items, shares, simulations), axis=0, return_counts=True)
    return tables.astype(float), times


def held(tables: Array, times: NDArray[np.int64], u: Array, v: Array, truth: float) -> Held:
    """How often the interval of E[u] / E[v] holds the truth, by the test that the interval turns round."""
    w = u - truth * v
    exists = tables @ np.abs(v) > 0
    statistics = pearsons(tables[exists], np.broadcast_to(w, tables[exists].shape))
    times, out = times[exists], statistics > critical(CONFIDENCE)
    above = out & (tables[exists] @ w > 0)
    return Held(int(times.sum()), int(times[~out].sum()), int(times[above].sum()))


def numbers_of(world: World, grades: Array) -> dict[str, tuple[Array, Array, float]]:
    """u, v and the truth of each number of a table whose arms are student and teacher."""
    student, teacher = grades
    ones = np.ones_like(student)
    return {
        "score": (teacher, ones, world.teacher),
        "difference": (student - teacher, ones, (world.kept - 1) * world.teacher),
        "retained": (student, teacher, world.kept),
    }


@cache
def simulated(world: World, simulations: int) -> dict[str, Held]:
    """Each number's record over so many evaluations of a world whose items are independent."""
    grades, shares = cells_of(world.scores, world.correlation, world.thresholds)
    random = np.random.default_rng(
        [world.items, *(round(1000 * score) for score in (*world.scores, world.correlation))]
    )
    tables, times = drawn(shares, world.items, simulations, random)
    return {name: held(tables, times, *number) for name, number in numbers_of(world, grades).items()}
