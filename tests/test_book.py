"""Books and venues as values: columns, valuations, slices, frames, copies; liquidation prices by hand."""

from __future__ import annotations

import copy
import math
import pickle
import re

import numpy as np
import pytest

import levcore as lc
from making import book, flat_tiers, market, venue

TIERS = lc.MarginTiers(floor=[0.0, 1_000.0], maintenance_rate=[0.01, 0.05], max_leverage=[50.0, 10.0])


def test_deductions_are_filled_in_so_that_the_requirement_is_continuous():
    assert TIERS.deduction == (0.0, 40.0)
    assert TIERS.maintenance_margin([0.0, 500.0, 1_000.0, 2_000.0]).tolist() == [0.0, 5.0, 10.0, 60.0]
    assert TIERS.tier([0.0, 999.0, 1_000.0]).tolist() == [0, 0, 1]
    given = lc.MarginTiers(floor=[0.0, 1_000.0], maintenance_rate=[0.01, 0.05], deduction=[0.0, 40.0])
    assert given.deduction == TIERS.deduction


def test_a_whole_position_takes_the_rate_of_its_tier():
    whole = lc.MarginTiers(floor=[0.0, 1_000.0], maintenance_rate=[0.01, 0.05], whole_position=True)
    assert whole.maintenance_margin([999.0, 1_000.0]).tolist() == [9.99, 50.0]


def test_the_liquidation_price_picks_the_tier_of_its_own_notional():
    at = venue(tiers=TIERS)
    # long 12 at 100, margin 120, fails in tier 1: slack = 120 + 12*(P - 100) - 0.05*12*P + 40 = 0
    upper = (1_200.0 - 120.0 - 40.0) / (12.0 * 0.95)
    # margin 600 fails at a notional below 1,000: 12*P*(1 - 0.01) = 600
    lower = (1_200.0 - 600.0) / (12.0 * 0.99)
    held = book(at, [12.0, 12.0, -12.0], [100.0] * 3, [120.0, 600.0, 240.0])
    short = (1_200.0 + 240.0 + 40.0) / (12.0 * 1.05)
    assert held.liquidation_price.tolist() == pytest.approx([upper, lower, short], rel=1e-15)
    assert 12.0 * lower < 1_000.0 < 12.0 * upper
    assert held.bankruptcy_price.tolist() == pytest.approx([90.0, 50.0, 120.0], rel=1e-15)


def test_a_requirement_that_jumps_puts_the_liquidation_price_at_the_jump():
    whole = lc.MarginTiers(floor=[0.0, 1_000.0], maintenance_rate=[0.01, 0.05], whole_position=True)
    # short 10: at 100 the notional reaches 1,000 and the requirement jumps from 10 to 50, above the equity of 30
    held = book(venue(tiers=whole), [-10.0], [99.0], [40.0])
    assert held.liquidation_price.tolist() == [100.0]
    assert held.liquidatable({"X": 99.9}).tolist() == [False]
    assert held.liquidatable({"X": 100.0}).tolist() == [True]
    # a long that fails just above the floor is healthy again just below it
    long = book(venue(tiers=whole), [10.0], [103.0], [60.0])
    assert long.liquidatable({"X": 101.0}).tolist() == [True]
    assert long.liquidatable({"X": 99.9}).tolist() == [False]
    assert long.liquidation_price[0] == pytest.approx(970.0 / 9.5)


def test_an_account_that_is_healthy_by_its_turn_is_left_alone_where_requirements_jump():
    whole = lc.MarginTiers(floor=[0.0, 1_000.0], maintenance_rate=[0.0, 0.05], whole_position=True)
    at = venue(tiers=whole, fund=1e6)
    # both fail at 101; the first sale carries the mark below 100, where the second is in the lower tier and healthy
    held = book(at, [20.0, 10.0], [103.0, 103.0], [60.0, 60.0])
    outcome = lc.shock(held, market(101.0, lc.LinearImpact(depth=1_000.0)), 0.0)
    assert held.liquidatable({"X": 101.0}).tolist() == [True, True]
    assert outcome.final_price["X"] < 100.0
    assert outcome.liquidated.tolist() == [True, False]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"basis": "entry"}, 100.0 - 10.0 + 100.0 * 0.01),
        ({"closing_fee": 0.005}, 90.0 / (1.0 - 0.015)),
        ({"tiers": flat_tiers(0.01, deduction=[0.5])}, (90.0 - 0.5) / 0.99),
        ({"tiers": flat_tiers(0.01, deduction=[2.0])}, 90.0),  # the requirement is never negative
        ({"tiers": flat_tiers(0.01, measure="contracts", whole_position=True)}, 90.0 / 0.99),
    ],
)
def test_basis_fee_and_deduction_enter_the_liquidation_price(options, expected):
    options = {"tiers": flat_tiers(0.01), **options}
    assert book(venue(**options), 1.0, 100.0, 10.0).liquidation_price[0] == pytest.approx(expected, rel=1e-15)


