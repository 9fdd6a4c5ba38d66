"""Deribit: inverse futures and perpetuals, standard margin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from levcore.backstop import Backstop
from levcore.liquidation import PartialClose, Policy
from levcore.tiers import MarginTiers
from levcore.venue import Venue
from levcore.venues.presets import Expiries, Fundings, House, Symbols, Tables, inverse, own_or_given


class Rule(NamedTuple):
    """Standard margin of one coin: rates at size 0, what both rise by per coin of size, contract and fee."""

    initial: float
    maintenance: float
    per_coin: float
    contract_value: float
    liquidation_fee: float


#: "Change of leverage levels, position sizes and liquidation fees", Deribit, 11 January 2022.
RULES = {
    "BTC": Rule(0.02, 0.01, 0.00005, 10.0, 0.0075),
    "ETH": Rule(0.02, 0.01, 0.000004, 1.0, 0.009),
}
#: Tiers that stand for the quadratic requirement, and the rate at which they end.
STEPS = 700
HIGHEST_RATE = 0.5


def deribit_futures(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    liquidation_fee: float | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
    expiry: Expiries = None,
) -> Venue:
    """Give the rulebook of Deribit's inverse futures: coin-settled, rates that rise with the size of the position.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTC-PERPETUAL" or "BTC-27MAR26", all of one coin; None: "BTC-PERPETUAL", or all in `tiers`.
    tiers : mapping of str to MarginTiers, optional
        Continuous tiers per symbol in coin. None: standard margin of BTC or ETH.
    insurance_fund : float
        In coin, >= 0.
    liquidation_fee : float, optional
        Share of the notional closed, in [0, 1); None: 0.75 % of BTC, 0.9 % of ETH.
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the venue's own policy, then without a `liquidation_fee`. None: its own.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.
    expiry : mapping of str to timedelta, optional
        Of each symbol with a date ("BTC-25DEC26"), a future: time from the start of a run. It must have one.

    Returns
    -------
    Venue
        Settled in the coin. Equity equal to the requirement is safe; below it just so many contracts are closed that
        the requirement is met again; what is left after the fee is the trader's; deficits go to the fund and are then
        socialised over unrealised profits.

    Raises
    ------
    InputError, KindError
        If a coin has no rule, symbols are of several coins, one has a date and no expiry, tiers are of another kind, or
        a value breaks a rule.

    Notes
    -----
    The maintenance requirement of a size of S coins is ``S*(0.01 + 0.00005*S)`` for BTC, ``S*(0.01 + 0.000004*S)`` for
    ETH. It stands here as 700 tiers that meet it at every floor and lie above it between, by less than 1e-4 of it, up
    to 5,000 BTC or 62,500 ETH; what is larger still is charged at a constant rate of 51 % beyond that.
    Source: Deribit, "Change of leverage levels, position sizes and liquidation fees", 11 January 2022; contracts of 10
    USD (BTC) and 1 USD (ETH), equality and the waterfall are general knowledge. The help page "Liquidations": in steps,
    one a second, that end as soon as the requirement is below the equity; their size is not printed, levcore takes what
    meets the requirement at the mark, in whole contracts.

    Left out: the time between steps, portfolio margin, options, positions on one coin that share one size in the rule,
    delivery of dated futures, funding that is paid continuously (levcore: at the times of `funding`).

    Examples
    --------
    >>> import levcore as lc
    >>> venue = lc.venues.deribit_futures()
    >>> venue.settlement, round(venue.instruments[0].tiers.maintenance_margin(100.0), 3)
    ('BTC', 1.5)
    """
    house = House("Deribit", r"(?P<asset>[A-Z]+)-(PERPETUAL|(?P<dated>\d{1,2}[A-Z]{3}\d\d))", "BTC-PERPETUAL", None)
    named = "BTC-PERPETUAL" if symbols is None and tiers is None else symbols
    shipped = None
    if tiers is None:
        asked = [named] if isinstance(named, str) else named if isinstance(named, (list, tuple)) else ()
        listed = dict.fromkeys([f"{coin}-PERPETUAL" for coin in RULES] + [s for s in asked if _coin(s) in RULES])
        shipped = {symbol: standard_margin(RULES[_coin(symbol)]) for symbol in listed}
    values = {coin: rule.contract_value for coin, rule in RULES.items()}
    found = inverse(house, named, tiers, shipped=shipped, contract_value=values, funding=funding, expiry=expiry)
    usual = RULES[found[0].asset].liquidation_fee
    return Venue(
        found,
        liquidation=own_or_given(
            liquidation,
            "liquidation_fee",
            liquidation_fee,
            usual,
            lambda fee: PartialClose(target=1.0, fee_rate=fee, lot=1.0),
        ),
        backstop=Backstop(insurance_fund=insurance_fund, socialise="profit"),
        remainder="trader",
        liquidate_at_equality=False,
    )


def standard_margin(rule: Rule) -> MarginTiers:
    """Return the tiers that stand for a requirement ``S*(maintenance + per_coin*S)``, meeting it at every floor."""
    # A chord between a and b lies above by at most per_coin*(b - a)**2/4: floors that rise by a fixed ratio, from where
    # the rising part is small, keep that share of the requirement small everywhere.
    end = HIGHEST_RATE / rule.per_coin / 2.0
    floors = np.concatenate([[0.0], np.geomspace(end * 3e-6, end, STEPS)])
    upper = np.append(floors[1:], floors[-1])
    rates = rule.maintenance + rule.per_coin * (floors + upper)
    leverage = 1.0 / (rule.initial + rule.per_coin * floors)
    return MarginTiers(floors.tolist(), rates.tolist(), max_leverage=leverage.tolist())


def _coin(symbol: object) -> str:
    return symbol.partition("-")[0] if isinstance(symbol, str) else ""
