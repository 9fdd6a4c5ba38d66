"""GARCH's relations and innovations with fat tails: what the model says, in plain Python and in closed form."""

from __future__ import annotations

import hashlib
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
import making
import reference_processes as reference
from levcore.egarch import mean_size
from test_processes import CORRELATION, DAY, HOUR, YEAR, kurtosis_and_autocorrelations, log_returns, market, off
from test_simulate import COUNTS, MONEY, crowd, digest

GJR = lc.GJRGARCH(volatility=0.8, alpha=0.05, gamma=0.1, beta=0.88, degrees_of_freedom=5.0)
EXPONENTIAL = lc.EGARCH(volatility=0.8, alpha=0.2, gamma=-0.08, beta=0.97)
THREE = {
    "volatility": {"A": 0.6, "B": 0.9, "C": 1.4},
    "alpha": {"A": 0.05, "B": 0.2, "C": 0.0},
    "gamma": {"A": 0.05, "B": -0.1, "C": 0.3},
    "beta": {"A": 0.9, "B": 0.7, "C": 0.6},
    "drift": {"A": 0.3, "B": 0.0, "C": -1.0},
    "initial_volatility": {"A": 1.2, "B": 0.9, "C": 0.1},
    "degrees_of_freedom": {"A": 3.0, "B": 8.0, "C": 1e6},
    "correlation": CORRELATION,
}
GJR_THREE = lc.GJRGARCH(**THREE)
EXPONENTIAL_THREE = lc.EGARCH(**THREE)
ALL = {
    "gjr": (GJR, "X"),
    "egarch": (EXPONENTIAL, "X"),
    "gjr of three": (GJR_THREE, "ABC"),
    "egarch of three": (EXPONENTIAL_THREE, "ABC"),
}
each = pytest.mark.parametrize("process", [GJR, EXPONENTIAL], ids=["gjr", "egarch"])


def of_asset(value: object, name: str) -> float:
    return value[name] if isinstance(value, dict) else value  # type: ignore[return-value, index]


def laws_of(process: lc.GJRGARCH | lc.EGARCH, names: str, years: float) -> list[dict[str, float]]:
    laws = []
    for name in names:
        law = {one: of_asset(getattr(process, one), name) for one in ("alpha", "gamma", "beta", "drift")}
        long_run = of_asset(process.volatility, name) ** 2 * years
        first = process.initial_volatility
        law["first"] = long_run if first is None else of_asset(first, name) ** 2 * years
        if isinstance(process, lc.EGARCH):
            law["omega"] = (1 - law["beta"]) * math.log(long_run)
            nu = process.degrees_of_freedom
            law["size"] = math.sqrt(2 / math.pi) if nu is None else exact_size(of_asset(nu, name))
        else:
            law["omega"] = long_run * (1 - law["alpha"] - law["gamma"] / 2 - law["beta"])
        laws.append(law)
    return laws


def exact_size(nu: float) -> float:
    return math.sqrt((nu - 2) / math.pi) * math.exp(math.lgamma((nu - 1) / 2) - math.lgamma(nu / 2))


# --- What is drawn ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("process", "names"), ALL.values(), ids=ALL)
def test_it_is_what_the_model_says_in_plain_python(process, names):
    of, steps, seed, k = market(names), 150, 11, len(names)
    factor = np.eye(k) if process.correlation is None else np.linalg.cholesky(CORRELATION)
    prices = process.paths(of, paths=2, steps=steps, step=DAY, seed=seed)
    for path in range(2):
        z = reference.mixed(reference.normals(seed, path, steps, k), factor)
        if process.degrees_of_freedom is not None:
            w = reference.mixed(reference.normals(seed, path, steps, k, "tails"), factor)
            nu = [of_asset(process.degrees_of_freedom, name) for name in names]
            z = [[reference.student(*pair) for pair in zip(*rows, nu, strict=True)] for rows in zip(z, w, strict=True)]
        law = reference.egarch_returns if isinstance(process, lc.EGARCH) else reference.garch_returns
        expected = np.cumsum(law(z, DAY / YEAR, laws_of(process, names, DAY / YEAR)), axis=0)
        start = np.log(list(of.prices.values()))
        assert np.log(prices[path]) - start == pytest.approx(expected, rel=1e-9, abs=1e-10)


