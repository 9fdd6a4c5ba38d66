"""Published numbers of Drift v2: the program's own tests, through levcore.venues.drift."""

import math

from levcore.venues import drift
from oracle_checks import near

MULTIPLIERS = {
    "asset_multiplier": "asset_liquidation_multiplier",
    "liability_multiplier": "liability_liquidation_multiplier",
}
WEIGHTS = {"asset_weight": "asset_weight", "liability_weight": "liability_weight", "liability_price": "liability_price"}
PRICES = {"asset_price": "asset_price", "liability_price": "liability_price"}


def taken(inputs, *tables, **renamed):
    """The arguments that a case holds: our names for its fields."""
    names = {ours: theirs for table in tables for ours, theirs in table.items()} | renamed
    return {ours: inputs[theirs] for ours, theirs in names.items() if theirs in inputs}


def same(found, expected, tolerance):
    if expected == "unlimited":
        assert found == math.inf
    else:
        near(found, expected, tolerance)


def check_size(case):
    inputs = case["inputs"]
    names = ("margin_ratio", "liquidator_fee", "insurance_fee", "oracle_price", "quote_price")
    found = drift.quantity_to_cover(inputs["margin_shortage"], **{name: inputs[name] for name in names})
    same(found, case["expected"]["size"], case["tolerance"])


def check_loan_to_repay(case):
    inputs = case["inputs"]
    given = taken(inputs, WEIGHTS, MULTIPLIERS, insurance_fee="insurance_fee")
    found = drift.loan_to_repay(inputs["margin_shortage"], **given)
    same(found, case["expected"]["liability_amount"], case["tolerance"])


def check_seized(case):
    inputs = case["inputs"]
    given = taken(inputs, PRICES, MULTIPLIERS, collateral="asset_amount")
    found = drift.collateral_seized(inputs["liability_amount"], **given)
    near(found, case["expected"]["asset_amount"], case["tolerance"])


def check_insurance_fee(case):
    inputs = case["inputs"]
    names = ("margin_ratio", "liquidator_fee", "oracle_price", "quote_price", "max_insurance_fee")
    given = {"quantity": inputs["position_size"], **{name: inputs[name] for name in names}}
    near(drift.insurance_fee(inputs["margin_shortage"], **given), case["expected"]["fee_rate"], case["tolerance"])


def check_loan_insurance_fee(case):
    inputs = case["inputs"]
    given = taken(inputs, WEIGHTS, MULTIPLIERS, loan="liability_amount", max_insurance_fee="max_insurance_fee")
    near(drift.loan_insurance_fee(inputs["margin_shortage"], **given), case["expected"]["fee_rate"], case["tolerance"])


def check_ramp(case):
    given = taken(
        case["inputs"],
        {"max_fee": "max_fee", "slots": "slots_elapsed"},
        grace_slots="grace_slots",
        increase="increase_per_slot",
    )
    near(drift.ramped_liquidator_fee(case["inputs"]["base_fee"], **given), case["expected"]["fee"], case["tolerance"])


def check_loss_per_unit(case):
    found = drift.socialised_loss_per_unit(**case["inputs"])
    near(found, case["expected"]["loss_per_base_unit"], case["tolerance"])


def check_deposit_index(case):
    inputs = case["inputs"]
    given = taken(inputs, deposits="total_deposits", deposit_index="deposit_index")
    near(drift.deposit_index_decrease(inputs["loss"], **given), case["expected"]["index_decrease"], case["tolerance"])


def check_swap_bound(case):
    inputs = case["inputs"]
    given = taken(inputs, PRICES, MULTIPLIERS, loan="liability_amount")
    assert drift.swap_is_within_bounds(inputs["asset_amount"], **given) is case["expected"]["valid"]


def check_asset_weight(case):
    given = taken(case["inputs"], quantity="size", imf_factor="imf_factor")
    near(drift.asset_weight(case["inputs"]["weight"], **given), case["expected"]["weight"], case["tolerance"])


def check_liability_weight(case):
    given = taken(case["inputs"], quantity="size", imf_factor="imf_factor")
    near(drift.liability_weight(case["inputs"]["weight"], **given), case["expected"]["weight"], case["tolerance"])


def check_deposit_cap(case):
    inputs = case["inputs"]
    given = taken(inputs, deposits="total_deposits", price="price", scale_start="scale_start_notional")
    near(drift.scaled_asset_weight(inputs["initial_weight"], **given), case["expected"]["weight"], case["tolerance"])


# ---- whole liquidations ----

OF_A_TRANSFER = {"user_size": "quantity", "user_quote": "quote", "insurance_fee": "insurance_fee"}


