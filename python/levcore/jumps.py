"""Prices that jump: Merton, Kou, and Hawkes jumps that call each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import _core, checks
from levcore.errors import InputError
from levcore.fit_jumps import FittedByLikelihood, FittedByThreshold
from levcore.market import Market
from levcore.process import YEAR, PerAssetRate, by_name, correlation_matrix, in_order, loading, rates

Floats = npt.NDArray[np.float64]

VOLATILITY = {"at_least": 0.0, "at_most": 1e3}
DRIFT = {"at_least": -1e3, "at_most": 1e3}
RATE = {"at_least": 0.0, "at_most": 1e9}
MOST_JUMPS = 100.0


@dataclass(frozen=True)
class Merton(FittedByLikelihood):
    """Geometric Brownian motion with jumps of normal size, as Merton has it.

    Parameters
    ----------
    volatility : float or mapping of str to float
        Of the diffusion, per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one
        each by name.
    rate : float or mapping of str to float
        Jumps expected in a year, >= 0 and at most 100 a step; one number where they are shared.
    jump_mean : float or mapping of str to float
        Mean of a jump of the log price, from -10 to 10.
    jump_deviation : float or mapping of str to float
        Its standard deviation, >= 0 and <= 10.
    drift : float or mapping of str to float
        Of the expected price, jumps included, per year; 0 is a martingale.
    correlation : array of shape (assets, assets), optional
        Of the diffusions, in the market's order; None: independent.
    shared_jumps : bool
        True: all assets jump at the same times, each by a size of its own. False: each at its own.

    Raises
    ------
    InputError
        If a number is out of range, shared jumps have no single rate, or the correlation is not symmetric with ones on
        the diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Over a time dt the log return is ``(drift - volatility**2/2 - rate*k)*dt + volatility*sqrt(dt)*z`` and N jumps, N
    Poisson with mean ``rate*dt``; ``k = exp(jump_mean + jump_deviation**2/2) - 1`` is what a jump is expected to bring.
    Exact for steps of any length. The diffusion has the normals of :class:`GBM`; numbers and sizes of jumps come from
    streams of their own. Source: Merton (1976).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.Merton(volatility=0.5, rate=20.0, jump_mean=-0.03, jump_deviation=0.05)
    >>> process.paths(market, paths=3, steps=4, step=timedelta(hours=6), seed=1).shape
    (3, 4, 1)
    """

    volatility: PerAssetRate
    _: KW_ONLY
    rate: PerAssetRate
    jump_mean: PerAssetRate
    jump_deviation: PerAssetRate
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None
    shared_jumps: bool = False

    def __post_init__(self) -> None:
        check_columns(self, volatility=VOLATILITY, rate=RATE, drift=DRIFT, **NORMAL_SIZES)
        check_sharing(self)

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        of = columns(self, market, "volatility", "rate", "jump_mean", "jump_deviation", "drift")
        growth = normal_growth(of["jump_mean"], of["jump_deviation"])
        return _native(self, of, growth, [of["jump_mean"], of["jump_deviation"], np.empty(0)], step / YEAR, seed)


@dataclass(frozen=True)
class Kou(FittedByLikelihood):
    """Geometric Brownian motion with double-exponential jumps, as Kou has it.

    Parameters
    ----------
    volatility : float or mapping of str to float
        Of the diffusion, per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one
        each by name.
    rate, drift, correlation, shared_jumps
        As of :class:`Merton`.
    up_share : float or mapping of str to float
        Share of jumps that go up, 0 to 1.
    up_mean : float or mapping of str to float
        Mean of an upward jump of the log price, Kou's 1/eta_1, > 0 and < 1: beyond, the expected price is infinite.
    down_mean : float or mapping of str to float
        Mean of a downward jump, Kou's 1/eta_2, > 0 and <= 10.

    Raises
    ------
    InputError
        If a number is out of range, shared jumps have no single rate, or the correlation is not symmetric with ones on
        the diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    As :class:`Merton`, with ``k = up_share/(1 - up_mean) + (1 - up_share)/(1 + down_mean) - 1``. Source: Kou (2002).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.Kou(volatility=0.5, rate=20.0, up_share=0.4, up_mean=0.02, down_mean=0.04)
    >>> process.paths(market, paths=3, steps=4, step=timedelta(hours=6), seed=1).shape
    (3, 4, 1)
    """

    volatility: PerAssetRate
    _: KW_ONLY
    rate: PerAssetRate
    up_share: PerAssetRate
    up_mean: PerAssetRate
    down_mean: PerAssetRate
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None
    shared_jumps: bool = False

    _sizes = "exponential"

    def __post_init__(self) -> None:
        check_columns(
            self,
            volatility=VOLATILITY,
            rate=RATE,
            up_share={"at_least": 0.0, "at_most": 1.0},
            up_mean={"above": 0.0, "below": 1.0},
            down_mean={"above": 0.0, "at_most": 10.0},
            drift=DRIFT,
        )
        check_sharing(self)

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        of = columns(self, market, "volatility", "rate", "up_share", "up_mean", "down_mean", "drift")
        up = of["up_share"]
        growth = up / (1.0 - of["up_mean"]) + (1.0 - up) / (1.0 + of["down_mean"]) - 1.0
        return _native(self, of, growth, [up, of["up_mean"], of["down_mean"]], step / YEAR, seed)


@dataclass(frozen=True)
class Hawkes(FittedByThreshold):
    """Geometric Brownian motion with jumps that call further jumps, a Hawkes process with an exponential kernel.

    Parameters
    ----------
    volatility : float or mapping of str to float
        Of the diffusion, per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one
        each by name.
    rate : float or mapping of str to float
        Jumps a year that nothing calls, the intensity's base, >= 0.
    excitation : float or mapping of str to float
        What a jump adds to the intensity, per year, >= 0 and < decay.
    decay : float or mapping of str to float
        Rate at which that goes away, per year, > 0.
    jump_mean, jump_deviation, drift, correlation
        As of :class:`Merton`; jumps of assets are independent.

    Raises
    ------
    InputError
        If a number is out of range, every jump calls at least one other, more than 100 jumps a step are expected in
        the long run, or the correlation is not symmetric with ones on the diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    The intensity is ``rate`` and, for each jump t years ago, ``excitation*exp(-decay*t)``. A jump calls
    ``n = excitation/decay`` others on average, so that there are ``rate/(1 - n)`` jumps a year in the long run, and
    their number over a long time has ``1/(1 - n)**2`` times a Poisson variance. A path begins at the long-run mean
    of the intensity. Jumps are drawn one by one, without error from the step; what they are expected to bring is taken
    off as the intensity moves, so that zero drift is a martingale. Sources: Hawkes (1971); Dassios and Zhao (2013).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.Hawkes(
    ...     volatility=0.5, rate=20.0, excitation=600.0, decay=1_000.0, jump_mean=-0.01, jump_deviation=0.02
    ... )
    >>> process.paths(market, paths=3, steps=4, step=timedelta(hours=6), seed=1).shape
    (3, 4, 1)
    """

    volatility: PerAssetRate
    _: KW_ONLY
    rate: PerAssetRate
    excitation: PerAssetRate
    decay: PerAssetRate
    jump_mean: PerAssetRate
    jump_deviation: PerAssetRate
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        over_zero = {"above": 0.0, "at_most": 1e9}
        check_columns(
            self, volatility=VOLATILITY, rate=RATE, excitation=RATE, decay=over_zero, drift=DRIFT, **NORMAL_SIZES
        )
        for of, excitation, decay in by_name(self.excitation, self.decay):
            if decay > 0.0 and not excitation < decay:
                raise InputError(f"excitation{of} must be < decay, was {excitation} and {decay}: jumps would never end")

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        names = ("volatility", "rate", "excitation", "decay", "jump_mean", "jump_deviation", "drift")
        of, years = columns(self, market, *names), step / YEAR
        growth = normal_growth(of["jump_mean"], of["jump_deviation"])
        long_run = of["rate"] / (1.0 - of["excitation"] / of["decay"])
        a_step(long_run, years, "rate/(1 - excitation/decay)")
        return _core.Scenario.hawkes(
            **_diffusion(self.correlation, of, 0.0 * growth, years),
            base=(of["rate"] * years).tolist(),
            excitation=(of["excitation"] * years).tolist(),
            decay=(of["decay"] * years).tolist(),
            first=((long_run - of["rate"]) * years).tolist(),
            growth=growth.tolist(),
            jump_mean=of["jump_mean"].tolist(),
            jump_deviation=of["jump_deviation"].tolist(),
            seed=seed,
        )


NORMAL_SIZES = {
    "jump_mean": {"at_least": -10.0, "at_most": 10.0},
    "jump_deviation": {"at_least": 0.0, "at_most": 10.0},
}


def check_columns(process: Any, **bounds: dict[str, float]) -> None:
    """Check numbers by asset and the correlation, and put what was checked in their place."""
    for name, within in bounds.items():
        if getattr(process, name) is not None:
            object.__setattr__(process, name, rates(name, getattr(process, name), **within))
    if process.correlation is not None:
        object.__setattr__(process, "correlation", correlation_matrix(process.correlation))


def columns(process: Any, market: Market, *names: str) -> dict[str, Floats]:
    """Return fields as numbers in the market's order."""
    return {name: in_order(name, getattr(process, name), market.names) for name in names}


