"""Who runs the parts of a run: this process, one after the other, or an executor, a few at a time a worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks, part_files
from levcore.book import Book
from levcore.cascade import Ready
from levcore.errors import CancelledError, KindError, StoreError
from levcore.market import Market
from levcore.path_runs import PathSettings
from levcore.positions import Accounts
from levcore.run_parts import Carried, Columns, Floats, Job, Pair, Sent, Span, packed, run_part
from levcore.venue import Venue

Finished = Callable[[Span, Columns], None]

POLL_SECONDS = 0.05
#: Tasks that wait at a worker beside the one that runs, so that it never idles.
AHEAD = 2
UNKNOWN_WORKERS = 8
COLUMNS = ("instrument", "quantity", "entry_price", "margin", "account")


def workers_of(executor: Executor) -> int | None:
    """Return how many tasks an executor runs at a time, where it says so."""
    for name in ("workers", "_max_workers"):
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    return None


def checked(executor: object) -> Executor:
    """Return the executor if it is one."""
    if not isinstance(executor, Executor):
        raise KindError(f"executor must be a concurrent.futures.Executor, was {checks.describe(executor)}")
    return executor


def run_here(
    settings: PathSettings, job: Job, returns: Floats | None, parts: list[Span], finished: Finished, *, before: int
) -> None:
    """Run the parts one after the other, with all threads."""
    for first, count in parts:
        rows = None if returns is None else returns[first : first + count]
        native = job.scenario(settings.ready.market, rows, (first, count))
        part = settings.native(
            native,
            count,
            job.steps,
            before,
            job.paths,
            rounds=job.rounds,
            first=first if returns is None else 0,
            number=0 if returns is None else first,
            audit=False,
        )
        finished((first, count), part)
        before += count


def run_by(
    executor: Executor,
    settings: PathSettings,
    pair: Pair,
    job: Job,
    returns: Floats | None,
    parts: list[Span],
    finished: Finished,
    *,
    before: int,
) -> None:
    """Run the parts by an executor, in any order; what one of them raises ends the run."""
    at_once = AHEAD * (workers_of(executor) or UNKNOWN_WORKERS)
    left = iter(parts)
    running: dict[Future[Columns | Sent], Span] = {}
    with _carried(executor, settings.ready, pair) as carried:
        try:
            _watch(settings, before, job.paths)
            while True:
                for span in islice(left, at_once - len(running)):
                    rows = None if returns is None else returns[span[0] : sum(span)]
                    running[executor.submit(run_part, carried, job, span, rows)] = span
                if not running:
                    return
                for future in wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done:
                    span = running.pop(future)
                    part = future.result()
                    finished(span, part.arrive() if isinstance(part, Sent) else part)
                    before += span[1]
                _watch(settings, before, job.paths)
        except BrokenExecutor as reason:
            reason.add_note("with directory= finished paths are kept, and the same call goes on where this one stopped")
            raise
        finally:
            for future in running:
                future.cancel()
            wait(running, timeout=None if _is_of_threads(executor) else POLL_SECONDS)


def _watch(settings: PathSettings, done: int, total: int) -> None:
    if settings.cancel is not None and settings.cancel.is_set():
        raise CancelledError(f"cancelled after {done:,} paths")
    if settings.progress is not None:
        settings.progress(done, total)


@contextmanager
def _carried(executor: Executor, ready: Ready, pair: Pair) -> Iterator[Any]:
    """Bring the book to the workers as seldom as the executor can."""
    from concurrent.futures import ProcessPoolExecutor

    if _is_of_threads(executor):
        yield ready
    elif isinstance(executor, ProcessPoolExecutor):
        import tempfile

        # Who has been cancelled may be writing there still.
        with tempfile.TemporaryDirectory(prefix="levcore-", ignore_cleanup_errors=True) as folder:
            yield _on_disk(pair, Path(folder))
    elif hasattr(executor, "share"):
        yield executor.share(pair)
    else:
        yield pair


def _is_of_threads(executor: Executor) -> bool:
    from concurrent.futures import ThreadPoolExecutor

    return isinstance(executor, ThreadPoolExecutor)


@dataclass(frozen=True)
class PartOnDisk(Sent):
    """A part whose columns lie in a file, one after the other: read once, where a pipe would copy them five times."""

    path: Path
    layout: tuple[tuple[str, str, tuple[int, ...]], ...]  # name, dtype, shape

    def arrive(self) -> Columns:
        """Read it and remove the file."""
        columns: dict[str, Any] = {}
        try:
            with self.path.open("rb") as file:
                for name, dtype, shape in self.layout:
                    part_files.put(columns, name, np.fromfile(file, dtype, math.prod(shape)).reshape(shape))
            self.path.unlink()
        except (OSError, ValueError) as reason:
            raise StoreError(f"{self.path} does not hold a part of the run: {reason}") from reason
        return columns


@dataclass(frozen=True)
class PairOnDisk(Carried):
    """A book whose columns lie in a file each, mapped into memory by the processes of one machine; so do its parts."""

    folder: Path
    venue: Venue
    currencies: tuple[str, ...]  # of the accounts' balances
    market: Market

    def arrive(self) -> tuple[Book, Market]:
        """Return the pair, its columns read where they lie."""
        held: dict[str, Any] = {name: self._column(name) for name in COLUMNS}
        balances = {name: self._column(f"balance-{k}") for k, name in enumerate(self.currencies)}
        return Book(self.venue, **held, accounts=Accounts(**balances)), self.market

    def send(self, part: Columns, span: Span) -> Sent:
        """Write a part beside the book."""
        columns = part_files.flat(packed(part))
        path = self.folder / f"part-{span[0]}"
        try:
            with path.open("wb") as file:
                for values in columns.values():
                    values.tofile(file)
        except OSError as reason:
            raise StoreError(f"{path} cannot be written: {reason}") from reason
        return PartOnDisk(path, tuple((name, values.dtype.str, values.shape) for name, values in columns.items()))

    def _column(self, name: str) -> npt.NDArray[Any]:
        path = self.folder / f"{name}.npy"
        try:
            column: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as reason:
            raise StoreError(f"{path} does not hold a column of the book: {reason}") from reason
        return column


def _on_disk(pair: Pair, folder: Path) -> Carried:
    book = pair.book
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", getattr(book, name))
    for k, balances in enumerate(book.accounts.balances.values()):
        np.save(folder / f"balance-{k}.npy", balances)
    return PairOnDisk(pair.key, folder, book.venue, tuple(book.accounts.balances), pair.market)
