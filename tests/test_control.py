"""Owners who add collateral before they are liquidated, and take some out when they have plenty."""

from __future__ import annotations

import math
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import timedelta
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import levcore as lc
import making
import making_scenario_files
from levcore import unfinished_runs
from levcore.__main__ import application

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DEEP = lc.LinearImpact(depth=math.inf)


def one_long(margin: float = 10.0, rate: float = 0.05) -> lc.Book:
    return making.book(making.venue(rate), [1.0], [100.0], [margin])


def crowd(size: int = 300, **rules) -> lc.Book:
    rng = np.random.default_rng(3)
    quantity = rng.lognormal(0.0, 1.0, size) * np.where(np.arange(size) % 3, 1.0, -1.0)
    margin = np.abs(quantity) * 100.0 / rng.uniform(3.0, 25.0, size)
    return making.book(making.venue(0.01, fund=50.0, **rules), quantity, np.full(size, 100.0), margin)


def simulated(held: lc.Book, control, **options) -> lc.Runs:
    market = making.market(impact=lc.LinearImpact(depth=3_000.0))
    run = {"paths": 30, "steps": 40, "step": HOUR, "seed": 5, "engine": "ledger"} | options
    return lc.simulate(held, market, lc.GBM(volatility=1.2), control=control, **run)


def steps_of(returns: list[float], control, held: lc.Book | None = None, **options) -> lc.Runs:
    return lc.simulate(held or one_long(), making.market(impact=DEEP), [returns], step=HOUR, control=control, **options)


# --- What an owner does, by hand ---


def test_a_call_brings_the_margin_ratio_back_to_where_it_is_wanted():
    # At 96 equity is 6 and 4.8 is required: 0.8 is above 0.75, and 9.6 of equity make it 0.5
    runs = steps_of([-0.04], lc.TopUp(0.75, 0.5))
    assert runs.topped_up[0] == pytest.approx(3.6, rel=1e-14)
    assert (runs.top_ups[0], runs.withdrawals[0], runs.liquidated_count[0]) == (1, 0, 0)


def test_who_is_within_the_band_is_left_alone():
    runs = steps_of([-0.03, 0.05, -0.02], lc.TopUp(0.75, 0.5))  # at 97 the ratio is 4.85/7 = 0.69
    assert (runs.top_ups[0], runs.topped_up[0]) == (0, 0.0)


def test_it_comes_in_time_to_save_who_would_be_liquidated_in_the_same_step():
    assert steps_of([-0.06], None).liquidated_count[0] == 1
    saved = steps_of([-0.06], lc.TopUp(0.9, 0.5))  # equity 4, required 4.7
    assert saved.liquidated_count[0] == 0
    assert saved.topped_up[0] == pytest.approx(9.4 - 4.0, rel=1e-14)


def test_an_answer_that_is_under_way_comes_too_late_for_who_is_liquidated_first():
    late = lc.TopUp(0.75, 0.5, delay=2 * HOUR)
    runs = steps_of([-0.04, -0.03, 0.0], late)
    assert (runs.liquidated_count[0], runs.top_ups[0]) == (1, 0)
    waits = steps_of([-0.04, 0.0, 0.0], late)
    assert (waits.liquidated_count[0], waits.top_ups[0]) == (0, 1)
    assert waits.topped_up[0] == pytest.approx(3.6, rel=1e-14)
    assert steps_of([-0.04, 0.0], late).top_ups[0] == 0  # the second hour has not passed


def test_a_call_that_the_price_has_ended_is_not_answered_and_the_next_begins_anew():
    late = lc.TopUp(0.75, 0.5, delay=2 * HOUR)
    assert steps_of([-0.04, 0.03, -0.03, 0.0], late).top_ups[0] == 0
    assert steps_of([-0.04, 0.03, -0.03, 0.0, 0.0], late).top_ups[0] == 1


def test_an_answer_is_worked_out_at_the_marks_of_its_own_time():
    # From 96 to 95: equity 5, required 4.75
    assert steps_of([-0.04, -1 / 96], lc.TopUp(0.75, 0.5, delay=HOUR)).topped_up[0] == pytest.approx(4.5, rel=1e-12)


