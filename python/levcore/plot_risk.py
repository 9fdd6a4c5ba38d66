"""Pictures of risk measures: tails of losses, a part and the whole, who caused it, and when and at which leverage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.attribution import Attribution
from levcore.errors import InputError
from levcore.estimates import Estimate, samples_of
from levcore.plot_style import (
    INK,
    LONG,
    MUTED,
    PLATE,
    SHORT,
    axes_for,
    finish,
    note_of_few,
    scale_of,
)
from levcore.run_measures import of_share, whole
from levcore.run_measures import time_to_liquidation as time_of
from levcore.runs import Runs
from levcore.systemic import covar as covar_of
from levcore.tails import expected_shortfall as shortfall_of
from levcore.tails import marginal_expected_shortfall as marginal_of
from levcore.tails import value_at_risk as value_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

Floats = npt.NDArray[np.float64]

BINS = 60
DOTS = 5_000  # more would hide each other


def estimates(found: Mapping[str, Estimate], unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw estimates side by side, each with its interval.

    Parameters
    ----------
    found : mapping of str to Estimate
        By name: of one measure at several places, as :func:`levcore.risk.liquidation_probability_by_leverage` returns
        them, or of several measures in one unit.
    unit : str
        What they are in, for the axis; "share" is drawn in %.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A row each; hollow dots rest on few samples, and estimates that are nan leave their row empty.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        There are none, or one is no Estimate.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> lc.plot.estimates({"calm": lc.Estimate(0.1, 0.05, 0.2, 0.95, 100, True)}, "share").get_xlabel()
    '%'
    """
    rows = [(str(name), checks.instance(f"found[{name!r}]", one, Estimate)) for name, one in found.items()]
    if not rows:
        raise InputError("found must not be empty")
    ax = axes_for(ax)
    known = [abs(one.value) for _, one in rows if math.isfinite(one.value)]
    size, word = (0.01, "") if unit == "share" else scale_of(max(known, default=0.0))
    _rows(ax, rows, 1.0 / size, SHORT)
    ax.set_xlabel("%" if unit == "share" else f"{word}{unit}".strip() or "Value")
    note_of_few(ax, [one for _, one in rows])
    finish(ax)
    ax.grid(axis="x", color="#E4E4E4", linewidth=0.8)
    ax.grid(axis="y", visible=False)
    return ax


