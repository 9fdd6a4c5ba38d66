"""CoVaR, marginal expected shortfall, capital shortfall: worked by hand, and intervals that hold the truth."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import levcore as lc
from levcore import quantile_regression
from levcore.systemic import ENOUGH_FOR_A_VARIANCE

NORMAL = NormalDist()
SMALL = st.integers(-3, 3).map(float) | st.floats(-100.0, 100.0).map(lambda x: round(x, 2))


def cost(x, y, q, intercept, slope):
    distance = y - intercept - slope * x
    return float(np.where(distance > 0.0, q * distance, (q - 1.0) * distance).sum())


@given(st.lists(st.tuples(SMALL, SMALL), min_size=2, max_size=20), st.sampled_from([0.1, 0.5, 0.75, 0.95]))
def test_no_line_through_two_points_costs_less_than_the_regression(points, q):
    x, y = np.array(points).T.copy()
    assume(np.ptp(x) > 0.0)
    found = quantile_regression.fit(x, y, q)
    pairs = [(i, (y[i] - y[j]) / (x[i] - x[j])) for i in range(len(x)) for j in range(i) if x[i] != x[j]]
    least = min(cost(x, y, q, y[i] - slope * x[i], slope) for i, slope in pairs)
    assert cost(x, y, q, found.intercept, found.slope) <= least + 1e-9 * (1.0 + abs(least))


def both_ways(x, y, q, monkeypatch):
    """What the regression costs with points left out, and what it costs with all of them."""
    quick = quantile_regression.fit(x, y, q)
    with monkeypatch.context() as whole:
        whole.setattr(quantile_regression, "AT_ONCE", len(x))
        slow = quantile_regression.fit(x, y, q)
    return [cost(x, y, q, line.intercept, line.slope) for line in (quick, slow)]


@pytest.mark.parametrize("q", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("law", ["normal", "heavy", "mostly zero"])
def test_leaving_out_points_far_from_the_line_changes_nothing(law, q, monkeypatch):
    n = 60_000
    random = np.random.default_rng(3)
    x = random.standard_t(2, n) if law == "heavy" else random.standard_normal(n)
    y = 0.7 * x + random.standard_t(2, n) * (1.0 + np.abs(x))
    if law == "mostly zero":
        x, y = np.where(random.random(n) < 0.97, 0.0, x), np.where(random.random(n) < 0.97, 0.0, y)
    quick, whole = both_ways(x, y, q, monkeypatch)
    assert quick == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.1, 0.15, 0.2, 50.0])
@pytest.mark.parametrize("tilt", [0.0, -0.1, 0.3, 50.0])
def test_a_first_line_that_lies_wrong_changes_nothing(shift, tilt, monkeypatch):
    # the points that the first line is drawn through are no fair sample
    x, y = lc.normals(1, 60_000), lc.normals(2, 60_000)
    every = round(len(x) ** (1.0 / 3.0))
    y[::every] += shift + tilt * x[::every]
    quick, whole = both_ways(x, y, 0.7, monkeypatch)
    assert quick == pytest.approx(whole, rel=1e-12)


def test_covar_by_hand():
    # the system is always twice the institution and one: its line is known, whatever the level
    own = np.arange(1.0, 101.0)
    estimate = lc.risk.covar(own, 2.0 * own + 1.0, level=0.95)
    assert estimate.value == pytest.approx(2 * 95.0 + 1.0)
    assert lc.risk.covar(own, 2.0 * own + 1.0, level=0.95, given=0.5).value == pytest.approx(2 * 50.0 + 1.0)
    change = lc.risk.delta_covar(own, 2.0 * own + 1.0, level=0.95)
    assert change.value == pytest.approx(2 * (95.0 - 50.0))
    assert change.low < change.value < change.high  # where the institution's own quantiles lie is not sure


def test_marginal_expected_shortfall_by_hand():
    # the worst 2.5 of ten: the last two rows, and half of the third last
    own, system = np.array([0, 0, 0, 0, 0, 0, 0, 8.0, 1.0, 5.0]), np.arange(10.0)
    assert lc.risk.marginal_expected_shortfall(own, system, level=0.75).value == pytest.approx((5 + 1 + 4) / 2.5)
    # three losses tie for two places: each counts for two thirds
    tied = np.array([0, 0, 0, 0, 0, 0, 0, 2.0, 2.0, 2.0])
    assert lc.risk.marginal_expected_shortfall(own, tied, level=0.8).value == pytest.approx(14.0 / 3.0)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.5, 0.9, 0.97]))
def test_a_system_of_one_institution_has_its_expected_shortfall(seed, level):
    losses = np.round(np.random.default_rng(seed).standard_normal(300), 1)
    alone, part = lc.risk.expected_shortfall(losses, level), lc.risk.marginal_expected_shortfall(losses, losses, level)
    assert part.value == pytest.approx(alone.value, rel=1e-12)
    assert part.low_sample == alone.low_sample


def test_the_interval_of_one_institution_is_that_of_its_expected_shortfall():
    losses = lc.normals(3, 20_000)
    alone, part = lc.risk.expected_shortfall(losses, 0.95), lc.risk.marginal_expected_shortfall(losses, losses, 0.95)
    assert part.high - part.value == pytest.approx(alone.high - alone.value, rel=0.02)


def truths(level, rho, sd):
    z, residual = NORMAL.inv_cdf(level), math.sqrt(1.0 - rho * rho)
    return {
        "covar": sd * (rho + residual) * z,
        "ordinary": sd * residual * z,
        "delta": sd * rho * z,
        "marginal": rho * NORMAL.pdf(z) / (1.0 - level),
    }


def held(level, rho, sd, *, n, repetitions):
    """How often each interval holds the truth of normal losses."""
    expected, hits = truths(level, rho, sd), dict.fromkeys(truths(level, rho, sd), 0)
    for seed in range(repetitions):
        own = lc.normals(2 * seed, n)
        system = sd * (rho * own + math.sqrt(1.0 - rho * rho) * lc.normals(2 * seed + 1, n))
        found = {
            "covar": lc.risk.covar(own, system, level),
            "ordinary": lc.risk.covar(own, system, level, given=0.5),
            "delta": lc.risk.delta_covar(own, system, level),
            "marginal": lc.risk.marginal_expected_shortfall(own, system, level),
        }
        for name, estimate in found.items():
            hits[name] += estimate.low <= expected[name] <= estimate.high
    return {name: hit / repetitions for name, hit in hits.items()}


@pytest.mark.parametrize(("level", "rho", "sd"), [(0.95, 0.6, 2.0), (0.9, -0.3, 1.0)])
def test_intervals_of_systemic_measures_hold_the_truth_as_often_as_they_say(level, rho, sd):
    for name, share in held(level, rho, sd, n=4_000, repetitions=600).items():
        assert 0.92 < share < 0.98, name


def test_an_institution_that_makes_the_system_wilder_has_an_interval_that_holds_the_truth():
    # exponential losses x; the system's are normal with standard deviation 1 + x: its quantiles are lines in x
    level, repetitions = 0.9, 600
    z, at = NORMAL.inv_cdf(level), -math.log(1.0 - level)
    truth = {"covar": z * (1.0 + at), "low": z * (1.0 - math.log(0.9)), "delta": z * (at - math.log(2.0))}
    hits = dict.fromkeys(truth, 0)
    for seed in range(repetitions):
        own = np.random.default_rng(seed).exponential(size=4_000)
        system = (1.0 + own) * lc.normals(seed, 4_000)
        found = {
            "covar": lc.risk.covar(own, system, level),
            "low": lc.risk.covar(own, system, level, given=0.1),
            "delta": lc.risk.delta_covar(own, system, level),
        }
        for name, estimate in found.items():
            hits[name] += estimate.low <= truth[name] <= estimate.high
    for name, hit in hits.items():
        assert 0.92 < hit / repetitions < 0.98, name


def test_the_interval_of_many_samples_is_that_of_all_of_them(monkeypatch):
    n = 8 * ENOUGH_FOR_A_VARIANCE
    own = lc.normals(1, n)
    system = own + lc.normals(2, n)
    quick = lc.risk.delta_covar(own, system, level=0.95)
    monkeypatch.setattr("levcore.systemic.ENOUGH_FOR_A_VARIANCE", n)
    whole = lc.risk.delta_covar(own, system, level=0.95)
    assert quick.value == whole.value
    assert quick.high - quick.value == pytest.approx(whole.high - whole.value, rel=0.1)


def test_few_samples_beyond_a_level_of_a_system_or_an_institution_are_said():
    own, system = lc.normals(5, (2, 4_000))
    for measure in (lc.risk.covar, lc.risk.delta_covar, lc.risk.marginal_expected_shortfall):
        assert not measure(own, system, 0.95).low_sample
        assert measure(own[1:], system[1:], 0.95).low_sample
    assert lc.risk.covar(own, system, 0.95, given=0.96).low_sample
    assert lc.risk.covar(own, system, 0.95, given=0.04).low_sample
    assert not lc.risk.covar(own, system, 0.95, given=0.5).low_sample


def test_losses_that_are_mostly_zero_have_a_covar():
    random = np.random.default_rng(4)
    own = np.where(random.random(5_000) < 0.97, 0.0, random.pareto(3.0, 5_000))
    system = own + np.where(random.random(5_000) < 0.97, 0.0, random.pareto(3.0, 5_000))
    for level in (0.9, 0.95, 0.99):
        for estimate in (lc.risk.covar(own, system, level), lc.risk.delta_covar(own, system, level)):
            assert math.isfinite(estimate.value)
            assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize("kind", ["plain", "tied", "nothing", "far apart"])
def test_the_fewest_samples_have_measures_with_intervals(kind):
    random = np.random.default_rng(0)
    for n in (*range(2, 30), 100):
        for level in (0.05, 0.5, 0.6, 0.9, 0.95):
            own, system = random.standard_normal((2, n))
            if kind == "tied":
                own, system = np.round(own), np.round(system)
            elif kind == "nothing":
                system = np.zeros(n)
            elif kind == "far apart":
                own, system = 1e80 * own, 1e-80 * system
            if n * (1.0 - level) < 1.0 or np.ptp(own) == 0.0:
                continue
            for measure in (lc.risk.covar, lc.risk.delta_covar, lc.risk.marginal_expected_shortfall):
                estimate = measure(own, system, level)
                assert math.isfinite(estimate.value)
                assert estimate.low <= estimate.value <= estimate.high
                assert estimate.low_sample


def test_a_capital_shortfall_carries_the_interval_of_its_shortfall_over():
    daily = lc.Estimate(0.03, 0.02, 0.04, 0.9, 500, True)
    short = lc.risk.capital_shortfall(daily, debt=90.0, equity=10.0)
    ends = [
        lc.risk.capital_shortfall(end, debt=90.0, equity=10.0).value for end in (daily.low, daily.value, daily.high)
    ]
    assert [short.low, short.value, short.high] == ends
    assert ends == sorted(ends)
    assert (short.confidence, short.n, short.low_sample) == (0.9, 500, True)
    assert lc.risk.long_run_marginal_expected_shortfall(lc.risk.mean([0.01])).low == -math.inf


@pytest.mark.parametrize(
    ("call", "error", "rule"),
    [
        (lambda: lc.risk.covar([], [1.0]), lc.InputError, "institution must not be empty"),
        (lambda: lc.risk.covar([1.0, math.nan], [1.0, 2.0]), lc.InputError, r"institution\[1\] must be finite"),
        (lambda: lc.risk.covar([1.0, 2.0], [1.0, math.inf]), lc.InputError, r"system\[1\] must be finite"),
        (lambda: lc.risk.covar([1.0, 2.0], [1.0]), lc.InputError, "institution had 2 rows, system had 1"),
        (lambda: lc.risk.covar([1.0] * 200, range(200)), lc.InputError, r"not be the same in all samples, was 1\.0"),
        (lambda: lc.risk.covar([0.0, 1e91] * 100, range(200)), lc.InputError, r"institution\[1\] must be <= 1e\+90"),
        (lambda: lc.risk.covar(range(99), range(99)), lc.InputError, "system must have at least 100 rows, .* had 99"),
        (lambda: lc.risk.covar(range(9), range(9), 1.0), lc.InputError, "level must be < 1"),
        (lambda: lc.risk.covar(range(9), range(9), 0.5, given=0.0), lc.InputError, "given must be > 0"),
        (lambda: lc.risk.covar(range(9), range(9), 0.5, given=0.9), lc.InputError, "institution .* at least 10 rows"),
        (lambda: lc.risk.delta_covar(range(9), range(9), 0.5, 2.0), lc.InputError, "confidence must be < 1"),
        (lambda: lc.risk.delta_covar("ab", [1.0, 2.0]), lc.KindError, "institution must be an array of numbers"),
        (lambda: lc.risk.marginal_expected_shortfall([1.0], [1.0, 2.0]), lc.InputError, "institution had 1 rows"),
        (lambda: lc.risk.marginal_expected_shortfall([1.0], [2.0]), lc.InputError, "system must have at least 100"),
        (lambda: lc.risk.capital_shortfall("1%", debt=1.0, equity=1.0), lc.KindError, "an Estimate or a number"),
        (lambda: lc.risk.capital_shortfall(math.nan, debt=1.0, equity=1.0), lc.InputError, "must be finite, was nan"),
        (lambda: lc.risk.capital_shortfall(0.1, debt=-1.0, equity=1.0), lc.InputError, "debt must be >= 0"),
        (lambda: lc.risk.capital_shortfall(0.1, debt=1.0, equity=-2.0), lc.InputError, "equity must be >= 0"),
        (
            lambda: lc.risk.capital_shortfall(0.1, debt=1.0, equity=1.0, capital_ratio=8.0),
            lc.InputError,
            "capital_ratio must be < 1",
        ),
    ],
)
def test_wrong_losses_of_a_system_are_refused_by_name(call, error, rule):
    with pytest.raises(error, match=rule):
        call()
