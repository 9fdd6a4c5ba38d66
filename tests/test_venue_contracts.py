"""What presets take beside their tables: expiries of dated futures, funding, and another liquidation policy."""

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
    with pytest.raises(lc.InputError, match=f"expiry must name symbols that have tiers, '{dated}' has none: {lasting}"):
        make(tiers={lasting: ONE}, expiry={dated: MONTH})
    with pytest.raises(lc.KindError, match="expiry must be a mapping of symbols to timedelta"):
        make(tiers={dated: ONE}, expiry=MONTH)
    with pytest.raises(lc.InputError, match="expiry must be > 0"):
        make(tiers={dated: ONE}, expiry={dated: -MONTH})


@pytest.mark.parametrize(("name", "lasting", "dated", "unified"), [row for row in SYMBOLS if row[2] is None])
def test_a_venue_without_futures_knows_no_symbol_with_a_date(name, lasting, dated, unified) -> None:
    with pytest.raises(lc.InputError, match=f"symbols must read like '{lasting}'"):
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
