"""Statistics of samples, each with its interval: means, probabilities, quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError, KindError

Floats = npt.NDArray[np.float64]

#: Fewer samples than this in the tail make an estimate's interval itself uncertain.
ENOUGH = 200
#: So many samples are looked at to see whether some tie.
LOOKED_AT = 64


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
    Source: textbook. low_sample: fewer than 200 samples, or fewer that differ from what most of them are: what is
    seldom lost may have been seen too seldom.

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.risk.mean([1.0, 2.0, 3.0]))
    2.0
    """
    samples, z = samples_of("values", values), normal_quantile(confidence)
    n = len(samples)
    middle = float(samples.mean())
    half = z * float(samples.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    few = n < ENOUGH or n - int(np.count_nonzero(samples == most_common(samples))) < ENOUGH - 1
    return Estimate(middle, middle - half, middle + half, float(confidence), n, few)


def most_common(samples: Floats) -> float:
    """Return what most samples are: the smallest, the largest, or the median of some, for parting all takes long."""
    some = np.sort(samples[:: max(1, len(samples) // 10_000)])
    ends = (float(samples.min()), float(samples.max()), float(some[len(some) // 2]))
    return max(ends, key=lambda one: int(np.count_nonzero(samples == one)))


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
    z, n, count = normal_quantile(confidence), len(seen), int(seen.sum())
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
    return quantile_of(samples_of("values", values), share, confidence, min(share, 1.0 - share))


def samples_of(name: str, values: npt.ArrayLike) -> Floats:
    """Return samples as float64, finite and not empty."""
    samples = checks.column(name, values)
    if not samples.size:
        raise InputError(f"{name} must not be empty")
    finite = np.isfinite(samples)
    if not finite.all():
        row = int(finite.argmin())
        raise InputError(f"{name}[{row}] must be finite, was {samples[row]}")
    return samples


def normal_quantile(confidence: object) -> float:
    """Return how many standard errors an interval of this confidence reaches to either side."""
    return NormalDist().inv_cdf(0.5 + checks.number("confidence", confidence, above=0.0, below=1.0) / 2.0)


def round_share(count: float) -> float:
    """Return a count of samples; one that is whole but for rounding is whole."""
    return float(round(count)) if abs(count - round(count)) < 1e-9 * max(1.0, count) else count


def _place(n: int, q: float) -> int:
    """Return the place of the smallest sample with a share of at least q at or below it."""
    return min(n - 1, max(0, math.ceil(round_share(n * q)) - 1))


def sample_quantiles(samples: Floats, shares: Sequence[float]) -> list[float]:
    """Return for each share the smallest sample with at least that share at or below it."""
    places = [_place(len(samples), q) for q in shares]
    ordered = in_order(samples, sorted(places))
    return [float(ordered[place]) for place in places]


def in_order(samples: Floats, places: list[int]) -> Floats:
    """Return a copy whose rising places hold what they would if it were sorted, and whatever is larger beyond them."""
    n = len(samples)
    few = samples[:: max(1, n // LOOKED_AT)]
    if len(np.unique(few)) < len(few):  # numpy is slow to partition samples that tie, and quick to sort them
        return np.sort(samples)
    upwards = places[0] > n // 2  # the first cut leaves the smaller part for the others
    ordered = np.partition(samples, places[0] if upwards else places[-1])
    for one, before in zip(places[1:], places, strict=False):
        if upwards and one > before:
            ordered[before + 1 :].partition(one - before - 1)
    for one, after in zip(places[-2::-1], places[::-1], strict=False):
        if not upwards and one < after:
            ordered[:after].partition(one)
    return ordered


def quantile_of(samples: Floats, q: float, confidence: float, tail: float) -> Estimate:
    """Estimate a quantile; `tail` is the share of the samples that it rests on."""
    normal_quantile(confidence)
    n, missed = len(samples), (1.0 - confidence) / 2.0
    first, at_or_below = binomial_cdf(n, q)  # [k - first]: at most k samples lie at or below the true quantile
    # The k-th smallest lies above the quantile where fewer than k samples lie at or below it.
    low = first + int(np.searchsorted(at_or_below, missed, side="right")) - 1
    high = first + int(np.searchsorted(at_or_below, 1.0 - missed, side="left"))
    few = low < 0 or high > n - 1 or round_share(tail * n) < ENOUGH
    places = [max(low, 0), _place(n, q), min(high, n - 1)]
    ordered = in_order(samples, places)
    bottom, value, top = (float(ordered[place]) for place in places)
    return Estimate(value, bottom, top, float(confidence), n, few)


def binomial_cdf(n: int, p: float) -> tuple[int, Floats]:
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
