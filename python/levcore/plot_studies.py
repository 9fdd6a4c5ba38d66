"""Pictures of studies: sweeps, shocks, funds and leverages that are just enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError, KindError
from levcore.estimates import Estimate
from levcore.plot_style import (
    INK,
    LINES,
    LONG,
    MUTED,
    SHORT,
    axes_for,
    finish,
    intervals,
    log_axis,
    note_of_few,
    plain,
    scale_of,
    signed,
)
from levcore.study_funds import FundNeeded
from levcore.study_leverage import MaxLeverage
from levcore.study_shocks import CriticalShock
from levcore.sweeps import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]


def sweep(found: Sweep, measure: str | None = None, parameter: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what a parameter does to a measure, a line for each combination of the other parameters.

    Parameters
    ----------
    found : Sweep
        What :func:`levcore.study.sweep` returned.
    measure : str, optional
        Which of its measures; left out: the first.
    parameter : str, optional
        The one along the x axis, of numbers; left out: the first.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Axes named by parameter and measure, with the units that the sweep knows; bars are intervals, hollow dots rest
        on few samples.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        There is no such measure or parameter, or the parameter's values are no numbers.

    Notes
    -----
    Other units are those of the parameter and of the measure, as they were asked for.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> known = lc.Estimate(0.5, 0.4, 0.6, 0.95, 1_000, False)
    >>> found = lc.study.Sweep({"scenario.volatility": (0.5, 1.0)}, {"exhausted": (known, known)})
    >>> lc.plot.sweep(found).get_xlabel()
    'scenario.volatility'
    """
    checks.instance("found", found, Sweep)
    name = next(iter(found.measures)) if measure is None else measure
    along = next(iter(found.parameters)) if parameter is None else parameter
    checks.names_in("measure", {name: None}, tuple(found.measures))
    checks.names_in("parameter", {along: None}, tuple(found.parameters))
    values = found.parameters[along]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise KindError(f"parameter must be one of numbers to draw along, had {checks.describe(values[0])}")
    x, estimates = np.array(values, dtype=np.float64), found.measures[name]
    others = {key: column for key, column in found.parameters.items() if key != along}
    groups: dict[str, list[int]] = {}
    for i in range(len(found)):
        label = ", ".join(f"{key} = {_short(column[i])}" for key, column in others.items())
        groups.setdefault(label, []).append(i)
    ax = axes_for(ax)
    size, unit = _scale(found.units.get(name, ""), estimates)
    if len(groups) == len(found) > 1:  # a Latin hypercube: no two points share the others
        intervals(ax, x, estimates, LINES[0], by=1.0 / size)
        ax.lines[-1].set_linestyle("none")
    else:
        for row, (label, rows) in enumerate(groups.items()):
            rows.sort(key=lambda i: x[i])
            some, colour = [estimates[i] for i in rows], LINES[row % len(LINES)]
            intervals(ax, x[rows], some, colour, label=label, by=1.0 / size)
        if len(groups) > 1:
            ax.legend(frameon=False, fontsize=8.5)
    log_axis(ax, np.unique(x))
    note_of_few(ax, estimates)
    ax.set_xlabel(", ".join(filter(None, (along, found.units.get(along, "")))))
    ax.set_ylabel(", ".join(filter(None, (name, unit))))
    finish(ax)
    return ax


def _scale(unit: str, estimates: Sequence[Estimate]) -> tuple[float, str]:
    """Return what numbers of a unit are divided by on an axis, and what the axis then says."""
    if unit == "share":
        return 0.01, "%"
    if not unit:
        return 1.0, ""
    size, word = scale_of(max((abs(one.value) for one in estimates if math.isfinite(one.value)), default=0.0))
    return size, f"{word}{unit}"


def fragility_curve(curve: Sweep, ax: Axes | None = None) -> Axes:
    """Draw how probable it is that something breaks, by the size of the shock.

    Parameters
    ----------
    curve : Sweep
        What :func:`levcore.study.fragility_curve` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The share with its interval, in %, over the shock, in %; larger shocks to the right where all are falls.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        It is another table.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> known = lc.Estimate(0.5, 0.4, 0.6, 0.95, 40, True)
    >>> lc.plot.fragility_curve(lc.study.Sweep({"shock": (-0.1, -0.2)}, {"probability": (known, known)})).get_xlabel()
    'Shock to the price, %'
    """
    checks.instance("curve", curve, Sweep)
    if "shock" not in curve.parameters or "probability" not in curve.measures:
        raise InputError(f"curve must have a shock and a probability, had {', '.join(curve.parameters)}")
    shocks, found = np.array(curve.parameters["shock"]), curve.measures["probability"]
    order = np.argsort(shocks)
    x, found = 100.0 * shocks[order], tuple(found[i] for i in order)
    ax = axes_for(ax)
    low, high = (100.0 * np.array([getattr(one, end) for one in found]) for end in ("low", "high"))
    ax.fill_between(x, low, high, color=SHORT, alpha=0.18, linewidth=0, zorder=2)
    intervals(ax, x, found, SHORT, by=100.0)
    note_of_few(ax, found)
    ax.set_xlabel("Shock to the price, %")
    ax.set_ylabel("Share of the books that break, %")
    ax.set_ylim(-3.0, 103.0)
    _falls_to_the_right(ax, x)
    finish(ax)
    return ax