def test_a_reserve_ends_and_its_owner_with_it():
    # The equity at the start is 10; 0.3 of it is 3, all of which goes at 96. Then 9 less 4.5 at 91.5 meets 4.575
    control = lc.TopUp(0.75, 0.5, reserve=0.3)
    runs = steps_of([-0.04, -4.5 / 96], control)
    assert runs.topped_up[0] == pytest.approx(3.0, rel=1e-14)
    assert (runs.top_ups[0], runs.liquidated_count[0]) == (1, 1)
    assert steps_of([-0.04, -4.0 / 96], control).liquidated_count[0] == 0


def test_what_is_taken_out_comes_to_the_reserve():
    # At 110 equity is 20 and 5.5 required, 0.275 < 0.3: 11 stay, 9 go out. At 100 equity 1 < 5: 9 are there
    control = lc.TopUp(0.75, 0.5, reserve=0.0, withdraw_below=0.3)
    runs = steps_of([0.1, -10 / 110], control)
    assert runs.withdrawn[0] == pytest.approx(9.0, rel=1e-13)
    assert runs.topped_up[0] == pytest.approx(9.0, rel=1e-13)  # ten less one are wanted, nine at hand: ratio 0.5
    assert (runs.withdrawals[0], runs.top_ups[0], runs.liquidated_count[0]) == (1, 1, 0)


def test_an_account_adds_to_its_cash_and_never_takes_out_its_coins():
    tiers = making.flat_tiers(0.05)
    at = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=tiers)], collateral={"X": 0.5})
    accounts = lc.Accounts(USD=[3.0, 6.0], X=[0.0, 1.0])
    columns = {"quantity": [1.0, 0.1], "entry_price": [100.0, 100.0], "margin": [math.nan] * 2, "account": [0, 1]}
    held = lc.Book(at, instrument="X", **columns, accounts=accounts)
    runs = steps_of([0.04], lc.TopUp(0.7, 0.6, withdraw_below=0.5), held)
    # The first: 7 of equity, 5.2 required, 0.743: 8.667 wanted. The second: 6.4 + 0.5*104 counted, 0.52 required:
    # all that is no coin goes out, 6.4
    assert runs.topped_up[0] == pytest.approx(5.2 / 0.6 - 7.0, rel=1e-13)
    assert runs.withdrawn[0] == pytest.approx(6.4, rel=1e-13)
    assert runs.conservation_error[0] <= 1e-12


def test_a_coin_margined_owner_adds_coins_that_count_at_the_final_mark():
    at = lc.Venue(
        [lc.InversePerpetual("X", asset="X", contract_value=1.0, tiers=making.flat_tiers(0.05))], settlement="X"
    )
    held = lc.Book(at, instrument="X", quantity=[100.0], entry_price=[100.0], margin=[0.1])
    runs = steps_of([-0.04, 0.1], lc.TopUp(0.75, 0.5), held)
    equity, required = 0.1 + 1.0 - 100.0 / 96.0, 0.05 * 100.0 / 96.0
    assert runs.topped_up[0] == pytest.approx((required / 0.5 - equity) * 96.0 * 1.1, rel=1e-12)


# --- Chance ---


def test_calls_are_answered_as_often_as_is_said_whatever_the_step():
    held = making.book(making.venue(0.05), np.ones(4_000), np.full(4_000, 100.0), np.full(4_000, 10.0))
    for returns in ([-0.04, 0.0], [-0.02, -2 / 98, 0.0, 0.0, 0.0]):
        runs = steps_of(returns, lc.TopUp(0.75, 0.5, probability=0.3), held, seed=9)
        assert abs(runs.top_ups[0] - 1_200) < 3 * math.sqrt(4_000 * 0.3 * 0.7)


def test_owners_paths_and_steps_draw_apart():
    held = making.book(making.venue(0.05), np.ones(64), np.full(64, 100.0), np.full(64, 10.0))
    market, rule = making.market(impact=DEEP), lc.TopUp(0.75, 0.5, probability=0.5)
    runs = lc.simulate(held, market, np.full((64, 1), -0.06), step=HOUR, control=rule, seed=4)
    gone = np.array([runs.at(i).liquidated for i in range(64)])
    assert len({row.tobytes() for row in gone}) == len({row.tobytes() for row in gone.T}) == 64
    later = lc.simulate(held, market, np.tile([0.0, -0.06], (64, 1)), step=HOUR, control=rule, seed=4)
    assert (later.liquidated_count != runs.liquidated_count).any()
    again = lc.simulate(held, market, np.full((64, 1), -0.06), step=HOUR, control=rule, seed=5)
    assert (again.liquidated_count != runs.liquidated_count).any()


