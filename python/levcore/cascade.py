"""Running a shock: the sorted pair of book and market, and what happens when prices move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from levcore import _core, checks, engines, memory, thread_count, unpack
from levcore.book import Book
from levcore.errors import DomainError, InputError, KindError
from levcore.estimate import accounts_bytes
from levcore.market import Market
from levcore.outcome import Outcome
from levcore.outcomes import Outcomes

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Single = float | np.floating[Any] | np.integer[Any] | Mapping[str, float]
Batch = npt.ArrayLike

#: A first shock sorts a book of fewer positions at once.
ONCE_FROM = 2**15


class Ready:
    """A book sorted for a market, made by :func:`prepare`; taken wherever the pair is.

    Attributes
    ----------
    book : Book
        The book.
    market : Market
        The market.

    Notes
    -----
    Immutable; reading it from several threads is safe.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> ready = lc.prepare(book, lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))}))
    >>> lc.shock(ready, -0.1).liquidated_count
    1
    """

    __slots__ = ("__weakref__", "_book", "_market", "_native", "_native_market", "_outside")

    def __init__(self, book: Book, market: Market) -> None:
        self._book = checks.instance("book", book, Book)
        self._market = checks.instance("market", market, Market)
        asset_of, coins = _places(book, market)
        changing = bool(book.venue.backstop.deleveraging or book.venue.backstop.socialise)
        memory.refuse_if_too_large(
            memory.book_bytes(len(book), changing=changing) + accounts_bytes(book, states=1),
            f"sorting a book of {len(book):,} positions",
        )
        threads = thread_count.asked(None)
        self._native = _core.Ready(book._native, asset_of, coins, len(market), threads)
        self._native_market = market._to_native()
        self._outside = self._native.make_ladder(self._native_market, threads)

    @property
    def book(self) -> Book:
        """The book."""
        return self._book

    @property
    def market(self) -> Market:
        """The market."""
        return self._market

    def __reduce__(self) -> tuple[Any, ...]:
        return prepare, (self.book, self.market)

    def __repr__(self) -> str:
        return f"<levcore.Ready: {len(self.book):,} positions sorted for a market of {', '.join(self.market.names)}>"

    def _run(self, moves: Floats) -> Outcome:
        columns = self._native.shock(self._native_market, moves, True)
        return unpack.single(
            columns, self.market.names, moves, self.market.numeraire, self.book.venue.backstop.own_funds
        )

    def _push(self, market: Market, volumes: Floats) -> tuple[Floats, tuple[str | None, ...]]:
        """Return where order books stand after cascades that others' orders set off, and why which stopped early.

        `market` has the assets and prices of the pair's; volumes: a row for each order, a column for each asset.
        """
        columns = self._native.push(market._to_native(), volumes)
        return columns["volumes"], unpack.errors(columns, market.names)

    def _run_many(self, moves: Floats, engine: str) -> Outcomes:
        few = engine == "auto" and len(moves) < engines.MANY_SHOCKS
        outside = self._outside or (engines.FEW_SHOCKS if few else 0)
        if not engines.on_ladder(engine, outside):
            columns, count = self._native.shock(self._native_market, moves, False), None
        else:
            threads = thread_count.asked(None)
            columns = self._native.shock_on_ladder(self._native_market, moves, False, threads)

            def count() -> tuple[Counts, Counts]:
                counted = self._native.shock_on_ladder(self._native_market, moves, True, threads)
                return counted["rounds"], counted["cascade_depth"]

        reason = engines.reason(engine, outside, columns["by_ladder"])
        return unpack.many(columns, self.market.names, moves, self.market.numeraire, self, reason=reason, count=count)


def _places(book: Book, market: Market) -> tuple[list[int], list[int]]:
    """Return the places in the market of each instrument's asset and of each collateral."""
    wanted = dict.fromkeys((*book.venue.assets, *book.venue.collateral))
    unknown = [name for name in wanted if name not in market.names]
    if unknown:
        what = "asset and collateral" if book.venue.collateral else "asset"
        raise InputError(f"market must have every {what} of the venue; missing: {', '.join(unknown)}")
    asset_of = [market.names.index(instrument.asset) for instrument in book.venue.instruments]
    return asset_of, [market.names.index(coin) for coin in book.venue.collateral]


