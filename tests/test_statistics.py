"""The statistics against published examples, closed forms and brute force; and that no interval ever has no width."""

from collections.abc import Sequence
from itertools import product
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.eval.score_interval import Interval, Moment, critical, pearson, score_interval
from potstill.eval.statistics import (
    Undefined,
    difference,
    gap_recovered,
    items_needed,
    mcnemar,
    proportion,
    retained,
)

BOTH, ONE, OTHER, NEITHER = (True, True), (True, False), (False, True), (False, False)
TABLE = st.tuples(*[st.integers(0, 40)] * 4).filter(lambda table: sum(table) > 0)


def arms(both: int, one: int, other: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Two arms with so many items right in both, in one, in the other, in neither."""
    rows = [BOTH] * both + [ONE] * one + [OTHER] * other + [NEITHER] * neither
    first, second = np.array(rows, dtype=bool).T
    return first, second


def of(interval: Interval | Undefined) -> Interval:
    assert isinstance(interval, Interval)
    return interval


# Fagerland, Lydersen and Laake (2014), Statistics in Medicine 33:2850–2875, and their R package contingencytables: airway
# hyper-responsiveness before and after transplantation (Bentur 2009), complete response to therapy (Cavo 2012).
BENTUR, CAVO = (1, 1, 7, 12), (59, 6, 16, 80)


@pytest.mark.parametrize(
    ("table", "published"), [(BENTUR, (-0.286, -0.517, -0.026)), (CAVO, (-0.0621, -0.1240, -0.0054))]
)
def test_difference_gives_the_published_tango_intervals(table, published):
    found = difference(*arms(*table), 0.95)
    assert (found.value, found.low, found.high) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(("table", "published"), [(BENTUR, (0.25, 0.065, 0.907)), (CAVO, (0.8667, 0.7476, 0.9876))])
def test_retained_gives_the_published_score_intervals_of_the_ratio(table, published):
    found = of(retained(*arms(*table), 0.95))
    assert (found.value, found.low, found.high) == pytest.approx(published, abs=5e-4)


def test_wilson_is_the_same_interval_turned_round():
    for right, total in [(0, 7), (1, 7), (7, 7), (95, 100), (300, 400)]:
        outcomes = np.arange(total) < right
        counts, rights = np.array([total - right, right], dtype=float), np.array([0.0, 1.0])
        inverted = score_interval(Moment(counts, rights, np.ones(2)), 0.9, (0, 1))
        found = proportion(outcomes, 0.9)
        assert (found.value, found.low, found.high) == pytest.approx((inverted.value, inverted.low, inverted.high))


def test_wilson_against_newcombe():
    # Newcombe (1998), Statistics in Medicine 17:857–872, table I, method 3: 81 of 263, and 0 of 20.
    found, none = proportion(np.arange(263) < 81, 0.95), proportion(np.zeros(20, dtype=bool), 0.95)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert (none.low, none.high) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_twice_the_binomial_tail(one, other):
    tail = sum(comb(one + other, k) for k in range(min(one, other) + 1)) / 2 ** (one + other)
    assert mcnemar(*arms(3, one, other, 2)) == pytest.approx(min(1.0, 2 * tail))


def tango(table: Sequence[int], delta: float) -> float:
    """Tango's statistic in the closed form of his paper, squared."""
    n, b, c = sum(table), table[1], table[2]
    first, second = -b - c + (2 * n - b + c) * delta, -c * delta * (1 - delta)
    q = (sqrt(first**2 - 8 * n * second) - first) / (4 * n)
    return (b - c - n * delta) ** 2 / (n * (2 * q + delta * (1 - delta)))


def nam_blackwelder(table: Sequence[int], theta: float) -> float:
    """The squared score statistic of a ratio; the most likely `other`-only share solves a quadratic equation."""
    a, b, c, d = table
    n = a + b + c + d
    some = (a + b + c) / n
    square, line = (1 + theta) * (a + b + c), some * (b + c - (theta**2 - 1) * (a + c))
    q = (line + sqrt(line**2 + 4 * square * c * (theta - 1) * some**2)) / (2 * square)
    q10 = (q + (theta - 1) * some) / theta
    return ((a + b) - theta * (a + c)) ** 2 / (n * theta * (q10 + q))


SMALL = [table for table in product(range(9), repeat=4) if sum(table) == 8]
FIRST, SECOND = np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 1, 0])


@pytest.mark.parametrize("delta", [-0.6, -0.05, 0.01, 0.3, 0.9])
def test_every_small_table_agrees_with_tangos_closed_form(delta):
    for table in SMALL:
        assert pearson(np.array(table, dtype=float), FIRST - SECOND - delta) == pytest.approx(
            tango(table, delta), rel=1e-6
        )