@pytest.mark.parametrize("rules", [{}, {"deleveraging": True}, {"socialise": True}])
def test_same_bits_for_any_threads_and_chunk_and_a_path_again(rules):
    control = lc.TopUp(0.4, 0.2, probability=0.5, delay=2 * HOUR, reserve=0.5, withdraw_below=0.05)
    held = crowd(**rules)
    one, two = (simulated(held, control, threads=t, chunk=c) for t, c in ((1, 30), (2, 7)))
    for name in ("topped_up", "withdrawn", "top_ups", "withdrawals", "bad_debt", "liquidated_notional"):
        assert getattr(one, name).tolist() == getattr(two, name).tolist(), name
    assert one.top_ups.max() > 20
    assert one.withdrawals.max() > 0
    assert one.conservation_error.max() <= 1e-12
    whole = one.at(4)
    assert (whole.topped_up, whole.bad_debt, whole.liquidated_count) == (
        one.topped_up[4],
        one.bad_debt[4],
        one.liquidated_count[4],
    )


def test_blocks_of_returns_draw_as_one_array_does():
    returns = np.random.default_rng(2).normal(0.0, 0.02, (6, 8, 1))
    market, rule = making.market(impact=DEEP), lc.TopUp(0.4, 0.2, probability=0.5)
    whole = lc.simulate(crowd(), market, returns, step=HOUR, control=rule, seed=3)
    parts = lc.simulate(crowd(), market, iter([returns[:2], returns[2:]]), step=HOUR, control=rule, seed=3)
    assert whole.topped_up.tolist() == parts.topped_up.tolist()


def test_nobody_who_answers_has_the_bits_of_no_controller_but_for_rounding_of_who_asks():
    plain, idle = (simulated(crowd(), control) for control in (None, lc.TopUp(0.5, 0.2, probability=0.0)))
    assert plain.liquidated_count.tolist() == idle.liquidated_count.tolist()
    assert plain.bad_debt == pytest.approx(idle.bad_debt, rel=1e-12)


def test_the_more_owners_answer_the_fewer_are_liquidated_where_nobody_moves_the_price():
    market, process = making.market(impact=DEEP), lc.GBM(volatility=1.2)
    run = {"paths": 30, "steps": 40, "step": HOUR, "seed": 5}
    counts = [
        lc.simulate(crowd(), market, process, control=lc.TopUp(0.5, 0.2, probability=p), **run).liquidated_count
        for p in (0.0, 0.3, 0.6, 1.0)
    ]
    for fewer, more in pairwise(counts[::-1]):
        assert (fewer <= more).all()
    assert counts[0].mean() > 4 * max(float(counts[-1].mean()), 1.0)


# --- Whom a step looks at ---


def without_known_marks(held: lc.Book) -> lc.Book:
    """The same book with a funding of nothing: claims may move, so that calls are not known beforehand."""
    venue = making.venue(0.01, fund=50.0)
    paying = replace(venue.instruments[0], funding=lc.Funding(0.0, interval=HOUR))
    return making.book(replace(venue, instruments=(paying,)), held.quantity, held.entry_price, held.margin)


@pytest.mark.parametrize(
    "rule",
    [
        lc.TopUp(0.5, 0.2, probability=0.3, reserve=1.0),
        lc.TopUp(0.5, 0.2, reserve=0.4, withdraw_below=0.05),
        lc.TopUp(0.5, 0.2, probability=0.5, reserve=0.2, delay=3 * HOUR, withdraw_below=0.1),
        lc.TopUp(0.5, 0.2, probability=0.4, members=np.arange(300) % 3 == 0),
    ],
)
def test_calls_at_marks_that_are_known_are_those_that_asking_finds(rule):
    run = {"paths": 40, "steps": 200}
    known, asked = (simulated(held, rule, **run) for held in (crowd(), without_known_marks(crowd())))
    assert known.top_ups.sum() > 50
    for name in ("top_ups", "withdrawals", "liquidated_count", "rounds"):
        assert getattr(known, name).tolist() == getattr(asked, name).tolist(), name
    for name in ("topped_up", "withdrawn", "bad_debt", "insurance_fund", "liquidated_notional"):
        assert getattr(known, name) == pytest.approx(getattr(asked, name), rel=1e-9, abs=1e-9), name
    assert known.conservation_error.max() < 1e-12


