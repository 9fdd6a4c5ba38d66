"""Published liquidation and bankruptcy prices of isolated positions, and margin tiers."""

import math
import re
from fractions import Fraction

import pytest

import levcore as lc
from oracle_checks import near, side_of, tiers_of

# What is asked of a venue's isolated linear positions (basis of the requirement, closing fee in it, kind of table).
VENUES = {
    "binance_usdm": {},
    "hyperliquid": {},
    "bitget_usdt": {"fee": True},
    "okx_usdt": {"fee": True, "whole_position": True},
    "gate_usdt": {"fee": True, "whole_position": True},
    "bybit_linear": {"basis": "entry"},
    "delta_exchange": {"basis": "entry"},
    "kucoin": {"basis": "entry"},
}


def quantity_of(inputs):
    return inputs["amount"] if "amount" in inputs else inputs["size"]


def margin_of(inputs):
    for name in ("isolated_margin", "position_margin", "wallet_balance"):
        if name in inputs:
            return inputs[name]
    return inputs["entry_price"] * quantity_of(inputs) / inputs["leverage"]


def rate_of(inputs):
    for name in ("mmr", "mmr_on_entry"):
        if name in inputs:
            return inputs[name]
    if "maintenance_margin" in inputs:
        return inputs["maintenance_margin"] / (quantity_of(inputs) * inputs["entry_price"])
    return 0.5 / inputs["max_leverage"]


def table_of(tiers, *, whole_position=False):
    deduction = None if whole_position or any(t["maintAmt"] is None for t in tiers) else [t["maintAmt"] for t in tiers]
    return lc.MarginTiers(
        [0.0, *(float(t["minNotional"]) for t in tiers[1:])],
        [t["mmr"] for t in tiers],
        max_leverage=[t["maxLeverage"] for t in tiers],
        deduction=deduction,
        whole_position=whole_position,
    )


def own_brackets(case):
    """The case's single rate as a bracket without bounds: (floor, ceiling, rate, deduction)."""
    inputs = case["inputs"]
    fee = inputs.get("taker_fee", 0.0) if VENUES[case["venue"]].get("fee") else 0.0
    return [(0.0, math.inf, Fraction(rate_of(inputs)) + Fraction(fee), inputs.get("maint_amount") or 0.0)]


def shared_brackets(case):
    return tiers_of(case["inputs"]["pair"].split("/")[0] + "USDT")


def book_of(case, *, tiers=None, margin=None):
    inputs, rules = case["inputs"], VENUES[case["venue"]]
    if tiers is None:
        deduction = inputs.get("maint_amount") or None
        tiers = lc.MarginTiers(
            [0.0],
            [rate_of(inputs)],
            deduction=deduction and [deduction],
            whole_position=rules.get("whole_position", False) and not deduction,
        )
    fee = inputs.get("taker_fee", 0.0) if rules.get("fee") else 0.0
    perpetual = lc.LinearPerpetual("P", asset="A", tiers=tiers, closing_fee=fee, basis=rules.get("basis", "mark"))
    return lc.Book(
        lc.Venue([perpetual]),
        instrument="P",
        quantity=[side_of(inputs) * float(quantity_of(inputs))],
        entry_price=[float(inputs["entry_price"])],
        margin=[float(margin_of(inputs) if margin is None else margin)],
    )


def price_by_brackets(case, brackets):
    """The self-consistent liquidation price in exact arithmetic, bracket by bracket; nan where there is none."""
    inputs, sign = case["inputs"], side_of(case["inputs"])
    quantity, entry, margin = (Fraction(x) for x in (quantity_of(inputs), inputs["entry_price"], margin_of(inputs)))
    cash, nothing = margin - sign * quantity * entry, Fraction(0)
    bankruptcy = -cash / (sign * quantity)
    if VENUES[case["venue"]].get("basis") == "entry":
        _, _, rate, deduction = brackets[0]
        price = bankruptcy + sign * max(nothing, Fraction(rate) * quantity * entry - Fraction(deduction)) / quantity
        return float(price) if price > 0 else math.nan
    for floor, ceiling, rate, deduction in brackets:
        rate, deduction = Fraction(rate), Fraction(deduction)
        price = (deduction + cash) / (quantity * (rate - sign))
        notional = quantity * price
        if price > 0 and rate * notional >= deduction and floor <= notional < ceiling:
            return float(price)
    _, _, rate, deduction = brackets[0]  # a requirement is never negative
    free = bankruptcy > 0 and Fraction(rate) * quantity * bankruptcy < Fraction(deduction)
    return float(bankruptcy) if free else math.nan


def check_own_price(case, book, brackets):
    """levcore's price is the one found here by a loop over the brackets, and the predicate turns there.

    A fully margined long has none. Where rounding of quantity and margin alone leaves one, billionths of the entry
    price, it counts as none: nan is returned.
    """
    price, own = float(book.liquidation_price[0]), price_by_brackets(case, brackets)
    entry, sign = case["inputs"]["entry_price"], side_of(case["inputs"])
    if math.isnan(own) or own < 1e-9 * entry:
        assert math.isnan(price) or price < 1e-9 * entry
        return math.nan
    near(price, own, {"abs": 1e-12 * entry, "rel": 1e-12})
    assert bool(book.liquidatable({"A": price * (1.0 - sign * 1e-6)})[0])
    assert not bool(book.liquidatable({"A": price * (1.0 + sign * 1e-6)})[0])
    return price


