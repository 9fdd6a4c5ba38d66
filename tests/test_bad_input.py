"""What must not come in: each refusal has its class and names the column, the row, the value and the rule."""

from __future__ import annotations

import decimal
import math
import pickle

import numpy as np
import pytest

import levcore as lc
from making import book, flat_tiers, market, venue

GOOD = {"quantity": [1.0, -2.0, 3.0], "entry_price": [100.0, 101.0, 102.0], "margin": [10.0, 20.0, 30.0]}


def with_bad(name: str, row: int, value: object) -> dict[str, list[object]]:
    columns = {column: list(values) for column, values in GOOD.items()}
    columns[name][row] = value
    return columns


@pytest.mark.parametrize("name", ["entry_price", "margin"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [(math.nan, "be finite"), (math.inf, "be finite"), (0.0, "be > 0"), (-3.0, "be > 0"), (1e95, "be at most 1e90")],
)
def test_a_price_or_margin_that_breaks_its_rule_is_named_with_its_row(name, value, rule):
    with pytest.raises(lc.InputError, match=rf"^{name}\[1\] must {rule}, was ") as caught:
        lc.Book(venue(), instrument="X", **with_bad(name, 1, value))
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, lc.LevcoreError)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_quantity_that_is_not_finite_is_refused(value):
    with pytest.raises(lc.InputError, match=r"^quantity\[2\] must be finite"):
        lc.Book(venue(), instrument="X", **with_bad("quantity", 2, value))


def test_the_first_bad_row_is_the_one_that_is_named():
    margin = np.ones(1_000)
    margin[[17, 400]] = -3.0
    with pytest.raises(lc.InputError, match=r"^margin\[17\] must be > 0, was -3$"):
        lc.Book(venue(), instrument="X", quantity=np.ones(1_000), entry_price=np.ones(1_000), margin=margin)


def test_columns_of_different_lengths_are_refused_with_their_lengths():
    with pytest.raises(lc.InputError, match="quantity had 3 rows, margin had 2"):
        lc.Book(venue(), instrument="X", quantity=[1.0] * 3, entry_price=[1.0] * 3, margin=[1.0] * 2)
    with pytest.raises(lc.InputError, match="instrument had 2 rows, quantity had 3"):
        lc.Book(venue(), instrument=["X", "X"], **GOOD)


@pytest.mark.parametrize(
    "column",
    [["a", "b", "c"], np.array([1j, 2j, 3j]), [True, False, True], "abc", None, [None, 1.0, 2.0], [[1.0]], 3.0],
)
def test_a_column_of_the_wrong_kind_is_refused(column):
    with pytest.raises((lc.KindError, lc.InputError), match="quantity"):
        lc.Book(venue(), instrument="X", quantity=column, entry_price=GOOD["entry_price"], margin=GOOD["margin"])


def test_dates_are_no_numbers():
    dates = np.array(["2024-01-01"] * 3, dtype="datetime64[D]")
    with pytest.raises(lc.KindError, match="datetime64"):
        lc.Book(venue(), instrument="X", quantity=dates, entry_price=GOOD["entry_price"], margin=GOOD["margin"])


def test_masked_values_are_refused_with_their_row():
    masked = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
    with pytest.raises(lc.InputError, match=r"quantity\[1\] must be a number, was masked"):
        lc.Book(venue(), instrument="X", quantity=masked, entry_price=GOOD["entry_price"], margin=GOOD["margin"])


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.0, -2.0, 3.0]),
        np.array([1, -2, 3]),
        np.array([1.0, -2.0, 3.0], dtype=np.float32),
        np.array([1.0, 9.0, -2.0, 9.0, 3.0, 9.0])[::2],
        np.array([1.0, -2.0, 3.0], dtype=">f8"),
        [1, -2.0, 3],
        (1.0, -2.0, 3.0),
    ],
)
def test_strided_integer_and_foreign_byte_order_columns_are_accepted(array):
    held = lc.Book(venue(), instrument="X", quantity=array, entry_price=GOOD["entry_price"], margin=GOOD["margin"])
    assert held.quantity.tolist() == [1.0, -2.0, 3.0]


