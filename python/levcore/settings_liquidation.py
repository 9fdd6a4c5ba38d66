"""The liquidation policies of a scenario file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from levcore.liquidation import FullClose, PartialClose, PortionClose, TierStep
from levcore.settings_types import Amount, Made, Share, ShareAboveZero, ShareBelowOne, Span, Steps


class PolicyTable(Made):
    """What every policy has."""

    kind: str = Field(description="What is traded when a position is liquidated.")
    fee_rate: ShareBelowOne = Field(default=0.0, description="Liquidation fee as a share of the notional traded.")
    fee_to: Literal["fund", "outside"] = Field(default="fund", description="Who receives the fee.")


class FullCloseTable(PolicyTable):
    """Liquidation policy: the whole position is closed at once."""

    makes = FullClose
    kind: Literal["full_close"] = Field(
        default="full_close", description="What is traded when a position is liquidated."
    )


class InPartsTable(PolicyTable):
    """What every policy has that closes parts."""

    lot: Amount = Field(default=0.0, description="Orders are whole multiples of it, rounded up; 0: any size.")
    dust: Amount = Field(default=0.0, description="A rest smaller than this is closed too.")


class PartialCloseTable(InPartsTable):
    """Liquidation policy: just so much is closed that the margin ratio comes down to a target."""

    makes = PartialClose
    kind: Literal["partial_close"] = Field(description="What is traded when a position is liquidated.")
    target: ShareAboveZero = Field(default=0.8, description="Maintenance requirement over equity after the order.")
    buffer: ShareBelowOne = Field(default=0.0, description="Share of notional on top of the requirement there.")
    initial_share: Share = Field(default=1.0, description="Share of the shortage that may be freed at once.")
    duration: Span | None = Field(default=None, description="Time in which that share rises by 1.")
    small_shortage: Amount = Field(default=0.0, description="A shortage below this is freed at once, in money.")


class TierStepTable(InPartsTable):
    """Liquidation policy: a position is cut to the top of a lower margin tier."""

    makes = TierStep
    kind: Literal["tier_step"] = Field(description="What is traded when a position is liquidated.")
    tiers: Steps = Field(default=1, description="How many tiers down.")


class PortionCloseTable(InPartsTable):
    """Liquidation policy: an order closes a portion of the position, which then waits."""

    makes = PortionClose
    kind: Literal["portion_close"] = Field(description="What is traded when a position is liquidated.")
    portion: ShareAboveZero = Field(default=0.2, description="Share of the position that an order closes.")
    above: Amount = Field(default=0.0, description="Positions of this notional or less close whole.")
    minimum: Amount = Field(default=0.0, description="Notional that an order closes at least.")
    wait: Span | None = Field(default=None, description="Time until the next order; never in the same step.")
    then: Literal["again", "all"] = Field(default="again", description="What the next order closes.")


def _full_by_default(table: Any) -> Any:
    return {"kind": "full_close", **table} if isinstance(table, dict) else table


AnyPolicy = Annotated[
    FullCloseTable | PartialCloseTable | TierStepTable | PortionCloseTable,
    Field(discriminator="kind"),
    BeforeValidator(_full_by_default),
]
