"""Replay crashes on synthetic books, and write a picture and tables of each: liquidated notional by day.

    python docs/studies/crashes.py FOLDER
    python docs/studies/crashes.py FOLDER ELSEWHERE --windows mine.toml --out there
    python docs/studies/crashes.py FOLDER --asset BTC=12.8e9 --bars bars.csv.gz --start 2022-06-12 --end 2022-06-19

FOLDER holds recorded bars, CSV, plain or gzip: `ts_ms` (when a bar opened, UTC, epoch milliseconds), `symbol` (or
`coin`), `open`, `high`, `low`, `close`, `volume` (base units). Files are looked for in each folder and below.

The windows studied are those of crashes.toml, beside this file; `--windows` takes another file of that form, and
`--bars` a single window. Random books give an interval, not the errors of the assumptions: the tables show what those
do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crash_pictures import picture
from crash_replays import BOOKS, POSITIONS, study
from crash_tables import comparable, page, summary, write_csv
from crash_windows import StudyError, Window, read_windows, windows_of

import levcore as lc

WINDOWS = Path(__file__).with_suffix(".toml")
OF_ONE = ("asset", "bars", "history", "start", "end", "volume", "name", "venue", "tiers", "recorded")


def arguments_of(given: Sequence[str] | None) -> argparse.Namespace:
    """Return the options, checked as far as no file is needed."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="The head of this file and docs/crashes.md say more."
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="where recorded bars are")
    parser.add_argument("--windows", type=Path, help=f"windows to study; left out: {WINDOWS.name}, the five crashes")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of these windows")
    parser.add_argument("--out", type=Path, default=Path(), help="where pictures and tables go; left out: here")
    parser.add_argument("--books", type=int, default=BOOKS, help="how many are drawn")
    parser.add_argument("--positions", type=int, default=POSITIONS, help="per asset and book")
    parser.add_argument("--csv", action="store_true", help="write what each assumption gives by day as CSV, too")
    one = parser.add_argument_group("one window, instead of a file of windows")
    one.add_argument("--asset", action="append", metavar="NAME=USD", help="an asset and its open interest, one side")
    one.add_argument("--bars", metavar="FILE", help="bars of the window")
    one.add_argument("--history", metavar="FILE", help="bars of the days before; left out: the same file")
    one.add_argument("--start", metavar="TIME", help="first hour, UTC, as 2022-06-12 or 2022-06-12T08:00")
    one.add_argument("--end", metavar="TIME", help="hour after the last")
    one.add_argument("--volume", type=float, help="of all venues, in that of the history; left out: 1")
    one.add_argument("--name", help="of the files written; left out: the start")
    one.add_argument("--venue", help="where the files have several")
    one.add_argument("--tiers", metavar="SYMBOL", help="whose margin tiers are taken, as BTCUSDT")
    one.add_argument("--recorded", metavar="FILE:COLUMN", help="recorded liquidations: `ts_ms` and a column of money")
    options = parser.parse_args(given)
    for folder in options.folders:
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    for name, least in (("books", 1), ("positions", 2)):
        if getattr(options, name) < least:
            parser.error(f"--{name} must be >= {least}, was {getattr(options, name)}")
    if any(getattr(options, key) is not None for key in OF_ONE):
        lacking = [f"--{key}" for key in ("asset", "bars", "start", "end") if not getattr(options, key)]
        if lacking:
            parser.error(f"one window needs {', '.join(lacking)} as well")
        if options.windows or options.only:
            parser.error("give --windows, or the options of one window, not both")
    return options


def one_window(options: argparse.Namespace) -> tuple[Window, ...]:
    """Return the window that the options say."""
    common = {"bars": options.bars, "history": options.history, "venue": options.venue, "tiers": options.tiers}
    assets = []
    for given in options.asset:
        name, _, amount = given.partition("=")
        try:
            interest = float(amount)
        except ValueError as error:
            raise StudyError(f"--asset must be a name and its open interest, as BTC=12.8e9, was {given!r}") from error
        assets.append({"name": name, "open_interest": interest} | {k: v for k, v in common.items() if v is not None})
    window: dict[str, Any] = {
        "name": options.name or options.start.replace(":", ""),
        "title": f"{options.start} to {options.end}",
        "start": options.start,
        "end": options.end,
        "asset": assets,
    }
    if options.volume is not None:
        window["volume"] = options.volume
    if options.recorded:
        file, _, column = options.recorded.rpartition(":")
        if not file:
            raise StudyError(f"--recorded must be a file and a column, as FILE:COLUMN, was {options.recorded!r}")
        of_one = {"asset": assets[0]["name"]} if len(assets) == 1 else {}
        window["recorded"] = [{"name": column, "file": file, "columns": [column]} | of_one]
    return windows_of({"window": [window]}, "options")


def chosen(options: argparse.Namespace) -> tuple[Window, ...]:
    """Return the windows to study."""
    if options.bars:
        return one_window(options)
    path = options.windows or WINDOWS
    windows = read_windows(path)
    if not options.only:
        return windows
    names = [window.name for window in windows]
    if stray := [name for name in options.only if name not in names]:
        raise StudyError(f"{path}: has no window {stray[0]!r}; there are {', '.join(names)}")
    return tuple(window for window in windows if window.name in options.only)


def run(options: argparse.Namespace) -> None:
    """Study each window and write what comes out."""
    windows = chosen(options)
    options.out.mkdir(parents=True, exist_ok=True)
    done = []
    for window in windows:
        before = time.perf_counter()
        found = study(options.folders, window, books=options.books, positions=options.positions)
        place = options.out / f"crash-{window.name}"
        picture(found).savefig(place.parent / f"{place.name}.png", dpi=150)
        (place.parent / f"{place.name}.md").write_text(page(found), encoding="utf-8")
        if options.csv:
            write_csv(found, place.parent / f"{place.name}.csv")
        print(f"{place}.png, {place}.md: {time.perf_counter() - before:.0f} s", flush=True)
        done.append(found)
    if any(comparable(one) for one in done):
        path = options.out / "crash-summary.md"
        path.write_text(summary(done), encoding="utf-8")
        print(path)


def main(given: Sequence[str] | None = None) -> int:
    """Run the study; what cannot be studied ends with 2."""
    options = arguments_of(given)
    try:
        run(options)
    except (StudyError, lc.InputError, lc.TooLargeError, OSError) as error:
        print(f"crashes.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
