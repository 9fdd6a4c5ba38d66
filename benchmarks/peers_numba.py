"""The peers in numba: a closed loop by cursors and prefix sums, and the plain loops that look at every position.

Written as well as their users would write them; they keep less than levcore does, which is to their advantage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import levcore as lc

Loop = Callable[..., np.ndarray]
NOTHING = np.empty((0, 0))


def sides(ready: lc.Ready) -> list[np.ndarray]:
    """Of longs, then of shorts: keys in the order of liquidation, and the sums of quantity before each."""
    price, quantity = ready.book.liquidation_price, np.abs(ready.book.quantity)
    columns = []
    for sign in (1.0, -1.0):
        rows = np.flatnonzero(np.isfinite(price) & (sign * ready.book.quantity > 0.0))
        key = sign * np.log(price[rows])
        order = np.argsort(-key, kind="stable")
        columns += [np.append(key[order], -1e300), np.append(0.0, np.cumsum(quantity[rows][order]))]
    return columns


def gallop_compiled() -> Any:
    """The first place behind `at` whose key is below `y`, in doubling strides and then by halves."""
    import numba

    @numba.njit(fastmath=True)
    def gallop(key: np.ndarray, at: int, y: float) -> int:
        stride = 1
        while key[min(at + stride, len(key) - 1)] >= y:
            at += stride
            stride *= 2
        low, high = at, min(at + stride, len(key) - 1)
        while low < high:
            middle = (low + high) // 2
            if key[middle] >= y:
                low = middle + 1
            else:
                high = middle
        return low

    return gallop


def linear(slope: float) -> tuple[Any, Any]:
    """Log impact of a displacement, and the integral of its exponential."""
    import numba

    @numba.njit(fastmath=True)
    def impact(x: float) -> float:
        return slope * x

    @numba.njit(fastmath=True)
    def walked(x: float) -> float:
        return np.expm1(slope * x) / slope

    return impact, walked


def square_root(scale: float) -> tuple[Any, Any]:
    """The same for `sign(x)*scale*sqrt(abs(x))`."""
    import numba

    @numba.njit(fastmath=True)
    def impact(x: float) -> float:
        return scale * np.sqrt(x) if x > 0.0 else -scale * np.sqrt(-x)

    @numba.njit(fastmath=True)
    def walked(x: float) -> float:
        s = scale * np.sqrt(abs(x))
        if x > 0.0:
            return 2.0 / scale**2 * ((s - 1.0) * np.exp(s) + 1.0)
        return -2.0 / scale**2 * (1.0 - (s + 1.0) * np.exp(-s))

    return impact, walked


def closed_loop(ready: lc.Ready, shape: tuple[Any, Any], daily: float, steps: int) -> Loop:
    """Paths with feedback: a cursor a side, rounds by galloping, the notional of a whole stretch by its integral.

    The loop takes a count of paths, or log prices (paths, steps) to run instead of drawing its own, and returns by
    path: positions liquidated, notional, log of the last mark.
    """
    import numba

    impact, walked = shape
    gallop = gallop_compiled()
    start = float(np.log(ready.market["X"].price))
    drift, scale = -0.5 * daily**2 / steps, daily / steps**0.5

    def compiled(given: bool) -> Any:
        @numba.njit(parallel=True, fastmath=True)
        def run(
            paths: int, logs: np.ndarray, lkey: np.ndarray, lsum: np.ndarray, skey: np.ndarray, ssum: np.ndarray
        ) -> np.ndarray:
            out = np.zeros((paths, 3))
            for path in numba.prange(paths):
                if not given:
                    np.random.seed(path)  # noqa: NPY002 what numba has
                x, y, longs, shorts, moved, notional = start, start, 0, 0, 0.0, 0.0
                for step in range(steps):
                    if given:
                        x = logs[path, step]
                    else:
                        x += drift + scale * np.random.standard_normal()  # noqa: NPY002
                    y = x + impact(moved)
                    if y <= lkey[longs]:
                        before = moved
                        while y <= lkey[longs]:
                            longs = gallop(lkey, longs, y)
                            moved = ssum[shorts] - lsum[longs]
                            y = x + impact(moved)
                        notional += np.exp(x) * (walked(before) - walked(moved))
                    if -y <= skey[shorts]:
                        before = moved
                        while -y <= skey[shorts]:
                            shorts = gallop(skey, shorts, -y)
                            moved = ssum[shorts] - lsum[longs]
                            y = x + impact(moved)
                        notional += np.exp(x) * (walked(moved) - walked(before))
                out[path, 0], out[path, 1], out[path, 2] = longs + shorts, notional, y
            return out

        return run

    columns = sides(ready)
    drawn, follow = compiled(given=False), compiled(given=True)

    def loop(paths: int | np.ndarray) -> np.ndarray:
        if isinstance(paths, np.ndarray):
            return follow(len(paths), paths, *columns)
        return drawn(paths, NOTHING, *columns)

    return loop


def plain_shock(rate: np.ndarray, deduction: np.ndarray, cap: np.ndarray, slope: float) -> Loop:
    """One shock from raw columns: every round looks at every position. Returns count and log of the last mark."""
    import numba

    tiers = len(rate)

    @numba.njit(parallel=True, fastmath=True)
    def run(quantity: np.ndarray, entry: np.ndarray, margin: np.ndarray, x: float) -> np.ndarray:
        gone = np.zeros(len(quantity), np.uint8)
        count = 0
        while True:
            price, traded, hit = np.exp(x), 0.0, 0
            for i in numba.prange(len(quantity)):
                if gone[i] == 0:
                    notional = abs(quantity[i]) * price
                    required = rate[0] * notional
                    if notional > cap[0]:
                        for k in range(1, tiers):
                            required = max(required, rate[k] * notional - deduction[k])
                    if margin[i] + quantity[i] * (price - entry[i]) < required:
                        gone[i] = 1
                        traded += quantity[i]
                        hit += 1
            if hit == 0:
                return np.array([float(count), x])
            x -= slope * traded
            count += hit

    return run
