"""The plain reference and the core agree on inverse perpetuals, cross accounts and liquidation in parts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import levcore as lc
import reference
import reference_paths
import strategies
import strategies_accounts
from how_many import ALL, some
from reference_control import rules_from
from reference_losses import LossRun
from strategies_accounts import AccountCase
from test_agreement import MONEY, NEAR, PRICES

pytestmark = pytest.mark.filterwarnings("ignore:.* stopped early:RuntimeWarning")

COUNTS = ("rounds", "cascade_depth", "liquidated_count_long", "liquidated_count_short", "exhausted", "waiting")
PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]


def expected_of(case: AccountCase) -> reference.Outcome:
    book, market = reference.from_levcore(case.book, case.market)
    if case.step is None:
        return reference.shock(book, market, case.returns[0].tolist(), LossRun)
    control = (rules_from(case.control, len(case.book)), strategies.SEED, 0)
    return reference_paths.simulate(book, market, case.returns.tolist(), case.step, LossRun, control).outcome


def agree(case: AccountCase) -> Counter[str]:
    """Compare a case; return what was seen in it."""
    outcome, expected = case.run(), expected_of(case)
    assert outcome.conservation_error <= 1e-12
    assert expected.conservation_error <= 1e-12
    assert (outcome.error is None) == (expected.error is None)
    if expected.error is not None:
        return Counter({"stopped": 1})
    near = min(expected.nearest, expected.nearest_slack, expected.nearest_choice) < NEAR
    if not near:
        compare(case, outcome, expected)
        return seen_in(case, expected)
    # An order for a part, or none at all, more or less moves the price; deposits may be charged to the last cent, and
    # then it is chance who has less than nothing.
    venue, backstop = case.book.venue, case.book.venue.backstop
    chance = backstop.deleveraging or backstop.takeover > 0.0 or backstop.charged == "deposits"
    if venue.liquidation == lc.FullClose(**fees_of(venue)) and not chance:
        compare_prices(outcome, expected)
    try:
        compare(case, outcome, expected)
    except AssertionError:
        return Counter({"near": 1})  # the rounding fell to the other side
    return seen_in(case, expected)


def compare_prices(outcome: lc.Outcome, expected: reference.Outcome) -> None:
    for name in PRICES:
        assert getattr(outcome, name) == pytest.approx(getattr(expected, name), rel=1e-9), name


def compare(case: AccountCase, outcome: lc.Outcome, expected: reference.Outcome) -> None:
    compare_prices(outcome, expected)
    assert outcome.liquidated.tolist() == expected.liquidated
    for name in COUNTS:
        assert getattr(outcome, name) == getattr(expected, name), name
    gross = float(np.abs(case.book.exposure(case.market)).sum())
    assert (outcome.top_ups, outcome.withdrawals) == (expected.top_ups, expected.withdrawals)
    for name in (*MONEY, "topped_up", "withdrawn"):
        assert getattr(outcome, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-12 * gross), name
    assert outcome.depth_used == pytest.approx(expected.depth_used, rel=1e-9, nan_ok=True)


def fees_of(venue: lc.Venue) -> dict[str, Any]:
    return {"fee_rate": venue.liquidation.fee_rate, "fee_to": venue.liquidation.fee_to}


def seen_in(case: AccountCase, expected: reference.Outcome) -> Counter[str]:
    seen = Counter({name: getattr(expected, name) > 0.0 for name in (*MONEY, *COUNTS, "coin_sales")})
    policy = type(case.book.venue.liquidation).__name__
    seen += Counter({f"parts by {policy}": expected.part_orders > 0, "several rounds": expected.rounds > 1})
    seen += Counter({"taken over": expected.taken_over_notional > 0.0})
    seen += Counter({name: getattr(expected, name) > 0.0 for name in ("topped_up", "withdrawn")})
    adl = case.book.venue.backstop.deleveraging
    if isinstance(adl, lc.Deleveraging):
        seen += Counter({f"deleveraged {adl.ranking}": expected.deleveraged_notional > 0.0, adl.price: 1})
    if expected.socialised_loss > 0.0:
        seen += Counter({f"charged to {case.book.venue.backstop.charged}": 1})
    seen += Counter({f"several parts by {policy}": expected.part_orders > 1, "paths": case.step is not None})
    return seen + Counter({"compared whole": 1})


def agree_on(examples: int, **kind: bool | str) -> Counter[str]:
    seen: Counter[str] = Counter()

    @settings(max_examples=some(examples), deadline=None, suppress_health_check=PATIENT)
    @given(strategies_accounts.account_cases(**kind))
    def each(case: AccountCase) -> None:
        seen.update(agree(case))
        seen["books"] += 1

    each()
    print(dict(seen))
    return seen


def check_that_much_was_seen(seen: Counter[str], *names: str) -> None:
    if not ALL:
        return
    assert seen["near"] + seen["stopped"] <= 0.1 * seen["books"]
    money = [name for name in MONEY if name != "deleveraged_notional"]
    for name in (*money, "rounds", "liquidated_count_long", "liquidated_count_short", "several rounds", *names):
        # Which books are drawn changes with every constant of the sources: what few of them show must just be there.
        rare = name.startswith(("deleveraged", "parts by", "waiting"))
        assert seen[name] >= (1 if rare else 0.01 * seen["books"]), name


def inverse_books(times: int) -> None:
    seen = agree_on(300 * times, inverse=True) + agree_on(100 * times, inverse=True, cross=True)
    check_that_much_was_seen(seen, "paths")


def cross_margined_books(times: int) -> None:
    seen = agree_on(1_000 * times, cross=True)
    assert seen["books"] >= some(1_000 * times)
    check_that_much_was_seen(seen, "paths", "coin_sales")


def books_in_parts(times: int, **kind: bool) -> None:
    policies = ("PartialClose", "TierStep", "PortionClose")
    seen = agree_on(250 * times, parts=True, **kind)
    check_that_much_was_seen(seen, "paths", "waiting", *(f"parts by {name}" for name in policies))


def books_with_losses(times: int) -> None:
    names = ("profit", "index", "unranked", "pro_rata", "min_max")
    seen: Counter[str] = Counter()
    for ranking in names:  # not drawn, for what is drawn clusters: of hundreds of books none may have one of them
        seen += agree_on(80 * times, losses=True, ranking=ranking)
        seen += agree_on(80 * times, losses=True, cross=True, ranking=ranking)
    rankings = (f"deleveraged {name}" for name in names)
    charged = (f"charged to {name}" for name in ("profit", "open_interest", "deposits"))
    check_that_much_was_seen(seen, "deleveraged_notional", "taken over", "paths", "previous_mark", *rankings, *charged)


def test_they_agree_on_who_bears_losses():
    books_with_losses(1)
    agree_on(60, losses=True, inverse=True)
    agree_on(90, losses=True, inverse=True, cross=True)
    agree_on(90, losses=True, parts=True, cross=True)


def test_they_agree_on_inverse_books():
    inverse_books(1)


def test_they_agree_on_a_thousand_cross_margined_books_of_several_assets():
    cross_margined_books(1)


def test_they_agree_on_isolated_books_liquidated_in_parts():
    books_in_parts(1)


def test_they_agree_on_inverse_books_liquidated_in_parts():
    agree_on(60, inverse=True, parts=True)
    agree_on(90, inverse=True, cross=True, parts=True)


def test_they_agree_on_cross_margined_books_liquidated_in_parts():
    books_in_parts(1, cross=True)


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_they_agree_on_ten_times_as_many_books():
    inverse_books(10)
    cross_margined_books(10)
    books_in_parts(10)
    books_in_parts(10, cross=True)
    books_with_losses(10)
    agree_on(600, inverse=True, parts=True)
    agree_on(600, inverse=True, cross=True, parts=True)
