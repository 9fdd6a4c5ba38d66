"""Runs made from a batch of shocks, with the attributes of what `simulate` returns: for tests of what reads them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib import recfunctions

import levcore as lc

STEP = timedelta(minutes=15)


@dataclass(frozen=True)
class GBM:
    """The fields of a scenario."""

    volatility: Any
    drift: float = 0.0
    correlation: Any = None


class MadeRuns:
    """A batch of shocks that passes for simulated paths: what is not of a path is the batch's own."""

    def __init__(
        self,
        book: lc.Book,
        market: lc.Market,
        *,
        paths: int = 300,
        steps: int = 96,
        seed: int = 7,
        keep_steps: bool = True,
    ) -> None:
        random = np.random.default_rng(seed)
        moves = np.expm1(np.clip(0.045 * random.standard_t(4, (paths, len(market))), -0.6, 0.6))
        self._batch = lc.shock(book, market, moves)
        self.book, self.market, self.scenario = book, market, GBM(volatility=dict.fromkeys(market.names, 0.8))
        self.paths, self.steps, self.step, self.seed = paths, steps, STEP, seed
        hits = np.array([self._batch.at(i).liquidated for i in range(paths)], dtype=np.float64).reshape(
            paths, len(book)
        )
        self.liquidation_probability = hits.mean(axis=0)
        self.steps_kept = self._kept(random) if keep_steps else None

    def _kept(self, random: np.random.Generator) -> SimpleNamespace:
        times = np.arange(1, self.steps + 1)
        share, step = times / self.steps, np.timedelta64(STEP).astype("timedelta64[ns]")
        marks = {}
        for name, start in self.market.prices.items():
            walk = np.cumsum(random.normal(0.0, 0.0035, (self.paths, self.steps)), axis=1)
            end = np.log(self._batch.final_price[name] / start)
            marks[name] = start * np.exp(walk + (end - walk[:, -1])[:, None] * share)
        return SimpleNamespace(time=times * step, mark_price=marks)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._batch, name)

    def __len__(self) -> int:
        return self.paths

    def at(self, i: int) -> Any:
        """One path whole; its rounds spread over two steps."""
        outcome = self._batch.at(i)
        rows = len(outcome.trace)
        steps = np.where(np.arange(rows) < rows // 2, 30, 61)
        times = steps * np.timedelta64(STEP).astype("timedelta64[ns]")
        trace = recfunctions.append_fields(outcome.trace, ("step", "time"), (steps, times), usemask=False)
        names = ("liquidated_count", "liquidated_notional", "bad_debt", "final_price", "liquidated", "error")
        return SimpleNamespace(trace=trace, **{name: getattr(outcome, name) for name in names})


@dataclass(frozen=True)
class Estimate:
    """The fields of an estimate."""

    value: float
    low: float
    high: float
    confidence: float = 0.95
    n: int = 0
    low_sample: bool = field(default=False)


def _resampled(values: Any, statistic: Any, tail: float = 1.0) -> Estimate:
    values = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(1)
    again = [statistic(values[random.integers(0, len(values), len(values))]) for _ in range(200)]
    low, high = np.quantile(again, [0.025, 0.975])
    return Estimate(
        float(statistic(values)), float(low), float(high), n=len(values), low_sample=len(values) * tail < 10
    )


def _shortfall(values: Any) -> float:
    return float(np.mean(values[values >= np.quantile(values, 0.99)]))


def risk_in_place() -> None:
    """Where `levcore.risk` is not there, put estimates by resampling in its place."""
    try:
        import levcore.risk  # noqa: F401
    except ImportError:
        made = ModuleType("levcore.risk")
        made.probability = lambda events: _resampled(events, np.mean)  # type: ignore[attr-defined]
        made.mean = lambda values: _resampled(values, np.mean)  # type: ignore[attr-defined]
        made.value_at_risk = lambda values: _resampled(values, lambda v: np.quantile(v, 0.99), 0.01)  # type: ignore[attr-defined]
        made.expected_shortfall = lambda values: _resampled(values, _shortfall, 0.01)  # type: ignore[attr-defined]
        sys.modules["levcore.risk"] = made
        lc.risk = made  # type: ignore[attr-defined]
