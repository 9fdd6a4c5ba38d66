"""Control variates: what is left of a figure when something known that goes along with it is taken off."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.estimates import Estimate, samples_of
from levcore.grouped import Draw
from levcore.impact import LinearImpact
from levcore.market import Market

Floats = npt.NDArray[np.float64]


def without_impact(market: Market) -> Market:
    """Return the market with all its depth infinite: forced orders move no price.

    Parameters
    ----------
    market : Market
        Prices and half-spreads are kept.

    Returns
    -------
    Market

    Raises
    ------
    KindError
        If it is no market.

    Notes
    -----
    The same paths on it are the control of :func:`control_variate`.

    Examples
    --------
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> lc.variance_reduction.without_impact(market)["BTC"].impact.depth
    inf
    """
    checks.instance("market", market, Market)
    deep = LinearImpact(depth=math.inf)
    assets = {name: replace(asset, impact=deep) for name, asset in market.assets.items()}
    return replace(market, assets=assets)


def control_variate(
    values: npt.ArrayLike,
    control: npt.ArrayLike,
    confidence: float = 0.95,
    *,
    expected: float | None = None,
    together: int = 1,
) -> Estimate:
    """Estimate the expected value by what is left of it when a control that goes along with it is taken off.

    Parameters
    ----------
    values : array of shape (n,)
        Samples, finite, n >= 4.
    control : array of shape (m,)
        The first n: the control on the same numbers, such as the same column of the same paths without impact. More of
        them, on further paths of the same seed, say what it is expected to be.
    confidence : float
        Of the interval, in (0, 1).
    expected : float, optional
        The expected value of the control where it is known, such as the price of a martingale; then m is n.
    together : int
        As of :func:`mean`; a divisor of n/2 and of m.

    Returns
    -------
    Estimate
        Of n samples, with the interval of what is left and of what the control's further paths leave open.

    Raises
    ------
    InputError, KindError
        If the columns do not fit each other, neither expected nor further paths are given, or a sample, the groups or
        the confidence break a rule.

    Notes
    -----
    Paths are the same whatever their number, so that a run of m paths without impact begins with the n of the run with
    impact. How much of the control is taken off is least squares on the other half of the samples, each for each, so
    that the estimate is without bias. Source: Glasserman (2003), 4.1; Avramidis and Wilson (1993) for the halves.

    Examples
    --------
    >>> import levcore as lc
    >>> z = lc.normals(1, 40_000)
    >>> values = 2.0 * z[:1_000] + 0.1 * lc.normals(2, 1_000) + 5.0
    >>> plain, controlled = lc.risk.mean(values), lc.variance_reduction.control_variate(values, z)
    >>> (plain.high - plain.low) / (controlled.high - controlled.low) > 5.0
    True
    """
    samples, controls = samples_of("values", values), samples_of("control", control)
    n, m = len(samples), len(controls)
    if (expected is None and not m > n) or (expected is not None and m != n):
        rule = f"as many rows as values, {n:,}, where expected is given, and more where it is not"
        raise InputError(f"control must have {rule}, had {m:,}")
    draw = Draw(n, None, together, confidence)
    if n < 4 or n % 2 or (n // 2) % draw.together or m % draw.together:
        raise InputError(f"values must be an even number, >= 4, of whole groups in each half, was {n:,}")
    along, further = controls[:n], controls[n:]
    rest = float(further.mean()) if expected is None else checks.number("expected", expected)
    share = 1.0 if expected is not None else (m - n) / m  # of a control whose mean is itself estimated
    halves = slice(0, n // 2), slice(n // 2, n)
    taken = [share * _slope(samples[other], along[other]) for other in reversed(halves)]
    left = np.concatenate([samples[half] - b * (along[half] - rest) for half, b in zip(halves, taken, strict=True)])
    error = draw.error(left)
    if expected is None:
        of_rest = Draw(m - n, None, draw.together, confidence).error(further)
        error = math.hypot(error, 0.5 * (taken[0] + taken[1]) * of_rest)
    value, half_width = float(left.mean()), draw.z * error
    return draw.estimate(value, value - half_width, value + half_width, float(n))


def _slope(values: Floats, control: Floats) -> float:
    """Return the least-squares slope; 0 of a control that does not move."""
    apart = control - control.mean()
    squares = float((apart * apart).sum())
    return float((apart * values).sum()) / squares if squares > 0.0 else 0.0
