"""What lies beyond a level: value at risk and expected shortfall of losses, which are positive."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.estimates import ENOUGH, Estimate, normal_quantile, quantile_of, round_share, samples_of


def value_at_risk(losses: npt.ArrayLike, level: float = 0.99, confidence: float = 0.95) -> Estimate:
    """Estimate the loss that is not exceeded with probability `level`.

    Parameters
    ----------
    losses : array of shape (n,)
        Losses, positive where money is lost.
    level : float
        In (0, 1); 0.99 is the worst one in a hundred.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        The `level` quantile with its order-statistic interval.

    Raises
    ------
    InputError, KindError
        If a loss, the level or the confidence breaks a rule, or no loss lies beyond the level: ``n*(1 - level) < 1``.

    Notes
    -----
    See :func:`quantile`. low_sample: fewer than 200 samples beyond the level.

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.risk.value_at_risk(range(1, 101), level=0.95))
    95.0
    """
    samples, share = samples_of("losses", losses), checks.number("level", level, above=0.0, below=1.0)
    count_beyond(len(samples), share)
    return quantile_of(samples, share, confidence, 1.0 - share)


def expected_shortfall(losses: npt.ArrayLike, level: float = 0.99, confidence: float = 0.95) -> Estimate:
    """Estimate the mean of the worst losses, the share 1 - level of them.

    Parameters
    ----------
    losses : array of shape (n,)
        Losses, positive where money is lost.
    level : float
        In (0, 1).
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        With the interval of its asymptotic variance, cut off at the smallest loss.

    Raises
    ------
    InputError, KindError
        If a loss, the level or the confidence breaks a rule, or no loss lies beyond the level: ``n*(1 - level) < 1``.

    Notes
    -----
    Where ``n*(1 - level)`` is no whole number the next sample counts in part. Variance
    ``(Var(L | L > VaR) + level*(ES - VaR)**2)/(n*(1 - level))``. Source: Chen (2008), Journal of Financial
    Econometrics 6; Rockafellar and Uryasev (2002) for discrete losses.

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.risk.expected_shortfall(range(1, 101), level=0.95))
    98.0
    """
    samples, share = samples_of("losses", losses), checks.number("level", level, above=0.0, below=1.0)
    z, n = normal_quantile(confidence), len(samples)
    wanted = count_beyond(n, share)
    whole = math.floor(wanted)
    first = max(0, n - whole - 1)  # the place of the value at risk: a sample that counts in part lies there
    ordered = np.partition(samples, first)
    at = float(ordered[first])
    tail = np.sort(ordered[n - whole :])  # sorted, so that the order of the losses is no matter
    excess = tail - at
    value = min(at + float(excess.sum()) / wanted, float(tail[-1]))
    spread = float(excess.var(ddof=1)) if whole > 1 else 0.0
    half = z * math.sqrt((spread + share * (value - at) ** 2) / wanted)
    low = max(value - half, float(samples.min()))
    return Estimate(value, low, value + half, float(confidence), n, whole < ENOUGH)


def count_beyond(n: int, level: float, name: str = "losses") -> float:
    """Return how many of n losses lie beyond a level, at least one of them, the last one perhaps in part."""
    count = round_share(n * (1.0 - level))
    if count < 1.0:
        needed = math.ceil(round_share(1.0 / (1.0 - level)))
        raise InputError(
            f"{name} must have at least {needed:,} rows, for one to lie beyond the level {level}, had {n:,}"
        )
    return count
