"""Variance reduction: each way agrees with plain Monte Carlo, says rightly how sure it is, and is surer."""

from __future__ import annotations

import dataclasses
import math
from datetime import timedelta
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import levcore as lc
import making
from levcore import command_tables, grouped, report_numbers
from levcore import variance_reduction as reduction
from levcore.display import money
from test_processes import CORRELATION, DAY, HOUR
from test_processes import market as deep_market
from test_simulate import crowd

PROCESS = lc.GBM(volatility=0.8)
MEASURES = ("liquidated_notional_long", "liquidated_notional", "bad_debt")
SEEDS, PATHS = 50, 256


def market() -> lc.Market:
    return making.market(impact=lc.LinearImpact(depth=3_000.0))


@cache
def simulated(of: lc.Market, seed: int, paths: int = PATHS, process: lc.GBM = PROCESS, **options: Any) -> lc.Runs:
    ready = _ready(of)
    return lc.simulate(ready, process, paths=paths, steps=24, step=timedelta(hours=12), seed=seed, **options)


@cache
def _ready(of: lc.Market) -> Any:
    return lc.prepare(crowd(), of)


@cache
def truth(measure: str) -> lc.Estimate:
    """Plain Monte Carlo of many paths, of a seed that no test uses."""
    return lc.risk.mean(getattr(simulated(market(), 9_999, 60_000), measure))


def error_of(one: lc.Estimate, reach: float = 1.959964) -> float:
    return (one.high - one.low) / 2.0 / reach


# --- Without bias, and as sure as it says -----------------------------------------------------------------------------


def by_pairs(measure: str, seed: int) -> lc.Estimate:
    runs = simulated(market(), seed, sampling="antithetic")
    return reduction.mean(getattr(runs, measure), together=runs.together)


def by_sobol(measure: str, seed: int) -> lc.Estimate:
    runs = simulated(market(), seed, sampling="sobol")
    return reduction.mean(getattr(runs, measure), together=runs.together)


def by_control(measure: str, seed: int) -> lc.Estimate:
    quiet = simulated(reduction.without_impact(market()), seed, 8 * PATHS)
    return reduction.control_variate(getattr(simulated(market(), seed), measure), getattr(quiet, measure))


LEAN = reduction.leaning(PROCESS, market(), {"X": -0.08}, 12 * DAY)


def by_leaning(measure: str, seed: int) -> lc.Estimate:
    runs = simulated(market(), seed, process=LEAN)
    return reduction.mean(getattr(runs, measure), weights=reduction.likelihood_ratio(runs, PROCESS))


WAYS = {"antithetic": by_pairs, "sobol": by_sobol, "control": by_control, "leaning": by_leaning}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("way", WAYS)
def test_its_mean_over_seeds_is_that_of_plain_monte_carlo_and_its_intervals_hold_it(way, measure):
    found, plain = [WAYS[way](measure, seed) for seed in range(SEEDS)], truth(measure)
    values = np.array([one.value for one in found])
    apart = values.mean() - plain.value
    assert abs(apart) < 4 * math.hypot(values.std(ddof=1) / math.sqrt(SEEDS), error_of(plain))
    said = math.sqrt(np.mean([error_of(one, 2.13 if way == "sobol" else 1.96) ** 2 for one in found]))
    assert said == pytest.approx(values.std(ddof=1), rel=0.35)  # what it says of itself is what it does
    held = np.mean([one.low <= plain.value <= one.high for one in found])
    assert held >= 0.85


@pytest.mark.parametrize(("way", "least"), [("antithetic", 1.8), ("sobol", 1.5), ("control", 1.4)])
def test_it_is_surer_than_as_many_plain_paths(way, least):
    measure = "liquidated_notional_long"
    plain = np.mean([error_of(lc.risk.mean(getattr(simulated(market(), s), measure))) ** 2 for s in range(SEEDS)])
    reach = 2.13 if way == "sobol" else 1.96
    reduced = np.mean([error_of(WAYS[way](measure, seed), reach) ** 2 for seed in range(SEEDS)])
    assert plain / reduced > least


