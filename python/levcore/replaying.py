"""A recorded history run through a book: the prices of a day that was, and the cascades that a book would have seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import _core, checks
from levcore.book import Book
from levcore.cascade import Ready, ready_pair
from levcore.control import TopUp, draws, native, rules_in
from levcore.errors import InputError, KindError
from levcore.funding import schedule
from levcore.futures import refuse_beyond_expiry
from levcore.market import Market
from levcore.outcome import Outcome
from levcore.process import span
from levcore.unpack import path

Floats = npt.NDArray[np.float64]
Spans = npt.NDArray[np.timedelta64]
Recorded = Mapping[str, npt.ArrayLike]

DAY = 86_400 * 10**9


def replay(
    book: Book | Ready,
    market: Market | Recorded | None = None,
    prices: Recorded | None = None,
    *,
    step: timedelta | None = None,
    times: npt.ArrayLike | None = None,
    high: Recorded | None = None,
    low: Recorded | None = None,
    rescale: bool = False,
    control: TopUp | Sequence[TopUp] | None = None,
    seed: int | None = None,
) -> Outcome:
    """Run recorded prices through the book, its liquidations moving the prices as they go.

    Parameters
    ----------
    book : Book or Ready
        The positions, or a pair prepared by :func:`prepare` (then the market is left out).
    market : Market
        Where the forced orders go; its prices are the start.
    prices : mapping of str to array of shape (n,)
        Recorded prices (closes) of every asset of the market, > 0, in its numeraire; the first is time 0.
    step : timedelta
        Time between two prices; or else:
    times : array of datetime64 or timedelta64, shape (n,)
        When each price was; rising, evenly spaced: a gap is refused by its place, never bridged.
    high, low : mapping of str to array of shape (n,), optional
        The bars' extremes. A bar is then three moves at its end: to the low, the high and the close if it closes at or
        above the price before, else to the high, the low and the close.
    rescale : bool
        True scales each record so that its first price is the market's.
    control : TopUp or sequence of TopUp, optional
        Owners who add or take out collateral; each group has positions of its own.
    seed : int, optional
        Of their draws, 0 <= seed < 2**64; must be given where a probability lies between 0 and 1.

    Returns
    -------
    Outcome
        One path whole: who was liquidated, a trace of rounds with their time, and `steps_kept`.

    Raises
    ------
    InputError
        If a price is not positive, times do not rise or leave a gap, lengths differ, or the run reaches beyond the
        expiry of a future held.
    KindError
        If an argument has the wrong type, or neither step nor times is given.

    Notes
    -----
    Recorded prices already hold the impact of the liquidations of their day, so that a replay counts it twice unless
    the depth says otherwise. Closes do not see what happened within a bar. Source: the page "The model".

    Examples
    --------
    >>> from datetime import datetime, timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> lc.replay(book, market, {"BTC": [100.0, 96.0, 89.0, 93.0]}, step=timedelta(hours=1)).first_liquidation
    np.timedelta64(7200000000000,'ns')
    """
    if isinstance(book, Ready):
        if market is not None and prices is not None:
            raise KindError("a prepared pair has its market: give only the prices")
        ready, wanted = book, (market if prices is None else prices)
    else:
        ready, wanted = ready_pair(book, market), prices
    closes = _table("prices", wanted, ready.market)
    elapsed = _elapsed(step, times, len(closes))
    refuse_beyond_expiry(ready.book, int(elapsed[-1]))
    extremes = _extremes(high, low, closes, ready.market)
    start = np.array(list(ready.market.prices.values()))
    if checks.flag("rescale", rescale):
        scale = start / closes[0]
        closes, extremes = closes * scale, tuple(table * scale for table in extremes)
    table, bar = _moves(closes, extremes, start)
    days = np.diff(elapsed[bar], prepend=0) / DAY
    scenario = _core.Scenario.prices(np.ascontiguousarray(table))
    due = schedule([i._payments for i in ready.book.venue.instruments], elapsed[bar])
    acting = _controllers(control, seed, ready.book)
    columns = _core.run_one(ready._native, ready._native_market, scenario, 0, 1, days, **due, control=acting)
    times = elapsed[bar].astype("timedelta64[ns]")
    return path(columns, ready.market, times, ready.book.venue.backstop.own_funds)


def _controllers(control: object, seed: int | None, book: Book) -> _core.Control | None:
    rules = rules_in(control)
    if draws(rules) and seed is None:
        raise KindError("seed must be given where calls for collateral are answered by chance")
    if seed is not None and not draws(rules):
        raise KindError("seed goes with controllers that draw: nothing here is drawn")
    key = None if seed is None else checks.integer("seed", seed, at_least=0, at_most=2**64 - 1)
    return native(rules, book, key)


def _table(name: str, given: Any, market: Market) -> Floats:
    """Return checked prices, rows x assets in the market's order."""
    if not isinstance(given, Mapping):
        raise KindError(f"{name} must be a mapping of assets to arrays of prices, was {checks.describe(given)}")
    checks.names_in("asset", given, market.names)
    missing = [asset for asset in market.names if asset not in given]
    if missing:
        raise InputError(f"{name} must have every asset of the market; missing: {', '.join(missing)}")
    columns = {asset: checks.column(f"{name}[{asset!r}]", given[asset]) for asset in market.names}
    rows = checks.same_length(**columns)
    if not rows:
        raise InputError(f"{name} must have at least one row")
    for asset, column in columns.items():
        wrong = np.flatnonzero(~(np.isfinite(column) & (column >= checks.SMALLEST) & (column <= checks.LARGEST)))
        if wrong.size:
            row = int(wrong[0])
            raise InputError(f"{name}[{asset!r}][{row}] must be a price > 0, was {column[row]}")
    return np.column_stack(list(columns.values()))


