"""Studies: parameters set by name, sweeps on the same numbers, and the shock or fund that is just enough."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from matplotlib.figure import Figure

import levcore as lc
from levcore.study_parameters import Setup, moved
from making import book, market, venue

DAY = {"steps": 24, "step": timedelta(hours=1)}


def longs(fund=0.0, **rules):
    return book(venue(0.005, fund=fund, **rules), [1.0] * 3, [100.0] * 3, [50.0, 10.0, 2.0])


def two_markets():
    tiers = lc.MarginTiers(floor=[0.0, 1e3], maintenance_rate=[0.004, 0.01])
    instruments = [lc.LinearPerpetual(symbol, asset=symbol[0], tiers=tiers) for symbol in ("A-P", "B-P")]
    held = lc.Book(
        lc.Venue(instruments, collateral={"A": 0.9}),
        instrument=["A-P", "B-P", "A-P"],
        quantity=[1.0, -2.0, 3.0],
        entry_price=[100.0] * 3,
        margin=[10.0, 20.0, math.nan],
        account=[-1, -1, 0],
        accounts=lc.Accounts(USD=[50.0], A=[1.0]),
    )
    both = lc.Market({name: lc.Asset(100.0, impact=lc.LinearImpact(depth=1e4)) for name in "AB"})
    return Setup(held, both, lc.GBM(volatility={"A": 0.5, "B": 1.0}))


def test_a_parameter_is_set_where_its_name_leads_and_nowhere_else():
    start = two_markets()
    changed = start.changed({"market.A.impact.depth": 7.0})
    assert changed.market["A"].impact.depth == 7.0
    assert changed.market["B"] == start.market["B"]
    assert (changed.book, changed.scenario) == (start.book, start.scenario)
    everywhere = start.changed({"market.*.half_spread": 0.001}).market
    assert [asset.half_spread for asset in everywhere.assets.values()] == [0.001, 0.001]
    assert start.changed({"market.numeraire": "EUR"}).market.numeraire == "EUR"
    assert start.changed({"scenario.volatility.B": 2.0}).scenario == lc.GBM(volatility={"A": 0.5, "B": 2.0})
    other = start.changed({"venue.A-P.tiers.maintenance_rate.1": 0.02}).book
    assert [one.tiers.maintenance_rate for one in other.venue.instruments] == [(0.004, 0.02), (0.004, 0.01)]
    assert start.changed({"venue.collateral.A": 0.5}).book.venue.collateral == {"A": 0.5}
    policy = lc.FullClose(fee_rate=0.01)
    assert start.changed({"venue.liquidation": policy}).book.venue.liquidation == policy


def test_a_book_keeps_what_it_holds_when_its_venue_changes():
    start = two_markets()
    there = start.changed({"venue.backstop.insurance_fund": 5.0}).book
    assert there.venue.backstop.insurance_fund == 5.0
    for column in ("quantity", "entry_price", "margin", "account"):
        np.testing.assert_array_equal(getattr(there, column), getattr(start.book, column))
    assert there.accounts == start.book.accounts
    assert there.exposure(start.market).tolist() == start.book.exposure(start.market).tolist()


def test_a_grid_takes_every_combination_and_says_what_a_simulation_of_it_says():
    held, at = longs(), market(100.0, lc.LinearImpact(depth=50.0))
    vary = {"venue.backstop.insurance_fund": [0.0, 10.0], "scenario.volatility": [0.5, 1.5]}
    measures = {"debt": lc.risk.expected_bad_debt, "notional": lambda runs: lc.risk.mean(runs.liquidated_notional)}
    found = lc.study.sweep(held, at, lc.GBM(volatility=1.0), vary, measures, paths=200, seed=3, **DAY)
    assert len(found) == 4
    assert found.parameters["venue.backstop.insurance_fund"] == (0.0, 0.0, 10.0, 10.0)
    assert found.parameters["scenario.volatility"] == (0.5, 1.5, 0.5, 1.5)
    for i, (fund, volatility) in enumerate(zip(*found.parameters.values(), strict=True)):
        runs = lc.simulate(longs(fund), at, lc.GBM(volatility=volatility), paths=200, seed=3, **DAY)
        assert found.measures["debt"][i] == lc.risk.expected_bad_debt(runs)
        assert found.measures["notional"][i] == lc.risk.mean(runs.liquidated_notional)
    frame = found.to_pandas()
    assert frame["scenario.volatility"].tolist() == [0.5, 1.5, 0.5, 1.5]
    assert frame["debt_high"].tolist() == [one.high for one in found.measures["debt"]]
    assert len(repr(found).splitlines()) == 5
    assert "<b>4 points</b>" in found._repr_html_()


def topped_up(runs):
    return lc.risk.mean(runs.topped_up)


def test_a_sweep_over_controllers_says_what_simulations_with_them_say():
    held, at, process = longs(), market(100.0), lc.GBM(volatility=2.0)
    options = {"paths": 200, "seed": 3, **DAY}
    vary = {"control.above": [0.9, 0.4], "control.to": [0.6, 0.3], "control.probability": [0.5]}
    both = {"cured": topped_up, "gone": lambda runs: lc.risk.mean(runs.liquidated_count)}
    # (0.4, 0.6) contradicts itself, and is told before anything runs.
    with pytest.raises(lc.InputError, match=r"to must be below above, which calls for collateral, was 0\.6 with 0\.4"):
        lc.study.sweep(held, at, process, vary, both, control=lc.TopUp(0.5, 0.2), **options)
    # Bands are set together, so that no order of them can contradict: 0.9 with 0.1 and then 0.8, from 0.5 with 0.2.
    vary["control.above"] = [0.9, 0.7]
    found = lc.study.sweep(held, at, process, vary, both, control=lc.TopUp(0.5, 0.2, members=[True] * 3), **options)
    assert len(found) == 4
    for i, (above, to) in enumerate([(0.9, 0.6), (0.9, 0.3), (0.7, 0.6), (0.7, 0.3)]):
        runs = lc.simulate(held, at, process, control=lc.TopUp(above, to, probability=0.5), **options)
        assert runs.topped_up.any()
        assert {name: one[i] for name, one in found.measures.items()} == {n: of(runs) for n, of in both.items()}


def test_a_sweep_takes_whole_controllers_scenarios_markets_and_venues():
    held, at, process = longs(), market(100.0), lc.GBM(volatility=2.0)
    options = {"paths": 200, "seed": 3, **DAY}
    gone = {"gone": lambda runs: lc.risk.mean(runs.liquidated_count)}
    rules = [None, lc.TopUp(0.8, 0.5), [lc.TopUp(0.8, 0.5, members=[0, 1, 2])]]
    without, of_one, of_some = lc.study.sweep(held, at, process, {"control": rules}, gone, **options).measures["gone"]
    assert of_one == of_some
    assert without.value > of_one.value
    named = {"control": [rules[1]], "control.reserve": [0.0]}
    assert lc.study.sweep(held, at, process, named, gone, **options).measures["gone"] == (without,)
    other = lc.GARCH(volatility=2.0, alpha=0.1, beta=0.8)
    for name, value, run in (
        ("scenario", other, (held, at, other)),
        ("market", market(50.0), (held, market(50.0), process)),
        ("venue", venue(0.3), (moved(held, venue(0.3)), at, process)),
    ):
        found = lc.study.sweep(held, at, process, {name: [value]}, gone, **options).measures["gone"]
        assert found == (gone["gone"](lc.simulate(*run, **options)),) != (without,)


def test_fields_are_set_of_the_whole_that_is_given_whatever_their_order():
    held, at, process = longs(), market(100.0), lc.GBM(volatility=2.0)
    options = {"paths": 100, "seed": 3, **DAY}
    left = {"left": lambda runs: lc.risk.mean(runs.insurance_fund), "gone": lambda runs: lc.risk.mean(runs.bad_debt)}
    fields = {"venue.backstop.insurance_fund": [7.0], "scenario.volatility": [1.0]}
    wholes = {"venue": [venue(0.005, fund=3.0)], "scenario": [lc.GBM(volatility=3.0)]}
    runs = lc.simulate(longs(7.0), at, lc.GBM(volatility=1.0), **options)
    for vary in (fields | wholes, wholes | fields):
        found = lc.study.sweep(held, at, process, vary, left, **options).measures
        assert {name: one[0] for name, one in found.items()} == {name: of(runs) for name, of in left.items()}


def test_wholes_that_begin_alike_are_told_apart_where_they_are_shown(tmp_path):
    rules = [lc.TopUp(0.8, 0.5, probability=share) for share in (0.0, 1.0)]
    found = swept({"control": [*rules, rules[0]], VOLATILITY: [1.0]}, directory=tmp_path / "kept")
    assert [line.lstrip()[:18] for line in repr(found).splitlines()[1:]] == [f"#{i} TopUp(above=0.8" for i in (0, 1, 0)]
    words = lc.study.sweep_status(tmp_path / "kept").parameters["control"]
    assert [word[:3] for word in words] == ["#0 ", "#1 ", "#0 "]


def test_groups_of_controllers_are_named_by_number_or_all():
    at, process, options = market(100.0), lc.GBM(volatility=2.0), {"paths": 100, "seed": 3, **DAY}
    held = book(venue(0.005), [1.0, 1.0], [100.0, 100.0], [10.0, 20.0])
    two = [lc.TopUp(0.8, 0.5, members=[0]), lc.TopUp(0.8, 0.5, members=[1])]
    for name, reserves in (("control.1.reserve", (math.inf, 0.1)), ("control.*.reserve", (0.1, 0.1))):
        found = lc.study.sweep(held, at, process, {name: [0.1]}, {"cured": topped_up}, control=two, **options)
        own = [lc.TopUp(0.8, 0.5, members=[i], reserve=reserves[i]) for i in range(2)]
        runs = lc.simulate(held, at, process, control=own, **options)
        assert found.measures["cured"] == (topped_up(runs),)
        assert runs.topped_up.any()


def test_studies_run_with_controllers_and_with_other_ways_of_drawing():
    held, at, process = longs(), market(100.0), lc.GBM(volatility=2.0)
    options = {"paths": 400, "seed": 5, "sampling": "antithetic", "control": lc.TopUp(0.8, 0.5, reserve=0.5), **DAY}
    vary, gone = {"scenario.volatility": [1.5]}, {"gone": lc.risk.exhaustion_probability}
    runs = lc.simulate(held, at, lc.GBM(volatility=1.5), **options)
    assert lc.study.sweep(held, at, process, vary, gone, **options).measures["gone"] == (gone["gone"](runs),)
    found = lc.study.fund_needed(held, at, process, funds=[1.0, 20.0], at_most=0.5, **options)
    for fund, one in zip(found.funds, found.probabilities, strict=True):
        assert one == lc.risk.exhaustion_probability(lc.simulate(longs(float(fund)), at, process, **options))
    asked = {"instrument": "X", "quantity": 1.0, "leverages": [10.0], "at_most": 0.3}
    alone = book(venue(0.005), [1.0], [100.0], [10.0])
    for members in (None, [True] * 3):  # of the book's positions: the position in question is in the first group only
        rule = lc.TopUp(0.8, 0.5, reserve=0.5, members=members)
        (one,) = lc.study.max_leverage(held, at, process, **asked, **(options | {"control": rule})).probabilities
        runs = lc.simulate(alone, at, process, **(options | {"control": rule if members is None else None}))
        low, high = runs.liquidation_probability_interval()
        assert (one.value, one.n) == (runs.liquidation_probability[0], 400)
        assert (one.low, one.high) == pytest.approx((low[0], high[0]), rel=1e-12)


def test_points_of_a_sweep_share_their_random_numbers():
    # a parameter that changes nothing changes no number either
    at, process = market(100.0, lc.LinearImpact(depth=50.0)), lc.GBM(volatility=1.5)
    same = lc.study.sweep(longs(), at, process, {"venue.remainder": ["fund", "fund"]}, paths=100, seed=3, **DAY)
    assert same.measures["expected_bad_debt"][0] == same.measures["expected_bad_debt"][1]
    assert set(same.measures) == {"exhaustion_probability", "expected_bad_debt"}


def test_a_latin_hypercube_has_one_point_in_every_part_of_each_range():
    vary = {"scenario.volatility": (0.5, 1.5), "venue.X.closing_fee": (0.0, 0.01)}
    at, process = market(100.0), lc.GBM(volatility=1.0)
    options = {"paths": 2, "seed": 3, "design": "latin_hypercube", "points": 8, **DAY}
    found = lc.study.sweep(longs(), at, process, vary, **options)
    assert len(found) == 8
    for name, (low, high) in vary.items():
        places = (np.array(found.parameters[name]) - low) / (high - low) * 8
        assert sorted(np.floor(places)) == list(range(8))
    assert found.parameters == lc.study.sweep(longs(), at, process, vary, **options).parameters
    assert found.parameters != lc.study.sweep(longs(), at, process, vary, **(options | {"seed": 4})).parameters
    first, second = (np.argsort(values) for values in found.parameters.values())
    assert first.tolist() != second.tolist()


def test_the_critical_shock_is_the_smallest_at_which_the_condition_holds():
    # the long at 2 of margin owes from a fall of 2 on, the fund of 5 pays up to 7; the one at 10 adds to it from 10 on
    held, at = longs(fund=5.0), market(100.0)
    grid = -np.arange(1, 60) / 100
    found = lc.study.critical_shock(held, at, shocks=grid[::-1])
    assert found.value == -0.08
    assert found.lasts
    assert found.holds.tolist() == [fall >= 0.08 - 1e-12 for fall in -grid]
    one_by_one = [lc.shock(held, at, float(move)).exhausted for move in found.shocks]
    assert found.holds.tolist() == one_by_one
    ready = lc.prepare(held, at)
    none = lc.study.critical_shock(ready, shocks=[-0.01, 0.01])
    assert math.isnan(none.value)
    assert not none.lasts
    assert repr(none) == "<levcore.CriticalShock: none of 2>"


@pytest.mark.parametrize(
    ("shocks", "error", "said"),
    [
        ([-5.0, -0.1], lc.InputError, r"shocks\[0\] must be > -1, was -5.0"),
        ([-0.2, math.nan], lc.InputError, r"shocks\[1\] must be finite, was nan"),
        ([[-0.1], [-1.0]], lc.InputError, r"shocks\[1, 0\] must be > -1, was -1.0"),
        ([-0.1, 0.2, 1e99], lc.InputError, r"shocks\[2\] must be <= "),
        ("ab", lc.KindError, "shocks must be numbers, were str"),
        ([[-0.1], [-0.1, -0.2]], lc.KindError, "shocks must be numbers"),
        ([], lc.InputError, "shocks must have shape"),
    ],
)
def test_shocks_that_break_a_rule_are_named_where_they_were_given(shocks, error, said):
    with pytest.raises(error, match=said):
        lc.study.critical_shock(longs(), market(100.0), shocks=shocks)


def test_a_sweep_knows_what_its_parameters_and_measures_are_in():
    vary = {"scenario.volatility": [0.5, 1.0], "market.X.mark_follow": [1.0]}
    measures = {
        "lost": lc.risk.expected_bad_debt,
        "gone": lc.risk.exhaustion_probability,
        "own": lambda runs: lc.risk.mean(runs.bad_debt),
    }
    found = lc.study.sweep(longs(), market(100.0), lc.GBM(volatility=1.0), vary, measures, paths=50, seed=3, **DAY)
    assert dict(found.units) == {"scenario.volatility": "a year", "lost": "USD", "gone": "share"}
    by_money, by_share, plain = (lc.plot.sweep(found, name, ax=Figure().subplots()) for name in ("lost", "gone", "own"))
    assert by_money.get_xlabel() == "scenario.volatility, a year"
    assert by_money.get_ylabel().endswith("USD")
    assert by_share.get_ylabel() == "gone, %"
    assert by_share.lines[0].get_ydata().tolist() == [100.0 * one.value for one in found.measures["gone"]]
    assert plain.get_ylabel() == "own"


def test_a_critical_shock_that_does_not_last_says_so():
    found = lc.study.critical_shock(
        longs(), market(100.0), shocks=[-0.2, -0.03], condition=lambda outcomes: outcomes.liquidated_count == 1
    )
    assert found.value == -0.03
    assert not found.lasts
    assert "it does not hold at every shock beyond" in repr(found)


def test_shocks_of_several_assets_are_taken_as_they_stand():
    setup = two_markets()
    rows = [[0.0, 0.0], [0.0, 0.2], [-0.2, 0.0]]
    found = lc.study.critical_shock(setup.book, setup.market, shocks=rows, condition=lambda o: o.liquidated_count > 0)
    assert found.value.tolist() == [0.0, 0.2]


def test_a_fragility_curve_is_the_share_of_books_that_break():
    # margins of 1 to 20: a fall by more leaves a debt that no fund pays
    pairs = [(book(venue(), [1.0], [100.0], [float(margin)]), market(100.0)) for margin in range(1, 21)]
    falls = [-0.005, -0.055, -0.105, -0.5]
    curve = lc.study.fragility_curve(iter(pairs), shocks=falls, condition=lambda o: o.bad_debt > 0.0)
    assert curve.parameters["shock"] == tuple(falls)
    assert [one.value for one in curve.measures["probability"]] == [0.0, 0.25, 0.5, 1.0]
    assert curve.measures["probability"][1] == lc.risk.probability(np.arange(20) < 5)
    prepared = lc.study.fragility_curve([lc.prepare(*pairs[0])], shocks=[-0.5])
    assert prepared.measures["probability"][0].value == 1.0


def test_the_fund_needed_is_the_smallest_from_which_on_the_probability_is_low():
    held, at, process = longs(), market(100.0), lc.GBM(volatility=2.0)
    funds = [0.5, 1.0, 5.0, 20.0, 1e3]
    found = lc.study.fund_needed(held, at, process, funds=funds, at_most=0.05, paths=1_000, seed=5, **DAY)
    shares = []
    for fund, one in zip(funds, found.probabilities, strict=True):
        runs = lc.simulate(longs(fund), at, process, paths=1_000, seed=5, **DAY)
        assert one == lc.risk.exhaustion_probability(runs)
        shares.append(one.value)
    assert shares[0] > 0.05 > shares[-1]
    assert found.value == next(fund for fund, share in zip(funds, shares, strict=True) if share <= 0.05)
    assert found.value <= found.sure


def test_a_fund_that_is_enough_below_one_that_is_not_does_not_count(monkeypatch):
    def made(share):
        return lc.Estimate(share, share / 2, share * 2, 0.95, 1_000, False)

    shares = iter([0.3, 0.01, 0.2, 0.04, 0.02])
    monkeypatch.setattr("levcore.study_funds.exhaustion_probability", lambda runs, confidence: made(next(shares)))
    found = lc.study.fund_needed(
        longs(), market(100.0), lc.GBM(volatility=1.0), funds=range(5), at_most=0.05, paths=1, seed=1, **DAY
    )
    assert (found.value, found.sure) == (3.0, 4.0)
    shares = iter([0.3])
    none = lc.study.fund_needed(
        longs(), market(100.0), lc.GBM(volatility=1.0), funds=[1.0], at_most=0.05, paths=1, seed=1, **DAY
    )
    assert math.isnan(none.value)
    assert "none of 1 funds" in repr(none)


@pytest.mark.parametrize("quantity", [2.0, -2.0])
def test_the_highest_leverage_is_the_one_up_to_which_liquidation_stays_improbable(quantity):
    at, process = market(100.0), lc.GBM(volatility=2.0)
    grid = [2.0, 5.0, 10.0, 20.0, 50.0]
    asked = {"instrument": "X", "quantity": quantity, "leverages": grid, "at_most": 0.3}
    found = lc.study.max_leverage(longs(), at, process, **asked, paths=500, seed=5, **DAY)
    shares = []
    for leverage, one in zip(grid, found.probabilities, strict=True):
        alone = book(venue(0.005), [quantity], [100.0], [abs(quantity) * 100.0 / leverage])
        assert alone.leverage(100.0)[0] == pytest.approx(leverage)
        runs = lc.simulate(alone, at, process, paths=500, seed=5, **DAY)  # without impact the others do not matter
        assert one.value == runs.liquidation_probability[0]
        low, high = runs.liquidation_probability_interval()
        assert (one.low, one.high) == pytest.approx((low[0], high[0]), rel=1e-12)
        shares.append(one.value)
    assert shares[0] <= 0.3 < shares[-1]
    assert found.value == max(leverage for leverage, share in zip(grid, shares, strict=True) if share <= 0.3)
    assert found.sure <= found.value
    none = lc.study.max_leverage(longs(), at, process, **(asked | {"at_most": 1e-6}), paths=500, seed=5, **DAY)
    assert math.isnan(none.sure)


def test_a_leverage_in_coin_is_notional_over_margin_too():
    tiers = lc.MarginTiers([0.0], [0.005])
    inverse = lc.Venue([lc.InversePerpetual("X-C", asset="X", contract_value=100.0, tiers=tiers)])
    held = lc.Book(inverse, instrument="X-C", quantity=[1.0], entry_price=[100.0], margin=[0.5])
    asked = {"instrument": "X-C", "quantity": 3.0, "leverages": [4.0], "at_most": 0.3}
    found = lc.study.max_leverage(held, market(100.0), lc.GBM(volatility=2.0), **asked, paths=300, seed=5, **DAY)
    alone = lc.Book(inverse, instrument="X-C", quantity=[3.0], entry_price=[100.0], margin=[0.75])
    runs = lc.simulate(alone, market(100.0), lc.GBM(volatility=2.0), paths=300, seed=5, **DAY)
    assert alone.leverage(100.0)[0] == pytest.approx(4.0)
    assert 0.0 < found.probabilities[0].value == runs.liquidation_probability[0]


def levered(**options):
    small = {"instrument": "X", "quantity": 1.0, "leverages": [2.0], "at_most": 0.1, "paths": 1, "seed": 1, **DAY}
    return lc.study.max_leverage(longs(), market(100.0), lc.GBM(volatility=1.0), **(small | options))


def swept(parameters, measures=None, **options):
    small = {"paths": 1, "seed": 1, **DAY, **options}
    return lc.study.sweep(longs(), market(100.0), lc.GBM(volatility=1.0), parameters, measures, **small)


def needed(**options):
    small = {"funds": [1.0], "at_most": 0.1, "paths": 1, "seed": 1, **DAY, **options}
    return lc.study.fund_needed(longs(), market(100.0), lc.GBM(volatility=1.0), **small)


VOLATILITY = "scenario.volatility"
TWO = lc.TopUp(0.8, 0.5)


def masked(rows):
    return lc.TopUp(0.8, 0.5, members=np.ones(rows, dtype=bool))


@pytest.mark.parametrize(
    ("call", "error", "rule"),
    [
        (lambda: swept({}), lc.InputError, "parameters must not be empty"),
        (lambda: swept([VOLATILITY]), lc.KindError, "parameters must be a mapping"),
        (lambda: swept({VOLATILITY: 1.0}), lc.KindError, "must be a sequence of values, was float"),
        (lambda: swept({VOLATILITY: []}), lc.InputError, "must not be empty"),
        (lambda: swept({"volatility": [1.0]}), lc.InputError, "must be named venue, market, scenario or control, or"),
        (lambda: swept({"control.probability": [0.5]}), lc.InputError, "there is no controller, control= gives some"),
        (lambda: swept({"control.*.to": [0.5]}), lc.InputError, "there is no controller, control= gives some"),
        (lambda: swept({"control.to": [0.4]}, control=[TWO, TWO]), lc.InputError, "must not have position 0, which"),
        (
            lambda: swept({"control": [masked(2)], "control.reserve": [1.0]}),
            lc.InputError,
            "for each of the 3 positions, had 2",
        ),
        (lambda: swept({"control.members": [[0], [9]]}, control=TWO), lc.InputError, "of 3 positions, was 9"),
        (lambda: swept({"scenario": [1.0]}), lc.KindError, "scenario must be a process such as GBM, was float"),
        (
            lambda: swept({"venue": [lc.venues.hyperliquid("BTC")]}),
            lc.InputError,
            "must have the book's instruments, X",
        ),
        (lambda: swept({"control.1.to": [0.5]}, control=TWO), lc.InputError, "there is no '1' among 0"),
        (lambda: swept({"control.0.below": [0.5]}, control=TWO), lc.InputError, "a TopUp has: above, to, probability"),
        (lambda: swept({"control.to": [0.9]}, control=TWO), lc.InputError, "to must be below above"),
        (lambda: swept({"control": [1.0]}), lc.KindError, "control must be a TopUp or a sequence of them, was float"),
        (lambda: swept({"market": [1.0]}), lc.KindError, "market must be a Market, was float"),
        (lambda: swept({"venue": [None]}), lc.KindError, "venue must be a Venue, was NoneType"),
        (
            lambda: swept({VOLATILITY: [1.0]}, control=masked(2)),
            lc.InputError,
            "for each of the 3 positions, had 2",
        ),
        (lambda: levered(control=masked(2)), lc.InputError, "for each of the 3 positions, had 2"),
        (lambda: levered(sampling="sobol", paths=16), lc.NotKeptError, "Sobol"),
        (
            lambda: levered(sampling="halton"),
            lc.InputError,
            "sampling must be 'independent' or 'antithetic' or 'sobol'",
        ),
        (lambda: needed(sampling="halton"), lc.InputError, "sampling must be 'independent' or 'antithetic' or 'sobol'"),
        (lambda: swept({"book.margin": [1.0]}), lc.InputError, "was 'book.margin'"),
        (lambda: swept({"scenario.vol": [1.0]}), lc.InputError, "GBM has no 'vol'; it has: volatility, drift"),
        (lambda: swept({"market.Y.price": [1.0]}), lc.InputError, "there is no 'Y' among X"),
        (lambda: swept({"venue.X.tiers.floor.3": [1.0]}), lc.InputError, "there is no '3' among 0"),
        (lambda: swept({"market.X.price.cents": [1.0]}), lc.KindError, r"float 100\.0 has no 'cents'"),
        (lambda: swept({VOLATILITY: [-1.0]}), lc.InputError, "volatility must be >= 0"),
        (lambda: swept({VOLATILITY: [1.0]}, {}), lc.InputError, "measures must not be empty"),
        (lambda: swept({VOLATILITY: [1.0]}, {"a": 1.0}), lc.KindError, "measures must be a mapping of names"),
        (lambda: swept({VOLATILITY: [1.0]}, {"a": lambda runs: 1.0}), lc.KindError, "must be an Estimate, was float"),
        (lambda: swept({VOLATILITY: [1.0]}, design="sobol"), lc.InputError, "design must be 'grid' or"),
        (lambda: swept({VOLATILITY: [1.0]}, points=3), lc.KindError, "points goes with a Latin hypercube"),
        (lambda: swept({VOLATILITY: (1.0, 2.0)}, design="latin_hypercube"), lc.KindError, "points must be an int"),
        (
            lambda: swept({VOLATILITY: (1.0, 2.0, 3.0)}, design="latin_hypercube", points=3),
            lc.InputError,
            "the lowest and the highest value, were 3",
        ),
        (
            lambda: swept({VOLATILITY: (2.0, 1.0)}, design="latin_hypercube", points=3),
            lc.InputError,
            r"\[1\] must be > 2, was 1\.0",
        ),
        (lambda: needed(funds=[]), lc.InputError, "funds must not be empty"),
        (lambda: needed(funds=[2.0, 1.0]), lc.InputError, r"funds\[1\] must be > funds\[0\], 2, was 1"),
        (lambda: needed(funds=[-1.0]), lc.InputError, r"funds\[0\] must be >= 0"),
        (lambda: needed(at_most=0.0), lc.InputError, "at_most must be > 0"),
        (lambda: levered(leverages=[]), lc.InputError, "leverages must not be empty"),
        (lambda: levered(leverages=[0.0]), lc.InputError, r"leverages\[0\] must be > 0"),
        (lambda: levered(leverages=[5.0, 5.0]), lc.InputError, r"leverages\[1\] must be > leverages\[0\], 5, was 5"),
        (lambda: levered(at_most=1.0), lc.InputError, "at_most must be < 1"),
        (lambda: levered(instrument="Y"), lc.InputError, "unknown instrument 'Y'; known: X"),
        (lambda: levered(quantity=0.0), lc.InputError, "quantity must not be 0"),
        (lambda: levered(confidence=1.0), lc.InputError, "confidence must be < 1"),
        (lambda: lc.study.critical_shock(longs(), market(), shocks=[]), lc.InputError, "shocks must have shape"),
        (lambda: lc.study.critical_shock(longs(), market(), shocks=[-1.0]), lc.InputError, "must be > -1"),
        (
            lambda: lc.study.critical_shock(longs(), market(), shocks=[-0.1], condition=lambda o: o.bad_debt),
            lc.KindError,
            "condition must say True or False of each of the 1 shocks, was float64",
        ),
        (
            lambda: lc.study.critical_shock(lc.prepare(longs(), market()), market(), shocks=[-0.1]),
            lc.KindError,
            "a prepared pair has its market",
        ),
        (lambda: lc.study.fragility_curve([], shocks=[-0.1]), lc.InputError, "pairs must not be empty"),
        (lambda: lc.study.fragility_curve([longs()], shocks=[-0.1]), lc.KindError, r"pairs\[0\] must be a Ready or"),
        (lambda: lc.study.fragility_curve([], shocks=[]), lc.InputError, "shocks must not be empty"),
    ],
)
def test_a_study_that_breaks_a_rule_is_refused_by_name(call, error, rule):
    with pytest.raises(error, match=rule):
        call()
