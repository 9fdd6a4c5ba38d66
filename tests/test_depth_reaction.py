"""Liquidity that reacts: depth that follows volatility, and an order book that waits before it refills."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
import making
import making_scenario_files
import reference

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
YEAR_ROOT = math.sqrt(365.0)


def daily(volatility: float) -> float:
    """Of a day, per square root of a year."""
    return volatility * YEAR_ROOT


def crowd(size: int = 400) -> lc.Book:
    rng = np.random.default_rng(3)
    quantity = rng.lognormal(0.0, 1.0, size) * np.where(np.arange(size) % 3, 1.0, -1.0)
    margin = np.abs(quantity) * 100.0 / rng.uniform(3.0, 25.0, size)
    return making.book(making.venue(0.01, fund=50.0), quantity, np.full(size, 100.0), margin)


SHAPES = {
    "linear": lc.LinearImpact(depth=3_000.0),
    "square root": lc.SquareRootImpact(daily_volatility=0.05, daily_volume=2_000.0),
    "power": lc.PowerImpact(scale=20_000.0, exponent=0.6),
    "depth curve": lc.DepthCurve(distance=[0.01, 0.1], quantity=[60.0, 500.0]),
}


def simulated(market: lc.Market, **options) -> lc.Runs:
    run = {"paths": 40, "steps": 30, "step": HOUR, "seed": 5, "engine": "ledger"} | options
    return lc.simulate(crowd(), market, lc.GBM(volatility=1.5), **run)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("form", ["power", "exponential"])
def test_depth_of_no_elasticity_has_the_bits_of_constant_depth(shape, form):
    still = lc.DepthReaction(0.5, HOUR, elasticity=0.0, floor=0.2, ceiling=3.0, form=form, initial_volatility=4.0)
    plain, unmoved = (
        simulated(making.market(impact=shape, permanent=0.0, resilience=4.0, reaction=r)) for r in (None, still)
    )
    for name in ("bad_debt", "liquidated_notional", "insurance_fund", "rounds"):
        assert getattr(plain, name).tolist() == getattr(unmoved, name).tolist(), name
    assert plain.final_price["X"].tolist() == unmoved.final_price["X"].tolist()


@pytest.mark.parametrize("form", ["power", "exponential"])
@pytest.mark.parametrize("initial", [0.0, 0.5])
def test_depth_of_no_elasticity_is_that_of_the_reference_also_where_prices_have_been_still(form, initial):
    reaction = lc.DepthReaction(0.4, HOUR, elasticity=0.0, ceiling=3.0, form=form, initial_volatility=initial)
    market = making.market(impact=SHAPES["square root"], reaction=reaction, permanent=0.0, resilience=1.0)
    book = crowd(20)
    expected = reference.shock(*reference.from_levcore(book, market), [-0.2])
    assert lc.shock(book, market, -0.2).final_price["X"] == pytest.approx(expected.final_price["X"], rel=1e-12)
    assert expected.liquidated_notional_long > 0.0


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_more_depth_reacts_the_further_a_restless_price_is_pushed(shape):
    def lowest(elasticity: float) -> float:
        reaction = lc.DepthReaction(0.5, 6 * HOUR, elasticity=elasticity, floor=0.01)
        runs = simulated(making.market(impact=shape, permanent=0.0, reaction=reaction))
        return float(runs.lowest_price["X"].mean())

    falling = [lowest(elasticity) for elasticity in (0.0, 0.5, 1.0, 2.0)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > falling[-1] + 0.1


def test_a_shock_meets_the_depth_of_the_initial_volatility():
    reaction = lc.DepthReaction(0.5, HOUR, initial_volatility=1.0)
    thin = lc.shock(crowd(), making.market(impact=lc.LinearImpact(depth=3_000.0), reaction=reaction), -0.08)
    half = lc.shock(crowd(), making.market(impact=lc.LinearImpact(depth=1_500.0)), -0.08)
    assert thin.final_price["X"] == pytest.approx(half.final_price["X"], rel=1e-12)
    assert thin.liquidated_count == half.liquidated_count > 0


def test_depth_follows_the_moves_of_the_mark_and_what_was_absorbed_stays():
    # A day's move of log 0.9 with a half-life of a day on a volatility of 0.05 a day. The first long (bankrupt at 95)
    # goes in step 1: 10 into a depth of 100 times 0.05/sigma. In step 2 nothing moves but the mark's own cascade.
    reaction = lc.DepthReaction(daily(0.05), DAY, floor=0.01)
    market = making.market(impact=lc.LinearImpact(depth=100.0), reaction=reaction)
    held = making.book(making.venue(), [10.0, 5.0], [100.0, 100.0], [50.0, 150.0])  # bankrupt at 95 and 70
    runs = lc.simulate(held, market, [[-0.1, 0.0, -0.2]], step=DAY, keep_steps=True)
    first = 0.5 * 0.05**2 + 0.5 * math.log(0.9) ** 2
    impact = -10.0 / (100.0 * 0.05 / math.sqrt(first))
    second = 0.5 * first + 0.5 * impact**2  # the cascade of step 1 is the move of step 2
    third = 0.5 * second + 0.5 * math.log(0.8) ** 2
    after = impact - 5.0 / (100.0 * 0.05 / math.sqrt(third))
    marks = runs.steps_kept.mark_price["X"][0]
    assert marks.tolist() == pytest.approx(
        [90.0 * math.exp(impact), 90.0 * math.exp(impact), 72.0 * math.exp(after)], rel=1e-13
    )
    assert runs.liquidated_count.tolist() == [2]


def test_depth_is_back_when_prices_have_been_still_for_many_half_lives():
    reaction = lc.DepthReaction(daily(0.05), 2 * HOUR)
    market = making.market(impact=lc.LinearImpact(depth=100.0), reaction=reaction)
    held = making.book(making.venue(), [10.0], [100.0], [510.0])  # bankrupt at 49
    fell = [[-0.5, *still, -0.04] for still in ([0.0], [])]
    late, soon = (
        lc.simulate(held, market, [r], step=s).final_price["X"][0] for r, s in zip(fell, (DAY, HOUR), strict=True)
    )
    assert late == pytest.approx(48.0 * math.exp(-0.1), rel=1e-12)
    assert soon < 48.0 * math.exp(-0.3)


def test_moves_that_take_no_time_are_one_with_the_next_that_does():
    # Bars of a replay move three times at one moment: only the first of the three has the bar's time.
    reaction = lc.DepthReaction(daily(0.05), DAY, floor=0.01)
    market = making.market(impact=lc.LinearImpact(depth=100.0), reaction=reaction)
    held = making.book(making.venue(), [10.0], [100.0], [500.0])  # bankrupt at 50
    bars = {"high": {"X": [100.0, 110.0, 52.0]}, "low": {"X": [100.0, 90.0, 40.0]}}
    outcome = lc.replay(held, market, {"X": [100.0, 105.0, 45.0]}, step=DAY, **bars)
    # rose: low 90, high 110, close 105; fell: high 52, low 40, close 45
    variance = 0.5 * (0.5 * 0.05**2 + 0.5 * math.log(0.9) ** 2) + 0.5 * math.log(52.0 / 90.0) ** 2
    impact = -10.0 / (100.0 * 0.05 / math.sqrt(variance))
    assert outcome.final_price["X"] == pytest.approx(45.0 * math.exp(impact), rel=1e-12)


def test_a_record_that_begins_elsewhere_is_no_move():
    reaction = lc.DepthReaction(daily(0.05), DAY, floor=0.01)
    market = making.market(impact=lc.LinearImpact(depth=100.0), reaction=reaction)
    held = making.book(making.venue(), [10.0], [100.0], [500.0])  # bankrupt at 50
    outcome = lc.replay(held, market, {"X": [60.0, 49.0]}, step=DAY)
    variance = 0.5 * 0.05**2 + 0.5 * math.log(49.0 / 60.0) ** 2
    assert outcome.final_price["X"] == pytest.approx(49.0 * math.exp(-0.1 * math.sqrt(variance) / 0.05), rel=1e-12)


def test_an_order_book_waits_before_it_refills():
    # 10 into 100 at the end of hour 1; two and a half hours of delay; half-life of an hour
    market = making.market(
        impact=lc.LinearImpact(depth=100.0), permanent=0.0, resilience=24.0 * math.log(2.0), refill_delay=2.5 * HOUR
    )
    held = making.book(making.venue(), [10.0, 1e-9], [100.0, 100.0], [100.0, 99.0])
    runs = lc.simulate(held, market, [[-0.11, 0.0, 0.0, 0.0, 0.0]], step=HOUR, keep_steps=True)
    hours = [0.0, 0.0, 0.0, 0.5, 1.5]
    expected = [89.0 * math.exp(-0.1 * 0.5**h) for h in hours]
    assert runs.steps_kept.mark_price["X"][0].tolist() == pytest.approx(expected, rel=1e-13)


def test_a_later_order_makes_it_wait_again():
    market = making.market(
        impact=lc.LinearImpact(depth=100.0), permanent=0.0, resilience=24.0 * math.log(2.0), refill_delay=HOUR
    )
    held = making.book(making.venue(), [10.0, 10.0], [100.0, 100.0], [100.0, 300.0])  # bankrupt at 90 and 70
    runs = lc.simulate(held, market, [[-0.11, -0.2, 0.0, 0.0]], step=HOUR, keep_steps=True)
    expected = [89.0 * math.exp(-0.1), *(71.2 * math.exp(-0.2 * 0.5**h) for h in (0.0, 0.0, 1.0))]
    assert runs.steps_kept.mark_price["X"][0].tolist() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    "options", [{"reaction": lc.DepthReaction(0.5, HOUR)}, {"refill_delay": MINUTE}], ids=["reaction", "delay"]
)
def test_the_ledger_runs_it_and_says_why(options):
    market = making.market(impact=lc.LinearImpact(depth=3_000.0), **options)
    runs = simulated(market, engine="auto")
    assert (runs.engine, runs.engine_reason) == (
        "ledger",
        "an order book reacts to volatility, or waits before it refills",
    )
    outcomes = lc.shock(crowd(), market, np.linspace(-0.2, 0.2, 100))
    assert outcomes.engine == "ledger"
    for asks in (
        lambda: simulated(market, engine="ladder"),
        lambda: lc.shock(crowd(), market, [-0.1], engine="ladder"),
    ):
        with pytest.raises(lc.DomainError, match="an order book reacts to volatility"):
            asks()


def test_same_bits_for_any_threads_and_chunk_and_a_path_again():
    market = making.market(
        impact=SHAPES["depth curve"], permanent=0.0, reaction=lc.DepthReaction(0.5, HOUR), resilience=3.0
    )
    runs = [simulated(market, threads=t, chunk=c) for t, c in ((1, 40), (2, 7))]
    assert runs[0].bad_debt.tolist() == runs[1].bad_debt.tolist()
    assert runs[0].final_price["X"].tolist() == runs[1].final_price["X"].tolist()
    assert runs[0].at(3).final_price["X"] == runs[0].final_price["X"][3]
    assert runs[0].conservation_error.max() <= 1e-12


def test_it_is_stored_with_the_market(tmp_path):
    market = making.market(
        impact=SHAPES["linear"], refill_delay=MINUTE, reaction=lc.DepthReaction(0.5, HOUR, form="exponential")
    )
    runs = simulated(market, paths=3)
    again = lc.storing.read(lc.storing.write(runs, tmp_path / "runs"))
    assert again.market == market
    assert again.at(2).final_price["X"] == runs.final_price["X"][2]


WRONG = {
    "reference_volatility": [0.0, -1.0, math.nan, 1e9, "high", None],
    "half_life": [timedelta(0), -HOUR, 60.0],
    "elasticity": [-0.5, 101.0, math.inf, "1"],
    "floor": [0.0, -0.1, 1.5],
    "ceiling": [0.9, math.inf],
    "form": ["linear", None],
    "initial_volatility": [-0.1, math.nan],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_parameter_outside_its_domain_is_refused_by_name(name, value):
    given = {"reference_volatility": 0.5, "half_life": HOUR} | {name: value}
    with pytest.raises(lc.LevcoreError, match=name):
        lc.DepthReaction(**given)


def test_every_parameter_of_a_reaction_has_wrong_values_here():
    assert set(WRONG) == {field.name for field in fields(lc.DepthReaction) if field.init}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reaction": 0.5}, "reaction must be a DepthReaction"),
        ({"refill_delay": 5.0}, "refill_delay must be a timedelta"),
        ({"refill_delay": -HOUR}, "refill_delay must be > 0"),
    ],
)
def test_an_asset_refuses_what_is_no_reaction(options, said):
    with pytest.raises(lc.LevcoreError, match=said):
        lc.Asset(100.0, impact=SHAPES["linear"], **options)


REACTING = """
[market.assets.BTC]
price = 60_000.0
impact = { kind = "linear", depth = 2e4 }
refill_delay = "5min"
reaction = { reference_volatility = 0.6, half_life = "1h", floor = 0.2 }
"""


def test_a_scenario_file_may_state_it(tmp_path: Path):
    plan = lc.settings.load(making_scenario_files.written(tmp_path, market=REACTING))
    asset = plan.market["BTC"]
    assert asset.reaction == lc.DepthReaction(0.6, HOUR, floor=0.2)
    assert asset.refill_delay == 5 * MINUTE


@pytest.mark.parametrize(
    ("was", "wrong", "said"),
    [
        ('half_life = "1h"', 'half_life = "soon"', "market.assets.BTC.reaction.half_life must be"),
        ("floor = 0.2", "floor = 2", "market.assets.BTC.reaction.floor must be"),
        ('"5min"', '"-5min"', "market.assets.BTC.refill_delay must be"),
        ("floor = 0.2", "flor = 0.2", "did you mean floor?"),
        ('half_life = "1h", ', "", "market.assets.BTC.reaction.half_life must be given"),
    ],
)
def test_a_scenario_file_that_states_it_wrongly_is_told_where(tmp_path: Path, was, wrong, said):
    with pytest.raises(lc.SettingsError) as refused:
        lc.settings.load(making_scenario_files.written(tmp_path, market=REACTING.replace(was, wrong)))
    assert said in str(refused.value)
