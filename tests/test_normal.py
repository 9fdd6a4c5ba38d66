"""The normal distribution against mpmath: as near as its header says, far out too, and an inverse that never falls."""

from __future__ import annotations

import hashlib
import math

import mpmath
import numpy as np

from levcore import _core
from test_real import worst_error_in_ulp

INFINITY = math.inf
HALF_SMALLEST = -38.48  # where the probability is no longer rounded to the smallest double


def true_cdf(x: float) -> mpmath.mpf:
    return mpmath.erfc(-mpmath.mpf(x) / mpmath.sqrt(2)) / 2


def error_of_quantile_in_ulp(p: np.ndarray) -> float:
    """By one step of Newton's method from what was got, in many digits: what it leaves out is far below an ulp."""
    worst = mpmath.mpf(0)
    for probability, x in zip(p.tolist(), _core.normal_quantile(p).tolist(), strict=True):
        # beyond 1/2 from the right, where a probability near 1 would hide the tail
        side = -1 if probability > 0.5 else 1
        over = true_cdf(side * x) - (mpmath.mpf(probability) if side > 0 else 1 - mpmath.mpf(probability))
        density = mpmath.exp(-(mpmath.mpf(x) ** 2) / 2) / mpmath.sqrt(2 * mpmath.pi)
        worst = max(worst, abs(over / density) / mpmath.mpf(math.ulp(x)))
    return float(worst)


def test_the_probability_stays_within_two_units_in_the_last_place_down_to_the_smallest_double():
    random = np.random.default_rng(6)
    tiny = 10.0 ** random.uniform(-300.0, 0.0, 3_000) * random.choice([-1.0, 1.0], 3_000)
    wide = [random.uniform(*ends, 4_500) for ends in ((-1.5, 1.5), (-9.0, 9.0), (HALF_SMALLEST, -1.0), (-38.4, -37.0))]
    row_starts = np.concatenate([-(2.0**k * (1.0 + np.arange(16) / 16.0) - 1.0) for k in range(5)])
    edges = np.concatenate([row_starts, np.nextafter(row_starts, 0.0), [5e-324, -5e-324, 8.3, HALF_SMALLEST]])
    x = np.concatenate([*wide, tiny, edges])
    assert len(x) > 20_000
    with mpmath.workdps(40):
        assert worst_error_in_ulp(_core.normal_cdf(x), [true_cdf(v) for v in x.tolist()]) <= 2.0


def test_the_quantile_stays_within_one_unit_in_the_last_place():
    random = np.random.default_rng(7)
    uniform = random.random(7_000)
    left = 10.0 ** random.uniform(-308.0, 0.0, 5_000) * 0.5
    subnormal = 10.0 ** random.uniform(-323.0, -307.0, 1_000)
    centre = 0.5 + 10.0 ** random.uniform(-16.0, -1.0, 5_000) * random.choice([-1.0, 1.0], 5_000)
    right = 1.0 - 10.0 ** random.uniform(-15.9, -1.0, 3_000)
    edges = [0.5, np.nextafter(0.5, 0.0), np.nextafter(0.5, 1.0), 1.0 - 2.0**-53, 1e-300, 5e-324, 0.40625, 0.59375]
    p = np.concatenate([uniform, left, subnormal, centre, right, edges])
    assert len(p) > 20_000
    with mpmath.workdps(40):
        assert error_of_quantile_in_ulp(p) <= 1.0


def test_the_quantile_never_falls_over_neighbouring_doubles():
    random = np.random.default_rng(8)
    ends = 10.0 ** random.uniform(-323.0, -0.31, 600)
    seams = np.array([0.40625, 0.5, 0.59375, 1.0 - 2.0**-20]) - 1e-14
    starts = np.concatenate([ends, 1.0 - ends[:200], random.random(600), seams, [5e-324, 2.0**-1022 - 1e-320]])
    starts = np.minimum(starts, 1.0 - 2_000 * 2.0**-53)
    p = (starts.view(np.int64)[:, None] + np.arange(2_000)).view(np.float64)
    x = _core.normal_quantile(p.ravel()).reshape(p.shape)
    assert (np.diff(x, axis=1) >= 0.0).all()
    wide = np.sort(np.concatenate([p.ravel(), random.random(200_000)]))
    assert (np.diff(_core.normal_quantile(wide)) >= 0.0).all()


def test_quantile_and_probability_are_inverse_and_symmetric():
    x = np.arange(-8 * 64, 8 * 64 + 1) / 64.0
    below = x[x <= 0.0]
    assert np.abs(_core.normal_quantile(_core.normal_cdf(below)) - below).max() < 1e-15
    assert np.abs(_core.normal_cdf(x) + _core.normal_cdf(-x) - 1.0).max() <= 2.0**-53
    p = np.arange(1, 4_096) / 4_096.0
    assert np.array_equal(_core.normal_quantile(p), -_core.normal_quantile(1.0 - p))


def test_special_values_are_the_limits():
    got = _core.normal_cdf(np.array([-INFINITY, INFINITY, 0.0, -0.0, -38.5, -1e300, 9.0, 1e300]))
    assert got.tolist() == [0.0, 1.0, 0.5, 0.5, 0.0, 0.0, 1.0, 1.0]
    assert _core.normal_cdf(np.array([HALF_SMALLEST])).tolist() == [5e-324]
    assert _core.normal_quantile(np.array([0.0, -0.0, 1.0, 0.5])).tolist() == [-INFINITY, -INFINITY, INFINITY, 0.0]
    assert np.isnan(_core.normal_cdf(np.array([math.nan]))).all()
    assert np.isnan(_core.normal_quantile(np.array([math.nan, -5e-324, np.nextafter(1.0, 2.0), INFINITY]))).all()


def test_the_bits_are_those_of_every_machine():
    x = np.arange(-39 * 64, 10 * 64) / 64.0
    p = np.concatenate([np.arange(1, 4_096) / 4_096.0, 2.0 ** -np.arange(1.0, 1_075.0)])
    values = np.concatenate([_core.normal_cdf(x), _core.normal_quantile(p)])
    assert (
        hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()
        == "29dadfb0d9ac5e703f4dbba3603888a748714837fed80f5c5706944c92949f54"
    )
