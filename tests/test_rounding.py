"""Rounding never favours the account where levcore rounds; where a program's own does, by less than its last unit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import levcore as lc
import making
from levcore.venues import drift
from test_partial import TIERS, WHOLE, after, venue

SIZES = st.floats(1.0, 500.0)


def kept(policy, tiers, quantity: float, margin_share: float) -> float:
    """What a position keeps whose equity is that share of its requirement, at infinite depth."""
    whole = making.book(venue(lc.FullClose(), tiers=tiers), [quantity], 100.0, 1e6)
    margin = margin_share * float(whole.maintenance_margin(100.0)[0])
    at = venue(policy, tiers=tiers, remainder="trader")
    return abs(float(after(making.book(at, [quantity], 100.0, margin), making.market(), 0.0)[1][0]))


@pytest.mark.parametrize("tiers", [TIERS, WHOLE], ids=["continuous", "whole position"])
@pytest.mark.parametrize(
    "policy", [lc.PartialClose, lc.TierStep, lc.PortionClose], ids=["to a target", "down a tier", "a portion"]
)
@given(size=SIZES, side=st.sampled_from([1.0, -1.0]), share=st.floats(0.05, 0.95), lot=st.floats(0.01, 60.0))
def test_whole_lots_never_leave_a_position_more_than_any_size_would(policy, tiers, size, side, share, lot):
    exact = kept(policy(), tiers, side * size, share)
    in_lots = kept(policy(lot=lot), tiers, side * size, share)
    if policy is lc.TierStep:  # of whom an exact order leaves failing another one may close more than one in lots did
        assert in_lots == 0.0 or tiers.tier(in_lots * 100.0) < tiers.tier(size * 100.0)
    else:
        assert in_lots <= exact * (1.0 + 1e-12)
    closed = size - in_lots
    assert in_lots == 0.0 or abs(closed / lot - round(closed / lot)) <= 1e-9 * max(1.0, closed / lot)


@pytest.mark.parametrize("tiers", [TIERS, WHOLE], ids=["continuous", "whole position"])
@given(size=SIZES, share=st.floats(0.05, 0.95), dust=st.floats(0.0, 100.0))
def test_dust_is_closed_and_never_kept(tiers, size, share, dust):
    left = kept(lc.PartialClose(dust=dust), tiers, size, share)
    assert left == 0.0 or left >= dust * (1.0 - 1e-12)


@given(
    shortage=st.integers(1, 10**7),
    ratio=st.integers(200, 9_000),
    fee=st.integers(0, 9_000),
    price=st.integers(1, 10**6),
)
def test_drift_closes_what_covers_a_shortage_but_for_less_than_its_last_unit(shortage, ratio, fee, price):
    margin_ratio, liquidator_fee = ratio / 1e4, fee / 1e6
    closed = drift.quantity_to_cover(
        shortage, margin_ratio=margin_ratio, liquidator_fee=liquidator_fee, oracle_price=price
    )
    per_unit = Fraction(price) * (Fraction(ratio, 10_000) - Fraction(fee, 1_000_000))
    covers = Fraction(shortage) / per_unit  # the program drops what is less than a billionth of a token
    as_a_float = covers / 2**53
    assert covers - Fraction(1, 10**9) - as_a_float < Fraction(closed) <= covers + as_a_float


def test_a_requirement_is_its_exact_value_to_four_parts_in_a_quadrillion():
    random = np.random.default_rng(5)
    quantity, price = random.lognormal(3.0, 2.0, 500), random.uniform(1.0, 500.0, 500)
    for q, p in zip(quantity.tolist(), price.tolist(), strict=True):
        notional = Fraction(q) * Fraction(p)
        exact = max(
            Fraction(rate) * notional - Fraction(deduction)
            for rate, deduction in zip(TIERS.maintenance_rate, TIERS.deduction, strict=True)
        )
        ours = TIERS.maintenance_margin(q * p)
        assert abs(Fraction(ours) - exact) <= Fraction(1, 10**15) * 4 * exact
