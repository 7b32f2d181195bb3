"""How often the intervals hold the truth: exactly for few items, and by simulation as in bench/coverage.py."""

from itertools import product
from math import lgamma

import numpy as np
import pytest

from potstill.bench.coverage import BASE, STUDENT, TEACHER, Array, cells_of, ratio, shares_outside
from potstill.eval.score_interval import critical, pearson

FIRST, SECOND = np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 1, 0])


def every_table(items: int) -> list[Array]:
    counts = (table for table in product(range(items + 1), repeat=3) if sum(table) <= items)
    return [np.array([*table, items - sum(table)], dtype=float) for table in counts]


def probability(table: Array, cells: Array) -> float:
    ways = lgamma(table.sum() + 1) - sum(lgamma(count + 1) for count in table)
    return float(np.exp(ways + table @ np.log(cells)))


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


def test_coverage_of_the_recovered_gap_by_simulation():
    random = np.random.default_rng(1)
    cells = cells_of((0.3, 0.8, 0.9), 0.4, random)
    truth = ratio(cells, STUDENT - BASE, TEACHER - BASE)
    held, above, undefined = shares_outside(random.multinomial(150, cells, 500), STUDENT - BASE, TEACHER - BASE, truth)
    assert undefined < 0.01
    assert 0.92 < held < 0.98
    assert above < 0.05
