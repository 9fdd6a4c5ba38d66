"""Paths on their way to the core: what they need, which engine they go by, and how one is run again."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from levcore import _core, checks, engines, memory, thread_count
from levcore.batch import Count
from levcore.book import Book
from levcore.cascade import Ready, ready_pair
from levcore.control import TopUp
from levcore.control import native as acting_on
from levcore.errors import CancelledError, KindError
from levcore.estimate import accounts_bytes
from levcore.funding import schedule
from levcore.futures import MICROSECOND, refuse_beyond_expiry
from levcore.market import Market
from levcore.outcome import Outcome
from levcore.process import Process
from levcore.runs import Runs, runs_of
from levcore.sampling import native_of
from levcore.unpack import path

Counts = npt.NDArray[np.int64]


class Flag(Protocol):
    """What can say stop: a threading.Event."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class PathSettings:
    """What every block of a run shares."""

    def __init__(
        self,
        ready: Ready,
        step: timedelta,
        threads: int,
        chunk: int | None,
        keep_steps: bool,
        engine: str = "ledger",
        *,
        rules: tuple[TopUp, ...] = (),
        seed: int | None = None,
        progress: Callable[[int, int], object] | None,
        cancel: Flag | None,
    ) -> None:
        if progress is not None and not callable(progress):
            raise KindError(f"progress must be callable, was {checks.describe(progress)}")
        if cancel is not None and not callable(getattr(cancel, "is_set", None)):
            raise KindError(f"cancel must be a threading.Event, was {checks.describe(cancel)}")
        self.ready, self.step, self.threads, self.chunk, self.keep_steps = ready, step, threads, chunk, keep_steps
        self.engine, self.progress, self.cancel = engine, progress, cancel
        self.sampling = "independent"
        self.rules, self.seed = rules, seed
        acting_on(rules, ready.book, seed)  # says what is wrong with it

    def outside(self, steps: int) -> int:
        """What keeps the run off the ladder, by number; 0: nothing."""
        if self.rules:
            return self.ready._outside or engines.CONTROL
        if self.ready._outside:
            return self.ready._outside
        has_funding = len(self.funding(steps)["funding_step"]) > 0
        return engines.FUNDING if has_funding and not self.ready._native.has_rate_classes() else 0

    def usual_chunk(self, paths: int, *, ladder: bool) -> int:
        """Return how many paths a thread takes at a time: side by side they wait for memory together."""
        return min(256, -(-paths // self.threads)) if ladder else 16

    def native(
        self,
        scenario: _core.Scenario,
        paths: int,
        steps: int,
        before: int = 0,
        total: int = 0,
        *,
        rounds: bool,
        first: int = 0,
        number: int = 0,
        audit: bool = True,
        lazily: bool = False,
    ) -> dict[str, Any]:
        """Run the paths and return the core's columns; `before` and `total` place a block among others.

        A process draws those numbered from `first` on, controllers count from `number` on; where nothing is audited,
        nobody has a conservation error. Columns by position are written now, or by who asks `counted` for them.
        """
        refuse_beyond_expiry(self.ready.book, steps * (self.step // MICROSECOND) * 1000)
        self.refuse_if_too_large(paths, steps)

        def watch(done: int) -> None:
            if self.cancel is not None and self.cancel.is_set():
                raise CancelledError(f"cancelled after {before + done:,} paths")
            if self.progress is not None:
                self.progress(before + done, total or paths)

        ladder = engines.on_ladder(self.engine, self.outside(steps))
        watch(0)
        columns = _core.run_paths(
            self.ready._native,
            self.ready._native_market,
            scenario,
            paths,
            np.full(steps, self.step / timedelta(days=1)),
            threads=self.threads,
            chunk=self.chunk or self.usual_chunk(paths, ladder=ladder),
            keep_steps=self.keep_steps,
            watch=None if self.progress is None and self.cancel is None else watch,
            **self.funding(steps),
            ladder=ladder,
            rounds=rounds,
            ask_all=False,
            first=first,
            audit=audit,
            control=acting_on(self.rules, self.ready.book, self.seed, number),
        )
        watch(paths)
        return columns if lazily else columns | columns.pop("counted").columns()

    def refuse_if_too_large(self, paths: int, steps: int) -> None:
        """Raise TooLargeError where so many paths at a time need more memory than there is."""
        needed = memory.path_bytes(
            len(self.ready.book),
            len(self.ready.market),
            paths=paths,
            steps=steps,
            keep_steps=self.keep_steps,
            threads=self.threads,
        )
        needed += accounts_bytes(self.ready.book, states=self.threads)
        needed += memory.control_bytes(len(self.ready.book), threads=self.threads) if self.rules else 0
        needed += len(self.ready.book) * memory.CLASS_BYTES if len(self.funding(steps)["funding_step"]) else 0
        memory.refuse_if_too_large(needed, f"{paths:,} paths of {steps:,} steps")

    def elapsed(self, steps: int) -> npt.NDArray[np.int64]:
        """Return the time at the end of each step, ns."""
        return np.arange(1, steps + 1) * int(np.timedelta64(self.step).astype("timedelta64[ns]").astype(np.int64))

    def funding(self, steps: int) -> dict[str, npt.NDArray[Any]]:
        """Return the payments that fall due."""
        return schedule([i._payments for i in self.ready.book.venue.instruments], self.elapsed(steps))

    def again(self, scenario: _core.Scenario, paths: int, steps: int) -> Callable[[int], Outcome]:
        """Return what runs one path again, whole."""
        days = np.full(steps, self.step / timedelta(days=1))
        acting = acting_on(self.rules, self.ready.book, self.seed)
        ready, times, funding = self.ready, self.elapsed(steps).astype("timedelta64[ns]"), self.funding(steps)

        def run(i: int) -> Outcome:
            columns = _core.run_one(
                ready._native, ready._native_market, scenario, i, paths, days, **funding, control=acting
            )
            return path(columns, ready.market, times, ready.book.venue.backstop.own_funds)

        return run

    def run(self, native: _core.Scenario, paths: int, steps: int, *, scenario: object, seed: int | None = None) -> Runs:
        """Run the paths; rounds are counted when they are first asked for."""
        columns = self.native(native, paths, steps, rounds=False, lazily=True)
        return runs_of(
            columns,
            self.ready,
            steps,
            self.step,
            seed=seed,
            scenario=scenario,
            again=self.again(native, paths, steps),
            reason=engines.reason(self.engine, self.outside(steps), columns["by_ladder"]),
            count=self.counting(native, paths, steps) if columns["by_ladder"].any() else None,
            sampling=self.sampling,
            control=self.rules,
        )

    def counting(self, native: _core.Scenario, paths: int, steps: int) -> Count:
        """Return what counts the rounds of the ladder, by walking again."""

        def count() -> tuple[Counts, Counts]:
            counted = self._quiet().native(native, paths, steps, rounds=True, lazily=True)
            return counted["rounds"], counted["cascade_depth"]

        return count

    def audited(self, native: _core.Scenario, path: int, steps: int) -> float:
        """Return how far money on the ladder is from the ledger's in a path: a share of gross notional."""
        columns = self._quiet().native(native, 1, steps, rounds=False, first=path, lazily=True)
        return float(columns["conservation_error"][0])

    def _quiet(self) -> PathSettings:
        quiet = copy(self)
        quiet.progress = quiet.cancel = None
        quiet.keep_steps = False
        return quiet


def count_again(
    book: Book,
    market: Market,
    scenario: Any,
    *,
    paths: int,
    steps: int,
    step: timedelta,
    seed: int | None,
    sampling: str = "independent",
) -> Count:
    """Return what counts the rounds of an earlier simulation, by running it again."""

    def count() -> tuple[Counts, Counts]:
        threads = thread_count.asked(None)
        settings = PathSettings(
            ready_pair(book, market), step, threads, None, False, "auto", progress=None, cancel=None
        )
        native = native_scenario(scenario, market, step, seed, sampling, paths=paths, steps=steps)
        return settings.counting(native, paths, steps)()

    return count


def native_scenario(
    scenario: Any,
    market: Market,
    step: timedelta,
    seed: int | None,
    sampling: str,
    *,
    paths: int,
    steps: int,
    span: tuple[int, int] | None = None,
) -> _core.Scenario:
    """Return what the core draws paths, or a part of them, from: a process, or returns that were given."""
    if not isinstance(scenario, Process):
        return _core.Scenario.returns(scenario)
    assert seed is not None
    return native_of(scenario, market, step, seed, sampling, paths=paths, steps=steps, span=span)


def again(
    book: Book,
    market: Market,
    scenario: Any,
    *,
    paths: int,
    steps: int,
    step: timedelta,
    seed: int | None,
    sampling: str = "independent",
    control: tuple[TopUp, ...] = (),
) -> Callable[[int], Outcome]:
    """Return what runs one path of an earlier simulation again; the book is sorted when the first is asked for."""

    def run(i: int) -> Outcome:
        pair = ready_pair(book, market)
        settings = PathSettings(pair, step, 1, 1, False, rules=control, seed=seed, progress=None, cancel=None)
        native = native_scenario(scenario, market, step, seed, sampling, paths=paths, steps=steps)
        return settings.again(native, paths, steps)(i)

    return run
