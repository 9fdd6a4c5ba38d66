"""Small real data sets that come with the package, for examples and the demo.

Margin tiers, order-book depth, hourly closes, a day of minute bars and open interest of Binance perpetuals. Sources,
dates and licences are in `levcore/data/README.md`.
"""

from __future__ import annotations

import csv
import gzip
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from levcore import checks
from levcore.errors import InputError
from levcore.impact import DepthCurve
from levcore.tiers import MarginTiers

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bars", "binance_tiers", "depth_curve", "minute_bars", "open_interest", "prices"]

T = TypeVar("T")
S = TypeVar("S", bound=np.generic)


class Bars(NamedTuple):
    """Recorded bars of one asset: a row a bar, read-only columns.

    Attributes
    ----------
    time : datetime64[m][n]
        When each bar opened, UTC; evenly spaced.
    open, high, low, close : float64[n]
        Prices in USDT.

    Examples
    --------
    >>> from levcore.datasets import minute_bars
    >>> minute_bars("BTC").time[-1]
    np.datetime64('2025-06-22T23:59')
    """

    time: NDArray[np.datetime64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]


def binance_tiers(symbol: str) -> MarginTiers:
    """Give the margin tiers of a Binance USD-M perpetual.

    Parameters
    ----------
    symbol : str
        One of BTCUSDT, ETHUSDT, SOLUSDT, BNBUSDT, XRPUSDT, DOGEUSDT.

    Returns
    -------
    MarginTiers
        Continuous tiers by notional (USDT), state of 2026.

    Raises
    ------
    KindError, InputError
        The symbol is not among the shipped ones.

    Notes
    -----
    Source: facts of Binance's public API, re-tabulated. Binance changes its tiers now and then.

    Examples
    --------
    >>> from levcore.datasets import binance_tiers
    >>> binance_tiers("BTCUSDT").max_leverage[0]
    150.0
    """
    rows = _known(_tiers(), symbol, "symbol")
    floor, rate, leverage, deduction = zip(*rows, strict=True)
    return MarginTiers(floor=floor, maintenance_rate=rate, max_leverage=leverage, deduction=deduction)


def depth_curve(symbol: str, scale: float = 1.0) -> DepthCurve:
    """Give the depth of a Binance USD-M order book, bids and asks, as an impact shape.

    Parameters
    ----------
    symbol : str
        BTCUSDT or ETHUSDT.
    scale : float
        Every quantity is multiplied by this. 1 is the visible book at one moment; more stands for liquidity that comes
        back while a cascade runs, or for other venues, and is an assumption of whoever sets it.

    Returns
    -------
    DepthCurve
        Cumulative base quantity within 1, 2, 5, 10, 20, 50, 100, 200 and 500 basis points of mid.

    Raises
    ------
    KindError, InputError
        The symbol is not among the shipped ones, or the scale is not a number > 0.

    Notes
    -----
    Source: median of 69 snapshots, 23:54:20 to 24:00:00 UTC on 8 August 2024 (hftbacktest's examples, MIT;
    market data of Binance). The quantities at 200 and 500 basis points are lower bounds.

    Examples
    --------
    >>> from levcore.datasets import depth_curve
    >>> depth_curve("BTCUSDT").quantity[-1]
    2910.774
    """
    nodes = _known(_depth(), symbol, "symbol")
    factor = checks.number("scale", scale, above=0.0, at_most=1e12)
    distance = tuple(node[0] for node in nodes)
    return DepthCurve(
        distance=distance,
        quantity=tuple(node[1] * factor for node in nodes),
        ask_distance=distance,
        ask_quantity=tuple(node[2] * factor for node in nodes),
    )


def prices(asset: str) -> NDArray[np.float64]:
    """Give 90 days of hourly closes of a Binance USD-M perpetual.

    Parameters
    ----------
    asset : str
        BTC, ETH or SOL.

    Returns
    -------
    ndarray of float64, shape (2160,)
        Closes in USDT, oldest first, 5 December 2025 to 5 March 2026 UTC, read-only.

    Raises
    ------
    KindError, InputError
        The asset is not among the shipped ones.

    Notes
    -----
    Source: candles of 0xknxwledge/group-m-finm33150-final (Unlicense); market data of Binance. Prices of a
    past day already hold the impact of that day's liquidations.

    Examples
    --------
    >>> from levcore.datasets import prices
    >>> float(prices("BTC")[-1])
    73399.9
    """
    return _known(_closes(), asset, "asset")


