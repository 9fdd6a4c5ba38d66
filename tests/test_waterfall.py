"""Who pays when a position ends below zero: funds, takeover, ranked deleveraging, losses that everybody shares."""

from __future__ import annotations

import math
import pickle
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
from levcore import stored_values
from making import flat_tiers

DEEP = lc.LinearImpact(depth=math.inf)
HOUR = timedelta(hours=1)


def market(depth: float = math.inf, *, names: str = "X") -> lc.Market:
    return lc.Market({name: lc.Asset(100.0, impact=lc.LinearImpact(depth=depth)) for name in names})


def venue(backstop: lc.Backstop, *, names: str = "X", rate: float = 0.01, **rules) -> lc.Venue:
    traded = [lc.LinearPerpetual(name, asset=name, tiers=flat_tiers(rate)) for name in names]
    return lc.Venue(traded, backstop=backstop, **rules)


def holds(at: lc.Venue, *rows: tuple[float, float, float], instrument: str | list[str] = "X") -> lc.Book:
    quantity, entry, margin = ([row[i] for row in rows] for i in range(3))
    return lc.Book(at, instrument=instrument, quantity=quantity, entry_price=entry, margin=margin)


# A long that is 50 short at a mark of 90, where its bankruptcy price is 95; and shorts, one with much profit.
RUINED = (10.0, 100.0, 50.0)
RICH = (-10.0, 120.0, 100.0)
CAUTIOUS = (-10.0, 101.0, 1_000.0)


def test_the_fund_of_an_instrument_pays_for_it_and_for_no_other():
    rows = (RUINED, RUINED)
    backstop = lc.Backstop(insurance_fund=7.0, own_funds={"X": 30.0})
    book = holds(venue(backstop, names="XY"), *rows, instrument=["X", "Y"])
    after = lc.shock(book, market(names="XY"), -0.1)
    assert dict(after.own_funds) == {"X": 0.0}
    assert after.bad_debt == pytest.approx((50.0 - 30.0) + (50.0 - 7.0), rel=1e-14)
    assert after.insurance_fund == pytest.approx(0.0, abs=1e-12)
    untouched = lc.shock(book, market(names="XY"), {"X": 0.0, "Y": -0.1})
    assert dict(untouched.own_funds) == {"X": 30.0}
    assert untouched.insurance_fund == 30.0
    assert backstop.total_funds == 37.0


@pytest.mark.parametrize(("margin", "taken"), [(106.5, True), (106.7, False)])
def test_below_two_thirds_of_the_requirement_the_backstop_takes_a_position_at_the_mark(margin, taken):
    # At 90 the requirement is 10*90*0.01 = 9, two thirds of it 6; equity is margin - 100.
    book = holds(venue(lc.Backstop(takeover=2.0 / 3.0)), (10.0, 100.0, margin - 0.6))
    after = lc.shock(book, market(1_000.0), -0.1)
    assert after.liquidated.tolist() == [True]
    equity = margin - 0.6 - 100.0
    if taken:
        assert after.taken_over_notional == pytest.approx(900.0, rel=1e-14)
        assert after.final_price["X"] == 90.0
        assert after.insurance_fund == pytest.approx(equity, rel=1e-12)
        assert after.liquidated_notional == 0.0
    else:
        assert after.taken_over_notional == 0.0
        assert after.final_price["X"] < 90.0
        assert after.liquidated_notional > 0.0


