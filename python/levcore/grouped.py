"""Statistics of samples that carry weights, or that were drawn in groups, each with its interval."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from levcore import checks, estimates, tails
from levcore.errors import InputError, KindError
from levcore.estimates import ENOUGH, LOOKED_AT, Estimate, normal_quantile, sample_quantiles, samples_of

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

#: From so many groups on, Student's t is the normal law.
MANY_GROUPS = 2_000
#: About so many samples say where the largest ones begin.
MANY_SAMPLES = 20_000


class Draw:
    """Samples' weights, and how many samples in a row were drawn together: those groups are independent."""

    def __init__(self, n: int, weights: npt.ArrayLike | None, together: object, confidence: object) -> None:
        self.n = n
        self.z = normal_quantile(confidence)
        self.confidence = float(confidence)  # type: ignore[arg-type]
        self.together = checks.integer("together", together, at_least=1, at_most=n)
        if n % self.together:
            raise InputError(f"together must divide the number of samples, was {self.together:,} of {n:,}")
        self.groups = n // self.together
        self.weights = None if weights is None else _weights(weights, n)
        if self.together > 1:
            self.z = student_quantile(0.5 + self.confidence / 2.0, self.groups - 1)

    @property
    def is_plain(self) -> bool:
        """Whether samples are independent and count alike."""
        return self.weights is None and self.together == 1

    def weighed(self, values: Floats | npt.NDArray[np.bool_]) -> Floats:
        """Return values times their weights."""
        terms = values.astype(np.float64)
        return terms if self.weights is None else terms * self.weights

    def error(self, terms: Floats) -> float:
        """Return the standard error of the mean of independent groups of terms."""
        if self.groups < 2:
            return math.inf
        means = terms.reshape(self.groups, self.together).mean(axis=1)
        return float(means.std(ddof=1)) / math.sqrt(self.groups)

    def reach(self, terms: Floats) -> float:
        """Return how far the interval of a mean of terms goes to either side."""
        return self.z * self.error(terms) if self.groups > 1 else math.inf

    def reach_of_some(self, rows: Rows, terms: Floats) -> float:
        """Return the same where all terms but those of some rows are 0."""
        if self.together > 1 or self.n < 2:
            every = np.zeros(self.n)
            every[rows] = terms
            return self.reach(every)
        middle = float(terms.sum()) / self.n
        apart = terms - middle
        squares = float((apart * apart).sum()) + (self.n - len(rows)) * middle * middle
        return self.z * math.sqrt(squares / (self.n - 1)) / math.sqrt(self.n)

    def count(self, some: npt.NDArray[np.bool_]) -> float:
        """Return as how many equal samples some of them count: Kish's effective number."""
        return float(np.count_nonzero(some)) if self.weights is None else self.count_of(np.flatnonzero(some))

    def count_of(self, rows: Rows) -> float:
        """Return the same for some rows."""
        if self.weights is None:
            return float(len(rows))
        chosen = self.weights[rows]
        squares = float((chosen * chosen).sum())
        return float(chosen.sum()) ** 2 / squares if squares > 0.0 else 0.0

    def count_of_tail(self, above: Rows, at: Rows, share: float) -> float:
        """Return the same for a tail: those above its quantile, and of those at it the part that makes it the share."""
        if self.weights is None:
            return self.n * share
        held = float(self.weights[at].sum())
        missing = max(self.n * share - float(self.weights[above].sum()), 0.0)
        return self.count_of(above) + (min(missing / held, 1.0) * self.count_of(at) if held > 0.0 else 0.0)

    def estimate(self, value: float, low: float, high: float, deciding: float) -> Estimate:
        """Return an estimate on which so many samples decide."""
        few = deciding < ENOUGH - 1e-6 or self.groups < 2
        return Estimate(value, low, high, self.confidence, self.n, few)


def _weights(weights: npt.ArrayLike, n: int) -> Floats:
    found = samples_of("weights", weights)
    if len(found) != n:
        raise InputError(f"weights must have {n:,} rows, one a sample, had {len(found):,}")
    if (found < 0.0).any():
        row = int((found < 0.0).argmax())
        raise InputError(f"weights[{row}] must be >= 0, was {found[row]}")
    if (found > checks.LARGEST).any():
        row = int(found.argmax())
        raise InputError(f"weights[{row}] must be <= {checks.LARGEST:g}, was {found[row]}")
    if n and not found.any():
        raise InputError("weights must not all be zero: no sample counts then")
    return found


