"""A backtest's positions put to the question bar by bar, wicks included, and its equity corrected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore.book import Book
from levcore.display import money, plural
from levcore.errors import InputError
from levcore.table import Table
from levcore.venue import Venue

if TYPE_CHECKING:
    import pandas

Floats = npt.NDArray[np.float64]
MODES = ("isolated", "cross")


@dataclass(frozen=True)
class Stretch:
    """Bars over which a position does not change."""

    first: int  # the first bar whose extremes count
    last: int  # the last one
    quantity: float
    entry_price: float


@dataclass(frozen=True, eq=False)
class Held:
    """A position of a backtest, from flat to flat."""

    column: int
    number: int
    stretches: Sequence[Stretch]
    worth: Floats  # what it adds to equity at the close of each bar, fees included; from its first bar on


@dataclass(frozen=True)
class Prices:
    """Bars of one column: what a position can be asked at within a bar, and what its end was."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True)
class Rules:
    """The venue, its instrument, and the leverage that positions are opened with."""

    venue: Venue
    symbol: str
    leverage: float
    mode: str


@dataclass(frozen=True, eq=False)
class Audit:
    """What a backtest would have been under a venue's rules.

    Attributes
    ----------
    liquidations : Table
        A row a position that would have been liquidated: `column`, `position` (its number in the backtest), `bar`,
        `quantity`, `entry_price`, `liquidation_price`, `fill_price`, `margin`, `loss` (of the margin; quote currency),
        `backtest_profit` (what the backtest went on to make of it), `on_a_wick` (the close did not touch the price).
    equity : pandas Series or DataFrame
        Equity at the closes with those positions gone, in the shape of the backtest's own.
    backtest_equity : pandas Series or DataFrame
        As the backtest has it.
    positions : int
        How many positions the backtest held.
    ruined : mapping of column to bar
        Where equity is zero or less from a bar on.

    Notes
    -----
    Later positions keep the sizes that the backtest gave them. Within a bar the adverse extreme is taken to come
    first.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.adapters.Audit.__name__
    'Audit'
    """

    liquidations: Table
    equity: pandas.Series[Any] | pandas.DataFrame
    backtest_equity: pandas.Series[Any] | pandas.DataFrame
    positions: int
    ruined: dict[Any, int]

    def __repr__(self) -> str:
        count, lost = len(self.liquidations), float(self.liquidations["loss"].sum())
        wicks = int(self.liquidations["on_a_wick"].sum())
        before, after = (np.ravel(np.asarray(e)[-1]).sum() for e in (self.backtest_equity, self.equity))
        lines = [f"<levcore.Audit: {count:,} of {plural(self.positions, 'position')} would have been liquidated>"]
        lines.append(f"  on a wick        {wicks:,} of them: the close did not show it")
        lines.append(f"  margin lost      {money(lost)}")
        lines.append(f"  equity at the end {money(float(after))}; the backtest says {money(float(before))}")
        if self.ruined:
            lines.append(f"  ruined           {', '.join(f'{name} at bar {bar}' for name, bar in self.ruined.items())}")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Loss:
    """A liquidation as it is found."""

    held: Held
    stretch: Stretch
    bar: int
    liquidation_price: float
    fill_price: float
    margin: float
    loss: float
    profit: float
    on_a_wick: bool


def audit(
    positions: Sequence[Held], prices: Sequence[Prices], equity: Floats, rules: Sequence[Rules]
) -> tuple[list[_Loss], Floats]:
    """Return the liquidations of positions, in order, and equity (bars x columns) without what they went on to do."""
    corrected = np.array(equity, dtype=np.float64)
    found: list[_Loss] = []
    for held in sorted(positions, key=lambda one: (one.column, one.stretches[0].first, one.number)):
        column = corrected[:, held.column]
        loss = _first_loss(held, prices[held.column], column, rules[held.column])
        if loss is not None:
            found.append(loss)
            before = _realised(held, loss, prices[held.column])
            column[loss.bar :] += before - loss.loss - held.worth[loss.bar :]
    return found, corrected


def _first_loss(held: Held, prices: Prices, equity: Floats, rules: Rules) -> _Loss | None:
    for stretch in held.stretches:
        margin = _margin(held, stretch, equity, rules, prices)
        if margin <= 0.0:
            continue  # nothing is left to hold it with: the account is ruined already
        price = _liquidation_price(stretch, margin, rules)
        bar = _first_touch(stretch, price, prices)
        if bar is not None:
            return _loss(held, stretch, bar, price, margin, prices, rules)
    return None


