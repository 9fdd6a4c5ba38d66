"""Tables of a study, in Markdown and CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from crash_data import Floats, missing
from crash_replays import ANEW, CAREFUL, LEAST, LONG, RETAIL, SHORT, VARIANTS, Study
from crash_windows import AssetWindow, Reported

SIDES = {"longs": LONG, "shorts": SHORT}
BESIDE = (RETAIL, CAREFUL, LEAST, ANEW)  # variants that stand beside what was reported
DASH = "\N{WORD JOINER}\N{EN DASH}\N{WORD JOINER}"  # where a line does not break
MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
NOTHING = "no record"
WHAT = "median of {books} drawn books (seeds 1 to {books}), least and most below it"


def spread(values: Floats, unit: float, digits: int) -> str:
    """Say a median over books, and below it their least and most."""
    middle, least, most = (f"{f(values) / unit:,.{digits}f}" for f in (np.median, np.min, np.max))
    return middle if least == most else f"{middle}<br>{least}{DASH}{most}"


def span(low: float, high: float, unit: float = 1e6) -> str:
    """Say a reported figure, in millions."""
    return f"{low / unit:,.0f}" if low == high else f"{low / unit:,.0f}{DASH}{high / unit:,.0f}"


def markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as a Markdown table; what comes after the first column stands to the right."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], f"| --- |{' ---: |' * (len(rows[0]) - 1)}", *lines[1:]]


def comparable(of: Study) -> list[Reported]:
    """Return what was reported, and the whole window of what was recorded of an asset."""
    found = list(of.window.reported)
    for one in of.window.recorded:
        total = float(of.recorded[one.name].sum())
        if one.asset is not None and total > 0.0:
            window = of.window
            found.append(Reported(asset=one.asset, start=window.start, end=window.end, low=total, high=total))
    return found


def within(of: Study, one: Reported) -> Floats:
    """Return what was liquidated of the reported asset and side in the reported hours: variant, book."""
    asset = [asset.name for asset in of.window.assets].index(one.asset)
    hours = of.notional[:, :, asset, of.window.hour(one.start) : of.window.hour(one.end)].sum(axis=2)
    found: Floats = hours.sum(axis=2) if one.side == "both" else hours[:, :, LONG if one.side == "long" else SHORT]
    return found


def day_table(of: Study) -> list[str]:
    """Return the table by day, in millions."""
    assets = [asset.name for asset in of.window.assets]
    head = ["UTC", *(f"{asset} low, %" for asset in assets)]
    head += [f"{asset} {side}" for asset in assets for side in SIDES]
    rows = [[*head, *of.recorded]]
    for day, hours in of.window.days().items():
        row = [str(day), *(low(of, asset, hours) for asset in assets)]
        each = of.notional[RETAIL][:, :, hours].sum(axis=2)
        for a, asset in enumerate(assets):
            known = recorded_in(of, asset, hours)
            row += [spread(each[:, a, side], 1e6, 0) if known else NOTHING for side in SIDES.values()]
        rows.append([*row, *(f"{found[hours].sum() / 1e6:,.1f}" for found in of.recorded.values())])
    return markdown(rows)


def low(of: Study, asset: str, hours: slice) -> str:
    """Say the lowest recorded price of some hours against the window's first."""
    if not recorded_in(of, asset, hours):
        return NOTHING
    bars = of.bars[asset].between(of.window.start + hours.start, of.window.start + hours.stop)
    return f"{100.0 * (bars.low.min() / of.before[asset].price - 1.0):+.1f}".replace("-", MINUS)


def recorded_in(of: Study, asset: str, hours: slice) -> bool:
    """Whether there is any bar in some hours: what has no record is no zero."""
    return len(of.bars[asset].between(of.window.start + hours.start, of.window.start + hours.stop)) > 0


def lacking(of: Study, one: Reported) -> str:
    """Say how many of the reported hours the record of prices does not have."""
    gone = missing(of.bars[one.asset], of.window)
    hours = sum(max(0.0, hours_of(min(b, one.end) - max(a, one.start))) for a, b in gone)
    return f"<br>{hours:g} hours without a record" if hours else ""


def reported_table(of: Study) -> list[str]:
    """Return what was reported beside what four kinds of books lose in those hours, in millions, and their ratios."""
    rows = [["", "hours, UTC", "millions", *(VARIANTS[v].name for v in BESIDE)]]
    for one in comparable(of):
        side = {"both": "", "long": " longs", "short": " shorts"}[one.side]
        found = within(of, one)
        cells = []
        for v in BESIDE:
            middle, words = float(np.median(found[v])), spread(found[v], 1e6, 0).split("<br>")
            words[0] += f" ({ratio(middle, one)})"
            cells.append("<br>".join(words))
        hours = f"{hour(one.start)} to {hour(one.end)}{lacking(of, one)}"
        rows.append([f"{one.asset}{side}", hours, span(one.low, one.high), *cells])
    return markdown(rows)


def hour(moment: np.datetime64) -> str:
    """Say an hour of a day."""
    return str(moment.astype("datetime64[m]")).replace("T", " ")


def ratio(simulated: float, one: Reported) -> str:
    """Say how many times the middle of what was reported."""
    return f"{TIMES}{simulated / (0.5 * (one.low + one.high)):.2g}"


