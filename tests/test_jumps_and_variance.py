"""Merton, Kou, Hawkes, Heston and Bates: what the model says, in plain Python and in closed form."""

from __future__ import annotations

import cmath
import dataclasses
import hashlib
import math
import pickle
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levcore as lc
import making
import reference_processes as reference
from test_clustering import of_asset
from test_processes import CORRELATION, DAY, HOUR, YEAR, log_returns, market, off
from test_simulate import COUNTS, MONEY, crowd, digest

NORMAL = {"rate": 40.0, "jump_mean": -0.04, "jump_deviation": 0.06}
EXPONENTIAL = {"rate": 40.0, "up_share": 0.35, "up_mean": 0.03, "down_mean": 0.05}
VARIANCE = {"volatility": 0.7, "reversion": 6.0, "volatility_of_variance": 1.5, "skew": -0.5}
CALLING = {"rate": 30.0, "excitation": 300.0, "decay": 500.0, "jump_mean": -0.02, "jump_deviation": 0.03}
ONE = {
    "merton": lc.Merton(volatility=0.6, drift=0.2, **NORMAL),
    "kou": lc.Kou(volatility=0.6, drift=0.2, **EXPONENTIAL),
    "hawkes": lc.Hawkes(volatility=0.6, drift=0.2, **CALLING),
    "heston": lc.Heston(**VARIANCE, drift=0.2, initial_volatility=1.1),
    "bates": lc.Bates(**VARIANCE, drift=0.2, **NORMAL),
}


def of_three(values: dict[str, float]) -> dict[str, dict[str, float]]:
    return {name: {"A": value, "B": 0.8 * value, "C": 0.3 * value} for name, value in values.items()}


THREE = {
    name: kind(**of_three(values), drift={"A": 0.3, "B": 0.0, "C": -1.0}, correlation=CORRELATION)
    for name, kind, values in (
        ("merton", lc.Merton, {"volatility": 0.6} | NORMAL),
        ("kou", lc.Kou, {"volatility": 0.6} | EXPONENTIAL),
        ("hawkes", lc.Hawkes, {"volatility": 0.6} | CALLING),
        ("heston", lc.Heston, VARIANCE | {"initial_volatility": 1.1}),
        ("bates", lc.Bates, VARIANCE | NORMAL),
    )
}
EACH = [(process, "X") for process in ONE.values()] + [(process, "ABC") for process in THREE.values()]
LABELS = [*ONE, *(f"{name} of three" for name in THREE)]
each = pytest.mark.parametrize(("process", "names"), EACH, ids=LABELS)


def laws_of(process: Any, names: str) -> list[dict[str, float]]:
    fields = [name for name in vars(process) if name not in ("correlation", "_") and getattr(process, name) is not None]
    laws = [{name: of_asset(getattr(process, name), asset) for name in fields} for asset in names]
    return [law | {"first": law.get("initial_volatility", law["volatility"])} for law in laws]


def expected_returns(process: Any, names: str, seed: int, path: int, steps: int, years: float) -> np.ndarray:
    k, laws = len(names), laws_of(process, names)
    factor = np.eye(k) if process.correlation is None else np.linalg.cholesky(CORRELATION)
    z = reference.mixed(reference.normals(seed, path, steps, k), factor)
    if isinstance(process, (lc.Heston, lc.Bates)):
        w = reference.normals(seed, path, steps, k, "variances")
        rows = np.array(reference.heston_returns(z, w, years, laws))
    else:
        volatility, drift = (np.array([law[name] for law in laws]) for name in ("volatility", "drift"))
        rows = (drift - volatility**2 / 2) * years + volatility * math.sqrt(years) * np.array(z)
    if isinstance(process, lc.Hawkes):
        return rows if k > 1 else rows + np.array(reference.hawkes(seed, path, steps, years, laws[0]))[:, None]
    return rows if isinstance(process, lc.Heston) else rows + reference.jumps(seed, path, steps, years, laws)


