"""Exposure, leverage, margin and collateralisation ratios of a book, worked out by hand and against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

import levcore as lc

TIERS = lc.MarginTiers([0.0], [0.01])
PRICES = {"A": 100.0, "B": 10.0}


def venue(**options) -> lc.Venue:
    symbols = {"AUSD": "A", "AUSD2": "A", "BUSD": "B"}
    instruments = [lc.LinearPerpetual(symbol, asset=asset, tiers=TIERS) for symbol, asset in symbols.items()]
    return lc.Venue(instruments, collateral={"B": 0.5, "C": 0.8}, **options)


def mixed_book() -> lc.Book:
    """Two accounts and two isolated positions, in mixed order; prices 100 and 10, a coin C at 2."""
    return lc.Book(
        venue(),
        instrument=["AUSD", "BUSD", "AUSD2", "BUSD", "AUSD"],
        quantity=[2.0, -30.0, -1.0, 50.0, 4.0],
        entry_price=[90.0, 12.0, 100.0, 10.0, 110.0],
        margin=[np.nan, 50.0, np.nan, np.nan, 60.0],
        account=[0, -1, 0, 1, -1],
        accounts=lc.Accounts(USD=[100.0, -20.0], B=[0.0, 10.0], C=[5.0, 0.0]),
    )


MARKS = {**PRICES, "C": 2.0}

# account 0: 2 A long from 90 (+20), 1 A short from 100 (0), 100 USD and 5 C (10): equity 130, gross 300, net 100
# account 1: 50 B long from 10 (0), -20 USD and 10 B (100): equity 80, gross 500, net 500
# isolated: 30 B short from 12 (+60), margin 50: equity 110, gross 300; 4 A long from 110 (-40), margin 60: 20, 400


def test_exposures_of_a_mixed_book_worked_out_by_hand() -> None:
    book = mixed_book()
    assert book.gross_exposure(MARKS) == 1_500.0
    assert book.gross_exposure(MARKS, "account").tolist() == [300.0, 500.0, 300.0, 400.0]
    assert book.gross_exposure(MARKS, by="asset") == {"A": 700.0, "B": 800.0}
    assert book.gross_exposure(MARKS, by="instrument") == {"AUSD": 600.0, "AUSD2": 100.0, "BUSD": 800.0}
    assert book.net_exposure(MARKS) == 700.0
    assert book.net_exposure(MARKS, "account").tolist() == [100.0, 500.0, -300.0, 400.0]
    assert book.net_exposure(MARKS, by="asset") == {"A": 500.0, "B": 200.0}
    assert book.net_exposure(MARKS, by="instrument") == {"AUSD": 600.0, "AUSD2": -100.0, "BUSD": 200.0}


def test_delta_counts_collateral_that_has_a_price_of_its_own() -> None:
    book = mixed_book()
    assert book.delta_exposure(MARKS) == 700.0 + 100.0 + 10.0
    assert book.delta_exposure(MARKS, "account").tolist() == [110.0, 600.0, -300.0, 400.0]
    assert book.delta_exposure(MARKS, by="asset") == {"A": 500.0, "B": 300.0, "C": 10.0}
    assert book.delta_exposure(MARKS, by="instrument") == book.net_exposure(MARKS, by="instrument")


def test_ratios_of_a_mixed_book_worked_out_by_hand() -> None:
    book = mixed_book()
    np.testing.assert_allclose(book.leverage_factor(MARKS, "account"), [300 / 130, 500 / 80, 300 / 110, 20.0])
    assert book.leverage_factor(MARKS) == pytest.approx(1_500 / 340)
    np.testing.assert_allclose(book.leverage_ratio(MARKS, "account"), [130 / 300, 80 / 500, 110 / 300, 0.05])
    assert book.leverage_ratio(MARKS) == pytest.approx(340 / 1_500)
    np.testing.assert_allclose(book.collateralisation_ratio(MARKS, "account"), [110 / 300, 80 / 500, 50 / 300, 0.15])
    assert book.collateralisation_ratio(MARKS) == pytest.approx(300 / 1_500)
    # one side of A: 600 long against 0 and 0 against 100 short; of B 500 long against 300 short
    assert book.market_leverage(MARKS) == pytest.approx((600 + 100 + 500) / 300)


def test_margin_ratios_count_collateral_by_its_share() -> None:
    # account 0: required 3 of 100 + 20 + 0.8*10 = 128; account 1: 5 of -20 + 0.5*100 = 30
    ratios = [3 / 128, 5 / 30, 3 / 110, 4 / 20]
    np.testing.assert_allclose(mixed_book().margin_ratio(MARKS, "account"), ratios)
    np.testing.assert_allclose(mixed_book().margin_ratio(MARKS), [ratios[k] for k in (0, 2, 0, 1, 3)])


def test_a_margin_ratio_above_one_is_what_liquidates() -> None:
    book = mixed_book()
    for fall in np.linspace(0.5, 1.5, 101):
        marks = {"A": 100.0 * fall, "B": 10.0 * fall, "C": 2.0}
        assert ((book.margin_ratio(marks) > 1.0) == book.liquidatable(marks)).all()


def test_inverse_positions_count_in_quote_units() -> None:
    coin = lc.InversePerpetual("XUSD", asset="X", contract_value=10.0, tiers=lc.MarginTiers([0.0], [0.01]))
    book = lc.Book(
        lc.Venue([coin]),
        instrument="XUSD",
        quantity=[100.0, -40.0, -100.0],
        entry_price=[50.0, 40.0, 50.0],
        margin=[4.0, 5.0, np.nan],
        account=[-1, -1, 0],
        accounts=lc.Accounts(X=[20.0]),
    )
    at = 40.0
    # contracts of 10: 1,000 long from 50 with 4 X, 400 short from 40 with 5 X, 1,000 short from 50 with 20 X
    assert book.gross_exposure(at) == 2_400.0
    assert book.net_exposure(at, "account").tolist() == [-1_000.0, 1_000.0, -400.0]
    # equity in coin: 20 - 1000(1/50 - 1/40) = 25; 4 + 1000(1/50 - 1/40) = -1; 5
    np.testing.assert_allclose(book.leverage_factor(at, "account"), [1_000 / (25 * 40), math.inf, 400 / 200])
    np.testing.assert_allclose(book.leverage_ratio(at, "account"), [1.0, -0.04, 0.5])
    # q*P with q = m + n*W/E: 20 - 20 = 0; 4 + 20 = 24; 5 - 10 = -5
    np.testing.assert_allclose(book.delta_exposure(at, "account"), [0.0, 24 * 40.0, -5 * 40.0], atol=1e-12)
    assert book.delta_exposure(at, by="asset") == pytest.approx({"X": 19 * 40.0})
    assert book.delta_exposure(at, by="instrument") == pytest.approx({"XUSD": (19 - 20) * 40.0})
    np.testing.assert_allclose(book.collateralisation_ratio(at, "account"), [0.8, 0.16, 0.5])
    assert book.market_leverage(at) == pytest.approx(1_400.0 / (29 * 40.0))
    assert book.margin_ratio(at)[2] == pytest.approx((1_000 / 40 * 0.01) / 25)


def test_delta_is_what_equity_gains_by_a_small_rise() -> None:
    book, rise = mixed_book(), 1e-6
    for asset, delta in book.delta_exposure(MARKS, by="asset").items():
        up, down = ({**MARKS, asset: MARKS[asset] * (1.0 + way * rise)} for way in (1.0, -1.0))
        gained = (book.leverage_ratio(up) * book.gross_exposure(up)) - book.leverage_ratio(down) * book.gross_exposure(
            down
        )
        assert gained / (2.0 * rise) == pytest.approx(delta, rel=1e-6)


def test_sums_agree_with_plain_loops_over_a_random_book() -> None:
    rng = np.random.default_rng(11)
    size, owners = 2_000, 150
    account = rng.integers(-1, owners, size)
    instrument = rng.integers(0, 3, size).astype(np.int32)
    quantity = rng.normal(0.0, 5.0, size)
    margin = np.where(account < 0, rng.uniform(1.0, 50.0, size), np.nan)
    accounts = lc.Accounts(USD=rng.uniform(0.0, 500.0, owners), C=rng.uniform(0.0, 50.0, owners))
    held = {"quantity": quantity, "entry_price": rng.uniform(5.0, 120.0, size), "margin": margin}
    book = lc.Book(venue(), instrument=instrument, **held, account=account, accounts=accounts)
    by_account: dict[object, float] = dict.fromkeys(range(owners), 0.0)
    by_symbol = dict.fromkeys(book.venue.symbols, 0.0)
    for row in range(size):
        notional = abs(quantity[row]) * (100.0 if instrument[row] < 2 else 10.0)
        key = int(account[row]) if account[row] >= 0 else ("alone", row)
        by_account[key] = by_account.get(key, 0.0) + notional
        by_symbol[book.venue.symbols[instrument[row]]] += notional
    np.testing.assert_allclose(book.gross_exposure(MARKS, "account"), list(by_account.values()), rtol=1e-12)
    assert book.gross_exposure(MARKS, by="instrument") == pytest.approx(by_symbol, rel=1e-12)
    assert book.gross_exposure(MARKS) == pytest.approx(sum(by_symbol.values()), rel=1e-12)


def test_where_nothing_is_held_nothing_is_divided() -> None:
    empty = lc.Book(venue(), instrument="AUSD", quantity=[], entry_price=[], margin=[])
    assert empty.gross_exposure(MARKS) == empty.net_exposure(MARKS) == empty.delta_exposure(MARKS) == 0.0
    assert empty.leverage_factor(MARKS) == 0.0
    assert all(map(math.isnan, (empty.leverage_ratio(MARKS), empty.collateralisation_ratio(MARKS))))
    assert math.isnan(empty.market_leverage(MARKS))
    assert empty.margin_ratio(MARKS).shape == empty.leverage_factor(MARKS, "account").shape == (0,)
    inert = lc.Book(venue(), instrument="AUSD", quantity=[0.0], entry_price=[100.0], margin=[10.0])
    assert inert.leverage_factor(MARKS, "account").tolist() == [0.0]
    assert inert.margin_ratio(MARKS).tolist() == [0.0]
    assert np.isnan(inert.leverage_ratio(MARKS, "account")).all()


def test_without_accounts_no_price_of_their_coins_is_asked_for() -> None:
    book = lc.Book(venue(), instrument="AUSD", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    assert book.leverage_factor(PRICES) == 10.0
    assert book.delta_exposure(PRICES, by="asset") == {"A": 100.0, "B": 0.0}
    with pytest.raises(lc.InputError, match="prices must have every coin of collateral; missing: C"):
        mixed_book().leverage_factor(PRICES)


@pytest.mark.parametrize(
    ("method", "rule"),
    [
        ("gross_exposure", "by must be 'account' or 'asset' or 'instrument', was 'coin'"),
        ("net_exposure", "by must be 'account' or 'asset' or 'instrument', was 'coin'"),
        ("delta_exposure", "by must be 'account' or 'asset' or 'instrument', was 'coin'"),
        ("leverage_factor", "by must be 'account', was 'coin'"),
        ("leverage_ratio", "by must be 'account', was 'coin'"),
        ("collateralisation_ratio", "by must be 'account', was 'coin'"),
        ("margin_ratio", "by must be 'position' or 'account', was 'coin'"),
    ],
)
def test_an_unknown_grouping_is_refused(method: str, rule: str) -> None:
    with pytest.raises(lc.InputError, match=rule):
        getattr(mixed_book(), method)(MARKS, by="coin")
