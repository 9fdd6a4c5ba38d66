"""A closing fee at the bankruptcy price: a constant of the price that moves with the claim's cash."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
from making import flat_tiers, venue

FEE = 0.0006
LATER = {"closing_fee": FEE, "closing_fee_at": "bankruptcy"}


def held_at(quantity: float, margin: float, *, rate: float = 0.005, **rules) -> lc.Book:
    at = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=flat_tiers(rate), **rules)])
    return lc.Book(at, instrument="X", quantity=[quantity], entry_price=[100.0], margin=[margin])


@pytest.mark.parametrize(
    ("quantity", "bankruptcy", "expected"),
    [
        (2.0, 90.0, (90.0 * (1.0 + FEE)) / 0.995),  # equity 2*(P - 90) = 2*P*0.005 + 2*90*fee
        (-2.0, 110.0, (110.0 * (1.0 - FEE)) / 1.005),
    ],
)
def test_it_is_the_fee_on_size_times_bankruptcy_price(quantity, bankruptcy, expected):
    held = held_at(quantity, 20.0, **LATER)
    assert held.bankruptcy_price[0] == pytest.approx(bankruptcy)
    assert held.liquidation_price[0] == pytest.approx(expected, rel=1e-15)
    for price in (80.0, 100.0, 130.0):
        fee = 2.0 * bankruptcy * FEE
        assert held.maintenance_margin(price)[0] == pytest.approx(2.0 * price * 0.005 + fee, rel=1e-15)


def test_bybit_unified_account_as_printed():
    # RULES 2.3: maintenance V*m - c + q*BP*fee on the entry value, so that LP = E - s*(margin - maintenance)/q
    tiers = lc.MarginTiers([0.0, 150.0], [0.005, 0.01])
    rules = {"tiers": tiers, "basis": "entry", **LATER}
    at = lc.Venue([lc.LinearPerpetual("X", asset="X", **rules)], settlement="USDT")
    held = lc.Book(at, instrument="X", quantity=[2.0, -2.0], entry_price=[100.0] * 2, margin=[20.0] * 2)
    maintenance = [200.0 * 0.01 - 0.75 + 2.0 * price * FEE for price in (90.0, 110.0)]
    expected = [100.0 - (20.0 - maintenance[0]) / 2.0, 100.0 + (20.0 - maintenance[1]) / 2.0]
    assert held.liquidation_price.tolist() == pytest.approx(expected, rel=1e-14)


def test_an_inverse_position_pays_it_in_coin_at_its_bankruptcy_price():
    coin = lc.InversePerpetual("C", asset="BTC", contract_value=1.0, tiers=flat_tiers(0.005), **LATER)
    held = lc.Book(lc.Venue([coin]), instrument="C", quantity=[600.0], entry_price=[60_000.0], margin=[0.001])
    at_bankruptcy = held.equity(held.bankruptcy_price[0])[0]
    fee = FEE * 600.0 / held.bankruptcy_price[0]
    assert at_bankruptcy == pytest.approx(0.0, abs=1e-17)
    assert held.maintenance_margin(50_000.0)[0] == pytest.approx(0.005 * 600.0 / 50_000.0 + fee, rel=1e-14)
    assert held.liquidation_price[0] == pytest.approx(600.0 * 1.005 / (0.011 * (1.0 - FEE)), rel=1e-14)


def test_a_position_without_a_bankruptcy_price_reserves_nothing():
    held = held_at(1.0, 150.0, **LATER)
    assert np.isnan(held.bankruptcy_price[0])
    assert np.isnan(held.liquidation_price[0])
    assert held.maintenance_margin(100.0)[0] == pytest.approx(0.5)


def test_an_account_reserves_it_on_the_entry_value_of_its_positions():
    at = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=flat_tiers(0.005), **LATER)])
    shared = {"account": [0, 0], "accounts": lc.Accounts(USD=[30.0])}
    held = lc.Book(at, instrument="X", quantity=[2.0, -0.5], entry_price=[100.0, 120.0], **shared)
    required = 2.5 * 90.0 * 0.005 + FEE * (2.0 * 100.0 + 0.5 * 120.0)
    assert held.account_maintenance_margin(90.0).tolist() == pytest.approx([required], rel=1e-15)
    assert held.maintenance_margin(90.0).sum() == pytest.approx(required, rel=1e-15)
    fails_at = held.liquidation_price_at(95.0)[0]
    assert held.account_slack(fails_at)[0] == pytest.approx(0.0, abs=1e-12)


def test_it_may_exceed_what_rates_leave_below_one():
    tiers = flat_tiers(0.6)
    assert lc.LinearPerpetual("X", asset="X", tiers=tiers, closing_fee=0.5, closing_fee_at="bankruptcy")
    with pytest.raises(lc.InputError, match="with closing_fee must lie"):
        lc.LinearPerpetual("X", asset="X", tiers=tiers, closing_fee=0.5)
    with pytest.raises(lc.InputError, match="closing_fee_at must be 'mark' or 'bankruptcy'"):
        lc.LinearPerpetual("X", asset="X", tiers=tiers, closing_fee=0.5, closing_fee_at="entry")


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("fee_rate", [0.0, 0.002])
def test_a_part_lands_on_its_target_though_the_order_moves_the_bankruptcy_price(sign, fee_rate):
    rules = {"tiers": flat_tiers(0.05), "liquidation": lc.PartialClose(target=0.8, fee_rate=fee_rate)}
    at = venue(**rules, closing_fee=0.02, closing_fee_at="bankruptcy")
    held = lc.Book(at, instrument="X", quantity=[sign * 10.0], entry_price=[100.0], margin=[100.0])
    to = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=float("inf")))})
    outcome = lc.shock(held, to, -0.035 * sign)
    price = outcome.final_price["X"]
    closed = outcome.liquidated_notional / price
    assert 0.0 < closed < 10.0
    paid = fee_rate * closed * price
    equity = 100.0 + sign * 10.0 * (price - 100.0) - paid
    kept = 10.0 - closed
    cash = 100.0 - sign * 1_000.0 + sign * closed * price - paid
    required = 0.05 * kept * price + 0.02 * max(0.0, -sign * cash)
    assert required == pytest.approx(0.8 * equity, rel=1e-12)


def test_funding_moves_it_with_the_cash():
    # after a payment of F the claim's cash is c - F: bankruptcy, fee and liquidation price follow
    funding = lc.Funding(rate=0.01, interval=timedelta(hours=1))
    at = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=flat_tiers(0.005), funding=funding, **LATER)])
    paid = 1.0 * 100.0 * 0.01
    # margin - paid = 0.5 + fee*(100 - margin + paid): it stands just at the requirement after the payment
    needed = (0.5 + FEE * (100.0 + paid) + paid) / (1.0 + FEE)
    step = timedelta(hours=1)
    for margin, gone in ((needed + 1e-9, False), (needed - 1e-9, True)):
        held = lc.Book(at, instrument="X", quantity=[1.0], entry_price=[100.0], margin=[margin])
        to = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=float("inf")))})
        runs = lc.simulate(held, to, np.zeros((1, 1, 1)), step=step)
        assert bool(runs.at(0).liquidated[0]) is gone
