"""The reference itself, against numbers worked by hand from docs/model.md; levcore is not needed."""

from __future__ import annotations

import math
import random

import pytest

import reference as ref

FLAT = ref.Tiers((0.0,), (0.0,))  # no maintenance: liquidation price = bankruptcy price = -c/x
STAIRS = ref.Tiers((0.0, 1_000.0, 10_000.0), (0.01, 0.02, 0.05))  # deductions 0, 10, 310
JUMPS = ref.Tiers((0.0, 1_000.0, 10_000.0), (0.01, 0.02, 0.05), whole_position=True)
DEEP = ref.Linear(math.inf)


def price_of(quantity, entry, margin, tiers, **kind):
    return ref.liquidation_price(
        ref.hold(ref.Position(quantity, entry, margin), [ref.Instrument("BTC", tiers, **kind)])
    )


def run(positions, shocks, *, price=100.0, impact=DEEP, tiers=FLAT, asset=None, **rules):
    book = ref.Book((ref.Instrument("BTC", tiers),), tuple(ref.Position(*row) for row in positions), **rules)
    outcome = ref.shock(book, {"BTC": ref.Asset(price, impact, **(asset or {}))}, shocks)
    assert outcome.error is None
    assert outcome.conservation_error <= 1e-12
    return outcome


# --- liquidation price ---


def test_deductions_make_the_requirement_continuous():
    assert STAIRS.deduction == pytest.approx((0.0, 1_000 * 0.01, 10 + 10_000 * 0.03))
    assert JUMPS.deduction == (0.0, 0.0, 0.0)


def test_liquidation_price_lies_in_the_tier_of_its_own_notional():
    # long 20 at 100, margin 200: c = -1800; second tier: -1800 + 20 P = 0.02*20 P - 10, P = 1790/19.6, notional 1827
    assert price_of(20.0, 100.0, 200.0, STAIRS) == pytest.approx(1_790 / 19.6, rel=1e-15)
    # short 20 at 100, margin 200: c = 2200; 2200 - 20 P = 0.02*20 P - 10, P = 2210/20.4, notional 2167
    assert price_of(-20.0, 100.0, 200.0, STAIRS) == pytest.approx(2_210 / 20.4, rel=1e-15)
    # long 10 at 100, margin 100: c = -900; first tier: P = 900/9.9, notional 909 (the entry notional is in the second)
    assert price_of(10.0, 100.0, 100.0, STAIRS) == pytest.approx(900 / 9.9, rel=1e-15)


def test_closing_fee_and_basis_and_measure_enter_the_requirement():
    # closing fee 0.001: the second tier's rate is 0.021
    assert price_of(20.0, 100.0, 200.0, STAIRS, closing_fee=0.001) == pytest.approx(1_790 / (20 * 0.979), rel=1e-15)
    # entry basis: the requirement is 0.02*2000 - 10 = 30 at any mark
    assert price_of(20.0, 100.0, 200.0, STAIRS, basis="entry") == pytest.approx(1_830 / 20, rel=1e-15)
    assert price_of(-20.0, 100.0, 200.0, STAIRS, basis="entry") == pytest.approx(2_170 / 20, rel=1e-15)
    # contracts 0, 5, 15 at 1, 2, 5 %: deductions 0, 0.05, 0.5 contracts; 20 contracts ask 0.05*20 - 0.5 = 0.5 contract
    contracts = ref.Tiers((0.0, 5.0, 15.0), (0.01, 0.02, 0.05), measure="contracts")
    assert contracts.deduction == pytest.approx((0.0, 0.05, 0.5))
    assert price_of(20.0, 100.0, 200.0, contracts) == pytest.approx(1_800 / 19.5, rel=1e-15)
    assert price_of(20.0, 100.0, 200.0, contracts, basis="entry") == pytest.approx(1_850 / 20, rel=1e-15)
    # tier by entry notional: 900 at entry stays in the first tier although 1015 at the liquidation price is not
    entry = ref.Tiers(STAIRS.floor, STAIRS.rate, measure="entry")
    assert price_of(-9.0, 100.0, 125.0, entry) == pytest.approx(1_025 / (9 * 1.01), rel=1e-15)
    assert price_of(-9.0, 100.0, 125.0, STAIRS) == pytest.approx(1_035 / (9 * 1.02), rel=1e-15)


