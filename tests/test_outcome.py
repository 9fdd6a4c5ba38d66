"""Outcomes: one run whole, many runs as arrays, and the same bits whichever way they are asked for."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas
import pytest

import levcore as lc
from making import book, market, venue


@pytest.fixture(scope="module")
def exchange():
    """A random book of both sides and a market that a crash carries far."""
    random = np.random.default_rng(8)
    size = 3_000
    quantity = random.lognormal(0.0, 1.2, size) * random.choice([-1.0, 1.0], size)
    entry = 100.0 * np.exp(0.02 * random.standard_normal(size))
    margin = np.abs(quantity) * entry / np.clip(np.exp(2.2 + 0.8 * random.standard_normal(size)), 1.5, 80.0)
    held = book(venue(0.005, fund=500.0, deleveraging=True), quantity, entry, margin)
    return held, market(100.0, lc.LinearImpact(depth=float(np.abs(quantity).sum()) * 4.0))


def test_a_batch_has_the_names_of_a_single_outcome_with_a_leading_axis(exchange):
    shocks = np.linspace(-0.3, 0.3, 13)
    batch = lc.shock(*exchange, shocks)
    assert len(batch) == 13
    for i in (0, 6, 12, -1):
        single, alone = batch.at(i), lc.shock(*exchange, float(shocks[i]))
        for name in ("rounds", "bad_debt", "insurance_fund_low", "liquidated_count", "liquidated_notional", "fees"):
            assert getattr(batch, name)[i] == getattr(single, name) == getattr(alone, name), name
        assert batch.final_price["X"][i] == single.final_price["X"]
        assert np.array_equal(single.liquidated, alone.liquidated)
    with pytest.raises(lc.DomainError, match=r"use at\(i\).liquidated"):
        _ = batch.liquidated
    with pytest.raises(lc.DomainError, match=r"use at\(i\).trace"):
        _ = batch.trace
    with pytest.raises(lc.InputError, match="i must lie in -13 to 12, was 13"):
        batch.at(13)


def test_a_number_a_mapping_and_a_row_ask_for_the_same_shock(exchange):
    one = lc.shock(*exchange, -0.1)
    named = lc.shock(*exchange, {"X": -0.1})
    row = lc.shock(*exchange, [[-0.1]]).at(0)
    prepared = lc.shock(lc.prepare(*exchange), -0.1)
    keyword = lc.shock(exchange[0], market=exchange[1], shock=-0.1)
    zero_axis = lc.shock(*exchange, np.array(-0.1))
    for other in (named, row, prepared, keyword, zero_axis):
        assert other.bad_debt == one.bad_debt
        assert other.final_price == one.final_price


def test_a_mapping_moves_only_the_assets_that_it_names():
    to = lc.Market({name: lc.Asset(10.0, impact=lc.LinearImpact(depth=1.0)) for name in ("A", "X")})
    held = book(venue(0.01), [1.0], [10.0], [1.0])
    outcome = lc.shock(held, to, {"A": -0.5})
    assert dict(outcome.final_price) == {"A": 5.0, "X": 10.0}
    assert np.isnan(outcome.amplification["X"])
    assert outcome.amplification["A"] == 1.0
    rows = lc.shock(held, to, [[-0.5, 0.0], [0.0, -0.5]])
    assert rows.final_price["A"].tolist() == [5.0, 10.0]


def test_the_trace_adds_up_to_the_outcome(exchange):
    outcome = lc.shock(*exchange, -0.12)
    trace = outcome.trace
    assert len(trace) == outcome.rounds == outcome.cascade_depth > 2
    assert trace["round"].tolist() == list(range(1, outcome.rounds + 1))
    assert trace["liquidated_count_long"].sum() == outcome.liquidated_count_long
    assert trace["liquidated_notional_long"].sum() == pytest.approx(outcome.liquidated_notional_long, rel=1e-12)
    assert trace["deleveraged_notional"].sum() == pytest.approx(outcome.deleveraged_notional, rel=1e-12)
    assert trace["insurance_fund"][-1] == outcome.insurance_fund
    assert trace["mark_price_X"][-1] == outcome.final_price["X"] == outcome.lowest_price["X"]
    assert outcome.highest_price["X"] == 100.0
    assert not trace.flags.writeable
    assert outcome.liquidated.sum() == outcome.liquidated_count


def test_threads_that_share_a_book_get_the_same_bits(exchange):
    ready = lc.prepare(*exchange)
    shocks = np.linspace(-0.3, 0.3, 7)
    expected = lc.shock(ready, shocks).bad_debt.tobytes()
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(lc.shock(ready, shocks).bad_debt.tobytes())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_an_outcome_says_in_a_few_lines_what_happened(exchange):
    outcome = lc.shock(*exchange, -0.12)
    said = repr(outcome)
    assert "shock -12.00%, mark 100 -> " in said
    assert "amplification" in said
    assert f"{outcome.liquidated_count:,} of 3,000 positions in " in said
    assert "(exhausted)" in said
    assert "deleveraged" in said
    assert len(said.splitlines()) <= 8
    assert "<table>" in outcome._repr_html_()
    batch = repr(lc.shock(*exchange, [-0.12, 0.05]))
    assert "2 shocks, -12.00% to +5.00%" in batch
    assert "no shocks" in repr(lc.shock(*exchange, np.empty(0)))


def test_the_memory_of_a_request_is_foretold(exchange):
    held, to = exchange
    still = lc.Book.from_frame(venue(0.005), held.to_frame())  # a venue that changes no claims needs less
    assert lc.estimate_bytes(still, to) == lc.estimate_bytes(len(held), to) < lc.estimate_bytes(held, to)
    assert lc.estimate_bytes(2_000_000) == pytest.approx(2 * lc.estimate_bytes(1_000_000), rel=1e-4)
    assert lc.estimate_bytes(held, to, shocks=10) > lc.estimate_bytes(held, to)
    with pytest.raises(lc.InputError, match="must be >= 0"):
        lc.estimate_bytes(-1)


def test_accounts_and_what_runs_keep_of_them_are_counted():
    columns = {"instrument": "X", "quantity": np.ones(1_000), "entry_price": np.full(1_000, 100.0)}
    to = lc.Market(
        {"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=1e6)), "C": lc.Asset(1.0, impact=lc.LinearImpact(depth=1e6))}
    )
    tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.005])
    perpetual = lc.LinearPerpetual("X", asset="X", tiers=tiers)

    def estimate(rows: int, *coins: str, positions: int = 1_000, **paths: int) -> int:
        at = lc.Venue([perpetual], collateral=dict.fromkeys(coins, 1.0))
        owner = np.where(np.arange(1_000) < positions, np.arange(1_000) % rows, -1)
        accounts = lc.Accounts(USD=np.full(rows, 1e3), **{coin: np.ones(rows) for coin in coins})
        margin = np.where(owner < 0, 10.0, np.nan)
        return lc.estimate_bytes(lc.Book(at, margin=margin, account=owner, accounts=accounts, **columns), to, **paths)

    isolated = lc.Book(lc.Venue([perpetual]), margin=np.full(1_000, 10.0), **columns)
    assert lc.estimate_bytes(isolated, to) == lc.estimate_bytes(1_000, to)
    few = estimate(10)
    assert lc.estimate_bytes(isolated, to) < estimate(10, positions=500) < few < estimate(1_000)
    # A balance: its column, two copies in the core, and a run's own; what watches its price.
    assert estimate(1_000, "C") - estimate(1_000) == (4 * 8 + 3 * 16 + 64) * 1_000
    # A thread more: claim and charge of a position, rest and last step of an account, and more.
    paths = {"paths": 10, "steps": 10}
    alone = lc.estimate_bytes(isolated, to, threads=4, **paths) - lc.estimate_bytes(isolated, to, threads=1, **paths)
    more = estimate(100, threads=4, **paths) - estimate(100, threads=1, **paths) - alone
    assert more >= 3 * (1_000 * (16 + 8 + 1) + 100 * (8 + 8 + 8))


PEAK = """
import pathlib, re, numpy as np, levcore as lc
def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
size = 2 * (2**17 + 1)  # the worst size for a tree
random = np.random.default_rng(0)
tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.005])
perpetual = lc.LinearPerpetual("X", asset="X", tiers=tiers)
venue = lc.Venue([perpetual], backstop=lc.Backstop(deleveraging=True, socialise=True))
quantity = random.lognormal(0.0, 1.0, size) * np.where(np.arange(size) % 2, 1.0, -1.0)
entry, margin = 100.0 * (1.0 + 0.03 * random.standard_normal(size)), np.abs(quantity) * random.uniform(1, 30, size)
market = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=1e7))})
before = peak()
book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
outcome = lc.shock(book, market, -0.2)
assert outcome.deleveraged_notional > 0.0
print(peak() - before, lc.estimate_bytes(book, market))
"""


ACCOUNTS_PEAK = (
    PEAK.replace("margin=margin)", "margin=np.full(size, np.nan), account=owner, accounts=accounts)")
    .replace(
        "before = peak()",
        "owner, accounts = np.arange(size) // 2, lc.Accounts(USD=np.add.reduceat(margin, np.arange(0, size, 2)))\n"
        "before = peak()",
    )
    .replace("assert outcome.deleveraged_notional > 0.0", "assert outcome.liquidated_count > 0")
)


LADDER_PEAK = (
    PEAK.replace("size = 2 * (2**17 + 1)  # the worst size for a tree", "size = 1_000_000")
    .replace("deleveraging=True, socialise=True", "deleveraging=False")
    .replace("lc.shock(book, market, -0.2)", "lc.shock(lc.prepare(book, market), -0.2)")
    .replace("assert outcome.deleveraged_notional > 0.0", "assert lc.estimate_bytes(book) <= 128 * size")
)


@pytest.mark.parametrize("code", [PEAK, ACCOUNTS_PEAK, LADDER_PEAK], ids=["isolated", "accounts", "ladder"])
def test_a_run_takes_no_more_memory_than_was_foretold(code):
    # A sanitizer that keeps freed memory back would count it as taken.
    environment = os.environ | {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    taken, estimate = map(int, run.stdout.split())
    assert 0 < taken <= 1.1 * estimate


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_outcomes_travel_between_processes(exchange, clone):
    single, batch = lc.shock(*exchange, -0.12), lc.shock(*exchange, [-0.12, 0.05])
    assert repr(clone(single)) == repr(single)
    assert np.array_equal(clone(single).trace, single.trace)
    assert clone(batch).bad_debt.tolist() == batch.bad_debt.tolist()
    assert clone(batch).at(0).final_price == single.final_price
    with pytest.raises(TypeError, match="does not support item assignment"):
        single.final_price["X"] = 1.0


def test_a_long_batch_stops_at_ctrl_c_and_leaves_everything_usable(exchange):
    ready = lc.prepare(*exchange)
    expected = lc.shock(ready, -0.12).bad_debt
    timer = threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        lc.shock(ready, np.full(200_000, -0.12))
    assert time.monotonic() - started < 20.0
    timer.join()
    assert lc.shock(ready, -0.12).bad_debt == expected


def test_labelled_shocks_go_by_name_not_by_place():
    to = lc.Market({name: lc.Asset(10.0, impact=lc.LinearImpact(depth=float("inf"))) for name in ("A", "X")})
    held = book(venue(0.01), [1.0], [10.0], [1.0])
    frame = lc.shock(held, to, pandas.DataFrame({"X": [-0.5, 0.0], "A": [0.0, -0.2]}))
    assert (frame.final_price["X"].tolist(), frame.final_price["A"].tolist()) == ([5.0, 10.0], [10.0, 8.0])
    assert lc.shock(held, to, pandas.DataFrame({"X": [-0.5]})).final_price["A"].tolist() == [10.0]
    series = lc.shock(held, to, pandas.Series({"X": -0.5}))
    assert dict(series.final_price) == {"A": 10.0, "X": 5.0}
    assert held.equity(pandas.Series({"X": 12.0})).tolist() == [3.0]
    assert len(lc.shock(held, to, pandas.Series([-0.1, -0.2, -0.3]))) == 3
    for wrong in (pandas.Series({"Y": -0.1}), pandas.DataFrame({"Y": [-0.1]})):
        with pytest.raises(lc.InputError, match="unknown asset 'Y'; known: A, X"):
            lc.shock(held, to, wrong)


def test_nothing_in_an_outcome_can_be_written_to(exchange):
    batch, single = lc.shock(*exchange, [-0.12, 0.05]), lc.shock(*exchange, -0.12)
    for array in (batch.shocks, batch.bad_debt, batch.final_price["X"], single.liquidated, single.trace):
        with pytest.raises(ValueError, match=r"read-only|assignment destination"):
            array[0] = 0
    assert not hasattr(batch, "trace")
    assert dataclasses.asdict(single)["final_price"] == dict(single.final_price)
    frame = batch.to_frame()
    assert frame["bad_debt"].tolist() == batch.bad_debt.tolist()
    assert {"shock_X", "final_price_X", "liquidated_count", "liquidated_notional", "exhausted"} <= set(frame.columns)


def test_versions_are_printed_for_reports(capsys):
    lc.show_versions()
    said = capsys.readouterr().out
    assert said.startswith(f"levcore     {lc.__version__}")
    assert "numpy" in said
