"""Rows of many paths: a day of minutes at 4 % volatility on one book, against drawing, price paths and other loops."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import timedelta

import numpy as np

import levcore as lc
import native_peer
import peers_numba
import peers_numpy
import workload
from comparing import Case, Counts, Limit

STEPS, STEP = 1_440, timedelta(minutes=1)
DAILY = 0.04
PROCESS = lc.GBM(volatility=DAILY * 365.0**0.5)
BY_STEP = "a path and step"


@functools.cache
def prepared(size: int) -> lc.Ready:
    """The book of the shocks, sorted for linear impact."""
    held = workload.book(size)
    return lc.prepare(held, workload.market(held))


@functools.cache
def prepared_for_square_root(size: int) -> lc.Ready:
    """The same book where selling all longs moves the log price by a tenth, by the square-root law."""
    held = workload.book(size)
    longs = float(held.quantity[held.quantity > 0.0].sum())
    impact = lc.SquareRootImpact(daily_volatility=0.10, daily_volume=longs)
    return lc.prepare(held, lc.Market({"X": lc.Asset(workload.START, impact=impact)}))


def run(ready: lc.Ready, paths: int, threads: int = 1, engine: str = "auto") -> lc.Runs:
    """A day of minutes."""
    return lc.simulate(ready, PROCESS, paths=paths, steps=STEPS, step=STEP, seed=7, threads=threads, engine=engine)


def log_prices(ready: lc.Ready, paths: int) -> np.ndarray:
    """Logs of the fundamental prices of the first paths of `run`."""
    return np.log(PROCESS.paths(ready.market, paths=paths, steps=STEPS, step=STEP, seed=7)[:, :, 0])


def check_ledger(ready: lc.Ready, paths: int = 4) -> None:
    """The ladder ran, and the ledger agrees: counts equal, money to 1e-9."""
    ladder, ledger = run(ready, paths), run(ready, paths, engine="ledger")
    assert (ladder.engine, ledger.engine) == ("ladder", "ledger")
    assert ladder.liquidated_count.sum() > 0
    np.testing.assert_array_equal(ladder.liquidated_count, ledger.liquidated_count)
    for name in ("liquidated_notional", "bad_debt", "insurance_fund"):
        np.testing.assert_allclose(getattr(ladder, name), getattr(ledger, name), rtol=1e-9)


def check_peer(ready: lc.Ready, found: np.ndarray) -> None:
    """A peer that was given our prices: counts equal, marks to 1e-11, notional to 1e-8."""
    ours = run(ready, len(found))
    assert ours.liquidated_count.sum() > 0
    np.testing.assert_array_equal(found[:, 0].astype(np.int64), ours.liquidated_count)
    np.testing.assert_allclose(found[:, 1], ours.liquidated_notional, rtol=1e-8)
    np.testing.assert_allclose(np.exp(found[:, 2]), ours.final_price["X"], rtol=1e-11)


def bare_prices(ready: lc.Ready, paths: int) -> None:
    """Our own paths without a book, in blocks that stay in the cache."""
    for first in range(0, paths, 64):
        PROCESS.paths(ready.market, paths=min(64, paths - first), steps=STEPS, step=STEP, seed=first)


def row_1(counts: Counts) -> Iterator[Case]:
    ready, paths = prepared(counts.large), counts.paths
    check_ledger(ready)
    draw = np.random.default_rng(7).standard_normal
    yield Case(
        f"Monte Carlo, {len(ready.book):,} positions, 1 thread",
        "numpy PCG64 `standard_normal`, as many numbers and nothing else",
        BY_STEP,
        lambda _: run(ready, paths),
        lambda _: [draw(64 * STEPS) for _ in range(paths // 64)],
        (paths * STEPS, paths // 64 * 64 * STEPS),
        Limit("<=", 0.8, 0.35),
    )


def row_2(counts: Counts) -> Iterator[Case]:
    paths = counts.paths
    for size, floor, aim in ((counts.small, 2.5, 1.5), (counts.large, 3.0, 1.8)):
        ready = prepared(size)
        check_ledger(ready)
        prices = PROCESS.paths(ready.market, paths=2, steps=STEPS, step=STEP, seed=7)
        np.testing.assert_allclose(run(ready, 2).fundamental_price["X"], prices[:, -1, 0], rtol=1e-12)
        yield Case(
            f"Monte Carlo, {size:,} positions, 1 thread",
            "levcore's own price paths without a book",
            BY_STEP,
            lambda _, ready=ready: run(ready, paths),
            lambda _, ready=ready: bare_prices(ready, paths),
            (paths * STEPS, paths * STEPS),
            Limit("<=", floor, aim),
        )


def row_3(counts: Counts) -> Iterator[Case]:
    paths = counts.paths
    for size, floor, aim in ((counts.large, 10.0, 25.0), (counts.small, 8.0, 18.0)):
        ready = prepared(size)
        loop = peers_numba.closed_loop(ready, peers_numba.linear(1.0 / ready.market["X"].impact.depth), DAILY, STEPS)
        check_peer(ready, loop(log_prices(ready, counts.checked)))
        loop(1)  # compiled
        yield Case(
            f"Monte Carlo, {size:,} positions, 2 threads",
            "numba, 2 threads: sorted prices, prefix sums, cursors, galloping; no bad debt",
            BY_STEP,
            lambda _, ready=ready: run(ready, paths, threads=2),
            lambda _, loop=loop: loop(paths),
            (paths * STEPS, paths * STEPS),
            Limit(">=", floor, aim),
        )


def row_4(counts: Counts) -> Iterator[Case]:
    ready, paths, fewer = prepared(counts.large), counts.paths, max(64, counts.paths // 10)
    loop = peers_numpy.PathLoop(ready, DAILY, STEPS)
    check_peer(ready, loop.run(counts.checked, log_prices(ready, counts.checked)))
    yield Case(
        f"Monte Carlo, {len(ready.book):,} positions, 1 thread",
        f"numpy over {fewer:,} paths at once: `searchsorted`, prefix sums, SFC64; no bad debt",
        BY_STEP,
        lambda _: run(ready, paths),
        lambda _: loop.run(fewer),
        (paths * STEPS, fewer * STEPS),
        Limit(">=", 50.0, 120.0),
    )


def row_5(counts: Counts) -> Iterator[Case]:
    ready, paths = prepared(counts.large), counts.paths
    peer, logs = native_peer.Revaluation(ready), log_prices(ready, 1)[0]
    count, mark = peer.run(peer.columns(), logs, 1)
    ours = run(ready, 1)
    assert count == ours.liquidated_count[0]
    np.testing.assert_allclose(np.exp(mark), ours.final_price["X"][0], rtol=1e-11)
    yield Case(
        f"Monte Carlo, {len(ready.book):,} positions, 1 thread",
        "C++ with AVX-512, all positions revalued each round, 1 thread; 1 path; no money",
        BY_STEP,
        lambda _: run(ready, paths),
        lambda columns: peer.run(columns, logs, 1),
        (paths * STEPS, STEPS),
        Limit(">=", 5e4, 5e5),
        made=peer.columns,
    )


def row_6(counts: Counts) -> Iterator[Case]:
    ready, paths = prepared_for_square_root(counts.large), counts.paths
    impact = ready.market["X"].impact
    scale = impact.daily_volatility * impact.daily_volume**-0.5
    loop = peers_numba.closed_loop(ready, peers_numba.square_root(scale), DAILY, STEPS)
    check_peer(ready, loop(log_prices(ready, counts.checked)))
    loop(1)  # compiled
    yield Case(
        f"Monte Carlo, square-root impact, {len(ready.book):,} positions, 1 thread",
        "numba as in row 3 with the same impact, 2 threads; no bad debt",
        BY_STEP,
        lambda _: run(ready, paths),
        lambda _: loop(paths),
        (paths * STEPS, paths * STEPS),
        Limit(">=", 1.5, 4.0),
    )


def row_13(counts: Counts) -> Iterator[Case]:
    traders, minutes, paths = 2_000, 7_200, max(16, counts.paths // 10)
    ready = prepared(traders)
    check_ledger(ready)
    yield Case(
        f"{traders:,} traders x {minutes:,} minutes, 2 threads",
        "none: reported",
        "a trader and step",
        lambda _: lc.simulate(ready, PROCESS, paths=paths, steps=minutes, step=STEP, seed=7, threads=2),
        None,
        (float(traders * minutes * paths), 1.0),
        None,
    )
