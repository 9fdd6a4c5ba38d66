"""Replay two crashes and write a picture and a Markdown table of each: predicted liquidations by hour, and their range.

    python docs/studies/replay_crashes.py DATA --out docs/images

DATA is a folder of recorded bars, CSV compressed by gzip: `ts_ms` (when a bar opened, UTC, epoch milliseconds),
`symbol`, `open`, `high`, `low`, `close`, `volume` (base units). The files wanted are named in crashes.py.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from crashes import BOOKS, CRASHES, HOURS, LONG, POSITIONS, SHORT, VARIANTS, Floats, Study, study
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from levcore import plot

RECORDED, IMPACT, THIN = 0, 1, 2  # places in VARIANTS
DASH = "\N{WORD JOINER}\N{EN DASH}\N{WORD JOINER}"  # where a line does not break
LEGEND: dict[str, Any] = {"fontsize": 9, "facecolor": "white", "edgecolor": "none", "framealpha": 1.0}


def spread(values: Floats, unit: float, digits: int) -> str:
    """Say a median over books, and below it their least and most."""
    middle, least, most = (f"{f(values) / unit:,.{digits}f}" for f in (np.median, np.min, np.max))
    return middle if least == most else f"{middle}<br>{least}{DASH}{most}"


def hour_table(of: Study) -> list[str]:
    """Return the table by hour, in millions."""
    head = ["UTC", *(f"{asset} low, %" for asset in of.bars)]
    head += [f"{side}, {what}" for side in ("longs", "shorts") for what in ("as recorded", "with impact")]
    rows = [[*head, *(["Aave v2"] if of.loans is not None else [])]]
    total = of.notional.sum(axis=2)
    for hour in range(HOURS):
        row = [f"{hour:02d}:00", *lows(of, hour)]
        for side in (LONG, SHORT):
            row += [spread(total[variant, :, hour, side], 1e6, 0) for variant in (RECORDED, IMPACT)]
        rows.append(row if of.loans is None else [*row, f"{of.loans[hour] / 1e6:,.1f}"])
    return markdown(rows)


def lows(of: Study, hour: int) -> list[str]:
    """Say each asset's lowest price of an hour against its first of the day."""
    start = np.datetime64(of.crash.day) + np.timedelta64(hour, "h")
    said = []
    for bars in of.bars.values():
        now = bars.between(start, start + np.timedelta64(1, "h"))
        fall = f"{100.0 * (now.low.min() / bars.open[0] - 1.0):+.1f}" if len(now) else "no record"
        said.append(fall.replace("-", "\N{MINUS SIGN}"))
    return said


def day_table(of: Study) -> list[str]:
    """Return the table of the day's totals, in billions."""
    rows = [["", *(f"{asset} {side}" for asset in of.bars for side in ("longs", "shorts"))]]
    day = of.notional.sum(axis=3)
    for v, variant in enumerate(VARIANTS):
        each = [spread(day[v, :, a, side], 1e9, 2) for a in range(len(of.bars)) for side in (LONG, SHORT)]
        rows.append([f"liquidated, {variant.name}", *each])
    for v in (RECORDED, IMPACT, THIN):
        falls = [1.0 - of.lowest[v, :, a] / bars.open[0] for a, bars in enumerate(of.bars.values())]
        cells = [cell for fall in falls for cell in (spread(fall, 0.01, 1), "")]
        rows.append([f"deepest fall of the price in %, {VARIANTS[v].name}", *cells])
    interest = of.crash.open_interest
    rows.append(["reported", *(cell for asset in of.bars for cell in (of.crash.reported[asset], ""))])
    rows.append(["open interest before", *(f"{interest[asset] / 1e9:,.1f}" for asset in of.bars for _ in range(2))])
    return markdown(rows)


