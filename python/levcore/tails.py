"""What lies beyond a level: value at risk and expected shortfall of losses, which are positive."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.estimates import ENOUGH, Estimate, in_order, normal_quantile, quantile_of, round_share, samples_of

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


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
    Where ``n*(1 - level)`` is no whole number the next sample counts in part. low_sample: fewer than 200 losses beyond
    the level, or, where most of them tie at the value at risk, above it. Variance
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
    ordered = in_order(samples, [first])
    at = float(ordered[first])
    tail = np.sort(ordered[n - whole :])  # sorted, so that the order of the losses is no matter
    excess = tail - at
    value = min(at + float(excess.sum()) / wanted, float(tail[-1]))
    spread = float(excess.var(ddof=1)) if whole > 1 else 0.0
    half = z * math.sqrt((spread + share * (value - at) ** 2) / wanted)
    low = max(value - half, float(samples.min()))
    few = deciding(float(np.count_nonzero(excess)), whole) < ENOUGH
    return Estimate(value, low, value + half, float(confidence), n, few)


def deciding(above: float, whole: float) -> float:
    """Return how many of the losses beyond a level decide: where most tie at the value at risk, those above it."""
    return above if 0.0 < above < 0.5 * whole else whole


def count_beyond(n: int, level: float, name: str = "losses") -> float:
    """Return how many of n losses lie beyond a level, at least one of them, the last one perhaps in part."""
    count = round_share(n * (1.0 - level))
    if count < 1.0:
        needed = math.ceil(round_share(1.0 / (1.0 - level)))
        raise InputError(
            f"{name} must have at least {needed:,} rows, for one to lie beyond the level {level}, had {n:,}"
        )
    return count


@dataclass(frozen=True)
class Tail:
    """Which losses an expected shortfall counts: those above the value at risk whole, those at it in part."""

    above: Rows
    at: Rows
    share: float  # with which each of those at the value at risk counts
    near: Rows  # around the value at risk, for what belongs to it on average
    wanted: float  # how many are counted, the parts added up
    level: float

    @property
    def deciding(self) -> float:
        """How many of its losses decide."""
        return deciding(float(len(self.above)), self.wanted)

    def mean(self, values: Floats) -> float:
        """Return the mean over the tail."""
        return (float(values[self.above].sum()) + self.share * float(values[self.at].sum())) / self.wanted

    def error(self, values: Floats, mean: float) -> float:
        """Return the standard error of a mean over the tail, whose beginning is itself estimated."""
        rows = np.concatenate([self.above, self.at]) if len(self.above) < self.wanted - 0.5 else self.above
        spread = float(values[rows].var(ddof=1)) if len(rows) > 1 else 0.0
        apart = mean - float(values[self.near].mean())
        return math.sqrt((spread + self.level * apart * apart) / self.wanted)


def tail_of(losses: Floats, level: float, name: str) -> Tail:
    """Return the tail of losses beyond a level."""
    n = len(losses)
    wanted = count_beyond(n, level, name)
    whole = math.floor(wanted)
    first = max(0, n - whole - 1)
    around = math.ceil(wanted ** (2.0 / 3.0))
    bottom, top = max(0, first - around), min(n - 1, first + around)
    ordered = in_order(losses, [bottom, first, top])
    low, at, high = (float(ordered[place]) for place in (bottom, first, top))
    reached = np.flatnonzero(losses >= low)
    these = losses[reached]
    above, equal = reached[these > at], reached[these == at]
    share = max(wanted - len(above), 0.0) / len(equal)
    return Tail(above, equal, share, reached[these <= high], wanted, level)


def marginal_expected_shortfall(
    institution: npt.ArrayLike, system: npt.ArrayLike, level: float = 0.99, confidence: float = 0.95
) -> Estimate:
    """Estimate the mean loss of an institution, or of a part, where the loss of the system is among its worst.

    Parameters
    ----------
    institution, system : array of shape (n,)
        Losses of the same n paths or days, positive where money is lost; each in a unit of its own.
    level : float
        In (0, 1): the system's worst share 1 - level.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        In the institution's unit, with the interval of its asymptotic variance.

    Raises
    ------
    InputError, KindError
        If a loss, the level or the confidence breaks a rule, the columns differ in length, or no loss lies beyond the
        level: ``n*(1 - level) < 1``.

    Notes
    -----
    ``E[X | L > VaR(L)]``; where losses of the system tie at its value at risk, they count in equal parts, so that the
    parts of a loss add up to its expected shortfall. Variance
    ``(Var(X | L > VaR) + level*(MES - m)**2)/(n*(1 - level))`` with m the mean of X where L lies at its value at risk,
    taken from the ``(n*(1 - level))**(2/3)`` losses to either side of it. low_sample: fewer than 200 losses beyond the
    level. Source: Acharya, Pedersen, Philippon and Richardson (2017), Review of Financial Studies 30; the variance as
    in Chen (2008).

    Examples
    --------
    >>> import levcore as lc
    >>> own, system = [1.0, 0.0, 4.0, 2.0], [0.0, 1.0, 3.0, 2.0]
    >>> float(lc.risk.marginal_expected_shortfall(own, system, level=0.5))
    3.0
    """
    own, everyone = samples_of("institution", institution), samples_of("system", system)
    n = checks.same_length(institution=own, system=everyone)
    z = normal_quantile(confidence)
    tail = tail_of(everyone, checks.number("level", level, above=0.0, below=1.0), "system")
    value = tail.mean(own)
    half = z * tail.error(own, value)
    return Estimate(value, value - half, value + half, float(confidence), n, tail.deciding < ENOUGH - 1e-6)
