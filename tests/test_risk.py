"""Risk measures: worked by hand, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import levcore as lc
from levcore.estimates import binomial_cdf as at_most
from levcore.estimates import in_order

NORMAL = NormalDist()


def binomial_cdf(n: int, p: float, k: int) -> float:
    return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


def test_the_binomial_probabilities_are_those_of_the_sum():
    for n, p in ((1, 0.5), (20, 0.05), (60, 0.99)):
        expected = [binomial_cdf(n, p, k) for k in range(n + 1)]
        first, probabilities = at_most(n, p)
        assert first == 0
        assert probabilities == pytest.approx(expected, rel=1e-11, abs=1e-15)


def test_the_binomial_probabilities_of_many_are_those_of_the_normal_law_with_its_skewness():
    # Edgeworth's second term; the next is of the order of 1/n
    n, p = 10**6, 0.99
    first, probabilities = at_most(n, p)
    assert first > 0
    assert len(probabilities) < 10_000
    sigma = math.sqrt(n * p * (1 - p))
    for k in (989_700, 989_900, 990_000, 990_150):
        x = (k + 0.5 - n * p) / sigma
        expected = NORMAL.cdf(x) - NORMAL.pdf(x) * (1 - 2 * p) / sigma * (x * x - 1) / 6
        assert probabilities[k - first] == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("places", [[0], [99_999], [3, 3, 50_000], [40_000, 99_990, 99_999], [60_000, 99_000, 99_000]])
@pytest.mark.parametrize("ties", [False, True])
def test_samples_in_order_at_some_places_are_as_if_sorted_there(places, ties):
    samples = lc.normals(9, 100_000)
    if ties:
        samples = np.maximum(samples, 1.0)
    before = samples.copy()
    ordered, wanted = in_order(samples, places), np.sort(samples)
    assert ordered[places].tolist() == wanted[places].tolist()
    assert np.sort(ordered[places[-1] :]).tolist() == wanted[places[-1] :].tolist()
    np.testing.assert_array_equal(samples, before)


def chance_of_the_var_interval(n: int, level: float, confidence: float = 0.95) -> float:
    """How probable it is that the interval holds the truth, whatever the distribution, if it has no jumps."""
    cdf = at_most(n, level)[1]
    missed = (1 - confidence) / 2
    low = int(np.searchsorted(cdf, missed, side="right")) - 1
    high = int(np.searchsorted(cdf, 1 - missed, side="left"))
    # From the sorted sample low to the sorted sample high, counted from 0: the truth lies between them where at least
    # low + 1 and at most high samples lie at or below it.
    return float(cdf[high] - cdf[low])


def test_value_at_risk_and_its_interval_by_hand():
    # Of 100 samples B(100, 0.9) lie at or below the 90 % quantile: P(B <= 83) = 0.0206, P(B <= 84) = 0.0399,
    # P(B <= 95) = 0.9763: the interval is from the 84th to the 96th smallest.
    estimate = lc.risk.value_at_risk(np.arange(100, 0, -1), level=0.9)
    assert (estimate.value, estimate.low, estimate.high) == (90.0, 84.0, 96.0)
    assert estimate.low_sample


def test_two_hundred_samples_in_the_tail_are_enough_whatever_the_rounding():
    # (1 - 0.9)*2000 is 199.99999999999994 in floating point.
    losses = lc.normals(1, 2_000)
    assert not lc.risk.value_at_risk(losses, level=0.9).low_sample
    assert not lc.risk.expected_shortfall(losses, level=0.9).low_sample
    assert lc.risk.value_at_risk(losses[1:], level=0.9).low_sample


def test_expected_shortfall_counts_a_sample_in_part():
    # The worst 2.5 of ten: 10, 9 and half of 8.
    estimate = lc.risk.expected_shortfall(np.arange(1, 11), level=0.75)
    assert estimate.value == pytest.approx((10 + 9 + 4) / 2.5)


def test_a_probability_has_wilsons_interval():
    # Wilson's interval of 5 in 50 at 95 %: 0.0435 to 0.2136.
    estimate = lc.risk.probability(np.arange(50) < 5)
    assert estimate.value == 0.1
    assert (estimate.low, estimate.high) == pytest.approx((0.0435, 0.2136), abs=1e-4)
    never = lc.risk.probability(np.zeros(1_000, dtype=bool))
    assert never.low == never.value == 0.0
    assert 0.0 < never.high < 0.005


def test_intervals_hold_the_truth_as_often_as_they_say():
    repetitions, n, level = 2_000, 10_000, 0.95
    var = NORMAL.inv_cdf(level)
    shortfall = NORMAL.pdf(var) / (1 - level)
    hit = {"var": 0, "shortfall": 0, "mean": 0}
    for seed in range(repetitions):
        losses = lc.normals(seed, n)
        for name, truth, estimate in (
            ("var", var, lc.risk.value_at_risk(losses, level)),
            ("shortfall", shortfall, lc.risk.expected_shortfall(losses, level)),
            ("mean", 0.0, lc.risk.mean(losses)),
        ):
            hit[name] += estimate.low <= truth <= estimate.high
    for name, expected in (("var", chance_of_the_var_interval(n, level)), ("shortfall", 0.95), ("mean", 0.95)):
        error = 4 * math.sqrt(expected * (1 - expected) / repetitions)
        assert abs(hit[name] / repetitions - expected) < error, name


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=300), st.floats(0.01, 0.99))
def test_a_shortfall_lies_between_its_value_at_risk_and_the_worst_loss(losses, level):
    assume(len(losses) * (1 - level) >= 1)
    var, shortfall = lc.risk.value_at_risk(losses, level), lc.risk.expected_shortfall(losses, level)
    assert var.value <= shortfall.value <= max(losses)
    assert var.low <= var.value <= var.high
    assert min(losses) <= shortfall.low <= shortfall.value <= shortfall.high < math.inf


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.9, 0.97, 0.99]))
def test_the_order_of_the_losses_is_no_matter(seed, level):
    rng = np.random.default_rng(seed)
    losses = np.round(rng.standard_normal(300), 2)
    for measure in (lc.risk.value_at_risk, lc.risk.expected_shortfall):
        assert measure(losses, level) == measure(rng.permutation(losses), level)


@pytest.mark.parametrize(("level", "needed"), [(0.5, 2), (0.9, 10), (0.95, 20), (0.99, 100), (0.999, 1_000)])
def test_a_level_that_no_loss_lies_beyond_is_refused_with_the_number_it_needs(level, needed):
    for measure in (lc.risk.value_at_risk, lc.risk.expected_shortfall):
        with pytest.raises(lc.InputError, match=f"losses must have at least {needed:,} rows, .* had {needed - 1:,}$"):
            measure(np.arange(needed - 1), level)
        assert measure(np.arange(needed), level).low_sample
    assert lc.risk.expected_shortfall(np.arange(needed), level).value == needed - 1


def test_one_loss_has_no_tail():
    with pytest.raises(lc.InputError, match=r"losses must have at least 2 rows, .* had 1"):
        lc.risk.value_at_risk([3.0], 0.5)
    assert lc.risk.quantile([3.0], 0.5).value == 3.0


def test_losses_that_are_mostly_zero_have_a_finite_shortfall_and_no_negative_one():
    # the worst hundredth of 10,000: 30 losses of 1 and one of 100, the rest nothing
    losses = np.zeros(10_000)
    losses[17:47] = 1.0
    losses[4_000] = 100.0
    var, shortfall = lc.risk.value_at_risk(losses), lc.risk.expected_shortfall(losses)
    assert (var.value, var.low, var.high) == (0.0, 0.0, 0.0)
    assert shortfall.value == pytest.approx(1.3)
    # by hand: the squared deviations of 100 numbers, and 0.99*1.3^2 for where the tail begins
    variance = (69 * 1.3**2 + 30 * 0.3**2 + 98.7**2) / 99 + 0.99 * 1.3**2
    assert shortfall.high == pytest.approx(1.3 + 1.959964 * math.sqrt(variance / 100))
    assert shortfall.low == 0.0
    nothing = lc.risk.expected_shortfall(np.zeros(1_000))
    assert (nothing.value, nothing.low, nothing.high) == (0.0, 0.0, 0.0)


def test_few_samples_in_the_tail_are_said():
    losses = lc.normals(1, 30_000)
    assert not lc.risk.value_at_risk(losses, 0.99).low_sample
    assert not lc.risk.expected_shortfall(losses, 0.99).low_sample
    assert lc.risk.value_at_risk(losses, 0.999).low_sample
    assert lc.risk.expected_shortfall(losses, 0.999).low_sample
    assert "low sample" in repr(lc.risk.expected_shortfall(losses, 0.999))
    for level, enough in ((0.9, 2_000), (0.95, 4_000), (0.99, 20_000)):
        for measure in (lc.risk.value_at_risk, lc.risk.expected_shortfall):
            assert not measure(losses[:enough], level).low_sample
            assert measure(losses[: enough - 1], level).low_sample


def test_equal_losses_are_sure():
    for loss in (5.0, 0.1, -0.7, 1e300):
        for n, level in ((500, 0.99), (123, 0.95), (7, 0.3)):
            for measure in (lc.risk.value_at_risk, lc.risk.expected_shortfall):
                estimate = measure([loss] * n, level)
                assert (estimate.value, estimate.low, estimate.high) == (loss, loss, loss)


@pytest.mark.parametrize(
    ("call", "error", "rule"),
    [
        (lambda: lc.risk.mean([]), lc.InputError, "values must not be empty"),
        (lambda: lc.risk.value_at_risk([1.0, math.nan]), lc.InputError, r"losses\[1\] must be finite, was nan"),
        (lambda: lc.risk.expected_shortfall([0.0, -math.inf]), lc.InputError, r"losses\[1\] must be finite, was -inf"),
        (lambda: lc.risk.value_at_risk([1.0], level=1.0), lc.InputError, "level must be < 1"),
        (lambda: lc.risk.expected_shortfall([1.0], level=0.0), lc.InputError, "level must be > 0"),
        (lambda: lc.risk.quantile([1.0], 2.0), lc.InputError, "q must be < 1"),
        (lambda: lc.risk.mean([1.0], confidence=95), lc.InputError, "confidence must be < 1"),
        (lambda: lc.risk.mean(["a"]), lc.KindError, "values must be an array"),
        (lambda: lc.risk.probability([0.1]), lc.KindError, "events must be an array of True and False"),
        (lambda: lc.risk.probability(np.zeros(0, dtype=bool)), lc.InputError, "n >= 1"),
    ],
)
def test_wrong_samples_and_levels_are_refused_by_name(call, error, rule):
    with pytest.raises(error, match=rule):
        call()


def test_a_value_at_risk_rests_on_the_losses_beyond_its_level():
    losses = np.arange(500.0)
    assert not lc.risk.value_at_risk(losses, level=0.3).low_sample  # 350 beyond
    assert lc.risk.value_at_risk(losses, level=0.7).low_sample  # 150 beyond
    assert lc.risk.quantile(losses, 0.3).low_sample  # 150 below