def test_no_liquidation_price_where_there_is_no_root():
    assert math.isnan(price_of(1.0, 100.0, 100.0, STAIRS))  # fully margined: root 0
    assert math.isnan(price_of(1.0, 100.0, 150.0, STAIRS))
    assert math.isnan(price_of(0.0, 100.0, 10.0, STAIRS))
    assert price_of(-1.0, 100.0, 100.0, STAIRS) == pytest.approx(200 / 1.01)  # a linear 1x short has one


def test_a_requirement_is_never_negative():
    # one tier with a deduction of 50: long 10 at 100, margin 100; 0.05*10 P - 50 < 0 for P < 100, so only equity counts
    assert price_of(10.0, 100.0, 100.0, ref.Tiers((0.0,), (0.05,), (50.0,))) == pytest.approx(90.0, rel=1e-15)


def test_whole_position_tiers_make_slack_jump():
    # long 20 at 100, margin 1015: c = -985. Below 50 (1 %) slack < 0 under 985/19.8 = 49.75, healthy up to 50,
    # then 2 %: slack(50) = -985 + 980 = -5, healthy again from 985/19.6 = 50.255: the highest such price
    held = ref.hold(ref.Position(20.0, 100.0, 1_015.0), [ref.Instrument("BTC", JUMPS)])
    assert ref.liquidation_price(held) == pytest.approx(985 / 19.6, rel=1e-15)
    assert [held.slack(price) < 0.0 for price in (49.7, 49.8, 50.0, 50.2, 50.3)] == [True, False, True, True, False]
    # short 20 at 50, margin 15: c = 1015; at 1 % the root is above 50, at 2 % slack(50) = -5: the jump
    assert price_of(-20.0, 50.0, 15.0, JUMPS) == 50.0


def test_slack_itself_decides_where_it_jumps():
    long = (20.0, 100.0, 1_015.0)
    assert run([long], -0.002, price=50.0, tiers=JUMPS).liquidated == [False]  # mark 49.9, inside the healthy gap
    assert run([long], 0.002, price=50.0, tiers=JUMPS).liquidated == [True]  # mark 50.1


@pytest.mark.parametrize("whole_position", [False, True])
@pytest.mark.parametrize("measure", ["notional", "contracts", "entry"])
@pytest.mark.parametrize("basis", ["mark", "entry"])
def test_slack_is_negative_up_to_the_liquidation_price_and_not_beyond(whole_position, measure, basis):
    draw, found = random.Random(1), 0
    floor = (0.0, 5.0, 15.0) if measure == "contracts" else (0.0, 500.0, 1_500.0)
    tiers = ref.Tiers(floor, (0.01, 0.03, 0.1), whole_position=whole_position, measure=measure)
    for _ in range(100):
        quantity, entry = draw.choice([-1.0, 1.0]) * draw.uniform(1.0, 25.0), draw.uniform(60.0, 140.0)
        position = ref.Position(quantity, entry, abs(quantity) * entry * draw.uniform(0.0, 1.2))
        held = ref.hold(position, [ref.Instrument("BTC", tiers, 0.001, basis)])
        price = ref.liquidation_price(held)
        away = -1.0 if quantity > 0.0 else 1.0
        if math.isnan(price):
            assert min(held.slack(0.01 * k) for k in range(1, 1_000)) >= 0.0
            continue
        found += 1
        assert held.slack(price * (1.0 + 1e-9 * away)) < 0.0
        assert min(held.slack(price * math.exp(-away * (1e-9 + 0.01 * k))) for k in range(300)) >= 0.0
        assert abs(held.slack(price)) < 1e-12 * abs(quantity * entry) or held.instrument.jumps
    assert found > 50


