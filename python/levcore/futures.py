"""Futures that expire, linear and inverse: as the perpetuals, without funding, and no run may outlast them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from levcore.errors import InputError
from levcore.instruments import Instrument, checked_contract_value
from levcore.process import span

if TYPE_CHECKING:
    from levcore.book import Book

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class LinearFuture(Instrument):
    """A linear future with an expiry: profit ``quantity * (price - entry_price)`` in the settlement currency.

    Parameters
    ----------
    symbol : str
        The instrument's name at the venue.
    asset : str
        The asset whose price it follows, as the Market names it.
    tiers : MarginTiers or SizeMargin
        Its margin tiers.
    closing_fee : float
        Fee rate counted into the maintenance requirement (OKX); 0 where there is none.
    closing_fee_at : {"mark", "bankruptcy"}
        At which price it is counted: the mark, so that it is added to every rate (OKX, Gate, Bitget), or the position's
        bankruptcy price (Bybit unified account, KuCoin); of a position of an account, the entry price.
    basis : {"mark", "entry"}
        Whether the requirement is taken on notional at the mark or at entry.
    expiry : timedelta
        Time from the start of a run to its expiry, > 0.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    There is no funding. Delivery is not modelled: a run that reaches beyond the expiry is refused where the book holds
    a position. A shock takes no time. Its price is the asset's: give a future whose price goes its own way, such as one
    at a premium, an asset of its own. Source: venues' public rules on dated futures.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> lc.LinearFuture("BTCUSDT_261225", asset="BTC", tiers=tiers, expiry=timedelta(days=30)).expiry
    datetime.timedelta(days=30)
    """

    expiry: timedelta

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "expiry", span("expiry", self.expiry))

    @property
    def _ends(self) -> timedelta:
        return self.expiry


@dataclass(frozen=True, kw_only=True)
class InverseFuture(Instrument):
    """An inverse future with an expiry: contracts of a fixed quote value, settled in the asset's own coin.

    Parameters
    ----------
    symbol : str
        The instrument's name at the venue.
    asset : str
        The asset whose price it follows and in whose coin it settles.
    contract_value : float
        Quote units a contract, > 0.
    tiers : MarginTiers or SizeMargin
        Its margin tiers; notional and deductions in coin.
    closing_fee : float
        Fee rate counted into the maintenance requirement; 0 where there is none.
    closing_fee_at : {"mark", "bankruptcy"}
        At which price it is counted: the mark, so that it is added to every rate (OKX, Gate, Bitget), or the position's
        bankruptcy price (Bybit unified account, KuCoin); of a position of an account, the entry price.
    basis : {"mark", "entry"}
        Whether the requirement is taken on notional at the mark or at entry.
    expiry : timedelta
        Time from the start of a run to its expiry, > 0.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    A position's `quantity` counts contracts, its margin coins. There is no funding. Delivery is not modelled: a run
    that reaches beyond the expiry is refused where the book holds a position. A shock takes no time. Source: the
    COIN-M rules of Binance; Deribit.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.004])
    >>> month = timedelta(days=30)
    >>> coin = lc.InverseFuture("BTCUSD_261225", asset="BTC", contract_value=100.0, tiers=tiers, expiry=month)
    >>> book = lc.Book(lc.Venue([coin]), instrument=coin.symbol, quantity=[600], entry_price=[60_000.0], margin=[0.1])
    >>> book.liquidation_price.round(1)
    array([54763.6])
    """

    contract_value: float
    expiry: timedelta

    def __post_init__(self) -> None:
        object.__setattr__(self, "contract_value", checked_contract_value(self.contract_value))
        super().__post_init__()
        object.__setattr__(self, "expiry", span("expiry", self.expiry))

    @property
    def _quote_units(self) -> float:
        return self.contract_value

    @property
    def _ends(self) -> timedelta:
        return self.expiry


def refuse_beyond_expiry(book: Book, length: int) -> None:
    """Refuse a run of so many nanoseconds that outlasts an instrument in which the book holds a position."""
    ends = [(code, one, one._ends) for code, one in enumerate(book.venue.instruments)]
    outlasted = [(code, one, end) for code, one, end in ends if end is not None and length > end // MICROSECOND * 1000]
    if not outlasted:
        return
    held = np.bincount(book.instrument[book.quantity != 0.0], minlength=len(ends))
    for code, instrument, end in outlasted:
        if held[code]:
            long = min(length // 1000, timedelta.max // MICROSECOND) * MICROSECOND
            raise InputError(
                f"a run must not reach beyond the expiry of {instrument.symbol!r}, {end} from its start, was {long} "
                f"long: delivery is not modelled, and the book holds {held[code]:,} of its positions"
            )
