"""Funding: who pays whom, when, and what it does to liquidation prices."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
import making
import oracle_cases
from levcore import funding_rates

HOUR = timedelta(hours=1)
TIERS = lc.MarginTiers(floor=[0.0, 150.0, 400.0], maintenance_rate=[0.01, 0.03, 0.08])


def venue(funding: lc.Funding | None, *, fund: float = 20.0, **backstop: bool) -> lc.Venue:
    return lc.Venue(
        [
            lc.LinearPerpetual("X", asset="X", tiers=TIERS, funding=funding),
            lc.LinearPerpetual("Y", asset="X", tiers=TIERS),
        ],
        backstop=lc.Backstop(insurance_fund=fund, **backstop),
    )


def columns(size: int = 300) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    quantity = rng.lognormal(0.5, 1.0, size) * np.where(np.arange(size) % 2, 1.0, -1.0)
    return {
        "instrument": np.arange(size, dtype=np.int32) % 3 // 2,
        "quantity": quantity,
        "entry_price": np.full(size, 100.0),
        "margin": np.abs(quantity) * 100.0 / rng.uniform(2.0, 10.0, size),
    }


MARKET = making.market(impact=lc.LinearImpact(depth=5_000.0))


@pytest.mark.parametrize("rate", [0.002, -0.002])
@pytest.mark.parametrize("backstop", [{}, {"deleveraging": True}])
@pytest.mark.parametrize("move", [-0.25, -0.08, 0.1, 0.3])
def test_a_payment_is_margin_that_has_gone_over(rate, backstop, move):
    # A book that pays at the first step and is shocked in the second is the shocked book with other margins.
    held = columns()
    paying = lc.Book(venue(lc.Funding(rate=rate, interval=HOUR, times=[HOUR]), **backstop), **held)
    paid = np.where(held["instrument"] == 0, rate * 100.0 * held["quantity"], 0.0)
    other = lc.Book(venue(None, **backstop), **(held | {"margin": held["margin"] - paid}))
    runs = lc.simulate(paying, MARKET, [[0.0, move]], step=HOUR)
    expected = lc.shock(other, MARKET, move)
    path = runs.at(0)
    assert path.liquidated.tolist() == expected.liquidated.tolist()
    for name in ("bad_debt", "insurance_fund", "liquidated_notional", "deleveraged_notional"):
        assert getattr(path, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-9), name
    assert path.final_price["X"] == pytest.approx(expected.final_price["X"], rel=1e-12)
    assert path.conservation_error <= 1e-12


def test_a_payment_alone_liquidates_who_cannot_bear_it():
    # By hand: equity 10, requirement 1 % of 100; two payments of 5 leave 0.
    at = venue(lc.Funding(rate=0.05, interval=2 * HOUR))
    book = lc.Book(at, instrument="X", quantity=[1.0, -1.0], entry_price=[100.0, 100.0], margin=[10.0, 10.0])
    path = lc.simulate(book, making.market(), np.zeros((1, 5)), step=HOUR).at(0)
    assert path.liquidated.tolist() == [True, False]
    assert path.first_liquidation == np.timedelta64(4, "h")
    assert path.bad_debt == 0.0
    assert path.insurance_fund == pytest.approx(20.0)


def test_a_short_that_has_paid_more_than_it_ever_had_is_liquidated():
    at = venue(lc.Funding(rate=-0.9, interval=HOUR), fund=1e6)
    book = lc.Book(at, instrument="X", quantity=[-1.0, 1.0], entry_price=[100.0, 100.0], margin=[20.0, 20.0])
    path = lc.simulate(book, making.market(), [[-0.1, -0.9]], step=HOUR).at(0)
    assert path.liquidated.tolist() == [True, False]


@pytest.mark.parametrize("rules", [{}, {"deleveraging": True}, {"socialise": True}])
def test_money_is_conserved_through_many_payments(rules):
    book = lc.Book(venue(lc.Funding(rate=[0.003, -0.01, 0.02], interval=3 * HOUR), **rules), **columns())
    market = making.market(impact=lc.LinearImpact(depth=3_000.0), resilience=10.0, permanent=0.3)
    runs = lc.simulate(book, market, lc.GBM(volatility=3.0), paths=100, steps=11, step=HOUR, seed=2)
    assert runs.conservation_error.max() <= 1e-12
    assert runs.liquidated_count.max() > 100


def test_threads_do_not_show_in_payments():
    book = lc.Book(venue(lc.Funding(rate=0.01, interval=3 * HOUR)), **columns())
    options = {"paths": 40, "steps": 12, "step": HOUR, "seed": 2}
    one, three = (lc.simulate(book, MARKET, lc.GBM(volatility=3.0), threads=n, **options) for n in (1, 3))
    assert one.bad_debt.tobytes() == three.bad_debt.tobytes()
    assert one.liquidation_probability.tobytes() == three.liquidation_probability.tobytes()


def test_payments_fall_due_at_the_end_of_the_step_that_reaches_them():
    steps = np.arange(1, 11) * 3_600 * 10**9
    assert lc.Funding(rate=0.1, interval=2.5 * HOUR).due(steps) == [(2, 0.1), (4, 0.1), (7, 0.1), (9, 0.1)]
    series = lc.Funding(rate=[0.1, 0.2, 0.3], times=[timedelta(minutes=30), HOUR, 11 * HOUR])
    assert series.due(steps) == [(0, 0.1), (0, 0.2)]


def test_a_shock_knows_no_funding():
    held = columns()
    with_funding, without = (lc.Book(venue(f), **held) for f in (lc.Funding(rate=0.1, interval=HOUR), None))
    assert lc.shock(with_funding, MARKET, -0.1).bad_debt == lc.shock(without, MARKET, -0.1).bad_debt


@pytest.mark.parametrize(
    ("options", "error", "rule"),
    [
        ({"rate": 1.0}, lc.InputError, "rate must be < 1"),
        ({"rate": -1.0}, lc.InputError, "rate must be > -1"),
        ({"rate": [0.1, math.nan]}, lc.InputError, r"rate\[1\] must be finite"),
        ({"rate": "high"}, lc.KindError, "rate must be a number"),
        ({"rate": 0.1, "interval": 8}, lc.KindError, "interval must be a timedelta"),
        ({"rate": 0.1, "interval": timedelta(0)}, lc.InputError, "interval must be > 0"),
        ({"rate": 0.1, "times": [2 * HOUR, HOUR]}, lc.InputError, r"times\[1\] was 1:00:00"),
        ({"rate": [0.1], "times": [HOUR, 2 * HOUR]}, lc.InputError, "rate must have 2 entries"),
    ],
)
def test_wrong_funding_is_refused_by_name(options, error, rule):
    with pytest.raises(error, match=rule):
        lc.Funding(**options)


def test_a_series_too_short_for_the_run_is_refused():
    book = lc.Book(venue(lc.Funding(rate=[0.1], interval=HOUR)), **columns())
    with pytest.raises(lc.InputError, match="an entry for each of 2 payments"):
        lc.simulate(book, MARKET, [[0.0, 0.0]], step=HOUR)


@pytest.mark.parametrize("rates", [[0.002] * 5, [-0.002] * 5, [0.004, -0.001, -0.006, 0.002, 0.003]])
@pytest.mark.parametrize("move", [-0.2, 0.2])
def test_many_payments_at_one_price_are_one_payment_of_their_sum(rates, move):
    held = columns()
    hours = [HOUR * (i + 1) for i in range(5)]
    often = lc.Book(venue(lc.Funding(rate=rates, times=hours)), **held)
    once = lc.Book(venue(lc.Funding(rate=sum(rates), times=hours[-1:])), **held)
    still = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=5_000.0), mark_follow=0.0)})
    moves = [[0.0] * 5 + [move / 2, move / 2, -move / 4, move / 2]]
    first, second = (lc.simulate(book, still, moves, step=HOUR).at(0) for book in (often, once))
    assert first.liquidated_count > 10
    assert first.liquidated.tolist() == second.liquidated.tolist()
    assert first.bad_debt == pytest.approx(second.bad_debt, rel=1e-9, abs=1e-9)
    assert first.insurance_fund == pytest.approx(second.insurance_fund, rel=1e-9)


# ---- rates from a record of the premium index ----

# (hours, premium of each sample of an interval, rate): by hand from F = [P + clamp(0.01 % - P, +-0.05 %)]/(8/N)
WORKED = [
    (8, [0.0, 0.0], 0.0001),
    (4, [0.0, 0.0], 0.00005),
    (1, [0.0, 0.0], 0.0000125),
    (8, [0.0003, 0.0005], 0.0001),  # 0.04 %: interest lies within the clamp of it
    (8, [0.0005, 0.0015], 0.0005),  # 0.1 % less 0.05 %
    (8, [-0.0005, -0.0015], -0.0005),
    (4, [-0.0005, -0.0015], -0.00025),
    (1, [0.01, 0.01], 0.0095 / 8.0),  # Hyperliquid: 0.95 %, an eighth of it each hour
]


@pytest.mark.parametrize(("hours", "samples", "rate"), WORKED)
def test_a_record_of_the_premium_gives_the_rate_of_its_average(hours, samples, rate):
    span = hours * HOUR
    funding = lc.Funding.from_premium(samples * 3, interval=span, spacing=span / len(samples))
    assert funding.rate == pytest.approx((rate, rate, rate), rel=1e-13, abs=1e-18)
    assert (funding.interval, funding.times) == (span, None)


def test_each_interval_has_its_own_average():
    record = np.concatenate([np.full(480, 0.001), np.full(240, 0.0), np.full(240, 0.004), np.full(480, -0.02)])
    rates = lc.Funding.from_premium(record).rate
    assert rates == pytest.approx((0.0005, 0.0015, -0.0195), rel=1e-12)


def test_with_rising_weights_the_last_samples_count_most():
    given = {"interval": 8 * HOUR, "spacing": 2 * HOUR}
    rising = lc.Funding.from_premium([0.0, 0.0, 0.0, 0.01], weighting="rising", **given)
    assert rising.rate == pytest.approx((0.004 - 0.0005,), rel=1e-13)  # 4 of 1 + 2 + 3 + 4
    same = lc.Funding.from_premium([0.002] * 4, weighting="rising", **given).rate
    assert same == pytest.approx(lc.Funding.from_premium([0.002] * 4, **given).rate, rel=1e-14)


def test_hyperliquids_rate_stops_at_its_cap():
    hourly = {"interval": HOUR, "spacing": HOUR, "cap": 0.04}
    assert lc.Funding.from_premium([0.5, -0.5, 0.0], **hourly).rate == pytest.approx((0.04, -0.04, 1.25e-5), rel=1e-13)


def test_dydxs_rate_stops_at_six_times_the_difference_of_its_margins():
    # Source: dydx v4, protocol/x/perpetuals/types/liquidity_tier_test.go, the cases of the oracle file
    cases = [
        case for _, case in oracle_cases.cases_of("dydx_margin_funding.json")[0] if case["kind"] == "funding_clamp"
    ]
    assert len(cases) >= 4
    for case in cases:
        factor, initial = case["inputs"]["clamp_factor"], case["inputs"]["imf"]
        maintenance = initial * case["inputs"]["maintenance_fraction"]
        most = funding_rates.margin_cap(initial, maintenance_margin_rate=maintenance, factor=factor)
        plain = {"interval": HOUR, "spacing": HOUR, "interest": 0.0, "clamp": 0.0}
        rates = lc.Funding.from_premium([5.0, -5.0], cap=most / 8.0, **plain).rate
        expected = case["expected"]["max_abs_rate"] / 8.0
        assert rates == pytest.approx((expected, -expected), **case["tolerance"]), case["id"]
    assert lc.Funding.from_premium([0.0008], interval=HOUR, spacing=HOUR, interest=0.0, clamp=0.0).rate == (0.0001,)


def test_what_a_record_of_the_premium_pays_is_what_its_rates_pay():
    record = np.array([0.0, 0.002, 0.004, -0.001, 0.0, 0.0])
    given = lc.Funding.from_premium(record, interval=2 * HOUR, spacing=HOUR, cap=0.0006)
    written = lc.Funding(rate=[0.000125, 0.00025, 0.000025], interval=2 * HOUR)
    assert given.rate == pytest.approx(written.rate, rel=1e-12)
    held = columns()
    runs = [
        lc.simulate(lc.Book(venue(funding), **held), MARKET, np.zeros((1, 6)), step=HOUR)
        for funding in (given, written)
    ]
    assert runs[0].conservation_error.max() <= 1e-12
    assert runs[0].insurance_fund == pytest.approx(runs[1].insurance_fund, rel=1e-12)


@pytest.mark.parametrize(
    ("premium", "options", "error", "message"),
    [
        ([0.0] * 500, {}, lc.InputError, "premium must have whole intervals of 480 samples, had 500 samples"),
        ([], {}, lc.InputError, "premium must have whole intervals of 480 samples, had 0 samples"),
        ([0.0, math.nan], {"spacing": 4 * HOUR}, lc.InputError, r"premium\[1\] must be finite, was nan"),
        (0.001, {}, lc.KindError, "premium must be an array of numbers, was float 0.001"),
        ([[0.0]], {}, lc.InputError, "premium must be one-dimensional"),
        ([0.0], {"spacing": 3 * HOUR}, lc.InputError, "interval must be a whole number of spacings of 3:00:00, was 8"),
        ([0.0], {"spacing": 9 * HOUR}, lc.InputError, "interval must be a whole number of spacings"),
        ([0.0], {"spacing": 60}, lc.KindError, "spacing must be a timedelta, was int 60"),
        ([0.0], {"interval": 0 * HOUR}, lc.InputError, "interval must be > 0, was 0:00:00"),
        ([0.0], {"spacing": 8 * HOUR, "cap": -1.0}, lc.InputError, "cap must be >= 0"),
        ([0.0], {"spacing": 8 * HOUR, "clamp": -1.0}, lc.InputError, "clamp must be >= 0"),
        ([0.0], {"spacing": 8 * HOUR, "weighting": "last"}, lc.InputError, "weighting must be"),
        ([9.0], {"spacing": 8 * HOUR}, lc.InputError, r"rate\[0\] must be < 1"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(premium, options, error, message):
    with pytest.raises(error, match=message):
        lc.Funding.from_premium(premium, **options)
