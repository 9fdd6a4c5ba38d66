"""Pictures of a book and of its cascades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from levcore import checks
from levcore.display import money
from levcore.errors import InputError
from levcore.liquidation_map import LiquidationMap
from levcore.plot_style import (
    INK,
    LINES,
    LONG,
    MUTED,
    SCALES,
    SHORT,
    axes_for,
    distance_axis,
    finish,
    price_label,
    signed,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


def liquidation_map(map: LiquidationMap, ax: Axes | None = None) -> Axes:  # noqa: A002
    """Draw where the positions of a book would be liquidated: notional by liquidation price, longs and shorts.

    Parameters
    ----------
    map : LiquidationMap
        What `book.liquidation_map(prices)` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Prices and notional in quote currency; the mark price is the dark line, the upper axis the distance from it.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.

    Notes
    -----
    Each position is drawn at its own liquidation price, others held still: the map is where a cascade finds its fuel,
    not how far it runs. Positions that have no liquidation price are not on it.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import levcore as lc
    >>> from levcore.datasets import binance_tiers
    >>> from levcore.plot import liquidation_map
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=binance_tiers("BTCUSDT"))])
    >>> book = lc.Book.synthetic(venue, size=1_000, prices={"BTC": 60_000.0}, open_interest={"BTC": 5e6}, seed=1)
    >>> liquidation_map(book.liquidation_map({"BTC": 60_000.0})).get_xlabel()
    'BTC price at liquidation, quote currency'
    """
    checks.instance("map", map, LiquidationMap)
    ax = axes_for(ax)
    highest = max(float(np.max(map.long_notional, initial=0.0)), float(np.max(map.short_notional, initial=0.0)))
    unit, word = next(((size, name) for size, name in SCALES if highest >= size), (1.0, ""))
    top = 1.22 * highest / unit if highest > 0 else 1.0
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    inside: dict[str, Any] = {"transform": ax.transAxes, "va": "top", "bbox": plate}
    sides = (
        ("Longs: liquidated as the price falls", map.long_notional, map.long_beyond, LONG, 0.015, "left"),
        ("Shorts: liquidated as the price rises", map.short_notional, map.short_beyond, SHORT, 0.985, "right"),
    )
    for name, notional, beyond, colour, x, align in sides:
        ax.stairs(np.asarray(notional) / unit, map.edges, fill=True, color=colour, alpha=0.85, linewidth=0, label=name)
        ax.text(x, 0.965, name, ha=align, color=colour, weight="bold", size=9.5, **inside)
        amounts = f"{money(float(np.sum(notional)))} here, {money(beyond)} beyond"
        ax.text(x, 0.90, amounts, ha=align, color=MUTED, size=8.5, **inside)
    mark = map.mark_price
    ax.vlines(mark, 0, 0.925 * top, color=INK, linewidth=1.2)
    ax.text(mark, 0.93 * top, f"mark price {price_label(mark)}", ha="center", va="bottom", color=INK, size=8.5)
    ax.set_xlim(map.edges[0], map.edges[-1])
    ax.set_ylim(0, top)
    ax.set_xlabel(f"{map.asset} price at liquidation, quote currency")
    ax.set_ylabel(f"Notional a bin, {word} of quote currency" if word else "Notional a bin, quote currency")
    ax.xaxis.set_major_formatter(lambda value, _: price_label(value))
    finish(ax)
    distance_axis(ax, mark)
    return ax


def amplification(shocks: ArrayLike, outcomes: Any, ax: Axes | None = None) -> Axes:
    """Draw how much a cascade multiplies a shock, against the size of the shock.

    Parameters
    ----------
    shocks : array_like of float, shape (n,)
        Relative price moves, -0.10 for 10 % down.
    outcomes : Outcome, sequence of Outcome, mapping or array_like
        A batch outcome of these shocks, one outcome a shock, {name: n amplifications}, or n amplifications (numbers, 1
        for none).
    ax : matplotlib.axes.Axes, optional
        Where to draw; left out: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A line for each asset; larger shocks to the right where all are downward.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    InputError, KindError
        The two do not have n numbers each.

    Notes
    -----
    Amplification is log(final price / start price) / log(1 + shock); 1 means that nobody's liquidation moved the price.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from levcore.plot import amplification
    >>> amplification([-0.05, -0.10, -0.20], [1.1, 1.3, 2.0]).get_ylabel()
    'Amplification, log final move / log shock'
    """
    sizes = checks.column("shocks", shocks)
    lines = {name: checks.column("outcomes", values) for name, values in _values(outcomes).items()}
    if not sizes.size or not lines:
        raise InputError(f"shocks and outcomes must not be empty, had {sizes.size} and {len(lines)}")
    for values in lines.values():
        checks.same_length(shocks=sizes, outcomes=values)
    ax = axes_for(ax)
    order = np.argsort(sizes)
    dots: dict[str, Any] = {"marker": "o", "markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.7}
    ax.axhline(1.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    for row, (name, values) in enumerate(lines.items()):
        colour = LINES[row % len(LINES)]
        ax.plot(100 * sizes[order], values[order], color=colour, linewidth=2.0, label=name, zorder=3, **dots)
    margin = 2.0 * (float(np.ptp(sizes)) or 1.0)
    left, right = 100 * float(sizes.min()) - margin, 100 * float(sizes.max()) + margin
    ax.set_xlim(*((max(right, 0.0), left) if (sizes <= 0).all() else (left, right)))
    known = np.concatenate([values[np.isfinite(values)] for values in lines.values()])
    low, high = float(np.min(known, initial=1.0)), float(np.max(known, initial=1.05))
    ax.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
    note: dict[str, Any] = {"ha": "right", "va": "bottom", "color": MUTED, "size": 8.5}
    ax.text(0.99, 1.0, "no amplification", transform=ax.get_yaxis_transform(), **note)
    ax.set_xlabel("Shock to the price, %")
    ax.set_ylabel("Amplification, log final move / log shock")
    ax.xaxis.set_major_formatter(lambda value, _: signed(value, ""))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}\N{MULTIPLICATION SIGN}")
    finish(ax)
    if len(lines) > 1:
        ax.legend(frameon=False, fontsize=9, loc="upper left")
    return ax


def _values(outcomes: Any) -> dict[str, Any]:
    """Amplifications by the name of their line."""
    if isinstance(outcomes, Mapping):
        return dict(outcomes)
    if hasattr(outcomes, "amplification"):
        return {name: np.atleast_1d(values) for name, values in outcomes.amplification.items()}
    if isinstance(outcomes, Sequence) and outcomes and all(hasattr(one, "amplification") for one in outcomes):
        return {name: [one.amplification[name] for one in outcomes] for name in outcomes[0].amplification}
    return {"": outcomes}
