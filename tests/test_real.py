"""Elementary functions against mpmath: within the bounds that their header states, exact where they must be."""

from __future__ import annotations

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


def test_exp_and_log_are_monotone_over_neighbouring_doubles():
    for start, function in ((0.3465735902799726, _core.exp), (1.0078125, _core.log), (0.6875, _core.log)):
        x = np.array([start])
        for _ in range(2_000):
            x = np.append(x, np.nextafter(x[-1], np.inf))
        assert (np.diff(function(x)) >= 0.0).all()
