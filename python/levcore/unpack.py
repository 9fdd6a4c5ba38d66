"""Outcomes from the native core's columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore.batch import Count
from levcore.checks import frozen
from levcore.market import Market
from levcore.outcome import Outcome, Runner
from levcore.outcomes import Outcomes
from levcore.per_asset import PerAsset
from levcore.step_trace import StepTrace

Floats = npt.NDArray[np.float64]

_FAULTS = {
    1: "the price of {asset} would leave the range 1e-100 to 1e100; the run was stopped there",
    2: "the cascade was stopped at its round cap; please report this",
    3: "the order book of {asset} cannot yield what an inverse position owes; the run was stopped there",
}

_PLAIN = {f.name for f in fields(Outcomes)} & {f.name for f in fields(Outcome)}
_PER_ASSET = ("final_price", "lowest_price", "highest_price", "fundamental_price", "amplification", "depth_used")


def errors(columns: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str | None, ...]:
    """Return why each run stopped early, None for those that did not."""
    faults, assets = columns["fault"], columns["faulty_asset"]
    said: list[str | None] = [None] * len(faults)
    for row in np.flatnonzero(faults).tolist():
        said[row] = _FAULTS[int(faults[row])].format(asset=names[int(assets[row])])
    return tuple(said)


def _trace(columns: Mapping[str, Any], names: tuple[str, ...]) -> npt.NDArray[Any]:
    marks = columns["mark_price"]
    plain = {name: values for name, values in columns.items() if name != "mark_price"}
    kinds = [("round", np.int64), *((name, values.dtype) for name, values in plain.items())]
    kinds += [(f"mark_price_{name}", np.float64) for name in names]
    rows = np.zeros(len(marks), dtype=kinds)
    rows["round"] = np.arange(1, len(marks) + 1)
    for name, values in plain.items():
        rows[name] = values
    for k, name in enumerate(names):
        rows[f"mark_price_{name}"] = marks[:, k]
    rows.flags.writeable = False
    return rows


def _one(columns: Mapping[str, Any], names: tuple[str, ...], own_funds: Iterable[str]) -> dict[str, Any]:
    """Return the fields of an outcome that every run has, from native columns of length one."""
    values: dict[str, Any] = {
        name: columns[name].item() for name in _PLAIN if name in columns and columns[name].ndim == 1
    }
    for name in _PER_ASSET:
        values[name] = dict(zip(names, columns[name][0].tolist(), strict=True))
    values["exhausted"] = bool(columns["exhausted"][0])
    liquidated = columns["liquidated"].view(np.bool_) if "liquidated" in columns else columns["liquidated_at"] >= 0
    values["own_funds"] = dict(zip(own_funds, columns["own_funds"][0].tolist(), strict=True))
    liquidated.flags.writeable = False
    return values | {"liquidated": liquidated, "error": errors(columns, names)[0], "engine": "ledger"}


def single(
    columns: Mapping[str, Any], names: tuple[str, ...], moves: Floats, numeraire: str, own_funds: Iterable[str]
) -> Outcome:
    """Build the outcome of one shock from native columns of length one."""
    trace = {name: values for name, values in columns["trace"].items() if name != "step"}
    return Outcome(
        **_one(columns, names, own_funds),
        trace=_trace(trace, names),
        shock=dict(zip(names, moves[0].tolist(), strict=True)),
        numeraire=numeraire,
    )


def path(
    columns: Mapping[str, Any], market: Market, times: npt.NDArray[np.timedelta64], own_funds: Iterable[str]
) -> Outcome:
    """Build the outcome of one path, whole."""
    names = market.names
    values = _one(columns, names, own_funds)
    steps = columns["trace"]["step"]
    trace = {"time": times[steps], **columns["trace"]}
    first = int(columns["first_liquidation"][0])
    moved = {name: values["fundamental_price"][name] / price - 1.0 for name, price in market.prices.items()}
    return Outcome(
        **values,
        trace=_trace(trace, names),
        shock=moved,
        numeraire=market.numeraire,
        first_liquidation=times[first] if first >= 0 else np.timedelta64("NaT", "ns"),
        steps_kept=step_trace(columns["steps"], names, times),
    )


def step_trace(columns: Mapping[str, Any], names: tuple[str, ...], times: npt.NDArray[np.timedelta64]) -> StepTrace:
    """Build the series of paths and steps."""
    shape = (-1, len(times))
    values: dict[str, Any] = {}
    for name, column in columns.items():
        if column.ndim == 2:
            values[name] = PerAsset(
                {asset: frozen(np.ascontiguousarray(column[:, k]).reshape(shape)) for k, asset in enumerate(names)}
            )
        else:
            values[name] = frozen(column.reshape(shape))
    return StepTrace(time=frozen(times), **values)


def path_columns(columns: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of many runs that shocks and paths share."""
    values: dict[str, Any] = {name: columns[name] for name in _PLAIN if name in columns and columns[name].ndim == 1}
    for name in _PER_ASSET:
        matrix = columns[name]
        values[name] = {asset: np.ascontiguousarray(matrix[:, k]) for k, asset in enumerate(names)}
    values["exhausted"] = columns["exhausted"].view(np.bool_)
    engine = "ladder" if columns["by_ladder"].any() else "ledger"
    return values | {"error": errors(columns, names), "engine": engine}


def many(
    columns: Mapping[str, Any],
    names: tuple[str, ...],
    moves: Floats,
    numeraire: str,
    ready: Runner,
    *,
    reason: str,
    count: Count | None,
) -> Outcomes:
    """Build the outcomes of a batch from native columns."""
    values = path_columns(columns, names)
    return Outcomes(**values, shocks=moves, numeraire=numeraire, _ready=ready, engine_reason=reason, _count=count)
