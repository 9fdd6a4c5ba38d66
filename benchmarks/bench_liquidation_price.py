"""Liquidation prices of a million positions over ten tiers, against one numpy pass over the same columns.

Run `pytest benchmarks` for timings; `python benchmarks/bench_liquidation_price.py` prints medians of one interleaved
run, and what a book with accounts costs its isolated positions.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest

import levcore as lc

SIZE, TIERS, RUNS = 1_000_000, 10, 41


def venue() -> lc.Venue:
    """One perpetual with ten tiers."""
    tiers = lc.MarginTiers(
        np.concatenate([[0.0], 50_000.0 * 2.0 ** np.arange(TIERS - 1)]), 0.004 * 1.4 ** np.arange(TIERS)
    )
    return lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=tiers)])


def columns() -> dict[str, np.ndarray]:
    """Sizes that lie in all ten tiers."""
    random = np.random.default_rng(20240601)
    quantity = random.choice([-1.0, 1.0], SIZE) * 100.0 * random.lognormal(0.0, 2.0, SIZE)
    entry = 1_000.0 * np.exp(0.05 * random.standard_normal(SIZE))
    return {
        "quantity": quantity,
        "entry_price": entry,
        "margin": np.abs(quantity) * entry / random.uniform(2.0, 8.0, SIZE),
    }


def fresh(held: lc.Book) -> lc.Book:
    """A book that has not worked its liquidation prices out."""
    held._liquidation_price = None
    return held


def check(held: lc.Book) -> None:
    """At its liquidation price a position's equity is its requirement."""
    price = held.liquidation_price
    some = np.flatnonzero(~np.isnan(price))[:: SIZE // 50]
    for row in some.tolist():
        one, at = held[row : row + 1], float(price[row])
        assert one.equity(at)[0] == pytest.approx(one.maintenance_margin(at)[0], rel=1e-9)


@pytest.fixture(scope="module")
def book() -> lc.Book:
    held = lc.Book(venue(), instrument="X", **columns())
    check(held)
    return held


def test_liquidation_prices_of_a_million_positions(benchmark, book):
    benchmark(lambda: fresh(book).liquidation_price)


def test_one_numpy_pass_over_the_same_columns(benchmark, book):
    benchmark(lambda: book.quantity * book.entry_price)


def ratio(one, other) -> tuple[float, float, float]:
    """Median seconds of both, and the median of their ratios, interleaved."""
    rows = []
    for _ in range(RUNS):
        took = []
        for call in (one, other):
            began = time.perf_counter()
            call()
            took.append(time.perf_counter() - began)
        rows.append((*took, took[0] / took[1]))
    return tuple(statistics.median(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def with_accounts(given: dict[str, np.ndarray]) -> lc.Book:
    """The same isolated positions, and one position of an account."""
    more = {
        name: np.append(values, last)
        for (name, values), last in zip(given.items(), (1.0, 1_000.0, np.nan), strict=True)
    }
    account = np.append(np.full(SIZE, -1), 0)
    return lc.Book(venue(), instrument="X", account=account, accounts=lc.Accounts(USD=[500.0]), **more)


def shuffled(given: dict[str, np.ndarray], instruments: int) -> lc.Book:
    """The same positions on several instruments of the same tiers, in no order."""
    table = venue().instruments[0].tiers
    traded = [lc.LinearPerpetual(f"X{k}", asset=f"X{k}", tiers=table) for k in range(instruments)]
    codes = np.random.default_rng(5).integers(0, instruments, SIZE).astype(np.int32)
    return lc.Book(lc.Venue(traded), instrument=codes, **given)


def main() -> None:
    """Print the table."""
    given = columns()
    book = lc.Book(venue(), instrument="X", **given)
    check(book)
    both = with_accounts(given)
    assert np.array_equal(both.liquidation_price[:-1], book.liquidation_price, equal_nan=True)
    ours, numpy_pass, times = ratio(lambda: fresh(book).liquidation_price, lambda: book.quantity * book.entry_price)
    print(f"liquidation_price {1e3 * ours:.2f} ms, one numpy pass {1e3 * numpy_pass:.2f} ms, ratio {times:.2f}")
    for instruments in (4, 300):
        mixed = shuffled(given, instruments)
        assert np.array_equal(mixed.liquidation_price, book.liquidation_price, equal_nan=True)
        ours, _, times = ratio(
            lambda mixed=mixed: fresh(mixed).liquidation_price, lambda: book.quantity * book.entry_price
        )
        print(f"of {instruments} instruments in no order {1e3 * ours:.2f} ms, ratio {times:.2f}")
    _, _, times = ratio(lambda: fresh(both).liquidation_price, lambda: fresh(book).liquidation_price)
    print(f"with an account beside them: ratio {times:.3f}")
    market = lc.Market({"X": lc.Asset(1_000.0, impact=lc.LinearImpact(depth=1e9))})
    alone, beside = lc.prepare(book, market), lc.prepare(both, market)
    assert lc.shock(alone, -0.05).liquidated_count == lc.shock(beside, -0.05).liquidated_count
    _, _, times = ratio(lambda: lc.shock(beside, -0.05), lambda: lc.shock(alone, -0.05))
    print(f"a shock of -5 % with an account beside them: ratio {times:.3f}")


if __name__ == "__main__":
    main()
