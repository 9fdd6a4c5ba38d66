"""Risk measures of runs: what they say against the paths that they are of, and the page that holds them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
from making import book, market, venue
from making_runs import made_runs

HOUR = timedelta(hours=1)


def crashes(returns, *, fund=0.0, held=None):
    """Paths of one step an hour of the given returns, on three longs at 2x, 10x and 50x without impact."""
    longs = book(venue(0.005, fund=fund), [1.0] * 3, [100.0] * 3, [50.0, 10.0, 2.0])
    return lc.simulate(longs if held is None else held, market(100.0), returns, step=HOUR)


def test_a_fund_is_exhausted_in_as_many_paths_as_say_so():
    # 15 below its margin is paid by nobody: the fund of 1 runs dry in the two paths that fall by 25 %
    runs = crashes([[-0.25], [-0.01], [0.0], [-0.25]], fund=1.0)
    estimate = lc.risk.exhaustion_probability(runs)
    assert estimate.value == runs.exhausted.mean() == 0.5
    assert estimate == lc.risk.probability(runs.exhausted)


def test_expected_bad_debt_is_the_mean_and_no_interval_of_it_is_below_nothing():
    runs = crashes([[-0.25], [-0.01], [0.0], [0.0], [0.0]])
    # margins of 10 and 2 meet a loss of 25
    estimate = lc.risk.expected_bad_debt(runs)
    assert estimate.value == pytest.approx((15.0 + 23.0) / 5)
    assert estimate.low == 0.0
    assert estimate.high == pytest.approx(lc.risk.mean(runs.bad_debt).high)


def test_a_position_is_in_the_bucket_of_its_leverage_at_the_start():
    runs = crashes([[-0.25], [-0.03], [0.0], [-0.15]])
    found = lc.risk.liquidation_probability_by_leverage(runs)
    assert list(found) == ["2x to 5x", "10x to 20x", "50x to 100x"]
    assert [one.value for one in found.values()] == [0.0, 0.5, 0.75]
    together = lc.risk.liquidation_probability_by_leverage(runs, edges=[1, 50, math.inf])
    assert {name: one.value for name, one in together.items()} == {"1x to 50x": 0.25, "50x and more": 0.75}
    # a bucket of one position is that position's own probability, with its own interval
    low, high = runs.liquidation_probability_interval()
    for i, one in enumerate(found.values()):
        assert (one.low, one.high) == pytest.approx((low[i], high[i]), rel=1e-14)


def test_positions_of_an_account_have_its_leverage():
    at = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=lc.MarginTiers([0.0], [0.005]))], collateral={})
    held = lc.Book(
        at,
        instrument="X",
        quantity=[1.0, 2.0, 1.0],
        entry_price=[100.0] * 3,
        margin=[math.nan, math.nan, 40.0],
        account=[0, 0, -1],
        accounts=lc.Accounts(USD=[20.0]),
    )
    found = lc.risk.liquidation_probability_by_leverage(crashes([[-0.2], [0.0]], held=held))
    assert {name: one.value for name, one in found.items()} == {"2x to 5x": 0.0, "10x to 20x": 0.5}


def test_a_position_without_equity_is_in_the_last_bucket():
    held = book(venue(0.005), [1.0], [150.0], [10.0])
    found = lc.risk.liquidation_probability_by_leverage(crashes([[0.0], [0.0]], held=held))
    assert list(found) == ["100x and more"]
    assert not lc.risk.liquidation_probability_by_leverage(crashes([[0.0]], held=held), edges=[1.0, 100.0])


def test_intervals_of_buckets_hold_the_truth_when_all_of_a_bucket_go_together():
    # a hundred equal longs go in every path that falls by more than their margin
    held = book(venue(), [1.0] * 100, [100.0] * 100, [10.0] * 100)
    truth, hits = 0.3, 0
    for seed in range(300):
        falls = np.where(np.random.default_rng(seed).random((200, 1)) < truth, -0.2, 0.0)
        one = lc.risk.liquidation_probability_by_leverage(crashes(falls, held=held))["10x to 20x"]
        hits += one.low <= truth <= one.high
    assert 0.92 < hits / 300 < 0.98


def test_the_time_to_liquidation_counts_the_paths_that_have_not_seen_it_yet():
    # after one hour, after three, never, never
    runs = crashes([[-0.3, 0.0, 0.0], [0.0, 0.0, -0.3], [0.0] * 3, [0.01] * 3])
    assert lc.risk.time_to_liquidation(runs, q=0.25).value == 3_600.0
    median = lc.risk.time_to_liquidation(runs)
    assert median.value == 3 * 3_600.0
    assert math.isinf(median.high)
    assert math.isinf(lc.risk.time_to_liquidation(runs, q=0.75).value)


def test_the_table_says_what_the_measures_say():
    held = book(venue(0.005, fund=3.0), [1.0] * 3, [100.0] * 3, [50.0, 10.0, 2.0])
    runs = made_runs(held, market(100.0, lc.LinearImpact(depth=50.0)), paths=400, keep_steps=False)
    table = lc.risk.table(runs, level=0.95, confidence=0.9)
    assert table["fund exhausted, probability"] == lc.risk.exhaustion_probability(runs, 0.9)
    assert table["bad debt, mean"] == lc.risk.expected_bad_debt(runs, 0.9)
    assert table["bad debt, expected shortfall 95 %"] == lc.risk.expected_shortfall(runs.bad_debt, 0.95, 0.9)
    assert table["drawn from the fund, value at risk 95 %"] == lc.risk.value_at_risk(
        3.0 - runs.insurance_fund_low, 0.95, 0.9
    )
    assert table["liquidated notional, mean"].value == runs.liquidated_notional.mean()
    assert table["first liquidation, median time"] == lc.risk.time_to_liquidation(runs, 0.5, 0.9)
    for bucket, one in lc.risk.liquidation_probability_by_leverage(runs, confidence=0.9).items():
        assert table[f"liquidation at {bucket}, probability"] == one
    assert table.units["bad debt, mean"] == runs.numeraire
    assert set(table.units) == set(table.measures)
    assert {one.confidence for one in table.measures.values()} == {0.9}


def test_the_table_reads_as_a_page_and_as_a_frame():
    held = book(venue(0.005, fund=3.0), [1.0] * 3, [100.0] * 3, [50.0, 10.0, 2.0])
    runs = made_runs(held, market(100.0), paths=60, steps=96, keep_steps=False)
    table = lc.risk.table(runs)
    lines = repr(table).splitlines()
    assert lines[0] == "Risk over 1 day: 60 paths, 3 positions, intervals at 95 %"
    assert len(lines) == len(table.measures) + 3
    assert lines[-1].startswith("* fewer than 200 paths decide")
    unknown = [name for name, one in table.measures.items() if math.isnan(one.value)]
    assert len(unknown) == 6  # no path lies beyond 99 %
    assert sum("too few paths" in line for line in lines) == 6
    assert "<td style='text-align:left'>bad debt, mean</td>" in table._repr_html_()
    frame = table.to_pandas()
    assert frame["measure"].tolist() == list(table.measures)
    assert (
        frame.loc[frame["measure"] == "any liquidation, probability", "value"].item()
        == table["any liquidation, probability"].value
    )


def test_a_path_that_stopped_early_leaves_no_measure():
    runs = crashes([[0.0], [0.0]])
    broken = replace(runs, error=(None, "stopped"))
    for measure in (
        lc.risk.table,
        lc.risk.exhaustion_probability,
        lc.risk.expected_bad_debt,
        lc.risk.liquidation_probability_by_leverage,
        lc.risk.time_to_liquidation,
    ):
        with pytest.raises(lc.InputError, match=r"runs\.error\[1\] was 'stopped'"):
            measure(broken)
        with pytest.raises(lc.KindError, match="runs must be a Runs, was list"):
            measure([0.0])


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda runs: lc.risk.table(runs, level=1.0), "level must be < 1"),
        (lambda runs: lc.risk.table(runs, confidence=0.0), "confidence must be > 0"),
        (lambda runs: lc.risk.table(runs)["bad debt"], "no measure 'bad debt' in the table; it has: any liquidation"),
        (lambda runs: lc.risk.time_to_liquidation(runs, q=0.0), "q must be > 0"),
        (lambda runs: lc.risk.liquidation_probability_by_leverage(runs, [1.0]), "edges must be at least 2"),
        (
            lambda runs: lc.risk.liquidation_probability_by_leverage(runs, [5.0, 2.0]),
            r"edges\[1\] must be > edges\[0\]",
        ),
        (lambda runs: lc.risk.liquidation_probability_by_leverage(runs, [-1.0, 2.0]), r"edges\[0\] must be >= 0"),
        (lambda runs: lc.risk.liquidation_probability_by_leverage(runs, [math.inf, 2.0]), r"edges\[0\] must be finite"),
    ],
)
def test_a_rule_broken_in_a_measure_of_runs_is_named(call, rule):
    with pytest.raises(lc.InputError, match=rule):
        call(crashes([[0.0], [0.0]]))
