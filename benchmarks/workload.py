"""The book that benchmarks run on, and the loop that a numpy user would write for the same cascade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import levcore as lc

START = 100.0


def tiers() -> lc.MarginTiers:
    """Ten continuous tiers, as large venues have them."""
    floor = [0, 5e4, 2.5e5, 1e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8]
    rate = [0.004, 0.005, 0.01, 0.025, 0.05, 0.10, 0.125, 0.15, 0.25, 0.50]
    return lc.MarginTiers(floor=floor, maintenance_rate=rate)


def book(size: int, seed: int = 20240601) -> lc.Book:
    """Heavy-tailed sizes, median leverage 10, entries within 2 % of the price, even rows long and odd rows short."""
    random = np.random.default_rng(seed)
    table = tiers()
    notional = np.minimum(5_000.0 * (1.0 - random.random(size)) ** (-1 / 1.2), 3e8)
    required = table.maintenance_margin(notional)
    leverage = np.clip(np.exp(np.log(10.0) + 0.9 * random.standard_normal(size)), 2.0, 100.0)
    leverage = np.minimum(leverage, 0.5 * notional / required)
    entry = START * np.exp(0.02 * random.standard_normal(size))
    quantity = np.where(np.arange(size) % 2 == 0, 1.0, -1.0) * notional / entry
    margin = notional / leverage
    equity = margin + quantity * (START - entry)
    margin += np.maximum(0.0, 1.25 * table.maintenance_margin(np.abs(quantity) * START) - equity)
    venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=table)], remainder="trader")
    return lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)


def market(held: lc.Book) -> lc.Market:
    """Linear impact: selling all longs moves the log price by a tenth."""
    depth = float(held.quantity[held.quantity > 0.0].sum()) / 0.10
    return lc.Market({"X": lc.Asset(START, impact=lc.LinearImpact(depth=depth))})


@dataclass
class Result:
    """What both sides of a benchmark must agree on."""

    liquidated: int
    rounds: int
    final_price: float
    notional: float
    bad_debt: float


class MaskLoop:
    """The cascade by whole-array numpy: each round masks every position, then walks the hit ones in order."""

    def __init__(self, held: lc.Book, to: lc.Market) -> None:
        self.key = np.log(held.liquidation_price)
        self.quantity = held.quantity
        self.cash = held.margin - held.quantity * held.entry_price
        self.is_long = held.quantity > 0.0
        self.depth = to["X"].impact.depth
        self.start = to["X"].price

    def shock(self, move: float) -> Result:
        """Run one shock."""
        fundamental = self.start * (1.0 + move)
        alive = np.ones(len(self.key), dtype=bool)
        displaced, rounds, notional, bad_debt = 0.0, 0, 0.0, 0.0
        while True:
            y = np.log(fundamental) + displaced / self.depth
            hit = np.flatnonzero(alive & self.is_long & (y < self.key))
            if hit.size:
                order = hit[np.argsort(-self.key[hit], kind="stable")]
            else:
                hit = np.flatnonzero(alive & ~self.is_long & (y > self.key))
                if not hit.size:
                    break
                order = hit[np.argsort(self.key[hit], kind="stable")]
            quantity = self.quantity[order]
            after = displaced - np.cumsum(quantity)
            before = after + quantity
            size = -quantity / self.depth
            price = fundamental * np.exp(before / self.depth) * np.expm1(size) / size
            notional += float(np.abs(quantity) @ price)
            bad_debt += float(np.maximum(0.0, -(self.cash[order] + quantity * price)).sum())
            displaced = float(after[-1])
            alive[hit] = False
            rounds += 1
        return Result(
            int((~alive).sum()), rounds, fundamental * float(np.exp(displaced / self.depth)), notional, bad_debt
        )
