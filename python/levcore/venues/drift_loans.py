"""Drift v2: what one liquidation does to an account with one collateral and one loan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from levcore import checks
from levcore.exact_numbers import Number, above_zero, exact
from levcore.venues.drift_fees import loan_insurance_fee
from levcore.venues.drift_liquidation import collateral_seized, loan_for_collateral, loan_to_repay


@dataclass(frozen=True)
class LoanTransfer:
    """What a liquidation of a loan did.

    Attributes
    ----------
    collateral, loan : float
        What the account holds and owes afterwards, tokens.
    seized, repaid : float
        Collateral that the liquidator took and loan that it took over, tokens.
    insurance_fee : float
        What went to the insurance fund, borrowed tokens.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.LoanTransfer(0.0, 0.001, 100.0, 0.999, 0.0).repaid
    0.999
    """

    collateral: float
    loan: float
    seized: float
    repaid: float
    insurance_fee: float


def liquidate_loan(
    loan: Number,
    *,
    collateral: Number,
    asset_price: Number,
    liability_price: Number,
    asset_weight: Number,
    liability_weight: Number,
    liquidation_buffer: Number = 0.02,
    asset_multiplier: Number = 1,
    liability_multiplier: Number = 1,
    max_insurance_fee: Number = 0,
    liquidator_max: float = math.inf,
    max_share: Number = 1,
    asset_decimals: int = 6,
    liability_decimals: int = 6,
) -> LoanTransfer:
    """Return what a liquidator's take-over does to an account with one collateral and one loan.

    Parameters
    ----------
    loan, collateral : number
        Tokens owed and held, > 0.
    asset_price, liability_price : number
        Oracle prices of the collateral and of the borrowed token, USD, > 0.
    asset_weight, liability_weight : number
        Maintenance weights of both, >= 0.
    liquidation_buffer : number
        What is added to the loan's weight while an account is being liquidated, >= 0.
    asset_multiplier, liability_multiplier : number
        1 plus the fee on the collateral; 1 minus the fee on the loan; > 0.
    max_insurance_fee : number
        The highest insurance fee (:func:`loan_insurance_fee`), in [0, 1].
    liquidator_max : float
        The most of the loan that the liquidator takes over, tokens, > 0.
    max_share : number
        Share of what covers the shortage that may go now (:func:`max_share_to_liquidate`), in [0, 1].
    asset_decimals, liability_decimals : int
        Of both tokens: amounts are rounded down to the last, in [0, 18].

    Returns
    -------
    LoanTransfer
        Nothing is taken where the account has its maintenance margin.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    A loan worth at most 10 USD may go whole; the insurance fee stays owed. Source: liquidate_spot,
    programs/drift/src/controller/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> terms = {"asset_weight": 1, "liability_weight": 1.1, "liability_multiplier": 0.999, "liquidation_buffer": 0.001}
    >>> drift.liquidate_loan(1, collateral=100, asset_price=1, liability_price=100, **terms).collateral
    0.0
    """
    owed, held = above_zero("loan", loan), above_zero("collateral", collateral)
    owed_price, price = above_zero("liability_price", liability_price), above_zero("asset_price", asset_price)
    weight, backing = (
        exact("liability_weight", liability_weight, at_least=0),
        exact("asset_weight", asset_weight, at_least=0),
    )
    buffered = weight + exact("liquidation_buffer", liquidation_buffer, at_least=0)
    multipliers = {"asset_multiplier": asset_multiplier, "liability_multiplier": liability_multiplier}
    if held * price * backing >= owed * owed_price * weight:
        return LoanTransfer(float(held), float(owed), 0.0, 0.0, 0.0)
    shortage = owed * owed_price * buffered - held * price * backing
    weights = {"asset_weight": backing, "liability_weight": buffered, "liability_price": owed_price, **multipliers}
    rate = loan_insurance_fee(shortage, loan=owed, max_insurance_fee=max_insurance_fee, **weights)
    cover = loan_to_repay(shortage, insurance_fee=rate, **weights)
    share = exact("max_share", max_share, at_least=0, at_most=1)
    allowed = _whole(exact("cover", cover) * share, liability_decimals) if cover < math.inf else owed
    if owed * owed_price <= 10:
        allowed = max(allowed, owed)
    prices = {"asset_price": price, "liability_price": owed_price, **multipliers}
    most = owed if liquidator_max == math.inf else above_zero("liquidator_max", liquidator_max)
    repaid = min(most, owed, allowed, exact("loan", loan_for_collateral(held, **prices)))
    seized = exact("seized", collateral_seized(repaid, collateral=held, **prices))
    seized = seized if seized == held else _whole(seized, asset_decimals)
    insured = _whole(repaid * exact("insurance_fee", rate), liability_decimals)
    return LoanTransfer(
        float(held - seized), float(owed - repaid + insured), float(seized), float(repaid), float(insured)
    )


def _whole(amount: Fraction, decimals: int) -> Fraction:
    unit = 10 ** checks.integer("decimals", decimals, at_least=0, at_most=18)
    return Fraction(math.floor(amount * unit), unit)
