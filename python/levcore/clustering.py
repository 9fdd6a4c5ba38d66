"""Volatility that clusters because the variance follows from the returns before: GARCH, GJR-GARCH and EGARCH."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from levcore import _core, checks
from levcore.errors import InputError
from levcore.fit_clustering import FittedByArch
from levcore.market import Market
from levcore.process import YEAR, PerAssetRate, by_name, correlation_matrix, in_order, loading, rates

Floats = npt.NDArray[np.float64]

#: arXiv:2512.20190 (2025), Table 2: regimes of BTC and ETH, daily log returns in percent, 2018-12 to 2024-05. Their
#: innovations are skewed by at most 0.06, which is left out here.
PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "BTC low": {"omega": 0.162, "alpha": 0.1141, "gamma": -0.0895, "beta": 0.9306, "degrees_of_freedom": 2.9555},
    "BTC high": {"omega": 3.5636, "alpha": 0.1336, "gamma": 0.0, "beta": 0.7304, "degrees_of_freedom": 2.9625},
    "ETH low": {"omega": 0.15, "alpha": 0.0674, "gamma": 0.0, "beta": 0.9325, "degrees_of_freedom": 3.5463},
    "ETH high": {"omega": 8.1344, "alpha": 0.1325, "gamma": 0.0, "beta": 0.633, "degrees_of_freedom": 3.2018},
}
#: The same paper, Table 1: the variance of a day in the calm regime, percent squared.
CALM = {"BTC low": 2.455, "ETH low": 6.0647}


@dataclass(frozen=True)
class GARCH(FittedByArch):
    """GARCH(1,1): volatility that clusters, with normal or Student-t innovations, correlated across assets.

    Parameters
    ----------
    volatility : float or mapping of str to float, optional
        In the long run, per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one
        each by name. Where alpha + beta >= 1 there is no long run: it is that of the first step, and omega is 0.
    alpha : float or mapping of str to float
        Weight of the last step's squared innovation in the next step's variance, >= 0 and < 1.
    beta : float or mapping of str to float
        Weight of the last step's variance, >= 0 and < 1.
    omega : float or mapping of str to float, optional
        What a step adds to the variance of a log return, per step, >= 0; exactly one of it and `volatility` is given.
    drift : float or mapping of str to float
        Of the expected price, per year; 0 is a martingale where innovations are normal.
    correlation : array of shape (assets, assets), optional
        Of the normals that innovations are made of, in the market's order; None: independent.
    initial_volatility : float or mapping of str to float, optional
        Of the first step, in the unit of `volatility`, >= 0; None: that of the long run.
    degrees_of_freedom : float or mapping of str to float, optional
        Of Student-t innovations scaled to unit variance, > 2; None: normal.

    Raises
    ------
    InputError
        If a number is out of range, both or neither of volatility and omega are given, there is no first variance, or
        the correlation is not symmetric with ones on the diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Warns
    -----
    RuntimeWarning
        If alpha + beta >= 1: there is no long-run variance.

    Notes
    -----
    With an innovation z of variance 1 and the variance h of a step of dt years, the log return is
    ``drift*dt - h/2 + sqrt(h)*z`` and the next variance ``omega + alpha*h*z**2 + beta*h``,
    ``omega = volatility**2*dt*(1 - alpha - beta)``. So `alpha` and `beta` hold for one step, whatever its length:
    those fitted to daily returns go with a step of a day, and an excess of variance halves in
    ``log(0.5)/log(alpha + beta)`` steps. With normal innovations the kurtosis over time is
    ``3*(1 - p**2)/(1 - p**2 - 2*alpha**2)``, p = alpha + beta, where that is positive. A price whose log has Student-t
    innovations has no finite expectation: its drift is that of the middle of the law alone. A variance stops at 1e8 a
    step. Sources: Bollerslev (1986, 1987); Bailey (1994) for Student's t; numbers from :func:`normals`.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.GARCH(volatility=0.6, alpha=0.1, beta=0.85, initial_volatility=1.2, degrees_of_freedom=4.0)
    >>> process.paths(market, paths=3, steps=30, step=timedelta(days=1), seed=1).shape
    (3, 30, 1)
    """

    volatility: PerAssetRate | None = None
    _: KW_ONLY
    alpha: PerAssetRate
    beta: PerAssetRate
    omega: PerAssetRate | None = None
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None
    initial_volatility: PerAssetRate | None = None
    degrees_of_freedom: PerAssetRate | None = None

    def __post_init__(self) -> None:
        check_family(self, alpha={"at_least": 0.0, "below": 1.0}, beta={"at_least": 0.0, "below": 1.0})
        _warn_of_persistence(self)

    @classmethod
    def published(cls, regime: str) -> Self:
        """Return parameters of daily returns, fitted to a regime of BTC or ETH.

        Parameters
        ----------
        regime : str
            "BTC high", "ETH high" or "ETH low", for steps of a day; `GJRGARCH` has "BTC low" too.

        Raises
        ------
        InputError
            If there is no such regime.

        Notes
        -----
        The persistence of "ETH low" is 0.9999, nearly integrated: it starts at the variance that the paper gives the
        calm regime, and its long run is not to be trusted. Source: arXiv:2512.20190 (2025), Tables 1 and 2.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.GARCH.published("BTC high").beta
        0.7304
        """
        return cls(**_published(regime, without_gamma=True))

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        return _core.Scenario.garch(**_garch_columns(self, market, step / YEAR), seed=seed)


@dataclass(frozen=True)
class GJRGARCH(FittedByArch):
    """GJR-GARCH: GARCH(1,1) in which a fall raises the variance more than a rise does.

    Parameters
    ----------
    volatility : float or mapping of str to float, optional
        In the long run, per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one
        each by name. Where alpha + gamma/2 + beta >= 1 there is no long run: it is that of the first step, and omega
        is 0.
    alpha : float or mapping of str to float
        Weight of the last step's squared innovation in the next step's variance, >= 0 and < 1.
    gamma : float or mapping of str to float
        What is added to alpha after a fall, > -1 and < 2; alpha + gamma >= 0.
    beta : float or mapping of str to float
        Weight of the last step's variance, >= 0 and < 1.
    omega, drift, correlation, initial_volatility, degrees_of_freedom
        As of :class:`GARCH`.

    Raises
    ------
    InputError
        If a number is out of range, both or neither of volatility and omega are given, there is no first variance, or
        the correlation is not symmetric with ones on the diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Warns
    -----
    RuntimeWarning
        If alpha + gamma/2 + beta >= 1: there is no long-run variance.

    Notes
    -----
    As :class:`GARCH`, with ``alpha + gamma`` for ``alpha`` where z < 0, and
    ``omega = volatility**2*dt*(1 - alpha - gamma/2 - beta)``. Source: Glosten, Jagannathan and Runkle (1993).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.GJRGARCH(volatility=0.6, alpha=0.05, gamma=0.1, beta=0.85)
    >>> process.paths(market, paths=3, steps=30, step=timedelta(days=1), seed=1).shape
    (3, 30, 1)
    """

    volatility: PerAssetRate | None = None
    _: KW_ONLY
    alpha: PerAssetRate
    gamma: PerAssetRate
    beta: PerAssetRate
    omega: PerAssetRate | None = None
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None
    initial_volatility: PerAssetRate | None = None
    degrees_of_freedom: PerAssetRate | None = None

    _family = "gjr"

    def __post_init__(self) -> None:
        weight = {"at_least": 0.0, "below": 1.0}
        check_family(self, alpha=weight, gamma={"above": -1.0, "below": 2.0}, beta=weight)
        for of, alpha, gamma in by_name(self.alpha, self.gamma):
            if alpha + gamma < 0.0:
                raise InputError(f"alpha + gamma{of} must be >= 0, was {alpha} + {gamma}")
        _warn_of_persistence(self)

    @classmethod
    def published(cls, regime: str) -> Self:
        """Return parameters of daily returns, fitted to a regime of BTC or ETH.

        Parameters
        ----------
        regime : str
            "BTC low", "BTC high", "ETH low" or "ETH high", for steps of a day.

        Raises
        ------
        InputError
            If there is no such regime.

        Notes
        -----
        The persistence of "BTC low" is 0.99995 and that of "ETH low" 0.9999, nearly integrated: they start at the
        variance that the paper gives the calm regime, and their long run is not to be trusted. Source:
        arXiv:2512.20190 (2025), Tables 1 and 2.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.GJRGARCH.published("BTC low").gamma
        -0.0895
        """
        return cls(**_published(regime, without_gamma=False))

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        return _core.Scenario.garch(**_garch_columns(self, market, step / YEAR), seed=seed)


def _published(regime: str, *, without_gamma: bool) -> dict[str, float]:
    known = [name for name, row in PUBLISHED.items() if not (without_gamma and row["gamma"])]
    row = dict(PUBLISHED[checks.choice("regime", regime, tuple(known))])
    row["omega"] *= 1e-4  # percent squared
    if without_gamma:
        del row["gamma"]
    if regime in CALM:
        row["initial_volatility"] = math.sqrt(CALM[regime] * 1e-4 * 365)
    return row


def check_family(process: Any, **weights: dict[str, float]) -> None:
    """Check the columns of a law of this family, and put what was checked in their place."""
    if (process.volatility is None) == (process.omega is None):
        both = "both were" if process.omega is not None else "neither was"
        raise InputError(f"volatility or omega must be given, and not both; {both}")
    bounds: dict[str, dict[str, float]] = {
        "volatility": {"at_least": 0.0, "at_most": 1e3},
        "initial_volatility": {"at_least": 0.0, "at_most": 1e3},
        "omega": {"at_least": 0.0, "at_most": 1e6},
        "drift": {"at_least": -1e3, "at_most": 1e3},
        "degrees_of_freedom": {"above": 2.0, "at_most": 1e6},
    }
    for name, within in (bounds | weights).items():
        if getattr(process, name) is not None:
            object.__setattr__(process, name, rates(name, getattr(process, name), **within))
    if process.correlation is not None:
        object.__setattr__(process, "correlation", correlation_matrix(process.correlation))


def _warn_of_persistence(process: GARCH | GJRGARCH) -> None:
    for of, alpha, gamma, beta in by_name(process.alpha, getattr(process, "gamma", 0.0), process.beta):
        if alpha + 0.5 * gamma + beta < 1.0:
            continue
        what, said = "alpha + beta", f"{alpha} + {beta}"
        if isinstance(process, GJRGARCH):
            what, said = "alpha + gamma/2 + beta", f"{alpha} + {gamma}/2 + {beta}"
        if process.omega is not None and process.initial_volatility is None:
            raise InputError(
                f"initial_volatility must be given where {what}{of} >= 1, was {said}: there is no long run"
            )
        warn_of_no_long_run(f"{what}{of} is {said}, at least 1")


def warn_of_no_long_run(reason: str) -> None:
    """Warn at the line that made the process."""
    warnings.warn(f"{reason}: there is no long-run variance", RuntimeWarning, stacklevel=5)


def step_variance(name: str, volatility: PerAssetRate, market: Market, years: float) -> Floats:
    """Return the variance of a step an asset."""
    a_step: Floats = in_order(name, volatility, market.names) * np.sqrt(years)
    return a_step * a_step


def degrees(process: Any, market: Market) -> list[float]:
    """Return degrees of freedom an asset; none for normal innovations."""
    given = process.degrees_of_freedom
    return [] if given is None else in_order("degrees_of_freedom", given, market.names).tolist()


def _garch_columns(process: GARCH | GJRGARCH, market: Market, years: float) -> dict[str, Any]:
    alpha, beta = (in_order(name, getattr(process, name), market.names) for name in ("alpha", "beta"))
    gamma = in_order("gamma", getattr(process, "gamma", 0.0), market.names)
    left = 1.0 - (alpha + 0.5 * gamma + beta)
    lasting = left > 0.0
    if process.volatility is not None:
        long_run = step_variance("volatility", process.volatility, market, years)
        omega = np.where(lasting, long_run * left, 0.0)
    else:
        omega = in_order("omega", process.omega or 0.0, market.names)
        long_run = np.divide(omega, left, out=np.zeros_like(omega), where=lasting)
    first = long_run
    if process.initial_volatility is not None:
        first = step_variance("initial_volatility", process.initial_volatility, market, years)
    return {
        "mean": (in_order("drift", process.drift, market.names) * years).tolist(),
        "omega": omega.tolist(),
        "alpha": alpha.tolist(),
        "gamma": gamma.tolist(),
        "beta": beta.tolist(),
        "first": first.tolist(),
        "loading": loading(process.correlation, len(market)).reshape(-1).tolist(),
        "degrees": degrees(process, market),
    }