def attribution(found: Attribution, unit: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw who and what caused a loss: each part with its share of the whole, and its interval where it has one.

    Parameters
    ----------
    found : Attribution
        What :func:`levcore.risk.euler_attribution` or :func:`levcore.risk.shapley_attribution` returned.
    unit : str, optional
        What the loss is in, for the axis; left out: the attribution's own.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A bar each; parts below zero lessen the loss.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> found = lc.risk.euler_attribution({"longs": [0.0, 1.0, 4.0, 2.0], "shorts": [1.0, 0.0, 0.0, 1.0]}, level=0.5)
    >>> lc.plot.attribution(found, unit="USD").get_xlabel()
    'Part of the expected shortfall, USD'
    """
    checks.instance("found", found, Attribution)
    ax = axes_for(ax)
    size, word = scale_of(max(abs(found.total), *(abs(part.value) for part in found.parts.values())))
    for row, part in enumerate(found.parts.values()):
        colour = LONG if part.value >= 0.0 else SHORT
        ax.barh(row, part.value / size, color=colour, alpha=0.55, height=0.6, zorder=2)
        share = f" {part.value / found.total:.0%}" if found.total else ""
        ax.text(max(part.high, part.value, 0.0) / size, row, f" {share}", va="center", color=INK, size=9)
    _rows(ax, list(found.parts.items()), 1.0 / size, INK)
    ax.axvline(0.0, color=INK, linewidth=1.0)
    label = f"{word}{found.unit if unit is None else unit}"
    ax.set_xlabel(f"Part of the {found.measure.replace('_', ' ')}" + (f", {label}" if label else ""))
    note_of_few(ax, list(found.parts.values()))
    ax.margins(x=0.12)
    finish(ax)
    ax.grid(axis="y", visible=False)
    return ax


def tail(losses: ArrayLike, level: float = 0.99, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw losses, with their value at risk and expected shortfall, each with its interval.

    Parameters
    ----------
    losses : array of shape (n,)
        Samples, positive where money is lost.
    level : float
        Of both measures, in (0, 1).
    unit : str
        What losses are in, for the axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        How many samples lie in each bin, on a logarithmic axis; shaded bands are the intervals.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        As :func:`levcore.risk.expected_shortfall`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> lc.plot.tail(lc.normals(1, 1_000), level=0.9, unit="USD").get_xlabel()
    'Loss, USD'
    """
    samples = samples_of("losses", losses)
    measures = (
        ("value at risk", value_of(samples, level), SHORT),
        ("expected shortfall", shortfall_of(samples, level), LONG),
    )
    ax = axes_for(ax)
    size, word = scale_of(float(np.abs(samples).max()))
    ax.hist(samples / size, bins=BINS, color="#BDBDBD", log=True, zorder=2)
    few = ", low sample" if measures[1][1].low_sample else ""
    for name, one, colour in measures:
        ax.axvspan(one.low / size, one.high / size, color=colour, alpha=0.22, linewidth=0, zorder=3)
        said = f"{name} {one.value / size:,.4g} ({one.low / size:,.3g} to {one.high / size:,.3g})"
        ax.axvline(one.value / size, color=colour, linewidth=1.8, zorder=4, label=said)
    ax.legend(
        **PLATE, loc="upper right", title=f"level {level:g}, 95 % intervals{few}", title_fontsize=9, alignment="left"
    )
    ax.set_xlabel("Loss" + (f", {word}{unit}" if word + unit else ""))
    ax.set_ylabel("Samples a bin")
    ax.set_ylim(top=8.0 * ax.get_ylim()[1])
    finish(ax)
    return ax


def covar(
    institution: ArrayLike, system: ArrayLike, level: float = 0.99, unit: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the losses of a system over those of an institution, with CoVaR and marginal expected shortfall.

    Parameters
    ----------
    institution, system : array of shape (n,)
        Losses on the same paths, positive where money is lost.
    level : float
        In (0, 1).
    unit : str
        What both are in, for the axes.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A dot a path. Upright bar: the CoVaR at the institution's value at risk, with its interval. Level bar: what the
        institution loses on average on the system's worst paths, those above the broken line.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        As :func:`levcore.risk.covar`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> own, other = lc.normals(1, (2, 1_000))
    >>> lc.plot.covar(own, own + other, level=0.9, unit="USD").get_ylabel()
    'Loss of the system, USD'
    """
    own, whole_system = samples_of("institution", institution), samples_of("system", system)
    tall, wide = covar_of(own, whole_system, level), marginal_of(own, whole_system, level)
    at, worst = value_of(own, level).value, value_of(whole_system, level).value
    ax = axes_for(ax)
    kept = np.linspace(0, len(own) - 1, min(DOTS, len(own))).astype(int)
    ax.plot(own[kept], whole_system[kept], ".", color="#9A9A9A", markersize=2.5, alpha=0.6, zorder=1, rasterized=True)
    ax.axhline(worst, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
    ax.axvline(at, color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)), zorder=2)
    bar: dict[str, Any] = {"capsize": 4, "markersize": 7, "linewidth": 2.0, "zorder": 4}
    words = f"CoVaR {tall.value:.3g} ({tall.low:.3g} to {tall.high:.3g})"
    ax.errorbar(
        at, tall.value, [[tall.value - tall.low], [tall.high - tall.value]], fmt="s", color=LONG, label=words, **bar
    )
    words = f"marginal expected shortfall {wide.value:.3g} ({wide.low:.3g} to {wide.high:.3g})"
    reach = [[wide.value - wide.low], [wide.high - wide.value]]
    ax.errorbar(wide.value, worst, xerr=reach, fmt="o", color=SHORT, label=words, **bar)
    few = ", low sample" if tall.low_sample else ""
    ax.legend(
        **PLATE, loc="upper left", title=f"level {level:g}, 95 % intervals{few}", title_fontsize=9, alignment="left"
    )
    ending = f", {unit}" if unit else ""
    ax.set_xlabel(f"Loss of the institution{ending}")
    ax.set_ylabel(f"Loss of the system{ending}")
    finish(ax)
    return ax


def time_to_liquidation(runs: Runs, q: float = 0.5, ax: Axes | None = None) -> Axes:
    """Draw the share of paths that have seen their first liquidation, by the time since the start.

    Parameters
    ----------
    runs : Runs
        What :func:`levcore.simulate` returned.
    q : float
        The quantile of :func:`levcore.risk.time_to_liquidation` that is marked, in (0, 1).
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The share in %, the band its 95 % interval at each time alone; the level bar is the quantile's own interval.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        As :func:`levcore.risk.time_to_liquidation`.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[3_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 100, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> lc.plot.time_to_liquidation(lc.simulate(book, market, lc.GBM(volatility=1.0), **day)).get_xlabel()
    'Time since the start, hours'
    """
    first = whole(checks.instance("runs", runs, Runs)).first_liquidation
    one = time_of(runs, q)
    seconds = first[~np.isnat(first)] / np.timedelta64(1, "s")
    end = runs.steps * runs.step.total_seconds()
    size, word = next(
        (pair for pair in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")) if end > 2 * pair[0]),
        (1.0, "seconds"),
    )
    times = np.linspace(0.0, end, min(runs.steps, 500) + 1)
    share = np.searchsorted(np.sort(seconds), times, side="right") / runs.paths
    found = [of_share(float(one), runs.paths, 0.95) for one in share]
    low, high = (np.array([getattr(one, end) for one in found]) for end in ("low", "high"))
    ax = axes_for(ax)
    ax.fill_between(times / size, 100.0 * low, 100.0 * high, step="post", color=SHORT, alpha=0.22, linewidth=0)
    ax.step(
        times / size,
        100.0 * share,
        where="post",
        color=SHORT,
        linewidth=1.8,
        label=f"share of {runs.paths:,} paths, with its 95 % interval",
    )
    if math.isfinite(one.value):
        top = min(one.high, end)
        words = f"{q:g} quantile: {one.value / size:.3g} {word}"
        reach = [[(one.value - one.low) / size], [(top - one.value) / size]]
        ax.errorbar(one.value / size, 100.0 * q, xerr=reach, fmt="o", color=LONG, capsize=4, zorder=4, label=words)
    ax.legend(**PLATE, loc="upper left")
    ax.set_ylim(0.0, min(100.0, 1.35 * max(1.0, 100.0 * float(high.max()))))
    ax.set_xlim(0.0, end / size)
    ax.set_xlabel(f"Time since the start, {word}")
    ax.set_ylabel("Paths with a liquidation, %")
    finish(ax)
    return ax


def _rows(ax: Axes, rows: list[tuple[str, Estimate]], by: float, colour: str) -> None:
    for row, (_, one) in enumerate(rows):
        ax.hlines(row, by * one.low, by * one.high, color=colour, linewidth=1.8, zorder=3)
        ax.plot(
            by * one.value, row, "o", color=colour, mfc="white" if one.low_sample else colour, markersize=6, zorder=4
        )
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
