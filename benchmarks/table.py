"""The table of docs/why-fast.md: `python benchmarks/table.py [--quick] [row ...]` measures it and prints Markdown.

With `--write` all of it goes into the page. Peers come by `pip install --group bench`; a row whose peer is not there
says so. Each row asserts equal answers, then times both sides by turns; a ratio is the median of seven. For numbers to
publish: an installed release wheel, and nobody else on the machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import levcore as lc
import native_peer
import rows_paths
import rows_processes
import rows_shocks
from comparing import FULL, QUICK, Case, Counts, Limit, Measured, measured
from levcore import simd

Row = Callable[[Counts], Iterator[Case]]
ROWS: dict[int, Row] = {
    number: row
    for room in (rows_paths, rows_shocks, rows_processes)
    for number in range(1, 14)
    if (row := getattr(room, f"row_{number}", None)) is not None
}
#: Rows that are nothing without a peer that may be missing.
NEEDS = {3: "numba", 6: "numba", 8: "numba"}
PAGE = Path(__file__).parents[1] / "docs" / "why-fast.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
PEERS = ("numpy", "numba", "mkl_random", "lrvx")


def missing(number: int) -> str | None:
    """Why a row cannot run here, in a sentence; None: it can."""
    needed = NEEDS.get(number)
    if number == 12 and rows_shocks.lrvx is None:
        return "lrvx is not installed, or does not load: `pip install --group bench`"
    if needed is not None and importlib.util.find_spec(needed) is None:
        return f"{needed} is not installed: `pip install --group bench`"
    return native_peer.lacking() if number == 5 else None


def left_out(number: int) -> list[str]:
    """What a row that does run leaves out, in sentences."""
    out = []
    if number == 7 and (why := native_peer.lacking()) is not None:
        out.append(f"full revaluation left out: {why}")
    if number == 10 and importlib.util.find_spec("mkl_random") is None:
        out.append("mkl_random left out: it is not installed (`pip install --group bench`)")
    if number == 10 and not hasattr(lc, "GARCH"):
        out.append("GARCH paths left out: not there")
    return out


def time_of(seconds: float) -> str:
    """A time in the unit that suits it, three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1e3 * size else f"{seconds / size:,.0f} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def number_of(value: float) -> str:
    """A ratio: two or three digits, thousands apart."""
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.3g}" if value >= 1.0 else f"{value:.2f}"


def bound(limit: Limit, ratio: float, value: float) -> str:
    """A bound, and whether the ratio is within it."""
    sign = "≤" if limit.sign == "<=" else "≥"
    return f"{sign} {number_of(value)}: {'met' if limit.holds(ratio, value) else '**not met**'}"


def line(number: int, case: Case, found: Measured) -> str:
    """One line of the table."""
    cells = [str(number), f"{case.what}; time of {case.unit}", case.peer, time_of(found.ours)]
    if found.ratio is None or case.limit is None or found.theirs is None:
        cells += ["", f"{1e-9 / found.ours:.3g} · 10⁹ a second", "report", "report"]
    else:
        direction = "levcore / peer" if case.limit.sign == "<=" else "peer / levcore"
        cells += [time_of(found.theirs), f"{number_of(found.ratio)} ({direction})"]
        cells += [bound(case.limit, found.ratio, value) for value in (case.limit.floor, case.limit.aim)]
    return f"| {' | '.join(cells)} |"


def table(numbers: list[int], counts: Counts) -> Iterator[str]:
    """The lines, each as soon as it is measured; then what was left out."""
    yield "| # | what | against | levcore | peer | ratio | floor | aim |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    notes = []
    for number in numbers:
        why = missing(number)
        if why is not None:
            notes.append(f"Row {number} left out: {why}.")
            continue
        for case in ROWS[number](counts):
            yield line(number, case, measured(case, counts.runs))
        notes += [f"Row {number}: {what}." for what in left_out(number)]
    if notes:
        yield ""
    yield from notes


def machine() -> str:
    """Where and when, in one line."""
    model = "unknown CPU"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [text.split(":")[1].strip() for text in info.read_text().splitlines() if text.startswith("model name")]
        model = names[0] if names else model
    peers = []
    for name in PEERS:
        try:
            peers.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {model}, {os.cpu_count()} cores, {simd.IN_USE}, load {load} at the start; "
        f"levcore {lc.__version__}, {', '.join(peers)}"
    )


def lines(numbers: list[int], counts: Counts) -> Iterator[str]:
    """Where, when and how it was measured; then the table."""
    busy = hasattr(os, "getloadavg") and os.getloadavg()[0] > 1.0
    shared = " Others used the machine: times are longer than on an idle one, and ratios rough." if busy else ""
    yield f"{machine()}; medians of {counts.runs} ratios.{shared}"
    yield ""
    yield from table(numbers, counts)


def put(text: str, into: Path) -> None:
    """Put the text between the page's marks."""
    page = into.read_text(encoding="utf-8")
    before, _, after = page.partition(BEGIN)
    _, mark, after = after.partition(END)
    if not mark:
        raise ValueError(f"{into} has no {BEGIN} with a {END} behind it")
    into.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the table of comparisons and print it in Markdown.")
    parser.add_argument("rows", nargs="*", type=int, metavar="row", help="1 to 13; all if none")
    parser.add_argument("--quick", action="store_true", help="smaller books and fewer runs, for a look")
    parser.add_argument("--write", action="store_true", help=f"put the whole table into {PAGE.name}")
    given = parser.parse_args()
    if unknown := set(given.rows) - set(ROWS):
        parser.error(f"rows are 1 to 13, not {', '.join(map(str, sorted(unknown)))}")
    if given.write and (given.rows or given.quick):
        parser.error("--write is for all rows at full size")
    out = []
    for text in lines(given.rows or sorted(ROWS), QUICK if given.quick else FULL):
        print(text, flush=True)
        out.append(text)
    if given.write:
        put("\n".join(out), PAGE)


if __name__ == "__main__":
    main()
