"""Hyperliquid: perpetuals settled in USDC."""

from __future__ import annotations

from datetime import timedelta

from levcore.backstop import Backstop, Deleveraging
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
        seconds later, others whole; no fee, and what is left is the trader's. Where equity is below two thirds of the
        requirement, the vault takes the position over with all its margin. Deficits go to the fund, then to
        deleveraging at the previous mark, highest price gain times leverage first; losses are never socialised.

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

    The index of deleveraging is printed for longs, mark over entry; shorts are ranked by entry over mark here, which is
    general knowledge.

    Left out: a take-over while a position waits for its second order (levcore: at its next turn), and what the vault
    does with what it has taken over.

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
        backstop=Backstop(
            insurance_fund=insurance_fund,
            takeover=2.0 / 3.0,
            deleveraging=Deleveraging(ranking="index", price="previous_mark"),
        ),
        remainder="trader",
        liquidate_at_equality=True,
        settlement="USDC",
    )


def _of_leverage(rows: tuple[tuple[float, float], ...]) -> MarginTiers:
    floor, leverage = zip(*rows, strict=True)
    return MarginTiers(floor, [0.5 / each for each in leverage], max_leverage=leverage)
