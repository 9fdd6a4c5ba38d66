"""Liquidation in parts: to a target, down a tier, a portion at a time."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
import making

HOUR = timedelta(hours=1)
TIERS = lc.MarginTiers(floor=[0.0, 5_000.0, 20_000.0], maintenance_rate=[0.01, 0.02, 0.05])
WHOLE = lc.MarginTiers(floor=[0.0, 5_000.0, 20_000.0], maintenance_rate=[0.01, 0.02, 0.05], whole_position=True)


def venue(policy, *, tiers=TIERS, fund: float = 1e6, **rules) -> lc.Venue:
    return making.venue(tiers=tiers, liquidation=policy, fund=fund, **rules)


def after(book: lc.Book, market: lc.Market, move: float) -> tuple[lc.Outcome, np.ndarray, np.ndarray]:
    """The outcome of a shock, and what is left: quantity and cash of each position."""
    ready = lc.prepare(book, market)
    left = ready._native.shock(ready._native_market, np.array([[move]]), True, holdings=True)
    return lc.shock(ready, move), left["quantity_left"], left["cash_left"]


def random_book(at: lc.Venue, size: int = 150, seed: int = 2) -> lc.Book:
    rng = np.random.default_rng(seed)
    quantity = rng.lognormal(4.0, 1.2, size) * np.where(np.arange(size) % 2, 1.0, -1.0)
    entry = 100.0 * rng.uniform(0.97, 1.03, size)
    return making.book(at, quantity, entry, np.abs(quantity) * entry / rng.uniform(3.0, 15.0, size))


@pytest.mark.parametrize("target", [1.0, 0.8, 0.5])
@pytest.mark.parametrize("fee", [0.0, 0.004])
@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("tiers", [TIERS, WHOLE])
def test_at_infinite_depth_a_partial_close_lands_on_its_target_or_closes_fully(target, fee, side, tiers):
    landed = 0
    for size in (20.0, 60.0, 150.0, 400.0):
        for share in (0.2, 0.5, 0.9):
            notional = size * 100.0
            required = float(making.book(venue(lc.FullClose(), tiers=tiers), [side * size], 100.0, 1e6)
                             .maintenance_margin(100.0)[0])  # fmt: skip
            # One cent of a per cent against the position: equity is that share of the requirement.
            move = -side * 1e-4
            margin = share * required + notional * 1e-4
            at = venue(lc.PartialClose(target=target, fee_rate=fee), tiers=tiers, remainder="trader")
            crash, quantity, cash = after(making.book(at, [side * size], 100.0, margin), making.market(), move)
            price = 100.0 * (1.0 + move)
            if quantity[0] == 0.0:
                continue
            landed += 1
            equity = cash[0] + quantity[0] * price
            required = float(making.book(at, quantity, 100.0, 1.0).maintenance_margin(price)[0])
            jumped = tiers is WHOLE and min(abs(abs(quantity[0]) * price / f - 1.0) for f in (5_000.0, 20_000.0)) < 1e-9
            lands = abs(required - target * equity) <= 1e-12 * notional
            assert lands or (jumped and required < target * equity)
            assert abs(quantity[0]) < size
            assert crash.liquidated_count == 1
            assert crash.conservation_error <= 1e-12
    assert landed >= 6


@pytest.mark.parametrize("target", [1.0, 0.8])
@pytest.mark.parametrize("fee", [0.0, 0.004, 0.03])
@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("tiers", [TIERS, lc.MarginTiers([0.0], [0.05], deduction=[40.0])])
def test_with_a_buffer_a_partial_close_lands_on_maintenance_and_buffer(target, fee, side, tiers):
    landed = 0
    for size in (20.0, 60.0, 150.0, 400.0):
        for share in (0.3, 0.6, 0.9):
            notional, move, price = size * 100.0, -side * 1e-4, 100.0 * (1.0 - side * 1e-4)
            required = float(making.book(venue(lc.FullClose(), tiers=tiers), [side * size], 100.0, 1e6)
                             .maintenance_margin(price)[0])  # fmt: skip
            at = venue(lc.PartialClose(target=target, buffer=0.02, fee_rate=fee), tiers=tiers, remainder="trader")
            book = making.book(at, [side * size], 100.0, share * required + notional * 1e-4)
            crash, quantity, cash = after(book, making.market(), move)
            if quantity[0] == 0.0:
                continue
            landed += 1
            equity, kept = cash[0] + quantity[0] * price, abs(quantity[0]) * price
            required = float(making.book(at, quantity, 100.0, 1.0).maintenance_margin(price)[0])
            assert abs(required + 0.02 * kept - target * equity) <= 1e-12 * notional
            assert kept < notional
            assert crash.conservation_error <= 1e-12
    assert landed >= (4 if fee < 0.01 else 0)


def test_a_buffer_says_how_much_is_sold_and_not_who_is_liquidatable():
    # By hand: equity 9 at 94; 10 % and 2 % of the notional kept are 9 at 75.
    at = venue(lc.PartialClose(target=1.0, buffer=0.02), tiers=making.flat_tiers(0.1))
    _, quantity, _ = after(making.book(at, [1.0], 100.0, 15.0), making.market(), -0.06)
    assert quantity[0] == pytest.approx(75.0 / 94.0, rel=1e-14)
    _, quantity, _ = after(making.book(at, [1.0], 100.0, 16.0), making.market(), -0.06)  # 10 cover 9.4
    assert quantity[0] == 1.0
    plain = venue(lc.PartialClose(target=1.0), tiers=making.flat_tiers(0.1))
    prices = [making.book(v, [1.0, -1.0], [100.0, 100.0], [15.0, 15.0]).liquidation_price for v in (at, plain)]
    assert prices[0].tobytes() == prices[1].tobytes()


def test_what_may_be_freed_grows_with_the_time_since_the_liquidation_began():
    # By hand: 10 % of 94 require 9.4, equity 4: short of 5.4. A fifth may be freed at once, then a tenth more an hour.
    at = venue(lc.PartialClose(target=1.0, initial_share=0.2, duration=10 * HOUR), tiers=making.flat_tiers(0.1))
    held = making.book(at, [1.0], 100.0, 10.0)
    crash, quantity, _ = after(held, making.market(), -0.06)
    assert crash.liquidated_notional == pytest.approx(0.2 * 54.0, rel=1e-13)
    assert (crash.rounds, crash.waiting, crash.liquidated_count) == (1, 1, 1)
    assert quantity[0] * 94.0 == pytest.approx(94.0 - 10.8, rel=1e-14)
    moves = np.array([[-0.06] + [0.0] * 9])
    runs = lc.simulate(held, making.market(), moves, step=HOUR, keep_steps=True)
    assert runs.steps_kept.liquidated_notional_long[0] == pytest.approx([10.8] + [5.4] * 8 + [0.0], rel=1e-9, abs=1e-9)
    assert runs.liquidated_count.tolist() == [1]
    assert runs.waiting.tolist() == [0]


def test_a_small_shortage_is_freed_at_once_and_time_that_has_passed_frees_all():
    limited = {"target": 1.0, "initial_share": 0.2, "duration": 10 * HOUR}
    small = venue(lc.PartialClose(small_shortage=6.0, **limited), tiers=making.flat_tiers(0.1))
    crash = lc.shock(making.book(small, [1.0], 100.0, 10.0), making.market(), -0.06)
    assert crash.liquidated_notional == pytest.approx(54.0, rel=1e-13)
    assert crash.waiting == 0
    late = venue(lc.PartialClose(**limited), tiers=making.flat_tiers(0.1))
    runs = lc.simulate(
        making.book(late, [1.0], 100.0, 10.0), making.market(), [[-0.06, 0.0]], step=12 * HOUR, keep_steps=True
    )
    assert runs.steps_kept.liquidated_notional_long[0] == pytest.approx([10.8, 43.2], rel=1e-12)


def test_what_has_been_freed_counts_when_more_falls_short():
    # 5.4 short, 1.08 freed; an hour later the mark is 93: short of 4.32 and of what the fall took, three tenths of all.
    at = venue(lc.PartialClose(target=1.0, initial_share=0.2, duration=10 * HOUR), tiers=making.flat_tiers(0.1))
    runs = lc.simulate(
        making.book(at, [1.0], 100.0, 10.0), making.market(), [[-0.06, 93.0 / 94.0 - 1.0]], step=HOUR, keep_steps=True
    )
    kept = 83.2 / 94.0
    short = 0.1 * kept * 93.0 - (4.0 - kept)
    freed = 0.3 * (short + 1.08) - 1.08
    assert runs.steps_kept.liquidated_notional_long[0] == pytest.approx([10.8, freed / 0.1], rel=1e-9)


@pytest.mark.parametrize(("recovery", "share"), [(100.0, 0.2), (94.5, 0.4)])
def test_a_recovery_ends_the_liquidation_and_the_next_one_begins_anew(recovery, share):
    at = venue(lc.PartialClose(target=1.0, initial_share=0.2, duration=10 * HOUR), tiers=making.flat_tiers(0.1))
    moves = [[-0.06, recovery / 94.0 - 1.0, 93.0 / recovery - 1.0]]
    runs = lc.simulate(making.book(at, [1.0], 100.0, 10.0), making.market(), moves, step=HOUR, keep_steps=True)
    first, second, third = runs.steps_kept.liquidated_notional_long[0]
    assert first == pytest.approx(10.8, rel=1e-12)
    freed = 0.1 * (first + second)
    ended = recovery == 100.0
    assert (second == 0.0) == ended
    kept = 1.0 - first / 94.0 - second / recovery
    cash = -100.0 + 10.0 + first + second
    short = 0.1 * kept * 93.0 - (cash + kept * 93.0)
    wanted = share * short if ended else share * (short + freed) - freed
    assert third == pytest.approx(wanted / 0.1, rel=1e-9)


def test_what_is_kept_is_the_most_that_meets_the_target():
    # By hand: equity 9 at 94, target 0.5: 4.5 of requirement at 10 % are 45 of notional; 49 are sold.
    at = venue(lc.PartialClose(target=0.5), tiers=making.flat_tiers(0.1))
    crash, quantity, cash = after(making.book(at, [1.0], 100.0, 15.0), making.market(), -0.06)
    assert quantity[0] == pytest.approx(45.0 / 94.0, rel=1e-14)
    assert cash[0] + quantity[0] * 94.0 == pytest.approx(9.0, rel=1e-14)
    assert crash.liquidated_notional == pytest.approx(49.0, rel=1e-14)
    assert crash.insurance_fund == 1e6


def test_a_position_with_no_equity_left_closes_whole():
    at = venue(lc.PartialClose(target=0.5), tiers=making.flat_tiers(0.1), fund=10.0)
    crash, quantity, _ = after(making.book(at, [1.0], 100.0, 15.0), making.market(), -0.2)
    assert quantity[0] == 0.0
    assert crash.insurance_fund == pytest.approx(5.0)


@pytest.mark.parametrize(("steps", "left"), [(1, 20_000.0), (2, 5_000.0)])
def test_a_tier_step_cuts_to_the_top_of_a_lower_tier(steps, left):
    # 300 at 99: 29,700 of notional in the third tier, 1,485 required of the whole position; equity 1,400.
    at = venue(lc.TierStep(tiers=steps), tiers=WHOLE)
    _, quantity, _ = after(making.book(at, [300.0], 100.0, 1_700.0), making.market(), -0.01)
    assert quantity[0] * 99.0 == pytest.approx(left, rel=1e-12)
    assert quantity[0] * 99.0 < left


def test_in_the_lowest_tiers_a_tier_step_closes_whole():
    at = venue(lc.TierStep(tiers=2), tiers=WHOLE)
    _, quantity, _ = after(making.book(at, [100.0], 100.0, 250.0), making.market(), -0.02)
    assert quantity[0] == 0.0


def test_a_portion_closes_and_the_rest_waits():
    at = venue(lc.PortionClose(portion=0.2), tiers=making.flat_tiers(0.1))
    crash, quantity, _ = after(making.book(at, [10.0], 100.0, 100.0), making.market(), -0.07)
    assert quantity[0] == 8.0
    assert (crash.rounds, crash.liquidated_count, crash.waiting) == (1, 1, 1)


@pytest.mark.parametrize(
    ("policy", "sizes"),
    [
        (lc.PortionClose(portion=0.5), [5.0, 2.5, 1.25, 0.625]),
        (lc.PortionClose(portion=0.5, wait=2 * HOUR), [5.0, 5.0, 2.5, 2.5]),
        (lc.PortionClose(portion=0.5, wait=2 * HOUR, then="all"), [5.0, 5.0, 0.0, 0.0]),
        (lc.PortionClose(portion=0.1, minimum=372.0), [6.0, 2.0, 0.0, 0.0]),
        (lc.PortionClose(portion=0.5, above=500.0), [5.0, 0.0, 0.0, 0.0]),
        (lc.PortionClose(portion=0.25, lot=1.0, dust=2.5), [7.0, 5.0, 3.0, 0.0]),
    ],
)
def test_portions_follow_each_other_in_their_time(policy, sizes):
    # Equity 0.5 a unit at 93 against 9.3 required: it fails for ever.
    at = venue(policy, tiers=making.flat_tiers(0.1))
    held = making.book(at, [10.0], 100.0, 75.0)
    runs = lc.simulate(held, making.market(), [[-0.07, 0.0, 0.0, 0.0]], step=HOUR, keep_steps=True)
    closed = np.cumsum(runs.steps_kept.liquidated_notional_long[0]) / 93.0
    assert (10.0 - closed) == pytest.approx(sizes, abs=1e-9)
    assert runs.liquidated_count.tolist() == [1]


POLICIES = [
    lc.PartialClose(target=0.7, fee_rate=0.002),
    lc.PartialClose(target=1.0, buffer=0.02, fee_rate=0.002),
    lc.PartialClose(target=1.0, initial_share=0.3, duration=6 * HOUR),
    lc.PartialClose(target=1.0, lot=5.0, dust=10.0),
    lc.TierStep(fee_rate=0.002),
    lc.TierStep(tiers=2),
    lc.PortionClose(portion=0.3, fee_rate=0.002),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize("tiers", [TIERS, WHOLE])
@pytest.mark.parametrize("rules", [{}, {"deleveraging": True}, {"socialise": True}])
def test_money_is_conserved_and_the_healthy_are_not_touched(policy, tiers, rules):
    at = venue(policy, tiers=tiers, fund=500.0, **rules)
    held, market = random_book(at), making.market(impact=lc.LinearImpact(depth=60_000.0))
    for move in (-0.3, -0.12, 0.12, 0.3):
        crash, quantity, cash = after(held, market, move)
        assert crash.error is None
        assert crash.liquidated_count > 5
        assert crash.conservation_error <= 1e-12
        assert (np.abs(quantity) <= np.abs(held.quantity) * (1.0 + 1e-12)).all()
        assert (np.sign(quantity) * np.sign(held.quantity) >= 0.0).all()
        if not rules:
            untouched = ~crash.liquidated
            assert (quantity[untouched] == held.quantity[untouched]).all()
            open_now = quantity != 0.0
            left = making.book(at, quantity[open_now], held.entry_price[open_now], np.ones(open_now.sum()))
            slack = (
                cash[open_now]
                + quantity[open_now] * crash.final_price["X"]
                - left.maintenance_margin(crash.final_price)
            )
            failing = int((slack < -1e-9 * np.abs(quantity[open_now]) * 100.0).sum())
            assert failing <= crash.waiting


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_partial_closes_along_paths_with_funding_conserve_money(policy):
    at = lc.Venue(
        [lc.LinearPerpetual("X", asset="X", tiers=TIERS, funding=lc.Funding(rate=0.002, interval=2 * HOUR))],
        liquidation=policy,
        backstop=lc.Backstop(insurance_fund=500.0),
    )
    held = random_book(at)
    runs = lc.simulate(
        held, making.market(impact=lc.LinearImpact(depth=60_000.0)), lc.GBM(volatility=1.5), paths=20, steps=48,
        step=HOUR, seed=1,
    )  # fmt: skip
    assert runs.liquidated_count.min() >= 0
    assert runs.liquidated_count.max() > 10
    assert runs.conservation_error.max() <= 1e-12
    assert runs.error == (None,) * 20


def test_a_partial_close_sells_less_and_moves_the_price_less_than_a_full_one():
    market = making.market(impact=lc.LinearImpact(depth=60_000.0))
    full = lc.shock(random_book(venue(lc.FullClose())), market, -0.06)
    part = lc.shock(random_book(venue(lc.PartialClose(target=0.9))), market, -0.06)
    assert part.liquidated_notional < full.liquidated_notional
    assert part.final_price["X"] > full.final_price["X"]


def test_who_waits_and_is_liquidatable_takes_nothing_over():
    # At 93 the long has 90 and requires 93; a hundredth less of it still fails, and waits. The short owes 5.
    at = venue(lc.PortionClose(portion=0.01), tiers=making.flat_tiers(0.1), fund=0.0, deleveraging=True)
    crash = lc.shock(making.book(at, [10.0, -2.0], [100.0, 90.0], [160.0, 1.0]), making.market(), -0.07)
    assert (crash.waiting, crash.deleveraged_notional) == (1, 0.0)
    assert crash.bad_debt == pytest.approx(5.0, rel=1e-12)


def test_the_fee_of_a_part_is_no_socialised_loss():
    # At 93 a hundredth of the long goes, for a fee of 4.65; at 110 the rest has a profit of 99, the short owes 150.
    policy = lc.PortionClose(portion=0.01, fee_rate=0.5, fee_to="outside")
    at = venue(policy, tiers=making.flat_tiers(0.1), fund=0.0, socialise=True)
    held = making.book(at, [10.0, -20.0], [100.0, 100.0], [160.0, 50.0])
    runs = lc.simulate(held, making.market(), [[-0.07, 110.0 / 93.0 - 1.0]], step=HOUR)
    assert runs.socialised_loss == pytest.approx([99.0], rel=1e-12)
    assert runs.bad_debt == pytest.approx([51.0], rel=1e-12)


def test_bad_policies_are_refused():
    with pytest.raises(lc.InputError, match=r"target must be <= 1, was 1\.5"):
        lc.PartialClose(target=1.5)
    with pytest.raises(lc.InputError, match="buffer must be < 1, was 1"):
        lc.PartialClose(buffer=1.0)
    with pytest.raises(lc.InputError, match=r"buffer must be >= 0, was -0\.1"):
        lc.PartialClose(buffer=-0.1)
    with pytest.raises(lc.InputError, match="duration must be > 0 where initial_share is below 1, was 0:00:00"):
        lc.PartialClose(initial_share=0.5)
    with pytest.raises(lc.InputError, match=r"initial_share must be <= 1, was 1\.5"):
        lc.PartialClose(initial_share=1.5)
    with pytest.raises(lc.KindError, match="duration must be a timedelta, was int 60"):
        lc.PartialClose(initial_share=0.5, duration=60)
    with pytest.raises(lc.InputError, match="small_shortage must be >= 0"):
        lc.PartialClose(small_shortage=-1.0)
    with pytest.raises(lc.InputError, match="portion must be > 0, was 0"):
        lc.PortionClose(portion=0.0)
    with pytest.raises(lc.InputError, match="tiers must be >= 1, was 0"):
        lc.TierStep(tiers=0)
    with pytest.raises(lc.InputError, match="wait must be >= 0"):
        lc.PortionClose(wait=-HOUR)
    with pytest.raises(lc.KindError, match="wait must be a timedelta"):
        lc.PortionClose(wait=5)
    with pytest.raises(lc.InputError, match="lot must be >= 0"):
        lc.PartialClose(lot=-1.0)
    with pytest.raises(lc.KindError, match="liquidation must be a liquidation policy"):
        lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=TIERS)], liquidation="full")
    assert not math.isnan(lc.PartialClose().target)
