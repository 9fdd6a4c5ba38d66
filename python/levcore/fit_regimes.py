"""Regimes fitted by maximum likelihood, and how long the blocks of a bootstrap should be."""

from __future__ import annotations

import math
import warnings
from datetime import timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.fitted import Floats, Found, extra, log_returns, most_likely, of_one, stretches, whole_rows, years_of
from levcore.process import Process, span

FEWEST = 100


class FittedRegimes(Process):
    """What MarkovSwitching has of its own: the chance of each regime is carried from return to return."""

    @classmethod
    def fit(cls, returns: npt.ArrayLike, *, step: timedelta, regimes: int = 2) -> Self:
        """Return the process that makes returns most likely.

        Parameters
        ----------
        returns : array of shape (rows,)
            Simple returns of one step each, > -1, at least 100, oldest first. nan is a missing return: what comes after
            begins anew, with the long-run chances, and none is bridged.
        step : timedelta
            Time of one return, > 0; steps of a run are to be as long.
        regimes : int
            How many, 2 to 4.

        Returns
        -------
        process
            Regimes by rising volatility; `initial` has their chances in the step after the last return. `fitted` has
            estimates and standard errors: "volatility[0]", "transition[0, 1]" and so on.

        Raises
        ------
        InputError, KindError
            If returns are too few, all alike or out of range, the likelihood has no maximum, or an argument breaks a
            rule.
        MissingExtraError
            If scipy is not installed.

        Notes
        -----
        The exact likelihood by Hamilton's filter, maximised numerically; some seconds for some thousand returns.
        Source: Hamilton (1989).

        Examples
        --------
        >>> from datetime import timedelta
        >>> import numpy as np
        >>> import levcore as lc
        >>> wild = np.arange(300) // 50 % 2 == 1
        >>> returns = np.where(wild, 0.05, 0.01) * np.random.default_rng(1).standard_normal(300)
        >>> calm, storm = lc.MarkovSwitching.fit(returns, step=timedelta(days=1)).volatility
        >>> 3.0 < storm / calm < 7.0
        True
        """
        years = years_of(span("step", step))
        count = checks.integer("regimes", regimes, at_least=2, at_most=4)
        process: Self = of_one(cls, returns, lambda name, logs: _fit(name, logs, years, count))
        return process


def _fit(name: str, logs: Floats, years: float, count: int) -> Found:
    rows = whole_rows(name, logs, FEWEST)
    pieces = [logs[begin:end] for begin, end in stretches(logs)]

    def parts(at: Floats) -> tuple[Floats, Floats]:
        """Return deviations of a step, and the transition's rows."""
        scores = np.zeros((count, count))
        scores[~np.eye(count, dtype=bool)] = at[1 + count :]
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.exp(at[1 : 1 + count]), chances / chances.sum(axis=1, keepdims=True)

    def log_likelihood(at: Floats) -> float:
        return _filtered(pieces, float(at[0]), *parts(at))[0]

    def natural(at: Floats) -> dict[str, float]:
        deviation, transition = parts(at)
        found = {f"volatility[{r}]": float(one) / math.sqrt(years) for r, one in enumerate(deviation)}
        apart = ((r, c) for r in range(count) for c in range(count) if r != c)
        found |= {f"transition[{r}, {c}]": float(transition[r, c]) for r, c in apart}
        return found | {"drift": float(at[0]) / years}

    sizes = np.sort(np.abs(rows - float(rows.mean())))
    spread = [float(np.sqrt((some**2).mean())) for some in np.array_split(sizes, count)]
    floor = 1e-3 * float(rows.std())
    begin = [float(rows.mean()) + 0.5 * float(rows.var()), *(math.log(max(one, floor)) for one in spread)]
    starts = [np.array([*begin, *[chance] * (count * (count - 1))]) for chance in (-2.0, -4.0)]
    at, _ = most_likely(log_likelihood, starts, natural, len(rows))
    order = np.argsort(at[1 : 1 + count], kind="stable")
    scores = np.zeros((count, count))
    scores[~np.eye(count, dtype=bool)] = at[1 + count :]
    scores = (scores - scores.diagonal()[:, None])[np.ix_(order, order)]
    sorted_at = np.concatenate([at[:1], at[1 : 1 + count][order], scores[~np.eye(count, dtype=bool)]])
    at, fitted = most_likely(log_likelihood, [sorted_at], natural, len(rows))
    deviation, transition = parts(at)
    _, after = _filtered(pieces, float(at[0]), deviation, transition)
    arguments = {
        "volatility": (deviation / math.sqrt(years)).tolist(),
        "transition": transition.tolist(),
        "drift": float(at[0]) / years,
        "initial": (after / after.sum()).tolist(),
    }
    return Found(arguments, fitted, logs)


