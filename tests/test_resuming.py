"""A run that is kept in a directory goes on where it was stopped, with the bits of a run in one piece."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levcore as lc
from levcore import part_files, resuming, storing, sweeps, unfinished_runs
from making_split_runs import ASKED, BOOK, BY_LEDGER, GARCH, GIVEN, HOUR, KEPT, MARKET, RETURNS, WHOLE, digest


@pytest.mark.parametrize("options", [{}, {"keep_steps": True}, {"engine": "ledger"}], ids=["ladder", "steps", "ledger"])
def test_a_directory_gives_the_bits_of_one_piece_and_gives_them_again(tmp_path: Path, options: dict[str, Any]) -> None:
    known = {"keep_steps": KEPT, "engine": BY_LEDGER}.get(next(iter(options), ""), WHOLE)
    for _ in range(2):
        runs = lc.simulate(BOOK, MARKET, GARCH, **ASKED, **options, directory=tmp_path / "run", chunk=50)
        assert digest(runs) == known
    assert digest(storing.read(tmp_path / "run")) == known
    assert not (tmp_path / "run" / "unfinished").exists()


def test_given_returns_are_kept_and_executors_fill_a_directory(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as executor:
        runs = lc.simulate(BOOK, MARKET, RETURNS, step=HOUR, executor=executor, directory=tmp_path / "run", chunk=7)
    assert digest(runs) == GIVEN
    assert runs.at(41).bad_debt == runs.bad_debt[41]


# --- Going on ---------------------------------------------------------------------------------------------------------


class StopError(Exception):
    pass


def run_until(directory: Path, paths: int, **options: Any) -> None:
    def progress(done: int, total: int) -> None:
        if done >= paths:
            raise StopError

    asked = ASKED | {"chunk": 20} | options
    with pytest.raises(StopError):
        lc.simulate(BOOK, MARKET, GARCH, **asked, directory=directory, progress=progress)


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    run_until(tmp_path, 100)
    there = resuming.status(tmp_path)
    assert (there.finished, there.paths, there.parts) == (False, 300, 15)
    assert 60 <= there.done <= 100
    seen: list[int] = []
    runs = lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path, progress=lambda done, _: seen.append(done))
    assert seen[0] == there.done  # nothing was run again
    assert digest(runs) == WHOLE
    assert resuming.status(tmp_path).finished


def test_a_run_that_was_stopped_before_anything_was_finished_leaves_nothing(tmp_path: Path) -> None:
    run_until(tmp_path / "new" / "run", 0)
    assert list(tmp_path.iterdir()) == []


def test_what_a_directory_holds_alone_says_how_its_run_was_sampled(tmp_path: Path) -> None:
    run_until(tmp_path, 100, sampling="antithetic")
    runs = unfinished_runs.finish(tmp_path, threads=None, progress=None)
    assert digest(runs) == digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, sampling="antithetic"))


def test_a_run_without_a_seed_goes_on_with_the_seed_that_it_drew(tmp_path: Path) -> None:
    run_until(tmp_path, 100, seed=None)
    runs = lc.simulate(BOOK, MARKET, GARCH, **(ASKED | {"seed": None}), directory=tmp_path)
    assert digest(runs) == digest(lc.simulate(BOOK, MARKET, GARCH, **(ASKED | {"seed": runs.seed})))


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("seed is 7 there and 8 here", {"seed": 8}),
        ("paths is 300 there and 301 here", {"paths": 301}),
        ("steps is 48 there and 47 here", {"steps": 47}),
        (r"step is 3,600 s there and 1,800 s here", {"step": HOUR / 2}),
        ('engine is "auto" there and "ledger" here', {"engine": "ledger"}),
        ("keep_steps is false there and true here", {"keep_steps": True}),
        (
            "scenario.beta is 0.85 there and 0.8 here",
            {"scenario": replace(GARCH, beta=0.8)},
        ),
        (
            "market.assets.X.price is 100.0 there and 99.0 here",
            {"market": lc.Market({"X": replace(MARKET.assets["X"], price=99.0)})},
        ),
        ("book is ", {"book": BOOK[:399]}),
    ],
)
def test_other_inputs_are_refused_by_the_field_that_differs(
    tmp_path: Path, finished: bool, field: str, changes: dict[str, Any]
) -> None:
    if finished:
        lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path)
    else:
        run_until(tmp_path, 100)
    asked = {"book": BOOK, "market": MARKET, "scenario": GARCH, **ASKED} | changes
    with pytest.raises(lc.StoreError, match=field):
        lc.simulate(**asked, directory=tmp_path)
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path)) == WHOLE


def test_two_runs_in_one_directory_at_once_are_refused(tmp_path: Path) -> None:
    refused: list[str] = []

    def progress(done: int, total: int) -> None:
        if not refused:
            with pytest.raises(lc.StoreError, match="is in use: another run is writing there") as raised:
                lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path)
            refused.append(str(raised.value))

    assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path, progress=progress)) == WHOLE
    assert refused


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(lc.StoreError, match=r"must be empty or hold an earlier simulation, it holds notes\.txt"):
        lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]
    storing.write(lc.simulate(BOOK, MARKET, GARCH, **ASKED), tmp_path / "stored")
    with pytest.raises(lc.StoreError, match="holds a simulation that was stored there"):
        lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path / "stored")


def test_a_full_disk_leaves_earlier_parts_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, real = 0, os.fsync

    def fsync(handle: int) -> None:
        nonlocal whole
        if str(Path(f"/proc/self/fd/{handle}").readlink()).endswith(".part.partial"):
            whole += 1
            if whole > 6:
                raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(
        lc.StoreError, match=r"paths-000000000120-000000000140\.part cannot be written: .*No space left"
    ):
        lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path, chunk=20)
    monkeypatch.undo()
    assert resuming.status(tmp_path).done == 120
    assert not list(tmp_path.glob("unfinished/.*partial"))
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path)) == WHOLE


def test_damage_to_a_part_is_refused_by_name(tmp_path: Path) -> None:
    run_until(tmp_path, 100)
    path = sorted((tmp_path / "unfinished").glob("*.part"))[1]
    good = path.read_bytes()
    for bad in (good[:-1], good[: len(good) // 2], b"", good[:700] + b"\xff" + good[701:], good + b"x"):
        path.write_bytes(bad)
        with pytest.raises(lc.StoreError, match=rf"{path.name} is damaged: .*; delete it, and its paths are run again"):
            lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path)
    path.unlink()
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path)) == WHOLE


def test_a_damaged_plan_is_refused_by_name(tmp_path: Path) -> None:
    run_until(tmp_path, 100)
    plan = tmp_path / "unfinished" / "plan.json"
    for bad in (plan.read_text().replace('"seed": 7', '"seed": 8'), "{", "[]", '{"format": 1}', ""):
        plan.write_text(bad)
        with pytest.raises(lc.StoreError, match=r"plan\.json is damaged"):
            resuming.status(tmp_path)


def test_a_part_of_another_run_is_refused(tmp_path: Path) -> None:
    run_until(tmp_path / "a", 100)
    run_until(tmp_path / "b", 100, seed=8)
    name = part_files.name_of((0, 20))
    (tmp_path / "b" / "unfinished" / name).replace(tmp_path / "a" / "unfinished" / name)
    with pytest.raises(lc.StoreError, match=f"{name} belongs to another run"):
        lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=tmp_path / "a")


# --- Sweeps -----------------------------------------------------------------------------------------------------------


def test_a_sweep_in_a_directory_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"parameters": {"scenario.volatility": [0.6, 1.2, 1.8]}, **ASKED}
    known = repr(lc.study.sweep(BOOK, MARKET, lc.GBM(volatility=1.0), **asked))
    real, ran = sweeps.simulate, []

    def simulate(*given: Any, **options: Any) -> lc.Runs:
        ran.append(options["directory"].name)
        if len(ran) == 2:
            raise StopError
        return real(*given, **options)

    monkeypatch.setattr(sweeps, "simulate", simulate)
    with pytest.raises(StopError):
        lc.study.sweep(BOOK, MARKET, lc.GBM(volatility=1.0), **asked, directory=tmp_path / "sweep")
    assert repr(lc.study.sweep(BOOK, MARKET, lc.GBM(volatility=1.0), **asked, directory=tmp_path / "sweep")) == known
    names = [place.name for place in sorted((tmp_path / "sweep").iterdir())]
    assert names == [*(f"point-0000{i}" for i in range(3)), "sweep.json"]
    other = asked | {"parameters": {"scenario.volatility": [0.6, 1.3, 1.8]}}
    with pytest.raises(
        lc.StoreError, match=r"point-00001 holds another run: scenario\.volatility is 1\.2 there and 1\.3"
    ):
        lc.study.sweep(BOOK, MARKET, lc.GBM(volatility=1.0), **other, directory=tmp_path / "sweep")
    (tmp_path / "sweep" / "notes.txt").touch()
    with pytest.raises(lc.StoreError, match=r"hold an earlier sweep, it holds notes\.txt"):
        lc.study.sweep(BOOK, MARKET, lc.GBM(volatility=1.0), **asked, directory=tmp_path / "sweep")


# --- Kills ------------------------------------------------------------------------------------------------------------

KILLED = """
import sys
from making_split_runs import ASKED, BOOK, GARCH, MARKET, digest
import levcore as lc
if __name__ == "__main__":
    print(digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, directory=sys.argv[1], chunk=1, threads=1)))
