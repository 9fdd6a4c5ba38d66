"""The rules of venues as functions: where libraries differ from them, what must hold of them, and bad input."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import levcore as lc
from levcore import funding_rates
from levcore.venues import deleveraging, drift, dydx
from oracle_checks import near
from oracle_checks_accounts import inverse_price

BTC = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}


def subaccount(balance, *quantities, **given) -> dydx.Subaccount:
    markets = zip(("BTC", "ETH", "SOL"), quantities, strict=False)
    return dydx.Subaccount(balance, tuple(dydx.Position(m, quantity=q, **{**BTC, **given}) for m, q in markets if q))


# --- Where libraries are known to approximate -------------------------------------------------------------------------


def account(quantity, *, balance=20_000.0, rate=0.01) -> lc.Book:
    """A long of 1 A entered at 100,000 beside a position in B entered at 1,000, in one account."""
    tiers = lc.MarginTiers([0.0], [rate])
    venue = lc.Venue([lc.LinearPerpetual(name, asset=name, tiers=tiers) for name in ("A", "B")])
    held = {"instrument": ["A", "B"], "quantity": [1.0, quantity], "entry_price": [100_000.0, 1_000.0]}
    return lc.Book(venue, **held, account=[0, 0], accounts=lc.Accounts(USD=[balance]))


def price_by_hand(profit, requirement, *, balance=20_000.0, rate=0.01):
    """Binance's formula of the long of 1 A: what the others earn, by their sign, and hold is in it."""
    return (balance - requirement + profit - 100_000.0) / (rate - 1.0)


def test_a_losing_short_of_the_same_account_is_a_loss_and_not_a_profit() -> None:
    """freqtrade 2026.9 adds the other positions' profit as if all were long."""
    mark, short = 1_100.0, -50.0
    profit, requirement = short * (mark - 1_000.0), 0.01 * 50.0 * mark
    price = float(account(short).liquidation_price_at({"A": 100_000.0, "B": mark})[0])
    near(price, price_by_hand(profit, requirement), {"rel": 1e-12})
    as_if_long = price_by_hand(-profit, requirement)
    assert price - as_if_long > 9_000.0  # too late by what the short lost, twice


def test_a_winning_long_of_the_same_account_counts_with_its_profit() -> None:
    price = float(account(50.0).liquidation_price_at({"A": 100_000.0, "B": 1_100.0})[0])
    near(price, price_by_hand(5_000.0, 550.0), {"rel": 1e-12})


def test_the_tier_of_another_position_is_the_one_at_its_mark_and_not_at_its_entry() -> None:
    tiers = lc.MarginTiers([0.0, 50_000.0], [0.01, 0.05])
    venue = lc.Venue([lc.LinearPerpetual(name, asset=name, tiers=tiers) for name in ("A", "B")])
    held = {"instrument": ["A", "B"], "quantity": [0.1, -40.0], "entry_price": [100_000.0, 1_000.0]}
    book = lc.Book(venue, **held, account=[0, 0], accounts=lc.Accounts(USD=[30_000.0]))
    price = float(book.liquidation_price_at({"A": 100_000.0, "B": 1_500.0})[0])
    at_mark = 0.05 * 60_000.0 - 2_000.0
    near(price, (30_000.0 - 20_000.0 - at_mark - 10_000.0) / (0.1 * (0.01 - 1.0)), {"rel": 1e-12})


def test_the_cross_example_of_binance_is_reproduced_to_the_cent() -> None:
    """Both longs of the example share 1,535,443.01 USDT; the marks are those of its profits and requirements."""
    btc, eth = (
        lc.MarginTiers([0.0], [0.025], deduction=[16_300.0]),
        lc.MarginTiers([0.0], [0.10], deduction=[135_365.0]),
    )
    venue = lc.Venue([lc.LinearPerpetual("B", asset="B", tiers=btc), lc.LinearPerpetual("E", asset="E", tiers=eth)])
    held = {"instrument": ["B", "E"], "quantity": [109.488, 3_683.979], "entry_price": [32_481.98, 1_456.84]}
    book = lc.Book(venue, **held, account=[0, 0], accounts=lc.Accounts(USD=[1_535_443.01]))
    marks = {"B": 31_967.27, "E": 1_335.18}
    near(float(book.account_maintenance_margin(marks)[0]), 71_200.81144 + 356_512.508, {"abs": 1.0})
    np.testing.assert_allclose(book.liquidation_price_at(marks), [26_316.89, 1_153.26], rtol=0.0, atol=0.01)


