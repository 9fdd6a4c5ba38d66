"""What every process of prices is: the door of its paths, and its numbers by asset."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from levcore import _core, checks, memory
from levcore.checks import span as span
from levcore.errors import InputError, KindError
from levcore.market import Market
from levcore.per_asset import PerAsset
from levcore.sampling import SAMPLINGS, native_of

Floats = npt.NDArray[np.float64]
PerAssetRate = float | Mapping[str, float]

#: A year has 365 days.
YEAR = timedelta(days=365)


class Process(ABC):
    """A law that draws paths of prices: what `simulate` takes, and whose prices can be looked at alone."""

    #: What `fit` says of the parameters; None where they were given.
    fitted: ClassVar[Any] = None

    @abstractmethod
    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        """Return the law for steps of this length on this market."""

    def paths(
        self,
        market: Market,
        *,
        paths: int,
        steps: int,
        step: timedelta,
        seed: int,
        sampling: str = "independent",
        out: Floats | None = None,
    ) -> Floats:
        """Draw fundamental prices, without anybody's impact.

        Parameters
        ----------
        market : Market
            Its prices are the start.
        paths, steps : int
            How many, >= 1.
        step : timedelta
            Time of one step, > 0.
        seed : int
            0 <= seed < 2**64.
        sampling : {"independent", "antithetic", "sobol"}
            How the numbers are drawn, as :func:`simulate` has it.
        out : float64[paths, steps, assets], optional
            An aligned, writeable array in C order to put the prices in, which is then returned: in a loop over blocks
            of paths its memory is taken once. What a call that is interrupted leaves in it is of both.

        Returns
        -------
        float64[paths, steps, assets]
            Prices at the ends of the steps, in the market's numeraire and order of assets; the start is left out.

        Raises
        ------
        InputError, KindError
            If an argument breaks a rule.
        TooLargeError
            If there is not enough memory.
        MissingExtraError
            If Sobol's points are asked for and scipy is not installed.

        Notes
        -----
        Paths have the prices that :func:`simulate` runs with this seed; path i has the same whatever the number of
        paths, but for those of Sobol's points.
        """
        checks.instance("market", market, Market)
        count = checks.integer("paths", paths, at_least=1, at_most=2**48)
        length = checks.integer("steps", steps, at_least=1, at_most=2**32)
        if out is None:
            memory.refuse_if_too_large(8 * count * length * len(market), f"{count:,} paths of {length:,} steps")
        else:
            _refuse_unfit(out, (count, length, len(market)))
        key = checks.integer("seed", seed, at_least=0, at_most=2**64 - 1)
        checks.choice("sampling", sampling, SAMPLINGS)
        native = native_of(self, market, span("step", step), key, sampling, paths=count, steps=length)
        prices: Floats = native.price_paths(np.array(list(market.prices.values())), count, length, out)
        return prices if out is None else out


def _refuse_unfit(out: object, shape: tuple[int, ...]) -> None:
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):  # a mask would stay as it was
        raise KindError(f"out must be an array of float64 without a mask, was {checks.describe(out)}")
    if out.dtype != np.float64:
        raise KindError(f"out must be an array of float64, had dtype {out.dtype}")
    if out.shape != shape:
        raise InputError(f"out must have shape {shape}, had {out.shape}")
    if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
        raise InputError("out must lie in C order, be aligned and writeable")


def rates(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> PerAssetRate:
    """Return one number for all assets, or one each by name, within bounds."""

    def checked(label: str, one: object) -> float:
        return checks.number(label, one, above=above, at_least=at_least, at_most=at_most, below=below)

    value = checks.labelled(value)
    if isinstance(value, Mapping):
        return PerAsset({asset: checked(f"{name}[{asset!r}]", one) for asset, one in value.items()})
    return checked(name, value)


def in_order(name: str, value: PerAssetRate, names: tuple[str, ...]) -> Floats:
    """Return a number an asset, in the market's order."""
    if not isinstance(value, Mapping):
        return np.full(len(names), float(value))
    checks.names_in("asset", value, names)
    missing = [asset for asset in names if asset not in value]
    if missing:
        raise InputError(f"{name} must name every asset of the market; missing: {', '.join(missing)}")
    return np.array([value[asset] for asset in names])


def by_name(*columns: PerAssetRate) -> list[tuple[Any, ...]]:
    """Return the numbers asset by asset, after what says which asset; one row where they hold for all."""
    named = {name: None for column in columns if isinstance(column, Mapping) for name in column}
    return [
        (
            f" of {name!r}" if named else "",
            *(column.get(name, 0.0) if isinstance(column, Mapping) else column for column in columns),
        )
        for name in named or {"": None}
    ]


def correlation_matrix(value: object) -> tuple[tuple[float, ...], ...]:
    """Return a matrix that is symmetric with ones on the diagonal, and positive definite."""
    if hasattr(value, "columns"):
        raise KindError("correlation must be an array in the market's order: a frame's labels are not looked at")
    try:
        matrix = np.asarray(value)
    except ValueError as error:
        raise KindError(f"correlation must be a matrix of numbers: {error}") from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise InputError(f"correlation must be a square matrix, had shape {matrix.shape}")
    if matrix.dtype.kind not in "fiu":
        raise KindError(f"correlation must be a matrix of numbers, had dtype {matrix.dtype}")
    matrix = matrix.astype(np.float64)
    for i, j in np.ndindex(*matrix.shape):
        if i == j and matrix[i, i] != 1.0:
            raise InputError(f"correlation[{i}, {i}] must be 1, was {matrix[i, i]}")
        checks.number(f"correlation[{i}, {j}]", matrix[i, j], at_least=-1.0, at_most=1.0)
        if matrix[i, j] != matrix[j, i]:
            raise InputError(
                f"correlation[{i}, {j}] must equal correlation[{j}, {i}], {matrix[i, j]} != {matrix[j, i]}"
            )
    cholesky(matrix)
    return tuple(tuple(row) for row in matrix.tolist())


def cholesky(matrix: Floats) -> Floats:
    """Return the lower triangle whose square is the matrix; plain arithmetic: the same bits on every CPU."""
    size = len(matrix)
    lower = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            rest = float(matrix[i, j])
            for k in range(j):
                rest -= float(lower[i, k]) * float(lower[j, k])
            if i == j:
                if not rest > 1e-12:
                    raise InputError(f"correlation must be positive definite; it fails at row {i}")
                lower[i, i] = math.sqrt(rest)
            else:
                lower[i, j] = rest / float(lower[j, j])
    return lower


def loading(correlation: npt.ArrayLike | None, size: int) -> Floats:
    """Return the lower Cholesky factor of a correlation that fits the market; None: independent."""
    if correlation is None:
        return np.eye(size)
    matrix = np.array(correlation, dtype=np.float64)
    if matrix.shape != (size, size):
        raise InputError(f"correlation must have shape ({size}, {size}) for this market, had {matrix.shape}")
    return cholesky(matrix)
