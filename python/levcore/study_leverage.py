"""The highest leverage that a position may have if its liquidation is to stay improbable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.book import Book, concat
from levcore.control import TopUp, rule_of_each, rules_in
from levcore.errors import InputError, NotKeptError
from levcore.estimates import Estimate, normal_quantile
from levcore.market import Market
from levcore.montecarlo import simulate
from levcore.run_measures import of_share, whole

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MaxLeverage:
    """The highest leverage of a grid at which a position's liquidation has at most a given probability.

    Attributes
    ----------
    value : float
        The highest up to which the estimate is at most what was asked for, at it and at every lower leverage of the
        grid; nan where there is none.
    sure : float
        The same by the upper ends of the intervals.
    at_most : float
        The probability asked for.
    leverages : float64[n]
        The grid, rising.
    probabilities : tuple of Estimate
        Of liquidation before the paths end, a leverage each.

    Notes
    -----
    What :func:`levcore.study.max_leverage` returns.

    Examples
    --------
    >>> import levcore as lc
    >>> never, often = lc.Estimate(0.0, 0.0, 0.1, 0.95, 99, True), lc.Estimate(0.3, 0.2, 0.4, 0.95, 99, True)
    >>> lc.study.MaxLeverage(2.0, float("nan"), 0.05, [2.0, 5.0], (never, often))
    <levcore.MaxLeverage: 2x for a probability of at most 0.05; by the intervals none of 2>
    """

    value: float
    sure: float
    at_most: float
    leverages: Floats
    probabilities: tuple[Estimate, ...]

    def __repr__(self) -> str:
        none = f"none of {len(self.leverages)}"
        best, sure = (none if math.isnan(found) else f"{found:g}x" for found in (self.value, self.sure))
        return f"<levcore.MaxLeverage: {best} for a probability of at most {self.at_most:g}; by the intervals {sure}>"


def max_leverage(
    book: Book,
    market: Market,
    scenario: Any,
    *,
    instrument: str,
    quantity: float,
    leverages: npt.ArrayLike,
    at_most: float,
    paths: int,
    steps: int,
    step: timedelta,
    seed: int,
    confidence: float = 0.95,
    threads: int | None = None,
    sampling: str = "independent",
    control: TopUp | Sequence[TopUp] | None = None,
) -> MaxLeverage:
    """Find the highest leverage of a grid at which a position is liquidated with at most a given probability.

    Parameters
    ----------
    book, market, scenario
        As :func:`levcore.simulate` takes them: those who hold positions beside the one in question, whose liquidations
        move the price; the scenario is a process.
    instrument : str
        What the position is of: a symbol of the book's venue.
    quantity : float
        How much of it, < 0 for a short; in the instrument's units as in a book. It is entered at the market's price.
    leverages : array of shape (n,)
        Notional over margin to try, rising, > 0.
    at_most : float
        The probability of liquidation before the paths end, in (0, 1).
    paths, steps, step, seed, threads
        As :func:`levcore.simulate`; the same seed for every leverage.
    sampling : {"independent", "antithetic"}
        As :func:`levcore.simulate`.
    control : TopUp or sequence of TopUp, optional
        As :func:`levcore.simulate` takes it for the book: the position in question is in a group that has all, and in
        no other.
    confidence : float
        Of the intervals, in (0, 1).

    Returns
    -------
    MaxLeverage

    Raises
    ------
    InputError, KindError
        If the instrument is not the venue's, a path stops early, or the quantity, the leverages or the probability
        break a rule.

    Notes
    -----
    The position is isolated, and added to the book, one leverage at a time. Whether the venue's tiers allow a leverage
    is not asked: a position beyond them is liquidated at once. Intervals are Wilson's, of one leverage each. Source:
    Brunnermeier and Pedersen (2009), Review of Financial Studies 22, for margins set by the probability of a loss
    beyond them.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[3_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 500, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> asked = {"instrument": "BTC", "quantity": 0.1, "leverages": [2, 5, 10, 20, 40], "at_most": 0.01}
    >>> lc.study.max_leverage(book, market, lc.GBM(volatility=0.6), **asked, **day)
    <levcore.MaxLeverage: 10x for a probability of at most 0.01; by the intervals 5x>
    """
    checks.instance("book", book, Book)
    checks.instance("market", market, Market)
    grid = checks.rising("leverages", leverages, above=0.0)
    share = checks.number("at_most", at_most, above=0.0, below=1.0)
    normal_quantile(confidence)
    symbol, size = checks.text("instrument", instrument), checks.number("quantity", quantity)
    if size == 0.0:
        raise InputError("quantity must not be 0")
    margin_of_one = _leverage(book, market, symbol, size, margin=1.0)
    rules = rules_in(control)
    rule_of_each(rules, book)
    options: dict[str, Any] = {"paths": paths, "steps": steps, "step": step, "seed": seed, "threads": threads}
    if checks.choice("sampling", sampling, ("independent", "antithetic", "sobol")) == "sobol":
        raise NotKeptError("of Sobol's points it is not kept how much one position varies: take antithetic paths")
    options |= {"sampling": sampling, "control": [replace(rule) for rule in rules]}  # by places: a row comes behind
    found = []
    for leverage in grid.tolist():
        joined = concat([book, _position(book, market, symbol, size, margin=margin_of_one / leverage)])
        runs = whole(simulate(joined, market, scenario, **options))
        one = of_share(float(runs.liquidation_probability[-1]), runs._trials, float(confidence))
        found.append(replace(one, n=runs.paths))
    best = _up_to(grid, np.array([one.value for one in found]) <= share)
    sure = _up_to(grid, np.array([one.high for one in found]) <= share)
    return MaxLeverage(best, sure, share, checks.frozen(grid), tuple(found))


def _position(book: Book, market: Market, symbol: str, quantity: float, *, margin: float) -> Book:
    """Return a book of one position, entered at the market's price."""
    assets = {one.symbol: one.asset for one in book.venue.instruments}
    checks.names_in("instrument", {symbol: None}, tuple(assets))
    price = market[assets[symbol]].price
    return Book(book.venue, instrument=symbol, quantity=[quantity], entry_price=[price], margin=[margin])


def _leverage(book: Book, market: Market, symbol: str, quantity: float, *, margin: float) -> float:
    return float(_position(book, market, symbol, quantity, margin=margin).leverage(market)[0])


def _up_to(grid: Floats, holds: npt.NDArray[np.bool_]) -> float:
    """Return the largest value at which, and below which, something holds; nan where there is none."""
    fails = np.flatnonzero(~holds)
    last = int(fails[0]) - 1 if fails.size else len(grid) - 1
    return float(grid[last]) if last >= 0 else math.nan
