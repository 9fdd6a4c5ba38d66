"""Futures that expire: worth what the perpetuals are, without funding, and outlasted by no run."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc

DAY = timedelta(days=1)
TIERS = lc.MarginTiers(floor=[0.0, 50_000.0, 600_000.0], maintenance_rate=[0.004, 0.005, 0.01])
COIN_TIERS = lc.MarginTiers(floor=[0.0, 5.0, 20.0], maintenance_rate=[0.004, 0.01, 0.05])
MARKET = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=4_000.0))})
QUANTITY, MARGIN = np.array([2.0, 1.0, -3.0, 0.0]), np.array([0.1, 0.05, 2.0, 1.0])


def future(expiry: timedelta = 2 * DAY, *, inverse: bool = False, **options) -> lc.LinearFuture | lc.InverseFuture:
    if inverse:
        return lc.InverseFuture(
            "BTCUSD_261225", asset="BTC", contract_value=100.0, tiers=COIN_TIERS, expiry=expiry, **options
        )
    return lc.LinearFuture("BTCUSDT_261225", asset="BTC", tiers=TIERS, expiry=expiry, **options)


def perpetual(*, inverse: bool = False, **options) -> lc.LinearPerpetual | lc.InversePerpetual:
    if inverse:
        return lc.InversePerpetual("BTCUSD_PERP", asset="BTC", contract_value=100.0, tiers=COIN_TIERS, **options)
    return lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=TIERS, **options)


def book(*instruments, held: int = 0) -> lc.Book:
    unit = (600.0, 1.0) if instruments[0].is_inverse else (1.0, 60_000.0)
    code = np.full(4, held, dtype=np.int32)
    entry = np.full(4, 60_000.0)
    at = lc.Venue(list(instruments), backstop=lc.Backstop(insurance_fund=0.01 * unit[1], deleveraging=True))
    return lc.Book(at, instrument=code, quantity=unit[0] * QUANTITY, entry_price=entry, margin=unit[1] * MARGIN)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("options", [{}, {"closing_fee": 0.0006, "basis": "entry"}])
def test_a_future_is_worth_and_liquidated_as_the_perpetual_without_funding(inverse, options):
    dated, lasting = book(future(inverse=inverse, **options)), book(perpetual(inverse=inverse, **options))
    assert dated.liquidation_price.tobytes() == lasting.liquidation_price.tobytes()
    assert dated.exposure(55_000.0).tolist() == lasting.exposure(55_000.0).tolist()
    crash, expected = lc.shock(dated, MARKET, -0.08), lc.shock(lasting, MARKET, -0.08)
    assert crash.liquidated.tolist() == expected.liquidated.tolist() == [True, True, False, False]
    assert crash.final_price == expected.final_price
    assert crash.bad_debt == expected.bad_debt
    paths = {"paths": 50, "steps": 48, "step": timedelta(hours=1), "seed": 3}
    runs, usual = (lc.simulate(b, MARKET, lc.GBM(volatility=2.0), **paths) for b in (dated, lasting))
    assert runs.liquidated_notional.tobytes() == usual.liquidated_notional.tobytes()
    assert runs.liquidated_notional.max() > 0.0
    assert runs.conservation_error.max() < 1e-12


@pytest.mark.parametrize("inverse", [False, True])
def test_a_run_that_reaches_beyond_the_expiry_is_refused_by_instrument_expiry_and_length(inverse):
    held = book(future(2 * DAY, inverse=inverse))
    symbol = held.venue.symbols[0]
    rule = f"beyond the expiry of '{symbol}', 2 days, 0:00:00 from its start, was 2 days, 1:00:00 long.*holds 3 of"
    hours = {"step": timedelta(hours=1)}
    with pytest.raises(lc.InputError, match=rule):
        lc.simulate(held, MARKET, lc.GBM(volatility=0.5), paths=1, steps=49, seed=1, **hours)
    with pytest.raises(lc.InputError, match=rule):
        lc.simulate(held, MARKET, np.zeros((1, 49)), **hours)
    with pytest.raises(lc.InputError, match=rule):
        lc.simulate(held, MARKET, iter([np.zeros((1, 49))]), **hours)
    with pytest.raises(lc.InputError, match=rule):
        lc.replay(held, MARKET, {"BTC": np.full(50, 60_000.0)}, **hours)
    with pytest.raises(lc.InputError, match=rule):
        lc.replay(
            lc.prepare(held, MARKET), {"BTC": np.full(50, 60_000.0)}, times=np.arange(50) * np.timedelta64(1, "h")
        )


def test_no_path_is_run_before_the_refusal():
    held = book(future(DAY))
    with pytest.raises(lc.InputError, match="expiry"):
        lc.simulate(
            held,
            MARKET,
            lc.GBM(volatility=0.5),
            paths=2**32,  # more than any memory holds: refused for its length first
            steps=49,
            step=timedelta(hours=1),
            seed=1,
            progress=lambda done, total: pytest.fail("work was begun"),
        )


def test_a_run_may_end_with_the_expiry_and_a_shock_takes_no_time():
    held = book(future(2 * DAY))
    assert lc.simulate(held, MARKET, np.zeros((1, 2)), step=DAY).liquidated_count.tolist() == [0]
    assert lc.replay(held, MARKET, {"BTC": [60_000.0] * 3}, step=DAY).liquidated_count == 0
    assert lc.shock(book(future(timedelta(microseconds=1))), MARKET, -0.08).liquidated_count == 2
    with pytest.raises(lc.InputError, match="was 3 days"):
        lc.simulate(held, MARKET, np.zeros((1, 3)), step=DAY)


def test_a_future_that_nobody_holds_stops_no_run():
    beside = book(perpetual(), future(DAY), held=0)
    assert lc.simulate(beside, MARKET, np.zeros((1, 9)), step=DAY).liquidated_count.tolist() == [0]
    only_zero = book(future(DAY))[3:]
    assert lc.simulate(only_zero, MARKET, np.zeros((1, 9)), step=DAY).liquidated_count.tolist() == [0]
    with pytest.raises(lc.InputError, match="BTCUSDT_261225"):
        lc.simulate(book(perpetual(), future(DAY), held=1), MARKET, np.zeros((1, 9)), step=DAY)


def test_a_perpetual_beside_a_future_has_its_funding():
    paid = lc.Funding(rate=0.01, interval=DAY)
    beside = lc.Venue([future(9 * DAY), perpetual(funding=paid)])
    held = lc.Book(
        beside,
        instrument=["BTCUSDT_261225", "BTCUSDT"],
        quantity=[1.0, 1.0],
        entry_price=[60_000.0, 60_000.0],
        margin=[1_000.0, 1_000.0],
    )
    runs = lc.simulate(held, MARKET, np.zeros((1, 2)), step=DAY)
    assert runs.liquidation_probability.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("inverse", [False, True])
def test_a_future_is_a_value(inverse):
    one = future(inverse=inverse)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one == future(inverse=inverse)
    assert hash(one) == hash(future(inverse=inverse))
    assert one != future(3 * DAY, inverse=inverse)
    assert "expiry=datetime.timedelta(days=2)" in repr(one)
    assert future(np.timedelta64(48, "h"), inverse=inverse) == one
    again = pickle.loads(pickle.dumps(book(one)))
    assert again.venue.instruments == (one,)


@pytest.mark.parametrize(
    ("expiry", "error", "rule"),
    [
        (timedelta(0), lc.InputError, "expiry must be > 0, was 0:00:00"),
        (-DAY, lc.InputError, "expiry must be > 0"),
        (30, lc.KindError, "expiry must be a timedelta, was int 30"),
        (None, lc.KindError, "expiry must be a timedelta"),
    ],
)
@pytest.mark.parametrize("inverse", [False, True])
def test_a_wrong_expiry_is_refused(expiry, error, rule, inverse):
    with pytest.raises(error, match=rule):
        future(expiry, inverse=inverse)


def test_a_future_takes_no_funding_and_obeys_what_every_instrument_does():
    with pytest.raises(TypeError, match="funding"):
        future(funding=lc.Funding(rate=0.01))
    with pytest.raises(lc.InputError, match="closing_fee"):
        future(closing_fee=0.995)
    with pytest.raises(lc.InputError, match="contract_value must be > 0"):
        lc.InverseFuture("X", asset="X", contract_value=0.0, tiers=TIERS, expiry=DAY)
    with pytest.raises(lc.InputError, match="must be inverse on 'BTC'"):
        lc.Venue([future(), future(inverse=True)])


def test_a_synthetic_book_may_hold_a_linear_future_and_no_inverse_one():
    made = {"size": 100, "prices": {"BTC": 60_000.0}, "open_interest": {"BTC": 1e8}, "seed": 1}
    dated = lc.Book.synthetic(lc.Venue([future()]), **made)
    assert dated.quantity.tobytes() == lc.Book.synthetic(lc.Venue([perpetual()]), **made).quantity.tobytes()
    with pytest.raises(lc.KindError, match="must be linear, 'BTCUSD_261225' is inverse"):
        lc.Book.synthetic(lc.Venue([future(inverse=True)]), **made)
