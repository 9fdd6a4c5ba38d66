"""Processes: the laws that they promise, in closed form and in plain Python; the same bits however they are drawn."""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
import making
import reference_paths
from levcore import _core
from making_scenario_files import written
from test_simulate import COUNTS, MONEY, crowd, digest

HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
CORRELATION = [[1.0, 0.6, -0.2], [0.6, 1.0, 0.1], [-0.2, 0.1, 1.0]]
ONE = lc.GARCH(volatility=0.8, alpha=0.1, beta=0.88, initial_volatility=1.6)
THREE = lc.GARCH(
    volatility={"A": 0.6, "B": 0.9, "C": 1.4},
    alpha={"A": 0.05, "B": 0.2, "C": 0.0},
    beta={"A": 0.9, "B": 0.7, "C": 0.95},
    drift={"A": 0.3, "B": 0.0, "C": -1.0},
    initial_volatility={"A": 1.2, "B": 0.9, "C": 0.1},
    correlation=CORRELATION,
)
WILD = lc.GARCH(volatility=2.0, alpha=0.3, beta=0.6)


def market(names: str = "X", price: float = 100.0) -> lc.Market:
    deep = lc.LinearImpact(depth=math.inf)
    return lc.Market({name: lc.Asset(price * (1 + place), impact=deep) for place, name in enumerate(names)})


def log_returns(
    process: lc.GBM | lc.GARCH, *, paths: int, steps: int, seed: int = 1, step: timedelta = DAY
) -> np.ndarray:
    prices = process.paths(market(), paths=paths, steps=steps, step=step, seed=seed)[:, :, 0]
    return np.diff(np.log(prices), axis=1, prepend=math.log(100.0))


# --- What is drawn ----------------------------------------------------------------------------------------------------


def test_garch_is_what_the_model_says_in_plain_python():
    for process, names, step in ((ONE, "X", HOUR), (THREE, "ABC", HOUR), (THREE, "ABC", DAY)):
        of, paths, steps = market(names), 3, 400
        laws = [
            {
                name: value[asset] if isinstance(value, dict) else value
                for name in ("volatility", "alpha", "beta", "drift", "initial_volatility")
                for value in [getattr(process, name)]
            }
            for asset in names
        ]
        factor = np.eye(1) if process.correlation is None else np.linalg.cholesky(CORRELATION)
        prices = process.paths(of, paths=paths, steps=steps, step=step, seed=11)
        normals = lc.normals(11, (paths, steps, len(of)))
        for i in range(paths):
            expected = reference_paths.garch_prices(
                list(of.prices.values()), normals[i].tolist(), step / YEAR, laws, factor.tolist()
            )
            assert prices[i] == pytest.approx(np.array(expected), rel=1e-12)


def test_garch_has_these_bits_on_every_machine():
    drawn = hashlib.sha256()
    for process, names in ((ONE, "X"), (THREE, "ABC")):
        drawn.update(process.paths(market(names), paths=70, steps=101, step=HOUR, seed=7).astype("<f8").tobytes())
    assert drawn.hexdigest() == "a0fffa905bbad925e347ba18e3eb197912bc742188a1ff4684a069e220783379"


@pytest.mark.parametrize(
    "process", [lc.GBM(volatility=1.2, drift=0.4), lc.GBM(volatility=900.0)], ids=["usual", "wild"]
)
def test_prices_are_the_start_times_our_exp_of_the_sum_of_moves(process):
    paths, steps, years = 67, 130, 1 / 8760
    prices = process.paths(market(), paths=paths, steps=steps, step=HOUR, seed=3)[:, :, 0]
    mean = (process.drift - 0.5 * process.volatility * process.volatility) * years
    moves = mean + process.volatility * np.sqrt(years) * lc.normals(3, (paths, steps))
    place = np.add.accumulate(moves, axis=1)
    assert (np.abs(place).max() > 690.0) == (process.volatility > 100.0)  # where a power of two may be out of range
    assert np.array_equal(prices, 100.0 * _core.exp(place.reshape(-1)).reshape(paths, steps))


@pytest.mark.parametrize("names", ["X", "ABC"])
def test_prices_go_where_they_are_told_to_and_nowhere_else(names, tmp_path):
    of, many = market(names), {"steps": 37, "step": HOUR, "seed": 7}
    process = lc.GARCH(volatility=0.6, alpha=0.1, beta=0.8)
    drawn = process.paths(of, paths=70, **many)
    room = np.full((72, 37, len(names)), -1.0)
    given = room[1:71]
    assert process.paths(of, paths=70, out=given, **many) is given
    assert np.array_equal(given, drawn)
    assert (room[[0, 71]] == -1.0).all()
    kept = np.memmap(tmp_path / "prices", dtype=np.float64, mode="w+", shape=drawn.shape)
    assert process.paths(of, paths=70, out=kept, **many) is kept
    kept.flush()
    assert (tmp_path / "prices").read_bytes() == drawn.tobytes()


