"""Many paths: a scenario run on a book and its market, step by step, with the cascades of each step fed back."""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import _core, checks, engines, split_runs, thread_count
from levcore.book import Book
from levcore.cascade import Ready, ready_pair
from levcore.control import TopUp, draws, rules_in
from levcore.display import plural
from levcore.errors import InputError, KindError
from levcore.given_returns import checked_returns, own_copy
from levcore.market import Market
from levcore.path_runs import Flag, PathSettings
from levcore.process import Process, span
from levcore.runs import Runs, runs_of
from levcore.sampling import SAMPLINGS, check_sampling, native_of

Floats = npt.NDArray[np.float64]

MOST_PATHS = 2**32
MOST_STEPS = 2**24


def simulate(
    book: Book | Ready,
    market: Market | Process | npt.ArrayLike | Iterator[npt.ArrayLike] | None = None,
    scenario: Process | npt.ArrayLike | Iterator[npt.ArrayLike] | None = None,
    *,
    paths: int | None = None,
    steps: int | None = None,
    step: timedelta | None = None,
    seed: int | None = None,
    threads: int | None = None,
    chunk: int | None = None,
    sampling: str = "independent",
    keep_steps: bool = False,
    engine: str = "auto",
    executor: Executor | None = None,
    directory: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
    cancel: Flag | None = None,
    control: TopUp | Sequence[TopUp] | None = None,
) -> Runs:
    """Run many paths of prices through the book, its liquidations moving the prices as they go.

    Parameters
    ----------
    book : Book or Ready
        The positions, or a pair prepared by :func:`prepare` (then the market is left out).
    market : Market
        Where the forced orders go.
    scenario : process such as GBM, array of shape (paths, steps, assets), or iterator of such arrays
        A process that draws paths; or simple returns of the fundamental prices, > -1, a row a step (with one asset
        shape (paths, steps) will do); or an iterator of blocks of paths, of which one at a time is held.
    paths, steps : int
        How many, >= 1; an array brings its own.
    step : timedelta
        Time of one step, > 0.
    seed : int, optional
        0 <= seed < 2**64; None draws one from the system. The outcome keeps it. With returns of your own only where
        controllers draw.
    threads : int, optional
        Threads of this call, or of each task of an executor, >= 1; None: the CPUs that the process may use (a task: 1),
        or what LEVCORE_NUM_THREADS or OMP_NUM_THREADS say where it is less.
    chunk : int, optional
        Paths that a thread takes at a time, >= 1; None: up to 256 on the ladder, 16 in the ledger. With an executor or
        a directory, paths of a task and of a file; None: about a second's work.
    sampling : {"independent", "antithetic", "sobol"}
        How the numbers of a process are drawn. "antithetic": in pairs, path 2k + 1 on the normals of path 2k with the
        other sign; paths is even. "sobol": on Sobol's points in 16 randomised replicates, through a Brownian bridge;
        paths is 16 times a power of two. Such paths are not independent one by one:
        `Runs.together` says how many belong together; :mod:`levcore.variance_reduction` has the estimates.
    keep_steps : bool
        True keeps prices, liquidations, bad debt and fund of every path and step.
    engine : {"auto", "ladder", "ledger"}
        Which engine runs: the ladder, where a cascade is one search, or the ledger, which knows everything; "auto"
        takes the ladder where it can. The outcome says which ran, and why.
    executor : concurrent.futures.Executor, optional
        What runs the paths instead of this process: one of the standard library, or of :mod:`levcore.distributed`.
    directory : str or path, optional
        Where finished paths are kept as they come. The same call again goes on where the first was stopped, and gives
        the outcome at once when it is finished; :func:`levcore.storing.read` reads it.
    progress : callable, optional
        Called as progress(done, total) about every 50 ms, paths counted; what it raises stops the run.
    cancel : threading.Event, optional
        Set by another thread, it stops the run within 0.1 s.
    control : TopUp or sequence of TopUp, optional
        Owners who add or take out collateral; each group has positions of its own.

    Returns
    -------
    Runs
        One value a path of everything that an outcome has.

    Warns
    -----
    RuntimeWarning
        If paths stopped early, because a price left all prices or an order could not be filled: `error` says which.

    Raises
    ------
    InputError
        If a number is out of range, a return is not above -1, or the run reaches beyond the expiry of a future held.
    KindError
        If an argument has the wrong type.
    TooLargeError
        If there is not enough memory; told before anything is allocated.
    DomainError
        If the ladder is asked for and the run is outside its domain; the message says what takes it out.
    CancelledError
        If `cancel` was set; what a directory holds stays.
    StoreError
        If the directory holds something else, a run of other inputs (the message names what differs) or damage, is in
        use, or cannot be written.
    MissingExtraError
        If Sobol's points are asked for and scipy is not installed.

    Notes
    -----
    Same inputs and seed give the same bits for any threads, chunk, executor and resuming. Crossings are looked at where
    steps end, so results depend on the step. Source: the page "The model" of the documentation.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> runs = lc.simulate(book, market, lc.GBM(volatility=0.8), paths=100, steps=24, step=timedelta(hours=1), seed=7)
    >>> runs.liquidation_probability.shape
    (1,)
    """
    ready, wanted = _pair(book, market, scenario)
    checks.choice("engine", engine, engines.ENGINES)
    checks.flag("keep_steps", keep_steps)
    if step is None:
        raise KindError("step must be a timedelta: the time of one step")
    asked = thread_count.asked(threads)
    each = span("step", step)
    rules = rules_in(control)
    split = split_runs.Split.asked(executor, directory, threads)
    settings = PathSettings(
        *(ready, each, asked, _chunk(chunk), keep_steps, engine), rules=rules, progress=progress, cancel=cancel
    )
    settings.sampling = checks.choice("sampling", sampling, SAMPLINGS)
    return _told(_run(settings, split, wanted, paths, steps, seed))


