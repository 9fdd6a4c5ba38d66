"""The reference's paths, against numbers worked by hand from docs/model.md; levcore is not needed."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

import reference as ref
import reference_paths as paths

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FLAT = ref.Tiers((0.0,), (0.0,))  # no maintenance: liquidation price = bankruptcy price = -c/x
DEEP = ref.Linear(math.inf)


def run(positions, returns, *, step=HOUR, impact=DEEP, tiers=FLAT, funding=None, asset=None, **rules):
    instrument = ref.Instrument("BTC", tiers, funding=funding)
    book = ref.Book((instrument,), tuple(ref.Position(*row) for row in positions), **rules)
    market = {"BTC": ref.Asset(100.0, impact, **(asset or {}))}
    path = paths.simulate(book, market, [[r] for r in returns], step)
    assert path.outcome.error is None
    assert path.outcome.conservation_error <= 1e-12
    return path


def marks(path):
    return [step.mark_price["BTC"] for step in path.steps]


def test_a_path_of_one_step_is_a_shock():
    positions = [(10.0, 100.0, 10.0), (20.0, 100.0, 60.0), (-5.0, 100.0, 400.0)]
    path = run(positions, [-0.02], impact=ref.Linear(500.0), insurance_fund=50.0)
    book = ref.Book((ref.Instrument("BTC", FLAT),), tuple(ref.Position(*row) for row in positions), insurance_fund=50.0)
    shock = ref.shock(book, {"BTC": ref.Asset(100.0, ref.Linear(500.0))}, -0.02)
    assert path.outcome == shock


# --- refill ---


def test_the_order_book_refills_between_steps_and_the_price_keeps_the_permanent_share():
    # 10 sold into a depth of 100 at F = 80: I = -0.1. In a day at log 2 half of it goes, and 0.4 of that half stays in
    # A; in the next day half of the rest
    asset = {"resilience": math.log(2.0), "permanent": 0.4}
    path = run([(10.0, 100.0, 100.0)], [-0.2, 0.0, 0.25], step=DAY, impact=ref.Linear(100.0), asset=asset)
    expected = [80 * math.exp(-0.1), 80 * math.exp(-0.05 - 0.4 * 0.05), 100 * math.exp(-0.025 - 0.4 * 0.075)]
    assert marks(path) == pytest.approx(expected, rel=1e-15)
    assert [step.fundamental_price["BTC"] for step in path.steps] == pytest.approx([80.0, 80.0, 100.0])


def test_the_book_refills_before_anybody_is_asked():
    # step 1: the first long (90) sells 10 of depth 100 at F = 89: mark 89 e^-0.1 = 80.5. Step 2, F = 84.55: with half
    # of the impact gone the mark is 84.55 e^-0.05 = 80.43; with all of it 76.5, below the second long's 78
    positions = [(10.0, 100.0, 100.0), (1.0, 100.0, 22.0)]
    refilled, still = (
        run(positions, [-0.11, -0.05], step=DAY, impact=ref.Linear(100.0), asset={"resilience": r, "permanent": 0.0})
        for r in (math.log(2.0), 0.0)
    )
    assert refilled.outcome.liquidated == [True, False]
    assert still.outcome.liquidated == [True, True]


# --- funding ---


def test_payments_fall_due_in_the_step_that_reaches_their_time():
    def by_step(funding, steps):
        return [paths.due(funding, k * HOUR, (k + 1) * HOUR) for k in range(steps)]

    assert by_step(None, 2) == [[], []]
    assert by_step(ref.Funding(0.1, interval=2.5 * HOUR), 6) == [[], [], [0.1], [], [0.1], []]
    assert by_step(ref.Funding((0.1, 0.2, 0.3), interval=0.5 * HOUR), 1) == [[0.1, 0.2]]
    at = ref.Funding((0.1, 0.2, 0.3, 0.4), times=(0.5 * HOUR, HOUR, 1.1 * HOUR, 9 * HOUR))
    assert by_step(at, 3) == [[0.1, 0.2], [0.3], []]
    assert by_step(ref.Funding(-0.1, times=(3 * HOUR,)), 3) == [[], [], [-0.1]]


def test_longs_pay_shorts_at_the_mark_out_of_margin():
    # 1 % at 120 is 1.2 a unit; c was 2*(50 - 100) and 2*(100 + 50) and the second payment, at 60, is 0.6 a unit
    positions = [(2.0, 100.0, 100.0), (-2.0, 100.0, 100.0)]
    path = run(positions, [0.2, -0.5], funding=ref.Funding(0.01, interval=HOUR))
    assert [held.cash for held in path.outcome.positions] == pytest.approx([-100.0 - 3.6, 300.0 + 3.6])
    # a negative rate goes the other way
    path = run(positions, [0.2, -0.5], funding=ref.Funding(-0.01, interval=HOUR))
    assert [held.cash for held in path.outcome.positions] == pytest.approx([-100.0 + 3.6, 300.0 - 3.6])


def test_the_mark_of_a_payment_is_the_marks_own_after_the_refill():
    # 10 sold of depth 100 at F = 80; mark follows by half; then a day with log 2: mark 80 e^(0.5*-0.05). The short of 3
    # is paid 1 % of it on 3, and of 80 e^-0 at the end of the first day, before the order
    path = run(
        [(10.0, 100.0, 100.0), (-3.0, 100.0, 300.0)],
        [-0.2, 0.0],
        step=DAY,
        impact=ref.Linear(100.0),
        funding=ref.Funding(0.01, interval=DAY),
        asset={"resilience": math.log(2.0), "mark_follow": 0.5, "permanent": 0.0},
    )
    assert path.outcome.liquidated == [True, False]
    assert path.outcome.positions[1].cash == pytest.approx(600.0 + 3 * 0.01 * 80 * (1.0 + math.exp(-0.025)))


def test_liquidation_prices_follow_payments():
    # margin 10 at 100 and two payments of 5 leave 0 at the second; nothing moves
    positions, funding = [(1.0, 100.0, 10.0), (-1.0, 100.0, 10.0)], ref.Funding(0.05, interval=2 * HOUR)
    path = run(positions, [0.0] * 5, tiers=ref.Tiers((0.0,), (0.01,)), funding=funding)
    assert path.outcome.liquidated == [True, False]
    assert path.first_liquidation == path.liquidation_time(0) == 4 * HOUR
    assert path.liquidation_time(1) is None
    assert ref.liquidation_price(path.outcome.positions[1]) == pytest.approx(120.0 / 1.01)


def test_the_outside_market_pays_on_what_it_took_in():
    # the long is sold to the outside at 80; its payment to the short, 2 % of 80, is the outside's from then on
    positions, late = [(1.0, 100.0, 10.0), (-1.0, 100.0, 50.0)], ref.Funding(0.02, times=(2 * HOUR,))
    path = run(positions, [-0.2, 0.0], funding=late)
    assert path.outcome.positions[1].cash == pytest.approx(150.0 + 1.6)
    # and a book that did not begin balanced pays somebody outside of it: conservation is checked in every run here
    assert run([(3.0, 100.0, 150.0)], [-0.2, 0.1], funding=late).outcome.positions[0].cash == pytest.approx(
        -150.0 - 3 * 0.02 * 88.0
    )


def test_a_short_that_has_paid_away_all_its_money_is_liquidatable_at_any_price():
    # c = 150; two payments of 90 % of 100 in one step leave -30: no price is low enough
    twice = ref.Funding(-0.9, times=(0.5 * HOUR, HOUR))
    path = run([(-1.0, 100.0, 50.0)], [0.0], funding=twice, deleveraging=True)
    assert path.outcome.liquidated == [True]
    assert path.outcome.bad_debt == pytest.approx(130.0)
    assert math.isnan(ref.liquidation_price(ref.Held(ref.Instrument("BTC", FLAT), 0, -1.0, 100.0, -30.0)))


# --- what a path's outcome says ---


def test_rounds_add_up_and_the_deepest_step_is_kept():
    # step 1: 99.5 goes alone; step 2: 97 pulls 95 (one order of 20 in a depth of 500: e^-0.04)
    positions = [(0.001, 100.0, 0.0005), (20.0, 100.0, 60.0), (0.001, 100.0, 0.005)]
    path = run(positions, [-0.006, -0.03, 0.0], impact=ref.Linear(500.0))
    out = path.outcome
    assert [step.rounds for step in path.steps] == [1, 2, 0]
    assert (out.rounds, out.cascade_depth) == (3, 2)
    assert [step.liquidated for step in path.steps] == [[0], [1, 2], []]
    assert path.first_liquidation == HOUR


def test_each_step_says_what_it_added():
    # fund 5: at 95 the first long (99) leaves a deficit of 4, at 85.5 the second (90) one of 4.5
    path = run([(1.0, 100.0, 1.0), (1.0, 100.0, 10.0)], [-0.05, -0.1], insurance_fund=5.0)
    assert [step.bad_debt for step in path.steps] == pytest.approx([0.0, 3.5])
    assert [step.insurance_fund for step in path.steps] == pytest.approx([1.0, 0.0])
    assert [step.liquidated_notional_long for step in path.steps] == pytest.approx([95.0, 85.5])
    assert [step.time for step in path.steps] == [HOUR, 2 * HOUR]
    assert path.outcome.bad_debt == pytest.approx(3.5)


def test_amplification_looks_at_the_larger_extreme_of_the_fundamental_price():
    # a short (110) is bought back at 123.5: the mark's top is e^0.1 higher; of the larger fall nothing is amplified
    short = [(-10.0, 100.0, 100.0)]
    up, down, neither = (run(short, moves, impact=ref.Linear(100.0)) for moves in ([-0.05, 0.3], [-0.05, 0.02], [0.0]))
    top = math.log(0.95 * 1.3)
    assert up.outcome.amplification["BTC"] == pytest.approx((top + 0.1) / top)
    assert down.outcome.amplification["BTC"] == pytest.approx(1.0)
    assert math.isnan(neither.outcome.amplification["BTC"])


def test_a_path_whose_price_overflows_says_so():
    book = ref.Book((ref.Instrument("BTC", FLAT),), (ref.Position(-10.0, 100.0, 1.0),))
    path = paths.simulate(book, {"BTC": ref.Asset(100.0, ref.Linear(0.01))}, [[0.0], [0.1], [0.0]], HOUR)
    assert path.outcome.error is not None
    assert len(path.steps) == 1
