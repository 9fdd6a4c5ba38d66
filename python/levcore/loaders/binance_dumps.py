"""Files of Binance's public archive: klines, funding rates and depth, each a CSV in a zip."""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import Any

import numpy as np

from levcore import checks
from levcore.errors import InputError
from levcore.loaders.columns import Bars, DepthSnapshots, FundingRates, floats, times
from levcore.loaders.rows import Row, paths, reader

#: The columns of files without a header, in the order that the archive documents.
KLINES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
PRICES = ("open", "high", "low", "close")


def klines(source: Any, *, gaps: str = "refuse") -> Bars:
    r"""Read klines of Binance's archive, spot or futures, also those of mark and index prices.

    Parameters
    ----------
    source : path, or sequence of path
        A CSV file, plain, gzipped or in a zip, with a header or (spot, old futures) without one; or several that follow
        each other. Times are milliseconds or, in spot files since 2025, microseconds.
    gaps : {"refuse", "keep"}
        Whether missing bars are an error, or stay missing: they are never filled.

    Returns
    -------
    Bars

    Raises
    ------
    InputError
        If a value breaks a rule, bars repeat, go back or (unless kept) are missing: file, line, column, value and rule
        are named.
    KindError
        If an argument has the wrong type.
    StoreError
        If a file cannot be read, or an archive is cut off or damaged.
    TooLargeError
        If there is not enough memory.

    Notes
    -----
    Source: binance/binance-public-data on GitHub.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import levcore as lc
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "BTCUSDT-1m.csv"
    >>> head = "open_time,open,high,low,close,volume"
    >>> _ = path.write_text(f"{head}\n1746372780000,95505.4,95505.5,95502.7,95502.7,16.536\n")
    >>> lc.loaders.binance.klines(path).close
    array([95502.7])
    """
    keep = checks.choice("gaps", gaps, ("refuse", "keep")) == "keep"
    at = array("q")
    columns = {name: array("d") for name in (*PRICES, "volume")}
    length = 0
    for path in paths(source):
        with reader(path, ("open_time", *columns), without_header=KLINES) as opened:
            for row in opened:
                moment = row.time("open_time")
                if at:
                    length = length or moment - at[-1]  # without close_time, the first two bars say how long one is
                    _follows(row, at[-1], moment, length, keep=keep)
                length = _length(row, moment) or length
                at.append(moment)
                _add_bar(row, columns)
    return Bars(times(at), **{name: floats(values) for name, values in columns.items()})


def _length(row: Row, moment: int) -> int:
    """Return how long a bar is, 0 where it does not say when it closes: a unit of time before the next one opens."""
    if not row.has("close_time"):
        return 0
    end = row.time("close_time") + (1_000 if row.unit("close_time") == "microseconds" else 10**6)
    if end <= moment:
        row.refuse("close_time", f"must be later than open_time, {_moment(moment)}, was {_moment(end)}")
    return end - moment


def _follows(row: Row, before: int, moment: int, length: int, *, keep: bool) -> None:
    """Refuse a bar that does not follow the one before it; bars may be missing between them where that is asked for."""
    if moment <= before:
        word = "stands twice" if moment == before else f"goes back, after {_moment(before)}"
        row.refuse("open_time", f"must be later than in the row before it, {_moment(moment)} {word}")
    due = before + length
    if moment < due or (moment > due and not keep):
        missing, rest = divmod(moment - due, length)
        lost = f", bars missing: {missing:,}" if moment > due and not rest else ""
        row.refuse("open_time", f"must be {_moment(due)}, when the bar before it ends, was {_moment(moment)}{lost}")


def _add_bar(row: Row, columns: dict[str, array[float]]) -> None:
    found = {name: row.number(name, above=0.0) for name in PRICES}
    top, bottom = max(found["open"], found["close"]), min(found["open"], found["close"])
    if found["high"] < top:
        row.refuse("high", f"must be >= open and close, {top:g}, was {found['high']:g}")
    if found["low"] > bottom:
        row.refuse("low", f"must be <= open and close, {bottom:g}, was {found['low']:g}")
    for name, value in found.items():
        columns[name].append(value)
    columns["volume"].append(row.number("volume", at_least=0.0))


def funding_rates(source: Any) -> FundingRates:
    r"""Read funding rates of Binance's archive.

    Parameters
    ----------
    source : path, or sequence of path
        A CSV file, plain, gzipped or in a zip, with `calc_time`, `funding_interval_hours` and `last_funding_rate`; or
        several that follow each other.

    Returns
    -------
    FundingRates

    Raises
    ------
    InputError
        If a value breaks a rule, or times repeat or go back: file, line, column, value and rule are named.
    KindError
        If an argument has the wrong type.
    StoreError
        If a file cannot be read, or an archive is cut off or damaged.
    TooLargeError
        If there is not enough memory.

    Notes
    -----
    Payments are some milliseconds late, as the archive has them. Source: binance/binance-public-data on GitHub.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import levcore as lc
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "BTCUSDT-fundingRate-2023-12.csv"
    >>> head = "calc_time,funding_interval_hours,last_funding_rate"
    >>> _ = path.write_text(f"{head}\n1701388800000,8,0.0001\n1701417600000,8,0.0001\n")
    >>> lc.loaders.binance.funding_rates(path).since("2023-12-01T00:00").times
    (datetime.timedelta(seconds=28800),)
    """
    needed = ("calc_time", "funding_interval_hours", "last_funding_rate")
    at, hours, rates = array("q"), array("d"), array("d")
    for path in paths(source):
        with reader(path, needed) as opened:
            for row in opened:
                moment = row.time("calc_time")
                if at and moment <= at[-1]:
                    row.refuse("calc_time", f"must be later than in the row before it, was {_moment(moment)}")
                at.append(moment)
                hours.append(row.number("funding_interval_hours", above=0.0))
                rate = row.number("last_funding_rate", below=1.0)
                if not rate > -1.0:
                    row.refuse("last_funding_rate", f"must be a number > -1 and < 1, was {rate:g}")
                rates.append(rate)
    return FundingRates(times(at), floats(rates), floats(hours))


