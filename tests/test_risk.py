"""Risk measures: worked by hand, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import levcore as lc
from levcore import risk

NORMAL = NormalDist()


def binomial_cdf(n: int, p: float, k: int) -> float:
    return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


def test_the_binomial_probabilities_are_those_of_the_sum():
    for n, p in ((1, 0.5), (20, 0.05), (60, 0.99)):
        expected = [binomial_cdf(n, p, k) for k in range(n + 1)]
        assert risk._binomial_cdf(n, p) == pytest.approx(expected, rel=1e-11, abs=1e-15)


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
    cdf = risk._binomial_cdf(n, level)
    low = int(np.searchsorted(cdf, 0.025, side="right")) - 1
    high = int(np.searchsorted(cdf, 0.975, side="left"))
    # The truth lies in [low-th, high-th] (from 0) where at least low + 1 and at most high samples lie at or below it.
    exact = float(cdf[high] - cdf[low])
    for name, expected in (("var", exact), ("shortfall", 0.95), ("mean", 0.95)):
        error = 4 * math.sqrt(expected * (1 - expected) / repetitions)
        assert abs(hit[name] / repetitions - expected) < error, name


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.floats(0.01, 0.99))
def test_a_shortfall_is_never_below_its_value_at_risk(losses, level):
    var, shortfall = lc.risk.value_at_risk(losses, level), lc.risk.expected_shortfall(losses, level)
    assert shortfall.value >= var.value - 1e-9 * max(1.0, abs(var.value))
    assert var.low <= var.value <= var.high
    assert shortfall.value <= max(losses) + 1e-9 * max(1.0, abs(max(losses)))


def test_few_samples_in_the_tail_are_said():
    losses = lc.normals(1, 30_000)
    assert not lc.risk.value_at_risk(losses, 0.99).low_sample
    assert not lc.risk.expected_shortfall(losses, 0.99).low_sample
    assert lc.risk.value_at_risk(losses, 0.999).low_sample
    assert lc.risk.expected_shortfall(losses, 0.999).low_sample
    assert "low sample" in repr(lc.risk.expected_shortfall(losses, 0.999))


def test_equal_losses_are_sure():
    for estimate in (lc.risk.value_at_risk([5.0] * 500), lc.risk.expected_shortfall([5.0] * 500)):
        assert (estimate.value, estimate.low, estimate.high) == (5.0, 5.0, 5.0)


@pytest.mark.parametrize(
    ("call", "error", "rule"),
    [
        (lambda: lc.risk.mean([]), lc.InputError, "values must not be empty"),
        (lambda: lc.risk.value_at_risk([1.0, math.nan]), lc.InputError, r"losses\[1\] must be finite, was nan"),
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
