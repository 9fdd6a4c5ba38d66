"""Drift v2: how much must go to cover a shortage of margin, and what is taken for it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from levcore.exact_numbers import MILLION, above_zero, each, exact, millionths

#: Tokens and base units are counted in billionths here.
TOKEN = 10**9


def quantity_to_cover(
    shortage: Any,
    *,
    margin_ratio: Any,
    liquidator_fee: Any,
    oracle_price: Any,
    insurance_fee: Any = 0,
    quote_price: Any = 1,
) -> Any:
    """Return how much of a perpetual position must be handed over for the account to meet its margin again.

    Parameters
    ----------
    shortage : number or array
        What is missing of the maintenance margin with its buffer, USD, >= 0.
    margin_ratio : number or array
        Maintenance margin ratio plus the liquidation buffer, >= 0.
    liquidator_fee, insurance_fee : number or array
        Shares of the value handed over, >= 0.
    oracle_price, quote_price : number or array
        Oracle prices of the base and of the quote token, USD, >= 0.

    Returns
    -------
    float or array
        Base units: ``shortage/(price*quote_price*(ratio - liquidator_fee) - price*insurance_fee)``; inf where handing
        over frees no margin.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: calculate_base_asset_amount_to_cover_margin_shortage, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.quantity_to_cover(10, margin_ratio=0.1, liquidator_fee=0.01, oracle_price=100, insurance_fee=0.01)
    1.25
    """

    def one(*numbers: object) -> float:
        names = ("shortage", "margin_ratio", "liquidator_fee", "oracle_price", "insurance_fee", "quote_price")
        short, ratio, fee, price, insured, quote = all_millionths(names, numbers)
        if price == 0 or ratio <= fee:
            return math.inf
        freed = price * quote // MILLION * (ratio - fee) // MILLION - price * insured // MILLION
        return short * TOKEN // freed / TOKEN if freed > 0 else math.inf

    return each(one, shortage, margin_ratio, liquidator_fee, oracle_price, insurance_fee, quote_price)


def loan_to_repay(
    shortage: Any,
    *,
    asset_weight: Any,
    liability_weight: Any,
    liability_price: Any,
    asset_multiplier: Any = 1,
    liability_multiplier: Any = 1,
    insurance_fee: Any = 0,
) -> Any:
    """Return how much of a loan must be repaid, out of collateral, for the account to meet its margin again.

    Parameters
    ----------
    shortage : number or array
        What is missing of the maintenance margin with its buffer, USD, >= 0.
    asset_weight, liability_weight : number or array
        Weights of the collateral and, with the buffer, of the loan, >= 0.
    liability_price : number or array
        Oracle price of the borrowed token, USD, > 0.
    asset_multiplier, liability_multiplier : number or array
        1 plus the fee on the collateral; 1 minus the fee on the loan; > 0.
    insurance_fee : number or array
        Share of the loan repaid, >= 0.

    Returns
    -------
    float or array
        Borrowed tokens: ``shortage/(price*(w_l - w_a*mult_a/mult_l) - price*fee*w_l)``; inf where repaying frees no
        margin.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    The middle term is rounded down to 1e-5, as the program does. Source:
    calculate_liability_transfer_to_cover_margin_shortage, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.loan_to_repay(10, asset_weight=0.8, liability_weight=1.2, liability_price=100)
    0.25
    """

    def one(short: object, asset: object, loan: object, price: object, *rest: object) -> float:
        owned, owed = exact("asset_weight", asset, at_least=0), exact("liability_weight", loan, at_least=0)
        asset_times, loan_times, insured = multipliers(rest)
        counted = Fraction(int(owned * asset_times / loan_times * 10**5), 10**5)
        freed = above_zero("liability_price", price) * (owed - counted - insured * owed)
        if owned >= owed or freed <= 0:
            return math.inf
        return float(exact("shortage", short, at_least=0) / freed)

    given = (asset_multiplier, liability_multiplier, insurance_fee)
    return each(one, shortage, asset_weight, liability_weight, liability_price, *given)


def loan_for_collateral(
    collateral: Any,
    *,
    asset_price: Any,
    liability_price: Any,
    asset_multiplier: Any = 1,
    liability_multiplier: Any = 1,
) -> Any:
    """Return how much of a loan an amount of collateral repays.

    Parameters
    ----------
    collateral : number or array
        Tokens of collateral, >= 0.
    asset_price, liability_price : number or array
        Oracle prices of both tokens, USD, > 0.
    asset_multiplier, liability_multiplier : number or array
        1 plus the fee on the collateral; 1 minus the fee on the loan; > 0.

    Returns
    -------
    float or array
        Borrowed tokens: ``collateral*price_a*mult_l/(price_l*mult_a)``.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: calculate_liability_transfer_implied_by_asset_amount, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.loan_for_collateral(100, asset_price=1, liability_price=100, liability_multiplier=0.999)
    0.999
    """

    def one(amount: object, price: object, owed_price: object, *rest: object) -> float:
        asset_times, loan_times, _ = multipliers((*rest, 0))
        value = exact("collateral", amount, at_least=0) * above_zero("asset_price", price)
        return float(value * loan_times / (above_zero("liability_price", owed_price) * asset_times))

    return each(one, collateral, asset_price, liability_price, asset_multiplier, liability_multiplier)


def collateral_seized(
    loan: Any,
    *,
    collateral: Any,
    asset_price: Any,
    liability_price: Any,
    asset_multiplier: Any = 1,
    liability_multiplier: Any = 1,
) -> Any:
    """Return how much collateral is taken for repaying a part of a loan.

    Parameters
    ----------
    loan : number or array
        Borrowed tokens repaid, >= 0.
    collateral : number or array
        Tokens of collateral that there are, >= 0.
    asset_price, liability_price : number or array
        Oracle prices of both tokens, USD, > 0.
    asset_multiplier, liability_multiplier : number or array
        1 plus the fee on the collateral; 1 minus the fee on the loan; > 0.

    Returns
    -------
    float or array
        Tokens: ``loan*price_l*mult_a/(price_a*mult_l)``, at most the collateral; all of it where less than 1 USD would
        remain.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: calculate_asset_transfer_for_liability_transfer, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.collateral_seized(1, collateral=[200, 100.5], asset_price=1, liability_price=100)
    array([100. , 100.5])
    """

    def one(repaid: object, held: object, price: object, owed_price: object, *rest: object) -> float:
        asset_times, loan_times, _ = multipliers((*rest, 0))
        value = exact("loan", repaid, at_least=0) * above_zero("liability_price", owed_price)
        at, there = above_zero("asset_price", price), exact("collateral", held, at_least=0)
        taken = value * asset_times / (at * loan_times)
        return float(there if (there - taken) * at < 1 else taken)

    return each(one, loan, collateral, asset_price, liability_price, asset_multiplier, liability_multiplier)


def swap_is_within_bounds(
    collateral: Any,
    *,
    loan: Any,
    asset_price: Any,
    liability_price: Any,
    asset_multiplier: Any = 1,
    liability_multiplier: Any = 1,
) -> Any:
    """Return whether a swap of collateral into the borrowed token is no worse for the account than a liquidator.

    Parameters
    ----------
    collateral : number or array
        Tokens of collateral given, > 0.
    loan : number or array
        Borrowed tokens received, >= 0.
    asset_price, liability_price : number or array
        Oracle prices of both tokens, USD, > 0.
    asset_multiplier, liability_multiplier : number or array
        1 plus the fee on the collateral; 1 minus the fee on the loan; > 0.

    Returns
    -------
    bool or array of bool
        ``loan/collateral >= price_a*mult_l/(price_l*mult_a)``, both in whole millionths, rounded down.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: validate_swap_within_liquidation_boundaries, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.swap_is_within_bounds(1, loan=[198, 199], asset_price=200, liability_price=1, asset_multiplier=1.01)
    array([False,  True])
    """

    def one(given: object, received: object, price: object, owed_price: object, *rest: object) -> bool:
        asset_times, loan_times, _ = multipliers((*rest, 0))
        swap = int(millionths("loan", received, at_least=0) / above_zero("collateral", given))
        oracle = above_zero("asset_price", price) * loan_times / above_zero("liability_price", owed_price)
        return swap >= int(int(oracle * MILLION) / asset_times)

    return each(one, collateral, loan, asset_price, liability_price, asset_multiplier, liability_multiplier)


def all_millionths(names: tuple[str, ...], values: tuple[object, ...]) -> list[int]:
    """Return numbers that are not negative in whole millionths."""
    return [millionths(name, value, at_least=0) for name, value in zip(names, values, strict=True)]


def multipliers(values: tuple[object, ...]) -> tuple[Fraction, Fraction, Fraction]:
    """Return the multipliers of an asset and of a liability, and a fee."""
    asset, loan, fee = values
    times = above_zero("asset_multiplier", asset), above_zero("liability_multiplier", loan)
    return *times, exact("insurance_fee", fee, at_least=0, at_most=1)
