"""Risk measures of simulated paths: of the fund, of bad debt, of who is liquidated and when."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from levcore import checks, grouped
from levcore.errors import InputError
from levcore.estimates import ENOUGH, Estimate, normal_quantile
from levcore.grouped import Draw
from levcore.per_asset import PerAsset
from levcore.runs import Runs

Floats = npt.NDArray[np.float64]

#: Leverage at which buckets begin and end.
EDGES = (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, math.inf)


def exhaustion_probability(runs: Runs, confidence: float = 0.95) -> Estimate:
    """Estimate how probable it is that the insurance fund is exhausted before the paths end.

    Parameters
    ----------
    runs : Runs
        What :func:`levcore.simulate` returned.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        A share of the paths, with Wilson's interval.

    Raises
    ------
    InputError, KindError
        If a path stopped early, or the confidence breaks a rule.

    Notes
    -----
    See :func:`probability`; of the horizon that was simulated, not of a year.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[3_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 100, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> runs = lc.simulate(book, market, lc.GBM(volatility=0.6), **day)
    >>> lc.risk.exhaustion_probability(runs).n
    100
    """
    return grouped.probability(whole(runs).exhausted, draw_of(runs, confidence))


def expected_bad_debt(runs: Runs, confidence: float = 0.95) -> Estimate:
    """Estimate the mean bad debt of a path.

    Parameters
    ----------
    runs : Runs
        What :func:`levcore.simulate` returned.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        In the market's numeraire, with a normal interval that begins at 0 at the lowest.

    Raises
    ------
    InputError, KindError
        If a path stopped early, or the confidence breaks a rule.

    Notes
    -----
    See :func:`mean`; bad debt is what nobody's margin, fund or claim has covered: the page "The model".

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[3_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 100, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> runs = lc.simulate(book, market, lc.GBM(volatility=0.6), **day)
    >>> lc.risk.expected_bad_debt(runs).low
    0.0
    """
    return of_an_amount(grouped.mean(whole(runs).bad_debt, draw_of(runs, confidence)))


def liquidation_probability_by_leverage(
    runs: Runs, edges: npt.ArrayLike = EDGES, confidence: float = 0.95
) -> Mapping[str, Estimate]:
    """Estimate how probable the liquidation of a position is, by its leverage at the start.

    Parameters
    ----------
    runs : Runs
        What :func:`levcore.simulate` returned.
    edges : array of shape (buckets + 1,)
        Where buckets begin and the last one ends, rising, the first >= 0; the last may be infinite. A bucket holds its
        lower edge.
    confidence : float
        Of the intervals, in (0, 1).

    Returns
    -------
    mapping of str to Estimate
        By a bucket's name, "5x to 10x", the mean probability of its positions; buckets that hold none are left out.

    Raises
    ------
    InputError, KindError
        If a path stopped early, or the edges or the confidence break a rule.
    NotKeptError
        If the paths are of Sobol's points: how much they vary by position is not kept.

    Notes
    -----
    Leverage is notional over equity at the market's prices before the paths; of a position of an account, the
    account's leverage factor. The interval is Wilson's for as many trials as there are paths, or pairs of antithetic
    ones: never too narrow, for the share of a bucket liquidated in a path varies most where all its positions go
    together. Position by position: `Runs.liquidation_probability` and `Runs.liquidation_probability_interval`.
    low_sample: fewer than 200 paths' worth of liquidations, or of none.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> held = {"quantity": [1.0, 1.0], "entry_price": [60_000.0] * 2, "margin": [3_000.0, 20_000.0]}
    >>> book = lc.Book(venue, instrument="BTC", **held)
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 100, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> runs = lc.simulate(book, market, lc.GBM(volatility=0.6), **day)
    >>> list(lc.risk.liquidation_probability_by_leverage(runs))
    ['2x to 5x', '20x to 50x']
    """
    bounds = checks.column("edges", edges)
    if len(bounds) < 2:
        raise InputError(f"edges must be at least 2, for one bucket, were {len(bounds)}")
    for i, edge in enumerate(bounds.tolist()):
        checks.number(f"edges[{i}]", edge, at_least=0.0, infinite=i == len(bounds) - 1)
        if i and not edge > bounds[i - 1]:
            raise InputError(f"edges[{i}] must be > edges[{i - 1}], {bounds[i - 1]:g}, was {edge:g}")
    normal_quantile(confidence)
    leverage, share = leverage_of_each(whole(runs)), runs.liquidation_probability
    bucket = np.searchsorted(bounds, leverage, side="right") - 1
    if math.isinf(bounds[-1]):
        bucket[np.isinf(leverage)] = len(bounds) - 2  # what has no equity left is in the last one
    found = {}
    for i in range(len(bounds) - 1):
        held = share[bucket == i]
        if held.size:
            one = of_share(float(held.mean()), runs._trials, confidence)
            found[_bucket(*bounds[i : i + 2].tolist())] = replace(one, n=runs.paths)
    return PerAsset(found)


def time_to_liquidation(runs: Runs, q: float = 0.5, confidence: float = 0.95) -> Estimate:
    """Estimate the time by which a share q of the paths has seen its first liquidation.

    Parameters
    ----------
    runs : Runs
        What :func:`levcore.simulate` returned.
    q : float
        In (0, 1); 0.5 is the median time.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        Seconds since the start; infinite where it lies beyond the end of the paths.

    Raises
    ------
    InputError, KindError
        If a path stopped early, or q or the confidence breaks a rule.

    Notes
    -----
    The quantile over all paths; one that ends without a liquidation has seen it later than that, so that none is left
    out. Position by position, over the paths that liquidate it: `Runs.mean_liquidation_time`.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[1_500.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 100, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> runs = lc.simulate(book, market, lc.GBM(volatility=0.6), **day)
    >>> lc.risk.time_to_liquidation(runs, q=0.25).value / 3600.0
    6.0
    """
    share = checks.number("q", q, above=0.0, below=1.0)
    first = whole(runs).first_liquidation
    seconds = first.astype("timedelta64[ns]", copy=False).view(np.int64) / 1e9
    seconds[np.isnat(first)] = np.inf
    return grouped.quantile(seconds, share, draw_of(runs, confidence))


def draw_of(runs: Runs, confidence: float) -> Draw:
    """Return how the paths were drawn, for the interval of what they show."""
    return Draw(runs.paths, None, runs.together, confidence)


def whole(runs: Runs) -> Runs:
    """Return runs all of whose paths reached their end."""
    said = checks.instance("runs", runs, Runs).error
    if said.count(None) != len(said):
        i = next(i for i, error in enumerate(said) if error is not None)
        raise InputError(f"runs must hold no path that stopped early, runs.error[{i}] was {said[i]!r}")
    return runs


def of_an_amount(estimate: Estimate) -> Estimate:
    """Return the estimate of what cannot be negative."""
    return replace(estimate, low=max(0.0, estimate.low))


def leverage_of_each(runs: Runs) -> Floats:
    """Return each position's leverage at the start: of one of an account the account's."""
    book = runs.book
    if not len(book.accounts):
        return book.leverage(runs.market)
    of_each: Floats = book.leverage_factor(runs.market, by="account")[book._account_of_each()]
    return of_each


def _bucket(low: float, high: float) -> str:
    return f"{low:g}x and more" if math.isinf(high) else f"{low:g}x to {high:g}x"


def of_share(share: float, n: int, confidence: float) -> Estimate:
    """Return Wilson's interval of a mean share of n paths, which need not be a whole number of them."""
    z = normal_quantile(confidence)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)
    return Estimate(share, low, high, float(confidence), n, min(share, 1.0 - share) * n < ENOUGH - 1e-6)


def unit_of(measure: object, numeraire: str) -> str:
    """Return what a measure of this room is in; empty for others."""
    if measure is exhaustion_probability:
        return "share"
    return numeraire if measure is expected_bad_debt else "seconds" if measure is time_to_liquidation else ""