def prepare(book: Book, market: Market) -> Ready:
    """Sort a book for a market, once for many runs.

    Parameters
    ----------
    book : Book
        The positions.
    market : Market
        Must have every asset of the book's venue.

    Returns
    -------
    Ready
        Taken wherever the pair is: ``lc.shock(ready, -0.1)``.

    Raises
    ------
    InputError
        If the market lacks an asset.
    KindError
        If an argument has the wrong type.
    TooLargeError
        If there is not enough memory.

    Notes
    -----
    Positions sorted by liquidation price make a shock cost what it liquidates, not what the book holds.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> lc.prepare(book, lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))}))
    <levcore.Ready: 1 positions sorted for a market of BTC>
    """
    return Ready(book, market)


@overload
def shock(book: Book, market: Market, shock: Single, *, engine: str = ...) -> Outcome: ...
@overload
def shock(book: Book, market: Market, shock: Batch, *, engine: str = ...) -> Outcomes: ...
@overload
def shock(book: Ready, market: Single, *, engine: str = ...) -> Outcome: ...
@overload
def shock(book: Ready, market: Batch, *, engine: str = ...) -> Outcomes: ...
@overload
def shock(book: Ready, *, shock: Single, engine: str = ...) -> Outcome: ...
@overload
def shock(book: Ready, *, shock: Batch, engine: str = ...) -> Outcomes: ...
def shock(
    book: Book | Ready,
    market: Market | Single | Batch | None = None,
    shock: Single | Batch | None = None,
    *,
    engine: str = "auto",
) -> Outcome | Outcomes:
    """Move prices and run the cascade of forced liquidations that follows.

    Parameters
    ----------
    book : Book or Ready
        The positions, or a pair prepared by :func:`prepare` (then the market is left out: ``lc.shock(ready, -0.1)``).
    market : Market
        Where the forced orders go.
    shock : float, mapping of str to float, or array of shape (n,) or (n, assets)
        Relative move of the fundamental prices, > -1 (-0.1 is a fall of 10 %): a number moves every asset, a mapping
        (or a Series labelled by assets) those it names; an array is n shocks, each on its own, columns in the market's
        order; a data frame is n shocks, columns by name.
    engine : {"auto", "ladder", "ledger"}
        Which engine runs an array of shocks: the ladder, where a cascade is one search, or the ledger, which knows
        everything; "auto" takes the ladder for many shocks, where it can. One shock is kept whole, by the ledger.

    Returns
    -------
    Outcome or Outcomes
        One outcome; for an array one with a leading axis.

    Raises
    ------
    InputError
        If a shock is not above -1 or not finite, or names an unknown asset.
    KindError
        If an argument has the wrong type.
    DomainError
        If the ladder is asked for and the pair is outside its domain; the message says what takes it out.
    TooLargeError
        If there is not enough memory.

    Notes
    -----
    The price moves, then rounds of margin checks and forced orders run until nobody is liquidatable. A shock knows no
    refill and no funding. The first shock of a large book sorts no more of it than it can reach. Source: the page
    "The model" of the documentation.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> round(lc.shock(book, market, -0.1).final_price["BTC"], 4)
    89.1045
    """
    if isinstance(book, Ready):
        if market is not None and shock is not None:
            raise KindError("a prepared pair has its market: give only the shock")
        held, to, wanted = book.book, book.market, (market if shock is None else shock)
    else:
        held, to, wanted = checks.instance("book", book, Book), checks.instance("market", market, Market), shock
        _places(held, to)
    if wanted is None or isinstance(wanted, (str, Market)):
        raise KindError(f"shock must be a number, a mapping or an array, was {checks.describe(wanted)}")
    checks.choice("engine", engine, engines.ENGINES)
    moves, one = _moves(wanted, to.names)
    if one and engine == "ladder":
        raise DomainError("engine='ladder' is for arrays of shocks: one shock is kept whole, which the ledger does")
    if one and not isinstance(book, Ready) and (outcome := _first(held, to, moves)) is not None:
        return outcome
    ready = book if isinstance(book, Ready) else ready_pair(held, to)
    return ready._run(moves) if one else ready._run_many(moves, engine)


