"""Accounts that share collateral between positions on ten assets, and the loop that checks all of them every round."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

import levcore as lc

ASSETS, LEGS, PRICE = 10, 3, 100.0
STEP = timedelta(minutes=1)


def process() -> lc.GBM:
    """Four percent a day, correlation 0.6."""
    correlation = np.where(np.eye(ASSETS) > 0.0, 1.0, 0.6)
    return lc.GBM(volatility=0.04 * 365.0**0.5, correlation=correlation)


def maintenance() -> np.ndarray:
    """One flat rate an asset."""
    return 0.004 + 0.002 * np.arange(ASSETS)


class Accounts:
    """Heavy-tailed accounts of three positions each, median leverage 5, none within a quarter of its requirement."""

    def __init__(self, size: int, seed: int = 99) -> None:
        random = np.random.default_rng(seed)
        self.asset = np.argsort(random.random((size, ASSETS)), axis=1)[:, :LEGS]
        gross = np.minimum(1e8, 5_000.0 * (1.0 - random.random(size)) ** (-1 / 1.2))
        share = random.dirichlet(np.ones(LEGS), size)
        notional = gross[:, None] * share
        self.quantity = np.where(random.random((size, LEGS)) < 0.5, -1.0, 1.0) * notional / PRICE
        leverage = np.clip(5.0 * np.exp(0.8 * random.standard_normal(size)), 1.0, 50.0)
        required = (maintenance()[self.asset] * notional).sum(axis=1)
        self.balance = np.maximum(gross / leverage, 1.25 * required)
        held = np.bincount(self.asset.ravel(), np.abs(self.quantity).ravel(), ASSETS)
        self.slope = 0.05 / held

    def ready(self) -> lc.Ready:
        """The pair for levcore."""
        names = [f"A{k}" for k in range(ASSETS)]
        venue = lc.Venue(
            [
                lc.LinearPerpetual(name, asset=name, tiers=lc.MarginTiers(floor=[0.0], maintenance_rate=[rate]))
                for name, rate in zip(names, maintenance().tolist(), strict=True)
            ]
        )
        size = len(self.balance)
        book = lc.Book(
            venue,
            instrument=self.asset.ravel().astype(np.int32),
            quantity=self.quantity.ravel(),
            entry_price=np.full(size * LEGS, PRICE),
            account=np.repeat(np.arange(size), LEGS),
            accounts=lc.Accounts(**{venue.settlement: self.balance}),
        )
        market = lc.Market(
            {
                name: lc.Asset(PRICE, impact=lc.LinearImpact(depth=1.0 / slope))
                for name, slope in zip(names, self.slope.tolist(), strict=True)
            }
        )
        return lc.prepare(book, market)