def test_tiers_by_contracts_do_not_move_with_the_price():
    tiers = lc.MarginTiers(floor=[0.0, 5.0], maintenance_rate=[0.01, 0.1], whole_position=True, measure="contracts")
    held = book(venue(tiers=tiers), [4.9, 5.0], [100.0, 100.0], [98.0, 100.0])
    expected = [80.0 / 0.99, 80.0 / 0.9]
    assert held.liquidation_price.tolist() == pytest.approx(expected, rel=1e-15)
    assert held.maintenance_margin({"X": 10.0}).tolist() == pytest.approx([0.49, 5.0], rel=1e-15)


def test_a_fully_margined_long_has_neither_price_and_a_short_always_has():
    held = book(venue(0.01), [1.0, -1.0], [100.0, 100.0], [100.0, 100.0])
    assert np.isnan(held.liquidation_price[0])
    assert np.isnan(held.bankruptcy_price[0])
    assert held.liquidation_price[1] == pytest.approx(200.0 / 1.01)


def test_valuations_are_what_their_names_say():
    held = book(venue(0.01), [2.0, -1.0], [100.0, 100.0], [20.0, 5.0])
    assert held.equity({"X": 95.0}).tolist() == [10.0, 10.0]
    assert held.exposure({"X": 95.0}).tolist() == [190.0, -95.0]
    assert held.leverage({"X": 95.0}).tolist() == [19.0, 9.5]
    assert held.leverage({"X": 90.0})[0] == math.inf  # nothing left
    assert held.maintenance_margin({"X": 95.0}).tolist() == pytest.approx([1.9, 0.95])
    assert held.equity(95.0).tolist() == held.equity(market(95.0)).tolist()


def test_a_book_is_sliced_like_an_array():
    held = book(venue(), [1.0, 2.0, 3.0], [100.0] * 3, [1.0, 2.0, 3.0])
    assert held[held.quantity > 1.5].quantity.tolist() == [2.0, 3.0]
    assert held[[2, 0]].margin.tolist() == [3.0, 1.0]
    assert held[1:].quantity.tolist() == [2.0, 3.0]
    assert held[-1].quantity.tolist() == [3.0]
    assert lc.concat([held[:1], held[1:]]).quantity.tolist() == held.quantity.tolist()
    with pytest.raises(lc.InputError, match="no such rows in a book of 3"):
        held[7]
    with pytest.raises(lc.KindError, match="rows must be a mask, indices"):
        held[0, 0]


def test_a_book_is_a_table_and_not_a_sequence():
    held = book(venue(), [1.0, 2.0], [1.0, 1.0], [1.0, 1.0])
    with pytest.raises(TypeError, match="not iterable"):
        list(held)
    for rows in ("a", 1.5, [[0]], None, True, np.ma.array([True, False], mask=[True, False])):
        with pytest.raises(lc.KindError, match="rows must be"):
            held[rows]
    assert len(held[[]]) == 0
    with pytest.raises(AttributeError):
        held.margins = 1.0
    assert pickle.loads(pickle.dumps(held.accounts)).balances == {}


def test_instruments_are_given_by_one_name_by_names_or_by_codes():
    tiers = flat_tiers(0.01)
    at = lc.Venue([lc.LinearPerpetual(name, asset=name, tiers=tiers) for name in ("A", "B")])
    columns = {"quantity": [1.0, 1.0], "entry_price": [1.0, 1.0], "margin": [1.0, 1.0]}
    for given in (["B", "A"], np.array(["B", "A"]), np.array(["B", "A"], dtype=object), [1, 0], np.array([1, 0])):
        assert lc.Book(at, instrument=given, **columns).instrument.tolist() == [1, 0]
    assert lc.Book(at, instrument="B", **columns).instrument.tolist() == [1, 1]


