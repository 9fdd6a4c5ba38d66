"""Drift v2: margin ratios and weights that depend on size and deposits, in ten-thousandths as the program counts."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from levcore.exact_numbers import MILLION, each, exact, millionths

#: Margin ratios and weights are whole ten-thousandths.
WEIGHT = 10**4


def asset_weight(weight: Any, *, quantity: Any, imf_factor: Any) -> Any:
    """Return the share at which a deposit of a size counts as collateral.

    Parameters
    ----------
    weight : number or array
        The market's asset weight w, >= 0.
    quantity : number or array
        Size of the deposit in tokens, sign ignored.
    imf_factor : number or array
        How fast size weighs, >= 0; 0: not at all.

    Returns
    -------
    float or array
        ``min(w, 1.1/(1 + imf_factor*sqrt(size)))``, rounded down to a ten-thousandth.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: calculate_size_discount_asset_weight, programs/drift/src/math/margin.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.asset_weight(0.9, quantity=1_000, imf_factor=0.1)
    0.2642
    """

    def one(base: object, size: object, factor: object) -> float:
        units, imf = _ten_thousandths("weight", base), millionths("imf_factor", factor, at_least=0)
        if imf == 0:
            return units / WEIGHT
        discounted = (MILLION + MILLION // 10) * WEIGHT // (MILLION + _root(size) * imf // 10**5)
        return min(units, discounted) / WEIGHT

    return each(one, weight, quantity, imf_factor)


def liability_weight(weight: Any, *, quantity: Any, imf_factor: Any) -> Any:
    """Return the weight at which a loan of a size counts against collateral.

    Parameters
    ----------
    weight : number or array
        The market's liability weight w, >= 0.
    quantity : number or array
        Size of the loan in tokens, sign ignored.
    imf_factor : number or array
        How fast size weighs, >= 0; 0: not at all.

    Returns
    -------
    float or array
        ``max(w, 0.8*w + imf_factor*sqrt(size))`` in whole ten-thousandths.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: calculate_size_premium_liability_weight, programs/drift/src/math/margin.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.liability_weight(1.1, quantity=1_000, imf_factor=0.01)
    1.1962
    """

    def one(base: object, size: object, factor: object) -> float:
        units, imf = _ten_thousandths("weight", base), millionths("imf_factor", factor, at_least=0)
        if imf == 0:
            return units / WEIGHT
        return max(units, units - units // 5 + _root(size) * imf // (10**5 * MILLION // WEIGHT)) / WEIGHT

    return each(one, weight, quantity, imf_factor)


def margin_ratio(ratio: Any, *, quantity: Any, imf_factor: Any) -> Any:
    """Return the margin ratio of a perpetual position of a size.

    Parameters
    ----------
    ratio : number or array
        The market's initial or maintenance margin ratio m, >= 0.
    quantity : number or array
        Base units, sign ignored.
    imf_factor : number or array
        How fast size weighs, >= 0; 0: not at all.

    Returns
    -------
    float or array
        ``max(m, 0.8*m + imf_factor*sqrt(abs(quantity)))`` in whole ten-thousandths.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: PerpMarket::get_margin_ratio, programs/drift/src/state/perp_market.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.margin_ratio(0.05, quantity=[1, 10_000], imf_factor=0.001)
    array([0.05, 0.14])
    """
    return liability_weight(ratio, quantity=quantity, imf_factor=imf_factor)


def fill_ratio(initial: Any, *, maintenance: Any) -> Any:
    """Return the margin ratio (or weight) that a fill must meet: halfway between initial and maintenance.

    Parameters
    ----------
    initial, maintenance : number or array
        Ratios or weights, >= 0.

    Returns
    -------
    float or array
        Rounded down to a ten-thousandth.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: MarginRequirementType::Fill, programs/drift/src/state/perp_market.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.fill_ratio(0.1, maintenance=0.05)
    0.075
    """

    def one(first: object, second: object) -> float:
        return (_ten_thousandths("initial", first) + _ten_thousandths("maintenance", second)) // 2 / WEIGHT

    return each(one, initial, maintenance)


def scaled_asset_weight(weight: Any, *, deposits: Any, price: Any, scale_start: Any) -> Any:
    """Return the initial asset weight of a token of which all users together have deposited much.

    Parameters
    ----------
    weight : number or array
        The initial asset weight w, >= 0.
    deposits : number or array
        Tokens deposited in all, >= 0.
    price : number or array
        Oracle price, USD, >= 0.
    scale_start : number or array
        Value of deposits, USD, from which the weight shrinks, >= 0; 0: never.

    Returns
    -------
    float or array
        ``w * scale_start/value`` where the value reaches the start, rounded down to a ten-thousandth; else w.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: SpotMarket::get_scaled_initial_asset_weight, programs/drift/src/state/spot_market.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.scaled_asset_weight(0.9, deposits=[1, 40_000], price=25, scale_start=500_000)
    array([0.9 , 0.45])
    """

    def one(base: object, tokens: object, at: object, start: object) -> float:
        units, begin = _ten_thousandths("weight", base), millionths("scale_start", start, at_least=0)
        value = int(exact("deposits", tokens, at_least=0) * exact("price", at, at_least=0) * MILLION)
        return (units if begin == 0 or value < begin else units * begin // value) / WEIGHT

    return each(one, weight, deposits, price, scale_start)


def weighted_profit(profit: Any, *, weight: Any) -> Any:
    """Return the unrealised profit that counts as collateral: a profit at its weight, a loss whole.

    Parameters
    ----------
    profit : number or array
        Unrealised profit, USD, losses negative.
    weight : number or array
        Asset weight of profits, below 1 for initial margin; >= 0.

    Returns
    -------
    float or array
        USD.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: PerpMarket::get_unrealized_asset_weight, programs/drift/src/state/perp_market.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.weighted_profit([10, -10], weight=0.8)
    array([  8., -10.])
    """

    def one(gain: object, share: object) -> float:
        amount, counted = exact("profit", gain), exact("weight", share, at_least=0)
        return float(amount * counted if amount > 0 else amount)

    return each(one, profit, weight)


def _ten_thousandths(name: str, value: object) -> int:
    return round(exact(name, value, at_least=0) * WEIGHT)


def _root(size: object) -> int:
    """Return the square root of a size, in hundred-thousandths, from whole billionths as the program takes it."""
    return math.isqrt(int(abs(Fraction(exact("quantity", size))) * 10**9) * 10 + 1)
