"""The scenario file, table by table, as pydantic models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from levcore import datasets, impact
from levcore.control import TopUp
from levcore.depth_reaction import DepthReaction
from levcore.errors import InputError
from levcore.market import Asset, Market
from levcore.montecarlo import MOST_PATHS, MOST_STEPS
from levcore.settings_processes import AnyProcessTable
from levcore.settings_types import (
    Amounts,
    Made,
    Move,
    Name,
    Positive,
    Positives,
    Seed,
    Share,
    ShareAboveZero,
    ShareBelowOne,
    Shares,
    ShippedDepth,
    ShippedPrices,
    Span,
    Table,
    Volatility,
    as_array,
    as_number,
    as_table,
    as_text,
    by_shape,
    made,
)
from levcore.settings_venue import VenueTable

# ---- the book ----


class FileBook(Made):
    """Positions from a CSV or Parquet file."""

    kind: Literal["file"] = Field(description="Where the positions come from.")
    file: Name = Field(description="A .csv or .parquet file, its path relative to the scenario file.")
    columns: dict[str, Literal["instrument", "quantity", "entry_price", "margin"]] = Field(
        default={}, description="Renames of columns, theirs to ours."
    )
    instrument: Name | None = Field(default=None, description="One symbol for all rows, instead of a column.")

    def value(self) -> dict[str, str]:
        """Return the file's column for each of ours."""
        wanted = ("quantity", "entry_price", "margin") if self.instrument else (*COLUMNS,)
        theirs = {name: name for name in wanted}
        taken: dict[str, str] = {}
        for their_name, our_name in self.columns.items():
            if our_name in taken:
                raise InputError(f"columns must name {our_name} once, was {taken[our_name]!r} and {their_name!r}")
            if our_name not in wanted:
                raise InputError("columns must not rename to instrument where instrument names one for all rows")
            taken[our_name] = theirs[our_name] = their_name
        for ours, read in taken.items():
            double = next((name for name in wanted if name != ours and theirs[name] == read), None)
            if double is not None:
                raise InputError(f"columns must not read {read!r} as both {double} and {ours}")
        return theirs


COLUMNS = ("instrument", "quantity", "entry_price", "margin")
Closes = Annotated[Annotated[ShippedPrices, as_text] | Annotated[Positives, as_array], by_shape]


class SyntheticBook(Made):
    """Positions of a plausible exchange, drawn at random."""

    kind: Literal["synthetic"] = Field(description="Where the positions come from.")
    size: int = Field(ge=1, le=2**32 - 2, description="Number of positions over all instruments.")
    open_interest: dict[str, Positive] = Field(
        min_length=1, description="Notional of one side per asset (or symbol), at the market's prices."
    )
    seed: Seed = Field(description="Same seed, same book.")
    history: dict[str, Closes] | None = Field(
        default=None, description="Past closing prices per asset, oldest first: numbers, or the name of shipped ones."
    )
    leverage: dict[str, Positive] | None = Field(
        default=None, description="Mix of leverage at opening: its shares by level."
    )
    extra_margin: float = Field(default=0.25, ge=0, le=100, description="Positions post up to this share more margin.")
    tail_exponent: float = Field(default=1.2, gt=1, le=100, description="Exponent of the Pareto law of sizes.")
    room: float = Field(default=1.25, gt=1, le=100, description="Least equity over maintenance margin today.")

    def value(self) -> dict[str, Any]:
        """Return the arguments of Book.synthetic."""
        given = self.given()
        if self.history is not None:
            given["history"] = {
                asset: datasets.prices(closes.partition(":")[2]) if isinstance(closes, str) else closes
                for asset, closes in self.history.items()
            }
        if self.leverage is not None:
            given["leverage"] = {_level(level): share for level, share in self.leverage.items()}
        return given


def _level(key: str) -> float:
    try:
        return float(key)
    except ValueError:
        raise InputError(f"leverage must have numbers as keys, was {key!r}") from None


# ---- the market ----


class LinearTable(Made):
    """Log price moves in proportion to net forced volume."""

    makes = impact.LinearImpact
    kind: Literal["linear"] = Field(description="The impact shape.")
    depth: float = Field(gt=0, description="Base units that move the log price by 1; inf: no impact.")


class SquareRootTable(Made):
    """The square-root law."""

    makes = impact.SquareRootImpact
    kind: Literal["square_root"] = Field(description="The impact shape.")
    daily_volatility: float = Field(ge=0, le=100, description="Standard deviation of a day's log return.")
    daily_volume: Positive = Field(description="Volume traded in a day, base units.")
    coefficient: float = Field(default=1.0, ge=0, le=1e6, description="The law's Y.")


