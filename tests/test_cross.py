"""Cross accounts: one pool of collateral behind many positions."""

from __future__ import annotations

import math
import pickle
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc

HOUR = timedelta(hours=1)
TIERS = lc.MarginTiers(floor=[0.0, 50_000.0, 200_000.0], maintenance_rate=[0.01, 0.02, 0.05])
DEEP = lc.LinearImpact(depth=math.inf)


def venue(*, fund: float = 0.0, rate: float | None = None, collateral=None, **rules) -> lc.Venue:
    tiers = TIERS if rate is None else lc.MarginTiers(floor=[0.0], maintenance_rate=[rate])
    backstop = {name: rules.pop(name) for name in ("deleveraging", "socialise") if name in rules}
    funding = rules.pop("funding", None)
    return lc.Venue(
        [lc.LinearPerpetual(f"{name}USD", asset=name, tiers=tiers, funding=funding) for name in ("A", "B")],
        backstop=lc.Backstop(insurance_fund=fund, **backstop),
        collateral=collateral,
        **rules,
    )


def market(impact=DEEP, **options) -> lc.Market:
    return lc.Market({name: lc.Asset(100.0, impact=impact, **options) for name in ("A", "B")})


def book(at: lc.Venue, quantity, account, accounts, instrument=(0, 1), entry_price=100.0) -> lc.Book:
    return lc.Book(
        at,
        instrument=np.array(instrument, dtype=np.int32),
        quantity=quantity,
        entry_price=np.full(len(quantity), entry_price),
        account=account,
        accounts=accounts,
    )


def random_book(at: lc.Venue, seed: int = 3, accounts: int = 60, isolated: int = 40) -> lc.Book:
    rng = np.random.default_rng(seed)
    owner = np.concatenate([np.repeat(np.arange(accounts), 3), np.full(isolated, -1)])
    quantity = rng.lognormal(4.0, 1.0, owner.size) * np.where(rng.random(owner.size) < 0.5, -1.0, 1.0)
    entry = 100.0 * rng.uniform(0.98, 1.02, owner.size)
    gross = np.bincount(owner[: 3 * accounts], np.abs(quantity[: 3 * accounts]) * 100.0)
    margin = np.where(owner < 0, np.abs(quantity) * entry / rng.uniform(3.0, 20.0, owner.size), np.nan)
    pledged = gross / rng.uniform(2.0, 12.0, accounts)
    coins = rng.random(accounts) * 0.5
    held = lc.Accounts(USD=pledged * (1.0 - coins), B=pledged * coins / 100.0)
    return lc.Book(
        at,
        instrument=rng.integers(0, 2, owner.size).astype(np.int32),
        quantity=quantity,
        entry_price=entry,
        margin=margin,
        account=owner,
        accounts=held,
    )


# ---- what an account is worth ----


def test_equity_maintenance_and_slack_are_sums_over_the_account():
    at = venue(rate=0.01, collateral={"B": 0.8})
    held = book(at, [10.0, -5.0], [0, 0], lc.Accounts(USD=[50.0, 7.0], B=[2.0, 1.0]))
    prices = {"A": 90.0, "B": 120.0}
    assert held.account_equity(prices).tolist() == [50.0 - 100.0 - 100.0 + 240.0, 7.0 + 120.0]
    assert held.account_maintenance_margin(prices).tolist() == [9.0 + 6.0, 0.0]
    assert held.account_slack(prices) == pytest.approx([50.0 - 200.0 + 0.8 * 240.0 - 15.0, 7.0 + 96.0])
    assert np.isnan(held.margin).all()
    assert held.liquidatable(prices).tolist() == [False, False]
    assert held.liquidatable({"A": 60.0, "B": 120.0}).tolist() == [True, True]


