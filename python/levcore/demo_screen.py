"""What `levcore demo` shows: progress on a terminal, then facts, tables and files; in a pipe plain text alone."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from levcore._version import __version__
from levcore.demo import COLUMNS, crash_test, facts, need_extras, numbers, one_day, rows, save
from levcore.display import tied
from levcore.report_numbers import headline

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from levcore.demo import CrashTest
    from levcore.runs import Runs

__all__ = ["aligned", "run"]

WIDTH = 80


def run(positions: int, paths: int, seed: int, out: Path) -> None:
    """Run the demo from the drawing of the book to its report.

    Parameters
    ----------
    positions, paths : int
        Sizes of the book and of the simulation.
    seed : int
        Of both.
    out : Path
        The directory of the report and the pictures; made if it is not there.

    Raises
    ------
    LevcoreError
        As `crash_test`, `one_day` and `save`.
    OSError
        The directory cannot be written.
    """
    from rich.console import Console

    out.mkdir(parents=True, exist_ok=True)  # what cannot be written or made is said before the work
    need_extras()
    screen, aside = Console(), Console(stderr=True)
    with _progress(aside) as progress:
        progress.add_task(f"Drawing {positions:,} positions and shocking them 30 times", total=None)
        test = crash_test(positions, seed)
    (_show_shocks if screen.is_terminal else _print_shocks)(screen, test)
    with _progress(aside) as progress:
        task = progress.add_task(f"Simulating {paths:,} days, minute by minute", total=paths)
        runs = one_day(test, paths, lambda done, total: progress.update(task, completed=done, total=total))
    (_show_numbers if screen.is_terminal else _print_numbers)(screen, test, runs)
    with _progress(aside) as progress:
        progress.add_task("Writing the report", total=None)
        files = save(test, runs, out)
    print("\n".join(str(file) for file in files))


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    parts = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn())
    return Progress(*parts, console=console, transient=True, disable=not console.is_terminal)


def aligned(lines: list[tuple[str, ...]], left: int = 0) -> list[str]:
    """Lay cells out as plain text, columns side by side.

    Parameters
    ----------
    lines : list of tuple of str
        The cells, as many in each line.
    left : int
        How many columns, from the first, stand flush left; the others stand flush right.

    Returns
    -------
    list of str
        A line each.
    """
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(w) if k < left else cell.rjust(w) for k, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]


# --- In a pipe --------------------------------------------------------------------------------------------------------


def _print_shocks(_: Console, test: CrashTest) -> None:
    print(f"levcore {__version__}: a BTCUSDT crash test\n")
    for topic, text in facts(test):
        print(fill(tied(text), WIDTH, initial_indent=topic.ljust(8), subsequent_indent=8 * " "))
    head = [tuple(name for name, _ in COLUMNS), tuple(unit for _, unit in COLUMNS)]
    print("\nShocks\n")
    print("\n".join(aligned([*head, *rows(test)])), end="\n\n", flush=True)


def _print_numbers(_: Console, test: CrashTest, runs: Runs) -> None:
    print(f"One day, {runs.paths:,} paths\n")
    print("\n".join(line.rstrip() for line in aligned([("", "estimate", "95 % interval"), *numbers(runs)], left=1)))
    print()
    print(fill(tied(" ".join(headline(runs, test.outcome).sentences)), WIDTH), end="\n\n", flush=True)


# --- On a terminal ----------------------------------------------------------------------------------------------------


def _show_shocks(screen: Console, test: CrashTest) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    screen.print(Text.assemble((f"levcore {__version__}", "bold"), ": a BTCUSDT crash test"), end="\n\n")
    grid = Table.grid(padding=(0, 2))
    for topic, text in facts(test):
        grid.add_row(Text(topic, style="bold"), Text(tied(text)))
    screen.print(grid)
    screen.print(Text("\nShocks\n", style="bold"))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for head, unit in COLUMNS:
        table.add_column(f"{head}\n[dim]{unit}[/dim]" if unit else head, justify="right", no_wrap=True)
    for row in rows(test):
        move, debt = row[4], row[8]
        table.add_row(
            *row[:4], Text(move, style="bold"), *row[5:8], Text(debt, style="red" if debt != "0.0" else "dim")
        )
    screen.print(table)


def _show_numbers(screen: Console, test: CrashTest, runs: Runs) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    screen.print(Text(f"\nOne day, {runs.paths:,} paths\n", style="bold"))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column("")
    table.add_column("estimate", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right")
    for name, value, interval in numbers(runs):
        table.add_row(Text(name), Text(value, style="bold"), Text(interval, style="dim"))
    screen.print(table)
    screen.print()
    screen.print(Text(tied(" ".join(headline(runs, test.outcome).sentences))), end="\n\n")