def test_read_only_columns_are_accepted_and_a_later_write_to_the_source_does_not_show():
    frozen, open_ = np.array(GOOD["quantity"]), np.array(GOOD["margin"])
    frozen.flags.writeable = False
    held = lc.Book(venue(), instrument="X", quantity=frozen, entry_price=GOOD["entry_price"], margin=open_)
    open_[0] = -1.0
    assert held.margin[0] == 10.0
    with pytest.raises(ValueError, match="read-only"):
        held.margin[0] = 5.0


def test_unknown_instruments_are_named():
    with pytest.raises(lc.InputError, match="unknown instrument 'Y'; known: X"):
        lc.Book(venue(), instrument="Y", **GOOD)
    with pytest.raises(lc.InputError, match=r"instrument\[1\] must be one of X, was str 'Y'"):
        lc.Book(venue(), instrument=["X", "Y", "X"], **GOOD)
    with pytest.raises(lc.InputError, match=r"instrument\[2\] must lie in 0 to 0, was 1"):
        lc.Book(venue(), instrument=[0, 0, 1], **GOOD)
    with pytest.raises(lc.KindError, match="instrument must be names or integer codes"):
        lc.Book(venue(), instrument=[0.0, 0.0, 0.0], **GOOD)


def test_a_market_without_the_books_asset_is_refused():
    other = lc.Market({"Y": lc.Asset(1.0, impact=lc.LinearImpact(depth=1.0))})
    with pytest.raises(lc.InputError, match="market must have every asset of the venue; missing: X"):
        lc.shock(lc.Book(venue(), instrument="X", **GOOD), other, -0.1)


def test_a_zero_quantity_is_accepted_and_inert():
    held = book(venue(0.01), [0.0, 1.0], [100.0, 100.0], [1.0, 5.0])
    assert np.isnan(held.liquidation_price[0])
    assert np.isnan(held.bankruptcy_price[0])
    assert held.equity({"X": 50.0}).tolist() == [1.0, -45.0]
    assert held.leverage({"X": 100.0}).tolist() == [0.0, 20.0]
    outcome = lc.shock(held, market(100.0, lc.LinearImpact(depth=10.0)), -0.5)
    assert outcome.liquidated.tolist() == [False, True]


def test_an_empty_book_is_accepted():
    held = book(venue(), [], [], [])
    outcome = lc.shock(held, market(), -0.5)
    assert (len(held), outcome.rounds, outcome.liquidated_count, outcome.conservation_error) == (0, 0, 0, 0.0)
    assert outcome.final_price["X"] == 50.0
    assert len(lc.shock(held, market(), [-0.1, 0.1])) == 2
    assert held.liquidation_price.shape == (0,)
    assert "no positions" in repr(held)
    assert len(lc.concat([held, held])) == 0


def test_a_position_below_maintenance_is_accepted_listed_and_goes_in_the_first_round():
    held = book(venue(0.05, fund=1e6), [1.0, 1.0], [100.0, 100.0], [4.0, 50.0])
    assert np.flatnonzero(held.liquidatable({"X": 100.0})).tolist() == [0]
    outcome = lc.shock(held, market(), 0.0)
    assert outcome.liquidated.tolist() == [True, False]
    assert math.isnan(outcome.amplification["X"])


@pytest.mark.parametrize("value", [-1.0, -1.5, math.nan, math.inf, -math.inf])
def test_a_shock_of_minus_a_hundred_percent_or_worse_is_refused(value):
    held = lc.Book(venue(), instrument="X", **GOOD)
    with pytest.raises(lc.InputError, match=r"^shock must be"):
        lc.shock(held, market(), value)
    with pytest.raises(lc.InputError, match=r"^shock\['X'\] must be"):
        lc.shock(held, market(), {"X": value})
    with pytest.raises(lc.InputError, match=r"^shock\[1\] must be"):
        lc.shock(held, market(), [0.0, value])
    with pytest.raises(lc.InputError, match=r"^shock\[1, 0\] must be"):
        lc.shock(held, market(), [[0.0], [value]])