def ready_pair(book: object, market: object) -> Ready:
    """Return the pair prepared; a book remembers its last one."""
    return _remembered(checks.instance("book", book, Book), checks.instance("market", market, Market))


def _first(book: Book, market: Market, moves: Floats) -> Outcome | None:
    """Run the first shock of a large book, which sorts no more of it than it can reach.

    None where the book is sorted, or a second shock shows that it is worth sorting, or its venue wants it whole.
    """
    if len(book) < ONCE_FROM:
        return None
    with book._guard:
        last = book._ready
        if (isinstance(last, Ready) and last.market == market) or (isinstance(last, Market) and last == market):
            return None
        book._ready = market
    most = memory.book_bytes(len(book), changing=False) + len(book) * memory.COLUMN_BYTES  # if all are reached
    memory.refuse_if_too_large(most, f"a shock of {len(book):,} positions")
    threads = thread_count.asked(None)
    columns = _core.shock_once(book._native, _places(book, market)[0], market._to_native(), moves[0], threads)
    if columns is None:
        return None
    return unpack.single(columns, market.names, moves, market.numeraire, book.venue.backstop.own_funds)


def _remembered(book: Book, market: Market) -> Ready:
    with book._guard:
        last = book._ready
    if isinstance(last, Ready) and last.market == market:
        return last
    ready = Ready(book, market)
    with book._guard:
        book._ready = ready
    return ready


def _moves(shock: Any, names: tuple[str, ...]) -> tuple[Floats, bool]:
    shock = checks.labelled(shock)
    if isinstance(shock, Mapping):
        checks.names_in("asset", shock, names)
        row = [_move(f"shock[{name!r}]", shock.get(name, 0.0)) for name in names]
        return np.array([row]), True
    if _axes(shock) == 0:
        value = shock.item() if isinstance(shock, np.ndarray) else shock
        return np.full((1, len(names)), _move("shock", value)), True
    memory.refuse_if_too_large(memory.outcome_bytes(len(shock), len(names)), f"a batch of {len(shock):,} shocks")
    if hasattr(shock, "columns"):
        shock = _by_asset(shock, names)
    if _axes(shock) == 1:
        moves = np.repeat(checks.column("shock", shock)[:, None], len(names), axis=1)
    else:
        try:
            array = np.asarray(shock)
        except ValueError as error:
            raise KindError(f"shock must be a table of numbers: {error}") from None
        if array.ndim != 2 or array.shape[1] != len(names):
            raise InputError(f"shock must have shape (n,) or (n, {len(names)}), had {array.shape}")
        moves = checks.column("shock", array.reshape(-1)).reshape(array.shape)
    wrong = np.argwhere(~(np.isfinite(moves) & (moves > -1.0) & (moves <= checks.LARGEST)))
    if wrong.size:
        row_at, k = wrong[0]
        where = f"shock[{row_at}]" if _axes(shock) == 1 else f"shock[{row_at}, {k}]"
        _move(where, float(moves[row_at, k]))
    return np.array(moves, dtype=np.float64, order="C"), False


def _axes(shock: Any) -> int:
    try:
        return int(np.ndim(shock))
    except ValueError:  # rows of different lengths
        return 2


def _by_asset(frame: Any, names: tuple[str, ...]) -> Floats:
    """Take a frame's columns by the names of the assets; assets that it does not name stand still."""
    checks.names_in("asset", dict.fromkeys(frame.columns), names)
    still = np.zeros(len(frame))
    return np.column_stack(
        [checks.column(f"shock[{n!r}]", frame[n]) if n in list(frame.columns) else still for n in names]
    )


def _move(name: str, value: object) -> float:
    move = checks.number(name, value, at_most=checks.LARGEST)
    if not move > -1.0:
        raise InputError(f"{name} must be > -1 (a price cannot fall by 100 % or more), was {move}")
    return move