# --- impact and the walk ---


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_average_prices_of_the_four_shapes(sign):
    # linear: (e^h - 1)/h with h = sign*0.2
    linear = ref.average_ratio(ref.Linear(100.0), 0.0, sign * 20.0)
    assert linear == pytest.approx(math.expm1(sign * 0.2) / (sign * 0.2), rel=1e-15)
    # power 1 is linear; power 1/2 is square root: 2*(e^z*(z - 1) + 1)/z^2, z = sign*0.5*sqrt(20/80)
    assert ref.average_ratio(ref.Power(100.0, 1.0), 0.0, sign * 20.0) == pytest.approx(linear, rel=1e-15)
    z = sign * 0.25
    square_root = 2.0 * (math.exp(z) * (z - 1.0) + 1.0) / z**2
    assert ref.average_ratio(ref.SquareRoot(0.25, 80.0, 2.0), 0.0, sign * 20.0) == pytest.approx(square_root, rel=1e-14)
    assert ref.average_ratio(ref.Power(320.0, 0.5), 0.0, sign * 20.0) == pytest.approx(square_root, rel=1e-14)


def test_a_depth_curve_is_piecewise_linear_in_price_and_log_linear_beyond():
    curve = ref.DepthCurve(bids=((10.0, 0.01), (30.0, 0.05)), asks=((10.0, 0.02),))
    assert math.exp(curve.log_impact(-20.0)) == pytest.approx(0.97, rel=1e-15)
    assert math.exp(curve.log_impact(5.0)) == pytest.approx(1.01, rel=1e-15)
    # from -5 to -20: 5 at the mean of 0.995 and 0.99, 10 at the mean of 0.99 and 0.97
    assert ref.average_ratio(curve, -5.0, -15.0) == pytest.approx((5 * 0.9925 + 10 * 0.98) / 15, rel=1e-15)
    # through rest, from -10 to 10: bids 0.99 to 1, asks 1 to 1.02
    assert ref.average_ratio(curve, -10.0, 20.0) == pytest.approx((0.995 + 1.01) / 2, rel=1e-15)
    # beyond: bids go on at log(0.95/0.99)/20 a unit, asks (one node) at log(1.02)/10
    assert math.exp(curve.log_impact(-50.0)) == pytest.approx(0.95 * 0.95 / 0.99, rel=1e-15)
    assert math.exp(curve.log_impact(20.0)) == pytest.approx(1.02**2, rel=1e-15)


SHAPES = [
    ref.Linear(50.0),
    ref.SquareRoot(0.3, 40.0),
    ref.Power(40.0, 0.3),
    ref.Power(60.0, 1.7),
    ref.DepthCurve(((5.0, 0.02), (9.0, 0.2)), ((3.0, 0.01), (4.0, 0.02), (11.0, 0.4))),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape).__name__)
def test_a_walk_costs_the_same_however_it_is_cut(shape):
    draw = random.Random(5)
    for _ in range(30):
        start, whole, share = draw.uniform(-30.0, 30.0), draw.uniform(-40.0, 40.0), draw.random()
        first = ref.average_ratio(shape, start, whole * share) * share
        second = ref.average_ratio(shape, start + whole * share, whole * (1.0 - share)) * (1.0 - share)
        assert first + second == pytest.approx(ref.average_ratio(shape, start, whole), rel=1e-14)
    assert ref.average_ratio(shape, 7.0, 1e-13) == pytest.approx(math.exp(shape.log_impact(7.0)), rel=1e-14)


def test_refill_moves_the_permanent_share_into_the_price():
    # X = -20, depth 100, one day at log 2: X' = -10; half of the released -0.1 stays in A
    book = ref.OrderBook(ref.Asset(100.0, ref.Linear(100.0), permanent=0.5, resilience=math.log(2.0)), 100.0)
    book.orders += [-15.0, -5.0]
    ref.refill(book, 1.0)
    assert book.displacement == pytest.approx(-10.0, rel=1e-15)
    assert book.permanent == pytest.approx(-0.05, rel=1e-15)
    assert book.mark() == pytest.approx(100.0 * math.exp(-0.15), rel=1e-15)


# --- the cascade ---

TWO_LONGS = [(10.0, 100.0, 10.0), (20.0, 100.0, 60.0)]  # liquidation prices 99 and 97


