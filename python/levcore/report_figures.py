"""The figures of a report as JSON for plotly: what a figure is, its style, and the figures of prices."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore.display import money, plural, price
from levcore.liquidation_map import LiquidationMap
from levcore.plot import GRID, INK, LINES, LONG, MUTED, SCALES, SHORT
from levcore.report_numbers import signed, span

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


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure as the page shows it; `key` pairs a name with its colour and the shape of its swatch."""

    name: str
    title: str
    caption: str
    alt: str
    json: str
    key: tuple[tuple[str, str, str], ...] = ()
    tall: bool = False


def liquidation_map(chart: LiquidationMap, numeraire: str, name: str) -> Figure:
    """Draw notional by liquidation price, around the mark."""
    asset, mark = escape(chart.asset), chart.mark_price
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
    x = {"title": {"text": f"{asset} price at liquidation, {escape(numeraire)}"}, "tickformat": digits(mark)}
    layout = {
        "barmode": "overlay",
        "bargap": 0,
        "xaxis": {**x, "range": [float(chart.edges[0]), float(chart.edges[-1])]},
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
        title=f"Where {chart.asset} positions are liquidated",
        caption=f"Notional at each position's own liquidation price, all else held still: {said}. A fall eats its way "
        "leftwards through the longs, a rise rightwards through the shorts.",
        alt=f"Bars of notional by {chart.asset} liquidation price around the mark price {price(mark)}: {said}.",
        json=as_json(bars, layout),
        key=(("longs", LONG, "box"), ("shorts", SHORT, "box"), ("mark price at the start", INK, "line")),
    )


def cascade(outcome: Any, which: int, asset: str, start: float, numeraire: str, name: str) -> Figure | None:
    """Draw one path round by round: forced orders above, the mark price below."""
    trace = outcome.trace
    if not len(trace):
        return None
    unit, word = unit_of(trace["liquidated_notional_long"] + trace["liquidated_notional_short"])
    layout = {
        "barmode": "stack",
        "xaxis": {"title": {"text": "Round of margin checks"}, "anchor": "y", "tickformat": ",d",
                  "dtick": 1 if len(trace) <= 8 else None},
        "yaxis": {"domain": [0, 0.42], "tickformat": digits(start)},
        "yaxis2": {**AXIS, "domain": [0.56, 1], "rangemode": "tozero"},
        "annotations": [
            unit_note(f"Forced orders, {word}{escape(numeraire)}"),
            unit_note(f"Mark price of {escape(asset)} after the round, {escape(numeraire)}", at=0.42),
        ],
    }  # fmt: skip
    end = float(outcome.final_price[asset])
    told = (
        f"{plural(outcome.liquidated_count, 'position')} liquidated in {plural(len(trace), 'round')}, forced orders of "
        f"{money(outcome.liquidated_notional)} {numeraire}, bad debt {money(outcome.bad_debt)} {numeraire}"
    )
    return Figure(
        name=name,
        title="Forced orders and the mark price, round by round",
        caption=f"Path {which:,}, the one with the most bad debt (then the most notional liquidated): {told}. "
        f"The mark price of {asset} was {price(start)} {numeraire} at the start and is {price(end)} at the end "
        f"({signed(100 * (end / start - 1))} %).",
        alt=f"Bars of forced orders by round above a line of the mark price of {asset}: {told}.",
        json=as_json(_round_traces(trace, trace[f"mark_price_{asset}"], start, unit, numeraire), layout),
        key=(("longs closed", LONG, "box"), ("shorts closed", SHORT, "box"), ("mark price", INK, "line")),
        tall=True,
    )


def _round_traces(trace: Any, mark: Floats, start: float, unit: float, numeraire: str) -> list[dict[str, Any]]:
    rounds = np.arange(1, len(trace) + 1)
    sides = (("longs", LONG, trace["liquidated_notional_long"]), ("shorts", SHORT, trace["liquidated_notional_short"]))
    when = (
        [f", {span(moment)} in" for moment in trace["time"]]
        if "time" in (trace.dtype.names or ())
        else [""] * len(trace)
    )
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": rounds,
            "y": values / unit,
            "marker": {"color": colour},
            "yaxis": "y2",
            "customdata": [
                f"Round {at}{moment}<br>{side}: {count:,} positions, {money(value)}"
                for at, moment, count, value in zip(
                    rounds, when, trace[f"liquidated_count_{side[:-1]}"], values, strict=True
                )
            ],
            "hovertemplate": "%{customdata} " + escape(numeraire) + "<extra></extra>",
        }
        for side, colour, values in sides
    ]
    hover = [
        f"Round {at}{moment}<br>mark {price(value)} ({signed(100 * (value / start - 1))} %)<br>fund {money(fund)}, "
        f"bad debt of the round {money(debt)}"
        for at, moment, value, fund, debt in zip(
            rounds, when, mark, trace["insurance_fund"], trace["bad_debt"], strict=True
        )
    ]
    traces.append(
        {"type": "scatter", "x": rounds, "y": mark, "mode": "lines+markers", "line": {"color": INK, "width": 2},
         "marker": {"size": 6 if len(trace) < 60 else 3}, "customdata": hover,
         "hovertemplate": "%{customdata}<extra></extra>"}
    )  # fmt: skip
    return traces


