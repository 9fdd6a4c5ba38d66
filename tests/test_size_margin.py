"""Maintenance rates that rise with the size of a position, and what opening a position takes."""

from __future__ import annotations

import math
import pickle
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
from levcore.venues import drift

DRIFT = lc.SizeMargin(0.05, per_size=0.001, share=0.8, initial_rate=0.1)


def at_venue(tiers: lc.SizeMargin | lc.MarginTiers, **options) -> lc.Venue:
    return lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=tiers, **options.pop("terms", {}))], **options)


def holds(venue: lc.Venue, quantity: list[float], margin: list[float]) -> lc.Book:
    return lc.Book(venue, instrument="X", quantity=quantity, entry_price=[100.0] * len(quantity), margin=margin)


def test_drifts_ratio_is_its_programs_but_for_ten_thousandths():
    sizes = np.array([0.0, 1.0, 99.0, 100.0, 101.0, 2_500.0, 40_000.0])
    program = drift.margin_ratio(0.05, quantity=sizes, imf_factor=0.001)
    assert np.abs(DRIFT.rate_at(sizes) - program).max() <= 1e-4
    initial = drift.margin_ratio(0.1, quantity=sizes, imf_factor=0.001)
    assert np.abs(1.0 / DRIFT.max_leverage_at(sizes) - initial).max() <= 1e-4


@pytest.mark.parametrize("growth", ["square_root", "linear"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_liquidation_price_takes_the_rate_of_the_size(growth, sign):
    margin = lc.SizeMargin(0.01, per_size=0.0004, share=0.5, growth=growth)
    held = holds(at_venue(margin), [sign * 400.0], [8_000.0])
    rate = 0.005 + 0.0004 * (20.0 if growth == "square_root" else 400.0)
    expected = (400.0 * 100.0 * sign - 8_000.0) / (400.0 * (sign - rate))
    assert held.liquidation_price[0] == pytest.approx(expected, rel=1e-15)
    assert held.maintenance_margin(90.0)[0] == pytest.approx(rate * 400.0 * 90.0, rel=1e-15)


def test_small_sizes_have_the_lowest_rate_and_nothing_grows_by_nothing():
    assert DRIFT.rate_at([0.0, 99.0]).tolist() == [0.05, 0.05]
    flat, table = lc.SizeMargin(0.05, per_size=0.0), lc.MarginTiers([0.0], [0.05])
    one, other = (holds(at_venue(t), [3.0, -1e6], [20.0, 6e6]).liquidation_price for t in (flat, table))
    assert one.tolist() == other.tolist()


def test_a_partial_close_keeps_what_the_rate_before_it_allows():
    policy = lc.PartialClose(target=1.0, buffer=0.02)
    venue = at_venue(lc.SizeMargin(0.05, per_size=0.001, share=0.8), liquidation=policy)
    book, market = holds(venue, [2_500.0], [25_000.0]), deep_market()
    ready = lc.prepare(book, market)
    lc.shock(ready, -0.02)
    runs = lc.simulate(book, market, [[[-0.02]]], step=timedelta(hours=1), keep_steps=True)
    # 20,000 of equity against 2,500*98*(0.09 + 0.02): kept is 20,000/(98*0.11).
    sold = 2_500.0 - 20_000.0 / (98.0 * 0.11)
    assert runs.liquidated_notional[0] == pytest.approx(sold * 98.0, rel=1e-12)
    assert DRIFT.rate_at(2_500.0 - sold) < DRIFT.rate_at(2_500.0)


def deep_market() -> lc.Market:
    return lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=math.inf))})


def test_funding_moves_the_liquidation_prices_of_large_sizes_as_of_small_ones():
    pays = lc.Funding(0.01, interval=timedelta(hours=1))
    margin = lc.SizeMargin(0.01, per_size=0.00002, growth="linear")
    book = holds(at_venue(margin, terms={"funding": pays}), [1_000.0, 10.0], [6_000.0, 60.0])
    steps = np.zeros((1, 6, 1))
    runs = lc.simulate(book, deep_market(), steps, step=timedelta(hours=1), keep_steps=True)
    # Each hour takes 1 a unit: 6 - h against 100*0.03 of the large one, 100*0.0102 of the small one.
    assert runs.steps_kept.liquidated_notional_long[0].tolist() == [0.0, 0.0, 0.0, 100_000.0, 1_000.0, 0.0]


