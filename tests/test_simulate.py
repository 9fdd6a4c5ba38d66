"""Many paths: each step of them, the same bits for any threads and chunks, stopping, and what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import levcore as lc
import making

HOUR = timedelta(hours=1)
COUNTS = ("rounds", "cascade_depth", "liquidated_count_long", "liquidated_count_short", "exhausted")
MONEY = (
    "liquidated_notional_long",
    "liquidated_notional_short",
    "bad_debt",
    "insurance_fund",
    "insurance_fund_low",
    "deleveraged_notional",
    "socialised_loss",
    "fees",
)


def crowd(size: int = 400, *, deleveraging: bool = False, fund: float = 50.0) -> lc.Book:
    """Longs and shorts of many leverages at 100."""
    rng = np.random.default_rng(5)
    at = making.venue(0.01, fund=fund, deleveraging=deleveraging)
    quantity = rng.lognormal(0.0, 1.0, size) * np.where(np.arange(size) % 2, 1.0, -1.0)
    return making.book(at, quantity, np.full(size, 100.0), np.abs(quantity) * 100.0 / rng.uniform(2.0, 40.0, size))


def digest(runs: lc.Runs) -> str:
    h = hashlib.sha256()
    for name in (*COUNTS, *MONEY, "first_liquidation", "liquidation_probability", "mean_liquidation_time"):
        h.update(np.ascontiguousarray(getattr(runs, name)).tobytes())
    for name in ("final_price", "lowest_price", "highest_price", "amplification"):
        h.update(getattr(runs, name)["X"].tobytes())
    return h.hexdigest()


def test_one_step_of_given_returns_is_the_shock():
    book, market = crowd(), making.market(impact=lc.LinearImpact(depth=2_000.0))
    shocks = np.array([-0.3, -0.1, -0.02, 0.0, 0.05, 0.2])
    runs = lc.simulate(book, market, shocks[:, None], step=HOUR, engine="ledger")
    alone = lc.shock(book, market, shocks)
    assert alone.engine == "ledger"
    for name in (*COUNTS, *MONEY):
        assert np.array_equal(getattr(runs, name), getattr(alone, name)), name
    for name in ("final_price", "lowest_price", "highest_price"):
        assert np.array_equal(getattr(runs, name)["X"], getattr(alone, name)["X"])


@pytest.mark.parametrize("deleveraging", [False, True])
def test_threads_and_chunks_do_not_show(deleveraging):
    book = crowd(deleveraging=deleveraging)
    ready = lc.prepare(book, making.market(impact=lc.LinearImpact(depth=3_000.0), resilience=20.0))
    process = lc.GBM(volatility=1.5)
    hashes = {
        digest(lc.simulate(ready, process, paths=120, steps=24, step=HOUR, seed=3, threads=threads, chunk=chunk))
        for threads in (1, 2, 3, 7)
        for chunk in (1, 7, 64, 1_000)
    }
    assert len(hashes) == 1


def test_a_path_is_the_same_whatever_the_number_of_paths():
    ready = lc.prepare(crowd(), making.market(impact=lc.LinearImpact(depth=3_000.0)))
    few = lc.simulate(ready, lc.GBM(volatility=1.5), paths=5, steps=24, step=HOUR, seed=3)
    many = lc.simulate(ready, lc.GBM(volatility=1.5), paths=50, steps=24, step=HOUR, seed=3)
    for name in (*COUNTS, *MONEY):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:5]), name


def test_without_impact_a_position_goes_at_the_first_step_that_ends_beyond_its_liquidation_price():
    book = crowd(300, fund=1e9)
    market = making.market()
    process = lc.GBM(volatility=1.5)
    runs = lc.simulate(book, market, process, paths=200, steps=30, step=HOUR, seed=8)
    prices = process.paths(market, paths=200, steps=30, step=HOUR, seed=8)[:, :, 0]
    lowest, highest = np.minimum.accumulate(prices, 1), np.maximum.accumulate(prices, 1)
    for i in range(len(book)):
        at = book.liquidation_price[i]
        beyond = lowest < at if book.quantity[i] > 0 else highest > at
        gone = beyond[:, -1]
        assert runs.liquidation_probability[i] == gone.mean()
        steps = beyond[gone].argmax(axis=1) + 1
        mean = round(steps.mean() * 3_600e9) if gone.any() else "NaT"
        expected = np.timedelta64(mean, "ns")
        if gone.any():
            assert abs((runs.mean_liquidation_time[i] - expected).astype(int)) <= 1
        else:
            assert np.isnat(runs.mean_liquidation_time[i])
    assert np.array_equal(runs.final_price["X"], prices[:, -1])


def test_the_order_book_refills_between_steps_and_the_price_keeps_the_permanent_share():
    # By hand: a long of 10 is sold in step 1 into a depth of 100, so X = -10 and I = -0.1; in a day half of it returns.
    book = making.book(making.venue(fund=1e6), 10.0, 100.0, 100.0)
    market = making.market(impact=lc.LinearImpact(depth=100.0), resilience=math.log(2.0), permanent=0.4)
    runs = lc.simulate(book, market, [[-0.2, 0.0]], step=timedelta(days=1), keep_steps=True)
    mark = runs.steps_kept.mark_price["X"][0]
    assert mark[0] == pytest.approx(80.0 * math.exp(-0.1), rel=1e-14)
    assert mark[1] == pytest.approx(80.0 * math.exp(-0.05 + 0.4 * (-0.1 + 0.05)), rel=1e-14)
    assert runs.lowest_price["X"][0] == mark[0]
    assert runs.amplification["X"][0] == pytest.approx((math.log(0.8) - 0.1) / math.log(0.8), rel=1e-14)


def test_amplification_of_a_path_looks_at_the_larger_extreme():
    book = making.book(making.venue(fund=1e6), -10.0, 100.0, 100.0)
    market = making.market(impact=lc.LinearImpact(depth=100.0))
    runs = lc.simulate(book, market, [[-0.05, 0.3], [-0.05, 0.02]], step=HOUR)
    top = math.log(0.95 * 1.3)
    assert runs.amplification["X"] == pytest.approx([(top + 0.1) / top, 1.0], rel=1e-12)


def test_a_fully_bought_back_path_of_steps_adds_up():
    book = crowd()
    market = making.market(impact=lc.LinearImpact(depth=2_000.0), resilience=5.0)
    runs = lc.simulate(book, market, lc.GBM(volatility=2.0), paths=40, steps=20, step=HOUR, seed=1, keep_steps=True)
    kept = runs.steps_kept
    assert kept.bad_debt.sum(axis=1) == pytest.approx(runs.bad_debt, rel=1e-9, abs=1e-9)
    assert kept.liquidated_notional_long.sum(axis=1) == pytest.approx(runs.liquidated_notional_long, rel=1e-9)
    assert np.array_equal(kept.insurance_fund[:, -1], runs.insurance_fund)
    assert np.array_equal(kept.mark_price["X"][:, -1], runs.final_price["X"])
    assert np.array_equal(kept.fundamental_price["X"][:, -1], runs.fundamental_price["X"])
    assert kept.time[[0, -1]].astype("timedelta64[h]").astype(int).tolist() == [1, 20]


@pytest.mark.parametrize("deleveraging", [False, True])
def test_one_path_run_again_is_the_path(deleveraging):
    ready = lc.prepare(crowd(deleveraging=deleveraging), making.market(impact=lc.LinearImpact(depth=2_000.0)))
    runs = lc.simulate(ready, lc.GBM(volatility=2.0), paths=20, steps=24, step=HOUR, seed=4, keep_steps=True)
    gone = np.zeros(len(ready.book))
    for i in range(20):
        alone = runs.at(i)
        gone += alone.liquidated
        for name in (*COUNTS, *MONEY):
            assert getattr(alone, name) == getattr(runs, name)[i], name
        assert alone.steps_kept.mark_price["X"][0].tolist() == runs.steps_kept.mark_price["X"][i].tolist()
        first = runs.first_liquidation[i]
        assert alone.first_liquidation == first or (np.isnat(first) and np.isnat(alone.first_liquidation))
        if alone.rounds:
            assert alone.trace["time"][0] == first
            assert np.bincount(alone.trace["step"]).max() == alone.cascade_depth
    assert np.array_equal(runs.liquidation_probability, gone / 20)
    assert runs.at(-1).rounds == runs.rounds[-1]


@pytest.mark.parametrize("deleveraging", [False, True])
def test_money_is_conserved_over_all_steps(deleveraging):
    market = making.market(impact=lc.LinearImpact(depth=1_500.0), resilience=30.0, permanent=0.5, half_spread=0.001)
    book = crowd(deleveraging=deleveraging)
    runs = lc.simulate(book, market, lc.GBM(volatility=4.0), paths=300, steps=48, step=HOUR, seed=4)
    assert runs.conservation_error.max() <= 1e-12
    assert runs.liquidated_count.max() > 0.5 * len(book)
    assert (runs.deleveraged_notional > 0).any() == deleveraging


def test_blocks_of_an_iterator_are_the_array():
    ready = lc.prepare(crowd(), making.market(impact=lc.LinearImpact(depth=2_000.0)))
    returns = np.random.default_rng(2).normal(0.0, 0.05, (30, 10, 1))
    whole = lc.simulate(ready, returns, step=HOUR)
    parts = lc.simulate(ready, iter([returns[:7], returns[7:8], returns[8:]]), step=HOUR)
    assert digest(parts) == digest(whole)
    with pytest.raises(lc.NotKeptError, match="not kept"):
        parts.at(0)


def test_a_gbm_has_the_moments_of_its_closed_form():
    market = lc.Market({name: lc.Asset(100.0, impact=lc.LinearImpact(depth=math.inf)) for name in ("A", "B")})
    process = lc.GBM(volatility={"A": 0.8, "B": 0.4}, drift={"A": 0.1, "B": 0.0}, correlation=[[1.0, 0.6], [0.6, 1.0]])
    n, years = 40_000, 0.5
    prices = process.paths(market, paths=n, steps=5, step=timedelta(days=365 * years / 5), seed=2)[:, -1, :]
    moves = np.log(prices / 100.0)
    for k, (vol, drift) in enumerate([(0.8, 0.1), (0.4, 0.0)]):
        variance = vol * vol * years
        assert abs(moves[:, k].mean() - (drift * years - variance / 2)) < 4 * math.sqrt(variance / n)
        assert abs(moves[:, k].var() - variance) < 4 * variance * math.sqrt(2 / n)
        spread = prices[:, k].std() / math.sqrt(n)
        assert abs(prices[:, k].mean() - 100.0 * math.exp(drift * years)) < 4 * spread
    assert abs(np.corrcoef(moves.T)[0, 1] - 0.6) < 4 * (1 - 0.36) / math.sqrt(n)


def exact_survival(barrier: float, volatility: float, steps: int, years: float) -> float:
    """P(a driftless GBM watched at the ends of steps stays above), by quadrature over a fine grid of log prices."""
    x = np.linspace(math.log(barrier), 6 * volatility * math.sqrt(steps * years), 6_001)
    h = x[1] - x[0]
    s, m = volatility * math.sqrt(years), -0.5 * volatility**2 * years
    weight = np.full(len(x), h)
    weight[[0, -1]] = h / 2
    density = np.exp(-0.5 * ((x - m) / s) ** 2) / (s * math.sqrt(2 * math.pi))
    reach = math.ceil((8 * s + abs(m)) / h)
    offsets = np.arange(-reach, reach + 1) * h
    kernel = np.exp(-0.5 * ((offsets - m) / s) ** 2) / (s * math.sqrt(2 * math.pi))
    for _ in range(steps - 1):
        density = np.convolve(density * weight, kernel)[reach : reach + len(x)]
    return float((density * weight).sum())


def test_liquidation_probability_is_that_of_a_discretely_watched_barrier():
    book = making.book_by_liquidation_price(making.venue(0.01, fund=1e9), [1.0, 1.0, 1.0], [97.0, 93.0, 88.0], 100.0)
    n, steps = 20_000, 48
    runs = lc.simulate(book, making.market(), lc.GBM(volatility=0.8), paths=n, steps=steps, step=HOUR, seed=6)
    for got, barrier in zip(runs.liquidation_probability, (0.97, 0.93, 0.88), strict=True):
        exact = 1.0 - exact_survival(barrier, 0.8, steps, 1 / (365 * 24))
        assert abs(got - exact) < 4 * math.sqrt(exact * (1 - exact) / n)
    low, high = runs.liquidation_probability_interval()
    assert (low < runs.liquidation_probability).all()
    assert (runs.liquidation_probability < high).all()


def test_progress_is_told_and_may_stop_the_run():
    ready = lc.prepare(crowd(2_000), making.market(impact=lc.LinearImpact(depth=2_000.0)))
    told = []
    lc.simulate(
        ready, lc.GBM(volatility=2.0), paths=50, steps=20, step=HOUR, seed=1, progress=lambda *at: told.append(at)
    )
    assert told[0] == (0, 50)
    assert told[-1] == (50, 50)

    def refuse(done: int, total: int) -> None:
        if done < total:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        lc.simulate(ready, lc.GBM(volatility=2.0), paths=50, steps=20, step=HOUR, seed=1, progress=refuse)


def test_a_flag_set_by_another_thread_stops_the_run():
    ready = lc.prepare(crowd(2_000), making.market(impact=lc.LinearImpact(depth=2_000.0)))
    flag = threading.Event()
    timer = threading.Timer(0.2, flag.set)
    timer.start()
    with pytest.raises(lc.CancelledError, match="cancelled after"):
        lc.simulate(ready, lc.GBM(volatility=2.0), paths=10**6, steps=500, step=HOUR, seed=1, cancel=flag)
    timer.join()


def test_an_interrupt_ends_a_run_and_the_next_one_is_right():
    ready = lc.prepare(crowd(2_000), making.market(impact=lc.LinearImpact(depth=2_000.0)))
    expected = digest(lc.simulate(ready, lc.GBM(volatility=2.0), paths=5, steps=5, step=HOUR, seed=1))
    for _ in range(3):
        timer = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
        timer.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            lc.simulate(ready, lc.GBM(volatility=2.0), paths=10**6, steps=500, step=HOUR, seed=1)
        timer.join()
        assert time.monotonic() - began < 60  # it did not run to its end
        assert digest(lc.simulate(ready, lc.GBM(volatility=2.0), paths=5, steps=5, step=HOUR, seed=1)) == expected


def test_runs_pickle_with_what_it_takes_to_run_a_path_again():
    runs = lc.simulate(crowd(), making.market(), lc.GBM(volatility=1.0), paths=5, steps=5, step=HOUR, seed=1)
    copy = pickle.loads(pickle.dumps(runs))
    assert digest(copy) == digest(runs)
    assert copy.at(3).final_price == runs.at(3).final_price
    gone = lc.simulate(crowd(), making.market(), iter([[[0.1, -0.2]]]), step=HOUR)
    with pytest.raises(lc.NotKeptError, match="not kept"):
        pickle.loads(pickle.dumps(gone)).at(0)
    assert len(runs.to_frame()) == len(runs) == 5
    assert "seed" in repr(runs)


def test_a_seed_drawn_by_the_system_is_kept_and_gives_the_run_again():
    ready = lc.prepare(crowd(), making.market())
    runs = lc.simulate(ready, lc.GBM(volatility=1.0), paths=5, steps=5, step=HOUR)
    again = lc.simulate(ready, lc.GBM(volatility=1.0), paths=5, steps=5, step=HOUR, seed=runs.seed)
    assert digest(runs) == digest(again)


PLAIN = {"paths": 2, "steps": 2, "step": HOUR, "seed": 1}


@pytest.mark.parametrize(
    ("change", "error", "rule"),
    [
        ({"paths": 0}, lc.InputError, "paths must be >= 1, was 0"),
        ({"paths": None}, lc.KindError, "paths must be given"),
        ({"steps": 0}, lc.InputError, "steps must be >= 1, was 0"),
        ({"steps": 1.5}, lc.KindError, "steps must be an int"),
        ({"step": None}, lc.KindError, "step must be a timedelta"),
        ({"step": 60}, lc.KindError, "step must be a timedelta, was int 60"),
        ({"step": timedelta(0)}, lc.InputError, "step must be > 0"),
        ({"seed": -1}, lc.InputError, "seed must be >= 0"),
        ({"threads": 0}, lc.InputError, "threads must be >= 1, was 0"),
        ({"threads": 10**6}, lc.InputError, "threads must be <= 1024"),
        ({"chunk": 0}, lc.InputError, "chunk must be >= 1, was 0"),
        ({"engine": "warp"}, lc.InputError, "engine must be 'auto' or 'ladder' or 'ledger'"),
        ({"progress": 1}, lc.KindError, "progress must be callable"),
        ({"cancel": 1}, lc.KindError, "cancel must be a threading.Event"),
        ({"paths": 2**30, "keep_steps": True, "steps": 2**20}, lc.TooLargeError, "GB of memory"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(change, error, rule):
    with pytest.raises(error, match=rule):
        lc.simulate(crowd(4), making.market(), lc.GBM(volatility=1.0), **(PLAIN | change))


@pytest.mark.parametrize(
    ("returns", "error", "rule"),
    [
        ([[0.1, -1.0]], lc.InputError, r"scenario\[0, 1, 0\] must be a return > -1 and at most 1e90, was -1"),
        ([[0.1, math.nan]], lc.InputError, "must be a return > -1 and at most 1e90, was nan"),
        (np.zeros((2, 3, 4)), lc.InputError, "must have shape"),
        (np.zeros((0, 3)), lc.InputError, "at least 1 each"),
        ([["a"]], lc.KindError, "dtype"),
        ("GBM", lc.KindError, "scenario must be a process"),
        (None, lc.KindError, "scenario must be a process"),
        (iter([]), lc.InputError, "at least one block"),
        (iter([[[0.1]], [[0.1, 0.2]]]), lc.InputError, "block 1 must have 1 steps"),
    ],
)
def test_wrong_returns_are_refused_by_place(returns, error, rule):
    with pytest.raises(error, match=rule):
        lc.simulate(crowd(4), making.market(), returns, step=HOUR)


@pytest.mark.parametrize(
    ("options", "error", "rule"),
    [
        ({"volatility": -0.1}, lc.InputError, "volatility must be >= 0"),
        ({"volatility": "high"}, lc.KindError, "volatility must be a number"),
        ({"volatility": {"X": math.nan}}, lc.InputError, "volatility.'X'. must be finite"),
        ({"volatility": 1.0, "correlation": [[1.0, 2.0], [2.0, 1.0]]}, lc.InputError, "correlation.0, 1. must be <= 1"),
        ({"volatility": 1.0, "correlation": [[1.0, 0.2], [0.3, 1.0]]}, lc.InputError, "must equal"),
        ({"volatility": 1.0, "correlation": [[1.0, 1.0], [1.0, 1.0]]}, lc.InputError, "must be positive definite"),
        ({"volatility": 1.0, "correlation": [1.0]}, lc.InputError, "square matrix"),
    ],
)
def test_a_wrong_process_is_refused_by_name(options, error, rule):
    with pytest.raises(error, match=rule):
        lc.GBM(**options)


def test_a_process_must_fit_the_market():
    for process, rule in (
        (lc.GBM(volatility={"Y": 1.0}), "unknown asset 'Y'"),
        (lc.GBM(volatility=1.0, correlation=[[1.0, 0.5], [0.5, 1.0]]), "shape"),
    ):
        with pytest.raises(lc.InputError, match=rule):
            lc.simulate(crowd(4), making.market(), process, **PLAIN)


def test_memory_foretold_grows_with_what_is_asked():
    book, market = crowd(), making.market()
    plain = lc.estimate_bytes(book, market)
    few = lc.estimate_bytes(book, market, paths=1_000, steps=100)
    assert plain < few < lc.estimate_bytes(book, market, paths=1_000, steps=100, keep_steps=True)
    assert few < lc.estimate_bytes(book, market, paths=1_000, steps=100, threads=4)
    assert lc.estimate_bytes(book, market, paths=1_000, steps=100, keep_steps=True) > 1_000 * 100 * 6 * 8
    with pytest.raises(lc.InputError, match="threads must be >= 1"):
        lc.estimate_bytes(book, market, paths=1, steps=1, threads=0)


def test_a_lesser_cpu_gives_the_same_bits():
    code = (
        "import test_simulate as t, levcore as lc, making\n"
        "ready = lc.prepare(t.crowd(), making.market(impact=lc.PowerImpact(scale=4e4, exponent=0.6)))\n"
        "print(t.digest(lc.simulate(ready, lc.GBM(volatility=1.5), paths=40, steps=24, step=t.HOUR, seed=3)))\n"
    )
    lesser = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"}
    here = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])}
    hashes = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | here | hidden,
        ).stdout
        for hidden in ({}, lesser)
    }
    assert len(hashes) == 1


def test_returns_written_to_afterwards_do_not_change_a_path_that_was_run():
    returns = np.full((2, 3, 1), -0.01)
    runs = lc.simulate(making.book(making.venue(), 1.0, 100.0, 10.0), making.market(), returns, step=HOUR)
    before = runs.at(1).fundamental_price
    returns[:] = 0.5
    assert runs.at(1).fundamental_price == before


def test_a_path_that_stops_early_keeps_its_last_prices():
    book, moves = making.book(making.venue(), 1.0, 100.0, 10.0), [[0.1, 1e89, 1e89], [0.1, 0.0, 0.0]]
    with pytest.warns(RuntimeWarning, match="1 of 2 paths stopped early, the first because the price of X"):
        wild = lc.simulate(book, making.market(), moves, step=HOUR, keep_steps=True)
    assert wild.error[0] is not None
    assert wild.fundamental_price["X"][0] < 1e100
    assert wild.steps_kept.mark_price["X"].max() < 1e100


def test_masked_returns_frames_of_correlation_and_months_are_refused():
    book = making.book(making.venue(), 1.0, 100.0, 10.0)
    with pytest.raises(lc.InputError, match="some were masked"):
        lc.simulate(book, making.market(), np.ma.array([[0.1, -0.3]], mask=[[False, True]]), step=HOUR)
    with pytest.raises(lc.KindError, match="a frame's labels are not looked at"):
        lc.GBM(volatility=0.5, correlation=pd.DataFrame([[1.0, 0.5], [0.5, 1.0]]))
    with pytest.raises(lc.InputError, match="months and years have no fixed length"):
        lc.simulate(book, making.market(), [[0.1]], step=np.timedelta64(1, "M"))


def test_counts_by_position_are_written_when_first_asked_for_and_travel():
    asked = {"paths": 40, "steps": 24, "step": HOUR, "seed": 3}
    book, market = crowd(), making.market(impact=lc.LinearImpact(depth=200_000.0))
    runs = lc.simulate(book, market, lc.GBM(volatility=2.0), **asked, engine="ladder")
    ledger = lc.simulate(book, market, lc.GBM(volatility=2.0), **asked, engine="ledger")
    assert "_liquidations" not in vars(runs)
    for one in (pickle.loads(pickle.dumps(runs)), dataclasses.replace(runs), runs):
        assert one.liquidation_probability.tolist() == ledger.liquidation_probability.tolist()
        assert one.mean_liquidation_time.tolist() == ledger.mean_liquidation_time.tolist()
    assert "_liquidations" in vars(runs)
    assert runs._tally is None
    with pytest.raises(ValueError, match="read-only"):
        runs.per_position().columns["liquidations"][0] = 99
    assert 0.0 < runs.liquidation_probability.mean() < 1.0
