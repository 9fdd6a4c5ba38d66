"""The tables of the command line: headline measures of paths, shocks row by row, a replay stretch by stretch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore import flat_columns, grouped
from levcore._version import __version__
from levcore.book import Book
from levcore.display import money, plural, price
from levcore.estimates import Estimate
from levcore.grouped import Draw
from levcore.market import Market
from levcore.outcome import Outcome
from levcore.outcomes import Outcomes
from levcore.report_numbers import FEWEST_FOR_A_TAIL, LEVEL, percent, span
from levcore.run_measures import draw_of
from levcore.runs import Runs

if TYPE_CHECKING:
    from levcore.kept_sweeps import SweepStatus
    from levcore.resuming import Status

Floats = npt.NDArray[np.float64]

#: Stretches that a replay is told in, in seconds; the shortest that makes no more rows than this.
STRETCHES = (1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 604_800, 2_592_000)
MOST_ROWS = 24
SUMMED = {
    "liquidated_notional_long": "longs closed",
    "liquidated_notional_short": "shorts closed",
    "bad_debt": "bad debt",
}


@dataclass(frozen=True)
class Table:
    """A table: names and units on top, and which columns stand to the left."""

    header: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    left: tuple[int, ...] = (0,)

    @property
    def has_units(self) -> bool:
        """Whether any column has a unit."""
        return any(unit for _, unit in self.header)


@dataclass(frozen=True)
class Measure:
    """A headline number: its name, the group it is printed under, its unit, and how sure it is."""

    name: str
    group: str
    label: str
    unit: str
    estimate: Estimate


# ---- many paths ----


def measures(runs: Runs) -> list[Measure]:
    """Estimate the headline numbers of a simulation; nan where paths stopped early, for nobody knows how they end."""
    money_of = runs.numeraire
    events = (
        ("liquidation_probability", "any liquidation", runs.liquidated_count > 0),
        ("bad_debt_probability", "bad debt", runs.bad_debt > 0.0),
        ("exhausted_fund_probability", "an exhausted fund", runs.exhausted),
    )
    draw = draw_of(runs, 0.95)
    found = [
        Measure(name, "probability of", label, "share", grouped.probability(event, draw))
        for name, label, event in events
    ]
    count = grouped.mean(runs.liquidated_count.astype(np.float64), draw)
    found.append(Measure("liquidated_count_mean", "positions liquidated", "mean", "positions", count))
    for name, group, losses in (
        ("liquidated_notional", "liquidated notional", runs.liquidated_notional),
        ("bad_debt", "bad debt", runs.bad_debt),
        (
            "insurance_fund_drawn",
            "drawn from the fund",
            runs.book.venue.backstop.total_funds - runs.insurance_fund_low,
        ),
    ):
        found.append(Measure(f"{name}_mean", group, "mean", money_of, grouped.mean(losses, draw)))
        found.append(
            Measure(f"{name}_value_at_risk_99", group, "VaR 99 %", money_of, _tail(grouped.value_at_risk, losses, draw))
        )
        shortfall = _tail(grouped.expected_shortfall, losses, draw)
        found.append(Measure(f"{name}_expected_shortfall_99", group, "ES 99 %", money_of, shortfall))
    if any(error is not None for error in runs.error):
        unknown = Estimate(np.nan, np.nan, np.nan, 0.95, runs.paths, True)
        return [replace(one, estimate=unknown) for one in found]
    return found


def _tail(measure: Callable[[Floats, float, Draw], Estimate], losses: Floats, draw: Draw) -> Estimate:
    """Estimate what lies beyond 99 %; nan of fewer than 100 paths, of which none does."""
    if len(losses) < FEWEST_FOR_A_TAIL:
        return Estimate(np.nan, np.nan, np.nan, 0.95, len(losses), True)
    return measure(losses, LEVEL, draw)


def simulation(runs: Runs, found: Sequence[Measure], file: Path, directory: Path) -> list[Table | str]:
    """Lay out the summary of a simulation."""
    total = span(np.timedelta64(runs.step) * runs.steps)
    about = (
        f"{plural(runs.paths, 'path')} of {total} in steps of {span(runs.step)}, {plural(len(runs.book), 'position')}"
    )
    rows: list[tuple[str, ...]] = []
    for at, one in enumerate(found):
        if at == 0 or found[at - 1].group != one.group:
            rows.append((one.group, "", "", "", ""))
        value, low, high = (
            _written(number, one.unit) for number in (one.estimate.value, one.estimate.low, one.estimate.high)
        )
        unit = "" if one.unit == "share" else one.unit
        known = np.isfinite(one.estimate.value)
        star = "*" if known and one.estimate.low_sample else ""
        rows.append((f"  {one.label}", value, star, f"{low} to {high}" if known else "", unit if known else ""))
    header = (("", ""), ("value", ""), ("", ""), ("95 % interval", ""), ("", ""))
    parts: list[Table | str] = [f"levcore {__version__}: {file}", f"{about}, seed {runs.seed}", ""]
    parts += [Table(header, tuple(rows), left=(0, 2, 4)), ""]
    if any(one.estimate.low_sample for one in found):
        parts.append("* fewer than 200 paths decide this: the interval itself is uncertain")
    if runs.paths < FEWEST_FOR_A_TAIL:
        parts.append(f"VaR and ES at 99 % are unknown of fewer than {FEWEST_FOR_A_TAIL} paths")
    failed = sum(said is not None for said in runs.error)
    if failed:
        parts.append(f"{plural(failed, 'path')} stopped early: see the column error of {directory / 'paths.csv'}")
    return [*parts, f"{directory}: the paths; `levcore report {directory}` makes a page of them"]


def status(found: Status) -> list[Table | str]:
    """Lay out how far a run in a directory is."""
    plan = found.plan
    total = span(np.timedelta64(plan["step"]["microseconds"], "us") * plan["steps"])
    seed = "" if plan["seed"] is None else f", seed {plan['seed']}"
    asked = f"{plural(found.paths, 'path')} of {total}{seed}, levcore {plan['levcore']}"
    if found.finished:
        return [f"{found.directory}: finished", asked]
    left = f"{found.done:,} of them ({found.done / found.paths:.1%}) are finished, in {found.parts_done:,} of "
    return [
        f"{found.directory}: not finished",
        asked,
        f"{left}{plural(found.parts, 'file')}; `levcore resume {found.directory}` runs the others",
    ]


def sweep(found: SweepStatus, rows: Sequence[Mapping[str, Any]]) -> list[Table | str]:
    """Lay out how far the points of a sweep are, and what can be done about the others."""
    folder, begun, waiting = found.directory, len(found.unfinished), len(found.not_begun)
    done = found.points is not None and len(found.finished) == found.points
    said: list[Table | str] = [f"{folder}: a sweep, {'finished' if done else 'not finished'}"]
    asked = (
        "an unknown number of points (there is no sweep.json)"
        if found.points is None
        else plural(found.points, "point")
    )
    said.append(f"{asked}: {len(found.finished):,} finished, {begun:,} stopped on the way, {waiting:,} not begun")
    header = tuple((name.replace("_", " "), "") for name in rows[0]) if rows else ()
    cells = tuple(
        tuple("" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row.values())
        for row in rows
    )
    said.append(Table(header, cells, left=(1,)))
    if begun:
        said.append(f"`levcore resume {folder}` finishes those that were stopped on the way")
    if waiting or found.points is None:
        said.append(
            "points that were not begun cannot be run from the directory: the same call of lc.study.sweep runs them, "
            "and nothing twice"
        )
    said.append("measures are made by the same call of lc.study.sweep; lc.storing.read gives the run of a point")
    return said


def _written(value: float, unit: str) -> str:
    if not np.isfinite(value):
        return "unknown"
    if unit == "share":
        return percent(value)
    if unit == "positions":
        return f"{value:,.1f}" if abs(value) < 1_000 else f"{value:,.0f}"
    return money(value)


# ---- shocks ----


def shocks(outcomes: Outcomes, book: Book, market: Market, file: Path) -> list[Table | str]:
    """Lay out what each shock did: what it cost, then what it did to prices."""
    about = f"{plural(len(book), 'position')}, {plural(len(outcomes), 'shock')}"
    alone = len(market) == 1
    labels = [_share(move) if alone else str(row + 1) for row, move in enumerate(outcomes.shocks[:, 0].tolist())]
    places = labels if alone else [one if k == 0 else "" for one in labels for k in range(len(market))]
    costs = _table({("shock", ""): labels} | _totals(outcomes), left=())
    moves = _table({("shock", ""): places} | _assets(outcomes, market), left=() if alone else (1,))
    parts: list[Table | str] = [f"levcore {__version__}: {file}", about, "", costs, "", moves]
    failed = [f"shock {row + 1}: {said}" for row, said in enumerate(outcomes.error) if said is not None]
    return [*parts, "", *failed] if failed else parts


def _totals(outcomes: Outcomes) -> dict[tuple[str, str], list[str]]:
    unit = outcomes.numeraire
    columns = {
        ("rounds", ""): [f"{count:,}" for count in outcomes.rounds.tolist()],
        ("liquidated", "positions"): [f"{count:,}" for count in outcomes.liquidated_count.tolist()],
    }
    always = ("liquidated_notional", "notional"), ("insurance_fund", "fund"), ("bad_debt", "bad debt")
    seldom = (
        ("deleveraged_notional", "deleveraged"),
        ("taken_over_notional", "taken over"),
        ("socialised_loss", "socialised"),
    )
    for name, label in (*always[:2], *seldom, *always[2:]):
        values = getattr(outcomes, name).tolist()
        if any(values) or (name, label) in always:
            columns[(label, unit)] = [money(value) for value in values]
    return columns


def _assets(outcomes: Outcomes, market: Market) -> dict[tuple[str, str], list[str]]:
    """Return columns with a row for each shock and asset."""
    columns: dict[tuple[str, str], list[str]] = {}
    for row in range(len(outcomes)):
        for k, (name, start) in enumerate(market.prices.items()):
            end, used = outcomes.final_price[name][row], outcomes.depth_used[name][row]
            several = {("asset", ""): name, ("moved", "by"): _share(outcomes.shocks[row, k])} if len(market) > 1 else {}
            cells = several | {
                ("final", outcomes.numeraire): price(end),
                ("final", "move"): _move(end / start - 1.0),
                ("amplified", "times"): _ratio(outcomes.amplification[name][row]),
                ("depth", "used"): _ratio(used),
            }
            for head, cell in cells.items():
                columns.setdefault(head, []).append(cell)
    return {head: cells for head, cells in columns.items() if any(cells)}


def _table(columns: dict[tuple[str, str], list[str]], left: tuple[int, ...]) -> Table:
    return Table(tuple(columns), tuple(zip(*columns.values(), strict=True)), left)


def _share(value: float) -> str:
    return f"{100 * value:+.4g} %" if value else "0 %"


def _move(share: float) -> str:
    return f"{100 * share:+.2f} %" if share else "0 %"


def _ratio(value: float) -> str:
    return "" if np.isnan(value) else f"{value:,.2f}"


# ---- a replay ----


def step_columns(outcome: Outcome, start: np.datetime64 | None) -> dict[str, list[Any]]:
    """Return a path's series, a row a step, with units in the names."""
    kept: Any = outcome.steps_kept
    columns: dict[str, list[Any]] = {"time_seconds": flat_columns.plainly(kept.time)}
    if start is not None:
        columns["time_utc"] = [f"{moment!s}Z" for moment in (start + kept.time).astype("datetime64[ms]")]
    for name, value in vars(kept).items():
        if isinstance(value, dict):
            columns |= {flat_columns.named(name, outcome.numeraire, a): v[0].tolist() for a, v in value.items()}
        elif name != "time":
            columns[flat_columns.named(name, outcome.numeraire)] = value[0].tolist()
    return columns