def simulate_into(
    directory: Path,
    book: Book,
    market: Market,
    process: Process,
    *,
    paths: int,
    steps: int,
    step: timedelta,
    seed: int | None = None,
    threads: int | None = None,
    keep_steps: bool = False,
    sampling: str = "independent",
    control: TopUp | None = None,
    scenario_file: str,
    progress: Callable[[int, int], object] | None,
) -> Runs:
    """Run paths in a directory, as a command does: a finished run of other inputs there gives way."""
    settings = PathSettings(
        *(ready_pair(book, market), step, thread_count.asked(threads), None, keep_steps, "auto"),
        rules=rules_in(control),
        progress=progress,
        cancel=None,
    )
    settings.sampling = sampling
    split = split_runs.Split(None, directory, threads, replace=True, scenario_file=scenario_file.encode())
    return _told(_run(settings, split, process, paths, steps, seed))


def _run(
    settings: PathSettings,
    split: split_runs.Split | None,
    wanted: Any,
    paths: int | None,
    steps: int | None,
    seed: int | None,
) -> Runs:
    if isinstance(wanted, Process):
        return _simulate_process(settings, split, wanted, paths, steps, seed)
    if settings.sampling != "independent":
        raise KindError(f"sampling {settings.sampling!r} goes with a process: returns are what they are")
    asked = _given(seed) if draws(settings.rules) else None
    if draws(settings.rules):
        settings.seed = _key(asked)
    elif seed is not None:
        raise KindError("seed goes with a process: returns are what they are")
    if isinstance(wanted, Iterator):
        if paths is not None or steps is not None:
            raise KindError("paths and steps come with the blocks: leave them out")
        if split is not None:
            raise KindError("an iterator of blocks cannot be split: give its blocks as one array")
        return _simulate_blocks(settings, wanted)
    array = own_copy(checked_returns("scenario", wanted, len(settings.ready.market)), wanted)
    for name, given, has in (("paths", paths, array.shape[0]), ("steps", steps, array.shape[1])):
        if given is not None and checks.integer(name, given, at_least=1) != has:
            raise InputError(f"{name} must be {has}, as the array of returns has, was {given}")
    if split is not None:
        return split.run(settings, array, *array.shape[:2], seed=asked)
    native = _core.Scenario.returns(array)
    return settings.run(native, *array.shape[:2], scenario=array, seed=settings.seed)


