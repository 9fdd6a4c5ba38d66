"""Fits: what was simulated is found again, no gap is bridged, and what cannot be fitted is refused."""

from __future__ import annotations

import dataclasses
import math
import pickle
import sys
from typing import Any

import numpy as np
import pytest

import levcore as lc
from levcore import storing
from levcore.fit_clustering import mean_size
from test_processes import DAY, HOUR, YEAR, market

A_DAY = DAY / YEAR


def returns_of(process: Any, rows: int, *, names: str = "X", seed: int = 1, step: Any = DAY) -> np.ndarray:
    prices = process.paths(market(names), paths=1, steps=rows, step=step, seed=seed)[0]
    start = np.array(list(market(names).prices.values()))
    simple = np.diff(np.vstack([start, prices]), axis=0) / np.vstack([start, prices[:-1]])
    return simple if len(names) > 1 else simple[:, 0]


def with_gap(returns: np.ndarray) -> np.ndarray:
    half = len(returns) // 3
    return np.concatenate([[np.nan], returns[:half], np.full(5, np.nan), returns[half:]])


ARCH = {
    "garch": (lc.GARCH(omega=5e-5, alpha=0.1, beta=0.85, drift=0.1), "normal"),
    "garch of t": (lc.GARCH(omega=5e-5, alpha=0.1, beta=0.85, degrees_of_freedom=5.0), "student"),
    "gjr": (lc.GJRGARCH(omega=5e-5, alpha=0.05, gamma=0.1, beta=0.85), "normal"),
    "gjr of t": (lc.GJRGARCH(omega=5e-5, alpha=0.05, gamma=0.1, beta=0.85, degrees_of_freedom=6.0), "student"),
    "egarch": (lc.EGARCH(omega=-0.3, alpha=0.2, gamma=-0.08, beta=0.95), "normal"),
    "egarch of t": (lc.EGARCH(omega=-0.3, alpha=0.2, gamma=-0.08, beta=0.95, degrees_of_freedom=5.0), "student"),
}


def assert_found(process: Any, true: Any, within: float = 3.0) -> None:
    said = process.fitted
    for name, value in said.values.items():
        field, _, index = name.partition("[")
        wanted = getattr(true, field)
        if index:
            wanted = np.array(wanted)[tuple(int(i) for i in index.strip("]").split(","))]
        assert abs(value - wanted) < within * said.standard_errors[name], f"{name}: {said}"
        assert said.standard_errors[name] < 0.8 * abs(wanted) + 0.5  # and it says something
        assert said[name].low < value < said[name].high


# --- What was simulated is found again --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 7))])
@pytest.mark.parametrize("name", ARCH)
def test_simulated_garch_and_its_relations_are_found_again(name, seed):
    true, innovations = ARCH[name]
    fit = type(true).fit(returns_of(true, 5_000, seed=seed), step=DAY, innovations=innovations)
    assert_found(fit, true)
    assert fit.fitted.n == 5_000
    assert fit.volatility is None
    assert fit.paths(market(), paths=2, steps=3, step=DAY, seed=1).shape == (2, 3, 1)


INDEPENDENT = {
    "gbm": lc.GBM(volatility=0.6, drift=0.5),
    "merton": lc.Merton(volatility=0.5, rate=30.0, jump_mean=-0.03, jump_deviation=0.06, drift=0.1),
    "kou": lc.Kou(volatility=0.5, rate=40.0, up_share=0.4, up_mean=0.04, down_mean=0.06),
}


@pytest.mark.parametrize("name", ["gbm", "merton", pytest.param("kou", marks=pytest.mark.long)])
def test_simulated_jumps_are_found_again_and_missing_returns_left_out(name):
    true = INDEPENDENT[name]
    returns = returns_of(true, 3_000, seed=4)
    fit = type(true).fit(with_gap(returns), step=DAY)
    assert_found(fit, true)
    if name == "gbm":
        assert fit == lc.GBM.fit(returns, step=DAY)
        logs = np.log1p(returns)
        assert fit.volatility == pytest.approx(logs.std(ddof=1) / math.sqrt(A_DAY))


