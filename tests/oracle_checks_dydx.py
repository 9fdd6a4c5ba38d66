"""Published numbers of dYdX v4: the chain's own tests, through levcore.venues.dydx."""

from fractions import Fraction

from levcore.venues import dydx
from oracle_checks import near


def position(held, **given):
    """A position; where a case states only the maintenance share, the market is the source's: half of the initial."""
    rate = Fraction(str(held.get("mmr", given.get("mmr"))))
    initial = Fraction(str(held["imr"])) if "imr" in held else 2 * rate
    price = held.get("oracle_price", given.get("oracle_price"))
    return dydx.Position(
        held.get("market", given.get("market")),
        quantity=held["size"],
        oracle_price=price[held["market"]] if isinstance(price, dict) else price,
        initial_margin_fraction=initial,
        maintenance_fraction=rate / initial,
    )


def account(inputs, **given):
    held = inputs["positions"] if "positions" in inputs else [inputs] if inputs.get("size") else []
    return dydx.Subaccount(inputs["quote_balance"], tuple(position(row, **given) for row in held))


def open_interest(inputs):
    names = {"open_interest": "open_interest_notional", "lower_cap": "oi_lower_cap", "upper_cap": "oi_upper_cap"}
    return {ours: inputs[theirs] for ours, theirs in names.items()}


# ---- margin ----


def check_requirement(case):
    inputs = case["inputs"]
    names = {"initial_margin_fraction": "base_imf", "maintenance_fraction": "maintenance_fraction"}
    found = dydx.margin_requirement(
        inputs["size"],
        oracle_price=inputs["oracle_price"],
        **{ours: inputs[theirs] for ours, theirs in names.items()},
        **open_interest(inputs),
    )
    near(found[0], case["expected"]["initial_margin"], case["tolerance"])
    near(found[1], case["expected"]["maintenance_margin"], case["tolerance"])


def check_scaled_fraction(case):
    inputs = case["inputs"]
    found = dydx.scaled_initial_margin_fraction(inputs["base_imf"], **open_interest(inputs))
    near(found, case["expected"]["imf"], case["tolerance"])


def check_initial_margin(case):
    inputs = case["inputs"]
    found = dydx.initial_margin_units(
        inputs["notional_units"], initial_margin_fraction=inputs["base_imf"], **open_interest(inputs)
    )
    assert isinstance(found, int)
    near(found, case["expected"]["initial_margin_units"], case["tolerance"])


def check_account(case):
    risk = dydx.risk(account(case["inputs"]))
    for name, value in case["expected"].items():
        near(getattr(risk, name), value, case["tolerance"])


def check_liquidatable(case):
    given, expected = account(case["inputs"]), case["expected"]
    assert dydx.is_liquidatable(given) is expected["liquidatable"]
    check_account({**case, "expected": {name: value for name, value in expected.items() if name != "liquidatable"}})


def check_liquidatable_raw(case):
    assert dydx.below_maintenance(**case["inputs"]) is case["expected"]["liquidatable"]


def check_risk_ordering(case):
    first, second = case["inputs"]["a"], case["inputs"]["b"]
    found = dydx.compare_risk(**first, **{f"other_{name}": value for name, value in second.items()})
    assert found == case["expected"]["cmp_a_riskier_than_b"]
    assert dydx.compare_risk(**second, **{f"other_{name}": value for name, value in first.items()}) == -found


# ---- liquidation ----


def check_bankruptcy(case):
    inputs, expected = case["inputs"], case["expected"]
    order = account(inputs), inputs["market"], inputs["size_delta"]
    near(dydx.bankruptcy_value(*order), expected["bankruptcy_quote_delta"], case["tolerance"])
    price = dydx.bankruptcy_price(*order)
    if expected["bankruptcy_price"] is None:
        assert price != price
    else:
        near(price, expected["bankruptcy_price"], case["tolerance"])


def check_fillable(case):
    inputs = case["inputs"]
    names = ("bankruptcy_adjustment", "spread_to_maintenance_margin_ratio")
    found = dydx.fillable_price(account(inputs), inputs["market"], **{name: inputs[name] for name in names})
    near(found, case["expected"]["fillable_price"], case["tolerance"])


def check_fund_change(case):
    inputs = case["inputs"]
    change = {"buy": 1, "sell": -1}[inputs["fill_side"]] * inputs["fill_size"]
    market = inputs.get("market", inputs["positions"][0]["market"])
    fill = {"price": inputs["fill_price"], "max_liquidation_fee": inputs["max_liquidation_fee"]}
    found = dydx.insurance_fund_change(account(inputs), market, change, **fill)
    near(found, case["expected"]["insurance_fund_delta"], case["tolerance"])


def check_fund_cover(case):
    inputs = case["inputs"]
    assert dydx.fund_can_cover(inputs["fund_balance"], inputs["delta"]) is case["expected"]["valid"]


def check_limits(case):
    inputs, expected = case["inputs"], case["expected"]
    least, most = dydx.liquidatable_notional(
        inputs["position_notional"],
        min_notional=inputs["min_position_notional_liquidated"],
        max_portion=inputs["max_position_portion_liquidated"],
    )
    near(least, expected["min_notional"], case["tolerance"])
    near(most, expected["max_notional"], case["tolerance"])


# ---- deleveraging ----


def check_condition(case):
    inputs, expected = case["inputs"], case["expected"]
    rule = dydx.deleveraging_price_rule(account(inputs), final_settlement=inputs["market_in_final_settlement"])
    assert (rule == "bankruptcy") is expected["adl_at_bankruptcy_price"]
    assert (rule == "oracle") is expected["adl_at_oracle_price"]


