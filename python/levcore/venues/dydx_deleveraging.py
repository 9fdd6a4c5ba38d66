"""dYdX v4: deleveraging: a bankrupt hands its position to holders of the other side, unranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from levcore import checks
from levcore.errors import InputError
from levcore.exact_numbers import MILLION, Number, exact, toward_zero
from levcore.venues.dydx_account import Subaccount, account_millionths, held, reduced, traded, transition_is_valid
from levcore.venues.dydx_liquidation import bankruptcy_millionths

PriceRule = Literal["bankruptcy", "oracle"]


@dataclass(frozen=True)
class Deleveraged:
    """What a deleveraging did.

    Attributes
    ----------
    accounts : dict of str to Subaccount
        All accounts, afterwards.
    fills : tuple of (str, float)
        Who took how much, base units, in order.
    remaining : float
        Base units that found nobody, unsigned.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.Deleveraged({}, (), 0.0).fills
    ()
    """

    accounts: dict[str, Subaccount]
    fills: tuple[tuple[str, float], ...]
    remaining: float


def deleveraging_price_rule(account: Subaccount, *, final_settlement: bool = False) -> PriceRule | None:
    """Return at what price a subaccount may be deleveraged now, None where it may not.

    Parameters
    ----------
    account : Subaccount
        Its balance and positions.
    final_settlement : bool
        Whether the market is closing for good.

    Returns
    -------
    {"bankruptcy", "oracle"} or None
        The bankruptcy price where net collateral is below 0; else the oracle price in final settlement.

    Raises
    ------
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Source: CanDeleverageSubaccount, protocol/x/clob/keeper/deleveraging.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.deleveraging_price_rule(dydx.Subaccount(-1))
    'bankruptcy'
    """
    checks.flag("final_settlement", final_settlement)
    if account_millionths(account)[0] < 0:
        return "bankruptcy"
    return "oracle" if final_settlement else None


def deleverage(
    bankrupt: Subaccount,
    counterparty: Subaccount,
    market: str,
    quantity_change: Number,
    *,
    price_rule: PriceRule = "bankruptcy",
) -> tuple[Subaccount, Subaccount] | None:
    """Return two subaccounts after one hands a part of its position to the other, None where that is rejected.

    Parameters
    ----------
    bankrupt, counterparty : Subaccount
        Holders of opposite positions in the market.
    market : str
        The market.
    quantity_change : number
        Of the bankrupt: signed base units, no more than either position.
    price_rule : {"bankruptcy", "oracle"}
        The bankrupt's bankruptcy price, or the oracle price.

    Returns
    -------
    (Subaccount, Subaccount) or None
        None where either would be left below its initial margin and worse off (:func:`transition_is_valid`).

    Raises
    ------
    InputError
        If a market is not held or the change does not reduce both positions.

    Notes
    -----
    Source: ProcessDeleveraging, protocol/x/clob/keeper/deleveraging.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> short = dydx.Subaccount(49_999, (dydx.Position("BTC", quantity=-1, **fractions),))
    >>> long = dydx.Subaccount(-45_001, (dydx.Position("BTC", quantity=1, **fractions),))
    >>> [account.quote_balance for account in dydx.deleverage(short, long, "BTC", 1)]
    [0.0, 4998.0]
    """
    checks.choice("price_rule", price_rule, ("bankruptcy", "oracle"))
    change = exact("quantity_change", quantity_change)
    if price_rule == "bankruptcy":
        received = bankruptcy_millionths(bankrupt, market, change)
    else:
        received = -toward_zero(change * exact("oracle_price", held(bankrupt, market).oracle_price) * MILLION)
    after = traded(bankrupt, market, change, received), traded(counterparty, market, -change, -received)
    valid = transition_is_valid(bankrupt, after[0]) and transition_is_valid(counterparty, after[1])
    return after if valid else None


def deleverage_against(
    accounts: Mapping[str, Subaccount],
    bankrupt: str,
    market: str,
    quantity_change: Number,
    *,
    price_rule: PriceRule = "bankruptcy",
) -> Deleveraged:
    """Return what deleveraging does: the others are asked in order, whatever their profit, until the change is done.

    Parameters
    ----------
    accounts : mapping of str to Subaccount
        The bankrupt and the others, in the order in which they are asked (the chain starts at a random one).
    bankrupt : str
        The name of the bankrupt.
    market : str
        The market.
    quantity_change : number
        Of the bankrupt: signed base units, no more than its position.
    price_rule : {"bankruptcy", "oracle"}
        As for :func:`deleverage`.

    Returns
    -------
    Deleveraged

    Raises
    ------
    InputError
        If the bankrupt is unknown, the market is not held or the change does not reduce its position.

    Notes
    -----
    Passed over: who holds nothing on the other side, and whose bankruptcy price does not overlap. Source:
    OffsetSubaccountPerpetualPosition, protocol/x/clob/keeper/deleveraging.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> short = dydx.Subaccount(49_999, (dydx.Position("BTC", quantity=-1, **fractions),))
    >>> long = dydx.Subaccount(50_000, (dydx.Position("BTC", quantity=1, **fractions),))
    >>> dydx.deleverage_against({"short": short, "long": long}, "short", "BTC", 1).fills
    (('long', 1.0),)
    """
    after = known(accounts, bankrupt)
    reduced(held(after[bankrupt], market), quantity_change)
    left = exact("quantity_change", quantity_change)
    fills: list[tuple[str, float]] = []
    for name, account in accounts.items():
        position = [p for p in account.positions if p.market == market]
        quantity = exact("quantity", position[0].quantity) if position else Fraction(0)
        if name == bankrupt or left * quantity <= 0:
            continue
        change = left if abs(left) <= abs(quantity) else quantity
        pair = deleverage(after[bankrupt], account, market, change, price_rule=price_rule)
        if pair is not None:
            after[bankrupt], after[name] = pair
            left -= change
            fills.append((name, float(abs(change))))
    return Deleveraged(after, tuple(fills), float(abs(left)))


def known(accounts: Mapping[str, Subaccount], name: str) -> dict[str, Subaccount]:
    """Return the accounts as a dict of their own, once a name among them is known."""
    if name not in accounts:
        raise InputError(f"accounts must hold {name!r}; known: {', '.join(accounts)}")
    return dict(accounts)