def test_one_liquidation_pulls_the_next():
    # depth 500, F = 98: the first sells 10: mark 98 e^-0.02 = 96.06 < 97, so the second sells 20: mark 98 e^-0.06
    out = run(TWO_LONGS, -0.02, impact=ref.Linear(500.0), insurance_fund=50.0)
    first = 98.0 * (1.0 - math.exp(-0.02)) / 0.02  # 97.02650, deficit 990 - 970.2650 = 19.7350
    second = 98.0 * (math.exp(-0.02) - math.exp(-0.06)) / 0.04  # 94.16364, deficit 1940 - 1883.2728 = 56.7272
    assert (out.rounds, out.cascade_depth, out.liquidated, out.liquidated_count_short) == (2, 2, [True, True], 0)
    assert out.final_price["BTC"] == pytest.approx(98.0 * math.exp(-0.06), rel=1e-15)
    assert (out.lowest_price, out.highest_price) == (out.final_price, {"BTC": 100.0})
    assert out.liquidated_notional_long == pytest.approx(10 * first + 20 * second, rel=1e-14)
    assert out.amplification["BTC"] == pytest.approx((math.log(0.98) - 0.06) / math.log(0.98), rel=1e-14)
    # the fund pays the first whole, 30.2650 of the second, and has run dry
    assert out.bad_debt == pytest.approx(19.7350 + 56.7272 - 50.0, abs=2e-4)
    assert (out.insurance_fund, out.insurance_fund_low, out.exhausted) == (0.0, 0.0, True)
    assert [row["insurance_fund"] for row in out.trace] == pytest.approx([50.0 - (990.0 - 10 * first), 0.0])


def test_a_deeper_book_stops_the_cascade():
    out = run(TWO_LONGS, -0.02, impact=ref.Linear(1_001.0), insurance_fund=50.0)  # mark 98 e^-0.00999 = 97.026 > 97
    assert (out.rounds, out.liquidated, out.exhausted, out.bad_debt) == (1, [True, False], False, 0.0)


def test_a_mark_that_follows_in_part_stops_the_cascade_too():
    # w = 0.4: the mark is 98 e^-0.008 = 97.22 > 97; orders still trade at the book's own prices
    out = run(TWO_LONGS, -0.02, impact=ref.Linear(500.0), asset={"mark_follow": 0.4})
    assert (out.rounds, out.liquidated) == (1, [True, False])
    assert out.final_price["BTC"] == pytest.approx(98.0 * math.exp(-0.008), rel=1e-15)
    assert out.liquidated_notional == pytest.approx(980.0 * (1.0 - math.exp(-0.02)) / 0.02, rel=1e-14)


def test_longs_go_first_and_a_short_healed_by_them_is_not_touched():
    # mark 100: the long (liquidation price 100.5) and the short (99.5) are both liquidatable; the long sells 10,
    # the mark falls to 100 e^-0.02 = 98.02, and at that mark the short is healthy
    both = [(10.0, 110.0, 95.0), (-1.0, 90.0, 9.5)]
    out = run(both, 0.0, impact=ref.Linear(500.0))
    assert (out.rounds, out.liquidated) == (1, [True, False])
    assert out.positions[1].quantity == -1.0
    # the other way about, a long of quantity 0.001 does not heal the short: longs to rest, then shorts
    out = run([(0.001, 110.0, 0.0095), (-1.0, 90.0, 9.5)], 0.0, impact=ref.Linear(500.0))
    assert (out.rounds, out.liquidated, out.cascade_depth) == (2, [True, True], 2)


def test_a_member_of_the_round_is_asked_again_before_its_order():
    # whole-position tiers: at 50.1 both longs are liquidatable; the first sells 10 of depth 2000 and the mark falls by
    # 0.5 % to 49.85, inside the gap 49.75 .. 50 where the second (985/19.8, 50) is healthy
    longs = [(10.0, 100.0, 400.0), (20.0, 100.0, 1_015.0)]
    out = run(longs, 0.002, price=50.0, tiers=JUMPS, impact=ref.Linear(2_000.0))
    assert (out.rounds, out.liquidated, out.trace[0]["orders"]) == (1, [True, False], 1)


