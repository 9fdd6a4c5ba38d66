"""Simulated paths in a directory that stands on its own: columns to the last bit, the book, and what was asked for."""

from __future__ import annotations

import csv
import itertools
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from levcore import checks, flat_columns
from levcore._version import __version__
from levcore.book import Book
from levcore.errors import StoreError
from levcore.part_files import flush_folder
from levcore.per_asset import PerAsset
from levcore.runs import Runs
from levcore.stored_values import to_json

__all__ = ["read", "write"]

Arrays = Mapping[str, npt.NDArray[Any]]
Writer = Callable[[BinaryIO], object]

FORMAT = 3
INDEX = "run.json"
UNFINISHED = "unfinished"  # a folder: a run that is not whole yet
NAMES = (
    *(
        "paths.npz",
        "positions.npz",
        "book.npz",
        "steps.npz",
        "returns.npz",
        "paths.csv",
        "scenario.toml",
        "report.html",
        "plan.json",
    ),
    INDEX,
)
POSITIONS = ("_liquidations", "_step_sum")
BOOK = ("instrument", "quantity", "entry_price", "margin", "account")
#: Paths at most in a table for people, whose rounds are counted for it; of more they are counted when asked for.
MOST_ROWS = 100_000
ROWS_AT_A_TIME = 5_000
BALANCE = "balance "  # before a currency: a column of the table of accounts


def write(runs: Runs, directory: str | os.PathLike[str], *, scenario_file: str | None = None) -> Path:
    """Store simulated paths in a directory.

    Parameters
    ----------
    runs : Runs
        What `lc.simulate` returned.
    directory : str or path
        Made if it is not there. One that holds an earlier simulation is overwritten; any other must be empty.
    scenario_file : str, optional
        Text of the scenario file that the paths came from, kept as it is.

    Returns
    -------
    pathlib.Path
        The directory: `run.json` (version, seed, venue, market, scenario, and size and BLAKE2b of every other file),
        `paths.npz` (a value a path), `positions.npz` (liquidations by position), `book.npz`, `paths.csv` for people
        (of up to 100,000 paths), and where there are such things `steps.npz`, `returns.npz` and `scenario.toml`.

    Raises
    ------
    StoreError
        If the directory holds something else, or a file cannot be written; nothing half-written remains.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Every file is written under another name, flushed to disk and renamed, `run.json` last. The same runs give the same
    bytes.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> runs = lc.simulate(book, market, lc.GBM(volatility=0.8), paths=9, steps=24, step=timedelta(hours=1), seed=7)
    >>> bool((lc.storing.read(lc.storing.write(runs, "day")).bad_debt == runs.bad_debt).all())
    True
    """
    checks.instance("runs", runs, Runs)
    folder = check_place(directory)
    others = {} if scenario_file is None else {"scenario.toml": checks.text("scenario_file", scenario_file).encode()}
    put(folder, runs, others)
    return folder


def put(folder: Path, runs: Runs, others: Mapping[str, bytes]) -> None:
    """Write paths into a directory that may hold them, and files beside them that go with them."""
    files: dict[str, Writer] = {
        "paths.npz": _arrays(_path_columns(runs)),
        "positions.npz": _arrays({name.strip("_"): getattr(runs, name) for name in POSITIONS}),
        "book.npz": book_writer(runs.book),
    }
    if runs.paths <= MOST_ROWS:
        files["paths.csv"] = lambda file: _table(file, runs)
    if runs.steps_kept is not None:
        files["steps.npz"] = _arrays(_flat(vars(runs.steps_kept)))
    if isinstance(runs.scenario, np.ndarray):
        files["returns.npz"] = returns_writer(runs.scenario)
    files |= {name: _content(content) for name, content in others.items()}
    try:
        _write_all(folder, files, _head(runs))
    except StoreError:
        raise
    except OSError as reason:
        raise StoreError(f"{folder} cannot be written: {reason}") from reason


def book_writer(book: Book) -> Writer:
    """Return what writes a book's columns and balances."""
    return _arrays(_book_columns(book))


def returns_writer(returns: npt.NDArray[Any]) -> Writer:
    """Return what writes given returns."""
    return _arrays({"returns": returns})


def _content(content: bytes) -> Writer:
    return lambda file: file.write(content)


def _book_columns(book: Book) -> dict[str, npt.NDArray[Any]]:
    balances = {f"{BALANCE}{name}": column for name, column in book.accounts.balances.items()}
    return {name: getattr(book, name) for name in BOOK} | balances


def check_place(directory: str | os.PathLike[str]) -> Path:
    """Return the directory if paths may be stored there: it is not there yet, or empty, or holds an earlier store."""
    if not isinstance(directory, (str, os.PathLike)):
        checks.text("directory", directory)
    folder = Path(directory)
    try:
        near = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not near.is_dir():
            raise StoreError(f"{folder} must be a directory, {near} is a file")
        if not os.access(near, os.W_OK | os.X_OK):
            raise StoreError(f"{folder} must be a place to write to, {near} is not")
        names = {entry.name for entry in near.iterdir()} - {UNFINISHED} if near == folder else set()
    except OSError as reason:
        if isinstance(reason, StoreError):
            raise
        raise StoreError(f"{folder} cannot be looked at: {reason}") from reason
    partial = {_partial(name) for name in NAMES}
    foreign = sorted(names - {*NAMES} - partial)
    if not foreign and names - partial and _partial(INDEX) not in names and not _is_ours(folder / INDEX):
        foreign = sorted(names - partial)
    if foreign:
        raise StoreError(f"{folder} must be empty or hold an earlier simulation, it holds {', '.join(foreign[:5])}")
    return folder