def locked(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("out", "error", "said"),
    [
        ([[[1.0]]], lc.KindError, "out must be an array of float64 without a mask, was list"),
        (np.ma.masked_all((2, 3, 1)), lc.KindError, "without a mask, was MaskedArray"),
        (np.empty((2, 3, 1), dtype=np.float32), lc.KindError, "had dtype float32"),
        (np.empty((2, 3, 1), dtype=">f8"), lc.KindError, "had dtype >f8"),
        (np.empty((2, 3)), lc.InputError, r"out must have shape \(2, 3, 1\), had \(2, 3\)"),
        (np.empty((3, 2, 1)), lc.InputError, r"had \(3, 2, 1\)"),
        (np.empty((2, 6, 1))[:, ::2], lc.InputError, "out must lie in C order, be aligned and writeable"),
        (locked(np.empty((2, 3, 1))), lc.InputError, "out must lie in C order, be aligned and writeable"),
        (np.empty(49, np.int8)[1:].view(float).reshape(2, 3, 1), lc.InputError, "be aligned and writeable"),
    ],
)
def test_a_place_that_prices_do_not_fit_is_refused(out, error, said):
    with pytest.raises(error, match=said):
        lc.GBM(volatility=0.6).paths(market(), paths=2, steps=3, step=HOUR, seed=1, out=out)


@pytest.mark.parametrize("process", [lc.GBM(volatility=0.8, correlation=CORRELATION), THREE], ids=["gbm", "garch"])
def test_a_path_is_the_same_whatever_is_drawn_beside_it(process):
    of, many = market("ABC"), {"step": HOUR, "seed": 5}
    whole = process.paths(of, paths=200, steps=150, **many)
    for paths in (1, 2, 7, 8, 63, 64, 65, 129):
        for steps in (1, 2, 21, 64, 149):
            assert np.array_equal(process.paths(of, paths=paths, steps=steps, **many), whole[:paths, :steps])


def test_without_alpha_and_beta_it_is_geometric_brownian_motion():
    shared = {"volatility": {"A": 0.6, "B": 0.9, "C": 1.4}, "drift": 0.2, "correlation": CORRELATION}
    many = {"paths": 20, "steps": 100, "step": HOUR, "seed": 2}
    plain = lc.GBM(**shared).paths(market("ABC"), **many)
    garch = lc.GARCH(**shared, alpha=0.0, beta=0.0).paths(market("ABC"), **many)
    assert garch == pytest.approx(plain, rel=1e-14)
    forgotten = lc.GARCH(**shared, alpha=0.0, beta=0.0, initial_volatility=5.0).paths(market("ABC"), **many)
    after_the_first = np.log(forgotten[:, 1:] / forgotten[:, :-1])
    assert after_the_first == pytest.approx(np.log(plain[:, 1:] / plain[:, :-1]), abs=1e-14)


# --- The laws in closed form ------------------------------------------------------------------------------------------


def off(estimates: np.ndarray, whole: float, exact: float) -> float:
    """By how many standard errors an estimate of a whole series misses, from those of its pieces left out in turn."""
    n = len(estimates)
    return abs(whole - exact) / math.sqrt((n - 1) / n * float(((estimates - estimates.mean()) ** 2).sum()))


def kurtosis_and_autocorrelations(squares: np.ndarray, lags: tuple[int, ...]) -> np.ndarray:
    """Of pieces of a series, from sums over each: left out in turn, and at last of all of them."""
    n, length = squares.shape
    sums = [squares.sum(axis=1), (squares**2).sum(axis=1)]
    sums += [(squares[:, lag:] * squares[:, :-lag]).sum(axis=1) * length / (length - lag) for lag in lags]
    totals = np.array(sums)
    left = np.column_stack([totals.sum(axis=1, keepdims=True) - totals, totals.sum(axis=1)])
    left /= np.append(np.full(n, (n - 1) * length), n * length)
    mean, second, *products = left
    return np.array([second / mean**2, *((one - mean**2) / (second - mean**2) for one in products)])


def test_absolute_returns_of_garch_cluster_and_those_of_gbm_do_not():
    lag, n = 50, 1_000_000
    for process, clusters in ((lc.GBM(volatility=0.8), False), (lc.GARCH(volatility=0.8, alpha=0.05, beta=0.94), True)):
        size = np.abs(log_returns(process, paths=1, steps=n, step=HOUR)[0])
        size -= size.mean()
        correlation = float((size[lag:] * size[:-lag]).mean() / (size**2).mean())
        assert (correlation > 0.05) if clusters else (abs(correlation) < 4 / math.sqrt(n))