@pytest.mark.parametrize("seed", range(5))
def test_at_its_liquidation_price_an_account_has_no_slack(seed):
    held = random_book(venue(collateral={"B": 0.7}), seed)
    prices = {"A": 100.0, "B": 100.0}
    at = held.liquidation_price_at(prices)
    assert np.array_equal(at[held.account < 0], held.liquidation_price[held.account < 0], equal_nan=True)
    gross = np.bincount(held.account[held.account >= 0], np.abs(held.quantity[held.account >= 0]) * 100.0)
    found = 0
    for row in np.flatnonzero((held.account >= 0) & np.isfinite(at)):
        asset = held.venue.instruments[held.instrument[row]].asset
        account = held.account[row]
        assert abs(held.account_slack(prices | {asset: at[row]})[account]) <= 1e-12 * gross[account]
        found += 1
    assert found > 50


def test_both_legs_of_a_hedge_share_one_liquidation_price():
    held = book(venue(rate=0.01), [10.0, -4.0], [0, 0], lc.Accounts(USD=[100.0]), instrument=(0, 0))
    # 100 + 6*(P - 100) = 0.01*14*P
    assert held.liquidation_price_at({"A": 100.0, "B": 100.0}) == pytest.approx([500 / 5.86] * 2, rel=1e-14)


def test_a_hedge_that_fails_on_both_sides_has_a_price_on_each():
    # Slack P - 20 - requirement: 1 % of 19 P, of a leg's notional beyond 1,500 half.
    tiers = lc.MarginTiers(floor=[0.0, 1_500.0], maintenance_rate=[0.01, 0.5])
    at = lc.Venue([lc.LinearPerpetual("A", asset="A", tiers=tiers)])
    legs = {"quantity": [10.0, -9.0], "entry_price": [100.0, 100.0], "account": [0, 0]}
    held = lc.Book(at, instrument="A", **legs, accounts=lc.Accounts(USD=[80.0]))
    low, high = (held.liquidation_price_at(100.0, side=side) for side in ("below", "above"))
    assert low == pytest.approx([20.0 / 0.81] * 2, rel=1e-14)
    assert high[0] > 150.0
    for price in (low[0], high[0]):
        assert held.account_slack(price)[0] == pytest.approx(0.0, abs=1e-11)
    assert held.liquidation_price_at(100.0).tolist() == low.tolist()
    with pytest.raises(lc.InputError, match="side must be 'falling' or 'below' or 'above', was 'up'"):
        held.liquidation_price_at(100.0, side="up")


def test_a_hedged_account_has_no_liquidation_price_where_nothing_moves_it():
    held = book(venue(rate=0.0), [10.0, -10.0], [0, 0], lc.Accounts(USD=[100.0]), instrument=(0, 0))
    assert np.isnan(held.liquidation_price_at({"A": 100.0, "B": 100.0})).all()


# ---- what happens to it ----


def test_a_failing_account_closes_its_positions_by_falling_maintenance_and_pays_one_deficit():
    # Equity 60 - 10*20 + 5*20 = -40 at A = 80, B = 80: both close at the marks, the fund pays 40.
    held = book(venue(rate=0.01, fund=100.0), [10.0, -5.0], [0, 0], lc.Accounts(USD=[60.0]))
    crash = lc.shock(held, market(), {"A": -0.2, "B": -0.2})
    assert crash.liquidated.tolist() == [True, True]
    assert (crash.liquidated_count_long, crash.liquidated_count_short) == (1, 1)
    assert crash.insurance_fund == pytest.approx(60.0, abs=1e-9)
    assert crash.bad_debt == 0.0
    assert crash.liquidated_notional == pytest.approx(800.0 + 400.0)
    assert crash.conservation_error <= 1e-15


def test_profit_of_one_position_keeps_the_other_alive():
    alone = book(venue(rate=0.01), [10.0], [0], lc.Accounts(USD=[60.0]), instrument=(0,))
    together = book(venue(rate=0.01), [10.0, -10.0], [0, 0], lc.Accounts(USD=[60.0]))
    assert lc.shock(alone, market(), {"A": -0.1, "B": -0.1}).liquidated_count == 1
    assert lc.shock(together, market(), {"A": -0.1, "B": -0.1}).liquidated_count == 0


