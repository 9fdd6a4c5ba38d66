"""Regimes and the bootstrap: what the model says, in plain Python and in closed form."""

from __future__ import annotations

import hashlib
import itertools
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
import making
import reference_processes as reference
from test_processes import CORRELATION, DAY, HOUR, YEAR, log_returns, market, off
from test_simulate import COUNTS, MONEY, crowd, digest

THREE_REGIMES = [[0.9, 0.08, 0.02], [0.3, 0.6, 0.1], [0.0, 0.5, 0.5]]
GIVEN = np.random.default_rng(5).standard_t(4, (300, 3)) * 0.02
GIVEN[40:60] = np.nan
GIVEN[200, 1] = np.nan
EACH = {
    "switching": (lc.MarkovSwitching([0.4, 1.5], transition=[[0.98, 0.02], [0.05, 0.95]], drift=0.2), "X"),
    "switching of three": (
        lc.MarkovSwitching(
            [0.3, {"A": 0.6, "B": 0.9, "C": 1.4}, 2.0],
            transition=THREE_REGIMES,
            correlation=CORRELATION,
            initial=[0.0, 1.0, 0.0],
        ),
        "ABC",
    ),
    "bootstrap": (lc.StationaryBootstrap(GIVEN[:, 0], mean_block=8.0), "X"),
    "bootstrap of three": (lc.StationaryBootstrap(GIVEN, mean_block=8.0), "ABC"),
}
each = pytest.mark.parametrize(("process", "names"), EACH.values(), ids=EACH)


def test_switching_is_what_the_model_says_in_plain_python():
    process, names = EACH["switching of three"]
    of, steps, seed, years = market(names), 150, 11, DAY / YEAR
    prices = process.paths(of, paths=3, steps=steps, step=DAY, seed=seed)
    for path in range(3):
        z = reference.mixed(reference.normals(seed, path, steps, 3), np.linalg.cholesky(CORRELATION))
        numbers = [row[0] for row in reference.normals(seed, path, steps, 3, "regimes")]
        regimes = reference.chain(numbers, [*THREE_REGIMES, process.initial])
        assert len(set(regimes)) > 1
        assert regimes[0] == 1
        volatility = [[0.3] * 3, [0.6, 0.9, 1.4], [2.0] * 3]
        expected = [
            [-(v**2) * years / 2 + v * math.sqrt(years) * one for v, one in zip(volatility[r], row, strict=True)]
            for r, row in zip(regimes, z, strict=True)
        ]
        found = np.log(prices[path]) - np.log(list(of.prices.values()))
        assert found == pytest.approx(np.cumsum(expected, axis=0), rel=1e-9, abs=1e-10)


def test_the_bootstrap_is_what_the_model_says_in_plain_python():
    process, names = EACH["bootstrap of three"]
    of, steps, seed = market(names), 200, 11
    prices = process.paths(of, paths=3, steps=steps, step=DAY, seed=seed)
    for path in range(3):
        numbers = [row[0] for row in reference.normals(seed, path, steps, 3)]
        rows = reference.bootstrap_rows(seed, path, numbers, np.isnan(GIVEN).any(axis=1).tolist(), 8.0)
        expected = np.log1p(GIVEN[rows]).cumsum(axis=0)
        assert np.log(prices[path]) - np.log(list(of.prices.values())) == pytest.approx(expected, rel=1e-9, abs=1e-10)


def test_they_have_these_bits_on_every_machine():
    drawn = hashlib.sha256()
    for process, names in EACH.values():
        drawn.update(process.paths(market(names), paths=70, steps=101, step=HOUR, seed=7).astype("<f8").tobytes())
    assert drawn.hexdigest() == "b06a619414b60b7b787fa611ccf933b3dcebed1236d764c1dcfaae2650b5cae3"


@each
def test_a_path_is_the_same_whatever_is_drawn_beside_it(process, names):
    of, many = market(names), {"step": HOUR, "seed": 5}
    whole = process.paths(of, paths=70, steps=150, **many)
    for paths in (1, 2, 7, 8, 63, 64, 65):
        for steps in (1, 2, 21, 64, 149):
            assert np.array_equal(process.paths(of, paths=paths, steps=steps, **many), whole[:paths, :steps])


# --- The laws in closed form ------------------------------------------------------------------------------------------


def test_one_regime_is_geometric_brownian_motion_to_the_bit():
    many = {"paths": 20, "steps": 100, "step": HOUR, "seed": 2}
    shared = {"drift": 0.2, "correlation": CORRELATION}
    alone = lc.MarkovSwitching([0.8], transition=[[1.0]], **shared).paths(market("ABC"), **many)
    assert alone == pytest.approx(lc.GBM(0.8, **shared).paths(market("ABC"), **many), rel=1e-14)


