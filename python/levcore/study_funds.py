"""The insurance fund that is just enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.book import Book
from levcore.control import TopUp
from levcore.estimates import Estimate
from levcore.market import Market
from levcore.run_measures import exhaustion_probability
from levcore.sweeps import sweep

Floats = npt.NDArray[np.float64]

FUND = "venue.backstop.insurance_fund"


@dataclass(frozen=True, eq=False)
class FundNeeded:
    """The smallest fund of a grid that keeps the probability of its exhaustion low.

    Attributes
    ----------
    value : float
        The smallest from which on the estimate is at most what was asked for, at it and at every larger fund of the
        grid; nan where there is none.
    sure : float
        The same by the upper ends of the intervals.
    at_most : float
        The probability asked for.
    funds : float64[n]
        The grid, rising.
    probabilities : tuple of Estimate
        Of exhaustion, a fund each.

    Notes
    -----
    What :func:`levcore.study.fund_needed` returns.

    Examples
    --------
    >>> import levcore as lc
    >>> often, never = lc.Estimate(0.3, 0.2, 0.4, 0.95, 99, True), lc.Estimate(0.0, 0.0, 0.1, 0.95, 99, True)
    >>> lc.study.FundNeeded(2.0, float("nan"), 0.05, [1.0, 2.0], (often, never))
    <levcore.FundNeeded: 2 for a probability of at most 0.05; by the intervals none of 2 funds>
    """

    value: float
    sure: float
    at_most: float
    funds: Floats
    probabilities: tuple[Estimate, ...]

    def __repr__(self) -> str:
        best, sure = (
            f"none of {len(self.funds)} funds" if math.isnan(x) else f"{x:g}" for x in (self.value, self.sure)
        )
        return f"<levcore.FundNeeded: {best} for a probability of at most {self.at_most:g}; by the intervals {sure}>"


def fund_needed(
    book: Book,
    market: Market,
    scenario: Any,
    *,
    funds: npt.ArrayLike,
    at_most: float,
    paths: int,
    steps: int,
    step: timedelta,
    seed: int,
    confidence: float = 0.95,
    threads: int | None = None,
    sampling: str = "independent",
    control: TopUp | Sequence[TopUp] | None = None,
) -> FundNeeded:
    """Find the smallest insurance fund of a grid whose exhaustion has at most a given probability.

    Parameters
    ----------
    book, market, scenario
        As :func:`levcore.simulate` takes them; the scenario is a process.
    funds : array of shape (n,)
        Funds to try, in the settlement currency, rising, >= 0.
    at_most : float
        The probability of exhaustion before the paths end, in (0, 1).
    paths, steps, step, seed, threads, sampling, control
        As :func:`levcore.simulate`; the same seed for every fund.
    confidence : float
        Of the intervals, in (0, 1).

    Returns
    -------
    FundNeeded

    Raises
    ------
    InputError, KindError
        If the funds or the probability break a rule.

    Notes
    -----
    Every fund of the grid is run, for more money need not end better on every path: what a fund pays changes who is
    deleveraged, and with it what follows. The venue's fund is set; `own_funds` stay. Intervals are of one fund each:
    that all of them hold at once is less sure.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[60_000.0], margin=[600.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 300, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> process = lc.GBM(volatility=0.6)
    >>> lc.study.fund_needed(book, market, process, funds=[1.0, 1e3, 1e5], at_most=0.05, **day)
    <levcore.FundNeeded: 1000 for a probability of at most 0.05; by the intervals 1000>
    """
    grid = checks.rising("funds", funds, at_least=0.0)
    share = checks.number("at_most", at_most, above=0.0, below=1.0)
    found = sweep(
        book,
        market,
        scenario,
        {FUND: grid.tolist()},
        {"probability": lambda runs: exhaustion_probability(runs, confidence)},
        paths=paths,
        steps=steps,
        step=step,
        seed=seed,
        threads=threads,
        sampling=sampling,
        control=control,
    ).measures["probability"]
    best = _from_here_on(grid, np.array([one.value for one in found]) <= share)
    sure = _from_here_on(grid, np.array([one.high for one in found]) <= share)
    return FundNeeded(best, sure, share, checks.frozen(grid), found)


def _from_here_on(grid: Floats, holds: npt.NDArray[np.bool_]) -> float:
    """Return the smallest value at which, and above which, something holds; nan where there is none."""
    fails = np.flatnonzero(~holds)
    first = int(fails[-1]) + 1 if fails.size else 0
    return float(grid[first]) if first < len(grid) else math.nan
