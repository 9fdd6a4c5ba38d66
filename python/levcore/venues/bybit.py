"""Bybit: USDT and inverse contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from levcore.backstop import Backstop, Deleveraging
from levcore.liquidation import Policy, TierStep
from levcore.venue import Venue
from levcore.venues.presets import Expiries, Fundings, House, Symbols, Tables, inverse, linear


def bybit_linear(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    basis: Literal["mark", "entry"] = "entry",
    collateral: Mapping[str, float] | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
    expiry: Expiries = None,
) -> Venue:
    """Give the rulebook of Bybit's USDT contracts: linear, tiers with deductions on the notional at entry.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTCUSDT"; None: all that have tiers.
    tiers : mapping of str to MarginTiers
        Continuous tiers per symbol, such as :func:`levcore.venues.read_ccxt_tiers` reads. None are shipped.
    insurance_fund : float
        In USDT, >= 0.
    basis : {"entry", "mark"}
        Which notional the requirement is taken on: at entry (the classic account's printed formula), or at the mark.
    collateral : mapping of str to float, optional
        Unified account: the share of each coin's value that counts.
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the unified account's policy; ``FullClose()`` is the classic account's. None: the unified account's.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.
    expiry : mapping of str to timedelta, optional
        Of each symbol with a date ("BTCUSDT-25DEC26"), a future: time from the start of a run. It must have one.

    Returns
    -------
    Venue
        Equity equal to the requirement liquidates: a position is cut to the tier below; in the lowest tier it is taken
        over at its bankruptcy price, and what is left of its margin is the fund's; deficits go to the fund, then to
        deleveraging at the bankruptcy price, highest profit times leverage first.

    Raises
    ------
    InputError, KindError
        If there are no tiers, they are of another kind, a symbol has a date and no expiry, or a value breaks a rule.

    Notes
    -----
    Source: Bybit's help pages on the liquidation price of USDT contracts, read in 2024 and 2025, checked against
    published numbers. The fee to close at the bankruptcy price is in the venue's initial and maintenance margin alike
    and cancels out: give margins without it. That the unified account goes down tier by tier is general knowledge.

    Left out: pools of the fund, deleveraging that draw-down of the fund sets off, the mark instead of a bankruptcy
    price that is more than 5 % away from it, prices rounded to ticks, delivery of dated futures.

    Examples
    --------
    >>> import levcore as lc
    >>> table = lc.MarginTiers([0.0, 2e6], [0.005, 0.01], max_leverage=[100, 50])
    >>> lc.venues.bybit_linear(tiers={"BTCUSDT": table}).remainder
    'fund'
    """
    house = House("Bybit", r"(?P<asset>\w+?)USDT(?P<dated>-\w+)?", "BTCUSDT", measure=("notional", "entry"))
    measured = house if basis == "entry" else house._replace(measure=("notional",))
    return Venue(
        linear(measured, symbols, tiers, basis=basis, funding=funding, expiry=expiry),
        liquidation=TierStep(tiers=1) if liquidation is None else liquidation,
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=Deleveraging(ranking="profit")),
        remainder="fund",
        liquidate_at_equality=True,
        settlement="USDT",
        collateral=collateral,
    )


def bybit_inverse(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    basis: Literal["mark", "entry"] = "mark",
    liquidation: Policy | None = None,
    funding: Fundings = None,
    expiry: Expiries = None,
) -> Venue:
    """Give the rulebook of Bybit's inverse contracts of 1 USD, margined in coin.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTCUSD", all of one coin; None: all that have tiers.
    tiers : mapping of str to MarginTiers
        Continuous tiers per symbol, floors and deductions in coin. None are shipped.
    insurance_fund : float
        In coin, >= 0.
    basis : {"mark", "entry"}
        Which notional the requirement is taken on: at the mark (the venue's page of May 2026) or at entry (2024).
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the unified account's policy; ``FullClose()`` is the classic account's. None: the unified account's.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.
    expiry : mapping of str to timedelta, optional
        Of each symbol with a date ("BTCUSDZ26"), a future: time from the start of a run. It must have one.

    Returns
    -------
    Venue
        Settled in the coin. Equity equal to the requirement liquidates: a position is cut to the tier below, in the
        lowest tier closed; what is left of the margin is then the fund's; deficits go to the fund, then to
        deleveraging at the bankruptcy price, highest profit times leverage first.

    Raises
    ------
    InputError, KindError
        If there are no tiers, symbols are of several coins, one has a date and no expiry, tiers are of another kind, or
        a value breaks a rule.

    Notes
    -----
    Source: Bybit's help pages on the liquidation price of inverse contracts, 2024 and May 2026, as printed; the
    contract of 1 USD is general knowledge.

    Left out: what :func:`levcore.venues.bybit_linear` leaves out.

    Examples
    --------
    >>> import levcore as lc
    >>> table = lc.MarginTiers([0.0, 150.0], [0.005, 0.01], max_leverage=[100, 50])
    >>> lc.venues.bybit_inverse(tiers={"BTCUSD": table}).instruments[0].contract_value
    1.0
    """
    measures = ("notional",) if basis == "mark" else ("notional", "entry")
    house = House("Bybit", r"(?P<asset>\w+?)USD(?P<dated>[HMUZ]\d\d)?", "BTCUSD", None, measure=measures)
    return Venue(
        inverse(house, symbols, tiers, contract_value=1.0, basis=basis, funding=funding, expiry=expiry),
        liquidation=TierStep(tiers=1) if liquidation is None else liquidation,
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=Deleveraging(ranking="profit")),
        remainder="fund",
        liquidate_at_equality=True,
    )
