"""A run of paths split by number: what a part is, how it is run anywhere, and how parts become the whole again."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import engines, memory, thread_count
from levcore._version import __version__
from levcore.book import Book
from levcore.cascade import Ready
from levcore.control import TopUp
from levcore.errors import DomainError
from levcore.market import Market
from levcore.path_runs import PathSettings, native_scenario
from levcore.process import Process
from levcore.runs import Runs, runs_of

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Any]
Span = tuple[int, int]  # numbers of paths: the first, and how many

#: Steps of paths that a part takes where nobody says: about a second's work, beside which starting it is little.
LADDER_STEPS, LEDGER_STEPS = 100_000_000, 1_000_000
#: Parts at most, so that a directory of them can be listed.
MOST_PARTS = 10_000
#: Bytes of kept series in a part.
MOST_SERIES_BYTES = 256_000_000
#: Rows that are compared before all are: most columns that differ do so among their first.
LOOKED_AT = 64
#: Of the ladder's paths one in so many is run by the ledger, too.
SAMPLED_OF = 65_536


class Sent(ABC):
    """A part that lies somewhere else until it is asked for."""

    @abstractmethod
    def arrive(self) -> Columns:
        """Return it."""


@dataclass(frozen=True)
class Carried(ABC):
    """A book and its market on the way to whoever runs a part; the key is equal for equal pairs."""

    key: str

    @abstractmethod
    def arrive(self) -> tuple[Book, Market]:
        """Return the pair where the part is run."""

    def send(self, part: Columns, span: Span) -> Columns | Sent:
        """Return what goes back when a part has been run."""
        return packed(part)


@dataclass(frozen=True)
class Pair(Carried):
    """The pair itself."""

    book: Book
    market: Market

    def arrive(self) -> tuple[Book, Market]:
        """Return it."""
        return self.book, self.market


@dataclass(frozen=True)
class Job:
    """What all parts of a run share, beside the book and its market."""

    process: Process | None  # None: each part brings its returns
    paths: int
    steps: int
    step: timedelta
    seed: int | None
    engine: str
    keep_steps: bool
    rounds: bool  # counted on the ladder, too, as a run needs that is kept
    threads: int | None  # of each part; None: what the worker's environment says, or one
    chunk: int | None  # paths that a thread takes at a time
    sampling: str = "independent"
    rules: tuple[TopUp, ...] = ()
    version: str = field(default=__version__)

    def scenario(self, market: Market, returns: Floats | None, span: Span | None = None) -> Any:
        """Return what the core draws all paths from, or those of a part."""
        wanted = returns if self.process is None else self.process
        how: dict[str, Any] = {"paths": self.paths, "steps": self.steps, "span": span}
        return native_scenario(wanted, market, self.step, self.seed, self.sampling, **how)


def spans(paths: int, each: int) -> Iterator[Span]:
    """Return the parts of a run."""
    return ((first, min(each, paths - first)) for first in range(0, paths, each))


def usual_size(settings: PathSettings, paths: int, steps: int, *, workers: int | None) -> int:
    """Return how many paths a part takes where nobody says."""
    ladder = settings.engine != "ledger" and not settings.outside(steps)
    size = max(1, (LADDER_STEPS if ladder else LEDGER_STEPS) // (steps * len(settings.ready.market)))
    if settings.keep_steps:
        size = min(size, max(1, MOST_SERIES_BYTES // (steps * memory.step_bytes(len(settings.ready.market)))))
    if workers is not None:
        size = min(size, -(-paths // (2 * workers)))
    return min(paths, max(size, -(-paths // MOST_PARTS)))


# ---- a part, wherever it is run ----

_held: dict[str, Ready] = {}
_guard = threading.Lock()


def run_part(carried: Carried | Ready, job: Job, span: Span, returns: Floats | None) -> Columns | Sent:
    """Run one part; its columns are packed where they travel. A worker keeps a sorted book until another comes."""
    if job.version != __version__:
        raise DomainError(
            f"the worker runs levcore {__version__}, the caller {job.version}: both must be the same version"
        )
    ready = carried if isinstance(carried, Ready) else _ready_of(carried)
    threads = thread_count.in_a_pool() if job.threads is None else job.threads
    settings = PathSettings(
        *(ready, job.step, threads, job.chunk, job.keep_steps, job.engine),
        rules=job.rules,
        seed=job.seed,
        progress=None,
        cancel=None,
    )
    part = settings.native(
        job.scenario(ready.market, returns, span),
        span[1],
        job.steps,
        rounds=job.rounds,
        first=0 if job.process is None else span[0],
        number=0 if job.process is not None else span[0],  # of paths whose returns are given
        audit=False,
    )
    return part if isinstance(carried, Ready) else carried.send(part, span)


def packed(part: Columns) -> Columns:
    """Return a part in which one row stands for all where all have the same bits, as in half of the columns."""
    return {name: values[:1] if _all_alike(name, values) else values for name, values in part.items()}


def _all_alike(name: str, values: Any) -> bool:
    if name == "steps" or name.startswith("position_") or values.size == 0:
        return False
    bits = values.view(np.uint8 if values.itemsize == 1 else np.uint64)
    return bool((bits[:LOOKED_AT] == bits[0]).all() and (bits == bits[0]).all())


def _ready_of(carried: Carried) -> Ready:
    with _guard:
        ready = _held.get(carried.key)
        if ready is None:
            _held.clear()
            ready = _held[carried.key] = Ready(*carried.arrive())
    return ready


# ---- the whole ----


class Whole:
    """The columns of all paths, filled part by part, in any order."""

    def __init__(self, paths: int, steps: int) -> None:
        self.paths, self.steps, self.done = paths, steps, 0
        self._columns: dict[str, Any] = {}
        self._series: dict[str, Any] = {}

    def put(self, span: Span, part: Columns) -> None:
        """Put a part in its place, packed or not."""
        first, count = span
        for name, values in part.items():
            if name == "steps":
                for series, rows in values.items():
                    place = slice(first * self.steps, (first + count) * self.steps)
                    self._place(self._series, series, place, rows, self.paths * self.steps)
            elif name.startswith("position_"):
                if name in self._columns:
                    self._columns[name] += values
                else:
                    self._columns[name] = np.array(values)
            else:
                self._place(self._columns, name, slice(first, first + count), values, self.paths)
        self.done += count

    def runs(self, settings: PathSettings, job: Job, returns: Floats | None) -> Runs:
        """Return the outcome, a sample of its paths audited, when all parts are there."""
        self._audit(settings, job, returns)
        native = job.scenario(settings.ready.market, returns)
        columns = self._columns | ({"steps": self._series} if self._series else {})
        by_ladder = columns["by_ladder"]
        return runs_of(
            columns,
            settings.ready,
            self.steps,
            job.step,
            seed=job.seed,
            scenario=returns if job.process is None else job.process,
            again=settings.again(native, self.paths, self.steps),
            reason=engines.reason(settings.engine, settings.outside(self.steps), by_ladder),
            count=None if job.rounds or not by_ladder.any() else settings.counting(native, self.paths, self.steps),
            sampling=job.sampling,
            control=job.rules,
        )

    @staticmethod
    def _place(columns: dict[str, Any], name: str, place: slice, values: npt.NDArray[Any], rows: int) -> None:
        if name not in columns:
            columns[name] = np.zeros((rows, *values.shape[1:]), values.dtype)
        if len(values) > 1 or any(values.tobytes()):  # a row of zeros for all is there
            columns[name][place] = values

    def _audit(self, settings: PathSettings, job: Job, returns: Floats | None) -> None:
        """Let all paths of the ladder report the largest violation found among a sample, as in a run of one part."""
        by_ladder = self._columns["by_ladder"].view(np.bool_)
        largest, following = 0.0, 0
        while (rest := np.flatnonzero(by_ladder[following:])).size:
            path = following + int(rest[0])
            alone = None if returns is None else np.ascontiguousarray(returns[path : path + 1])
            native = job.scenario(settings.ready.market, alone, (path, 1))
            largest = max(largest, settings.audited(native, path if returns is None else 0, self.steps))
            following = path + SAMPLED_OF
        self._columns["conservation_error"][by_ladder] = largest


#: What runs the parts that are named and puts each in its place.
Runner = Callable[[list[Span], Callable[[Span, Columns], None]], None]
