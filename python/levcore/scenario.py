"""What the outside world does to prices: the processes, and the random numbers that they are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from levcore import _core, checks, memory
from levcore.errors import InputError
from levcore.market import Market
from levcore.process import YEAR, PerAssetRate, Process, correlation_matrix, in_order, loading, rates

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
        set_field(self, "drift", rates("drift", self.drift, at_least=-1e3, at_most=1e3))
        if self.correlation is not None:
            set_field(self, "correlation", correlation_matrix(self.correlation))

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        years = step / YEAR
        volatility = in_order("volatility", self.volatility, market.names)
        drift = in_order("drift", self.drift, market.names)
        scaled = loading(self.correlation, len(market)) * (volatility * np.sqrt(years))[:, None]
        mean = (drift - 0.5 * volatility * volatility) * years
        return _core.Scenario.gbm(mean.tolist(), scaled.reshape(-1).tolist(), seed)


@dataclass(frozen=True)
class GARCH(Process):
    """GARCH(1,1): volatility that clusters, with normal innovations, correlated across assets.

    Parameters
    ----------
    volatility : float or mapping of str to float
        In the long run, per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one
        each by name.
    alpha : float or mapping of str to float
        Weight of the last step's squared innovation in the next step's variance, >= 0.
    beta : float or mapping of str to float
        Weight of the last step's variance, >= 0; alpha + beta < 1.
    drift : float or mapping of str to float
        Of the expected price, per year; 0 is a martingale.
    correlation : array of shape (assets, assets), optional
        Of the assets' innovations, in the market's order; None: independent.
    initial_volatility : float or mapping of str to float, optional
        Of the first step, in the unit of `volatility`, >= 0; None: that of the long run.

    Raises
    ------
    InputError
        If a number is out of range, alpha + beta is not below 1, or the correlation is not symmetric with ones on the
        diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    With z a standard normal and h the variance of a step of dt years, the log return is ``drift*dt - h/2 + sqrt(h)*z``
    and the next variance ``omega + alpha*h*z**2 + beta*h``, ``omega = volatility**2*dt*(1 - alpha - beta)``. So `alpha`
    and `beta` hold for one step, whatever its length: those fitted to daily returns go with a step of a day, and an
    excess of variance halves in ``log(0.5)/log(alpha + beta)`` steps. Returns are normal within a step; their kurtosis
    over time is ``3*(1 - p**2)/(1 - p**2 - 2*alpha**2)``, p = alpha + beta, where that is positive. Source: Bollerslev
    (1986); numbers from :func:`normals`.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.GARCH(volatility=0.6, alpha=0.1, beta=0.85, initial_volatility=1.2)
    >>> process.paths(market, paths=3, steps=30, step=timedelta(days=1), seed=1).shape
    (3, 30, 1)
    """

    volatility: PerAssetRate
    _: KW_ONLY
    alpha: PerAssetRate
    beta: PerAssetRate
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None
    initial_volatility: PerAssetRate | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "volatility", rates("volatility", self.volatility, at_least=0.0, at_most=1e3))
        set_field(self, "alpha", rates("alpha", self.alpha, at_least=0.0, below=1.0))
        set_field(self, "beta", rates("beta", self.beta, at_least=0.0, below=1.0))
        _refuse_persistence(self.alpha, self.beta)
        set_field(self, "drift", rates("drift", self.drift, at_least=-1e3, at_most=1e3))
        if self.correlation is not None:
            set_field(self, "correlation", correlation_matrix(self.correlation))
        if self.initial_volatility is not None:
            first = rates("initial_volatility", self.initial_volatility, at_least=0.0, at_most=1e3)
            set_field(self, "initial_volatility", first)

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        years = step / YEAR
        alpha, beta = (in_order(name, getattr(self, name), market.names) for name in ("alpha", "beta"))
        long_run = _step_variance("volatility", self.volatility, market, years)
        first = long_run
        if self.initial_volatility is not None:
            first = _step_variance("initial_volatility", self.initial_volatility, market, years)
        return _core.Scenario.garch(
            mean=(in_order("drift", self.drift, market.names) * years).tolist(),
            omega=(long_run * (1.0 - (alpha + beta))).tolist(),
            alpha=alpha.tolist(),
            beta=beta.tolist(),
            variance=first.tolist(),
            loading=loading(self.correlation, len(market)).reshape(-1).tolist(),
            seed=seed,
        )


def _refuse_persistence(alpha: PerAssetRate, beta: PerAssetRate) -> None:
    """Refuse weights that leave no variance in the long run."""
    named = {name: None for weights in (alpha, beta) if isinstance(weights, Mapping) for name in weights}
    for name in named or {"": None}:
        pair = [weights.get(name, 0.0) if isinstance(weights, Mapping) else weights for weights in (alpha, beta)]
        if not sum(pair) < 1.0:
            of = f" of {name!r}" if named else ""
            raise InputError(f"alpha + beta{of} must be < 1, was {pair[0]} + {pair[1]}: no volatility in the long run")


def _step_variance(name: str, volatility: PerAssetRate, market: Market, years: float) -> Floats:
    a_step: Floats = in_order(name, volatility, market.names) * np.sqrt(years)
    return a_step * a_step


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