def check_sharing(process: Any) -> None:
    """Check whether jumps are shared: then they have one rate."""
    if checks.flag("shared_jumps", process.shared_jumps) and isinstance(process.rate, Mapping):
        raise InputError("rate must be one number for all assets where shared_jumps is True")


def _diffusion(
    correlation: npt.ArrayLike | None, of: Mapping[str, Floats], brought: Floats, years: float
) -> dict[str, list[float]]:
    """Return the mean of a step and what standard normals are multiplied by; `brought` is the jumps' drift a year."""
    volatility = of["volatility"]
    rows = loading(correlation, len(volatility)) * (volatility * np.sqrt(years))[:, None]
    mean = (of["drift"] - 0.5 * volatility * volatility - brought) * years
    return {"mean": mean.tolist(), "loading": rows.ravel().tolist()}


def _native(
    process: Merton | Kou, of: Mapping[str, Floats], growth: Floats, sizes: list[Floats], years: float, seed: int
) -> _core.Scenario:
    """Return a diffusion with jumps of these sizes, each of which is expected to bring `growth`."""
    first, second, third = (one.tolist() for one in sizes)
    return _core.Scenario.jump_diffusion(
        **_diffusion(process.correlation, of, of["rate"] * growth, years),
        rate=a_step(of["rate"], years),
        first=first,
        second=second,
        third=third,
        shared=process.shared_jumps,
        seed=seed,
    )


def normal_growth(mean: Floats, deviation: Floats) -> Floats:
    """Return E exp(size) - 1 of a jump of normal size."""
    growth: Floats = _core.expm1(mean + 0.5 * deviation * deviation)
    return growth


def a_step(rate: Floats, years: float, name: str = "rate") -> list[float]:
    """Return jumps expected in a step, at most a hundred."""
    for one in rate:
        if not one * years <= MOST_JUMPS:
            raise InputError(
                f"{name} must be at most {MOST_JUMPS:g} jumps a step, was {one * years:.6g}: {one:.6g} a year"
            )
    rows: list[float] = (rate * years).tolist()
    return rows
