"""The peer for cross margin: every account is looked at in every round of every step, in numba or in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cross_workload import PRICE, maintenance

if TYPE_CHECKING:
    from cross_workload import Accounts


def scan_by_loop(cash: np.ndarray, weight: np.ndarray, asset: np.ndarray, price: np.ndarray, hit: np.ndarray) -> int:
    """Write the accounts whose slack is below zero; for numba."""
    found = 0
    for i in range(len(cash)):
        slack = cash[i] + weight[i, 0] * price[asset[i, 0]] + weight[i, 1] * price[asset[i, 1]]
        slack += weight[i, 2] * price[asset[i, 2]]
        if slack < 0.0:
            hit[found] = i
            found += 1
    return found


def scan_by_arrays(cash: np.ndarray, weight: np.ndarray, asset: np.ndarray, price: np.ndarray, hit: np.ndarray) -> int:
    """The same in whole arrays, for numpy."""
    rows = np.flatnonzero(cash + (weight * price[asset]).sum(axis=1) < 0.0)
    hit[: len(rows)] = rows
    return len(rows)


def close_account(
    cash: float, quantity: np.ndarray, asset: np.ndarray, rate: np.ndarray, slope: np.ndarray, price: np.ndarray
) -> tuple[float, float]:
    """Close by falling requirement, each position by a walk of its own; prices move. Returns notional, what is owed."""
    required = rate[asset] * np.abs(quantity) * price[asset]
    notional = 0.0
    for leg in np.argsort(-required):
        k, q = asset[leg], quantity[leg]
        size = -slope[k] * q
        paid = price[k] * np.expm1(size) / size
        cash += q * paid
        notional += abs(q) * paid
        price[k] *= np.exp(size)
    return notional, max(0.0, -cash)


def riskiest_first(
    hit: np.ndarray, cash: np.ndarray, quantity: np.ndarray, asset: np.ndarray, rate: np.ndarray, price: np.ndarray
) -> np.ndarray:
    """The accounts of a round by rising equity over requirement."""
    ratio = np.empty(len(hit))
    for place in range(len(hit)):
        i = hit[place]
        at = price[asset[i]]
        ratio[place] = (cash[i] + (quantity[i] * at).sum()) / (rate[asset[i]] * np.abs(quantity[i]) * at).sum()
    return hit[np.argsort(ratio, kind="mergesort")]


class Recheck:
    """Paths by full re-check; with numba compiled, and over paths in parallel."""

    def __init__(self, held: Accounts, *, numba: bool) -> None:
        self.asset = np.ascontiguousarray(held.asset.astype(np.int64))
        self.quantity, self.rate, self.slope = held.quantity, maintenance(), held.slope
        self.cash = held.balance - PRICE * held.quantity.sum(axis=1)
        self.weight = held.quantity - self.rate[self.asset] * np.abs(held.quantity)
        self._run = compiled() if numba else run_of(scan_by_arrays, close_account, riskiest_first, same)

    def run(self, logs: np.ndarray) -> np.ndarray:
        """Accounts liquidated, notional and bad debt by path, for log prices (paths, steps, assets)."""
        return self._run(logs, self.cash, self.weight, self.quantity, self.asset, self.rate, self.slope)


def same(function: Any) -> Any:
    return function


def compiled() -> Any:
    """The same functions by numba, paths in parallel."""
    import numba

    parts = [numba.njit(function) for function in (scan_by_loop, close_account, riskiest_first)]
    one = path_of(*parts, numba.njit)

    @numba.njit(parallel=True)
    def run(logs: np.ndarray, *columns: np.ndarray) -> np.ndarray:
        out = np.zeros((len(logs), 3))
        for path in numba.prange(len(logs)):
            out[path] = one(logs[path], *columns)
        return out

    return run


def run_of(scan: Any, close: Any, order: Any, jit: Any) -> Any:
    one = path_of(scan, close, order, jit)
    return lambda logs, *columns: np.array([one(path, *columns) for path in logs])


def path_of(scan: Any, close: Any, order: Any, jit: Any) -> Any:
    """One path: after each step rounds of all accounts, until nobody is liquidatable."""

    @jit
    def one(
        logs: np.ndarray,
        cash: np.ndarray,
        weight: np.ndarray,
        quantity: np.ndarray,
        asset: np.ndarray,
        rate: np.ndarray,
        slope: np.ndarray,
    ) -> np.ndarray:
        cash, weight = cash.copy(), weight.copy()
        hit = np.empty(len(cash), np.int64)
        price, before = np.full(len(rate), PRICE), np.full(len(rate), np.log(PRICE))
        out = np.zeros(3)
        for step in range(len(logs)):
            price *= np.exp(logs[step] - before)
            before = logs[step]
            while True:
                found = scan(cash, weight, asset, price, hit)
                if found == 0:
                    break
                for i in order(hit[:found], cash, quantity, asset, rate, price):
                    if cash[i] + (weight[i] * price[asset[i]]).sum() < 0.0:
                        notional, owed = close(cash[i], quantity[i], asset[i], rate, slope, price)
                        out += np.array([1.0, notional, owed])
                        cash[i], weight[i] = 1.0, 0.0
        return out

    return one