def read(directory: str | os.PathLike[str]) -> Runs:
    """Read simulated paths that :func:`write` stored.

    Parameters
    ----------
    directory : str or path
        Where they are.

    Returns
    -------
    Runs
        As they were, to the last bit; `at(i)` runs a path again where it could before.

    Raises
    ------
    StoreError
        If the directory holds no paths, or a file is missing, damaged or of a later version; the message names it.
    TooLargeError
        If there is not enough memory.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.storing.read("nowhere")
    Traceback (most recent call last):
    levcore.errors.StoreError: nowhere holds no simulated paths: there is no run.json
    """
    from levcore.stored_runs import runs_in

    return runs_in(Path(directory))


# ---- what is written ----


def _head(runs: Runs) -> dict[str, Any]:
    """Return what was asked for, without which numbers mean nothing."""
    returns = isinstance(runs.scenario, np.ndarray)
    return {
        "format": FORMAT,
        "levcore": __version__,
        "seed": runs.seed,
        "sampling": runs.sampling,
        "paths": runs.paths,
        "steps": runs.steps,
        "step": to_json(runs.step),
        "engine": runs.engine,
        "engine_reason": runs.engine_reason,
        "numeraire": runs.numeraire,
        "venue": to_json(runs.book.venue),
        "market": to_json(runs.market),
        "control": to_json(runs.control),
        "scenario": {"kind": "returns"} if returns else to_json(runs.scenario),
        "errors": {str(path): said for path, said in enumerate(runs.error) if said is not None},
    }


def _path_columns(runs: Runs) -> Arrays:
    values = runs._counted() if runs.paths <= MOST_ROWS else vars(runs)
    return _flat({name: value for name, value in values.items() if name[0] != "_" and name != "scenario"})


def _flat(values: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays among values, those of several assets stacked in the market's order."""
    columns = {name: np.stack(list(value.values())) for name, value in values.items() if isinstance(value, PerAsset)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)} | columns


def _arrays(columns: Arrays) -> Writer:
    return lambda file: np.savez(file, **columns)  # type: ignore[arg-type]


def _table(file: BinaryIO, runs: Runs) -> None:
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    lines = csv.writer(text, lineterminator="\n")
    for first in range(0, runs.paths, ROWS_AT_A_TIME):
        rows = slice(first, min(first + ROWS_AT_A_TIME, runs.paths))
        columns = {"path": list(range(rows.start, rows.stop))} | flat_columns.flat(runs, rows)
        lines.writerows(itertools.islice(flat_columns.rows(columns), 1 if first else 0, None))
    text.flush()
    text.detach()


# ---- how it is written ----


def _write_all(folder: Path, files: Mapping[str, Writer], head: dict[str, Any]) -> None:
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    begun = False
    try:
        digests = {name: _write(folder, name, writer) for name, writer in files.items()}
        index = head | {"files": digests}
        content = _by_lines(index | {"blake2b": digest_of(index)})
        _write(folder, INDEX, lambda file: file.write(content.encode()))
        begun = True
        for name in files:
            (folder / _partial(name)).replace(folder / name)
        for name in {*NAMES} - {*files, INDEX}:  # an earlier store's
            (folder / name).unlink(missing_ok=True)
        (folder / _partial(INDEX)).replace(folder / INDEX)
    except BaseException:
        # Once files have taken their places the index that was to come says whose they are: they may be replaced.
        for name in {*NAMES} - ({INDEX} if begun else set()):
            (folder / _partial(name)).unlink(missing_ok=True)
        for place in new:
            with suppress(OSError):
                place.rmdir()
        raise
    flush_folder(folder)


def _by_lines(index: Mapping[str, Any]) -> str:
    """Return JSON with an entry a line, so that people can read it and tools compare it."""
    lines = [f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in index.items()]
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def _write(folder: Path, name: str, writer: Writer) -> dict[str, Any]:
    path = folder / _partial(name)
    with path.open("wb") as file:
        writer(file)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": path.stat().st_size, "blake2b": file_digest(path)}


def write_whole(folder: Path, name: str, writer: Writer) -> None:
    """Write a file under another name, flush it to disk and rename it."""
    try:
        _write(folder, name, writer)
        (folder / _partial(name)).replace(folder / name)
        flush_folder(folder)
    except BaseException:
        (folder / _partial(name)).unlink(missing_ok=True)
        raise


def _partial(name: str) -> str:
    return f".{name}.partial"


def _is_ours(index: Path) -> bool:
    try:
        with index.open("rb") as file:
            return b'"levcore"' in file.read(200)
    except OSError:
        return False


def file_digest(path: Path) -> str:
    """Return the BLAKE2b-256 of a file."""
    state = blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(2**20):
            state.update(block)
    return state.hexdigest()


def digest_of(index: Mapping[str, Any]) -> str:
    """Return the BLAKE2b-256 of the index itself, but for this entry."""
    content = json.dumps({name: value for name, value in index.items() if name != "blake2b"}, allow_nan=False)
    return blake2b(content.encode(), digest_size=32).hexdigest()