def test_variance_and_kurtosis_are_those_of_the_mixture_and_regimes_last_as_long_as_they_should():
    calm, wild, stays, comes = 0.3, 1.2, 0.95, 0.1
    process = lc.MarkovSwitching([calm, wild], transition=[[stays, 1 - stays], [comes, 1 - comes]])
    squares = log_returns(process, paths=100, steps=10_000) ** 2 * 365
    share = comes / (comes + 1 - stays)
    mean = share * calm**2 + (1 - share) * wild**2
    spread = share * (1 - share) * (wild**2 - calm**2) ** 2
    lag = 3
    for values, exact in (
        (squares, mean),
        (squares**2, 3 * (share * calm**4 + (1 - share) * wild**4)),
        (squares[:, lag:] * squares[:, :-lag], mean**2 + spread * (stays - comes) ** lag),
    ):
        each = values.mean(axis=1)
        assert off((each.sum() - each) / 99, each.mean(), exact) < 3.0


def test_the_first_regime_is_that_of_the_long_run_or_the_one_asked_for():
    shared = {"volatility": [0.1, 1.0, 3.0], "transition": THREE_REGIMES}
    values, vectors = np.linalg.eig(np.array(THREE_REGIMES).T)
    long_run = np.real(vectors[:, np.argmax(np.real(values))])
    for initial, chances in ((None, long_run / long_run.sum()), ([0.2, 0.3, 0.5], np.array([0.2, 0.3, 0.5]))):
        squares = log_returns(lc.MarkovSwitching(**shared, initial=initial), paths=100_000, steps=1)[:, 0] ** 2 * 365
        exact = float(chances @ np.array([0.1, 1.0, 3.0]) ** 2)
        assert abs(squares.mean() - exact) < 4 * squares.std() / math.sqrt(len(squares))


def test_absolute_returns_cluster_where_regimes_last():
    lag = 50
    size = np.abs(log_returns(EACH["switching"][0], paths=1, steps=400_000)[0])
    size -= size.mean()
    assert float((size[lag:] * size[:-lag]).mean() / (size**2).mean()) > 0.005


def test_the_bootstrap_keeps_the_marginal_law_and_the_autocorrelation_within_blocks():
    rng, n, block = np.random.default_rng(1), 2_000, 20.0
    logs = np.empty(n)
    logs[0] = 0.0
    for i in range(1, n):
        logs[i] = 0.6 * logs[i - 1] + 0.01 * rng.standard_normal()
    drawn = log_returns(lc.StationaryBootstrap(np.expm1(logs), mean_block=block), paths=100, steps=20_000)
    assert set(np.round(drawn[0], 10)) <= set(np.round(logs, 10))
    for q in (0.01, 0.25, 0.5, 0.9):
        edge = np.quantile(logs, q)
        each = (drawn <= edge + 1e-12).mean(axis=1)
        assert abs(each.mean() - np.mean(logs <= edge + 1e-12)) < 4 * each.std() / 10
    centred = logs - logs.mean()
    for lag in (1, 5):  # on a circle, and both rows in one block
        exact = float((centred * np.roll(centred, -lag)).mean()) * (1 - 1 / block) ** lag
        moved = drawn - logs.mean()
        each = (moved[:, lag:] * moved[:, :-lag]).mean(axis=1)
        assert abs(each.mean() - exact) < 4 * each.std() / 10


def test_a_missing_stretch_is_never_bridged_and_every_row_is_drawn_equally_often():
    returns = np.arange(1, 31) / 1_000
    returns[[0, 9, 10, 20]] = np.nan
    rows = np.arange(30)[~np.isnan(returns)]
    endless = log_returns(lc.StationaryBootstrap(returns, mean_block=1e9), paths=200, steps=40)
    seen = np.rint(np.expm1(endless) * 1_000).astype(int) - 1
    stretches = [list(range(1, 9)), list(range(11, 20)), list(range(21, 30))]
    for path in seen:
        stretch = next(one for one in stretches if path[0] in one)
        at = stretch.index(path[0])
        assert path.tolist() == list(itertools.islice(itertools.cycle(stretch), at, at + 40))
    drawn = np.rint(
        np.expm1(log_returns(lc.StationaryBootstrap(returns, mean_block=4), paths=100, steps=5_000)) * 1_000
    )
    counts = np.array([(drawn - 1 == row).sum(axis=1) for row in rows])
    assert (abs(counts.mean(axis=1) - 5_000 / len(rows)) < 4.5 * counts.std(axis=1) / 10).all()


def test_published_regimes_are_those_of_the_paper():
    for asset, variances, rows in (
        ("BTC", (2.455, 28.6134), ((0.771, 0.229), (0.3659, 0.6341))),
        ("ETH", (6.0647, 51.832), ((0.8873, 0.1127), (0.2498, 0.7502))),
    ):
        process = lc.MarkovSwitching.published(asset)
        assert process.transition == rows
        assert [v**2 / 365 * 1e4 for v in process.volatility] == pytest.approx(variances)
    with pytest.raises(lc.InputError, match="asset must be 'BTC' or 'ETH', was 'SOL'"):
        lc.MarkovSwitching.published("SOL")