def depth(source: Any) -> DepthSnapshots:
    r"""Read order-book depth of Binance's archive (`bookDepth`).

    Parameters
    ----------
    source : path
        A CSV file, plain, gzipped or in a zip, with `timestamp`, `percentage` (bids below zero) and `depth`, cumulative
        base units from mid; `notional` is not needed.

    Returns
    -------
    DepthSnapshots
        `DepthSnapshots.curve` makes an impact shape of a snapshot.

    Raises
    ------
    InputError
        If a value breaks a rule, a snapshot misses a band or repeats one, or depth falls with distance: file, line,
        column, value and rule are named.
    KindError
        If an argument has the wrong type.
    StoreError
        If the file cannot be read, or an archive is cut off or damaged.
    TooLargeError
        If there is not enough memory.

    Notes
    -----
    The rows of a snapshot stand together. Bands of 1 % are coarse: within the first the curve is a straight line.
    Source: binance/binance-public-data on GitHub.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import levcore as lc
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "BTCUSDT-bookDepth-2024-08-08.csv"
    >>> rows = ("-2,582.653", "-1,498.178", "1,1886.839", "2,1978.348")
    >>> lines = ["timestamp,percentage,depth", *(f"2024-08-08 23:54:20,{row}" for row in rows)]
    >>> _ = path.write_text("\n".join(lines))
    >>> lc.loaders.binance.depth(path).curve().quantity
    (498.178, 582.653)
    """
    at = array("q")
    snapshots = array("d")
    bands: tuple[float, ...] = ()
    with reader(source, ("timestamp", "percentage", "depth")) as opened:
        found: dict[float, float] = {}
        last: Row | None = None
        for row in opened:
            moment = row.time("timestamp")
            if last is not None and moment != at[-1]:
                bands = _snapshot(last, found, bands, snapshots)
                found = {}
            if not at or moment != at[-1]:
                if at and moment < at[-1]:
                    row.refuse("timestamp", f"must not go back, was {_moment(moment)}, after {_moment(at[-1])}")
                at.append(moment)
            _add_band(row, found)
            last = row
        if last is None:
            raise InputError(f"{opened.name}: must have at least one snapshot")
        bands = _snapshot(last, found, bands, snapshots)
    table = np.array(snapshots).reshape(len(at), len(bands))
    distance = np.array(bands)
    below = np.flatnonzero(distance < 0.0)[::-1]
    above = np.flatnonzero(distance > 0.0)
    return DepthSnapshots(
        times(at),
        floats(-distance[below] / 100.0),
        floats(table[:, below]),
        floats(distance[above] / 100.0),
        floats(table[:, above]),
    )


def _add_band(row: Row, found: dict[float, float]) -> None:
    band = row.number("percentage", below=100.0)
    if not band > -100.0 or band == 0.0:
        row.refuse("percentage", f"must be a number > -100 and < 100 other than 0, was {band:g}")
    if band in found:
        row.refuse("percentage", f"must differ within a snapshot, {band:g} stands twice")
    found[band] = row.number("depth", at_least=0.0)


def _snapshot(
    last: Row, found: dict[float, float], bands: tuple[float, ...], snapshots: array[float]
) -> tuple[float, ...]:
    """Keep a snapshot that is whole, and return its bands; `last` is its last row."""
    own = tuple(sorted(found))
    if bands and own != bands:
        other = sorted(set(bands).symmetric_difference(own))
        word = "lacks" if other[0] in bands else "adds"
        last.refuse("percentage", f"must have the bands of the snapshots before it, this one {word} {other[0]:g}")
    for side in ([band for band in reversed(own) if band < 0.0], [band for band in own if band > 0.0]):
        if not side:
            last.refuse("percentage", "must have bands below and above zero in a snapshot")
        for nearer, further in pairwise(side):
            if found[further] < found[nearer]:
                last.refuse(
                    "depth",
                    f"must not fall with distance in a snapshot, {found[further]:g} at {further:g} was below "
                    f"{found[nearer]:g} at {nearer:g}",
                )
    snapshots.extend(found[band] for band in own)
    return own


def _moment(nanoseconds: int) -> str:
    return str(np.datetime64(nanoseconds, "ns").astype("datetime64[ms]"))


__all__ = ["depth", "funding_rates", "klines"]
