"""Blocks of 64 positions are booked as one order only where that changes nothing: the cases at the edge of it."""

from __future__ import annotations

import numpy as np
import pytest

import levcore as lc
import reference
from making import book, book_by_liquidation_price, market, venue
from test_agreement import MONEY


def both_ways(held: lc.Book, to: lc.Market, shock: float):
    """One run by blocks, which must equal one position by position."""
    ready = lc.prepare(held, to)
    moves = np.full((1, len(to)), shock)
    blocks = ready._native.shock(ready._native_market, moves, True)
    singly = ready._native.shock(ready._native_market, moves, True, one_by_one=True)
    gross = float(np.abs(held.exposure(to)).sum())
    assert np.array_equal(blocks["liquidated_at"], singly["liquidated_at"])
    assert blocks["exhausted"].tolist() == singly["exhausted"].tolist()
    for name in (*MONEY, "final_price"):
        assert blocks[name] == pytest.approx(singly[name], rel=1e-9, abs=1e-12 * gross), name
    return lc.shock(ready, shock)


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("fee_rate", [0.0, 0.02])
@pytest.mark.parametrize("fund", [0.0, 1e9])
def test_a_block_that_begins_solvent_and_ends_bankrupt_is_settled_one_by_one(side, fee_rate, fund):
    # 64 equal positions with a bankruptcy price of 90 (110); their sales carry the price from above it to below
    at = venue(0.05, fund=fund, remainder="trader", liquidation=lc.FullClose(fee_rate=fee_rate, fee_to="outside"))
    held = book(at, np.full(64, side), np.full(64, 100.0), np.full(64, 10.0))
    outcome = both_ways(held, market(100.0, lc.LinearImpact(depth=1_000.0)), -side * 0.07)
    assert outcome.liquidated_count == 64
    if fee_rate:
        assert 0.0 < outcome.fees < 0.9 * fee_rate * outcome.liquidated_notional
    if fund:
        assert 0.0 < fund - outcome.insurance_fund < 64 * 10.0
    else:
        assert outcome.bad_debt > 0.0


@pytest.mark.parametrize("share", [0.2, 0.6, 0.99, 1.01])
def test_a_fund_that_runs_dry_within_a_block_pays_only_what_it_has(share):
    deficit = 64 * 5.0
    at = venue(0.01, fund=share * deficit)
    outcome = both_ways(book(at, np.ones(64), np.full(64, 100.0), np.full(64, 10.0)), market(), -0.15)
    assert outcome.insurance_fund == pytest.approx(max(0.0, (share - 1.0) * deficit), abs=1e-9)
    assert outcome.bad_debt == pytest.approx(max(0.0, (1.0 - share) * deficit), abs=1e-9)
    assert outcome.exhausted == (share < 1.0)


def test_an_exhausted_fund_is_zero_to_the_bit():
    random = np.random.default_rng(6)
    for seed in range(50):
        quantity, margin = random.lognormal(0.0, 2.0, 200), random.uniform(1.0, 10.0, 200)
        at = venue(0.001, fund=float(random.uniform(1.0, 700.0)))
        outcome = both_ways(book(at, quantity, np.full(200, 100.0), margin * quantity), market(), -0.2037)
        assert outcome.exhausted, seed
        assert outcome.insurance_fund == 0.0
        assert outcome.insurance_fund_low == 0.0


@pytest.mark.parametrize("rules", [{"deleveraging": True}, {"socialise": True}])
def test_claims_that_others_losses_have_changed_are_not_booked_as_they_were(rules):
    # 64 longs leave deficits that 128 shorts carry (by taking them over, or out of their profits); then 64 shorts that
    # fail, but are solvent, push the mark up until the 128 are closed too.
    long, failing, carrying = 64, 64, 128
    quantity = np.concatenate([np.full(long, 0.5), np.full(failing, -2.0), np.full(carrying, -1.0)])
    entry = np.concatenate([np.full(long, 104.0), np.full(failing, 100.0), np.full(carrying, 102.0)])
    unit = np.concatenate([np.full(long, 3.0), np.full(failing, 3.0), np.linspace(5.0, 5.2, carrying)])
    held = book(venue(0.05, **rules), quantity, entry, unit * np.abs(quantity))
    to = market(100.0, lc.LinearImpact(depth=3_000.0))
    outcome = both_ways(held, to, 0.0)
    expected = reference.shock(*reference.from_levcore(held, to), 0.0)
    assert outcome.deleveraged_notional + outcome.socialised_loss > 0.0
    assert outcome.liquidated_count == long + failing + carrying
    for name in MONEY:
        assert getattr(outcome, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-8), name


def test_a_counterparty_whose_equity_would_be_exactly_zero_takes_over():
    at = venue(0.01, deleveraging=True)
    held = book(at, [1.0, -1.0], [100.0, 80.0], [10.0, 10.0])
    assert held.bankruptcy_price.tolist() == [90.0, 90.0]
    outcome = lc.shock(held, market(100.0), -0.15)
    assert outcome.deleveraged_notional == pytest.approx(90.0)
    assert outcome.bad_debt == 0.0


