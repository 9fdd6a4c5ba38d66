"""The figures of a report that speak of losses: their distributions over paths, and who is liquidated."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from levcore.display import money, plural
from levcore.plot import LONG, SHORT
from levcore.report_figures import Figure, Floats, as_json, unit_note, unit_of
from levcore.report_numbers import percent, wilson

DEBT, FUND, ORDERS = LONG, "#009E73", SHORT
LEVERAGES = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, 50.0), (50.0, 100.0), (100.0, np.inf))
MOST_BARS = 40


def distribution(
    values: Floats, what: str, numeraire: str, name: str, *, colour: str, atoms: dict[str, float], log: bool = True
) -> Figure:
    """Draw the share of paths by amount; amounts that many paths have exactly are told apart, in words."""
    count = len(values)
    held = {said: values == amount for said, amount in atoms.items()}
    rest = values[~np.logical_or.reduce(list(held.values()))] if held else values
    said = [f"{percent(float(where.mean()))} of paths: {label}" for label, where in held.items()]
    wide = log and bool(rest.size) and float(rest.min()) > 0 and float(rest.max()) > 30 * float(rest.min())
    scaled = np.log10(rest) if wide else rest
    edges = (
        np.histogram_bin_edges(scaled, min(MOST_BARS, max(5, int(2 * np.sqrt(rest.size)))))
        if rest.size
        else np.arange(2.0)
    )
    heights = np.histogram(scaled, edges)[0] / max(count, 1)
    bounds = 10**edges if wide else edges
    unit, word = (1.0, "") if wide else unit_of(bounds)
    hover = [f"{money(low)} to {money(high)} {escape(numeraire)}<br>{percent(height)} of paths"
             for low, high, height in zip(bounds, bounds[1:], heights, strict=False)]  # fmt: skip
    bars = {
        "type": "bar",
        "x": (edges[1:] + edges[:-1]) / 2 / unit,
        "y": 100 * heights,
        "width": 0.94 * np.diff(edges) / unit,
        "marker": {"color": colour},
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    axis: dict[str, Any] = {"title": {"text": f"{what}, {word}{escape(numeraire)}" + (", log scale" if wide else "")}}
    if wide:
        decades = np.arange(np.floor(edges[0]), np.ceil(edges[-1]) + 1)
        decades = decades[:: max(1, len(decades) // 5)]
        axis |= {"tickvals": decades, "ticktext": [money(float(10**decade)) for decade in decades]}
        axis["range"] = [float(edges[0]) - 0.05, float(edges[-1]) + 0.05]
    notes = [unit_note("Share of paths, %")]
    if not rest.size:
        notes.append(
            {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False, "text": "; ".join(said)}
        )
        axis |= {"showticklabels": False}
    drawn = f"The other {plural(int(rest.size), 'path')} are drawn" if held and rest.size else ""
    caption = ". ".join([*said, *([drawn] if drawn else [])]) + "." if said else ""
    return Figure(
        name=name,
        title=what,
        caption=caption,
        alt=f"Histogram of {what.lower()} over {plural(count, 'path')}. {caption}",
        json=as_json([bars], {"xaxis": axis, "yaxis": {"rangemode": "tozero"}, "annotations": notes}),
    )


def by_leverage(leverage: Floats, quantity: Floats, probability: Floats, paths: int, name: str) -> Figure:
    """Draw the mean liquidation probability of positions by their leverage at the start, longs and shorts."""
    traces: list[dict[str, Any]] = []
    labels = [f"\N{LESS-THAN OR EQUAL TO} {high:g}" if low == 0 else
              f"> {low:g}" if np.isinf(high) else f"{low:g}\N{EN DASH}{high:g}"
              for low, high in LEVERAGES]  # fmt: skip
    told = []
    for side, colour, symbol, where, shift in (
        ("longs", LONG, "circle", quantity > 0, -0.13), ("shorts", SHORT, "diamond", quantity < 0, 0.13)
    ):  # fmt: skip
        x, share, below, above, hover = [], [], [], [], []
        for at, (low, high) in enumerate(LEVERAGES):
            mine = where & (leverage > low) & (leverage <= high)
            if not mine.any():
                continue
            mean = float(probability[mine].mean())
            bottom, top = wilson(mean, paths)
            x.append(at + shift)
            share.append(100 * mean)
            below.append(100 * (mean - bottom))
            above.append(100 * (top - mean))
            hover.append(f"{int(mine.sum()):,} {side} of {labels[at]} times<br>{percent(mean)} liquidated "
                         f"[{percent(bottom)}, {percent(top)}]")  # fmt: skip
            told.append(f"{side} {labels[at]} {percent(mean)}")
        error = {"type": "data", "array": above, "arrayminus": below, "color": colour, "thickness": 1.5, "width": 4}
        traces.append(
            {"type": "scatter", "mode": "markers", "x": x, "y": share, "error_y": error, "customdata": hover,
             "marker": {"color": colour, "size": 9, "symbol": symbol}, "hovertemplate": "%{customdata}<extra></extra>",
             "cliponaxis": False}
        )  # fmt: skip
    ticks = {"tickvals": list(range(len(labels))), "ticktext": labels, "range": [-0.5, len(labels) - 0.5]}
    layout = {
        "xaxis": {"title": {"text": "Leverage at the start, notional over equity, times"}, **ticks},
        "yaxis": {"rangemode": "tozero"},
        "annotations": [unit_note("Probability of liquidation, %")],
    }
    return Figure(
        name=name,
        title="Probability of liquidation by leverage",
        caption="Mean over the positions of a bucket, with 95 % intervals. Positions of one path fall together, so the "
        "intervals count paths, not positions, and are wide on purpose.",
        alt=f"Liquidation probability by leverage: {', '.join(told) or 'no positions'}.",
        json=as_json(traces, layout),
        key=(("longs", LONG, "dot"), ("shorts", SHORT, "diamond")),
    )