def amplification(shocks: Any, name: str) -> Figure:
    """Draw the amplification of each asset against the shock."""
    traces, key, worst = [], [], []
    for row, (asset, values) in enumerate(shocks.amplification.items()):
        colour, sizes = LINES[row % len(LINES)], 100 * shocks.shocks[:, row]
        order = np.argsort(sizes)
        hover = [f"{escape(asset)} {signed(x)} %<br>amplification {y:.3g}\N{MULTIPLICATION SIGN}"
                 for x, y in zip(sizes[order], values[order], strict=True)]  # fmt: skip
        traces.append(
            {"type": "scatter", "x": sizes[order], "y": values[order], "mode": "lines+markers",
             "line": {"color": colour, "width": 2.25}, "marker": {"size": 7, "line": {"color": "white", "width": 1}},
             "customdata": hover, "hovertemplate": "%{customdata}<extra></extra>"}
        )  # fmt: skip
        key.append((asset, colour, "line"))
        if np.isfinite(values).any():
            top = int(np.nanargmax(values))
            worst.append(f"{asset} up to {values[top]:.3g}\N{MULTIPLICATION SIGN} at {signed(float(sizes[top]))} %")
    x: dict[str, Any] = {"title": {"text": "Shock to the price, %"}, "zeroline": False}
    if (shocks.shocks <= 0).all():
        x["autorange"] = "reversed"
    layout = {
        "xaxis": x,
        "yaxis": {"ticksuffix": "\N{MULTIPLICATION SIGN}"},
        "shapes": [line(x0=0, x1=1, xref="paper", y0=1, y1=1, colour=MUTED, dash="dash")],
        "annotations": [unit_note("Log of the final move over log of the shock")],
    }
    said = "; ".join(worst) or "no shock moved a price"
    return Figure(
        name=name,
        title="How much the cascade adds to a shock",
        caption=f"At 1\N{MULTIPLICATION SIGN} (dashed) nobody's liquidation moved the price. Largest: {said}.",
        alt=f"Lines of amplification against the size of the shock: {said}.",
        json=as_json(traces, layout),
        key=(*key, ("no amplification", MUTED, "dash")),
    )


def fan(kept: Any, asset: str, start: float, numeraire: str, worst: int, name: str) -> Figure:
    """Draw quantiles of the mark price over time, and the worst path."""
    marks = np.asarray(kept.mark_price[asset])
    picked = np.unique(np.linspace(0, marks.shape[1] - 1, min(marks.shape[1], MOST_POINTS)).astype(int))
    seconds = kept.time[picked] / np.timedelta64(1, "s")
    size, unit = next(((s, w) for s, w in ((86400, "days"), (3600, "hours"), (60, "minutes"))
                       if seconds[-1] >= 3 * s), (1, "seconds"))  # fmt: skip
    x = np.concatenate([[0.0], seconds / size])
    levels = sorted({level for low, high, _ in BANDS for level in (low, high)} | {0.5})
    lines = np.quantile(marks[:, picked], levels, axis=0)
    rows = {level: np.concatenate([[start], row]) for level, row in zip(levels, lines, strict=True)}
    plain = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    traces: list[dict[str, Any]] = []
    for low, high, strength in BANDS:
        band = {"fill": "tonexty", "fillcolor": f"rgba(0,114,178,{strength})", "line": {"width": 0}}
        traces += [{**plain, "x": x, "y": rows[low], "line": {"width": 0}}, {**plain, "x": x, "y": rows[high], **band}]
    hover = [
        f"{at:.3g} {unit} in<br>median {price(middle)}<br>90 % of paths: {price(low)} to {price(high)}"
        for at, middle, low, high in zip(x, rows[0.5], rows[0.05], rows[0.95], strict=True)
    ]
    path = np.concatenate([[start], marks[worst, picked]])
    traces += [
        {**plain, "x": x, "y": path, "line": {"color": INK, "width": 1.5}},
        {"type": "scatter", "mode": "lines", "x": x, "y": rows[0.5], "line": {"color": FAN, "width": 2.5},
         "customdata": hover, "hovertemplate": "%{customdata}<extra></extra>"},
    ]  # fmt: skip
    layout = {
        "hovermode": "x",
        "xaxis": {"title": {"text": f"Time since the start, {unit}"}, "range": [0, float(x[-1])]},
        "yaxis": {"tickformat": digits(start)},
        "annotations": [unit_note(f"Mark price of {escape(asset)}, {escape(numeraire)}")],
    }
    last = {level: float(row[-1]) for level, row in rows.items()}
    said = (
        f"at the end the median is {price(last[0.5])} {numeraire}, nine paths in ten end between {price(last[0.05])} "
        f"and {price(last[0.95])}"
    )
    return Figure(
        name=name,
        title=f"Mark prices of {asset}",
        caption=f"Quantiles of all paths at each moment: {said}. Bands hold 50, 90 and 98 % of paths.",
        alt=f"A fan of quantiles of the mark price over time: {said}.",
        json=as_json(traces, layout),
        key=(("median", FAN, "line"), ("50, 90, 98 % of paths", "rgba(0,114,178,0.4)", "box"),
             ("the worst path", INK, "line")),
    )  # fmt: skip


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


def digits(value: float) -> str:
    """Return the format of ticks near a price."""
    return ",.0f" if abs(value) >= 1000 else "~r"


def as_json(traces: list[dict[str, Any]], layout: dict[str, Any]) -> str:
    """Return the figure, checked by plotly, as JSON that cannot close the script element that holds it."""
    from plotly.graph_objects import Figure as Plotly

    drawn = Plotly(data=traces, layout={**layout, "template": {"layout": TEMPLATE}}).to_json()
    text = str(drawn)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
