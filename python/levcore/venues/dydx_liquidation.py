"""dYdX v4: at what value a position is closed, what the insurance fund gets or pays, and how much goes a block."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from levcore.errors import InputError
from levcore.exact_numbers import MILLION, Number, above_zero, down, each, exact, millionths, toward_zero
from levcore.venues.dydx_account import Subaccount, account_millionths, held, position_millionths, reduced


def bankruptcy_value(account: Subaccount, market: str, quantity_change: Number) -> float:
    """Return what a subaccount receives when a part of a position closes at its bankruptcy price.

    Parameters
    ----------
    account : Subaccount
        Its balance and positions.
    market : str
        A market that it holds.
    quantity_change : number
        Signed base units traded, against the position and no more than it.

    Returns
    -------
    float
        USD, signed: ``-dN - floor(collateral*abs(dM)/maintenance)`` in millionths, dN and dM the changes of the
        position's notional and maintenance margin; rounded up, so that the fund need not pay for the rounding.

    Raises
    ------
    InputError
        If the market is not held or the change does not reduce the position.

    Notes
    -----
    Each position carries the account's collateral in proportion to its maintenance margin. Source:
    GetBankruptcyPriceInQuoteQuantums, protocol/x/clob/keeper/liquidations.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> account = dydx.Subaccount(5_499, (dydx.Position("BTC", quantity=-0.1, **fractions),))
    >>> dydx.bankruptcy_value(account, "BTC", 0.1)
    -5499.0
    """
    return bankruptcy_millionths(account, market, quantity_change) / MILLION


def bankruptcy_price(account: Subaccount, market: str, quantity_change: Number) -> float:
    """Return the price of :func:`bankruptcy_value`, USD a base unit; nan where it would not be above 0.

    Parameters
    ----------
    account : Subaccount
        Its balance and positions.
    market : str
        A market that it holds.
    quantity_change : number
        Signed base units traded, against the position and no more than it.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the market is not held or the change does not reduce the position.

    Notes
    -----
    Source: as for :func:`bankruptcy_value`.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> account = dydx.Subaccount(5_499, (dydx.Position("BTC", quantity=-0.1, **fractions),))
    >>> dydx.bankruptcy_price(account, "BTC", 0.1)
    54990.0
    """
    value = bankruptcy_millionths(account, market, quantity_change)
    price = Fraction(-value, MILLION) / exact("quantity_change", quantity_change)
    return float(price) if price > 0 else math.nan


def fillable_price(
    account: Subaccount,
    market: str,
    *,
    bankruptcy_adjustment: Number = 1,
    spread_to_maintenance_margin_ratio: Number = Fraction(1, 10),
) -> float:
    """Return the limit price of the order that liquidates a position.

    Parameters
    ----------
    account : Subaccount
        Its balance and positions.
    market : str
        A market that it holds.
    bankruptcy_adjustment : number
        How fast the price leaves the oracle as collateral falls below the requirement, >= 1.
    spread_to_maintenance_margin_ratio : number
        The furthest that it leaves it, as a share of the position's maintenance margin, >= 0.

    Returns
    -------
    float
        ``(N - clamp(adjustment*(1 - collateral/maintenance), 0, 1)*ratio*M)/quantity``, USD, N and M the position's
        notional and maintenance margin; not rounded to a tick.

    Raises
    ------
    InputError
        If the market is not held, or nothing must be held.

    Notes
    -----
    Source: GetFillablePrice, protocol/x/clob/keeper/liquidations.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> account = dydx.Subaccount(-4_501, (dydx.Position("BTC", quantity=0.1, **fractions),))
    >>> dydx.fillable_price(account, "BTC")
    49999.0
    """
    position = held(account, market)
    adjustment = millionths("bankruptcy_adjustment", bankruptcy_adjustment, at_least=1)
    ratio = millionths("spread_to_maintenance_margin_ratio", spread_to_maintenance_margin_ratio, at_least=0)
    collateral, _, needed = _with_requirement(account)
    notional, _, margin = position_millionths(position)
    rating = Fraction(adjustment, MILLION) * (1 - Fraction(collateral, needed))
    spread = min(max(rating, Fraction(0)), Fraction(1)) * margin * Fraction(ratio, MILLION)
    return float((notional - spread) / MILLION / exact("quantity", position.quantity))


def insurance_fund_change(
    account: Subaccount, market: str, quantity_change: Number, *, price: Number, max_liquidation_fee: Number
) -> float:
    """Return what the insurance fund receives from a fill of a liquidation order, negative where it pays.

    Parameters
    ----------
    account : Subaccount
        The liquidated one, before the fill.
    market : str
        A market that it holds.
    quantity_change : number
        Signed base units filled, against the position and no more than it.
    price : number
        Price of the fill, USD, > 0.
    max_liquidation_fee : number
        The highest fee as a share of the fill's notional, in [0, 1].

    Returns
    -------
    float
        USD: what the fill yields beyond the bankruptcy value, at most the fee where that is positive.

    Raises
    ------
    InputError
        If the market is not held, the change does not reduce the position, or a number breaks its rule.

    Notes
    -----
    Source: GetLiquidationInsuranceFundDelta, protocol/x/clob/keeper/liquidations.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> account = dydx.Subaccount(4_900, (dydx.Position("BTC", quantity=-0.1, **fractions),))
    >>> dydx.insurance_fund_change(account, "BTC", 0.1, price=49_490, max_liquidation_fee=0.005)
    -49.0
    """
    fee = millionths("max_liquidation_fee", max_liquidation_fee, at_least=0, at_most=1)
    received = fill_millionths(quantity_change, price)
    return fund_change_millionths(account, market, quantity_change, received, fee) / MILLION


def fund_can_cover(insurance_fund: Any, change: Any) -> Any:
    """Return whether an insurance fund allows a change: it receives, or what it pays leaves it at 0 or above.

    Parameters
    ----------
    insurance_fund : number or array
        What is in it, USD.
    change : number or array
        Of :func:`insurance_fund_change`, USD.

    Returns
    -------
    bool or array of bool

    Raises
    ------
    InputError
        If a number is not finite.

    Notes
    -----
    Source: IsValidInsuranceFundDelta, protocol/x/clob/keeper/deleveraging.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.fund_can_cover(0.74, -0.75)
    False
    """

    def one(fund: object, moved: object) -> bool:
        units = millionths("change", moved)
        return units >= 0 or millionths("insurance_fund", fund) + units >= 0

    return each(one, insurance_fund, change)


def liquidatable_notional(notional: Any, *, min_notional: Any, max_portion: Any) -> Any:
    """Return the least and the most notional of a position that is liquidated in one block.

    Parameters
    ----------
    notional : number or array
        Of the position, unsigned, USD.
    min_notional : number or array
        The least that is liquidated, USD; the whole position where it is smaller.
    max_portion : number or array
        The share of the position that is liquidated at most, in [0, 1].

    Returns
    -------
    (float, float) or (array, array)
        ``least = min(min_notional, notional)`` and ``max(least, max_portion*notional)``, USD.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: GetMaxAndMinPositionNotionalLiquidatable, protocol/x/clob/keeper/liquidations.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.liquidatable_notional(50_000, min_notional=1_000, max_portion=0.1)
    (1000.0, 5000.0)
    """

    def one(size: object, least: object, portion: object) -> tuple[float, float]:
        units = millionths("notional", size, at_least=0)
        low = min(millionths("min_notional", least, at_least=0), units)
        high = max(low, down(units, millionths("max_portion", portion, at_least=0, at_most=1)))
        return low / MILLION, high / MILLION

    return each(one, notional, min_notional, max_portion)


def bankruptcy_millionths(account: Subaccount, market: str, quantity_change: object) -> int:
    """Return the bankruptcy value of a change in millionths of a USD."""
    position = held(account, market)
    before = position_millionths(position)
    after = position_millionths(reduced(position, quantity_change))
    collateral, _, needed = _with_requirement(account)
    return before[0] - after[0] - collateral * (before[2] - after[2]) // needed


def fund_change_millionths(account: Subaccount, market: str, quantity_change: object, received: int, fee: int) -> int:
    """Return what a fill brings the fund in millionths of a USD, given what the account receives and the fee in ppm."""
    beyond = received - bankruptcy_millionths(account, market, quantity_change)
    return min(beyond, down(abs(received), fee)) if beyond > 0 else beyond


def fill_millionths(quantity_change: object, price: object) -> int:
    """Return what an account receives for a change of quantity at a price, in millionths of a USD toward zero."""
    value = exact("quantity_change", quantity_change) * above_zero("price", price)
    return -toward_zero(value * MILLION)


def _with_requirement(account: Subaccount) -> tuple[int, int, int]:
    found = account_millionths(account)
    if found[2] == 0:
        raise InputError("the subaccount must have a maintenance margin > 0, was 0")
    return found
