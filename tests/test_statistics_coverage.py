"""How often the intervals hold the truth. `python tests/test_statistics_coverage.py` prints the table of docs/evaluation.md."""

from itertools import product
from math import lgamma
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from potstill.eval.score_interval import critical, pearson

Array = NDArray[np.float64]
BASE, STUDENT, TEACHER = np.indices((2, 2, 2)).reshape(3, -1).astype(float)
FIRST, SECOND = np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 1, 0])


def every_table(items: int) -> list[Array]:
    counts = (table for table in product(range(items + 1), repeat=3) if sum(table) <= items)
    return [np.array([*table, items - sum(table)], dtype=float) for table in counts]


def probability(table: Array, cells: Array) -> float:
    ways = lgamma(table.sum() + 1) - sum(lgamma(count + 1) for count in table)
    return float(np.exp(ways + table @ np.log(cells)))


def ratio(cells: Array, u: Array, v: Array) -> float:
    return float(cells @ u) / float(cells @ v)


# Both right, the student only, the teacher only, neither.
@pytest.mark.parametrize("cells", [(0.45, 0.1, 0.1, 0.35), (0.8, 0.05, 0.1, 0.05), (0.9, 0.04, 0.04, 0.02)])
def test_exact_coverage_over_every_table_of_20_items(cells):
    truth = np.array(cells)
    level = critical(0.95)
    difference, share = float(truth @ (FIRST - SECOND)), ratio(truth, FIRST, SECOND)
    held, kept = 0.0, 0.0
    for table in every_table(20):
        weight = probability(table, truth)
        held += weight * (pearson(table, FIRST - SECOND - difference) <= level)
        kept += weight * (pearson(table, FIRST - share * SECOND) <= level)
    assert 0.93 < held < 0.995
    assert 0.93 < kept < 0.995


def cells_of(scores: tuple[float, float, float], correlation: float, random: np.random.Generator) -> Array:
    """The shares of the eight cells when base, student and teacher share a normal factor, by a million draws."""
    shared, own = random.standard_normal((1_000_000, 1)), random.standard_normal((1_000_000, 3))
    edges = np.array([NormalDist().inv_cdf(score) for score in scores])
    right = shared * correlation**0.5 + own * (1 - correlation) ** 0.5 < edges
    return np.bincount(right @ np.array([4, 2, 1]), minlength=8) / len(right)


def shares_outside(tables: NDArray[np.int64], u: Array, v: Array, truth: float) -> tuple[float, float, float]:
    """How often the interval holds the truth, lies wholly above it, and does not exist, by the estimate's own test."""
    level, w = critical(0.95), u - truth * v
    defined = [table for table in tables.astype(float) if table @ v > 0 and pearson(table, v) > level]
    rejected = [table for table in defined if pearson(table, w) > level]
    above = sum(table @ w > 0 for table in rejected)
    count = max(1, len(defined))
    return 1 - len(rejected) / count, above / count, 1 - len(defined) / len(tables)


def test_coverage_of_the_recovered_gap_by_simulation():
    random = np.random.default_rng(1)
    cells = cells_of((0.3, 0.8, 0.9), 0.4, random)
    truth = ratio(cells, STUDENT - BASE, TEACHER - BASE)
    held, above, undefined = shares_outside(random.multinomial(150, cells, 500), STUDENT - BASE, TEACHER - BASE, truth)
    assert undefined < 0.01
    assert 0.92 < held < 0.98
    assert above < 0.05


def print_table() -> None:
    columns = ["items", "base, student, teacher", "correlation"]
    columns += ["`retained`: holds the truth / says more", "`gap_recovered`: holds the truth / undefined"]
    print("|", " | ".join(columns), "|")
    print("|---|---|---|---|---|")
    random = np.random.default_rng(0)
    scores = [(0.01, 0.57, 0.6), (0.05, 0.855, 0.9), (0.3, 0.9405, 0.99), (0.01, 0.99, 0.61), (0.5, 0.594, 0.6)]
    for items, score, correlation in product((50, 200, 1000), scores, (0.0, 0.6)):
        cells = cells_of(score, correlation, random)
        tables = random.multinomial(items, cells, 2000)
        kept = shares_outside(tables, STUDENT, TEACHER, ratio(cells, STUDENT, TEACHER))
        gain, gap = STUDENT - BASE, TEACHER - BASE
        recovered = shares_outside(tables, gain, gap, ratio(cells, gain, gap))
        row = [f"{kept[0]:.3f} / {kept[1]:.3f}", f"{recovered[0]:.3f} / {recovered[2]:.2f}"]
        print("|", " | ".join([f"{items}", ", ".join(map(str, score)), f"{correlation}", *row]), "|", flush=True)


if __name__ == "__main__":
    print_table()
