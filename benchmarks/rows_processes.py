"""Rows of cross margin and of drawing: normals, and price paths of the processes."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np

import bench_normals
import cross_workload
import levcore as lc
import peers_cross
import peers_numpy
import workload
from comparing import Case, Counts, Limit
from rows_paths import BY_STEP, DAILY, PROCESS, STEP, STEPS

#: What stays in the second cache, so that drawing is timed and not the kernel's giving of pages; so often.
CACHED, OFTEN = 20_000, 50


def row_9(counts: Counts) -> Iterator[Case]:
    held = cross_workload.Accounts(counts.accounts)
    ready, process = held.ready(), cross_workload.process()

    def run(paths: int, steps: int) -> lc.Runs:
        return lc.simulate(ready, process, paths=paths, steps=steps, step=STEP, seed=7, threads=2)

    logs = np.log(process.paths(ready.market, paths=2, steps=counts.cross_steps, step=STEP, seed=7))
    numba = importlib.util.find_spec("numba") is not None
    peer = peers_cross.Recheck(held, numba=numba)
    ours, found = run(2, counts.cross_steps), peer.run(logs)
    assert ours.liquidated_count.sum() > 0
    np.testing.assert_array_equal(cross_workload.LEGS * found[:, 0].astype(np.int64), ours.liquidated_count)
    np.testing.assert_allclose(found[:, 1], ours.liquidated_notional, rtol=1e-9)
    np.testing.assert_allclose(found[:, 2], ours.bad_debt, rtol=1e-9, atol=1e-6)
    steps = counts.cross_steps
    paths = min(64, max(2, counts.paths // 100))
    yield Case(
        f"cross margin, {counts.accounts:,} accounts on 10 assets, 2 threads, by the {ours.engine}",
        f"{'numba, 2 threads' if numba else 'numpy'}: every account in every round; prices given",
        BY_STEP,
        lambda _: run(paths, steps),
        lambda _: peer.run(logs),
        (paths * steps, logs[:, :, 0].size),
        Limit(">=", 15.0, 80.0),
    )


def row_10(counts: Counts) -> Iterator[Case]:
    yield from normals()
    yield from price_paths(counts)


def normals() -> Iterator[Case]:
    bench_normals.check()

    def peer(name: str, draw: Any, limit: Limit) -> Case:
        return Case(
            "normals, 1 thread",
            name,
            "a number",
            lambda _: [lc.normals(7, CACHED) for _ in range(OFTEN)],
            lambda _: [draw() for _ in range(OFTEN)],
            (CACHED * OFTEN, CACHED * OFTEN),
            limit,
        )

    generator = np.random.default_rng(7)
    yield peer("numpy PCG64 `standard_normal`", lambda: generator.standard_normal(CACHED), Limit(">=", 4.0, 7.0))
    if importlib.util.find_spec("mkl_random") is not None:
        import mkl_random

        state = mkl_random.MKLRandomState(7, brng="SFMT19937")
        yield peer(
            "mkl_random SFMT19937, ICDF",
            lambda: state.standard_normal(CACHED, method="ICDF"),
            Limit(">=", 0.7, 1.4),
        )


def price_paths(counts: Counts) -> Iterator[Case]:
    market, paths = workload.market(workload.book(1_000)), max(16, counts.numbers // STEPS)
    generator = np.random.default_rng(7)

    def drawn(process: Any) -> np.ndarray:
        return process.paths(market, paths=paths, steps=STEPS, step=STEP, seed=7)[:, :, 0]

    def against(name: str, process: Any, peer: str, theirs: Any, limit: Limit) -> Case:
        return Case(
            f"{name} prices, {paths:,} paths of {STEPS:,} steps, 1 thread",
            peer,
            BY_STEP,
            lambda _: drawn(process),
            lambda _: theirs(paths, STEPS, DAILY, generator),
            (paths * STEPS, paths * STEPS),
            limit,
        )

    z = lc.normals(7, (paths, STEPS))
    np.testing.assert_allclose(peers_numpy.prices_of(z.copy(), DAILY), drawn(PROCESS), rtol=1e-12)
    peer = "numpy: PCG64 normals, `cumsum`, `exp`, in place"
    yield against("GBM", PROCESS, peer, peers_numpy.gbm, Limit(">=", 5.0, 8.0))
    if hasattr(lc, "GARCH"):
        weights = {"alpha": peers_numpy.ALPHA, "beta": peers_numpy.BETA}
        process = lc.GARCH(volatility=DAILY * 365.0**0.5, **weights)
        theirs = peers_numpy.garch_prices_of(np.ascontiguousarray(z.T), DAILY).T
        np.testing.assert_allclose(theirs, drawn(process), rtol=1e-10)
        peer = "numpy: PCG64 normals, all paths a step at a time"
        yield against("GARCH", process, peer, peers_numpy.garch, Limit(">=", 5.0, 10.0))
