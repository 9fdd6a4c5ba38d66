"""Preparing a million positions, against sorting a million doubles; one shock of a book that is built and used once.

Run `pytest benchmarks` for timings; `python benchmarks/bench_prepare.py [positions]` prints medians of one interleaved
run. numba is a peer where it is installed: `OMP_NUM_THREADS` is for levcore's threads, `NUMBA_NUM_THREADS` for its.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import pytest

import levcore as lc
from workload import START, MaskLoop, book, market, tiers

SIZE, RUNS, SHOCKS = 1_000_000, 21, (-0.02, -0.05, -0.10)


def assert_in_order(ready: lc.Ready) -> None:
    """Longs fall and shorts rise by log liquidation price, ties by position."""
    held = ready.book
    key = np.log(held.liquidation_price)
    for side, sign in ((0, -1.0), (1, 1.0)):
        mine = np.flatnonzero(sign * held.quantity < 0.0)
        position, sorted_key = ready._native.order(0, side)
        assert np.array_equal(np.sort(position), mine)
        assert np.allclose(sorted_key, key[position], rtol=1e-14, atol=0.0)
        assert np.array_equal(np.lexsort((position, sign * sorted_key)), np.arange(len(mine)))


def shuffled_keys(ready: lc.Ready) -> np.ndarray:
    """What a user would sort: the log liquidation prices as they stand in the book."""
    return np.log(ready.book.liquidation_price)


def raw(held: lc.Book) -> dict[str, np.ndarray]:
    """The columns as a user has them."""
    return {name: np.array(getattr(held, name)) for name in ("quantity", "entry_price", "margin")}


def one_shot(venue: lc.Venue, columns: dict[str, np.ndarray], to: lc.Market, shock: float) -> lc.Outcome:
    """From columns to an outcome, nothing kept from before."""
    return lc.shock(lc.Book(venue, instrument="X", **columns), to, shock)


def numba_cascade():
    """The loop that a numba user would write: keys in closed form, then rounds over all positions, in parallel."""
    from numba import njit, prange

    @njit(parallel=True)
    def cascade(quantity, entry_price, margin, rate, deduction, start, depth, move):
        n = len(quantity)
        key = np.empty(n)
        for i in prange(n):
            q, cash = quantity[i], margin[i] - quantity[i] * entry_price[i]
            price = -cash / q
            for k in range(len(rate)):
                at = -(cash + deduction[k]) / (q - rate[k] * abs(q))
                price = max(price, at) if q > 0.0 else min(price, at)
            key[i] = np.log(price) if price > 0.0 else (-np.inf if q > 0.0 else np.inf)
        alive = np.ones(n, dtype=np.bool_)
        fundamental = start * (1.0 + move)
        displaced, rounds, liquidated, notional = 0.0, 0, 0, 0.0
        while True:
            y = np.log(fundamental) + displaced / depth
            traded, hit = 0.0, 0
            for i in prange(n):
                if alive[i] and quantity[i] > 0.0 and y < key[i]:
                    alive[i] = False
                    traded -= quantity[i]
                    hit += 1
            if hit == 0:
                for i in prange(n):
                    if alive[i] and quantity[i] < 0.0 and y > key[i]:
                        alive[i] = False
                        traded -= quantity[i]
                        hit += 1
            if hit == 0:
                break
            size = traded / depth
            notional += abs(traded) * fundamental * np.exp(displaced / depth) * np.expm1(size) / size
            displaced += traded
            rounds += 1
            liquidated += hit
        return liquidated, rounds, fundamental * np.exp(displaced / depth), notional

    def run(columns: dict[str, np.ndarray], to: lc.Market, shock: float) -> tuple[int, int, float, float]:
        table = tiers()
        rate, deduction = np.array(table.maintenance_rate), np.array(table.deduction)
        return cascade(*columns.values(), rate, deduction, START, to["X"].impact.depth, shock)

    return run


def assert_equal_answers(outcome: lc.Outcome, expected: tuple[int, int, float, float]) -> None:
    assert (outcome.liquidated_count, outcome.rounds) == expected[:2]
    assert outcome.final_price["X"] == pytest.approx(expected[2], rel=1e-12)
    assert outcome.liquidated_notional == pytest.approx(expected[3], rel=1e-9)


@pytest.fixture(scope="module")
def ready() -> lc.Ready:
    held = book(SIZE)
    pair = lc.prepare(held, market(held))
    assert_in_order(pair)
    return pair


def test_preparing_a_million_shuffled_positions(benchmark, ready):
    benchmark(lc.prepare, ready.book, ready.market)


def test_numpy_sorting_the_keys_of_a_million_positions(benchmark, ready):
    benchmark(np.argsort, shuffled_keys(ready))


@pytest.mark.parametrize("shock", SHOCKS)
def test_one_shock_of_a_book_built_for_it(benchmark, ready, shock):
    columns, loop = raw(ready.book), MaskLoop(ready.book, ready.market).shock(shock)
    outcome = one_shot(ready.book.venue, columns, ready.market, shock)
    assert_equal_answers(outcome, (loop.liquidated, loop.rounds, loop.final_price, loop.notional))
    benchmark(one_shot, ready.book.venue, columns, ready.market, shock)


def interleaved(one, other, runs: int = RUNS) -> tuple[float, float, float]:
    """Median milliseconds of both, and the median of their ratios."""
    rows = []
    for _ in range(runs):
        took = []
        for call in (one, other):
            began = time.perf_counter()
            kept = call()
            took.append(1e3 * (time.perf_counter() - began))
            del kept
        rows.append((*took, took[0] / took[1]))
    return tuple(statistics.median(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def main() -> None:
    """Print both tables in Markdown."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE
    held = book(size)
    ready = lc.prepare(held, market(held))
    assert_in_order(ready)
    random = np.random.default_rng(1).standard_normal(size)
    print(f"Preparing {size:,} positions, medians of {RUNS} interleaved runs:\n")
    print("| doubles that numpy.argsort sorts | prepare, ms | argsort, ms | ratio |\n| --- | --- | --- | --- |")
    for what, keys in (("the book's keys", shuffled_keys(ready)), ("normals", random)):
        ours, theirs, ratio = interleaved(lambda: lc.prepare(held, ready.market), lambda keys=keys: np.argsort(keys))
        print(f"| {what} | {ours:.1f} | {theirs:.1f} | {ratio:.2f} |")
    try:
        peer = numba_cascade()
    except ModuleNotFoundError:
        print("\nwithout numba there is no peer for a shock from raw columns")
        return
    columns = raw(held)
    print("\nOne shock from raw columns, the book built and used once:\n")
    print("| shock | levcore, ms | numba in parallel, ms | numba over levcore |\n| --- | --- | --- | --- |")
    for shock in SHOCKS:
        assert_equal_answers(one_shot(held.venue, columns, ready.market, shock), peer(columns, ready.market, shock))
        theirs, ours, ratio = interleaved(
            lambda shock=shock: peer(columns, ready.market, shock),
            lambda shock=shock: one_shot(held.venue, columns, ready.market, shock),
        )
        print(f"| {shock:+.0%} | {ours:.1f} | {theirs:.1f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