def _margin(held: Held, stretch: Stretch, equity: Floats, rules: Rules, prices: Prices) -> float:
    """Return what backs a position: its share of the notional, or in cross margin the whole balance."""
    if rules.mode == "isolated":
        return abs(stretch.quantity) * stretch.entry_price / rules.leverage
    before = max(stretch.first - 1, 0)
    open_profit = stretch.quantity * (prices.close[before] - stretch.entry_price)
    is_held_then = held.worth[before] != 0.0
    return float(equity[before] - (open_profit if is_held_then else 0.0))


def _liquidation_price(stretch: Stretch, margin: float, rules: Rules) -> float:
    book = Book(
        rules.venue,
        instrument=rules.symbol,
        quantity=[stretch.quantity],
        entry_price=[stretch.entry_price],
        margin=[margin],
    )
    return float(book.liquidation_price[0])


def _first_touch(stretch: Stretch, price: float, prices: Prices) -> int | None:
    bars = slice(stretch.first, stretch.last + 1)
    touched = prices.low[bars] <= price if stretch.quantity > 0.0 else prices.high[bars] >= price
    places = np.flatnonzero(touched)
    return stretch.first + int(places[0]) if places.size else None


def _loss(held: Held, stretch: Stretch, bar: int, price: float, margin: float, prices: Prices, rules: Rules) -> _Loss:
    long = stretch.quantity > 0.0
    opened = float(prices.open[bar])
    fill = min(price, opened) if long else max(price, opened)  # a bar that opens beyond the price fills there
    left = margin + stretch.quantity * (fill - stretch.entry_price)
    left -= _fee_rate(rules.venue) * abs(stretch.quantity) * fill
    kept = max(0.0, left) if rules.venue.remainder == "trader" else 0.0
    close = prices.close[bar]
    return _Loss(
        held,
        stretch,
        bar,
        price,
        fill,
        margin,
        margin - kept,
        float(held.worth[-1]),
        bool(close > price if long else close < price),
    )


def _fee_rate(venue: Venue) -> float:
    return float(getattr(venue.liquidation, "fee_rate", 0.0))


def _realised(held: Held, loss: _Loss, prices: Prices) -> float:
    """Return what a position had made and paid before it was liquidated, without what was open."""
    before = loss.bar - 1
    if before < 0 or held.worth[before] == 0.0:
        return 0.0
    open_profit = loss.stretch.quantity * (prices.close[before] - loss.stretch.entry_price)
    return float(held.worth[before] - open_profit)


def as_table(found: Sequence[_Loss], names: Sequence[Any]) -> Table:
    """Return the liquidations as a table."""

    def numbers(values: Iterator[float]) -> Floats:
        return np.array(list(values), dtype=np.float64)

    columns: dict[str, Any] = {
        "column": np.array([str(names[one.held.column]) for one in found], dtype=object),
        "position": np.array([one.held.number for one in found], dtype=np.int64),
        "bar": np.array([one.bar for one in found], dtype=np.int64),
        "quantity": numbers(one.stretch.quantity for one in found),
        "entry_price": numbers(one.stretch.entry_price for one in found),
        "liquidation_price": numbers(one.liquidation_price for one in found),
        "fill_price": numbers(one.fill_price for one in found),
        "margin": numbers(one.margin for one in found),
        "loss": numbers(one.loss for one in found),
        "backtest_profit": numbers(one.profit for one in found),
        "on_a_wick": np.array([one.on_a_wick for one in found], dtype=bool),
    }
    return Table("liquidation", columns)


def ruin(equity: Floats, names: Sequence[Any]) -> dict[Any, int]:
    """Return from which bar on equity is gone, by column."""
    gone = equity <= 0.0
    return {names[int(k)]: int(np.argmax(gone[:, k])) for k in np.flatnonzero(gone.any(axis=0))}


def symbol_of(venue: Venue, instrument: str | None) -> str:
    """Return the instrument that was meant: the venue's only one, where none is named."""
    if instrument is not None:
        if instrument not in venue.symbols:
            raise InputError(f"instrument must be one of the venue's: {', '.join(venue.symbols)}; was {instrument!r}")
        return instrument
    if len(venue.symbols) != 1:
        raise InputError(f"instrument must be named: the venue has {', '.join(venue.symbols)}")
    return venue.symbols[0]
