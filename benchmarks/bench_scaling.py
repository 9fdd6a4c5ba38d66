"""What splitting gains and costs: paths a second of two processes over one, and what parts of the usual size take.

Run `pytest benchmarks` for timings; `python benchmarks/bench_scaling.py [paths [steps [positions]]]` prints the table
of `docs/scaling.md`, medians of interleaved runs. All ways give the same bits, which is looked at first. Processes are
compared by the clock and want a machine with two cores and nobody else on it; overheads are CPU time, the workers'
included, and stand some company.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levcore as lc
import workload
from levcore.path_runs import PathSettings
from levcore.run_parts import usual_size

RUNS, STEP = 7, timedelta(minutes=1)
GBM = lc.GBM(volatility=0.8)
KEEPING = "CPU time of keeping it in a directory, whole"


@dataclass(frozen=True)
class Work:
    """A book and how many paths of it."""

    paths: int
    steps: int
    positions: int
    engine: str = "auto"
    ready: lc.Ready = field(init=False)

    def __post_init__(self) -> None:
        held = workload.book(self.positions)
        object.__setattr__(self, "ready", lc.prepare(held, workload.market(held)))

    def run(self, **options: Any) -> lc.Runs:
        """Run them; on one thread, here or in each worker."""
        many = {"paths": self.paths, "steps": self.steps, "step": STEP, "seed": 7}
        return lc.simulate(self.ready, GBM, **many, engine=self.engine, threads=1, **options)

    def parts(self, workers: int | None) -> int:
        """Into how many parts it goes where nobody says."""
        settings = PathSettings(self.ready, STEP, 1, None, False, self.engine, progress=None, cancel=None)
        return -(-self.paths // usual_size(settings, self.paths, self.steps, workers=workers))

    def kept(self, **options: Any) -> lc.Runs:
        """Run them in a directory."""
        with tempfile.TemporaryDirectory() as folder:
            return self.run(directory=Path(folder) / "run", **options)


def same(one: lc.Runs, other: lc.Runs) -> bool:
    """Whether two runs have the same bits."""
    names = ("liquidated_count", "liquidated_notional", "bad_debt", "fees", "liquidation_probability")
    columns = [(getattr(one, name), getattr(other, name)) for name in names]
    columns += [(one.final_price["X"], other.final_price["X"])]
    return all(ours.tobytes() == theirs.tobytes() for ours, theirs in columns)


@contextmanager
def pools() -> Iterator[tuple[ProcessPoolExecutor, ProcessPoolExecutor]]:
    """One process, and two."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as one, ProcessPoolExecutor(2, mp_context=spawn) as two:
        yield one, two


def check(work: Work, *executors: Executor) -> None:
    """Every way gives the same bits; workers then have the book, sorted."""
    whole = work.run()
    assert whole.liquidated_count.any()
    assert same(whole, work.kept())
    for executor in executors:
        assert same(whole, work.run(executor=executor))


def cpu_here() -> float:
    """CPU seconds of this process and all its threads."""
    return time.process_time()


def cpu_there(executor: Executor) -> float:
    """CPU seconds of this process and of an only worker."""
    return cpu_here() + executor.submit(time.process_time).result()


def spent(clock: Callable[[], float], call: Callable[[], object]) -> float:
    """What a clock says of one call."""
    began = clock()
    call()
    return clock() - began


def two_over_one(work: Work, one: Executor, two: Executor, runs: int = RUNS) -> list[tuple[float, float]]:
    """Paths a second of two processes, and how many times those of one, a run each."""
    rows = []
    for _ in range(runs):
        alone = spent(time.perf_counter, lambda: work.run(executor=one))
        both = spent(time.perf_counter, lambda: work.run(executor=two))
        rows.append((work.paths / both, alone / both))
    return rows


def overheads(work: Work, one: Executor, runs: int = RUNS) -> dict[str, list[float]]:
    """CPU time of a run in parts beyond that of one in one piece, as a share of the paths' own, a run each.

    In a directory the piece is kept, too: what keeping takes, in parts or not, is a row of its own.
    """
    found: dict[str, list[float]] = {name: [] for name in (KEEPING, "in a directory", "by a thread", "by a process")}
    with ThreadPoolExecutor(1) as thread:
        for _ in range(runs):
            alone = spent(cpu_here, work.run)
            whole = spent(cpu_here, lambda: work.kept(chunk=work.paths))
            found[KEEPING].append((whole - alone) / alone)
            found["in a directory"].append((spent(cpu_here, work.kept) - whole) / alone)
            found["by a thread"].append(spent(cpu_here, lambda: work.run(executor=thread)) / alone - 1.0)
            found["by a process"].append(spent(lambda: cpu_there(one), lambda: work.run(executor=one)) / alone - 1.0)
    return found


@pytest.fixture(scope="module")
def work() -> Work:
    return Work(256, 60, 20_000)


@pytest.fixture(scope="module")
def executors(work: Work) -> Iterator[tuple[ProcessPoolExecutor, ProcessPoolExecutor]]:
    with pools() as both:
        check(work, *both)
        yield both


def test_paths_of_one_process(benchmark: Any, work: Work, executors: tuple[Executor, Executor]) -> None:
    benchmark(work.run, executor=executors[0])


def test_paths_of_two_processes(benchmark: Any, work: Work, executors: tuple[Executor, Executor]) -> None:
    benchmark(work.run, executor=executors[1])


def test_paths_kept_in_a_directory(benchmark: Any, work: Work, executors: tuple[Executor, Executor]) -> None:
    benchmark(work.kept)


def main() -> None:
    """Print the table."""
    asked = [int(float(word)) for word in sys.argv[1:]]
    paths, steps, positions = asked + [400_000, 1_440, 100_000][len(asked) :]
    print(f"{positions:,} positions, {steps:,} steps; {RUNS} runs by turns\n")
    print("| engine | paths | what | measured | bound |\n| --- | ---: | --- | ---: | ---: |")
    for engine, count in (("ladder", paths), ("ledger", max(1, paths // 200))):
        work = Work(count, steps, positions, engine)
        row = f"| {engine} | {count:,} |"
        with pools() as (one, two):
            check(work, one, two)
            rate, times = np.median(two_over_one(work, one, two), axis=0)
            print(f"{row} two processes, paths a second | {rate:,.0f} | |")
            print(f"{row} two processes over one | {times:.2f} | >= 1.6 |")
            for name, found in overheads(work, one).items():
                parts = f"{work.parts(None if name == 'in a directory' else 1)} parts {name}: CPU time beyond one piece"
                what, bound = (KEEPING, "") if name == KEEPING else (parts, "< 5 %")
                print(f"{row} {what} | {100 * statistics.median(found):.1f} % | {bound} |", flush=True)


if __name__ == "__main__":
    main()
