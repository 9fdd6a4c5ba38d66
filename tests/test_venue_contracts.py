"""What presets take beside their tables: expiries, funding, funds of their own, and policies with what they do."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
from levcore import venues

ONE = lc.MarginTiers([0.0], [0.005], max_leverage=[100])
MONTH = timedelta(days=30)

# preset, a perpetual, a future, as ccxt writes the future; None: the venue has no futures here
SYMBOLS = [
    ("binance_usdm", "BTCUSDT", "BTCUSDT_261225", "BTC/USDT:USDT-261225"),
    ("binance_coinm", "BTCUSD_PERP", "BTCUSD_261225", "BTC/USD:BTC-261225"),
    ("bybit_linear", "BTCUSDT", "BTCUSDT-25DEC26", "BTC/USDT:USDT-261225"),
    ("bybit_inverse", "BTCUSD", "BTCUSDZ26", "BTC/USD:BTC-261225"),
    ("okx", "BTC-USDT-SWAP", "BTC-USDT-261225", "BTC/USDT:USDT-261225"),
    ("gate", "BTC_USDT", "BTC_USDT_20261225", "BTC/USDT:USDT-261225"),
    ("deribit_futures", "BTC-PERPETUAL", "BTC-25DEC26", "BTC/USD:BTC-261225"),
    ("bitget", "BTCUSDT", None, "BTC/USDT:USDT-261225"),
    ("hyperliquid", "BTC", None, "BTC/USDC:USDC-261225"),
    ("dydx_v4", "BTC-USD", None, "BTC/USDC:USDC-261225"),
    ("drift_v2", "BTC-PERP", None, "BTC/USDC:USDC-261225"),
]
DATED = [row for row in SYMBOLS if row[2] is not None]
INVERSE = ("binance_coinm", "bybit_inverse", "deribit_futures")


@pytest.mark.parametrize(("name", "lasting", "dated", "unified"), DATED)
def test_a_symbol_with_a_date_and_an_expiry_is_a_future_beside_the_perpetual(name, lasting, dated, unified) -> None:
    make = getattr(venues, name)
    for symbol in (dated, unified):
        at = make(tiers={lasting: ONE, symbol: ONE}, expiry={symbol: MONTH})
        perpetual, future = at.instruments
        inverse = name in INVERSE
        assert type(perpetual) is (lc.InversePerpetual if inverse else lc.LinearPerpetual)
        assert type(future) is (lc.InverseFuture if inverse else lc.LinearFuture)
        assert (future.symbol, future.asset, future.expiry) == (symbol, "BTC", MONTH)
        for field in ("tiers", "closing_fee", "basis", "is_inverse"):
            assert getattr(future, field) == getattr(perpetual, field)
        assert not inverse or future.contract_value == perpetual.contract_value
    price = {"quantity": [1.0], "entry_price": [60_000.0], "margin": [6_000.0]}
    at_future, at_perpetual = (lc.Book(at, instrument=s, **price).liquidation_price for s in (symbol, lasting))
    assert at_future.tobytes() == at_perpetual.tobytes()


@pytest.mark.parametrize(("name", "lasting", "dated", "unified"), DATED)
def test_a_symbol_with_a_date_and_no_expiry_is_refused(name, lasting, dated, unified) -> None:
    make = getattr(venues, name)
    for symbol in (dated, unified):
        with pytest.raises(lc.InputError, match=f"expiry must be given for '{symbol}', a future: expiry="):
            make(tiers={lasting: ONE, symbol: ONE})
        assert make(lasting, tiers={lasting: ONE, symbol: ONE}).symbols == (lasting,)


@pytest.mark.parametrize(("name", "lasting", "dated", "unified"), DATED)
def test_an_expiry_is_that_of_a_future_that_has_tiers(name, lasting, dated, unified) -> None:
    make = getattr(venues, name)
    with pytest.raises(lc.InputError, match=f"expiry must name futures with a date in their symbol, '{lasting}' is a"):
        make(tiers={lasting: ONE}, expiry={lasting: MONTH})
    with pytest.raises(
        lc.InputError, match=f"expiry must name symbols that have tiers, '{dated}' has none; there are {lasting}"
    ):
        make(tiers={lasting: ONE}, expiry={dated: MONTH})
    with pytest.raises(lc.KindError, match="expiry must be a mapping of symbols to timedelta"):
        make(tiers={dated: ONE}, expiry=MONTH)
    with pytest.raises(lc.InputError, match="expiry must be > 0"):
        make(tiers={dated: ONE}, expiry={dated: -MONTH})


@pytest.mark.parametrize(("name", "lasting", "dated", "unified"), [row for row in SYMBOLS if row[2] is None])
def test_a_venue_without_futures_knows_no_symbol_with_a_date(name, lasting, dated, unified) -> None:
    with pytest.raises(lc.InputError, match=f"symbols must read like .*; was '{unified}'"):
        getattr(venues, name)(tiers={unified: ONE})


@pytest.mark.parametrize(("name", "lasting"), [row[:2] for row in SYMBOLS])
def test_a_preset_hands_funding_to_its_perpetuals(name, lasting) -> None:
    make, paid = getattr(venues, name), lc.Funding(rate=0.0001)
    assert make(tiers={lasting: ONE}).instruments[0].funding is None
    assert make(tiers={lasting: ONE}, funding=paid).instruments[0].funding == paid
    assert make(tiers={lasting: ONE}, funding={lasting: paid}).instruments[0].funding == paid
    assert make(tiers={lasting: ONE}, funding={}).instruments[0].funding is None
    with pytest.raises(lc.InputError, match="funding must name symbols that have tiers, 'LUNA' has none"):
        make(tiers={lasting: ONE}, funding={"LUNA": paid})
    with pytest.raises(lc.KindError, match=f"funding\\['{lasting}'\\] must be a Funding, was float"):
        make(tiers={lasting: ONE}, funding={lasting: 0.01})
    with pytest.raises(lc.KindError, match="funding must be a mapping of symbols to Funding, was float"):
        make(tiers={lasting: ONE}, funding=0.01)


def test_a_future_has_no_funding() -> None:
    tables, expiry = {"BTCUSDT": ONE, "BTCUSDT_261225": ONE}, {"BTCUSDT_261225": MONTH}
    paid = lc.Funding(rate=0.0001)
    perpetual, future = venues.binance_usdm(tiers=tables, expiry=expiry, funding=paid).instruments
    assert perpetual.funding == paid
    assert not hasattr(future, "funding")
    with pytest.raises(lc.InputError, match="funding must not name 'BTCUSDT_261225': a future with an expiry has none"):
        venues.binance_usdm(tiers=tables, expiry=expiry, funding={"BTCUSDT_261225": paid})


def test_a_presets_funding_is_paid_along_a_path() -> None:
    tables = {"BTC": lc.MarginTiers([0.0], [0.0125])}
    held = {"quantity": [1.0], "entry_price": [60_000.0], "margin": [1_000.0]}
    market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=1e4))})
    hourly = lc.Funding(rate=0.001, interval=timedelta(hours=1))
    for funding, gone in ((None, 0.0), (hourly, 1.0)):
        book = lc.Book(venues.hyperliquid(tiers=tables, funding=funding), instrument="BTC", **held)
        runs = lc.simulate(book, market, np.zeros((1, 5)), step=timedelta(hours=1))
        assert runs.liquidation_probability.tolist() == [gone]


# ---- liquidation policies ----

FIFTH = lc.PortionClose(portion=0.2, above=100_000.0, wait=timedelta(seconds=30), then="all")
TENTH = lc.PortionClose(portion=0.1, minimum=1_000.0, then="again", fee_rate=0.015)
POLICIES = {
    "binance_usdm": lc.TierStep(tiers=1, fee_rate=0.0125),
    "binance_coinm": lc.TierStep(tiers=1, fee_rate=0.015),
    "bybit_linear": lc.TierStep(tiers=1),
    "bybit_inverse": lc.TierStep(tiers=1),
    "okx": lc.TierStep(tiers=2),
    "gate": lc.FullClose(),
    "bitget": lc.FullClose(),
    "hyperliquid": FIFTH,
    "dydx_v4": TENTH,
    "drift_v2": lc.PartialClose(target=1.0, buffer=0.02, fee_to="outside"),
    "deribit_futures": lc.PartialClose(target=1.0, fee_rate=0.0075, lot=1.0),
}


@pytest.mark.parametrize(("name", "lasting"), [row[:2] for row in SYMBOLS])
def test_a_preset_liquidates_by_its_venues_policy_or_by_the_one_that_is_given(name, lasting) -> None:
    make, other = getattr(venues, name), lc.PartialClose(target=0.3)
    own = make(tiers={lasting: ONE})
    assert own.liquidation == POLICIES[name]
    given = make(tiers={lasting: ONE}, liquidation=other)
    assert given.liquidation == other
    assert (given.instruments, given.backstop, given.order) == (own.instruments, own.backstop, own.order)
    with pytest.raises(lc.KindError, match="liquidation must be a liquidation policy, was str 'whole'"):
        make(tiers={lasting: ONE}, liquidation="whole")


THREE = {"floor": [0.0, 500_000.0, 1_000_000.0], "maintenance_rate": [0.004, 0.005, 0.01]}


def crashed(venue: lc.Venue, quantity: float, margin: float, fall: float, **held) -> lc.Outcome:
    """One long bought at 100 in a market without impact, after the fall of the price."""
    (instrument,) = venue.instruments
    columns = {"quantity": [quantity], "entry_price": [100.0], "margin": [margin]} | held
    book = lc.Book(venue, instrument=instrument.symbol, **columns)
    return lc.shock(book, lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=float("inf")))}), fall)


def test_binance_and_bybit_cut_a_position_to_the_tier_below() -> None:
    tiers = lc.MarginTiers(**THREE)
    binance = venues.binance_usdm(tiers={"BTCUSDT": tiers}, liquidation_fee=0.0)
    for at in (binance, venues.bybit_linear(tiers={"BTCUSDT": tiers}, basis="mark")):
        crash = crashed(at, 20_000.0, 60_000.0, -0.025)  # 1.95 million in the third tier, required 14,250, worth 10,000
        assert crash.liquidated_notional == pytest.approx(950_000.0, rel=1e-12)
        assert crash.liquidated_count == 1


def test_okx_cuts_by_two_tiers_and_takes_over_whole_below_the_third() -> None:
    table = lc.MarginTiers([0.0, 5_000.0, 10_000.0], [0.004, 0.005, 0.01], whole_position=True, measure="contracts")
    at = venues.okx(tiers={"BTC-USDT-SWAP": table}, taker_fee=0.0)
    crash = crashed(at, 20_000.0, 60_000.0, -0.025)  # requires 19,500, worth 10,000; the first tier 1,950
    assert crash.liquidated_notional == pytest.approx(15_000.0 * 97.5, rel=1e-12)
    second = crashed(at, 9_000.0, 26_000.0, -0.025)  # requires 4,387.5, worth 3,500
    assert second.liquidated_notional == pytest.approx(9_000.0 * 97.5, rel=1e-12)
    assert second.insurance_fund == pytest.approx(3_500.0, rel=1e-10)


def test_hyperliquid_sells_a_fifth_first_and_the_vault_takes_over_below_two_thirds() -> None:
    at = venues.hyperliquid(tiers={"BTC": lc.MarginTiers([0.0], [0.01])})
    fifth = crashed(at, 10_000.0, 40_000.0, -0.032)  # 968,000 require 9,680, worth 8,000
    assert fifth.liquidated_notional == pytest.approx(0.2 * 968_000.0, rel=1e-12)
    small = crashed(at, 1_000.0, 4_000.0, -0.032)
    assert small.liquidated_notional == pytest.approx(96_800.0, rel=1e-12)
    assert (small.insurance_fund, small.taken_over_notional) == (0.0, 0.0)
    vault = crashed(at, 10_000.0, 40_000.0, -0.035)  # 965,000 require 9,650, worth 5,000
    assert vault.liquidated_notional == 0.0
    assert vault.taken_over_notional == pytest.approx(965_000.0, rel=1e-12)
    assert vault.insurance_fund == pytest.approx(5_000.0, rel=1e-10)


def test_dydx_closes_a_tenth_a_step_of_at_least_1000_and_the_fee_is_the_funds() -> None:
    at = venues.dydx_v4(tiers={"BTC-USD": lc.MarginTiers([0.0], [0.03])})
    crash = crashed(at, 1_000.0, 5_000.0, -0.025)  # 97,500 require 2,925, worth 2,500
    assert crash.liquidated_notional == pytest.approx(9_750.0, rel=1e-12)
    assert crash.insurance_fund == pytest.approx(0.015 * 9_750.0, rel=1e-12)
    assert crashed(at, 50.0, 250.0, -0.025).liquidated_notional == pytest.approx(1_000.0, rel=1e-12)
    assert crashed(at, 5.0, 25.0, -0.025).liquidated_notional == pytest.approx(487.5, rel=1e-12)


def test_dydxs_isolated_markets_have_a_fund_of_their_own() -> None:
    tables = {"BTC-USD": ONE, "DOGE-USD": ONE}
    at = venues.dydx_v4(tiers=tables, insurance_fund=7.0, own_funds={"DOGE-USD": 2.0})
    assert dict(at.backstop.own_funds) == {"DOGE-USD": 2.0}
    assert at.backstop.total_funds == 9.0
    with pytest.raises(lc.InputError, match="own_funds must name instruments of the venue, named 'PEPE-USD'"):
        venues.dydx_v4(tiers=tables, own_funds={"PEPE-USD": 2.0})


def test_deribit_sells_whole_contracts_until_the_requirement_is_met() -> None:
    at = venues.deribit_futures(tiers={"BTC-PERPETUAL": ONE}, liquidation_fee=0.0)
    # 1,000 contracts of 10 USD at 100: 100 coins of notional and 3 of margin; at 97.4 worth 0.331, required 0.513
    crash = crashed(at, 1_000.0, 3.0, -0.026)
    left = 1_000.0 - crash.liquidated_notional / 10.0
    worth = 3.0 + 10_000.0 * (1.0 / 100.0 - 1.0 / 97.4)
    assert left == np.floor(worth / 0.005 * 97.4 / 10.0)
    assert 0 < left < 1_000


def test_drift_sells_until_the_requirement_and_a_buffer_are_met_and_charges_both_sides_of_the_market() -> None:
    at = venues.drift_v2(tiers={"BTC-PERP": lc.MarginTiers([0.0], [0.05])})
    crash = crashed(at, 1_000.0, 8_000.0, -0.04)  # 96,000 require 4,800, worth 4,000
    assert crash.liquidated_notional == pytest.approx(96_000.0 - 4_000.0 / 0.07, rel=1e-12)
    assert at.backstop.socialise == "open_interest"


def test_binances_counterparties_go_by_profit_times_leverage() -> None:
    at = venues.binance_usdm(tiers={"BTCUSDT": ONE})
    book = lc.Book(
        at,
        instrument="BTCUSDT",
        quantity=[100.0, -100.0, -100.0, -100.0],
        entry_price=[100.0, 100.0, 120.0, 120.0],
        margin=[1_000.0, 5_000.0, 9_000.0, 3_000.0],
    )
    market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=float("inf")))})
    assert lc.shock(book, market, -0.2).deleveraged_notional == pytest.approx(100.0 * 90.0)
    ready = lc.prepare(book, market)
    left = ready._native.shock(ready._native_market, np.array([[-0.2]]), True, holdings=True)
    assert left["quantity_left"].tolist() == [0.0, -100.0, -100.0, 0.0]
