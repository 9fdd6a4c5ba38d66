"""Sweeps that are kept in a directory: which points they have, how far each is, and what can be gone on with.

The directory holds `sweep.json` (how many points, and the values of each) and a directory for each point that was
begun.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levcore import resuming, run_plan, storing
from levcore._version import __version__
from levcore.errors import StoreError

POINT = "point-"  # before the number of a point: the name of its run's directory
INDEX = "sweep.json"
FORMAT = 1
LARGEST_INDEX = 100_000_000


@dataclass(frozen=True)
class SweepStatus:
    """How far a sweep in a directory is.

    Attributes
    ----------
    directory : Path
        Where it is.
    points : int or None
        Points that were asked for; None where the directory does not tell.
    runs : mapping of int to Status
        How far the run of each point is that was begun, by its number.
    parameters : mapping of str to tuple of str
        The values of each parameter, a point each, as text.

    Notes
    -----
    What :func:`levcore.study.sweep_status` returns.

    Examples
    --------
    >>> from pathlib import Path
    >>> import levcore as lc
    >>> lc.study.SweepStatus(Path("sweep"), 3, {}, {}).not_begun
    (0, 1, 2)
    """

    directory: Path
    points: int | None
    runs: Mapping[int, resuming.Status]
    parameters: Mapping[str, tuple[str, ...]]

    @property
    def finished(self) -> tuple[int, ...]:
        """Numbers of the points whose runs are finished."""
        return tuple(number for number, run in self.runs.items() if run.finished)

    @property
    def unfinished(self) -> tuple[int, ...]:
        """Numbers of the points whose runs were begun and stopped."""
        return tuple(number for number, run in self.runs.items() if not run.finished)

    @property
    def not_begun(self) -> tuple[int, ...]:
        """Numbers of the points of which there is nothing."""
        return tuple(number for number in range(self.points or 0) if number not in self.runs)


def is_sweep(folder: Path) -> bool:
    """Say whether a directory holds a sweep."""
    return (folder / INDEX).is_file() or bool(_points(folder))


def status(directory: str | os.PathLike[str]) -> SweepStatus:
    """Say how far a sweep in a directory is.

    Parameters
    ----------
    directory : str or path
        Given to ``lc.study.sweep(..., directory=)`` before.

    Returns
    -------
    SweepStatus

    Raises
    ------
    StoreError
        If there is no sweep, or the plan of one of its runs is damaged.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.study.sweep_status("nowhere")
    Traceback (most recent call last):
    levcore.errors.StoreError: nowhere holds no sweep: there is no sweep.json
    """
    folder = Path(directory)
    if not is_sweep(folder):
        raise StoreError(f"{folder} holds no sweep: there is no {INDEX}")
    points, parameters = _read(folder / INDEX)
    runs = {
        number: resuming.status(place)
        for number, place in _points(folder).items()
        if run_plan.read(place / resuming.UNFINISHED) or run_plan.read(place)  # killed before that, nothing is there
    }
    return SweepStatus(folder, points, runs, parameters)


def begin(folder: Path, parameters: Mapping[str, Sequence[str]], points: int) -> None:
    """Write down which points a sweep has, before any is run; refuse a directory that holds another one's."""
    try:
        there, before = _read(folder / INDEX)
    except StoreError:  # damaged: written anew, and each point's run says itself what it is
        there, before = None, {}
    if there is not None:
        _refuse_differences(folder, before, parameters)
    content = {
        "format": FORMAT,
        "levcore": __version__,
        "points": points,
        "parameters": {name: list(values) for name, values in parameters.items()},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        storing.write_whole(folder, INDEX, lambda file: file.write(json.dumps(content, indent=1).encode()))
    except OSError as reason:
        raise StoreError(f"{folder / INDEX} cannot be written: {reason}") from reason


def _refuse_differences(
    folder: Path, before: Mapping[str, Sequence[str]], parameters: Mapping[str, Sequence[str]]
) -> None:
    """Raise where a directory's sweep has other parameters, values or points; the message says the first of them."""
    if list(before) != list(parameters):
        raise StoreError(f"{folder} holds another sweep: of {', '.join(before)} there, of {', '.join(parameters)} here")
    for name, values in parameters.items():
        for point, (one, other) in enumerate(zip(before[name], values, strict=False)):
            if one != other:
                place = place_of(folder, point)
                raise StoreError(f"{place} holds another run: {name} is {one} there and {other} here")
        if len(before[name]) != len(values):
            raise StoreError(f"{folder} holds another sweep: {len(before[name]):,} points there, {len(values):,} here")


def foreign(folder: Path) -> list[str]:
    """Return what a directory holds that is none of a sweep's."""
    names = sorted(entry.name for entry in folder.iterdir())
    ours = {INDEX, f".{INDEX}.partial"}
    return [name for name in names if name not in ours and not name.startswith(POINT)]


def finish(
    folder: Path, *, threads: int | None, progress: Callable[[int, int], object] | None
) -> tuple[SweepStatus, list[str | None]]:
    """Finish the runs that were begun, from their directories alone; return how far it then is, and what stopped paths.

    Points that were not begun stay so: what they run stands in the program that called the sweep, not here.
    """
    from levcore import unfinished_runs

    errors: list[str | None] = []
    for number in status(folder).unfinished:
        runs = unfinished_runs.finish(place_of(folder, number), threads=threads, progress=progress)
        errors += runs.error
    return status(folder), errors


def place_of(folder: Path, number: int) -> Path:
    """Return the directory of a point's run."""
    return folder / f"{POINT}{number:05d}"


def _points(folder: Path) -> dict[int, Path]:
    """Return the directories of points that are there, by their numbers."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        return {}
    except OSError as reason:
        raise StoreError(f"{folder} cannot be looked at: {reason}") from reason
    numbers = [name.removeprefix(POINT) for name in names if name.startswith(POINT)]
    whole = sorted(int(number) for number in numbers if number.isascii() and number.isdecimal())
    return {number: place_of(folder, number) for number in whole if place_of(folder, number).is_dir()}


def _read(path: Path) -> tuple[int | None, dict[str, tuple[str, ...]]]:
    try:
        if not path.exists():
            return None, {}
        if path.stat().st_size > LARGEST_INDEX:
            raise StoreError(f"{path} must be at most {LARGEST_INDEX:,} bytes, had {path.stat().st_size:,}")
        content = json.loads(path.read_bytes())
        points: Any = content["points"]
        parameters = {str(name): tuple(map(str, values)) for name, values in content["parameters"].items()}
        right = content["format"] == FORMAT and isinstance(points, int) and points >= 1
        right = right and all(len(values) == points for values in parameters.values())
    except StoreError:
        raise
    except OSError as reason:
        raise StoreError(f"{path} cannot be read: {reason}") from reason
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as reason:
        raise StoreError(f"{path} is damaged: {reason!r}; delete it, and the same sweep writes it again") from None
    if not right:
        raise StoreError(f"{path} is damaged, or of a later levcore: delete it, and the same sweep writes it again")
    return points, parameters