# --- What is drawn ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("process", "names"), [e for e in EACH if e[0] is not THREE["hawkes"]])
def test_it_is_what_the_model_says_in_plain_python(process, names):
    of, steps, seed = market(names), 150, 11
    for step in (DAY, HOUR):
        prices = process.paths(of, paths=2, steps=steps, step=step, seed=seed)
        for path in range(2):
            expected = expected_returns(process, names, seed, path, steps, step / YEAR).cumsum(axis=0)
            found = np.log(prices[path]) - np.log(list(of.prices.values()))
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-10)


def test_they_have_these_bits_on_every_machine():
    drawn = hashlib.sha256()
    for process, names in EACH:
        drawn.update(process.paths(market(names), paths=70, steps=101, step=HOUR, seed=7).astype("<f8").tobytes())
    assert drawn.hexdigest() == "c8ce5655d233e5a4d35721fccdb37b993d5bbc20cacaf2ea767c0d366d7e350b"


@each
def test_a_path_is_the_same_whatever_is_drawn_beside_it(process, names):
    of, many = market(names), {"step": HOUR, "seed": 5}
    whole = process.paths(of, paths=70, steps=150, **many)
    for paths in (1, 2, 7, 8, 63, 64, 65):
        for steps in (1, 2, 21, 64, 149):
            assert np.array_equal(process.paths(of, paths=paths, steps=steps, **many), whole[:paths, :steps])


def test_without_jumps_it_is_geometric_brownian_motion_to_the_bit():
    shared = {"volatility": {"A": 0.6, "B": 0.9, "C": 1.4}, "drift": 0.2, "correlation": CORRELATION}
    many = {"paths": 20, "steps": 100, "step": HOUR, "seed": 2}
    plain = lc.GBM(**shared).paths(market("ABC"), **many)
    for kind, sizes in ((lc.Merton, NORMAL), (lc.Kou, EXPONENTIAL), (lc.Hawkes, CALLING)):
        none = kind(**shared, **sizes | {"rate": 0.0})
        assert np.array_equal(none.paths(market("ABC"), **many), plain)
    for kind, sizes in ((lc.Merton, NORMAL), (lc.Kou, EXPONENTIAL)):  # where none comes, the diffusion is GBM's
        growth = reference.growth(sizes)
        moved = np.log(kind(**shared, **sizes).paths(market("ABC"), **many) / plain)
        steps = np.diff(moved, axis=1, prepend=0.0) + sizes["rate"] * growth / 8760
        assert (np.abs(steps) < 1e-12).mean() == pytest.approx(math.exp(-sizes["rate"] / 8760), abs=0.005)


def test_without_a_variance_of_the_variance_it_is_geometric_brownian_motion():
    many = {"paths": 20, "steps": 100, "step": HOUR, "seed": 2}
    plain = lc.GBM(volatility=0.7, drift=0.2).paths(market(), **many)
    still = lc.Heston(volatility=0.7, drift=0.2, reversion=5.0, volatility_of_variance=0.0)
    assert still.paths(market(), **many) == pytest.approx(plain, rel=1e-12)


# --- The laws in closed form ------------------------------------------------------------------------------------------


def cumulants(returns: np.ndarray) -> np.ndarray:
    """The first four, of 100 pieces left out in turn and of the whole."""
    powers = np.array([(returns.reshape(100, -1) ** n).mean(axis=1) for n in (1, 2, 3, 4)])
    m1, m2, m3, m4 = np.column_stack([(powers.sum(axis=1, keepdims=True) - powers) / 99, powers.mean(axis=1)])
    c2 = m2 - m1**2
    return np.array([m1, c2, m3 - 3 * m1 * m2 + 2 * m1**3, m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4 - 3 * c2**2])


