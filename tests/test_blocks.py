"""Blocks of 64 positions are booked as one order only where that changes nothing: the cases at the edge of it."""

from __future__ import annotations

import numpy as np
import pytest

import levcore as lc
import reference
from making import book, market, venue
from test_agreement import MONEY


def both_ways(held: lc.Book, to: lc.Market, shock: float):
    """One run by blocks, which must equal one position by position."""
    ready = lc.prepare(held, to)
    moves = np.full((1, len(to)), shock)
    blocks = ready._native.shock(ready._native_market, moves, True)
    singly = ready._native.shock(ready._native_market, moves, True, one_by_one=True)
    gross = float(np.abs(held.exposure(to)).sum())
    assert np.array_equal(blocks["liquidated"], singly["liquidated"])
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
        margin = random.uniform(1.0, 10.0, 200)
        at = venue(0.001, fund=float(random.uniform(1.0, 700.0)))
        outcome = both_ways(book(at, np.ones(200), np.full(200, 100.0), margin), market(), -0.2)
        assert outcome.exhausted, seed
        assert outcome.insurance_fund == 0.0
        assert outcome.insurance_fund_low == 0.0


def test_a_side_that_was_shrunk_by_deleveraging_is_not_booked_at_its_old_size():
    # Both sides fail: 300 longs in deficit are deleveraged against 300 shorts, which a later rise of the mark closes.
    size = 300
    at = venue(0.002, deleveraging=True)
    quantity = np.concatenate([np.full(size, 0.5), np.full(size, -1.0)])
    entry = np.concatenate([np.full(size, 104.0), np.full(size, 100.0)])
    margin = np.concatenate([np.full(size, 1.0), np.linspace(3.0, 4.0, size)])
    margin[-100:] = 0.01  # these shorts are liquidatable at once, and take nothing over
    held = book(at, quantity, entry, margin)
    to = market(100.0, lc.LinearImpact(depth=2_000.0))
    outcome = both_ways(held, to, 0.0)
    expected = reference.shock(*reference.from_levcore(held, to), 0.0)
    assert outcome.deleveraged_notional == pytest.approx(expected.deleveraged_notional, rel=1e-9)
    assert outcome.deleveraged_notional > 0.0
    assert outcome.liquidated.tolist() == [position.liquidated for position in expected.positions]
    assert outcome.liquidated_count_long > 0
    assert outcome.liquidated_count_short > 200
    for name in MONEY:
        assert getattr(outcome, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-8), name


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
