"""Accounts that nobody asks are healthy: runs in which watches say whom to ask, and runs that ask everybody."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import levcore as lc
import strategies_accounts
from how_many import some
from levcore import _core
from levcore.funding import schedule
from strategies_accounts import AccountCase

PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]
PATHS, STEPS, MINUTE = 2, 24, timedelta(minutes=1)


def along_paths(case: AccountCase, returns: np.ndarray, **how: Any) -> dict[str, Any]:
    """The core's columns of paths: paths x steps x assets."""
    ready, step = lc.prepare(case.book, case.market), case.step or MINUTE
    elapsed = np.arange(1, len(case.returns) + 1) * int(step / timedelta(microseconds=1)) * 1_000
    columns: dict[str, Any] = _core.run_paths(
        ready._native,
        ready._native_market,
        _core.Scenario.returns(returns),
        len(returns),
        np.full(returns.shape[1], step / timedelta(days=1)),
        keep_steps=True,
        watch=None,
        **{"threads": 1, "chunk": 1, **how},
        **schedule([i._payments for i in case.book.venue.instruments], elapsed),
    )
    return columns | columns.pop("counted").columns()


def equal(some: dict[str, Any], others: dict[str, Any]) -> None:
    """To the last bit."""
    assert some.keys() == others.keys()
    for name, column in some.items():
        if isinstance(column, dict):
            equal(column, others[name])
        else:
            np.testing.assert_array_equal(column, others[name], err_msg=name)


def returns_for(case: AccountCase) -> np.ndarray:
    """The case's own moves, then some that are smaller, so that marks creep up to where accounts fail."""
    rng = np.random.default_rng(case.book.quantity.view(np.uint64).astype(object).sum() % 2**32)
    scale = rng.choice([0.002, 0.01, 0.05], (PATHS, 1, 1))
    returns = np.expm1(scale * rng.standard_normal((PATHS, STEPS, len(case.market)))).clip(-0.6, 1.0)
    returns[:, : len(case.returns)] = case.returns
    return returns


def same_whether_all_are_asked(examples: int, **kind: bool) -> int:
    liquidated = 0

    @settings(max_examples=some(examples), deadline=None, suppress_health_check=PATIENT)
    @given(strategies_accounts.account_cases(cross=True, **kind))
    def each(case: AccountCase) -> None:
        nonlocal liquidated
        if case.step is None:
            ready = lc.prepare(case.book, case.market)
            run = [
                ready._native.shock(ready._native_market, case.returns, True, holdings=True, ask_all=all_of_them)
                for all_of_them in (False, True)
            ]
            equal(run[0] | {"trace": {}}, run[1] | {"trace": {}})
            equal(run[0]["trace"], run[1]["trace"])
        returns = returns_for(case)
        few, everybody = (along_paths(case, returns, ask_all=all_of_them) for all_of_them in (False, True))
        equal(few, everybody)
        liquidated += int(few["position_count"].sum())

    each()
    return liquidated


def test_it_is_all_the_same_whether_everybody_is_asked_or_those_whom_a_watch_tells_of():
    assert same_whether_all_are_asked(1_500) > some(5_000)


def test_it_is_all_the_same_with_inverse_contracts():
    assert same_whether_all_are_asked(300, inverse=True) > some(500)


def test_it_is_all_the_same_with_parts_that_wait_and_losses_that_others_bear():
    assert same_whether_all_are_asked(300, parts=True) > some(500)
    assert same_whether_all_are_asked(300, losses=True) > some(500)
    assert same_whether_all_are_asked(200, losses=True, parts=True, inverse=True) > some(300)


def accounts_of_three(size: int, *, depth: float = math.inf, seed: int = 3) -> AccountCase:
    """Accounts of three positions each in three of five assets, of which two have tiers and one's requirement jumps."""
    rng = np.random.default_rng(seed)
    floors = [[0.0], [0.0], [0.0, 2e3, 2e4], [0.0, 1e3, 1e4], [0.0, 3e3, 3e4]]
    tiers = [
        lc.MarginTiers(floor=floor, maintenance_rate=np.linspace(0.01, 0.05, len(floor)), whole_position=k == 4)
        for k, floor in enumerate(floors)
    ]
    names = [f"A{k}" for k in range(len(tiers))]
    venue = lc.Venue([lc.LinearPerpetual(n, asset=n, tiers=t) for n, t in zip(names, tiers, strict=True)])
    asset = np.argsort(rng.random((size, len(names))), axis=1)[:, :3].astype(np.int32)
    notional = np.exp(rng.uniform(np.log(100.0), np.log(1e5), (size, 3)))
    quantity = np.where(rng.random((size, 3)) < 0.5, -1.0, 1.0) * notional / 100.0
    of_table = [t.maintenance_margin(notional.ravel()).reshape(notional.shape) for t in tiers]
    required = sum(np.where(asset == k, margin, 0.0) for k, margin in enumerate(of_table)).sum(axis=1)
    book = lc.Book(
        venue,
        instrument=asset.ravel(),
        quantity=quantity.ravel(),
        entry_price=np.full(asset.size, 100.0),
        margin=np.full(asset.size, np.nan),
        account=np.repeat(np.arange(size), 3),
        accounts=lc.Accounts(**{venue.settlement: required * rng.uniform(1.05, 6.0, size)}),
    )
    market = lc.Market({name: lc.Asset(100.0, impact=lc.LinearImpact(depth=depth)) for name in names})
    return AccountCase(book, market, np.zeros((0, len(names))), MINUTE)