def test_collateral_is_sold_only_for_what_is_owed_on_its_own_walk():
    # A falls to 80: cash 20 - 200 = -180; B is worth 100 with 1,000 of depth: 180 owed are yielded by x coins.
    at = venue(rate=0.01, fund=0.0, collateral={"B": 0.5})
    depth = 1_000.0
    impacts = {"A": DEEP, "B": lc.LinearImpact(depth=depth)}
    place = lc.Market({name: lc.Asset(100.0, impact=impact) for name, impact in impacts.items()})
    held = book(at, [10.0], [0], lc.Accounts(USD=[20.0], B=[3.0]), instrument=(0,))
    crash = lc.shock(held, place, {"A": -0.2})
    sold = -depth * math.log1p(-180.0 / (100.0 * depth))
    assert crash.final_price["B"] == pytest.approx(100.0 * math.exp(-sold / depth), rel=1e-13)
    assert crash.bad_debt == 0.0
    assert crash.conservation_error <= 1e-15


def test_collateral_that_does_not_suffice_leaves_a_deficit():
    held = book(
        venue(rate=0.01, fund=30.0, collateral={"B": 1.0}),
        [10.0],
        [0],
        lc.Accounts(USD=[20.0], B=[1.0]),
        instrument=(0,),
    )
    crash = lc.shock(held, market(), {"A": -0.2})
    assert crash.bad_debt == pytest.approx(180.0 - 100.0 - 30.0)
    assert crash.insurance_fund == 0.0
    assert crash.exhausted


def test_an_account_that_is_healthy_at_its_turn_is_left_alone():
    # The short of the first account buys A back and lifts it; the long of the second is healthy then.
    at = venue(rate=0.01, fund=1e6)
    impact = lc.LinearImpact(depth=1_000.0)
    quantity, rows = [-30.0, 10.0], [0, 1]
    held = book(at, quantity, rows, lc.Accounts(USD=[-585.0, 205.0]), instrument=(0, 0))
    crash = lc.shock(held, market(impact), {"A": -0.2})
    assert held.liquidatable({"A": 80.0, "B": 100.0}).tolist() == [True, True]
    assert crash.liquidated.tolist() == [True, False]


@pytest.mark.parametrize("rules", [{}, {"socialise": True}, {"remainder": "trader"}, {"deleveraging": True}])
@pytest.mark.parametrize("move", [{"A": -0.3, "B": -0.1}, {"A": 0.2, "B": 0.3}, {"A": -0.15, "B": 0.15}])
@pytest.mark.parametrize("seed", [1, 2])
def test_money_is_conserved_and_nobody_healthy_is_touched(rules, move, seed):
    at = venue(fund=2_000.0, collateral={"B": 0.7}, liquidation=lc.FullClose(fee_rate=0.003), **rules)
    held = random_book(at, seed)
    crash = lc.shock(held, market(lc.LinearImpact(depth=30_000.0), half_spread=1e-4), move)
    assert crash.error is None
    assert 0 < crash.liquidated_count < len(held)
    assert crash.conservation_error <= 1e-12
    for account in range(len(held.accounts)):  # whole accounts go, or nobody of them
        assert len(set(crash.liquidated[held.account == account])) == 1
    if rules in ({}, {"remainder": "trader"}):
        assert not held[~crash.liquidated].liquidatable(crash.final_price).any()


def test_paths_with_funding_conserve_money():
    at = venue(fund=2_000.0, collateral={"B": 0.7}, funding=lc.Funding(rate=0.001, interval=2 * HOUR))
    runs = lc.simulate(
        random_book(at), market(lc.LinearImpact(depth=30_000.0)), lc.GBM(volatility=1.2), paths=30, steps=48, step=HOUR,
        seed=5,
    )  # fmt: skip
    assert runs.liquidated_count.max() > 0
    assert runs.conservation_error.max() <= 1e-12


