"""Binance: USD-M and COIN-M futures."""

from __future__ import annotations

import re
from collections.abc import Mapping

from levcore import checks, datasets
from levcore.backstop import Backstop, Deleveraging
from levcore.liquidation import Policy, TierStep
from levcore.venue import Venue
from levcore.venues.presets import Expiries, Fundings, House, Symbols, Tables, inverse, linear, own_or_given

#: Quote units of a COIN-M contract where it is not 10.
CONTRACT_VALUE = {"BTC": 100.0}
SHIPPED = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT")


def binance_usdm(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    liquidation_fee: float | None = None,
    settlement: str = "USDT",
    collateral: Mapping[str, float] | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
    expiry: Expiries = None,
) -> Venue:
    """Give the rulebook of Binance USD-M futures: linear, tiers with deductions on the notional at the mark.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTCUSDT"; None: all that have tiers.
    tiers : mapping of str to MarginTiers, optional
        Continuous tiers per symbol, such as :func:`levcore.venues.read_binance_tiers` reads. None: the six shipped.
    insurance_fund : float
        In the settlement currency, >= 0; the venue publishes its size from day to day.
    liquidation_fee : float, optional
        Clearance fee as a share of the notional closed, in [0, 1): `liquidationFee` of the exchange information, which
        differs from symbol to symbol. None: 1.25 %.
    settlement : str
        "USDT" or "USDC": a venue of levcore has one settlement currency, and symbols end in it. Where `tiers` has both,
        name the symbols.
    collateral : mapping of str to float, optional
        Multi-assets mode: the share of each coin's value that counts.
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the venue's own policy, then without a `liquidation_fee`. None: its own.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.
    expiry : mapping of str to timedelta, optional
        Of each symbol with a date ("BTCUSDT_261225"), a future: time from the start of a run. It must have one.

    Returns
    -------
    Venue
        Equity equal to the requirement liquidates (margin ratio 100 %): a position is cut to the tier below, in the
        lowest tier closed; what is left after the fee is the trader's; deficits go to the fund, then to deleveraging at
        the bankruptcy price, highest profit times leverage first.

    Raises
    ------
    InputError, KindError
        If a symbol has no tiers, reads otherwise or has a date and no expiry, tiers are of another kind, or a value
        breaks a rule.

    Notes
    -----
    Source: Binance's help pages on liquidation (b3c689c1f50a44cabb3a84e663b81d93, 360033525271), read in 2025, its
    printed examples reproduced to the cent; tiers of 2026; the fee of 1.25 % is that of BTCUSDT in 2025.

    The cut is one tier an order, from the help page on "smart liquidation"; the venue does not print its size.

    Left out: the take-over at the bankruptcy price of what the order book does not fill, fees by symbol, buffers of the
    exchange of collateral, delivery of dated futures.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.venues.binance_usdm("BTCUSDT").instruments[0].tiers.max_leverage[0]
    150.0
    """
    currency = checks.text("settlement", settlement)
    house = House(
        "Binance USD-M", rf"(?P<asset>\w+?){re.escape(currency)}(?P<dated>_\d{{6}})?", f"BTC{currency}", currency
    )
    shipped = {symbol: datasets.binance_tiers(symbol) for symbol in SHIPPED} if tiers is None else None
    return Venue(
        linear(house, symbols, tiers, shipped=shipped, funding=funding, expiry=expiry),
        liquidation=own_or_given(
            liquidation, "liquidation_fee", liquidation_fee, 0.0125, lambda fee: TierStep(fee_rate=fee)
        ),
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=Deleveraging(ranking="profit")),
        remainder="trader",
        liquidate_at_equality=True,
        settlement=currency,
        collateral=collateral,
    )


def binance_coinm(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    liquidation_fee: float | None = None,
    contract_value: float | Mapping[str, float] | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
    expiry: Expiries = None,
) -> Venue:
    """Give the rulebook of Binance COIN-M futures: inverse, margined in coin, tiers with deductions in coin.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTCUSD_PERP", all of one coin; None: all that have tiers.
    tiers : mapping of str to MarginTiers
        Continuous tiers per symbol, floors and deductions in coin, such as
        :func:`levcore.venues.read_binance_tiers` reads. None are shipped.
    insurance_fund : float
        In coin, >= 0.
    liquidation_fee : float, optional
        Clearance fee as a share of the notional closed, in [0, 1): `liquidationFee` of the exchange information. None:
        1.5 %.
    contract_value : float or mapping of str to float, optional
        USD a contract, per coin; None: 100 of BTC, 10 of the others.
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the venue's own policy, then without a `liquidation_fee`. None: its own.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.
    expiry : mapping of str to timedelta, optional
        Of each symbol with a date ("BTCUSD_261225"), a future: time from the start of a run. It must have one.

    Returns
    -------
    Venue
        Settled in the coin. Equity equal to the requirement liquidates: a position is cut to the tier below, in the
        lowest tier closed; what is left after the fee is the trader's; deficits go to the fund, then to deleveraging at
        the bankruptcy price, highest profit times leverage first.

    Raises
    ------
    InputError, KindError
        If there are no tiers, symbols are of several coins, one has a date and no expiry, tiers are of another kind, or
        a value breaks a rule.

    Notes
    -----
    Source: Binance's help pages on COIN-M futures, read in 2025; a live payload reproduced to 1e-8. The contract
    values and the fee of 1.5 % are general knowledge, not checked.

    Left out: what :func:`levcore.venues.binance_usdm` leaves out.

    Examples
    --------
    >>> import levcore as lc
    >>> table = lc.MarginTiers([0.0, 5.0], [0.004, 0.005], max_leverage=[125, 100])
    >>> lc.venues.binance_coinm(tiers={"BTCUSD_PERP": table}).settlement
    'BTC'
    """
    house = House("Binance COIN-M", r"(?P<asset>\w+?)USD_(PERP|(?P<dated>\d{6}))", "BTCUSD_PERP", None)
    value = _Values(CONTRACT_VALUE) if contract_value is None else contract_value
    return Venue(
        inverse(house, symbols, tiers, contract_value=value, funding=funding, expiry=expiry),
        liquidation=own_or_given(
            liquidation, "liquidation_fee", liquidation_fee, 0.015, lambda fee: TierStep(fee_rate=fee)
        ),
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=Deleveraging(ranking="profit")),
        remainder="trader",
        liquidate_at_equality=True,
    )


class _Values(dict[str, float]):
    """Contract values: of a coin that is not named, 10."""

    def get(self, coin: str, default: object = None) -> float:
        return super().get(coin, 10.0)
