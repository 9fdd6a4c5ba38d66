"""What the outside world does to prices: the processes, and the random numbers that they are made of."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from levcore import _core, checks, memory
from levcore.errors import InputError
from levcore.fitted import Fitted, Found, fitted_process, whole_rows, years_of
from levcore.market import Market
from levcore.per_asset import PerAsset
from levcore.process import YEAR, PerAssetRate, Process, correlation_matrix, in_order, loading, rates, span

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GBM(Process):
    """Geometric Brownian motion, correlated across assets.

    Parameters
    ----------
    volatility : float or mapping of str to float
        Per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one each by name.
    drift : float or mapping of str to float
        Of the expected price, per year; 0 is a martingale.
    correlation : array of shape (assets, assets), optional
        Of the assets' log returns, in the market's order; None: independent.

    Raises
    ------
    InputError
        If a number is out of range, or the correlation is not symmetric with ones on the diagonal and positive
        definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Over a time dt the log return is normal with mean ``(drift - volatility**2/2)*dt`` and variance
    ``volatility**2*dt``. Source: Black and Scholes (1973); numbers from :func:`normals`.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> lc.GBM(volatility=0.6).paths(market, paths=3, steps=4, step=timedelta(hours=6), seed=1).shape
    (3, 4, 1)
    """

    volatility: PerAssetRate
    _: KW_ONLY
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "volatility", rates("volatility", self.volatility, at_least=0.0, at_most=1e3))
        set_field(self, "drift", rates("drift", self.drift, at_least=-1e6, at_most=1e6))
        if self.correlation is not None:
            set_field(self, "correlation", correlation_matrix(self.correlation))

    @classmethod
    def fit(cls, returns: npt.ArrayLike | dict[str, Any], *, step: timedelta) -> Self:
        """Return the process that makes returns most likely.

        Parameters
        ----------
        returns : array of shape (rows,), or mapping of str to such arrays
            Simple returns of one step each, > -1; a series an asset by name, in the market's order, whose rows are the
            same times. At least 2 rows. nan is a missing return: it is left out, and none is bridged.
        step : timedelta
            Time of one return, > 0.

        Returns
        -------
        process
            `fitted` has estimates and standard errors, of each asset by name.

        Raises
        ------
        InputError, KindError
            If returns are too few, all alike or out of range, or an argument breaks a rule.

        Notes
        -----
        Mean and standard deviation of log returns, and their correlation over the rows in which no asset's is missing.
        The standard error of a drift is ``volatility/sqrt(years)``: years of returns say little about it. Source:
        textbook.

        Examples
        --------
        >>> from datetime import timedelta
        >>> import levcore as lc
        >>> lc.GBM.fit([0.01, -0.02, 0.015, -0.01], step=timedelta(days=1)).volatility
        0.3163...
        """
        years = years_of(span("step", step))
        process: Self = fitted_process(cls, returns, lambda name, logs: _fit(name, logs, years))
        return process

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        years = step / YEAR
        volatility = in_order("volatility", self.volatility, market.names)
        drift = in_order("drift", self.drift, market.names)
        scaled = loading(self.correlation, len(market)) * (volatility * np.sqrt(years))[:, None]
        mean = (drift - 0.5 * volatility * volatility) * years
        return _core.Scenario.gbm(mean.tolist(), scaled.reshape(-1).tolist(), seed)


def _fit(name: str, logs: Floats, years: float) -> Found:
    rows = whole_rows(name, logs, 2)
    n, mean, deviation = len(rows), float(rows.mean()), float(rows.std(ddof=1))
    volatility = deviation / math.sqrt(years)
    values = {"volatility": volatility, "drift": mean / years + 0.5 * volatility * volatility}
    of_volatility = volatility / math.sqrt(2.0 * n)
    errors = {
        "volatility": of_volatility,
        "drift": math.hypot(volatility / math.sqrt(n * years), volatility * of_volatility),
    }
    spread = float(((rows - mean) ** 2).sum()) / (deviation * deviation)
    log_likelihood = -0.5 * (n * math.log(2.0 * math.pi * deviation * deviation) + spread)
    fitted = Fitted(PerAsset(values), PerAsset(errors), log_likelihood, n)
    return Found(values, fitted, (logs - mean) / deviation)


def normals(seed: int, shape: int | tuple[int, ...]) -> Floats:
    """Return the standard normals that paths are made of.

    Parameters
    ----------
    seed : int
        0 <= seed < 2**64.
    shape : int or tuple of int
        One length: that many numbers of path 0. Else the first axis counts paths, the others the path's numbers:
        ``normals(seed, (paths, steps, assets))`` are those of a simulation with this seed.

    Returns
    -------
    float64[shape]

    Raises
    ------
    InputError, KindError
        If an argument breaks a rule.
    TooLargeError
        If there is not enough memory.

    Notes
    -----
    Philox4x32-10 and the Box-Muller transform: a number depends on seed, path and place alone. Source: Salmon, Moraes,
    Dror and Shaw (2011).

    Examples
    --------
    >>> import levcore as lc
    >>> bool((lc.normals(7, (3, 4))[1] == lc.normals(7, (2, 4))[1]).all())
    True
    """
    key = checks.integer("seed", seed, at_least=0, at_most=2**64 - 1)
    given = shape if isinstance(shape, tuple) else (shape,)
    sizes = tuple(checks.integer(f"shape[{i}]", size, at_least=0, at_most=2**48) for i, size in enumerate(given))
    if not sizes:
        raise InputError("shape must have at least one axis, was ()")
    paths, numbers = (1, sizes[0]) if len(sizes) == 1 else (sizes[0], math.prod(sizes[1:]))
    if numbers > 2**33:
        raise InputError(f"a path has at most 2**33 numbers, shape asked for {numbers}")
    if paths * numbers > 100_000:  # for less, asking the system takes as long as drawing
        memory.refuse_if_too_large(8 * paths * numbers, f"{paths * numbers:,} normals")
    return _core.normals(key, paths, numbers).reshape(sizes)
