"""Numbers of a report: as many digits as they are good for, and an interval or a word on why there is none."""

from __future__ import annotations

import numpy as np
import pytest

import levcore as lc
from levcore.display import money
from levcore.report_numbers import clock, headline, percent, rounded, span, wilson
from making_runs import made_runs
from test_report import crowd


@pytest.fixture(scope="module")
def runs() -> lc.Runs:
    return made_runs(*crowd(), keep_steps=False)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        *((0.0, "0 %"), (1e-6, "< 0.01 %"), (0.0038, "0.38 %"), (0.5, "50.0 %")),
        *((0.9994, "99.9 %"), (0.99999, "> 99.9 %"), (1.0, "100 %")),
    ],
)
def test_a_share_is_written_as_a_percentage_and_never_rounded_to_all_or_nothing(share: float, said: str) -> None:
    assert percent(share) == said


def test_numbers_are_written_to_the_digits_asked_for() -> None:
    values = (104_123.0, 0.000_008_123, 12.0, 0.0, 3.4e-100)
    assert [rounded(value) for value in values] == ["104,000", "0.00000812", "12.0", "0", "3.4e-100"]
    assert rounded(73_441.2, 4) == "73,440"


def test_money_that_rounds_up_to_a_billion_is_one() -> None:
    assert [money(value) for value in (999.4e6, 999.6e6, 1e9, -999.6e6, 999_600.0)] == [
        *("999M", "1bn", "1bn", "-1bn", "999,600"),
    ]


def test_times_are_written_as_a_clock_shows_them() -> None:
    moments = [np.timedelta64(seconds, "s") for seconds in (960, 37_080, 47_120, 180_000)]
    assert [clock(moment) for moment in moments] == ["00:16", "10:18", "13:05:20", "2 d 02:00"]
    assert [span(np.timedelta64(seconds, "s")) for seconds in (60, 5_400, 86_400)] == ["1 minute", "1.5 hours", "1 day"]


def test_the_headline_is_what_risk_says(runs: lc.Runs) -> None:
    top = headline(runs)
    found = lc.risk.probability(runs.bad_debt > 0)
    assert top.large[0][1].value == percent(found.value)
    assert top.large[0][1].interval == f"{percent(found.low)} to {percent(found.high)}"
    orders, spent, debt = (row for _, row in top.rows)
    measures = (lc.risk.mean, lc.risk.value_at_risk, lc.risk.expected_shortfall)
    start = runs.book.venue.backstop.insurance_fund
    for row, values in (
        (orders, runs.liquidated_notional),
        (spent, start - runs.insurance_fund_low),
        (debt, runs.bad_debt),
    ):
        for number, measure in zip(row, measures, strict=True):
            assert number.value == money(float(f"{measure(values).value:.3g}"))
    assert str(int((runs.bad_debt > 0).sum())) in top.sentences[0]
    assert debt[2].value in top.sentences[0]


def test_no_interval_is_shown_that_the_paths_do_not_carry(runs: lc.Runs) -> None:
    fewest = headline(made_runs(*crowd(), paths=20, keep_steps=False)).rows[0][1]
    assert [number.value for number in fewest[1:]] == ["unknown", "unknown"]
    assert fewest[1].interval == fewest[2].interval == "no estimate: fewer than 100 paths"
    few = headline(made_runs(*crowd(), paths=100, keep_steps=False)).rows[0][1]
    assert few[1].interval.endswith(" or more")
    assert few[2].interval == "no interval: too few paths"
    many = headline(runs).rows[0][1]
    assert " to " in many[2].interval
    assert not [number for number in many if number.interval.startswith("-")]


def test_wilsons_interval_is_that_of_the_risk_measures() -> None:
    for count, n in ((0, 30), (7, 30), (30, 30)):
        found = lc.risk.probability(np.arange(n) < count)
        assert wilson(count / n, n) == pytest.approx((found.low, found.high), abs=1e-15)
