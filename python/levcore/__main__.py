"""The command line, a table of contents: `levcore`, or `python -m levcore` (`pip install "levcore[cli]"`)."""

import sys
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    import typer
    from rich.console import Console

__all__ = ["application", "main"]


def main() -> None:
    """Run the command line and end the process: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        app = application()
    except KeyboardInterrupt:
        sys.exit(130)
    except ImportError as reason:
        if (reason.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print('the command line needs typer and rich: pip install "levcore[cli]"', file=sys.stderr)
        sys.exit(1)
    app(prog_name="levcore")


def application() -> "typer.Typer":
    """Build the commands.

    Returns
    -------
    typer.Typer
        The application.

    Raises
    ------
    ImportError
        typer is not installed.
    """
    import rich  # noqa: F401
    import typer

    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

    def version(wanted: bool) -> None:
        if wanted:
            from levcore._version import __version__

            typer.echo(f"levcore {__version__}")
            raise typer.Exit

    @app.callback()
    def levcore(
        version: Annotated[
            bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version and stop.")
        ] = False,
    ) -> None:
        """Liquidation cascades of leveraged positions.

        demo needs nothing; shock, simulate and replay run a scenario file. Ends with 0: done, 1: failed, 2: wrong usage
        or a wrong scenario file, 130: interrupted.
        """

    @app.command()
    def demo(
        positions: Annotated[int, typer.Option(min=2, help="Positions in the synthetic book.")] = 1_000_000,
        seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="Seed of the synthetic book.")] = 1,
        out: Annotated[Path, typer.Option(file_okay=False, help="Where the two pictures go.")] = Path("levcore-demo"),
    ) -> None:
        """Shock a synthetic BTCUSDT book by -1 % to -30 %: a table, two pictures, no network."""
        from levcore.errors import LevcoreError

        try:
            _demo(positions, seed, out)
        except BrokenPipeError:
            raise
        except (LevcoreError, OSError) as reason:
            typer.echo(f"levcore: {reason}", err=True)
            raise typer.Exit(1) from None

    from levcore.commands import COMMANDS

    for command in COMMANDS:
        app.command()(command)
    return app


def _demo(positions: int, seed: int, out: Path) -> None:
    from rich.console import Console

    from levcore import __version__
    from levcore.demo import aligned, crash_test, facts, pictures, rows

    out.mkdir(parents=True, exist_ok=True)  # what cannot be written is said before the work
    screen, progress = Console(), Console(stderr=True)
    with progress.status(f"Drawing {positions:,} positions and shocking them 30 times ..."):
        test = crash_test(positions, seed)
    if screen.is_terminal:
        _show(screen, facts(test), rows(test), f"levcore {__version__}")
    else:
        print(f"levcore {__version__}: a BTCUSDT crash test\n")
        for topic, text in facts(test):
            print(fill(text, 80, initial_indent=topic.ljust(8), subsequent_indent=8 * " "))
        print()
        print("\n".join(aligned(rows(test))), end="\n\n", flush=True)
    with progress.status("Drawing the pictures ..."):
        paths = pictures(test, out)
    print("\n".join(str(path) for path in paths))


def _show(screen: "Console", notes: list[tuple[str, str]], cells: list[tuple[str, ...]], name: str) -> None:
    """Print notes and table on a terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from levcore.demo import COLUMNS

    screen.print(Text.assemble((name, "bold"), ": a BTCUSDT crash test"), end="\n\n")
    grid = Table.grid(padding=(0, 2))
    for topic, text in notes:
        grid.add_row(Text(topic, style="bold"), Text(text))
    screen.print(grid)
    screen.print()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for head, unit in COLUMNS:
        table.add_column(f"{head}\n[dim]{unit}[/dim]" if unit else head, justify="right", no_wrap=True)
    for row in cells:
        move, debt = row[4], row[8]
        table.add_row(
            *row[:4], Text(move, style="bold"), *row[5:8], Text(debt, style="red" if debt != "0.0" else "dim")
        )
    screen.print(table)
    screen.print()


if __name__ == "__main__":
    main()