def test_funding_of_an_account_is_paid_out_of_its_cash():
    at = venue(rate=0.01, funding=lc.Funding(rate=0.02, times=[HOUR]))
    held = book(at, [10.0], [0], lc.Accounts(USD=[100.0]), instrument=(0,))
    # 100 - 20 of funding: slack 80 + 10*(P - 100) - 0.1*P vanishes at 920/9.9 = 92.93.
    for price, gone in ((92.9, True), (92.95, False)):
        runs = lc.simulate(held, market(), [[[0.0, 0.0], [price / 100.0 - 1.0, 0.0]]], step=HOUR)
        assert bool(runs.at(0).liquidated[0]) is gone


def test_isolated_positions_are_what_they_are_beside_accounts():
    held = random_book(venue(fund=2_000.0, collateral={"B": 0.5}))
    alone = held[held.account < 0]
    plain = lc.Book(
        venue(fund=2_000.0), instrument=alone.instrument, quantity=alone.quantity, entry_price=alone.entry_price,
        margin=alone.margin,
    )  # fmt: skip
    first, second = (lc.shock(one, market(lc.LinearImpact(depth=9_000.0)), -0.2) for one in (alone, plain))
    assert first.liquidated.tolist() == second.liquidated.tolist()
    assert first.bad_debt == second.bad_debt


# ---- as values, and what is refused ----


def test_books_with_accounts_pickle_pick_and_join():
    held = random_book(venue(collateral={"B": 0.7}))
    again = pickle.loads(pickle.dumps(held))
    assert np.array_equal(again.account, held.account)
    prices = {"A": 100.0, "B": 100.0}
    assert again.account_equity(prices).tolist() == held.account_equity(prices).tolist()
    both = lc.concat([held, held[::-1]])
    assert len(both.accounts) == 2 * len(held.accounts)
    assert both.account[: len(held)].tolist() == held.account.tolist()
    frame = held.to_frame()
    assert "account" in frame
    back = lc.Book.from_frame(held.venue, frame, accounts=held.accounts)
    assert np.array_equal(back.account, held.account)
    assert "60 accounts" in repr(held)


def test_bad_accounts_are_refused_by_name():
    at = venue(collateral={"B": 0.7})
    one = {"instrument": "AUSD", "quantity": [1.0], "entry_price": [100.0]}
    with pytest.raises(lc.InputError, match=r"margin\[0\] is that of an isolated position"):
        lc.Book(at, **one)
    with pytest.raises(lc.InputError, match=r"margin\[0\] must be nan for a position of an account, was 5"):
        lc.Book(at, **one, margin=[5.0], account=[0], accounts=lc.Accounts(USD=[10.0]))
    with pytest.raises(lc.InputError, match=r"account\[0\] must be -1 or a row of accounts \(0 to 0\), was 1"):
        lc.Book(at, **one, account=[1], accounts=lc.Accounts(USD=[10.0]))
    with pytest.raises(lc.InputError, match="accounts must be given with account"):
        lc.Book(at, **one, account=[0])
    with pytest.raises(lc.InputError, match="account must be given with accounts"):
        lc.Book(at, **one, margin=[5.0], accounts=lc.Accounts(USD=[10.0]))
    with pytest.raises(lc.InputError, match="accounts holds 'DOGE', which is no collateral of the venue: USD, B"):
        lc.Book(at, **one, account=[0], accounts=lc.Accounts(DOGE=[10.0]))
    with pytest.raises(lc.InputError, match=r"accounts\['B'\]\[0\] must be >= 0, was -1"):
        lc.Book(at, **one, account=[0], accounts=lc.Accounts(B=[-1.0]))
    with pytest.raises(lc.KindError, match="account must be a column of rows"):
        lc.Book(at, **one, account=[0.5], accounts=lc.Accounts(USD=[10.0]))
    with pytest.raises(lc.InputError, match=r"collateral\['B'\] must be <= 1"):
        venue(collateral={"B": 1.5})
    with pytest.raises(lc.InputError, match="collateral must not name 'USD'"):
        venue(collateral={"USD": 1.0})
    held = lc.Book(venue(collateral={"C": 0.5}), **one, margin=[5.0])
    with pytest.raises(lc.InputError, match="market must have every asset and collateral of the venue; missing: C"):
        lc.shock(held, market(), -0.1)