def critical_shock(found: CriticalShock, ax: Axes | None = None) -> Axes:
    """Draw at which shocks of a grid a condition holds, and the smallest of them.

    Parameters
    ----------
    found : CriticalShock
        What :func:`levcore.study.critical_shock` returned, of one size for all assets.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A mark for each shock, in %: above where the condition holds; between marks nothing is known.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        The shocks are of several assets apart.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> found = lc.study.CriticalShock(-0.1, [-0.05, -0.1], [False, True], True)
    >>> lc.plot.critical_shock(found).get_xlabel()
    'Shock to the price, %'
    """
    checks.instance("found", found, CriticalShock)
    shocks, holds = np.asarray(found.shocks, dtype=np.float64), np.asarray(found.holds)
    if shocks.ndim != 1:
        raise InputError(f"found must be of one shock for all assets, had shape {shocks.shape}")
    ax = axes_for(ax)
    x = 100.0 * shocks
    for held, colour, mark in ((False, SHORT, "o"), (True, LONG, "s")):
        ax.plot(x[holds == held], holds[holds == held], mark, color=colour, markersize=6, zorder=3)
    if math.isfinite(found.value):
        ax.axvline(100.0 * found.value, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        note = f" {signed(100.0 * found.value, ' %')}: the smallest that does it"
        falling = bool((x <= 0.0).all())
        place: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "color": INK, "size": 9, "va": "center"}
        ax.text(100.0 * found.value, 0.5, note, ha="left" if falling or found.value > 0.0 else "right", **place)
    ax.set_yticks([0, 1], ["does not hold", "holds"])
    ax.set_ylim(-0.5, 1.5)
    ax.set_ylabel("Condition")
    ax.set_xlabel("Shock to the price, %")
    _falls_to_the_right(ax, x)
    finish(ax)
    return ax


def fund_needed(found: FundNeeded, ax: Axes | None = None) -> Axes:
    """Draw how probable the exhaustion of a fund is, by its size, and which size is enough.

    Parameters
    ----------
    found : FundNeeded
        What :func:`levcore.study.fund_needed` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Probabilities with their intervals, in %, over the fund, settlement currency; the broken line is what was asked.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> often, never = lc.Estimate(0.3, 0.2, 0.4, 0.95, 99, True), lc.Estimate(0.0, 0.0, 0.1, 0.95, 99, True)
    >>> found = lc.study.FundNeeded(2.0, float("nan"), 0.05, [1.0, 2.0], (often, never))
    >>> lc.plot.fund_needed(found).get_ylabel()
    'Probability that the fund is exhausted, %'
    """
    checks.instance("found", found, FundNeeded)
    funds = np.asarray(found.funds, dtype=np.float64)
    ax = _just_enough(found, funds, "fund", plain, axes_for(ax))
    ax.set_xlabel("Insurance fund, settlement currency")
    ax.set_ylabel("Probability that the fund is exhausted, %")
    return ax


def max_leverage(found: MaxLeverage, ax: Axes | None = None) -> Axes:
    """Draw how probable the liquidation of a position is, by its leverage, and which leverage is not too much.

    Parameters
    ----------
    found : MaxLeverage
        What :func:`levcore.study.max_leverage` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Probabilities with their intervals, in %, over notional by margin; the broken line is what was asked.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> never, often = lc.Estimate(0.0, 0.0, 0.1, 0.95, 99, True), lc.Estimate(0.3, 0.2, 0.4, 0.95, 99, True)
    >>> found = lc.study.MaxLeverage(2.0, float("nan"), 0.05, [2.0, 5.0], (never, often))
    >>> lc.plot.max_leverage(found).get_xlabel()
    'Leverage, notional over margin'
    """
    checks.instance("found", found, MaxLeverage)
    leverages = np.asarray(found.leverages, dtype=np.float64)
    ax = _just_enough(found, leverages, "leverage", lambda value: f"{value:g}x", axes_for(ax))
    ax.set_xlabel("Leverage, notional over margin")
    ax.set_ylabel("Probability of liquidation, %")
    return ax


def _just_enough(found: Any, grid: Floats, what: str, written: Callable[[float], str], ax: Axes) -> Axes:
    intervals(ax, grid, found.probabilities, SHORT, by=100.0)
    ax.axhline(100.0 * found.at_most, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    answers = []
    for value, words in ((found.value, "by the estimates"), (found.sure, "by the intervals")):
        answers.append(f"{words}: " + (f"no {what} of the grid" if math.isnan(value) else written(value)))
    ax.text(
        0.5, 0.97, f"at most {100.0 * found.at_most:g} %\n" + "\n".join(answers), transform=ax.transAxes, ha="center",
        va="top", color=INK, size=9,
    )  # fmt: skip
    log_axis(ax, grid)
    note_of_few(ax, found.probabilities)
    ax.set_ylim(bottom=min(0.0, -0.02 * ax.get_ylim()[1]))
    finish(ax)
    return ax


def _falls_to_the_right(ax: Axes, x: Floats) -> None:
    margin = 0.03 * (float(np.ptp(x)) or 1.0)
    left, right = float(x.min()) - margin, float(x.max()) + margin
    ax.set_xlim(*((right, left) if (x <= 0.0).all() else (left, right)))
    ax.xaxis.set_major_formatter(lambda value, _: signed(value, ""))


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)[:30]
