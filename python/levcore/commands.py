"""The commands that run a scenario file and what they leave behind; `levcore.__main__` puts them together."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from levcore.settings_build import Plan

File = Annotated[
    Path, typer.Argument(metavar="FILE.toml", exists=True, dir_okay=False, show_default=False, help="Scenario file.")
]
Format = Annotated[Literal["table", "json", "csv"], typer.Option("--format", "-f", help="How results are printed.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; results and errors only.")]


def simulate(
    file: File,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", show_default=False, help="Where the paths go.")],
    paths: Annotated[int | None, typer.Option("--paths", "-n", min=1, help="Instead of run.paths.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**64 - 1, help="Instead of run.seed.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Instead of run.threads.")] = None,
    form: Format = "table",
    quiet: Quiet = False,
) -> None:
    """Run the paths of a scenario file, keep them, and sum them up.

    For scenario.kind = "gbm" or another process. DIR must be new, empty, or hold an earlier simulation, which is
    replaced once the new one is whole; `levcore report DIR` makes a page of it. What was finished is kept if the run is
    stopped: the same command, or `levcore resume DIR`, goes on from there.
    """
    with _told():
        from levcore import command_output as say
        from levcore.montecarlo import simulate_into
        from levcore.storing import check_place

        check_place(out)
        plan = _plan(file, "simulate", quiet, paths=paths, seed=seed, threads=threads)
        with say.progress(quiet) as progress:
            runs = simulate_into(
                out, plan.book, plan.market, plan.scenario, **plan.options, scenario_file=plan.text, progress=progress
            )
        say.simulation(runs, file, out, form)
        _stopped(*runs.error)


def shock(file: File, form: Format = "table", quiet: Quiet = False) -> None:
    """Run the shocks of a scenario file.

    For scenario.kind = "shock": one, or several, each on its own.
    """
    with _told():
        import numpy as np

        from levcore import command_output as say
        from levcore.cascade import shock

        plan = _plan(file, "shock", quiet)
        moves = plan.scenario
        if not isinstance(moves, np.ndarray):
            each = moves if isinstance(moves, dict) else dict.fromkeys(plan.market.names, moves)
            moves = np.array([[each.get(name, 0.0) for name in plan.market.names]])
        with say.busy("Running the shocks ...", quiet):
            outcomes = shock(plan.book, plan.market, moves)
        say.shocks(outcomes, plan, file, form)
        _stopped(*outcomes.error)


def replay(file: File, form: Format = "table", quiet: Quiet = False) -> None:
    """Run the recorded prices of a scenario file, as one path.

    For scenario.kind = "replay". The table shows up to 24 stretches of it, json and csv every step. Recorded prices
    already hold the impact of the liquidations of their day.
    """
    with _told():
        from levcore import command_output as say
        from levcore.errors import InputError, SettingsError
        from levcore.replaying import replay

        plan = _plan(file, "replay", quiet)
        with say.busy("Replaying ...", quiet):
            try:
                outcome = replay(plan.book, plan.market, plan.scenario, **plan.options)
            except InputError as reason:  # of the recorded prices that the scenario file names
                raise SettingsError(f"{file}: scenario.file: {reason}") from None
        say.replay(outcome, plan, file, form)
        _stopped(outcome.error)


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", show_default=False, help="What `simulate` left.")],
    title: Annotated[str | None, typer.Option(help="Heading of the page.", show_default=False)] = None,
    quiet: Quiet = False,
) -> None:
    """Make a page to mail of simulated paths: DIR/report.html.

    Prints its path. The page holds everything it needs and loads nothing.
    """
    with _told():
        from levcore import command_output as say

        with say.busy("Writing the report ...", quiet):
            page = _report(directory, title)
        typer.echo(page)


Directory = Annotated[
    Path, typer.Argument(metavar="DIR", show_default=False, help="What `simulate` or a sweep, stopped or not, left.")
]


def status(directory: Directory, form: Format = "table") -> None:
    """Say how far a run in a directory is: paths that are finished, of how many, and what was asked for.

    Of a sweep: which of its points are finished, stopped on the way, or not begun.
    """
    with _told():
        from levcore import command_output as say
        from levcore import kept_sweeps, resuming

        if kept_sweeps.is_sweep(directory):
            say.sweep(kept_sweeps.status(directory), form)
        else:
            say.status(resuming.status(directory), form)


def resume(
    directory: Directory,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Threads of this call.")] = None,
    form: Format = "table",
    quiet: Quiet = False,
) -> None:
    """Go on with a run that was stopped, from what its directory holds, and sum it up.

    Of a sweep, the points that were begun are finished. Those that were not, and the measures, need the program that
    called `lc.study.sweep`: the same call goes on with the directory. The exit code is then 1.
    """
    with _told():
        from levcore import command_output as say
        from levcore import kept_sweeps
        from levcore.unfinished_runs import finish

        if kept_sweeps.is_sweep(directory):
            with say.progress(quiet) as progress:
                found, errors = kept_sweeps.finish(directory, threads=threads, progress=progress)
            say.sweep(found, form)
            unknown = ["how many points there are"] if found.points is None else []
            _stopped(*errors, *map(str, found.not_begun), *unknown)
            return
        with say.progress(quiet) as progress:
            runs = finish(directory, threads=threads, progress=progress)
        say.simulation(runs, directory, directory, form)
        _stopped(*runs.error)


def schema() -> None:
    """Print the JSON Schema of scenario files.

    Editors complete and check keys with it: `levcore schema > levcore.schema.json`, and in the first line of a file
    `#:schema levcore.schema.json`.
    """
    with _told():
        from levcore import settings

        typer.echo(json.dumps(settings.schema(), indent=2))


COMMANDS: tuple[Callable[..., None], ...] = (shock, simulate, status, resume, replay, report, schema)


def _plan(file: Path, command: str, quiet: bool, **overrides: int | None) -> Plan:
    from levcore import command_output as say
    from levcore import settings_read

    read = settings_read.read(file, overrides, command=command)
    from levcore.settings_build import build

    with say.busy("Making the book ...", quiet):
        return build(read)


def _report(directory: Path, title: str | None) -> Path:
    import numpy as np

    from levcore import report, storing
    from levcore.cascade import shock

    runs = storing.read(directory)
    shocks = shock(runs.book, runs.market, -np.arange(1, 31) / 100)
    page, partial = directory / "report.html", directory / ".report.html.partial"
    try:
        report.write(runs, partial, title=title, shocks=shocks)
        return partial.replace(page)
    finally:
        partial.unlink(missing_ok=True)


def _stopped(*errors: str | None) -> None:
    """A result of which a part is unknown is no success; what stopped, and why, has been printed."""
    if any(error is not None for error in errors):
        raise typer.Exit(1)


@contextmanager
def _told() -> Iterator[None]:
    """Turn errors into a word on stderr and an exit code: 2 for a wrong scenario file, 1 for anything else."""
    from levcore.errors import LevcoreError, SettingsError

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\d.* stopped early", RuntimeWarning)  # the tables say so
            yield
    except BrokenPipeError:
        raise
    except SettingsError as reason:
        said = str(reason)
        typer.echo(f"levcore: a wrong scenario file\n{said}" if "\n" in said else f"levcore: {said}", err=True)
        raise typer.Exit(2) from None
    except (LevcoreError, OSError) as reason:
        typer.echo(f"levcore: {reason}", err=True)
        raise typer.Exit(1) from None
