"""Stochastic volatility: Heston, and Bates with jumps."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import _core
from levcore.errors import InputError
from levcore.jumps import (
    DRIFT,
    NORMAL_SIZES,
    RATE,
    VOLATILITY,
    a_step,
    check_columns,
    check_sharing,
    columns,
    normal_growth,
)
from levcore.market import Market
from levcore.process import YEAR, PerAssetRate, Process, in_order, loading

VARIANCE = {
    "volatility": VOLATILITY,
    "reversion": {"above": 0.0, "at_most": 1e6},
    "volatility_of_variance": {"at_least": 0.0, "at_most": 1e4},
    "skew": {"at_least": -1.0, "at_most": 1.0},
    "initial_volatility": VOLATILITY,
    "drift": DRIFT,
}


@dataclass(frozen=True)
class Heston(Process):
    """Heston's stochastic volatility: the variance is a square-root process of its own.

    Parameters
    ----------
    volatility : float or mapping of str to float
        Root of the long-run variance (Heston's theta), per square root of a year of 365 days (0.6 is 60 %), >= 0; a
        number for every asset, or one each by name.
    reversion : float or mapping of str to float
        Rate at which the variance comes back (kappa), per year, > 0 and at most 1 per step.
    volatility_of_variance : float or mapping of str to float
        Heston's sigma or xi, per year, >= 0.
    skew : float or mapping of str to float
        Correlation of the moves of price and variance (rho), -1 to 1.
    drift : float or mapping of str to float
        Of the expected price, per year; 0 is a martingale.
    correlation : array of shape (assets, assets), optional
        Of the normals of the assets' prices, in the market's order; None: independent.
    initial_volatility : float or mapping of str to float, optional
        Of the first step, in the unit of `volatility`, >= 0; None: that of the long run.

    Raises
    ------
    InputError
        If a number is out of range, the reversion is above 1 per step, or the correlation is not symmetric with ones
        on the diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    The law is ``dv = reversion*(volatility**2 - v)*dt + volatility_of_variance*sqrt(v)*dW``. Steps are those of the
    full truncation Euler scheme: the variance may fall below zero and counts as zero then. In the long run the mean of
    what counts is exact; the scheme is biased in its spread, by about ``reversion*dt/2`` of its variance where it stays
    above zero (0.7 % for a reversion of 5 and steps of a day), and in how long it stays near zero. Zero drift is a
    martingale for any step. Where ``volatility_of_variance**2 > 2*reversion*volatility**2`` (Feller's condition broken)
    the variance is at zero for whole steps, which Heston's never is: take steps
    that are short beside ``1/reversion``. Sources: Heston (1993); Lord, Koekkoek and van Dijk (2010).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.Heston(volatility=0.7, reversion=5.0, volatility_of_variance=1.5, skew=-0.3)
    >>> process.paths(market, paths=3, steps=4, step=timedelta(hours=6), seed=1).shape
    (3, 4, 1)
    """

    volatility: PerAssetRate
    _: KW_ONLY
    reversion: PerAssetRate
    volatility_of_variance: PerAssetRate
    skew: PerAssetRate = 0.0
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None
    initial_volatility: PerAssetRate | None = None

    def __post_init__(self) -> None:
        check_columns(self, **VARIANCE)

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        mean = (in_order("drift", self.drift, market.names) * (step / YEAR)).tolist()
        none: list[float] = []
        return _core.Scenario.heston(
            mean=mean,
            **_variance(self, market, step / YEAR),
            rate=none,
            jump_mean=none,
            jump_deviation=none,
            shared=False,
            seed=seed,
        )


@dataclass(frozen=True)
class Bates(Process):
    """Heston's stochastic volatility with Merton's jumps.

    Parameters
    ----------
    volatility, reversion, volatility_of_variance, skew, initial_volatility
        As of :class:`Heston`.
    rate, jump_mean, jump_deviation, shared_jumps
        As of :class:`Merton`.
    drift : float or mapping of str to float
        Of the expected price, jumps included, per year; 0 is a martingale.
    correlation : array of shape (assets, assets), optional
        Of the normals of the assets' prices, in the market's order; None: independent.

    Raises
    ------
    InputError
        If a number is out of range, shared jumps have no single rate, the reversion is above 1 per step, or the
        correlation is not symmetric with ones on the diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    The scheme and its bias are those of :class:`Heston`; jumps are exact. Source: Bates (1996).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> jumps = {"rate": 20.0, "jump_mean": -0.03, "jump_deviation": 0.05}
    >>> process = lc.Bates(volatility=0.6, reversion=5.0, volatility_of_variance=1.5, **jumps)
    >>> process.paths(market, paths=3, steps=4, step=timedelta(hours=6), seed=1).shape
    (3, 4, 1)
    """

    volatility: PerAssetRate
    _: KW_ONLY
    reversion: PerAssetRate
    volatility_of_variance: PerAssetRate
    rate: PerAssetRate
    jump_mean: PerAssetRate
    jump_deviation: PerAssetRate
    skew: PerAssetRate = 0.0
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None
    initial_volatility: PerAssetRate | None = None
    shared_jumps: bool = False

    def __post_init__(self) -> None:
        check_columns(self, **VARIANCE, rate=RATE, **NORMAL_SIZES)
        check_sharing(self)

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        of, years = columns(self, market, "drift", "rate", "jump_mean", "jump_deviation"), step / YEAR
        growth = normal_growth(of["jump_mean"], of["jump_deviation"])
        return _core.Scenario.heston(
            mean=((of["drift"] - of["rate"] * growth) * years).tolist(),
            **_variance(self, market, years),
            rate=a_step(of["rate"], years),
            jump_mean=of["jump_mean"].tolist(),
            jump_deviation=of["jump_deviation"].tolist(),
            shared=self.shared_jumps,
            seed=seed,
        )


def _variance(process: Heston | Bates, market: Market, years: float) -> dict[str, Any]:
    """Return the columns of the variance, of a step."""
    of = columns(process, market, "volatility", "reversion", "volatility_of_variance", "skew")
    for name, reversion in zip(market.names, of["reversion"], strict=True):
        if not reversion * years <= 1.0:
            of_it = f"{reversion * years:.6g}: {reversion:.6g} a year"
            raise InputError(f"reversion of {name!r} must be at most 1 per step, was {of_it}; take shorter steps")
    long_run = of["volatility"] * of["volatility"] * years
    first = long_run
    if process.initial_volatility is not None:
        volatility = in_order("initial_volatility", process.initial_volatility, market.names)
        first = volatility * volatility * years
    return {
        "variance": first.tolist(),
        "long_run": long_run.tolist(),
        "reversion": (of["reversion"] * years).tolist(),
        "volatility": (of["volatility_of_variance"] * np.float64(years)).tolist(),
        "skew": of["skew"].tolist(),
        "loading": loading(process.correlation, len(market)).reshape(-1).tolist(),
    }
