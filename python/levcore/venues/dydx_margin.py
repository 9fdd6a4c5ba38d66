"""dYdX v4: margin requirements, who is liquidatable, and who goes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from fractions import Fraction
from functools import cmp_to_key
from typing import Any

from levcore.exact_numbers import MILLION, each, exact, millionths, up, whole
from levcore.venues.dydx_account import (
    Position,
    Subaccount,
    account_millionths,
    open_interest_units,
    position_millionths,
    scaled_ppm,
)

_FIELDS = tuple(field.name for field in fields(Position) if field.name not in ("market", "_"))


def scaled_initial_margin_fraction(
    initial_margin_fraction: Any, *, open_interest: Any, lower_cap: Any, upper_cap: Any
) -> Any:
    """Return the initial margin fraction of dYdX v4 at an open interest.

    Parameters
    ----------
    initial_margin_fraction : number or array
        The base fraction b, in [0, 1].
    open_interest, lower_cap, upper_cap : number or array
        Notional of the open interest, and where the fraction starts to rise and reaches 1; any one currency unit.

    Returns
    -------
    float or array
        ``min(1, b + (1 - b)*(open_interest - lower)/(upper - lower))``, not below b, rounded down to a millionth; b
        where the upper cap is 0.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    The maintenance margin never scales. Source: GetAdjustedInitialMarginPpm, protocol/x/perpetuals/types.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.scaled_initial_margin_fraction(0.2, open_interest=1_500_000, lower_cap=1_000_000, upper_cap=2_000_000)
    0.6
    """

    def one(base: object, interest: object, lower: object, upper: object) -> float:
        ppm = millionths("initial_margin_fraction", base, at_least=0, at_most=1)
        return scaled_ppm(ppm, *open_interest_units(interest, lower, upper)) / MILLION

    return each(one, initial_margin_fraction, open_interest, lower_cap, upper_cap)


def initial_margin_units(
    notional: Any, *, initial_margin_fraction: Any, open_interest: Any = 0, lower_cap: Any = 0, upper_cap: Any = 0
) -> Any:
    """Return the initial margin of a notional in whole units, rounded up, as the chain does in millionths of a USD.

    Parameters
    ----------
    notional : int or array of int
        Whole units (of 1e-6 USD on the chain), >= 0.
    initial_margin_fraction : number or array
        The base fraction, in [0, 1].
    open_interest, lower_cap, upper_cap : number or array
        As for :func:`scaled_initial_margin_fraction`.

    Returns
    -------
    int or array of int

    Raises
    ------
    InputError
        If a number breaks its rule or the notional is not whole.

    Notes
    -----
    Source: GetInitialMarginQuoteQuantums, protocol/x/perpetuals/types/liquidity_tier.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.initial_margin_units(1, initial_margin_fraction=0.1)
    1
    """

    def one(units: object, base: object, interest: object, lower: object, upper: object) -> int:
        ppm = millionths("initial_margin_fraction", base, at_least=0, at_most=1)
        return up(whole("notional", units, at_least=0), scaled_ppm(ppm, *open_interest_units(interest, lower, upper)))

    return each(one, notional, initial_margin_fraction, open_interest, lower_cap, upper_cap)


def margin_requirement(
    quantity: Any,
    *,
    oracle_price: Any,
    initial_margin_fraction: Any,
    maintenance_fraction: Any,
    open_interest: Any = 0,
    lower_cap: Any = 0,
    upper_cap: Any = 0,
) -> Any:
    """Return the initial and the maintenance margin of positions, USD.

    Parameters
    ----------
    quantity, oracle_price, initial_margin_fraction, maintenance_fraction : number or array
        As for :class:`Position`.
    open_interest, lower_cap, upper_cap : number or array
        As for :func:`scaled_initial_margin_fraction`, in USD.

    Returns
    -------
    (float, float) or (array, array)
        ``ceil(N*scaled fraction)`` and ``ceil(ceil(N*fraction)*maintenance_fraction)`` in millionths of a USD, N the
        notional without its part of a millionth.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: GetMarginRequirementsInQuoteQuantums, protocol/x/perpetuals/lib/lib.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.margin_requirement(
    ...     -0.005, oracle_price=420_000, initial_margin_fraction=0.01, maintenance_fraction=0.5
    ... )
    (21.0, 10.5)
    """

    def one(*numbers: Any) -> tuple[float, float]:
        position = Position("any", **dict(zip(_FIELDS, numbers, strict=True)))
        _, initial, maintenance = position_millionths(position)
        return initial / MILLION, maintenance / MILLION

    return each(
        one,
        *(quantity, oracle_price, initial_margin_fraction, maintenance_fraction),
        *(open_interest, lower_cap, upper_cap),
    )


def below_maintenance(net_collateral: Any, maintenance_margin: Any) -> Any:
    """Return whether net collateral falls short of a maintenance margin: ``margin > 0 and margin > collateral``.

    Parameters
    ----------
    net_collateral, maintenance_margin : number or array
        USD, or any one unit.

    Returns
    -------
    bool or array of bool
        False where they are equal, and where nothing must be held.

    Raises
    ------
    InputError
        If the margin is negative.

    Notes
    -----
    Source: Risk.IsLiquidatable, protocol/lib/margin/risk.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.below_maintenance([75, 100, -1], [100, 100, 0])
    array([ True, False, False])
    """

    def one(collateral: object, margin: object) -> bool:
        needed = exact("maintenance_margin", margin, at_least=0)
        return needed > 0 and needed > exact("net_collateral", collateral)

    return each(one, net_collateral, maintenance_margin)


def is_liquidatable(account: Subaccount) -> bool:
    """Return whether a subaccount is liquidatable at its positions' oracle prices.

    Parameters
    ----------
    account : Subaccount
        Its balance and positions.

    Returns
    -------
    bool

    Raises
    ------
    KindError
        If the argument is not a Subaccount.

    Notes
    -----
    Source: Keeper.IsLiquidatable, protocol/x/clob/keeper/liquidations.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.is_liquidatable(dydx.Subaccount(-1))
    False
    """
    collateral, _, needed = account_millionths(account)
    return needed > 0 and needed > collateral


def compare_risk(
    net_collateral: Any, maintenance_margin: Any, other_net_collateral: Any, other_maintenance_margin: Any
) -> Any:
    """Return 1 where the first account is riskier than the other, -1 where it is less risky, 0 where neither is.

    Parameters
    ----------
    net_collateral, maintenance_margin : number or array
        Of the first account; any one unit.
    other_net_collateral, other_maintenance_margin : number or array
        Of the other account.

    Returns
    -------
    int or array of int
        The lower ratio of collateral to margin is riskier; at equal ratios the larger margin, then the smaller
        collateral.

    Raises
    ------
    InputError
        If a margin is negative.

    Notes
    -----
    The ratios are compared by cross-multiplication. Source: Risk.Cmp, protocol/lib/margin/risk.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.compare_risk(100, 150, 100, 100)
    1
    """

    def one(collateral: object, margin: object, other_collateral: object, other_margin: object) -> int:
        have, other_have = exact("net_collateral", collateral), exact("other_net_collateral", other_collateral)
        need = exact("maintenance_margin", margin, at_least=0)
        other_need = exact("other_maintenance_margin", other_margin, at_least=0)
        by_ratio = _sign(other_have * need - have * other_need)
        return by_ratio or _sign(need - other_need) or _sign(other_have - have)

    return each(one, net_collateral, maintenance_margin, other_net_collateral, other_maintenance_margin)


def riskiest_first(accounts: Sequence[Subaccount]) -> list[int]:
    """Return the rows of the accounts in the order in which the chain liquidates them.

    Parameters
    ----------
    accounts : sequence of Subaccount
        The liquidatable ones, or all.

    Returns
    -------
    list of int
        Rows by falling risk (:func:`compare_risk`); ties in the order given.

    Raises
    ------
    KindError
        If one is not a Subaccount.

    Notes
    -----
    Source: protocol/lib/margin/risk.go and the liquidations of protocol/x/clob.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> btc = dydx.Position("BTC", quantity=1, **fractions)
    >>> dydx.riskiest_first([dydx.Subaccount(-45_000, (btc,)), dydx.Subaccount(-49_000, (btc,))])
    [1, 0]
    """
    states = [account_millionths(account) for account in accounts]

    def compared(first: int, second: int) -> int:
        (have, _, need), (other_have, _, other_need) = states[first], states[second]
        return -int(compare_risk(have, need, other_have, other_need))

    return sorted(range(len(states)), key=cmp_to_key(compared))


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)