def same_account(found, expected, tolerance):
    near(float(found.quote_balance), expected["quote_balance"], tolerance)
    held = {p.market: float(p.quantity) for p in found.positions}
    if "positions" in expected:
        assert held == {row["market"]: row["size"] for row in expected["positions"]}
    else:
        near(sum(held.values()), expected["size"], tolerance)


def check_transfer(case):
    inputs, expected = case["inputs"], case["expected"]
    given = {name: inputs[name] for name in ("oracle_price", "mmr")}
    pair = dydx.deleverage(
        account(inputs["bankrupt"], **given),
        account(inputs["counterparty"], **given),
        inputs["market"],
        inputs["size_delta"],
        price_rule=inputs["price_rule"].removesuffix("_price"),
    )
    assert (pair is None) is expected["rejected"]
    if pair is not None:
        same_account(pair[0], expected["bankrupt_after"], case["tolerance"])
        same_account(pair[1], expected["counterparty_after"], case["tolerance"])


def named_accounts(inputs):
    given = {name: inputs[name] for name in ("market", "oracle_price", "mmr")}
    return {name: account(row, **given) for name, row in inputs["accounts"].items()}


def check_deleveraging(case):
    inputs, expected = case["inputs"], case["expected"]
    order = inputs["bankrupt"], inputs["market"], inputs["size_delta"]
    found = dydx.deleverage_against(named_accounts(inputs), *order)
    assert [list(fill) for fill in found.fills] == expected["fills"]
    near(found.remaining, expected["size_remaining"], case["tolerance"])
    for name, row in expected["accounts_after"].items():
        same_account(found.accounts[name], row, case["tolerance"])


def check_scenario(case):
    """The order against its makers, and what deleveraging does where nothing was filled."""
    inputs, expected, order = case["inputs"], case["expected"], case["inputs"]["liquidation_order"]
    accounts, side = named_accounts(inputs), {"buy": 1, "sell": -1}[order["side"]]
    done = dydx.liquidate(
        accounts,
        order["account"],
        inputs["market"],
        side * order["size"],
        limit_price=order["limit_price"],
        makers=inputs["maker_asks" if side > 0 else "maker_bids"],
        insurance_fund=inputs["insurance_fund"],
        max_liquidation_fee=inputs["max_liquidation_fee"],
    )
    near(done.filled, expected["filled_size"], case["tolerance"])
    assert done.requires_deleveraging is (expected["status"] == "requires_deleveraging")
    near(done.fund_paid, expected["insurance_fund_paid"], case["tolerance"])
    near(done.insurance_fund, inputs["insurance_fund"] + done.fees - done.fund_paid, case["tolerance"])
    assert [list(fill) for fill in done.deleveraged] == [[f["counterparty"], f["size"]] for f in expected["adl_fills"]]
    for fill in expected["adl_fills"]:
        price = dydx.bankruptcy_price(accounts[order["account"]], inputs["market"], side * fill["size"])
        near(price, fill["price"], case["tolerance"])
    for name, row in expected["accounts_after"].items():
        same_account(done.accounts[name], row, case["tolerance"])


# ---- funding ----


def check_index_change(case):
    inputs = case["inputs"]
    found = dydx.funding_index_change(
        inputs["funding_rate_8h_ppm"],
        seconds=inputs["seconds"],
        price=inputs["price_int"],
        price_exponent=inputs["price_exponent"],
        atomic_resolution=inputs["atomic_resolution"],
        quote_resolution=inputs["quote_resolution"],
    )
    assert isinstance(found, int)
    near(found, case["expected"]["index_delta"], case["tolerance"])


def check_settlement(case):
    inputs = case["inputs"]
    indices = {name: inputs[name] for name in ("funding_index", "position_index")}
    assert dydx.funding_settlement(inputs["size"], **indices) == case["expected"]["settlement"]


def check_clamp(case):
    inputs = case["inputs"]
    found = dydx.max_funding_rate(
        inputs["clamp_factor"],
        initial_margin_fraction=inputs["imf"],
        maintenance_fraction=inputs["maintenance_fraction"],
    )
    near(found, case["expected"]["max_abs_rate"], case["tolerance"])


def check_premium(case):
    inputs = case["inputs"]
    found = dydx.premium(
        inputs["bids"],
        inputs["asks"],
        index_price=inputs["index_price"],
        impact_notional=inputs["impact_notional"],
        max_premium=inputs["max_abs_premium"],
    )
    near(found, case["expected"]["premium"], case["tolerance"])


KINDS = {
    "margin_requirement": check_requirement,
    "oi_scaled_imf": check_scaled_fraction,
    "initial_margin_ceil": check_initial_margin,
    "cross_account_margin": check_account,
    "is_liquidatable": check_liquidatable,
    "is_liquidatable_raw": check_liquidatable_raw,
    "risk_ordering": check_risk_ordering,
    "bankruptcy_value_of_delta": check_bankruptcy,
    "fillable_price": check_fillable,
    "insurance_fund_delta": check_fund_change,
    "insurance_fund_can_cover": check_fund_cover,
    "partial_liquidation_limits": check_limits,
    "adl_condition": check_condition,
    "adl_transfer": check_transfer,
    "adl_scenario": check_deleveraging,
    "liquidation_scenario": check_scenario,
    "funding_index_delta_raw": check_index_change,
    "funding_settlement": check_settlement,
    "funding_clamp": check_clamp,
    "premium_from_order_book": check_premium,
}
