"""Impact shapes and average prices of walks, against integrals at forty digits."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import levcore as lc

CURVE = lc.DepthCurve(
    distance=[0.001, 0.01, 0.05], quantity=[10.0, 100.0, 300.0], ask_distance=[0.002, 0.02], ask_quantity=[5.0, 80.0]
)
SHAPES = {
    "linear": lc.LinearImpact(depth=700.0),
    "square root": lc.SquareRootImpact(daily_volatility=0.05, daily_volume=1_000.0),
    "power 0.6": lc.PowerImpact(scale=1e4, exponent=0.6),
    "power 1.7": lc.PowerImpact(scale=1e3, exponent=1.7),
    "power 0.3": lc.PowerImpact(scale=300.0, exponent=0.3),
    "depth curve": CURVE,
}


def exact_log_impact(shape, x):
    x = mpmath.mpf(x)
    sign, size = mpmath.sign(x), abs(x)
    if isinstance(shape, lc.LinearImpact):
        return x / mpmath.mpf(shape.depth)
    if isinstance(shape, lc.SquareRootImpact):
        return sign * mpmath.mpf(shape.daily_volatility) * mpmath.sqrt(size / mpmath.mpf(shape.daily_volume))
    if isinstance(shape, lc.PowerImpact):
        return sign * (size / mpmath.mpf(shape.scale)) ** mpmath.mpf(shape.exponent)
    below = x < 0
    quantity = [mpmath.mpf(0), *map(mpmath.mpf, shape.quantity if below else shape.ask_quantity)]
    distance = [mpmath.mpf(0), *((-1 if below else 1) * mpmath.mpf(d) for d in shape.distance if below)]
    if not below:
        distance = [mpmath.mpf(0), *map(mpmath.mpf, shape.ask_distance)]
    for i in range(len(quantity) - 1):
        if size <= quantity[i + 1]:
            share = (size - quantity[i]) / (quantity[i + 1] - quantity[i])
            return mpmath.log(1 + distance[i] + (distance[i + 1] - distance[i]) * share)
    slope = (mpmath.log(1 + distance[-1]) - mpmath.log(1 + distance[-2])) / (quantity[-1] - quantity[-2])
    return mpmath.log(1 + distance[-1]) + slope * (size - quantity[-1])


def exact_average(shape, start: float, order: float):
    ends = sorted([mpmath.mpf(start), mpmath.mpf(start) + mpmath.mpf(order)])
    breaks = [mpmath.mpf(0), *(sign * mpmath.mpf(10) ** k for sign in (1, -1) for k in range(-9, 3))]
    if isinstance(shape, lc.DepthCurve):
        breaks += [-mpmath.mpf(q) for q in shape.quantity] + [mpmath.mpf(q) for q in shape.ask_quantity]
    pieces = sorted({*ends, *(b for b in breaks if ends[0] < b < ends[1])})
    return mpmath.quad(lambda y: mpmath.exp(exact_log_impact(shape, y)), pieces) / (ends[1] - ends[0])


@pytest.mark.parametrize("name", SHAPES)
def test_the_average_price_of_a_walk_is_the_integral_of_the_price_to_1e_14(name):
    shape = SHAPES[name]
    random = np.random.default_rng(1)
    with mpmath.workdps(40):
        for _ in range(40):
            start = float(random.choice([0.0, 1.0, -1.0]) * 10.0 ** random.uniform(-3.0, 3.0))
            order = float(random.choice([1.0, -1.0]) * 10.0 ** random.uniform(-9.0, 3.0))
            true = exact_average(shape, start, order)
            assert float(abs(shape.average_ratio(start, order) / true - 1)) < 1e-14, (start, order)


@pytest.mark.parametrize("name", SHAPES)
def test_small_orders_pay_the_price_where_they_stand(name):
    shape = SHAPES[name]
    for start in (-250.0, -30.0, 30.0, 250.0):
        for order in (1e-12, -1e-9, 1e-6):
            expected = math.exp(shape.log_impact(start))
            assert shape.average_ratio(start, order) == pytest.approx(expected, rel=2e-6 if order == 1e-6 else 1e-8)
        assert shape.average_ratio(start, 0.0) == pytest.approx(math.exp(shape.log_impact(start)), rel=1e-15)


@pytest.mark.parametrize("name", SHAPES)
def test_impact_is_zero_at_zero_continuous_and_never_falling(name):
    shape = SHAPES[name]
    x = np.linspace(-400.0, 400.0, 40_001)
    moved = shape.log_impact(x)
    assert shape.log_impact(0.0) == 0.0
    assert (np.diff(moved) >= 0.0).all()
    nodes = np.array([-300.0, -100.0, -10.0, 5.0, 80.0])
    assert shape.log_impact(nodes - 1e-9) == pytest.approx(shape.log_impact(nodes + 1e-9), abs=1e-9)


@pytest.mark.parametrize("name", SHAPES)
def test_averages_of_parts_make_the_average_of_the_whole(name):
    shape = SHAPES[name]
    first, second = -90.0, 130.0
    whole = (first * shape.average_ratio(20.0, first) + second * shape.average_ratio(-70.0, second)) / (first + second)
    assert whole == pytest.approx(shape.average_ratio(20.0, first + second), rel=1e-12)


def test_the_power_law_contains_the_linear_and_the_square_root_one():
    x, order = np.array([-50.0, -1.0, 0.0, 3.0]), np.array([-7.0, 2.0, 1.0, -60.0])
    linear, power = lc.LinearImpact(depth=900.0), lc.PowerImpact(scale=900.0, exponent=1.0)
    assert power.average_ratio(x, order) == pytest.approx(linear.average_ratio(x, order), rel=1e-14)
    root = lc.SquareRootImpact(daily_volatility=0.1, daily_volume=100.0)
    half = lc.PowerImpact(scale=1e4, exponent=0.5)
    assert half.average_ratio(x, order) == pytest.approx(root.average_ratio(x, order), rel=1e-14)


def test_a_depth_curve_walks_its_nodes_and_goes_on_with_its_last_slope():
    assert CURVE.log_impact(-100.0) == pytest.approx(math.log(0.99), rel=1e-15)
    assert CURVE.log_impact(5.0) == pytest.approx(math.log(1.002), rel=1e-13)
    slope = (math.log(0.95) - math.log(0.99)) / 200.0
    assert CURVE.log_impact(-400.0) == pytest.approx(math.log(0.95) + 100.0 * slope, rel=1e-14)
    assert CURVE.average_ratio(0.0, -10.0) == pytest.approx(0.9995, rel=1e-15)
    mirrored = lc.DepthCurve(distance=[0.01], quantity=[10.0])
    assert mirrored.log_impact(10.0) == pytest.approx(math.log(1.01), rel=1e-14)


def test_an_order_book_refills_and_the_price_keeps_the_permanent_share():
    for permanent in (0.0, 0.4, 1.0):
        asset = lc.Asset(1.0, impact=lc.LinearImpact(depth=500.0), permanent=permanent, resilience=math.log(2.0))
        volume, kept = asset._to_native().refill(-100.0, 0.01, 1.0)
        assert volume == pytest.approx(-50.0, rel=1e-15)
        assert kept == pytest.approx(0.01 + permanent * (-100.0 + 50.0) / 500.0, rel=1e-14)
    shallow = lc.Asset(1.0, impact=CURVE, permanent=0.0, resilience=2.0)
    volume, kept = shallow._to_native().refill(-100.0, 0.0, 0.5)
    assert (volume, kept) == (pytest.approx(-100.0 / math.e, rel=1e-15), 0.0)
    still = lc.Asset(1.0, impact=CURVE)
    assert still._to_native().refill(-100.0, -0.2, 30.0) == (-100.0, -0.2)
