"""Cascades that can be worked out by hand: what must come out exactly, or within one rung of the ladder."""

from __future__ import annotations

import math

import numpy as np
import pytest

import levcore as lc
from making import book, book_by_liquidation_price, market, venue

START = 100.0
RUNGS = 10_000


def uniform_ladder(branching: float, shock: float, gap: float = 0.0):
    """Equal longs, uniform in log liquidation price from the start price (less a gap) down, and a market in which one
    rung's sale moves the log price by `branching` rungs.
    """
    log_shock = math.log1p(shock)
    reach = 1.5 * abs(log_shock) / (1.0 - branching) if branching < 1.0 else 3.0 * abs(log_shock)
    rung = reach / RUNGS
    at = venue(0.001, fund=1e12)
    prices = START * np.exp(-gap - rung * (np.arange(RUNGS) + 1.0))
    held = book_by_liquidation_price(at, np.ones(RUNGS), prices, entry_price=2.0 * START)
    depth = 1.0 / (branching * rung) if branching > 0.0 else math.inf
    return held, market(START, lc.LinearImpact(depth=depth)), rung


@pytest.mark.parametrize("branching", [0.0, 0.1, 0.25, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("shock", [-0.01, -0.05, -0.2])
def test_a_uniform_ladder_amplifies_by_one_over_one_minus_its_branching_ratio(branching, shock):
    held, to, rung = uniform_ladder(branching, shock)
    outcome = lc.shock(held, to, shock)
    moved = math.log(outcome.final_price["X"] / START)
    assert moved == pytest.approx(math.log1p(shock) / (1.0 - branching), abs=rung / (1.0 - branching))
    assert outcome.amplification["X"] == pytest.approx(moved / math.log1p(shock), rel=1e-12)
    assert outcome.conservation_error <= 1e-12


@pytest.mark.parametrize("branching", [0.25, 0.5, 0.8])
def test_a_gap_before_the_first_rung_is_crossed_without_feedback(branching):
    shock, gap = -0.1, 0.03
    held, to, rung = uniform_ladder(branching, shock, gap)
    moved = math.log(lc.shock(held, to, shock).final_price["X"] / START)
    expected = math.log1p(shock) + branching / (1.0 - branching) * (math.log1p(shock) + gap)
    assert moved == pytest.approx(expected, abs=rung / (1.0 - branching))


@pytest.mark.parametrize("branching", [1.0, 1.2, 3.0])
def test_a_branching_ratio_of_one_or_more_wipes_the_ladder_out(branching):
    held, to, _ = uniform_ladder(branching, -0.01)
    assert lc.shock(held, to, -0.01).liquidated_count == RUNGS


def test_with_both_sides_liquidatable_the_long_closes_and_the_short_is_left_alone():
    at = venue(0.0, fund=1e6)
    held = book(at, [10.0, -1.0], [110.0, 90.0], [95.0, 9.5])
    assert held.liquidation_price.tolist() == [100.5, 99.5]
    outcome = lc.shock(held, market(100.0, lc.LinearImpact(depth=500.0)), 0.0)
    assert outcome.liquidated.tolist() == [True, False]
    assert outcome.final_price["X"] == pytest.approx(100.0 * math.exp(-10.0 / 500.0), rel=1e-15)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_order_of_a_one_sided_book_does_not_show(side):
    random = np.random.default_rng(5)
    at = venue(0.005, fund=1e4)
    quantity = side * random.lognormal(0.0, 1.0, 400)
    prices = START * (1.0 - side * random.uniform(0.0, 0.3, 400))
    held = book_by_liquidation_price(at, quantity, prices, entry_price=START * (1.0 + side * 0.5))
    to = market(START, lc.SquareRootImpact(daily_volatility=0.2, daily_volume=2_000.0))
    first = lc.shock(held, to, -side * 0.05)
    order = random.permutation(400)
    again = lc.shock(held[order], to, -side * 0.05)
    assert 10 < first.liquidated_count < 400
    assert np.array_equal(first.liquidated[order], again.liquidated)
    assert again.final_price["X"] == pytest.approx(first.final_price["X"], rel=1e-15)
    assert again.rounds == first.rounds


@pytest.mark.parametrize("shape", ["linear", "square root", "power", "depth curve"])
def test_splitting_an_order_changes_nothing(shape):
    impact = {
        "linear": lc.LinearImpact(depth=1_000.0),
        "square root": lc.SquareRootImpact(daily_volatility=0.3, daily_volume=500.0),
        "power": lc.PowerImpact(scale=2_000.0, exponent=0.7),
        "depth curve": lc.DepthCurve(distance=[0.01, 0.1, 0.2], quantity=[20.0, 90.0, 120.0]),
    }[shape]
    at = venue(0.01, remainder="trader")
    whole = lc.shock(book(at, [100.0], [100.0], [400.0]), market(100.0, impact), -0.04)
    parts = lc.shock(book(at, np.full(8, 12.5), np.full(8, 100.0), np.full(8, 50.0)), market(100.0, impact), -0.04)
    assert (whole.liquidated_count, parts.liquidated_count) == (1, 8)
    assert parts.final_price["X"] == pytest.approx(whole.final_price["X"], rel=1e-14)
    assert parts.liquidated_notional == pytest.approx(whole.liquidated_notional, rel=1e-14)


def test_a_round_trip_at_one_instant_costs_nothing_but_the_half_spread():
    for impact in (lc.LinearImpact(depth=100.0), lc.PowerImpact(scale=500.0, exponent=0.6)):
        sold = impact.average_ratio(0.0, -30.0)
        bought = impact.average_ratio(-30.0, 30.0)
        assert bought == pytest.approx(sold, rel=1e-15)


@pytest.mark.parametrize("mark_follow", [0.0, 0.3, 1.0])
def test_the_mark_follows_the_order_book_by_its_share(mark_follow):
    at = venue(0.0, fund=1e6)
    to = market(100.0, lc.LinearImpact(depth=100.0), mark_follow=mark_follow)
    outcome = lc.shock(book(at, [10.0], [100.0], [5.0]), to, -0.06)
    assert outcome.final_price["X"] == pytest.approx(94.0 * math.exp(-0.1 * mark_follow), rel=1e-15)
    # the order itself walks the book, whatever the mark does
    assert outcome.liquidated_notional == pytest.approx(10.0 * 94.0 * -math.expm1(-0.1) / 0.1, rel=1e-15)


def test_the_half_spread_is_paid_and_does_not_move_the_mark():
    at = venue(0.0, fund=1e6)
    without = lc.shock(book(at, [10.0], [100.0], [5.0]), market(), -0.06)
    paying = lc.shock(book(at, [10.0], [100.0], [5.0]), market(half_spread=0.01), -0.06)
    assert paying.final_price == without.final_price
    assert paying.liquidated_notional == pytest.approx(0.99 * without.liquidated_notional, rel=1e-15)
    short = lc.shock(book(at, [-10.0], [100.0], [5.0]), market(half_spread=0.01), 0.06)
    assert short.liquidated_notional == pytest.approx(10.0 * 106.0 * 1.01, rel=1e-15)


def test_infinite_depth_moves_no_price_and_liquidates_exactly_those_beyond_it():
    random = np.random.default_rng(2)
    at = venue(0.005, fund=1e6)
    quantity = random.lognormal(0.0, 1.0, 1_000) * random.choice([-1.0, 1.0], 1_000)
    prices = 100.0 * (1.0 - np.sign(quantity) * random.uniform(0.01, 0.5, 1_000))
    held = book_by_liquidation_price(at, quantity, prices, entry_price=100.0)
    outcome = lc.shock(held, market(100.0), -0.2)
    assert outcome.final_price["X"] == 80.0
    assert np.array_equal(outcome.liquidated, (quantity > 0.0) & (prices > 80.0))
    assert np.array_equal(outcome.liquidated, held.liquidatable({"X": 80.0}))


def test_equality_liquidates_only_where_the_venue_says_so():
    for equality in (False, True):
        at = venue(0.0, liquidate_at_equality=equality, fund=1e6)
        held = book(at, [1.0], [100.0], [10.0])
        assert held.liquidation_price.tolist() == [90.0]
        assert held.liquidatable({"X": 90.0}).tolist() == [equality]
        assert lc.shock(held, market(90.0), 0.0).liquidated_count == int(equality)


def test_depth_used_says_how_far_beyond_the_data_an_order_walked():
    at = venue(0.0, fund=1e6)
    curve = lc.DepthCurve(distance=[0.01, 0.02], quantity=[10.0, 40.0], ask_distance=[0.05], ask_quantity=[100.0])
    long = lc.shock(book(at, [50.0], [100.0], [10.0]), market(100.0, curve), -0.01)
    assert long.depth_used["X"] == pytest.approx(50.0 / 40.0)
    short = lc.shock(book(at, [-50.0], [100.0], [10.0]), market(100.0, curve), 0.01)
    assert short.depth_used["X"] == pytest.approx(0.5)
    assert math.isnan(lc.shock(book(at, [50.0], [100.0], [10.0]), market(100.0), -0.01).depth_used["X"])
