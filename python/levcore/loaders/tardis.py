"""Tardis.dev: liquidations and snapshots of order books."""

from __future__ import annotations

import re
from array import array
from typing import Any

import numpy as np

from levcore import checks
from levcore.errors import InputError
from levcore.impact import DepthCurve
from levcore.loaders import cells
from levcore.loaders.columns import Floats, ForcedOrders, as_curve, floats, times
from levcore.loaders.rows import Reader, Row, paths, reader

__all__ = ["ForcedOrders", "book_snapshot", "liquidations"]

LEVEL = re.compile(r"asks\[(\d+)\]\.price")
MOST_LEVELS = 10_000


def liquidations(source: Any, *, symbol: str | None = None) -> ForcedOrders:
    r"""Read liquidations of Tardis.dev.

    Parameters
    ----------
    source : path, or sequence of path
        A CSV file, plain or gzipped, with `symbol`, `timestamp`, `side`, `price` and `amount`; or several that follow
        each other.
    symbol : str, optional
        Only those of this symbol, as the venue writes it. None: all.

    Returns
    -------
    ForcedOrders

    Raises
    ------
    InputError
        If a value breaks a rule: file, line, column, value and rule are named.
    KindError
        If an argument has the wrong type.
    StoreError
        If a file cannot be read, or an archive is cut off or damaged.
    TooLargeError
        If there is not enough memory.

    Notes
    -----
    `side` is that of the forced order: "sell" closed a long. Amounts are what the venue counts in: base units at
    Binance USD-M, contracts of a fixed value at COIN-M, Deribit and BitMEX. Venues report some of their liquidations,
    many no more than one a second. Source: docs.tardis.dev, "Downloadable CSV files".

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import levcore as lc
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "BTCUSDT.csv"
    >>> head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
    >>> row = "binance-futures,BTCUSDT,1596107620044000,1596107620087000,,sell,10913.21,0.001"
    >>> _ = path.write_text(f"{head}\n{row}\n")
    >>> lc.loaders.tardis.liquidations(path).is_long
    array([ True])
    """
    wanted = None if symbol is None else checks.text("symbol", symbol)
    needed = ("symbol", "timestamp", "side", "price", "amount")
    at, prices, amounts, longs = array("q"), array("d"), array("d"), array("b")
    symbols: list[str] = []
    names: dict[str, str] = {}
    for path in paths(source):
        with reader(path, needed) as opened:
            for row in opened:
                name = row.text("symbol")
                if wanted is not None and name != wanted:
                    continue
                if not name:
                    row.refuse("symbol", "must be text, was empty")
                at.append(row.time("timestamp"))
                longs.append(row.word("side", ("buy", "sell")) == "sell")
                prices.append(row.number("price", above=0.0))
                amounts.append(row.number("amount", above=0.0))
                symbols.append(names.setdefault(name, name))
    is_long = checks.frozen(np.array(longs, dtype=np.bool_))
    kept = checks.frozen(np.array(symbols, dtype=object))
    return ForcedOrders(times(at), kept, is_long, floats(prices), floats(amounts))


def book_snapshot(source: Any, *, at: Any = None, symbol: str | None = None, scale: float = 1.0) -> DepthCurve:
    r"""Read one snapshot of an order book of Tardis.dev as an impact shape.

    Parameters
    ----------
    source : path
        A CSV file of ``book_snapshot_5``, ``book_snapshot_25`` or the like, plain or gzipped: `symbol`, `timestamp` and
        levels from ``asks[0].price``, ``asks[0].amount``, ``bids[0].price``, ``bids[0].amount`` on.
    at : datetime64, datetime or text in ISO 8601, optional
        UTC: the last snapshot up to then. None: the last of the file.
    symbol : str, optional
        As the venue writes it; needed where the file has several.
    scale : float
        Every amount is multiplied by this, > 0: base units a contract, or what stands for liquidity beyond the levels.

    Returns
    -------
    DepthCurve
        A node a level, distances from mid.

    Raises
    ------
    InputError
        If a value breaks a rule, levels are not in order or the sides cross, or there is no snapshot up to then: file,
        line, column, value and rule are named.
    KindError
        If an argument has the wrong type.
    StoreError
        If the file cannot be read, or an archive is cut off or damaged.

    Notes
    -----
    Snapshots before the one asked for are passed over without a look at their levels. A curve goes on beyond its last
    level with the slope it ends with: five levels of a liquid book are a few basis points. Source: docs.tardis.dev,
    "Downloadable CSV files".

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import levcore as lc
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "BTCUSDT.csv"
    >>> levels = "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount"
    >>> row = "binance-futures,BTCUSDT,1723161260000000,1723161260004000,100.1,3,99.9,4.428"
    >>> _ = path.write_text(f"exchange,symbol,timestamp,local_timestamp,{levels}\n{row}\n")
    >>> lc.loaders.tardis.book_snapshot(path).quantity
    (4.428,)
    """
    until = None if at is None else cells.nanoseconds("at", at)
    wanted = None if symbol is None else checks.text("symbol", symbol)
    needed = ("symbol", "timestamp", "asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount")
    with reader(source, needed) as opened:
        last = _last(opened, until, wanted)
        if last is None:
            rule = "a snapshot" if wanted is None else f"a snapshot of {wanted}"
            raise InputError(f"{opened.name}: must have {rule}" + ("" if at is None else f" up to {at}"))
        asks, bids = _levels(opened, last, "asks"), _levels(opened, last, "bids")
        if not bids[0][0] < asks[0][0]:
            last.refuse("bids[0].price", f"must be below asks[0].price, {asks[0][0]:g}, was {bids[0][0]:g}")
        mid = (asks[0][0] + bids[0][0]) / 2.0
        return as_curve((1.0 - bids[0] / mid, np.cumsum(bids[1])), (asks[0] / mid - 1.0, np.cumsum(asks[1])), scale)


def _last(opened: Reader, until: int | None, wanted: str | None) -> Row | None:
    """Return the last snapshot of the symbol up to a moment."""
    last: Row | None = None
    for row in opened:
        name = row.text("symbol")
        if wanted is not None and name != wanted:
            continue
        if last is not None and name != last.text("symbol"):
            row.refuse(
                "symbol", f"must be {last.text('symbol')!r} as in the rows before it, was {name!r}: give symbol="
            )
        if until is not None and row.time("timestamp") > until:
            break
        last = row
    return last


def _levels(opened: Reader, row: Row, side: str) -> tuple[Floats, Floats]:
    """Return prices and amounts of a side, best first; levels that are empty, at its end, are none."""
    count = min(1 + max(int(found[1]) for found in map(LEVEL.fullmatch, opened.header) if found), MOST_LEVELS)
    prices, amounts = array("d"), array("d")
    for level in range(count):
        price, amount = f"{side}[{level}].price", f"{side}[{level}].amount"
        if price not in opened.places or amount not in opened.places:
            raise InputError(f"{opened.name}:1: must have the columns {price} and {amount}")
        if level and not row.text(price) and not row.text(amount):
            break
        found = row.number(price, above=0.0)
        if prices and not (found > prices[-1] if side == "asks" else found < prices[-1]):
            order = "above" if side == "asks" else "below"
            row.refuse(price, f"must be {order} the level before it, {prices[-1]:g}, was {found:g}")
        prices.append(found)
        amounts.append(row.number(amount, above=0.0))
    return floats(prices), floats(amounts)
