"""What dumps hold, as columns: bars, funding rates, liquidations, depth by distance; a row a record, read-only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.funding import Funding
from levcore.impact import DepthCurve
from levcore.loaders import cells

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]


class Bars(NamedTuple):
    """Bars of one symbol.

    Attributes
    ----------
    time : datetime64[ns][n]
        When each bar opened, UTC.
    open, high, low, close : float64[n]
        Prices in the quote currency.
    volume : float64[n]
        As the archive counts it: base units; COIN-M: contracts.

    Examples
    --------
    >>> from levcore.loaders.binance import Bars
    >>> Bars._fields
    ('time', 'open', 'high', 'low', 'close', 'volume')
    """

    time: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class FundingRates(NamedTuple):
    """Funding rates of one symbol, as they were paid.

    Attributes
    ----------
    time : datetime64[ns][n]
        When each was paid, UTC.
    rate : float64[n]
        Share of the notional, that of its own interval; longs pay where it is above zero.
    hours : float64[n]
        The interval that it stands for.

    Examples
    --------
    >>> import numpy as np
    >>> from levcore.loaders.binance import FundingRates
    >>> paid = np.array(["2023-12-01T00", "2023-12-01T08"], dtype="datetime64[ns]")
    >>> FundingRates(paid, np.array([0.0001, 0.0002]), np.array([8.0, 8.0])).since("2023-12-01T04").rate
    (0.0002,)
    """

    time: Times
    rate: Floats
    hours: Floats

    def since(self, start: Any) -> Funding:
        """Return the payments of a run that begins at a moment.

        Parameters
        ----------
        start : datetime64, datetime or text in ISO 8601
            UTC; payments up to it are left out.

        Returns
        -------
        Funding
            The payments after it. A run that outlasts the record pays nothing more.

        Raises
        ------
        InputError
            If no payment comes after it.
        KindError
            If it is no time.

        Examples
        --------
        >>> import numpy as np
        >>> from levcore.loaders.binance import FundingRates
        >>> paid = np.array(["2023-12-01T08"], dtype="datetime64[ns]")
        >>> FundingRates(paid, np.array([0.0001]), np.array([8.0])).since("2023-12-01T00").times
        (datetime.timedelta(seconds=28800),)
        """
        begin = cells.nanoseconds("start", start)
        at = self.time.astype(np.int64) - begin
        later = at > 0
        if not later.any():
            last = self.time[-1] if len(self.time) else "none"
            raise InputError(f"start must be before the last payment ({last}), was {start}")
        microseconds = np.maximum(at[later] // 1_000, 1)
        spans = tuple(timedelta(microseconds=int(each)) for each in microseconds)
        return Funding(rate=tuple(self.rate[later].tolist()), times=spans)


class ForcedOrders(NamedTuple):
    """Forced orders as a venue reported them.

    Attributes
    ----------
    time : datetime64[ns][n]
        UTC, by the venue's clock.
    symbol : object[n]
        As the venue writes it.
    is_long : bool[n]
        Whether a long was liquidated: the forced order sold.
    price, amount : float64[n]
        Price of the order, and its size as the venue counts it: base units or contracts.

    Examples
    --------
    >>> from levcore.loaders.tardis import ForcedOrders
    >>> ForcedOrders._fields
    ('time', 'symbol', 'is_long', 'price', 'amount')
    """

    time: Times
    symbol: npt.NDArray[np.object_]
    is_long: npt.NDArray[np.bool_]
    price: Floats
    amount: Floats


class DepthSnapshots(NamedTuple):
    """Snapshots of an order book by bands around its mid.

    Attributes
    ----------
    time : datetime64[ns][n]
        UTC.
    bid_distance, ask_distance : float64[bands]
        Relative distances from mid, rising.
    bid_quantity, ask_quantity : float64[n, bands]
        Base units up to each distance.

    Examples
    --------
    >>> import numpy as np
    >>> from levcore.loaders.binance import DepthSnapshots
    >>> at = np.array(["2024-08-08T23:54:20"], dtype="datetime64[ns]")
    >>> side = (np.array([0.01, 0.02]), np.array([[500.0, 600.0]]))
    >>> DepthSnapshots(at, *side, *side).curve().quantity
    (500.0, 600.0)
    """

    time: Times
    bid_distance: Floats
    bid_quantity: Floats
    ask_distance: Floats
    ask_quantity: Floats

    def curve(self, at: Any = None, *, scale: float = 1.0) -> DepthCurve:
        """Return a snapshot as an impact shape.

        Parameters
        ----------
        at : datetime64, datetime or text in ISO 8601, optional
            UTC: the last snapshot up to then. None: the last of all.
        scale : float
            Every quantity is multiplied by this, > 0: base units a contract, or what stands for other venues.

        Returns
        -------
        DepthCurve
            Bands that add nothing are left out.

        Raises
        ------
        InputError
            If there is no snapshot up to then, or a side of it is empty.
        KindError
            If `at` is no time.

        Examples
        --------
        >>> import numpy as np
        >>> from levcore.loaders.binance import DepthSnapshots
        >>> at = np.array(["2024-08-08T23:54:20"], dtype="datetime64[ns]")
        >>> side = (np.array([0.01, 0.02]), np.array([[500.0, 600.0]]))
        >>> DepthSnapshots(at, *side, *side).curve("2024-08-08T23:55", scale=2.0).quantity
        (1000.0, 1200.0)
        """
        row = len(self.time) - 1
        if at is not None:
            moment = np.datetime64(cells.nanoseconds("at", at), "ns")
            row = int(np.searchsorted(self.time, moment, side="right")) - 1
        if row < 0:
            raise InputError(f"at must be a time from {self.time[0]} on, was {at}")
        bids = adding(self.bid_distance, self.bid_quantity[row], f"the snapshot of {self.time[row]}", "bids")
        asks = adding(self.ask_distance, self.ask_quantity[row], f"the snapshot of {self.time[row]}", "asks")
        return as_curve(bids, asks, scale)


def adding(distance: Floats, quantity: Floats, what: str, side: str) -> tuple[Floats, Floats]:
    """Return the nodes of a side at which cumulative quantities rise."""
    rising = np.diff(quantity, prepend=0.0) > 0.0
    if not rising.any():
        raise InputError(f"{what} must have {side}, had none")
    return distance[rising], quantity[rising]


def as_curve(bids: tuple[Floats, Floats], asks: tuple[Floats, Floats], scale: float) -> DepthCurve:
    """Return both sides as an impact shape."""
    factor = checks.number("scale", scale, above=0.0, at_most=1e12)
    return DepthCurve(distance=bids[0], quantity=bids[1] * factor, ask_distance=asks[0], ask_quantity=asks[1] * factor)


def times(nanoseconds: Any) -> Times:
    """Return nanoseconds since 1970 as a read-only column of times."""
    return checks.frozen(np.array(nanoseconds, dtype=np.int64).astype("datetime64[ns]"))


def floats(values: Any) -> Floats:
    """Return a read-only column of numbers."""
    return checks.frozen(np.array(values, dtype=np.float64))