def test_isolated_positions_have_no_account():
    held = book(venue(), [1.0, 2.0], [1.0, 1.0], [1.0, 1.0])
    assert held.account.tolist() == [-1, -1]
    assert len(held.accounts) == 0


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_values_copy_and_pickle_through_their_constructors(clone):
    at = venue(tiers=TIERS, fund=5.0, deleveraging=True)
    curve = lc.DepthCurve(distance=[0.1], quantity=[9.0], ask_distance=[2.0], ask_quantity=[3.0])
    to = market(7.0, curve, half_spread=0.1)
    for value in (at, to, curve, TIERS, lc.LinearImpact(depth=math.inf), lc.PowerImpact(scale=2.0, exponent=0.5)):
        assert clone(value) == value
        assert hash(clone(value)) == hash(value)
    held = book(at, [1.0], [7.0], [1.0])
    ready = lc.prepare(held, to)
    again = clone(ready)
    assert clone(held).liquidation_price.tolist() == held.liquidation_price.tolist()
    assert lc.shock(again, -0.5).final_price == lc.shock(ready, -0.5).final_price


def test_a_book_remembers_its_last_market_without_showing_it():
    held = book(venue(0.01), [1.0], [100.0], [10.0])
    first = lc.shock(held, market(100.0), -0.2)
    other = lc.shock(held, market(100.0, lc.LinearImpact(depth=5.0)), -0.2)
    again = lc.shock(held, market(100.0), -0.2)
    assert first.final_price == again.final_price != other.final_price
    assert pickle.dumps(held) == pickle.dumps(book(venue(0.01), [1.0], [100.0], [10.0]))


def test_books_and_markets_say_in_a_few_lines_what_they_hold():
    held = book(venue(0.01), [2.0, -1.0], [100.0, 100.0], [20.0, 5.0])
    said = repr(held)
    assert "2 positions, margin 25" in said
    assert "1 long (2 X), 1 short (1 X)" in said
    assert "longs up to 90.9091, shorts from 103.96" in said
    assert len(said.splitlines()) == 2
    assert "<table>" in held._repr_html_()
    assert "half-spread 0.01" in repr(market(100.0, half_spread=0.01))
    assert "100" in market(100.0)._repr_html_()
    assert "sorted for a market of X" in repr(lc.prepare(held, market()))


def test_the_liquidation_map_holds_all_notional_once():
    held = book(venue(0.01), [2.0, -1.0, 1.0], [100.0] * 3, [20.0, 5.0, 90.0])
    drawn = held.liquidation_map({"X": 100.0}, bins=20, span=0.2)
    at = held.liquidation_price
    assert drawn.edges[[0, -1]].tolist() == [80.0, 120.0]
    assert drawn.long_notional.sum() == pytest.approx(2.0 * at[0])
    assert drawn.short_notional.sum() == pytest.approx(at[1])
    assert (drawn.long_beyond, drawn.short_beyond) == (pytest.approx(at[2]), 0.0)
    assert drawn.long_notional[int((at[0] - 80.0) / 2.0)] > 0.0
    assert "longs: 181.818 between 80 and 120, 10.101 beyond" in repr(drawn)
    assert drawn.to_frame().shape == (20, 4)
    for wrong in ({"bins": 0}, {"span": 1.0}, {"asset": "Y"}):
        with pytest.raises(lc.InputError):
            held.liquidation_map({"X": 100.0}, **wrong)


def test_many_liquidation_prices_are_to_the_bit_those_of_one_line_after_another():
    # Tiers that nothing reaches make the table too long for the search by exponents, and change no price.
    floor, rate = 50_000.0 * 2.0 ** np.arange(-1, 9), 0.004 * 1.4 ** np.arange(10)
    floor[0] = 0.0
    far = 1e200 * 2.0 ** np.arange(12)
    tables = [(floor, rate), (np.append(floor, far), np.append(rate, 0.2 + 0.01 * np.arange(12)))]
    random = np.random.default_rng(8)
    size = 60_000
    quantity = random.choice([-1.0, 1.0], size) * 10.0 ** random.uniform(-9.0, 9.0, size)
    entry = 10.0 ** random.uniform(-3.0, 5.0, size)
    margin = np.abs(quantity) * entry / random.uniform(0.5, 100.0, size)
    # Some are as far in debt as makes them fail just where a tier begins.
    at = floor[random.integers(1, 10, size)]
    required = lc.MarginTiers(floor.tolist(), rate.tolist()).maintenance_margin(at)
    side = np.sign(quantity)
    needed = (quantity * entry - side * at + required) * random.choice([1.0, 1.0 + 1e-15, 1.0 - 1e-12], size)
    margin = np.where((random.random(size) < 0.3) & (needed > 0.0), needed, margin)
    prices = []
    for floors, rates in tables:
        tiers = lc.MarginTiers(floors.tolist(), rates.tolist())
        venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=tiers)])
        held = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
        prices.append(held.liquidation_price)
    assert np.array_equal(prices[0].view(np.int64), prices[1].view(np.int64))
    assert 100 < np.isnan(prices[0]).sum() < size // 2


