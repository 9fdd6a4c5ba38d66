"""Liquidation policies: how much of a liquidatable position an order closes, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from levcore import _core, checks
from levcore.errors import InputError, KindError


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
        _check_fee(self)

    def _to_native(self) -> _core.LiquidationPolicy:
        return _core.LiquidationPolicy(fee_rate=self.fee_rate, fee_to_fund=self.fee_to == "fund", amount="all")


@dataclass(frozen=True, kw_only=True)
class PartialClose:
    """Liquidation policy: just so much is closed that the margin ratio comes down to a target.

    Parameters
    ----------
    target : float
        Maintenance requirement over equity after the order, in (0, 1]: 0.8 leaves equity a quarter above it.
    buffer : float
        Counted on top of the maintenance requirement there, a share of the notional at the mark, in [0, 1): Drift 0.02.
        Who is liquidatable does not depend on it.
    initial_share : float
        Of the shortage, requirement and buffer less `target` times equity, the share that may be freed when a
        liquidation begins, in [0, 1]. Below 1 the position then waits for the next step. 1: all of it, always.
    duration : timedelta
        Time in which the share that may be freed rises by 1, >= 0; > 0 where `initial_share` is below 1 (Drift: 150
        slots, about a minute).
    small_shortage : float
        A shortage below this is freed at once, in the settlement currency, >= 0 (Drift: 50 USD).
    fee_rate : float
        Liquidation fee as a share of the notional traded, in [0, 1); never more than what is left of the equity.
    fee_to : {"fund", "outside"}
        Who receives it.
    lot : float
        Orders are whole multiples of it, in base units or contracts, rounded up; 0: any size.
    dust : float
        A rest smaller than this, in base units or contracts, is closed too.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    The size is worked out at the mark of the check, the fee counted, the order's own impact not; where that leaves the
    position liquidatable still, it has another order in the next round. A position whose equity would be negative at
    its order's average price closes whole. Source: partial liquidation as on Drift (to a buffer above
    maintenance) and in perpetual futures models (minimal restoring slice).

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.1])
    >>> venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=tiers)], liquidation=lc.PartialClose(target=0.5))
    >>> book = lc.Book(venue, instrument="X", quantity=[1.0], entry_price=[100.0], margin=[15.0])
    >>> market = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=1e9))})
    >>> round(lc.shock(book, market, -0.06).liquidated_notional, 3)  # 9 of equity carry 45 of notional
    49.0
    """

    target: float = 0.8
    buffer: float = 0.0
    initial_share: float = 1.0
    duration: timedelta = timedelta(0)
    small_shortage: float = 0.0
    fee_rate: float = 0.0
    fee_to: Literal["fund", "outside"] = "fund"
    lot: float = 0.0
    dust: float = 0.0

    def __post_init__(self) -> None:
        _check_fee(self)
        _check_lots(self)
        object.__setattr__(self, "target", checks.number("target", self.target, above=0.0, at_most=1.0))
        set_field = object.__setattr__
        set_field(self, "buffer", checks.number("buffer", self.buffer, at_least=0.0, below=1.0))
        set_field(self, "initial_share", checks.number("initial_share", self.initial_share, at_least=0.0, at_most=1.0))
        small = checks.number("small_shortage", self.small_shortage, at_least=0.0, at_most=checks.LARGEST)
        set_field(self, "small_shortage", small)
        _check_span("duration", self.duration)
        if self.initial_share < 1.0 and not self.duration > timedelta(0):
            raise InputError(f"duration must be > 0 where initial_share is below 1, was {self.duration}")

    def _to_native(self) -> _core.LiquidationPolicy:
        return _core.LiquidationPolicy(
            fee_rate=self.fee_rate,
            fee_to_fund=self.fee_to == "fund",
            amount="to_target",
            target=self.target,
            buffer=self.buffer,
            initial_share=self.initial_share,
            duration_days=self.duration / timedelta(days=1),
            small_shortage=self.small_shortage,
            lot=self.lot,
            dust=self.dust,
        )


@dataclass(frozen=True, kw_only=True)
class TierStep:
    """Liquidation policy: a position is cut to the top of a lower margin tier; in the lowest ones it closes whole.

    Parameters
    ----------
    tiers : int
        How many tiers down, >= 1: Binance 1, OKX 2. A position in a tier below that closes whole.
    fee_rate : float
        Liquidation fee as a share of the notional traded, in [0, 1); never more than what is left of the equity.
    fee_to : {"fund", "outside"}
        Who receives it.
    lot : float
        Orders are whole multiples of it, in base units or contracts, rounded up; 0: any size.
    dust : float
        A rest smaller than this, in base units or contracts, is closed too.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Still liquidatable, it has another order in the next round. Source: Binance, Bybit and OKX on liquidation by tiers.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.TierStep(tiers=2).tiers
    2
    """

    tiers: int = 1
    fee_rate: float = 0.0
    fee_to: Literal["fund", "outside"] = "fund"
    lot: float = 0.0
    dust: float = 0.0

    def __post_init__(self) -> None:
        _check_fee(self)
        _check_lots(self)
        checks.integer("tiers", self.tiers, at_least=1, at_most=1000)

    def _to_native(self) -> _core.LiquidationPolicy:
        return _core.LiquidationPolicy(
            fee_rate=self.fee_rate,
            fee_to_fund=self.fee_to == "fund",
            amount="to_lower_tier",
            tiers=self.tiers,
            lot=self.lot,
            dust=self.dust,
        )


@dataclass(frozen=True, kw_only=True)
class PortionClose:
    """Liquidation policy: an order closes a portion of the position, which then waits before it may have another.

    Parameters
    ----------
    portion : float
        Share of the position an order closes, in (0, 1].
    above : float
        Positions of this notional or less close whole (Hyperliquid: 100,000 USDC).
    minimum : float
        Notional that an order closes at least (dYdX).
    wait : timedelta
        Time until the next order, >= 0; never in the same step.
    then : {"again", "all"}
        What the next order closes: a portion again (dYdX), or all that is left (Hyperliquid).
    fee_rate : float
        Liquidation fee as a share of the notional traded, in [0, 1); never more than what is left of the equity.
    fee_to : {"fund", "outside"}
        Who receives it.
    lot : float
        Orders are whole multiples of it, in base units or contracts, rounded up; 0: any size.
    dust : float
        A rest smaller than this, in base units or contracts, is closed too.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    A shock is one step: of what it liquidates in part nothing more is closed, and `Outcome.waiting` counts who is
    liquidatable still. Source: Hyperliquid on liquidations (20 %, then 30 seconds); dYdX v4, a portion a block.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> lc.PortionClose(portion=0.2, above=100_000.0, wait=timedelta(seconds=30), then="all").portion
    0.2
    """

    portion: float = 0.2
    above: float = 0.0
    minimum: float = 0.0
    wait: timedelta = timedelta(0)
    then: Literal["again", "all"] = "again"
    fee_rate: float = 0.0
    fee_to: Literal["fund", "outside"] = "fund"
    lot: float = 0.0
    dust: float = 0.0

    def __post_init__(self) -> None:
        _check_fee(self)
        _check_lots(self)
        set_field = object.__setattr__
        set_field(self, "portion", checks.number("portion", self.portion, above=0.0, at_most=1.0))
        for name in ("above", "minimum"):
            set_field(self, name, checks.number(name, getattr(self, name), at_least=0.0, at_most=checks.LARGEST))
        checks.choice("then", self.then, ("again", "all"))
        _check_span("wait", self.wait)

    def _to_native(self) -> _core.LiquidationPolicy:
        return _core.LiquidationPolicy(
            fee_rate=self.fee_rate,
            fee_to_fund=self.fee_to == "fund",
            amount="portion",
            portion=self.portion,
            above=self.above,
            minimum=self.minimum,
            then_all=self.then == "all",
            wait_days=self.wait / timedelta(days=1),
            lot=self.lot,
            dust=self.dust,
        )


Policy = FullClose | PartialClose | TierStep | PortionClose


def _check_fee(policy: Policy) -> None:
    object.__setattr__(policy, "fee_rate", checks.number("fee_rate", policy.fee_rate, at_least=0.0, below=1.0))
    checks.choice("fee_to", policy.fee_to, ("fund", "outside"))


def _check_span(name: str, value: object) -> None:
    if not isinstance(value, timedelta):
        raise KindError(f"{name} must be a timedelta, was {checks.describe(value)}")
    if value < timedelta(0):
        raise InputError(f"{name} must be >= 0, was {value}")


def _check_lots(policy: PartialClose | TierStep | PortionClose) -> None:
    for name in ("lot", "dust"):
        value = checks.number(name, getattr(policy, name), at_least=0.0, at_most=checks.LARGEST)
        object.__setattr__(policy, name, value)