@pytest.mark.parametrize("step", [HOUR, 20 * DAY], ids=["seldom", "several a step"])
@pytest.mark.parametrize(("kind", "sizes"), [(lc.Merton, NORMAL), (lc.Kou, EXPONENTIAL)], ids=["merton", "kou"])
def test_cumulants_of_jump_diffusions_are_those_of_the_closed_form(kind, sizes, step):
    process, years = kind(volatility=0.6, drift=0.3, **sizes), step / YEAR
    found = cumulants(log_returns(process, paths=1_000, steps=1_000, step=step))
    if kind is lc.Merton:
        m, d = sizes["jump_mean"], sizes["jump_deviation"]
        moments = [m, m**2 + d**2, m**3 + 3 * m * d**2, m**4 + 6 * m**2 * d**2 + 3 * d**4]
    else:
        up, a, b = sizes["up_share"], sizes["up_mean"], sizes["down_mean"]
        moments = [math.factorial(n) * (up * a**n + (1 - up) * (-b) ** n) for n in (1, 2, 3, 4)]
    exact = [sizes["rate"] * years * moment for moment in moments]
    exact[0] += (0.3 - 0.18 - sizes["rate"] * reference.growth(sizes)) * years
    exact[1] += 0.36 * years
    for row, value in zip(found, exact, strict=True):
        assert off(row[:-1], row[-1], value) < 3.0


def heston_characteristic(u: float, years: float, p: Any) -> complex:
    """E exp(iuX) of the log return, Heston (1993) in the form of Albrecher and others (2007)."""
    xi, kappa, theta = p.volatility_of_variance, p.reversion, p.volatility**2
    first = (p.initial_volatility or p.volatility) ** 2
    b = kappa - p.skew * xi * 1j * u
    d = cmath.sqrt(b * b + xi**2 * (1j * u + u * u))
    g = (b - d) / (b + d)
    fading = cmath.exp(-d * years)
    constant = kappa * theta / xi**2 * ((b - d) * years - 2 * cmath.log((1 - g * fading) / (1 - g)))
    slope = (b - d) / xi**2 * (1 - fading) / (1 - g * fading)
    jumps = 0j
    if isinstance(p, lc.Bates):
        size = cmath.exp(1j * u * p.jump_mean - u * u * p.jump_deviation**2 / 2)
        jumps = p.rate * years * (size - 1 - 1j * u * reference.growth(vars(p)))
    return cmath.exp(constant + slope * first + 1j * u * p.drift * years + jumps)


@pytest.mark.parametrize("name", ["heston", "bates"])
def test_the_law_of_stochastic_variance_is_that_of_the_closed_form(name):
    process, paths, steps = ONE[name], 40_000, 250
    step = timedelta(hours=12)
    prices = process.paths(market(), paths=paths, steps=steps, step=step, seed=3)[:, -1, 0]
    x = np.log(prices / 100)
    for u in (0.5, 1.0, 2.0, 4.0):
        exact = heston_characteristic(u, steps * (step / YEAR), process)
        for wave, value in ((np.cos(u * x), exact.real), (np.sin(u * x), exact.imag)):
            assert abs(wave.mean() - value) < 4 * wave.std() / math.sqrt(paths)


def test_the_variance_of_a_long_heston_return_is_that_of_the_closed_form():
    p, years, paths = lc.Heston(**VARIANCE), 0.5, 40_000
    x = log_returns(p, paths=paths, steps=730, step=timedelta(hours=6)).sum(axis=1)
    k, xi, theta, rho = p.reversion, p.volatility_of_variance, p.volatility**2, p.skew
    fading = 1 - math.exp(-k * years)
    spread = years - 2 * fading / k + (1 - math.exp(-2 * k * years)) / (2 * k)
    exact = theta * (years + xi**2 / (4 * k**2) * spread - rho * xi / k * (years - fading / k))
    assert exact / theta / years > 1.05  # unlike that of a Brownian motion
    assert abs(x.var() - exact) < 4 * ((x - x.mean()) ** 2).std() / math.sqrt(paths)


@pytest.mark.parametrize("name", ONE)
def test_the_drift_is_that_of_the_expected_price(name):
    for drift in (0.0, 1.5):
        process = type(ONE[name])(**vars(ONE[name]) | {"drift": drift})
        last = process.paths(market(), paths=40_000, steps=60, step=DAY, seed=4)[:, -1, 0]
        assert abs(last.mean() - 100 * math.exp(drift * 60 / 365)) < 4 * last.std() / 200


