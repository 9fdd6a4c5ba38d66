"""The figure of a report that says when liquidations begin."""

from __future__ import annotations

from typing import Any

import numpy as np

from levcore.report_figures import FAN, MOST_POINTS, Figure, as_json, in_units, unit_note
from levcore.report_numbers import percent, span, wilson

BAND = "rgba(0,114,178,0.20)"


def first_liquidation(first: Any, step: Any, steps: int, name: str) -> Figure:
    """Draw the share of paths that have seen their first liquidation, by the time since the start."""
    title, paths = "When liquidations begin", len(first)
    seen = np.sort(first[~np.isnat(first)])
    if not len(seen):
        return Figure(name=name, title=title, caption="", statement="No path liquidates anything")
    times = step * np.linspace(0, steps, min(steps, MOST_POINTS) + 1).astype(np.int64)  # ends of steps
    shares = np.searchsorted(seen, times, side="right") / paths
    low, high = np.array([wilson(float(share), paths) for share in shares]).T
    x, unit = in_units(times)
    hover = [
        f"within {at:.3g} {unit}<br>{percent(share)} of paths [{percent(bottom)}, {percent(top)}]"
        for at, share, bottom, top in zip(x, shares, low, high, strict=True)
    ]
    plain: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": x, "hoverinfo": "skip"}
    edge = {"color": FAN, "width": 0, "shape": "hv"}
    course = {"color": FAN, "width": 2.5, "shape": "hv"}
    traces = [
        {**plain, "y": 100.0 * low, "line": edge},
        {**plain, "y": 100.0 * high, "line": edge, "fill": "tonexty", "fillcolor": BAND},
        {**plain, "y": 100.0 * shares, "line": course, "hoverinfo": "all", "customdata": hover,
         "hovertemplate": "%{customdata}<extra></extra>"},
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": f"Time since the start, {unit}"}, "range": [0.0, float(x[-1])]},
        "yaxis": {"range": [0.0, 1.04 * max(5.0, 100.0 * float(high[-1]))]},
        "annotations": [unit_note("Paths with a liquidation so far, %")],
    }
    half = f", half of all paths within {span(seen[(paths + 1) // 2 - 1])}" if 2 * len(seen) >= paths else ""
    said = f"{percent(float(shares[-1]))} of paths liquidate something{half}"
    return Figure(
        name=name,
        title=title,
        caption=f"{said}. The band holds the 95 % interval of each time by itself.",
        alt=f"Share of paths with a liquidation by time: {said}.",
        json=as_json(traces, layout),
    )
