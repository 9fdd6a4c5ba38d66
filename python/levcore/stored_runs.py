"""Simulated paths read from their directory: nothing is believed before its size and digest are right."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.batch import COUNTED
from levcore.book import Book
from levcore.checks import frozen
from levcore.control import rules_in
from levcore.errors import LevcoreError, StoreError, TooLargeError
from levcore.market import Market
from levcore.memory import refuse_if_too_large
from levcore.montecarlo import MOST_PATHS, MOST_STEPS
from levcore.path_runs import again, count_again
from levcore.per_asset import PerAsset
from levcore.positions import Accounts
from levcore.process import Process
from levcore.runs import Runs
from levcore.sampling import SAMPLINGS
from levcore.step_trace import StepTrace
from levcore.stored_values import from_json
from levcore.storing import BALANCE, BOOK, FORMAT, INDEX, NAMES, POSITIONS, digest_of, file_digest
from levcore.venue import Venue

Arrays = dict[str, npt.NDArray[Any]]

LARGEST_INDEX = 100_000_000
KINDS = "biufm"  # of arrays: truth, whole numbers, numbers, spans of time


def runs_in(folder: Path) -> Runs:
    """Return the paths stored in a directory."""
    index = _index(folder)
    try:
        files = _checked(folder, index)
        market, venue = from_json(index["market"]), from_json(index["venue"])
        paths, steps, step = index["paths"], index["steps"], from_json(index["step"])
        stored = index["scenario"]
        by_returns = stored == {"kind": "returns"}
        scenario = read_returns(folder) if by_returns else from_json(stored)
        if not (scenario is None or by_returns or isinstance(scenario, Process)):
            raise StoreError(f"{folder / INDEX} must name a scenario that levcore has")
        if not (1 <= paths <= MOST_PATHS and 1 <= steps <= MOST_STEPS):
            raise StoreError(f"{folder / INDEX} must name paths and steps that can be run, had {paths} and {steps}")
        errors = index["errors"]
        sampling = checks.choice("sampling", index.get("sampling", "independent"), SAMPLINGS)
        control = rules_in(from_json(index.get("control", [])))
        book = read_book(folder / "book.npz", venue)
        what = {"paths": paths, "steps": steps, "step": step, "seed": index["seed"], "sampling": sampling}
        known = None if scenario is None else again(book, market, scenario, **what, control=control)
        columns = _path_columns(folder, market, paths)
        counted = set(COUNTED) <= set(columns)
        columns |= {} if counted else dict.fromkeys(COUNTED, np.zeros(0, np.int64))
        return Runs(
            **columns,
            **_position_columns(folder, len(book)),
            error=tuple(errors.get(str(path)) for path in range(paths)),
            engine=index["engine"],
            engine_reason=index.get("engine_reason", ""),
            numeraire=index["numeraire"],
            book=book,
            market=market,
            scenario=scenario,
            steps=steps,
            step=step,
            seed=index["seed"],
            sampling=sampling,
            control=control,
            steps_kept=_steps(folder, market, (paths, steps)) if "steps.npz" in files else None,
            _again=known,
            _count=None if counted else count_again(book, market, scenario, **what),
        )
    except (StoreError, TooLargeError):
        raise
    except OSError as reason:
        raise StoreError(f"{folder} cannot be read: {reason}") from reason
    except (LevcoreError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as reason:
        raise StoreError(f"{folder / INDEX} does not say what was run: {reason!r}") from reason


def _index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    if not path.is_file():
        raise StoreError(f"{folder} holds no simulated paths: there is no {INDEX}")
    if path.stat().st_size > LARGEST_INDEX:
        raise StoreError(f"{path} must be at most {LARGEST_INDEX:,} bytes, had {path.stat().st_size:,}")
    try:
        index = json.loads(path.read_bytes())
        if not isinstance(index, dict) or not isinstance(index.get("format"), int):
            raise StoreError(f"{path} is no index of simulated paths")
        digest = digest_of(index)
    except (ValueError, RecursionError) as reason:
        raise StoreError(f"{path} is damaged: {reason}") from None
    if index["format"] != FORMAT:
        raise StoreError(
            f"{path} has format {index['format']}, of levcore {index.get('levcore')}; this levcore reads {FORMAT}"
        )
    if index.get("blake2b") != digest:
        raise StoreError(f"{path} is damaged: its content does not have the digest that it names")
    return index


def _checked(folder: Path, index: Mapping[str, Any]) -> Mapping[str, Any]:
    files: Mapping[str, Any] = index["files"]
    refuse_if_too_large(2 * sum(file["bytes"] for file in files.values()), f"reading {folder}")
    for name in ("paths.npz", "positions.npz", "book.npz"):
        if name not in files:
            raise StoreError(f"{folder / INDEX} must name a file {name}")
    for name, known in files.items():
        if name not in NAMES:
            raise StoreError(f"{folder / INDEX} names a file {name!r} that no store has")
        path = folder / name
        if not path.is_file():
            raise StoreError(f"{path} is missing")
        if path.stat().st_size != known["bytes"] or file_digest(path) != known["blake2b"]:
            raise StoreError(f"{path} is damaged: it does not have the size and digest that {INDEX} names")
    return files


def read_book(path: Path, venue: Venue) -> Book:
    """Return the book stored in a file."""
    columns = _load(path)
    missing = [name for name in BOOK if name not in columns]
    if missing:
        raise StoreError(f"{path} is damaged: it has no {missing[0]}")
    balances = {name.removeprefix(BALANCE): column for name, column in columns.items() if name.startswith(BALANCE)}
    held: dict[str, Any] = {name: columns[name] for name in BOOK}
    return Book(venue, **held, accounts=Accounts(**balances))


def read_returns(folder: Path) -> npt.NDArray[Any]:
    """Return the given returns stored in a directory."""
    return _load(folder / "returns.npz")["returns"]


def _load(path: Path) -> Arrays:
    """Return arrays; none is allocated before the file is known to hold it."""
    size = path.stat().st_size
    try:
        with ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as opened:
                    np.lib.format.read_magic(opened)
                    shape, _, kind = np.lib.format.read_array_header_1_0(opened)
                held = math.prod(shape) * kind.itemsize
                held_here = held <= min(member.file_size, size)
                if member.compress_type != ZIP_STORED or kind.kind not in KINDS or not held_here:
                    raise StoreError(f"{path} is damaged: {member.filename} is no plain array")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: frozen(arrays[name]) for name in arrays.files}
    except (BadZipFile, KeyError, ValueError, EOFError) as reason:
        raise StoreError(f"{path} is damaged: {reason}") from None


def _path_columns(folder: Path, market: Market, paths: int) -> dict[str, Any]:
    return _by_asset(folder / "paths.npz", market, (paths,))


def _position_columns(folder: Path, positions: int) -> dict[str, Any]:
    path = folder / "positions.npz"
    columns = {f"_{name}": values for name, values in _load(path).items()}
    if set(columns) != set(POSITIONS) or any(values.shape != (positions,) for values in columns.values()):
        raise StoreError(f"{path} must have a value a position of the book")
    return columns


def _steps(folder: Path, market: Market, shape: tuple[int, ...]) -> StepTrace:
    return StepTrace(**_by_asset(folder / "steps.npz", market, shape, time=shape[1:]))


def _by_asset(path: Path, market: Market, shape: tuple[int, ...], **other: tuple[int, ...]) -> dict[str, Any]:
    """Return columns of a shape, and those with a leading axis of assets as mappings."""
    columns: dict[str, Any] = {}
    for name, values in _load(path).items():
        if values.shape == (len(market), *shape):
            columns[name] = PerAsset(zip(market.names, values, strict=True))
        elif values.shape == other.get(name, shape):
            columns[name] = values
        else:
            raise StoreError(f"{path} is damaged: {name} had shape {values.shape}")
    return columns