def student_quantile(p: float, degrees: int) -> float:
    """Return Student's t quantile, p > 0.5, by bisection on the closed form of whole degrees of freedom."""
    if degrees >= MANY_GROUPS:
        return NormalDist().inv_cdf(p)
    if degrees < 1:
        return math.inf
    low, high = 0.0, 1.0
    while _student_share(high, degrees) < 2.0 * p - 1.0 and high < 1e300:
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if _student_share(middle, degrees) < 2.0 * p - 1.0:
            low = middle
        else:
            high = middle
    return high


def _student_share(t: float, degrees: int) -> float:
    """Return P(abs(T) <= t): Abramowitz and Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine, cosine) if odd else (1.0, 1.0)
    for k in range(3 if odd else 2, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if not odd:
        return sine * total
    return 2.0 / math.pi * (angle + (sine * total if degrees > 1 else 0.0))


def mean(values: Floats, draw: Draw) -> Estimate:
    """Estimate the expected value."""
    if draw.is_plain:
        return estimates.mean(values, draw.confidence)
    terms = draw.weighed(values)
    value, half = float(terms.mean()), draw.reach(terms)
    # One of those that are as most are counts too: without such, all do.
    apart = draw.count(values != estimates.most_common(values)) + 1.0
    return draw.estimate(value, value - half, value + half, min(apart, draw.count(np.ones(draw.n, dtype=bool))))


def probability(events: npt.NDArray[np.bool_], draw: Draw) -> Estimate:
    """Estimate a probability: Wilson's interval of as many independent samples as would vary as much."""
    if draw.is_plain:
        return estimates.probability(events, draw.confidence)
    terms = draw.weighed(events)
    p, error = float(terms.mean()), draw.error(terms)
    deciding = draw.count(events) if p <= 0.5 else draw.count(~events)
    if draw.weights is not None:
        high = 1.0 if p == 0.0 else min(p + draw.z * error, 1.0)
        return draw.estimate(p, max(p - draw.z * error, 0.0) if error < math.inf else 0.0, high, deciding)
    trials = float(draw.groups)  # where there was no spread
    if 0.0 < p < 1.0 and error > 0.0:
        trials = p * (1.0 - p) / (error * error) if error < math.inf else 0.0
    z2 = draw.z * draw.z
    if not (trials > 0.0 and z2 < math.inf):
        return draw.estimate(p, 0.0, 1.0, deciding)
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = draw.z / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))
    return draw.estimate(p, 0.0 if p == 0.0 else middle - half, 1.0 if p == 1.0 else middle + half, deciding)


def quantile(values: Floats, q: float, draw: Draw) -> Estimate:
    """Estimate a quantile from the side whose tail is the smaller, with Woodruff's (1952) interval."""
    if draw.is_plain:
        return estimates.quantile_of(values, q, draw.confidence, min(q, 1.0 - q))
    if draw.weights is None:
        return _grouped_quantile(values, q, draw, min(q, 1.0 - q))
    if q >= 0.5:
        return upper_quantile(values, 1.0 - q, draw.weights, draw)[0]
    turned = upper_quantile(-values, q, draw.weights, draw, at_least=True)[0]
    return Estimate(-turned.value, -turned.high, -turned.low, turned.confidence, turned.n, turned.low_sample)


def value_at_risk(losses: Floats, level: float, draw: Draw) -> Estimate:
    """Estimate the loss that is not exceeded with probability `level`."""
    if draw.is_plain:
        return tails.value_at_risk(losses, level, draw.confidence)
    refuse_few(losses, level, draw)
    if draw.weights is None:
        return _grouped_quantile(losses, level, draw, 1.0 - level)
    found, rows = upper_quantile(losses, 1.0 - level, draw.weights, draw)
    count_beyond(losses, found.value, rows, level, draw)
    return found


def expected_shortfall(losses: Floats, level: float, draw: Draw) -> Estimate:
    """Estimate the mean of the worst losses: the value at risk, and what lies beyond it on average."""
    if draw.is_plain:
        return tails.expected_shortfall(losses, level, draw.confidence)
    refuse_few(losses, level, draw)
    tail = 1.0 - level
    if draw.weights is None:
        at = sample_quantiles(losses, [level])[0]
        terms = draw.weighed(np.maximum(losses - at, 0.0)) / tail
        value, half = at + float(terms.mean()), draw.reach(terms)
        deciding = tails.deciding(float(np.count_nonzero(losses > at)), draw.n * tail)
    else:
        found, rows = upper_quantile(losses, tail, draw.weights, draw)
        terms = (losses[rows] - found.value) * draw.weights[rows] / tail
        value, half = found.value + float(terms.sum()) / draw.n, draw.reach_of_some(rows, terms)
        whole = count_beyond(losses, found.value, rows, level, draw)
        deciding = tails.deciding(draw.count_of(rows), whole)
    return draw.estimate(value, max(value - half, float(losses.min())), value + half, deciding)