def markdown(rows: list[list[str]]) -> list[str]:
    """Return rows as a Markdown table; numbers stand to the right."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], f"| --- |{' ---: |' * (len(rows[0]) - 1)}", *lines[1:]]


def page(of: Study) -> str:
    """Return the tables of a crash."""
    books = of.notional.shape[1]
    said = f"median of {books} drawn books (seeds 1 to {books}), least and most below it"
    by_hour = (
        f"Liquidated notional of {of.crash.title} by hour, {' and '.join(of.bars)} together, millions of US dollars"
    )
    by_day = "The day as a whole, billions of US dollars"
    lines = [f"{by_hour}: {said}.", "", *hour_table(of), "", f"{by_day}: {said}.", "", *day_table(of)]
    return "\n".join(lines) + "\n"


def picture(of: Study) -> Figure:
    """Draw prices, liquidated notional by hour and side, and recorded liquidations of loans where there are any."""
    heights = [1.0, 1.7, *([0.8] if of.loans is not None else [])]
    figure = Figure(figsize=(plot.SIZE[0], 1.75 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    draw_prices(axes[0], of)
    draw_notional(axes[1], of)
    if of.loans is not None:
        axes[2].bar(np.arange(HOURS) + 0.5, of.loans / 1e6, width=0.86, color=plot.LINES[2])
        caption(axes[2], "Recorded: collateral of loans liquidated on Aave v2, millions of US dollars")
    axes[-1].set_xlim(0, HOURS)
    axes[-1].set_xticks(range(0, HOURS + 1, 3), [f"{hour:02d}:00" for hour in range(0, HOURS + 1, 3)])
    axes[-1].set_xlabel(f"Hour of {of.crash.title}, UTC")
    for ax in axes:
        plot._style(ax)
    return figure


def draw_prices(ax: Axes, of: Study) -> None:
    """Draw each asset's price against its first of the day, the span of its bars behind it."""
    for (asset, bars), colour in zip(of.bars.items(), (plot.INK, plot.LINES[3]), strict=True):
        hour = (bars.time - np.datetime64(of.crash.day)) / np.timedelta64(1, "h")
        level = [100 * (column / bars.open[0] - 1.0) for column in (bars.low, bars.high, bars.close)]
        ax.fill_between(hour, level[0], level[1], color=colour, alpha=0.25, linewidth=0)
        ax.plot(hour, level[2], color=colour, linewidth=1.0, label=asset)
    caption(ax, "Recorded prices against the first of the day, %")
    ax.legend(**LEGEND, loc="lower right", ncols=2)


def draw_notional(ax: Axes, of: Study) -> None:
    """Draw longs upward and shorts downward: bars as recorded with their range, a line with the impact on top."""
    total, middle = of.notional.sum(axis=2) / 1e9, np.arange(HOURS) + 0.5
    dashed: dict[str, Any] = {"color": plot.INK, "linewidth": 1.0, "linestyle": (0, (3, 2))}
    for side, sign, colour, name in ((LONG, 1, plot.LONG, "longs"), (SHORT, -1, plot.SHORT, "shorts, downward")):
        recorded, impact = (sign * total[variant, :, :, side] for variant in (RECORDED, IMPACT))
        height, top = np.median(recorded, axis=0), np.median(impact, axis=0)
        ax.bar(middle, height, width=0.86, color=colour, alpha=0.8, label=f"{name}: prices as recorded")
        ends = recorded.min(axis=0), recorded.max(axis=0)
        lines = ax.vlines(np.where(height == 0.0, np.nan, middle), *ends, color=plot.INK, linewidth=1.4)
        stairs = ax.stairs(np.where((top == 0.0) & (height == 0.0), np.nan, top), np.arange(HOURS + 1), **dashed)
    lines.set_label("least to most of the drawn books")
    stairs.set_label("with impact on top")
    ax.axhline(0.0, color=plot.MUTED, linewidth=0.8)
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: not isinstance(handles[i], BarContainer))
    ax.legend([handles[i] for i in order], [labels[i] for i in order], **LEGEND, loc="upper right")
    caption(ax, f"Predicted: liquidated notional an hour, {' and '.join(of.bars)} together, billions of US dollars")


def caption(ax: Axes, words: str) -> None:
    """Say above the axes what they show."""
    ax.set_title(words, loc="left", size=9.5, color=plot.INK)


def main(arguments: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of recorded bars")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="where pictures and tables go")
    parser.add_argument("--books", type=int, default=BOOKS, help="how many are drawn")
    parser.add_argument("--positions", type=int, default=POSITIONS, help="per asset and book")
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        parser.error(f"{options.data} is no folder")
    options.out.mkdir(parents=True, exist_ok=True)
    for crash in CRASHES:
        before = time.perf_counter()
        done = study(options.data, crash, books=options.books, positions=options.positions)
        place = options.out / f"replay-{crash.day}"
        picture(done).savefig(place.with_suffix(".png"), dpi=150)
        place.with_suffix(".md").write_text(page(done), encoding="utf-8")
        print(f"{place}.png, {place}.md: {time.perf_counter() - before:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