def _filtered(pieces: list[Floats], drift: float, deviation: Floats, transition: Floats) -> tuple[float, Floats]:
    """Return the log likelihood, and the chances of the regimes after the last return; of log returns of a step."""
    count = len(deviation)
    system = np.vstack([transition.T - np.eye(count), np.ones(count)])
    long_run = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0]
    total, chances = 0.0, long_run
    mean = drift - 0.5 * deviation**2
    for piece in pieces:
        scaled = (piece[:, None] - mean) / deviation
        densities = np.exp(-0.5 * scaled * scaled) / (math.sqrt(2.0 * math.pi) * deviation)
        chances = long_run
        for product, scale in zip(*_products(densities[:, :, None] * transition), strict=True):
            chances = chances @ product
            seen = max(float(chances.sum()), 1e-300)
            chances = chances / seen
            total += math.log(seen) + float(scale)
    return total, chances


def _products(steps: Floats) -> tuple[Floats, Floats]:
    """Return the products of matrices, stretch by stretch, scaled, and the logs of their scales: many side by side."""
    n, count = steps.shape[:2]
    width = math.isqrt(n - 1) + 1
    rows = -(-n // width)
    padded = np.broadcast_to(np.eye(count), (rows * width, count, count)).copy()
    padded[:n] = steps
    each = padded.reshape(rows, width, count, count)
    products, scales = each[:, 0], np.zeros(rows)
    for i in range(1, width):
        products = products @ each[:, i]
        largest = np.maximum(products.sum(axis=(1, 2)), 1e-300)
        products = products / largest[:, None, None]
        scales += np.log(largest)
    return products, scales


class FittedBlocks(Process):
    """What StationaryBootstrap has of its own: the length of its blocks is fitted, and returns are what they are."""

    @classmethod
    def fit(cls, returns: npt.ArrayLike) -> Self:
        """Return the bootstrap of returns whose blocks are as long as their memory asks for.

        Parameters
        ----------
        returns : array of shape (rows,) or (rows, assets)
            Simple returns of one step each, > -1, oldest first, assets in the market's order; a stretch of at least 100
            without a missing row. A row with nan is missing: no block goes over it.

        Returns
        -------
        process

        Raises
        ------
        InputError, KindError
            If returns are too few, all alike or out of range.
        MissingExtraError
            If arch is not installed.

        Notes
        -----
        Politis and White's (2004) length for the stationary bootstrap, corrected by Patton, Politis and White (2009),
        of the longest stretch: the largest of those of the log returns and of their squares, of any asset. Squares
        have the memory of volatility, which returns hide.

        Examples
        --------
        >>> import numpy as np
        >>> import levcore as lc
        >>> returns = 0.02 * np.random.default_rng(1).standard_normal(500)
        >>> lc.StationaryBootstrap.fit(returns).mean_block < 10.0
        True
        """
        drawn = cls(returns, mean_block=1.0)  # type: ignore[call-arg]
        process: Self = cls(returns, mean_block=_block_length(np.array(_kept(drawn), dtype=np.float64)))  # type: ignore[call-arg]
        return process


def _kept(process: Any) -> Any:
    return process.returns


def _block_length(array: Floats) -> float:
    try:
        from arch.bootstrap import optimal_block_length
    except ImportError:
        raise extra("arch") from None
    found = stretches(array[:, 0])
    begin, end = max(found, key=lambda one: one[1] - one[0])
    longest = 1.0
    for column, series in enumerate(array[begin:end].T):
        rows = whole_rows(f"returns[:, {column}]", log_returns(f"returns[:, {column}]", series), FEWEST)
        for values in (rows, rows * rows):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                length = float(optimal_block_length(values)["stationary"].iloc[0])
            if not math.isfinite(length):
                raise InputError(f"returns[:, {column}] must have a memory that can be told, had block length {length}")
            longest = max(longest, length)
    return longest