@pytest.mark.long
def test_simulated_hawkes_jumps_are_found_again():
    true = lc.Hawkes(volatility=0.2, rate=40.0, excitation=150.0, decay=400.0, jump_mean=-0.05, jump_deviation=0.01)
    returns = returns_of(true, 40_000, seed=2, step=HOUR)
    assert_found(lc.Hawkes.fit(returns, step=HOUR), true)


def test_simulated_regimes_are_found_again():
    true = lc.MarkovSwitching([0.4, 1.2], transition=[[0.97, 0.03], [0.08, 0.92]])
    returns = returns_of(true, 1_000, seed=2)
    fit = lc.MarkovSwitching.fit(returns, step=DAY)
    assert_found(fit, true)
    storm = lc.MarkovSwitching.fit(np.append(returns, [0.15, -0.12, 0.1]), step=DAY)
    assert storm.initial[1] > 0.8  # it goes on from where the returns end


@pytest.mark.parametrize("name", ["garch of t", "gjr", "egarch", "egarch of t"])
def test_a_fit_is_the_largest_of_our_own_likelihood_and_goes_on_from_the_last_return(name):
    true, innovations = ARCH[name]
    returns = returns_of(true, 3_000)
    fit = type(true).fit(returns, step=DAY, innovations=innovations)
    ours, next_variance = our_likelihood(fit, returns)
    assert ours == pytest.approx(fit.fitted.log_likelihood, abs=1.0)  # but for how the recursion begins
    assert fit.initial_volatility == pytest.approx(math.sqrt(next_variance / A_DAY), rel=1e-3)
    for field in ("omega", "alpha", "beta"):
        moved = dataclasses.replace(fit, **{field: getattr(fit, field) * 0.97})
        assert our_likelihood(moved, returns)[0] < ours + 0.1


def our_likelihood(process: Any, returns: np.ndarray) -> tuple[float, float]:
    """The log likelihood and the variance after the last return, by the recursion of the model."""
    logs = np.log1p(returns)
    total, h, average = _likelihood(process, logs, logs.mean())
    total, h, _ = _likelihood(process, logs, process.drift * A_DAY - average / 2)
    return total, h


def _likelihood(process: Any, logs: np.ndarray, mean: float) -> tuple[float, float, float]:
    h, total, variances = logs.var(), 0.0, 0.0
    nu, gamma = process.degrees_of_freedom, getattr(process, "gamma", 0.0)
    size = math.sqrt(2 / math.pi) if nu is None else mean_size(nu)
    for x in logs - mean:
        z = x / math.sqrt(h)
        variances += 1.0 / h
        total -= 0.5 * math.log(h)
        if nu is None:
            total -= 0.5 * (math.log(2 * math.pi) + z * z)
        else:
            total += math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(math.pi * (nu - 2))
            total -= 0.5 * (nu + 1) * math.log1p(z * z / (nu - 2))
        if isinstance(process, lc.EGARCH):
            h = math.exp(process.omega + process.beta * math.log(h) + process.alpha * (abs(z) - size) + gamma * z)
        else:
            h = process.omega + (process.alpha + gamma * (x < 0)) * x * x + process.beta * h
    return total, h, len(logs) / variances


def test_several_assets_are_fitted_by_name_with_their_correlation():
    correlation = [[1.0, 0.7], [0.7, 1.0]]
    for true in (
        lc.GBM(volatility={"A": 0.5, "B": 0.9}, drift=0.1, correlation=correlation),
        lc.GARCH(omega={"A": 2e-5, "B": 9e-5}, alpha=0.08, beta=0.88, correlation=correlation),
    ):
        returns = returns_of(true, 4_000, names="AB")
        options = {} if isinstance(true, lc.GBM) else {"innovations": "normal"}
        fit = type(true).fit(dict(zip("AB", returns.T, strict=True)), step=DAY, **options)
        assert fit.correlation[0][1] == pytest.approx(0.7, abs=4 * (1 - 0.49) / math.sqrt(4_000))
        for asset, column in zip("AB", returns.T, strict=True):
            alone = type(true).fit(column, step=DAY, **options)
            assert fit.fitted[asset] == alone.fitted
            assert all(getattr(fit, name)[asset] == value for name, value in alone.fitted.values.items())
        assert fit.paths(market("AB"), paths=2, steps=3, step=DAY, seed=1).shape == (2, 3, 2)


