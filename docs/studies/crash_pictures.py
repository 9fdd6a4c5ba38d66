"""Pictures of a study: prices, liquidations by hour, and by day beside what was recorded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from crash_data import missing
from crash_replays import CAREFUL, LEAST, LONG, RETAIL, SHORT, VARIANTS, Study
from crash_tables import within
from crash_windows import HOUR, Recorded, Reported
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from levcore import plot_style as plot

LEGEND: dict[str, Any] = {"fontsize": 9, "facecolor": "white", "edgecolor": "none", "framealpha": 1.0}
MIXES = ((RETAIL, "o", plot.LINES[1]), (CAREFUL, "s", plot.LINES[2]), (LEAST, "^", plot.LINES[0]))
ASSETS = (plot.INK, plot.LINES[3], plot.LINES[4], plot.LINES[5], plot.LINES[2], plot.LINES[0])


def picture(of: Study) -> Figure:
    """Draw prices, liquidated notional by hour and side, and what was recorded and reported where there is any."""
    heights = [1.9, 2.8, *([2.2] * len(of.window.recorded))]
    reports = [0.6 + 0.75 * len(of.window.reported)] if of.window.reported else []
    size = plot.SIZE[0], sum(heights) + 0.5 + sum(reports) * 1.5
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(hspace=0.03, h_pad=0.06)
    rows = figure.add_gridspec(len(heights) + len(reports), 1, height_ratios=[*heights, *reports])
    first = figure.add_subplot(rows[0])
    axes = [first, *(figure.add_subplot(rows[row], sharex=first) for row in range(1, len(heights)))]
    draw_prices(axes[0], of)
    draw_hours(axes[1], of)
    for ax, recorded in zip(axes[2:], of.window.recorded, strict=True):
        draw_recorded(ax, of, recorded)
    for ax in axes:
        plot.finish(ax)
        ax.tick_params(labelbottom=ax is axes[-1])
    first.set_xlim(0, of.window.hours)
    first.set_xticks(*ticks(of))
    axes[-1].set_xlabel("UTC")
    if reports:
        ax = figure.add_subplot(rows[-1])
        plot.finish(ax)
        draw_reports(ax, of)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color=plot.GRID)
    return figure


def ticks(of: Study) -> tuple[list[int], list[str]]:
    """Return places and words of the time axis: midnights, and noons or more where there is room."""
    hours = of.window.hours
    each = 24 if hours > 96 else (12 if hours > 48 else (6 if hours > 24 else (3 if hours > 6 else 1)))
    start = of.window.start
    first = -int((start - start.astype("datetime64[D]")) / HOUR) % each
    places = list(range(first, hours + 1, each))
    words = []
    for at in places:
        moment = (start + at).astype("datetime64[m]").item()
        words.append(f"{moment:%H:%M}" if moment.hour else f"{moment.day} {moment:%b}\n{moment:%Y}")
    return places, words


def draw_prices(ax: Axes, of: Study) -> None:
    """Draw each asset's price against its first of the window, the span of its bars behind it; gaps stay open."""
    for (asset, bars), colour in zip(of.bars.items(), ASSETS * len(of.bars), strict=False):
        for part in bars.parts():
            opened = (part.time - of.window.start) / HOUR
            closed = opened + bars.step / HOUR
            level = [100 * (column / of.before[asset].price - 1.0) for column in (part.low, part.high, part.close)]
            span = np.column_stack([opened, closed]).ravel()
            ax.fill_between(span, *(np.repeat(one, 2) for one in level[:2]), color=colour, alpha=0.25, linewidth=0)
            ax.plot(closed, level[2], color=colour, linewidth=1.0, label=asset)
        for start, end in missing(bars, of.window):
            ends = (start - of.window.start) / HOUR, (end - of.window.start) / HOUR
            ax.axvspan(*ends, facecolor="none", edgecolor=colour, alpha=0.3, hatch="//", label=f"no record of {asset}")
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    ax.legend(once.values(), once.keys(), **LEGEND, loc="best", ncols=len(once))
    caption(ax, "Recorded prices against the first of the window, %")


def draw_hours(ax: Axes, of: Study) -> None:
    """Draw longs upward and shorts downward, with their range."""
    total, middle = of.notional[RETAIL].sum(axis=1), np.arange(of.window.hours) + 0.5
    unit, word = scale(float(total.max()))
    for side, sign, colour, name in ((LONG, 1, plot.LONG, "longs"), (SHORT, -1, plot.SHORT, "shorts, downward")):
        found = sign * total[:, :, side] / unit
        height = np.median(found, axis=0)
        ax.bar(middle, height, width=0.86, color=colour, alpha=0.85, label=name)
        ends = found.min(axis=0), found.max(axis=0)
        thin = min(1.4, 90.0 / of.window.hours)
        lines = ax.vlines(np.where(height == 0.0, np.nan, middle), *ends, color=plot.INK, linewidth=thin)
    lines.set_label("least to most of the drawn books")
    ax.axhline(0.0, color=plot.MUTED, linewidth=0.8)
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: not isinstance(handles[i], BarContainer))
    ax.legend([handles[i] for i in order], [labels[i] for i in order], **LEGEND, loc="best")
    caption(ax, f"Replayed: notional liquidated an hour, {together(of)}, {word}")