def test_a_margin_ratio_at_its_bound_is_no_call_and_the_least_move_beyond_it_is_one():
    # 5 required of an equity of 10 at the start
    assert steps_of([0.0, 0.0], lc.TopUp(0.5, 0.25)).top_ups[0] == 0
    assert steps_of([0.0, -1e-12], lc.TopUp(0.5, 0.25)).top_ups[0] == 1
    assert steps_of([-1e-12], lc.TopUp(0.5, 0.25)).top_ups[0] == 1
    assert steps_of([1e-12, 1e-12, -1e-12], lc.TopUp(0.5, 0.25)).top_ups[0] == 0


def test_a_call_that_stands_unanswered_begins_anew_only_when_the_ratio_has_been_back():
    # Half of all calls are answered: staying below makes one call, going up and down makes one each time.
    held = making.book(making.venue(0.05), np.full(400, 1.0), np.full(400, 100.0), np.full(400, 10.0))
    rule = lc.TopUp(0.75, 0.5, probability=0.5)
    staying = steps_of([-0.04, -0.001, 0.001, -0.001], rule, held, seed=3).top_ups[0]
    returning = steps_of([-0.04, 0.05, -0.05, 0.05, -0.05], rule, held, seed=3).top_ups[0]
    assert 150 < staying < 250
    assert 320 < returning < 380  # 7 of 8 have answered one of three


@pytest.mark.parametrize(
    ("quantity", "margin", "returns"),
    [(1.0, 95.0, [-0.5] * 5), (-1.0, 1_500.0, [1.0] * 4), (1.0, 95.0, [-0.97]), (-1.0, 1_500.0, [15.0])],
)
def test_who_is_called_at_prices_far_from_the_first_is_found(quantity, margin, returns):
    # A long with 95 of 100 is called near 5, a short with 15 times its value near 1,520.
    held = making.book(making.venue(0.05), [quantity], [100.0], [margin])
    runs = steps_of(returns, lc.TopUp(0.75, 0.5), held)
    assert (runs.top_ups[0], runs.liquidated_count[0]) == (1, 0)


def test_a_call_that_stands_goes_on_unanswered_at_prices_far_from_the_first():
    # Called at 25; half answer, and half of those again at 9.5, where the others have been called for all along.
    held = making.book(making.venue(0.05), np.full(400, 1.0), np.full(400, 100.0), np.full(400, 95.0))
    runs = steps_of([-0.75, -0.62], lc.TopUp(0.06, 0.055, probability=0.5), held, seed=3)
    assert 270 < runs.top_ups[0] < 330


def test_a_position_that_was_closed_is_not_called():
    # At 80 the position goes at once, for its answer would take two hours; the price comes back and falls again.
    runs = steps_of([-0.06, 0.1, -0.09, 0.0, 0.0], lc.TopUp(0.75, 0.5, delay=2 * HOUR))
    assert (runs.top_ups[0], runs.liquidated_count[0]) == (0, 1)


def test_an_open_position_is_called_where_another_of_its_side_has_gone_before_it_that_stood_behind():
    # A, of whole-position tiers, takes out and goes first, although B stood before it; then B's ratio leaves its band.
    whole = lc.MarginTiers(floor=[0.0, 1e6], maintenance_rate=[0.05, 0.1], whole_position=True)
    venue = lc.Venue(
        [
            lc.LinearPerpetual("A", asset="X", tiers=whole),
            lc.LinearPerpetual("B", asset="X", tiers=making.flat_tiers(0.05)),
        ]
    )
    held = lc.Book(venue, instrument=["A", "B"], quantity=[1.0, 1.0], entry_price=[100.0, 100.0], margin=[60.0, 20.0])
    rules = (
        lc.TopUp(1.0, 0.9, withdraw_below=0.3, reserve=0.0, delay=HOUR, members=[0]),
        lc.TopUp(0.9, 0.5, members=[1]),
    )
    runs = steps_of([0.0, 0.0, -0.01, -0.10, -0.05, 0.0], rules, held)
    assert (runs.withdrawals[0], runs.top_ups[0]) == (1, 1)
    assert runs.topped_up[0] == pytest.approx(3.8195, rel=1e-9)