def _extremes(high: Any, low: Any, closes: Floats, market: Market) -> tuple[Floats, ...]:
    if high is None and low is None:
        return ()
    if high is None or low is None:
        raise KindError("high and low go together: give both or neither")
    highs, lows = _table("high", high, market), _table("low", low, market)
    for name, table, sign in (("high", highs, 1.0), ("low", lows, -1.0)):
        if table.shape != closes.shape:
            raise InputError(f"{name} must have {len(closes)} rows, as prices has, had {len(table)}")
        wrong = np.argwhere(sign * (table - closes) < 0.0)
        if wrong.size:
            row, k = (int(v) for v in wrong[0])
            side = ">=" if name == "high" else "<="
            where = f"{name}[{market.names[k]!r}][{row}]"
            raise InputError(f"{where} must be {side} the close {closes[row, k]}, was {table[row, k]}")
    return highs, lows


def _moves(closes: Floats, extremes: tuple[Floats, ...], start: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return the prices step by step and the bar that each belongs to."""
    rows = len(closes)
    if not extremes:
        return closes, np.arange(rows)
    highs, lows = extremes
    before = np.vstack([start, closes[:-1]])
    rose = closes >= before
    first, second = np.where(rose, lows, highs), np.where(rose, highs, lows)
    return np.stack([first, second, closes], axis=1).reshape(3 * rows, -1), np.repeat(np.arange(rows), 3)


def _elapsed(step: timedelta | None, times: npt.ArrayLike | None, rows: int) -> npt.NDArray[np.int64]:
    """Return each price's time since the first, in nanoseconds."""
    if (step is None) == (times is None):
        raise KindError("give step, the time between two prices, or times, one a price")
    if step is not None:
        each = np.timedelta64(span("step", step)).astype("timedelta64[ns]").astype(np.int64)
        return np.arange(rows, dtype=np.int64) * int(each)
    array = _moments(times)
    if array.dtype.kind not in "mM":
        raise KindError(f"times must be datetime64 or timedelta64, had dtype {array.dtype}")
    if array.shape != (rows,):
        raise InputError(f"times must have shape ({rows},), one a price, had {array.shape}")
    if np.isnat(array).any():
        raise InputError(f"times[{int(np.flatnonzero(np.isnat(array))[0])}] must be a time, was NaT")
    elapsed: npt.NDArray[np.int64] = (array - array[0]).astype("timedelta64[ns]").astype(np.int64)
    gaps = np.diff(elapsed)
    if gaps.size and not (gaps > 0).all():
        row = int(np.flatnonzero(gaps <= 0)[0]) + 1
        raise InputError(f"times must rise: times[{row}] {array[row]} is not after {array[row - 1]}")
    if gaps.size and (gaps != gaps.min()).any():
        row = int(np.flatnonzero(gaps != gaps.min())[0]) + 1
        missing = timedelta(microseconds=int(gaps[row - 1]) // 1000)
        usual = timedelta(microseconds=int(gaps.min()) // 1000)
        raise InputError(
            f"times must not leave a gap: {missing} from {array[row - 1]} to times[{row}] {array[row]}, where the "
            f"step is {usual}; replay the parts on their own"
        )
    return elapsed


def _moments(times: Any) -> npt.NDArray[Any]:
    """Return times as numpy has them: those of a time zone in UTC, and lists of datetimes, too."""
    times = getattr(times, "array", times)  # of a pandas Series or index
    if getattr(times, "tz", None) is not None:
        times = times.tz_convert("UTC").tz_localize(None)
    array = np.asarray(times)
    if (
        array.dtype.kind == "O"
        and array.size
        and all(isinstance(at, datetime) and at.tzinfo is None for at in array.flat)
    ):
        return array.astype("datetime64[us]")
    return array
