"""Outcomes from the native core's columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore.outcome import Outcome, Outcomes, Runs

Floats = npt.NDArray[np.float64]

_FAULTS = {
    1: "the price of {asset} would leave the range 1e-100 to 1e100; the run was stopped there",
    2: "the cascade was stopped at its round cap; please report this",
}

_PLAIN = {f.name for f in fields(Outcomes)} & {f.name for f in fields(Outcome)}
_PER_ASSET = ("final_price", "lowest_price", "highest_price", "fundamental_price", "amplification", "depth_used")


def _errors(columns: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str | None, ...]:
    pairs = zip(columns["fault"].tolist(), columns["faulty_asset"].tolist(), strict=True)
    return tuple(_FAULTS[fault].format(asset=names[asset]) if fault else None for fault, asset in pairs)


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


def single(columns: Mapping[str, Any], names: tuple[str, ...], moves: Floats, numeraire: str) -> Outcome:
    """Build the outcome of one run from native columns of length one."""
    values: dict[str, Any] = {
        name: columns[name].item() for name in _PLAIN if name in columns and columns[name].ndim == 1
    }
    for name in _PER_ASSET:
        values[name] = dict(zip(names, columns[name][0].tolist(), strict=True))
    values["exhausted"] = bool(columns["exhausted"][0])
    liquidated = columns["liquidated"].view(np.bool_)
    liquidated.flags.writeable = False
    return Outcome(
        **values,
        liquidated=liquidated,
        trace=_trace(columns["trace"], names),
        shock=dict(zip(names, moves[0].tolist(), strict=True)),
        error=_errors(columns, names)[0],
        engine="ledger",
        numeraire=numeraire,
    )


def many(columns: Mapping[str, Any], names: tuple[str, ...], moves: Floats, numeraire: str, ready: Runs) -> Outcomes:
    """Build the outcomes of a batch from native columns."""
    values: dict[str, Any] = {name: columns[name] for name in _PLAIN if name in columns and columns[name].ndim == 1}
    for name in _PER_ASSET:
        matrix = columns[name]
        values[name] = {asset: np.ascontiguousarray(matrix[:, k]) for k, asset in enumerate(names)}
    values["exhausted"] = columns["exhausted"].view(np.bool_)
    error = _errors(columns, names)
    return Outcomes(**values, shocks=moves, error=error, engine="ledger", numeraire=numeraire, _ready=ready)
