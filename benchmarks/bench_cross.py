"""Many paths on cross-margined accounts of several assets, against asking every account at every margin check.

Run `pytest benchmarks` for timings; `python benchmarks/bench_cross.py [accounts [paths]]` prints medians of one
interleaved run; numba is a peer where it is installed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc

STEPS, STEP, RUNS, SEED = 1_440, timedelta(minutes=1), 7, 7
ASSETS, LEGS, START = 10, 3, 100.0
RATES = 0.004 + 0.002 * np.arange(ASSETS)
PROCESS = lc.GBM(volatility=0.04 * 365.0**0.5, correlation=np.where(np.eye(ASSETS) == 1.0, 1.0, 0.6))


@dataclass
class Accounts:
    """Accounts of three positions each, in three different assets."""

    asset: np.ndarray  # accounts x legs
    quantity: np.ndarray
    cash: np.ndarray  # what is left of the collateral once all has been paid for

    @property
    def depth(self) -> np.ndarray:
        """Selling all open interest of an asset moves its log price by a twentieth."""
        return np.bincount(self.asset.ravel(), np.abs(self.quantity).ravel(), ASSETS) / 0.05


def accounts(size: int, seed: int = 99) -> Accounts:
    """Heavy-tailed sizes, median leverage 5, equity of at least 1.25 times what is required."""
    random = np.random.default_rng(seed)
    gross = np.minimum(5_000.0 * (1.0 - random.random(size)) ** (-1 / 1.2), 1e8)
    leverage = np.clip(5.0 * np.exp(0.8 * random.standard_normal(size)), 1.0, 50.0)
    asset = np.argsort(random.random((size, ASSETS)), axis=1)[:, :LEGS].astype(np.int32)
    notional = gross[:, np.newaxis] * random.dirichlet(np.ones(LEGS), size)
    quantity = np.where(random.random((size, LEGS)) < 0.5, -1.0, 1.0) * notional / START
    equity = np.maximum(gross / leverage, 1.25 * (RATES[asset] * notional).sum(axis=1))
    return Accounts(asset, quantity, equity - START * quantity.sum(axis=1))


def prepared(held: Accounts) -> lc.cascade.Ready:
    """The same accounts as levcore's."""
    names = [f"A{k}" for k in range(ASSETS)]
    tiers = [lc.MarginTiers(floor=[0], maintenance_rate=[rate]) for rate in RATES]
    venue = lc.Venue([lc.LinearPerpetual(n, asset=n, tiers=t) for n, t in zip(names, tiers, strict=True)])
    book = lc.Book(
        venue,
        instrument=held.asset.ravel(),
        quantity=held.quantity.ravel(),
        entry_price=np.full(held.asset.size, START),
        margin=np.full(held.asset.size, np.nan),
        account=np.repeat(np.arange(len(held.cash)), LEGS),
        accounts=lc.Accounts(**{venue.settlement: held.cash + START * held.quantity.sum(axis=1)}),
    )
    impacts = [lc.LinearImpact(depth=depth) for depth in held.depth]
    return lc.prepare(book, lc.Market({n: lc.Asset(START, impact=i) for n, i in zip(names, impacts, strict=True)}))


def run(ready: lc.cascade.Ready, paths: int, steps: int = STEPS, threads: int = 1) -> lc.Runs:
    """Minutes at 4 % a day, correlations of 0.6."""
    return lc.simulate(ready, PROCESS, paths=paths, steps=steps, step=STEP, seed=SEED, threads=threads)


def drawn(ready: lc.cascade.Ready, paths: int, steps: int) -> np.ndarray:
    """The fundamental prices of those paths."""
    return PROCESS.paths(ready.market, paths=paths, steps=steps, step=STEP, seed=SEED)


def close(
    failing: np.ndarray,
    asset: np.ndarray,
    quantity: np.ndarray,
    cash: np.ndarray,
    fundamental: np.ndarray,
    volume: np.ndarray,
    depth: np.ndarray,
    rates: np.ndarray,
) -> int:
    """Ask each once more at its turn and close it, the largest requirement first; return how many went."""
    went = 0
    for i in failing:
        of = asset[i]
        price = fundamental[of] * np.exp(volume[of] / depth[of])
        required = rates[of] * np.abs(quantity[i]) * price
        if cash[i] + np.sum(quantity[i] * price - required) >= 0.0:
            continue
        for leg in np.argsort(-required):
            k, sold = of[leg], quantity[i, leg]
            volume[k] -= sold
        quantity[i], cash[i] = 0.0, 0.0
        went += 1
    return went