def test_what_is_missing_for_one_asset_leaves_the_others_rows():
    returns = returns_of(lc.GBM(volatility=0.5, correlation=[[1.0, 0.7], [0.7, 1.0]]), 500, names="AB")
    late = returns[:, 1].copy()
    late[:200] = np.nan
    fit = lc.GBM.fit({"A": returns[:, 0], "B": late}, step=DAY)
    assert (fit.fitted["A"].n, fit.fitted["B"].n) == (500, 300)
    assert fit.correlation[0][1] == pytest.approx(np.corrcoef(np.log1p(returns[200:]).T)[0, 1], rel=1e-12)


# --- Gaps -------------------------------------------------------------------------------------------------------------


def test_a_variance_is_not_carried_over_a_gap():
    returns = returns_of(ARCH["garch"][0], 500)
    around = np.concatenate([[np.nan, np.nan], returns, [np.nan]])
    assert lc.GARCH.fit(around, step=DAY) == lc.GARCH.fit(returns, step=DAY)
    for kind in (lc.GARCH, lc.GJRGARCH, lc.EGARCH):
        with pytest.raises(lc.InputError, match=r"no gap, nan after row 166.*the longest stretch is rows 172 to 505"):
            kind.fit(with_gap(returns), step=DAY)


@pytest.mark.parametrize("kind", [lc.Hawkes, lc.MarkovSwitching])
def test_stretches_begin_anew_so_that_their_order_does_not_matter(kind):
    random = np.random.default_rng(3)
    calm = np.where(random.random(150) < 0.06, -0.3, 0.0) + 0.01 * random.standard_normal(150)
    wild = np.where(random.random(120) < 0.15, -0.3, 0.0) + 0.02 * random.standard_normal(120)
    gap = [np.nan] * 3
    first, second = (kind.fit(np.concatenate(rows), step=DAY) for rows in ((calm, gap, wild), (wild, gap, calm)))
    assert first.fitted.log_likelihood == pytest.approx(second.fitted.log_likelihood, abs=1e-4)


