"""The peers in numpy: searchsorted and prefix sums, over one shock or over all paths at once; and price paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from peers_numba import sides

if TYPE_CHECKING:
    import levcore as lc


class PathLoop:
    """All paths at once: at each step those that have come to their next liquidation search, round by round."""

    def __init__(self, ready: lc.Ready, daily: float, steps: int) -> None:
        long_key, self.long_sum, short_key, self.short_sum = sides(ready)
        self.long_key, self.short_key = long_key, short_key
        self.falling, self.rising = -long_key[:-1], -short_key[:-1]
        self.slope = 1.0 / ready.market["X"].impact.depth
        self.start = float(np.log(ready.market["X"].price))
        self.drift, self.scale, self.steps = -0.5 * daily**2 / steps, daily / steps**0.5, steps

    def run(self, paths: int, logs: np.ndarray | None = None) -> np.ndarray:
        """Positions liquidated, notional and log of the last mark by path; `logs` are log prices to run instead."""
        draw = np.random.Generator(np.random.SFC64(1)).standard_normal
        x, moved = np.full(paths, self.start), np.zeros(paths)
        longs, shorts, notional = np.zeros(paths, np.int64), np.zeros(paths, np.int64), np.zeros(paths)
        low, high = np.full(paths, self.long_key[0]), np.full(paths, -self.short_key[0])
        for step in range(self.steps):
            if logs is None:
                x += self.drift + self.scale * draw(paths)
            else:
                x = logs[:, step]
            y = x + self.slope * moved
            at = np.flatnonzero((y < low) | (y > high))
            while at.size:
                here = y[at]
                to = np.maximum(longs[at], np.searchsorted(self.falling, -here, "right"))
                up = np.maximum(shorts[at], np.searchsorted(self.rising, here, "right"))
                order = self.short_sum[up] - self.short_sum[shorts[at]] - self.long_sum[to] + self.long_sum[longs[at]]
                notional[at] += np.exp(here) * np.abs(np.expm1(self.slope * order)) / self.slope
                moved[at] += order
                longs[at], shorts[at] = to, up
                low[at], high[at] = self.long_key[to], -self.short_key[up]
                y[at] = here = x[at] + self.slope * moved[at]
                at = at[(here < low[at]) | (here > high[at])]
        return np.column_stack([longs + shorts, notional, y])


class SortedShock:
    """A fall on a sorted book: searchsorted a round, and bad debt by one pass over the longs that went."""

    def __init__(self, ready: lc.Ready) -> None:
        book, price = ready.book, ready.book.liquidation_price
        rows = np.flatnonzero(np.isfinite(price) & (book.quantity > 0.0))
        key = np.log(price[rows])
        order = rows[np.argsort(-key, kind="stable")]
        self.slope = 1.0 / ready.market["X"].impact.depth
        self.start = float(np.log(ready.market["X"].price))
        self.quantity = book.quantity[order]
        self.falling = -np.log(price[order])
        self.before = np.append(0.0, np.cumsum(self.quantity))
        # What an order pays of the price before the cascade does not depend on the shock: its place is fixed.
        size = self.slope * self.quantity
        self.paid = self.quantity * np.exp(-self.slope * self.before[:-1]) * -np.expm1(-size) / size
        self.cash = (book.margin - book.quantity * book.entry_price)[order]

    def shock(self, move: float) -> tuple[int, float, float]:
        """Positions liquidated, the last mark, bad debt."""
        x, count = self.start + np.log1p(move), 0
        while True:
            to = int(np.searchsorted(self.falling, -(x - self.slope * self.before[count]), "left"))
            if to <= count:
                break
            count = to
        lost = self.paid[:count] * -np.exp(x)
        lost -= self.cash[:count]
        np.maximum(lost, 0.0, out=lost)
        return count, float(np.exp(x - self.slope * self.before[count])), float(lost.sum())


def gbm(paths: int, steps: int, daily: float, draw: np.random.Generator) -> np.ndarray:
    """Prices of a geometric Brownian motion that starts at 100, in place."""
    z = draw.standard_normal((paths, steps))
    return prices_of(z, daily)


def prices_of(z: np.ndarray, daily: float) -> np.ndarray:
    """Normals become prices, in their own memory."""
    steps = z.shape[1]
    z *= daily / steps**0.5
    z -= 0.5 * daily**2 / steps
    np.cumsum(z, axis=1, out=z)
    np.exp(z, out=z)
    z *= 100.0
    return z


ALPHA, BETA = 0.08, 0.90


def garch(paths: int, steps: int, daily: float, draw: np.random.Generator) -> np.ndarray:
    """Prices of a GARCH(1,1) that starts at 100 and at its long run, all paths a step at a time; steps x paths."""
    return garch_prices_of(draw.standard_normal((steps, paths)), daily)


def garch_prices_of(z: np.ndarray, daily: float) -> np.ndarray:
    """Normals (steps, paths) become prices, in their own memory."""
    steps, paths = z.shape
    long_run = daily**2 / steps
    omega = long_run * (1.0 - (ALPHA + BETA))
    h, x = np.full(paths, long_run), np.full(paths, np.log(100.0))
    for row in z:
        shock = np.sqrt(h) * row
        x += shock - 0.5 * h
        h = omega + ALPHA * shock * shock + BETA * h
        row[:] = x
    np.exp(z, out=z)
    return z
