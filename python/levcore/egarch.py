"""EGARCH: volatility that clusters through its logarithm."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from levcore import _core
from levcore.clustering import check_family, degrees, step_variance, warn_of_no_long_run
from levcore.errors import InputError
from levcore.fit_clustering import FittedByArch, mean_size
from levcore.market import Market
from levcore.process import YEAR, PerAssetRate, by_name, in_order, loading


@dataclass(frozen=True)
class EGARCH(FittedByArch):
    """EGARCH(1,1): the log variance follows from the size and the sign of the innovation before.

    Parameters
    ----------
    volatility : float or mapping of str to float, optional
        That about which the log variance moves, per square root of a year of 365 days (0.6 is 60 %), > 0; a number
        for every asset, or one each by name. Where beta is 1 it is that of the first step.
    alpha : float or mapping of str to float
        Weight of the size of the last innovation, beyond its mean, in the next log variance, from -10 to 10.
    gamma : float or mapping of str to float
        Weight of the innovation itself, from -10 to 10; below 0 a fall raises the variance more than a rise.
    beta : float or mapping of str to float
        Weight of the last log variance, >= 0 and <= 1.
    omega : float or mapping of str to float, optional
        The constant of the log variance of a step, from -1000 to 1000; exactly one of it and `volatility` is given.
    drift, correlation, degrees_of_freedom
        As of :class:`GARCH`.
    initial_volatility : float or mapping of str to float, optional
        Of the first step, in the unit of `volatility`, > 0; None: that about which the log variance moves.

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
        If beta is 1: there is no long-run variance.

    Notes
    -----
    With an innovation z of variance 1 and the variance h of a step of dt years, the log return is
    ``drift*dt - h/2 + sqrt(h)*z`` and the next ``log(h)`` is ``omega + beta*log(h) + alpha*(abs(z) - E abs(z)) +
    gamma*z``, ``omega = (1 - beta)*log(volatility**2*dt)``. The weights hold for one step, whatever its length. The
    mean of h lies above ``volatility**2*dt``, which is the exponential of the mean of its log. What :class:`GARCH`
    says of Student's t and of the largest variance holds here. Source: Nelson (1991).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.EGARCH(volatility=0.6, alpha=0.15, gamma=-0.05, beta=0.95)
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

    _family = "egarch"

    def __post_init__(self) -> None:
        positive, weight = {"above": 0.0, "at_most": 1e3}, {"at_least": -10.0, "at_most": 10.0}
        check_family(
            self,
            volatility=positive,
            initial_volatility=positive,
            omega={"at_least": -1e3, "at_most": 1e3},
            alpha=weight,
            gamma=weight,
            beta={"at_least": 0.0, "at_most": 1.0},
        )
        _warn_of_persistence(self)

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        years, names = step / YEAR, market.names
        alpha, gamma, beta = (in_order(name, getattr(self, name), names) for name in ("alpha", "gamma", "beta"))
        left = 1.0 - beta
        if self.volatility is not None:
            about = _core.log(step_variance("volatility", self.volatility, market, years))
            omega = left * about
        else:
            omega = in_order("omega", self.omega or 0.0, names)
            about = np.divide(omega, left, out=np.zeros_like(omega), where=left > 0.0)
        first = about
        if self.initial_volatility is not None:
            first = _core.log(step_variance("initial_volatility", self.initial_volatility, market, years))
        freedom = degrees(self, market)
        size = np.array([mean_size(nu) for nu in freedom] or [math.sqrt(2.0 / math.pi)])
        return _core.Scenario.egarch(
            mean=(in_order("drift", self.drift, names) * years).tolist(),
            omega=(omega - alpha * size).tolist(),
            alpha=alpha.tolist(),
            gamma=gamma.tolist(),
            beta=beta.tolist(),
            first=first.tolist(),
            loading=loading(self.correlation, len(market)).reshape(-1).tolist(),
            degrees=freedom,
            seed=seed,
        )


def _warn_of_persistence(process: EGARCH) -> None:
    for of, beta in by_name(process.beta):
        if beta == 1.0:
            if process.omega is not None and process.initial_volatility is None:
                raise InputError(f"initial_volatility must be given where beta{of} is 1: there is no long run")
            warn_of_no_long_run(f"beta{of} is 1")
