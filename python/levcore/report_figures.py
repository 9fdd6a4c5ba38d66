"""The figures of a report as JSON for plotly: what a figure is, its style, and the figures of prices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore.display import money, plural, price
from levcore.liquidation_map import LiquidationMap
from levcore.plot import GRID, INK, LINES, LONG, MUTED, SCALES, SHORT
from levcore.report_numbers import rounded, signed

Floats = npt.NDArray[np.float64]

FAN = "#0072B2"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'
AXIS = {
    "gridcolor": GRID,
    "zeroline": False,
    "showline": False,
    "ticks": "",
    "automargin": True,
    "tickfont": {"color": "#444444", "size": 12},
    "title": {"font": {"color": "#444444", "size": 13}, "standoff": 8},
    "fixedrange": False,
}
TEMPLATE = {
    "font": {"family": FONT, "size": 13, "color": INK},
    "colorway": list(LINES),
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "margin": {"l": 8, "r": 14, "t": 34, "b": 8},
    "showlegend": False,
    "bargap": 0.06,
    "dragmode": False,
    "hovermode": "closest",
    "hoverlabel": {
        "bgcolor": "#ffffff",
        "bordercolor": "#b8b8b8",
        "font": {"family": FONT, "size": 13, "color": INK},
        "align": "left",
    },
    "xaxis": {**AXIS, "showgrid": False, "showline": True, "linecolor": MUTED, "ticks": "outside", "tickcolor": MUTED},
    "yaxis": AXIS,
}
BANDS = ((0.01, 0.99, 0.14), (0.05, 0.95, 0.20), (0.25, 0.75, 0.34))
MOST_POINTS = 400
FEWEST_FOR_QUANTILES = 20


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure as the page shows it, or a statement where there is nothing to draw.

    `picture` is one in a data address, in the place of what plotly draws. `key` pairs a name with its colour and the
    shape of its swatch; `width` is "full", "half" or "third" of the page.
    """

    name: str
    title: str
    caption: str
    alt: str = ""
    json: str = ""
    picture: str = ""
    statement: str = ""
    key: tuple[tuple[str, str, str], ...] = ()
    width: str = "full"
    tall: bool = False


def liquidation_map(chart: LiquidationMap, numeraire: str, name: str) -> Figure:
    """Draw notional by liquidation price, around the mark."""
    asset, mark = escape(chart.asset), chart.mark_price
    title = f"Where {chart.asset} positions are liquidated"
    if not (chart.long_notional.any() or chart.short_notional.any()):
        near = f"between {price(chart.edges[0])} and {price(chart.edges[-1])} {numeraire}"
        return Figure(name=name, title=title, caption="", statement=f"No {chart.asset} position is liquidated {near}")
    unit, word = unit_of(chart.long_notional, chart.short_notional)
    centres, widths = (chart.edges[1:] + chart.edges[:-1]) / 2, np.diff(chart.edges)
    bars = [
        {
            "type": "bar",
            "x": centres,
            "y": values / unit,
            "width": widths,
            "name": side,
            "marker": {"color": colour, "line": {"width": 0}},
            "customdata": [
                f"{price(low)} to {price(high)} ({signed(100 * (middle / mark - 1))} %)<br>{side}: {money(value)}"
                for low, high, middle, value in zip(chart.edges, chart.edges[1:], centres, values, strict=False)
            ],
            "hovertemplate": "%{customdata} " + escape(numeraire) + "<extra></extra>",
        }
        for side, colour, values in (("longs", LONG, chart.long_notional), ("shorts", SHORT, chart.short_notional))
    ]
    x = {"title": {"text": f"{asset} price at liquidation, {escape(numeraire)}"}}
    layout = {
        "barmode": "overlay",
        "bargap": 0,
        "xaxis": {**x, **distances(chart), "range": [float(chart.edges[0]), float(chart.edges[-1])]},
        "yaxis": {"rangemode": "tozero"},
        "shapes": [line(x0=mark, x1=mark, y0=0, y1=1, yref="paper", colour=INK)],
        "annotations": [
            unit_note(f"Notional a bin, {word}{escape(numeraire)}"),
            {"x": mark, "y": 1, "yref": "paper", "text": f"mark {price(mark)}", "showarrow": False, "yanchor": "top",
             "xanchor": "left", "xshift": 5, "bgcolor": "rgba(255,255,255,0.85)", "font": {"size": 12}},
        ],
    }  # fmt: skip
    amounts = {"longs": (chart.long_notional, chart.long_beyond), "shorts": (chart.short_notional, chart.short_beyond)}
    said = "; ".join(
        f"{side} {money(float(inside.sum()))} {numeraire} in the picture, {money(beyond)} beyond it"
        for side, (inside, beyond) in amounts.items()
    )
    return Figure(
        name=name,
        title=title,
        caption=f"Notional at each position's own liquidation price, others held still: {said}. A falling price works "
        "its way to the left through the longs, a rising one to the right through the shorts.",
        alt=f"Bars of notional by {chart.asset} liquidation price around the mark price {price(mark)}: {said}.",
        json=as_json(bars, layout),
        key=(("longs", LONG, "box"), ("shorts", SHORT, "box"), ("mark price at the start", INK, "line")),
    )


