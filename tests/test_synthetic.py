"""A synthetic book is one that a venue could really hold: balanced, within its tiers, alive, the same for one seed."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import levcore as lc
from levcore.datasets import binance_tiers
from levcore.synthetic import draw

PRICES = {"BTC": 60_000.0}
INTEREST = {"BTC": 5e9}


def venue_of(tiers: lc.MarginTiers, **options: object) -> lc.Venue:
    return lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers, **options)])


@pytest.fixture(scope="module")
def binance() -> lc.Venue:
    return venue_of(binance_tiers("BTCUSDT"))


@pytest.fixture(scope="module")
def book(binance: lc.Venue) -> lc.Book:
    return lc.Book.synthetic(binance, size=200_000, prices=PRICES, open_interest=INTEREST, seed=1)


@pytest.fixture(scope="module")
def three_coins() -> lc.Venue:
    return lc.Venue(
        [
            lc.LinearPerpetual(f"{coin}USDT", asset=coin, tiers=binance_tiers(f"{coin}USDT"))
            for coin in ("BTC", "ETH", "SOL")
        ]
    )


def test_longs_and_shorts_sum_to_the_very_same_quantity_in_any_order(book: lc.Book) -> None:
    longs, shorts = book.quantity[book.quantity > 0], -book.quantity[book.quantity < 0]
    assert longs.size == shorts.size == 100_000
    total = math.fsum(longs)
    for order in (longs, np.sort(longs), np.random.default_rng(3).permutation(longs), np.sort(shorts), shorts[::-1]):
        assert float(np.cumsum(order)[-1]) == total


def test_one_side_carries_the_open_interest_that_was_asked_for(book: lc.Book) -> None:
    longs = book.quantity[book.quantity > 0].sum()
    assert longs * 60_000.0 == pytest.approx(5e9, rel=1e-14)


def test_nobody_is_liquidatable_at_the_start_and_everybody_has_room(book: lc.Book) -> None:
    assert not book.liquidatable(PRICES).any()
    assert (book.equity(PRICES) >= 1.25 * book.maintenance_margin(PRICES) * (1 - 1e-12)).all()


def test_nobody_opened_with_more_leverage_than_the_tier_of_the_entry_notional_allows(book: lc.Book) -> None:
    tiers = binance_tiers("BTCUSDT")
    notional = np.abs(book.quantity) * book.entry_price
    allowed = np.asarray(tiers.max_leverage)[tiers.tier(notional)]
    assert (notional / book.margin <= allowed * (1 + 1e-12)).all()
    assert (book.margin >= tiers.maintenance_margin(notional)).all()
    assert np.unique(tiers.tier(notional)).size >= 4


def test_the_same_seed_gives_the_same_book_and_another_seed_another(binance: lc.Venue) -> None:
    def columns(seed: int) -> dict[str, np.ndarray]:
        return draw(binance, size=5_000, prices=PRICES, open_interest=INTEREST, seed=seed)

    first, again, other = columns(7), columns(7), columns(8)
    for name, column in first.items():
        np.testing.assert_array_equal(column, again[name])
    assert not np.array_equal(first["entry_price"], other["entry_price"])


def test_sizes_have_a_pareto_tail_of_exponent_1_2_and_a_largest_position(book: lc.Book) -> None:
    sizes = np.sort(book.quantity[book.quantity > 0])[::-1]
    hill = 1 / np.mean(np.log(sizes[:2_000] / sizes[2_000]))
    assert hill == pytest.approx(1.2, abs=0.1)
    assert sizes[0] <= 0.01 * sizes.sum() * (1 + 1e-6)
    assert sizes[:10_000].sum() > 0.5 * sizes.sum()


def test_a_given_leverage_is_what_every_position_opens_with_where_the_tiers_allow_it(binance: lc.Venue) -> None:
    columns = draw(
        binance, size=2_000, prices=PRICES, open_interest={"BTC": 1e7}, seed=1, leverage={10: 1.0}, extra_margin=0.0
    )
    leverage = np.abs(columns["quantity"]) * columns["entry_price"] / columns["margin"]
    np.testing.assert_allclose(leverage, 10.0, rtol=1e-12)


def test_a_leverage_above_the_venues_limit_is_cut_to_the_limit() -> None:
    tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.01], max_leverage=[20])
    columns = draw(
        venue_of(tiers), size=500, prices=PRICES, open_interest=INTEREST, seed=1, leverage={100: 1.0}, extra_margin=0.0
    )
    leverage = np.abs(columns["quantity"]) * columns["entry_price"] / columns["margin"]
    np.testing.assert_allclose(leverage, 20.0, rtol=1e-12)


def test_a_long_that_was_opened_before_a_crash_could_live_through_its_low(binance: lc.Venue) -> None:
    crash = {"BTC": np.array([60_000.0, 59_000.0, 35_000.0, 45_000.0])}
    columns = draw(binance, size=20_000, prices={"BTC": 45_000.0}, open_interest=INTEREST, seed=2, history=crash)
    book = lc.Book(binance, **columns)
    before = (book.quantity > 0) & (book.entry_price > 59_000.0)
    assert before.sum() > 100
    assert not (book.liquidation_price[before] > 35_000.0).any()


def test_a_short_that_was_opened_before_a_rally_could_live_through_its_high(binance: lc.Venue) -> None:
    rally = {"BTC": np.array([30_000.0, 30_500.0, 50_000.0, 45_000.0])}
    columns = draw(binance, size=20_000, prices={"BTC": 45_000.0}, open_interest=INTEREST, seed=2, history=rally)
    book = lc.Book(binance, **columns)
    before = (book.quantity < 0) & (book.entry_price < 30_500.0)
    assert before.sum() > 100
    assert not (book.liquidation_price[before] < 50_000.0).any()


def test_where_no_older_position_could_live_they_are_opened_at_the_current_price(binance: lc.Venue) -> None:
    columns = draw(
        binance, size=400, prices=PRICES, open_interest={"BTC": 1e6}, seed=1, leverage={50: 1.0}, history=[1_000.0]
    )
    shorts = columns["quantity"] < 0
    assert (columns["entry_price"][shorts] == 60_000.0).mean() > 0.5
    assert not lc.Book(binance, **columns).liquidatable(PRICES).any()


def test_entries_stay_within_the_history(binance: lc.Venue) -> None:
    closes = np.linspace(50_000.0, 60_000.0, 200)
    columns = draw(binance, size=3_000, prices=PRICES, open_interest=INTEREST, seed=4, history={"BTC": closes})
    assert columns["entry_price"].min() >= 50_000.0 * (1 - 1e-12)
    assert columns["entry_price"].max() <= 60_000.0 * (1 + 1e-12)


def test_several_assets_share_the_positions_by_open_interest(three_coins: lc.Venue) -> None:
    prices = {"BTC": 60_000.0, "ETH": 2_500.0, "SOL": 150.0}
    interest = {"SOL": 1e9, "BTC": 5e9, "ETH": 4e9}
    book = lc.Book.synthetic(three_coins, size=50_000, prices=prices, open_interest=interest, seed=1)
    assert np.bincount(book.instrument).tolist() == pytest.approx([25_000, 20_000, 5_000], abs=2)
    assert not book.liquidatable(prices).any()
    for code, asset in enumerate(("BTC", "ETH", "SOL")):
        quantity = book.quantity[book.instrument == code]
        assert quantity.sum() == 0.0
        assert np.abs(quantity).sum() / 2 * prices[asset] == pytest.approx(interest[asset], rel=1e-13)


def test_an_instrument_without_open_interest_stays_empty(three_coins: lc.Venue) -> None:
    columns = draw(three_coins, size=100, prices={"ETH": 2_500.0}, open_interest={"ETH": 1e6}, seed=1)
    assert set(columns["instrument"].tolist()) == {1}


def test_prices_may_come_as_a_market_and_as_a_number(binance: lc.Venue) -> None:
    market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=1e5))})
    wanted = draw(binance, size=100, prices=PRICES, open_interest=INTEREST, seed=1)
    for prices, interest in ((market, INTEREST), (60_000.0, 5e9), (60_000, {"BTCUSDT": 5e9})):
        given = draw(binance, size=100, prices=prices, open_interest=interest, seed=1)
        np.testing.assert_array_equal(given["margin"], wanted["margin"])


RULES = {
    "whole position": ({"whole_position": True}, {}),
    "contracts": ({"floor": [0.0, 1.0, 20.0], "measure": "contracts", "whole_position": True}, {}),
    "entry measure": ({"measure": "entry"}, {}),
    "entry basis": ({}, {"basis": "entry"}),
    "closing fee": ({}, {"closing_fee": 0.0006}),
    "no limit": ({"max_leverage": None}, {}),
}


@pytest.mark.parametrize("rules", RULES)
def test_books_are_alive_under_every_kind_of_tier_table(rules: str) -> None:
    table, options = RULES[rules]
    tiers = {"floor": [0.0, 50_000.0, 1e6], "maintenance_rate": [0.005, 0.01, 0.05], "max_leverage": [100, 50, 10]}
    venue = venue_of(lc.MarginTiers(**{**tiers, **table}), **options)
    book = lc.Book.synthetic(venue, size=20_000, prices=PRICES, open_interest={"BTC": 5e8}, seed=5)
    assert not book.liquidatable(PRICES).any()
    assert (book.equity(PRICES) >= 1.25 * book.maintenance_margin(PRICES) * (1 - 1e-12)).all()


def test_where_equality_liquidates_nobody_starts_at_equality() -> None:
    tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.01], max_leverage=[50])
    venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)], liquidate_at_equality=True)
    book = lc.Book.synthetic(venue, size=5_000, prices=PRICES, open_interest=INTEREST, seed=5)
    assert not book.liquidatable(PRICES).any()


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(2, 400),
    price=st.floats(1e-6, 1e8),
    interest=st.floats(1.0, 1e12),
    seed=st.integers(0, 2**64 - 1),
    closes=st.lists(st.floats(0.2, 5.0), min_size=1, max_size=20),
    rate=st.floats(0.0, 0.6),
)
def test_any_venue_price_and_history_give_a_balanced_living_book(
    size: int, price: float, interest: float, seed: int, closes: list[float], rate: float
) -> None:
    tiers = lc.MarginTiers(floor=[0.0, 1e5], maintenance_rate=[rate, min(0.9, 1.5 * rate)])
    venue = venue_of(tiers)
    history = {"BTC": price * np.array(closes)}
    book = lc.Book.synthetic(
        venue, size=size, prices={"BTC": price}, open_interest={"BTC": interest}, seed=seed, history=history
    )
    assert len(book) == size
    assert math.fsum(book.quantity) == 0.0
    assert (book.quantity != 0).all()
    assert (book.margin > 0).all()
    assert not book.liquidatable({"BTC": price}).any()


WRONG = {
    "a fraction of a position": ({"size": 10.5}, lc.KindError, "size must be an int, was float 10.5"),
    "True positions": ({"size": True}, lc.KindError, "size"),
    "one position": ({"size": 1}, lc.InputError, "size must be >= 2"),
    "no position": ({"size": 0}, lc.InputError, "size must be >= 1, was 0"),
    "a negative seed": ({"seed": -1}, lc.InputError, "seed must be >= 0"),
    "a seed of 65 bits": ({"seed": 2**64}, lc.InputError, "seed"),
    "a text seed": ({"seed": "one"}, lc.KindError, "seed"),
    "no open interest": ({"open_interest": {}}, lc.InputError, "open_interest"),
    "negative open interest": ({"open_interest": {"BTC": -5.0}}, lc.InputError, r"open_interest\['BTC'\] must be > 0"),
    "infinite open interest": ({"open_interest": {"BTC": math.inf}}, lc.InputError, "finite"),
    "open interest as text": ({"open_interest": "5e9"}, lc.KindError, "open_interest"),
    "an unknown asset": ({"open_interest": {"DOGE": 1e6}}, lc.InputError, "DOGE"),
    "the same instrument twice": ({"open_interest": {"BTC": 1e6, "BTCUSDT": 1e6}}, lc.InputError, "twice"),
    "no price": ({"prices": {"ETH": 1.0}}, lc.InputError, "prices must name BTC"),
    "a price below all prices": ({"prices": {"BTC": 1e-300}}, lc.InputError, r"prices\['BTC'\] must be at least 1e-90"),
    "a price of zero": ({"prices": {"BTC": 0.0}}, lc.InputError, r"prices\['BTC'\] must be > 0"),
    "a price that is not a number": ({"prices": {"BTC": math.nan}}, lc.InputError, "prices"),
    "a price so low that the quantity overflows": ({"prices": {"BTC": 1e-85}}, lc.InputError, "quantity"),
    "an empty history": ({"history": {"BTC": []}}, lc.InputError, "history"),
    "a history of another asset": ({"history": {"ETH": [1.0]}}, lc.InputError, "history must name BTC"),
    "a negative close": ({"history": {"BTC": [1.0, -2.0]}}, lc.InputError, r"history\['BTC'\]\[1\]"),
    "a history of words": ({"history": {"BTC": ["high", "low"]}}, lc.KindError, "history"),
    "a square history": ({"history": [[1.0, 2.0]]}, lc.InputError, "one-dimensional"),
    "an empty mix": ({"leverage": {}}, lc.InputError, "leverage must have at least one level"),
    "a mix that is a list": ({"leverage": [10]}, lc.KindError, "leverage"),
    "a negative share": ({"leverage": {10: -1.0}}, lc.InputError, "leverage"),
    "a tail without a mean": ({"tail_exponent": 1.0}, lc.InputError, "tail_exponent must be > 1"),
    "no room": ({"room": 1.0}, lc.InputError, "room must be > 1"),
    "negative extra margin": ({"extra_margin": -0.1}, lc.InputError, "extra_margin"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_refused_with_the_name_and_the_value(binance: lc.Venue, case: str) -> None:
    change, error, text = WRONG[case]
    request = {"size": 100, "prices": PRICES, "open_interest": INTEREST, "seed": 1, **change}
    with pytest.raises(error, match=text):
        draw(binance, **request)


def test_an_asset_with_two_instruments_must_be_named_by_symbol() -> None:
    tiers = binance_tiers("BTCUSDT")
    venue = lc.Venue([lc.LinearPerpetual(symbol, asset="BTC", tiers=tiers) for symbol in ("BTCUSDT", "BTCUSDC")])
    with pytest.raises(lc.InputError, match="fits 2 of BTCUSDT, BTCUSDC: name one"):
        draw(venue, size=100, prices=PRICES, open_interest=INTEREST, seed=1)
    columns = draw(venue, size=100, prices=PRICES, open_interest={"BTCUSDC": 1e6, "BTCUSDT": 3e6}, seed=1)
    assert np.bincount(columns["instrument"]).tolist() == pytest.approx([75, 25], abs=2)
    with pytest.raises(lc.InputError, match="2 instruments"):
        draw(venue, size=100, prices=PRICES, open_interest=5e9, seed=1)


def test_an_absurd_size_is_refused_at_once(binance: lc.Venue) -> None:
    started = time.perf_counter()
    for size in (10**13, 10**30):
        with pytest.raises(lc.TooLargeError):
            draw(binance, size=size, prices=PRICES, open_interest=INTEREST, seed=1)
    assert time.perf_counter() - started < 1.0