def test_the_drift_of_garch_is_that_of_the_expected_price():
    for drift in (0.0, 1.5):
        process = lc.GARCH(volatility=0.9, alpha=0.15, beta=0.8, drift=drift, initial_volatility=2.0)
        last = process.paths(market(), paths=40_000, steps=60, step=DAY, seed=4)[:, -1, 0]
        expected = 100.0 * math.exp(drift * 60 / 365)
        assert abs(last.mean() - expected) < 4 * last.std() / math.sqrt(len(last))


def test_the_variance_goes_from_its_first_value_to_the_long_run_by_powers_of_the_persistence():
    process = lc.GARCH(volatility=0.5, alpha=0.08, beta=0.9, initial_volatility=1.5)
    paths = 40_000
    squares = log_returns(process, paths=paths, steps=120) ** 2
    long_run, first = 0.25 / 365, 2.25 / 365
    for step in (0, 1, 5, 30, 119):
        exact = long_run + (first - long_run) * 0.98**step
        assert abs(squares[:, step].mean() - exact) < 4 * squares[:, step].std() / math.sqrt(paths)


def test_innovations_correlate_as_asked():
    prices = THREE.paths(market("ABC"), paths=60_000, steps=1, step=HOUR, seed=9)[:, 0]
    found = np.corrcoef(np.log(prices).T)
    assert np.abs(found - CORRELATION).max() < 4 / math.sqrt(60_000)


# --- On a book --------------------------------------------------------------------------------------------------------


