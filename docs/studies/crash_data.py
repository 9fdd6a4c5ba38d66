"""What a study reads: bars and recorded liquidations, CSV, plain or compressed by gzip.

Bars have `ts_ms` (when a bar opened, UTC, epoch milliseconds), `symbol` (or `coin`, `asset`), `open`, `high`, `low`,
`close` and `volume` (base units). Where there is no column `open`, a bar opens at the close before it; after a gap, at
its own. What is missing from a record stays missing: bars are dealt into parts without a gap.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from crash_windows import HOUR, Recorded, StudyError, Window
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]
Rows = tuple[list[str], Iterator[tuple[int, list[str]]]]

ASSET_COLUMNS = ("symbol", "coin", "asset")
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Bars:
    """Bars of one asset, oldest first."""

    time: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice) -> Bars:
        return Bars(*(column[rows] for column in vars(self).values()))

    def between(self, start: np.datetime64, end: np.datetime64) -> Bars:
        """The bars that open in [start, end)."""
        return self[slice(*np.searchsorted(self.time, [start, end]))]

    @property
    def step(self) -> np.timedelta64:
        """Time between neighbouring bars; a lone bar counts as an hour."""
        return np.diff(self.time).min() if len(self) > 1 else HOUR.astype("timedelta64[ms]")

    def parts(self) -> Iterator[Bars]:
        """Stretches without a gap."""
        breaks = np.flatnonzero(np.diff(self.time) != self.step) + 1 if len(self) > 1 else []
        for start, end in zip([0, *breaks], [*breaks, len(self)], strict=True):
            yield self[start:end]


def find(folders: Sequence[Path], name: str) -> Path:
    """Return the one file of that name in the folders: at that place, else anywhere below."""
    there = [folder / name for folder in folders if (folder / name).is_file()]
    there = there or [path for folder in folders for path in folder.rglob(Path(name).name) if path.is_file()]
    found = {path.resolve(): path for path in sorted(there)}
    if not found:
        raise StudyError(f"{name}: no such file in {', '.join(map(str, folders))}, nor below")
    if len(found) > 1:
        listed = ", ".join(map(str, found.values()))
        raise StudyError(f"{name}: several files have this name: {listed}; give the whole path")
    return next(iter(found.values()))


@contextmanager
def opened(path: Path) -> Iterator[Rows]:
    """Give a file's columns, and its rows with their lines."""
    try:
        packed = path.read_bytes()[:2] == b"\x1f\x8b"
        with (
            gzip.open(path, "rt", encoding="utf-8", newline="")
            if packed
            else path.open(encoding="utf-8", newline="") as file
        ):
            reader = csv.reader(file)
            head = [name.strip() for name in next(reader, [])]
            if not head:
                raise StudyError(f"{path}: is empty; its first line must name the columns")
            yield head, ((reader.line_num, row) for row in reader if row)
    except (OSError, EOFError) as error:
        raise StudyError(f"{path}: cannot be read, {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path}: is no CSV, {error}") from error


def place(path: Path, head: Sequence[str], wanted: Sequence[str]) -> int:
    """Return where the first of some columns is."""
    for name in wanted:
        if name in head:
            return head.index(name)
    raise StudyError(f"{path}: has no column {' or '.join(wanted)}; there are {', '.join(head)}")


def number(path: Path, line: int, name: str, word: str) -> float:
    """Return a finite number of a cell."""
    try:
        found = float(word)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise StudyError(f"{path} line {line}: {name} must be a number, was {word!r}")
    return found


@cache
def read_bars(path: Path, asset: str, symbol: str | None = None, venue: str | None = None) -> Bars:
    """Return the bars of an asset, checked: times rise, prices are positive, and the extremes hold the rest."""
    names = (symbol,) if symbol else (asset, f"{asset}USDT")
    stamps: list[int] = []
    cells: list[list[float]] = []
    lines: list[int] = []
    symbols, venues = set(), set()
    with opened(path) as (head, rows):
        names_of = [name for name in (*PRICES, "volume") if name != "open" or "open" in head]
        columns = {name: place(path, head, [name]) for name in ("ts_ms", *names_of)}
        whose = place(path, head, ASSET_COLUMNS)
        where = head.index("venue") if "venue" in head else None
        if venue is not None and where is None:
            raise StudyError(f"{path}: has no column venue, but {asset} asks for {venue!r}")
        for line, row in rows:
            if len(row) != len(head):
                raise StudyError(f"{path} line {line}: must have {len(head)} cells, had {len(row)}")
            symbols.add(row[whose])
            if row[whose] not in names:
                continue
            if where is not None:
                venues.add(row[where])
                if venue is not None and row[where] != venue:
                    continue
            lines.append(line)
            stamps.append(int(number(path, line, "ts_ms", row[columns["ts_ms"]])))
            cells.append([number(path, line, name, row[columns[name]]) for name in names_of])
    if venue is None and len(venues) > 1:
        raise StudyError(f"{path}: has {asset} of several venues, {', '.join(sorted(venues))}: name one")
    if not lines:
        there = ", ".join(sorted(symbols | venues)) or "none"
        wanted = " or ".join(names) + (f" at {venue}" if venue else "")
        raise StudyError(f"{path}: has no rows of {wanted}; there are {there}")
    table, times = np.array(cells), np.array(stamps)
    return checked(path, lines, times, table if "open" in columns else with_opens(times, table))