def test_a_transfer_at_the_previous_mark_leaves_its_equity_there_like_a_remainder():
    rules = lc.Deleveraging(ranking="profit", price="previous_mark")
    after = lc.shock(holds(venue(lc.Backstop(deleveraging=rules)), RUINED, RICH), market(), -0.1)
    assert after.deleveraged_notional == pytest.approx(1_000.0, rel=1e-14)  # at 100, the price at the start
    assert (after.insurance_fund, after.bad_debt) == (pytest.approx(50.0, rel=1e-13), 0.0)
    at_bankruptcy = lc.Backstop(deleveraging=lc.Deleveraging(ranking="profit"))
    other = lc.shock(holds(venue(at_bankruptcy), RUINED, RICH), market(), -0.1)
    assert other.deleveraged_notional == pytest.approx(950.0, rel=1e-14)
    assert (other.insurance_fund, other.bad_debt) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("ranking", "lot", "who_is_left"),
    [
        ("profit", 0.0, [False, True]),
        ("index", 0.0, [False, True]),
        ("unranked", 0.0, [True, False]),
        ("pro_rata", 0.0, [True, True]),
        ("pro_rata", 1.0, [True, True]),
        ("min_max", 1.0, [True, True]),
        ("profit", 1.0, [False, True]),
    ],
)
def test_the_rules_say_who_gives_up_a_position(ranking, lot, who_is_left):
    # A rise to 300 afterwards liquidates whoever of the shorts is still there.
    rules = lc.Deleveraging(ranking=ranking, lot=lot)
    book = holds(venue(lc.Backstop(deleveraging=rules)), RUINED, CAUTIOUS, RICH)
    runs = lc.simulate(book, market(), np.array([[[-0.1], [300.0 / 90.0 - 1.0]]]), step=HOUR)
    cautious, rich = runs.at(0).liquidated[1:].tolist()
    assert [rich, cautious] == who_is_left
    assert runs.deleveraged_notional[0] == pytest.approx(950.0, rel=1e-12)
    left = 10.0 if ranking in ("profit", "index", "unranked") else 5.0 + 5.0
    assert runs.liquidated_notional[0] == pytest.approx(left * 300.0, rel=1e-12)


@pytest.mark.parametrize("wanted", [5, 12, 18])
def test_lots_left_over_go_to_the_largest_remainders_and_where_these_are_equal_to_whoever_stands_first(wanted):
    """Of 25 lots the first holds 2, the third 22: for 5 lots 10/25 and 110/25 leave the same remainder."""
    sizes = np.array([2.0, 1.0, 22.0])
    shares = lc.venues.deleveraging.pro_rata(sizes, amount=wanted, lot=1.0)
    at = venue(lc.Backstop(deleveraging=lc.Deleveraging(ranking="pro_rata", lot=1.0)))
    book = lc.Book(
        at,
        instrument="X",
        quantity=np.append(wanted, -sizes),
        entry_price=np.full(4, 100.0),
        margin=np.append(5.0 * wanted, 1_000.0 * sizes),
    )
    ready = lc.prepare(book, market())
    left = ready._native.shock(ready._native_market, np.array([[-0.1]]), True, holdings=True)["quantity_left"]
    assert left.tolist() == [0.0, *(shares - sizes).tolist()]
    if wanted == 5:
        assert shares.tolist() == [1.0, 0.0, 4.0]


def test_what_is_less_than_a_lot_goes_to_the_order_book():
    rules = lc.Deleveraging(ranking="profit", lot=4.0)
    after = lc.shock(holds(venue(lc.Backstop(deleveraging=rules)), RUINED, RICH), market(), -0.1)
    assert after.deleveraged_notional == pytest.approx(8.0 * 95.0, rel=1e-14)
    assert after.liquidated_notional == pytest.approx(2.0 * 90.0, rel=1e-14)
    assert after.bad_debt == pytest.approx(10.0, rel=1e-12)


def test_an_account_does_not_stand_against_itself():
    rules = lc.Backstop(deleveraging=lc.Deleveraging(ranking="unranked"))
    at = venue(rules, names="XY")
    accounts = lc.Accounts(USD=[50.0])
    nothing = [math.nan] * 2
    hedged = lc.Book(
        at,
        instrument="X",
        quantity=[12.0, -2.0],
        entry_price=[100.0, 100.0],
        margin=nothing,
        account=[0, 0],
        accounts=accounts,
    )
    after = lc.shock(hedged, market(names="XY"), {"X": -0.1, "Y": 0.0})
    assert after.deleveraged_notional == 0.0
    assert after.bad_debt == pytest.approx(50.0, rel=1e-12)