class PowerTable(Made):
    """A power law."""

    makes = impact.PowerImpact
    kind: Literal["power"] = Field(description="The impact shape.")
    scale: Positive = Field(description="Base units that move the log price by 1.")
    exponent: float = Field(gt=0, le=4, description="Exponent; 1 is linear, 0.5 the square-root law.")


class DepthTable(Made):
    """An order book's cumulative depth."""

    kind: Literal["depth_curve"] = Field(description="The impact shape.")
    data: ShippedDepth | None = Field(default=None, description="The name of a shipped order book, instead of numbers.")
    scale: float = Field(
        default=1.0, gt=0, le=1e12, description="Every quantity of the shipped book is multiplied by this."
    )
    distance: Shares | None = Field(default=None, description="Relative distances below mid, not falling, in [0, 1).")
    quantity: Positives | None = Field(
        default=None, description="Cumulative base quantity bid up to each distance, rising."
    )
    ask_distance: Amounts | None = Field(
        default=None, description="The same above mid; left out, asks mirror the bids."
    )
    ask_quantity: Positives | None = Field(
        default=None, description="Cumulative base quantity asked up to each distance."
    )

    def value(self) -> impact.DepthCurve:
        """Return the curve."""
        nodes = {name: value for name, value in self.given().items() if name not in ("data", "scale")}
        if self.data is not None:
            if nodes:
                raise InputError(f"data must stand alone, {', '.join(nodes)} was given too")
            return datasets.depth_curve(self.data.partition(":")[2], scale=self.scale)
        if self.distance is None or self.quantity is None:
            raise InputError("data, or distance and quantity, must be given")
        if self.scale != 1.0:
            raise InputError("scale must go with data, the name of a shipped order book")
        return impact.DepthCurve(**nodes)


class ReactionTable(Made):
    """How depth follows the volatility of the mark."""

    makes = DepthReaction
    reference_volatility: float = Field(
        ge=1e-6, le=1e3, description="Volatility, per square root of a year, at which the stated depth holds."
    )
    half_life: Span = Field(description="Time in which the weight of a past move of the mark halves.")
    elasticity: float = Field(default=1.0, ge=0, le=100, description="Of depth by volatility, at the reference.")
    floor: float = Field(default=0.1, ge=1e-6, le=1, description="Least share of the stated depth.")
    ceiling: float = Field(default=1.0, ge=1, le=1e6, description="Largest share of the stated depth.")
    form: Literal["power", "exponential"] = Field(default="power", description="How the share falls.")
    initial_volatility: Volatility | None = Field(
        default=None, description="Volatility at the start; left out, the reference."
    )


class AssetTable(Made):
    """One asset's price and order book."""

    makes = Asset
    price: Positive = Field(description="Price at the start, numeraire per base unit.")
    impact: Annotated[LinearTable | SquareRootTable | PowerTable | DepthTable, Field(discriminator="kind")] = Field(
        description="How forced volume moves the price."
    )
    permanent: Share = Field(default=1.0, description="Share of the impact that the price keeps when the book refills.")
    resilience: float = Field(default=0.0, ge=0, le=1e9, description="Rate at which the order book refills, per day.")
    half_spread: ShareBelowOne = Field(default=0.0, description="Half the bid-ask spread as a share of the price.")
    mark_follow: Share = Field(default=1.0, description="How far the mark price follows the order book.")
    refill_delay: Span | None = Field(
        default=None, description="Time from a forced order to when the order book begins to refill."
    )
    reaction: ReactionTable | None = Field(
        default=None, description="How depth follows the volatility of the mark; left out, it does not."
    )


class MarketTable(Made):
    """Where forced orders go."""

    assets: dict[Name, AssetTable] = Field(min_length=1, description="The assets by name, in the order of a round.")
    numeraire: Name = Field(default="USD", description="The currency that prices and outcomes are in.")

    def value(self) -> Market:
        """Return the market."""
        return Market({name: made(asset) for name, asset in self.assets.items()}, numeraire=self.numeraire)


# ---- the scenario and the run ----

MoveOrTable = Annotated[Annotated[Move, as_number] | Annotated[dict[str, Move], as_table], by_shape]
Moves = Annotated[tuple[MoveOrTable, ...], Field(strict=False, min_length=1)]


class ShockTable(Table):
    """Prices jump once: run by `levcore shock`."""

    kind: Literal["shock"] = Field(description="What the outside world does.")
    shock: Annotated[
        Annotated[Move, as_number] | Annotated[dict[str, Move], as_table] | Annotated[Moves, as_array], by_shape
    ] = Field(description="Relative move of the prices: a number, a table of numbers by asset, or an array of either.")


