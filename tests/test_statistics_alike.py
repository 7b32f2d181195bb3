"""Grades, families, several seeds: what must stay as it is for right and wrong, and what they may never pretend."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from potstill.eval.bootstrap import bootstrap_ratio
from potstill.eval.precision import precision
from potstill.eval.score_interval import Interval
from potstill.eval.seeds import over_seeds
from potstill.eval.significance import holm, paired_p
from potstill.eval.statistics import (
    Undefined,
    difference,
    gap_recovered,
    items_needed,
    mcnemar,
    proportion,
    retained,
    smallest_difference,
)

GRADES = st.lists(st.tuples(*[st.integers(0, 4)] * 2), min_size=2, max_size=60)
FIVES = [f"family {item // 5}" for item in range(200)]


def graded(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.array(pairs).T / 4
    return first, second


def outcomes(seed: int = 0, items: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Base, student and teacher, right on about 40%, 75% and 80%."""
    hard = np.random.default_rng(seed).random((3, items))
    return hard[0] < 0.4, hard[1] < 0.75, hard[2] < 0.8


def of(number: Interval | Undefined) -> Interval:
    assert isinstance(number, Interval)
    return number


def width(number: Interval | Undefined) -> float:
    return of(number).high - of(number).low


def test_right_and_wrong_are_the_scores_one_and_zero():
    base, student, teacher = outcomes()
    floats = [arm.astype(float) for arm in (base, student, teacher)]
    assert proportion(floats[1], 0.95) == proportion(student, 0.95)
    assert difference(floats[1], floats[2], 0.95) == difference(student, teacher, 0.95)
    assert retained(floats[1], floats[2], 0.95) == retained(student, teacher, 0.95)
    assert gap_recovered(floats[1], floats[2], floats[0], 0.95) == gap_recovered(student, teacher, base, 0.95)
    assert paired_p(floats[1], floats[2]) == mcnemar(student, teacher)


@given(GRADES)
@settings(max_examples=60, deadline=None)
def test_an_interval_of_grades_has_a_width_and_holds_its_estimate(pairs):
    one, other = graded(pairs)
    found = [proportion(one, 0.95), difference(one, other, 0.95), retained(one, other, 0.95)]
    for interval in (each for each in found if isinstance(each, Interval)):
        assert interval.low <= interval.value <= interval.high
        assert interval.high - interval.low > 1e-3
    assert found[0].value == pytest.approx(one.mean())


def test_grades_that_spread_less_are_known_better():
    halves, flips = np.full(100, 0.5), np.arange(100) % 2 == 0
    assert 0 < width(proportion(halves, 0.95)) < width(proportion(flips, 0.95))


def test_the_interval_of_many_grades_is_that_of_their_spread():
    scores = np.random.default_rng(0).beta(4, 2, 5_000)
    half = NormalDist().inv_cdf(0.975) * scores.std() / 5_000**0.5
    found = proportion(scores, 0.95)
    assert (found.low, found.high) == pytest.approx((scores.mean() - half, scores.mean() + half), abs=2e-4)


@pytest.mark.parametrize("wrong", [[0.5, 1.5], [0.5, float("nan")], [-0.1, 1.0]])
def test_what_is_no_score_is_refused(wrong):
    with pytest.raises(ValueError, match="from 0 to 1"):
        proportion(np.array(wrong), 0.95)


def test_a_family_for_every_item_is_as_none():
    base, student, teacher = outcomes()
    lone = [f"family {item}" for item in range(200)]
    assert proportion(student, 0.95, lone) == proportion(student, 0.95)
    assert difference(student, teacher, 0.95, lone) == difference(student, teacher, 0.95)
    assert retained(student, teacher, 0.95, lone) == retained(student, teacher, 0.95)
    assert gap_recovered(student, teacher, base, 0.95, lone) == gap_recovered(student, teacher, base, 0.95)
    assert items_needed(student, teacher, 0.9, 0.95, lone) == items_needed(student, teacher, 0.9, 0.95)
    assert smallest_difference(student, teacher, 0.95, families=lone) == smallest_difference(student, teacher, 0.95)
    assert paired_p(student, teacher, lone) == mcnemar(student, teacher)
    assert bootstrap_ratio(student, teacher, 0.95, lone) == bootstrap_ratio(student, teacher, 0.95)