def test_shocks_of_the_wrong_form_are_refused():
    held = lc.Book(venue(), instrument="X", **GOOD)
    with pytest.raises(lc.InputError, match="unknown asset 'Y'; known: X"):
        lc.shock(held, market(), {"Y": -0.1})
    with pytest.raises(lc.InputError, match=r"must have shape \(n,\) or \(n, 1\), had \(2, 3\)"):
        lc.shock(held, market(), np.zeros((2, 3)))
    for wrong in ("-10%", None, True, market()):
        with pytest.raises(lc.KindError, match="shock"):
            lc.shock(held, market(), wrong)
    with pytest.raises(lc.KindError, match="give only the shock"):
        lc.shock(lc.prepare(held, market()), market(), -0.1)
    with pytest.raises(lc.KindError, match="market must be a Market"):
        lc.shock(held, -0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"floor": [], "maintenance_rate": []}, "at least one tier"),
        ({"floor": [1.0], "maintenance_rate": [0.1]}, r"floor\[0\] must be 0, was 1"),
        ({"floor": [0.0, -5.0], "maintenance_rate": [0.1, 0.2]}, r"floor\[1\] must be finite and >= 0, was -5"),
        ({"floor": [0.0, 5.0, 4.0], "maintenance_rate": [0.1] * 3}, r"floor\[2\] must be above the floor before it"),
        ({"floor": [0.0, 5.0], "maintenance_rate": [0.2, 0.1]}, r"maintenance_rate\[1\] must not be below"),
        ({"floor": [0.0], "maintenance_rate": [1.0]}, r"maintenance_rate\[0\] must lie in \[0, 1\), was 1"),
        ({"floor": [0.0], "maintenance_rate": [-0.1]}, r"maintenance_rate\[0\] must lie in \[0, 1\)"),
        ({"floor": [0.0], "maintenance_rate": [math.nan]}, r"maintenance_rate\[0\] must lie in \[0, 1\)"),
        ({"floor": [0.0, math.inf], "maintenance_rate": [0.1, 0.2]}, r"floor\[1\] must be finite"),
        ({"floor": [0.0, 5.0], "maintenance_rate": [0.1]}, "floor had 2, maintenance_rate 1"),
        (
            {"floor": [0.0, 100.0], "maintenance_rate": [0.1, 0.2], "deduction": [0.0, 9.0]},
            r"deduction\[1\] must be 10.* for the requirement to be continuous, was 9",
        ),
        ({"floor": [0.0], "maintenance_rate": [0.1], "deduction": [-1.0]}, r"deduction\[0\] must be finite and >= 0"),
        (
            {"floor": [0.0, 9.0], "maintenance_rate": [0.1, 0.2], "deduction": [0.0, 0.9], "whole_position": True},
            r"deduction\[1\] must be 0 where the whole position takes one rate",
        ),
        ({"floor": [0.0], "maintenance_rate": [0.1], "max_leverage": [0.0]}, r"max_leverage\[0\] must be > 0"),
        ({"floor": [0.0], "maintenance_rate": [0.1], "measure": "size"}, "measure must be 'notional' or"),
    ],
)
def test_a_table_of_tiers_that_breaks_a_rule_is_refused(arguments, message):
    with pytest.raises(lc.InputError, match=message):
        lc.MarginTiers(**arguments)


