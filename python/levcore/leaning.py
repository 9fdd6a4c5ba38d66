"""Importance sampling of crashes: paths that lean towards one, and what each of them counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np

from levcore import _core, checks
from levcore.errors import InputError, KindError
from levcore.market import Market
from levcore.process import YEAR, Floats, cholesky, in_order, span
from levcore.run_measures import whole
from levcore.runs import Runs
from levcore.scenario import GBM


def leaning(process: GBM, market: Market, toward: Mapping[str, float], over: timedelta) -> GBM:
    """Return the process with the drift that leads to a move of some assets, the others going along.

    Parameters
    ----------
    process : GBM
        The true one.
    market : Market
        Its assets.
    toward : mapping of str to float
        By asset, the simple return, > -1, about which prices lie at the end.
    over : timedelta
        How far away the end is, > 0: step times steps.

    Returns
    -------
    GBM
        As `process`, but for its drift.

    Raises
    ------
    InputError, KindError
        If the process is no GBM, an asset is unknown or has no volatility, a return is out of range, or the drift that
        leads there leaves the bounds of GBM's.

    Notes
    -----
    Assets that are not named move as their correlation has it when the named ones do: of all ways to get there the
    most probable. Simulate it, and weigh the paths by :func:`likelihood_ratio`. Source: Glasserman (2003), 4.6.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = timedelta(days=1)
    >>> round(lc.variance_reduction.leaning(lc.GBM(volatility=0.6), market, {"BTC": -0.2}, day).drift["BTC"], 1)
    -81.3
    """
    _check(process)
    years = span("over", over) / YEAR
    names = checks.instance("market", market, Market).names
    checks.names_in("asset", toward, names)
    if not toward:
        raise InputError("toward must name at least one asset")
    moves = {a: checks.number(f"toward[{a!r}]", r, above=-1.0, at_most=checks.LARGEST) for a, r in toward.items()}
    covariance, middle = _law(process, names, years)
    named = [k for k, name in enumerate(names) if name in moves]
    wanted = _core.log1p(np.array([moves[names[k]] for k in named]))
    if not all(covariance[k, k] > 0.0 for k in named):
        raise InputError("toward must name assets with volatility: the others cannot be led anywhere")
    pull = _solved(covariance[np.ix_(named, named)], wanted - middle[named])
    shift = np.array([sum(covariance[k, j] * p for j, p in zip(named, pull, strict=True)) for k in range(len(names))])
    drift = in_order("drift", process.drift, names) + shift / years
    return replace(process, drift={name: float(one) for name, one in zip(names, drift, strict=True)})


def likelihood_ratio(runs: Runs, process: GBM) -> Floats:
    """Return what each path counts under another drift than it was drawn with.

    Parameters
    ----------
    runs : Runs
        Of a GBM, such as :func:`leaning` makes.
    process : GBM
        The true one: the same volatilities and correlation, another drift.

    Returns
    -------
    float64[paths]
        Weights for the estimates of :mod:`levcore.variance_reduction`; their mean is 1 but for chance.

    Raises
    ------
    InputError, KindError
        If a path stopped early, either process is no GBM, or they differ in more than their drift.

    Notes
    -----
    ``exp(sum(d*(x - (m + m')/2)))``, ``d = inverse(covariance)*(m - m')``, where x are the log returns of fundamental
    prices over the whole path and m, m' their means under both: of a constant drift the end of a path says all.
    Weights are only as good as the paths cover what matters: `low_sample` says where few of them decide. Source:
    Girsanov (1960); Glasserman (2003), 4.6.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[12_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> hours, true = {"paths": 2_000, "steps": 24, "step": timedelta(hours=1), "seed": 1}, lc.GBM(volatility=0.6)
    >>> crash = lc.variance_reduction.leaning(true, market, {"BTC": -0.15}, timedelta(days=1))
    >>> runs = lc.simulate(book, market, crash, **hours)
    >>> weights = lc.variance_reduction.likelihood_ratio(runs, true)
    >>> float(lc.variance_reduction.probability(runs.liquidated_count > 0, weights=weights)) < 1e-4
    True
    """
    _check(process)
    drawn = whole(runs).scenario
    _check(drawn)
    names, years = runs.market.names, runs.steps * (runs.step / YEAR)
    covariance, mean = _law(process, names, years)
    other, its_mean = _law(drawn, names, years)  # type: ignore[arg-type]
    if not np.array_equal(covariance, other):
        raise InputError("process must have the volatilities and the correlation of the paths, and another drift")
    moves = covariance.diagonal() > 0.0
    if (mean != its_mean)[~moves].any():
        raise InputError("drift must be that of the paths for an asset without volatility")
    ends = np.stack([runs.fundamental_price[name] for name in names])
    start = np.array(list(runs.market.prices.values()))
    log_returns = _core.log(np.ascontiguousarray(ends / start[:, None]).ravel()).reshape(ends.shape)
    chosen = np.flatnonzero(moves)
    pull = _solved(covariance[np.ix_(chosen, chosen)], (mean - its_mean)[chosen])
    exponent = np.zeros(runs.paths)
    for k, d in zip(chosen, pull, strict=True):
        exponent += d * (log_returns[k] - 0.5 * (mean[k] + its_mean[k]))
    return _core.exp(exponent)


def _check(process: object) -> None:
    if not isinstance(process, GBM):
        raise KindError(f"process must be a GBM, whose likelihood is known, was {checks.describe(process)}")


def _law(process: GBM, names: tuple[str, ...], years: float) -> tuple[Floats, Floats]:
    """Return covariance and mean of the log returns over a time."""
    volatility = in_order("volatility", process.volatility, names)
    correlation = np.eye(len(names)) if process.correlation is None else np.array(process.correlation, dtype=float)
    covariance = correlation * (volatility[:, None] * volatility[None, :]) * years
    return covariance, (in_order("drift", process.drift, names) - 0.5 * volatility * volatility) * years


def _solved(matrix: Floats, right: Floats) -> Floats:
    """Return the solution of a positive definite system, by Cholesky in plain arithmetic."""
    scale = np.sqrt(matrix.diagonal())
    lower, size = cholesky(matrix / (scale[:, None] * scale[None, :])), len(matrix)
    forward, back = np.zeros(size), np.zeros(size)
    for i in range(size):
        forward[i] = (right[i] / scale[i] - float((lower[i, :i] * forward[:i]).sum())) / lower[i, i]
    for i in range(size - 1, -1, -1):
        back[i] = (forward[i] - float((lower[i + 1 :, i] * back[i + 1 :]).sum())) / lower[i, i]
    return back / scale