def test_blocks_are_as_long_as_the_memory_and_never_over_a_gap():
    clustered = returns_of(lc.GARCH(omega=5e-6, alpha=0.1, beta=0.89), 2_000)
    shuffled = np.random.default_rng(1).permutation(clustered)
    long, short = (lc.StationaryBootstrap.fit(rows).mean_block for rows in (clustered, shuffled))
    assert long > 3 * short >= 3.0
    fit = lc.StationaryBootstrap.fit(with_gap(clustered))
    assert fit == lc.StationaryBootstrap(with_gap(clustered), mean_block=fit.mean_block)
    stretch = with_gap(clustered)[-(2_000 - 2_000 // 3) :]
    assert fit.mean_block == lc.StationaryBootstrap.fit(stretch).mean_block
    two = lc.StationaryBootstrap.fit(np.stack([shuffled, clustered], axis=1))
    assert two.mean_block == long


# --- What a fit is ----------------------------------------------------------------------------------------------------


def test_a_fitted_process_is_the_process_and_keeps_what_is_said_of_it():
    fit = lc.GBM.fit([0.01, -0.02, 0.015, -0.01], step=DAY)
    plain = lc.GBM(volatility=fit.volatility, drift=fit.drift)
    assert fit == plain == pickle.loads(pickle.dumps(fit))
    assert pickle.loads(pickle.dumps(fit)).fitted == fit.fitted
    assert plain.fitted is None
    assert dataclasses.replace(fit, drift=0.0).fitted is None
    assert storing.to_json(fit) == storing.to_json(plain)
    assert "volatility" in repr(fit.fitted)
    assert "standard error" in repr(fit.fitted)
    with pytest.raises(lc.InputError, match="no parameter 'alpha' was fitted; there are: volatility, drift"):
        fit.fitted["alpha"]


# --- What is refused --------------------------------------------------------------------------------------------------

KINDS = (lc.GBM, lc.GARCH, lc.GJRGARCH, lc.EGARCH, lc.Merton, lc.Kou, lc.Hawkes, lc.MarkovSwitching)
NOISE = 0.02 * np.random.default_rng(1).standard_normal(200)


@pytest.mark.parametrize("kind", KINDS)
def test_returns_that_say_nothing_are_refused(kind):
    for returns, error, rule in (
        ([0.01], lc.InputError, r"returns must have at least \d+ returns that are not nan, had 1"),
        (np.full(200, np.nan), lc.InputError, r"returns must have at least \d+ returns that are not nan, had 0"),
        (np.full(200, 0.01), lc.InputError, r"returns must not be all alike, were 0\.01"),
        (np.append(NOISE, np.inf), lc.InputError, r"returns\[200\] must be > -1 and finite, was inf"),
        (np.append(-1.0, NOISE), lc.InputError, r"returns\[0\] must be > -1 and finite, was -1\.0"),
        (NOISE.reshape(20, 10), lc.InputError, r"returns must have shape \(rows,\).*assets go by name"),
        ([], lc.InputError, r"returns must have shape \(rows,\)"),
        (["a"], lc.KindError, "returns must be an array of numbers"),
    ):
        with pytest.raises(error, match=rule):
            kind.fit(returns, step=DAY)
    with pytest.raises(lc.KindError, match="step must be a timedelta"):
        kind.fit(NOISE, step=1.0)


def test_options_of_fits_are_checked():
    with pytest.raises(lc.InputError, match="innovations must be 'normal' or 'student', was 'skewed'"):
        lc.GARCH.fit(NOISE, step=DAY, innovations="skewed")
    with pytest.raises(lc.InputError, match="threshold must be >= 2"):
        lc.Hawkes.fit(NOISE, step=DAY, threshold=1.0)
    with pytest.raises(lc.InputError, match="at least 10 returns beyond 4 deviations, had 0: no jumps to fit"):
        lc.Hawkes.fit(NOISE, step=DAY)
    with pytest.raises(lc.InputError, match="regimes must be >= 2"):
        lc.MarkovSwitching.fit(NOISE, step=DAY, regimes=1)
    with pytest.raises(lc.InputError, match=r"returns\['B'\] must be of the same length|must have"):
        lc.GBM.fit({"A": NOISE, "B": NOISE[:-1]}, step=DAY)
    with pytest.raises(lc.InputError, match="returns must name at least one asset"):
        lc.GBM.fit({}, step=DAY)
    apart = np.repeat([1.0, np.nan], 100)
    with pytest.raises(lc.InputError, match="in which no asset's is missing"):
        lc.GBM.fit({"A": NOISE * apart, "B": NOISE * apart[::-1]}, step=DAY)


@pytest.mark.parametrize(
    ("kind", "package"),
    [
        (lc.GARCH, "arch"),
        (lc.Merton, "scipy"),
        (lc.Kou, "scipy.interpolate"),
        (lc.Hawkes, "scipy.signal"),
        (lc.MarkovSwitching, "scipy"),
        (lc.StationaryBootstrap, "arch.bootstrap"),
    ],
)
def test_a_package_that_lacks_is_told_with_the_command_that_brings_it(kind, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    options = {} if kind is lc.StationaryBootstrap else {"step": DAY}
    with pytest.raises(lc.MissingExtraError, match=r'pip install "levcore\[calibrate\]"'):
        kind.fit(NOISE, **options)
