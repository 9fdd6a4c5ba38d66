"""The venue's tables of a scenario file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from levcore import datasets
from levcore.backstop import Backstop, Deleveraging
from levcore.funding import Funding
from levcore.futures import LinearFuture
from levcore.instruments import LinearPerpetual
from levcore.settings_liquidation import AnyPolicy, FullCloseTable
from levcore.settings_types import (
    Amount,
    Amounts,
    Made,
    Name,
    Positives,
    Rate,
    Rates,
    Share,
    ShareBelowOne,
    Shares,
    ShippedTiers,
    Span,
    Spans,
    as_array,
    as_number,
    as_table,
    as_text,
    as_truth,
    by_shape,
)
from levcore.tiers import MarginTiers
from levcore.venue import Venue


class TiersTable(Made):
    """Margin tiers: which maintenance margin a size of position requires."""

    makes = MarginTiers
    floor: Amounts = Field(description="Where each tier begins, rising from 0; in the unit that `measure` says.")
    maintenance_rate: Shares = Field(description="Maintenance margin as a share of notional, one a tier, in [0, 1).")
    max_leverage: Positives | None = Field(default=None, description="Highest leverage at opening, one a tier.")
    deduction: Amounts | None = Field(
        default=None, description="Maintenance amount of each tier; filled in where left out."
    )
    whole_position: bool = Field(default=False, description="Whether the whole position takes its tier's rate.")
    measure: Literal["notional", "contracts", "entry"] = Field(
        default="notional", description="What the floors measure."
    )


class FundingTable(Made):
    """What longs and shorts pay each other along a path."""

    makes = Funding
    rate: Annotated[Annotated[Rate, as_number] | Annotated[Rates, as_array], by_shape] = Field(
        description="Share of the notional a payment, longs to shorts; a number, or one a payment."
    )
    interval: Span = Field(default="8h", description="Time between payments.", validate_default=True)
    times: Spans | None = Field(
        default=None, description="When payments fall due since the start, instead of an interval."
    )


class InstrumentTable(Made):
    """What every instrument has."""

    kind: str = Field(description="What kind of instrument it is.")
    symbol: Name = Field(description="Its name at the venue.")
    asset: Name = Field(description="The asset whose price it follows, as the market names it.")
    tiers: Annotated[Annotated[ShippedTiers, as_text] | Annotated[TiersTable, as_table], by_shape] = Field(
        description="Margin tiers: a table, or the name of a shipped one."
    )
    closing_fee: ShareBelowOne = Field(default=0.0, description="Fee rate counted into the maintenance requirement.")
    closing_fee_at: Literal["mark", "bankruptcy"] = Field(
        default="mark", description="Price that the closing fee is counted at."
    )
    basis: Literal["mark", "entry"] = Field(default="mark", description="Notional that the requirement is taken on.")

    def given(self) -> dict[str, Any]:
        """Return the arguments, shipped tiers as tiers."""
        given = super().given()
        if isinstance(self.tiers, str):
            given["tiers"] = datasets.binance_tiers(self.tiers.partition(":")[2])
        return given


class LinearPerpetualTable(InstrumentTable):
    """A linear perpetual future."""

    makes = LinearPerpetual
    kind: Literal["linear_perpetual"] = Field(default="linear_perpetual", description="What kind of instrument it is.")
    funding: FundingTable | None = Field(default=None, description="Funding payments along a path.")


class LinearFutureTable(InstrumentTable):
    """A linear future with an expiry."""

    makes = LinearFuture
    kind: Literal["linear_future"] = Field(description="What kind of instrument it is.")
    expiry: Span = Field(description="Time from the start of a run to its expiry.")


def _perpetual_by_default(table: Any) -> Any:
    return {"kind": "linear_perpetual", **table} if isinstance(table, dict) else table


AnyInstrument = Annotated[
    LinearPerpetualTable | LinearFutureTable, Field(discriminator="kind"), BeforeValidator(_perpetual_by_default)
]


class DeleveragingTable(Made):
    """Who of the opposite side goes first, at which price, in which lots."""

    makes = Deleveraging
    ranking: Literal["pro_rata", "min_max", "profit", "index", "unranked"] = Field(
        default="pro_rata", description="Who closes against a bankrupt position."
    )
    price: Literal["bankruptcy", "previous_mark"] = Field(
        default="bankruptcy", description="Price at which positions change hands."
    )
    lot: Amount = Field(default=0.0, description="Whole multiples of it change hands; 0: any size.")


class BackstopTable(Made):
    """Who pays a deficit."""

    makes = Backstop
    insurance_fund: Amount = Field(default=0.0, description="Money in the venue's fund at the start.")
    own_funds: dict[Name, Amount] = Field(
        default={}, description="Instruments with a fund of their own, and its money."
    )
    takeover: Share = Field(
        default=0.0, description="Share of maintenance below which the backstop takes a position over at the mark."
    )
    deleveraging: Annotated[Annotated[bool, as_truth] | Annotated[DeleveragingTable, as_table], by_shape] = Field(
        default=False, description="Whether deficits beyond the fund close opposite positions; a table: by which rules."
    )
    socialise: Annotated[
        Annotated[bool, as_truth] | Annotated[Literal["profit", "open_interest", "deposits"], as_text], by_shape
    ] = Field(default=False, description="Whether what is still unpaid is charged to others, and to what.")


class VenueTable(Made):
    """The venue's rulebook."""

    makes = Venue
    instruments: Annotated[tuple[AnyInstrument, ...], Field(strict=False, min_length=1)] = Field(
        description="What is traded there; symbols must differ."
    )
    liquidation: AnyPolicy = Field(
        default=FullCloseTable(), description="What is traded when a position is liquidated."
    )
    backstop: BackstopTable = Field(default=BackstopTable(), description="The loss waterfall and its fund.")
    remainder: Literal["fund", "trader"] = Field(
        default="fund", description="Who keeps what is left of a closed position."
    )
    liquidate_at_equality: bool = Field(
        default=False, description="Whether equity equal to the requirement liquidates."
    )