def test_equality_counts_only_where_the_rules_say_so():
    long = (1.0, 100.0, 10.0)  # liquidation price 90, and 100*(1 - 0.1) is 90 exactly
    assert run([long], -0.1).liquidated == [False]
    assert run([long], -0.1, liquidate_at_equality=True).liquidated == [True]
    assert run([long], -0.1).nearest == 0.0
    # slack 0 with jumping tiers: 1 at 100, rate 0: slack(90) = -90 + 90
    assert run([long], -0.1, tiers=ref.Tiers((0.0,), (0.0,), whole_position=True)).liquidated == [False]
    flags = {"tiers": ref.Tiers((0.0,), (0.0,), whole_position=True), "liquidate_at_equality": True}
    assert run([long], -0.1, **flags).liquidated == [True]


# --- fee, remainder, half-spread ---


def test_fee_and_remainder_go_where_the_rules_say():
    # long 10 at 100, margin 100, maintenance 5 %: liquidation price 900/9.5 = 94.7; at 93 equity is 30, fee 1 % of 930
    ways = {
        ("fund", "fund"): (30.0, 0.0),
        ("fund", "trader"): (9.3, 20.7),
        ("outside", "fund"): (20.7, 0.0),
        ("outside", "trader"): (0.0, 20.7),
    }
    for (fee_to, remainder), (fund, trader) in ways.items():
        rules = {"fee_rate": 0.01, "fee_to": fee_to, "remainder": remainder}
        out = run([(10.0, 100.0, 100.0)], -0.07, tiers=ref.Tiers((0.0,), (0.05,)), **rules)
        assert (out.insurance_fund, out.paid_to_traders, out.fees) == pytest.approx((fund, trader, 9.3))
    # a fee of 5 % (46.5) takes no more than what is left
    out = run([(10.0, 100.0, 100.0)], -0.07, tiers=ref.Tiers((0.0,), (0.05,)), fee_rate=0.05, remainder="trader")
    assert (out.fees, out.paid_to_traders) == pytest.approx((30.0, 0.0))


def test_half_spread_is_paid_and_does_not_move_the_mark():
    # long 10 and short 10 worked at 93 and 107 with a half-spread of 1 %: 92.07 and 108.07
    assert run([(10.0, 100.0, 50.0)], -0.07, asset={"half_spread": 0.01}).liquidated_notional == pytest.approx(920.7)
    out = run([(-10.0, 100.0, 50.0)], 0.07, asset={"half_spread": 0.01})
    assert (out.liquidated_notional_short, out.final_price["BTC"]) == pytest.approx((1_080.7, 107.0))
    assert out.bad_debt == pytest.approx(1_080.7 - 1_050.0)


# --- the waterfall ---

LONG = (10.0, 100.0, 10.0)  # bankruptcy price 99; at 95 a deficit of 40
SHORTS = [(-15.0, 100.0, 300.0), (-5.0, 100.0, 100.0)]  # profits at 95: 75 and 25


def test_deleveraging_closes_at_the_bankruptcy_price_pro_rata():
    # 10 of 20 opposite: half of each short closes at 99 and its trader is paid half of 1800 - 1485 and of 600 - 495
    out = run([LONG, *SHORTS], -0.05, deleveraging=True, insurance_fund=39.0)
    assert [held.quantity for held in out.positions] == [0.0, -7.5, -2.5]
    assert [held.cash for held in out.positions] == [0.0, 900.0, 300.0]
    assert [held.open for held in out.positions] == [False, True, True]
    assert out.paid_to_traders == pytest.approx(157.5 + 52.5)
    assert out.deleveraged_notional == pytest.approx(990.0)
    assert (out.insurance_fund, out.exhausted, out.bad_debt, out.liquidated_notional) == (39.0, True, 0.0, 0.0)
    assert (out.liquidated, out.rounds) == ([True, False, False], 1)
    # long interest fell by 10 to 0 and short interest by 10 to 10
    assert sum(held.quantity for held in out.positions if held.quantity > 0.0) == 0.0
    assert sum(held.quantity for held in out.positions if held.quantity < 0.0) == -10.0


def test_deleveraging_waits_until_the_fund_cannot_pay_the_whole_deficit():
    out = run([LONG, *SHORTS], -0.05, deleveraging=True, insurance_fund=40.0)
    assert (out.deleveraged_notional, out.insurance_fund, out.exhausted) == (0.0, 0.0, False)


