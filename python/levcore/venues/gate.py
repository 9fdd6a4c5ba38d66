"""Gate: perpetuals settled in USDT."""

from __future__ import annotations

from collections.abc import Mapping

from levcore.backstop import Backstop, Deleveraging
from levcore.liquidation import FullClose, Policy
from levcore.venue import Venue
from levcore.venues.presets import Expiries, Fundings, House, Symbols, Tables, linear


def gate(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    taker_fee: float = 0.00075,
    collateral: Mapping[str, float] | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
    expiry: Expiries = None,
) -> Venue:
    """Give the rulebook of Gate's USDT perpetuals: linear, whole-position tiers.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTC_USDT"; None: all that have tiers.
    tiers : mapping of str to MarginTiers
        Tiers per symbol with whole_position=True, such as
        :func:`levcore.venues.read_ccxt_tiers` reads. None are shipped.
    insurance_fund : float
        In USDT, >= 0.
    taker_fee : float
        Rate of the fee to close, counted into the requirement beside the maintenance rate, in [0, 1).
    collateral : mapping of str to float, optional
        Coins of a multi-currency account: the share of their value that counts.
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the venue's own policy. None: its own.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.
    expiry : mapping of str to timedelta, optional
        Of each symbol with a date ("BTC_USDT_20261225"), a future: time from the start of a run. It must have one.

    Returns
    -------
    Venue
        Equity equal to the requirement liquidates; a position is taken over at its bankruptcy price, and what is left
        of its margin is the fund's; deficits go to the fund, then to deleveraging at the bankruptcy price, highest
        profit times leverage first.

    Raises
    ------
    InputError, KindError
        If there are no tiers, they are of another kind, a symbol has a date and no expiry, or a value breaks a rule.

    Notes
    -----
    Source: the formula of Gate's liquidation price, which gives a price shown by its application (1349.70) and one
    of its interface (665.69, with the fee of 0.075 % that is the default here).

    Left out: tiers with deductions that newer accounts may have, liquidation in parts, whose sizes are not known here
    (a liquidation closes the whole position), contracts margined in coin, delivery of dated futures. That deleveraging
    ranks by profit times leverage is general knowledge.

    Examples
    --------
    >>> import levcore as lc
    >>> table = lc.MarginTiers([0.0, 1e6], [0.004, 0.008], whole_position=True)
    >>> venue = lc.venues.gate(tiers={"BTC_USDT": table})
    >>> held = {"quantity": [1.0], "entry_price": [60_000.0], "margin": [6_000.0]}
    >>> lc.Book(venue, instrument="BTC_USDT", **held).liquidation_price.round(2)
    array([54257.72])
    """
    house = House("Gate", r"(?P<asset>\w+?)_USDT(?P<dated>_\d{8})?", "BTC_USDT", whole_position=True)
    return Venue(
        linear(house, symbols, tiers, closing_fee=taker_fee, funding=funding, expiry=expiry),
        liquidation=FullClose() if liquidation is None else liquidation,
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=Deleveraging(ranking="profit")),
        remainder="fund",
        liquidate_at_equality=True,
        settlement="USDT",
        collateral=collateral,
    )
