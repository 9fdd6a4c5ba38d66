"""Inverse perpetuals: contracts of a fixed quote value, margined and settled in coin."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc

HOUR = timedelta(hours=1)
TIERS = lc.MarginTiers(floor=[0.0, 5.0, 20.0], maintenance_rate=[0.004, 0.01, 0.05])  # floors in coin
LINEAR = lc.LinearImpact(depth=4_000.0)
DEEP = lc.LinearImpact(depth=math.inf)


def venue(*, fund: float = 0.0, rate: float | None = None, funding: lc.Funding | None = None, **rules) -> lc.Venue:
    tiers = TIERS if rate is None else lc.MarginTiers(floor=[0.0], maintenance_rate=[rate])
    backstop = {name: rules.pop(name) for name in ("deleveraging", "socialise") if name in rules}
    coin = lc.InversePerpetual("BTCUSD", asset="BTC", contract_value=100.0, tiers=tiers, funding=funding)
    return lc.Venue([coin], backstop=lc.Backstop(insurance_fund=fund, **backstop), **rules)


def book(at: lc.Venue, quantity, margin, entry_price=50_000.0) -> lc.Book:
    quantity = np.atleast_1d(np.asarray(quantity, dtype=float))
    entry = np.full(len(quantity), entry_price)
    return lc.Book(at, instrument="BTCUSD", quantity=quantity, entry_price=entry, margin=np.atleast_1d(margin))


def market(impact=DEEP, **options) -> lc.Market:
    return lc.Market({"BTC": lc.Asset(50_000.0, impact=impact, **options)})


def random_book(at: lc.Venue, size: int = 200, seed: int = 5) -> lc.Book:
    rng = np.random.default_rng(seed)
    contracts = rng.lognormal(6.0, 1.2, size).round() + 1
    contracts[1::2] *= -1
    contracts[-1] -= contracts.sum()  # long and short open interest are equal
    entry = 50_000.0 * rng.uniform(0.97, 1.03, size)
    margin = np.abs(contracts) * 100.0 / entry / rng.uniform(2.0, 30.0, size)
    return lc.Book(at, instrument="BTCUSD", quantity=contracts, entry_price=entry, margin=margin)


def test_equity_requirement_and_prices_are_those_worked_out_by_hand():
    # 1,000 contracts of 100 USD: 2 BTC at 50,000; margin 0.2 BTC.
    held = book(venue(rate=0.01), [1_000, -1_000], [0.2, 0.2])
    assert held.equity(40_000.0) == pytest.approx([0.2 + 2.0 - 2.5, 0.2 - 2.0 + 2.5])
    assert held.maintenance_margin(40_000.0) == pytest.approx([0.025, 0.025])
    assert held.exposure(40_000.0).tolist() == [100_000.0, -100_000.0]
    assert held.leverage(50_000.0) == pytest.approx([10.0, 10.0])
    assert held.bankruptcy_price == pytest.approx([100_000 / 2.2, 100_000 / 1.8], rel=1e-15)
    assert held.liquidation_price == pytest.approx([101_000 / 2.2, 99_000 / 1.8], rel=1e-15)


def test_a_short_margined_at_one_times_or_more_has_no_liquidation_price():
    held = book(venue(rate=0.01), [-1_000, -1_000, 1_000], [2.0, 3.0, 3.0])
    assert np.isnan(held.liquidation_price).tolist() == [True, True, False]
    assert lc.shock(held, market(), 50.0).liquidated_count == 0


def test_the_liquidation_price_is_the_fixed_point_over_tiers_in_coin():
    # 30 BTC of notional at entry; at the liquidation price the requirement is that of the notional there.
    held = book(venue(), [15_000, -15_000], [4.0, 4.0])
    for row, price in enumerate(held.liquidation_price):
        notional = 1_500_000.0 / price
        requirement = max(0.004 * notional, 0.01 * notional - 0.03, 0.05 * notional - 0.83)
        assert held.equity(price)[row] == pytest.approx(requirement, rel=1e-12)


def test_a_closed_long_sells_the_coins_that_its_contracts_cost_on_the_walk():
    # Linear impact: selling x takes F*D*(1 - exp(-x/D)) quote units; 100,000 of them are owed.
    depth, moved = 50.0, 44_000.0
    crash = lc.shock(
        book(venue(rate=0.01, fund=1.0), 1_000, 0.2), market(lc.LinearImpact(depth=depth)), moved / 5e4 - 1
    )
    sold = -depth * math.log1p(-100_000.0 / (moved * depth))
    assert crash.liquidated_notional == pytest.approx(100_000.0, rel=1e-14)
    assert crash.final_price["BTC"] == pytest.approx(moved * math.exp(-sold / depth), rel=1e-13)
    left = 0.2 + 2.0 - sold  # coins
    assert crash.insurance_fund == pytest.approx((1.0 + left) * crash.final_price["BTC"], rel=1e-12)


def test_a_book_that_cannot_yield_what_is_owed_ends_with_an_error():
    # All bids together are worth F*D = 44,000 quote units; 100,000 are owed.
    crash = lc.shock(book(venue(rate=0.01), 1_000, 0.2), market(lc.LinearImpact(depth=1.0)), -0.12)
    assert "cannot yield" in crash.error
    assert crash.liquidated_count == 0


@pytest.mark.parametrize("impact", [lc.LinearImpact(depth=10.0), lc.PowerImpact(scale=10.0, exponent=0.999)])
def test_a_short_is_closed_where_sales_have_brought_the_price_near_zero(impact):
    # All bids together are worth F*D = 440,000 quote units, of which 439,960 are sold; then 100,000 are bought, more
    # coins than would leave all prices where each cost what the first does.
    held = book(venue(rate=0.01), [4_399.6, -1_000], [0.5, 0.25])
    at = lc.Market({"BTC": lc.Asset(50_000.0, impact=impact, mark_follow=0.0)})
    run = lc.simulate(held, at, [[-0.12, 0.3]], step=HOUR)
    assert run.error[0] is None
    assert (run.liquidated_count_long[0], run.liquidated_count_short[0]) == (1, 1)
    assert run.conservation_error[0] <= 1e-12


@pytest.mark.parametrize("rules", [{}, {"deleveraging": True}, {"socialise": True}, {"remainder": "trader"}])
@pytest.mark.parametrize("move", [-0.3, -0.1, 0.1, 0.4])
@pytest.mark.parametrize("impact", [LINEAR, lc.SquareRootImpact(daily_volatility=0.03, daily_volume=2e4)])
def test_coins_are_conserved_and_no_account_is_left_to_go(rules, move, impact):
    held = random_book(venue(fund=0.5, liquidation=lc.FullClose(fee_rate=0.002), **rules))
    crash = lc.shock(held, market(impact, half_spread=1e-4), move)
    assert crash.error is None
    assert crash.liquidated_count > 10
    assert crash.conservation_error <= 1e-12
    left = held[~crash.liquidated]
    if not rules.get("deleveraging") and not rules.get("socialise"):
        assert not left.liquidatable(crash.final_price).any()


@pytest.mark.parametrize("rate", [0.003, -0.003])
def test_funding_is_paid_in_coin_and_moves_the_liquidation_price(rate):
    # Long 2 BTC at 50,000, a payment of 0.3 % of 2.5 BTC at 40,000: by hand, against the book with the margin gone.
    paying = venue(rate=0.01, fund=1.0, funding=lc.Funding(rate=rate, times=[HOUR]))
    paths = [[0.0, move] for move in np.linspace(-0.3, 0.3, 41)]
    for quantity in (1_000.0, -1_000.0):
        runs = lc.simulate(book(paying, quantity, 0.2), market(), paths, step=HOUR)
        margin = 0.2 - rate * quantity * 100.0 / 50_000.0
        plain = [lc.shock(book(venue(rate=0.01, fund=1.0), quantity, margin), market(), move[1]) for move in paths]
        assert runs.liquidated_count.tolist() == [one.liquidated_count for one in plain]
        assert 0 < runs.liquidated_count.sum() < 41
        assert runs.insurance_fund == pytest.approx([one.insurance_fund for one in plain], rel=1e-9)
        assert runs.conservation_error.max() <= 1e-12


@pytest.mark.parametrize("rules", [{}, {"deleveraging": True}, {"socialise": True}])
def test_paths_with_many_payments_conserve_coins(rules):
    held = random_book(venue(fund=0.5, funding=lc.Funding(rate=0.001, interval=2 * HOUR), **rules))
    runs = lc.simulate(
        held, market(lc.LinearImpact(depth=4_000.0)), lc.GBM(volatility=1.5), paths=40, steps=48, step=HOUR, seed=3
    )
    assert runs.liquidated_count.min() > 0
    assert runs.conservation_error.max() <= 1e-12


def test_a_venue_settles_in_one_currency():
    coin = lc.InversePerpetual("BTCUSD", asset="BTC", contract_value=100.0, tiers=TIERS)
    other = lc.InversePerpetual("ETHUSD", asset="ETH", contract_value=10.0, tiers=TIERS)
    linear = lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=TIERS)
    assert lc.Venue([coin]).settlement == "BTC"
    assert lc.Venue([linear]).settlement == "USD"
    for instruments in ([coin, other], [coin, linear]):
        with pytest.raises(lc.InputError, match=r"instruments\[1\] '\w+' must be inverse on 'BTC'"):
            lc.Venue(instruments)
    with pytest.raises(lc.InputError, match="must be inverse on 'USD'"):
        lc.Venue([coin], settlement="USD")
    with pytest.raises(lc.InputError, match="its asset must not be the settlement currency"):
        lc.Venue([linear], settlement="BTC")
    with pytest.raises(lc.InputError, match="contract_value must be > 0, was 0"):
        lc.InversePerpetual("BTCUSD", asset="BTC", contract_value=0.0, tiers=TIERS)