def test_counterparties_that_would_be_ruined_are_passed_over_and_the_rest_walks():
    # the first short has equity 95.5 - 99 < 0 at the transfer price; the second takes 4 of 10 and is gone (paid
    # 4*110 - 4*99 = 44); 6 walk at 95: deficit 0.6*40 = 24, of which the fund pays 20
    out = run([LONG, (-1.0, 90.0, 5.5), (-4.0, 100.0, 40.0)], -0.05, deleveraging=True, insurance_fund=20.0)
    assert [held.quantity for held in out.positions] == [0.0, -1.0, 0.0]
    assert [held.open for held in out.positions] == [False, True, False]
    assert out.paid_to_traders == pytest.approx(44.0)
    assert out.deleveraged_notional == pytest.approx(4 * 99.0)
    assert out.liquidated_notional_long == pytest.approx(6 * 95.0)
    assert (out.insurance_fund, out.bad_debt) == (0.0, pytest.approx(4.0))
    assert out.liquidated == [True, False, False]


def test_a_short_is_deleveraged_against_longs():
    # short 10 at 100, margin 10: bankruptcy price 101; at 105 the long of 10 closes there and is paid 1010 - 800
    out = run([(-10.0, 100.0, 10.0), (10.0, 100.0, 200.0)], 0.05, deleveraging=True)
    assert (out.paid_to_traders, out.deleveraged_notional) == pytest.approx((210.0, 1_010.0))
    assert [held.open for held in out.positions] == [False, False]
    assert out.liquidated == [True, False]


def test_a_liquidatable_counterparty_is_passed_over():
    # short at 90 with margin 4: liquidation price 94 < 95; the long has no one to close against and walks first
    out = run([LONG, (-10.0, 90.0, 40.0)], -0.05, deleveraging=True)
    assert (out.deleveraged_notional, out.paid_to_traders) == (0.0, 0.0)
    assert (out.bad_debt, out.rounds) == (pytest.approx(40.0 + 10.0), 2)


def test_a_loss_is_socialised_over_unrealised_profit():
    # the deficit of 40 falls on profits of 75 and 25: 30 and 10
    out = run([LONG, *SHORTS], -0.05, socialise=True)
    assert (out.socialised_loss, out.bad_debt) == pytest.approx((40.0, 0.0))
    assert [held.cash for held in out.positions] == pytest.approx([0.0, 1_770.0, 590.0])
    assert ref.liquidation_price(out.positions[1]) == pytest.approx(118.0)


def test_profits_limit_what_is_socialised():
    # only the second short (profit 25) is there: 40 - 25 is bad debt
    out = run([LONG, SHORTS[1]], -0.05, socialise=True)
    assert (out.socialised_loss, out.bad_debt) == pytest.approx((25.0, 15.0))
    assert out.positions[1].cash == pytest.approx(575.0)


def test_a_socialised_loss_can_start_a_round_of_its_own():
    # short 5 at 100, margin 1 with 5 % maintenance: c = 501, liquidation price 501/5.25 = 95.43, healthy at 95; profit
    # 25 is charged 25 of the long's deficit of 40: c = 476 and 476/5.25 = 90.7 < 95: it goes at 95 with equity 1
    out = run([LONG, (-5.0, 100.0, 1.0)], -0.05, tiers=ref.Tiers((0.0,), (0.05,)), socialise=True)
    assert (out.rounds, out.liquidated) == (2, [True, True])
    assert (out.socialised_loss, out.bad_debt, out.insurance_fund) == pytest.approx((25.0, 15.0, 1.0))


# --- several assets, shocks, errors ---


def two_assets(first, second):
    instruments = (ref.Instrument("BTC", FLAT), ref.Instrument("ETH", FLAT))
    positions = (ref.Position(10.0, 100.0, 10.0, 0), ref.Position(10.0, 100.0, 10.0, 1))
    assets = {"BTC": ref.Asset(100.0, DEEP), "ETH": ref.Asset(100.0, DEEP)}
    return ref.Book(instruments, positions, insurance_fund=30.0), {first: assets[first], second: assets[second]}


