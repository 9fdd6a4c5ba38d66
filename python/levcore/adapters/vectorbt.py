"""vectorbt: the orders of a portfolio under a venue's rules, liquidations marked and equity corrected."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.adapters.audit import MODES, Audit, Floats, Held, Prices, Rules, Stretch, as_table, ruin, symbol_of
from levcore.adapters.audit import audit as audited
from levcore.errors import InputError, KindError, MissingExtraError
from levcore.venue import Venue

__all__ = ["audit"]


def audit(
    portfolio: Any,
    *,
    venue: Venue,
    leverage: float,
    high: Any = None,
    low: Any = None,
    instrument: str | None = None,
    mode: str = "isolated",
) -> Audit:
    """Replay the orders of a portfolio under a venue's rules.

    Parameters
    ----------
    portfolio : vectorbt.Portfolio
        One that trades each column on its own (no groups that share cash).
    venue : Venue
        Its tiers say where a position is liquidated; its liquidation fee and remainder what is lost.
    leverage : float
        Of a position when it is opened, >= 1.
    high, low : Series or DataFrame, optional
        Extremes of the bars, shaped as the portfolio's close; left out, closes alone are seen.
    instrument : str, optional
        Symbol at the venue, of every column; left out where it has only one.
    mode : {"isolated", "cross"}
        A position is backed by its own margin, or by the whole equity of its column.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        If the extremes are not shaped as the closes, contradict them, or a number breaks its rule.
    KindError
        If an argument has the wrong type.
    MissingExtraError
        If pandas is not installed.

    Notes
    -----
    Orders are filled at the close of their bar, vectorbt's rule where no price is given: a position sees the extremes
    of the bars after it, and those of the bar that ends it. Orders that would change a position that is gone are left
    out, up to the next one from flat.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.adapters.vectorbt.audit(3, venue=lc.venues.hyperliquid("BTC"), leverage=10.0)
    Traceback (most recent call last):
    levcore.errors.KindError: portfolio must be a vectorbt.Portfolio, was int 3
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
    if not all(hasattr(portfolio, name) for name in ("orders", "close", "value", "wrapper")):
        raise KindError(f"portfolio must be a vectorbt.Portfolio, was {checks.describe(portfolio)}")
    equity = portfolio.value()
    close = _table("close", portfolio.close, None)
    before = np.asarray(equity, dtype=np.float64).reshape(len(close), -1)
    if before.shape != close.shape:
        raise InputError(
            f"portfolio must trade each column on its own: it has {close.shape[1]} columns and {before.shape[1]} values"
        )
    prices = _prices(close, high, low)
    positions = _positions(portfolio.orders.records, prices)
    found, after = audited(positions, prices, before, [rules] * close.shape[1])
    names = list(portfolio.wrapper.columns)
    one = isinstance(equity, pandas.Series)
    shaped = pandas.Series(after[:, 0], equity.index) if one else pandas.DataFrame(after, equity.index, equity.columns)
    return Audit(as_table(found, names), shaped, equity, len(positions), ruin(after, names))


def _table(name: str, values: Any, shape: tuple[int, ...] | None) -> Floats:
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if shape is not None and table.shape != shape:
        raise InputError(f"{name} must be shaped as the portfolio's close, {shape}, had {table.shape}")
    if not (table > 0.0).all():
        i, k = (int(v) for v in np.argwhere(~(table > 0.0))[0])
        raise InputError(f"{name}[{i}, {k}] must be a price > 0, was {table[i, k]}")
    return table


def _prices(close: Floats, high: Any, low: Any) -> list[Prices]:
    highs = close if high is None else _table("high", high, close.shape)
    lows = close if low is None else _table("low", low, close.shape)
    for name, wrong in (("high", highs < close), ("low", lows > close)):
        if wrong.any():
            i, k = (int(v) for v in np.argwhere(wrong)[0])
            raise InputError(f"{name}[{i}, {k}] contradicts the close of {close[i, k]}")
    # A bar opens where the one before it closed, as far as a portfolio knows.
    opens = np.vstack([close[:1], close[:-1]])
    return [Prices(opens[:, k], highs[:, k], lows[:, k], close[:, k]) for k in range(close.shape[1])]


def _positions(records: npt.NDArray[Any] | Any, prices: list[Prices]) -> list[Held]:
    """Return the positions that orders make, from flat to flat."""
    held: list[Held] = []
    for column in range(len(prices)):
        orders = records[records["col"] == column].sort_values(["idx", "id"])
        held += _of_column(column, orders, prices[column])
    return held


def _of_column(column: int, orders: Any, prices: Prices) -> list[Held]:
    held: list[Held] = []
    bars = len(prices.close)
    quantity = entry = 0.0
    begun, stretches, worth = 0, list[Stretch](), np.zeros(bars)
    for order in orders.itertuples(index=False):
        at, price = int(order.idx), float(order.price)
        signed = float(order.size) * (1.0 if order.side == 0 else -1.0)
        if quantity != 0.0 and at > begun:
            stretches.append(Stretch(begun + 1, at, quantity, entry))
        while signed != 0.0:  # an order that turns a position round ends it and begins another
            closes = quantity * signed < 0.0
            part = np.clip(signed, -abs(quantity), abs(quantity)) if closes else signed
            fees = float(order.fees) * abs(part) / float(order.size)
            worth[at:] += part * (prices.close[at:] - price) - fees
            if not closes:
                entry = (quantity * entry + part * price) / (quantity + part)
            quantity = 0.0 if closes and abs(part) == abs(quantity) else quantity + part
            signed -= part
            begun = at
            if quantity == 0.0:
                if stretches:
                    held.append(Held(column, len(held), stretches, worth))
                stretches, worth = [], np.zeros(bars)
    if quantity != 0.0 and begun < bars - 1:
        stretches.append(Stretch(begun + 1, bars - 1, quantity, entry))
    if stretches:
        held.append(Held(column, len(held), stretches, worth))
    return held