def test_a_closing_fee_may_not_lift_a_rate_to_one():
    with pytest.raises(lc.InputError, match=r"maintenance_rate with closing_fee must lie in \[0, 1\)"):
        lc.LinearPerpetual("X", asset="X", tiers=flat_tiers(0.6), closing_fee=0.4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: lc.LinearImpact(depth=0.0), "depth must be > 0"),
        (lambda: lc.LinearImpact(depth=math.nan), "depth must be finite"),
        (lambda: lc.SquareRootImpact(daily_volatility=-1.0, daily_volume=1.0), "daily_volatility must be >= 0"),
        (lambda: lc.SquareRootImpact(daily_volatility=1.0, daily_volume=0.0), "daily_volume must be > 0"),
        (lambda: lc.PowerImpact(scale=1.0, exponent=0.0), "exponent must be > 0"),
        (lambda: lc.PowerImpact(scale=math.inf, exponent=0.5), "scale must be finite"),
        (lambda: lc.DepthCurve(distance=[], quantity=[]), "distance must have at least one node"),
        (lambda: lc.DepthCurve(distance=[0.1], quantity=[1.0, 2.0]), "distance had 1 nodes, quantity 2"),
        (lambda: lc.DepthCurve(distance=[0.1, 1.0], quantity=[1.0, 2.0]), r"distance\[1\] must be < 1"),
        (lambda: lc.DepthCurve(distance=[0.2, 0.1], quantity=[1.0, 2.0]), r"distance\[1\] must not be below"),
        (lambda: lc.DepthCurve(distance=[0.1, 0.2], quantity=[2.0, 2.0]), r"quantity\[1\] must be above"),
        (lambda: lc.DepthCurve(distance=[0.1], quantity=[1.0], ask_distance=[0.1]), "must be given together"),
        (lambda: lc.Asset(0.0, impact=lc.LinearImpact(depth=1.0)), "price must be > 0"),
        (lambda: lc.Asset(1.0, impact=lc.LinearImpact(depth=1.0), permanent=1.1), "permanent must be <= 1"),
        (lambda: lc.Asset(1.0, impact=lc.LinearImpact(depth=1.0), half_spread=1.0), "half_spread must be < 1"),
        (lambda: lc.Asset(1.0, impact=lc.LinearImpact(depth=1.0), mark_follow=-0.1), "mark_follow must be >= 0"),
        (lambda: lc.Backstop(insurance_fund=-1.0), "insurance_fund must be >= 0"),
        (lambda: lc.FullClose(fee_rate=1.0), "fee_rate must be < 1"),
        (lambda: lc.FullClose(fee_to="me"), "fee_to must be 'fund' or 'outside', was 'me'"),
        (lambda: lc.Venue([]), "instruments must not be empty"),
        (lambda: lc.Venue([*venue().instruments, *venue().instruments]), "'X' stands twice"),
        (lambda: lc.Venue(venue().instruments, remainder="me"), "remainder must be 'fund' or 'trader'"),
        (lambda: lc.Market({}), "assets must not be empty"),
        (lambda: lc.concat([]), "books must not be empty"),
        (lambda: lc.concat([book(venue(), 1.0, 1.0, 1.0), book(venue(0.1), 1.0, 1.0, 1.0)]), "same venue"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(build, message):
    with pytest.raises(lc.InputError, match=message):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: lc.LinearImpact(depth="deep"),
        lambda: lc.LinearImpact(depth=True),
        lambda: lc.Asset(1.0, impact="linear"),
        lambda: lc.Market([1, 2]),
        lambda: lc.Market({"X": 1.0}),
        lambda: lc.Venue(venue().instruments[0]),
        lambda: lc.Venue(["X"]),
        lambda: lc.Backstop(deleveraging=1),
        lambda: lc.LinearPerpetual("X", asset="X", tiers=[0.1]),
        lambda: lc.Book("venue", instrument="X", quantity=[1.0], entry_price=[1.0], margin=[1.0]),
        lambda: lc.concat(book(venue(), 1.0, 1.0, 1.0)),
        lambda: lc.prepare(market(), market()),
        lambda: lc.estimate_bytes("many"),
        lambda: lc.Book.from_frame(venue(), 3),
    ],
)
def test_an_argument_of_the_wrong_kind_is_a_type_error(build):
    with pytest.raises(lc.KindError) as caught:
        build()
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "impact",
    [
        lc.SquareRootImpact(daily_volatility=0.03, daily_volume=1e5),
        lc.PowerImpact(scale=1e5, exponent=0.6),
        lc.DepthCurve(distance=[0.1], quantity=[10.0]),
    ],
)
def test_a_shape_that_is_not_linear_refuses_resilience_with_a_permanent_share(impact):
    with pytest.raises(lc.InputError, match="a round trip would earn money"):
        lc.Asset(1.0, impact=impact, resilience=1.0, permanent=0.5)
    lc.Asset(1.0, impact=impact, resilience=1.0, permanent=0.0)
    lc.Asset(1.0, impact=lc.PowerImpact(scale=1e5, exponent=1.0), resilience=1.0, permanent=0.5)