def test_it_travels_and_prints_as_it_was_made():
    assert pickle.loads(pickle.dumps(DRIFT)) == DRIFT
    assert repr(DRIFT) == "SizeMargin(rate=0.05, per_size=0.001, share=0.8, growth='square_root', initial_rate=0.1)"
    assert DRIFT.max_leverage == (10.0,)
    assert (DRIFT.tier(5.0), DRIFT.tier([5.0, 6.0]).tolist()) == (0, [0, 0])
    assert lc.SizeMargin(0.01, per_size=1.0).max_leverage_at([1.0]).tolist() == [math.inf]


def test_a_book_refuses_a_size_whose_rate_reaches_one():
    venue = at_venue(lc.SizeMargin(0.01, per_size=0.01), terms={"closing_fee": 0.001})
    with pytest.raises(lc.InputError, match=r"quantity\[1\] must have a maintenance rate below 1, was -10000"):
        holds(venue, [1.0, -10_000.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rate": 1.0}, r"rate must be < 1"),
        ({"rate": -0.1}, r"rate must be"),
        ({"per_size": -1.0}, r"per_size must be"),
        ({"per_size": math.inf}, r"per_size must be"),
        ({"share": 1.5}, r"share must be"),
        ({"growth": "cubic"}, r"growth must be"),
        ({"initial_rate": 0.04}, r"initial_rate must be"),
    ],
)
def test_wrong_values_are_named(given, message):
    with pytest.raises(lc.InputError, match=message):
        lc.SizeMargin(**{"rate": 0.05, "per_size": 0.001, **given})


def test_tiers_are_tiers():
    with pytest.raises(lc.KindError, match="tiers must be MarginTiers or SizeMargin, was"):
        lc.LinearPerpetual("X", asset="X", tiers=0.05)


def test_a_synthetic_book_keeps_to_the_leverage_of_its_sizes():
    venue = at_venue(lc.SizeMargin(0.005, per_size=0.0001, share=0.8, initial_rate=0.02))
    book = lc.Book.synthetic(venue, size=2_000, prices={"X": 100.0}, open_interest={"X": 1e5}, seed=3)
    assert not book.liquidatable(100.0).any()
    limits = venue.instruments[0].tiers.max_leverage_at(np.abs(book.quantity))
    at_opening = np.abs(book.quantity) * book.entry_price / book.margin
    assert (at_opening <= limits * (1.0 + 1e-12)).all()


def test_the_initial_margin_is_notional_over_the_tiers_highest_leverage():
    table = {"maintenance_rate": [0.004, 0.01], "max_leverage": [100, 20]}
    by = {
        "notional": lc.MarginTiers([0, 1_000], **table),
        "entry": lc.MarginTiers([0, 1_000], measure="entry", **table),
        "contracts": lc.MarginTiers([0, 10], measure="contracts", **table),
    }
    expected = {"notional": 9.0 * 120.0 / 20.0, "entry": 9.0 * 120.0 / 100.0, "contracts": 9.0 * 120.0 / 100.0}
    for name, tiers in by.items():
        assert holds(at_venue(tiers), [-9.0], [100.0]).initial_margin(120.0).tolist() == [expected[name]], name
    at_entry = holds(at_venue(by["notional"], terms={"basis": "entry"}), [9.0], [100.0])
    assert at_entry.initial_margin(120.0).tolist() == [9.0]


def test_the_initial_margin_of_an_inverse_position_is_in_coin():
    tiers = lc.MarginTiers([0, 1.0], maintenance_rate=[0.005, 0.01], max_leverage=[50, 25])
    coin = lc.InversePerpetual("C", asset="BTC", contract_value=100.0, tiers=tiers)
    book = lc.Book(
        lc.Venue([coin]), instrument="C", quantity=[400.0, -600.0], entry_price=[40_000.0] * 2, margin=[1.0] * 2
    )
    assert book.initial_margin(50_000.0).tolist() == [0.8 / 50, 1.2 / 25]


def test_without_a_highest_leverage_there_is_no_initial_margin():
    book = holds(at_venue(lc.MarginTiers([0], [0.01])), [1.0], [5.0])
    with pytest.raises(lc.InputError, match="initial_margin needs a max_leverage, 'X' has none in its tiers"):
        book.initial_margin(100.0)


def test_a_drawn_position_larger_than_any_rate_allows_is_refused_by_what_the_caller_gave():
    margin = lc.SizeMargin(0.05, per_size=0.01)
    with pytest.raises(
        lc.InputError, match="open_interest of 'X' must be smaller, or size larger: the largest position"
    ):
        lc.Book.synthetic(at_venue(margin), size=100, prices=100.0, open_interest=1e9, seed=1)
    assert len(lc.Book.synthetic(at_venue(margin), size=100, prices=100.0, open_interest=1e6, seed=1)) == 100
