"""The line below which a share q of points lies: exact, in a few passes over the points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: So many points are solved at once; of more, a sample says which lie too far from the line to matter.
AT_ONCE = 20_000
#: How many standard errors of the sample's line the line of all points is sought within, at first.
REACH = 3.0
#: Points looked at together, so that what is worked out of them stays in the cache.
BLOCK = 2**15


@dataclass(frozen=True)
class Line:
    """A line ``intercept + slope*x``."""

    intercept: float
    slope: float


@dataclass(frozen=True)
class _Points:
    """Points near the line; of the others is known how many lie below, and what their x add up to."""

    x: Floats
    y: Floats
    q: float
    n: int  # of all points
    x_sum: float  # of all points
    below: int = 0
    below_sum: float = 0.0


@dataclass(frozen=True)
class _Best:
    """The best intercept of a slope, a point on that line, and between what the derivative by the slope lies."""

    intercept: float
    point: int
    low: float
    high: float


def fit(x: Floats, y: Floats, q: float) -> Line:
    """Return the line that minimises ``sum(q*max(u, 0) + (1 - q)*max(-u, 0))``, u the distance of y above it.

    The x must not all be equal. Source: Koenker and Bassett (1978), Econometrica 46; Portnoy and Koenker (1997),
    Statistical Science 12, for leaving points out whose side is known.
    """
    n = len(x)
    everything = _Points(x, y, q, n, float(x.sum()))
    some = slice(None, None, max(1, round(n ** (1.0 / 3.0))))
    few_x, few_y = x[some].copy(), y[some].copy()
    if n <= AT_ONCE or float(few_x.min()) == float(few_x.max()):
        return _solved(everything, *_start(x, y))
    line = _solved(_Points(few_x, few_y, q, len(few_x), float(few_x.sum())), *_start(few_x, few_y))
    centre, width = float(few_x.mean()), float(few_x.std())
    reach = REACH * _error(few_y - line.intercept - line.slope * few_x, q)
    while 0.0 < reach < math.inf:
        points = _undecided(everything, line, centre, reach, width)
        if len(points.x) > n // 2:
            break
        found = _near(points, line, centre, reach, width)
        if found is not None:
            return found
        reach *= 2.0
    return _solved(everything, *_start(x, y))


def _start(x: Floats, y: Floats) -> tuple[float, float]:
    """Return the slope of least squares, and a first step to either side of it."""
    apart = x - x.mean()
    square = float((apart * apart).sum())
    slope = float((apart * y).sum()) / square if square > 0.0 else 0.0
    spread = math.sqrt(max(float(np.var(y - slope * x)), 0.0) / max(square, 1e-300))
    return slope, 2.0 * spread + 1e-12 * abs(slope)


def _error(distance: Floats, q: float) -> float:
    """Return the standard error of the quantile of distances."""
    m = len(distance)
    h = 2.0 * math.sqrt(q * (1.0 - q) / m)
    low, high = max(0, int((q - h) * m)), min(m - 1, int((q + h) * m))
    ordered = np.sort(distance)
    return float(ordered[high] - ordered[low]) / max(2.0 * h, (high - low) / m) * math.sqrt(q * (1.0 - q) / m)


def _undecided(points: _Points, line: Line, centre: float, reach: float, width: float) -> _Points:
    """Return the points that a line might pass on either side whose slope and height at the centre stay near."""
    x, y, n = points.x, points.y, points.n
    distance, allowed = np.empty(BLOCK), np.empty(BLOCK)
    kept_x, kept_y = [], []
    below, below_sum = 0, 0.0
    for first in range(0, n, BLOCK):
        here_x, here_y = x[first : first + BLOCK], y[first : first + BLOCK]
        u, room = distance[: len(here_x)], allowed[: len(here_x)]
        np.multiply(here_x, -line.slope, out=u)
        u += here_y
        u -= line.intercept
        np.subtract(here_x, centre, out=room)
        np.abs(room, out=room)
        room *= reach / width
        room += reach
        kept = np.flatnonzero(np.abs(u) <= room)
        kept_x.append(here_x[kept])
        kept_y.append(here_y[kept])
        np.negative(room, out=room)
        under = u < room
        below += int(np.count_nonzero(under))
        below_sum += float(np.multiply(here_x, under, out=u).sum())
    near_x, near_y = np.concatenate(kept_x), np.concatenate(kept_y)
    return _Points(near_x, near_y, points.q, n, points.x_sum, below, below_sum)


def _near(points: _Points, line: Line, centre: float, reach: float, width: float) -> Line | None:
    """Return the line if its slope and its height at the centre move by no more than the reach allows."""
    if not 1 <= math.ceil(_whole(points.q * points.n)) - points.below <= len(points.x):
        return None
    low, high = line.slope - reach / width, line.slope + reach / width
    at_low, at_high = _best(points, low), _best(points, high)
    if at_low.high >= 0.0 or at_high.low <= 0.0:
        return None
    found = _between(points, low, high, at_low, at_high)
    moved = found.intercept - line.intercept + (found.slope - line.slope) * centre
    return found if abs(moved) < reach else None


def _solved(points: _Points, slope: float, step: float) -> Line:
    """Return the line of points none of which is left out."""
    flat = _best(points, 0.0)
    if flat.low <= 0.0 <= flat.high:
        return Line(flat.intercept, 0.0)
    step = step or 1e-12 * (abs(slope) + 1.0)
    while True:
        low, high = slope - step, slope + step
        at_low, at_high = _best(points, low), _best(points, high)
        if at_low.low <= 0.0 and at_high.high >= 0.0:
            return _between(points, low, high, at_low, at_high)
        step *= 4.0


def _between(points: _Points, low: float, high: float, at_low: _Best, at_high: _Best) -> Line:
    """Return the line whose slope lies between two: through a point of each, or half-way, until one is the best."""
    for slope, best in ((low, at_low), (high, at_high)):
        if best.low <= 0.0 <= best.high:
            return Line(best.intercept, slope)
    through = True
    while True:
        i, j = at_low.point, at_high.point
        slope, same = low + 0.5 * (high - low), None
        if not low < slope < high:
            return Line(at_high.intercept, high)
        run = points.x[i] - points.x[j]
        if through and run != 0.0:
            crossing = float((points.y[i] - points.y[j]) / run)
            if low < crossing < high:
                slope, same = crossing, (i, j)
        best = _best(points, slope, same)
        if best.low <= 0.0 <= best.high:
            return Line(best.intercept, slope)
        if best.low > 0.0:
            high, at_high = slope, best
        else:
            low, at_low = slope, best
        through = not through


def _best(points: _Points, slope: float, same: tuple[int, int] | None = None) -> _Best:
    """Return the best intercept of a slope; two points named lie equally far above the line but for rounding."""
    height = points.y - slope * points.x
    if same is not None:
        height[same[1]] = height[same[0]]
    wanted = _whole(points.q * points.n) - points.below
    place = min(max(math.ceil(wanted), 1), len(height)) - 1
    intercept = float(np.partition(height, place)[place])
    under = height < intercept
    on = np.flatnonzero(height == intercept)
    share = wanted - float(np.count_nonzero(under))
    base = points.below_sum + float((under * points.x).sum()) - points.q * points.x_sum
    if len(on) == 1:
        derivative = base + share * float(points.x[on[0]])
        return _Best(intercept, int(on[0]), derivative, derivative)
    ordered = np.sort(points.x[on])
    return _Best(intercept, int(on[0]), base + _first(ordered, share), base + _first(ordered[::-1], share))


def _first(values: Floats, share: float) -> float:
    """Return the sum of the first so many values, the last of them in part."""
    whole = min(int(share), len(values))
    part = (share - whole) * float(values[whole]) if whole < len(values) else 0.0
    return float(values[:whole].sum()) + part


def _whole(count: float) -> float:
    """Return a count that is whole but for rounding as whole."""
    return float(round(count)) if abs(count - round(count)) < 1e-9 * max(1.0, count) else count
