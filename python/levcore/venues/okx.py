"""OKX: swaps and futures settled in USDT."""

from __future__ import annotations

from collections.abc import Mapping

from levcore.backstop import Backstop, Deleveraging
from levcore.liquidation import Policy, TierStep
from levcore.venue import Venue
from levcore.venues.presets import Expiries, Fundings, House, Symbols, Tables, linear


def okx(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    taker_fee: float = 0.0005,
    collateral: Mapping[str, float] | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
    expiry: Expiries = None,
) -> Venue:
    """Give the rulebook of OKX's USDT swaps and futures: linear, whole-position tiers by contracts.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTC-USDT-SWAP"; None: all that have tiers.
    tiers : mapping of str to MarginTiers
        Tiers per symbol with whole_position=True and measure="contracts", floors in base units (the venue's contracts
        times their size), such as :func:`levcore.venues.read_ccxt_tiers` reads. None are shipped.
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
        Of each symbol with a date ("BTC-USDT-261225"), a future: time from the start of a run. It must have one.

    Returns
    -------
    Venue
        Equity equal to the requirement liquidates: from the third tier up a position is cut by two tiers; below it is
        taken over at its bankruptcy price, and what is left of its margin is the fund's; deficits go to the fund, then
        to deleveraging at the bankruptcy price, highest profit times leverage first.

    Raises
    ------
    InputError, KindError
        If there are no tiers, they are of another kind, a symbol has a date and no expiry, or a value breaks a rule.

    Notes
    -----
    Source: OKX's help pages on margin and liquidation, read in 2025, and the formula of its liquidation price checked
    against published numbers. The default fee is general knowledge, that of an ordinary account.

    Left out: the take-over of the whole position, in whatever tier, once its equity is below what the first tier would
    require, netting of hedges, discount rates by amount, contracts margined in coin, delivery of dated futures. That
    deleveraging ranks by profit times leverage is general knowledge.

    Examples
    --------
    >>> import levcore as lc
    >>> table = lc.MarginTiers([0.0, 10.0], [0.004, 0.005], whole_position=True, measure="contracts")
    >>> venue = lc.venues.okx(tiers={"BTC-USDT-SWAP": table})
    >>> held = {"quantity": [1.0], "entry_price": [60_000.0], "margin": [6_000.0]}
    >>> lc.Book(venue, instrument="BTC-USDT-SWAP", **held).liquidation_price.round(2)
    array([54244.1])
    """
    house = House(
        "OKX",
        r"(?P<asset>\w+)-USDT-(SWAP|(?P<dated>\d{6}))",
        "BTC-USDT-SWAP",
        whole_position=True,
        measure=("contracts",),
    )
    return Venue(
        linear(house, symbols, tiers, closing_fee=taker_fee, funding=funding, expiry=expiry),
        liquidation=TierStep(tiers=2) if liquidation is None else liquidation,
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=Deleveraging(ranking="profit")),
        remainder="fund",
        liquidate_at_equality=True,
        settlement="USDT",
        collateral=collateral,
    )
