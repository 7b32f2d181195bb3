"""Simulated evaluations whose items come in families, or whose student was trained with several seeds.

Latent marks are as in eval_worlds.py. In a family all items share a part of them, one that both arms have and one of each
arm's own. A seed moves all marks of its student by one normal draw; two seeds' answers to an item are alike by half of
what the student does not share with the teacher.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from potstill.eval.clusters import Families
from potstill.eval.score_interval import Interval, critical, pearson
from potstill.eval.score_tables import Table
from potstill.eval.seeds import over_seeds
from potstill.eval.statistics import retained

from .eval_worlds import CONFIDENCE, RIGHT_OR_WRONG, Array, Held, World, middle, numbers_of

EQUAL, UNEQUAL = (5,), (1, 2, 4, 8, 10)
"""The sizes of families, by turns."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Families in a world."""

    world: World
    sizes: tuple[int, ...]
    likeness: float
    """The correlation of two marks of one arm in a family."""

    def families(self) -> Families:
        """As many families as there are items for; the sizes divide their number."""
        sizes = np.tile(np.array(self.sizes), self.world.items // sum(self.sizes))
        return Families(np.repeat(np.arange(len(sizes)), sizes), sizes.astype(float))


@dataclass(frozen=True, slots=True)
class Seeded:
    """A student trained several times."""

    world: World
    seeds: int
    spread: float
    """The standard deviation between trainings, in units of a mark's."""


@cache
def of_families(alike: Alike, simulations: int) -> dict[str, Held]:
    """Each number's record, families given to it."""
    world, families = alike.world, alike.families()
    random = np.random.default_rng(
        [world.items, round(1000 * world.teacher), round(1000 * alike.likeness), *alike.sizes]
    )
    levels = len(world.thresholds) + 1
    grades = np.indices((levels, levels)).reshape(2, -1) / (levels - 1)
    numbers = numbers_of(world, grades)
    counted = {name: [0, 0, 0] for name in numbers}
    for _ in range(simulations):
        student, teacher = _graded_families(alike, families.number, random)
        cell = levels * student + teacher
        table = Table(grades, np.bincount(cell, minlength=levels**2).astype(float), cell, families)
        for name, (u, v, truth) in numbers.items():
            moment = table.moment(u, v)
            if moment.estimate == np.inf:
                continue
            out = pearson(moment.counts, u - truth * v) > critical(CONFIDENCE, moment.degrees)
            for place, true in enumerate((True, not out, out and moment.estimate > truth)):
                counted[name][place] += true
    return {name: Held(*found) for name, found in counted.items()}


def _graded_families(
    alike: Alike, family: NDArray[np.int64], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many thresholds student and teacher pass on each item."""
    world, families = alike.world, family[-1] + 1
    own, both = (1 - world.correlation) ** 0.5, world.correlation**0.5
    of_family, of_item = both * random.standard_normal(families), both * random.standard_normal(len(family))
    arms: list[NDArray[np.int64]] = []
    for score in world.scores:
        shared = (of_family + own * random.standard_normal(families))[family]
        marks = alike.likeness**0.5 * shared
        marks += (1 - alike.likeness) ** 0.5 * (of_item + own * random.standard_normal(len(family)))
        edges = middle(score, world.thresholds) + np.array(world.thresholds)
        arms.append((marks[:, None] < edges).sum(1))
    return arms[0], arms[1]


@cache
def of_seeds(seeded: Seeded, simulations: int) -> tuple[Held, float]:
    """The record of `retained` over several seeds, and how wide its interval is beside that over items alone."""
    world = seeded.world
    random = np.random.default_rng(
        [world.items, round(1000 * world.teacher), seeded.seeds, round(1000 * seeded.spread)]
    )
    inside, above, wider = 0, 0, []
    for _ in range(simulations):
        students, teacher = _trained(seeded, random)
        items = retained(students.mean(0), teacher, CONFIDENCE)
        assert isinstance(items, Interval)
        found = over_seeds(items, list(students.mean(1) / teacher.mean()), CONFIDENCE, (0.0, np.inf))
        inside += found.low < world.kept < found.high
        above += found.low >= world.kept
        wider.append((found.high - found.low) / (items.high - items.low))
    return Held(simulations, inside, above), float(np.median(wider))


def _trained(seeded: Seeded, random: np.random.Generator) -> tuple[Array, Array]:
    """The right answers of each seed's student, shape (seeds, items), and the teacher's."""
    world, shape = seeded.world, (seeded.seeds, seeded.world.items)
    own, both = (1 - world.correlation) ** 0.5, world.correlation**0.5
    of_item = both * random.standard_normal(world.items)
    teacher = of_item + own * random.standard_normal(world.items) < middle(world.teacher, RIGHT_OR_WRONG)
    marks = of_item + own * 0.5**0.5 * (random.standard_normal(world.items) + random.standard_normal(shape))
    marks = marks + seeded.spread * random.standard_normal((seeded.seeds, 1))
    edge = middle(world.scores[0], RIGHT_OR_WRONG, (1 + seeded.spread**2) ** 0.5)
    return (marks < edge).astype(float), teacher.astype(float)