def numpy_recheck(held: Accounts, prices: np.ndarray) -> list[tuple[int, int]]:
    """Accounts liquidated and rounds of each path, by whole-array numpy."""
    found = []
    for path in prices:
        quantity, cash, volume, went, rounds = held.quantity.copy(), held.cash.copy(), np.zeros(ASSETS), 0, 0
        for fundamental in path:
            while True:
                price = (fundamental * np.exp(volume / held.depth))[held.asset]
                required = (RATES[held.asset] * np.abs(quantity) * price).sum(axis=1)
                equity = cash + (quantity * price).sum(axis=1)
                failing = np.flatnonzero(equity < required)
                if not failing.size:
                    break
                failing = failing[np.argsort(equity[failing] / required[failing])]
                went += close(failing, held.asset, quantity, cash, fundamental, volume, held.depth, RATES)
                rounds += 1
        found.append((went, rounds))
    return found


def numba_recheck(held: Accounts) -> Callable[[np.ndarray], list[tuple[int, int]]] | None:
    """The same as its users would write it: one loop over the accounts, no array in between."""
    try:
        import numba
    except ImportError:
        return None
    close_all = numba.njit(close)

    @numba.njit
    def scan(
        asset: np.ndarray,
        quantity: np.ndarray,
        cash: np.ndarray,
        price: np.ndarray,
        rates: np.ndarray,
        failing: np.ndarray,
        ratio: np.ndarray,
    ) -> int:
        count = 0
        for i in range(len(cash)):
            equity, required = cash[i], 0.0
            for leg in range(asset.shape[1]):
                worth = quantity[i, leg] * price[asset[i, leg]]
                equity += worth
                required += rates[asset[i, leg]] * abs(worth)
            if equity < required:
                failing[count], ratio[count] = i, equity / required
                count += 1
        return count

    @numba.njit
    def one_path(
        path: np.ndarray,
        asset: np.ndarray,
        quantity: np.ndarray,
        cash: np.ndarray,
        depth: np.ndarray,
        rates: np.ndarray,
    ) -> tuple[int, int]:
        volume, went, rounds = np.zeros(len(depth)), 0, 0
        failing, ratio = np.empty(len(cash), np.int64), np.empty(len(cash))
        for t in range(len(path)):
            while True:
                price = path[t] * np.exp(volume / depth)
                count = scan(asset, quantity, cash, price, rates, failing, ratio)
                if count == 0:
                    break
                order = failing[:count][np.argsort(ratio[:count])]
                went += close_all(order, asset, quantity, cash, path[t], volume, depth, rates)
                rounds += 1
        return went, rounds

    def all_paths(prices: np.ndarray) -> list[tuple[int, int]]:
        given = [(path, held.asset, held.quantity.copy(), held.cash.copy(), held.depth, RATES) for path in prices]
        return [one_path(*arguments) for arguments in given]

    return all_paths


def check(ready: lc.cascade.Ready, steps: int, peer: Callable[[np.ndarray], list[tuple[int, int]]], paths: int) -> None:
    """Both sides liquidate as many accounts in as many rounds, path by path."""
    runs = run(ready, paths, steps)
    assert runs.liquidated_count.sum() > 0
    assert [(LEGS * went, rounds) for went, rounds in peer(drawn(ready, paths, steps))] == list(
        zip(runs.liquidated_count.tolist(), runs.rounds.tolist(), strict=True)
    )


@pytest.fixture(scope="module")
def small() -> lc.cascade.Ready:
    held = accounts(10_000)
    ready = prepared(held)
    check(ready, 200, lambda prices: numpy_recheck(held, prices), 2)
    return ready


def test_paths_on_ten_thousand_cross_margined_accounts(benchmark, small):
    benchmark(run, small, 4)


def test_asking_all_of_them_once_by_numpy(benchmark):
    held = accounts(10_000)
    benchmark(numpy_recheck, held, np.full((1, 1, ASSETS), START))


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    held = accounts(int(float(sys.argv[1])) if len(sys.argv) > 1 else 100_000)
    paths = int(float(sys.argv[2])) if len(sys.argv) > 2 else 100
    began = time.perf_counter()
    ready = prepared(held)
    print(f"{len(held.cash):,} accounts prepared in {1e3 * (time.perf_counter() - began):.0f} ms; one thread each")
    print(f"medians of {RUNS} interleaved runs of levcore's {paths:,} paths and some of the peer's, a path")
    numba = numba_recheck(held)
    peers = {"numpy": (144, 1, lambda prices: numpy_recheck(held, prices))}
    if numba is not None:
        numba(np.full((1, 1, ASSETS), START))  # it is compiled
        peers["numba"] = (STEPS, 2, numba)
    for name, (steps, few, peer) in peers.items():
        check(ready, steps, peer, few)
        prices, rows = drawn(ready, few, steps), []
        for _ in range(RUNS):
            ours = timed(lambda: run(ready, paths, steps)) / paths  # noqa: B023 called at once
            theirs = timed(lambda: peer(prices)) / few  # noqa: B023
            rows.append((1e3 * ours, 1e3 * theirs, theirs / ours))
        mine, theirs, ratio = (statistics.median(column) for column in zip(*rows, strict=True))
        row = f"{name:<6} {steps:>5,} steps   levcore {mine:8.2f} ms   peer {theirs:8.1f} ms"
        print(f"{row}   peer/levcore {ratio:6.1f}")


if __name__ == "__main__":
    main()
