"""The branching ratio of a book and its map, and attacks that push a price into liquidations."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
from making import book_by_liquidation_price, market, venue


def even_ladder(ratio, steps=20_000, reach=0.2):
    """Longs whose liquidation prices are evenly spread in the log price, and a market in which they branch so often."""
    levels = 100.0 * np.exp(-reach * (np.arange(steps) + 0.5) / steps)
    held = book_by_liquidation_price(venue(0.005), np.full(steps, 1.0), levels, 101.0)
    return held, market(100.0, lc.LinearImpact(depth=steps / reach / ratio))


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.8, 0.95])
def test_an_even_ladder_multiplies_a_small_shock_by_one_over_one_less_the_branching_ratio(ratio):
    held, at = even_ladder(ratio)
    found = lc.study.branching_ratio(held, at, window=0.05)
    assert found == pytest.approx([ratio], rel=2e-3)
    assert lc.shock(held, at, -0.005).amplification["X"] == pytest.approx(1.0 / (1.0 - ratio), rel=0.02)


@pytest.mark.parametrize(("ratio", "ends"), [(0.97, False), (1.03, True)])
def test_above_one_everybody_goes_and_below_one_the_cascade_ends(ratio, ends):
    held, at = even_ladder(ratio, steps=2_000, reach=0.5)
    outcome = lc.shock(held, at, -0.001)
    assert (outcome.liquidated_count == len(held)) == ends


def test_the_ratio_counts_what_the_window_takes_and_no_position_at_its_edge_twice():
    held = book_by_liquidation_price(venue(0.005), [2.0, 3.0, -4.0], [98.0, 95.0, 104.0], 100.0)
    at = market(100.0, lc.LinearImpact(depth=50.0), mark_follow=0.5)
    width = -math.log1p(-0.05)
    at_prices = [100.0, 98.0, 97.0, 94.0]
    longs = lc.study.branching_ratio(held, at, window=0.05, prices=at_prices)
    # at 95, the lower edge of the first window, the long with that price is still there; at its own price it is, too
    assert longs == pytest.approx([0.5 * quantity / 50.0 / width for quantity in (2.0, 5.0, 3.0, 0.0)])
    shorts = lc.study.branching_ratio(held, at, window=0.05, side="short", depth=2.0)
    assert shorts == pytest.approx([0.5 * 4.0 / 100.0 / math.log1p(0.05)])


def test_a_map_has_the_longs_below_the_mark_and_the_shorts_above_it():
    held = book_by_liquidation_price(venue(0.005), [2.0, -4.0], [90.0, 110.0], 100.0)
    at = market(100.0, lc.LinearImpact(depth=50.0))
    found = lc.study.stability_map(held, at, window=0.02, span=0.2, points=41, depths=[0.5, 1.0])
    below, above = found.prices < 100.0, found.prices >= 100.0
    for row, depth in enumerate(found.depths):
        options = {"window": 0.02, "depth": float(depth)}
        longs = lc.study.branching_ratio(held, at, prices=found.prices[below], **options)
        shorts = lc.study.branching_ratio(held, at, prices=found.prices[above], side="short", **options)
        np.testing.assert_array_equal(found.ratios[row], np.concatenate([longs, shorts]))
    assert found.prices[found.ratios[0] > 0.0].tolist() == pytest.approx([90.0, 91.0, 108.0, 109.0, 110.0])
    assert "around 100" in repr(found)


def test_coins_of_inverse_positions_are_counted_at_the_price_where_they_are_sold():
    tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.005])
    there = lc.Venue([lc.InversePerpetual("X-P", asset="X", contract_value=100.0, tiers=tiers)], settlement="X")
    held = lc.Book(there, instrument="X-P", quantity=[10.0], entry_price=[100.0], margin=[1.0])
    at = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=500.0))})
    coins = 10.0 * 100.0 / held.liquidation_price[0]
    found = lc.study.branching_ratio(held, at, window=0.2)
    assert found == pytest.approx([coins / 500.0 / -math.log(0.8)])


SHAPES = {
    "linear": lc.LinearImpact(depth=1_000.0),
    "depth curve": lc.DepthCurve(distance=[0.001, 0.02, 0.2], quantity=[5.0, 40.0, 150.0]),
    "root": lc.SquareRootImpact(daily_volatility=0.05, daily_volume=100.0),
    "power": lc.PowerImpact(scale=500.0, exponent=1.4),
}


def ladder(sign):
    """Fifty positions of one unit, liquidated one after the other beyond a move of 3 %."""
    levels = 100.0 * (1.0 + sign * (0.03 + 0.001 * np.arange(50)))
    return book_by_liquidation_price(venue(0.005), np.full(50, -sign), levels, 100.0)


def by_hand(held, impact, order, fee, spread, follow=1.0, price=100.0):
    """One position after the other, from the attacked order book on, by the two functions of the shape alone."""
    sign = 1.0 if order > 0.0 else -1.0
    at = np.sort(sign * held.liquidation_price)
    stands = order
    for level in at:
        if sign * price * math.exp(follow * impact.log_impact(stands)) <= level:
            break
        stands += sign
    first, last = price * impact.average_ratio(0.0, order), price * impact.average_ratio(stands, -order)
    paid = lambda way, average: abs(order) * average * (1.0 + way * spread) * (1.0 + way * fee)  # noqa: E731
    profit = paid(-1.0, last) - paid(1.0, first) if sign > 0.0 else paid(-1.0, first) - paid(1.0, last)
    return profit, stands - order


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("follow", [1.0, 0.6])
def test_an_attack_earns_what_its_two_orders_do_on_a_walk_made_by_hand(name, sign, follow):
    held, impact = ladder(sign), SHAPES[name]
    at = market(100.0, impact, half_spread=0.0002, mark_follow=follow)
    sizes = sign * np.array([1.0, 25.0, 35.0, 60.0, 120.0])
    found = lc.study.exploitation(held, at, sizes=sizes, taker_fee=0.0005, depths=[0.7, 1.0, 3.0])
    for row, depth in enumerate(found.depths):
        shape = lc.study_stability.deeper(impact, float(depth))
        for place, order in enumerate(sizes):
            profit, forced = by_hand(held, shape, float(order), 0.0005, 0.0002, follow)
            assert found.forced[row, place] == pytest.approx(forced, abs=1e-9)
            assert found.profit[row, place] == pytest.approx(profit, rel=1e-9, abs=1e-9)
            moved = math.expm1(follow * shape.log_impact(order + forced))
            assert found.moved[row, place] == pytest.approx(moved)
    assert np.abs(found.forced).max() > 10.0
    assert found.forced[0, 0] == 0.0


def test_a_mark_that_does_not_follow_the_order_book_cannot_be_pushed():
    at = market(100.0, lc.LinearImpact(depth=1_000.0), half_spread=0.0002, mark_follow=0.0)
    found = lc.study.exploitation(ladder(-1.0), at, sizes=[-500.0], taker_fee=0.0005)
    assert found.forced.item() == 0.0
    assert found.moved.item() == 0.0


@pytest.mark.parametrize("name", SHAPES)
def test_where_depth_follows_volatility_a_push_and_a_map_find_the_depth_of_the_start(name):
    reaction = lc.DepthReaction(0.6, timedelta(hours=1), initial_volatility=2.4)
    assert reaction.share(2.4) == 0.25
    held = ladder(-1.0)
    thin = market(100.0, SHAPES[name], half_spread=0.0002, reaction=reaction)
    stated = market(100.0, lc.study_stability.deeper(SHAPES[name], 0.25), half_spread=0.0002)
    options = {"sizes": [-3.0, -8.0, -30.0], "taker_fee": 0.0005, "depths": [1.0, 2.0]}
    one, other = lc.study.exploitation(held, thin, **options), lc.study.exploitation(held, stated, **options)
    assert (other.forced < 0.0).any()
    for column in ("profit", "costs", "forced", "moved"):
        np.testing.assert_allclose(getattr(one, column), getattr(other, column), rtol=1e-9, atol=1e-9)
    maps = [lc.study.stability_map(held, at, window=0.02).ratios for at in (thin, stated)]
    np.testing.assert_allclose(*maps, rtol=1e-12)
    assert maps[0].max() > 0.0


def test_a_push_of_one_asset_leaves_the_others_where_they_are():
    tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.005])
    there = lc.Venue([lc.LinearPerpetual(name, asset=name, tiers=tiers) for name in ("X", "Y")])
    held = lc.Book(there, instrument=["X", "Y"], quantity=[10.0, 10.0], entry_price=[100.0, 100.0], margin=[4.0, 1.0])
    impact = lc.LinearImpact(depth=1_000.0)
    at = lc.Market({name: lc.Asset(100.0, impact=impact, half_spread=1e-4) for name in ("X", "Y")})
    found = lc.study.exploitation(held, at, sizes=[-50.0], taker_fee=1e-4, asset="X")
    assert found.forced.item() == -10.0
    assert lc.study.exploitation(held, at, sizes=[-50.0], taker_fee=1e-4, asset="Y").forced.item() == -10.0
    assert lc.shock(held, at, {"X": -0.045}).liquidated.tolist() == [True, True]  # whoever fails at once goes anyway


def test_orders_that_send_a_price_beyond_all_prices_are_named():
    at = market(100.0, lc.LinearImpact(depth=1.0), half_spread=1e-4)
    with pytest.raises(
        lc.InputError, match="sizes must be orders that the market can answer: of -1000, the price of X"
    ):
        lc.study.exploitation(ladder(-1.0), at, sizes=[-1.0, -1_000.0], taker_fee=1e-4)


def test_an_attack_that_sets_nobody_off_costs_fees_and_spread_and_nothing_else():
    at = market(100.0, lc.LinearImpact(depth=1e6), half_spread=0.0002)
    found = lc.study.exploitation(ladder(-1.0), at, sizes=[-10.0], taker_fee=0.0005)
    assert found.profit[0, 0] == pytest.approx(-found.costs[0, 0])
    assert found.costs[0, 0] == pytest.approx(2 * 10.0 * 100.0 * 0.0007, rel=1e-4)


def test_it_pays_in_a_thin_market_and_not_in_a_deep_one():
    at = market(100.0, lc.LinearImpact(depth=1_000.0), half_spread=0.0002)
    sizes = -np.geomspace(1.0, 1_000.0, 30)
    found = lc.study.exploitation(ladder(-1.0), at, sizes=sizes, taker_fee=0.0005, depths=[1.0, 100.0])
    assert found.profit[0].max() > 0.0 > found.profit[1].max()
    assert "pays at 1 of 2 depths" in repr(found)


@pytest.mark.parametrize(
    ("market_options", "options", "said"),
    [
        ({}, {}, r"market\['X'\].half_spread must be > 0, was 0: an attack without costs"),
        ({"half_spread": 1e-4}, {"taker_fee": 0.0}, "taker_fee must be > 0, was 0: an attack without costs"),
        ({"half_spread": 1e-4}, {"taker_fee": -1e-4}, "taker_fee must be > 0, was -0.0001"),
        ({"half_spread": 1e-4}, {"sizes": [-1.0, 0.0]}, r"sizes\[1\] must not be 0"),
        ({"half_spread": 1e-4}, {"sizes": []}, "sizes must not be empty"),
        ({"half_spread": 1e-4}, {"depths": [0.0]}, r"depths\[0\] must be > 0"),
        ({"half_spread": 1e-4}, {"depths": []}, "depths must not be empty"),
        ({"half_spread": 1e-4}, {"asset": "Y"}, "Y"),
    ],
)
def test_attacks_without_costs_or_sense_are_refused(market_options, options, said):
    at = market(100.0, lc.LinearImpact(depth=1_000.0), **market_options)
    asked = {"sizes": [-1.0], "taker_fee": 5e-4} | options
    with pytest.raises(lc.InputError, match=said):
        lc.study.exploitation(ladder(-1.0), at, **asked)


@pytest.mark.parametrize(
    ("study", "options", "said"),
    [
        ("branching_ratio", {"window": 1.0}, "window must be < 1"),
        ("branching_ratio", {"window": 0.0}, "window must be > 0"),
        ("branching_ratio", {"prices": [100.0, 0.0]}, r"prices\[1\] must be > 0"),
        ("branching_ratio", {"depth": 0.0}, "depth must be > 0"),
        ("branching_ratio", {"side": "both"}, "side must be"),
        ("stability_map", {"points": 1}, "points must be >= 2"),
        ("stability_map", {"span": 1.0}, "span must be < 1"),
        ("stability_map", {"depths": []}, "depths must not be empty"),
        ("stability_map", {"depths": [2.0, 1.0]}, r"depths\[1\] must be > depths\[0\]"),
    ],
)
def test_windows_prices_and_depths_that_break_a_rule_are_refused(study, options, said):
    with pytest.raises(lc.InputError, match=said):
        getattr(lc.study, study)(ladder(-1.0), market(100.0), **options)