def test_nothing_is_taken_out_where_nothing_is_required():
    # Shorts on tiers measured at entry: 0.01 up to 300, 0.05 beyond, so that 4 at 49 require 1.96 a unit less 12.
    tiers = lc.MarginTiers(floor=[0.0, 300.0], maintenance_rate=[0.01, 0.05], measure="entry")
    held = making.book(making.venue(tiers=tiers), np.full(400, -4.0), np.full(400, 100.0), np.full(400, 400.0))
    rule = lc.TopUp(0.9, 0.5, withdraw_below=0.4, probability=0.5)
    runs = steps_of([-0.30, -0.30, 0.30], rule, held, seed=3)
    # Called at 70, where half answer; at 49 nothing is required, and at 63.7 all are called anew.
    assert runs.withdrawals[0] > 330


def test_those_who_have_added_go_in_the_order_of_their_new_prices():
    # Three longs at one price; the second has added and goes last: what it is paid for is the deepest of three orders.
    held = making.book(making.venue(0.05), [1.0, 1.0, 1.0], [100.0] * 3, [10.0, 10.0, 10.0])
    market = making.market(impact=lc.LinearImpact(depth=100.0))
    runs = lc.simulate(
        held, market, [[-0.03, -0.05]], step=HOUR, control=lc.TopUp(0.6, 0.5, members=[1]), engine="ledger"
    )
    gone = runs.at(0).liquidated
    assert (runs.top_ups[0], gone.tolist()) == (2, [True, False, True])


# --- Groups ---


def test_groups_keep_their_own_habits_and_the_others_none():
    held = making.book(making.venue(0.05), np.ones(3), np.full(3, 100.0), np.full(3, 10.0))
    rules = [lc.TopUp(0.75, 0.5, members=[0]), lc.TopUp(0.75, 0.25, members=np.array([False, True, False]))]
    runs = steps_of([-0.04, -0.04], rules, held)
    assert runs.at(0).liquidated.tolist() == [False, False, True]
    first = steps_of([-0.04], rules, held)
    assert first.topped_up[0] == pytest.approx(3.6 + 4.8 / 0.25 - 6.0, rel=1e-13)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (([0, 1], [1]), r"control\[1\].members must not have position 1, which control\[0\] has"),
        (([0], [7]), r"control\[1\].members must be places in the book of 3 positions, was 7"),
        ((None, [2]), r"control\[1\].members must not have position 2, which control\[0\] has"),
        (([0], [False, True]), r"control\[1\].members must be a mask with a row for each of the 3 positions, had 2"),
        (([True] + [False] * 8,), r"control\[0\].members must be a mask with a row for each of the 3 positions, had 9"),
    ],
)
def test_groups_that_contradict_each_other_are_refused(members, said):
    held = making.book(making.venue(0.05), np.ones(3), np.full(3, 100.0), np.full(3, 10.0))
    with pytest.raises(lc.InputError, match=said):
        steps_of([-0.04], [lc.TopUp(0.75, 0.5, members=m) for m in members], held)


def test_an_account_is_in_one_group_whole():
    at = making.venue(0.05)
    held = lc.Book(
        at,
        instrument="X",
        quantity=[1.0, 1.0],
        entry_price=[100.0, 100.0],
        margin=[math.nan] * 2,
        account=[0, 0],
        accounts=lc.Accounts(USD=[50.0]),
    )
    with pytest.raises(lc.InputError, match="position 1 of account 0 is in another than position 0"):
        steps_of([-0.04], lc.TopUp(0.75, 0.5, members=[0]), held)


# --- What may not be asked ---