def replay(outcome: Outcome, book: Book, market: Market, file: Path, start: np.datetime64 | None) -> list[Table | str]:
    """Lay out a replay: what it did in all, then stretch by stretch."""
    kept: Any = outcome.steps_kept
    seconds = (kept.time / np.timedelta64(1, "s")).astype(np.float64)
    each = next((size for size in STRETCHES if seconds[-1] / size <= MOST_ROWS), STRETCHES[-1])
    stretch = np.maximum(np.ceil(seconds / each), 1)
    last = np.flatnonzero(np.append(np.diff(stretch) > 0, True))
    unit = outcome.numeraire
    columns = {("until", "since start" if start is None else "UTC"): [_moment(kept.time[at], start) for at in last]}
    for name in market.names:
        columns[(name, unit)] = [price(value) for value in kept.mark_price[name][0][last]]
    for name, label in SUMMED.items():
        sums = np.add.reduceat(getattr(kept, name)[0], np.append(0, last[:-1] + 1))
        columns[(label, unit)] = [money(value) for value in sums]
    columns[("fund", unit)] = [money(value) for value in kept.insurance_fund[0][last]]
    head = [f"levcore {__version__}: {file}", f"{plural(len(book), 'position')}, {plural(len(kept.time), 'step')}", ""]
    rows = outcome._rows()
    wide = max(len(label) for label, _ in rows)
    blank = " " * (wide + 4)
    said = [fill(words, 80, initial_indent=f"  {label:<{wide}}  ", subsequent_indent=blank) for label, words in rows]
    return [*head, *said, "", _table(columns, left=(0,))]


def _moment(since: np.timedelta64, start: np.datetime64 | None) -> str:
    if start is None:
        return str(since.astype("timedelta64[s]").item())
    return str((start + since).astype("datetime64[s]")).replace("T", " ")
