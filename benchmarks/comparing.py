"""One row of a table of comparisons: two sides that gave equal answers, timed by turns in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

RUNS = 7


@dataclass(frozen=True)
class Counts:
    """How much a row runs: the sizes that the table is about, and smaller ones for a look or a test."""

    large: int  # positions
    small: int
    paths: int  # of our Monte Carlo; slower peers take fewer, and time is counted by path and step
    checked: int  # paths on which both sides must agree
    shocks: int
    accounts: int
    cross_steps: int
    numbers: int  # of price paths
    runs: int = RUNS


FULL = Counts(
    1_000_000, 100_000, paths=10_000, checked=128, shocks=1_000, accounts=100_000, cross_steps=1_440, numbers=1_440_000
)
QUICK = Counts(
    100_000, 20_000, paths=1_000, checked=32, shocks=200, accounts=5_000, cross_steps=1_440, numbers=100_000, runs=3
)
TINY = Counts(5_000, 2_000, paths=64, checked=8, shocks=70, accounts=3_000, cross_steps=480, numbers=5_000, runs=1)


@dataclass(frozen=True)
class Limit:
    """What a ratio is held against: `<=` where it is our share of the peer's time, `>=` where it is times faster."""

    sign: str
    floor: float
    aim: float

    def ratio(self, ours: float, theirs: float) -> float:
        """The ratio in the limit's own direction."""
        return ours / theirs if self.sign == "<=" else theirs / ours

    def holds(self, ratio: float, bound: float) -> bool:
        """Whether a ratio is within a bound."""
        return ratio <= bound if self.sign == "<=" else ratio >= bound


@dataclass(frozen=True)
class Case:
    """Two sides of one comparison; who makes it has seen them give the same answer.

    `ours` and `theirs` are called by turns, each on what `made` returns, which no clock counts. They do `work[0]` and
    `work[1]` units of `unit`: a side that would take hours does a part.
    """

    what: str
    peer: str
    unit: str
    ours: Callable[[object], object]
    theirs: Callable[[object], object] | None
    work: tuple[float, float]
    limit: Limit | None
    made: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Measured:
    """Median seconds by unit of work, and the median of the ratios."""

    ours: float
    theirs: float | None
    ratio: float | None


def seconds(call: Callable[[object], object], given: object) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    call(given)
    return time.perf_counter() - began


def measured(case: Case, runs: int = RUNS) -> Measured:
    """Time both sides by turns, A B A B; what made the case has run both before."""
    rows = []
    for _ in range(runs):
        ours = seconds(case.ours, case.made()) / case.work[0]
        theirs = seconds(case.theirs, case.made()) / case.work[1] if case.theirs else None
        rows.append((ours, theirs))
    mine, peers = zip(*rows, strict=True)
    if case.theirs is None or case.limit is None:
        return Measured(statistics.median(mine), None, None)
    ratios = [case.limit.ratio(one, other) for one, other in rows]
    return Measured(statistics.median(mine), statistics.median(peers), statistics.median(ratios))
