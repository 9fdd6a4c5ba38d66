"""Runs that are kept as they go, in a directory, and go on where they were stopped.

While it runs, the directory holds a folder `unfinished`: `plan.json` (what was asked for), the book, and a file for
each finished part. When all are there, the store of :func:`levcore.storing.write` is written and the folder removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levcore import directory_lock, part_files, run_plan, storing
from levcore.errors import StoreError
from levcore.path_runs import PathSettings
from levcore.run_parts import Columns, Floats, Job, Span, Whole, packed, spans
from levcore.runs import Runs

__all__ = ["Status", "status"]

UNFINISHED = storing.UNFINISHED
BESIDE = ("book.npz", "returns.npz", "scenario.toml", run_plan.PLAN)

#: Runs the parts that are named, of which some paths were finished before, and hands over each.
RunParts = Callable[[list[Span], Callable[[Span, Columns], None], int], None]


@dataclass(frozen=True)
class Status:
    """How far a run in a directory is.

    Attributes
    ----------
    directory : Path
        Where it is.
    paths, done : int
        Paths that were asked for, and those finished.
    parts, parts_done : int
        Files of paths, and those finished.
    finished : bool
        Whether the whole is there.
    plan : mapping
        What was asked for.
    """

    directory: Path
    paths: int
    done: int
    parts: int
    parts_done: int
    finished: bool
    plan: Mapping[str, Any]


def status(directory: str | os.PathLike[str]) -> Status:
    """Say how far a run in a directory is.

    Parameters
    ----------
    directory : str or path
        Given to ``lc.simulate(..., directory=)`` before.

    Returns
    -------
    Status

    Raises
    ------
    StoreError
        If there is no such run, or its plan is damaged.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.resuming.status("nowhere")
    Traceback (most recent call last):
    levcore.errors.StoreError: nowhere holds no run: there is no plan.json
    """
    folder = Path(directory)
    work = folder / UNFINISHED
    plan = run_plan.read(work)
    if plan is not None:
        there = _finished_parts(work, plan)
        return Status(folder, plan["paths"], sum(n for _, n in there), _parts(plan), len(there), False, plan)
    plan = run_plan.read(folder)
    if plan is None:
        raise StoreError(f"{folder} holds no run: there is no {run_plan.PLAN}")
    return Status(folder, plan["paths"], plan["paths"], _parts(plan), _parts(plan), True, plan)


def run(
    folder: Path,
    settings: PathSettings,
    job: Job,
    returns: Floats | None,
    run_parts: RunParts,
    *,
    part: int,
    replace: bool = False,
    scenario_file: bytes | None = None,
) -> Runs:
    """Run what is left of a run and keep it in its directory.

    Where `replace` is true a finished run of other inputs gives way once this one is finished.
    """
    new = [place for place in (folder, *folder.absolute().parents) if not place.exists()]
    storing.check_place(folder)
    work = folder / UNFINISHED
    try:
        work.mkdir(parents=True, exist_ok=True)
        with directory_lock.held(work):
            plan = run_plan.plan_of(settings.ready.book, settings.ready.market, job, returns, part=part)
            if _is_finished(folder, plan, replace=replace):
                _sweep(work)
                return storing.read(folder)
            there = run_plan.read(work)
            if there is None:
                _begin(work, settings, plan, returns, scenario_file)
            else:
                run_plan.refuse_differences(work, there, plan)
                plan = there
            try:
                whole = _fill(work, plan, Whole(job.paths, job.steps), run_parts)
                runs = whole.runs(settings, job, returns)
                others = {} if scenario_file is None else {"scenario.toml": scenario_file}
                storing.put(folder, runs, others | {run_plan.PLAN: run_plan.as_text(plan).encode()})
            except BaseException:
                if not _finished_parts(work, plan):  # nothing that would be gone on with
                    _sweep(work)
                raise
            _sweep(work)
        return runs
    except StoreError:
        raise
    except OSError as reason:
        raise StoreError(f"{folder} cannot be written: {reason}") from reason
    finally:
        for place in (work, *new):
            with suppress(OSError):  # where nothing has been kept
                place.rmdir()


def planned(folder: Path, *, finished: bool) -> run_plan.Plan | None:
    """Return the plan of the run in a directory, of a finished one if that is asked for; None where there is none."""
    return run_plan.read(folder / UNFINISHED) or (run_plan.read(folder) if finished else None)


def _parts(plan: Mapping[str, Any]) -> int:
    return -(-int(plan["paths"]) // int(plan["part"]))


def _is_finished(folder: Path, plan: run_plan.Plan, *, replace: bool) -> bool:
    """Say whether a store of this plan is there; raise where it is another's, which may not be replaced."""
    if not (folder / storing.INDEX).exists():
        return False
    there = run_plan.read(folder)
    if there is not None and all(there[name] == plan[name] for name in run_plan.FIELDS):
        return True
    if replace:
        return False
    if there is None:
        raise StoreError(f"{folder} holds a simulation that was stored there; take another directory")
    run_plan.refuse_differences(folder, there, plan)
    return False


def _begin(
    work: Path, settings: PathSettings, plan: run_plan.Plan, returns: Floats | None, scenario_file: bytes | None
) -> None:
    """Write down what is run, the plan last."""
    _sweep(work)
    storing.write_whole(work, "book.npz", storing.book_writer(settings.ready.book))
    if returns is not None:
        storing.write_whole(work, "returns.npz", storing.returns_writer(returns))
    if scenario_file is not None:
        storing.write_whole(work, "scenario.toml", lambda file: file.write(scenario_file))
    storing.write_whole(work, run_plan.PLAN, lambda file: file.write(run_plan.as_text(plan).encode()))


def _fill(work: Path, plan: run_plan.Plan, whole: Whole, run_parts: RunParts) -> Whole:
    """Put finished parts in their places, and run and keep the others."""
    known = run_plan.plan_digest(plan)
    there = set(_finished_parts(work, plan))
    for span in sorted(there):
        whole.put(span, part_files.read(work, span, known))

    def finished(span: Span, part: Columns) -> None:
        part_files.write(work, span, known, packed(part))
        whole.put(span, part)

    left = [span for span in spans(plan["paths"], plan["part"]) if span not in there]
    if left:
        run_parts(left, finished, whole.done)
    return whole


def _finished_parts(work: Path, plan: Mapping[str, Any]) -> list[Span]:
    """Return the parts that are there, by the names of their files."""
    try:
        named = [part_files.span_of(entry.name) for entry in work.iterdir()]
    except OSError as reason:
        raise StoreError(f"{work} cannot be looked at: {reason}") from reason
    wanted = set(spans(plan["paths"], plan["part"]))
    return [span for span in named if span in wanted]


def _sweep(work: Path) -> None:
    """Remove what a run leaves behind, the plan first, half-written files among it."""
    (work / run_plan.PLAN).unlink(missing_ok=True)
    for entry in work.iterdir():
        is_part = part_files.span_of(entry.name) is not None
        if is_part or entry.name in BESIDE or (entry.name.startswith(".") and entry.name.endswith(".partial")):
            entry.unlink(missing_ok=True)
