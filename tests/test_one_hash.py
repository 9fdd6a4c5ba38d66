"""One run, in one piece, on threads, processes and a cluster, with a worker lost and the power cut: one hash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levcore as lc
from levcore import resuming
from making_split_runs import ASKED, BOOK, GARCH, MARKET, digest

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]  # Dask has warnings of its own

RUN: dict[str, Any] = ASKED | {"paths": 20_000}
CHUNK = 100
KILLS = 20


@pytest.fixture(scope="module")
def one_thread() -> str:
    runs = lc.simulate(BOOK, MARKET, GARCH, **RUN, threads=1)
    assert (runs.liquidated_count > 0).mean() > 0.2
    assert runs.bad_debt.any()
    return digest(runs)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    import distributed

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options, host="127.0.0.1", memory_limit="1GiB") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_three_threads_give_the_hash_of_one(one_thread: str) -> None:
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **RUN, threads=3)) == one_thread


def test_eight_processes_give_the_hash_of_one_thread(one_thread: str) -> None:
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as executor:
        assert digest(lc.simulate(BOOK, MARKET, GARCH, **RUN, executor=executor, chunk=CHUNK)) == one_thread


def test_two_workers_of_dask_give_the_hash_of_one_thread(one_thread: str, client: Any) -> None:
    executor = lc.distributed.dask(client)
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **RUN, executor=executor, chunk=CHUNK)) == one_thread


def test_a_worker_of_dask_that_is_killed_half_way_leaves_the_hash_of_one_thread(one_thread: str, client: Any) -> None:
    killed: list[int] = []

    def progress(done: int, total: int) -> None:
        if 2 * done > total and not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    executor = lc.distributed.dask(client)
    runs = lc.simulate(BOOK, MARKET, GARCH, **RUN, executor=executor, chunk=CHUNK, progress=progress)
    assert digest(runs) == one_thread
    assert killed
    assert killed[0] not in client.run(os.getpid).values()


# --- Kills ------------------------------------------------------------------------------------------------------------

KEPT = """
import sys
from making_split_runs import BOOK, GARCH, MARKET, digest
from test_one_hash import CHUNK, RUN
import levcore as lc
print("ready", flush=True)
print(digest(lc.simulate(BOOK, MARKET, GARCH, **RUN, directory=sys.argv[1], chunk=CHUNK, threads=1)), flush=True)
"""


def started(directory: Path) -> subprocess.Popen[str]:
    """A process that is about to run, or to go on with, what the directory keeps."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", KEPT, str(directory)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate()
    assert process.returncode == 0
    return said.strip()


def test_a_directory_killed_at_twenty_random_shares_of_its_run_has_the_hash_of_one_thread(
    one_thread: str, tmp_path: Path
) -> None:
    process, began = started(tmp_path / "whole"), time.monotonic()
    assert finished(process) == one_thread
    whole = time.monotonic() - began
    shares = np.sort(np.random.default_rng(20).uniform(0.0, 1.0, KILLS))
    waits = whole * np.diff(shares, prepend=0.0)  # so long a process runs until its kill
    kills = rounds = 0
    directory, done = tmp_path / "round-0", 0
    while kills < KILLS:
        process = started(directory)
        time.sleep(waits[kills])
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()
        if process.returncode == 0:  # faster than the run that was measured: another one is begun
            assert said.strip() == one_thread
            rounds += 1
            directory, done = tmp_path / f"round-{rounds}", 0
            continue
        assert process.returncode == -signal.SIGKILL
        kills += 1
        if any(directory.rglob("plan.json")):  # killed before it has written down what it runs, there is no run yet
            there = resuming.status(directory)
            assert there.done >= done  # nothing that was finished is lost
            done = there.done
    assert 0 < done <= RUN["paths"]
    assert finished(started(directory)) == one_thread
    assert resuming.status(directory).finished
