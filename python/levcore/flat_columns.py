"""Outcomes as flat columns with their units in the names, for CSV and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore.per_asset import PerAsset

MONEY = (
    "liquidated_notional",
    "liquidated_notional_long",
    "liquidated_notional_short",
    "bad_debt",
    "insurance_fund",
    "insurance_fund_low",
    "deleveraged_notional",
    "taken_over_notional",
    "socialised_loss",
    "fees",
    "topped_up",
    "withdrawn",
    "own_funds",
)
PRICES = ("final_price", "lowest_price", "highest_price", "fundamental_price", "mark_price")


def flat(result: Any, rows: slice = slice(None)) -> dict[str, list[Any]]:
    """Return the columns of many shocks or paths, one value each: money and prices name their currency."""
    numeraire = result.numeraire
    plain = ["liquidated_count", "liquidated_notional"]
    values = result._counted()
    plain += [name for name, value in values.items() if isinstance(value, np.ndarray) and value.ndim == 1]
    columns: dict[str, list[Any]] = {}
    for name in plain:
        if name[0] != "_":
            columns[named(name, numeraire)] = plainly(getattr(result, name)[rows])
    for name, value in values.items():
        if isinstance(value, PerAsset):
            columns |= {named(name, numeraire, asset): plainly(one[rows]) for asset, one in value.items()}
    return columns | {"error": list(result.error[rows])}


def named(name: str, numeraire: str, asset: str | None = None) -> str:
    """Return a column's name with its asset and its unit."""
    full = name if asset is None else f"{name}_{asset}"
    if name in MONEY or name in PRICES:
        return f"{full}_{numeraire}"
    return f"{full}_seconds" if name in ("first_liquidation", "time") else full


def plainly(values: npt.NDArray[Any]) -> list[Any]:
    """Return Python's own numbers, times in seconds; None where there is none."""
    if values.dtype.kind == "m":
        values = np.where(np.isnat(values), np.nan, values / np.timedelta64(1, "s"))
    listed: list[Any] = values.tolist()
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return listed
    return [value if math.isfinite(value) else None for value in listed]


def rows(columns: Mapping[str, list[Any]]) -> Iterable[tuple[Any, ...]]:
    """Return the rows of flat columns, headers first."""
    yield tuple(columns)
    yield from zip(*columns.values(), strict=True)


def flat_one(outcome: Any) -> dict[str, Any]:
    """Return the numbers of one outcome, money and prices with their currency in the names."""
    numeraire = outcome.numeraire
    values: dict[str, Any] = {"liquidated_count": outcome.liquidated_count}
    values[named("liquidated_notional", numeraire)] = outcome.liquidated_notional
    for name, value in vars(outcome).items():
        if isinstance(value, (bool, int, float)) or name == "error":
            values[named(name, numeraire)] = value
        elif isinstance(value, PerAsset) and name != "shock":
            values |= {named(name, numeraire, asset): plainly(np.array([one]))[0] for asset, one in value.items()}
    first = plainly(np.array([outcome.first_liquidation]).astype("timedelta64[ns]"))
    return values | {"first_liquidation_seconds": first[0]}
