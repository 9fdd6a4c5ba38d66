"""Pictures of processes: how their volatility moves, and how long it remembers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError, KindError
from levcore.plot_style import INK, LINES, MUTED, SHORT, axes_for, finish
from levcore.process import YEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

Floats = npt.NDArray[np.float64]


def volatility(returns: ArrayLike, step: timedelta, window: int = 24, ax: Axes | None = None) -> Axes:
    """Draw the volatility of paths within a window that moves along: one path, and how widely they spread.

    Parameters
    ----------
    returns : array of shape (paths, steps)
        Log returns of one asset.
    step : timedelta
        Time of one step, > 0.
    window : int
        Steps, >= 2 and at most as many as there are.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Volatility in % per square root of a year, over days; bands hold 50 and 90 % of the paths.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        The returns have another shape, are not finite, or an argument breaks a rule.

    Notes
    -----
    The root of the mean square of the returns: that of Brownian motion spreads too, by ``1/sqrt(2*window)``, for few
    are in a window.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> lc.plot.volatility(0.01 * lc.normals(1, (50, 100)), timedelta(hours=1)).get_xlabel()
    'Time, days'
    """
    table = _table("returns", returns)
    steps = checks.integer("window", window, at_least=2, at_most=table.shape[1])
    days = checks.instance("step", step, timedelta).total_seconds() / 86_400.0
    checks.number("step in days", days, above=0.0)
    squares = np.cumsum(np.column_stack([np.zeros(len(table)), table**2]), axis=1)
    mean = np.maximum(squares[:, steps:] - squares[:, :-steps], 0.0) / steps
    rolling = 100.0 * np.sqrt(mean * YEAR.total_seconds() / 86_400.0 / days)
    x = days * np.arange(steps, table.shape[1] + 1)
    ax = axes_for(ax)
    for low, high, alpha in ((5, 95, 0.16), (25, 75, 0.26)):
        bottom, top = np.percentile(rolling, [low, high], axis=0)
        ax.fill_between(x, bottom, top, color=SHORT, alpha=alpha, linewidth=0, label=f"{high - low} % of the paths")
    ax.plot(x, np.median(rolling, axis=0), color=SHORT, linewidth=1.6, label="median")
    ax.plot(x, rolling[0], color=LINES[1], linewidth=1.2, label="one path")
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("Time, days")
    ax.set_ylabel(f"Volatility of {steps} steps, % a year")
    ax.legend(frameon=False, fontsize=8.5, ncols=4, loc="upper left")
    ax.set_ylim(top=1.15 * ax.get_ylim()[1])
    finish(ax)
    return ax


def clustering(returns: Mapping[str, ArrayLike], lags: int = 50, ax: Axes | None = None) -> Axes:
    """Draw the autocorrelation of absolute returns, by lag: how long volatility remembers.

    Parameters
    ----------
    returns : mapping of str to array of shape (paths, steps)
        Log returns of one asset, by the name of their process.
    lags : int
        The largest lag, in steps, >= 1 and below the number of steps.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A line each; the bands are 95 % intervals from the spread over the paths.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        There are no returns, they have another shape, or an argument breaks a rule.

    Notes
    -----
    Of each path by itself, about the mean of all paths, and the mean of them. Source: Cont (2001), Quantitative Finance
    1, where the slow decay is a stylised fact.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> lc.plot.clustering({"normal": lc.normals(1, (50, 100))}, lags=10).get_xlabel()
    'Lag, steps'
    """
    if not isinstance(returns, Mapping):
        raise KindError(f"returns must be a mapping of names to arrays, was {checks.describe(returns)}")
    tables = {str(name): _table(f"returns[{name!r}]", values) for name, values in returns.items()}
    if not tables:
        raise InputError("returns must not be empty")
    shortest = min(table.shape[1] for table in tables.values())
    last = checks.integer("lags", lags, at_least=1, at_most=shortest - 1)
    ax = axes_for(ax)
    x = np.arange(1, last + 1)
    for row, (name, table) in enumerate(tables.items()):
        found = remembered(table, last)
        middle, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found))
        colour = LINES[row % len(LINES)]
        ax.fill_between(x, middle - 1.96 * error, middle + 1.96 * error, color=colour, alpha=0.22, linewidth=0)
        ax.plot(x, middle, color=colour, linewidth=1.6, label=name)
    ax.axhline(0.0, color=INK, linewidth=1.0)
    ax.set_xlim(1, max(last, 2))
    ax.set_xlabel("Lag, steps")
    ax.set_ylabel("Autocorrelation of absolute returns")
    ax.set_title("bands: 95 % intervals", loc="right", size=8.5, color=MUTED)
    ax.legend(frameon=False, fontsize=9)
    finish(ax)
    return ax


def remembered(table: Floats, lags: int) -> Floats:
    """Return the autocorrelations of absolute returns of each path, lags 1 and up, about the mean of all paths."""
    centred = np.abs(table) - np.abs(table).mean()
    variance = float((centred**2).mean()) or 1.0
    products = [(centred[:, lag:] * centred[:, :-lag]).mean(axis=1) for lag in range(1, lags + 1)]
    return np.stack(products, axis=1) / variance


def _table(name: str, values: ArrayLike) -> Floats:
    table = np.array(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 2:
        raise InputError(f"{name} must have shape (paths, steps), both >= 2, had {table.shape}")
    if not np.isfinite(table).all():
        path, at = np.argwhere(~np.isfinite(table))[0]
        raise InputError(f"{name}[{path}, {at}] must be finite, was {table[path, at]}")
    return table