def test_pairs_that_go_together_are_told_to_be_less_sure_than_their_number():
    # Longs and shorts mirror each other: what is liquidated in all is alike on both paths of a pair.
    runs = simulated(market(), 3, 4_000, sampling="antithetic")
    alone, paired = lc.risk.mean(runs.liquidated_notional), lc.risk.table(runs)["liquidated notional, mean"]
    assert paired == reduction.mean(runs.liquidated_notional, together=2)
    assert error_of(paired) > 1.1 * error_of(alone)


@pytest.mark.parametrize("level", [0.9, 0.98])
@pytest.mark.parametrize("measure", [reduction.value_at_risk, reduction.expected_shortfall])
@pytest.mark.parametrize("scheme", ["antithetic", "sobol", "leaning"])
def test_tail_measures_agree_with_the_plain_ones(scheme, measure, level):
    plain = measure(simulated(market(), 9_999, 60_000).liquidated_notional_long, level)
    if scheme == "leaning":
        lean = reduction.leaning(PROCESS, market(), {"X": -0.15}, 12 * DAY)
        runs = simulated(market(), 1, 8_192, lean)
        found = measure(runs.liquidated_notional_long, level, weights=reduction.likelihood_ratio(runs, PROCESS))
    else:
        runs = simulated(market(), 1, 8_192, sampling=scheme)
        found = measure(runs.liquidated_notional_long, level, together=runs.together)
    assert abs(found.value - plain.value) < 4 * math.hypot(error_of(found), error_of(plain))
    assert error_of(found) < 2 * math.sqrt(60_000 / 8_192) * error_of(plain)


# --- The crash that plain paths hardly see ----------------------------------------------------------------------------


def test_a_rare_fall_has_the_probability_of_the_closed_form():
    two = deep_market("ABC")
    process = lc.GBM(volatility={"A": 0.6, "B": 0.9, "C": 1.4}, drift=0.2, correlation=CORRELATION)
    lean = reduction.leaning(process, two, {"A": -0.25, "B": -0.3}, 4 * DAY)
    held = lc.Book(
        lc.Venue([lc.LinearPerpetual("A", asset="A", tiers=making.flat_tiers())]),
        instrument="A",
        quantity=[1.0],
        entry_price=[100.0],
        margin=[1.0],
    )
    runs = lc.simulate(held, two, lean, paths=20_000, steps=4, step=DAY, seed=2)
    weights = reduction.likelihood_ratio(runs, process)
    years = 4 / 365
    z = (math.log(0.75) - (0.2 - 0.18) * years) / (0.6 * math.sqrt(years))
    chance = NormalDist().cdf(z)
    assert chance < 1e-5
    found = reduction.probability(runs.fundamental_price["A"] < 75.0, weights=weights)
    assert abs(found.value - chance) < 4 * error_of(found)
    assert error_of(found) < 0.1 * chance
    mean = reduction.mean(np.ones(20_000), weights=reduction.likelihood_ratio(runs, lean))
    assert (mean.value, mean.low, mean.high) == (1.0, 1.0, 1.0)  # of the law itself


def test_a_leaning_process_ends_about_where_it_was_led_and_the_others_go_along():
    of = deep_market("ABC")
    process = lc.GBM(volatility={"A": 0.6, "B": 0.9, "C": 1.4}, correlation=CORRELATION)
    lean = reduction.leaning(process, of, {"B": -0.3}, 12 * HOUR)
    ends = lean.paths(of, paths=20_000, steps=2, step=6 * HOUR, seed=1)[:, -1] / list(of.prices.values())
    years = 0.5 / 365
    shift = math.log(0.7) + 0.5 * 0.81 * years
    moves = {
        "A": -0.5 * 0.36 * years + 0.6 * 0.6 / 0.9 * shift,
        "B": math.log(0.7),
        "C": -0.5 * 1.96 * years + 0.1 * 1.4 / 0.9 * shift,
    }
    deviation = np.array([0.6, 0.9, 1.4]) * math.sqrt(years)
    assert (np.abs(np.log(ends).mean(axis=0) - list(moves.values())) < 4 * deviation / math.sqrt(20_000)).all()


