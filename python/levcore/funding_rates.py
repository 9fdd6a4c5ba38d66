"""Funding rates and payments of perpetuals: premium, clamp, cap, and what a position receives.

Rates are shares of the notional; a position receives minus its signed notional times the rate, so that longs pay shorts
where the rate is positive. Arguments that may be arrays broadcast.

>>> from levcore import funding_rates
>>> rate = funding_rates.funding_rate(0.0001)
>>> rate, funding_rates.payment(-2.0, mark_price=50_000.0, rate=rate)
(0.0001, 10.0)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.exact_numbers import unwrapped

__all__ = [
    "funding_rate",
    "inverse_payment",
    "margin_cap",
    "payment",
    "payments_while_open",
    "premium_index",
]

Floats = npt.NDArray[np.float64]


def premium_index(*, impact_bid: Any, impact_ask: Any, index_price: Any) -> Any:
    """Return the premium of a perpetual over its index.

    Parameters
    ----------
    impact_bid, impact_ask : float or array
        Average price of selling and of buying the impact notional; 0 and inf where a side is too thin.
    index_price : float or array
        Price of the underlying, > 0.

    Returns
    -------
    float or array
        ``(max(0, impact_bid - index) - max(0, index - impact_ask))/index``.

    Raises
    ------
    InputError
        If a price breaks its rule.

    Notes
    -----
    Source: Binance, Hyperliquid and dYdX on the premium index.

    Examples
    --------
    >>> from levcore import funding_rates
    >>> funding_rates.premium_index(impact_bid=[101.0, 99.0], impact_ask=[102.0, 99.5], index_price=100.0)
    array([ 0.01 , -0.005])
    """
    bid, ask = (
        _column("impact_bid", impact_bid, at_least=0.0),
        _column("impact_ask", impact_ask, at_least=0.0, infinite=True),
    )
    index = _column("index_price", index_price, above=0.0)
    return unwrapped((np.maximum(0.0, bid - index) - np.maximum(0.0, index - ask)) / index)


def funding_rate(
    premium: Any, *, interest: float = 0.0001, clamp: float = 0.0005, hours: float = 8.0, cap: Any = math.inf
) -> Any:
    """Return the funding rate of an interval from the average premium.

    Parameters
    ----------
    premium : float or array
        Average premium index over the interval.
    interest : float
        Interest a funding of 8 hours; 0.01 % at most venues.
    clamp : float
        How far interest may pull the rate away from the premium, >= 0.
    hours : float
        Length of the interval, > 0: 8, 4 or 1 (Hyperliquid, dYdX).
    cap : float or array
        Largest absolute rate of the interval, >= 0: 0.04 at Hyperliquid; :func:`margin_cap`.

    Returns
    -------
    float or array
        ``(premium + clamp(interest - premium, -clamp, clamp)) / (8/hours)``, within the cap.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: Binance's funding formula as of 2025-09-18; Hyperliquid's documentation.

    Examples
    --------
    >>> from levcore import funding_rates
    >>> funding_rates.funding_rate([0.0, 0.001, 2.0], hours=1, cap=0.04)
    array([1.25e-05, 6.25e-05, 4.00e-02])
    """
    average = _column("premium", premium)
    pull = checks.number("clamp", clamp, at_least=0.0)
    share = checks.number("hours", hours, above=0.0) / 8.0
    limit = _column("cap", cap, at_least=0.0, infinite=True)
    toward = np.clip(checks.number("interest", interest) - average, -pull, pull)
    return unwrapped(np.clip((average + toward) * share, -limit, limit))


def margin_cap(initial_margin_rate: Any, *, maintenance_margin_rate: Any, factor: float = 0.75) -> Any:
    """Return the largest absolute funding rate where a venue ties it to margin.

    Parameters
    ----------
    initial_margin_rate, maintenance_margin_rate : float or array
        Shares of notional, initial not below maintenance.
    factor : float
        0.75 at BitMEX, 6 at dYdX; >= 0.

    Returns
    -------
    float or array
        ``factor * (initial - maintenance)``.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: BitMEX's contract terms; dYdX as in :func:`levcore.venues.dydx.max_funding_rate`, which rounds as the chain.

    Examples
    --------
    >>> from levcore import funding_rates
    >>> funding_rates.margin_cap(0.01, maintenance_margin_rate=0.005)
    0.00375
    """
    initial = _column("initial_margin_rate", initial_margin_rate, at_least=0.0)
    maintenance = _column("maintenance_margin_rate", maintenance_margin_rate, at_least=0.0)
    if np.any(maintenance > initial):
        raise InputError("maintenance_margin_rate must be at most initial_margin_rate")
    return unwrapped(checks.number("factor", factor, at_least=0.0) * (initial - maintenance))


def payment(quantity: Any, *, mark_price: Any, rate: Any) -> Any:
    """Return what a linear position receives from a funding, negative where it pays: ``-quantity*mark_price*rate``.

    Parameters
    ----------
    quantity : float or array
        Signed base units.
    mark_price : float or array
        Price that the venue pays on (Hyperliquid: the oracle's), > 0.
    rate : float or array
        Share of notional.

    Returns
    -------
    float or array
        Settlement currency.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: venues' public rules.

    Examples
    --------
    >>> from levcore import funding_rates
    >>> funding_rates.payment(-10, mark_price=2.0, rate=0.0002)
    0.004
    """
    size, mark = _column("quantity", quantity), _column("mark_price", mark_price, above=0.0)
    return unwrapped(0.0 - size * mark * _column("rate", rate))


def inverse_payment(contracts: Any, *, contract_value: Any, mark_price: Any, rate: Any) -> Any:
    """Return what an inverse position receives from a funding: ``-contracts*contract_value/mark_price*rate``.

    Parameters
    ----------
    contracts : float or array
        Signed number of contracts.
    contract_value : float or array
        Quote units a contract, > 0.
    mark_price : float or array
        Quote units a coin, > 0.
    rate : float or array
        Share of notional.

    Returns
    -------
    float or array
        Coins.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: Binance COIN-M and BitMEX.

    Examples
    --------
    >>> from levcore import funding_rates
    >>> funding_rates.inverse_payment(1_000, contract_value=100.0, mark_price=50_000.0, rate=0.0001)
    -0.0002
    """
    size, value = _column("contracts", contracts), _column("contract_value", contract_value, above=0.0)
    mark = _column("mark_price", mark_price, above=0.0)
    return unwrapped(0.0 - size * value / mark * _column("rate", rate))


def payments_while_open(
    quantity: Any, *, opened: Any, closed: Any, times: npt.ArrayLike, rates: npt.ArrayLike, mark_prices: npt.ArrayLike
) -> Any:
    """Return what linear positions receive in all while they are open: the fundings with ``opened <= time <= closed``.

    Parameters
    ----------
    quantity : float or array of shape (n,)
        Signed base units, held unchanged.
    opened, closed : number or datetime64, or array of shape (n,)
        When each was opened and closed, in the unit of `times`.
    times : array of number or datetime64, shape (m,)
        When fundings fell due, not falling.
    rates : array of float, shape (m,)
        Their rates.
    mark_prices : array of float, shape (m,)
        Mark prices that they were paid on, > 0.

    Returns
    -------
    float or float64[n]
        Settlement currency.

    Raises
    ------
    InputError
        If lengths differ, times fall, a position closes before it opens, or a number breaks its rule.

    Notes
    -----
    Both ends count. Source: freqtrade's tests of funding fees.

    Examples
    --------
    >>> from levcore import funding_rates
    >>> paid = {"times": [0, 28_800], "rates": [-8e-06, -3e-06], "mark_prices": [2.77, 2.77]}
    >>> round(funding_rates.payments_while_open(-50, opened=0, closed=28_800, **paid), 7)
    -0.0015235
    """
    at, start, end = np.asarray(times), np.asarray(opened), np.asarray(closed)
    each = -_column("mark_prices", mark_prices, above=0.0) * _column("rates", rates)
    if at.ndim != 1 or each.shape != at.shape:
        raise InputError(f"times, rates and mark_prices must have one length, had shapes {at.shape} and {each.shape}")
    if np.any(at[1:] < at[:-1]):
        raise InputError(f"times must not fall: times[{int(np.flatnonzero(at[1:] < at[:-1])[0]) + 1}] did")
    if np.any(end < start):
        raise InputError("closed must not lie before opened")
    first, last = np.searchsorted(at, start, side="left"), np.searchsorted(at, end, side="right")
    sums = np.concatenate([[0.0], np.cumsum(each)])
    return unwrapped(_column("quantity", quantity) * (sums[last] - sums[first]))


def _column(
    name: str, values: Any, *, above: float | None = None, at_least: float | None = None, infinite: bool = False
) -> Floats:
    """Return numbers of any shape that obey the bounds."""
    column = np.asarray(values, dtype=np.float64)
    good = ~np.isnan(column) if infinite else np.isfinite(column)
    rule = "a number" if infinite else "finite"
    if above is not None:
        good, rule = good & (column > above), f"> {above:g}"
    if at_least is not None:
        good, rule = good & (column >= at_least), f">= {at_least:g}"
    if not np.all(good):
        row = tuple(int(i) for i in np.argwhere(~good)[0])
        where = f"[{', '.join(map(str, row))}]" if row else ""
        raise InputError(f"{name}{where} must be {rule}, was {column[row]}")
    return column