def test_they_have_these_bits_on_every_machine():
    drawn = hashlib.sha256()
    for process, names in ALL.values():
        drawn.update(process.paths(market(names), paths=70, steps=101, step=HOUR, seed=7).astype("<f8").tobytes())
    assert drawn.hexdigest() == "26a4534dad934a505f53992e45cef025d56713dbd22696fc35f4c1db8af4f8cc"


@pytest.mark.parametrize(("process", "names"), ALL.values(), ids=ALL)
def test_a_path_is_the_same_whatever_is_drawn_beside_it(process, names):
    of, many = market(names), {"step": HOUR, "seed": 5}
    whole = process.paths(of, paths=70, steps=150, **many)
    for paths in (1, 2, 7, 8, 63, 64, 65):
        for steps in (1, 2, 21, 64, 149):
            assert np.array_equal(process.paths(of, paths=paths, steps=steps, **many), whole[:paths, :steps])


def test_without_gamma_it_is_garch_to_the_bit():
    shared = {"volatility": 0.7, "alpha": 0.1, "beta": 0.85, "degrees_of_freedom": 4.0, "correlation": CORRELATION}
    many = {"paths": 20, "steps": 100, "step": DAY, "seed": 2}
    plain = lc.GARCH(**shared).paths(market("ABC"), **many)
    assert np.array_equal(lc.GJRGARCH(**shared, gamma=0.0).paths(market("ABC"), **many), plain)
    assert not np.allclose(lc.GJRGARCH(**shared, gamma=0.05).paths(market("ABC"), **many), plain)


def test_omega_says_what_the_volatility_says():
    many = {"paths": 5, "steps": 50, "step": DAY, "seed": 2}
    for kind, weights, omega in (
        (lc.GARCH, {"alpha": 0.1, "beta": 0.85}, 0.49 / 365 * 0.05),
        (lc.GJRGARCH, {"alpha": 0.1, "gamma": 0.04, "beta": 0.83}, 0.49 / 365 * 0.05),
        (lc.EGARCH, {"alpha": 0.1, "gamma": 0.04, "beta": 0.9}, math.log(0.49 / 365) * 0.1),
    ):
        expected = kind(volatility=0.7, **weights).paths(market(), **many)
        assert kind(omega=omega, **weights).paths(market(), **many) == pytest.approx(expected, rel=1e-12)


# --- The laws in closed form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [2.5, 4.5, 30.0])
def test_innovations_are_student_t_of_unit_variance(degrees):
    n = 400_000
    process = lc.GARCH(volatility=math.sqrt(365.0), alpha=0.0, beta=0.0, degrees_of_freedom=degrees)
    found = log_returns(process, paths=n, steps=1)[:, 0] + 0.5
    for x in (0.0, 0.3, 1.0, 2.0, 6.0):  # Student's t distribution function by Simpson's rule
        t = np.linspace(0.0, x / math.sqrt((degrees - 2) / degrees), 2_001)
        scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
        density = scale * (1 + t**2 / degrees) ** (-(degrees + 1) / 2)
        area = (density[0] + 4 * density[1::2].sum() + 2 * density[2:-1:2].sum() + density[-1]) * (t[1] - t[0]) / 3
        p = 0.5 + area
        for share in (np.mean(found <= x), np.mean(-found <= x)):
            assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / n)
    size = np.abs(found)
    if degrees > 4:
        assert abs(np.var(found) - 1.0) < 4 * np.std(found**2) / math.sqrt(n)
    assert abs(size.mean() - mean_size(degrees)) < 4 * size.std() / math.sqrt(n)


def test_many_degrees_of_freedom_are_nearly_normal_and_the_normals_are_those_of_gbm():
    many = {"paths": 4, "steps": 200, "step": DAY, "seed": 2}
    weights = {"volatility": 0.7, "alpha": 0.1, "beta": 0.85}
    normal = lc.GARCH(**weights).paths(market(), **many)
    assert lc.GARCH(**weights, degrees_of_freedom=1e6).paths(market(), **many) == pytest.approx(normal, rel=1e-4)


def test_the_mean_size_of_student_t_is_that_of_the_gamma_function():
    for nu in (2.001, 2.5, 3.0, 10.0, 399.0, 401.0, 1e4):
        assert mean_size(nu) == pytest.approx(exact_size(nu), rel=1e-10)
    assert mean_size(1e6) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-6)


