"""The command line, a table of contents: `levcore`, or `python -m levcore` (`pip install "levcore[cli]"`)."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    import typer

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
        paths: Annotated[int, typer.Option(min=1, max=100_000, help="Paths of the simulated day.")] = 1_000,
        seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="Seed of the book and of the paths.")] = 1,
        out: Annotated[Path, typer.Option(file_okay=False, help="Where report and pictures go.")] = Path(
            "levcore-demo"
        ),
    ) -> None:
        """Shock a synthetic BTCUSDT book by -1 % to -30 %, simulate a day of it, write a report; no network."""
        from levcore import demo_screen
        from levcore.errors import LevcoreError

        try:
            demo_screen.run(positions, paths, seed, out)
        except BrokenPipeError:
            raise
        except (LevcoreError, OSError) as reason:
            typer.echo(f"levcore: {reason}", err=True)
            raise typer.Exit(1) from None

    from levcore.commands import COMMANDS

    for command in COMMANDS:
        app.command()(command)
    return app


if __name__ == "__main__":
    main()