def test_threads_and_chunks_do_not_show():
    ready = lc.prepare(crowd(), making.market(impact=lc.LinearImpact(depth=3_000.0), resilience=20.0))
    many = {"paths": 300, "steps": 40, "step": HOUR, "seed": 3}
    hashes = {
        digest(lc.simulate(ready, WILD, **many, threads=threads, chunk=chunk))
        for threads in (1, 3)
        for chunk in (1, 7, 64, 1_000)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("keep_steps", [False, True])
def test_the_ladder_and_the_ledger_agree_and_both_follow_the_paths(keep_steps):
    ready = lc.prepare(crowd(), making.market(impact=lc.LinearImpact(depth=3_000.0), resilience=20.0))
    many = {"paths": 150, "steps": 40, "step": HOUR, "seed": 3}
    ladder, ledger = (
        lc.simulate(ready, WILD, **many, engine=engine, keep_steps=keep_steps) for engine in ("ladder", "ledger")
    )
    assert (ladder.engine, ledger.engine) == ("ladder", "ledger")
    assert ladder.liquidated_count.max() > 0.2 * len(ready.book)
    for name in (*COUNTS, *MONEY):
        assert getattr(ladder, name) == pytest.approx(getattr(ledger, name), rel=1e-9, abs=1e-6), name
    prices = WILD.paths(ready.market, **many)[:, :, 0]
    for runs in (ladder, ledger):
        assert np.array_equal(runs.fundamental_price["X"], prices[:, -1])
        if keep_steps:
            assert np.array_equal(runs.steps_kept.fundamental_price["X"], prices)


def test_one_path_run_again_is_the_path_and_the_path_that_was_stored(tmp_path: Path):
    ready = lc.prepare(crowd(), making.market(impact=lc.LinearImpact(depth=2_000.0)))
    runs = lc.simulate(ready, WILD, paths=20, steps=24, step=HOUR, seed=4)
    stored = lc.storing.read(lc.storing.write(runs, tmp_path / "runs"))
    assert stored.scenario == WILD
    for i in (0, 7, 19):
        for again in (runs.at(i), stored.at(i)):
            assert again.fundamental_price["X"] == runs.fundamental_price["X"][i]
            assert again.liquidated_notional == pytest.approx(runs.liquidated_notional[i], rel=1e-9)


def test_a_scenario_file_names_garch(tmp_path: Path):
    scenario = """
[scenario]
kind = "garch"
volatility = { BTC = 0.9 }
alpha = 0.1
beta = { BTC = 0.85 }
initial_volatility = 1.5
drift = 0.1
[run]
paths = 40
steps = 24
step = "1h"
seed = 7
"""
    plan = lc.settings.load(written(tmp_path, scenario=scenario))
    asked = lc.GARCH(volatility={"BTC": 0.9}, alpha=0.1, beta={"BTC": 0.85}, initial_volatility=1.5, drift=0.1)
    assert (plan.kind, plan.scenario) == ("garch", asked)
    runs = lc.simulate(plan.book, plan.market, plan.scenario, **plan.options)
    prices = asked.paths(plan.market, paths=40, steps=24, step=HOUR, seed=7)
    assert np.array_equal(runs.fundamental_price["BTC"], prices[:, -1, 0])


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("omega = 0.1", "scenario: volatility or omega must be given, and not both; both were"),
        ("degrees_of_freedom = 2", r"scenario.degrees_of_freedom must be > 2, was 2\.0"),
        ("alpha = 1.5", r"scenario.alpha must be a number >= 0 and < 1.*, was 1.5"),
        ("alpha = { ETH = 0.1 }", r"scenario.alpha.ETH must be one of BTC, was 'ETH'"),
        ("initial_volatility = -1", r"scenario.initial_volatility must be a number >= 0 and <= 1,000.*, was -1"),
        ("gamma = 0.1", r"scenario.gamma is no key of this table"),
    ],
)
def test_a_wrong_garch_in_a_scenario_file_is_told_with_its_line(tmp_path: Path, key: str, rule: str):
    rest = "" if key.startswith("alpha") else "alpha = 0.1\n"
    scenario = f'[scenario]\nkind = "garch"\nvolatility = 0.9\nbeta = 0.85\n{rest}{key}\n'
    scenario += '[run]\npaths = 4\nsteps = 2\nstep = "1h"\nseed = 7\n'
    with pytest.raises(lc.SettingsError, match=rule):
        lc.settings.load(written(tmp_path, scenario=scenario))


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "rule"),
    [
        ({"volatility": -0.1}, lc.InputError, r"volatility must be >= 0, was -0\.1"),
        ({"alpha": -0.01}, lc.InputError, r"alpha must be >= 0, was -0\.01"),
        ({"alpha": 1.0}, lc.InputError, r"alpha must be < 1, was 1\.0"),
        ({"beta": {"X": math.nan}}, lc.InputError, r"beta\['X'\] must be finite, was nan"),
        ({"beta": "high"}, lc.KindError, "beta must be a number, was str 'high'"),
        ({"omega": 1e-4}, lc.InputError, "volatility or omega must be given, and not both; both were"),
        ({"volatility": None}, lc.InputError, "volatility or omega must be given, and not both; neither was"),
        ({"volatility": None, "omega": -1e-4}, lc.InputError, r"omega must be >= 0, was -0\.0001"),
        ({"degrees_of_freedom": 2.0}, lc.InputError, r"degrees_of_freedom must be > 2, was 2\.0"),
        ({"degrees_of_freedom": {"X": 1.5}}, lc.InputError, r"degrees_of_freedom\['X'\] must be > 2, was 1\.5"),
        ({"initial_volatility": -1.0}, lc.InputError, r"initial_volatility must be >= 0, was -1\.0"),
        ({"initial_volatility": 1e4}, lc.InputError, r"initial_volatility must be <= 1000, was 10000\.0"),
        ({"drift": 1e9}, lc.InputError, "drift must be <= 1000"),
        ({"correlation": [[1.0, 1.0], [1.0, 1.0]]}, lc.InputError, "must be positive definite"),
    ],
)
def test_a_wrong_garch_is_refused_by_name(change, error, rule):
    with pytest.raises(error, match=rule):
        lc.GARCH(**{"volatility": 0.8, "alpha": 0.1, "beta": 0.85} | change)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"alpha": {"Y": 0.1}}, "unknown asset 'Y'; known: X"),
        ({"beta": {}}, "beta must name every asset of the market; missing: X"),
        ({"initial_volatility": {"Y": 0.1}}, "unknown asset 'Y'; known: X"),
        ({"correlation": [[1.0, 0.5], [0.5, 1.0]]}, r"correlation must have shape \(1, 1\)"),
    ],
)
def test_a_garch_must_fit_the_market(change, rule):
    process = lc.GARCH(**{"volatility": 0.8, "alpha": 0.1, "beta": 0.85} | change)
    with pytest.raises(lc.InputError, match=rule):
        process.paths(market(), paths=1, steps=1, step=HOUR, seed=1)


def test_a_path_has_the_same_prices_among_any_number_of_paths():
    """Exponentials are taken while rows are turned or before, by how many paths fill vectors of numbers."""
    many = {"steps": 70, "step": timedelta(minutes=5), "seed": 4}
    process, of = lc.GBM(volatility=0.9), lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=1.0))})
    whole = process.paths(of, paths=64, **many)
    for paths in (1, 5, 8, 9, 16, 63):
        assert process.paths(of, paths=paths, **many).tobytes() == whole[:paths].tobytes()
