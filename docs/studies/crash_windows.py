"""Windows of a study: which hours, whose prices, how much open interest, and what was recorded of them.

A windows file is TOML, as docs/studies/crashes.toml is. All times are UTC and whole hours; money is in US dollars.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

HOUR = np.timedelta64(1, "h")


class StudyError(Exception):
    """What was given cannot be studied: the file, the place in it, and the rule."""


@dataclass(frozen=True, kw_only=True)
class AssetWindow:
    """An asset of a window: its record, and how much of it is held before."""

    name: str
    bars: str  # file that has the window
    history: str  # file that has the days before it; may be the same
    open_interest: float  # US dollars, one side, at the first price of the window
    symbol: str | None = None  # as the files have it; left out: the name, or the name and USDT
    venue: str | None = None  # where the files have a column `venue`
    tiers: str | None = None  # symbol of the margin tiers; left out: the name and USDT
    note: str = ""  # where the open interest is from


@dataclass(frozen=True, kw_only=True)
class Reported:
    """Liquidations as somebody told them: an asset's notional between two hours."""

    asset: str
    start: np.datetime64
    end: np.datetime64
    low: float
    high: float
    side: str = "both"  # long, short or both
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A file of recorded liquidations: its columns of money, summed by hour of `ts_ms`."""

    name: str
    file: str
    columns: tuple[str, ...]  # the first that is not blank counts
    asset: str | None = None  # of the window, where it can be compared with one
    coin: str | None = None  # only rows whose `coin`, `symbol` or `asset` is this; left out: the asset, if any


@dataclass(frozen=True, kw_only=True)
class Window:
    """A crash, or any other stretch of hours."""

    name: str  # of the files that are written
    title: str
    start: np.datetime64
    end: np.datetime64
    assets: tuple[AssetWindow, ...]
    volume: float = 1.0  # of all venues, in that of the history's file
    reported: tuple[Reported, ...] = ()
    recorded: tuple[Recorded, ...] = ()

    @property
    def hours(self) -> int:
        """How many hours it has."""
        return int((self.end - self.start) / HOUR)

    def hour(self, moment: np.datetime64) -> int:
        """Place of an hour in the window."""
        return int((moment - self.start) / HOUR)

    def days(self) -> dict[np.datetime64, slice]:
        """Calendar days, and the hours of each."""
        first, last = (moment.astype("datetime64[D]") for moment in (self.start, self.end - HOUR))
        every = np.arange(first, last + 1)
        edges = np.clip([self.hour(day.astype("datetime64[h]")) for day in [*every, last + 1]], 0, self.hours)
        return {day: slice(int(a), int(b)) for day, a, b in zip(every, edges, edges[1:], strict=False)}


def read_windows(path: Path) -> tuple[Window, ...]:
    """Return the windows of a TOML file."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"{path}: cannot be read, {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyError(f"{path}: no TOML, {error}") from error
    return windows_of(given, str(path))


def windows_of(given: Mapping[str, Any], where: str) -> tuple[Window, ...]:
    """Return the windows of a table that has an array `window`."""
    stray = sorted(set(given) - {"window"})
    if stray or not isinstance(given.get("window"), list) or not given["window"]:
        found = f"; found {', '.join(stray)}" if stray else ""
        raise StudyError(f"{where}: must have tables [[window]] and nothing else{found}")
    windows = tuple(window_of(one, f"{where}: window[{row}]") for row, one in enumerate(given["window"]))
    names = [window.name for window in windows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StudyError(f"{where}: two windows have the name {twice[0]!r}, and would overwrite each other")
    return windows


def window_of(given: Any, where: str) -> Window:
    """Return one window, checked."""
    keys(given, Window, where, instead={"assets": "asset"})
    name = text(given, "name", where)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise StudyError(f"{where}.name must be letters, digits, dots, dashes: it names files; was {name!r}")
    start, end = (moment(given, key, where) for key in ("start", "end"))
    if end <= start:
        raise StudyError(f"{where}.end must be after the start {start}, was {end}")
    listed = tables(given, "asset", where)
    if not listed:
        raise StudyError(f"{where}.asset must have at least one table [[window.asset]]")
    assets = tuple(asset_of(one, f"{where}.asset[{row}]") for row, one in enumerate(listed))
    names = [asset.name for asset in assets]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise StudyError(f"{where}: two assets have the name {twice[0]!r}")
    told = tables(given, "reported", where)
    reported = tuple(reported_of(one, f"{where}.reported[{row}]") for row, one in enumerate(told))
    for row, one in enumerate(reported):
        if one.asset not in names:
            raise StudyError(f"{where}.reported[{row}].asset must be one of {', '.join(names)}, was {one.asset!r}")
        if not start <= one.start < one.end <= end:
            span = f"{one.start} to {one.end}"
            raise StudyError(f"{where}.reported[{row}] must lie within the window {start} to {end}, was {span}")
    files = tables(given, "recorded", where)
    recorded = tuple(recorded_of(one, f"{where}.recorded[{row}]") for row, one in enumerate(files))
    for row, record in enumerate(recorded):
        if record.asset is not None and record.asset not in names:
            raise StudyError(f"{where}.recorded[{row}].asset must be one of {', '.join(names)}, was {record.asset!r}")
    return Window(
        name=name,
        title=text(given, "title", where, default=name),
        start=start,
        end=end,
        assets=assets,
        volume=positive(given, "volume", where, default=1.0),
        reported=reported,
        recorded=recorded,
    )


def asset_of(given: Any, where: str) -> AssetWindow:
    """Return an asset, checked."""
    keys(given, AssetWindow, where)
    bars = text(given, "bars", where)
    return AssetWindow(
        name=text(given, "name", where),
        bars=bars,
        history=text(given, "history", where, default=bars),
        open_interest=positive(given, "open_interest", where),
        note=text(given, "note", where, default=""),
        **{key: text(given, key, where) for key in ("symbol", "venue", "tiers") if key in given},
    )


def reported_of(given: Any, where: str) -> Reported:
    """Return a reported figure, checked."""
    keys(given, Reported, where)
    low = positive(given, "low", where)
    side = text(given, "side", where, default="both")
    if side not in ("long", "short", "both"):
        raise StudyError(f"{where}.side must be long, short or both, was {side!r}")
    high = positive(given, "high", where, default=low)
    if high < low:
        raise StudyError(f"{where}.high must be >= low {low:g}, was {high:g}")
    return Reported(
        asset=text(given, "asset", where),
        start=moment(given, "start", where),
        end=moment(given, "end", where),
        low=low,
        high=high,
        side=side,
        source=text(given, "source", where, default=""),
    )


def recorded_of(given: Any, where: str) -> Recorded:
    """Return a file of recorded liquidations, checked."""
    keys(given, Recorded, where)
    columns = given.get("columns")
    if not isinstance(columns, list) or not columns or not all(isinstance(one, str) for one in columns):
        raise StudyError(f"{where}.columns must be a list of names of columns, was {columns!r}")
    return Recorded(
        name=text(given, "name", where),
        file=text(given, "file", where),
        columns=tuple(columns),
        **{key: text(given, key, where) for key in ("asset", "coin") if key in given},
    )


def keys(given: Any, form: type, where: str, instead: Mapping[str, str] | None = None) -> None:
    """Refuse what is no table or has a key that nobody asked for."""
    if not isinstance(given, Mapping):
        raise StudyError(f"{where} must be a table, was {given!r}")
    known = [(instead or {}).get(field.name, field.name) for field in fields(form)]
    if stray := sorted(set(given) - set(known)):
        raise StudyError(f"{where} has a key {stray[0]!r}; there are {', '.join(known)}")


def tables(given: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """Return an array of tables, possibly none."""
    found = given.get(key, [])
    if not isinstance(found, list):
        raise StudyError(f"{where}.{key} must be an array of tables: write [[window.{key}]]")
    return found


def text(given: Mapping[str, Any], key: str, where: str, *, default: str | None = None) -> str:
    """Return words."""
    found = given.get(key, default)
    if not isinstance(found, str) or (not found and default is None):
        raise StudyError(f"{where}.{key} " + (f"must be text, was {found!r}" if key in given else "is missing"))
    return found


def positive(given: Mapping[str, Any], key: str, where: str, *, default: float | None = None) -> float:
    """Return a number > 0."""
    found = given.get(key, default)
    if found is None:
        raise StudyError(f"{where}.{key} is missing")
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0.0 < found < math.inf:
        raise StudyError(f"{where}.{key} must be a number > 0, was {found!r}")
    return float(found)


def moment(given: Mapping[str, Any], key: str, where: str) -> np.datetime64:
    """Return a whole hour, UTC; a day is its midnight."""
    found = given.get(key)
    if found is None:
        raise StudyError(f"{where}.{key} is missing")
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found)
        except ValueError as error:
            raise StudyError(f"{where}.{key} must be a day or a time as 2021-05-19T00:00, was {found!r}") from error
    if not isinstance(found, date):
        raise StudyError(f"{where}.{key} must be a day or a time as 2021-05-19T00:00, was {found!r}")
    if isinstance(found, datetime):
        if found.tzinfo is not None:
            found = (found - found.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]
        if timedelta(minutes=found.minute, seconds=found.second, microseconds=found.microsecond):
            raise StudyError(f"{where}.{key} must be a whole hour, was {found}")
    return np.datetime64(found, "h")
