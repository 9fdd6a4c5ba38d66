"""Deleveraging: who stands first in the queue, and how much each gives up.

Scores rank positions of the profitable side; the shares take a quantity (or money) from holders. All are pure functions
of arrays: sizes unsigned, in any one unit.

>>> from levcore.venues import deleveraging
>>> deleveraging.queue([10, 20, 10], score=[3, 5, 6], amount=20)
array([ 0., 10., 10.])
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.exact_numbers import unwrapped

__all__ = ["hyperliquid_index", "min_max", "pro_rata", "profit_score", "queue"]

Floats = npt.NDArray[np.float64]


def profit_score(mark_value: Any, *, entry_value: Any, bankruptcy_value: Any) -> Any:
    """Return the ranking score of BitMEX and Binance: profit share times effective leverage.

    Parameters
    ----------
    mark_value, entry_value, bankruptcy_value : float or array
        Value of the position at the mark, entry and bankruptcy price, signed (shorts negative): quantity times price of
        a linear one, minus contracts times their value over the price of an inverse one.

    Returns
    -------
    float or array
        ``profit * leverage`` where profit is positive, else ``profit / leverage``; profit is
        ``(mark - entry)/abs(entry)``, leverage ``abs(mark)/(mark - bankruptcy)``, infinite where equity is not above 0.
        The highest goes first, longs and shorts ranked apart.

    Raises
    ------
    InputError
        If an entry value is 0 or a value is not finite.

    Notes
    -----
    Source: BitMEX and Binance on auto-deleveraging.

    Examples
    --------
    >>> from levcore.venues import deleveraging
    >>> deleveraging.profit_score([120.0, -80.0], entry_value=[100.0, -100.0], bankruptcy_value=[90.0, -110.0])
    array([0.8       , 0.53333333])
    """
    mark, entry, bankrupt = np.broadcast_arrays(
        _finite("mark_value", mark_value),
        _finite("entry_value", entry_value),
        _finite("bankruptcy_value", bankruptcy_value),
    )
    if np.any(entry == 0.0):
        raise InputError("entry_value must not be 0")
    profit, equity = (mark - entry) / np.abs(entry), mark - bankrupt
    solvent = equity > 0.0
    leverage = np.divide(np.abs(mark), equity, out=np.full(mark.shape, np.inf), where=solvent)
    flat = profit == 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(flat, 0.0, np.where(profit > 0.0, profit * leverage, profit / leverage))
    return unwrapped(score)


def hyperliquid_index(quantity: Any, *, entry_price: Any, mark_price: Any, account_value: Any) -> Any:
    """Return the ranking index of Hyperliquid: price gain times leverage.

    Parameters
    ----------
    quantity : float or array
        Signed base units.
    entry_price, mark_price : float or array
        USD, > 0.
    account_value : float or array
        What the holder's account is worth, USD, > 0.

    Returns
    -------
    float or array
        ``(mark/entry)*(notional/account_value)`` of longs; ``(entry/mark)*...`` of shorts. The highest goes first.

    Raises
    ------
    InputError
        If a price or an account value is not > 0.

    Notes
    -----
    As printed the index ranks longs; for shorts the price ratio is turned round here. Source: Hyperliquid's
    documentation on auto-deleveraging.

    Examples
    --------
    >>> from levcore.venues import deleveraging
    >>> deleveraging.hyperliquid_index([2, -2], entry_price=100, mark_price=[125, 80], account_value=100)
    array([3.125, 2.   ])
    """
    given = {"entry_price": entry_price, "mark_price": mark_price, "account_value": account_value}
    columns = {name: _finite(name, values) for name, values in given.items()}
    for name, values in columns.items():
        if not np.all(values > 0.0):
            raise InputError(f"{name} must be > 0, was {np.min(values)}")
    size, entry, mark, worth = np.broadcast_arrays(_finite("quantity", quantity), *columns.values())
    gain = np.where(size < 0.0, entry / mark, mark / entry)
    return unwrapped(gain * np.abs(size) * mark / worth)


def queue(size: npt.ArrayLike, *, score: npt.ArrayLike, amount: float) -> Floats:
    """Return what each holder gives up when the highest score is closed out first, then the next.

    Parameters
    ----------
    size : array of float, shape (n,)
        What each holds, >= 0.
    score : array of float, shape (n,)
        Rank: the highest goes first; equal ones in the order given.
    amount : float
        What is wanted, >= 0; what nobody holds is not found.

    Returns
    -------
    float64[n]
        In the order given; the sum is at most `amount`. Whole lots where sizes and the amount are.

    Raises
    ------
    InputError
        If lengths differ or a number breaks its rule.

    Notes
    -----
    Source: BitMEX's worked example of auto-deleveraging.

    Examples
    --------
    >>> from levcore.venues import deleveraging
    >>> deleveraging.queue([10, 5, 1], score=[1, 2, 0], amount=7.5)
    array([2.5, 5. , 0. ])
    """
    sizes, ranks = _sizes(size), checks.column("score", score)
    checks.same_length(size=sizes, score=ranks)
    if np.any(np.isnan(ranks)):
        raise InputError(f"score[{int(np.flatnonzero(np.isnan(ranks))[0])}] must be a number, was nan")
    order = np.argsort(-ranks, kind="stable")
    taken, left = np.zeros(len(sizes)), checks.number("amount", amount, at_least=0.0)
    for row in order.tolist():
        if left <= 0.0:
            break
        taken[row] = min(left, float(sizes[row]))
        left -= taken[row]
    return taken


def pro_rata(size: npt.ArrayLike, *, amount: float, lot: float = 0.0) -> Floats:
    """Return what each holder gives up when all give the same share.

    Parameters
    ----------
    size : array of float, shape (n,)
        What each holds, >= 0; multiples of the lot.
    amount : float
        What is wanted, >= 0; a multiple of the lot.
    lot : float
        Smallest piece; 0: any fraction.

    Returns
    -------
    float64[n]
        ``size * amount/sum(size)``, everything where more is wanted. With lots it is rounded down, and the lots left
        over go one each to the largest remainders, equal ones in the order given.

    Raises
    ------
    InputError
        If a number breaks its rule or is no multiple of the lot.

    Notes
    -----
    Source: pro-rata socialisation; the largest remainder as in Chitra, arXiv:2512.01112.

    Examples
    --------
    >>> from levcore.venues import deleveraging
    >>> deleveraging.pro_rata([5, 3, 2], amount=4, lot=1)
    array([2., 1., 1.])
    """
    sizes, wanted = _sizes(size), checks.number("amount", amount, at_least=0.0)
    total = float(sizes.sum())
    if wanted >= total:
        return sizes.copy()
    if checks.number("lot", lot, at_least=0.0) == 0.0:
        return sizes * (wanted / total)
    lots, pieces = _lots("size", sizes, lot), int(_lots("amount", np.array([wanted]), lot)[0])
    whole, remainder = np.divmod(lots * pieces, lots.sum())
    left = pieces - int(whole.sum())
    whole[np.argsort(-remainder, kind="stable")[:left]] += 1
    return whole.astype(np.float64) * lot


def min_max(size: npt.ArrayLike, *, amount: float, lot: float = 1.0, worth: npt.ArrayLike | None = None) -> Floats:
    """Return what each holder gives up when the largest share that anybody gives is as small as lots allow.

    Parameters
    ----------
    size : array of float, shape (n,)
        What each holds, >= 0; multiples of the lot.
    amount : float
        What is wanted, >= 0; a multiple of the lot.
    lot : float
        Smallest piece, > 0.
    worth : array of float, shape (n,), optional
        What a share is of, > 0; None: of the size.

    Returns
    -------
    float64[n]
        Lots at most `size`; ``max(given/worth)`` is the least possible, then the next largest share, and so on; ties in
        the order given. Everything where more is wanted.

    Raises
    ------
    InputError
        If lengths differ, a number breaks its rule or is no multiple of the lot.

    Notes
    -----
    Lots are given one by one to whoever's share stays smallest, which is optimal. Source: the min-max policy of Chitra,
    arXiv:2512.01112.

    Examples
    --------
    >>> from levcore.venues import deleveraging
    >>> deleveraging.min_max([5, 3, 2], amount=4)
    array([2., 1., 1.])
    """
    checks.number("lot", lot, above=0.0)
    lots, wanted = _lots("size", _sizes(size), lot), checks.number("amount", amount, at_least=0.0)
    pieces = int(_lots("amount", np.array([wanted]), lot)[0])
    shares = lots.astype(np.float64) if worth is None else _sizes(worth, "worth")
    checks.same_length(size=lots, worth=shares)
    if np.any((shares <= 0.0) & (lots > 0)):
        raise InputError("worth must be > 0 where size is")
    given = lots if pieces >= int(lots.sum()) else _level_below(lots, shares, pieces)
    waiting = [((given[row] + 1) / shares[row], row) for row in np.flatnonzero(given < lots).tolist()]
    heapq.heapify(waiting)
    for _ in range(min(pieces, int(lots.sum())) - int(given.sum())):
        _, row = waiting[0]
        given[row] += 1
        if given[row] < lots[row]:
            heapq.heapreplace(waiting, ((given[row] + 1) / shares[row], row))
        else:
            heapq.heappop(waiting)
    return given.astype(np.float64) * lot


def _level_below(lots: npt.NDArray[np.int64], worth: Floats, pieces: int) -> npt.NDArray[np.int64]:
    """Return whole lots at one share of everybody's worth, a hair below what gives all pieces away."""
    low, high = 0.0, float(np.max(lots[lots > 0] / worth[lots > 0]))
    for _ in range(60):
        middle = 0.5 * (low + high)
        enough = np.minimum(np.floor(middle * worth), lots).sum() >= pieces
        low, high = (low, middle) if enough else (middle, high)
    return np.minimum(np.floor(low * worth), lots).astype(np.int64)


def _finite(name: str, values: Any) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(column)):
        raise InputError(f"{name} must be finite, was {column[~np.isfinite(column)].flat[0]}")
    return column


def _sizes(values: npt.ArrayLike, name: str = "size") -> Floats:
    column = checks.column(name, values)
    bad = np.flatnonzero(~((column >= 0.0) & np.isfinite(column)))
    if len(bad):
        raise InputError(f"{name}[{bad[0]}] must be >= 0 and finite, was {column[bad[0]]}")
    return column


def _lots(name: str, column: Floats, lot: float) -> npt.NDArray[np.int64]:
    """Return how many lots each entry is; a rounding error of a billionth of a lot is forgiven."""
    counts = column / lot
    if np.any(counts > 2**31):
        raise InputError(f"{name} must be at most {2**31} lots, had {np.max(counts)}")
    whole = np.rint(counts)
    bad = np.flatnonzero(np.abs(counts - whole) > 1e-9 * np.maximum(1.0, whole))
    if len(bad):
        raise InputError(f"{name}[{bad[0]}] must be a multiple of the lot {lot:g}, was {column[bad[0]]}")
    return whole.astype(np.int64)