def test_open_interest_bears_a_loss_by_size_on_both_sides():
    at = venue(lc.Backstop(socialise="open_interest"))
    # 50 over 40 open units: 1.25 each. The tight long has 1 to spare above its requirement of 9*0.9.
    tight = (9.0, 100.0, 90.0 + 8.1 + 1.0)
    book = holds(at, RUINED, tight, (-31.0, 100.0, 2_000.0))
    after = lc.shock(book, market(), -0.1)
    assert after.socialised_loss == pytest.approx(50.0 + (9.0 * 1.25 - 9.1), rel=1e-12)
    assert after.liquidated.tolist() == [True, True, False]
    assert after.bad_debt == pytest.approx(0.0, abs=1e-12)


def test_profits_bear_a_loss_before_anybody_else_does():
    at = venue(lc.Backstop(socialise="profit"))
    after = lc.shock(holds(at, RUINED, RICH, (10.0, 50.0, 300.0)), market(), -0.1)
    assert after.socialised_loss == pytest.approx(50.0, rel=1e-12)
    assert after.liquidated.tolist() == [True, False, False]
    nobody = lc.shock(holds(at, RUINED, (-1.0, 80.0, 100.0)), market(), -0.1)
    assert (nobody.socialised_loss, nobody.bad_debt) == (0.0, pytest.approx(50.0))


def test_deposits_bear_no_more_than_they_are():
    at = venue(lc.Backstop(socialise="deposits"))
    after = lc.shock(holds(at, RUINED, (-1.0, 100.0, 20.0)), market(), -0.1)
    assert after.socialised_loss == pytest.approx(30.0, rel=1e-12)
    assert after.bad_debt == pytest.approx(20.0, rel=1e-12)


def test_where_nobody_is_left_a_loss_is_bad_debt():
    for charged in ("profit", "open_interest", "deposits"):
        after = lc.shock(holds(venue(lc.Backstop(socialise=charged)), RUINED), market(), -0.1)
        assert (after.socialised_loss, after.bad_debt) == (0.0, pytest.approx(50.0)), charged


def test_the_riskiest_first_is_not_the_highest_liquidation_price_first():
    traded = [lc.LinearPerpetual(name, asset="X", tiers=flat_tiers(rate)) for name, rate in (("A", 0.01), ("B", 0.2))]
    debts = {}
    for order in ("riskiest", "liquidation_price"):
        at = lc.Venue(traded, order=order, remainder="trader")
        # At 90 A has 0.1 a unit against 0.9, B 10 against 18; A's liquidation price is 90.8, B's 100.
        book = holds(at, (10.0, 100.0, 101.0), (10.0, 100.0, 200.0), instrument=["A", "B"])
        debts[order] = lc.shock(book, market(1_000.0), -0.1).bad_debt
    assert 0.0 < debts["riskiest"] < debts["liquidation_price"]


def test_what_is_taken_from_some_is_given_to_others_whatever_the_rules():
    random = np.random.default_rng(11)
    size = 400
    quantity = random.choice([-1.0, 1.0], size) * random.lognormal(0.0, 1.0, size)
    margin = np.abs(quantity) * 100.0 / random.uniform(2.0, 40.0, size)
    rows = list(zip(quantity.tolist(), [100.0] * size, margin.tolist(), strict=True))
    for ranking in ("profit", "index", "unranked", "pro_rata", "min_max"):
        for price in ("bankruptcy", "previous_mark"):
            for charged in (False, "profit", "open_interest", "deposits"):
                rules = lc.Deleveraging(ranking=ranking, price=price, lot=0.25 if ranking == "min_max" else 0.0)
                backstop = lc.Backstop(insurance_fund=20.0, takeover=0.5, deleveraging=rules, socialise=charged)
                after = lc.shock(holds(venue(backstop), *rows), market(3_000.0), -0.15)
                assert after.conservation_error <= 1e-12, (ranking, price, charged)
                assert after.deleveraged_notional > 0.0, (ranking, price, charged)