def moves(case: AccountCase, paths: int, steps: int, scale: float) -> np.ndarray:
    rng = np.random.default_rng(11)
    return np.expm1(scale * rng.standard_normal((paths, steps, len(case.market)))).clip(-0.9, 9.0)


def test_an_account_goes_in_the_step_in_which_it_fails_and_no_healthy_one_ever_does():
    case = accounts_of_three(3_000)
    returns = moves(case, 1, 250, 0.004)
    run = along_paths(case, returns)
    assert (run["position_count"].reshape(-1, 3) == run["position_count"][::3, np.newaxis]).all()
    went = np.where(run["position_count"] > 0, run["position_step_sum"], -1)[::3]
    fails, near = np.full(len(went), -1), np.zeros(len(went), dtype=bool)
    for step, prices in enumerate(100.0 * np.cumprod(1.0 + returns[0], axis=0)):
        at = dict(zip(case.market.names, prices, strict=True))
        required = case.book.account_maintenance_margin(at)
        left = case.book.account_equity(at) - required
        near |= np.abs(left) < 1e-9 * required
        fails = np.where((fails < 0) & (left < 0.0), step, fails)
    assert near.sum() < 5
    assert fails[~near].tolist() == went[~near].tolist()
    assert 300 < (fails >= 0).sum() < 2_700


@pytest.mark.parametrize("kind", ["full closes", "funding", "losses of others", "deleveraging", "parts"])
def test_paths_do_not_show_which_thread_ran_which_other_ones_before(kind):
    case = accounts_of_three(200, depth=3e4)
    book = case.book
    paid = lc.Funding(rate=0.002, interval=5 * MINUTE) if kind == "funding" else None
    venue = lc.Venue(
        [replace_funding(i, paid) for i in book.venue.instruments],
        backstop=lc.Backstop(
            socialise="deposits" if kind == "losses of others" else False,
            deleveraging=lc.Deleveraging(ranking="profit") if kind == "deleveraging" else False,
        ),
        liquidation=lc.PortionClose(portion=0.3, wait=2 * MINUTE) if kind == "parts" else lc.FullClose(fee_rate=0.001),
    )
    case = case._replace(book=rebuilt(book, venue), returns=np.zeros((24, 5)))
    returns = moves(case, 40, 24, 0.02)
    everybody = along_paths(case, returns, ask_all=True)
    assert (everybody["deleveraged_notional"].max() > 0.0) == (kind == "deleveraging")
    assert everybody["liquidated_count_long"].min() >= 0 < everybody["liquidated_count_long"].max()
    for threads in (1, 2, 3, 7):
        for chunk in (1, 7, 64, 1_000):
            equal(along_paths(case, returns, threads=threads, chunk=chunk), everybody)


def test_marks_may_go_far_beyond_where_watches_lie_close_together():
    case = accounts_of_three(300, depth=1e6)
    drift = np.array([1.4, 0.75, 1.0, 1.5, 0.7])
    returns = (1.0 + moves(case, 2, 30, 0.2)) * drift - 1.0
    few = along_paths(case, returns)
    equal(few, along_paths(case, returns, ask_all=True))
    assert few["lowest_price"].min() < 100.0 / 8.0 < 100.0 * 8.0 < few["highest_price"].max()


def test_a_short_that_could_bear_more_than_a_doubling_in_its_tier_fails_in_the_next_one():
    tiers = lc.MarginTiers(floor=[0.0, 2_500.0], maintenance_rate=[0.01, 0.5])
    venue = lc.Venue([lc.LinearPerpetual("A0", asset="A0", tiers=tiers)])
    held = {"quantity": [-10.0], "entry_price": [100.0], "margin": [np.nan], "account": [0]}
    book = lc.Book(venue, instrument="A0", **held, accounts=lc.Accounts(**{venue.settlement: [2_600.0]}))
    case = AccountCase(
        book, lc.Market({"A0": lc.Asset(100.0, impact=lc.LinearImpact(depth=math.inf))}), np.zeros((0, 1)), MINUTE
    )
    # At 330 equity is 300 and 425 are required; with the first tier's rate it would last till 357.
    run = along_paths(case, np.array([[[0.5], [1.2], [0.0]]]))
    assert (run["position_count"].tolist(), run["position_step_sum"].tolist()) == ([1], [1])


def test_watches_that_nobody_needs_do_not_pile_up_on_a_long_path():
    case = accounts_of_three(4, depth=1e6)
    rng = np.random.default_rng(5)
    prices = 100.0 * np.exp(0.004 * rng.standard_normal((1, 20_000, 5)))
    returns = np.diff(prices, axis=1, prepend=100.0) / np.concatenate(
        [np.full((1, 1, 5), 100.0), prices[:, :-1]], axis=1
    )
    few = along_paths(case, returns)
    equal(few, along_paths(case, returns, ask_all=True))


def replace_funding(instrument: lc.LinearPerpetual, paid: lc.Funding | None) -> lc.LinearPerpetual:
    return lc.LinearPerpetual(instrument.symbol, asset=instrument.asset, tiers=instrument.tiers, funding=paid)


def rebuilt(book: lc.Book, venue: lc.Venue) -> lc.Book:
    """The same positions and accounts under other rules."""
    return lc.Book(
        venue,
        instrument=book.instrument,
        quantity=book.quantity,
        entry_price=book.entry_price,
        margin=book.margin,
        account=book.account,
        accounts=lc.Accounts(**dict(book.accounts.balances)),
    )


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_it_is_all_the_same_on_ten_times_as_many_books():
    for kind in ({}, {"parts": True}, {"losses": True}, {"inverse": True}, {"inverse": True, "parts": True}):
        assert same_whether_all_are_asked(3_000, **kind) > some(5_000)
