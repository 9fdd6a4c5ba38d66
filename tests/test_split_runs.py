"""A run that is split over threads, processes or a cluster has the bits of a run in one piece."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levcore as lc
from levcore import part_runners, run_parts, thread_count
from making_split_runs import (
    ASKED,
    BOOK,
    BY_LEDGER,
    GARCH,
    GIVEN,
    HOUR,
    KEPT,
    MARKET,
    RETURNS,
    TIERS,
    VENUE,
    WHOLE,
    digest,
)


class Shuffled(Executor):
    """Runs tasks when somebody waits for them, the last one first, each from bytes as a process would see it."""

    def __init__(self) -> None:
        self.tasks = 0

    def submit(self, function: Any, /, *args: Any, **named: Any) -> Future[Any]:
        import pickle

        self.tasks += 1
        future: Future[Any] = Future()
        function, args = pickle.loads(pickle.dumps((function, args)))
        threading.Timer(0.05 / self.tasks, lambda: future.set_result(function(*args, **named))).start()
        return future


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


# --- One hash ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 7, 64, 1_000, None])
def test_any_split_over_threads_gives_the_bits_of_one_piece(chunk: int | None) -> None:
    with ThreadPoolExecutor(3) as executor:
        assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=executor, chunk=chunk)) == WHOLE


def test_processes_give_the_bits_of_one_piece(processes: ProcessPoolExecutor) -> None:
    for options, known in (({}, WHOLE), ({"keep_steps": True}, KEPT), ({"engine": "ledger"}, BY_LEDGER)):
        assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, **options, executor=processes)) == known
    assert digest(lc.simulate(BOOK, MARKET, RETURNS, step=HOUR, executor=processes, chunk=11)) == GIVEN


def test_tasks_that_finish_in_another_order_change_nothing() -> None:
    executor = Shuffled()
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=executor, chunk=40)) == WHOLE
    assert executor.tasks == 8


def test_paths_with_funding_on_the_ladder_are_the_same_in_parts() -> None:
    paid = lc.Funding(rate=0.002, interval=8 * HOUR)
    venue = lc.Venue([lc.LinearPerpetual("X-P", asset="X", tiers=TIERS, funding=paid)], backstop=VENUE.backstop)
    book = lc.Book.synthetic(venue, size=400, prices=MARKET.prices, open_interest={"X": 1e6}, seed=4)
    alone = lc.simulate(book, MARKET, GARCH, **ASKED, engine="ladder")
    assert alone.liquidated_count.any()
    with ThreadPoolExecutor(2) as executor:
        parts = lc.simulate(book, MARKET, GARCH, **ASKED, engine="ladder", executor=executor, chunk=37)
    assert digest(parts) == digest(alone)


class Slow(Executor):
    """Runs a task some polls after it came, and counts how many wait at a time."""

    _max_workers = 2

    def __init__(self) -> None:
        self.waiting = self.most = 0

    def submit(self, function: Any, /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting += 1
        self.most = max(self.most, self.waiting)

        def run() -> None:
            part = function(*args, **named)
            self.waiting -= 1
            future.set_result(part)

        threading.Timer(0.2, run).start()
        return future


def test_no_more_tasks_wait_than_keep_the_workers_busy() -> None:
    executor = Slow()
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=executor, chunk=30)) == WHOLE
    assert executor.most == 4  # two workers, two tasks each


def test_one_row_stands_for_all_where_all_have_the_same_bits() -> None:
    alike = {"zero": np.zeros(5), "nan": np.full((5, 1), np.nan), "flag": np.ones(5, np.uint8)}
    differ = {"sign": np.array([0.0, 0.0, 0.0, 0.0, -0.0]), "late": np.r_[np.zeros(200, np.int64), 1]}
    summed = {"position_count": np.zeros(5, np.int64), "none": np.zeros((5, 0)), "steps": {"price": np.zeros(5)}}
    columns = alike | differ | summed
    found = run_parts.packed(columns)
    assert list(found) == list(columns)
    assert all(found[name].tobytes() == columns[name][:1].tobytes() for name in alike)
    assert all(found[name] is columns[name] for name in differ | summed)


def test_a_packed_part_is_put_with_the_bits_of_the_whole() -> None:
    part = {"a": np.full((3, 2), -0.0), "b": np.full(3, np.nan), "c": np.zeros(3), "d": np.arange(3.0)}
    whole = run_parts.Whole(5, 1)
    whole.put((2, 3), run_parts.packed(part))
    whole.put((0, 2), {name: values[:2] for name, values in part.items()})
    for name, values in part.items():
        assert whole._columns[name][2:].tobytes() == values.tobytes()
        assert whole._columns[name][:2].tobytes() == values[:2].tobytes()
    assert whole.done == 5


def test_a_part_that_lies_on_disk_arrives_as_it_was_and_is_gone_then(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    part = {
        "bad_debt": rng.normal(size=4),
        "fees": np.full(4, -0.0),
        "exhausted": np.array([1, 0, 0, 1], np.uint8),
        "final_price": rng.normal(size=(4, 2)),
        "own_funds": np.zeros((4, 0)),
        "position_count": np.arange(3),
        "steps": {"mark_price": rng.normal(size=(8, 2))},
    }
    sent = part_runners.PairOnDisk("", tmp_path, VENUE, (), MARKET).send(part, (8, 4))
    assert isinstance(sent, part_runners.PartOnDisk)
    assert len(pickle.dumps(sent)) < 2_000
    assert [path.name for path in tmp_path.iterdir()] == ["part-8"]
    found = sent.arrive()
    assert found["fees"].tobytes() == part["fees"][:1].tobytes()
    for name in ("bad_debt", "exhausted", "final_price", "own_funds", "position_count"):
        assert (found[name].dtype, found[name].shape) == (part[name].dtype, part[name].shape)
        assert found[name].tobytes() == part[name].tobytes()
    assert found["steps"]["mark_price"].tolist() == part["steps"]["mark_price"].tolist()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(lc.StoreError, match=r"part-8 does not hold a part of the run"):
        sent.arrive()


def test_a_folder_of_parts_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(lc.StoreError, match=r"gone.part-0 cannot be written"):
        part_runners.PairOnDisk("", gone, VENUE, (), MARKET).send({"fees": np.arange(3.0)}, (0, 3))


def test_cross_accounts_travel_to_processes(processes: ProcessPoolExecutor) -> None:
    accounts = lc.Accounts(USD=[500.0, 800.0])
    held = {"quantity": [10.0, -5.0, 30.0], "entry_price": [100.0] * 3, "account": [0, 0, 1]}
    book = lc.Book(VENUE, instrument="X-P", **held, accounts=accounts)
    alone = lc.simulate(book, MARKET, GARCH, **ASKED)
    assert alone.liquidated_count.any()
    assert digest(lc.simulate(book, MARKET, GARCH, **ASKED, executor=processes)) == digest(alone)


# --- Workers ----------------------------------------------------------------------------------------------------------


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_pool_that_lost_a_process_says_how_to_keep_what_is_finished() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        executor.submit(die)
        with pytest.raises(BrokenProcessPool) as raised:
            lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=executor)
    assert any("directory=" in note for note in raised.value.__notes__)


def test_a_worker_of_another_version_is_refused_by_name() -> None:
    job = run_parts.Job(GARCH, 300, 48, HOUR, 7, "auto", False, False, None, None, version="0.0.1")
    with pytest.raises(lc.DomainError, match=r"the worker runs levcore .*, the caller 0\.0\.1"):
        run_parts.run_part(lc.prepare(BOOK, MARKET), job, (0, 10), None)


def test_a_cluster_whose_workers_differ_is_refused_by_name() -> None:
    with pytest.raises(lc.DomainError, match=r"worker tcp://b runs levcore 0\.0\.1"):
        lc.distributed.refuse_other_versions({"tcp://a": lc.__version__, "tcp://b": "0.0.1"})
    with pytest.raises(lc.DomainError, match="worker tcp://c has no levcore"):
        lc.distributed.refuse_other_versions({"tcp://c": ModuleNotFoundError("levcore")})


@pytest.mark.parametrize(
    ("environment", "in_a_pool"),
    [
        ({}, 1),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "2"}, min(2, thread_count.allowed())),
        ({"OMP_NUM_THREADS": "2", "LEVCORE_NUM_THREADS": "1"}, 1),
        ({"LEVCORE_NUM_THREADS": "0", "OMP_NUM_THREADS": "many"}, 1),
    ],
)
def test_workers_take_the_threads_that_their_environment_says(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], in_a_pool: int
) -> None:
    for name in ("OMP_NUM_THREADS", "LEVCORE_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert thread_count.in_a_pool() == in_a_pool


class StopError(Exception):
    pass


def test_cancelling_and_raising_in_progress_stop_an_executor() -> None:
    flag = threading.Event()
    with ThreadPoolExecutor(2) as executor:
        flag.set()
        with pytest.raises(lc.CancelledError, match="cancelled after 0 paths"):
            lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=executor, cancel=flag)

        def progress(done: int, total: int) -> None:
            raise StopError

        with pytest.raises(StopError):
            lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=executor, progress=progress)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"executor": 3}, r"executor must be a concurrent\.futures\.Executor, was "),
        ({"directory": 3}, "directory must be"),
        ({"executor": ThreadPoolExecutor(1), "scenario": iter([RETURNS])}, "an iterator of blocks cannot be split"),
    ],
)
def test_wrong_arguments_are_named(given: dict[str, Any], message: str) -> None:
    asked = {"scenario": GARCH, **ASKED} | given
    if "scenario" in given:
        asked = {"scenario": given["scenario"], "executor": given["executor"], "step": HOUR}
    with pytest.raises(lc.KindError, match=message):
        lc.simulate(BOOK, MARKET, **asked)


# --- Dask -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    import distributed

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options, host="127.0.0.1", memory_limit="1GiB") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.filterwarnings("default")
def test_a_dask_cluster_gives_the_bits_of_one_piece(client: Any) -> None:
    executor = lc.distributed.dask(client)
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=executor, chunk=30)) == WHOLE
    assert digest(lc.simulate(BOOK, MARKET, RETURNS, step=HOUR, executor=executor)) == GIVEN
    plain = client.get_executor(pure=False)
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=plain, chunk=30)) == WHOLE


@pytest.mark.filterwarnings("default")
def test_a_dask_worker_killed_in_mid_run_changes_nothing(client: Any) -> None:
    killed: list[int] = []

    def progress(done: int, total: int) -> None:
        if done and not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    executor = lc.distributed.dask(client)
    asked = ASKED | {"paths": 300, "chunk": 10}
    assert digest(lc.simulate(BOOK, MARKET, GARCH, **asked, executor=executor, progress=progress)) == WHOLE
    assert killed


@pytest.mark.ray
@pytest.mark.filterwarnings("default")
def test_ray_gives_the_bits_of_one_piece() -> None:
    import ray

    executor = lc.distributed.ray(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        assert digest(lc.simulate(BOOK, MARKET, GARCH, **ASKED, executor=executor, chunk=30)) == WHOLE
        assert digest(lc.simulate(BOOK, MARKET, RETURNS, step=HOUR, executor=executor)) == GIVEN
    finally:
        ray.shutdown()