@pytest.mark.parametrize("instruments", [2, 5, 300])
@pytest.mark.parametrize("stretch", [1, 3, 63, 64, 65, 5_000])
def test_liquidation_prices_do_not_depend_on_the_order_of_instruments(instruments, stretch):
    random = np.random.default_rng(instruments * stretch)
    size = 40_003
    rate = np.array([0.004, 0.01, 0.05])
    tables = [lc.MarginTiers([0.0, 5e3 * (k + 1), 4e5 * (k + 1)], rate + 1e-4 * k) for k in range(instruments)]
    rules = lc.Venue([lc.LinearPerpetual(f"X{k}", asset=f"X{k}", tiers=tiers) for k, tiers in enumerate(tables)])
    codes = random.integers(0, instruments, size // stretch + 1).repeat(stretch)[:size].astype(np.int32)
    quantity = random.choice([-1.0, 0.0, 1.0], size, p=[0.45, 0.1, 0.45]) * 10.0 ** random.uniform(-2.0, 4.0, size)
    entry = 10.0 ** random.uniform(0.0, 3.0, size)
    margin = np.maximum(np.abs(quantity) * entry, 1.0) / random.uniform(0.5, 50.0, size)
    held = lc.Book(rules, instrument=codes, quantity=quantity, entry_price=entry, margin=margin)
    order = np.argsort(codes, kind="stable")
    assert np.array_equal(held.liquidation_price[order], held[order].liquidation_price, equal_nan=True)
    assert np.isnan(held.liquidation_price).sum() < size // 2


WRONG = {
    "quantity": (math.nan, 1e91, 1e-91, -math.inf),
    "entry_price": (0.0, -1.0, math.nan, math.inf, 1e91, 1e-91),
    "margin": (0.0, -1.0, math.nan, math.inf, 1e91, 1e-91),
}


@pytest.mark.parametrize("column", WRONG)
@pytest.mark.parametrize("threads", [1, 3])
def test_wherever_in_a_large_book_a_number_breaks_its_rule_its_row_is_named(column, threads, monkeypatch):
    monkeypatch.setattr("levcore.thread_count.asked", lambda _: threads)
    size = 150_001
    right = {"quantity": np.ones(size), "entry_price": np.full(size, 100.0), "margin": np.full(size, 10.0)}
    assert len(lc.Book(venue(), instrument="X", **right)) == size
    for value in WRONG[column]:
        for row in (0, 16_384, size - 1):
            numbers = right[column].copy()
            numbers[[row, size - 1]] = value
            given = right | {column: numbers}
            said = rf"^{column}\[{row}\] must be .*, was {re.escape(f'{value:g}')}"
            with pytest.raises(lc.InputError, match=said):
                lc.Book(venue(), instrument="X", **given)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_later_write_to_a_column_does_not_show_in_a_large_book(threads, monkeypatch):
    monkeypatch.setattr("levcore.thread_count.asked", lambda _: threads)
    random = np.random.default_rng(5)
    given = {name: random.lognormal(0.0, 1.0, 200_000) for name in ("quantity", "entry_price", "margin")}
    kept = {name: values.copy() for name, values in given.items()}
    held = lc.Book(venue(), instrument="X", **given)
    before = held.liquidation_price.copy()
    for values in given.values():
        values[:] = 7.0
    for name, values in kept.items():
        assert np.array_equal(getattr(held, name), values)
        assert not getattr(held, name).flags.writeable
    assert np.array_equal(held.liquidation_price, before, equal_nan=True)
    assert held.instrument.dtype == np.int32
    assert held.instrument.tolist() == [0] * len(held)
    assert held.account.dtype == np.int64
    assert (held.account == -1).all()