WRONG = {
    "above": [0.0, 1.1, math.nan, "high", None],
    "to": [0.0, 0.8, 0.9, -0.1],
    "probability": [-0.1, 1.5, math.nan],
    "delay": [-HOUR, 60.0],
    "reserve": [-1.0, math.nan],
    "withdraw_below": [-0.1, 0.5, 0.6],
    "members": ["all", [[0]], [-1], [0.5]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_habit_outside_its_domain_is_refused_by_name(name, value):
    with pytest.raises(lc.LevcoreError, match=rf"^{name} must"):
        lc.TopUp(**({"above": 0.8, "to": 0.5} | {name: value}))


def test_every_parameter_has_wrong_values_here():
    assert set(WRONG) == {field.name for field in fields(lc.TopUp) if field.init}


def test_bands_that_contradict_each_other_say_which():
    with pytest.raises(lc.InputError, match=r"to must be below above, which calls for collateral, was 0.5 with 0.4"):
        lc.TopUp(0.4, 0.5)
    with pytest.raises(lc.InputError, match=r"withdraw_below must be below to, was 0.6 with 0.5"):
        lc.TopUp(0.8, 0.5, withdraw_below=0.6)


@pytest.mark.parametrize("control", ["all", 0.5, [0.5], {"above": 0.5}])
def test_what_is_no_controller_is_refused(control):
    with pytest.raises(lc.KindError, match="control"):
        steps_of([-0.04], control)


def test_the_ledger_runs_it_and_says_why():
    runs = simulated(crowd(), lc.TopUp(0.5, 0.2), engine="auto")
    assert (runs.engine, runs.engine_reason) == ("ledger", "controllers act")
    with pytest.raises(lc.DomainError, match="controllers act"):
        simulated(crowd(), lc.TopUp(0.5, 0.2), engine="ladder")


def test_a_replay_asks_for_a_seed_where_something_is_drawn():
    market, prices = making.market(impact=DEEP), {"X": [100.0, 96.0, 90.0]}
    sure, drawn = lc.TopUp(0.75, 0.5), lc.TopUp(0.75, 0.5, probability=0.5)
    outcome = lc.replay(one_long(), market, prices, step=HOUR, control=sure)
    assert outcome.top_ups == 2
    assert "topped up" in repr(outcome)
    with pytest.raises(lc.KindError, match="seed must be given"):
        lc.replay(one_long(), market, prices, step=HOUR, control=drawn)
    with pytest.raises(lc.KindError, match="seed goes with controllers that draw"):
        lc.replay(one_long(), market, prices, step=HOUR, control=sure, seed=1)
    seen = {lc.replay(one_long(), market, prices, step=HOUR, control=drawn, seed=s).top_ups for s in range(20)}
    assert len(seen) > 1


# --- Kept with the runs ---


def test_runs_keep_who_acted_in_a_store_and_a_pickle(tmp_path: Path):
    control = [lc.TopUp(0.5, 0.2, probability=0.5, members=range(0, 300, 2)), lc.TopUp(0.6, 0.2, members=[1])]
    runs = simulated(crowd(), control, paths=4)
    stored = lc.storing.read(lc.storing.write(runs, tmp_path / "runs"))
    for again in (stored, pickle.loads(pickle.dumps(runs))):
        assert again.control == tuple(control)
        assert again.topped_up.tolist() == runs.topped_up.tolist()
        assert again.at(3).topped_up == runs.topped_up[3]


CONTROL = """
[control]
above = 0.6
to = 0.3
probability = 0.5
delay = "30min"
reserve = 2.0
withdraw_below = 0.05
"""


def test_a_scenario_file_may_state_it(tmp_path: Path):
    plan = lc.settings.load(making_scenario_files.written(tmp_path, making_scenario_files.text() + CONTROL))
    rule = lc.TopUp(0.6, 0.3, probability=0.5, delay=HOUR / 2, reserve=2.0, withdraw_below=0.05)
    assert plan.options["control"] == rule
    assert lc.simulate(plan.book, plan.market, plan.scenario, **plan.options).control == (rule,)


@pytest.mark.parametrize(
    ("was", "wrong", "said"),
    [
        ("above = 0.6", "above = 2", "control.above must be"),
        ("to = 0.3", "to = 0.7", "control.to must be below above"),
        ("withdraw_below = 0.05", "withdraw_below = 0.5", "control.withdraw_below must be below to"),
        ('"30min"', '"soon"', "control.delay must be"),
        ("reserve", "reserves", "did you mean reserve?"),
    ],
)
def test_a_scenario_file_that_states_it_wrongly_is_told_where(tmp_path: Path, was, wrong, said):
    content = making_scenario_files.text() + CONTROL.replace(was, wrong)
    with pytest.raises(lc.SettingsError) as refused:
        lc.settings.load(making_scenario_files.written(tmp_path, content))
    assert said in str(refused.value)


def test_a_shock_knows_no_controllers(tmp_path: Path):
    content = making_scenario_files.text(scenario=making_scenario_files.SHOCK) + CONTROL
    with pytest.raises(lc.SettingsError, match="control is nothing to a scenario of kind 'shock'"):
        lc.settings.load(making_scenario_files.written(tmp_path, content))


def test_a_replay_file_states_the_seed_of_what_it_draws(tmp_path: Path):
    (tmp_path / "prices.csv").write_text("close\n60000\n57000\n54000\n")
    content = making_scenario_files.text(scenario=making_scenario_files.REPLAY) + CONTROL
    with pytest.raises(lc.SettingsError, match=r"control\.seed must be given"):
        lc.settings.load(making_scenario_files.written(tmp_path, content))
    plan = lc.settings.load(making_scenario_files.written(tmp_path, content + "seed = 4\n"))
    assert plan.options["seed"] == 4
    assert lc.replay(plan.book, plan.market, plan.scenario, **plan.options).error is None
    with pytest.raises(lc.SettingsError, match=r"control.seed is nothing to a scenario of kind 'gbm': run.seed"):
        lc.settings.load(making_scenario_files.written(tmp_path, making_scenario_files.text() + CONTROL + "seed = 4\n"))


@pytest.mark.parametrize("returns", [False, True])
def test_runs_in_parts_have_the_bits_of_one_piece(tmp_path: Path, returns: bool):
    rules = (
        lc.TopUp(0.5, 0.2, probability=0.4, members=range(100)),
        lc.TopUp(0.4, 0.2, probability=0.7, delay=HOUR, members=range(100, 300)),
    )
    market = making.market(impact=lc.LinearImpact(depth=3_000.0))
    scenario = np.random.default_rng(1).normal(0.0, 0.01, (30, 40)) if returns else lc.GBM(volatility=1.2)
    run = {"step": HOUR, "seed": 5, "control": rules} | ({} if returns else {"paths": 30, "steps": 40})
    whole = lc.simulate(crowd(), market, scenario, **run)
    assert whole.top_ups.sum() > 100
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        for how in (
            {"executor": threads, "chunk": 7},
            {"executor": processes, "chunk": 16},
            {"directory": tmp_path / "runs", "chunk": 4},
        ):
            parts = lc.simulate(crowd(), market, scenario, **run, **how)
            assert parts.control == rules
            for name in ("topped_up", "top_ups", "withdrawn", "liquidated_count", "bad_debt", "insurance_fund_low"):
                assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes(), (name, how)
            assert parts.at(17).topped_up == whole.topped_up[17]
    stored = lc.storing.read(tmp_path / "runs")
    assert stored.topped_up.tobytes() == whole.topped_up.tobytes()
    for kept in (stored, pickle.loads(pickle.dumps(whole)), parts):
        assert kept.at(17).topped_up == whole.topped_up[17]


def test_a_stopped_run_with_controllers_is_finished_from_its_directory_and_by_no_other_habit(tmp_path: Path):
    rule = lc.TopUp(0.5, 0.2, probability=0.4)
    folder = tmp_path / "runs"

    def stop(done: int, _: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulated(crowd(), rule, directory=folder, chunk=4, progress=stop)
    with pytest.raises(lc.StoreError, match=r"holds another run: control\[0\].probability is 0.4 there and 0.5 here"):
        simulated(crowd(), replace(rule, probability=0.5), directory=folder)
    runs = unfinished_runs.finish(folder, threads=None, progress=None)
    assert runs.control == (rule,)
    assert runs.topped_up.tobytes() == simulated(crowd(), rule).topped_up.tobytes()


def test_the_command_runs_a_file_with_controllers(tmp_path: Path):
    file = making_scenario_files.written(tmp_path, making_scenario_files.text() + CONTROL)
    done = CliRunner().invoke(application(), ["simulate", str(file), "-o", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    runs, plan = lc.storing.read(tmp_path / "runs"), lc.settings.load(file)
    again = lc.simulate(plan.book, plan.market, plan.scenario, **plan.options)
    assert runs.control == (plan.options["control"],)
    assert runs.topped_up.tolist() == again.topped_up.tolist()
    assert runs.topped_up.max() > 0.0