def draw_recorded(ax: Axes, of: Study, recorded: Recorded) -> None:
    """Draw what was recorded: by hour; by day where it is an asset's, beside what books of each leverage lose of it."""
    amounts = of.recorded[recorded.name] / 1e6
    if recorded.asset is None:
        ax.bar(np.arange(of.window.hours), amounts, 0.86, align="edge", color=plot.MUTED)
        caption(ax, f"Recorded an hour, millions of US dollars: {recorded.name}")
        return
    days = list(of.window.days().values())
    starts, widths = [hours.start for hours in days], [hours.stop - hours.start for hours in days]
    by_day = [amounts[hours].sum() for hours in days]
    ax.bar(starts, by_day, widths, align="edge", color=plot.GRID, edgecolor=plot.MUTED, label="recorded")
    asset = [one.name for one in of.window.assets].index(recorded.asset)
    total = of.notional[:, :, asset].sum(axis=3) / 1e6
    highest = max(by_day)
    for shift, (v, mark, colour) in zip((0.3, 0.5, 0.7), MIXES, strict=True):
        each = np.array([total[v][:, hours].sum(axis=1) for hours in days])
        where = np.add(starts, np.multiply(shift, widths))
        ax.vlines(where, each.min(axis=1), each.max(axis=1), color=colour, linewidth=1.4)
        ax.plot(where, np.median(each, axis=1), mark, color=colour, markersize=5, label=VARIANTS[v].name)
        highest = max(highest, each.max())
    ax.set_ylim(0.0, 1.3 * highest)
    ax.legend(**LEGEND, loc="upper right", ncols=4)
    caption(ax, f"Recorded a day, millions of US dollars: {recorded.name}; and {recorded.asset} replayed")


def draw_reports(ax: Axes, of: Study) -> None:
    """Draw each reported figure beside what books of each leverage lose in its hours, on a scale of powers of ten."""
    reports = of.window.reported
    rows = np.arange(len(reports))[::-1]
    seen: list[float] = []
    for shift, (v, mark, colour) in zip((0.18, 0.0, -0.18), MIXES, strict=True):
        each = np.array([within(of, one)[v] for one in reports]) / 1e6
        middle, ends = np.median(each, axis=1), np.array([each.min(axis=1), each.max(axis=1)])
        ax.hlines(rows + shift, np.maximum(ends[0], 1e-9), np.maximum(ends[1], 1e-9), color=colour, linewidth=1.6)
        ax.plot(np.where(middle > 0, middle, np.nan), rows + shift, mark, color=colour, label=VARIANTS[v].name)
        seen += [*ends[ends > 0]]
    for row, one in zip(rows, reports, strict=True):
        low, high = one.low / 1e6, one.high / 1e6
        ax.plot([low, high], [row, row], "|-", color=plot.INK, linewidth=3.0, markersize=24, markeredgewidth=2.5)
        seen += [low, high]
    ax.plot([], [], "|", color=plot.INK, markersize=12, markeredgewidth=2.5, label="reported")
    ax.set_xscale("log")
    least = max(min(seen), 1e-4 * max(seen))
    ax.set_xlim(10.0 ** math.floor(math.log10(0.999 * least)), 10.0 ** math.ceil(math.log10(1.001 * max(seen))))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(rows, [f"{whose(one)}\n{short(one.start)}\nto {short(one.end)}" for one in reports], fontsize=9)
    ax.set_ylim(-0.6, len(reports) - 0.4)
    ax.set_xlabel("Liquidated notional in these hours, millions of US dollars (powers of ten)")
    ax.legend(**LEGEND, loc="upper center", bbox_to_anchor=(0.45, -0.42 if len(reports) == 1 else -0.3), ncols=4)
    caption(ax, "Reported, and replayed by leverage: median, least to most of the drawn books")


def whose(one: Reported) -> str:
    """Say the asset, and the side where there is one."""
    return one.asset if one.side == "both" else f"{one.asset} {one.side}s"


def short(moment: np.datetime64) -> str:
    """Say an hour without its year."""
    return f"{moment.item():%d %b %H:%M}"


def together(of: Study) -> str:
    """Say the assets."""
    names = [asset.name for asset in of.window.assets]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} together"


def scale(largest: float) -> tuple[float, str]:
    """Return a unit and its name."""
    return (1e9, "billions of US dollars") if largest >= 1e9 else (1e6, "millions of US dollars")


def caption(ax: Axes, words: str) -> None:
    """Say above the axes what they show."""
    ax.set_title(words, loc="left", size=9.5, color=plot.INK)