@pytest.mark.parametrize("side", ["long", "short"])
def test_the_maintenance_amount_of_an_inverse_position_moves_its_price(side) -> None:
    """ccxt 4.5.90 leaves it out; the exchange counts it: Q(1 + s*m) / (Q/E + s*(W + c))."""
    inputs = {"side": side, "contracts": 2_500, "contract_size": 100, "entry_price": 42_000.5}
    inputs |= {"isolated_wallet": 0.5, "mmr": 0.01}
    sign, quote, amount = {"long": 1, "short": -1}[side], 250_000.0, 0.02
    exact = quote * (1.0 + sign * 0.01) / (quote / 42_000.5 + sign * (0.5 + amount))
    near(inverse_price(inputs, amount), exact, {"rel": 1e-12})
    without = inverse_price(inputs, 0.0)
    assert sign * (without - exact) > 50.0


# --- dYdX -------------------------------------------------------------------------------------------------------------


def test_the_requirement_is_rounded_up_twice_and_open_interest_moves_only_the_initial_margin() -> None:
    thirds = {"oracle_price": 1, "initial_margin_fraction": 0.333333, "maintenance_fraction": 0.5}
    initial, maintenance = dydx.margin_requirement(0.00001, **thirds)  # 10 millionths: 3.3 -> 4 -> 2
    assert (initial, maintenance) == (4e-6, 2e-6)
    interest = {"open_interest": 1_234_567, "lower_cap": 1_000_000, "upper_cap": 2_000_000}
    full = dydx.margin_requirement(
        1, oracle_price=100, initial_margin_fraction=0.2, maintenance_fraction=0.5, **interest
    )
    assert full == (38.7653, 10.0)  # the fraction 0.3876536 is cut to millionths


def test_an_account_exactly_at_its_requirement_is_left_alone() -> None:
    assert not dydx.is_liquidatable(subaccount(-45_000, 1))
    assert dydx.is_liquidatable(subaccount(-45_000.000001, 1))


def test_money_is_conserved_by_fills_and_by_deleveraging() -> None:
    rng = np.random.default_rng(5)
    acted = [0, 0]
    for _ in range(200):
        short = round(float(rng.uniform(0.5, 3.0)), 3)
        oracle = round(float(rng.uniform(45_000.0, 55_000.0)), 2)
        names = [f"m{i}" for i in range(4)]
        sizes = np.round(rng.dirichlet(np.ones(4)) * short, 3) + 0.001
        balance = round(short * float(rng.uniform(48_000.0, 52_000.0)), 6)
        accounts = {"out": subaccount(balance, -short, oracle_price=oracle)} | {
            name: subaccount(round(float(rng.uniform(-30_000.0, 60_000.0)) * size, 6), float(size), oracle_price=oracle)
            for name, size in zip(names, sizes, strict=True)
        }
        makers = [(round(oracle * float(rng.uniform(0.99, 1.01)), 1), 0.2, name) for name in names]
        fund = round(float(rng.uniform(0.0, 300.0)), 6)
        order = {"limit_price": oracle * 1.01, "insurance_fund": fund, "max_liquidation_fee": 0.005}
        done = dydx.liquidate(accounts, "out", "BTC", short, makers=makers, **order)

        def money(held, fund):
            return sum(Fraction(str(a.quote_balance)) for a in held.values()) + Fraction(str(fund))

        def coins(held):
            return sum(Fraction(str(p.quantity)) for a in held.values() for p in a.positions)

        assert money(done.accounts, done.insurance_fund) == money(accounts, fund)
        assert coins(done.accounts) == coins(accounts)
        assert done.insurance_fund >= 0.0
        acted[0] += done.filled > 0.0
        acted[1] += bool(done.deleveraged)
    assert min(acted) >= 10


