"""What the outside world does to prices: processes that draw paths, and returns that somebody else made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import _core, checks, memory
from levcore.errors import InputError, KindError
from levcore.market import Market
from levcore.per_asset import PerAsset

Floats = npt.NDArray[np.float64]

#: A year has 365 days.
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class GBM:
    """Geometric Brownian motion, correlated across assets.

    Parameters
    ----------
    volatility : float or mapping of str to float
        Per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one each by name.
    drift : float or mapping of str to float
        Of the expected price, per year; 0 is a martingale.
    correlation : array of shape (assets, assets), optional
        Of the assets' log returns, in the market's order; None: independent.

    Raises
    ------
    InputError
        If a number is out of range, or the correlation is not symmetric with ones on the diagonal and positive
        definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Over a time dt the log return is normal with mean ``(drift - volatility**2/2)*dt`` and variance
    ``volatility**2*dt``. Source: Black and Scholes (1973); numbers from :func:`normals`.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> lc.GBM(volatility=0.6).paths(market, paths=3, steps=4, step=timedelta(hours=6), seed=1).shape
    (3, 4, 1)
    """

    volatility: float | Mapping[str, float]
    _: KW_ONLY
    drift: float | Mapping[str, float] = 0.0
    correlation: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "volatility", _rates("volatility", self.volatility, at_least=0.0, at_most=1e3))
        set_field(self, "drift", _rates("drift", self.drift, at_least=-1e3, at_most=1e3))
        if self.correlation is not None:
            set_field(self, "correlation", _correlation(self.correlation))

    def paths(self, market: Market, *, paths: int, steps: int, step: timedelta, seed: int) -> Floats:
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

        Notes
        -----
        Path i has the same prices whatever the number of paths, and those that :func:`simulate` runs with this seed.
        """
        checks.instance("market", market, Market)
        count = checks.integer("paths", paths, at_least=1, at_most=2**48)
        length = checks.integer("steps", steps, at_least=1, at_most=2**32)
        memory.refuse_if_too_large(8 * count * length * len(market), f"{count:,} paths of {length:,} steps")
        native = self._to_native(
            market, span("step", step), checks.integer("seed", seed, at_least=0, at_most=2**64 - 1)
        )
        prices: Floats = native.price_paths(np.array(list(market.prices.values())), count, length)
        return prices

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        years = step / YEAR
        volatility = _in_order("volatility", self.volatility, market.names)
        drift = _in_order("drift", self.drift, market.names)
        size = len(market)
        if self.correlation is None:
            factor = np.eye(size)
        else:
            matrix = np.array(self.correlation, dtype=np.float64)
            if matrix.shape != (size, size):
                raise InputError(f"correlation must have shape ({size}, {size}) for this market, had {matrix.shape}")
            factor = cholesky(matrix)
        loading = factor * (volatility * np.sqrt(years))[:, None]
        mean = (drift - 0.5 * volatility * volatility) * years
        return _core.Scenario.gbm(mean.tolist(), loading.reshape(-1).tolist(), seed)


def span(name: str, value: object) -> timedelta:
    """Return a time span above zero; numpy's kind becomes a timedelta."""
    if isinstance(value, np.timedelta64):
        if np.isnat(value):
            raise InputError(f"{name} must be a time span, was NaT")
        if np.datetime_data(value.dtype)[0] in ("M", "Y"):
            raise InputError(f"{name} must be a time span, was {value}: months and years have no fixed length")
        value = value.astype("timedelta64[us]").item()
    if not isinstance(value, timedelta):
        raise KindError(f"{name} must be a timedelta, was {checks.describe(value)}")
    if not timedelta(0) < value:
        raise InputError(f"{name} must be > 0, was {value}")
    return value


def _rates(name: str, value: Any, *, at_least: float, at_most: float) -> float | Mapping[str, float]:
    value = checks.labelled(value)
    if isinstance(value, Mapping):
        return PerAsset(
            {k: checks.number(f"{name}[{k!r}]", v, at_least=at_least, at_most=at_most) for k, v in value.items()}
        )
    return checks.number(name, value, at_least=at_least, at_most=at_most)


def _in_order(name: str, value: float | Mapping[str, float], names: tuple[str, ...]) -> Floats:
    if not isinstance(value, Mapping):
        return np.full(len(names), float(value))
    checks.names_in("asset", value, names)
    missing = [asset for asset in names if asset not in value]
    if missing:
        raise InputError(f"{name} must name every asset of the market; missing: {', '.join(missing)}")
    return np.array([value[asset] for asset in names])


def _correlation(value: object) -> tuple[tuple[float, ...], ...]:
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


def normals(seed: int, shape: int | tuple[int, ...]) -> Floats:
    """Return the standard normals that paths are made of.

    Parameters
    ----------
    seed : int
        0 <= seed < 2**64.
    shape : int or tuple of int
        One length: that many numbers of path 0. Else the first axis counts paths, the others the path's numbers:
        ``normals(seed, (paths, steps, assets))`` are those of a simulation with this seed.

    Returns
    -------
    float64[shape]

    Raises
    ------
    InputError, KindError
        If an argument breaks a rule.
    TooLargeError
        If there is not enough memory.

    Notes
    -----
    Philox4x32-10 and the Box-Muller transform: a number depends on seed, path and place alone. Source: Salmon, Moraes,
    Dror and Shaw (2011).

    Examples
    --------
    >>> import levcore as lc
    >>> bool((lc.normals(7, (3, 4))[1] == lc.normals(7, (2, 4))[1]).all())
    True
    """
    key = checks.integer("seed", seed, at_least=0, at_most=2**64 - 1)
    given = shape if isinstance(shape, tuple) else (shape,)
    sizes = tuple(checks.integer(f"shape[{i}]", size, at_least=0, at_most=2**48) for i, size in enumerate(given))
    if not sizes:
        raise InputError("shape must have at least one axis, was ()")
    paths, numbers = (1, sizes[0]) if len(sizes) == 1 else (sizes[0], math.prod(sizes[1:]))
    if numbers > 2**33:
        raise InputError(f"a path has at most 2**33 numbers, shape asked for {numbers}")
    if paths * numbers > 100_000:  # for less, asking the system takes as long as drawing
        memory.refuse_if_too_large(8 * paths * numbers, f"{paths * numbers:,} normals")
    return _core.normals(key, paths, numbers).reshape(sizes)
