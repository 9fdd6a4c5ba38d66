"""dYdX v4: what a liquidation order does: fills while the insurance fund can pay, else deleveraging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from levcore import checks
from levcore.errors import InputError
from levcore.exact_numbers import MILLION, Number, above_zero, exact, millionths
from levcore.venues.dydx_account import Subaccount, held, reduced, traded, transition_is_valid
from levcore.venues.dydx_deleveraging import deleverage_against, deleveraging_price_rule, known
from levcore.venues.dydx_liquidation import fill_millionths, fund_change_millionths


@dataclass(frozen=True)
class Liquidated:
    """What a liquidation order did.

    Attributes
    ----------
    accounts : dict of str to Subaccount
        All accounts, afterwards.
    filled : float
        Base units filled on the order book, unsigned.
    insurance_fund : float
        What is in the fund afterwards, USD.
    fund_paid : float
        What the fund paid for fills, USD.
    fees : float
        What the account paid the fund for fills, USD.
    requires_deleveraging : bool
        Whether the fund could not pay for the next fill, so that the order stopped.
    deleveraged : tuple of (str, float)
        Who took how much by deleveraging, base units; only where nothing was filled.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.Liquidated({}, 1.0, 5.0, 0.0, 0.0, False, ()).filled
    1.0
    """

    accounts: dict[str, Subaccount]
    filled: float
    insurance_fund: float
    fund_paid: float
    fees: float
    requires_deleveraging: bool
    deleveraged: tuple[tuple[str, float], ...]


def liquidate(
    accounts: Mapping[str, Subaccount],
    liquidated: str,
    market: str,
    quantity_change: Number,
    *,
    limit_price: Number,
    makers: Iterable[Sequence[object]],
    insurance_fund: Number,
    max_liquidation_fee: Number,
) -> Liquidated:
    """Return what a liquidation order does to its account, the makers it meets and the insurance fund.

    Parameters
    ----------
    accounts : mapping of str to Subaccount
        The liquidated one, the makers, and the others, in the order in which deleveraging asks them.
    liquidated : str
        The name of the liquidated account.
    market : str
        The market.
    quantity_change : number
        The order: signed base units, against the position and no more than it.
    limit_price : number
        The worst price that it takes (:func:`fillable_price`), USD.
    makers : sequence of (price, quantity, name)
        Resting orders on the other side; the best price first, then the order given.
    insurance_fund : number
        What is in the fund, USD. Fees of this order are credited after it.
    max_liquidation_fee : number
        The highest fee as a share of a fill's notional, in [0, 1].

    Returns
    -------
    Liquidated
        The order stops where a fill would ask more than the fund has. If nothing was filled and net collateral is below
        0, the whole order is deleveraged at the bankruptcy price.

    Raises
    ------
    InputError
        If an account is unknown, the market is not held or a number breaks its rule.

    Notes
    -----
    A maker whom the fill would leave undercollateralised is passed over; trading fees are left out. Source:
    PlacePerpetualLiquidation, protocol/x/clob/keeper/liquidations.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"oracle_price": 50_500, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> short = dydx.Subaccount(50_499, (dydx.Position("BTC", quantity=-1, **fractions),))
    >>> long = dydx.Subaccount(50_000, (dydx.Position("BTC", quantity=1, **fractions),))
    >>> order = {"limit_price": 50_500, "insurance_fund": 0, "max_liquidation_fee": 0.005}
    >>> done = dydx.liquidate({"a": short, "b": long}, "a", "BTC", 1, makers=[(50_500, 0.25, "b")], **order)
    >>> done.filled, done.deleveraged, done.accounts["b"].quote_balance
    (0.0, (('b', 1.0),), 100499.0)
    """
    after = known(accounts, liquidated)
    reduced(held(after[liquidated], market), quantity_change)
    fund = millionths("insurance_fund", insurance_fund, at_least=0)
    fee = millionths("max_liquidation_fee", max_liquidation_fee, at_least=0, at_most=1)
    left = whole_order = exact("quantity_change", quantity_change)
    side, paid, fees, short_of_fund = (1 if left > 0 else -1), 0, 0, False
    for price, size, name in _sorted(makers, side):
        if left == 0 or side * price > side * above_zero("limit_price", limit_price):
            break
        change = side * min(abs(left), size)
        received = fill_millionths(change, price)
        moved = fund_change_millionths(after[liquidated], market, change, received, fee)
        if fund + moved - fees < 0 and moved < 0:
            short_of_fund = True
            break
        if name == liquidated:
            raise InputError(f"makers must not hold an order of the liquidated account {name!r}")
        position = held(after[liquidated], market)
        taker = traded(after[liquidated], market, change, received - moved)
        maker = traded(known(after, name)[name], market, -change, -received, opening=position)
        if not transition_is_valid(after[name], maker):
            continue
        after[liquidated], after[name] = taker, maker
        fund, fees, paid, left = fund + moved, fees + max(moved, 0), paid - min(moved, 0), left - change
    deleveraged: tuple[tuple[str, float], ...] = ()
    if left == whole_order and deleveraging_price_rule(after[liquidated]) == "bankruptcy":
        outcome = deleverage_against(after, liquidated, market, left)
        after, deleveraged = outcome.accounts, outcome.fills
    money = fund / MILLION, paid / MILLION, fees / MILLION
    return Liquidated(after, float(abs(whole_order - left)), *money, short_of_fund, deleveraged)


def _sorted(makers: Iterable[Sequence[object]], side: int) -> list[tuple[Fraction, Fraction, str]]:
    orders = []
    for row, maker in enumerate(makers):
        if len(maker) != 3:
            raise InputError(f"makers[{row}] must be (price, quantity, name), had {len(maker)} entries")
        price, size, name = maker
        orders.append((above_zero(f"makers[{row}] price", price), above_zero(f"makers[{row}] quantity", size), name))
    return sorted(((p, q, checks.text("name", n)) for p, q, n in orders), key=lambda order: side * order[0])
