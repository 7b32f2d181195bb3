"""Forecasts: ranges are in order, more is never cheaper, the bound is one, and the stated range holds the truth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from potstill.bench.plan_coverage import claims
from potstill.eval.precision import DISCORDANT, POWER, precision
from potstill.eval.statistics import mcnemar, retained
from potstill.ledger.prices import Usage, stated
from potstill.planning.caps import Caps
from potstill.planning.extrapolate import Sample, Target, kept_share, quotient, total
from potstill.planning.forecast import Forecast, at_most, counted, forecast, paced
from potstill.planning.range import NOTHING, Range
from potstill.planning.sizes import Size, tokens_of
from potstill.recipe import Price
from potstill.store.wilson import wilson
from potstill.teacher.traffic.stated import Permitted

TARIFF = stated(Price(input=2.0, output=8.0), "stated in the test")
CAPS = Caps(first=200, second=400, complaint=1024)


def size(body: int, reference: int | None, draws: int) -> Size:
    told = None if reference is None else tokens_of("a" * reference)
    return Size(body, tokens_of("a" * body), told, draws)


SIZES = st.lists(
    st.builds(size, st.integers(10, 9_000), st.none() | st.integers(0, 5_000), st.integers(0, 5)), max_size=12
)
NUMBERS: tuple[Callable[[Forecast], Range], ...] = (
    lambda one: one.requests,
    lambda one: one.input_tokens,
    lambda one: one.output_tokens,
    lambda one: one.usd,
)


@given(SIZES)
def test_low_is_never_above_likely_nor_likely_above_high_nor_high_dollars_above_the_bound(sizes: list[Size]) -> None:
    found = forecast(sizes, CAPS, TARIFF)
    for number in NUMBERS:
        assert number(found).low <= number(found).likely <= number(found).high
    assert found.usd.high <= found.most.usd
    assert found.output_tokens.high <= found.most.output_tokens


@given(SIZES, st.integers(10, 9_000), st.integers(1, 5))
def test_one_more_prompt_never_costs_less(sizes: list[Size], body: int, draws: int) -> None:
    # Without a reference of its own it is taken to be like the others: the mean does not move.
    before = forecast(sizes, CAPS, TARIFF)
    after = forecast([*sizes, size(body, None, draws)], CAPS, TARIFF)
    for number in NUMBERS:
        assert number(after).low >= number(before).low - 1e-9
        assert number(after).high >= number(before).high - 1e-9
    assert after.most.usd > before.most.usd


@given(SIZES)
def test_one_more_draw_never_costs_less(sizes: list[Size]) -> None:
    asked = [one for one in sizes if one.draws]
    before, after = (
        forecast(some, CAPS, TARIFF) for some in (asked, [replace(one, fresh=one.draws + 1) for one in asked])
    )
    assert after.most.output_tokens >= before.most.output_tokens
    for number in NUMBERS:
        assert number(after).likely >= number(before).likely - 1e-9


def test_what_the_ledger_has_costs_nothing() -> None:
    found = forecast([size(1_000, 100, 0)] * 5, CAPS, TARIFF)
    assert (found.prompts, found.usd.high, found.most.usd) == (0, 0.0, 0.0)


@given(SIZES, st.randoms(use_true_random=False))
def test_the_bound_holds_whatever_is_asked_and_answered(sizes: list[Size], random) -> None:
    usd = 0.0
    for one in sizes:
        for _ in range(one.draws):
            prompt = random.randint(1, one.body)
            usd += TARIFF(Usage(prompt, random.randint(0, CAPS.first)))
            if random.random() < 0.5:  # cut off: asked again under the larger cap
                usd += TARIFF(Usage(prompt, last := random.randint(0, 2 * CAPS.first)))
                usd += TARIFF(Usage(prompt + last + random.randint(0, 1024), random.randint(0, 2 * CAPS.first)))
    assert usd <= at_most(sizes, CAPS, TARIFF).usd + 1e-12


def test_without_references_the_high_end_is_every_answer_at_its_cap() -> None:
    found = forecast([size(500, None, 3)] * 7, CAPS, TARIFF)
    assert found.output_tokens.high == 7 * 3 * CAPS.first


def test_with_references_the_likely_answers_are_as_long_as_they_are() -> None:
    found = forecast([size(500, 400, 2)] * 10, CAPS, TARIFF)
    assert found.output_tokens.likely == pytest.approx(10 * 2 * 400 / 4)


def test_draws_share_their_input_at_low_and_likely_cost_and_pay_it_each_at_high_cost() -> None:
    one, four = (forecast([size(800, None, draws)], CAPS, TARIFF) for draws in (1, 4))
    assert four.input_tokens.likely == one.input_tokens.likely
    assert four.input_tokens.high == 4 * one.input_tokens.high


def test_chinese_may_take_more_tokens_a_byte_than_english() -> None:
    english, chinese = tokens_of("a" * 300), tokens_of("人" * 100)
    assert chinese.high > english.high
    assert chinese.likely == english.likely


def test_the_slower_of_two_limits_is_the_time() -> None:
    requests, tokens = Range(10, 60, 120), Range(1_000, 10_000, 600_000)
    assert paced(requests, tokens, Permitted()) == NOTHING
    assert paced(requests, tokens, Permitted(60, 60_000)) == Range(10, 60, 600)
    assert paced(requests, tokens, Permitted(60)) == requests
    assert Permitted(60).lower(Permitted(90, 60_000)) == Permitted(60, 60_000)


def test_where_output_caps_count_a_limit_of_tokens_is_reached_sooner() -> None:
    sizes = [Size(400, Range(80, 100, 130), None, fresh=2), Size(400, Range(80, 100, 130), None, fresh=0)]
    used, caps = Range(100, 300, 3_000), Caps(1_000, None, None)
    assert counted(sizes, caps, used, counts_caps=None) == used
    assert counted(sizes, caps, used, counts_caps=True) == Range(2_100, 2_100, 3_000)


def sample(random: np.random.Generator, prompts: int, draws: int = 1) -> Sample:
    bodies = random.lognormal(6, 0.5, prompts)
    return Sample(bodies, bodies / 4, random.lognormal(5, 0.6, (prompts, draws)))


def target(prompts: int, draws: int = 1) -> Target:
    return Target(np.full(prompts, 500.0), np.ones(prompts), np.full(prompts, float(draws)))


def test_what_the_sizes_tell_for_certain_has_no_width() -> None:
    bodies = np.linspace(100, 900, 20)
    found = total(Sample(bodies, bodies / 4, np.zeros((20, 1))), target(1_000))
    assert (found.low, found.high) == pytest.approx((found.likely, found.likely))
    assert found.likely == pytest.approx(1_000 * 500 / 4)


@given(st.integers(8, 50), st.floats(0, 1), st.integers(1, 60), st.integers(60, 4_000))
def test_prompts_that_are_all_alike_do_not_tell_of_a_share_of_three_by_n(
    count: int, part: float, answer: int, most: int
) -> None:
    bodies = np.linspace(100, 900, count)
    flat = Sample(bodies, np.zeros(count), np.full((count, 1), float(answer)))
    others = part * 3 / count
    found = total(flat, target(1_000), 1_000 * most)
    assert found.low <= 1_000 * (1 - others) * answer + 1e-6
    assert found.high >= 1_000 * ((1 - others) * answer + others * most) - 1e-6
    assert found.low < found.likely == pytest.approx(1_000 * answer)


def test_the_same_pilot_tells_the_same() -> None:
    found = [total(sample(np.random.default_rng(3), 30), target(500)) for _ in range(2)]
    assert found[0] == found[1]


def test_nothing_left_costs_nothing() -> None:
    assert total(sample(np.random.default_rng(3), 30), target(0)) == Range(0, 0, 0)


@given(st.integers(0, 10_000), st.integers(8, 50), st.sampled_from([1, 4]))
def test_a_larger_target_costs_more_and_is_relatively_no_less_certain(seed: int, prompts: int, draws: int) -> None:
    pilot = sample(np.random.default_rng(seed), prompts, draws)
    small, large = total(pilot, target(100, draws)), total(pilot, target(10_000, draws))
    assert 0 < small.low <= small.likely <= small.high
    assert large.likely > small.likely
    assert large.high / large.low <= small.high / small.low


def test_the_stated_range_holds_the_truth_and_is_narrow() -> None:
    assert all(claim.holds for claim in claims(quick=True)), claims(quick=True)


@pytest.mark.parametrize(("mean", "alike", "draws"), [(0.3, 0.5, 4), (0.7, 5.0, 1), (0.95, 5.0, 4)])
def test_the_share_kept_holds_the_truth(mean: float, alike: float, draws: int) -> None:
    random = np.random.default_rng(5)
    held = 0
    for _ in range(300):
        kept = random.binomial(draws, random.beta(mean * alike, (1 - mean) * alike, 400))
        found = kept_share([int(one) for one in kept[:30]], draws, 400)
        held += found.low <= kept.mean() / draws <= found.high
    assert held >= 0.9 * 300


def test_a_pilot_that_keeps_everything_does_not_promise_everything() -> None:
    found = kept_share([2] * 20, 2, 1_000)
    assert found.likely == 1
    assert found.low < 0.9


def test_a_quotient_of_nothing_kept_is_none_and_one_that_may_be_nothing_has_no_bound() -> None:
    cost = Range(1, 2, 4)
    assert quotient(cost, Range(0, 0, 5)) is None
    unsure = quotient(cost, Range(0, 10, 20))
    assert unsure is not None
    assert unsure.high == float("inf")
    sure = quotient(cost, Range.exactly(10))
    assert sure is not None
    assert (sure.low, sure.likely, sure.high) == pytest.approx((0.1, 0.2, 0.4))


@given(st.integers(1, 400), st.data())
def test_wilson_is_the_interval_that_the_scorecard_prints(count: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, count))
    known = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson(right / count, count, 0.95) == pytest.approx((known.low, known.high), abs=1e-9)


def test_the_smallest_difference_is_found_as_often_as_is_said() -> None:
    found = precision(400, 0.95, 0.95)
    assert found is not None
    assert found.smallest_difference is not None
    random, tries = np.random.default_rng(0), 400
    cells = [(DISCORDANT + sign * found.smallest_difference) / 2 for sign in (1, -1)]
    hits = 0
    for ahead, behind, _ in random.multinomial(400, [*cells, 1 - DISCORDANT], tries):
        one = np.repeat([True, False, True], [ahead, behind, 400 - ahead - behind])
        other = np.repeat([False, True, True], [ahead, behind, 400 - ahead - behind])
        hits += mcnemar(one, other) < 0.05
    assert hits / tries == pytest.approx(POWER, abs=0.07)


def test_an_equal_student_passes_the_bar_from_the_prompts_that_are_said() -> None:
    found = precision(200, 0.95, 0.95)
    assert found is not None
    assert found.equal_student_needs is not None
    tenth = found.equal_student_needs // 10
    teacher = np.repeat([True, True, False, False], [7 * tenth, tenth, tenth, tenth])
    student = np.repeat([True, False, True, False], [7 * tenth, tenth, tenth, tenth])
    kept = retained(student, teacher, 0.95)
    assert getattr(kept, "low", None) == pytest.approx(0.95, abs=0.003)


def test_an_equal_student_never_passes_a_bar_above_the_teacher() -> None:
    found = precision(1_000, 0.95, 1.0)
    assert found is not None
    assert found.equal_student_needs is None


def test_no_reference_buys_no_interval() -> None:
    assert precision(0, 0.95, 0.95) is None
