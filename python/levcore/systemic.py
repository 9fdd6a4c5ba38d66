"""What one institution means for the losses of a system: CoVaR, and the capital that a crisis leaves it short of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from levcore import checks, quantile_regression
from levcore.errors import InputError, KindError
from levcore.estimates import (
    Estimate,
    in_order,
    round_share,
    sample_quantiles,
    samples_of,
)
from levcore.grouped import Draw
from levcore.tails import count_beyond

Floats = npt.NDArray[np.float64]

#: The variance of an interval is worked out from about so many samples.
ENOUGH_FOR_A_VARIANCE = 50_000
ENOUGH_GROUPS = 2_000
#: Days of a crisis over which the long-run shortfall is extrapolated.
CRISIS = 18.0


def covar(
    institution: npt.ArrayLike,
    system: npt.ArrayLike,
    level: float = 0.99,
    confidence: float = 0.95,
    *,
    given: float | None = None,
) -> Estimate:
    """Estimate the value at risk of a system where an institution's loss stands at its own value at risk.

    Parameters
    ----------
    institution, system : array of shape (n,)
        Losses of the same n paths or days, positive where money is lost; each in a unit of its own.
    level : float
        Of the system's value at risk, in (0, 1).
    confidence : float
        Of the interval, in (0, 1).
    given : float, optional
        The quantile that the institution's loss stands at, in (0, 1); None: the level. 0.5 is its ordinary state.

    Returns
    -------
    Estimate
        In the system's unit, with an asymptotic interval.

    Raises
    ------
    InputError, KindError
        If a loss, a level or the confidence breaks a rule, the columns differ in length, the institution's losses are
        all equal, or no loss lies beyond a level: ``n*(1 - level) < 1``.

    Notes
    -----
    The `level` quantile regression of the system's losses on the institution's, exact, at the institution's own
    quantile. The interval is normal; its variance is that of the sum of the influences of each sample on the line
    (its density by the samples within Hall and Sheather's bandwidth of it, Powell's sandwich) and on the
    institution's quantile, from about 50,000 samples where there are more. low_sample: fewer than 200 samples beyond
    a level. Source: Adrian and Brunnermeier (2016), American Economic Review 106; Koenker, Quantile Regression (2005),
    chapters 3 and 4.

    Examples
    --------
    >>> import levcore as lc
    >>> own = lc.normals(1, 2_000)
    >>> system = 0.5 * own + lc.normals(2, 2_000)
    >>> round(float(lc.risk.covar(own, system, level=0.95)), 1)
    2.6
    """
    line = fitted(institution, system, level)
    at = line.level if given is None else checks.number("given", given, above=0.0, below=1.0)
    return line.estimate([(at, 1.0)], 1.0, Draw(len(line.own), None, 1, confidence))


def delta_covar(
    institution: npt.ArrayLike, system: npt.ArrayLike, level: float = 0.99, confidence: float = 0.95
) -> Estimate:
    """Estimate by how much a system's value at risk rises when an institution's loss goes from median to value at risk.

    Parameters
    ----------
    institution, system : array of shape (n,)
        Losses of the same n paths or days, positive where money is lost; each in a unit of its own.
    level : float
        Of both values at risk, in (0, 1).
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        In the system's unit, with an asymptotic interval.

    Raises
    ------
    InputError, KindError
        As :func:`covar`.

    Notes
    -----
    The slope of the regression of :func:`covar` times the distance of the institution's two quantiles. Source: Adrian
    and Brunnermeier (2016).

    Examples
    --------
    >>> import levcore as lc
    >>> own = lc.normals(1, 2_000)
    >>> system = 0.5 * own + lc.normals(2, 2_000)
    >>> round(float(lc.risk.delta_covar(own, system, level=0.95)), 1)
    0.9
    """
    line = fitted(institution, system, level)
    return line.estimate([(line.level, 1.0), (0.5, -1.0)], 0.0, Draw(len(line.own), None, 1, confidence))


def long_run_marginal_expected_shortfall(marginal_expected_shortfall: Estimate | float) -> Estimate:
    """Return the share of its equity that an institution is expected to lose in a crisis of half a year.

    Parameters
    ----------
    marginal_expected_shortfall : Estimate or float
        Of the institution's daily loss as a share of its equity; a number is taken as known.

    Returns
    -------
    Estimate
        A share; its interval is that of the shortfall, carried over, of no width where the shortfall is a number.

    Raises
    ------
    InputError, KindError
        If the shortfall is no finite number.

    Notes
    -----
    ``1 - exp(-18*MES)``. Source: Brownlees and Engle (2017), Review of Financial Studies 30, after Acharya, Engle and
    Richardson (2012): the approximation without simulation.

    Examples
    --------
    >>> import levcore as lc
    >>> round(float(lc.risk.long_run_marginal_expected_shortfall(0.03)), 4)
    0.4173
    """
    daily = _known("marginal_expected_shortfall", marginal_expected_shortfall)
    return _carried(daily, lambda shortfall: -math.expm1(-CRISIS * shortfall))


def capital_shortfall(
    marginal_expected_shortfall: Estimate | float, *, debt: float, equity: float, capital_ratio: float = 0.08
) -> Estimate:
    """Return the capital that an institution is expected to be short of in a crisis (SRISK).

    Parameters
    ----------
    marginal_expected_shortfall : Estimate or float
        Of the institution's daily loss as a share of its equity; a number is taken as known.
    debt, equity : float
        Book value of what it owes, market value of what it is worth; the same unit of money, >= 0.
    capital_ratio : float
        The share of its assets that it must hold as equity, in (0, 1).

    Returns
    -------
    Estimate
        In the unit of debt; below 0 is a surplus. Its interval is that of the shortfall, carried over, of no width
        where the shortfall is a number.

    Raises
    ------
    InputError, KindError
        If a number breaks a rule.

    Notes
    -----
    ``k*D - (1 - k)*W*(1 - LRMES)``, LRMES as :func:`long_run_marginal_expected_shortfall`. Source: Brownlees and Engle
    (2017), Review of Financial Studies 30.

    Examples
    --------
    >>> import levcore as lc
    >>> round(float(lc.risk.capital_shortfall(0.03, debt=90.0, equity=10.0)), 3)
    1.839
    """
    daily = _known("marginal_expected_shortfall", marginal_expected_shortfall)
    owed, worth = checks.number("debt", debt, at_least=0.0), checks.number("equity", equity, at_least=0.0)
    k = checks.number("capital_ratio", capital_ratio, above=0.0, below=1.0)
    kept = (1.0 - k) * worth  # of nothing nothing is left, however the shortfall turns out
    return _carried(daily, lambda shortfall: k * owed - (kept * math.exp(-CRISIS * shortfall) if kept else 0.0))


def _known(name: str, value: Estimate | float) -> Estimate:
    if isinstance(value, Estimate):
        checks.number(f"{name}.value", value.value)
        return value
    try:
        number = checks.number(name, value)
    except KindError:
        raise KindError(f"{name} must be an Estimate or a number, was {checks.describe(value)}") from None
    return Estimate(number, number, number, 0.95, 0, False)


def _carried(estimate: Estimate, rising: Callable[[float], float]) -> Estimate:
    low, value, high = (_at(rising, end) for end in (estimate.low, estimate.value, estimate.high))
    return Estimate(value, low, high, estimate.confidence, estimate.n, estimate.low_sample)


def _at(rising: Callable[[float], float], end: float) -> float:
    try:
        return rising(end)
    except OverflowError:  # far below no loss at all
        return -math.inf


@dataclass(frozen=True)
class Fitted:
    """The line of a quantile of the system's losses over the institution's, and the columns it was drawn through."""

    own: Floats
    everyone: Floats
    level: float
    line: quantile_regression.Line

    def estimate(self, quantiles: list[tuple[float, float]], intercept: float, draw: Draw) -> Estimate:
        """Estimate the intercept so many times, and the slope times the sum of weighted quantiles."""
        n = len(self.own)
        few = min(n * min(1.0 - self.level, self.level), *(n * min(q, 1.0 - q) for q, _ in quantiles))
        for q, _ in quantiles:
            count_beyond(n, q, "institution")
        at = sample_quantiles(self.own, [q for q, _ in quantiles])
        moved = sum(weight * place for (_, weight), place in zip(quantiles, at, strict=True))
        value = intercept * self.line.intercept + moved * self.line.slope
        # Of many groups one in so many, those whole; of few, such as Sobol's replicates, all.
        every = max(1, min(n // ENOUGH_FOR_A_VARIANCE, draw.groups // ENOUGH_GROUPS))
        x, y = (values.reshape(draw.groups, draw.together)[::every].reshape(-1) for values in (self.own, self.everyone))
        with np.errstate(over="ignore", invalid="ignore"):  # of few samples a line may turn freely
            influence = _of_line(x, y - self.line.intercept - self.line.slope * x, self.level, intercept, moved)
            for q, weight in quantiles:
                influence += self.line.slope * weight * _of_quantile(x, q)
            moves = influence.reshape(-1, draw.together).mean(axis=1)
            half = draw.z * float(np.sqrt(np.mean(moves * moves) / draw.groups))
        if math.isnan(half) or draw.groups < 2 <= n:
            half = math.inf
        return draw.estimate(value, value - half, value + half, round_share(few))


def fitted(institution: npt.ArrayLike, system: npt.ArrayLike, level: float) -> Fitted:
    """Return the line of a system's quantile over an institution's losses."""
    own, everyone = samples_of("institution", institution), samples_of("system", system)
    n = checks.same_length(institution=own, system=everyone)
    share = checks.number("level", level, above=0.0, below=1.0)
    count_beyond(n, share, "system")
    low, high = _bounded("institution", own)
    _bounded("system", everyone)
    if low == high:
        raise InputError(f"institution must not be the same in all samples, was {low}: it explains nothing")
    return Fitted(own, everyone, share, quantile_regression.fit(own, everyone, share))


def _bounded(name: str, losses: Floats) -> tuple[float, float]:
    """Return the smallest and the largest loss; refuse losses whose squares leave the floats."""
    ends = float(losses.min()), float(losses.max())
    for row, end in zip((losses.argmin, losses.argmax), ends, strict=True):
        if abs(end) > checks.LARGEST:
            checks.number(f"{name}[{row()}]", end, at_least=-checks.LARGEST, at_most=checks.LARGEST)
    return ends


def _bandwidth(q: float, n: int) -> float:
    """Return by how much a quantile is moved to either side to see the density there (Hall and Sheather 1988)."""
    normal = NormalDist()
    z = normal.inv_cdf(q)
    shape = 1.5 * normal.pdf(z) ** 2 / (2.0 * z * z + 1.0)
    return min(math.cbrt(shape / n * normal.inv_cdf(0.975) ** 2), 0.8 * q, 0.8 * (1.0 - q))


def _window(values: Floats, q: float) -> tuple[float, float, float]:
    """Return two samples around a quantile, and the share of the samples from one to the other."""
    n, h = len(values), _bandwidth(q, len(values))
    low = min(max(0, math.floor((q - h) * n) - 1), n - 2)
    high = min(max(low + 1, math.ceil((q + h) * n) - 1), n - 1)
    ordered = in_order(values, [low, high])
    return float(ordered[low]), float(ordered[high]), (high - low) / n


def _of_quantile(x: Floats, q: float) -> Floats:
    """Return the influence of each sample on a quantile; none where samples tie there."""
    low, high, share = _window(x, q)
    at_or_below = (x <= sample_quantiles(x, [q])[0]).astype(np.float64)
    return (q - at_or_below) * ((high - low) / share)


def _of_line(x: Floats, distance: Floats, q: float, intercept: float, slope: float) -> Floats:
    """Return the influence of each sample on so much intercept and slope of a line; none where samples lie on it."""
    low, high, _ = _window(distance, q)
    if low == high:
        return np.zeros(len(x))
    centre = float(x.mean())  # of x near it, so that the squares do not drown the rest
    apart = x - centre
    near = apart[(distance >= low) & (distance <= high)]
    density = (len(near) - 1) / (len(x) * (high - low))
    first, second = float(near.mean()), float(np.mean(near * near))
    spread = second - first * first
    turned = slope - intercept * centre  # the same sum in the intercept at the centre and the slope
    with np.errstate(divide="ignore", invalid="ignore"):
        to_slope = np.divide(turned - intercept * first, spread * density)
        to_height = intercept / density - to_slope * first
        influence: Floats = (q - (distance < 0.0)) * (to_height + to_slope * apart)
    return influence
