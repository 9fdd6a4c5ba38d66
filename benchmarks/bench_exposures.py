"""How long do a million positions in 200,000 accounts take to be summed, against a numpy user's own bincount?

Run `pytest benchmarks` for timings.
"""

from __future__ import annotations

import numpy as np
import pytest

import levcore as lc

SIZE, OWNERS = 1_000_000, 200_000


@pytest.fixture(scope="module")
def held() -> tuple[lc.Book, dict[str, float]]:
    """Seven positions in ten belong to cross accounts; six instruments."""
    random = np.random.default_rng(20240601)
    venue = lc.venues.binance_usdm()
    account = np.where(random.random(SIZE) < 0.3, -1, random.integers(0, OWNERS, SIZE))
    book = lc.Book(
        venue,
        instrument=random.integers(0, 6, SIZE).astype(np.int32),
        quantity=random.standard_normal(SIZE),
        entry_price=np.full(SIZE, 100.0),
        margin=np.where(account < 0, 20.0, np.nan),
        account=account,
        accounts=lc.Accounts(USDT=random.uniform(0.0, 500.0, OWNERS)),
    )
    return book, dict.fromkeys(venue.assets, 100.0)


def by_hand(book: lc.Book) -> np.ndarray:
    """Gross exposure by account as one would write it for this book: isolated positions after the accounts."""
    isolated = book.account < 0
    notional = np.abs(book.quantity) * 100.0
    shared = np.bincount(book.account[~isolated], notional[~isolated], OWNERS)
    return np.concatenate([shared, notional[isolated]])


def test_gross_exposure_by_account(benchmark, held):
    book, prices = held
    np.testing.assert_allclose(book.gross_exposure(prices, "account"), by_hand(book), rtol=1e-12)
    benchmark(book.gross_exposure, prices, "account")


def test_gross_exposure_by_account_by_hand(benchmark, held):
    book, prices = held
    assert by_hand(book).sum() == pytest.approx(book.gross_exposure(prices), rel=1e-12)
    benchmark(by_hand, book)


def test_leverage_factor_by_account(benchmark, held):
    book, prices = held
    answer = book.leverage_factor(prices, "account")
    np.testing.assert_allclose(answer[OWNERS:], book.leverage(prices)[book.account < 0], rtol=1e-12)
    benchmark(book.leverage_factor, prices, "account")


def test_margin_ratio_of_every_position(benchmark, held):
    book, prices = held
    answer = book.margin_ratio(prices)
    assert ((answer > 1.0) <= book.liquidatable(prices)).all()
    benchmark(book.margin_ratio, prices)
