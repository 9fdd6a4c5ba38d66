"""Surer figures from as many paths: control variates, importance sampling, and estimates of paths drawn together.

`lc.simulate(..., sampling="antithetic")` and `sampling="sobol"` draw paths that belong together; `likelihood_ratio`
gives paths of another drift the weights that they have under the true one. The estimates here take both.
"""

from __future__ import annotations

import numpy.typing as npt

from levcore import checks, grouped
from levcore.control_variates import control_variate, without_impact
from levcore.estimates import Estimate, samples_of
from levcore.grouped import Draw
from levcore.grouped_tails import covar, delta_covar, euler_attribution, marginal_expected_shortfall
from levcore.leaning import leaning, likelihood_ratio

__all__ = [
    "control_variate",
    "covar",
    "delta_covar",
    "euler_attribution",
    "expected_shortfall",
    "leaning",
    "likelihood_ratio",
    "marginal_expected_shortfall",
    "mean",
    "probability",
    "quantile",
    "value_at_risk",
    "without_impact",
]


def mean(
    values: npt.ArrayLike, confidence: float = 0.95, *, weights: npt.ArrayLike | None = None, together: int = 1
) -> Estimate:
    """Estimate the expected value.

    Parameters
    ----------
    values : array of shape (n,)
        Samples, finite.
    confidence : float
        Of the interval, in (0, 1).
    weights : array of shape (n,), optional
        What each sample counts, >= 0, such as :func:`likelihood_ratio`; their mean is 1 but for chance. None: alike.
    together : int
        How many samples in a row were drawn together, such as `Runs.together`; a divisor of n.

    Returns
    -------
    Estimate
        With an interval by the spread of the groups' means, by Student's t where they are few; low_sample where fewer
        than 200 samples decide, by Kish's count where they have weights.

    Raises
    ------
    InputError, KindError
        If a sample, a weight, the groups or the confidence break a rule.

    Notes
    -----
    ``sum(weights*values)/n``, without bias. With neither weights nor groups it is :func:`levcore.risk.mean`. Source:
    Glasserman, Monte Carlo Methods in Financial Engineering (2003), chapter 4; Kish, Survey Sampling (1965).

    Examples
    --------
    >>> import levcore as lc
    >>> lc.variance_reduction.mean([1.0, 3.0, 2.0, 2.1], together=2)
    Estimate(2.025, 95 % interval 1.71 to 2.34, n = 4, low sample)
    """
    samples = samples_of("values", values)
    return grouped.mean(samples, Draw(len(samples), weights, together, confidence))


def probability(
    events: npt.ArrayLike, confidence: float = 0.95, *, weights: npt.ArrayLike | None = None, together: int = 1
) -> Estimate:
    """Estimate how probable an event is.

    Parameters
    ----------
    events : bool array of shape (n,)
        Whether it happened.
    confidence, weights, together
        As of :func:`mean`.

    Returns
    -------
    Estimate
        With Wilson's interval of as many independent samples as would vary as much as the groups do; with weights, the
        normal one.

    Raises
    ------
    InputError, KindError
        If the events are no booleans, there are none, or a weight, the groups or the confidence break a rule.

    Notes
    -----
    low_sample where the event or its absence counts as fewer than 200 samples. Source: Wilson (1927); Kish (1965).

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.variance_reduction.probability([True, False, False, False], weights=[0.4, 1.2, 1.2, 1.2]))
    0.1
    """
    seen = grouped.events_of(events)
    return grouped.probability(seen, Draw(len(seen), weights, together, confidence))


def quantile(
    values: npt.ArrayLike,
    q: float,
    confidence: float = 0.95,
    *,
    weights: npt.ArrayLike | None = None,
    together: int = 1,
) -> Estimate:
    """Estimate a quantile.

    Parameters
    ----------
    values : array of shape (n,)
        Samples, finite.
    q : float
        In (0, 1).
    confidence, weights, together
        As of :func:`mean`.

    Returns
    -------
    Estimate
        With Woodruff's interval: that of the share beyond it, carried over to the samples.

    Raises
    ------
    InputError, KindError
        If a sample, q, a weight, the groups or the confidence break a rule.

    Notes
    -----
    Shares are counted from the nearer end of the law. Source: Woodruff (1952); Glynn (1996) for weights.

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.variance_reduction.quantile([3.0, 1.0, 2.0, 4.0], 0.5, together=2))
    2.0
    """
    share = checks.number("q", q, above=0.0, below=1.0)
    samples = samples_of("values", values)
    return grouped.quantile(samples, share, Draw(len(samples), weights, together, confidence))


def value_at_risk(
    losses: npt.ArrayLike,
    level: float = 0.99,
    confidence: float = 0.95,
    *,
    weights: npt.ArrayLike | None = None,
    together: int = 1,
) -> Estimate:
    """Estimate the loss that is not exceeded with probability `level`.

    Parameters
    ----------
    losses : array of shape (n,)
        Losses, positive where money is lost.
    level : float
        In (0, 1); 0.99 is the worst one in a hundred.
    confidence, weights, together
        As of :func:`mean`.

    Returns
    -------
    Estimate
        The `level` quantile with Woodruff's interval.

    Raises
    ------
    InputError, KindError
        If a loss, the level, a weight, the groups or the confidence break a rule, or too little lies beyond the level.

    Notes
    -----
    See :func:`quantile`. low_sample: losses beyond it count as fewer than 200 samples.

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.variance_reduction.value_at_risk(range(1, 101), level=0.95, together=2))
    95.0
    """
    samples, share = samples_of("losses", losses), checks.number("level", level, above=0.0, below=1.0)
    return grouped.value_at_risk(samples, share, Draw(len(samples), weights, together, confidence))


def expected_shortfall(
    losses: npt.ArrayLike,
    level: float = 0.99,
    confidence: float = 0.95,
    *,
    weights: npt.ArrayLike | None = None,
    together: int = 1,
) -> Estimate:
    """Estimate the mean of the worst losses, the share 1 - level of them.

    Parameters
    ----------
    losses : array of shape (n,)
        Losses, positive where money is lost.
    level : float
        In (0, 1).
    confidence, weights, together
        As of :func:`mean`.

    Returns
    -------
    Estimate
        With the interval of its asymptotic variance, cut off at the smallest loss.

    Raises
    ------
    InputError, KindError
        If a loss, the level, a weight, the groups or the confidence break a rule, or too little lies beyond the level.

    Notes
    -----
    ``VaR + sum(weights*max(loss - VaR, 0))/(n*(1 - level))``; its variance is that of the sum, for the value at risk
    moves it in second order alone. Source: Rockafellar and Uryasev (2002); Hong, Hu and Liu (2014), ACM TOMACS 24.

    Examples
    --------
    >>> import levcore as lc
    >>> float(lc.variance_reduction.expected_shortfall(range(1, 101), level=0.95, together=2))
    98.0
    """
    samples, share = samples_of("losses", losses), checks.number("level", level, above=0.0, below=1.0)
    return grouped.expected_shortfall(samples, share, Draw(len(samples), weights, together, confidence))
