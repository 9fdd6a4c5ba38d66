"""A venue's rulebook: instruments, liquidation policy, loss waterfall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

from levcore import _core, checks
from levcore.backstop import Backstop
from levcore.errors import InputError, KindError
from levcore.instruments import Instrument
from levcore.liquidation import FullClose, Policy
from levcore.per_asset import PerAsset


@dataclass(frozen=True)
class Venue:
    """A venue's rulebook: its instruments, how it liquidates, and who pays for losses.

    Parameters
    ----------
    instruments : sequence of LinearPerpetual, InversePerpetual, LinearFuture or InverseFuture
        What is traded there; symbols must differ. Inverse instruments settle in their asset, so that a venue has them
        on one asset and no linear ones beside them.
    liquidation : FullClose, PartialClose, TierStep or PortionClose
        What is traded when a position is liquidated.
    backstop : Backstop
        The loss waterfall and its fund.
    remainder : {"fund", "trader"}
        Who keeps what is left of a closed position's margin; venues that take over at the bankruptcy price keep it.
    liquidate_at_equality : bool
        Whether equity equal to the maintenance requirement already liquidates (OKX, Binance's 100 % margin ratio).
    order : {"liquidation_price", "riskiest"}
        In which order the isolated positions of a round go, asset by asset: as the mark reaches them, or by rising
        equity over maintenance at the round's marks (dYdX), which is the order of cross accounts everywhere.
    settlement : str, optional
        Currency of margins, fund and fees; None: the asset of inverse instruments, else "USD".
    collateral : mapping of str to float, optional
        Coins that cross accounts may hold beside the settlement currency (which counts 1): the share of their value
        that counts against the requirement, in [0, 1]. Sold in this order when an account is closed and owes money.

    Raises
    ------
    InputError
        If there is no instrument, a symbol stands twice, an instrument settles in another currency, a share of
        collateral lies outside [0, 1], or a fund is of an instrument that the venue does not have.
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

    instruments: tuple[Instrument, ...]
    _: KW_ONLY
    liquidation: Policy = FullClose()
    backstop: Backstop = Backstop()
    remainder: Literal["fund", "trader"] = "fund"
    liquidate_at_equality: bool = False
    order: Literal["liquidation_price", "riskiest"] = "liquidation_price"
    settlement: str = "USD"
    collateral: Mapping[str, float] = field(default_factory=PerAsset)

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        liquidation: Policy = FullClose(),
        backstop: Backstop = Backstop(),
        remainder: Literal["fund", "trader"] = "fund",
        liquidate_at_equality: bool = False,
        order: Literal["liquidation_price", "riskiest"] = "liquidation_price",
        settlement: str | None = None,
        collateral: Mapping[str, float] | None = None,
    ) -> None:
        if not isinstance(instruments, Sequence) or isinstance(instruments, str):
            raise KindError(f"instruments must be a sequence of instruments, was {checks.describe(instruments)}")
        if not instruments:
            raise InputError("instruments must not be empty")
        seen: set[str] = set()
        for row, instrument in enumerate(instruments):
            if not isinstance(instrument, Instrument):
                raise KindError(f"instruments[{row}] must be an instrument, was {checks.describe(instrument)}")
            if instrument.symbol in seen:
                raise InputError(f"instruments[{row}] must have its own symbol, {instrument.symbol!r} stands twice")
            seen.add(instrument.symbol)
        set_field = object.__setattr__
        set_field(self, "instruments", tuple(instruments))
        if not isinstance(liquidation, Policy):
            raise KindError(f"liquidation must be a liquidation policy, was {checks.describe(liquidation)}")
        set_field(self, "liquidation", liquidation)
        set_field(self, "backstop", checks.instance("backstop", backstop, Backstop))
        set_field(self, "remainder", checks.choice("remainder", remainder, ("fund", "trader")))
        set_field(self, "liquidate_at_equality", checks.flag("liquidate_at_equality", liquidate_at_equality))
        set_field(self, "order", checks.choice("order", order, ("liquidation_price", "riskiest")))
        for symbol in backstop.own_funds:
            if symbol not in seen:
                raise InputError(f"backstop.own_funds must name instruments of the venue, named {symbol!r}")
        set_field(self, "settlement", _settlement(tuple(instruments), settlement))
        set_field(self, "collateral", self._counted({} if collateral is None else collateral))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments' symbols, in order."""
        return tuple(instrument.symbol for instrument in self.instruments)

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that the instruments follow, each once, in order of first appearance."""
        return tuple(dict.fromkeys(instrument.asset for instrument in self.instruments))

    def _counted(self, collateral: Mapping[str, float]) -> PerAsset[float]:
        if not isinstance(collateral, Mapping):
            raise KindError(f"collateral must be a mapping of coins to shares, was {checks.describe(collateral)}")
        counted = {}
        for coin, share in collateral.items():
            checks.text("collateral", coin)
            counted[coin] = checks.number(f"collateral[{coin!r}]", share, at_least=0.0, at_most=1.0)
        shares = PerAsset(counted)
        if self.settlement in shares:
            raise InputError(f"collateral must not name {self.settlement!r}: the settlement currency counts 1")
        if shares and any(instrument.is_inverse for instrument in self.instruments):
            raise InputError("collateral must be empty where a venue settles in coin")
        return shares

    def _to_native(self) -> _core.Venue:
        return _core.Venue(
            [instrument._to_native() for instrument in self.instruments],
            liquidation=self.liquidation._to_native(),
            backstop=self.backstop._to_native(self.symbols),
            remainder_to_fund=self.remainder == "fund",
            liquidate_at_equality=self.liquidate_at_equality,
            riskiest_first=self.order == "riskiest",
            collateral_share=list(self.collateral.values()),
        )


def _settlement(instruments: tuple[Instrument, ...], given: str | None) -> str:
    """Return the currency that every instrument settles in."""
    inverse = [instrument.asset for instrument in instruments if instrument.is_inverse]
    currency = checks.text("settlement", given) if given is not None else inverse[0] if inverse else "USD"
    for row, instrument in enumerate(instruments):
        where = f"instruments[{row}] {instrument.symbol!r}"
        settles_here = instrument.is_inverse and instrument.asset == currency
        if inverse and not settles_here:
            raise InputError(f"{where} must be inverse on {currency!r}, the settlement currency of the venue")
        if not inverse and instrument.asset == currency:
            raise InputError(f"{where} is linear: its asset must not be the settlement currency {currency!r}")
    return currency