# --- Estimates of weights and groups ----------------------------------------------------------------------------------


def test_equal_weights_in_groups_of_one_are_the_plain_measures():
    losses = lc.normals(1, 2_000)
    for name in ("mean", "value_at_risk", "expected_shortfall"):
        plain = getattr(lc.risk, name)(losses)
        assert getattr(reduction, name)(losses) == plain
        weighed = getattr(reduction, name)(losses, weights=np.ones(2_000))
        assert weighed.value == pytest.approx(plain.value, rel=1e-12)
        assert error_of(weighed) == pytest.approx(error_of(plain), rel=0.2)
    assert reduction.probability(losses > 1.0) == lc.risk.probability(losses > 1.0)
    for q in (0.02, 0.3, 0.5, 0.7, 0.98):
        plain = lc.risk.quantile(losses, q)
        assert reduction.quantile(losses, q) == plain
        weighed = reduction.quantile(losses, q, weights=np.ones(2_000))
        assert weighed.value == plain.value
        assert (weighed.low, weighed.high) == pytest.approx(
            (plain.low, plain.high), abs=0.25 * (plain.high - plain.low)
        )


def test_a_weight_of_two_is_a_sample_seen_twice():
    few = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    counts = np.array([1, 2, 1, 3, 1])
    twice, weights = np.repeat(few, counts), counts * 5 / counts.sum()
    assert reduction.mean(few, weights=weights).value == pytest.approx(twice.mean())
    assert reduction.probability(few > 2.5, weights=weights).value == pytest.approx((twice > 2.5).mean())
    for q in (0.1, 0.3, 0.5, 0.7, 0.8, 0.9):
        assert reduction.quantile(few, q, weights=weights).value == lc.risk.quantile(twice, q).value
    for level in (0.5, 0.6, 0.75):
        for name in ("value_at_risk", "expected_shortfall"):
            found = getattr(reduction, name)(few, level, weights=weights).value
            assert found == pytest.approx(getattr(lc.risk, name)(twice, level).value)


def test_weighed_quantiles_are_those_of_the_definition():
    random = np.random.default_rng(3)
    for _ in range(100):
        n = int(random.integers(5, 400))
        x, w = np.round(random.normal(size=n), int(random.integers(0, 4))), random.lognormal(0.0, 1.0, n)
        w, q = w / w.mean(), float(random.uniform(0.02, 0.98))
        found = reduction.quantile(x, q, weights=w)
        if q >= 0.5:
            wanted = min(one for one in x if (w * (x > one)).sum() / n <= 1.0 - q + 1e-15)
        else:
            wanted = min(one for one in x if (w * (x <= one)).sum() / n >= q - 1e-15)
        assert found.value == wanted
        assert found.low <= found.value <= found.high


@pytest.mark.parametrize("order", ["as drawn", "falling", "tied"])
def test_a_weighed_shortfall_and_its_interval_are_those_of_every_sample_looked_at(order: str):
    random = np.random.default_rng(8)
    for n, level, heavy in ((40, 0.9, False), (30_000, 0.95, False), (50_000, 0.9, True)):
        x, w = random.normal(size=n), random.lognormal(0.0, 0.5, n)
        if heavy:
            w *= np.where(x > 1.0, 0.01, 1.0)  # next to nothing of the weight is on the largest samples
        w *= np.sqrt(1.2) / w.mean()
        x = {"as drawn": x, "falling": -np.sort(-x), "tied": np.round(x, 1)}[order]
        each, which = np.unique(x, return_inverse=True)
        mass = np.bincount(which, w)
        at = each[mass[::-1].cumsum()[::-1] - mass <= (1.0 - level) * n].min()
        terms = w * np.maximum(x - at, 0.0) / (1.0 - level)
        value, half = at + terms.mean(), 1.959964 * terms.std(ddof=1) / math.sqrt(n)
        found = reduction.expected_shortfall(x, level, weights=w)
        assert (found.value, found.high) == pytest.approx((value, value + half), rel=1e-6)
        beyond, there = w[x > at], w[x == at]
        part = ((1.0 - level) * n - beyond.sum()) / there.sum()
        count = part * there.sum() ** 2 / (there**2).sum()
        count += beyond.sum() ** 2 / (beyond**2).sum() if len(beyond) else 0.0
        assert found.low_sample == (count < 200)