def distances(chart: LiquidationMap) -> dict[str, Any]:
    """Return ticks at round distances from the mark, few enough for a phone."""
    mark = chart.mark_price
    reach = 100 * min(chart.edges[-1] / mark - 1, 1 - chart.edges[0] / mark)
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 25) if reach // s <= 2), 50)
    moves = step * np.arange(-(reach // step), reach // step + 1)
    prices = (rounded(mark * (1 + move / 100), 5) for move in moves)
    prices = (said.rstrip("0").rstrip(".") if "." in said else said for said in prices)
    texts = [f"{said}<br>{signed(move)} %" for said, move in zip(prices, moves, strict=True)]
    return {"tickvals": mark * (1 + moves / 100), "ticktext": texts}


def fan(kept: Any, asset: str, start: float, numeraire: str, worst: int, name: str) -> Figure:
    """Draw quantiles of the mark price over time and the worst path; where paths are few, each of them."""
    marks = np.asarray(kept.mark_price[asset])
    picked = np.unique(np.linspace(0, marks.shape[1] - 1, min(marks.shape[1], MOST_POINTS)).astype(int))
    elapsed, unit = in_units(kept.time)
    x = np.concatenate([[0.0], elapsed[picked]])
    lines = np.hstack([np.full((len(marks), 1), start), marks[:, picked]])
    many = plural(len(marks), "path")
    if len(marks) < FEWEST_FOR_QUANTILES:
        traces = [_course(x, line, FAN, 1.25, "skip") for line in lines]
        low, high = (rounded(float(edge), 4) for edge in (lines[:, -1].min(), lines[:, -1].max()))
        said = (
            f"{many}, ending at {low} {numeraire}"
            if low == high
            else f"{many}, ending between {low} and {high} {numeraire}"
        )
        key: tuple[tuple[str, str, str], ...] = (("paths", FAN, "line"),)
    else:
        bands = [band for band in BANDS if band[0] * len(marks) >= 1]
        traces, last = _bands(x, lines, bands, unit)
        held = ", ".join(f"{100 * (high - low):.0f}" for low, high, _ in reversed(bands))
        key = (("median", FAN, "line"), (f"{held} % of paths", "rgba(0,114,178,0.4)", "box"))
        said = (
            f"Quantiles of {many} at each moment: the median ends at {last[0.5]} {numeraire}, nine paths in ten between"
            f" {last[0.05]} and {last[0.95]}"
        )
    at = len(traces) if len(marks) < FEWEST_FOR_QUANTILES else -1  # the median lies on top, for it answers the pointer
    traces.insert(at, _course(x, lines[worst], INK, 1.5, "skip"))
    layout = {
        "hovermode": "x",
        "xaxis": {"title": {"text": f"Time since the start, {unit}"}, "range": [0, float(x[-1])]},
        "yaxis": {"tickformat": digits(lines)},
        "annotations": [unit_note(f"Mark price of {escape(asset)}, {escape(numeraire)}")],
    }
    return Figure(
        name=name,
        title=f"Mark prices of {asset}",
        caption=f"{said}.",
        alt=f"Lines of the mark price of {asset} over time. {said}.",
        json=as_json(traces, layout),
        key=(*key, ("the worst path", INK, "line")),
    )


def _course(x: Floats, y: Floats, colour: str, width: float, hover: str) -> dict[str, Any]:
    line = {"color": colour, "width": width}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": hover}


def _bands(
    x: Floats, lines: Floats, bands: list[tuple[float, float, float]], unit: str
) -> tuple[list[dict[str, Any]], dict[float, str]]:
    """Return the bands and the median as traces, the median last, and where quantiles end."""
    levels = sorted({level for low, high, _ in bands for level in (low, high)} | {0.5})
    rows = dict(zip(levels, np.quantile(lines, levels, axis=0), strict=True))
    traces: list[dict[str, Any]] = []
    for low, high, strength in bands:
        fill = {"fill": "tonexty", "fillcolor": f"rgba(0,114,178,{strength})"}
        traces += [_course(x, rows[low], FAN, 0, "skip"), {**_course(x, rows[high], FAN, 0, "skip"), **fill}]
    hover = [
        f"{at:.3g} {unit} in<br>median {rounded(middle, 5)}<br>90 % of paths: {rounded(low, 5)} to {rounded(high, 5)}"
        for at, middle, low, high in zip(x, rows[0.5], rows[0.05], rows[0.95], strict=True)
    ]
    median = _course(x, rows[0.5], FAN, 2.5, "all")
    traces.append({**median, "customdata": hover, "hovertemplate": "%{customdata}<extra></extra>"})
    return traces, {level: rounded(float(row[-1]), 4) for level, row in rows.items()}


def in_units(time: Any) -> tuple[Floats, str]:
    """Return times since the start in a unit that suits the last of them, and its name."""
    seconds = np.asarray(time) / np.timedelta64(1, "s")
    size, unit = next(
        ((s, w) for s, w in ((86400, "days"), (3600, "hours"), (60, "minutes")) if seconds[-1] >= 3 * s), (1, "seconds")
    )
    return seconds / size, unit


def unit_of(*columns: Floats) -> tuple[float, str]:
    """Return the unit that amounts are drawn in, and its words."""
    highest = max((float(np.max(np.abs(column), initial=0.0)) for column in columns), default=0.0)
    size, word = next(((size, name) for size, name in SCALES if highest >= size), (1.0, ""))
    return size, f"{word} of " if word else ""


def unit_note(text: str, at: float = 1.0) -> dict[str, Any]:
    """Return the annotation above an axis that says what it measures."""
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": at, "xanchor": "left", "yanchor": "bottom", "yshift": 8}
    return {**place, "text": text, "showarrow": False, "font": {"size": 12.5, "color": "#444444"}}


def line(*, colour: str, dash: str = "solid", **place: Any) -> dict[str, Any]:
    """Return a straight line."""
    return {"type": "line", "line": {"color": colour, "width": 1.25, "dash": dash}, **place}


def digits(values: Floats) -> str:
    """Return the format of ticks over these prices: as many decimals as tell ticks apart."""
    spread = float(np.ptp(values)) or 0.02 * float(np.max(np.abs(values)))
    decimals = max(0, math.ceil(-math.log10(spread / 4)))
    return f",.{decimals}f" if decimals <= 12 else ".3~g"


def as_json(traces: list[dict[str, Any]], layout: dict[str, Any]) -> str:
    """Return the figure, checked by plotly, as JSON that cannot close the script element that holds it."""
    from plotly.graph_objects import Figure as Plotly

    drawn = Plotly(data=traces, layout={**layout, "template": {"layout": TEMPLATE}}).to_json()
    text = str(drawn)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
