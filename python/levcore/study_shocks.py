"""Reverse stress: the smallest shock that breaks something, and the odds of breaking by the size of the shock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import cascade, checks
from levcore.book import Book
from levcore.cascade import Ready
from levcore.errors import InputError, KindError
from levcore.estimates import probability
from levcore.market import Market
from levcore.outcomes import Outcomes
from levcore.per_asset import PerAsset
from levcore.sweeps import Sweep

Floats = npt.NDArray[np.float64]
Condition = Callable[[Outcomes], npt.ArrayLike]


@dataclass(frozen=True, eq=False)
class CriticalShock:
    """The smallest shock of a grid at which something holds, and at which of the others it does.

    Attributes
    ----------
    value : float or float64[assets]
        The shock; nan where none of the grid does it.
    shocks : float64[n] or float64[n, assets]
        The grid, mild to severe.
    holds : bool[n]
        Whether the condition holds at each.
    lasts : bool
        Whether it holds at every shock more severe than the smallest: it need not.

    Notes
    -----
    What :func:`levcore.study.critical_shock` returns.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.study.CriticalShock(-0.1, [-0.05, -0.1], [False, True], True).value
    -0.1
    """

    value: Any
    shocks: Floats
    holds: npt.NDArray[np.bool_]
    lasts: bool

    def __repr__(self) -> str:
        found = np.isfinite(self.value).all()
        said = f"{np.round(self.value, 6)}" if found else "none"
        after = "" if self.lasts or not found else "; it does not hold at every shock beyond"
        return f"<levcore.CriticalShock: {said} of {len(self.shocks):,}{after}>"


def critical_shock(
    book: Book | Ready,
    market: Market | None = None,
    *,
    shocks: npt.ArrayLike,
    condition: Condition | None = None,
    engine: str = "auto",
) -> CriticalShock:
    """Find the smallest shock of a grid at which the fund is exhausted, or another condition holds.

    Parameters
    ----------
    book : Book or Ready
        The positions, or a pair prepared by :func:`levcore.prepare` (then the market is left out).
    market : Market, optional
        Where the forced orders go.
    shocks : array of shape (n,) or (n, assets)
        Relative moves of the fundamental prices, > -1: of all assets, taken by rising size; or a row of the market's
        assets each, taken as they stand, mild to severe.
    condition : function of Outcomes to bool[n], optional
        What must hold; left out: the fund is exhausted.
    engine : {"auto", "ladder", "ledger"}
        As :func:`levcore.shock`.

    Returns
    -------
    CriticalShock

    Raises
    ------
    InputError, KindError
        If a shock breaks a rule, a run stops early, or the condition does not say True or False of each shock.

    Notes
    -----
    Reverse stress testing: from the outcome back to what brings it about. Every shock of the grid is run, for a larger
    one need not do what a smaller one does; between two points of the grid nothing is known. Source: Basel Committee,
    Stress testing principles (2018), for the idea.

    Examples
    --------
    >>> import numpy as np
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[3_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> def anyone(outcomes):
    ...     return outcomes.liquidated_count > 0
    >>> lc.study.critical_shock(book, market, shocks=-np.arange(1, 50) / 100, condition=anyone)
    <levcore.CriticalShock: -0.04 of 49>
    """
    grid = _grid(shocks)
    if grid.ndim == 1:
        grid = grid[np.argsort(np.abs(grid), kind="stable")]
    holds = _holds(_ready(book, market), grid, condition, engine)
    where = np.flatnonzero(holds)
    missing = np.full(grid.shape[1:], np.nan)
    value = grid[where[0]] if where.size else missing
    lasts = bool(where.size) and bool(holds[where[0] :].all())
    return CriticalShock(float(value) if grid.ndim == 1 else value, checks.frozen(grid), checks.frozen(holds), lasts)


def _grid(shocks: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return shocks as a table of numbers above -1, in the caller's order."""
    try:
        grid = np.array(shocks, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise KindError(f"shocks must be numbers, were {checks.describe(shocks)}") from error
    if grid.ndim not in (1, 2) or not len(grid):
        raise InputError(f"shocks must have shape (n,) or (n, assets), n >= 1, had {grid.shape}")
    for at in np.argwhere(~(np.isfinite(grid) & (grid > -1.0) & (grid <= checks.LARGEST)))[:1].tolist():
        where = f"shocks[{', '.join(map(str, at))}]"
        checks.number(where, float(grid[tuple(at)]), above=-1.0, at_most=checks.LARGEST)
    return grid


def fragility_curve(
    pairs: Iterable[Ready | tuple[Book, Market]],
    *,
    shocks: npt.ArrayLike,
    condition: Condition | None = None,
    confidence: float = 0.95,
    engine: str = "auto",
) -> Sweep:
    """Estimate how probable it is that the fund is exhausted, or another condition holds, by the size of a shock.

    Parameters
    ----------
    pairs : iterable of Ready, or of (Book, Market)
        What might be there when the shock comes: books drawn with different seeds, markets of different depth.
    shocks : array of shape (n,)
        Relative moves of the fundamental prices of all assets, > -1.
    condition : function of Outcomes to bool[n], optional
        What must hold; left out: the fund is exhausted.
    confidence : float
        Of the intervals, in (0, 1).
    engine : {"auto", "ladder", "ledger"}
        As :func:`levcore.shock`.

    Returns
    -------
    Sweep
        Parameter "shock", measure "probability": the share of the pairs, with Wilson's interval.

    Raises
    ------
    InputError, KindError
        If there are no pairs, a shock breaks a rule, a run stops early, or the condition does not say True or False of
        each shock.

    Notes
    -----
    Source: Kennedy et al. (1980), Nuclear Engineering and Design 59, where the curve comes from: the probability of
    failure by the size of the load.

    Examples
    --------
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> draw = {"size": 100, "prices": {"BTC": 60_000.0}, "open_interest": {"BTC": 1e8}}
    >>> pairs = [(lc.Book.synthetic(venue, seed=seed, **draw), market) for seed in range(20)]
    >>> curve = lc.study.fragility_curve(pairs, shocks=[-0.01, -0.5])
    >>> curve.parameters["shock"], curve.measures["probability"][1].n
    ((-0.01, -0.5), 20)
    """
    grid = checks.column("shocks", shocks)
    if not grid.size:
        raise InputError("shocks must not be empty")
    seen = []
    for pair in pairs:
        if not isinstance(pair, Ready) and not (isinstance(pair, tuple) and len(pair) == 2):
            raise KindError(f"pairs[{len(seen)}] must be a Ready or a book and a market, was {checks.describe(pair)}")
        ready = pair if isinstance(pair, Ready) else _ready(*pair)
        seen.append(_holds(ready, grid, condition, engine))
    if not seen:
        raise InputError("pairs must not be empty")
    estimates = tuple(probability(column, confidence) for column in np.array(seen).T)
    return Sweep(PerAsset({"shock": tuple(grid.tolist())}), PerAsset({"probability": estimates}))


def _ready(book: Book | Ready, market: Market | None) -> Ready:
    if isinstance(book, Ready):
        if market is not None:
            raise KindError("a prepared pair has its market: leave it out")
        return book
    return cascade.prepare(checks.instance("book", book, Book), checks.instance("market", market, Market))


def _holds(ready: Ready, shocks: Floats, condition: Condition | None, engine: str) -> npt.NDArray[np.bool_]:
    outcomes = cascade.shock(ready, shocks, engine=engine)
    for i, error in enumerate(outcomes.error):
        if error is not None:
            raise InputError(f"shocks[{i}], {shocks[i]}, must be one that the market can answer: {error}")
    holds = outcomes.exhausted if condition is None else np.asarray(condition(outcomes))
    if holds.dtype != np.bool_ or holds.shape != (len(shocks),):
        said = f"{holds.dtype} of shape {holds.shape}"
        raise KindError(f"condition must say True or False of each of the {len(shocks)} shocks, was {said}")
    return np.array(holds)
