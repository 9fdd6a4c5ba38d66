"""A book in a few lines: what is held, who pledged what, and where liquidation begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from levcore.display import money, plural, price, table_html

if TYPE_CHECKING:
    from levcore.book import Book


def as_text(book: Book) -> str:
    """Return the lines that a terminal shows."""
    if not len(book):
        return "<levcore.Book: no positions>"
    lines = [f"<levcore.Book: {plural(len(book), 'position')}, {_pledged(book)}>"]
    lines += ["  " + ": ".join((row[0], ", ".join(row[1:]))) for row in _rows(book)]
    return "\n".join(lines)


def as_html(book: Book) -> str:
    """Return the table that a notebook shows."""
    title = f"Book: {plural(len(book), 'position')}, {_pledged(book)}"
    return table_html(title, ("instrument", "longs", "shorts", "margin", "liquidation prices"), _rows(book))


def _pledged(book: Book) -> str:
    margin = f"margin {money(float(np.nansum(book.margin)))}"
    return f"{margin}, {plural(len(book.accounts), 'account')}" if len(book.accounts) else margin


def _rows(book: Book) -> list[tuple[str, ...]]:
    rows = []
    for code, instrument in enumerate(book.venue.instruments):
        mine = book.instrument == code
        if not mine.any():
            continue
        quantity = book.quantity[mine]
        prices = book.liquidation_price[mine]
        unit = "contracts" if hasattr(instrument, "contract_value") else instrument.asset
        cells = []
        for name, side in (("long", quantity > 0), ("short", quantity < 0)):
            cells.append(f"{int(side.sum()):,} {name} ({money(float(np.abs(quantity[side]).sum()))} {unit})")
        low = prices[(quantity > 0) & np.isfinite(prices)]
        high = prices[(quantity < 0) & np.isfinite(prices)]
        nearest = [f"longs up to {price(float(low.max()))}"] if low.size else []
        nearest += [f"shorts from {price(float(high.min()))}"] if high.size else []
        where = "liquidation prices of " + ", ".join(nearest) if nearest else "no liquidation prices"
        rows.append((instrument.symbol, *cells, f"margin {money(float(np.nansum(book.margin[mine])))}", where))
    return rows