def test_two_positions_of_one_account_stand_together_and_not_each_on_its_own():
    rules = lc.Backstop(deleveraging=lc.Deleveraging(ranking="profit"))
    nothing = math.nan
    debts = []
    for shorts in ([-2.0], [-1.0, -1.0]):
        book = lc.Book(
            venue(rules),
            instrument="X",
            quantity=[2.0, *shorts],
            entry_price=[100.0] + [60.0] * len(shorts),
            margin=[10.0] + [nothing] * len(shorts),
            account=[-1] + [0] * len(shorts),
            accounts=lc.Accounts(USD=[95.0]),
        )
        # At the transfer price of 95 the account would be worth 95 - 2*35.
        debts.append(lc.shock(book, market(), -0.2).bad_debt)
    assert debts == [pytest.approx(0.0, abs=1e-12)] * 2
    too_little = lc.Book(
        venue(rules),
        instrument="X",
        quantity=[2.0, -1.0, -1.0],
        entry_price=[100.0, 60.0, 60.0],
        margin=[10.0, nothing, nothing],
        account=[-1, 0, 0],
        accounts=lc.Accounts(USD=[60.0]),
    )
    after = lc.shock(too_little, market(), -0.2)
    assert after.deleveraged_notional == pytest.approx(95.0, rel=1e-12)
    assert after.bad_debt == pytest.approx(15.0, rel=1e-12)


def emptied(balance: float, *, takeover: float = 0.0, share: float = 1.0) -> tuple[lc.Book, lc.Market]:
    """An account 100 short of cash once its only position has covered a short that was closed at 120."""
    traded = [lc.LinearPerpetual("ETH", asset="ETH", tiers=flat_tiers(0.01))]
    backstop = lc.Backstop(deleveraging=lc.Deleveraging(ranking="profit"), takeover=takeover)
    at = lc.Venue(traded, collateral={"BTC": share}, backstop=backstop)
    book = lc.Book(
        at,
        instrument="ETH",
        quantity=[1.0, -1.0],
        entry_price=[200.0, 100.0],
        margin=[math.nan, 10.0],
        account=[0, -1],
        accounts=lc.Accounts(USD=[0.0], BTC=[balance]),
    )
    at_prices = {name: lc.Asset(100.0, impact=DEEP) for name in ("ETH", "BTC")}
    return book, lc.Market(at_prices)


def falling(book: lc.Book, market: lc.Market, bitcoin: float, *, keep: bool = False) -> lc.Runs:
    moves = np.zeros((1, 2, 2))  # to 120, where the short is taken over at 110; then Bitcoin falls
    moves[0, 0, 0], moves[0, 1, 1] = 0.2, bitcoin / 100.0 - 1.0
    return lc.simulate(book, market, moves, step=HOUR, keep_steps=keep)


def test_an_account_that_gave_up_its_last_position_owes_what_it_owes():
    # It bought at 200 and gave up at 110: 90 short, and one coin.
    book, market = emptied(1.0)
    enough = falling(book, market, 95.0)
    assert (enough.deleveraged_notional[0], enough.bad_debt[0]) == (pytest.approx(110.0, rel=1e-13), 0.0)
    too_little = falling(book, market, 10.0, keep=True)
    assert too_little.bad_debt[0] == pytest.approx(90.0 - 10.0, rel=1e-13)
    assert too_little.steps_kept.bad_debt[0] == pytest.approx([0.0, 80.0], rel=1e-13)
    assert too_little.conservation_error.max() <= 1e-12
    assert too_little.liquidated_count[0] == 1  # the short; nobody closed the account's position