def with_opens(stamps: NDArray[np.int64], cells: Floats) -> Floats:
    """Return high, low, close and volume with an open: the close before, held between low and high."""
    high, low, close, _ = cells.T
    opens = close.copy()
    steps = np.diff(stamps)
    follows = np.flatnonzero(steps == steps.min(initial=np.iinfo(np.int64).max)) + 1
    opens[follows] = np.clip(close[follows - 1], low[follows], high[follows])
    return np.column_stack([opens, cells])


def checked(path: Path, lines: list[int], stamps: NDArray[np.int64], cells: Floats) -> Bars:
    """Return bars that can be replayed."""
    opens, highs, lows, closes, volumes = cells.T
    back = np.flatnonzero(np.diff(stamps) <= 0)
    if back.size:
        before, now = stamps[back[0] : back[0] + 2]
        raise StudyError(f"{path} line {lines[back[0] + 1]}: ts_ms must rise within a symbol, {now} follows {before}")
    for name, column, good, rule in (
        *((name, column, column > 0.0, "must be > 0") for name, column in zip(PRICES, cells.T, strict=False)),
        ("high", highs, highs >= np.maximum(opens, closes), "must be >= open and close"),
        ("low", lows, lows <= np.minimum(opens, closes), "must be <= open and close"),
        ("volume", volumes, volumes >= 0.0, "must be >= 0"),
    ):
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            raise StudyError(f"{path} line {lines[row]}: {name} {rule}, was {column[row]:g}")
    return Bars(stamps.astype("datetime64[ms]"), opens, highs, lows, closes, volumes)


def read_recorded(path: Path, recorded: Recorded, window: Window) -> Floats:
    """Return recorded liquidations by hour of the window; what has no amount counts nothing."""
    hours, found = np.zeros(window.hours), 0
    with opened(path) as (head, rows):
        time = place(path, head, ["ts_ms"])
        money = [place(path, head, [name]) for name in recorded.columns]
        coin = recorded.coin or recorded.asset
        told_apart = coin is not None and (recorded.coin is not None or bool(set(head) & set(ASSET_COLUMNS)))
        whose = place(path, head, ASSET_COLUMNS) if told_apart else None
        for line, row in rows:
            if len(row) != len(head):
                raise StudyError(f"{path} line {line}: must have {len(head)} cells, had {len(row)}")
            if whose is not None and row[whose] not in (coin, f"{coin}USDT"):
                continue
            stamp = np.datetime64(int(number(path, line, "ts_ms", row[time])), "ms")
            hour = int(np.floor((stamp - window.start) / HOUR))
            if 0 <= hour < window.hours:
                word = next((row[column] for column in money if row[column].strip()), "0")
                hours[hour] += number(path, line, " or ".join(recorded.columns), word)
                found += 1
    if not found:
        whom = f" of {coin}" if told_apart else ""
        raise StudyError(f"{path}: has no row{whom} between {window.start} and {window.end}")
    return hours


def missing(bars: Bars, window: Window) -> list[tuple[np.datetime64, np.datetime64]]:
    """Return the stretches of a window that a record does not have."""
    if not len(bars):
        return [(window.start, window.end)]
    parts = list(bars.parts())
    starts = [window.start, *(part.time[-1] + bars.step for part in parts)]
    ends = [*(part.time[0] for part in parts), window.end]
    minutes = [(a.astype("datetime64[m]"), b.astype("datetime64[m]")) for a, b in zip(starts, ends, strict=True)]
    return [(a, b) for a, b in minutes if a < b]
