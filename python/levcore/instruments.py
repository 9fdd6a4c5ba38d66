"""What is traded: what every instrument has, and perpetual futures; those that expire are in futures."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Literal

from levcore import _core, checks
from levcore.errors import InputError, KindError
from levcore.funding import Funding
from levcore.size_margin import SizeMargin
from levcore.tiers import MarginTiers


@dataclass(frozen=True)
class Instrument:
    """What every instrument has: a name, the asset that it follows, and what a position in it requires."""

    symbol: str
    _: KW_ONLY
    asset: str
    tiers: MarginTiers | SizeMargin
    closing_fee: float = 0.0
    closing_fee_at: Literal["mark", "bankruptcy"] = "mark"
    basis: Literal["mark", "entry"] = "mark"

    def __post_init__(self) -> None:
        checks.text("symbol", self.symbol)
        checks.text("asset", self.asset)
        if not isinstance(self.tiers, (MarginTiers, SizeMargin)):
            raise KindError(f"tiers must be MarginTiers or SizeMargin, was {checks.describe(self.tiers)}")
        fee = checks.number("closing_fee", self.closing_fee, at_least=0.0, below=1.0)
        object.__setattr__(self, "closing_fee", fee)
        checks.choice("closing_fee_at", self.closing_fee_at, ("mark", "bankruptcy"))
        checks.choice("basis", self.basis, ("mark", "entry"))
        highest = self.tiers.maintenance_rate[-1] + fee
        if self.closing_fee_at == "mark" and not highest < 1.0:
            raise InputError(f"maintenance_rate with closing_fee must lie in [0, 1), was {highest} in the last tier")

    @property
    def is_inverse(self) -> bool:
        """Whether it settles in its asset's own coin."""
        return self._quote_units > 0.0

    @property
    def _quote_units(self) -> float:
        """Quote units a contract; 0 of a linear instrument, which has no contracts."""
        return 0.0

    @property
    def _payments(self) -> Funding | None:
        """What longs and shorts pay each other."""
        return None

    @property
    def _ends(self) -> timedelta | None:
        """Time from the start of a run to its expiry."""
        return None

    def _to_native(self) -> _core.Perpetual:
        return _core.Perpetual(
            self.tiers._native,
            closing_fee=self.closing_fee,
            fee_at_bankruptcy=self.closing_fee_at == "bankruptcy",
            on_entry=self.basis == "entry",
            contract_value=self._quote_units,
        )


@dataclass(frozen=True, kw_only=True)
class LinearPerpetual(Instrument):
    """A linear perpetual future: profit ``quantity * (price - entry_price)`` in the settlement currency.

    Parameters
    ----------
    symbol : str
        The instrument's name at the venue.
    asset : str
        The asset whose price it follows, as the Market names it.
    tiers : MarginTiers or SizeMargin
        Its margin tiers.
    closing_fee : float
        Fee rate counted into the maintenance requirement (OKX, Gate, Bitget); 0 where there is none.
    closing_fee_at : {"mark", "bankruptcy"}
        At which price it is counted: the mark, so that it is added to every rate (OKX, Gate, Bitget), or the position's
        bankruptcy price (Bybit unified account, KuCoin); of a position of an account, the entry price.
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

    funding: Funding | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_funding(self.funding)

    @property
    def _payments(self) -> Funding | None:
        return self.funding


@dataclass(frozen=True, kw_only=True)
class InversePerpetual(Instrument):
    """An inverse perpetual future: contracts of a fixed quote value, margined and settled in the asset's own coin.

    Parameters
    ----------
    symbol : str
        The instrument's name at the venue.
    asset : str
        The asset whose price it follows and in whose coin it settles.
    contract_value : float
        Quote units a contract, > 0 (100 USD of BTC on Binance, 1 USD on Bybit).
    tiers : MarginTiers or SizeMargin
        Its margin tiers; notional and deductions in coin.
    closing_fee : float
        Fee rate counted into the maintenance requirement; 0 where there is none.
    closing_fee_at : {"mark", "bankruptcy"}
        At which price it is counted: the mark, so that it is added to every rate (OKX, Gate, Bitget), or the position's
        bankruptcy price (Bybit unified account, KuCoin); of a position of an account, the entry price.
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

    contract_value: float
    funding: Funding | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "contract_value", checked_contract_value(self.contract_value))
        super().__post_init__()
        _check_funding(self.funding)

    @property
    def _quote_units(self) -> float:
        return self.contract_value

    @property
    def _payments(self) -> Funding | None:
        return self.funding


def checked_contract_value(value: object) -> float:
    """Return the quote units of a contract, > 0."""
    return checks.number("contract_value", value, above=0.0, at_most=checks.LARGEST)


def _check_funding(funding: object) -> None:
    if funding is not None:
        checks.instance("funding", funding, Funding)