def perpetual_account(inputs):
    names = ("maintenance_margin_ratio", "liquidation_buffer", "liquidator_fee", "max_insurance_fee")
    terms = drift.PerpetualTerms(**{name: inputs[name] for name in names}, step=inputs["step_size"])
    money = taken(inputs, quote="quote_amount", deposit="deposit", oracle_price="oracle_price")
    return {"terms": terms, **money}


def check_perpetual(case):
    inputs = case["inputs"]
    limits = taken(inputs, liquidator_max="liquidator_max_size", max_share="max_pct_to_liquidate")
    done = drift.liquidate_perpetual(inputs["size"], **perpetual_account(inputs), **limits)
    for name, value in case["expected"].items():
        near(getattr(done, OF_A_TRANSFER[name]), value, case["tolerance"])


def check_perpetual_into_book(case):
    inputs = case["inputs"]
    side = "maker_bid" if inputs["size"] > 0 else "maker_ask"
    order = {"makers": [inputs[side]], "taker_fee": inputs["taker_fee"]}
    done = drift.liquidate_perpetual_into_book(inputs["size"], **perpetual_account(inputs), **order)
    for name, value in case["expected"].items():
        near(getattr(done, OF_A_TRANSFER[name]), value, case["tolerance"])


def check_loan(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    deposit, borrow, buffer = inputs["deposit"], inputs["borrow"], inputs["liquidation_buffer"]
    done = drift.liquidate_loan(
        borrow["amount"],
        collateral=deposit["amount"],
        asset_price=deposit["price"],
        liability_price=borrow["price"],
        asset_weight=deposit["asset_weight"],
        liability_weight=borrow["liability_weight"],
        liquidation_buffer=buffer,
        asset_multiplier=deposit["liquidation_multiplier"],
        liability_multiplier=borrow["liquidation_multiplier"],
        max_insurance_fee=inputs["insurance_fee"],
        **taken(inputs, liquidator_max="liquidator_max_liability"),
    )
    owed = done.loan * borrow["price"]
    found = {
        "deposit_after": done.collateral,
        "borrow_after": done.loan,
        "borrow_repaid_by_liquidator": done.repaid,
        "insurance_fund_received": done.insurance_fee,
        "margin_requirement": owed * borrow["liability_weight"],
        "margin_requirement_plus_buffer": owed * (borrow["liability_weight"] + buffer),
        "total_collateral": done.collateral * deposit["price"] * deposit["asset_weight"],
    }
    for name, value in expected.items():
        near(found[name], value, tolerance)


def check_bankruptcy(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    names = ("fee_pool", "long_open_interest", "short_open_interest")
    done = drift.resolve_perpetual_bankruptcy(inputs["bankrupt_quote"], **{name: inputs[name] for name in names})
    near(done.loss_per_unit, expected["loss_per_base_unit"], tolerance)
    near(done.social_loss, expected["social_loss"], tolerance)
    near(done.fee_pool, expected.get("fee_pool_after", 0.0), tolerance)
    for name, row in expected["accounts_after"].items():
        held = inputs["accounts"][name]
        paid = drift.socialised_payment(held["size"], loss_per_unit=done.loss_per_unit)
        near(held["quote"] + paid, row["quote"], tolerance)


def check_deposits(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    given = taken(inputs, deposits="total_deposits", loans="total_borrows", deposit_index="deposit_index")
    done = drift.resolve_loan_bankruptcy(inputs["borrow"], **given)
    near(done.deposit_index, expected["deposit_index"], tolerance)
    near(done.deposits, expected["total_deposits_after"], tolerance)
    near(done.loans, expected["total_borrows_after"], tolerance)


KINDS = {
    "size_to_cover_margin_shortage": check_size,
    "loan_repay_to_cover_shortage": check_loan_to_repay,
    "collateral_seized": check_seized,
    "insurance_fee_rate": check_insurance_fee,
    "loan_insurance_fee_rate": check_loan_insurance_fee,
    "liquidation_fee_ramp": check_ramp,
    "socialised_loss_per_unit": check_loss_per_unit,
    "socialised_loss_deposit_index": check_deposit_index,
    "liquidation_swap_price_bound": check_swap_bound,
    "asset_weight_size_discount": check_asset_weight,
    "liability_weight_size_premium": check_liability_weight,
    "asset_weight_deposit_cap_scaling": check_deposit_cap,
    "liquidation_transfer_scenario": check_perpetual,
    "liquidation_into_book_scenario": check_perpetual_into_book,
    "loan_liquidation_scenario": check_loan,
    "socialised_loss_scenario": check_bankruptcy,
    "socialised_loss_deposits_scenario": check_deposits,
}