@pytest.mark.parametrize("options", [{}, {"weights": np.ones(30_000)}, {"together": 2}])
@pytest.mark.parametrize(("every", "few"), [(1_000, True), (100, False)])
def test_what_is_lost_seldom_is_said_to_rest_on_few_samples(options, every, few):
    """One path in a thousand, 30 of 30,000: beyond the level 0.99 lie 270 others that lose nothing."""
    rooms = reduction if options else lc.risk
    losses = np.where(np.arange(30_000) % every == 0, np.exp(lc.normals(3, 30_000)), 0.0)
    assert rooms.mean(losses, **options).low_sample == few
    assert rooms.mean(-losses, **options).low_sample == few
    assert rooms.expected_shortfall(losses, 0.99, **options).low_sample == few
    assert rooms.marginal_expected_shortfall(lc.normals(4, 30_000), losses, 0.99, **options).low_sample == few
    parts = rooms.euler_attribution({"a": losses, "b": np.zeros(30_000)}, 0.99, **options).parts
    assert parts["a"].low_sample == few
    nothing = rooms.mean(np.zeros(30_000), **options)
    assert (nothing.value, nothing.low_sample) == (0.0, True)


@pytest.mark.parametrize("name", ["value_at_risk", "expected_shortfall", "marginal_expected_shortfall"])
def test_less_than_one_loss_beyond_the_level_is_refused_with_weights_too(name):
    losses = (lc.normals(2, 50), lc.normals(1, 50)) if name.startswith("marginal") else (lc.normals(1, 50),)
    with pytest.raises(lc.InputError, match=r"losses must have a row beyond the level 0.99, by their weights had 0.5"):
        getattr(reduction, name)(*losses, 0.99, weights=np.ones(50))
    with pytest.raises(lc.InputError, match="must have at least 100 rows"):
        getattr(reduction, name)(*losses, 0.99, together=2)


def test_a_value_at_risk_far_inside_rests_on_as_many_samples_as_where_all_count_alike():
    losses = lc.normals(1, 1_000)
    for options in ({"together": 2}, {"weights": np.ones(1_000)}):
        assert not reduction.value_at_risk(losses, 0.01, **options).low_sample


@pytest.mark.parametrize("options", [{"weights": np.ones(30_000)}, {"together": 2}])
@pytest.mark.parametrize(("level", "few"), [(0.99, False), (0.995, True)])
def test_losses_that_tie_at_the_value_at_risk_make_up_the_tail_as_where_all_count_alike(options, level, few):
    capped = np.minimum(lc.normals(5, 30_000), 1.0)  # a sixth of them; no loss lies above
    assert lc.risk.value_at_risk(capped, level).value == 1.0
    for name in ("value_at_risk", "expected_shortfall", "marginal_expected_shortfall"):
        losses = (lc.normals(6, 30_000), capped) if name.startswith("marginal") else (capped,)
        plain, found = getattr(lc.risk, name)(*losses, level), getattr(reduction, name)(*losses, level, **options)
        assert found.value == pytest.approx(plain.value)
        assert found.low_sample == plain.low_sample == few
    parts = {"a": capped - 1.0, "b": np.ones(30_000)}
    assert reduction.euler_attribution(parts, level, **options).parts["a"].low_sample == few
    assert reduction.quantile(-capped, 1.0 - level, **options).low_sample == few


def test_samples_seen_twice_in_a_row_are_no_surer_than_once():
    losses = lc.normals(1, 4_000)
    for name in ("mean", "value_at_risk", "expected_shortfall"):
        plain, paired = getattr(lc.risk, name)(losses), getattr(reduction, name)(np.repeat(losses, 2), together=2)
        assert paired.value == pytest.approx(plain.value)
        assert error_of(paired) == pytest.approx(error_of(plain), rel=0.2)
    plain, paired = lc.risk.probability(losses > 1.5), reduction.probability(np.repeat(losses > 1.5, 2), together=2)
    assert (paired.value, paired.low, paired.high) == pytest.approx((plain.value, plain.low, plain.high), rel=1e-3)


