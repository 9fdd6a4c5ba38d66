"""Drift v2: what fees a liquidation takes, and how much it may free at once."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from levcore.exact_numbers import MILLION, each, exact, millionths, whole
from levcore.venues.drift_liquidation import TOKEN, all_millionths, multipliers


def insurance_fee(
    shortage: Any,
    *,
    quantity: Any,
    margin_ratio: Any,
    liquidator_fee: Any,
    oracle_price: Any,
    max_insurance_fee: Any,
    quote_price: Any = 1,
) -> Any:
    """Return the insurance fee of a perpetual's liquidation: what the account can bear without being bankrupted by it.

    Parameters
    ----------
    shortage : number or array
        What is missing of the maintenance margin with its buffer, USD, >= 0.
    quantity : number or array
        Base units held, sign ignored.
    margin_ratio : number or array
        Maintenance margin ratio plus the liquidation buffer, >= 0.
    liquidator_fee, max_insurance_fee : number or array
        Shares of the value handed over, >= 0.
    oracle_price, quote_price : number or array
        Oracle prices of the base and of the quote token, USD, >= 0.

    Returns
    -------
    float or array
        ``min(max_fee, 0.95*max(0, ratio - liquidator_fee - shortage/(quantity*price)))`` in whole millionths; 0 where a
        price or the quantity is 0.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: calculate_perp_if_fee, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> terms = {"margin_ratio": 0.05, "liquidator_fee": 0.01, "oracle_price": 100, "max_insurance_fee": 0.05}
    >>> drift.insurance_fee(20, quantity=10, **terms)
    0.019
    """

    def one(short: object, size: object, *numbers: object) -> float:
        names = ("margin_ratio", "liquidator_fee", "oracle_price", "max_insurance_fee", "quote_price")
        ratio, fee, price, most, quote = all_millionths(names, numbers)
        held, missing = int(abs(exact("quantity", size)) * TOKEN), millionths("shortage", short, at_least=0)
        value = price * quote // MILLION
        if value == 0 or ratio <= fee or held == 0:
            return 0.0
        left = max(0, ratio - fee - missing * TOKEN // held * MILLION // value)
        return min(most, left * 19 // 20) / MILLION

    given = (margin_ratio, liquidator_fee, oracle_price, max_insurance_fee, quote_price)
    return each(one, shortage, quantity, *given)


def loan_insurance_fee(
    shortage: Any,
    *,
    loan: Any,
    asset_weight: Any,
    liability_weight: Any,
    liability_price: Any,
    max_insurance_fee: Any,
    asset_multiplier: Any = 1,
    liability_multiplier: Any = 1,
) -> Any:
    """Return the insurance fee of a loan's liquidation: what the account can bear without being bankrupted by it.

    Parameters
    ----------
    shortage : number or array
        What is missing of the maintenance margin with its buffer, USD, >= 0.
    loan : number or array
        Tokens owed, >= 0.
    asset_weight, liability_weight : number or array
        Weights of the collateral and, with the buffer, of the loan, >= 0.
    liability_price : number or array
        Oracle price of the borrowed token, USD, >= 0.
    max_insurance_fee : number or array
        The highest fee, >= 0.
    asset_multiplier, liability_multiplier : number or array
        1 plus the fee on the collateral; 1 minus the fee on the loan; > 0.

    Returns
    -------
    float or array
        ``min(max_fee, max(0, w_l - w_a*mult_a/mult_l - shortage/(loan*price))/w_l)`` in whole millionths.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: calculate_spot_if_fee, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> terms = {"asset_weight": 1, "liability_weight": 1.1, "liability_price": 100, "max_insurance_fee": 0.05}
    >>> drift.loan_insurance_fee(5, loan=1, asset_multiplier=1.01, **terms)
    0.036363
    """

    def one(short: object, tokens: object, *numbers: object) -> float:
        names = ("asset_weight", "liability_weight", "liability_price", "max_insurance_fee")
        owned, owed, price, most = all_millionths(names, numbers[:4])
        asset_times, loan_times, _ = multipliers((*numbers[4:], 0))
        held, missing = exact("loan", tokens, at_least=0), millionths("shortage", short, at_least=0)
        if owned >= owed or price == 0 or held == 0:
            return 0.0
        left = owed - int(owned * asset_times / loan_times) - int(missing / held) * MILLION // price
        return min(most, max(0, left) * MILLION // owed) / MILLION

    given = (asset_weight, liability_weight, liability_price, max_insurance_fee, asset_multiplier, liability_multiplier)
    return each(one, shortage, loan, *given)


def ramped_liquidator_fee(
    fee: Any, *, max_fee: Any, slots: Any, grace_slots: Any = 1_500, increase: Any = Fraction(1, MILLION)
) -> Any:
    """Return the liquidator's fee of an account that has been liquidatable for some time.

    Parameters
    ----------
    fee, max_fee : number or array
        The base fee and the highest (:func:`max_liquidator_fee`), >= 0.
    slots : int or array
        Slots since the account was last active, >= 0.
    grace_slots : int or array
        Slots before which nothing is added, >= 0.
    increase : number or array
        What every slot adds, those of grace included; 0.01 basis points.

    Returns
    -------
    float or array
        ``min(max_fee, fee + increase*slots)`` from the end of grace on.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: get_liquidation_fee, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.ramped_liquidator_fee(0.02, max_fee=0.05, slots=[10, 10_000, 100_000])
    array([0.02, 0.03, 0.05])
    """

    def one(base: object, most: object, waited: object, grace: object, step: object) -> float:
        start, time = exact("fee", base, at_least=0), whole("slots", waited, at_least=0)
        if time < whole("grace_slots", grace, at_least=0):
            return float(start)
        return float(min(start + exact("increase", step, at_least=0) * time, exact("max_fee", most, at_least=0)))

    return each(one, fee, max_fee, slots, grace_slots, increase)


def max_liquidator_fee(fee: Any, *, maintenance_margin_ratio: Any) -> Any:
    """Return the highest liquidator's fee that time may reach: ``min(3*fee, maintenance_margin_ratio)``.

    Parameters
    ----------
    fee : number or array
        The base fee, >= 0.
    maintenance_margin_ratio : number or array
        The market's, >= 0.

    Returns
    -------
    float or array

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: PerpMarket::get_max_liquidation_fee, programs/drift/src/state/perp_market.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.max_liquidator_fee(0.02, maintenance_margin_ratio=0.05)
    0.05
    """

    def one(base: object, ratio: object) -> float:
        most = exact("maintenance_margin_ratio", ratio, at_least=0)
        return float(min(3 * exact("fee", base, at_least=0), most))

    return each(one, fee, maintenance_margin_ratio)


def max_share_to_liquidate(
    shortage: Any, *, slots: Any, initial_share: Any = Fraction(1, 10), duration: Any = 150, freed: Any = 0
) -> Any:
    """Return the share of what covers the shortage that one liquidation may take now.

    Parameters
    ----------
    shortage : number or array
        What is missing of the maintenance margin with its buffer, USD, > 0.
    slots : int or array
        Slots since the account was last active, >= 0.
    initial_share : number or array
        Share that may be freed at once, in [0, 1].
    duration : int or array
        Slots after which everything may be, >= 0.
    freed : number or array
        Margin freed since liquidation began, USD, >= 0.

    Returns
    -------
    float or array
        ``max(0, (shortage + freed)*min(1, initial_share + slots/duration) - freed)/shortage``; 1 where the shortage is
        below 50 USD.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    In whole ten-thousandths, rounded down. Source: calculate_max_pct_to_liquidate,
    programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.max_share_to_liquidate([40, 1_000], slots=15)
    array([1. , 0.2])
    """

    def one(short: object, waited: object, initial: object, length: object, done: object) -> float:
        missing, before = millionths("shortage", short, at_least=0), millionths("freed", done, at_least=0)
        if missing < 50 * MILLION:
            return 1.0
        span, start = whole("duration", length, at_least=0), exact("initial_share", initial, at_least=0, at_most=1)
        passed = whole("slots", waited, at_least=0) * 10**4 // span if span else 10**4
        share = min(10**4, passed + int(start * 10**4))
        return max(0, (missing + before) * share // 10**4 - before) * 10**4 // missing / 10**4

    return each(one, shortage, slots, initial_share, duration, freed)