@given(st.integers(0, 1_000))
@settings(max_examples=30, deadline=None)
def test_families_never_make_an_interval_narrower(seed):
    base, student, teacher = outcomes(seed)
    assert width(proportion(student, 0.95, FIVES)) > width(proportion(student, 0.95))
    assert width(difference(student, teacher, 0.95, FIVES)) > width(difference(student, teacher, 0.95))
    assert width(retained(student, teacher, 0.95, FIVES)) > width(retained(student, teacher, 0.95))
    assert width(gap_recovered(student, teacher, base, 0.95, FIVES)) > width(
        gap_recovered(student, teacher, base, 0.95)
    )


def test_items_that_are_copies_count_about_once():
    _, student, teacher = outcomes(items=40)
    copies = difference(np.repeat(student, 5), np.repeat(teacher, 5), 0.95, FIVES)
    once = difference(student, teacher, 0.95)
    assert copies.value == pytest.approx(once.value)
    assert width(once) < width(copies) < 1.1 * width(once)


def test_where_all_agree_each_family_counts_once():
    right = np.ones(200)
    # With t on 39 degrees of freedom, Wilson's lower end after no wrong answer of 40.
    t = stats.t.ppf(0.975, 39)
    assert proportion(right, 0.95, FIVES).low == pytest.approx(40 / (40 + t**2))
    assert of(retained(right, right, 0.95, FIVES)).low == pytest.approx(40 / (40 + t**2))


def test_one_wrong_answer_is_no_proof_that_families_are_unlike():
    # Of the ratio of variances alone these items would count as if each had a family of its own.
    wrong_once = np.arange(200) > 0
    assert width(proportion(wrong_once, 0.95, FIVES)) > 1.4 * width(proportion(wrong_once, 0.95))


def test_one_large_family_counts_for_little_however_many_small_ones_there_are():
    _, student, _ = outcomes()
    large = ["large"] * 150 + [f"small {item}" for item in range(50)]
    assert width(proportion(student, 0.95, large)) > 4 * width(proportion(student, 0.95))


def test_one_family_alone_says_nothing_of_others():
    base, student, teacher = outcomes()
    one = ["the only one"] * 200
    assert (proportion(student, 0.95, one).low, proportion(student, 0.95, one).high) == (0, 1)
    assert (difference(student, teacher, 0.95, one).low, difference(student, teacher, 0.95, one).high) == (-1, 1)
    for number in (retained(student, teacher, 0.95, one), gap_recovered(student, teacher, base, 0.95, one)):
        assert isinstance(number, Undefined)
        assert "one family" in number.why
    assert items_needed(student, teacher, 0.9, 0.95, one) is None
    assert smallest_difference(student, teacher, 0.95, families=one) is None
    assert paired_p(student, ~student, one) == 1
    assert isinstance(bootstrap_ratio(student, teacher, 0.95, one), Undefined)


def test_every_item_has_a_family_or_none_has():
    with pytest.raises(ValueError, match="3 families for 4 items"):
        proportion(np.ones(4), 0.95, ["a", "a", "b"])


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=10))
@settings(max_examples=40, deadline=None)
def test_few_grades_have_the_exact_p_of_all_sign_flips(apart):
    one, other = np.maximum(np.array(apart), 0) / 4 + 0.0, np.maximum(-np.array(apart), 0) / 4
    grades = np.append(one, 0.5), np.append(other, 0.5)
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(apart))).reshape(len(apart), -1)
    sums = abs(np.array(apart) @ signs)
    assert paired_p(*grades) == pytest.approx(np.mean(sums >= abs(sum(apart))))


def test_many_grades_have_the_p_of_scipy():
    random = np.random.default_rng(0)
    one, other = random.integers(0, 5, 80) / 4, random.integers(0, 4, 80) / 4
    found = stats.permutation_test(
        (one, other),
        lambda first, second, axis: np.mean(first - second, axis),
        permutation_type="samples",
        vectorized=True,
        rng=1,
    )
    assert paired_p(one, other) == pytest.approx(found.pvalue, abs=0.01)
    assert paired_p(one, other) == paired_p(one, other)


