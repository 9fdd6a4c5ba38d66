"""What a fit says of its parameters, and the returns that it takes: none over a gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError, KindError, MissingExtraError
from levcore.estimates import ENOUGH, Estimate, normal_quantile
from levcore.per_asset import PerAsset

Floats = npt.NDArray[np.float64]
Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Fitted:
    """How sure the parameters of a fitted process are.

    Parameters
    ----------
    values, standard_errors : mapping of str to float
        By parameter, in the unit of the process; a standard error is nan where the likelihood does not tell.
    log_likelihood : float
        At the maximum, of log returns.
    n : int
        Returns that were fitted.

    Notes
    -----
    What `process.fitted` is after `fit`; `fitted["alpha"]` is an estimate with its interval. A process that is changed
    by `dataclasses.replace` has none.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> process = lc.GBM.fit([0.01, -0.02, 0.015, -0.01], step=timedelta(days=1))
    >>> process.fitted["volatility"]
    Estimate(0.316342, 95 % interval 0.0971 to 0.536, n = 4, low sample)
    """

    values: Numbers
    standard_errors: Numbers
    log_likelihood: float
    n: int

    def __getitem__(self, name: str) -> Estimate:
        if name not in self.values:
            raise InputError(f"no parameter {name!r} was fitted; there are: {', '.join(self.values)}")
        value, half = self.values[name], normal_quantile(0.95) * self.standard_errors[name]
        return Estimate(value, value - half, value + half, 0.95, self.n, self.n < ENOUGH)

    def __repr__(self) -> str:
        rows = [f"<levcore.Fitted: {self.n:,} returns, log likelihood {self.log_likelihood:.6g}>"]
        wide = max(map(len, self.values))
        for name, value in self.values.items():
            rows.append(f"  {name:<{wide}}  {value:>12.6g}  standard error {self.standard_errors[name]:.3g}")
        return "\n".join(rows)


@dataclass(frozen=True)
class Found:
    """The fit of one series: the arguments of the process, what is said of them, and innovations of unit variance."""

    arguments: Mapping[str, Any]
    fitted: Fitted
    residuals: Floats  # nan where a return is missing


def fitted_process(kind: type, returns: Any, fit: Callable[[str, Floats], Found]) -> Any:
    """Return a process of a kind fitted to a series, or to one an asset with the correlation of their innovations."""
    if not isinstance(returns, Mapping):
        return of_one(kind, returns, fit)
    if not returns:
        raise InputError("returns must name at least one asset")
    series = {name: log_returns(f"returns[{name!r}]", one) for name, one in returns.items()}
    checks.same_length(**{f"returns[{name!r}]": one for name, one in series.items()})
    each = {name: fit(f"returns[{name!r}]", one) for name, one in series.items()}
    fields = next(iter(each.values())).arguments
    arguments = {field: {name: found.arguments[field] for name, found in each.items()} for field in fields}
    correlation = _correlation(np.array([found.residuals for found in each.values()]))
    noted = PerAsset({name: found.fitted for name, found in each.items()})
    return _noted(kind(**arguments, correlation=correlation), noted)


def of_one(kind: type, returns: Any, fit: Callable[[str, Floats], Found]) -> Any:
    """Return a process of a kind fitted to one series."""
    found = fit("returns", log_returns("returns", returns))
    return _noted(kind(**found.arguments), found.fitted)


def _noted(process: Any, fitted: object) -> Any:
    object.__setattr__(process, "fitted", fitted)
    return process


def _correlation(residuals: Floats) -> list[list[float]] | None:
    if len(residuals) == 1:
        return None
    whole = residuals[:, ~np.isnan(residuals).any(axis=0)]
    if whole.shape[1] <= len(residuals):
        raise InputError(f"returns must have more than {len(residuals)} rows in which no asset's is missing")
    apart = whole - whole.mean(axis=1, keepdims=True)
    apart /= np.sqrt((apart * apart).sum(axis=1, keepdims=True))
    size = range(len(apart))
    # Row by row, so that it is symmetric to the bit.
    return [[1.0 if i == j else float((apart[i] * apart[j]).sum()) for j in size] for i in size]


def log_returns(name: str, values: npt.ArrayLike) -> Floats:
    """Return log returns of simple ones; nan is missing."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise KindError(f"{name} must be an array of numbers: {error}") from None
    if array.ndim != 1 or not array.size:
        raise InputError(f"{name} must have shape (rows,), rows >= 1, had {array.shape}; assets go by name")
    wrong = (array <= -1.0) | (array > checks.LARGEST)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"{name}[{row}] must be > -1 and finite, was {array[row]}")
    return np.log1p(array)