def test_assets_share_a_fund_in_the_order_of_the_market():
    # deficits at -5 % and -3 % are 40 and 20 in BTC and ETH: with BTC first the fund of 30 is dry before ETH
    book, market = two_assets("BTC", "ETH")
    out = ref.shock(book, market, {"BTC": -0.05, "ETH": -0.03})
    assert (out.rounds, out.bad_debt, out.exhausted) == (1, pytest.approx(30.0), True)
    # one asset alone is shocked by a mapping that names it
    assert ref.shock(book, market, {"ETH": -0.03}).liquidated == [False, True]
    book, market = two_assets("ETH", "BTC")
    assert ref.shock(book, market, [-0.03, -0.05]).bad_debt == pytest.approx(30.0)
    assert ref.shock(book, market, [-0.03, 0.0]).insurance_fund == pytest.approx(10.0)


def test_a_shock_of_nothing_changes_nothing():
    out = run([(10.0, 100.0, 100.0), (0.0, 100.0, 5.0)], 0.0, tiers=STAIRS)
    assert (out.rounds, out.liquidated, out.trace) == (0, [False, False], [])
    assert math.isnan(out.amplification["BTC"])


def test_depth_used_is_the_largest_displacement_over_the_last_node():
    curve = ref.DepthCurve(((20.0, 0.01), (40.0, 0.02)), ((10.0, 0.01),))
    out = run(TWO_LONGS, -0.04, impact=curve)  # 30 sold
    assert out.depth_used["BTC"] == pytest.approx(0.75)
    assert out.final_price["BTC"] == pytest.approx(96.0 * 0.985, rel=1e-15)
    assert math.isnan(run(TWO_LONGS, -0.04).depth_used["BTC"])


def test_a_price_that_overflows_is_an_error_in_the_outcome():
    book = ref.Book((ref.Instrument("BTC", FLAT),), (ref.Position(-10.0, 100.0, 1.0),))
    assert ref.shock(book, {"BTC": ref.Asset(100.0, ref.Linear(0.01))}, 0.1).error is not None


# --- money ---


def random_book(draw):
    tiers = ref.Tiers((0.0, 5e3, 5e4), (0.005, 0.02, 0.1), whole_position=draw.random() < 0.5)
    instruments = tuple(ref.Instrument(asset, tiers) for asset in ("BTC", "ETH", "BTC"))
    positions = []
    for _ in range(draw.randrange(1, 25)):
        entry, leverage = 100.0 * draw.uniform(0.9, 1.1), draw.choice([3.0, 10.0, 20.0, 50.0])
        quantity = draw.choice([-1.0, 1.0]) * math.exp(draw.gauss(3.0, 1.5))
        positions.append(ref.Position(quantity, entry, abs(quantity) * entry / leverage, draw.randrange(3)))
    depth = 4.0 * sum(abs(p.quantity) for p in positions)
    shape = draw.choice([ref.Linear(depth), ref.SquareRoot(0.1, depth, 3.0), ref.Power(depth, 0.7)])
    market = {name: ref.Asset(100.0, shape, half_spread=0.001, mark_follow=draw.random()) for name in ("BTC", "ETH")}
    rules = {name: draw.random() < 0.5 for name in ("deleveraging", "socialise")}
    rules |= {"fee_to": draw.choice(["fund", "outside"]), "remainder": draw.choice(["fund", "trader"])}
    return ref.Book(instruments, tuple(positions), 0.004, insurance_fund=draw.choice([0.0, 50.0]), **rules), market


def test_money_is_conserved_and_everything_comes_to_rest():
    draw, seen = random.Random(20), {"deleveraged_notional": 0, "socialised_loss": 0, "bad_debt": 0, "fees": 0}
    for _ in range(120):
        book, market = random_book(draw)
        out = ref.shock(book, market, draw.uniform(-0.15, 0.15))
        assert out.error is None
        assert out.conservation_error <= 1e-12
        assert 0.0 <= out.insurance_fund_low <= book.insurance_fund
        assert out.liquidated_count == sum(out.liquidated)
        assert not any(h.liquidated and h.open for h in out.positions)
        for name in seen:
            seen[name] += getattr(out, name) > 0.0
    assert min(seen.values()) >= 5
