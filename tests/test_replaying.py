"""A recorded history: where it starts, what its bars hold, and gaps that are named."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import levcore as lc
import making

HOUR = timedelta(hours=1)


def held(*liquidation_prices: float, side: float = 1.0) -> lc.Book:
    rows = len(liquidation_prices)
    return making.book_by_liquidation_price(making.venue(0.01, fund=1e6), [side] * rows, liquidation_prices, 100.0)


def test_a_replay_is_the_path_of_its_returns():
    book, market = held(98.0, 95.0, 90.0), making.market(impact=lc.LinearImpact(depth=100.0), resilience=3.0)
    prices = np.array([100.0, 97.0, 99.0, 93.0, 101.0])
    outcome = lc.replay(book, market, {"X": prices}, step=HOUR)
    runs = lc.simulate(book, market, (prices[1:] / prices[:-1] - 1.0)[None, :], step=HOUR, keep_steps=True)
    assert outcome.liquidated.tolist() == runs.at(0).liquidated.tolist()
    assert outcome.steps_kept.mark_price["X"][0, 1:] == pytest.approx(runs.steps_kept.mark_price["X"][0], rel=1e-12)
    assert outcome.first_liquidation == runs.first_liquidation[0]
    assert outcome.steps_kept.fundamental_price["X"][0].tolist() == prices.tolist()


def test_highs_and_lows_reach_what_closes_do_not():
    long, short = held(95.0), held(106.0, side=-1.0)
    bars = {"prices": {"X": [100.0, 101.0]}, "low": {"X": [99.0, 94.0]}, "high": {"X": [101.0, 107.0]}}
    for book in (long, short):
        assert lc.replay(book, making.market(), bars["prices"], step=HOUR).liquidated_count == 0
        assert lc.replay(book, making.market(), **bars, step=HOUR).liquidated_count == 1


def test_a_rising_bar_goes_to_its_low_first_and_a_falling_one_to_its_high():
    outcome = lc.replay(
        held(50.0),
        making.market(),
        {"X": [100.0, 102.0, 99.0]},
        low={"X": [100.0, 97.0, 98.0]},
        high={"X": [100.0, 103.0, 104.0]},
        step=HOUR,
    )
    assert outcome.steps_kept.fundamental_price["X"][0].tolist() == [100, 100, 100, 97, 103, 102, 104, 98, 99]
    assert outcome.steps_kept.time.astype("timedelta64[h]").astype(int).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_record_of_other_prices_is_rescaled_when_asked():
    book, market = held(95.0), making.market()
    prices = {"X": [40_000.0, 37_600.0]}
    outcome = lc.replay(book, market, prices, step=HOUR, rescale=True)
    assert outcome.final_price["X"] == pytest.approx(94.0, rel=1e-14)
    assert outcome.liquidated_count == 1


def test_times_stand_for_a_step():
    book, market = held(95.0), making.market(impact=lc.LinearImpact(depth=50.0), resilience=2.0)
    prices = {"X": [100.0, 94.0, 99.0]}
    at = np.array(["2021-05-19T12:00", "2021-05-19T13:00", "2021-05-19T14:00"], dtype="datetime64[m]")
    by_times = lc.replay(book, market, prices, times=at)
    by_step = lc.replay(lc.prepare(book, market), prices, step=HOUR)
    assert by_times.final_price == by_step.final_price
    assert by_times.first_liquidation == np.timedelta64(1, "h")


ONE = {"X": [100.0, 99.0, 98.0]}


@pytest.mark.parametrize(
    ("options", "error", "rule"),
    [
        ({"prices": {"X": [100.0, 0.0]}}, lc.InputError, r"prices\['X'\]\[1\] must be a price > 0, was 0"),
        ({"prices": {"X": [100.0, math.nan]}}, lc.InputError, r"prices\['X'\]\[1\] must be a price > 0, was nan"),
        ({"prices": {"Y": [100.0]}}, lc.InputError, "unknown asset 'Y'"),
        ({"prices": {}}, lc.InputError, "missing: X"),
        ({"prices": {"X": []}}, lc.InputError, "at least one row"),
        ({"prices": [100.0]}, lc.KindError, "prices must be a mapping"),
        ({"step": None}, lc.KindError, "give step"),
        ({"step": 60}, lc.KindError, "step must be a timedelta"),
        ({"high": ONE}, lc.KindError, "high and low go together"),
        (
            {"high": {"X": [99.0] * 3}, "low": {"X": [90.0] * 3}},
            lc.InputError,
            r"high\['X'\]\[0\] must be >= the close",
        ),
        ({"high": {"X": [99.0]}, "low": {"X": [90.0]}}, lc.InputError, "high must have 3 rows"),
    ],
)
def test_wrong_records_are_refused_by_name(options, error, rule):
    with pytest.raises(error, match=rule):
        lc.replay(held(50.0), making.market(), **({"prices": ONE, "step": HOUR} | options))


@pytest.mark.parametrize(
    ("hours", "rule"),
    [
        ([0, 2, 1], r"times must rise: times\[2\]"),
        ([0, 0, 1], r"times must rise: times\[1\]"),
        ([0, 1, 3], r"must not leave a gap: 2:00:00 from .*T01 to times\[2\] .*T03, where the step is 1:00:00"),
        ([0, 1], r"times must have shape \(3,\)"),
    ],
)
def test_times_out_of_order_or_with_a_gap_are_refused_by_place(hours, rule):
    times = np.datetime64("2024-08-05T00", "h") + np.array(hours)
    with pytest.raises(lc.InputError, match=rule):
        lc.replay(held(50.0), making.market(), ONE, times=times)


def test_times_of_a_zone_and_lists_of_datetimes_are_times_too():
    book = making.book(making.venue(), 1.0, 100.0, 10.0)
    prices = {"X": [100.0, 96.0, 89.0]}
    naive = pd.date_range("2024-01-01", periods=3, freq="h")
    plain = lc.replay(book, making.market(), prices, times=naive.to_numpy())
    for times in (naive, naive.tz_localize("UTC"), pd.Series(naive.tz_localize("Europe/Paris")), naive.to_pydatetime()):
        again = lc.replay(book, making.market(), prices, times=times)
        assert again.first_liquidation == plain.first_liquidation == np.timedelta64(2, "h")
    with pytest.raises(lc.InputError, match=r"times\[2\] .* is not after"):
        lc.replay(book, making.market(), prices, times=naive[[0, 1, 1]])
