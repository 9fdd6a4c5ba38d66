"""Pictures of where a book is unstable, and of what an attack on it earns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.plot_style import (
    INK,
    LINES,
    LONG,
    MUTED,
    axes_for,
    distance_axis,
    finish,
    price_label,
    scale_of,
)
from levcore.study_exploitation import Exploitation
from levcore.study_stability import StabilityMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

MOST_LABELS = 8
LOWEST, HIGHEST = 0.03, 30.0  # branching ratios beyond which colours do not change


def stability_map(map: StabilityMap, ax: Axes | None = None) -> Axes:  # noqa: A002
    """Draw the branching ratio of a book over price and depth.

    Parameters
    ----------
    map : StabilityMap
        What :func:`levcore.study.stability_map` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Prices in quote currency, depth in multiples of the market's; within the white line a price runs on by itself.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.

    Notes
    -----
    Colours are those of cividis, which rises in brightness alone for colour-blind readers, by the ratio's logarithm.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> found = lc.study.StabilityMap("BTC", 100.0, 0.01, [90.0, 100.0], [1.0, 2.0], np.array([[1.5, 0.2], [0.8, 0.1]]))
    >>> lc.plot.stability_map(found).get_xlabel()
    'BTC price, quote currency'
    """
    from matplotlib.colors import LogNorm

    checks.instance("map", map, StabilityMap)
    ax = axes_for(ax)
    ratios = np.clip(map.ratios, LOWEST, HIGHEST)
    edges = _between(np.asarray(map.prices, dtype=np.float64))
    bands = np.exp(_between(np.log(map.depths)))
    drawn = ax.pcolormesh(edges, bands, ratios, cmap="cividis", norm=LogNorm(LOWEST, HIGHEST), rasterized=True)
    unstable = np.asarray(map.ratios) >= 1.0
    _outline(ax, edges, bands, unstable)
    bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02)
    bar.set_ticks([0.1, 1.0, 10.0], labels=["0.1", "1", "10"])
    bar.set_label(f"Branching ratio, windows of {100 * map.window:g} %", size=9, color=INK)
    bar.ax.axhline(1.0, color="white", linewidth=2.0)
    bar.ax.tick_params(labelsize=8.5, labelcolor=INK, color=MUTED)
    ax.vlines(map.mark_price, bands[0], bands[-1], color="white", linewidth=1.0, linestyle=(0, (4, 3)))
    ax.set_yscale("log")
    many = len(map.depths) > MOST_LABELS
    marked = 2.0 ** np.arange(np.ceil(np.log2(bands[0])), np.log2(bands[-1])) if many else map.depths
    ax.set_yticks(marked, [f"{depth:g}\N{MULTIPLICATION SIGN}" for depth in marked])
    ax.minorticks_off()
    ax.set_ylim(bands[0], bands[-1])
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel(f"{map.asset} price, quote currency")
    ax.set_ylabel("Depth, multiples of the market's")
    ax.xaxis.set_major_formatter(lambda value, _: price_label(value))
    finish(ax)
    ax.grid(visible=False)
    distance_axis(ax, map.mark_price)
    return ax


def _between(middles: Floats) -> Floats:
    """Return the edges of cells with these middles."""
    half = np.diff(middles) / 2.0 if len(middles) > 1 else np.array([0.5])
    edges: Floats = np.concatenate(
        [[middles[0] - half[0]], middles[:-1] + half[: len(middles) - 1], [middles[-1] + half[-1]]]
    )
    return edges


def _outline(ax: Axes, edges: Any, bands: Any, inside: Any) -> None:
    """Draw the border of a part of a grid of cells."""
    style: dict[str, Any] = {"color": "white", "linewidth": 1.6, "zorder": 3}
    for row, place in zip(*np.nonzero(inside[:, 1:] != inside[:, :-1]), strict=True):
        ax.plot([edges[place + 1]] * 2, [bands[row], bands[row + 1]], **style)
    for row, place in zip(*np.nonzero(inside[1:] != inside[:-1]), strict=True):
        ax.plot([edges[place], edges[place + 1]], [bands[row + 1]] * 2, **style)


def exploitation(found: Exploitation, ax: Axes | None = None) -> Axes:
    """Draw what it earns to push the price into liquidations, by the size of the push, a line for each depth.

    Parameters
    ----------
    found : Exploitation
        What :func:`levcore.study.exploitation` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Profit after fees and half-spread, quote currency, over the attacker's order, base units; above zero it pays.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.

    Notes
    -----
    Where profits are far larger than losses, or losses than profits, the scale is linear around zero and logarithmic
    beyond.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> one = np.array([[-5.0, 3.0]])
    >>> lc.plot.exploitation(lc.study.Exploitation("BTC", [-1.0, -2.0], [1.0], one, one, one, one)).get_xlabel()
    'Order that pushes the price, BTC sold'
    """
    checks.instance("found", found, Exploitation)
    ax = axes_for(ax)
    sizes, profit = np.asarray(found.sizes, dtype=np.float64), np.asarray(found.profit, dtype=np.float64)
    unit, word = scale_of(float(np.abs(profit).max()))
    order = np.argsort(np.abs(sizes))
    x = np.abs(sizes[order])
    for row, depth in enumerate(found.depths):
        y, colour = profit[row, order] / unit, LINES[row % len(LINES)]
        pays = "pays" if y.max() > 0.0 else "does not pay"
        label = f"{depth:g}\N{MULTIPLICATION SIGN} the depth: {pays}"
        for sign, style in ((-1.0, "-"), (1.0, "--" if (sizes < 0.0).any() else "-")):  # sells, buys
            some = sign * sizes[order] > 0.0
            if some.any():
                ax.plot(x[some], y[some], style, color=colour, linewidth=1.8, label=label, zorder=3)
                label = ""
        best = int(np.argmax(y))
        ax.plot(x[best], y[best], "o" if y[best] > 0.0 else "x", color=colour, markersize=7, zorder=4)
    ax.axhline(0.0, color=INK, linewidth=1.0, zorder=2)
    least = min(
        float(np.abs(profit[profit > 0.0]).max(initial=0.0)), float(np.abs(profit[profit < 0.0]).max(initial=0.0))
    )
    if 0.0 < 20.0 * least < float(np.abs(profit).max()):
        ax.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(least / unit)))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    top = 1.4 * ax.get_ylim()[1]
    if top > 0.0:
        ax.axhspan(0.0, top, color=LONG, alpha=0.06, linewidth=0)
        ax.set_ylim(top=top)
    if x.min() > 0.0 and x.max() / x.min() >= 20.0:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    way = "sold" if (sizes < 0.0).all() else "bought" if (sizes > 0.0).all() else "bought (broken lines) or sold"
    ax.set_xlabel(f"Order that pushes the price, {found.asset} {way}")
    ax.set_ylabel(f"Profit after costs, {word}quote currency")
    ax.legend(frameon=False, fontsize=8.5)
    finish(ax)
    return ax
