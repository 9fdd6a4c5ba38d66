"""What samples drawn together, or with weights, say of a system's tail: who is in it, and what it owes to whom."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from levcore import attribution, checks, systemic, tails
from levcore.attribution import Attribution
from levcore.errors import InputError
from levcore.estimates import Estimate, in_order, samples_of
from levcore.grouped import Draw, Floats, count_beyond, refuse_few, upper_quantile
from levcore.per_asset import PerAsset
from levcore.tails import Tail


def marginal_expected_shortfall(
    institution: npt.ArrayLike,
    system: npt.ArrayLike,
    level: float = 0.99,
    confidence: float = 0.95,
    *,
    weights: npt.ArrayLike | None = None,
    together: int = 1,
) -> Estimate:
    """Estimate the mean loss of an institution, or of a part, where the loss of the system is among its worst.

    Parameters
    ----------
    institution, system : array of shape (n,)
        Losses of the same n paths, positive where money is lost; each in a unit of its own.
    level : float
        In (0, 1): the system's worst share 1 - level.
    confidence, weights, together
        As of :func:`mean`.

    Returns
    -------
    Estimate
        In the institution's unit.

    Raises
    ------
    InputError, KindError
        If a loss, the level, a weight, the groups or the confidence break a rule, or too little lies beyond the level.

    Notes
    -----
    As :func:`levcore.risk.marginal_expected_shortfall`, its variance that of
    ``weights*(X - m)*(L > VaR)/(1 - level)`` over groups. Source: Acharya and others (2017); Hong, Hu and Liu (2014).

    Examples
    --------
    >>> import levcore as lc
    >>> own, system = [1.0, 0.0, 4.0, 2.0], [0.0, 1.0, 3.0, 2.0]
    >>> float(lc.variance_reduction.marginal_expected_shortfall(own, system, level=0.5, together=2))
    3.0
    """
    own, everyone = samples_of("institution", institution), samples_of("system", system)
    n = checks.same_length(institution=own, system=everyone)
    share = checks.number("level", level, above=0.0, below=1.0)
    draw = Draw(n, weights, together, confidence)
    if draw.is_plain:
        return tails.marginal_expected_shortfall(own, everyone, share, draw.confidence)
    return _of_part(own, _tail_of(everyone, share, draw, "system"), draw)


def euler_attribution(
    parts: Mapping[str, npt.ArrayLike],
    level: float = 0.99,
    confidence: float = 0.95,
    *,
    losses: npt.ArrayLike | None = None,
    measure: str = "expected_shortfall",
    weights: npt.ArrayLike | None = None,
    together: int = 1,
    unit: str = "",
) -> Attribution:
    """Share out the expected shortfall of a loss among the parts that add up to it.

    Parameters
    ----------
    parts : mapping of str to array of shape (n,)
        The losses of each part, positive where money is lost, all in one unit.
    level : float
        Of the expected shortfall, in (0, 1).
    losses : array of shape (n,), optional
        What the parts should add up to, path by path; left out: their sum.
    measure : {"expected_shortfall", "standard_deviation"}
        What is shared out; the level is no matter for a standard deviation.
    confidence, weights, together
        As of :func:`mean`.
    unit : str
        What the losses are in, for what is shown.

    Returns
    -------
    Attribution
        The parts add up to the total to rounding, the total is the measure of the summed loss.

    Raises
    ------
    InputError, KindError
        As :func:`levcore.risk.euler_attribution`, or if a weight or the groups break a rule.

    Notes
    -----
    As :func:`levcore.risk.euler_attribution`; intervals by the spread of the groups. Source: Tasche (1999).

    Examples
    --------
    >>> import levcore as lc
    >>> parts = {"BTC": [0.0, 1.0, 4.0, 2.0], "ETH": [1.0, 0.0, 0.0, 1.0]}
    >>> found = lc.variance_reduction.euler_attribution(parts, level=0.5, together=2)
    >>> {name: float(part) for name, part in found.parts.items()}
    {'BTC': 3.0, 'ETH': 0.5}
    """
    columns, whole, word, share = attribution.asked(parts, losses, measure, level)
    draw = Draw(len(whole), weights, together, confidence)
    if draw.is_plain:
        return attribution.euler_attribution(columns, share, draw.confidence, measure=word, unit=unit)
    said = checks.instance("unit", unit, str)
    if word == "expected_shortfall":
        tail = _tail_of(whole, share, draw, "parts")
        found = {name: _of_part(values, tail, draw) for name, values in columns.items()}
    else:
        found = _of_deviation(columns, whole, draw)
    return Attribution(word, math.fsum(one.value for one in found.values()), PerAsset(found), said)


def covar(
    institution: npt.ArrayLike,
    system: npt.ArrayLike,
    level: float = 0.99,
    confidence: float = 0.95,
    *,
    given: float | None = None,
    weights: npt.ArrayLike | None = None,
    together: int = 1,
) -> Estimate:
    """Estimate the value at risk of a system where an institution's loss stands at its own value at risk.

    Parameters
    ----------
    institution, system : array of shape (n,)
        Losses of the same n paths, positive where money is lost; each in a unit of its own.
    level : float
        Of the system's value at risk, in (0, 1).
    given : float, optional
        The quantile that the institution's loss stands at, in (0, 1); None: the level. 0.5 is its ordinary state.
    confidence, together
        As of :func:`mean`.
    weights : None
        Refused: the line of the quantile regression counts samples alike.

    Returns
    -------
    Estimate
        In the system's unit, with an asymptotic interval.

    Raises
    ------
    InputError, KindError
        As :func:`levcore.risk.covar`, if there are weights, or if the groups break a rule.

    Notes
    -----
    The line is that of :func:`levcore.risk.covar`; influences are added up within a group, so that the interval counts
    groups. Source: Adrian and Brunnermeier (2016); Parente and Santos Silva (2016), Journal of Econometric Methods 5.

    Examples
    --------
    >>> import levcore as lc
    >>> own = lc.normals(1, 2_000)
    >>> system = 0.5 * own + lc.normals(2, 2_000)
    >>> round(float(lc.variance_reduction.covar(own, system, level=0.95, together=2)), 1)
    2.6
    """
    fitted = systemic.fitted(institution, system, level)
    at = fitted.level if given is None else checks.number("given", given, above=0.0, below=1.0)
    return fitted.estimate([(at, 1.0)], 1.0, _without_weights(len(fitted.own), weights, together, confidence))


def delta_covar(
    institution: npt.ArrayLike,
    system: npt.ArrayLike,
    level: float = 0.99,
    confidence: float = 0.95,
    *,
    weights: npt.ArrayLike | None = None,
    together: int = 1,
) -> Estimate:
    """Estimate by how much a system's value at risk rises when an institution's loss goes from median to value at risk.

    Parameters
    ----------
    institution, system, level, confidence, weights, together
        As of :func:`covar`; weights are refused.

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
    See :func:`covar` and :func:`levcore.risk.delta_covar`.

    Examples
    --------
    >>> import levcore as lc
    >>> own = lc.normals(1, 2_000)
    >>> system = 0.5 * own + lc.normals(2, 2_000)
    >>> round(float(lc.variance_reduction.delta_covar(own, system, level=0.95, together=2)), 1)
    0.9
    """
    fitted = systemic.fitted(institution, system, level)
    draw = _without_weights(len(fitted.own), weights, together, confidence)
    return fitted.estimate([(fitted.level, 1.0), (0.5, -1.0)], 0.0, draw)


def _without_weights(n: int, weights: npt.ArrayLike | None, together: object, confidence: object) -> Draw:
    if weights is not None:
        raise InputError(
            "weights must be left out: the quantile regression of CoVaR counts samples alike; "
            "marginal_expected_shortfall takes weights"
        )
    return Draw(n, None, together, confidence)


def _tail_of(losses: Floats, level: float, draw: Draw, name: str) -> Tail:
    """Return which losses lie beyond a level, by their weights; those at it count in equal parts."""
    if draw.weights is None:
        return tails.tail_of(losses, level, name)
    refuse_few(losses, level, draw)
    found, above = upper_quantile(losses, 1.0 - level, draw.weights, draw)
    count_beyond(losses, found.value, above, level, draw)
    wanted = draw.n * (1.0 - level)
    at = np.flatnonzero(losses == found.value)
    missing, held = max(wanted - float(draw.weights[above].sum()), 0.0), float(draw.weights[at].sum())
    place, around = draw.n - len(above) - 1, math.ceil((len(above) + 1) ** (2.0 / 3.0))
    places = [max(0, place - around), min(draw.n - 1, place + around)]
    low, high = in_order(losses, places)[places]
    near = np.flatnonzero((losses >= low) & (losses <= high))
    return Tail(above, at, missing / held if held > 0.0 else 0.0, near, wanted, level)


def _of_part(values: Floats, tail: Tail, draw: Draw) -> Estimate:
    value = tail.mean(draw.weighed(values))
    near = values[tail.near]
    pull = np.ones(len(near)) if draw.weights is None else draw.weights[tail.near]
    middle = float(near @ pull / pull.sum()) if pull.sum() > 0.0 else float(near.mean())
    rows = np.concatenate([tail.above, tail.at])
    counted = np.concatenate([np.ones(len(tail.above)), np.full(len(tail.at), tail.share)])
    counted = counted if draw.weights is None else counted * draw.weights[rows]
    half = draw.reach_of_some(rows, (values[rows] - middle) * counted / (1.0 - tail.level))
    whole = draw.count_of_tail(tail.above, tail.at, 1.0 - tail.level)
    return draw.estimate(value, value - half, value + half, tails.deciding(draw.count_of(tail.above), whole))


def _of_deviation(columns: dict[str, Floats], whole: Floats, draw: Draw) -> dict[str, Estimate]:
    n = draw.n
    weights = np.ones(n) if draw.weights is None else draw.weights
    mass = float(weights.sum())
    degrees = mass - mass / n  # n - 1 where all count alike
    if n < 2 or not degrees > 0.0:
        raise InputError(f"parts must have at least 2 rows that count for a standard deviation, had {n}")
    apart = whole - float(whole @ weights) / mass
    deviation = math.sqrt(float(weights @ (apart * apart)) / degrees)
    found = {}
    deciding = draw.count(np.ones(n, dtype=np.bool_))
    for name, values in columns.items():
        product = (values - float(values @ weights) / mass) * apart
        value = float(weights @ product) / degrees / deviation if deviation > 0.0 else 0.0
        influence = np.zeros(n)
        if deviation > 0.0:
            scaled = apart / deviation
            influence = weights * (product / deviation - 0.5 * value * (1.0 + scaled * scaled))
        half = draw.reach(influence) * n / mass
        found[name] = draw.estimate(value, value - half, value + half, deciding)
    return found
