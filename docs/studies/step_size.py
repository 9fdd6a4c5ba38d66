"""Measure by how much risk measures move when the step is halved, and write it as a Markdown table.

    python docs/studies/step_size.py --paths 40000

All steps see the same paths: the prices of the finest step, of which coarser ones see every second, fourth, and so on.
A difference between two steps is then that of the step, and its interval is of the paired differences. The table of the
page "How long a step may be" is what this prints.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

import levcore as lc
from levcore import datasets

Floats = npt.NDArray[np.float64]

HORIZON = timedelta(days=1)
COUNTS = [24 * 2**i for i in range(7)]  # steps of the horizon, from an hour each
LEVEL, PRICE = 0.99, 60_000.0
PROCESSES = {
    "Without jumps": lc.GBM(volatility=0.9),
    "With jumps": lc.Merton(volatility=0.6, rate=50.0, jump_mean=0.0, jump_deviation=0.08),
}
AT_A_TIME = 2_000
BOUND = 0.08  # of a step of an hour; it falls as the root of the step


@dataclass(frozen=True)
class Moved:
    """What halving a step does to one measure, and the standard error of the change: shares of what it was before."""

    measure: str
    step: timedelta
    before: float
    after: float
    change: float
    error: float


def pair() -> tuple[lc.Book, lc.Market]:
    """Return the book and the market of the page "Rules judged by risk"."""
    tiers = datasets.binance_tiers("BTCUSDT")
    venue = lc.Venue(
        [lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)],
        liquidation=lc.FullClose(fee_rate=0.0125),
        backstop=lc.Backstop(insurance_fund=1e6),
    )
    book = lc.Book.synthetic(venue, size=3_000, prices={"BTC": PRICE}, open_interest={"BTC": 2e9}, seed=1)
    return book, lc.Market({"BTC": lc.Asset(PRICE, impact=datasets.depth_curve("BTCUSDT", scale=4.0))})


def coarser(prices: Floats, by: int) -> Floats:
    """Return the simple returns of every `by`-th price."""
    seen = np.hstack([np.full((len(prices), 1), PRICE), prices[:, by - 1 :: by]])
    return seen[:, 1:] / seen[:, :-1] - 1.0


def losses(
    book: lc.Book, market: lc.Market, process: lc.GBM | lc.Merton, paths: int, steps: list[int], seed: int
) -> dict[int, dict[str, Floats]]:
    """Return the columns of the measures, a number a path, by the number of steps of the horizon."""
    finest = max(steps)
    found: dict[int, list[dict[str, Floats]]] = {count: [] for count in steps}
    for block in range(0, paths, AT_A_TIME):
        size = min(AT_A_TIME, paths - block)
        walked = process.paths(market, paths=size, steps=finest, step=HORIZON / finest, seed=seed + block)[:, :, 0]
        for count in steps:
            returns = coarser(walked, finest // count)
            runs = lc.simulate(book, market, returns, step=HORIZON / count)
            columns = {
                "positions liquidated": runs.liquidated_count.astype(float),
                "forced orders": runs.liquidated_notional,
                "bad debt": runs.bad_debt,
                "fund exhausted": runs.exhausted.astype(float),
                "deepest fall": 1.0 - runs.lowest_price["BTC"] / PRICE,
            }
            found[count].append(columns)
    return {
        count: {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        for count, blocks in found.items()
    }


def measures(columns: dict[str, Floats]) -> dict[str, Floats]:
    """Return of each measure what the paths contribute: numbers whose mean it is."""
    found = {f"{name}, mean": values for name, values in columns.items() if name != "fund exhausted"}
    found["fund exhausted, probability"] = columns["fund exhausted"]
    for name in ("forced orders", "bad debt"):
        at = lc.risk.value_at_risk(columns[name], LEVEL).value
        found[f"{name}, expected shortfall {LEVEL:g}"] = at + np.maximum(columns[name] - at, 0.0) / (1.0 - LEVEL)
    return found


def halved(by_steps: dict[int, dict[str, Floats]]) -> Iterator[Moved]:
    """Compare each number of steps with twice as many, path by path."""
    counts = sorted(by_steps)
    for count, twice in pairwise(counts):
        coarse, fine = measures(by_steps[count]), measures(by_steps[twice])
        for name, before in coarse.items():
            difference, mean = fine[name] - before, float(before.mean())
            error = float(difference.std(ddof=1)) / math.sqrt(len(difference))
            change = float(difference.mean()) / mean if mean else math.nan
            relative = error / abs(mean) if mean else math.nan
            yield Moved(name, HORIZON / count, mean, float(fine[name].mean()), change, relative)


def bound(step: timedelta) -> float:
    """Return the stated bound on a change, as a share, when this step is halved."""
    return BOUND * math.sqrt(step / timedelta(hours=1))


def table(found: list[Moved]) -> str:
    """Return the changes in % as a Markdown table, a row a measure; what goes beyond the bound is bold."""
    steps = sorted({one.step for one in found}, reverse=True)
    rows = [f"| halving a step of | {' | '.join(_named(step) for step in steps)} |", "| --- |" + " ---: |" * len(steps)]
    for name in dict.fromkeys(one.measure for one in found):
        cells = (_cell(one) for one in found if one.measure == name)
        rows.append(f"| {name} | {' | '.join(cells)} |")
    rows.append("| stated bound | " + " | ".join(f"{100 * bound(step):.1f}" for step in steps) + " |")
    return "\n".join(rows) + "\n"


def tables(paths: int, counts: list[int], seed: int) -> str:
    """Return a table for each process."""
    made = {title: losses(*pair(), law, paths, counts, seed) for title, law in PROCESSES.items()}
    return "\n".join(f"{title}:\n\n{table(list(halved(by_steps)))}" for title, by_steps in made.items())


def _cell(one: Moved) -> str:
    if not one.error < 0.5:  # a handful of paths, or none
        return "too few"
    said = f"{100 * one.change:+.1f} ± {196 * one.error:.1f}".replace("-", "\N{MINUS SIGN}")
    return f"**{said}**" if abs(one.change) + 1.96 * one.error > bound(one.step) else said


def _named(step: timedelta) -> str:
    return f"{step.total_seconds() / 60:g} min"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(tables(asked.paths, COUNTS, asked.seed), end="")
