"""The figures of a report that speak of cascades: the worst path through time, rounds, and what sudden moves do."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from levcore.display import money, plural, price
from levcore.plot import INK, LINES, LONG, MUTED, SHORT
from levcore.report_figures import AXIS, Figure, Floats, as_json, digits, in_units, line, unit_note, unit_of
from levcore.report_numbers import clock, percent_move, signed, span

DEBT, FUND, PUSHED = "#CC79A7", "#009E73", "#56B4E9"
TIMES = "\N{MULTIPLICATION SIGN}"
MOST_BINS = 96
MOST_ROUNDS_WITH_DOTS = 60


def through_time(outcome: Any, which: int, asset: str, start: float, numeraire: str, name: str) -> Figure:
    """Draw one path through time: forced orders, how far they hold the mark from its own course, and the mark."""
    kept = outcome.steps_kept
    x, unit = in_units(kept.time)
    ends = np.concatenate([[0.0], x])
    traces, scale, width = _binned(kept, ends, unit, numeraire)
    mark = np.concatenate([[start], kept.mark_price[asset][0]])
    pushed = np.concatenate([[0.0], 100 * (kept.mark_price[asset][0] / kept.fundamental_price[asset][0] - 1)])
    for axis, colour, values, said in (
        ("y2", PUSHED, pushed, [f"{signed(value)} % by forced orders" for value in pushed]),
        ("y", INK, mark, [f"mark {price(value)}" for value in mark]),
    ):
        hover = [f"{at:.3g} {unit} in<br>{words}" for at, words in zip(ends, said, strict=True)]
        traces.append(
            {"type": "scatter", "mode": "lines", "x": ends, "y": values, "yaxis": axis, "customdata": hover,
             "line": {"color": colour, "width": 1.75}, "hovertemplate": "%{customdata}<extra></extra>"}
        )  # fmt: skip
    end, without = (percent_move(prices[asset], start) for prices in (outcome.final_price, outcome.fundamental_price))
    told = (
        f"{plural(outcome.liquidated_count, 'position')} liquidated, forced orders of "
        f"{money(outcome.liquidated_notional)} {numeraire}, bad debt {money(outcome.bad_debt)} {numeraire}; {asset} "
        f"ends at {end}, without forced orders at {without}"
    )
    layout = _storeys(
        f"Forced orders in {width}, {scale}{escape(numeraire)}",
        "Push of forced orders on the mark, %",
        f"Mark price of {escape(asset)}, {escape(numeraire)}",
    )
    layout["xaxis"] |= {"title": {"text": f"Time since the start, {unit}"}, "range": [0, float(ends[-1])]}
    layout["yaxis"] |= {"tickformat": digits(mark)}
    layout["yaxis2"] |= {"zeroline": True, "zerolinecolor": MUTED, "zerolinewidth": 1}
    return Figure(
        name=name,
        title="Forced orders and prices through time",
        caption=f"Path {which:,}, the one with the most bad debt (then the most forced orders): {told}. The push is "
        "the mark over the price that it would have without any forced order.",
        alt=f"Bars of forced orders through time above lines of the price of {asset}: {told}.",
        json=as_json(traces, layout),
        key=(
            *_sides(kept.liquidated_notional_long, kept.liquidated_notional_short),
            ("push of forced orders", PUSHED, "line"),
            ("mark price", INK, "line"),
        ),
        tall=True,
    )


def _binned(kept: Any, ends: Floats, unit: str, numeraire: str) -> tuple[list[dict[str, Any]], str, str]:
    """Return bars of forced orders by spans of time, the words of their scale, and the length of a span."""
    steps = len(ends) - 1
    cuts = np.unique(np.linspace(0, steps, min(steps, MOST_BINS) + 1).astype(int))
    left, right = ends[cuts[:-1]], ends[cuts[1:]]
    sides = [np.add.reduceat(side[0], cuts[:-1])
             for side in (kept.liquidated_notional_long, kept.liquidated_notional_short)]  # fmt: skip
    scale, word = unit_of(sides[0] + sides[1])
    bars = [
        {"type": "bar", "x": (left + right) / 2, "y": values / scale, "width": 0.94 * (right - left), "yaxis": "y3",
         "marker": {"color": colour}, "hovertemplate": "%{customdata}<extra></extra>",
         "customdata": [f"{low:.3g} to {high:.3g} {unit}<br>{side}: {money(value)} {escape(numeraire)}"
                        for low, high, value in zip(left, right, values, strict=True)]}
        for side, colour, values in (("longs", LONG, sides[0]), ("shorts", SHORT, sides[1]))
    ]  # fmt: skip
    return bars, word, _width(right - left, unit)


def _sides(longs: Floats, shorts: Floats) -> list[tuple[str, str, str]]:
    """Return the keys of the sides that were liquidated."""
    sides = (("longs closed", LONG, longs), ("shorts closed", SHORT, shorts))
    return [(label, colour, "box") for label, colour, amounts in sides if amounts.any()]


def largest(trace: Any) -> Any:
    """Return the rounds of the step that liquidated the most notional."""
    _, where = np.unique(trace["time"], return_inverse=True)
    notional = np.bincount(where, trace["liquidated_notional_long"] + trace["liquidated_notional_short"])
    return trace[where == int(notional.argmax())]


def rounds_of_path(trace: Any, asset: str, numeraire: str, name: str) -> Figure:
    """Draw the largest cascade of a path, round by round."""
    rows = largest(trace)
    first, last = (float(rows[f"mark_price_{asset}"][at]) for at in (0, -1))
    told = f"at {clock(rows['time'][0])} after the start, {_amounts(rows, numeraire)}"
    moved = "" if len(rows) == 1 else f"; the mark of {asset} goes from {price(first)} to {price(last)} {numeraire}"
    return _rounds(
        rows, asset, numeraire, name, title="Its largest cascade, round by round", caption=f"The cascade {told}{moved}."
    )


def rounds_of_shock(outcome: Any, asset: str, start: float, numeraire: str, name: str) -> Figure:
    """Draw the cascade of a shock, round by round, from the price that the shock leaves."""
    before, end = float(outcome.fundamental_price[asset]), float(outcome.final_price[asset])
    caption = (
        f"The move that is amplified most. It takes {asset} to {price(before)} {numeraire}, forced orders take it to "
        f"{price(end)} ({percent_move(end, start)}) in {_amounts(outcome.trace, numeraire)}. The fund is left with "
        f"{money(outcome.insurance_fund)} {numeraire}, bad debt comes to {money(outcome.bad_debt)} {numeraire}."
    )
    title = f"The cascade of a move of {percent_move(before, start)}, round by round"
    return _rounds(outcome.trace, asset, numeraire, name, title=title, caption=caption, before=before)


def _amounts(rows: Any, numeraire: str) -> str:
    count = int(rows["liquidated_count_long"].sum() + rows["liquidated_count_short"].sum())
    notional = float(rows["liquidated_notional_long"].sum() + rows["liquidated_notional_short"].sum())
    orders = f"forced orders of {money(notional)} {numeraire}"
    return f"{plural(len(rows), 'round')}: {plural(count, 'position')} liquidated, {orders}"


def _rounds(
    rows: Any, asset: str, numeraire: str, name: str, *, title: str, caption: str, before: float | None = None
) -> Figure:
    at = np.arange(1, len(rows) + 1)
    mark = np.asarray(rows[f"mark_price_{asset}"])
    scale, word = unit_of(rows["liquidated_notional_long"] + rows["liquidated_notional_short"])
    traces: list[dict[str, Any]] = [
        {"type": "bar", "x": at, "y": rows[f"liquidated_notional_{side}"] / scale, "marker": {"color": colour},
         "yaxis": "y2", "width": 0.7, "hovertemplate": "%{customdata}<extra></extra>",
         "customdata": [f"Round {k}<br>{plural(int(count), side)}, {money(value)} {escape(numeraire)}"
                        for k, count, value in zip(at, rows[f"liquidated_count_{side}"],
                                                   rows[f"liquidated_notional_{side}"], strict=True)]}
        for side, colour in (("long", LONG), ("short", SHORT))
    ]  # fmt: skip
    hover = [
        f"After round {k}<br>mark {price(value)}<br>fund {money(fund)}, bad debt of the round {money(debt)}"
        for k, value, fund, debt in zip(at, mark, rows["insurance_fund"], rows["bad_debt"], strict=True)
    ]
    if before is not None:
        at, mark = np.append(0, at), np.append(before, mark)
        hover.insert(0, f"Before the first round<br>{price(before)}")
    dots = 6 if len(rows) <= MOST_ROUNDS_WITH_DOTS else 3
    traces.append(
        {"type": "scatter", "x": at, "y": mark, "mode": "lines+markers", "line": {"color": INK, "width": 2},
         "marker": {"size": dots}, "customdata": hover, "hovertemplate": "%{customdata}<extra></extra>"}
    )  # fmt: skip
    layout = _storeys(
        f"Forced orders of the round, {word}{escape(numeraire)}",
        f"Mark price of {escape(asset)} after the round, {escape(numeraire)}",
    )
    layout["xaxis"] |= {"title": {"text": "Round of margin checks"}, "tickformat": ",d"}
    layout["xaxis"] |= {"range": [float(at[0]) - 0.6, len(rows) + 0.6], "dtick": 1 if len(rows) <= 12 else None}
    layout["yaxis"] |= {"tickformat": digits(mark)} | (
        {} if np.ptp(mark) else {"range": [0.99 * mark[0], 1.01 * mark[0]]}
    )
    return Figure(
        name=name,
        title=title,
        caption=caption,
        alt=f"Bars of forced orders by round above a line of the mark price. {caption}",
        json=as_json(traces, layout),
        key=(*_sides(rows["liquidated_notional_long"], rows["liquidated_notional_short"]), ("mark price", INK, "line")),
        tall=True,
    )


def _storeys(*titles: str) -> dict[str, Any]:
    """Return the layout of panels one above the other, the first title on top; the lowest panel is `yaxis`."""
    gap = 0.14 if len(titles) == 2 else 0.11
    height = (1 - gap * (len(titles) - 1)) / len(titles)
    layout: dict[str, Any] = {"barmode": "stack", "xaxis": {"anchor": "y"}, "annotations": []}
    for floor, title in enumerate(reversed(titles)):
        low = floor * (height + gap)
        top = min(1.0, low + height)
        layout[f"yaxis{floor + 1 if floor else ''}"] = {**AXIS, "domain": [low, top], "nticks": 5}
        layout["annotations"].append(unit_note(title, at=top))
    layout[f"yaxis{len(titles)}"]["rangemode"] = "tozero"
    return layout


def _width(widths: Floats, unit: str) -> str:
    seconds = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}[unit] * float(np.median(widths))
    said = span(np.timedelta64(round(1e9 * seconds), "ns"))
    return f"a{said[1:]}" if said.startswith("1 ") else said


# --- Sudden moves -----------------------------------------------------------------------------------------------------


def amplification(shocks: Any, assets: Iterable[str], name: str) -> Figure:
    """Draw the amplification of each asset against the shock."""
    traces: list[dict[str, Any]] = []
    key: list[tuple[str, str, str]] = []
    worst = []
    columns = list(shocks.amplification)
    for asset in assets:
        row, values = columns.index(asset), shocks.amplification[asset]
        colour, sizes = LINES[len(key) % len(LINES)], 100 * shocks.shocks[:, row]
        order = np.argsort(sizes)
        hover = [f"{escape(asset)} {signed(x)} %<br>amplification {y:.3g}{TIMES}"
                 for x, y in zip(sizes[order], values[order], strict=True)]  # fmt: skip
        traces.append(_dots(sizes[order], values[order], colour, hover))
        key.append((asset, colour, "line"))
        if np.isfinite(values).any():
            top = int(np.nanargmax(values))
            worst.append(f"{asset} {values[top]:.3g}{TIMES} at {signed(float(sizes[top]))} %")
    layout = {
        "xaxis": _shock_axis(shocks.shocks, "Shock to the price, %"),
        "yaxis": {"ticksuffix": TIMES},
        "shapes": [line(x0=0, x1=1, xref="paper", y0=1, y1=1, colour=MUTED, dash="dash")],
        "annotations": [unit_note("Log of the final move over log of the shock")],
    }
    said = "; ".join(worst) or "no shock moved a price"
    return Figure(
        name=name,
        title="How much the cascade adds",
        caption=f"At 1{TIMES} (dashed) nobody's liquidation moves the price. Largest: {said}.",
        alt=f"Lines of amplification against the size of the shock: {said}.",
        json=as_json(traces, layout),
        key=(*key, ("no amplification", MUTED, "dash")),
        width="half",
    )


def who_pays(shocks: Any, numeraire: str, name: str) -> Figure:
    """Draw what is left of the fund, and what nobody covers, against the shock."""
    names = list(shocks.final_price)
    row = int(np.argmax([len(np.unique(column)) for column in shocks.shocks.T]))
    order = np.argsort(shocks.shocks[:, row])
    sizes = 100 * shocks.shocks[order, row]
    amounts = [("fund left", FUND, shocks.insurance_fund), ("bad debt", DEBT, shocks.bad_debt)]
    if shocks.socialised_loss.any():
        amounts.insert(1, ("socialised loss", "#E69F00", shocks.socialised_loss))
    scale, word = unit_of(*(values for _, _, values in amounts))
    traces = [
        _dots(sizes, values[order] / scale, colour,
              [f"{escape(names[row])} {signed(x)} %<br>{label} {money(y)} {escape(numeraire)}"
               for x, y in zip(sizes, values[order], strict=True)])
        for label, colour, values in amounts
    ]  # fmt: skip
    worst = int(shocks.bad_debt.argmax())
    said = (
        f"at most {money(float(shocks.bad_debt[worst]))} {numeraire} of bad debt, at "
        f"{signed(100 * float(shocks.shocks[worst, row]))} %"
        if shocks.bad_debt.any()
        else "no bad debt"
    )
    layout = {
        "xaxis": _shock_axis(shocks.shocks[:, row], f"Shock to the price of {escape(names[row])}, %"),
        "yaxis": {"rangemode": "tozero"},
        "annotations": [unit_note(f"After the cascade, {word}{escape(numeraire)}")],
    }
    return Figure(
        name=name,
        title="Who pays",
        caption=f"What the fund has left, and losses that nobody covers: {said}.",
        alt=f"Lines of the insurance fund and of bad debt against the size of the shock: {said}.",
        json=as_json(traces, layout),
        key=tuple((label, colour, "line") for label, colour, _ in amounts),
        width="half",
    )


def _dots(x: Floats, y: Floats, colour: str, hover: list[str]) -> dict[str, Any]:
    return {"type": "scatter", "x": x, "y": y, "mode": "lines+markers", "line": {"color": colour, "width": 2.25},
            "marker": {"size": 7, "line": {"color": "white", "width": 1}}, "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>", "cliponaxis": False}  # fmt: skip


def _shock_axis(moves: Floats, title: str) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": title}, "zeroline": False}
    return axis | ({"autorange": "reversed"} if (moves <= 0).all() else {})