def test_of_an_account_without_positions_the_share_that_counts_decides_when_it_pays():
    # 90 owed, two coins of which half counts: at 95 nothing is done, at 85 a coin and a bit are sold.
    book, market = emptied(2.0, share=0.5)
    for price, rounds in ((95.0, 1), (85.0, 2)):
        runs = falling(book, market, price)
        assert (runs.rounds[0], runs.bad_debt[0]) == (rounds, 0.0)
        assert runs.conservation_error.max() <= 1e-12
    taken, _ = emptied(1.0, takeover=0.5)
    assert falling(taken, market, 10.0).bad_debt[0] == pytest.approx(80.0, rel=1e-13)


@pytest.mark.parametrize(("lot", "size", "other"), [(1e-3, 1_234_567.8906, 1.5e6), (1.0, 0.9999999995, 1.0)])
@pytest.mark.parametrize("ranking", ["profit", "unranked", "pro_rata", "min_max"])
def test_no_lot_is_so_small_or_so_large_that_a_quantity_comes_from_nowhere(lot, size, other, ranking):
    rules = lc.Backstop(deleveraging=lc.Deleveraging(ranking=ranking, lot=lot))
    rows = ((size, 100.0, 5.0 * size), (-other, 100.0, 80.0 * other), (-other, 100.0, 80.0 * other))
    after = lc.shock(holds(venue(rules), *rows), market(1e6 * other), -0.2)
    assert after.conservation_error <= 1e-12


def test_shares_of_very_many_add_up_to_the_whole():
    many = 200_000
    rules = lc.Backstop(deleveraging=lc.Deleveraging())
    size = np.append(np.append(0.05 * many, np.full(many, -0.1)), -0.1)
    book = lc.Book(
        venue(rules),
        instrument="X",
        quantity=size,
        entry_price=np.full(many + 2, 100.0),
        margin=np.append(np.append(0.25 * many, np.full(many, 8.0)), math.nan),
        account=np.append(np.full(many + 1, -1), 0),
        accounts=lc.Accounts(USD=[100.0]),
    )
    assert lc.shock(book, market(1e9), -0.2).conservation_error <= 1e-13


BAD = [
    (lambda: lc.Backstop(own_funds={"X": -1.0}), "own_funds"),
    (lambda: lc.Backstop(own_funds=[1.0]), "own_funds"),
    (lambda: lc.Backstop(takeover=-0.1), "takeover"),
    (lambda: lc.Backstop(takeover=math.nan), "takeover"),
    (lambda: lc.Backstop(insurance_fund=-1.0), "insurance_fund"),
    (lambda: lc.Backstop(deleveraging="profit"), "deleveraging"),
    (lambda: lc.Backstop(socialise="losers"), "socialise"),
    (lambda: lc.Deleveraging(ranking="fair"), "ranking"),
    (lambda: lc.Deleveraging(price="index"), "price"),
    (lambda: lc.Deleveraging(lot=-1.0), "lot"),
    (lambda: venue(lc.Backstop(own_funds={"Z": 1.0})), "own_funds must name instruments of the venue, named 'Z'"),
    (lambda: venue(lc.Backstop(), order="random"), "order"),
]


@pytest.mark.parametrize(("make", "named"), BAD, ids=[named for _, named in BAD])
def test_what_no_backstop_can_be_is_refused_by_name(make, named):
    with pytest.raises((lc.InputError, lc.KindError), match=named):
        make()


def test_a_backstop_travels_and_is_stored_to_the_last_bit():
    rules = lc.Deleveraging(ranking="min_max", price="previous_mark", lot=0.1)
    backstop = lc.Backstop(
        insurance_fund=0.1, own_funds={"X": 1.0 / 3.0}, takeover=2.0 / 3.0, deleveraging=rules, socialise="deposits"
    )
    at = venue(backstop, order="riskiest")
    assert pickle.loads(pickle.dumps(at)) == at
    assert stored_values.from_json(stored_values.to_json(at)) == at
