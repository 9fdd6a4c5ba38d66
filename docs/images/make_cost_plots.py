"""Make costs.svg of docs/why-fast.md: `python docs/images/make_cost_plots.py` measures, stores costs.csv and draws it.

With `--draw` it draws what is stored; names of panels measure these again. Time is the fastest of several calls of
the installed package; memory is the peak of a process of its own, above what it held before the call. It needs
matplotlib, and for memory Linux.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import levcore as lc
import rows_paths
import workload
from rows_paths import STEP, STEPS
from table import machine

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HERE = Path(__file__).parent
STORED, PICTURE = HERE / "costs.csv", HERE / "costs.svg"
DECADES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
SIZE, PATHS = 100_000, 1_000
Point = tuple[str, str, float, float]  # panel, series, x, y


def fastest(call: Callable[[], object]) -> float:
    """Seconds of the fastest of at least five calls, of as many as half a second holds: others use the machine, too."""
    call()
    took: list[float] = []
    while len(took) < 5 or sum(took) < 0.5:
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return min(took)


def simulated(
    ready: lc.Ready, *, paths: int = PATHS, steps: int = STEPS, daily: float = 0.04, threads: int = 1
) -> lc.Runs:
    process = lc.GBM(volatility=daily * 365.0**0.5)
    return lc.simulate(ready, process, paths=paths, steps=steps, step=STEP, seed=7, threads=threads)


def by_positions() -> Iterator[Point]:
    shocks = -0.30 * np.random.default_rng(5).random(1_000)
    for size in DECADES:
        held = workload.book(size)
        to = workload.market(held)
        yield "positions", "prepare, once", size, fastest(lambda held=held, to=to: lc.prepare(held, to))
        ready = lc.prepare(held, to)
        seconds = fastest(lambda ready=ready: simulated(ready))
        yield "positions", "a path of 1,440 steps", size, seconds / PATHS
        seconds = fastest(lambda ready=ready: lc.shock(ready, shocks))
        yield "positions", "a shock of a batch", size, seconds / len(shocks)


def by_paths() -> Iterator[Point]:
    for paths in (10, 100, 1_000, 10_000, 100_000):
        seconds = fastest(lambda paths=paths: simulated(rows_paths.prepared(SIZE), paths=paths))
        yield "paths", "1,440 steps", paths, seconds


def by_steps() -> Iterator[Point]:
    for steps in (16, 60, 240, 1_440, 7_200, 43_200):
        seconds = fastest(lambda steps=steps: simulated(rows_paths.prepared(SIZE), steps=steps))
        yield "steps", "1,000 paths", steps, seconds


def by_share() -> Iterator[Point]:
    ready = rows_paths.prepared(SIZE)
    for daily in (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16):
        share = float(simulated(ready, daily=daily).liquidated_count.mean()) / SIZE
        seconds = fastest(lambda daily=daily: simulated(ready, daily=daily))
        yield "share", "1 thread", 100.0 * share, 1e9 * seconds / (PATHS * STEPS)


def by_threads() -> Iterator[Point]:
    ready = rows_paths.prepared(SIZE)
    for threads in (1, 2, 3, 4):
        seconds = fastest(lambda threads=threads: simulated(ready, paths=4 * PATHS, threads=threads))
        yield "threads", "measured", threads, 1e9 * seconds / (4 * PATHS * STEPS)


def several(assets: int) -> lc.Ready:
    """The same positions spread over several assets, each with a depth of its own."""
    one = workload.book(SIZE)
    names = [f"X{k}" for k in range(assets)]
    code = (np.arange(SIZE) // 2 % assets).astype(np.int32)
    venue = lc.Venue(
        [lc.LinearPerpetual(name, asset=name, tiers=workload.tiers()) for name in names], remainder="trader"
    )
    columns = {name: getattr(one, name) for name in ("quantity", "entry_price", "margin")}
    book = lc.Book(venue, instrument=code, **columns)
    longs = np.bincount(code, np.maximum(one.quantity, 0.0))
    shapes = [lc.LinearImpact(depth=float(total) / 0.10) for total in longs]
    return lc.prepare(book, lc.Market({n: lc.Asset(100.0, impact=i) for n, i in zip(names, shapes, strict=True)}))


def by_assets() -> Iterator[Point]:
    for assets in (1, 2, 4, 8, 16):
        ready = several(assets)
        for daily in (0.01, 0.04):
            seconds = fastest(lambda ready=ready, daily=daily: simulated(ready, daily=daily, paths=300))
            yield "assets", f"{daily:.0%} a day", assets, 1e9 * seconds / (300 * STEPS)


def status(name: str) -> int:
    """A number of the kernel's about this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(text.split()[1]) for text in lines if text.startswith(name))


