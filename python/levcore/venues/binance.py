"""Binance: USD-M and COIN-M futures."""

from __future__ import annotations

import re
from collections.abc import Mapping

from levcore import checks, datasets
from levcore.backstop import Backstop
from levcore.liquidation import FullClose
from levcore.venue import Venue
from levcore.venues.presets import House, Symbols, Tables, inverse, linear

#: Quote units of a COIN-M contract where it is not 10.
CONTRACT_VALUE = {"BTC": 100.0}
SHIPPED = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT")


def binance_usdm(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    liquidation_fee: float = 0.0125,
    settlement: str = "USDT",
    collateral: Mapping[str, float] | None = None,
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
    liquidation_fee : float
        Clearance fee as a share of the notional closed, in [0, 1): `liquidationFee` of the exchange information, which
        differs from symbol to symbol.
    settlement : str
        "USDT" or "USDC": a venue of levcore has one settlement currency, and symbols end in it. Where `tiers` has both,
        name the symbols.
    collateral : mapping of str to float, optional
        Multi-assets mode: the share of each coin's value that counts.

    Returns
    -------
    Venue
        Equity equal to the requirement liquidates (margin ratio 100 %); what is left after the fee is the trader's;
        deficits go to the fund, then to deleveraging.

    Raises
    ------
    InputError, KindError
        If a symbol has no tiers or reads otherwise, tiers are of another kind, or a value breaks a rule.

    Notes
    -----
    Source: Binance's help pages on liquidation (b3c689c1f50a44cabb3a84e663b81d93, 360033525271), read in 2025, its
    printed examples reproduced to the cent; tiers of 2026; the fee of 1.25 % is that of BTCUSDT in 2025.

    Left out: the order that first cuts a big position to a lower tier (a liquidation closes the whole position), the
    ranking of deleveraging by profit and leverage (levcore: pro rata), fees by symbol, buffers of the exchange of
    collateral, funding unless instruments are given one, delivery of dated futures.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.venues.binance_usdm("BTCUSDT").instruments[0].tiers.max_leverage[0]
    150.0
    """
    currency = checks.text("settlement", settlement)
    house = House("Binance USD-M", rf"(?P<asset>\w+?){re.escape(currency)}(_\d{{6}})?", f"BTC{currency}", currency)
    shipped = {symbol: datasets.binance_tiers(symbol) for symbol in SHIPPED} if tiers is None else None
    return Venue(
        linear(house, symbols, tiers, shipped=shipped),
        liquidation=FullClose(fee_rate=liquidation_fee),
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=True),
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
    liquidation_fee: float = 0.015,
    contract_value: float | Mapping[str, float] | None = None,
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
    liquidation_fee : float
        Clearance fee as a share of the notional closed, in [0, 1): `liquidationFee` of the exchange information.
    contract_value : float or mapping of str to float, optional
        USD a contract, per coin; None: 100 of BTC, 10 of the others.

    Returns
    -------
    Venue
        Settled in the coin. Equity equal to the requirement liquidates; what is left after the fee is the trader's;
        deficits go to the fund, then to deleveraging.

    Raises
    ------
    InputError, KindError
        If there are no tiers, symbols are of several coins, tiers are of another kind, or a value breaks a rule.

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
    house = House("Binance COIN-M", r"(?P<asset>\w+?)USD_(PERP|\d{6})", "BTCUSD_PERP", None)
    value = _Values(CONTRACT_VALUE) if contract_value is None else contract_value
    return Venue(
        inverse(house, symbols, tiers, contract_value=value),
        liquidation=FullClose(fee_rate=liquidation_fee),
        backstop=Backstop(insurance_fund=insurance_fund, deleveraging=True),
        remainder="trader",
        liquidate_at_equality=True,
    )


class _Values(dict[str, float]):
    """Contract values: of a coin that is not named, 10."""

    def get(self, coin: str, default: object = None) -> float:
        return super().get(coin, 10.0)