def test_a_part_of_an_account_closed_at_its_bankruptcy_value_leaves_the_rest_as_healthy() -> None:
    held = subaccount(-85_000, 1, 1)
    before = dydx.risk(held)
    value = dydx.bankruptcy_value(held, "ETH", -1)
    after = dydx.risk(dydx.Subaccount(-85_000 + value, held.positions[:1]))
    near(
        after.net_collateral / after.maintenance_margin,
        before.net_collateral / before.maintenance_margin,
        {"rel": 1e-9},
    )


def test_an_account_below_its_margin_may_not_add_to_it_even_at_a_better_ratio() -> None:
    short_of_margin, larger = subaccount(-46_000, 1), subaccount(-91_000, 2)
    assert not dydx.transition_is_valid(short_of_margin, larger)  # 4,000 of 5,000, then 9,000 of 10,000
    assert dydx.transition_is_valid(larger, subaccount(-45_500, 1))  # the same ratio
    assert not dydx.transition_is_valid(larger, subaccount(-45_501, 1))


def test_a_maker_who_could_not_bear_the_fill_is_passed_over() -> None:
    accounts = {"out": subaccount(54_000, -1), "poor": subaccount(9_999), "rich": subaccount(10_000)}
    order = {"limit_price": 50_500, "insurance_fund": 0, "max_liquidation_fee": 0.005}
    makers = [(50_000, 1, "poor"), (50_000, 1, "rich")]
    done = dydx.liquidate(accounts, "out", "BTC", 1, makers=makers, **order)
    assert done.accounts["poor"] == accounts["poor"]
    assert [float(p.quantity) for p in done.accounts["rich"].positions] == [-1.0]
    assert (done.filled, done.fees, done.requires_deleveraging) == (1.0, 250.0, False)


def test_an_order_at_its_limit_leaves_worse_offers_alone() -> None:
    accounts = {"out": subaccount(54_000, -1), "maker": subaccount(50_000, 1)}
    order = {"limit_price": 50_500, "insurance_fund": 1_000, "max_liquidation_fee": 0.005}
    makers = [(50_501, 0.5, "maker"), (50_499, 0.25, "maker")]
    done = dydx.liquidate(accounts, "out", "BTC", 1, makers=makers, **order)
    assert (done.filled, done.deleveraged) == (0.25, ())


def test_the_riskiest_account_goes_first_and_ties_keep_their_order() -> None:
    accounts = [subaccount(-45_500, 1), subaccount(-91_000, 2), subaccount(-49_000, 1), subaccount(-45_500, 1)]
    assert dydx.riskiest_first(accounts) == [2, 1, 0, 3]


def test_amounts_too_large_for_a_float_stay_exact() -> None:
    short, long = subaccount(10**13 + Fraction(1, 10**6), -1), subaccount(10**13, 1)
    pair = dydx.deleverage(short, long, "BTC", 1, price_rule="oracle")
    assert pair is not None
    assert Fraction(pair[0].quote_balance) == 10**13 - 50_000 + Fraction(1, 10**6)


# --- Drift ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, -2])
@pytest.mark.parametrize("deposit", [3, 6, 9.5])
def test_a_partial_liquidation_lands_on_the_margin_with_its_buffer(size, deposit) -> None:
    terms = drift.PerpetualTerms(maintenance_margin_ratio=0.05, liquidator_fee=0.01, max_insurance_fee=0.005)
    done = drift.liquidate_perpetual(size, quote=-100 * size, deposit=deposit, oracle_price=100, terms=terms)
    worth, needed = deposit + done.quote + done.quantity * 100, abs(done.quantity) * 100 * 0.07
    assert 0.0 < abs(done.quantity) < 2.0 or deposit == 3
    if done.quantity:
        near(worth, needed, {"abs": 1e-6})
    near(done.transferred + abs(done.quantity), 2.0, {"abs": 1e-12})


