"""Small books and markets in one line, for tests that need one thing to be particular and the rest plain."""

from __future__ import annotations

from typing import Any

import numpy as np

import levcore as lc


def flat_tiers(rate: float = 0.0, **options: Any) -> lc.MarginTiers:
    """One tier."""
    return lc.MarginTiers(floor=[0.0], maintenance_rate=[rate], **options)


def venue(
    rate: float = 0.0, *, fund: float = 0.0, deleveraging: bool = False, socialise: bool = False, **options: Any
) -> lc.Venue:
    """One instrument X on an asset X, one tier."""
    tiers = options.pop("tiers", None) or flat_tiers(rate)
    closing = {name: options.pop(name) for name in ("closing_fee", "closing_fee_at", "basis") if name in options}
    backstop = lc.Backstop(insurance_fund=fund, deleveraging=deleveraging, socialise=socialise)
    return lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=tiers, **closing)], backstop=backstop, **options)


def market(price: float = 100.0, impact: Any = None, **options: Any) -> lc.Market:
    """One asset X; without an impact the depth is infinite."""
    return lc.Market({"X": lc.Asset(price, impact=impact or lc.LinearImpact(depth=float("inf")), **options)})


def book(at: lc.Venue, quantity: Any, entry_price: Any, margin: Any, instrument: Any = "X") -> lc.Book:
    """A book of some positions; numbers stand for one position."""
    columns = [np.atleast_1d(np.asarray(column, dtype=float)) for column in (quantity, entry_price, margin)]
    return lc.Book(at, instrument=instrument, quantity=columns[0], entry_price=columns[1], margin=columns[2])


def book_by_liquidation_price(at: lc.Venue, quantity: Any, liquidation_price: Any, entry_price: float) -> lc.Book:
    """Positions of a one-tier venue without deduction that are liquidated at given prices."""
    quantity, wanted = (np.atleast_1d(np.asarray(column, dtype=float)) for column in (quantity, liquidation_price))
    rate = at.instruments[0].tiers.maintenance_rate[0] + at.instruments[0].closing_fee
    # slack = margin + x*(P - E) - rate*abs(x)*P vanishes at the wanted price
    margin = rate * np.abs(quantity) * wanted - quantity * (wanted - entry_price)
    return book(at, quantity, np.full(len(quantity), entry_price), margin)