def test_variance_and_kurtosis_of_gjr_are_those_of_the_closed_form():
    alpha, gamma, beta, years = 0.03, 0.08, 0.9, 1 / 365
    squares = log_returns(lc.GJRGARCH(volatility=0.1, alpha=alpha, gamma=gamma, beta=beta), paths=1, steps=1_000_000)
    found = kurtosis_and_autocorrelations(squares.reshape(100, -1) ** 2, ())
    p = alpha + gamma / 2 + beta  # Source: Ling and McAleer (2002), normal innovations
    fourth = 3 * (alpha**2 + alpha * gamma + gamma**2 / 2) + 2 * beta * (alpha + gamma / 2) + beta**2
    assert off(found[0, :-1], found[0, -1], 3 * (1 - p**2) / (1 - fourth)) < 3.0
    means = (squares.reshape(100, -1) ** 2).mean(axis=1)
    assert off((means.sum() - means) / 99, means.mean(), 0.01 * years) < 3.0


def test_the_log_variance_of_egarch_is_about_the_one_that_was_asked_for():
    paths, steps, beta = 20_000, 200, 0.9
    process = lc.EGARCH(volatility=0.5, alpha=0.3, gamma=-0.1, beta=beta, initial_volatility=1.5)
    squares = log_returns(process, paths=paths, steps=steps) ** 2
    logs = np.log(squares)  # E log z^2 = -gamma - log 2, whatever the step
    for step in (0, 1, 5, 199):
        about = math.log(0.25 / 365) + math.log(9.0) * beta**step - np.euler_gamma - math.log(2.0)
        assert abs(logs[:, step].mean() - about) < 5 * logs[:, step].std() / math.sqrt(paths)


def test_falls_raise_the_variance_more_than_rises():
    falls = {
        "gjr": lc.GJRGARCH(volatility=0.8, alpha=0.02, gamma=0.2, beta=0.85),
        "egarch": lc.EGARCH(volatility=0.8, alpha=0.1, gamma=-0.15, beta=0.95),
    }
    for process in falls.values():
        returns = log_returns(process, paths=60_000, steps=2)
        after_fall, after_rise = (returns[mask, 1].var() for mask in (returns[:, 0] < 0, returns[:, 0] > 0))
        assert after_fall > 1.15 * after_rise


@each
def test_absolute_returns_cluster(process):
    lag = 50
    size = np.abs(log_returns(process, paths=1, steps=400_000)[0])
    size -= size.mean()
    assert float((size[lag:] * size[:-lag]).mean() / (size**2).mean()) > 0.02


def test_the_drift_is_that_of_the_expected_price_with_normal_innovations():
    for kind, weights in ((lc.GJRGARCH, (0.05, 0.2, 0.8)), (lc.EGARCH, (0.2, -0.1, 0.9))):
        shared = dict(zip(("alpha", "gamma", "beta"), weights, strict=True))
        last = kind(volatility=0.9, drift=1.5, **shared).paths(market(), paths=40_000, steps=60, step=DAY, seed=4)
        assert abs(last[:, -1].mean() - 100 * math.exp(1.5 * 60 / 365)) < 4 * last[:, -1].std() / 200


# --- On a book --------------------------------------------------------------------------------------------------------


@each
def test_the_ladder_and_the_ledger_agree_whatever_threads_and_chunks(process, tmp_path: Path):
    ready = lc.prepare(crowd(), making.market(impact=lc.LinearImpact(depth=3_000.0), resilience=20.0))
    many = {"paths": 60, "steps": 40, "step": DAY, "seed": 3}
    ladder, ledger = (lc.simulate(ready, process, **many, engine=engine) for engine in ("ladder", "ledger"))
    assert ladder.liquidated_count.max() > 0
    for name in (*COUNTS, *MONEY):
        assert getattr(ladder, name) == pytest.approx(getattr(ledger, name), rel=1e-9, abs=1e-6), name
    assert np.array_equal(ladder.fundamental_price["X"], process.paths(ready.market, **many)[:, -1, 0])
    assert digest(lc.simulate(ready, process, **many, threads=2, chunk=7)) == digest(ladder)
    stored = lc.storing.read(lc.storing.write(ladder, tmp_path / "runs"))
    assert stored.scenario == process == pickle.loads(pickle.dumps(process))
    assert stored.at(7).fundamental_price["X"] == ladder.fundamental_price["X"][7]