def test_few_groups_have_the_interval_of_students_law():
    for degrees, quantile in ((1, 12.7062047), (2, 4.30265273), (3, 3.18244631), (4, 2.77644511), (15, 2.13144955)):
        assert grouped.student_quantile(0.975, degrees) == pytest.approx(quantile, rel=1e-8)
    assert grouped.student_quantile(0.975, 1_999) == pytest.approx(grouped.student_quantile(0.975, 2_000), rel=2e-3)
    four = reduction.mean([1.0, 3.0, 5.0, 7.0], together=2)
    assert (four.low, four.high) == pytest.approx((4.0 - 12.7062047 * 2.0, 4.0 + 12.7062047 * 2.0))


def test_what_never_happened_is_not_said_to_be_impossible():
    never = np.zeros(64, dtype=bool)
    assert reduction.probability(never, together=2).high == pytest.approx(lc.risk.probability(never[:32]).high, rel=0.1)
    assert reduction.probability(never, weights=np.ones(64)).high == 1.0
    assert reduction.probability(never[:2], together=2).high == 1.0
    assert reduction.mean([1.0, 2.0], together=2).high == math.inf


def test_a_control_that_says_nothing_takes_nothing_and_a_known_mean_needs_no_further_paths():
    values, other = lc.normals(1, 2_000), lc.normals(2, 2_000)
    plain = lc.risk.mean(values)
    assert reduction.control_variate(values, np.ones(4_000)).value == plain.value
    useless = reduction.control_variate(values, other, expected=0.0)
    assert useless.value == pytest.approx(plain.value, abs=error_of(plain) / 2)
    assert error_of(useless) == pytest.approx(error_of(plain), rel=0.01)
    exact = reduction.control_variate(2.0 * values + 5.0, values, expected=0.0)
    assert exact.value == pytest.approx(5.0, abs=1e-12)
    assert exact.high - exact.low < 1e-12


def test_runs_drawn_together_are_measured_together():
    pairs, even = (simulated(market(), 3, 1_024, sampling=scheme) for scheme in ("antithetic", "sobol"))
    for runs in (pairs, even):
        table = lc.risk.table(runs, level=0.9)
        assert table["bad debt, mean"].value == runs.bad_debt.mean()
        happened = runs.liquidated_count > 0
        assert table["any liquidation, probability"] == reduction.probability(happened, together=runs.together)
        tail = reduction.expected_shortfall(runs.bad_debt, 0.9, together=runs.together)
        assert table["bad debt, expected shortfall 90 %"] == tail
        assert lc.risk.time_to_liquidation(runs, 0.2).n == 1_024
    half = simulated(market(), 3, 512)
    low, high = pairs.liquidation_probability_interval()
    _, as_many = half.liquidation_probability_interval()
    assert ((low <= pairs.liquidation_probability) & (pairs.liquidation_probability <= high)).all()
    assert (high - pairs.liquidation_probability).max() == pytest.approx(
        (as_many - half.liquidation_probability).max(), rel=0.1
    )
    assert all(one.n == 1_024 for one in lc.risk.liquidation_probability_by_leverage(pairs).values())
    assert not any(name.startswith("liquidation at") for name in lc.risk.table(even).measures)
    for asked in (even.liquidation_probability_interval, lambda: lc.risk.liquidation_probability_by_leverage(even)):
        with pytest.raises(lc.NotKeptError, match="do not keep how liquidations of a position vary"):
            asked()


