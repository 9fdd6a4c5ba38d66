"""dYdX v4: a subaccount, what it is worth and must hold, in whole millionths of a USD as the chain counts."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from fractions import Fraction

from levcore import checks
from levcore.errors import InputError
from levcore.exact_numbers import MILLION, Number, exact, millionths, plain, toward_zero, up


@dataclass(frozen=True)
class Position:
    """A perpetual position of a dYdX v4 subaccount, with the parameters of its market.

    Parameters
    ----------
    market : str
        The market's name.
    quantity : number
        Signed size in base units, long > 0.
    oracle_price : number
        Oracle price, USD, >= 0; the chain has no mark price.
    initial_margin_fraction : number
        Base initial margin as a share of notional, in [0, 1].
    maintenance_fraction : number
        Maintenance margin as a share of the base initial margin, in [0, 1].
    open_interest : number
        Notional of the market's open interest, USD.
    open_interest_lower_cap, open_interest_upper_cap : number
        Open interest, USD, from which the initial margin rises, and at which it is the whole notional; upper 0: never.

    Raises
    ------
    InputError
        If a number breaks its rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Source: dydxprotocol/v4-chain, protocol/x/perpetuals/types/liquidity_tier.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.Position(
    ...     "BTC", quantity=-1, oracle_price=50_000, initial_margin_fraction=0.2, maintenance_fraction=0.5
    ... ).quantity
    -1
    """

    market: str
    _: KW_ONLY
    quantity: Number
    oracle_price: Number
    initial_margin_fraction: Number
    maintenance_fraction: Number
    open_interest: Number = 0
    open_interest_lower_cap: Number = 0
    open_interest_upper_cap: Number = 0

    def __post_init__(self) -> None:
        checks.text("market", self.market)
        exact("quantity", self.quantity)
        _tier(self)


@dataclass(frozen=True)
class Subaccount:
    """A dYdX v4 subaccount: a USDC balance and positions that share it.

    Parameters
    ----------
    quote_balance : number
        USDC, negative where it is owed.
    positions : sequence of Position
        At most one a market; a position of size 0 is none.

    Raises
    ------
    InputError
        If a market stands twice.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Source: dydxprotocol/v4-chain, protocol/x/subaccounts.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.Subaccount(1_000).positions
    ()
    """

    quote_balance: Number
    positions: tuple[Position, ...] = ()

    def __post_init__(self) -> None:
        millionths("quote_balance", self.quote_balance)
        seen: set[str] = set()
        for row, position in enumerate(self.positions):
            checks.instance(f"positions[{row}]", position, Position)
            if position.market in seen:
                raise InputError(f"positions[{row}] must have its own market, {position.market!r} stands twice")
            seen.add(position.market)
        object.__setattr__(self, "positions", tuple(p for p in self.positions if p.quantity != 0))


@dataclass(frozen=True)
class Risk:
    """What a subaccount is worth and must hold.

    Attributes
    ----------
    net_collateral : float
        Balance and signed notional of every position at the oracle price, USD.
    initial_margin, maintenance_margin : float
        Sums of the positions' requirements, each rounded up, USD.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.risk(dydx.Subaccount(10))
    Risk(net_collateral=10.0, initial_margin=0.0, maintenance_margin=0.0)
    """

    net_collateral: float
    initial_margin: float
    maintenance_margin: float


Millionths = tuple[int, int, int]


def risk(account: Subaccount) -> Risk:
    """Return what a subaccount is worth and must hold.

    Parameters
    ----------
    account : Subaccount
        Its balance and positions.

    Returns
    -------
    Risk

    Raises
    ------
    KindError
        If the argument is not a Subaccount.

    Notes
    -----
    Source: GetNetCollateralAndMarginRequirements, protocol/x/subaccounts/keeper/subaccount.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> fractions = {"initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
    >>> btc = dydx.Position("BTC", quantity=1, oracle_price=50_000, **fractions)
    >>> dydx.risk(dydx.Subaccount(-45_000, (btc,)))
    Risk(net_collateral=5000.0, initial_margin=10000.0, maintenance_margin=5000.0)
    """
    return Risk(*(units / MILLION for units in account_millionths(account)))


def transition_is_valid(before: Subaccount, after: Subaccount) -> bool:
    """Return whether the chain lets a subaccount go from one state to another.

    Parameters
    ----------
    before, after : Subaccount
        The two states.

    Returns
    -------
    bool
        Whether it meets its initial margin afterwards; else whether its maintenance margin does not rise and the ratio
        of its collateral to it does not fall. Without a maintenance margin in either state collateral must rise.

    Raises
    ------
    KindError
        If an argument is not a Subaccount.

    Notes
    -----
    Source: IsValidStateTransitionForUndercollateralizedSubaccount, protocol/x/subaccounts/lib.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.transition_is_valid(dydx.Subaccount(10), dydx.Subaccount(-1))
    False
    """
    had, _, needed_before = account_millionths(before)
    has, wanted, needed = account_millionths(after)
    if has >= wanted:
        return True
    if needed > needed_before:
        return False
    if needed == 0 or needed_before == 0:
        return needed == needed_before and has > had
    return has * needed_before >= had * needed


def account_millionths(account: Subaccount) -> Millionths:
    """Return net collateral, initial and maintenance margin in millionths of a USD."""
    checks.instance("account", account, Subaccount)
    parts = [position_millionths(position) for position in account.positions]
    balance = millionths("quote_balance", account.quote_balance)
    return balance + sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts)


def position_millionths(position: Position) -> Millionths:
    """Return signed notional, initial and maintenance margin of a position in millionths of a USD."""
    base, fraction, *interest = _tier(position)
    price = exact("oracle_price", position.oracle_price)
    notional = toward_zero(exact("quantity", position.quantity) * price * MILLION)
    initial = up(abs(notional), scaled_ppm(base, *interest))
    return notional, initial, up(up(abs(notional), base), fraction)


def held(account: Subaccount, market: str) -> Position:
    """Return the subaccount's position in a market."""
    checks.instance("account", account, Subaccount)
    found = [p for p in account.positions if p.market == market]
    if not found:
        raise InputError(f"the subaccount must hold a position in {market!r}")
    return found[0]


def reduced(position: Position, quantity_change: object) -> Position:
    """Return the position after a change that must reduce it."""
    quantity, change = exact("quantity", position.quantity), exact("quantity_change", quantity_change)
    if quantity * change >= 0 or abs(change) > abs(quantity):
        raise InputError(
            f"quantity_change must reduce the position of {position.quantity} in {position.market!r}, "
            f"was {quantity_change}"
        )
    return replace(position, quantity=plain(quantity + change))


def traded(
    account: Subaccount, market: str, change: Fraction, received: int, *, opening: Position | None = None
) -> Subaccount:
    """Return a subaccount after a trade, given what it receives in millionths of a USD.

    The trade must reduce its position, unless the parameters of the market come with it.
    """
    balance = plain(Fraction(millionths("quote_balance", account.quote_balance) + received, MILLION))
    kept = [p for p in account.positions if p.market != market]
    if opening is None:
        return Subaccount(balance, (*kept, reduced(held(account, market), change)))
    has = [p for p in account.positions if p.market == market] or [replace(opening, quantity=0)]
    quantity = plain(exact("quantity", has[0].quantity) + change)
    return Subaccount(balance, (*kept, replace(has[0], quantity=quantity)))


def _tier(position: Position) -> tuple[int, int, int, int, int]:
    """Check and return the parameters of a position's market, in millionths."""
    exact("oracle_price", position.oracle_price, at_least=0)
    interest = (position.open_interest, position.open_interest_lower_cap, position.open_interest_upper_cap)
    return (
        millionths("initial_margin_fraction", position.initial_margin_fraction, at_least=0, at_most=1),
        millionths("maintenance_fraction", position.maintenance_fraction, at_least=0, at_most=1),
        *open_interest_units(*interest),
    )


def open_interest_units(interest: object, lower: object, upper: object) -> tuple[int, int, int]:
    """Check and return an open interest and its caps in millionths of their unit."""
    found = tuple(
        millionths(name, value, at_least=0)
        for name, value in (("open_interest", interest), ("lower_cap", lower), ("upper_cap", upper))
    )
    if found[1] > found[2] > 0:
        raise InputError(f"lower_cap must be at most upper_cap, was {lower} over {upper}")
    return found[0], found[1], found[2]


def scaled_ppm(base: int, interest: int, lower: int, upper: int) -> int:
    """Return the initial margin fraction at an open interest, in millionths, rounded down."""
    if upper == 0 or interest <= lower:
        return base
    if interest >= upper:
        return MILLION
    return base + (MILLION - base) * (interest - lower) // (upper - lower)
