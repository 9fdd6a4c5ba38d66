"""A book, a market and paths of them, small enough to be run many times, and the digests of runs in one piece."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import Any

import numpy as np

import levcore as lc
from levcore.per_asset import PerAsset

HOUR = timedelta(hours=1)
TIERS = lc.MarginTiers(floor=[0, 1e6], maintenance_rate=[0.005, 0.01])
VENUE = lc.Venue([lc.LinearPerpetual("X-P", asset="X", tiers=TIERS)], backstop=lc.Backstop(insurance_fund=2e3))
MARKET = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=2e4))})
BOOK = lc.Book.synthetic(VENUE, size=400, prices=MARKET.prices, open_interest={"X": 1e6}, seed=4)
GARCH = lc.GARCH(alpha=0.1, beta=0.85, volatility=1.2, degrees_of_freedom=5.0)
ASKED: dict[str, Any] = {"paths": 300, "steps": 48, "step": HOUR, "seed": 7}
RETURNS = np.random.default_rng(3).normal(scale=0.03, size=(60, 24, 1))


def digest(runs: lc.Runs) -> str:
    """Of every number that a run has."""
    state = blake2b()
    for name in ("rounds", "cascade_depth", "_liquidations", "_step_sum"):
        getattr(runs, name)  # worked out when first asked for
    for name, value in sorted(vars(runs).items()):
        columns = list(value.values()) if isinstance(value, PerAsset) else [value]
        for column in columns:
            if isinstance(column, np.ndarray):
                state.update(f"{name} {column.dtype} {column.shape}".encode())
                state.update(np.ascontiguousarray(column).tobytes())
        if isinstance(value, lc.StepTrace):
            for series in vars(value).values():
                for column in series.values() if isinstance(series, PerAsset) else [series]:
                    state.update(np.ascontiguousarray(column).tobytes())
    state.update(repr((runs.error, runs.engine, runs.engine_reason, runs.seed, runs.steps, runs.step)).encode())
    return state.hexdigest()


WHOLE = digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED))
KEPT = digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, keep_steps=True))
BY_LEDGER = digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, engine="ledger"))
GIVEN = digest(lc.simulate(BOOK, MARKET, RETURNS, step=HOUR))