def test_an_account_that_has_its_margin_is_left_alone() -> None:
    terms = drift.PerpetualTerms(maintenance_margin_ratio=0.05, liquidator_fee=0.01)
    held = {"quote": -200, "deposit": 10, "oracle_price": 100, "terms": terms}
    assert drift.liquidate_perpetual(2, **held).transferred == 0.0
    assert drift.liquidate_perpetual_into_book(2, **held, makers=[(100, 5)]).transferred == 0.0
    loan = {"asset_price": 1, "liability_price": 100, "asset_weight": 1, "liability_weight": 1.1}
    assert drift.liquidate_loan(1, collateral=110, **loan).repaid == 0.0


def test_bids_below_the_liquidators_price_are_not_hit() -> None:
    terms = drift.PerpetualTerms(maintenance_margin_ratio=0.05, liquidator_fee=0.01)
    held = {"quote": -200, "deposit": 5, "oracle_price": 100, "terms": terms}
    done = drift.liquidate_perpetual_into_book(2, **held, makers=[(99.5, 0.3), (98.9, 5)])
    assert done.transferred == 0.3
    near(done.taker_quote, -0.3 * 99.5, {"rel": 1e-12})


def test_a_loan_liquidation_frees_just_what_is_missing() -> None:
    terms = {"asset_price": 1, "liability_price": 100, "asset_weight": 0.9, "liability_weight": 1.1}
    fees = {"asset_multiplier": 1.005, "liability_multiplier": 0.995, "max_insurance_fee": 0.001}
    done = drift.liquidate_loan(10, collateral=1_200, **terms, **fees, asset_decimals=9, liability_decimals=9)
    near(done.collateral * 0.9, done.loan * 100 * 1.12, {"rel": 1e-5})  # the program cuts a weight at 1e-5
    assert done.loan > 0.0


def test_collateral_worth_less_than_a_dollar_is_not_left_behind() -> None:
    left = drift.collateral_seized(1, collateral=[100.0, 100.99, 101.0], asset_price=1, liability_price=100)
    assert left.tolist() == [100.0, 100.99, 100.0]


def test_what_may_be_freed_grows_with_time_and_counts_what_was_freed() -> None:
    shares = drift.max_share_to_liquidate(1_000, slots=[0, 15, 75, 150, 1_000])
    assert shares.tolist() == [0.1, 0.2, 0.6, 1.0, 1.0]
    assert drift.max_share_to_liquidate(900, slots=0, freed=100) == 0.0
    assert drift.max_share_to_liquidate(900, slots=0, freed=50) == 0.05
    assert drift.max_share_to_liquidate(49.99, slots=0) == 1.0


def test_the_fund_pays_before_open_interest_does() -> None:
    sides = {"long_open_interest": 6, "short_open_interest": -4}
    done = drift.resolve_perpetual_bankruptcy(-100, fee_pool=30, insurance=50, **sides)
    assert (done.fee_pool, done.insurance, done.social_loss, done.loss_per_unit) == (0.0, 0.0, 20.0, 2.0)
    paid = drift.socialised_payment([6, -4], loss_per_unit=done.loss_per_unit)
    assert paid.sum() == -done.social_loss
    done = drift.resolve_perpetual_bankruptcy(-60, fee_pool=30, insurance=50, **sides)
    assert (done.insurance, done.social_loss) == (20.0, 0.0)


# --- Deleveraging -----------------------------------------------------------------------------------------------------


def test_profit_is_ranked_by_leverage_and_a_loss_behind_it() -> None:
    values = {"entry_value": [100.0, 100.0, 100.0, 100.0], "bankruptcy_value": [100.0, 50.0, 100.0, 130.0]}
    score = deleveraging.profit_score([110.0, 110.0, 100.0, 90.0], **values)
    near(score[0], 0.1 * 11.0, {"rel": 1e-12})
    near(score[1], 0.1 * 110.0 / 60.0, {"rel": 1e-12})
    assert score[2] == 0.0
    assert score[3] == 0.0  # a loss of a bankrupt, over infinite leverage
    assert deleveraging.profit_score(90.0, entry_value=100.0, bankruptcy_value=0.0) == -0.1