def variant_table(of: Study) -> list[str]:
    """Return what the assumptions do to the whole window: share of the open interest, and how far the price went."""
    rows = [["The window as a whole"]]
    for asset in of.window.assets:
        rows[0] += [f"{asset.name} longs, %", f"{asset.name} shorts, %", f"{asset.name} lowest price, %"]
    total = of.notional.sum(axis=3)
    for v, variant in enumerate(VARIANTS):
        row = [variant.name]
        for a, asset in enumerate(of.window.assets):
            interest = variant.share * asset.open_interest
            row += [spread(total[v, :, a, side] / interest, 0.01, 1) for side in SIDES.values()]
            row.append(spread(of.lowest[v, :, a] / of.before[asset.name].price - 1.0, 0.01, 1).replace("-", MINUS))
        rows.append(row)
    return markdown(rows)


def assumptions(of: Study) -> list[str]:
    """Say what was read and what is assumed."""
    window = of.window
    drawn = f"{of.books} books (seeds 1 to {of.books}) of {of.positions:,} positions an asset"
    lines = [f"- {drawn}; volume of all venues: {window.volume:g} times that of the history's file."]
    for asset in window.assets:
        bars, before = of.bars[asset.name], of.before[asset.name]
        note = f"; {asset.note}" if asset.note else ""
        hours = len(before.history) * hours_of(before.history.step)
        known = f"volatility {100 * before.volatility:.1f} %, volume {before.volume:,.0f} {asset.name} a day"
        lines += [
            f"- {asset.name}, open interest: {asset.open_interest / 1e9:,.2f} billion{note}.",
            f"- {asset.name}, prices: bars of {minutes(bars.step)} from {Path(asset.bars).name}.{gaps(of, asset)}",
            f"- {asset.name}, before: {hours:g} hours from {Path(asset.history).name}; {known}.",
        ]
    lines += [f"- Reported, {one.asset}: {one.source}." for one in window.reported if one.source]
    return lines


def gaps(of: Study, asset: AssetWindow) -> str:
    """Say what the record lacks."""
    gone = missing(of.bars[asset.name], of.window)
    if not gone:
        return ""
    said = ", ".join(f"{hour(start)} to {hour(end)}" for start, end in gone[:5])
    more = f" and {len(gone) - 5} more stretches" if len(gone) > 5 else ""
    return f" No record of {said}{more}: the parts are replayed apart."


def hours_of(step: np.timedelta64) -> float:
    """Return a step in hours."""
    return float(step / np.timedelta64(1, "h"))


def minutes(step: np.timedelta64) -> str:
    """Say a step."""
    count = float(step / np.timedelta64(1, "m"))
    return f"{count:g} minute" + ("s" if count != 1 else "")


def page(of: Study) -> str:
    """Return the tables of a window."""
    what = WHAT.format(books=of.books)
    lines = [f"Liquidated notional by day, {of.window.title}, prices as recorded, millions of US dollars: {what}."]
    lines += ["", *day_table(of), ""]
    if comparable(of):
        beside = "Beside what was reported or recorded, millions of US dollars; the ratio of the medians in brackets"
        lines += [f"{beside}: {what}.", "", *reported_table(of), ""]
    lines += [f"What the assumptions do, in % of the open interest that is in the book: {what}.", ""]
    lines += [*variant_table(of), "", "What was read, and what is assumed:", "", *assumptions(of)]
    return "\n".join(lines) + "\n"


def summary(studies: Sequence[Study]) -> str:
    """Return one table of all windows: what was reported, and the ratio to it."""
    rows = [["Window", "asset", "open interest, billions", "reported, millions", *(VARIANTS[v].name for v in BESIDE)]]
    for of in studies:
        for one in comparable(of):
            interest = next(asset.open_interest for asset in of.window.assets if asset.name == one.asset)
            found = within(of, one)
            ratios = [f"{ratio(float(np.median(found[v])), one)}" for v in BESIDE]
            rows.append([of.window.title, one.asset, f"{interest / 1e9:,.2f}", span(one.low, one.high), *ratios])
    said = "Median liquidated notional in the hours of each report, as a multiple of what was reported or recorded"
    return "\n".join([f"{said}.", "", *markdown(rows)]) + "\n"


def write_csv(of: Study, path: Path) -> None:
    """Write what each variant lost, by day, asset and side, and what was recorded."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n").writerow
        write(["window", "day", "variant", "asset", "side", "median_usd", "least_usd", "most_usd"])
        for day, hours in of.window.days().items():
            each = of.notional[:, :, :, hours].sum(axis=3)
            for v, variant in enumerate(VARIANTS):
                for a, asset in enumerate(of.window.assets):
                    if not recorded_in(of, asset.name, hours):
                        continue
                    for name, side in SIDES.items():
                        found = [f(each[v, :, a, side]) for f in (np.median, np.min, np.max)]
                        row = [of.window.name, day, variant.name, asset.name, name]
                        write([*row, *(f"{value:.2f}" for value in found)])
            for name, recorded in of.recorded.items():
                write([of.window.name, day, f"recorded: {name}", "", "", *[f"{recorded[hours].sum():.2f}"] * 3])