# --- On a book --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["switching", "bootstrap"])
def test_the_ladder_and_the_ledger_agree_whatever_threads_and_chunks(name, tmp_path: Path):
    process = EACH[name][0]
    ready = lc.prepare(crowd(), making.market(impact=lc.LinearImpact(depth=3_000.0), resilience=20.0))
    many = {"paths": 60, "steps": 40, "step": DAY, "seed": 3}
    ladder, ledger = (lc.simulate(ready, process, **many, engine=engine) for engine in ("ladder", "ledger"))
    assert ladder.liquidated_count.max() > 0
    for one in (*COUNTS, *MONEY):
        assert getattr(ladder, one) == pytest.approx(getattr(ledger, one), rel=1e-9, abs=1e-6), one
    assert np.array_equal(ladder.fundamental_price["X"], process.paths(ready.market, **many)[:, -1, 0])
    assert digest(lc.simulate(ready, process, **many, threads=2, chunk=7)) == digest(ladder)
    stored = lc.storing.read(lc.storing.write(ladder, tmp_path / "runs"))
    assert stored.scenario == process == pickle.loads(pickle.dumps(process))
    assert stored.at(7).fundamental_price["X"] == ladder.fundamental_price["X"][7]


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "rule"),
    [
        ({"volatility": 0.5}, lc.KindError, "volatility must be a sequence, one a regime, was float 0.5"),
        ({"volatility": [0.5, -1.0]}, lc.InputError, r"volatility\[1\] must be >= 0, was -1\.0"),
        ({"volatility": [0.5]}, lc.InputError, r"transition must have shape \(1, 1\), one a regime of volatility"),
        ({"transition": [[0.9, 0.2], [0.3, 0.7]]}, lc.InputError, r"transition\[0\] must sum to 1, was 1\.1"),
        ({"transition": [[1.1, -0.1], [0.3, 0.7]]}, lc.InputError, r"transition\[0\]\[0\] must be <= 1, was 1\.1"),
        ({"transition": 0.9}, lc.KindError, "transition must be an array of probabilities, was float 0.9"),
        ({"transition": [[1.0, 0.0], [0.0, 1.0]]}, lc.InputError, "initial must be given: regime 1 of transition"),
        ({"initial": [0.5, 0.6]}, lc.InputError, r"initial must sum to 1, was 1\.1"),
        ({"initial": [1.0]}, lc.InputError, r"initial must have shape \(2,\)"),
        ({"correlation": [[1.0, 1.0], [1.0, 1.0]]}, lc.InputError, "must be positive definite"),
    ],
)
def test_a_wrong_switching_is_refused_by_name(change, error, rule):
    with pytest.raises(error, match=rule):
        lc.MarkovSwitching(**{"volatility": [0.3, 1.2], "transition": [[0.9, 0.1], [0.3, 0.7]]} | change)


@pytest.mark.parametrize(
    ("returns", "block", "error", "rule"),
    [
        ([0.1, -1.0], 5, lc.InputError, r"returns\[1, 0\] must be > -1 and finite, was -1\.0"),
        ([0.1, math.inf], 5, lc.InputError, r"returns\[1, 0\] must be > -1 and finite, was inf"),
        ([math.nan, math.nan], 5, lc.InputError, "returns must have a row without nan, had none among 2"),
        ([], 5, lc.InputError, r"returns must have shape \(rows,\) or \(rows, assets\), had \(0,\)"),
        (["a"], 5, lc.KindError, "returns must be an array of numbers, had dtype"),
        ([[0.1], [0.1, 0.2]], 5, lc.KindError, "returns must be an array of numbers: "),
        ([0.1], 0.5, lc.InputError, r"mean_block must be >= 1, was 0\.5"),
        ([0.1], math.nan, lc.InputError, "mean_block must be finite, was nan"),
    ],
)
def test_a_wrong_bootstrap_is_refused_by_name(returns, block, error, rule):
    with pytest.raises(error, match=rule):
        lc.StationaryBootstrap(returns, mean_block=block)


def test_a_bootstrap_must_fit_the_market():
    with pytest.raises(lc.InputError, match="returns must have 1 columns, one an asset, had 3"):
        EACH["bootstrap of three"][0].paths(market(), paths=1, steps=1, step=DAY, seed=1)


def test_a_bootstrap_shows_how_many_rows_it_draws_from_and_not_each():
    assert repr(lc.StationaryBootstrap(np.full(5_000, 0.01), mean_block=8.0)) == (
        "StationaryBootstrap(returns=<5,000 rows>, mean_block=8)"
    )
    assert "<300 rows of 2 assets>" in repr(lc.StationaryBootstrap(np.full((300, 2), 0.01), mean_block=8.5))