def test_copies_of_an_item_are_no_evidence():
    one, other = np.repeat([True, True, True, True], 10), np.zeros(40, dtype=bool)
    assert paired_p(one, other) < 1e-10
    # Four families that all say the same: twice one half to the fourth.
    assert paired_p(one, other, [str(item // 10) for item in range(40)]) == pytest.approx(2 * 0.5**4)


def test_holm_raises_the_smallest_most():
    # Holm (1979), Scandinavian Journal of Statistics 6:65-70: the k-th smallest of n times n - k + 1, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_seeds_that_agree_leave_the_interval_over_items():
    items = Interval(0.9, 0.85, 0.93)
    found = over_seeds(items, [0.9, 0.9, 0.9], 0.95)
    assert (found.value, found.low, found.high) == pytest.approx((0.9, 0.85, 0.93))


@given(st.lists(st.floats(0.5, 1.0), min_size=2, max_size=8))
def test_seeds_never_make_an_interval_narrower(estimates):
    items = Interval(0.8, 0.7, 0.85)
    found = over_seeds(items, estimates, 0.95, (0.0, 1.0))
    assert 0 <= found.low <= items.low
    assert items.high <= found.high <= 1


def test_with_items_enough_the_interval_over_seeds_is_students():
    estimates = [0.90, 0.94, 0.95]
    half = stats.t.ppf(0.975, 2) * np.std(estimates, ddof=1) / 3**0.5
    found = over_seeds(Interval(0.93, 0.93, 0.93), estimates, 0.95)
    assert (found.low, found.high) == pytest.approx((0.93 - half, 0.93 + half))


def test_the_spread_of_seeds_and_of_items_add_up_in_quadrature():
    # t of 12.706 times a standard error of 0.01 beside 0.2 and 0.1.
    found = over_seeds(Interval(0.5, 0.3, 0.6), [0.49, 0.51], 0.95)
    half = 0.01 * stats.t.ppf(0.975, 1)
    assert (found.low, found.high) == pytest.approx((0.5 - np.hypot(0.2, half), 0.5 + np.hypot(0.1, half)))


def test_one_seed_says_nothing_of_another():
    with pytest.raises(ValueError, match="two are the least"):
        over_seeds(Interval(0.9, 0.8, 0.95), [0.9], 0.95)


def test_the_bootstrap_is_scipys():
    _, student, teacher = outcomes()
    found = of(bootstrap_ratio(student, teacher, 0.95))
    expected = stats.bootstrap(
        (student.astype(float), teacher.astype(float)),
        lambda one, other, axis: one.sum(axis) / other.sum(axis),
        paired=True, vectorized=True, method="percentile", rng=1,
    ).confidence_interval  # fmt: skip
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.005)
    assert found.value == pytest.approx(student.sum() / teacher.sum())
    by_family = of(
        bootstrap_ratio(np.repeat(student, 3), np.repeat(teacher, 3), 0.95, [str(item // 3) for item in range(600)])
    )
    assert width(by_family) == pytest.approx(width(found), rel=0.05)


def test_a_bootstrap_that_nothing_moves_is_undefined():
    assert isinstance(bootstrap_ratio(np.ones(50), np.ones(50), 0.95), Undefined)
    assert isinstance(bootstrap_ratio(np.ones(50), np.zeros(50), 0.95), Undefined)


def test_the_smallest_difference_is_the_one_that_precision_foretells():
    student, teacher = np.arange(500) < 400, (np.arange(500) >= 50) & (np.arange(500) < 450)
    foretold = precision(500, 0.95, 0.95)
    assert foretold is not None
    assert smallest_difference(student, teacher, 0.95) == pytest.approx(foretold.smallest_difference)


def test_agreement_on_all_items_is_no_proof_of_seeing_everything():
    right = np.ones(100, dtype=bool)
    found = smallest_difference(right, right, 0.95)
    assert found is not None
    assert 0.04 < found < 0.08
    more = smallest_difference(np.ones(1_000), np.ones(1_000), 0.95)
    assert more is not None
    assert 0 < more < found
    assert smallest_difference(right[:3], right[:3], 0.95) is None


def test_items_that_are_alike_find_less():
    _, student, teacher = outcomes(items=40)
    copies = smallest_difference(np.repeat(student, 5), np.repeat(teacher, 5), 0.95, families=FIVES)
    alone = smallest_difference(np.repeat(student, 5), np.repeat(teacher, 5), 0.95)
    assert copies is not None
    assert alone is not None
    assert copies > 1.8 * alone
