"""Simulated paths in one line, for tests of what reads them."""

from __future__ import annotations

from datetime import timedelta

import levcore as lc

STEP = timedelta(minutes=15)


def made_runs(
    book: lc.Book, market: lc.Market, *, paths: int = 300, steps: int = 96, seed: int = 7, keep_steps: bool = True
) -> lc.Runs:
    """A day of a wild market."""
    process = lc.GBM(volatility=dict.fromkeys(market.names, 1.2))
    return lc.simulate(book, market, process, paths=paths, steps=steps, step=STEP, seed=seed, keep_steps=keep_steps)