def test_reports_and_tables_count_pairs_too():
    pairs = simulated(market(), 3, 1_024, sampling="antithetic")
    mean = reduction.mean(pairs.liquidated_notional, together=2)
    found = next(one for one in command_tables.measures(pairs) if one.name == "liquidated_notional_mean")
    assert found.estimate == mean
    written = dict(report_numbers.headline(pairs).rows)["Forced orders, notional"][0].interval
    alone = dict(report_numbers.headline(dataclasses.replace(pairs, sampling="independent")).rows)
    assert written != alone["Forced orders, notional"][0].interval
    error = pairs.bad_debt.reshape(-1, 2).mean(axis=1).std(ddof=1) / math.sqrt(512)
    assert f"(standard error {money(error)})" in repr(pairs)


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "rule"),
    [
        ({"together": 3}, lc.InputError, "together must divide the number of samples, was 3 of 4"),
        ({"together": 0}, lc.InputError, "together must be >= 1"),
        ({"together": 8}, lc.InputError, "together must be <= 4"),
        ({"weights": [1.0, 1.0]}, lc.InputError, "weights must have 4 rows, one a sample, had 2"),
        ({"weights": [1.0, -0.5, 1.0, 1.0]}, lc.InputError, r"weights\[1\] must be >= 0, was -0\.5"),
        ({"weights": [1.0, math.nan, 1.0, 1.0]}, lc.InputError, r"weights\[1\] must be finite, was nan"),
        ({"confidence": 1.0}, lc.InputError, "confidence must be < 1"),
    ],
)
def test_weights_and_groups_must_fit_the_samples(change, error, rule):
    for estimate in (reduction.mean, reduction.quantile, reduction.value_at_risk, reduction.expected_shortfall):
        level = {} if estimate is reduction.mean else {"q" if estimate is reduction.quantile else "level": 0.5}
        with pytest.raises(error, match=rule):
            estimate([1.0, 2.0, 3.0, 4.0], **level, **change)
    with pytest.raises(error, match=rule):
        reduction.probability([True, False, True, False], **change)


def test_tails_that_hold_nothing_are_refused():
    with pytest.raises(lc.InputError, match="losses must have at least 100 rows"):
        reduction.value_at_risk(np.arange(50.0), 0.99, together=2)
    with pytest.raises(lc.InputError, match="weights must have a mean above the share beyond"):
        reduction.expected_shortfall([1.0, 2.0], 0.5, weights=[0.2, 0.1])


@pytest.mark.parametrize(
    ("values", "control", "options", "rule"),
    [
        (range(4), range(4), {}, "control must have as many rows as values, 4, where expected is given, and more"),
        (range(4), range(8), {"expected": 1.0}, "control must have as many rows as values, 4, .* had 8"),
        (range(5), range(8), {}, "values must be an even number, >= 4, of whole groups in each half, was 5"),
        (range(6), range(8), {"together": 2}, "whole groups in each half, was 6"),
        (range(4), range(4), {"expected": math.nan}, "expected must be finite, was nan"),
    ],
)
def test_a_control_must_fit_what_it_controls(values, control, options, rule):
    with pytest.raises(lc.InputError, match=rule):
        reduction.control_variate(np.array(values, dtype=float), np.array(control, dtype=float), **options)


def test_only_gbm_paths_are_weighed_and_only_by_their_drift():
    of = market()
    runs = simulated(of, 1, 16, lc.GBM(volatility=0.8, drift=1.0))
    for process, error, rule in (
        (
            lc.GARCH(volatility=0.8, alpha=0.1, beta=0.8),
            lc.KindError,
            "process must be a GBM, whose likelihood",
        ),
        (lc.GBM(volatility=0.7), lc.InputError, "must have the volatilities and the correlation of the paths"),
    ):
        with pytest.raises(error, match=rule):
            reduction.likelihood_ratio(runs, process)
    for toward, rule in (
        ({"Y": -0.1}, "unknown asset 'Y'; known: X"),
        ({"X": -1.0}, r"toward\['X'\] must be > -1"),
        ({}, "toward must name at least one asset"),
    ):
        with pytest.raises(lc.InputError, match=rule):
            reduction.leaning(PROCESS, of, toward, DAY)
    with pytest.raises(lc.InputError, match="toward must name assets with volatility"):
        reduction.leaning(lc.GBM(volatility=0.0), of, {"X": -0.1}, DAY)
    still = simulated(of, 1, 4, lc.GBM(volatility=0.0, drift=1.0))
    with pytest.raises(lc.InputError, match="drift must be that of the paths for an asset without volatility"):
        reduction.likelihood_ratio(still, lc.GBM(volatility=0.0))