"""


def killed_and_resumed(directory: Path, kills: int, seed: int) -> str:
    """Kill a run at random moments of its writing until it has been killed so often or has finished; then finish it."""
    chance = np.random.default_rng(seed)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", KILLED, str(directory)]
    for _ in range(kills):
        before = len(list(directory.glob("unfinished/*.part")))
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and len(list(directory.glob("unfinished/*.part"))) == before:
                time.sleep(0.001)
            time.sleep(chance.uniform(0.0, 0.02))
            process.send_signal(signal.SIGKILL)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_run_killed_three_times_ends_with_the_bits_of_one_piece(tmp_path: Path) -> None:
    assert killed_and_resumed(tmp_path, 3, seed=1) == WHOLE


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_a_run_killed_at_two_hundred_random_moments_ends_with_the_bits_of_one_piece(tmp_path: Path) -> None:
    for round_ in range(10):
        assert killed_and_resumed(tmp_path / str(round_), 20, seed=round_) == WHOLE


@pytest.mark.long
def test_two_thousand_random_corruptions_are_all_named(tmp_path: Path) -> None:
    run_until(tmp_path, 100)
    work = tmp_path / "unfinished"
    path = sorted(work.glob("*.part"))[0]
    good = path.read_bytes()
    start = good.index(b"{")
    plan = json.loads(good[start : start + int.from_bytes(good[start - 8 : start], "little")])["plan"]
    part_files.read(work, (0, 20), plan)
    chance = np.random.default_rng(5)
    for _ in range(2_000):
        bad = bytearray(good)
        if chance.random() < 0.5:
            bad = bad[: chance.integers(len(bad))]
        else:
            for _ in range(chance.integers(1, 4)):
                bad[chance.integers(len(bad))] ^= int(chance.integers(1, 256))
            if bytes(bad) == good:
                continue
        path.write_bytes(bad)
        with pytest.raises(lc.StoreError, match=path.name):
            part_files.read(work, (0, 20), plan)


# --- Memory -----------------------------------------------------------------------------------------------------------

# The peak as the kernel counts it for what runs: `ru_maxrss` is also that of the process from which it was started.
MEASURED = """
import re, resource, sys
from pathlib import Path
import numpy as np
import levcore as lc
from datetime import timedelta
venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=lc.MarginTiers([0], [0.005]))])
market = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=1e7))})
chance = np.random.default_rng(1)
quantity, entry = chance.normal(size=1_000_000), chance.uniform(95.0, 105.0, 1_000_000)
margin = np.abs(quantity) * entry / chance.uniform(2.0, 30.0, 1_000_000)
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
asked = {"paths": 100_000, "steps": 60}
told = lc.estimate_bytes(book, market, shocks=0, **asked, threads=2)
place = {"directory": sys.argv[1]} if len(sys.argv) > 1 else {}
lc.simulate(book, market, lc.GBM(volatility=0.8), **asked, step=timedelta(minutes=1), seed=1, threads=2, **place)
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print((peak - before) / told)
"""


@pytest.mark.long
@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in a directory"])
def test_a_hundred_thousand_paths_of_a_million_positions_take_the_memory_that_was_told(
    tmp_path: Path, kept: bool
) -> None:
    command = [sys.executable, "-c", MEASURED, *([str(tmp_path / "run")] if kept else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.1
