"""Books and outcomes as tables: which columns, in which order, of which unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore.errors import InputError
from levcore.flat_columns import MONEY, PRICES
from levcore.per_asset import PerAsset
from levcore.table import Codes, Table

if TYPE_CHECKING:
    from levcore.batch import Batch
    from levcore.book import Book
    from levcore.outcomes import Outcomes
    from levcore.positions import Accounts
    from levcore.runs import Runs

Columns = dict[str, npt.NDArray[Any] | Codes]

#: Rounds at most in a table of them: each path is run again for it.
MOST_ROUNDS_PATHS = 1_000_000
SHARES = ("conservation_error", "amplification", "depth_used")


def of_book(book: Book) -> Table:
    """Return a row a position; where there are accounts, `account` is -1 for an isolated one."""
    names = tuple(instrument.symbol for instrument in book.venue.instruments)
    columns: Columns = {"instrument": Codes(book.instrument, names)}
    held = (
        ("quantity", "entry_price", "margin", "account")
        if len(book.accounts)
        else ("quantity", "entry_price", "margin")
    )
    columns |= {name: getattr(book, name) for name in held}
    units = {"quantity": "base units or contracts", "margin": book.venue.settlement}
    return Table("position", columns, units, {"settlement": book.venue.settlement})


def of_accounts(accounts: Accounts) -> Table:
    """Return a row an account: what it has of each currency."""
    columns: Columns = {"account": np.arange(len(accounts), dtype=np.int64), **accounts.balances}
    return Table("account", columns, {name: name for name in accounts.balances})


def of_outcomes(outcomes: Outcomes) -> Table:
    """Return a row a shock."""
    columns: Columns = {"shock": np.arange(len(outcomes), dtype=np.int64)}
    columns |= {f"shock_{name}": outcomes.shocks[:, k] for k, name in enumerate(outcomes.final_price)}
    return _batch("shock", columns, outcomes, {})


def of_runs(runs: Runs) -> Table:
    """Return a row a path."""
    about = {"paths": runs.paths, "steps": runs.steps, "step_seconds": runs.step.total_seconds()}
    about |= {} if runs.seed is None else {"seed": runs.seed}
    return _batch("path", {"path": np.arange(runs.paths, dtype=np.int64)}, runs, about)


def of_positions(runs: Runs, confidence: float) -> Table:
    """Return a row a position of the book: how often it was liquidated, when on average, and how sure that is."""
    low, high = runs.liquidation_probability_interval(confidence)
    columns = dict(of_book(runs.book).columns) | {
        "liquidations": runs._liquidations,
        "liquidation_probability": runs.liquidation_probability,
        "liquidation_probability_low": low,
        "liquidation_probability_high": high,
        "mean_liquidation_time": runs.mean_liquidation_time,
    }
    about = {"paths": str(runs.paths), "confidence": str(confidence)}
    return Table("position", columns, of_book(runs.book).units, about)


def of_rounds(runs: Runs, paths: Iterable[int] | None) -> Table:
    """Return a row a round of the paths that are asked for, each run again; None: of those with liquidations."""
    wanted = np.flatnonzero(runs.liquidated_count > 0) if paths is None else _numbers(runs, paths)
    if len(wanted) > MOST_ROUNDS_PATHS:
        raise InputError(f"paths must be at most {MOST_ROUNDS_PATHS:,}, were {len(wanted):,}: each is run again")
    traces = [(int(path), runs.at(int(path)).trace) for path in wanted]
    if not traces:
        traces = [(0, runs.at(0).trace[:0])]
    columns: Columns = {"path": np.concatenate([np.full(len(trace), path, np.int64) for path, trace in traces])}
    for name in traces[0][1].dtype.names or ():
        columns[name] = np.concatenate([trace[name] for _, trace in traces])
    units = {name: runs.numeraire for name in columns if _is_money(name)}
    return Table("round", columns, units, {"numeraire": runs.numeraire})


def _numbers(runs: Runs, paths: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.array([runs._place(path) for path in paths], dtype=np.int64)


def _batch(kind: str, columns: Columns, batch: Batch, about: Mapping[str, Any]) -> Table:
    values = batch._counted()
    columns |= {"liquidated_count": batch.liquidated_count, "liquidated_notional": batch.liquidated_notional}
    columns |= {
        name: value
        for name, value in values.items()
        if isinstance(value, np.ndarray) and value.ndim == 1 and name[0] != "_" and name != "scenario"
    }
    units = {name: values["numeraire"] for name in columns if name in MONEY}
    units |= {f"shock_{name}": "1" for name in values["final_price"] if kind == "shock"}
    for name, value in values.items():
        if isinstance(value, PerAsset):
            columns |= {f"{name}_{asset}": column for asset, column in value.items()}
            units |= {f"{name}_{asset}": values["numeraire"] if name in PRICES else "1" for asset in value}
    columns["error"] = np.array(values["error"], dtype=object)
    told = {"numeraire": values["numeraire"], "engine": values["engine"], **about}
    return Table(kind, columns, units, {name: str(one) for name, one in told.items()})


def _is_money(name: str) -> bool:
    return name in MONEY or any(name.startswith(f"{price}_") for price in PRICES) or "notional" in name
