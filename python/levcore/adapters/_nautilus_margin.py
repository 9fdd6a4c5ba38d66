"""Margins by a venue's tiers in nautilus_trader, and its positions as a book: only where it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from nautilus_trader.backtest.models import MarginModel
from nautilus_trader.model.objects import Money

from levcore.book import Book
from levcore.errors import InputError
from levcore.positions import Accounts
from levcore.venue import Venue


class Names:
    """Which of the venue's symbols an instrument of nautilus is, and the asset that moves it."""

    def __init__(self, venue: Venue, symbols: Mapping[str, str] | None) -> None:
        self._symbols = dict(symbols or {})
        self._assets = {instrument.symbol: instrument.asset for instrument in venue.instruments}

    def symbol(self, instrument: Any) -> str:
        """Return the venue's symbol of an instrument, refused where there is none or it is another kind of contract."""
        name = str(instrument.id)
        symbol: str = self._symbols.get(name, instrument.raw_symbol.value)
        if symbol not in self._assets:
            listed = ", ".join(self._assets)
            raise InputError(
                f"{name}: {symbol!r} is none of the venue's symbols, {listed}; symbols= says which one it is"
            )
        if instrument.is_inverse:
            raise InputError(f"{name}: must be linear, is inverse")
        return symbol

    def asset(self, symbol: str) -> str:
        """Return the asset of a symbol."""
        return self._assets[symbol]


def units(instrument: Any) -> float:
    """Return the base units of one unit of nautilus' quantity."""
    return float(instrument.multiplier)


class TieredMargin(MarginModel):
    """Initial and maintenance margin by the tiers of a venue."""

    def __init__(self, venue: Venue, symbols: Mapping[str, str] | None) -> None:
        self._venue = venue
        self._names = Names(venue, symbols)

    def _held(self, instrument: Any, quantity: Any, price: Any) -> tuple[Book, dict[str, float]]:
        """Return a book of the position alone, entered at the price, and the prices to ask it at."""
        symbol = self._names.symbol(instrument)
        size, at = quantity.as_double() * units(instrument), price.as_double()
        return account_book(self._venue, [symbol], [size], [at], 0.0), dict.fromkeys(self._venue.assets, at)

    def calculate_margin_init(
        self, instrument: Any, quantity: Any, price: Any, leverage: Any, use_quote_for_inverse: bool = False
    ) -> Any:
        """Return what an order of this size must have behind it."""
        book, prices = self._held(instrument, quantity, price)
        notional = instrument.notional_value(quantity, price).as_double()
        tiers = self._venue.instruments[book.instrument[0]].tiers
        needed = notional / float(leverage)
        if tiers.max_leverage is not None:
            needed = max(needed, float(book.initial_margin(prices)[0]))
        return Money(needed, instrument.quote_currency)

    def calculate_margin_maint(
        self,
        instrument: Any,
        side: Any,
        quantity: Any,
        price: Any,
        leverage: Any,
        use_quote_for_inverse: bool = False,
    ) -> Any:
        """Return what a position of this size must be worth to stay open."""
        book, prices = self._held(instrument, quantity, price)
        return Money(float(book.account_maintenance_margin(prices)[0]), instrument.quote_currency)


def account_book(
    venue: Venue, symbols: Sequence[str], quantity: Sequence[float], entry: Sequence[float], wallet: float
) -> Book:
    """Return the positions of one account as a book."""
    places = [venue.symbols.index(symbol) for symbol in symbols]
    return Book(
        venue,
        instrument=np.array(places),
        quantity=np.array(quantity),
        entry_price=np.array(entry),
        account=np.zeros(len(places), dtype=np.int64),
        accounts=Accounts(**{venue.settlement: [wallet]}),
    )