@pytest.mark.parametrize("name", ["hawkes", "heston", "bates"])
def test_absolute_returns_cluster_and_those_of_independent_jumps_do_not(name):
    lag, n = 50, 400_000
    apart = lc.Merton(volatility=0.6, **NORMAL)
    clustered = lc.Hawkes(volatility=0.3, **CALLING | {"excitation": 450.0}) if name == "hawkes" else ONE[name]
    for process, clusters in ((clustered, True), (apart, False)):
        size = np.abs(log_returns(process, paths=1, steps=n, step=HOUR)[0])
        size -= size.mean()
        correlation = float((size[lag:] * size[:-lag]).mean() / (size**2).mean())
        assert (correlation > 0.02) if clusters else (abs(correlation) < 4 / math.sqrt(n))


def test_diffusions_correlate_and_jumps_do_not():
    quiet = {name: dict.fromkeys("ABC", 0.0) for name in ("jump_deviation",)} | {"jump_mean": 0.0}
    for process in (
        lc.Merton(volatility=0.8, correlation=CORRELATION, **{**NORMAL, **quiet}),
        lc.Hawkes(volatility=0.8, correlation=CORRELATION, **{**CALLING, **quiet}),
        lc.Heston(**VARIANCE, correlation=CORRELATION),
    ):
        prices = process.paths(market("ABC"), paths=60_000, steps=1, step=HOUR, seed=9)[:, 0]
        assert np.abs(np.corrcoef(np.log(prices).T) - CORRELATION).max() < 4 / math.sqrt(60_000)
    only_jumps = lc.Merton(volatility=0.0, **NORMAL).paths(market("ABC"), paths=60_000, steps=1, step=10 * DAY, seed=9)
    assert np.abs(np.corrcoef(np.log(only_jumps[:, 0]).T) - np.eye(3)).max() < 5 / math.sqrt(60_000)


SHARED = {
    "merton": lc.Merton(
        volatility=0.3, shared_jumps=True, **NORMAL | {"jump_mean": {"A": -0.04, "B": -0.06, "C": 0.02}}
    ),
    "kou": lc.Kou(volatility=0.3, shared_jumps=True, **EXPONENTIAL),
    "bates": lc.Bates(**VARIANCE, shared_jumps=True, **NORMAL),
}


@pytest.mark.parametrize("name", SHARED)
def test_shared_jumps_come_to_all_assets_at_once_each_of_its_own_size(name):
    process = SHARED[name]
    found = np.log(process.paths(market("ABC"), paths=2, steps=150, step=DAY, seed=11))
    for path in range(2):
        expected = expected_returns(process, "ABC", 11, path, 150, DAY / YEAR).cumsum(axis=0)
        start = np.log(list(market("ABC").prices.values()))
        assert found[path] - start == pytest.approx(expected, rel=1e-9, abs=1e-10)
    many = {"paths": 70, "steps": 40, "step": DAY, "seed": 5}
    whole = process.paths(market("ABC"), **many)
    assert np.array_equal(process.paths(market("ABC"), **many | {"paths": 7}), whole[:7])
    alone = of_first(process).paths(market("A"), **many)  # of the first asset nothing changes
    assert np.array_equal(alone, dataclasses.replace(of_first(process), shared_jumps=False).paths(market("A"), **many))


def of_first(process: Any) -> Any:
    return type(process)(
        **{name: of_asset(value, "A") for name, value in vars(process).items() if value is not None and name != "_"}
    )


def test_shared_jumps_correlate_assets_as_the_closed_form_says():
    process = lc.Merton(volatility=0.2, shared_jumps=True, **NORMAL)
    n, days = 60_000, 10
    moved = np.log(process.paths(market("ABC"), paths=n, steps=1, step=days * DAY, seed=9)[:, 0])
    jump = NORMAL["rate"] * NORMAL["jump_mean"] ** 2  # covariance a year of independent sizes at shared times
    own = 0.2**2 + NORMAL["rate"] * (NORMAL["jump_mean"] ** 2 + NORMAL["jump_deviation"] ** 2)
    expected = np.full((3, 3), jump / own)
    np.fill_diagonal(expected, 1.0)
    assert np.abs(np.corrcoef(moved.T) - expected).max() < 5 / math.sqrt(n)


