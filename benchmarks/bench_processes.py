"""Paths of prices that processes draw, without a book, against numpy's own, one thread.

Run `pytest benchmarks` for timings; `python benchmarks/bench_processes.py [paths [steps]]` prints medians of one
interleaved run; arch is a peer where it is installed. LEVCORE_SIMD picks the level of vector instructions.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
from levcore import simd

RUNS, STEP = 15, timedelta(minutes=1)
VOLATILITY, ALPHA, BETA, PRICE = 0.6, 0.1, 0.85, 100.0
VARIANCE = VOLATILITY**2 * (STEP / timedelta(days=365))
OMEGA = VARIANCE * (1.0 - ALPHA - BETA)
MARKET = lc.Market({"BTC": lc.Asset(PRICE, impact=lc.LinearImpact(depth=1e5))})
GBM = lc.GBM(volatility=VOLATILITY)
GARCH = lc.GARCH(volatility=VOLATILITY, alpha=ALPHA, beta=BETA)


def drawn(process: lc.GBM | lc.GARCH, paths: int, steps: int) -> np.ndarray:
    """Our paths."""
    return process.paths(MARKET, paths=paths, steps=steps, step=STEP, seed=7)[:, :, 0]


def numpy_gbm(normals: Callable[[tuple[int, int]], np.ndarray], paths: int, steps: int) -> np.ndarray:
    """As a numpy user writes it, in place where it can be."""
    moves = normals((paths, steps))
    moves *= math.sqrt(VARIANCE)
    moves -= 0.5 * VARIANCE
    np.cumsum(moves, axis=1, out=moves)
    np.exp(moves, out=moves)
    moves *= PRICE
    return moves


def numpy_garch(normals: Callable[[tuple[int, int]], np.ndarray], paths: int, steps: int) -> np.ndarray:
    """A loop over steps, over all paths at a time: a step's numbers lie side by side."""
    rows = normals((steps, paths))
    variance = np.full(paths, VARIANCE)
    place = np.zeros(paths)
    for row in rows:
        innovation = np.sqrt(variance) * row
        place += innovation - 0.5 * variance
        variance = OMEGA + ALPHA * innovation * innovation + BETA * variance
        row[:] = place
    np.exp(rows, out=rows)
    rows *= PRICE
    return rows


def arch_garch(steps: int) -> Callable[[], object] | None:
    """One long series: arch draws no other."""
    try:
        from arch import univariate
    except ImportError:
        return None
    model = univariate.ZeroMean(volatility=univariate.GARCH(p=1, q=1), distribution=univariate.Normal(seed=7))
    return lambda: model.simulate([1e4 * OMEGA, ALPHA, BETA], steps)


def check() -> None:
    """Of the same normals both sides make the same prices."""
    z = lc.normals(7, (20, 300))
    for ours, theirs in (
        (GBM, numpy_gbm(lambda _: z.copy(), 20, 300)),
        (GARCH, numpy_garch(lambda _: np.ascontiguousarray(z.T), 20, 300).T),
    ):
        assert drawn(ours, 20, 300) == pytest.approx(theirs, rel=1e-13)


@pytest.fixture(scope="module", autouse=True)
def checked() -> None:
    check()


@pytest.mark.parametrize("process", [GBM, GARCH], ids=["gbm", "garch"])
def test_paths_of_a_process(benchmark, process):
    benchmark(drawn, process, 1_024, 360)


@pytest.mark.parametrize("peer", [numpy_gbm, numpy_garch])
def test_paths_of_numpy(benchmark, peer):
    benchmark(peer, np.random.default_rng(7).standard_normal, 1_024, 360)


def timed(call: Callable[[], object], numbers: int) -> float:
    began = time.perf_counter()
    call()
    return 1e9 * (time.perf_counter() - began) / numbers


def main() -> None:
    """Print the table."""
    check()
    paths = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000
    steps = int(float(sys.argv[2])) if len(sys.argv) > 2 else 1_440
    print(f"level {simd.IN_USE}; {paths:,} paths of {steps:,} steps; nanoseconds a path and step, one thread")
    normals = np.random.default_rng(7).standard_normal
    series = arch_garch(50_000)
    peers = [
        ("GBM, numpy", GBM, lambda: numpy_gbm(normals, paths, steps), paths * steps),
        ("GARCH, numpy loop over steps", GARCH, lambda: numpy_garch(normals, paths, steps), paths * steps),
        *([("GARCH, arch, one series", GARCH, series, 50_000)] if series else []),
    ]
    for name, process, peer, numbers in peers:
        rows = []
        for _ in range(RUNS):
            ours = timed(lambda process=process: drawn(process, paths, steps), paths * steps)
            theirs = timed(peer, numbers)
            rows.append((ours, theirs, theirs / ours))
        mine, their, ratio = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:<29} levcore {mine:6.2f}   peer {their:8.2f}   peer/levcore {ratio:7.2f}")


if __name__ == "__main__":
    main()