# ---- in parts ----

PARTS = [
    lc.PartialClose(target=0.7, fee_rate=0.002),
    lc.PartialClose(target=1.0, lot=5.0, dust=10.0),
    lc.TierStep(fee_rate=0.002),
    lc.PortionClose(portion=0.3, fee_rate=0.002),
]


@pytest.mark.parametrize("target", [1.0, 0.6])
@pytest.mark.parametrize("fee", [0.0, 0.003])
def test_an_account_in_parts_lands_on_its_target(target, fee):
    # Longs of A and B; at infinite depth, maintenance over equity is the target afterwards.
    for move, lands in (({"A": -0.05, "B": -0.02}, True), ({"A": -0.2, "B": -0.1}, False)):
        at = venue(rate=0.05, fund=1e4, liquidation=lc.PartialClose(target=target, fee_rate=fee))
        held = book(at, [10.0, 8.0], [0, 0], lc.Accounts(USD=[150.0]))
        ready = lc.prepare(held, market())
        moves = np.array([[move["A"], move["B"]]])
        left = ready._native.shock(ready._native_market, moves, True, holdings=True)
        crash = lc.shock(ready, move)
        prices = {name: 100.0 * (1.0 + change) for name, change in move.items()}
        if not lands:
            assert (left["quantity_left"] == 0.0).all()
            continue
        rest = left["quantity_left"]
        worth = np.array([prices["A"], prices["B"]])
        equity = float(held.account_equity(prices)[0]) - crash.fees
        assert 0.05 * float(rest @ worth) == pytest.approx(target * equity, rel=1e-12)
        assert rest[1] == 8.0  # A requires more, and is enough
        assert crash.liquidated.tolist() == [True, False]


