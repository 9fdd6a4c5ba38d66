"""Many paths on a large book, against drawing the same count of numbers, bare price paths, and numba.

Run `pytest benchmarks` for timings; `python benchmarks/bench_paths.py [positions [paths]]` prints medians of one
interleaved run; numba is a peer where it is installed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
import workload

STEPS, STEP, RUNS = 1_440, timedelta(minutes=1), 7
DAILY = 0.04
PROCESS = lc.GBM(volatility=DAILY * 365.0**0.5)


def prepared(size: int) -> lc.cascade.Ready:
    """The pair of the shock's benchmark."""
    held = workload.book(size)
    return lc.prepare(held, workload.market(held))


def run(ready: lc.cascade.Ready, paths: int, *, threads: int = 1, engine: str = "auto") -> lc.Runs:
    """A day of minutes, 4 % a day."""
    return lc.simulate(ready, PROCESS, paths=paths, steps=STEPS, step=STEP, seed=7, threads=threads, engine=engine)


def check(ready: lc.cascade.Ready) -> None:
    """The ladder ran, and the ledger agrees."""
    ladder, ledger = run(ready, 8), run(ready, 8, engine="ledger")
    assert (ladder.engine, ledger.engine) == ("ladder", "ledger")
    assert ladder.liquidated_count.tolist() == ledger.liquidated_count.tolist()
    for name in ("liquidated_notional", "bad_debt", "insurance_fund"):
        assert getattr(ladder, name) == pytest.approx(getattr(ledger, name), rel=1e-9)


@pytest.fixture(scope="module")
def small() -> lc.cascade.Ready:
    ready = prepared(100_000)
    check(ready)
    return ready


def test_paths_on_a_hundred_thousand_positions(benchmark, small):
    benchmark(run, small, 256)


def test_normals_that_the_paths_take(benchmark):
    benchmark(np.random.default_rng(7).standard_normal, 256 * STEPS)


def bare_prices(ready: lc.cascade.Ready, paths: int) -> None:
    """Our own paths without a book, in blocks that stay in the cache."""
    for first in range(0, paths, 64):
        PROCESS.paths(ready.market, paths=min(64, paths - first), steps=STEPS, step=STEP, seed=first)


def smart_numba(ready: lc.cascade.Ready) -> Callable[[int], np.ndarray] | None:
    """As its users would write it: sorted thresholds, prefix sums, a cursor a side, galloping, in parallel."""
    try:
        import numba
    except ImportError:
        return None
    price = ready.book.liquidation_price
    quantity = np.abs(ready.book.quantity)
    sides = []
    for is_long in (True, False):
        rows = np.flatnonzero(np.isfinite(price) & ((ready.book.quantity > 0.0) == is_long))
        key = np.log(price[rows]) * (1.0 if is_long else -1.0)
        order = np.argsort(-key, kind="stable")
        sides += [np.append(key[order], -np.inf), np.append(0.0, np.cumsum(quantity[rows][order]))]
    slope = 1.0 / ready.market["X"].impact.depth
    start = float(np.log(ready.market["X"].price))
    drift, scale = -0.5 * DAILY**2 / STEPS, DAILY / STEPS**0.5

    @numba.njit(fastmath=True)
    def gallop(key: np.ndarray, at: int, y: float) -> int:
        stride = 1
        while key[min(at + stride, len(key) - 1)] >= y:
            at += stride
            stride *= 2
        low, high = at, min(at + stride, len(key) - 1)
        while low < high:
            middle = (low + high) // 2
            if key[middle] >= y:
                low = middle + 1
            else:
                high = middle
        return low

    @numba.njit(parallel=True, fastmath=True)
    def paths_of(
        paths: int, long_key: np.ndarray, long_sum: np.ndarray, key: np.ndarray, total: np.ndarray
    ) -> np.ndarray:
        counts = np.zeros((paths, 2))
        for path in numba.prange(paths):
            np.random.seed(path)  # noqa: NPY002 what numba has
            x, longs, shorts, notional = start, 0, 0, 0.0
            for _ in range(STEPS):
                x += drift + scale * np.random.standard_normal()  # noqa: NPY002
                while x <= long_key[longs] or -x <= key[shorts]:
                    went, came = longs, shorts
                    if x <= long_key[longs]:
                        longs = gallop(long_key, longs, x)
                    else:
                        shorts = gallop(key, shorts, -x)
                    sold = long_sum[longs] - long_sum[went]
                    bought = total[shorts] - total[came]
                    notional += np.exp(x) * (sold + bought)
                    x -= slope * (sold - bought)
            counts[path, 0], counts[path, 1] = longs + shorts, notional
        return counts

    return lambda paths: paths_of(paths, *sides)


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compare(ready: lc.cascade.Ready, paths: int, peer: Callable[[], object], threads: int) -> list[float]:
    """Median nanoseconds a path and step of ours and the peer's, and the median of their ratios."""
    rows = []
    for _ in range(RUNS):
        ours, theirs = timed(lambda: run(ready, paths, threads=threads)), timed(peer)
        rows.append((1e9 * ours / (paths * STEPS), 1e9 * theirs / (paths * STEPS), theirs / ours))
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def peers_of(ready: lc.cascade.Ready, paths: int) -> dict[str, tuple[int, Callable[[], object]]]:
    """What we are compared with, and on how many threads."""
    generator = np.random.default_rng(7)
    peers: dict[str, tuple[int, Callable[[], object]]] = {
        "numpy's normals alone": (1, lambda: [generator.standard_normal(64 * STEPS) for _ in range(paths // 64)]),
        "our own price paths alone": (1, lambda: bare_prices(ready, paths)),
    }
    numba = smart_numba(ready)
    if numba is not None:
        ours, theirs = run(ready, 2_000).liquidated_count, numba(2_000)[:, 0]  # and it is compiled
        assert abs(float(theirs.mean()) / float(ours.mean()) - 1.0) < 0.1
        peers["smart numba"] = (2, lambda: numba(paths))
    return peers


def main() -> None:
    """Print the table."""
    sizes = [int(float(sys.argv[1]))] if len(sys.argv) > 1 else [100_000, 1_000_000]
    paths = int(float(sys.argv[2])) if len(sys.argv) > 2 else 10_000
    print(f"{paths:,} paths of {STEPS:,} steps; nanoseconds a path and step, medians of {RUNS} interleaved runs")
    for size in sizes:
        ready = prepared(size)
        check(ready)
        for name, (threads, peer) in peers_of(ready, paths).items():
            mine, theirs, ratio = compare(ready, paths, peer, threads)
            row = f"{size:>9,}  {name:<26} {threads} threads  levcore {mine:6.2f}   peer {theirs:7.2f}"
            print(f"{row}   peer/levcore {ratio:6.2f}")


if __name__ == "__main__":
    main()
