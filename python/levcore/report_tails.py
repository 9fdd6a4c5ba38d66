"""The figures of a report that say what the worst paths are made of, and which asset they come with."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from levcore import variance_reduction
from levcore.display import money
from levcore.errors import InputError
from levcore.estimates import Estimate
from levcore.plot import INK, LONG, SHORT
from levcore.report_figures import FAN, Figure, Floats, as_json, line, unit_note, unit_of
from levcore.report_losses import ORDERS

#: The highest of these levels that leaves so many paths beyond it is drawn.
LEVELS, BEYOND = (0.99, 0.95, 0.9), 20


def level_of(paths: int) -> float | None:
    """Return the level whose tail is looked at; None where paths are too few for any."""
    return next((level for level in LEVELS if round(paths * (1.0 - level), 6) >= BEYOND), None)


def worst_by_side(runs: Any, numeraire: str, name: str) -> Figure | None:
    """Draw what longs and shorts have in the forced orders of the worst paths: Euler's attribution."""
    level = level_of(runs.paths)
    sides = {"longs": np.asarray(runs.liquidated_notional_long), "shorts": np.asarray(runs.liquidated_notional_short)}
    if level is None or not all(values.any() for values in sides.values()):
        return None
    found = variance_reduction.euler_attribution(sides, level, together=runs.together)
    unit, word = unit_of(np.array([part.high for part in found.parts.values()]))
    worst = _share(level)
    told = {side: f"{money(part.value)} {numeraire}, {100 * part.value / found.total:.0f} %"
            for side, part in found.parts.items()}  # fmt: skip
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [side],
            "x": [part.value / unit],
            "width": 0.5,
            "marker": {"color": colour},
            "error_x": _reach(part, unit, INK),
            "customdata": [f"{side}: {escape(told[side])}<br>[{money(part.low)}, {money(part.high)}]"],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        for (side, part), colour in zip(found.parts.items(), (LONG, SHORT), strict=True)
    ]
    said = ", ".join(f"{side} {words}" for side, words in told.items())
    return Figure(
        name=name,
        title=f"Who is sold out on the worst {worst} of paths",
        caption=f"Mean forced orders of the worst {worst} of paths, {money(found.total)} {numeraire}, by side: {said}. "
        f"Bars are 95 % intervals{_few(found.parts.values())}.",
        alt=f"Forced orders of the worst paths by side: {said}.",
        json=as_json(bars, {"xaxis": {"title": {"text": f"Forced orders, {word}{escape(numeraire)}"}, "nticks": 6},
                            "yaxis": {"autorange": "reversed", "showgrid": False, "ticksuffix": " "}}),
        key=(("longs", LONG, "box"), ("shorts", SHORT, "box")),
        width="half",
    )  # fmt: skip


def worst_by_asset(runs: Any, assets: Iterable[str], numeraire: str, name: str) -> Figure | None:
    """Draw the forced orders that go with a fall of each asset: CoVaR, beside its value at the median fall."""
    level, forced = level_of(runs.paths), np.asarray(runs.liquidated_notional)
    if level is None:
        return None
    rows: list[tuple[str, Floats, Estimate, Estimate]] = []
    for asset in assets:
        fall = 1.0 - np.asarray(runs.lowest_price[asset]) / runs.market.prices[asset]
        try:
            fallen, usual = (
                variance_reduction.covar(fall, forced, level, given=q, together=runs.together) for q in (level, 0.5)
            )
        except InputError:  # it does not fall, or no path liquidates more than another
            continue
        if all(math.isfinite(end) for one in (fallen, usual) for end in (one.low, one.high)):
            rows.append((asset, fall, fallen, usual))
    if len(rows) < 2:
        return None
    at = variance_reduction.value_at_risk(forced, level, together=runs.together).value
    unit, word = unit_of(np.array([one.high for row in rows for one in row[2:]]))
    traces = [
        _dots(rows, place, shift, unit, colour, symbol, numeraire)
        for place, shift, colour, symbol in ((3, -0.12, FAN, "diamond"), (2, 0.12, ORDERS, "circle"))
    ]
    said = ", ".join(f"{asset} {money(fallen.value)}" for asset, _, fallen, _ in rows)
    worst = _share(level)
    layout = {
        "xaxis": {"tickvals": list(range(len(rows))), "ticktext": [escape(row[0]) for row in rows],
                  "range": [-0.5, len(rows) - 0.5], "title": {"text": "Asset that falls"}},
        "yaxis": {"rangemode": "tozero"},
        "shapes": [line(x0=0, x1=1, xref="paper", y0=at / unit, y1=at / unit, colour=INK, dash="dash")],
        "annotations": [unit_note(f"VaR {100 * level:g} % of forced orders, {word}{escape(numeraire)}")],
    }  # fmt: skip
    return Figure(
        name=name,
        title="What an asset's fall brings with it",
        caption=f"CoVaR: the forced orders that one path in {round(1 / (1 - level))} exceeds where an asset falls as "
        f"far as on its worst {worst} of paths ({said} {numeraire}), and where it falls as usual. Broken line: "
        f"whatever falls. Bars are 95 % intervals{_few(one for row in rows for one in row[2:])}.",
        alt=f"CoVaR of forced orders by asset: {said} {numeraire}.",
        json=as_json(traces, layout),
        key=(("at its worst", ORDERS, "dot"), ("at its median", FAN, "diamond"), ("VaR of all paths", INK, "dash")),
        width="half",
    )


def _dots(
    rows: list[Any], place: int, shift: float, unit: float, colour: str, symbol: str, numeraire: str
) -> dict[str, Any]:
    found = [row[place] for row in rows]
    ends = [[abs(end - one.value) / unit for one in found for end in (getattr(one, side),)] for side in ("high", "low")]
    bars = {"type": "data", "array": ends[0], "arrayminus": ends[1], "color": colour, "thickness": 1.5, "width": 4}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [i + shift for i in range(len(rows))],
        "y": [one.value / unit for one in found],
        "error_y": bars,
        "marker": {"color": colour, "size": 9, "symbol": symbol},
        "customdata": [
            f"{escape(row[0])}: {money(one.value)} {escape(numeraire)}<br>[{money(one.low)}, {money(one.high)}]"
            for row, one in zip(rows, found, strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "cliponaxis": False,
    }


def _reach(part: Estimate, unit: float, colour: str) -> dict[str, Any]:
    above, below = (part.high - part.value) / unit, (part.value - part.low) / unit
    return {"type": "data", "array": [above], "arrayminus": [below], "color": colour, "thickness": 1.5, "width": 5}


def _share(level: float) -> str:
    return f"{100 * (1 - level):.3g} %"


def _few(estimates: Iterable[Estimate]) -> str:
    return "; fewer than 200 paths decide" if any(one.low_sample for one in estimates) else ""
