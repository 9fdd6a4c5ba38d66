"""Bitget: perpetuals settled in USDT."""

from __future__ import annotations

from collections.abc import Mapping

from levcore.backstop import Backstop, Deleveraging
from levcore.liquidation import FullClose, Policy
from levcore.venue import Venue
from levcore.venues.presets import Fundings, House, Symbols, Tables, linear


def bitget(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    taker_fee: float = 0.0006,
    collateral: Mapping[str, float] | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
) -> Venue:
    """Give the rulebook of Bitget's USDT perpetuals: linear, whole-position tiers.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTCUSDT"; None: all that have tiers.
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

    Returns
    -------
    Venue
        Equity equal to the requirement liquidates; a position is taken over at its bankruptcy price, and what is left
        of its margin is the fund's; deficits go to the fund, then to deleveraging at the bankruptcy price, highest
        profit times leverage first.

    Raises
    ------
    InputError, KindError
        If there are no tiers, they are of another kind, or a value breaks a rule.

    Notes
    -----
    Source: the formula of Bitget's liquidation price, checked against published numbers of one tier; that tiers have
    no deduction, and the default fee of an ordinary account, are general knowledge.

    Left out: liquidation in parts, whose sizes are not known here (a liquidation closes the whole position), contracts
    margined in coin. That deleveraging ranks by profit times leverage is general knowledge.

    Examples
    --------
    >>> import levcore as lc
    >>> table = lc.MarginTiers([0.0, 1e6], [0.004, 0.008], whole_position=True)
    >>> venue = lc.venues.bitget(tiers={"BTCUSDT": table})
    >>> held = {"quantity": [1.0], "entry_price": [60_000.0], "margin": [6_000.0]}
    >>> lc.Book(venue, instrument="BTCUSDT", **held).liquidation_price.round(2)
    array([54249.55])
    """
    house = House("Bitget", r"(?P<asset>\w+?)USDT", "BTCUSDT", whole_position=True)
    return Venue(
        linear(house, symbols, tiers, closing_fee=taker_fee, funding=funding),
        liquidation=FullClose() if liquidation is None else liquidation,
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=Deleveraging(ranking="profit")),
        remainder="fund",
        liquidate_at_equality=True,
        settlement="USDT",
        collateral=collateral,
    )
