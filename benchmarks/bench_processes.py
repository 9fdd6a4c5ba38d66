"""Paths that processes draw, against numpy's own and against each other, and a closed loop on them; one thread.

Run `pytest benchmarks` for timings; `python benchmarks/bench_processes.py [paths [steps [positions]]]` prints the
tables of `benchmarks/README.md`, medians of interleaved runs; arch is a peer where it is installed. LEVCORE_SIMD picks
the level of vector instructions.
"""

from __future__ import annotations

import functools
import math
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

import levcore as lc
import workload
from levcore import simd

RUNS, STEP = 9, timedelta(minutes=1)
VOLATILITY, ALPHA, GAMMA, BETA, PRICE = 0.6, 0.05, 0.1, 0.85, 100.0
VARIANCE = VOLATILITY**2 * (STEP / timedelta(days=365))
OMEGA = VARIANCE * (1.0 - ALPHA - 0.5 * GAMMA - BETA)
MARKET = lc.Market({"X": lc.Asset(PRICE, impact=lc.LinearImpact(depth=1e5))})
GBM = lc.GBM(volatility=VOLATILITY)
GARCH = lc.GARCH(volatility=VOLATILITY, alpha=ALPHA + 0.5 * GAMMA, beta=BETA)
GJR = lc.GJRGARCH(volatility=VOLATILITY, alpha=ALPHA, gamma=GAMMA, beta=BETA)
JUMPS = {"rate": 50.0, "jump_mean": -0.02, "jump_deviation": 0.03}
VARIANCES = {"volatility": VOLATILITY, "reversion": 6.0, "volatility_of_variance": 1.2, "skew": -0.4}
CALLED = {"excitation": 3_000.0, "decay": 5_000.0}
EACH = {
    "GBM": GBM,
    "GARCH": GARCH,
    "GARCH, Student-t": lc.GARCH(volatility=VOLATILITY, alpha=0.1, beta=BETA, degrees_of_freedom=4.0),
    "GJR-GARCH": GJR,
    "EGARCH": lc.EGARCH(volatility=VOLATILITY, alpha=0.1, gamma=-0.05, beta=0.95),
    "Merton": lc.Merton(volatility=VOLATILITY, **JUMPS),
    "Kou": lc.Kou(volatility=VOLATILITY, rate=50.0, up_share=0.4, up_mean=0.02, down_mean=0.03),
    "Hawkes": lc.Hawkes(volatility=VOLATILITY, **JUMPS, **CALLED),
    "Heston": lc.Heston(**VARIANCES),
    "Bates": lc.Bates(**VARIANCES, **JUMPS),
    "Markov switching": lc.MarkovSwitching([0.4, 1.2], transition=[[0.99, 0.01], [0.03, 0.97]]),
    "stationary bootstrap": lc.StationaryBootstrap(0.001 * lc.normals(1, 10_000), mean_block=60.0),
}


@functools.cache
def room(*shape: int) -> np.ndarray:
    """Memory that has been touched: either side is told to put its numbers there, and is not timed asking for more."""
    return np.ones(shape)


def drawn(process: Any, paths: int, steps: int, **options: Any) -> np.ndarray:
    """Our paths."""
    out = room(paths, steps, 1)
    return process.paths(MARKET, paths=paths, steps=steps, step=STEP, seed=7, out=out, **options)[:, :, 0]


def numpy_gbm(normals: Callable[..., np.ndarray], paths: int, steps: int) -> np.ndarray:
    """As a numpy user writes it, in place where it can be."""
    moves = normals(out=room(paths, steps))
    moves *= math.sqrt(VARIANCE)
    moves -= 0.5 * VARIANCE
    np.cumsum(moves, axis=1, out=moves)
    np.exp(moves, out=moves)
    moves *= PRICE
    return moves


def numpy_garch(normals: Callable[..., np.ndarray], paths: int, steps: int, *, asymmetric: bool = False) -> np.ndarray:
    """A loop over steps, over all paths at a time and in place: a step's numbers lie side by side."""
    rows = normals(out=room(steps, paths))
    variance, place = np.full(paths, VARIANCE), np.zeros(paths)
    innovation, square, weight = (np.empty(paths) for _ in range(3))
    for row in rows:
        np.sqrt(variance, out=innovation)
        innovation *= row
        np.multiply(innovation, innovation, out=square)
        if asymmetric:
            np.less(row, 0.0, out=weight)
            weight *= GAMMA
            weight += ALPHA
            square *= weight
        else:
            square *= ALPHA + 0.5 * GAMMA
        place += innovation
        np.multiply(variance, 0.5, out=weight)
        place -= weight
        variance *= BETA
        variance += square
        variance += OMEGA
        row[:] = place
    np.exp(rows, out=rows)
    rows *= PRICE
    return rows


def numpy_gjr(normals: Callable[..., np.ndarray], paths: int, steps: int) -> np.ndarray:
    """The same with a weight that a fall raises."""
    return numpy_garch(normals, paths, steps, asymmetric=True)


def arch_garch(steps: int) -> Callable[[], object] | None:
    """One long series: arch draws no other."""
    try:
        from arch import univariate
    except ImportError:
        return None
    model = univariate.ZeroMean(volatility=univariate.GARCH(p=1, q=1), distribution=univariate.Normal(seed=7))
    return lambda: model.simulate([1e4 * OMEGA, ALPHA + 0.5 * GAMMA, BETA], steps)