def test_absurd_sizes_are_refused_before_anything_is_allocated():
    options = {"prices": {"X": 100.0}, "open_interest": {"X": 1e6}, "seed": 1}
    with pytest.raises(lc.TooLargeError, match="GB of memory") as caught:
        lc.Book.synthetic(venue(0.005), size=10**12, **options)
    assert isinstance(caught.value, MemoryError)
    shocks = np.broadcast_to(np.float64(-0.1), (2**40,))  # no memory behind it
    with pytest.raises(lc.TooLargeError, match=r"a batch of 1,099,511,627,776 shocks needs .* GB of memory"):
        lc.shock(lc.Book(venue(), instrument="X", **GOOD), market(), shocks)


def test_prices_must_name_every_asset_and_be_positive():
    held = lc.Book(venue(), instrument="X", **GOOD)
    assert held.equity(100.0).tolist() == held.equity({"X": 100.0, "other": 1.0}).tolist()
    for wrong in ({}, {"Y": 1.0}):
        with pytest.raises(lc.InputError, match="missing: X"):
            held.equity(wrong)
    for value in (0.0, -1.0, math.nan):
        with pytest.raises(lc.InputError, match=r"prices\['X'\] must be"):
            held.leverage({"X": value})
    with pytest.raises(lc.KindError, match="prices must be"):
        held.equity([100.0])


def test_objects_that_are_numbers_are_numbers_and_others_are_named():
    held = lc.Book(venue(), instrument="X", **{**GOOD, "quantity": np.array([1.0, -2, 3.0], dtype=object)})
    assert held.quantity.tolist() == GOOD["quantity"]
    with pytest.raises(lc.KindError, match=r"quantity\[1\] must be a number, was Decimal"):
        lc.Book(venue(), instrument="X", **with_bad("quantity", 1, decimal.Decimal(3)))
    with pytest.raises(lc.KindError, match="quantity must be an array of numbers, was generator"):
        lc.Book(venue(), instrument="X", **{**GOOD, "quantity": (x for x in [1.0, 2.0, 3.0])})


def test_numbers_in_messages_are_as_short_as_they_can_be():
    with pytest.raises(lc.InputError, match=r"was 0\.1$"):
        lc.MarginTiers(floor=[0.0, 5.0], maintenance_rate=[0.2, 0.1])


def test_whole_numbers_of_numpy_are_whole_numbers():
    held = lc.Book(venue(), instrument="X", **GOOD)
    assert lc.estimate_bytes(np.int64(5), shocks=np.int32(2)) == lc.estimate_bytes(5, shocks=2)
    assert len(held.liquidation_map(100.0, bins=np.int32(7)).long_notional) == 7
    for wrong in (2.5, True):
        with pytest.raises(lc.KindError, match="bins must be an int"):
            held.liquidation_map(100.0, bins=wrong)


def test_an_unknown_law_of_the_synthetic_book_is_named():
    with pytest.raises(lc.InputError, match="unknown option 'foo'; known: leverage"):
        lc.Book.synthetic(venue(0.005), size=10, prices={"X": 1.0}, open_interest={"X": 1.0}, seed=1, foo=1)


def test_nothing_half_built_remains_after_a_refusal():
    held = lc.Book(venue(), instrument="X", **GOOD)
    before = pickle.dumps(held)
    with pytest.raises(lc.InputError):
        lc.shock(held, market(), [-0.1, -2.0])
    assert pickle.dumps(held) == before


def test_a_price_that_leaves_the_representable_range_is_an_error_in_the_outcome():
    held = book(venue(0.0), [1.0], [100.0], [10.0])
    crushed = lc.shock(held, market(100.0, lc.LinearImpact(depth=1e-3)), -0.5)
    assert crushed.error is not None
    assert "price of X" in crushed.error
    assert "ERROR" in repr(crushed)
    assert crushed.final_price["X"] == 50.0
    assert crushed.liquidated_count == 0
    batch = lc.shock(held, market(100.0, lc.LinearImpact(depth=1e-3)), [0.0, -0.5])
    assert batch.error == (None, crushed.error)
    assert "ERROR in 1" in repr(batch)
