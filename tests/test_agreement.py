"""Three opinions agree: the plain reference, the ledger one position at a time, the ledger block by block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import levcore as lc
import reference
import strategies
from how_many import some

pytestmark = pytest.mark.filterwarnings("ignore:.* stopped early:RuntimeWarning")

MONEY = (
    "liquidated_notional_long",
    "liquidated_notional_short",
    "bad_debt",
    "insurance_fund",
    "insurance_fund_low",
    "deleveraged_notional",
    "socialised_loss",
    "fees",
)
PRICES = ("final_price", "lowest_price", "highest_price")
#: Cases whose mark comes this near to a liquidation price, or a choice this near to a tie, are compared in price only:
#: the reference uses other elementary functions.
NEAR = 1e-12
EXAMPLES = 2_000


def agree(case: strategies.Case) -> None:
    outcome = case.run()
    book, market = reference.from_levcore(case.book, case.market)
    expected = reference.shock(book, market, case.single_shock)
    assert outcome.conservation_error <= 1e-12
    assert expected.conservation_error <= 1e-12
    if expected.error is not None or outcome.error is not None:
        assert (outcome.error is None) == (expected.error is None)
        return
    for name in PRICES:
        assert getattr(outcome, name) == pytest.approx(getattr(expected, name), rel=1e-9), name
    if min(expected.nearest, expected.nearest_slack, expected.nearest_choice) < NEAR:
        return
    assert outcome.rounds == expected.rounds
    assert outcome.liquidated.tolist() == [held.liquidated for held in expected.positions]
    assert outcome.liquidated_count_long == expected.liquidated_count_long
    assert outcome.liquidated_count_short == expected.liquidated_count_short
    assert outcome.exhausted == expected.exhausted
    gross = float(np.abs(case.book.exposure(case.market)).sum())
    for name in MONEY:
        assert getattr(outcome, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-12 * gross), name
    ready = lc.prepare(case.book, case.market)
    row = np.array([list(outcome.shock.values())])
    left = ready._native.shock(ready._native_market, row, True, holdings=True)
    open_ = [held.open and held.quantity != 0.0 for held in expected.positions]
    quantity = [held.quantity if kept else 0.0 for held, kept in zip(expected.positions, open_, strict=True)]
    cash = [held.cash if kept else 0.0 for held, kept in zip(expected.positions, open_, strict=True)]
    scale = float(np.abs(case.book.quantity).max(initial=0.0))
    assert left["quantity_left"] == pytest.approx(quantity, rel=1e-9, abs=1e-12 * scale)
    assert left["cash_left"] == pytest.approx(cash, rel=1e-9, abs=1e-12 * gross)
    for name in ("amplification", "depth_used"):
        assert getattr(outcome, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-9, nan_ok=True), name
    for row, theirs in zip(outcome.trace, expected.trace, strict=True):
        orders = row["liquidated_count_long"] + row["liquidated_count_short"]
        assert orders == theirs["orders"]
        assert row["insurance_fund"] == pytest.approx(theirs["insurance_fund"], rel=1e-9, abs=1e-12 * gross)
        for asset, price in theirs["prices"].items():
            assert row[f"mark_price_{asset}"] == pytest.approx(price, rel=1e-9)


@settings(max_examples=some(EXAMPLES), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(strategies.cases())
def test_the_ledger_and_the_reference_agree_on_any_book(case):
    agree(case)


@settings(max_examples=some(400), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(strategies.cases(deleveraging=True, sides=(0.5, 0.8, 0.2)))
def test_they_agree_where_positions_are_deleveraged(case):
    agree(case)


@settings(max_examples=some(400), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(strategies.cases(socialise=True, whole_position=True))
def test_they_agree_where_losses_are_socialised_and_requirements_jump(case):
    agree(case)


@settings(max_examples=some(150), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.002, 0.05]),
    st.sampled_from(["none", "scarce", "ample"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["trader", "fund"]),
    st.integers(-35, 35),
)
def test_booking_blocks_of_positions_as_one_order_changes_nothing(
    seed, fee, fund, deleveraging, socialise, remainder, percent
):
    random = np.random.default_rng(seed)
    size = 1_500
    price, leverage = 100.0, np.clip(np.exp(2.3 + 0.9 * random.standard_normal(size)), 1.5, 90.0)
    entry = price * np.exp(0.02 * random.standard_normal(size))
    quantity = random.lognormal(0.0, 1.5, size) * np.where(random.random(size) < 0.5, 1.0, -1.0)
    margin = np.abs(quantity) * entry / leverage
    gross = float(np.abs(quantity).sum()) * price
    tiers = lc.MarginTiers(floor=[0.0, 300.0, 2_000.0], maintenance_rate=[0.004, 0.01, 0.02])
    money = {"none": 0.0, "scarce": gross * 1e-4, "ample": gross}[fund]
    venue = lc.Venue(
        [lc.LinearPerpetual("X", asset="X", tiers=tiers)],
        liquidation=lc.FullClose(fee_rate=fee),
        backstop=lc.Backstop(insurance_fund=money, deleveraging=deleveraging, socialise=socialise),
        remainder=remainder,
    )
    book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
    depth = float(quantity[quantity > 0.0].sum()) / 0.1
    market = lc.Market({"X": lc.Asset(price, impact=lc.LinearImpact(depth=depth), half_spread=0.0005)})
    ready = lc.prepare(book, market)
    moves = np.array([[percent / 100.0]])
    blocks = ready._native.shock(ready._native_market, moves, True)
    singly = ready._native.shock(ready._native_market, moves, True, one_by_one=True)
    assert np.array_equal(blocks["liquidated_at"], singly["liquidated_at"])
    for name in ("rounds", "liquidated_count_long", "liquidated_count_short", "exhausted", "fault"):
        assert blocks[name].tolist() == singly[name].tolist()
    for name in (*MONEY, "final_price", "lowest_price", "highest_price"):
        assert blocks[name] == pytest.approx(singly[name], rel=1e-9, abs=1e-12 * gross), name
    assert max(blocks["conservation_error"].max(), singly["conservation_error"].max()) <= 1e-12