@pytest.mark.parametrize("theta", [0.2, 0.95, 1.3, 4.0])
def test_every_small_table_agrees_with_the_closed_form_of_the_ratio(theta):
    for table in SMALL:
        if sum(table[:3]):
            found = pearson(np.array(table, dtype=float), FIRST - theta * SECOND)
            assert found == pytest.approx(nam_blackwelder(table, theta), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_most_likely_table_is_the_one_that_a_general_optimiser_finds(seed):
    from scipy.optimize import minimize

    random = np.random.default_rng(seed)
    bases, students, teachers = np.indices((2, 2, 2)).reshape(3, -1).astype(float)
    counts = (random.multinomial(60, random.dirichlet(np.ones(8))) + 1).astype(np.float64)
    w = students - bases - random.uniform(0.2, 1.5) * (teachers - bases)
    best = minimize(
        lambda p: -counts @ np.log(p),
        np.full(8, 1 / 8),
        jac=lambda p: -counts / p,
        bounds=[(1e-9, 1)] * 8,
        constraints=[{"type": "eq", "fun": lambda p: p.sum() - 1}, {"type": "eq", "fun": lambda p: p @ w}],
        options={"maxiter": 500, "ftol": 1e-13},
    )
    expected = counts.sum() * best.x
    assert best.success
    assert pearson(counts, w) == pytest.approx(np.sum((counts - expected) ** 2 / expected), rel=1e-3)


@given(TABLE)
@settings(max_examples=60, deadline=None)
def test_no_interval_has_no_width_and_each_holds_its_estimate(table):
    one, other = arms(*table)
    found = [proportion(one, 0.95), difference(one, other, 0.95)]
    share = retained(one, other, 0.95)
    if isinstance(share, Interval):
        found.append(share)
    for interval in found:
        assert interval.low <= interval.value <= interval.high
        assert interval.high - interval.low > 1e-3


@given(TABLE)
@settings(max_examples=40, deadline=None)
def test_the_ends_of_an_interval_are_where_the_test_begins_to_reject(table):
    found = difference(*arms(*table), 0.9)
    for end in (found.low, found.high):
        if abs(end) < 1:
            assert tango(table, end) == pytest.approx(critical(0.9), rel=1e-4)


@given(TABLE)
@settings(max_examples=30, deadline=None)
def test_turning_the_arms_round_turns_the_difference_round(table):
    one, other = arms(*table)
    there, back = difference(one, other, 0.95), difference(other, one, 0.95)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-9)


@given(TABLE)
@settings(max_examples=30, deadline=None)
def test_more_of_the_same_items_is_a_narrower_interval(table):
    few, many = difference(*arms(*table), 0.95), difference(*arms(*(4 * count for count in table)), 0.95)
    assert many.high - many.low < few.high - few.low


def test_two_perfect_arms_are_not_known_to_be_equal():
    one, other = arms(100, 0, 0, 0)
    apart, share = difference(one, other, 0.95), of(retained(one, other, 0.95))
    # With no discordant pair Tango's interval ends at z² / (n + z²).
    assert apart.high == pytest.approx(3.8415 / 103.8415, abs=1e-4)
    assert share.low == pytest.approx(100 / 103.8415, abs=1e-4)
    assert share.high > 1.03


def test_a_teacher_that_scored_nothing_leaves_no_share_to_keep():
    assert isinstance(retained(*arms(0, 5, 0, 5), 0.95), Undefined)


def test_the_recovered_gap_is_between_base_and_teacher():
    base, teacher = np.arange(200) < 40, np.arange(200) < 160
    student = np.arange(200) < 130
    found = of(gap_recovered(student, teacher, base, 0.95))
    assert found.value == pytest.approx(0.75)
    assert 0.6 < found.low < 0.75 < found.high < 0.9


@given(st.tuples(*[st.integers(0, 40)] * 8).filter(lambda table: sum(table) > 0))
@settings(max_examples=60, deadline=None)
def test_a_recovered_gap_always_has_a_width_and_holds_its_estimate(table):
    cells = np.repeat(np.indices((2, 2, 2)).reshape(3, -1).astype(bool), table, axis=1)
    base, student, teacher = cells
    found = gap_recovered(student, teacher, base, 0.95)
    if isinstance(found, Interval):
        assert found.low <= found.value <= found.high
        assert found.high - found.low > 1e-3


def test_the_gap_of_a_perfect_student_and_teacher_has_a_width_too():
    all_right = np.ones(40, dtype=bool)
    found = of(gap_recovered(all_right, all_right, ~all_right, 0.95))
    assert found.low < 0.95
    assert found.high > 1.05


def test_without_a_gap_beyond_chance_none_is_recovered():
    items = np.arange(100)
    same, little = (
        gap_recovered(items < 80, items < 60, items < 60, 0.95),
        gap_recovered(items < 80, items < 61, items < 60, 0.95),
    )
    assert isinstance(same, Undefined)
    assert "no gap" in same.why
    assert isinstance(little, Undefined)
    assert "cannot tell" in little.why


@given(st.integers(30, 60), st.integers(5, 30), st.integers(5, 30), st.integers(0, 30))
@settings(max_examples=25, deadline=None)
def test_where_the_base_knows_nothing_the_gap_is_the_share_kept(both, one, other, neither):
    student, teacher = arms(both, one, other, neither)
    share = of(retained(student, teacher, 0.95))
    gap = of(gap_recovered(student, teacher, np.zeros(len(student), dtype=bool), 0.95))
    assert gap.value == pytest.approx(share.value)
    # A little wider, because the gap itself is uncertain.
    little = 0.06 * (share.high - share.low)
    assert share.low - little < gap.low < share.low
    assert share.high < gap.high < share.high + little


def test_as_many_items_as_are_needed_do_settle_it():
    one, other = arms(180, 6, 10, 4)
    share = of(retained(one, other, 0.95))
    assert share.low < 0.95 < share.value
    needed = items_needed(one, other, 0.95, 0.95)
    assert needed is not None
    assert needed > 200
    grown = np.array([180.0, 6, 10, 4]) * needed / 200
    assert score_interval(Moment(grown, FIRST, SECOND), 0.95, (0, 10)).low >= 0.95 - 1e-9
    shrunk = grown * (needed - 2) / needed
    assert score_interval(Moment(shrunk, FIRST, SECOND), 0.95, (0, 10)).low < 0.95


def test_a_share_on_the_bar_is_never_settled():
    assert items_needed(*arms(90, 5, 5, 0), 1.0, 0.95) is None


def test_arms_with_other_items_are_not_compared():
    with pytest.raises(ValueError, match="same items"):
        difference(np.ones(3, dtype=bool), np.ones(4, dtype=bool), 0.95)