def refuse_few(losses: Floats, level: float, draw: Draw) -> None:
    """Raise InputError where too little lies beyond a level."""
    if draw.weights is None:
        tails.count_beyond(len(losses), level)
    elif not float(draw.weights.mean()) > 1.0 - level:
        raise InputError(f"weights must have a mean above the share beyond the level, {1.0 - level:.3g}")


def count_beyond(losses: Floats, at: float, above: Rows, level: float, draw: Draw) -> float:
    """Return as how many equal samples those beyond a level count, by their weights: at least one."""
    count = draw.count_of_tail(above, np.flatnonzero(losses == at), 1.0 - level)
    if count < 1.0 - 1e-9:
        raise InputError(f"losses must have a row beyond the level {level}, by their weights had {count:.3g} of one")
    return count


def _grouped_quantile(samples: Floats, q: float, draw: Draw, tail: float) -> Estimate:
    """Return the smallest sample with at least a share q at or below it; the tail's share of the samples decides."""
    value = sample_quantiles(samples, [q])[0]
    half = draw.reach(draw.weighed(samples <= value))
    bounds = [max(q - half, 0.0), min(q + half, 1.0)]
    low, high = sample_quantiles(samples, bounds)
    deciding = draw.n * tail if bounds[0] > 0.0 and bounds[1] < 1.0 else 0.0
    return draw.estimate(value, min(low, value), max(high, value), deciding)


def upper_quantile(
    samples: Floats, tail: float, weights: Floats, draw: Draw, *, at_least: bool = False
) -> tuple[Estimate, Rows]:
    """Return the smallest sample with at most this share above it, and which are; `at_least` counts those at it, too.

    Only the largest samples are sorted, more and more of them until the interval lies among them.
    """
    share = max(LOOKED_AT / draw.n, 2.0 * tail)
    some = samples[:: max(1, draw.n // MANY_SAMPLES)]
    while True:
        cut = sample_quantiles(some, [1.0 - share])[0] if share < 1.0 else -math.inf
        rows = np.flatnonzero(samples >= cut)
        upper = _Upper(samples, weights, rows, at_least)
        value = upper.at(tail)
        tail_of, at = rows[samples[rows] > value], rows[samples[rows] == value]
        counted = tail_of if len(tail_of) else at
        half = draw.reach_of_some(counted, weights[counted])
        low, high = upper.at(min(tail + half, 1e300)), upper.at(max(tail - half, 0.0))
        if len(rows) == draw.n or low > upper.lowest:
            break
        share *= 4.0
    deciding = draw.count_of_tail(tail_of, at, tail) if tail - half > 0.0 else 0.0
    return draw.estimate(value, min(low, value), max(high, value), deciding), tail_of


class _Upper:
    """The largest samples in order, and the share of the weights at and beyond each."""

    def __init__(self, samples: Floats, weights: Floats, rows: Rows, at_least: bool) -> None:
        these = samples[rows]
        order = np.argsort(these)
        ordered = these[order]
        new = ordered[1:] != ordered[:-1]
        if not new.all():  # in which order samples that tie are added up must not be up to numpy's quicksort
            order = np.argsort(these, kind="stable")
        shares = np.append(np.cumsum(weights[rows[order]][::-1])[::-1] / len(samples), 0.0)
        starts = np.flatnonzero(np.concatenate([[True], new]))  # of samples that tie
        self.values, self.at_least, self.lowest = ordered[starts], at_least, float(ordered[0])
        self.beyond = shares[starts] if at_least else np.append(shares[starts[1:]], 0.0)

    def at(self, share: float) -> float:
        """Return the first sample with at most a share beyond it; or the last with at least it, itself included."""
        if self.at_least:
            return float(self.values[max(int(np.count_nonzero(self.beyond >= share - 1e-15)) - 1, 0)])
        return float(self.values[min(int(np.count_nonzero(self.beyond > share + 1e-15)), len(self.values) - 1)])


def events_of(events: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return events as booleans, not empty."""
    seen = np.asarray(events)
    if seen.dtype != np.bool_:
        raise KindError(f"events must be an array of True and False, had dtype {seen.dtype}")
    if seen.ndim != 1 or not seen.size:
        raise InputError(f"events must have shape (n,), n >= 1, had {seen.shape}")
    return seen