def _given(seed: int | None) -> int | None:
    return None if seed is None else checks.integer("seed", seed, at_least=0, at_most=2**64 - 1)


def _key(given: int | None) -> int:
    """Return what numbers are drawn with."""
    return secrets.randbits(64) if given is None else given


def _told(runs: Runs) -> Runs:
    """Warn of paths whose figures are not those of their whole length."""
    errors = [error for error in runs.error if error is not None]
    if errors:
        some = f"{len(errors):,} of {plural(runs.paths, 'path')} stopped early, the first because {errors[0]}"
        warnings.warn(f"{some}; their figures are what they were then", RuntimeWarning, stacklevel=3)
    return runs


def _simulate_process(
    settings: PathSettings,
    split: split_runs.Split | None,
    process: Process,
    paths: int | None,
    steps: int | None,
    seed: int | None,
) -> Runs:
    count, length = (_count(n, v, most) for n, v, most in (("paths", paths, MOST_PATHS), ("steps", steps, MOST_STEPS)))
    given = _given(seed)
    check_sampling(settings.sampling, paths=count, steps=length, assets=len(settings.ready.market))
    if split is not None:
        return split.run(settings, process, count, length, seed=given)
    key = settings.seed = _key(given)
    native = native_of(process, settings.ready.market, settings.step, key, settings.sampling, paths=count, steps=length)
    return settings.run(native, count, length, scenario=process, seed=key)


def _simulate_blocks(settings: PathSettings, blocks: Iterator[npt.ArrayLike]) -> Runs:
    merged: dict[str, Any] = {}
    count = length = 0
    parts: list[dict[str, Any]] = []
    for place, block in enumerate(blocks):
        array = checked_returns(f"block {place}", block, len(settings.ready.market))
        if length and array.shape[1] != length:
            raise InputError(f"block {place} must have {length} steps, as the first has, had {array.shape[1]}")
        length = array.shape[1]
        parts.append(
            settings.native(
                _core.Scenario.returns(array), array.shape[0], length, before=count, number=count, rounds=True
            )
        )
        count += array.shape[0]
    if not parts:
        raise InputError("scenario must bring at least one block of returns")
    for name, first in parts[0].items():
        if name == "steps":
            merged[name] = {k: np.concatenate([p["steps"][k] for p in parts]) for k in first}
        elif name.startswith("position_"):
            merged[name] = sum(p[name] for p in parts)
        else:
            merged[name] = np.concatenate([p[name] for p in parts])
    reason = engines.reason(settings.engine, settings.outside(length), merged["by_ladder"])
    return runs_of(
        merged,
        settings.ready,
        length,
        settings.step,
        seed=settings.seed,
        scenario=None,
        again=None,
        reason=reason,
        count=None,
        control=settings.rules,
    )


def _pair(book: Book | Ready, market: Any, scenario: Any) -> tuple[Ready, Any]:
    if isinstance(book, Ready):
        if market is not None and scenario is not None:
            raise KindError("a prepared pair has its market: give only the scenario")
        ready, wanted = book, (market if scenario is None else scenario)
    else:
        ready, wanted = ready_pair(book, market), scenario
    if wanted is None or isinstance(wanted, (str, bytes, int, float, Market)):
        raise KindError(
            f"scenario must be a process such as GBM, an array of returns, or an iterator of such arrays, was "
            f"{checks.describe(wanted)}"
        )
    return ready, wanted


def _count(name: str, value: int | None, most: int) -> int:
    if value is None:
        raise KindError(f"{name} must be given with a process")
    return checks.integer(name, value, at_least=1, at_most=most)


def _chunk(value: int | None) -> int | None:
    return None if value is None else checks.integer("chunk", value, at_least=1, at_most=2**48)
