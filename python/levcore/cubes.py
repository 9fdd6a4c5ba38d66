"""Paths as labelled arrays, paths x steps x assets, and as Zarr stores."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from levcore import checks
from levcore.errors import MissingExtraError, StoreError
from levcore.flat_columns import MONEY, PRICES
from levcore.per_asset import PerAsset
from levcore.runs import Runs

if TYPE_CHECKING:
    import xarray

#: Paths of a chunk in a store: some megabytes a day of minutes.
CHUNK_PATHS = 2_000


def dataset(runs: Runs) -> xarray.Dataset:
    """Return a labelled data set of paths."""
    try:
        import xarray
    except ImportError:
        raise MissingExtraError('labelled arrays need xarray: pip install "levcore[cubes]"') from None
    values = runs._counted()
    variables: dict[str, Any] = {
        name: ("path", value, _unit(name, runs.numeraire))
        for name, value in values.items()
        if isinstance(value, np.ndarray) and value.ndim == 1 and name[0] != "_" and name != "scenario"
    }
    variables |= {
        name: (("path", "asset"), np.stack(list(value.values()), axis=1), _unit(name, runs.numeraire))
        for name, value in values.items()
        if isinstance(value, PerAsset)
    }
    coordinates: dict[str, Any] = {"path": np.arange(runs.paths), "asset": np.array(runs.market.names, dtype=object)}
    steps = runs.steps_kept
    if steps is not None:
        coordinates["time"] = ("step", steps.time)
        for name, value in vars(steps).items():
            if isinstance(value, PerAsset):
                cube = np.stack(list(value.values()), axis=2)
                variables[f"step_{name}"] = (("path", "step", "asset"), cube, _unit(name, runs.numeraire))
            elif name != "time":
                variables[f"step_{name}"] = (("path", "step"), value, _unit(name, runs.numeraire))
    from levcore.outcome_tables import of_runs

    return xarray.Dataset(variables, coordinates, of_runs(runs).metadata)


def write(runs: Runs, path: str | os.PathLike[str]) -> Path:
    """Write the data set as a Zarr 3 store: a new directory, there whole or not at all."""
    target = Path(checks.text("path", path) if not isinstance(path, os.PathLike) else path)
    if target.exists():
        raise StoreError(f"{target} is there already: take another place, or remove it")
    cubes = dataset(runs)
    try:
        import zarr  # noqa: F401
    except ImportError:
        raise MissingExtraError('Zarr stores need zarr: pip install "levcore[cubes]"') from None
    chunks = {"path": min(CHUNK_PATHS, runs.paths)}
    encoding = {
        name: {"chunks": tuple(chunks.get(str(axis), size) for axis, size in variable.sizes.items())}
        for name, variable in cubes.data_vars.items()
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as partial:
            cubes.to_zarr(Path(partial) / "store", zarr_format=3, consolidated=False, encoding=encoding)
            shutil.move(Path(partial) / "store", target)
    except OSError as reason:
        raise StoreError(f"{target} cannot be written: {reason}") from reason
    return target


def _unit(name: str, numeraire: str) -> dict[str, str]:
    return {"units": numeraire} if name in MONEY or name in PRICES else {}
