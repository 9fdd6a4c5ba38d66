"""What must hold of every cascade, whatever the book: money, health, monotony, independence."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import levcore as lc
import reference
import strategies
from making import book, book_by_liquidation_price, market, venue

RELAXED = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
seeds = st.integers(0, 2**32 - 1)


def gross(held: lc.Book, to: lc.Market) -> float:
    return float(np.abs(held.exposure(to)).sum())


def long_book(seed: int, size: int = 60, **rules) -> tuple[lc.Book, lc.Market]:
    random = np.random.default_rng(seed)
    entry = 100.0 * np.exp(0.03 * random.standard_normal(size))
    quantity = random.lognormal(0.0, 1.0, size)
    margin = quantity * entry / np.clip(np.exp(2.0 + random.standard_normal(size)), 1.0, 50.0)
    tiers = lc.MarginTiers(floor=[0.0, 200.0, 900.0], maintenance_rate=[0.005, 0.01, 0.03])
    at = venue(tiers=tiers, **rules)
    to = market(100.0, lc.LinearImpact(depth=float(quantity.sum()) / random.uniform(0.02, 0.3)))
    return book(at, quantity, entry, margin), to


@RELAXED
@given(strategies.cases())
def test_money_is_conserved_in_every_case(case):
    assert case.run().conservation_error <= 1e-12


@RELAXED
@given(strategies.cases(deleveraging=False, socialise=False))
def test_afterwards_nobody_is_liquidatable_and_no_healthy_account_was_touched(case):
    outcome = case.run()
    assume(outcome.error is None)
    expected = reference.shock(*reference.from_levcore(case.book, case.market), case.single_shock)
    assume(min(expected.nearest, expected.nearest_slack, expected.nearest_choice) > 1e-12)
    at_the_end = case.book.liquidatable(dict(outcome.final_price))
    assert not (at_the_end & ~outcome.liquidated).any()
    # whoever was liquidated fails at some mark between the extremes that were seen
    reach = [dict(outcome.lowest_price), dict(outcome.highest_price), dict(outcome.final_price)]
    low, high = (np.array([prices[i.asset] for i in case.venue.instruments]) for prices in reach[:2])
    code, at = case.book.instrument, case.book.liquidation_price
    is_long = case.book.quantity > 0.0
    within = np.where(is_long, at >= low[code] * (1.0 - 1e-12), at <= high[code] * (1.0 + 1e-12))
    assert within[outcome.liquidated].all()


@RELAXED
@given(strategies.cases(deleveraging=False, socialise=False))
def test_bad_debt_needs_an_exhausted_fund(case):
    outcome = case.run()
    assert outcome.insurance_fund_low >= 0.0
    assert outcome.insurance_fund >= outcome.insurance_fund_low
    assert outcome.bad_debt >= 0.0
    if outcome.bad_debt > 0.0:
        assert outcome.exhausted
    if outcome.insurance_fund_low > 0.0:
        assert not outcome.exhausted


def test_bad_debt_arises_exactly_when_equity_ends_below_zero_and_is_no_more_than_that():
    at = venue(0.01)
    solvent = lc.shock(book(at, [1.0], [100.0], [10.0]), market(), -0.095)
    assert (solvent.liquidated_count, solvent.bad_debt) == (1, 0.0)
    assert solvent.insurance_fund == pytest.approx(0.5, rel=1e-13)
    bankrupt = lc.shock(book(at, [1.0], [100.0], [10.0]), market(), -0.15)
    assert bankrupt.bad_debt == pytest.approx(5.0, rel=1e-13)
    assert bankrupt.exhausted
    assert lc.shock(book(venue(0.01, fund=5.1), [1.0], [100.0], [10.0]), market(), -0.15).bad_debt == 0.0


def test_the_waterfall_runs_fund_then_deleveraging_then_socialised_loss_then_bad_debt():
    held = {"quantity": [1.0, -1.0], "entry_price": [100.0, 100.0], "margin": [10.0, 200.0]}
    cases = {
        "fund": venue(0.01, fund=5.1, deleveraging=True, socialise=True),
        "deleveraging": venue(0.01, fund=4.9, deleveraging=True, socialise=True),
        "socialised": venue(0.01, fund=4.0, socialise=True),
        "bad debt": venue(0.01, fund=4.0),
    }
    out = {name: lc.shock(lc.Book(at, instrument="X", **held), market(), -0.15) for name, at in cases.items()}
    assert out["fund"].insurance_fund == pytest.approx(0.1)
    assert (out["fund"].exhausted, out["fund"].deleveraged_notional, out["fund"].socialised_loss) == (False, 0.0, 0.0)
    assert out["deleveraging"].insurance_fund == 4.9  # left as it is
    assert out["deleveraging"].deleveraged_notional == pytest.approx(90.0)  # at the bankruptcy price
    assert out["deleveraging"].liquidated_notional == 0.0  # no order was sent
    assert out["deleveraging"].exhausted
    assert out["socialised"].insurance_fund == 0.0
    assert out["socialised"].socialised_loss == pytest.approx(1.0)
    assert (out["bad debt"].bad_debt, out["bad debt"].insurance_fund) == (pytest.approx(1.0), 0.0)
    assert all(outcome.conservation_error <= 1e-15 for outcome in out.values())


def test_socialised_loss_takes_at_most_the_profits_there_are():
    at = venue(0.01, socialise=True)
    held = lc.Book(at, instrument="X", quantity=[10.0, -1.0], entry_price=[100.0, 100.0], margin=[100.0, 500.0])
    outcome = lc.shock(held, market(), -0.15)  # deficit 50, the short's profit 15
    assert outcome.socialised_loss == pytest.approx(15.0)
    assert outcome.bad_debt == pytest.approx(35.0)


@RELAXED
@given(seeds, st.integers(-30, -5))
def test_deleveraging_takes_as_much_from_longs_as_from_shorts(seed, percent):
    random = np.random.default_rng(seed)
    size = 40
    quantity = random.lognormal(0.0, 1.0, size) * np.where(np.arange(size) % 2, 1.0, -1.0)
    entry = 100.0 * np.exp(0.02 * random.standard_normal(size))
    margin = np.abs(quantity) * entry / random.uniform(2.0, 40.0, size)
    held = book(venue(0.005, deleveraging=True), quantity, entry, margin)
    to = market(100.0, lc.LinearImpact(depth=float(np.abs(quantity).sum()) * 5.0))
    outcome = lc.shock(held, to, percent / 100.0)
    run = reference.shock(*reference.from_levcore(held, to), percent / 100.0)
    assume(run.nearest_choice > 1e-12)
    # what walked the book is all that the sides' open interest may differ by
    before = quantity.sum()
    after = sum(position.quantity for position in run.positions)
    walked = sum(abs(q) for q in quantity) - sum(abs(p.quantity) for p in run.positions)
    assert outcome.deleveraged_notional == pytest.approx(run.deleveraged_notional, rel=1e-9, abs=1e-9)
    assert outcome.bad_debt == 0.0 or outcome.exhausted
    assert walked >= -1e-9
    order_book = math.log(outcome.final_price["X"] / (100.0 * (1.0 + percent / 100.0))) * to["X"].impact.depth
    assert before - after == pytest.approx(-order_book, abs=1e-9 * np.abs(quantity).sum())


@RELAXED
@given(strategies.cases(sides=(1.0,)))
def test_closing_longs_never_raises_the_mark(case):
    outcome = case.run()
    for name in case.market.names:
        after_shock = case.market[name].price * (1.0 + dict(outcome.shock)[name])
        assert outcome.final_price[name] <= after_shock * (1.0 + 1e-15)
        marks = outcome.trace[f"mark_price_{name}"]
        assert (np.diff(marks) <= 0.0).all()


@RELAXED
@given(strategies.cases(sides=(0.0,)))
def test_closing_shorts_never_lowers_the_mark(case):
    outcome = case.run()
    for name in case.market.names:
        after_shock = case.market[name].price * (1.0 + dict(outcome.shock)[name])
        assert outcome.final_price[name] >= after_shock * (1.0 - 1e-15)


@RELAXED
@given(seeds)
def test_in_a_book_of_longs_a_deeper_shock_never_ends_higher_nor_liquidates_fewer(seed):
    held, to = long_book(seed)
    outcomes = lc.shock(held, to, np.linspace(0.0, -0.5, 26))
    assert (np.diff(outcomes.final_price["X"]) <= 1e-12).all()
    assert (np.diff(outcomes.liquidated_count) >= 0).all()


@RELAXED
@given(seeds, st.integers(0, 59))
def test_in_a_book_of_longs_more_margin_anywhere_never_means_more_liquidations(seed, row):
    held, to = long_book(seed)
    more = held.margin.copy()
    more[row] *= 1.5
    richer = book(held.venue, held.quantity, held.entry_price, more)
    for shock in (-0.03, -0.1, -0.2):
        poor, rich = lc.shock(held, to, shock), lc.shock(richer, to, shock)
        assert not (rich.liquidated & ~poor.liquidated).any()
        assert rich.final_price["X"] >= poor.final_price["X"] * (1.0 - 1e-13)


@RELAXED
@given(seeds, st.booleans(), st.booleans())
def test_permuting_accounts_with_distinct_liquidation_prices_changes_nothing(seed, deleveraging, socialise):
    random = np.random.default_rng(seed)
    size = 50
    quantity = random.lognormal(0.0, 1.0, size) * random.choice([-1.0, 1.0], size)
    entry = 100.0 * np.exp(0.02 * random.standard_normal(size))
    margin = np.abs(quantity) * entry / random.uniform(2.0, 40.0, size)
    held = book(venue(0.005, fund=5.0, deleveraging=deleveraging, socialise=socialise), quantity, entry, margin)
    to = market(100.0, lc.PowerImpact(scale=float(np.abs(quantity).sum()) * 3.0, exponent=0.8))
    order = random.permutation(size)
    first, again = lc.shock(held, to, -0.1), lc.shock(held[order], to, -0.1)
    assert np.array_equal(first.liquidated[order], again.liquidated)
    assert again.bad_debt == pytest.approx(first.bad_debt, rel=1e-9, abs=1e-9)
    assert again.final_price["X"] == pytest.approx(first.final_price["X"], rel=1e-12)
    assert again.socialised_loss == pytest.approx(first.socialised_loss, rel=1e-9, abs=1e-9)


@RELAXED
@given(seeds, st.integers(0, 59))
def test_splitting_an_account_in_two_equal_halves_changes_nothing_under_one_flat_tier(seed, row):
    random = np.random.default_rng(seed)
    quantity = random.lognormal(0.0, 1.0, 60)
    prices = 100.0 * (1.0 - random.uniform(0.01, 0.3, 60))
    at = venue(0.01, fund=1e9)
    held = book_by_liquidation_price(at, quantity, prices, 110.0)
    halves = [np.append(column, column[row] / 2.0) for column in (held.quantity, held.entry_price, held.margin)]
    halves[1][-1] = held.entry_price[row]
    halves[0][row] /= 2.0
    halves[2][row] /= 2.0
    to = market(100.0, lc.LinearImpact(depth=float(quantity.sum()) * 8.0))
    whole, split = lc.shock(held, to, -0.08), lc.shock(book(at, *halves), to, -0.08)
    assert split.final_price["X"] == pytest.approx(whole.final_price["X"], rel=1e-13)
    assert split.insurance_fund == pytest.approx(whole.insurance_fund, rel=1e-13)
    assert split.liquidated_notional == pytest.approx(whole.liquidated_notional, rel=1e-12)


def scaled_tiers(old: lc.MarginTiers | lc.SizeMargin, factor: float) -> lc.MarginTiers | lc.SizeMargin:
    """Tiers that begin at `factor` times the sizes."""
    if isinstance(old, lc.SizeMargin):
        grown = factor**0.5 if old.growth == "square_root" else factor
        return dataclasses.replace(old, per_size=old.per_size / grown)
    return lc.MarginTiers(
        floor=[f * factor for f in old.floor],
        maintenance_rate=old.maintenance_rate,
        deduction=[d * factor for d in old.deduction],
        whole_position=old.whole_position,
        measure=old.measure,
    )


@RELAXED
@given(strategies.cases(max_assets=2), st.sampled_from([0.25, 16.0, 1024.0]))
def test_scaling_sizes_depth_tiers_and_fund_scales_the_outcome(case, factor):
    venue_rules = case.venue
    instruments = []
    for instrument in venue_rules.instruments:
        tiers = scaled_tiers(instrument.tiers, factor)
        instruments.append(dataclasses.replace(instrument, tiers=tiers))
    fund = venue_rules.backstop.insurance_fund * factor
    larger = lc.Venue(
        instruments,
        liquidation=venue_rules.liquidation,
        backstop=lc.Backstop(
            insurance_fund=fund,
            deleveraging=venue_rules.backstop.deleveraging,
            socialise=venue_rules.backstop.socialise,
        ),
        remainder=venue_rules.remainder,
        liquidate_at_equality=venue_rules.liquidate_at_equality,
    )
    old_book = case.book
    scaled = lc.Book(
        larger,
        instrument=old_book.instrument,
        quantity=factor * old_book.quantity,
        entry_price=old_book.entry_price,
        margin=factor * old_book.margin,
    )
    deeper = lc.Market(
        {
            name: lc.Asset(
                asset.price,
                impact=deepened(asset.impact, factor),
                half_spread=asset.half_spread,
                mark_follow=asset.mark_follow,
            )
            for name, asset in case.market.assets.items()
        }
    )
    small = case.run()
    moves = np.array([list(small.shock.values())])
    big = lc.shock(scaled, deeper, moves).at(0)
    expected = reference.shock(*reference.from_levcore(case.book, case.market), case.single_shock)
    assume(min(expected.nearest, expected.nearest_slack, expected.nearest_choice) > 1e-12)
    assume(small.error is None)
    assert np.array_equal(big.liquidated, small.liquidated)
    money = 1e-12 * gross(scaled, deeper)
    for name in ("bad_debt", "insurance_fund", "fees", "liquidated_notional", "socialised_loss"):
        assert getattr(big, name) == pytest.approx(factor * getattr(small, name), rel=1e-9, abs=money), name
    for name in case.market.names:
        assert big.final_price[name] == pytest.approx(small.final_price[name], rel=1e-9)


def deepened(impact, factor: float):
    if isinstance(impact, lc.LinearImpact):
        return lc.LinearImpact(depth=impact.depth * factor)
    if isinstance(impact, lc.SquareRootImpact):
        return lc.SquareRootImpact(
            daily_volatility=impact.daily_volatility,
            daily_volume=impact.daily_volume * factor,
            coefficient=impact.coefficient,
        )
    if isinstance(impact, lc.PowerImpact):
        return lc.PowerImpact(scale=impact.scale * factor, exponent=impact.exponent)
    asks = None if impact.ask_quantity is None else [factor * q for q in impact.ask_quantity]
    return lc.DepthCurve(
        distance=impact.distance,
        quantity=[factor * q for q in impact.quantity],
        ask_distance=impact.ask_distance,
        ask_quantity=asks,
    )


@RELAXED
@given(seeds)
def test_no_move_on_a_healthy_book_changes_nothing(seed):
    held, to = long_book(seed, fund=7.0)
    healthy = held[~held.liquidatable(to)]
    outcome = lc.shock(healthy, to, 0.0)
    assert (outcome.rounds, outcome.liquidated_count, outcome.insurance_fund) == (0, 0, 7.0)
    assert outcome.final_price["X"] == 100.0
    assert outcome.trace.shape == (0,)


@RELAXED
@given(seeds)
def test_assets_that_share_no_fund_do_not_feel_each_other(seed):
    random = np.random.default_rng(seed)
    tiers = lc.MarginTiers(floor=[0.0, 500.0], maintenance_rate=[0.005, 0.02])
    both = lc.Venue([lc.LinearPerpetual(name, asset=name, tiers=tiers) for name in "AB"], remainder="trader")
    size = 40
    code = random.integers(0, 2, size)
    quantity = random.lognormal(0.0, 1.0, size) * random.choice([-1.0, 1.0], size)
    entry = 100.0 * np.exp(0.02 * random.standard_normal(size))
    margin = np.abs(quantity) * entry / random.uniform(2.0, 40.0, size)
    union = lc.Book(both, instrument=code, quantity=quantity, entry_price=entry, margin=margin)
    to = lc.Market(
        {name: lc.Asset(100.0, impact=lc.LinearImpact(depth=float(np.abs(quantity).sum()) * 4.0)) for name in "AB"}
    )
    together = lc.shock(union, to, {"A": -0.08, "B": 0.06})
    parts = [lc.shock(union[code == k], to, {"A": -0.08, "B": 0.06}) for k in range(2)]
    for k, part in enumerate(parts):
        assert np.array_equal(together.liquidated[code == k], part.liquidated)
        assert together.final_price["AB"[k]] == part.final_price["AB"[k]]
    assert together.bad_debt == pytest.approx(sum(part.bad_debt for part in parts), rel=1e-12, abs=1e-9)
    assert together.rounds == max(part.rounds for part in parts)
