"""What the command line prints: results to stdout as table, JSON or CSV; progress to stderr, on a terminal only."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levcore import command_tables, flat_columns
from levcore._version import __version__
from levcore.command_tables import Table
from levcore.outcome import Outcome
from levcore.outcomes import Outcomes
from levcore.runs import Runs

if TYPE_CHECKING:
    from levcore.kept_sweeps import SweepStatus
    from levcore.resuming import Status
    from levcore.settings_build import Plan


def simulation(runs: Runs, file: Path, directory: Path, form: str) -> None:
    """Print the headline measures of many paths."""
    measures = command_tables.measures(runs)
    if form == "csv":
        _csv([("measure", "unit", "value", "low", "high", "confidence", "n", "low_sample"), *map(_cells, measures)])
    elif form == "json":
        names = ("measure", "unit", "value", "low", "high", "confidence", "n", "low_sample")
        _json(
            {
                "levcore": __version__,
                "scenario_file": str(file),
                "directory": str(directory),
                "seed": runs.seed,
                "paths": runs.paths,
                "steps": runs.steps,
                "step_seconds": runs.step.total_seconds(),
                "positions": len(runs.book),
                "numeraire": runs.numeraire,
                "failed_paths": sum(said is not None for said in runs.error),
                "measures": [dict(zip(names, _cells(one), strict=True)) for one in measures],
            }
        )
    else:
        _print(command_tables.simulation(runs, measures, file, directory))


def status(found: Status, form: str) -> None:
    """Print how far a run in a directory is."""
    said = {
        "directory": str(found.directory),
        "state": "finished" if found.finished else "unfinished",
        "paths": found.paths,
        "paths_done": found.done,
        "parts": found.parts,
        "parts_done": found.parts_done,
        "steps": found.plan["steps"],
        "step_seconds": found.plan["step"]["microseconds"] / 1e6,
        "seed": found.plan["seed"],
        "engine": found.plan["engine"],
        "levcore": found.plan["levcore"],
    }
    if form == "csv":
        _csv([tuple(said), tuple(said.values())])
    elif form == "json":
        _json(said)
    else:
        _print(command_tables.status(found))


def sweep(found: SweepStatus, form: str) -> None:
    """Print how far the points of a sweep are."""
    rows = [
        {
            "point": number,
            "state": "not begun" if run is None else "finished" if run.finished else "unfinished",
            "paths": None if run is None else run.paths,
            "paths_done": 0 if run is None else run.done,
            **{name: values[number] if number < len(values) else None for name, values in found.parameters.items()},
        }
        for number, run in ((number, found.runs.get(number)) for number in sorted({*found.runs, *found.not_begun}))
    ]
    if form == "csv":
        _csv([tuple(rows[0]) if rows else (), *(tuple(row.values()) for row in rows)])
    elif form == "json":
        said = {"directory": str(found.directory), "points": found.points}
        said |= {"points_finished": len(found.finished), "points_unfinished": len(found.unfinished)}
        _json(said | {"points_not_begun": len(found.not_begun), "runs": rows})
    else:
        _print(command_tables.sweep(found, rows))


def shocks(outcomes: Outcomes, plan: Plan, file: Path, form: str) -> None:
    """Print what each shock did."""
    shocked = {f"shock_{name}": outcomes.shocks[:, k].tolist() for k, name in enumerate(plan.market.names)}
    columns = shocked | flat_columns.flat(outcomes)
    if form == "csv":
        _csv(flat_columns.rows(columns))
    elif form == "json":
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        _json({**_about(plan, file), "outcomes": rows})
    else:
        _print(command_tables.shocks(outcomes, plan.book, plan.market, file))


def replay(outcome: Outcome, plan: Plan, file: Path, form: str) -> None:
    """Print what a replayed history did."""
    start = plan.options["times"][0] if "times" in plan.options else None
    steps = command_tables.step_columns(outcome, start)
    if form == "csv":
        _csv(flat_columns.rows(steps))
    elif form == "json":
        _json({**_about(plan, file), "outcome": flat_columns.flat_one(outcome), "steps": steps})
    else:
        _print(command_tables.replay(outcome, plan.book, plan.market, file, start))


def _about(plan: Plan, file: Path) -> dict[str, Any]:
    about = {"levcore": __version__, "scenario_file": str(file), "positions": len(plan.book)}
    return about | {"numeraire": plan.market.numeraire}


def _cells(measure: command_tables.Measure) -> tuple[Any, ...]:
    one = measure.estimate
    numbers = [value if math.isfinite(value) else None for value in (one.value, one.low, one.high)]
    return (measure.name, measure.unit, *numbers, one.confidence, one.n, one.low_sample)


def _json(content: Mapping[str, Any]) -> None:
    print(json.dumps(content, indent=2, allow_nan=False))


def _csv(rows: Any) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)


# ---- tables ----


def _print(parts: Sequence[Table | str]) -> None:
    """Print lines and tables: with rich on a terminal, as plain text in a pipe."""
    from rich.console import Console

    screen = Console(highlight=False)
    for part in parts:
        lines = part if isinstance(part, str) else "\n".join(aligned := _aligned(part))
        if isinstance(part, str) or not screen.is_terminal or max(map(len, aligned)) > screen.width:
            screen.print(lines, markup=False, emoji=False, soft_wrap=True)  # rich would cut what does not fit
        else:
            screen.print(_rich(part))


def _rich(table: Table) -> Any:
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for at, (name, unit) in enumerate(table.header):
        head = Text(name) if not table.has_units else Text.assemble(name, "\n", (unit, "dim"))
        drawn.add_column(head, justify="left" if at in table.left else "right", no_wrap=True)
    for row in table.rows:
        opening = all(not cell for cell in row[1:])
        drawn.add_row(*(Text(cell, style="bold" if opening else "") for cell in row))
    return drawn


def _aligned(table: Table) -> list[str]:
    lines = [tuple(name for name, _ in table.header)]
    lines += [tuple(unit for _, unit in table.header)] if table.has_units else []
    lines += list(table.rows)
    widths = [max(len(line[k]) for line in lines) for k in range(len(table.header))]
    return [
        "  ".join(
            cell.ljust(width) if k in table.left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


# ---- progress ----


@contextmanager
def busy(what: str, quiet: bool) -> Iterator[None]:
    """Say on a terminal that work is going on."""
    from rich.console import Console

    progress = Console(stderr=True)
    if quiet or not progress.is_terminal:
        yield
    else:
        with progress.status(what):
            yield


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[int, int], object] | None]:
    """Draw a bar on a terminal, and nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    screen = Console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
        return
    parts = TextColumn("Running paths"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*parts, console=screen, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
