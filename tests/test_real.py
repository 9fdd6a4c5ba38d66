"""Elementary functions against mpmath: within the bounds that their header states, exact where they must be."""

from __future__ import annotations

import functools
import hashlib
import math

import mpmath
import numpy as np
import pytest

from levcore import _core


def worst_error_in_ulp(got: np.ndarray, exact) -> float:
    worst = 0.0
    for value, true in zip(got.tolist(), exact, strict=True):
        ulp = mpmath.mpf(math.ulp(float(true)))
        worst = max(worst, float(abs((mpmath.mpf(value) - true) / ulp)))
    return worst


@functools.cache
def hardest_to_reduce(count: int) -> np.ndarray:
    """The doubles up to 1e6 that come nearest to a multiple of pi/2, of one sign and the other."""
    with mpmath.workprec(200):  # pi/2 in parts of 32 bits, whose products with k are exact
        rest, parts = mpmath.pi / 2, []
        for bits in (31, 64, 97):
            parts.append(mpmath.floor(mpmath.ldexp(rest, bits)) / mpmath.mpf(2) ** bits)
            rest -= parts[-1]
    k = np.arange(1.0, 1e6 / (math.pi / 2))
    first, second, third = (k * float(part) for part in parts)
    nearest = first + second
    away = np.abs(((first - nearest) + second) + third)
    places = nearest[np.argsort(away)[:count]]
    return np.concatenate([places, -places])


def sample(low: float, high: float, near: float = 0.0, count: int = 4_000) -> np.ndarray:
    random = np.random.default_rng(11)
    wide = random.uniform(low, high, count)
    small = near + 10.0 ** random.uniform(-17.0, 0.0, count) * random.choice([-1.0, 1.0], count)
    return np.concatenate([wide, small[(small > low) & (small < high)]])


@pytest.mark.parametrize(
    ("name", "low", "high", "near", "bound"),
    [
        ("exp", -700.0, 700.0, 0.0, 0.6),
        ("expm1", -50.0, 700.0, 0.0, 1.0),
        ("log", 1e-300, 10.0, 1.0, 0.6),
        ("log1p", -0.999999, 1e6, 0.0, 1.0),
    ],
)
def test_each_function_stays_within_its_stated_bound(name, low, high, near, bound):
    x = sample(low, high, near)
    with mpmath.workdps(50):
        true = getattr(mpmath, name) if hasattr(mpmath, name) else {"log": mpmath.log}[name]
        assert worst_error_in_ulp(getattr(_core, name)(x), [true(mpmath.mpf(v)) for v in x.tolist()]) <= bound


@pytest.mark.parametrize("exponent", [0.1, 0.5, 0.7, 1.0, 1.3, 3.9])
def test_powers_stay_within_one_unit_in_the_last_place(exponent):
    x = np.exp(np.random.default_rng(3).uniform(-60.0, 60.0, 3_000))
    with mpmath.workdps(50):
        assert worst_error_in_ulp(_core.pow(x, exponent), [mpmath.mpf(v) ** mpmath.mpf(exponent) for v in x]) <= 1.0


def test_logarithms_of_every_binary_exponent_are_right():
    x = 2.0 ** np.arange(-1074, 1024, 7.0) * 1.37
    with mpmath.workdps(50):
        assert worst_error_in_ulp(_core.log(x), [mpmath.log(mpmath.mpf(v)) for v in x.tolist()]) <= 0.6


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_stay_within_one_unit_in_the_last_place(name):
    random = np.random.default_rng(5)
    tiny = 10.0 ** random.uniform(-320.0, 0.0, 3_000) * random.choice([-1.0, 1.0], 3_000)
    edges = np.array([2.0**-27, -(2.0**-27), np.nextafter(2.0**-27, 0.0), 0.25 * math.pi, 1e6, -1e6, 5e-324])
    wide = [random.uniform(-limit, limit, 4_500) for limit in (4.0, 100.0, 1e5, 1e6)]
    x = np.concatenate([*wide, tiny, edges, hardest_to_reduce(500)])
    assert len(x) > 20_000
    with mpmath.workprec(250):
        true = getattr(mpmath, name)
        assert worst_error_in_ulp(getattr(_core, name)(x), [true(mpmath.mpf(v)) for v in x.tolist()]) <= 1.0


def test_sine_and_cosine_are_nan_where_they_are_not_kept_exact():
    beyond = np.array([math.inf, -math.inf, math.nan, np.nextafter(1e6, 2e6), -1e9, 1e300])
    assert np.isnan(_core.sin(beyond)).all()
    assert np.isnan(_core.cos(beyond)).all()
    zeros = _core.sin(np.array([0.0, -0.0]))
    assert zeros.tolist() == [0.0, 0.0]
    assert np.signbit(zeros).tolist() == [False, True]
    assert _core.cos(np.array([0.0, -0.0, 1e-9])).tolist() == [1.0, 1.0, 1.0]


def test_special_values_are_those_of_ieee_functions():
    inf, nan = math.inf, math.nan
    assert _core.exp(np.array([0.0, -0.0, inf, -inf, 1e4, -1e4])).tolist() == [1.0, 1.0, inf, 0.0, inf, 0.0]
    assert _core.expm1(np.array([0.0, inf, -inf, -60.0])).tolist() == [0.0, inf, -1.0, -1.0]
    assert _core.log(np.array([1.0, 0.0, inf])).tolist() == [0.0, -inf, inf]
    assert _core.log1p(np.array([0.0, -1.0, inf])).tolist() == [0.0, -inf, inf]
    assert np.isnan(_core.log(np.array([-1.0, nan]))).all()
    assert np.isnan(_core.exp(np.array([nan]))).all()
    assert np.isnan(_core.log1p(np.array([-2.0, nan]))).all()
    assert _core.pow(np.array([0.0, 1.0, 4.0, inf]), 0.5).tolist() == [0.0, 1.0, 2.0, inf]


def test_the_bits_are_those_of_every_machine():
    x = np.arange(-6_400, 6_401) / 16.0
    values = [_core.exp(x), _core.expm1(x), _core.log(x[x > 0.0]), _core.log1p(x[x > -1.0]), _core.sin(x), _core.cos(x)]
    values.append(_core.pow(x[x >= 0.0], 0.7))
    assert (
        hashlib.sha256(np.concatenate(values).astype("<f8").tobytes()).hexdigest()
        == "6acf0ac7d708e5eac966508f37487e3b26b016f663fdac96b73fdd59e2b808d8"
    )


def test_exp_and_log_are_monotone_over_neighbouring_doubles():
    for start, function in ((0.3465735902799726, _core.exp), (1.0078125, _core.log), (0.6875, _core.log)):
        x = np.array([start])
        for _ in range(2_000):
            x = np.append(x, np.nextafter(x[-1], np.inf))
        assert (np.diff(function(x)) >= 0.0).all()