def minute_bars(asset: str) -> Bars:
    """Give one day of minute bars of a Binance USD-M perpetual, a Sunday on which prices fell and came back in part.

    Parameters
    ----------
    asset : str
        BTC or ETH.

    Returns
    -------
    Bars
        The 1,440 bars of 22 June 2025 UTC, no gap.

    Raises
    ------
    KindError, InputError
        The asset is not among the shipped ones.

    Notes
    -----
    Source: futures candles of typhonun/DcaTpStrategy and TheSnowGuru/Market-Swarm-Agents- (MIT); market data of
    Binance. Prices of a past day already hold the impact of that day's liquidations.

    Examples
    --------
    >>> from levcore.datasets import minute_bars
    >>> bars = minute_bars("BTC")
    >>> f"{bars.low.min() / bars.open[0] - 1:.2%}"
    '-3.88%'
    """
    return _known(_bars(), asset, "asset")


def open_interest(asset: str) -> float:
    """Give the open interest of a Binance perpetual in USD, on 7 March 2026 at 10:49 UTC.

    Parameters
    ----------
    asset : str
        BTC, ETH or SOL.

    Returns
    -------
    float
        Notional of one side (longs and shorts are equal), USD.

    Raises
    ------
    KindError, InputError
        The asset is not among the shipped ones.

    Notes
    -----
    Source: 0xknxwledge/group-m-finm33150-final (Unlicense); market data of Binance.

    Examples
    --------
    >>> from levcore.datasets import open_interest
    >>> f"{open_interest('BTC') / 1e9:.2f} bn"
    '5.73 bn'
    """
    return _known(_interest(), asset, "asset")


def _known(table: dict[str, T], name: str, what: str) -> T:
    if checks.text(what, name) not in table:
        raise InputError(f"{what} must be one of {', '.join(table)}, was {name!r}")
    return table[name]


def _bytes(name: str) -> bytes:
    return files("levcore").joinpath("data", name).read_bytes()


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode("ascii").splitlines()))


@cache
def _tiers() -> dict[str, list[tuple[float, float, float, float]]]:
    table = json.loads(_bytes("binance_tiers.json"))["tiers"]
    return {symbol: [(float(a), float(b), float(c), float(d)) for a, b, c, d in rows] for symbol, rows in table.items()}


@cache
def _depth() -> dict[str, list[tuple[float, float, float]]]:
    nodes: dict[str, list[tuple[float, float, float]]] = {}
    for row in _rows(_bytes("binance_depth_2024-08-08.csv")):
        node = (float(row["distance"]), float(row["bid_quantity"]), float(row["ask_quantity"]))
        nodes.setdefault(row["symbol"], []).append(node)
    return nodes


@cache
def _closes() -> dict[str, NDArray[np.float64]]:
    rows = _rows(gzip.decompress(_bytes("binance_closes_1h.csv.gz")))
    return {name: _read_only(np.array([float(row[name]) for row in rows])) for name in rows[0] if name != "ts_ms"}


@cache
def _bars() -> dict[str, Bars]:
    rows = _rows(gzip.decompress(_bytes("binance_bars_1m_2025-06-22.csv.gz")))
    time = _read_only(np.array([int(row["ts_ms"]) for row in rows]).astype("datetime64[ms]").astype("datetime64[m]"))
    tables = {}
    for asset in ("BTC", "ETH"):
        columns = (np.array([float(row[f"{asset}_{name}"]) for row in rows]) for name in Bars._fields[1:])
        tables[asset] = Bars(time, *(_read_only(column) for column in columns))
    return tables


def _read_only(column: NDArray[S]) -> NDArray[S]:
    column.flags.writeable = False
    return column


@cache
def _interest() -> dict[str, float]:
    return {row["asset"]: float(row["open_interest_usd"]) for row in _rows(_bytes("binance_open_interest.csv"))}