def whole_rows(name: str, logs: Floats, at_least: int) -> Floats:
    """Return the rows that are there, enough of them and not all alike."""
    rows = logs[~np.isnan(logs)]
    if len(rows) < at_least:
        raise InputError(f"{name} must have at least {at_least} returns that are not nan, had {len(rows)}")
    if not float(rows.max()) > float(rows.min()):
        raise InputError(f"{name} must not be all alike, were {math.expm1(rows[0]):.6g}")
    return rows


def stretches(logs: Floats) -> list[tuple[int, int]]:
    """Return where stretches without a missing row begin and end."""
    there = np.concatenate([[False], ~np.isnan(logs), [False]])
    turns = np.flatnonzero(there[1:] != there[:-1])
    return [(int(begin), int(end)) for begin, end in zip(turns[::2], turns[1::2], strict=True)]


def one_stretch(name: str, logs: Floats) -> tuple[int, int]:
    """Return the only stretch, from the first row to the last that are there."""
    found = stretches(logs)
    if len(found) > 1:
        begin, end = max(found, key=lambda one: one[1] - one[0])
        raise InputError(
            f"{name} must have no gap, nan after row {found[0][1] - 1}: what follows a missing return is not known; "
            f"the longest stretch is rows {begin} to {end - 1}"
        )
    return found[0] if found else (0, 0)


def extra(name: str) -> MissingExtraError:
    """Return what says how to get the packages that fits need."""
    return MissingExtraError(f'this fit needs {name}: pip install "levcore[calibrate]"')


def most_likely(
    log_likelihood: Callable[[Floats], float], starts: list[Floats], natural: Callable[[Floats], Numbers], n: int
) -> tuple[Floats, Fitted]:
    """Return where a likelihood is largest, and what is said of the parameters that `natural` makes of it.

    Standard errors are those of the inverse of the observed information, carried over to the natural parameters.
    """
    try:
        from scipy import optimize
    except ImportError:
        raise extra("scipy") from None

    def cost(at: Floats) -> float:
        value = log_likelihood(at)
        return -value / n if math.isfinite(value) else 1e10

    best = min((optimize.minimize(cost, start, method="BFGS") for start in starts), key=lambda found: float(found.fun))
    best = optimize.minimize(cost, best.x, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-10})
    at = np.asarray(best.x, dtype=np.float64)
    if not float(best.fun) < 1e9:
        raise InputError("returns must allow a fit: no parameters have a likelihood")
    information = n * _second(cost, at)
    slopes = _slopes(natural, at)
    with np.errstate(all="ignore"):
        try:
            spread = slopes @ np.linalg.inv(information) @ slopes.T
        except np.linalg.LinAlgError:
            spread = np.full((len(slopes), len(slopes)), math.nan)
        errors = np.sqrt(np.where(spread.diagonal() >= 0.0, spread.diagonal(), math.nan))
    values = natural(at)
    said = dict(zip(values, errors.tolist(), strict=True))
    return at, Fitted(PerAsset(values), PerAsset(said), -float(best.fun) * n, n)


def _second(cost: Callable[[Floats], float], at: Floats) -> Floats:
    """Return second derivatives by central differences."""
    size = len(at)
    moves = np.diag(1e-3 * np.maximum(np.abs(at), 0.1))
    found = np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            ends = [cost(at + a * moves[i] + b * moves[j]) for a in (1, -1) for b in (1, -1)]
            found[i, j] = found[j, i] = (ends[0] - ends[1] - ends[2] + ends[3]) / (4 * moves[i, i] * moves[j, j])
    return found


def _slopes(natural: Callable[[Floats], Numbers], at: Floats) -> Floats:
    """Return first derivatives of natural parameters, a row each."""
    moves = np.diag(1e-5 * np.maximum(np.abs(at), 0.1))
    ends = [[np.array(list(natural(at + sign * move).values())) for sign in (1.0, -1.0)] for move in moves]
    return np.array([(up - down) / (2.0 * moves[i, i]) for i, (up, down) in enumerate(ends)]).T


def years_of(step: timedelta) -> float:
    """Return the length of a step in years of 365 days."""
    return step / timedelta(days=365)