def test_shares_in_lots_add_up_and_nobody_gives_more_than_there_is() -> None:
    rng = np.random.default_rng(11)
    for _ in range(100):
        size = rng.integers(0, 40, 12).astype(float) * 0.5
        amount = 0.5 * rng.integers(0, int(2.0 * size.sum()) + 4)
        score, found = rng.normal(size=12), min(amount, size.sum())
        for given in (
            deleveraging.queue(size, score=score, amount=amount),
            deleveraging.pro_rata(size, amount=amount, lot=0.5),
            deleveraging.min_max(size, amount=amount, lot=0.5),
        ):
            near(given.sum(), found, {"abs": 1e-12})
            assert np.all((given >= 0.0) & (given <= size))
            assert np.all(given % 0.5 == 0.0)
        exact = deleveraging.pro_rata(size, amount=amount)
        near(exact.sum(), found, {"rel": 1e-12, "abs": 1e-12})
        assert np.all(np.abs(deleveraging.pro_rata(size, amount=amount, lot=0.5) - exact) < 0.5 + 1e-9)


def test_the_largest_share_is_as_small_as_any_allocation_makes_it() -> None:
    rng = np.random.default_rng(12)
    for _ in range(40):
        size, worth = rng.integers(1, 5, 4), rng.uniform(0.5, 4.0, 4)
        amount = int(rng.integers(1, size.sum() + 1))
        given = deleveraging.min_max(size, amount=amount, worth=worth)
        best = min(
            max(np.array(lots) / worth)
            for lots in itertools.product(*(range(n + 1) for n in size))
            if sum(lots) == amount
        )
        near(max(given / worth), best, {"rel": 1e-12})


# --- Funding ----------------------------------------------------------------------------------------------------------


def test_the_rate_is_pulled_toward_interest_and_shared_over_the_hours() -> None:
    premium = np.array([-0.01, -0.0003, 0.0, 0.0004, 0.01])
    full = funding_rates.funding_rate(premium)
    np.testing.assert_allclose(full, [-0.0095, 0.0001, 0.0001, 0.0001, 0.0095], rtol=0.0, atol=1e-15)
    np.testing.assert_allclose(funding_rates.funding_rate(premium, hours=1), full / 8.0, rtol=1e-12)
    assert funding_rates.funding_rate(-9.0, hours=1, cap=0.04) == -0.04


def test_a_thin_side_has_no_premium() -> None:
    assert funding_rates.premium_index(impact_bid=0.0, impact_ask=math.inf, index_price=100.0) == 0.0


def test_what_longs_pay_in_coin_is_what_shorts_receive() -> None:
    paid = funding_rates.inverse_payment([70, -70], contract_value=100.0, mark_price=60_000.0, rate=0.0003)
    assert paid.sum() == 0.0
    assert paid[0] < 0.0


def test_fundings_at_both_ends_of_a_position_count() -> None:
    events = {"times": [0, 8, 16, 24], "rates": [0.001] * 4, "mark_prices": [100.0] * 4}
    received = funding_rates.payments_while_open(1.0, opened=[0, 1, 8, 25], closed=[24, 7, 16, 30], **events)
    np.testing.assert_allclose(received, [-0.4, 0.0, -0.2, 0.0], rtol=0.0, atol=1e-12)


# --- Arrays and bad input ---------------------------------------------------------------------------------------------


