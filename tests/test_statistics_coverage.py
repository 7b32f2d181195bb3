"""How often the intervals hold the truth: exactly for few items, by simulation as in bench/eval_coverage.py for the rest."""

from itertools import product
from math import lgamma

import numpy as np
import pytest

from potstill.bench.eval_alike import EQUAL, UNEQUAL, Alike, Seeded, of_families, of_seeds
from potstill.bench.eval_coverage import exact_coverage, intervals_of
from potstill.bench.eval_worlds import FIVE_GRADES, RIGHT_OR_WRONG, Array, World, cells_of, simulated
from potstill.eval.score_interval import critical, pearson
from potstill.eval.statistics import gap_allowance, proportion, smallest_difference

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
    difference, share = float(truth @ (FIRST - SECOND)), float(truth @ FIRST / (truth @ SECOND))
    held, kept = 0.0, 0.0
    for table in every_table(20):
        weight = probability(table, truth)
        held += weight * (pearson(table, FIRST - SECOND - difference) <= level)
        kept += weight * (pearson(table, FIRST - share * SECOND) <= level)
    assert 0.93 < held < 0.995
    assert 0.93 < kept < 0.995


def test_exact_coverage_of_a_share_is_that_of_wilson():
    # Of 100 items at 99.5%, the interval holds the truth after no wrong answer and after one (Brown, Cai & DasGupta 2001
    # tell of such dips near 1).
    assert exact_coverage(100, 0.995) == pytest.approx(0.995**100 + 100 * 0.005 * 0.995**99, abs=1e-9)


@pytest.mark.parametrize("thresholds", [RIGHT_OR_WRONG, FIVE_GRADES])
def test_the_simulated_arms_have_the_scores_and_the_likeness_that_are_asked_for(thresholds):
    (student, teacher), shares = cells_of((0.76, 0.8), 0.6, thresholds)
    assert (shares @ student, shares @ teacher) == pytest.approx((0.76, 0.8), abs=1e-6)
    (one, other), apart = cells_of((0.76, 0.8), 0.0, thresholds)
    assert apart @ (one * other) == pytest.approx(0.76 * 0.8, abs=1e-6)
    assert shares @ (student * teacher) > 0.64


@pytest.mark.parametrize("thresholds", [RIGHT_OR_WRONG, FIVE_GRADES])
def test_coverage_and_the_gate_of_independent_items(thresholds):
    for record in simulated(World(200, 0.9, 0.95, 0.3, thresholds), 4_000).values():
        assert 0.935 < record.coverage < 0.975
        assert record.passed < 0.04


@pytest.mark.parametrize("world", [World(50, 0.995, 1.0, 0.9), World(100, 0.9, 0.95, 0.3)])
def test_the_interval_is_its_test_turned_round_and_has_a_width(world):
    assert all(has_width and agrees for has_width, agrees in intervals_of(world))


@pytest.mark.parametrize("sizes", [EQUAL, UNEQUAL])
def test_coverage_where_families_are_alike(sizes):
    for record in of_families(Alike(World(200, 0.8, 0.95, 0.3), sizes, 0.8), 600).values():
        assert record.coverage > 0.925
        assert record.passed < 0.05


def test_without_their_families_like_items_would_be_believed_too_much():
    random = np.random.default_rng(3)
    families = [str(item // 5) for item in range(200)]
    alike = [np.repeat(random.random(40) < 0.8, 5) for _ in range(200)]
    told = [proportion(right, 0.95, families) for right in alike]
    untold = [proportion(right, 0.95) for right in alike]
    assert np.mean([found.low < 0.8 < found.high for found in told]) > 0.92
    assert np.mean([found.low < 0.8 < found.high for found in untold]) < 0.75


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_coverage_over_three_seeds(spread):
    record, wider = of_seeds(Seeded(World(100, 0.9, 0.95, 0.6), 3, spread), 150)
    assert record.coverage > 0.92
    assert wider > 1


def test_coverage_of_the_recovered_gap_by_simulation():
    (base, student, teacher), shares = cells_of((0.3, 0.8, 0.9), 0.4, RIGHT_OR_WRONG)
    truth = float(shares @ (student - base) / (shares @ (teacher - base)))
    tables = np.random.default_rng(1).multinomial(150, shares, 500).astype(float)
    wider = [gap_allowance(pearson(table, teacher - base), critical(0.95)) for table in tables]
    w = student - base - truth * (teacher - base)
    held = [pearson(table, w) <= each * critical(0.95) for table, each in zip(tables, wider, strict=True) if each]
    assert len(held) > 0.99 * len(tables)
    assert 0.92 < np.mean(held) < 0.985


def test_a_gap_must_stand_out_further_than_by_chance_and_widens_what_rests_on_it():
    level = critical(0.95)
    assert gap_allowance(1.2 * level, level) is None
    assert gap_allowance(1.6 * level, level) is None
    assert gap_allowance(2.0 * level, level) == pytest.approx(1.5)
    assert gap_allowance(100 * level, level) == pytest.approx(1.01)


def test_the_smallest_difference_is_found_with_the_power_it_names():
    grades, shares = cells_of((0.8, 0.8), 0.3, RIGHT_OR_WRONG)
    student, teacher = np.repeat(grades, np.round(400 * shares).astype(int), axis=1)
    least = smallest_difference(student, teacher, 0.95)
    assert least is not None
    grades, shares = cells_of((0.8 - least, 0.8), 0.3, RIGHT_OR_WRONG)
    tables = np.random.default_rng(2).multinomial(len(student), shares, 2_000).astype(float)
    found = np.mean([pearson(table, grades[0] - grades[1]) > critical(0.95) for table in tables])
    assert 0.74 < found < 0.86
