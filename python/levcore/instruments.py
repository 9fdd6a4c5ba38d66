"""What is traded: instruments, each with its asset, its margin tiers and its funding."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from levcore import _core, checks
from levcore.errors import InputError
from levcore.funding import Funding
from levcore.tiers import MarginTiers


@dataclass(frozen=True)
class LinearPerpetual:
    """A linear perpetual future: profit ``quantity * (price - entry_price)`` in the settlement currency.

    Parameters
    ----------
    symbol : str
        The instrument's name at the venue.
    asset : str
        The asset whose price it follows, as the Market names it.
    tiers : MarginTiers
        Its margin tiers.
    closing_fee : float
        Fee rate counted into the maintenance requirement (OKX, Gate, Bitget); 0 where there is none.
    closing_fee_at : {"mark", "bankruptcy"}
        The price at which that fee is counted: at the mark it is added to every maintenance rate; at the bankruptcy
        price it is a constant (Bybit's unified account, KuCoin), of a cross account's position at its entry price.
    basis : {"mark", "entry"}
        Whether the requirement is taken on notional at the mark or at entry (Bybit classic, Delta).
    funding : Funding, optional
        What longs and shorts pay each other along a path; None: nothing.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Equity at price P is ``margin + quantity*(P - entry_price)``. Source: venues' public rules.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers).asset
    'BTC'
    """

    symbol: str
    _: KW_ONLY
    asset: str
    tiers: MarginTiers
    closing_fee: float = 0.0
    closing_fee_at: Literal["mark", "bankruptcy"] = "mark"
    basis: Literal["mark", "entry"] = "mark"
    funding: Funding | None = None

    def __post_init__(self) -> None:
        _check(self)

    def _to_native(self) -> _core.Perpetual:
        return _native(self, contract_value=0.0)


@dataclass(frozen=True)
class InversePerpetual:
    """An inverse perpetual future: contracts of a fixed quote value, margined and settled in the asset's own coin.

    Parameters
    ----------
    symbol : str
        The instrument's name at the venue.
    asset : str
        The asset whose price it follows and in whose coin it settles.
    contract_value : float
        Quote units a contract, > 0 (100 USD of BTC on Binance, 1 USD on Bybit).
    tiers : MarginTiers
        Its margin tiers; notional and deductions in coin.
    closing_fee : float
        Fee rate counted into the maintenance requirement; 0 where there is none.
    closing_fee_at : {"mark", "bankruptcy"}
        The price at which that fee is counted: the mark, or the bankruptcy price (a cross account's position: its entry
        price).
    basis : {"mark", "entry"}
        Whether the requirement is taken on notional at the mark or at entry.
    funding : Funding, optional
        What longs and shorts pay each other along a path; None: nothing.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    A position's `quantity` counts contracts, its margin coins. Equity at price P is ``margin + quantity *
    contract_value * (1/entry_price - 1/P)`` coins. A short margined at 1x or more cannot be liquidated. Source: the
    COIN-M rules of Binance; BitMEX.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.004])
    >>> coin = lc.InversePerpetual("BTCUSD_PERP", asset="BTC", contract_value=100.0, tiers=tiers)
    >>> book = lc.Book(lc.Venue([coin]), instrument="BTCUSD_PERP", quantity=[600], entry_price=[60_000.0], margin=[0.1])
    >>> book.liquidation_price.round(1)
    array([54763.6])
    """

    symbol: str
    _: KW_ONLY
    asset: str
    contract_value: float
    tiers: MarginTiers
    closing_fee: float = 0.0
    closing_fee_at: Literal["mark", "bankruptcy"] = "mark"
    basis: Literal["mark", "entry"] = "mark"
    funding: Funding | None = None

    def __post_init__(self) -> None:
        value = checks.number("contract_value", self.contract_value, above=0.0, at_most=checks.LARGEST)
        object.__setattr__(self, "contract_value", value)
        _check(self)

    def _to_native(self) -> _core.Perpetual:
        return _native(self, contract_value=self.contract_value)


Instrument = LinearPerpetual | InversePerpetual


def _check(instrument: Instrument) -> None:
    """Check what every instrument has."""
    checks.text("symbol", instrument.symbol)
    checks.text("asset", instrument.asset)
    checks.instance("tiers", instrument.tiers, MarginTiers)
    fee = checks.number("closing_fee", instrument.closing_fee, at_least=0.0, below=1.0)
    object.__setattr__(instrument, "closing_fee", fee)
    checks.choice("closing_fee_at", instrument.closing_fee_at, ("mark", "bankruptcy"))
    checks.choice("basis", instrument.basis, ("mark", "entry"))
    if instrument.funding is not None:
        checks.instance("funding", instrument.funding, Funding)
    highest = instrument.tiers.maintenance_rate[-1] + fee
    if instrument.closing_fee_at == "mark" and not highest < 1.0:
        raise InputError(f"maintenance_rate with closing_fee must lie in [0, 1), was {highest} in the last tier")


def _native(instrument: Instrument, contract_value: float) -> _core.Perpetual:
    return _core.Perpetual(
        instrument.tiers._native,
        closing_fee=instrument.closing_fee,
        fee_at_bankruptcy=instrument.closing_fee_at == "bankruptcy",
        on_entry=instrument.basis == "entry",
        contract_value=contract_value,
    )