def check_liquidation_price(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    book = book_of(case)
    price = check_own_price(case, book, own_brackets(case))
    for name, value in expected.items():
        if name == "liquidation_price" and (value is None or value <= 0.0):
            assert math.isnan(price)
        elif name == "liquidation_price":
            near(price, value, tolerance)
        elif name == "buffered_liquidation_price":  # liq + buffer*(entry - liq)
            buffer, entry = inputs["liquidation_buffer"], inputs["entry_price"]
            if (value - buffer * entry) / (1.0 - buffer) > 0.0:
                near(price + buffer * (entry - price), value, tolerance)
            else:
                assert math.isnan(price)
        elif name == "bankruptcy_price":
            paid_in = None
            if "initial_margin" in inputs:  # the posted margin without what it holds for the closing fee
                paid_in = inputs["initial_margin"] + inputs.get("added_margin", 0.0)
            near(float(book_of(case, margin=paid_in).bankruptcy_price[0]), value, tolerance)
        else:
            pytest.fail(f"nothing answers {name}")


def check_tiered_price(case):
    """freqtrade takes the bracket of the entry notional, levcore the one that the liquidation price falls in."""
    inputs, published = case["inputs"], case["expected"]["liquidation_price"]
    sign, quantity, entry = side_of(inputs), inputs["amount"], inputs["entry_price"]
    tiers = shared_brackets(case)
    table = table_of(tiers)
    at_entry = table.tier(quantity * entry)
    rate, deduction = table.maintenance_rate[at_entry], table.deduction[at_entry]
    near(rate, inputs["mmr"], {"rel": 1e-12})
    near(deduction, inputs["maint_amount"], {"abs": 1e-6, "rel": 1e-12})
    by_entry = (inputs["isolated_margin"] + deduction - sign * quantity * entry) / (quantity * (rate - sign))
    near(by_entry, published, case["tolerance"])  # what freqtrade gives is the price of the bracket at entry
    ceilings = [*(t["minNotional"] for t in tiers[1:]), math.inf]
    brackets = [(t["minNotional"], top, t["mmr"], t["maintAmt"]) for t, top in zip(tiers, ceilings, strict=True)]
    price = check_own_price(case, book_of(case, tiers=table), brackets)
    if math.isnan(price):
        assert published < 1e-9 * entry
    elif table.tier(quantity * price) == at_entry:
        near(price, published, case["tolerance"])
    else:  # a requirement that is the higher of the two is met sooner
        assert sign * (price - published) > 0.0


def check_buffer(case):
    inputs, sign, rate = case["inputs"], side_of(case["inputs"]), 0.01
    entry, raw = inputs["entry_price"], inputs["raw_liquidation_price"]
    own = {"side": inputs["side"], "entry_price": entry, "amount": 1.0, "mmr": rate}
    own["isolated_margin"] = rate * raw - sign * (raw - entry)
    price = float(book_of({**case, "inputs": own}).liquidation_price[0])
    near(price, raw, {"rel": 1e-13})
    near(
        price + inputs["liquidation_buffer"] * (entry - price),
        case["expected"]["buffered_liquidation_price"],
        case["tolerance"],
    )


def check_maintenance_payload(case):
    """The rate is the note's; the initial margin is what gives the stated leverage."""
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    rate = inputs.get("mmr") or float(re.search(r"mmr=([\d.]+)%", case["note"])[1]) / 100.0
    own = {"side": "long", "entry_price": inputs["avg_price"], "amount": inputs["size"], "mmr": rate}
    book = book_of({**case, "inputs": {**own, "isolated_margin": expected["initial_margin"]}})
    mark = {"A": inputs["last_price"]}
    near(float(book.exposure(mark)[0]), inputs["notional_usd"], tolerance)
    near(float(book.maintenance_margin(mark)[0]), expected["maintenance_margin"], tolerance)
    near(float(book.leverage(mark)[0]), inputs["leverage"], tolerance)


# ---- margin tiers ----


def check_tier_lookup(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    tiers = inputs["tiers"] if "tiers" in inputs else shared_brackets(case)
    whole_position = VENUES[case["venue"]].get("whole_position", False)
    table, notional = table_of(tiers, whole_position=whole_position), float(inputs["notional"])
    tier = table.tier(notional)
    rate, deduction = table.maintenance_rate[tier], table.deduction[tier]
    near(rate, expected["mmr"], tolerance)
    near(deduction, expected.get("maint_amount") or 0.0, tolerance)
    near(table.maintenance_margin(notional), notional * rate - deduction, {"rel": 1e-12})
    if not whole_position:  # the deductions that levcore works out are the published ones
        filled = lc.MarginTiers(table.floor, table.maintenance_rate).deduction[tier]
        near(filled, expected.get("maint_amount") or 0.0, {"abs": 1e-6, "rel": 1e-12})


def check_max_leverage(case):
    """The highest leverage that the tier of stake times leverage allows, by bisection."""
    stake, tiers = case["inputs"]["stake"], table_of(case["inputs"]["tiers"])
    low, high = 0.0, max(tiers.max_leverage) * 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        allowed = middle <= tiers.max_leverage[tiers.tier(stake * middle)]
        low, high = (middle, high) if allowed else (low, middle)
    near(low, case["expected"]["max_leverage"], case["tolerance"])


KINDS = {
    "liquidation_price": check_liquidation_price,
    "liquidation_and_bankruptcy_price": check_liquidation_price,
    "bankruptcy_price": check_liquidation_price,
    "liquidation_price_tiered": check_tiered_price,
    "liquidation_buffer": check_buffer,
    "maintenance_margin_payload": check_maintenance_payload,
    "tier_lookup": check_tier_lookup,
    "max_leverage_for_stake": check_max_leverage,
}
