"""A venue's rulebook: instruments, liquidation policy, loss waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal

from levcore import _core, checks
from levcore.errors import InputError, KindError
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
    basis: Literal["mark", "entry"] = "mark"
    funding: Funding | None = None

    def __post_init__(self) -> None:
        checks.text("symbol", self.symbol)
        checks.text("asset", self.asset)
        checks.instance("tiers", self.tiers, MarginTiers)
        fee = checks.number("closing_fee", self.closing_fee, at_least=0.0, below=1.0)
        object.__setattr__(self, "closing_fee", fee)
        checks.choice("basis", self.basis, ("mark", "entry"))
        if self.funding is not None:
            checks.instance("funding", self.funding, Funding)
        highest = self.tiers.maintenance_rate[-1] + fee
        if not highest < 1.0:
            raise InputError(f"maintenance_rate with closing_fee must lie in [0, 1), was {highest} in the last tier")

    def _to_native(self) -> _core.LinearPerpetual:
        return _core.LinearPerpetual(self.tiers._native, closing_fee=self.closing_fee, on_entry=self.basis == "entry")


@dataclass(frozen=True, kw_only=True)
class FullClose:
    """Liquidation policy: the whole position is closed at once.

    Parameters
    ----------
    fee_rate : float
        Liquidation fee as a share of the notional traded, in [0, 1); never more than what is left of the margin.
    fee_to : {"fund", "outside"}
        Who receives it: the insurance fund, or somebody outside the model.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Source: the common core of venues' liquidation rules; partial policies are values of their own.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.FullClose(fee_rate=0.005).fee_to
    'fund'
    """

    fee_rate: float = 0.0
    fee_to: Literal["fund", "outside"] = "fund"

    def __post_init__(self) -> None:
        object.__setattr__(self, "fee_rate", checks.number("fee_rate", self.fee_rate, at_least=0.0, below=1.0))
        checks.choice("fee_to", self.fee_to, ("fund", "outside"))


@dataclass(frozen=True, kw_only=True)
class Backstop:
    """Who pays a deficit: insurance fund, then deleveraging, then socialised loss; what remains is bad debt.

    Parameters
    ----------
    insurance_fund : float
        Money in the fund at the start, in the settlement currency, >= 0.
    deleveraging : bool
        True: a deficit that the fund cannot pay whole closes the position at its bankruptcy price against opposite
        positions of the same instrument, pro rata to quantity.
    socialise : bool
        True: what is still unpaid at a round's end is charged to positions with unrealised profit, pro rata to it.

    Raises
    ------
    InputError
        If the fund is negative or not finite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Source: Binance, Bybit and BitMEX rules on insurance funds and auto-deleveraging; OKX's former socialised loss.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.Backstop(insurance_fund=5e6, deleveraging=True).socialise
    False
    """

    insurance_fund: float = 0.0
    deleveraging: bool = False
    socialise: bool = False

    def __post_init__(self) -> None:
        fund = checks.number("insurance_fund", self.insurance_fund, at_least=0.0, at_most=checks.LARGEST)
        object.__setattr__(self, "insurance_fund", fund)
        checks.flag("deleveraging", self.deleveraging)
        checks.flag("socialise", self.socialise)


@dataclass(frozen=True)
class Venue:
    """A venue's rulebook: its instruments, how it liquidates, and who pays for losses.

    Parameters
    ----------
    instruments : sequence of LinearPerpetual
        What is traded there; symbols must differ.
    liquidation : FullClose
        What is traded when a position is liquidated.
    backstop : Backstop
        The loss waterfall and its fund.
    remainder : {"fund", "trader"}
        Who keeps what is left of a closed position's margin; venues that take over at the bankruptcy price keep it.
    liquidate_at_equality : bool
        Whether equity equal to the maintenance requirement already liquidates (OKX, Binance's 100 % margin ratio).

    Raises
    ------
    InputError
        If there is no instrument or a symbol stands twice.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Source: venues' public rules, the same parts under one roof.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)]).assets
    ('BTC',)
    """

    instruments: tuple[LinearPerpetual, ...]
    _: KW_ONLY
    liquidation: FullClose = FullClose()
    backstop: Backstop = Backstop()
    remainder: Literal["fund", "trader"] = "fund"
    liquidate_at_equality: bool = False

    def __init__(
        self,
        instruments: Sequence[LinearPerpetual],
        *,
        liquidation: FullClose = FullClose(),
        backstop: Backstop = Backstop(),
        remainder: Literal["fund", "trader"] = "fund",
        liquidate_at_equality: bool = False,
    ) -> None:
        if isinstance(instruments, LinearPerpetual) or not isinstance(instruments, Sequence):
            raise KindError(f"instruments must be a sequence of LinearPerpetual, was {checks.describe(instruments)}")
        if not instruments:
            raise InputError("instruments must not be empty")
        seen: set[str] = set()
        for row, instrument in enumerate(instruments):
            checks.instance(f"instruments[{row}]", instrument, LinearPerpetual)
            if instrument.symbol in seen:
                raise InputError(f"instruments[{row}] must have its own symbol, {instrument.symbol!r} stands twice")
            seen.add(instrument.symbol)
        set_field = object.__setattr__
        set_field(self, "instruments", tuple(instruments))
        set_field(self, "liquidation", checks.instance("liquidation", liquidation, FullClose))
        set_field(self, "backstop", checks.instance("backstop", backstop, Backstop))
        set_field(self, "remainder", checks.choice("remainder", remainder, ("fund", "trader")))
        set_field(self, "liquidate_at_equality", checks.flag("liquidate_at_equality", liquidate_at_equality))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments' symbols, in order."""
        return tuple(instrument.symbol for instrument in self.instruments)

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that the instruments follow, each once, in order of first appearance."""
        return tuple(dict.fromkeys(instrument.asset for instrument in self.instruments))

    def _to_native(self) -> _core.Venue:
        return _core.Venue(
            [instrument._to_native() for instrument in self.instruments],
            fee_rate=self.liquidation.fee_rate,
            fee_to_fund=self.liquidation.fee_to == "fund",
            insurance_fund=self.backstop.insurance_fund,
            deleveraging=self.backstop.deleveraging,
            socialise=self.backstop.socialise,
            remainder_to_fund=self.remainder == "fund",
            liquidate_at_equality=self.liquidate_at_equality,
        )