# --- No long run, and what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "weights", "said"),
    [
        (lc.GARCH, {"alpha": 0.15, "beta": 0.85}, r"alpha \+ beta is 0\.15 \+ 0\.85, at least 1"),
        (lc.GARCH, {"alpha": {"X": 0.3}, "beta": 0.85}, r"alpha \+ beta of 'X' is 0\.3 \+ 0\.85, at least 1"),
        (
            lc.GJRGARCH,
            {"alpha": 0.1, "gamma": 0.2, "beta": 0.85},
            r"alpha \+ gamma/2 \+ beta is 0\.1 \+ 0\.2/2 \+ 0\.85",
        ),
        (lc.EGARCH, {"alpha": 0.1, "gamma": 0.0, "beta": 1.0}, "beta is 1"),
    ],
)
def test_without_a_long_run_there_is_a_warning_and_finite_prices(kind, weights, said):
    for given in ({"volatility": 0.8}, {"omega": 1e-5, "initial_volatility": 0.8}):
        with pytest.warns(RuntimeWarning, match=f"{said}.*: there is no long-run variance") as told:
            process = kind(**given, **weights)
        assert told[0].filename == __file__
        prices = process.paths(market(), paths=20, steps=20_000, step=DAY, seed=1)
        assert not np.isnan(prices).any()
        first = np.log(process.paths(market(), paths=20_000, steps=1, step=DAY, seed=1) / 100)
        assert np.std(first) == pytest.approx(0.8 / math.sqrt(365), rel=0.03)
    with pytest.raises(lc.InputError, match=r"initial_volatility must be given where .*: there is no long run"):
        kind(omega=1e-5, **weights)


WEIGHTS = {"volatility": 0.8, "alpha": 0.1, "gamma": 0.05, "beta": 0.8}


@pytest.mark.parametrize("kind", [lc.GJRGARCH, lc.EGARCH])
@pytest.mark.parametrize(
    ("change", "error", "rule"),
    [
        ({"volatility": -0.1}, lc.InputError, r"volatility must be >=? 0, was -0\.1"),
        ({"volatility": None}, lc.InputError, "volatility or omega must be given, and not both; neither was"),
        ({"omega": 0.5}, lc.InputError, "volatility or omega must be given, and not both; both were"),
        ({"beta": 1.1}, lc.InputError, r"beta must be <=? 1, was 1\.1"),
        ({"alpha": math.nan}, lc.InputError, "alpha must be finite, was nan"),
        ({"gamma": 11.0}, lc.InputError, r"gamma must be <=? \d+, was 11\.0"),
        ({"gamma": "high"}, lc.KindError, "gamma must be a number, was str 'high'"),
        ({"degrees_of_freedom": 2.0}, lc.InputError, r"degrees_of_freedom must be > 2, was 2\.0"),
        ({"initial_volatility": 1e4}, lc.InputError, r"initial_volatility must be <= 1000, was 10000\.0"),
        ({"correlation": [[1.0, 1.0], [1.0, 1.0]]}, lc.InputError, "must be positive definite"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(kind, change, error, rule):
    with pytest.raises(error, match=rule):
        kind(**WEIGHTS | change)


def test_a_fall_must_not_lower_the_variance_below_zero():
    with pytest.raises(lc.InputError, match=r"alpha \+ gamma of 'Y' must be >= 0, was 0\.1 \+ -0\.2"):
        lc.GJRGARCH(**WEIGHTS | {"gamma": {"X": 0.1, "Y": -0.2}})


def test_published_parameters_are_those_of_the_paper():
    btc = lc.GJRGARCH.published("BTC low")
    assert (btc.alpha, btc.gamma, btc.beta, btc.degrees_of_freedom) == (0.1141, -0.0895, 0.9306, 2.9555)
    assert btc.omega == pytest.approx(0.162e-4)
    daily = lc.GARCH.published("BTC high")
    assert daily.omega / (1 - daily.alpha - daily.beta) == pytest.approx(26.20294117647061e-4)
    eth = lc.GARCH.published("ETH low")
    assert (eth.initial_volatility / math.sqrt(365)) ** 2 == pytest.approx(6.0647e-4)
    with pytest.raises(lc.InputError, match=r"regime must be 'BTC high' or 'ETH low' or 'ETH high', was 'BTC low'"):
        lc.GARCH.published("BTC low")
    with pytest.raises(lc.InputError, match=r"regime must be 'BTC low' or .*, was 'SOL'"):
        lc.GJRGARCH.published("SOL")