def test_a_portion_of_every_position_closes_and_the_account_waits():
    at = venue(rate=0.05, liquidation=lc.PortionClose(portion=0.5, wait=2 * HOUR))
    held = book(at, [10.0, 8.0], [0, 0], lc.Accounts(USD=[100.0]))
    crash = lc.shock(held, market(), {"A": -0.05, "B": -0.02})
    assert crash.liquidated_notional == pytest.approx(0.5 * (950.0 + 784.0))
    assert (crash.rounds, crash.waiting) == (1, 2)
    moves = [[[-0.05, -0.02], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]
    runs = lc.simulate(held, market(), moves, step=HOUR, keep_steps=True)
    by_step = runs.steps_kept.liquidated_notional_long[0]
    assert by_step == pytest.approx([867.0, 0.0, 433.5, 0.0])
    assert runs.liquidated_count.tolist() == [2]


@pytest.mark.parametrize("policy", PARTS, ids=repr)
@pytest.mark.parametrize("rules", [{}, {"socialise": True}])
def test_accounts_in_parts_conserve_money_and_leave_the_healthy_alone(policy, rules):
    at = venue(fund=2_000.0, collateral={"B": 0.7}, liquidation=policy, **rules)
    held = random_book(at)
    for move in ({"A": -0.3, "B": -0.1}, {"A": 0.2, "B": 0.3}, {"A": -0.06, "B": 0.05}):
        crash = lc.shock(held, market(lc.LinearImpact(depth=30_000.0)), move)
        assert crash.error is None
        assert crash.liquidated_count > 0
        assert crash.conservation_error <= 1e-12
        if not rules:
            healthy = held[~held.liquidatable({"A": 100.0 * (1 + move["A"]), "B": 100.0 * (1 + move["B"])})]
            assert len(healthy) > 0
    runs = lc.simulate(
        held, market(lc.LinearImpact(depth=30_000.0)), lc.GBM(volatility=1.2), paths=20, steps=24, step=HOUR, seed=5
    )
    assert runs.conservation_error.max() <= 1e-12
    assert runs.error == (None,) * 20


def test_an_accounts_buffer_counts_every_position_that_it_keeps():
    # Equity 74 at 94 and 98; 5 % of 940 and 784 are 86.2. Kept of A: 7 % of it and of the 784 are the equity.
    at = venue(rate=0.05, fund=1e4, liquidation=lc.PartialClose(target=1.0, buffer=0.02))
    held = book(at, [10.0, 8.0], [0, 0], lc.Accounts(USD=[150.0]))
    crash = lc.shock(held, market(), {"A": -0.06, "B": -0.02})
    assert crash.liquidated.tolist() == [True, False]
    assert crash.liquidated_notional == pytest.approx(940.0 - (74.0 / 0.07 - 784.0), rel=1e-13)


def test_an_account_frees_its_shortage_little_by_little():
    # Equity 74, required 86.2, short of 12.2: at 5 % each 24.4 of A go at once, 122 an hour later, and the rest.
    at = venue(
        rate=0.05, fund=1e4, liquidation=lc.PartialClose(target=1.0, initial_share=0.1, duration=timedelta(hours=2))
    )
    held = book(at, [10.0, 8.0], [0, 0], lc.Accounts(USD=[150.0]))
    crash = lc.shock(held, market(), {"A": -0.06, "B": -0.02})
    assert crash.liquidated_notional == pytest.approx(0.1 * 12.2 / 0.05, rel=1e-12)
    assert (crash.rounds, crash.waiting) == (1, 2)
    moves = [[[-0.06, -0.02], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]
    runs = lc.simulate(held, market(), moves, step=timedelta(hours=1), keep_steps=True)
    assert runs.steps_kept.liquidated_notional_long[0] == pytest.approx([24.4, 122.0, 97.6, 0.0], rel=1e-9, abs=1e-9)
    assert runs.waiting.tolist() == [0]


@pytest.mark.parametrize("rule", [{"lot": 10.0}, {"dust": 8.0}])
def test_where_a_lot_or_dust_closes_the_first_position_whole_the_second_is_left_alone(rule):
    # Some 4.1 of the 10 of A would have to go, which a lot of 10, or dust below 8, makes all of them.
    at = venue(rate=0.05, fund=1e4, liquidation=lc.PartialClose(target=0.8, **rule))
    held = book(at, [10.0, 8.0], [0, 0], lc.Accounts(USD=[150.0]))
    crash = lc.shock(held, market(), {"A": -0.06, "B": -0.02})
    assert crash.liquidated.tolist() == [True, False]
    assert crash.liquidated_notional == pytest.approx(940.0, rel=1e-14)
    assert crash.rounds == 1


@pytest.mark.parametrize("coins", [1.0, 0.0])
def test_an_account_of_which_nothing_is_required_goes_last_unless_its_equity_is_negative(coins):
    # A deduction of 100 leaves nothing required of the first account, whose coins do not count: its slack is -10, its
    # equity 90 or -10. The second requires 400 and has 300.
    tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.05], deduction=[100.0])
    at = lc.Venue([lc.LinearPerpetual("AUSD", asset="A", tiers=tiers)], collateral={"B": 0.0})
    held = book(at, [10.0, 100.0], [0, 1], lc.Accounts(USD=[-10.0, 300.0], B=[coins, 0.0]), instrument=(0, 0))
    thin = lc.Market({"A": lc.Asset(100.0, impact=lc.LinearImpact(depth=1_000.0)), "B": lc.Asset(100.0, impact=DEEP)})
    crash = lc.shock(held, thin, 0.0)

    def proceeds(before: float, sold: float) -> float:
        return 100.0 * 1_000.0 * (math.exp(-before / 1_000.0) - math.exp(-(before + sold) / 1_000.0))

    first = -10.0 - 1_000.0 + proceeds(100.0 if coins else 0.0, 10.0) + 100.0 * coins
    second = 300.0 - 10_000.0 + proceeds(0.0 if coins else 10.0, 100.0)
    assert crash.bad_debt == pytest.approx(-first - second, rel=1e-12)
