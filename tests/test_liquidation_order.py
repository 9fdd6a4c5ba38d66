"""The order of liquidation: by log liquidation price, ties by position, wherever prices lie and on any threads."""

from __future__ import annotations

import numpy as np
import pytest

import levcore as lc
from levcore import _core

ASSETS = ("A", "B", "C")
SIZE = 70_000  # enough for two threads


def market() -> lc.Market:
    return lc.Market({name: lc.Asset(100.0, impact=lc.LinearImpact(depth=1e9)) for name in ASSETS})


def venue(*, whole_position: bool = False) -> lc.Venue:
    tiers = lc.MarginTiers([0.0, 5e4, 1e6], [0.004, 0.01, 0.05], whole_position=whole_position)
    traded = [lc.LinearPerpetual(f"{name}{i}", asset=name, tiers=tiers) for name in ASSETS for i in (0, 1)]
    return lc.Venue(traded)


def columns(kind: str, size: int) -> dict[str, np.ndarray]:
    """Columns whose liquidation prices lie as the word says."""
    random = np.random.default_rng(7)
    quantity = random.choice([-1.0, 1.0], size) * random.lognormal(0.0, 2.0, size)
    entry = 100.0 * np.exp(0.03 * random.standard_normal(size))
    leverage = random.uniform(1.5, 60.0, size)
    match kind:
        case "all equal":
            quantity, entry, leverage = np.sign(quantity), np.full(size, 100.0), np.full(size, 10.0)
        case "a few prices":
            quantity, entry, leverage = np.sign(quantity), np.round(entry / 4.0) * 4.0, np.round(leverage / 20.0) + 2.0
        case "two heaps and far outliers":
            entry = np.where(random.random(size) < 0.5, 1e-6, 1e6) * (1.0 + 1e-12 * random.integers(0, 9, size))
            entry[:: size // 7 + 1] = 10.0 ** random.uniform(-60.0, 60.0, len(entry[:: size // 7 + 1]))
            quantity = np.sign(quantity)
        case "many that no price reaches":
            leverage = np.where(random.random(size) < 0.5, 0.5, leverage)
        case "long and short by turns":
            quantity = np.abs(quantity) * np.where(np.arange(size) % 2, 1.0, -1.0)
        case "longs alone":
            quantity = np.abs(quantity)
        case "many that are empty":
            quantity[random.random(size) < 0.5] = 0.0
        case _:
            assert kind == "all over"
    margin = np.maximum(np.abs(quantity), 1.0) * entry / leverage
    return {"quantity": quantity, "entry_price": entry, "margin": margin}


KINDS = (
    "all over",
    "all equal",
    "a few prices",
    "two heaps and far outliers",
    "many that no price reaches",
    "long and short by turns",
    "longs alone",
    "many that are empty",
)


def prepared(book: lc.Book, threads: int) -> _core.Ready:
    asset_of = [ASSETS.index(instrument.asset) for instrument in book.venue.instruments]
    return _core.Ready(book._native, asset_of, [], len(ASSETS), threads)


def expected(book: lc.Book, asset: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and keys by numpy's sort."""
    here = (book.instrument // 2 == asset) & (book.account < 0)
    position = np.flatnonzero(here & (book.quantity > 0.0 if side == 0 else book.quantity < 0.0))
    key = _core.log(np.array(book.liquidation_price))[position]
    never = np.isnan(key)
    assert not never.any() or side == 0
    key[never] = -np.inf
    order = np.argsort(-key if side == 0 else key, kind="stable")
    return position[order], key[order]


def assert_in_order(book: lc.Book, threads: int) -> None:
    ready = prepared(book, threads)
    rows = 0
    for asset in range(len(ASSETS)):
        for side in (0, 1):
            position, key = ready.order(asset, side)
            wanted, wanted_key = expected(book, asset, side)
            assert np.array_equal(position, wanted)
            assert key.tobytes() == wanted_key.tobytes()
            rows += len(position)
    assert rows == np.count_nonzero((book.quantity != 0.0) & (book.account < 0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 100, SIZE])
def test_a_side_stands_in_the_order_of_its_prices_and_ties_in_that_of_positions(kind, size):
    code = np.random.default_rng(3).integers(0, 6, size).astype(np.int32)
    book = lc.Book(venue(), instrument=code, **columns(kind, size))
    for threads in (1, 2, 33):
        assert_in_order(book, threads)


def test_one_instrument_alone_is_sorted_like_many():
    assert_in_order(lc.Book(venue(), instrument="B1", **columns("all over", SIZE)), threads=2)


def test_positions_of_accounts_are_left_out_of_the_order():
    given = columns("all over", SIZE)
    account = np.where(np.arange(SIZE) % 3 == 0, 0, -1)
    given["margin"][account == 0] = np.nan
    book = lc.Book(venue(), instrument="A0", account=account, accounts=lc.Accounts(USD=[1e12]), **given)
    assert_in_order(book, threads=2)


def test_rows_whose_requirement_jumps_have_the_same_order_on_any_threads():
    code = np.random.default_rng(3).integers(0, 6, SIZE).astype(np.int32)
    book = lc.Book(venue(whole_position=True), instrument=code, **columns("all over", SIZE))
    alone, together = prepared(book, 1), prepared(book, 5)
    for asset in range(len(ASSETS)):
        for side, sign in ((0, -1.0), (1, 1.0)):
            position, key = alone.order(asset, side)
            same_position, same_key = together.order(asset, side)
            assert np.array_equal(position, same_position)
            assert key.tobytes() == same_key.tobytes()
            assert np.array_equal(np.lexsort((position, sign * key)), np.arange(len(key)))
            assert len(key) > 1_000


def test_preparing_on_more_threads_changes_no_number(monkeypatch):
    book = lc.Book(venue(), instrument="A0", **columns("all over", SIZE))
    said = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        outcomes = lc.shock(lc.prepare(book, market()), np.linspace(-0.2, 0.2, 30), engine="ladder")
        said.append((outcomes.bad_debt.tobytes(), outcomes.liquidated_notional.tobytes(), outcomes.rounds.tobytes()))
    assert said[0] == said[1]