# --- On a book --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ONE)
def test_the_ladder_and_the_ledger_agree_whatever_threads_and_chunks(name, tmp_path: Path):
    process = ONE[name]
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


def changed(name: str) -> Callable[..., Any]:
    return lambda **change: type(ONE[name])(**vars(ONE[name]) | change)


@pytest.mark.parametrize(
    ("name", "change", "error", "rule"),
    [
        ("merton", {"volatility": -0.1}, lc.InputError, r"volatility must be >= 0, was -0\.1"),
        ("merton", {"rate": -1.0}, lc.InputError, r"rate must be >= 0, was -1\.0"),
        ("merton", {"jump_mean": math.inf}, lc.InputError, "jump_mean must be finite, was inf"),
        ("merton", {"jump_deviation": {"X": -0.1}}, lc.InputError, r"jump_deviation\['X'\] must be >= 0, was -0\.1"),
        ("merton", {"rate": "often"}, lc.KindError, "rate must be a number, was str 'often'"),
        ("merton", {"correlation": [[1.0, 1.0], [1.0, 1.0]]}, lc.InputError, "must be positive definite"),
        ("kou", {"up_share": 1.1}, lc.InputError, r"up_share must be <= 1, was 1\.1"),
        ("kou", {"up_mean": 1.0}, lc.InputError, r"up_mean must be < 1, was 1\.0"),
        ("kou", {"down_mean": 0.0}, lc.InputError, r"down_mean must be > 0, was 0\.0"),
        ("hawkes", {"decay": 0.0}, lc.InputError, r"decay must be > 0, was 0\.0"),
        ("hawkes", {"excitation": 500.0}, lc.InputError, r"excitation must be < decay, was 500\.0 and 500\.0: jumps"),
        ("hawkes", {"decay": {"X": 500.0, "Y": 300.0}}, lc.InputError, r"excitation of 'Y' must be < decay, was 300"),
        ("merton", {"shared_jumps": 1}, lc.KindError, "shared_jumps must be True or False, was int 1"),
        ("kou", {"shared_jumps": True, "rate": {"X": 1.0}}, lc.InputError, "rate must be one number for all assets"),
        ("heston", {"reversion": 0.0}, lc.InputError, r"reversion must be > 0, was 0\.0"),
        ("heston", {"skew": -1.5}, lc.InputError, r"skew must be >= -1, was -1\.5"),
        ("heston", {"volatility_of_variance": -1.0}, lc.InputError, r"volatility_of_variance must be >= 0, was -1\.0"),
        ("bates", {"initial_volatility": -1.0}, lc.InputError, r"initial_volatility must be >= 0, was -1\.0"),
        ("bates", {"rate": math.nan}, lc.InputError, "rate must be finite, was nan"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(name, change, error, rule):
    with pytest.raises(error, match=rule):
        changed(name)(**change)


@pytest.mark.parametrize(
    ("name", "change", "rule"),
    [
        ("merton", {"rate": 1e6}, r"rate must be at most 100 jumps a step, was 2739\.73: 1e\+06 a year"),
        ("kou", {"rate": {"Y": 1.0}}, "unknown asset 'Y'; known: X"),
        ("hawkes", {"rate": 1e5}, r"rate/\(1 - excitation/decay\) must be at most 100 jumps a step, was 684\.932"),
        ("heston", {"reversion": 400.0}, r"reversion of 'X' must be at most 1 per step, was 1\.09589: 400 a year"),
        ("bates", {"correlation": [[1.0, 0.5], [0.5, 1.0]]}, r"correlation must have shape \(1, 1\)"),
    ],
)
def test_a_process_must_fit_the_market_and_the_step(name, change, rule):
    with pytest.raises(lc.InputError, match=rule):
        changed(name)(**change).paths(market(), paths=1, steps=1, step=DAY, seed=1)