class ReplayTable(Made):
    """Recorded prices: run by `levcore replay`."""

    kind: Literal["replay"] = Field(description="What the outside world does.")
    file: Name = Field(description="A .csv or .parquet file, its path relative to the scenario file.")
    prices: dict[str, Name] = Field(min_length=1, description="The column of closing prices of each asset.")
    high: dict[str, Name] | None = Field(
        default=None, description="The column of each asset's highest price in the bar."
    )
    low: dict[str, Name] | None = Field(default=None, description="The column of each asset's lowest price in the bar.")
    times: Name | None = Field(default=None, description="The column of times; ISO 8601, or numbers with `time_unit`.")
    time_unit: Literal["s", "ms", "us", "ns"] | None = Field(default=None, description="Unit of times since 1970 UTC.")
    step: Span | None = Field(default=None, description="Time between two prices, where the file has no times.")
    rescale: bool = Field(default=False, description="Whether each record is scaled to start at the market's price.")

    def value(self) -> Mapping[str, Mapping[str, str]]:
        """Return the columns of prices by what they are."""
        if (self.times is None) == (self.step is None):
            raise InputError("times or step must be given, and not both")
        if self.time_unit is not None and self.times is None:
            raise InputError("time_unit must go with times")
        if (self.high is None) != (self.low is None):
            raise InputError("high and low must be given together")
        given = {"prices": self.prices, "high": self.high, "low": self.low}
        named = {name: columns for name, columns in given.items() if columns is not None}
        if any(self.times in columns.values() for columns in named.values()):
            raise InputError(f"times must name a column of its own, was {self.times!r}")
        return named


class ControlTable(Made):
    """Owners who add collateral before they are liquidated, and take some out when they have plenty."""

    makes = TopUp
    above: ShareAboveZero = Field(description="A margin ratio above this calls for collateral.")
    to: ShareAboveZero = Field(description="The margin ratio that an answer brings back, below `above`.")
    probability: Share = Field(default=1.0, description="That a call is answered.")
    delay: Span | None = Field(default=None, description="Time from a call to its answer.")
    reserve: float = Field(
        default=float("inf"), ge=0, description="What an owner has outside, over its equity at the start."
    )
    withdraw_below: ShareBelowOne = Field(
        default=0.0, description="A margin ratio below this calls for taking collateral out; 0: never."
    )
    seed: Seed | None = Field(default=None, description="In a replay, of the draws; elsewhere `run.seed` is.")

    def given(self) -> dict[str, Any]:
        """Return the arguments of TopUp."""
        return {name: value for name, value in super().given().items() if name != "seed"}


class RunTable(Table):
    """How many paths, how long, and how they are run."""

    paths: int | None = Field(default=None, ge=1, le=MOST_PATHS, description="How many paths.")
    steps: int | None = Field(default=None, ge=1, le=MOST_STEPS, description="How many steps.")
    step: Span | None = Field(default=None, description="Time of one step.")
    seed: Seed | None = Field(default=None, description="Same seed, same paths; left out, one is drawn and told.")
    threads: int | None = Field(default=None, ge=1, le=1024, description="Threads; left out, the CPUs that there are.")
    chunk: int | None = Field(default=None, ge=1, le=2**48, description="Paths that a thread takes at a time.")
    sampling: Literal["independent", "antithetic", "sobol"] = Field(
        default="independent", description="Which numbers paths are made of: their own, mirrored pairs, Sobol's points."
    )
    keep_steps: bool = Field(default=False, description="Whether prices and losses of every path and step are kept.")


BookTable = Annotated[FileBook | SyntheticBook, Field(discriminator="kind")]
ScenarioTable = Annotated[ShockTable | AnyProcessTable | ReplayTable, Field(discriminator="kind")]


class Settings(Table):
    """A scenario file of levcore: who holds what, whose rules, where orders go, and what the outside world does."""

    venue: VenueTable = Field(description="The venue's rulebook.")
    book: BookTable = Field(description="What is held there.")
    market: MarketTable = Field(description="Where forced orders go.")
    scenario: ScenarioTable = Field(description="What the outside world does.")
    control: ControlTable | None = Field(default=None, description="What owners of positions do on the way.")
    run: RunTable = Field(default=RunTable(), description="How many paths, how long, and how they are run.")


class Draft(Table):
    """The tables of a file that are right, whatever the others are."""

    venue: VenueTable | None = None
    book: BookTable | None = None
    market: MarketTable | None = None
    scenario: ScenarioTable | None = None
    control: ControlTable | None = None
    run: RunTable | None = None
