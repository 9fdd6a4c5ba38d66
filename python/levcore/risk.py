"""Risk measures of simulated losses, each with its interval: losses are positive, in the unit they come in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError, KindError

Floats = npt.NDArray[np.float64]

#: Fewer samples than this in the tail make an estimate's interval itself uncertain.
ENOUGH = 200


@dataclass(frozen=True)
class Estimate:
    """A statistic of samples and how sure it is.

    Parameters
    ----------
    value : float
        The estimate, in the unit of the samples.
    low, high : float
        Its confidence interval.
    confidence : float
        How often such an interval holds the truth, in (0, 1).
    n : int
        Samples.
    low_sample : bool
        True where fewer than 200 samples decide: the interval itself is then uncertain.

    Notes
    -----
    A value of its own: it compares, hashes, pickles and converts by ``float``.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.risk.mean([1.0, 2.0, 3.0])
    Estimate(2, 95 % interval 0.868 to 3.13, n = 3, low sample)
    """

    value: float
    low: float
    high: float
    confidence: float
    n: int
    low_sample: bool

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        span = f"{self.confidence:.4g}"
        percent = f"{float(span) * 100:g} %"
        warned = ", low sample" if self.low_sample else ""
        return (
            f"Estimate({self.value:.6g}, {percent} interval {self.low:.3g} to {self.high:.3g}, n = {self.n:,}{warned})"
        )


def mean(values: npt.ArrayLike, confidence: float = 0.95) -> Estimate:
    """Estimate the expected value.

    Parameters
    ----------
    values : array of shape (n,)
        Samples, finite.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        With the normal interval of the central limit theorem.

    Raises
    ------
    InputError, KindError
        If a sample or the confidence breaks a rule.

    Notes
    -----
    Source: textbook; low_sample below 200 samples.

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.risk.mean([1.0, 2.0, 3.0]))
    2.0
    """
    samples, z = _samples("values", values), _z(confidence)
    n = len(samples)
    middle = float(samples.mean())
    half = z * float(samples.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    return Estimate(middle, middle - half, middle + half, float(confidence), n, n < ENOUGH)


def probability(events: npt.ArrayLike, confidence: float = 0.95) -> Estimate:
    """Estimate how probable an event is.

    Parameters
    ----------
    events : bool array of shape (n,)
        Whether it happened.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        With Wilson's interval.

    Raises
    ------
    InputError, KindError
        If the events are no booleans, there are none, or the confidence breaks a rule.

    Notes
    -----
    Source: Wilson (1927); low_sample where the event or its absence was seen fewer than 200 times.

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.risk.probability([True, False, False, False]))
    0.25
    """
    seen = np.asarray(events)
    if seen.dtype != np.bool_:
        raise KindError(f"events must be an array of True and False, had dtype {seen.dtype}")
    if seen.ndim != 1 or not seen.size:
        raise InputError(f"events must have shape (n,), n >= 1, had {seen.shape}")
    z, n, count = _z(confidence), len(seen), int(seen.sum())
    p = count / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (0.0 if count == 0 else middle - half), (1.0 if count == n else middle + half)
    return Estimate(p, low, high, float(confidence), n, min(count, n - count) < ENOUGH)


def quantile(values: npt.ArrayLike, q: float, confidence: float = 0.95) -> Estimate:
    """Estimate a quantile by the sample that has a share q at or below it.

    Parameters
    ----------
    values : array of shape (n,)
        Samples, finite.
    q : float
        In (0, 1).
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Estimate
        With an interval between two order statistics, whatever the distribution; an end that no sample reaches is the
        smallest or largest sample, and low_sample is then True.

    Raises
    ------
    InputError, KindError
        If a sample, q or the confidence breaks a rule.

    Notes
    -----
    The number of samples at or below the true quantile is binomial; the interval's ends are taken so that each side
    misses with at most half of what the confidence leaves. Source: Conover, Practical Nonparametric Statistics (1999).

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.risk.quantile([3.0, 1.0, 2.0, 4.0], 0.5))
    2.0
    """
    share = checks.number("q", q, above=0.0, below=1.0)
    return _quantile(_samples("values", values), share, confidence, min(share, 1.0 - share))


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
    samples, share = _samples("losses", losses), checks.number("level", level, above=0.0, below=1.0)
    _beyond(len(samples), share)
    return _quantile(samples, share, confidence, 1.0 - share)


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
    samples, share = _samples("losses", losses), checks.number("level", level, above=0.0, below=1.0)
    z, n = _z(confidence), len(samples)
    wanted = _beyond(n, share)
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


def _samples(name: str, values: npt.ArrayLike) -> Floats:
    samples = checks.column(name, values)
    if not samples.size:
        raise InputError(f"{name} must not be empty")
    wrong = np.flatnonzero(~np.isfinite(samples))
    if wrong.size:
        row = int(wrong[0])
        raise InputError(f"{name}[{row}] must be finite, was {samples[row]}")
    return samples


def _z(confidence: object) -> float:
    return NormalDist().inv_cdf(0.5 + checks.number("confidence", confidence, above=0.0, below=1.0) / 2.0)


def _round_share(count: float) -> float:
    """Return a count of samples; one that is whole but for rounding is whole."""
    return float(round(count)) if abs(count - round(count)) < 1e-9 * max(1.0, count) else count


def _beyond(n: int, level: float) -> float:
    """Return how many of n losses lie beyond a level, at least one of them, the last one perhaps in part."""
    count = _round_share(n * (1.0 - level))
    if count < 1.0:
        needed = math.ceil(_round_share(1.0 / (1.0 - level)))
        raise InputError(
            f"losses must have at least {needed:,} rows, for one to lie beyond the level {level}, had {n:,}"
        )
    return count


def _place(n: int, q: float) -> int:
    """Return the place of the smallest sample with a share of at least q at or below it."""
    return min(n - 1, max(0, math.ceil(_round_share(n * q)) - 1))


def _quantile(samples: Floats, q: float, confidence: float, tail: float) -> Estimate:
    _z(confidence)
    n, missed = len(samples), (1.0 - confidence) / 2.0
    first, at_or_below = _binomial_cdf(n, q)  # [k - first]: at most k samples lie at or below the true quantile
    # The k-th smallest lies above the quantile where fewer than k samples lie at or below it.
    low = first + int(np.searchsorted(at_or_below, missed, side="right")) - 1
    high = first + int(np.searchsorted(at_or_below, 1.0 - missed, side="left"))
    few = low < 0 or high > n - 1 or _round_share(tail * n) < ENOUGH
    places = [max(low, 0), _place(n, q), min(high, n - 1)]
    ordered = np.partition(samples, places)
    bottom, value, top = (float(ordered[place]) for place in places)
    return Estimate(value, bottom, top, float(confidence), n, few)


def _binomial_cdf(n: int, p: float) -> tuple[int, Floats]:
    """Return a count k and P(at most k, k + 1, ... of n), by the ratios of neighbouring terms from the largest one.

    The counts left out on either side have together a probability below 1e-40.
    """
    reach = 40.0 * math.sqrt(n * p * (1.0 - p)) + 100.0
    first, last = max(0, math.floor(n * p - reach)), min(n, math.ceil(n * p + reach))
    k = np.arange(first + 1, last + 1, dtype=np.float64)
    ratios = np.log((n - k + 1) / k) + (math.log(p) - math.log1p(-p))
    logs = np.concatenate([[0.0], np.cumsum(ratios)])
    below = np.cumsum(np.exp(logs - logs.max()))
    probabilities: Floats = np.minimum(below / below[-1], 1.0)
    return first, probabilities
