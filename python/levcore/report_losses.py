"""The figures of a report that speak of losses: their distributions over paths, and who is liquidated."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from levcore.display import money, plural
from levcore.plot import INK, LONG, SHORT
from levcore.report_figures import Figure, Floats, as_json, line, unit_note, unit_of
from levcore.report_numbers import percent, wilson

DEBT, FUND, ORDERS, END = "#CC79A7", "#009E73", "#E69F00", "#56B4E9"
LEVERAGES = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, 50.0), (50.0, 100.0), (100.0, np.inf))
MOST_BARS = 40
_SHARE = unit_note("Share of paths, %")


def distribution(
    values: Floats, what: str, numeraire: str, name: str, *, colour: str, atoms: dict[str, float], log: bool = True
) -> Figure:
    """Draw the share of paths by amount; amounts that many paths have exactly are told apart, in words."""
    rest, said = _without(values, atoms)
    if rest.size == 0 or bool((rest == rest[0]).all()):
        if rest.size:
            said.append(f"{_paths(rest.size, len(values))}: {money(float(rest[0]))} {numeraire}")
        return _nothing_to_draw(name, what, said, len(values))
    wide = log and float(rest.min()) > 0 and float(rest.max()) > 30 * float(rest.min())
    scaled = np.log10(rest) if wide else rest
    edges = _edges(scaled)
    unit, word = (1.0, "") if wide else unit_of(edges)
    axis: dict[str, Any] = {
        "title": {"text": f"{what}, {word}{escape(numeraire)}" + (", log scale" if wide else "")},
        "range": [float(edges[0] - 0.02 * np.ptp(edges)) / unit, float(edges[-1] + 0.02 * np.ptp(edges)) / unit],
        "nticks": 5,
    }
    if wide:
        decades = np.arange(np.floor(edges[0]), np.ceil(edges[-1]) + 1)
        decades = decades[:: max(1, len(decades) // 5)]
        axis |= {"tickvals": decades, "ticktext": [money(float(10**decade)) for decade in decades]}
    bars = _bars(scaled, edges, len(values), unit, numeraire, colour, wide=wide)
    middle, most = money(float(np.median(values))), money(float(values.max()))
    drawn = f"{plural(int(rest.size), 'path')} drawn; median of all {middle} {numeraire}, largest {most} {numeraire}"
    caption = ". ".join([*said, drawn]) + "."
    return Figure(
        name=name,
        title=what,
        caption=caption,
        alt=f"Histogram of {what.lower()} over {plural(len(values), 'path')}. {caption}",
        json=as_json([bars], {"xaxis": axis, "yaxis": {"rangemode": "tozero"}, "annotations": [_SHARE]}),
        width="third",
    )


def fund(low: Floats, end: Floats, start: float, numeraire: str, name: str) -> Figure:
    """Draw the insurance fund at its lowest and at the end: the share of paths by amount."""
    what = "Insurance fund"
    if not start and not end.any():
        return _nothing_to_draw(name, what, [f"{_paths(len(low), len(low))}: no fund"], len(low))
    lowest, said = _without(low, {"never below its start": start, "empty at some time": 0.0})
    said = said if start else []  # what starts at nothing is never below it
    ends, more = _without(end, {"empty at the end": 0.0})
    said += more
    both = np.concatenate([lowest, ends])
    if both.size == 0 or bool((both == both[0]).all()):
        said += [f"{_paths(ends.size, len(low))}: {money(float(ends[0]))} {numeraire} at the end"] if ends.size else []
        return _nothing_to_draw(name, what, said, len(low))
    edges = _edges(both)
    unit, word = unit_of(edges)
    bars = [
        {**_bars(values, edges, len(low), unit, numeraire, colour, wide=False), "opacity": opacity}
        for values, colour, opacity in ((ends, END, 0.85), (lowest, FUND, 0.85))
        if values.size
    ]
    x = {"title": {"text": f"{what}, {word}{escape(numeraire)}"}, "nticks": 5}
    layout = {"barmode": "overlay", "xaxis": x, "yaxis": {"rangemode": "tozero"}, "annotations": [_SHARE]}
    if float(edges[0]) <= start <= float(edges[-1]):
        layout["shapes"] = [line(x0=start / unit, x1=start / unit, y0=0, y1=1, yref="paper", colour=INK)]
    opening = f"{money(start)} {numeraire} at the start. " if start else "No fund at the start. "
    caption = opening + "".join(f"{one}. " for one in said)
    return Figure(
        name=name,
        title=what,
        caption=caption.strip(),
        alt=f"Histograms of the insurance fund at its lowest and at the end over {plural(len(low), 'path')}. {caption}",
        json=as_json(bars, layout),
        key=tuple(
            (label, colour, "box")
            for label, colour, drawn in (("at its lowest", FUND, lowest), ("at the end", END, ends))
            if drawn.size
        ),
        width="third",
    )


def _without(values: Floats, atoms: dict[str, float]) -> tuple[Floats, list[str]]:
    """Return the values that are none of the atoms, and the share of each atom that occurs, in words."""
    held = {label: values == amount for label, amount in atoms.items()}
    said = [f"{_paths(int(where.sum()), len(values))}: {label}" for label, where in held.items() if where.any()]
    return values[~np.logical_or.reduce(list(held.values()))], said


def _paths(some: int, count: int) -> str:
    if some < count:
        return f"{percent(some / count)} of paths"
    return "The one path" if count == 1 else f"All {count:,} paths"


def _edges(values: Floats) -> Floats:
    bars = min(MOST_BARS, max(5, int(2 * np.sqrt(values.size))))
    return np.asarray(np.histogram_bin_edges(values, bars))


def _bars(
    values: Floats, edges: Floats, count: int, unit: float, numeraire: str, colour: str, *, wide: bool
) -> dict[str, Any]:
    heights = np.histogram(values, edges)[0] / count
    bounds = 10**edges if wide else edges
    hover = [
        f"{money(low)} to {money(high)} {escape(numeraire)}<br>{percent(height)} of paths"
        for low, high, height in zip(bounds, bounds[1:], heights, strict=False)
    ]
    return {
        "type": "bar",
        "x": (edges[1:] + edges[:-1]) / 2 / unit,
        "y": 100 * heights,
        "width": 0.94 * np.diff(edges) / unit,
        "marker": {"color": colour},
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _nothing_to_draw(name: str, what: str, said: list[str], count: int) -> Figure:
    """Return a figure in words: all paths have one of a few amounts."""
    _, top = wilson(0.0, count)
    caption = f"What none of {plural(count, 'path')} shows has a probability of at most {percent(top)} (95 % interval)."
    return Figure(
        name=name,
        title=what,
        caption=caption,
        statement="; ".join([said[0], *(one[0].lower() + one[1:] for one in said[1:])]),
        width="third",
    )


def by_leverage(leverage: Floats, quantity: Floats, probability: Floats, paths: int, name: str) -> Figure:
    """Draw the mean liquidation probability of positions by their leverage at the start, longs and shorts."""
    traces: list[dict[str, Any]] = []
    labels = [f"< {high:g}" if low == 0 else
              f"\N{GREATER-THAN OR EQUAL TO} {low:g}" if np.isinf(high) else f"{low:g}\N{EN DASH}{high:g}"
              for low, high in LEVERAGES]  # fmt: skip
    told = []
    for side, colour, symbol, where, shift in (
        ("longs", LONG, "circle", quantity > 0, -0.13), ("shorts", SHORT, "diamond", quantity < 0, 0.13)
    ):  # fmt: skip
        x, share, below, above, hover = [], [], [], [], []
        for at, (low, high) in enumerate(LEVERAGES):
            mine = where & (leverage >= low) & ((leverage < high) | np.isinf(high))
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
    title = "Probability of liquidation by leverage"
    if not told:
        return Figure(name=name, title=title, caption="", statement="No position has any leverage")
    ticks = {"tickvals": list(range(len(labels))), "ticktext": labels, "range": [-0.5, len(labels) - 0.5]}
    layout = {
        "xaxis": {"title": {"text": "Leverage at the start, notional over equity, times"}, **ticks},
        "yaxis": {"rangemode": "tozero"},
        "annotations": [unit_note("Probability of liquidation, %")],
    }
    return Figure(
        name=name,
        title=title,
        caption="Mean over the positions of a bucket. The bars are 95 % intervals that count paths and not positions, "
        "for positions of one path fall together: they are too wide rather than too narrow.",
        alt=f"Liquidation probability by leverage: {', '.join(told)}.",
        json=as_json(traces, layout),
        key=(("longs", LONG, "dot"), ("shorts", SHORT, "diamond")),
    )
