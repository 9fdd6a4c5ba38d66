"""The plain reference and the ledger agree on paths: many steps with refill and funding, and each step's cascade."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings

import levcore as lc
import making
import reference
import reference_paths
import strategies
from how_many import ALL, some
from reference_control import rules_from
from test_agreement import MONEY, NEAR, PRICES

pytestmark = pytest.mark.filterwarnings("ignore:.* stopped early:RuntimeWarning")

COUNTS = ("rounds", "cascade_depth", "liquidated_count_long", "liquidated_count_short", "exhausted")
MOVED = ("topped_up", "withdrawn")
OF_STEPS = ("liquidated_notional_long", "liquidated_notional_short", "bad_debt", "insurance_fund")
PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]


def span(time: timedelta | None) -> np.timedelta64:
    return np.timedelta64("NaT", "ns") if time is None else np.timedelta64(time)


def same_time(a: np.timedelta64, b: np.timedelta64) -> bool:
    return bool(a == b or (np.isnat(a) and np.isnat(b)))


def agree(case: strategies.PathCase) -> Counter[str]:
    """Compare every path of a case, by each engine that may run it; return what was seen on the paths."""
    runs, seen = case.run(), Counter()
    with suppress(lc.DomainError):
        seen = compare(case, case.run("ladder"))
        seen = Counter(ladder=seen["paths"], liquidated_on_ladder=seen["rounds"])
    return seen + compare(case, runs)


def compare(case: strategies.PathCase, runs: lc.Runs) -> Counter[str]:
    book, market = reference.from_levcore(case.book, case.market)
    rules = rules_from(case.control, len(case.book))
    paths = [
        reference_paths.simulate(book, market, rows, case.step, control=(rules, strategies.SEED, i))
        for i, rows in enumerate(case.returns.tolist())
    ]
    gross = float(np.abs(case.book.exposure(case.market)).sum())
    seen: Counter[str] = Counter()
    for i, path in enumerate(paths):
        out = path.outcome
        assert runs.conservation_error[i] <= 1e-12
        assert out.conservation_error <= 1e-12
        assert (runs.error[i] is None) == (out.error is None)
        near = min(out.nearest, out.nearest_slack, out.nearest_choice) < NEAR
        seen += Counter({"paths": 1, "stopped": out.error is not None, "near": near})
        if out.error is not None:
            continue
        compare_prices(runs, i, path)
        if near:
            continue
        compare_outcome(runs, i, path, gross)
        compare_one_path(runs.at(i), path, gross)
        seen += Counter({name: getattr(out, name) > 0.0 for name in (*MONEY, *COUNTS, *MOVED)})
        seen["several steps with liquidations"] += sum(bool(step.liquidated) for step in path.steps) > 1
    if not seen["near"] + seen["stopped"]:
        compare_positions(runs, paths)
    return seen


def compare_prices(runs: lc.Runs, i: int, path: reference_paths.Path) -> None:
    for name in PRICES:
        for asset, price in getattr(path.outcome, name).items():
            assert getattr(runs, name)[asset][i] == pytest.approx(price, rel=1e-9), (name, asset)
    for name in ("mark_price", "fundamental_price"):
        for asset, column in getattr(runs.steps_kept, name).items():
            expected = [getattr(step, name)[asset] for step in path.steps]
            assert column[i] == pytest.approx(expected, rel=1e-9), (name, asset)


def compare_outcome(runs: lc.Runs, i: int, path: reference_paths.Path, gross: float) -> None:
    out, kept = path.outcome, runs.steps_kept
    for name in COUNTS:
        assert getattr(runs, name)[i] == getattr(out, name), name
    for name in MONEY:
        assert getattr(runs, name)[i] == pytest.approx(getattr(out, name), rel=1e-9, abs=1e-12 * gross), name
    for name in ("amplification", "depth_used"):
        for asset, value in getattr(out, name).items():
            if name == "depth_used" or path.nearest_extremes > NEAR:
                assert getattr(runs, name)[asset][i] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), name
    for name in ("topped_up", "withdrawn"):
        assert getattr(runs, name)[i] == pytest.approx(getattr(out, name), rel=1e-9, abs=1e-12 * gross), name
    assert (runs.top_ups[i], runs.withdrawals[i]) == (out.top_ups, out.withdrawals)
    assert same_time(runs.first_liquidation[i], span(path.first_liquidation))
    assert kept.time.tolist() == [span(step.time).astype("timedelta64[ns]").astype(int) for step in path.steps]
    for name in OF_STEPS:
        expected = [getattr(step, name) for step in path.steps]
        assert getattr(kept, name)[i] == pytest.approx(expected, rel=1e-9, abs=1e-12 * gross), name


def compare_one_path(whole: lc.Outcome, path: reference_paths.Path, gross: float) -> None:
    """A path that is run again whole: who was liquidated, and its rounds."""
    out = path.outcome
    assert whole.liquidated.tolist() == out.liquidated
    for name in COUNTS:
        assert getattr(whole, name) == getattr(out, name), name
    times = [step.time for step in path.steps for _ in range(step.rounds)]
    for row, theirs, time in zip(whole.trace, out.trace, times, strict=True):
        assert row["time"] == np.timedelta64(time)
        assert row["liquidated_count_long"] + row["liquidated_count_short"] == theirs["orders"]
        assert row["insurance_fund"] == pytest.approx(theirs["insurance_fund"], rel=1e-9, abs=1e-12 * gross)
        for asset, price in theirs["prices"].items():
            assert row[f"mark_price_{asset}"] == pytest.approx(price, rel=1e-9)


def compare_positions(runs: lc.Runs, paths: list[reference_paths.Path]) -> None:
    """How often each position was liquidated, and when on average."""
    for position in range(len(runs.book)):
        times = [path.liquidation_time(position) for path in paths]
        gone = [time for time in times if time is not None]
        assert runs.liquidation_probability[position] == len(gone) / len(paths)
        mean = sum(gone, timedelta(0)) / len(gone) if gone else None
        got = runs.mean_liquidation_time[position]
        assert same_time(got, span(mean)) or abs(got - span(mean)) <= np.timedelta64(1_000, "ns")


def agree_on(examples: int, *, number: int = 0, controlled: bool = False) -> Counter[str]:
    seen: Counter[str] = Counter()

    @seed(number)
    @settings(max_examples=some(examples), suppress_health_check=PATIENT)
    @given(strategies.path_cases(controlled))
    def each(case: strategies.PathCase) -> None:
        seen.update(agree(case))
        seen["books"] += 1

    each()
    print(dict(seen))
    return seen


def check_that_much_was_seen(seen: Counter[str]) -> None:
    if not ALL:
        return
    assert seen["near"] <= 0.05 * seen["paths"]
    for name in (*MONEY, *COUNTS, "several steps with liquidations"):
        assert seen[name] >= 0.02 * seen["paths"], name
    assert seen["liquidated_on_ladder"] >= 0.05 * seen["paths"]


@pytest.mark.parametrize("part", range(4))
def test_the_ledger_and_the_reference_agree_on_any_path(part):
    seen = agree_on(500, number=part)
    assert seen["books"] >= some(500)
    check_that_much_was_seen(seen)


def test_they_agree_on_any_path_on_which_owners_add_and_take_out_collateral():
    seen = agree_on(150, controlled=True)
    for name in (*MONEY, *COUNTS, *MOVED) if ALL else ():
        assert seen[name] >= 0.02 * seen["paths"], name


TIERS = {
    "continuous": lc.MarginTiers(floor=[0.0, 90.0], maintenance_rate=[0.01, 0.03]),
    "whole position": lc.MarginTiers(floor=[0.0, 90.0], maintenance_rate=[0.01, 0.03], whole_position=True),
    "with a deduction": lc.MarginTiers(floor=[0.0], maintenance_rate=[0.01], deduction=[20.0]),
}


@pytest.mark.parametrize("tiers", TIERS.values(), ids=TIERS)
@pytest.mark.parametrize("basis", ["mark", "entry"])
@pytest.mark.parametrize("rate", [-0.9, -0.7475])
@pytest.mark.parametrize("fund", [0.0, 125.0, 1e4])
@pytest.mark.parametrize("rules", [{}, {"deleveraging": True}, {"socialise": True}])
def test_they_agree_on_a_short_for_which_no_price_is_low_enough(tiers, basis, rate, fund, rules):
    # 150 less two payments of 90 % or 74.75 % of 100 is below zero, or below a requirement at entry of 1. The first
    # short is liquidated as well, but after it: a fund of 125 can pay for one of them only
    paid = lc.Funding(rate=rate, times=[timedelta(minutes=30), timedelta(hours=1)])
    venue = lc.Venue(
        [lc.LinearPerpetual("X", asset="X", tiers=tiers, basis=basis, funding=paid)],
        backstop=lc.Backstop(insurance_fund=fund, **rules),
    )
    book = making.book(venue, [-1.5, -1.0, 1.0, -2.0, 4.0], [100.0] * 5, [150.0, 50.0, 30.0, 700.0, 100.0])
    market = making.market(impact=lc.LinearImpact(depth=1_000.0))
    seen = agree(strategies.PathCase(book, market, np.array([[[0.0], [-0.3], [0.4]]]), timedelta(hours=1)))
    assert seen["liquidated_count_short"] == 1


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_the_ledger_and_the_reference_agree_on_ten_thousand_books_of_paths():
    check_that_much_was_seen(agree_on(10_000, number=4))
