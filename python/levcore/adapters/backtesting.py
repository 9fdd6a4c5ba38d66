"""backtesting.py: which trades of a backtest would have been liquidated, the extremes of bars seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from levcore import checks
from levcore.adapters.audit import MODES, Audit, Floats, Held, Prices, Rules, Stretch, as_table, ruin, symbol_of
from levcore.adapters.audit import audit as audited
from levcore.errors import InputError, KindError, MissingExtraError
from levcore.venue import Venue

__all__ = ["audit"]

TRADES = ("Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "PnL")


def audit(
    stats: Mapping[str, Any],
    data: Any,
    *,
    venue: Venue,
    leverage: float,
    instrument: str | None = None,
    mode: str = "isolated",
) -> Audit:
    """Put the trades of a backtest under a venue's rules.

    Parameters
    ----------
    stats : Series that ``Backtest.run`` returned
        With `_trades` and `_equity_curve`.
    data : data frame
        The bars that were run: Open, High, Low, Close.
    venue : Venue
        Its tiers say where a trade is liquidated; its liquidation fee and remainder what is lost.
    leverage : float
        Of a trade when it is opened, >= 1: what `margin` says is 1 / leverage.
    instrument : str, optional
        Symbol at the venue; left out where it has only one.
    mode : {"isolated", "cross"}
        A trade is backed by its own margin, or by the whole equity.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        If a column is missing, the bars are not those of the backtest, or a number breaks its rule.
    KindError
        If an argument has the wrong type.
    MissingExtraError
        If pandas is not installed.

    Notes
    -----
    A trade that is entered at the open of a bar sees that bar's extremes; one that is left at the open of a bar does
    not see them. Of a bar within which a trade ends at a stop or a target, prices up to the stop are seen.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.adapters.backtesting.audit({}, None, venue=lc.venues.hyperliquid("BTC"), leverage=10.0)
    Traceback (most recent call last):
    levcore.errors.InputError: stats must have _trades and _equity_curve: it is what Backtest.run returns
    """
    try:
        import pandas
    except ImportError:
        raise MissingExtraError('backtests need pandas: pip install "levcore[io]"') from None
    rules = Rules(
        checks.instance("venue", venue, Venue),
        symbol_of(venue, instrument),
        checks.number("leverage", leverage, at_least=1.0),
        checks.choice("mode", mode, MODES),
    )
    if not all(name in stats for name in ("_trades", "_equity_curve")):
        raise InputError("stats must have _trades and _equity_curve: it is what Backtest.run returns")
    trades, curve = stats["_trades"], stats["_equity_curve"]["Equity"]
    missing = [name for name in TRADES if name not in trades.columns]
    if missing:
        raise InputError(f"stats['_trades'] must have a column {missing[0]}; it has {', '.join(trades.columns)}")
    bars = prices_of(data, len(curve))
    positions = [_held(number, trade, bars) for number, trade in enumerate(trades.itertuples(index=False))]
    before = np.asarray(curve, dtype=np.float64)[:, None]
    found, after = audited(positions, [bars], before, [rules])
    return Audit(
        as_table(found, [rules.symbol]),
        pandas.Series(after[:, 0], curve.index, name="Equity"),
        curve.copy(),
        len(positions),
        ruin(after, [rules.symbol]),
    )


def prices_of(data: Any, length: int) -> Prices:
    """Return the bars of a frame, as many as equity has."""
    if not hasattr(data, "columns"):
        raise KindError(f"data must be a data frame of bars, was {checks.describe(data)}")
    names = {str(name).lower(): name for name in data.columns}
    missing = [name for name in ("open", "high", "low", "close") if name not in names]
    if missing:
        raise InputError(f"data must have a column {missing[0].title()}; it has {', '.join(map(str, data.columns))}")
    columns = [checks.column(name, data[names[name]]) for name in ("open", "high", "low", "close")]
    if len(columns[0]) != length:
        raise InputError(f"data must have {length:,} bars, as the backtest has, had {len(columns[0]):,}")
    for name, values in zip(("open", "high", "low", "close"), columns, strict=True):
        wrong = np.flatnonzero(~(values > 0.0))
        if wrong.size:
            raise InputError(f"data.{name}[{wrong[0]}] must be a price > 0, was {values[wrong[0]]}")
    return Prices(*columns)


def _held(number: int, trade: Any, bars: Prices) -> Held:
    quantity, entry, end = float(trade.Size), float(trade.EntryPrice), float(trade.ExitPrice)
    first, last = int(trade.EntryBar), int(trade.ExitBar)
    if not np.isclose(entry, bars.open[first], rtol=1e-12) and not bars.low[first] <= entry <= bars.high[first]:
        raise InputError(f"data: trade {number} is entered at {entry}, which bar {first} does not have")
    seen = last if np.isclose(end, bars.close[last], rtol=1e-12) else last - 1
    return Held(0, number, [Stretch(first, max(first, seen), quantity, entry)], _worth(trade, bars))


def _worth(trade: Any, bars: Prices) -> Floats:
    """Return what a trade adds to equity: its open profit less what it paid to get in, at the end what it made."""
    quantity, entry, end = float(trade.Size), float(trade.EntryPrice), float(trade.ExitPrice)
    first, last = int(trade.EntryBar), int(trade.ExitBar)
    paid = quantity * (end - entry) - float(trade.PnL)  # of both ends, in proportion to what was traded
    worth = np.zeros(len(bars.close))
    worth[first:last] = quantity * (bars.close[first:last] - entry) - paid * entry / (entry + end)
    worth[last:] = float(trade.PnL)
    return worth