def test_a_counterparty_that_the_mark_has_just_made_liquidatable_takes_nothing_over():
    whole = lc.MarginTiers(floor=[0.0, 1_000.0], maintenance_rate=[0.01, 0.05], whole_position=True)
    at = venue(tiers=whole, fund=5.0, deleveraging=True)
    # The long is healthy at 99.5, below its tier's floor, and fails from 100 up to 102.1. The first short's order lifts
    # the mark past 100; the second leaves a deficit that the fund cannot pay whole.
    held = book(
        at, [10.0, -5.0, -9.0], [103.0, 90.0, 90.0], [60.0, 5.0 * (1.01 * 99.0 - 90.0), 9.0 * (1.01 * 99.2 - 90.0)]
    )
    assert held.liquidatable({"X": 99.5}).tolist() == [False, True, True]
    outcome = lc.shock(held, market(99.5, lc.LinearImpact(depth=500.0)), 0.0)
    assert outcome.exhausted
    assert outcome.deleveraged_notional == 0.0
    expected = reference.shock(*reference.from_levcore(held, market(99.5, lc.LinearImpact(depth=500.0))), 0.0)
    assert outcome.bad_debt == pytest.approx(expected.bad_debt, rel=1e-9)


@pytest.mark.parametrize("first", [1.0, 2.0])
def test_ties_go_by_the_place_in_the_book(first):
    # Deficits of 5 and 10 at one liquidation price; a fund of 10.5 pays the first, the second is deleveraged.
    at = venue(0.01, fund=10.5, deleveraging=True)
    held = book(at, [first, 3.0 - first, -9.0], [100.0] * 3, [10.0 * first, 10.0 * (3.0 - first), 5_000.0])
    outcome = lc.shock(held, market(), -0.15)
    assert outcome.deleveraged_notional == pytest.approx(90.0 * (3.0 - first))
    assert outcome.insurance_fund == pytest.approx(10.5 - 5.0 * first)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_block_whose_margins_cannot_pay_the_fee_in_full_pays_what_is_left(side):
    at = venue(0.05, remainder="trader", liquidation=lc.FullClose(fee_rate=0.02))
    held = book(at, np.full(128, side), np.full(128, 100.0), np.full(128, 10.0))
    outcome = both_ways(held, market(), -side * 0.09)  # one unit is left, the fee would be about two
    assert outcome.fees == pytest.approx(128.0, rel=1e-12)
    assert outcome.insurance_fund == pytest.approx(128.0, rel=1e-12)
    assert not outcome.exhausted


def test_positions_closed_as_a_block_are_gone_from_the_pool_of_counterparties():
    # The first long's deficit finds no counterparty that stands its price; the shorts are closed as a block in the next
    # round; the second deficit must not be passed to them.
    at = venue(0.06, deleveraging=True, socialise=True, remainder="trader")
    quantity = [1.0, 100.0, *[-0.1] * 128]
    entry = [120.0, 99.0, *[40.0] * 64, *[95.0] * 64]
    margin = [1.0, 560.0, *[0.1] * 64, *[1.0] * 64]
    held = book(at, quantity, entry, margin)
    to = market(100.0, lc.LinearImpact(depth=700.0))
    outcome = both_ways(held, to, 0.0)
    expected = reference.shock(*reference.from_levcore(held, to), 0.0)
    assert outcome.deleveraged_notional == expected.deleveraged_notional == 0.0
    assert outcome.bad_debt == pytest.approx(expected.bad_debt, rel=1e-9)
    assert outcome.final_price["X"] == pytest.approx(expected.final_price["X"], rel=1e-12)
    assert outcome.conservation_error <= 1e-12


def test_a_profit_pays_socialised_losses_only_once():
    at = venue(0.005, socialise=True)
    longs = book_by_liquidation_price(at, np.full(4, 10.0), [95.0, 89.0, 84.0, 79.0], 100.0)
    held = lc.concat([longs, book(at, -1.0, 100.0, 5.0)])
    to = market(100.0, lc.LinearImpact(depth=160.0))
    outcome = lc.shock(held, to, -0.2)
    profit = 100.0 - outcome.final_price["X"]
    assert (outcome.trace["socialised_loss"] > 0.0).sum() > 1
    assert outcome.socialised_loss <= profit * (1.0 + 1e-12)
    assert not outcome.liquidated[4]  # its margin is its own
    expected = reference.shock(*reference.from_levcore(held, to), -0.2)
    assert outcome.socialised_loss == pytest.approx(expected.socialised_loss, rel=1e-12)
    assert outcome.bad_debt == pytest.approx(expected.bad_debt, rel=1e-12)


def test_equality_counts_where_the_requirement_jumps():
    whole = lc.MarginTiers(floor=[0.0, 100.0], maintenance_rate=[0.0, 0.1], whole_position=True)
    for equality in (False, True):
        at = venue(tiers=whole, fund=1e6, liquidate_at_equality=equality)
        held = book(at, 1.0, 100.0, 10.0)  # at 100 equity and requirement are both 10
        assert held.liquidatable(100.0).tolist() == [equality]
        assert lc.shock(held, market(100.0), 0.0).liquidated_count == int(equality)


def test_deleveraging_with_jumping_requirements_stays_affordable():
    # Seconds, where asking every reached counterparty at every transfer would take hours: the suite's time limit.
    random = np.random.default_rng(3)
    size = 60_000
    is_long = np.arange(size) % 2 == 0
    quantity = random.lognormal(0.0, 1.0, size) * np.where(is_long, 1.0, -1.0)
    entry = np.where(is_long, 110.0, random.choice([90.0, 120.0], size))  # half of the shorts are bankrupt too
    margin = np.abs(quantity) * random.uniform(1.0, 9.0, size)
    whole = lc.MarginTiers(floor=[0.0, 150.0], maintenance_rate=[0.005, 0.02], whole_position=True)
    at = venue(tiers=whole, deleveraging=True)
    outcome = lc.shock(book(at, quantity, entry, margin), market(100.0, lc.LinearImpact(depth=1e8)), 0.0)
    assert outcome.liquidated_count > size // 2
    assert outcome.conservation_error <= 1e-12