def test_arrays_give_what_their_elements_give() -> None:
    sizes, prices = np.array([[1.5, -2.0], [0.0, 3.25]]), np.array([100.0, 60_000.5])
    tier = {"initial_margin_fraction": 0.05, "maintenance_fraction": 0.6}
    initial, maintenance = dydx.margin_requirement(sizes, oracle_price=prices, **tier)
    assert initial.shape == (2, 2)
    for i, j in itertools.product(range(2), range(2)):
        one = dydx.margin_requirement(float(sizes[i, j]), oracle_price=float(prices[j]), **tier)
        assert (initial[i, j], maintenance[i, j]) == one


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dydx.below_maintenance([1, 1], [1, -1]), r"row 1: maintenance_margin must be >= 0, was -1"),
        (lambda: dydx.below_maintenance([1, 1], [1, 1, 1]), r"broadcast, had shapes \[\(2,\), \(3,\)\]"),
        (lambda: dydx.below_maintenance(math.nan, 1), r"net_collateral must be finite, was nan"),
        (lambda: dydx.below_maintenance(Decimal("1e999999999"), 1), r"net_collateral must be finite and of a size"),
        (lambda: dydx.below_maintenance(10**91, 1), r"net_collateral must be 0 or of a size between"),
        (lambda: subaccount(1, 1, oracle_price=-1), r"oracle_price must be >= 0, was -1"),
        (lambda: subaccount(1, 1, maintenance_fraction=1.5), r"maintenance_fraction must be <= 1, was 1.5"),
        (lambda: dydx.Subaccount(0, subaccount(0, 1).positions * 2), r"positions\[1\].*'BTC' stands twice"),
        (lambda: dydx.bankruptcy_value(subaccount(0, 1), "BTC", 1), r"must reduce the position of 1 in 'BTC', was 1"),
        (lambda: dydx.bankruptcy_value(subaccount(0, 1), "ETH", 1), r"must hold a position in 'ETH'"),
        (lambda: dydx.scaled_initial_margin_fraction(0.1, open_interest=5, lower_cap=3, upper_cap=2), r"3 over 2"),
        (lambda: dydx.premium([(1, 1), (2, 1)], [], index_price=1, impact_notional=0), r"bids\[1\] had 2"),
        (lambda: dydx.funding_settlement(1.5, funding_index=0, position_index=0), r"whole number, was 1.5"),
        (lambda: dydx.deleverage_against({}, "out", "BTC", 1), r"accounts must hold 'out'"),
        (
            lambda: drift.quantity_to_cover(-1, margin_ratio=1, liquidator_fee=0, oracle_price=1),
            r"shortage must be >= 0",
        ),
        (lambda: drift.socialised_loss_per_unit(1, long_open_interest=0, short_open_interest=0), r"not both be 0"),
        (lambda: deleveraging.pro_rata([1, 0.7], amount=1, lot=0.5), r"size\[1\] must be a multiple of the lot 0.5"),
        (lambda: deleveraging.queue([1, -2], score=[0, 0], amount=1), r"size\[1\] must be >= 0 and finite, was -2"),
        (lambda: deleveraging.queue([1, 2], score=[0], amount=1), r"size had 2 rows, score had 1"),
        (lambda: funding_rates.payment([1, 2], mark_price=[1, 0], rate=0), r"mark_price\[1\] must be > 0, was 0"),
        (
            lambda: funding_rates.payments_while_open(1, opened=5, closed=4, times=[1], rates=[0], mark_prices=[1]),
            r"closed must not lie before opened",
        ),
    ],
)
def test_bad_input_is_named_with_its_value_and_rule(call, message) -> None:
    with pytest.raises(lc.InputError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: dydx.risk(5),
        lambda: dydx.below_maintenance("1", 1),
        lambda: dydx.below_maintenance(["1"], 1),
        lambda: dydx.below_maintenance([[1], [1, 2]], 1),
        lambda: dydx.Position(3, quantity=1, **BTC),
        lambda: drift.liquidate_perpetual(1, quote=0, deposit=0, oracle_price=1, terms=None),
        lambda: deleveraging.queue("abc", score=[1], amount=1),
    ],
)
def test_what_is_no_number_is_refused_by_kind(call) -> None:
    with pytest.raises(lc.KindError):
        call()