def check() -> None:
    """Of the same normals both sides make the same prices."""
    z = lc.normals(7, (20, 300))
    for ours, theirs in (
        (GBM, numpy_gbm(lambda out: z.copy(), 20, 300)),
        (GARCH, numpy_garch(lambda out: np.ascontiguousarray(z.T), 20, 300).T),
        (GJR, numpy_gjr(lambda out: np.ascontiguousarray(z.T), 20, 300).T),
    ):
        assert drawn(ours, 20, 300) == pytest.approx(theirs, rel=1e-12)


@pytest.fixture(scope="module", autouse=True)
def checked() -> None:
    check()


@pytest.mark.parametrize("name", EACH)
def test_paths_of_a_process(benchmark, name):
    assert np.isfinite(benchmark(drawn, EACH[name], 1_024, 360)).all()


@pytest.mark.parametrize("peer", [numpy_gbm, numpy_garch, numpy_gjr])
def test_paths_of_numpy(benchmark, peer):
    benchmark(peer, np.random.default_rng(7).standard_normal, 1_024, 360)


@pytest.mark.parametrize("sampling", ["antithetic", "sobol"])
def test_paths_that_belong_together(benchmark, sampling):
    assert np.isfinite(benchmark(drawn, GBM, 1_024, 360, sampling=sampling)).all()


def timed(call: Callable[[], object], numbers: int) -> float:
    """Nanoseconds of CPU a number."""
    began = time.process_time()
    call()
    return 1e9 * (time.process_time() - began) / numbers


def medians(calls: list[tuple[Callable[[], object], int]], runs: int = RUNS) -> list[tuple[float, float]]:
    """Time all by turns: the median of each, and of how often the first goes into it."""
    rows = [[timed(call, numbers) for call, numbers in calls] for _ in range(runs)]
    return [
        (statistics.median(row[i] for row in rows), statistics.median(row[i] / row[0] for row in rows))
        for i in range(len(calls))
    ]


def against_numpy(paths: int, steps: int) -> None:
    """Print how often our paths go into numpy's."""
    series = arch_garch(50_000)
    rows: list[tuple[str, Any, str, Callable[[], object], int]] = []
    for bits in (np.random.PCG64, np.random.SFC64):
        normals = np.random.Generator(bits(7)).standard_normal
        for name, process, peer, how in (
            ("GBM", GBM, numpy_gbm, "`cumsum` in place"),
            ("GARCH", GARCH, numpy_garch, "all paths a step at a time, in place"),
            ("GJR-GARCH", GJR, numpy_gjr, "all paths a step at a time, in place"),
        ):
            call = lambda peer=peer, normals=normals: peer(normals, paths, steps)  # noqa: E731
            rows.append((name, process, f"numpy {bits.__name__}, {how}", call, 1))
    if series is not None:
        rows.append(("GARCH", GARCH, "arch, one series", series, 0))
    print(
        "| paths | peer | levcore, ns | peer, ns | times as fast | floor |\n| --- | --- | ---: | ---: | ---: | ---: |"
    )
    for name, process, peer, call, whole in rows:
        ours = (lambda process=process: drawn(process, paths, steps)), paths * steps
        (mine, _), (theirs, ratio) = medians([ours, (call, paths * steps if whole else 50_000)])
        floor = "5" if whole and name != "GBM" else ""
        print(f"| {name} | {peer} | {mine:.2f} | {theirs:.2f} | {ratio:.1f} | {floor} |")


def against_each_other(paths: int, steps: int) -> None:
    """Print each process' cost over GBM's."""
    stated = {"Hawkes", "Heston"}
    calls = [(lambda process=process: drawn(process, paths, steps), paths * steps) for process in EACH.values()]
    print("\n| process | ns a path and step | over GBM | bound |\n| --- | ---: | ---: | --- |")
    for name, (cost, ratio) in zip(EACH, medians(calls), strict=True):
        print(f"| {name} | {cost:.2f} | {ratio:.2f} | {'stated' if name in stated else '3'} |")


def closed_loop(positions: int, paths: int, steps: int) -> None:
    """Print what liquidations on a book cost over drawing its paths alone."""
    held = workload.book(positions)
    market = workload.market(held)
    ready, many = lc.prepare(held, market), {"paths": paths, "steps": steps, "step": STEP, "seed": 7}
    print("\n| closed loop | levcore, ns a path and step | bare paths, ns | over the bare paths | bound |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in ("GBM", "GARCH", "GJR-GARCH"):
        process, work = EACH[name], paths * steps
        bare = (lambda process=process: process.paths(market, **many)), work
        loop = (lambda process=process: lc.simulate(ready, process, **many, threads=1)), work
        (alone, _), (cost, ratio) = medians([bare, loop], 5)
        print(f"| {name}, {positions:,} positions | {cost:.2f} | {alone:.2f} | {ratio:.2f} | 2 |")


def main() -> None:
    """Print the tables."""
    check()
    asked = [int(float(word)) for word in sys.argv[1:]]
    paths, steps, positions = asked + [10_000, 1_440, 1_000_000][len(asked) :]
    print(f"level {simd.IN_USE}; {paths:,} paths of {steps:,} steps; CPU time a path and step, one thread\n")
    against_numpy(paths, steps)
    against_each_other(min(paths, 2_000), steps)
    closed_loop(positions, paths, steps)


if __name__ == "__main__":
    main()
