"""Hyperliquid: perpetuals settled in USDC."""

from __future__ import annotations

from datetime import timedelta

from levcore.backstop import Backstop
from levcore.liquidation import Policy, PortionClose
from levcore.tiers import MarginTiers
from levcore.venue import Venue
from levcore.venues.presets import Fundings, House, Symbols, Tables, linear

#: Notional in USDC from which each highest leverage applies: "Margin tiers" in the venue's documentation, 2025.
MAX_LEVERAGE = {
    "BTC": ((0.0, 40.0), (150e6, 20.0)),
    "ETH": ((0.0, 25.0), (100e6, 15.0)),
    "SOL": ((0.0, 20.0), (70e6, 10.0)),
    "XRP": ((0.0, 20.0), (40e6, 10.0)),
}


def hyperliquid(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    liquidation: Policy | None = None,
    funding: Fundings = None,
) -> Venue:
    """Give the rulebook of Hyperliquid's perpetuals: linear, half the initial margin at the highest leverage.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Coins, such as "BTC"; None: all that have tiers.
    tiers : mapping of str to MarginTiers, optional
        Continuous tiers per coin, maintenance rate ``0.5/max_leverage``. None: BTC, ETH, SOL and XRP as shipped.
    insurance_fund : float
        In USDC, >= 0: what stands behind a deficit. The venue has a vault (HLP) for it, and no fund.
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the venue's own policy. None: its own.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.

    Returns
    -------
    Venue
        Equity equal to the requirement liquidates: of a position above 100,000 USDC a fifth is closed, and the rest 30
        seconds later, others whole; no fee, and what is left is the trader's; deficits go to the fund, then to
        deleveraging; losses are never socialised.

    Raises
    ------
    InputError, KindError
        If a coin has no tiers, tiers are of another kind, or a value breaks a rule.

    Notes
    -----
    Source: Hyperliquid's documentation (margin tiers, liquidations), 2025; liquidation prices of 29 live positions
    reproduced within 3.5e-5. The second tier of XRP is general knowledge, not checked.

    A shock is one step: the rest of a large position waits at its end (`Outcome.waiting`). A step of more than 30
    seconds makes the wait as long.

    Left out: the take-over by the vault below two thirds of the requirement, which keeps the margin and ends the wait,
    the ranking of deleveraging and its price, the previous mark (levcore: pro rata at the bankruptcy price).

    Examples
    --------
    >>> import levcore as lc
    >>> lc.venues.hyperliquid("BTC").instruments[0].tiers.maintenance_rate
    (0.0125, 0.025)
    """
    house = House("Hyperliquid", r"(?P<asset>[^/:]+)", "BTC", "USDC")
    shipped = {coin: _of_leverage(rows) for coin, rows in MAX_LEVERAGE.items()}
    first_a_fifth = PortionClose(portion=0.2, above=100_000.0, wait=timedelta(seconds=30), then="all")
    return Venue(
        linear(house, symbols, tiers, shipped=shipped, funding=funding),
        liquidation=first_a_fifth if liquidation is None else liquidation,
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=True),
        remainder="trader",
        liquidate_at_equality=True,
        settlement="USDC",
    )


def _of_leverage(rows: tuple[tuple[float, float], ...]) -> MarginTiers:
    floor, leverage = zip(*rows, strict=True)
    return MarginTiers(floor, [0.5 / each for each in leverage], max_leverage=leverage)