def grown(call: Callable[[], object]) -> tuple[int, int]:
    """Bytes that the call took at its peak, and those that its result holds."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    before = status("VmRSS")
    kept = call()
    peak = status("VmHWM") - before
    ctypes.CDLL(None).malloc_trim(0)
    held = status("VmRSS") - before
    assert kept is not None
    return peak, held


def memory_of(what: str, count: int) -> tuple[int, int]:
    """What a process of its own measures."""
    if what == "position":
        held = workload.book(count)
        to = workload.market(held)
        return grown(lambda: lc.prepare(held, to))
    ready = rows_paths.prepared(1_000)
    simulated(ready, paths=256, steps=16)  # what the threads and the book need is there
    return grown(lambda: simulated(ready, paths=count, steps=16))


def in_its_own_process(what: str, count: int) -> tuple[float, float]:
    command = [sys.executable, __file__, "--memory", what, str(count)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(answer[0]) / count, float(answer[1]) / count


def by_memory(what: str, sizes: tuple[int, ...]) -> Iterator[Point]:
    for size in sizes:
        peak, held = in_its_own_process(what, size)
        yield f"memory of a {what}", "at the peak", size, peak
        yield f"memory of a {what}", "kept", size, held


PANELS: dict[str, Callable[[], Iterator[Point]]] = {
    "positions": by_positions,
    "paths": by_paths,
    "steps": by_steps,
    "share": by_share,
    "threads": by_threads,
    "assets": by_assets,
    "memory of a position": lambda: by_memory("position", DECADES[1:]),
    "memory of a path": lambda: by_memory("path", (10_000, 100_000, 1_000_000)),
}

#: Title, label of x, label of y, scale of x, scale of y.
WORDS = {
    "positions": ("Positions, one thread", "positions", "time", "log", "log"),
    "paths": ("Paths of 1,440 steps, one thread", "paths", "time", "log", "log"),
    "steps": ("Steps, 1,000 paths, one thread", "steps of a minute", "time", "log", "log"),
    "share": (
        "Liquidated share, by volatility",
        "share of the book liquidated, %",
        "ns a path and step",
        "linear",
        "linear",
    ),
    "threads": ("Threads, on two cores", "threads", "ns a path and step", "linear", "linear"),
    "assets": ("Assets that share the book", "assets", "ns a path and step", "log", "log"),
    "memory of a position": ("Memory of preparing", "positions", "bytes a position", "log", "linear"),
    "memory of a path": ("Memory of a run", "paths", "bytes a path", "log", "linear"),
}
FLOORS = {"memory of a position": 128.0, "memory of a path": 256.0}
#: Where a line's name stands: at which of its points, by how many points of type beside it.
NAMES = {
    "prepare, once": (2, -8, 4, "right"),
    "a path of 1,440 steps": (1, -4, 7, "left"),
    "a shock of a batch": (2, 7, -11, "left"),
    "1% a day": (1, 8, -10, "left"),
    "4% a day": (2, -8, 4, "right"),
    "at the peak": (0, 2, 8, "left"),
    "kept": (0, 2, -15, "left"),
}


def stored() -> tuple[str, list[Point]]:
    """Where and when the numbers were measured, and the numbers."""
    if not STORED.exists():
        return "", []
    with STORED.open(encoding="utf-8", newline="") as file:
        where = file.readline().removeprefix("# ").strip()
        return where, [(panel, series, float(x), float(y)) for panel, series, x, y in list(csv.reader(file))[1:]]


def store(where: str, points: list[Point]) -> None:
    order = list(PANELS)
    with STORED.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {where}\n")
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["panel", "series", "x", "y"])
        out.writerows(
            (panel, series, f"{x:.6g}", f"{y:.4g}")
            for panel, series, x, y in sorted(points, key=lambda point: order.index(point[0]))
        )


def draw(where: str, points: list[Point]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "costs", "svg.fonttype": "path", "font.size": 9.5})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(4, 2, figsize=(8.6, 11.6), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.1, w_pad=0.1)
    for ax, panel in zip(axes.flat, PANELS, strict=True):
        draw_lines(ax, [point for point in points if point[0] == panel])
        finish(ax, panel)
    figure.supxlabel(where, size=8, color="#6B6B6B")
    figure.savefig(PICTURE, metadata={"Date": None})


def draw_lines(ax: Axes, points: list[Point]) -> None:
    from levcore.plot import LINES

    names = list(dict.fromkeys(series for _, series, _, _ in points))
    for name, colour, marker in zip(names, LINES, "osD^", strict=False):
        line = [(x, y) for _, series, x, y in points if series == name]
        ax.plot(*zip(*line, strict=True), color=colour, marker=marker, markersize=4.5, linewidth=1.4, clip_on=False)
        if len(names) > 1:
            at, right, up, side = NAMES[name]
            put = {"xytext": (right, up), "textcoords": "offset points", "ha": side}
            ax.annotate(name, line[at], color=colour, size=9, **put)


def finish(ax: Axes, panel: str) -> None:
    """Scales, ticks in words, and what is promised."""
    from matplotlib.ticker import EngFormatter, FixedLocator, NullLocator, StrMethodFormatter

    from levcore.plot import GRID, INK, MUTED

    title, label_x, label_y, scale_x, scale_y = WORDS[panel]
    ax.set_title(title, loc="left", color=INK, size=10.5, weight="bold")
    ax.set(xlabel=label_x, ylabel=label_y, xscale=scale_x, yscale=scale_y)
    if panel in ("threads", "assets"):
        ax.xaxis.set_major_locator(FixedLocator([1, 2, 3, 4] if panel == "threads" else [1, 2, 4, 8, 16]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    if scale_y == "linear":
        highest = max([*(y for line in ax.lines for y in line.get_ydata()), FLOORS.get(panel, 0.0)])
        ax.set_ylim(0.0, 1.15 * highest)
    elif label_y == "time":
        ax.yaxis.set_major_formatter(EngFormatter(unit="s"))
    else:
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if panel in FLOORS:
        ax.axhline(FLOORS[panel], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
        place = {"xycoords": ("axes fraction", "data"), "xytext": (-3, 4), "textcoords": "offset points", "ha": "right"}
        ax.annotate(f"at most {FLOORS[panel]:.0f} wanted", (1.0, FLOORS[panel]), color=MUTED, size=9, **place)
    ax.grid(color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("panels", nargs="*", metavar="panel", help="measure these again; all if none")
    parser.add_argument("--draw", action="store_true", help="draw what is stored")
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        print(*memory_of(given.memory[0], int(given.memory[1])))
        return
    if unknown := set(given.panels) - set(PANELS):
        parser.error(f"no such panel: {', '.join(unknown)}; there are {', '.join(PANELS)}")
    where, points = stored()
    for panel in [] if given.draw else given.panels or PANELS:
        print(panel, flush=True)
        where = machine()
        points = [point for point in points if point[0] != panel] + list(PANELS[panel]())
        store(where, points)
    draw(where, points)


if __name__ == "__main__":
    main()
