"""The processes of a scenario file as pydantic models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from levcore import clustering, datasets, egarch, heston, jumps, regimes, scenario
from levcore.errors import InputError
from levcore.settings_types import (
    Drift,
    Made,
    Matrix,
    Numbers,
    Share,
    ShareBelowOne,
    ShippedPrices,
    Volatility,
    as_number,
    as_table,
    by_shape,
)

VolatilityOrTable = Annotated[Annotated[Volatility, as_number] | Annotated[dict[str, Volatility], as_table], by_shape]
WeightOrTable = Annotated[Annotated[ShareBelowOne, as_number] | Annotated[dict[str, ShareBelowOne], as_table], by_shape]
Probabilities = Annotated[tuple[Share, ...], Field(strict=False, min_length=1)]
SharedJumps = Annotated[bool, Field(description="Whether all assets jump at the same times; rate is then one number.")]
NumberOrTable = Annotated[Annotated[float, as_number] | Annotated[dict[str, float], as_table], by_shape]


class ProcessTable(Made):
    """A process: run by `levcore simulate`."""

    kind: str


class LawTable(ProcessTable):
    """What laws of returns have."""

    drift: Annotated[Annotated[Drift, as_number] | Annotated[dict[str, Drift], as_table], by_shape] = Field(
        default=0.0, description="Of the expected price, per year: a number, or one each by asset."
    )
    correlation: Matrix | None = Field(
        default=None, description="Of log returns, a row an asset, in the market's order."
    )


class GBMTable(LawTable):
    """Geometric Brownian motion: run by `levcore simulate`."""

    makes = scenario.GBM
    kind: Literal["gbm"] = Field(description="What the outside world does.")
    volatility: VolatilityOrTable = Field(description="Per square root of a year: a number, or one each by asset.")


class ClusteringTable(LawTable):
    """What GARCH and its relations have."""

    volatility: VolatilityOrTable | None = Field(
        default=None, description="In the long run, per square root of a year: a number, or one each by asset."
    )
    omega: NumberOrTable | None = Field(
        default=None, description="The constant of a step's variance, instead of volatility: a number, or one each."
    )
    correlation: Matrix | None = Field(
        default=None, description="Of the normals of innovations, a row an asset, in the market's order."
    )
    initial_volatility: VolatilityOrTable | None = Field(
        default=None, description="Of the first step, in the unit of volatility; left out, that of the long run."
    )
    degrees_of_freedom: NumberOrTable | None = Field(
        default=None, description="Of Student-t innovations, > 2; left out, innovations are normal."
    )


class GARCHTable(ClusteringTable):
    """GARCH(1,1), volatility that clusters: run by `levcore simulate`."""

    makes = clustering.GARCH
    kind: Literal["garch"] = Field(description="What the outside world does.")
    alpha: WeightOrTable = Field(
        description="Weight of the last step's squared innovation in the next step's variance: a number, or one each "
        "by asset."
    )
    beta: WeightOrTable = Field(description="Weight of the last step's variance: a number, or one each by asset.")


class GJRGARCHTable(ClusteringTable):
    """GJR-GARCH(1,1), in which falls raise the variance more: run by `levcore simulate`."""

    makes = clustering.GJRGARCH
    kind: Literal["gjr_garch"] = Field(description="What the outside world does.")
    alpha: WeightOrTable = Field(description="Weight of the last step's squared innovation: a number, or one each.")
    beta: WeightOrTable = Field(description="Weight of the last step's variance: a number, or one each by asset.")
    gamma: NumberOrTable = Field(description="What is added to alpha after a fall: a number, or one each by asset.")


class EGARCHTable(ClusteringTable):
    """EGARCH(1,1), whose log variance clusters: run by `levcore simulate`."""

    makes = egarch.EGARCH
    kind: Literal["egarch"] = Field(description="What the outside world does.")
    alpha: NumberOrTable = Field(description="Weight of the size of the last innovation: a number, or one each.")
    gamma: NumberOrTable = Field(description="Weight of the last innovation itself: a number, or one each by asset.")
    beta: NumberOrTable = Field(description="Weight of the last log variance, 0 to 1: a number, or one each by asset.")


class DiffusionTable(LawTable):
    """What processes with a diffusion have."""

    volatility: VolatilityOrTable = Field(
        description="Of the diffusion, per square root of a year: a number, or one each by asset."
    )


class NormalJumpsTable(DiffusionTable):
    """What processes with jumps of normal size have."""

    rate: NumberOrTable = Field(description="Jumps expected in a year: a number, or one each by asset.")
    jump_mean: NumberOrTable = Field(description="Mean of a jump of the log price: a number, or one each by asset.")
    jump_deviation: NumberOrTable = Field(description="Its standard deviation: a number, or one each by asset.")


class MertonTable(NormalJumpsTable):
    """Merton's jump diffusion: run by `levcore simulate`."""

    makes = jumps.Merton
    kind: Literal["merton"] = Field(description="What the outside world does.")
    shared_jumps: SharedJumps = False


class KouTable(DiffusionTable):
    """Kou's jump diffusion: run by `levcore simulate`."""

    makes = jumps.Kou
    kind: Literal["kou"] = Field(description="What the outside world does.")
    rate: NumberOrTable = Field(description="Jumps expected in a year: a number, or one each by asset.")
    up_share: NumberOrTable = Field(description="Share of jumps that go up, 0 to 1: a number, or one each by asset.")
    up_mean: NumberOrTable = Field(description="Mean of an upward jump of the log price: a number, or one each.")
    down_mean: NumberOrTable = Field(description="Mean of a downward jump: a number, or one each by asset.")
    shared_jumps: SharedJumps = False


class HawkesTable(NormalJumpsTable):
    """Jumps that call jumps: run by `levcore simulate`."""

    makes = jumps.Hawkes
    kind: Literal["hawkes"] = Field(description="What the outside world does.")
    excitation: NumberOrTable = Field(description="What a jump adds to the intensity, per year: a number, or by asset.")
    decay: NumberOrTable = Field(description="Rate at which that goes away, per year: a number, or one each by asset.")


class VarianceTable(LawTable):
    """What processes with a stochastic variance have."""

    volatility: VolatilityOrTable = Field(
        description="Root of the long-run variance, per square root of a year: a number, or one each by asset."
    )
    reversion: NumberOrTable = Field(
        description="Rate at which the variance comes back, per year: a number, or one each."
    )
    volatility_of_variance: NumberOrTable = Field(
        description="Heston's sigma, per year: a number, or one each by asset."
    )
    skew: NumberOrTable = Field(
        default=0.0, description="Correlation of the moves of price and variance: a number, or one each by asset."
    )
    initial_volatility: VolatilityOrTable | None = Field(
        default=None, description="Of the first step, in the unit of volatility; left out, that of the long run."
    )


class HestonTable(VarianceTable):
    """Heston's stochastic volatility: run by `levcore simulate`."""

    makes = heston.Heston
    kind: Literal["heston"] = Field(description="What the outside world does.")


class BatesTable(VarianceTable):
    """Heston's stochastic volatility with Merton's jumps: run by `levcore simulate`."""

    makes = heston.Bates
    kind: Literal["bates"] = Field(description="What the outside world does.")
    rate: NumberOrTable = Field(description="Jumps expected in a year: a number, or one each by asset.")
    jump_mean: NumberOrTable = Field(description="Mean of a jump of the log price: a number, or one each by asset.")
    jump_deviation: NumberOrTable = Field(description="Its standard deviation: a number, or one each by asset.")
    shared_jumps: SharedJumps = False


class MarkovSwitchingTable(LawTable):
    """Volatility that switches between regimes: run by `levcore simulate`."""

    makes = regimes.MarkovSwitching
    kind: Literal["markov_switching"] = Field(description="What the outside world does.")
    volatility: Annotated[tuple[VolatilityOrTable, ...], Field(strict=False, min_length=1, max_length=100)] = Field(
        description="Of each regime, per square root of a year: a number, or one each by asset."
    )
    transition: Annotated[tuple[Probabilities, ...], Field(strict=False, min_length=1)] = Field(
        description="Probabilities of a step, a row a regime that it comes from."
    )
    initial: Probabilities | None = Field(
        default=None, description="Probabilities of the first step's regime; left out, those of the long run."
    )


class BootstrapTable(ProcessTable):
    """Returns of the past drawn again in blocks: run by `levcore simulate`."""

    kind: Literal["bootstrap"] = Field(description="What the outside world does.")
    returns: Annotated[tuple[Numbers, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="Simple returns of a step, a row a step with a number an asset."
    )
    prices: ShippedPrices | None = Field(
        default=None, description="The name of shipped hourly closes of one asset, instead of returns."
    )
    mean_block: float = Field(ge=1, le=1e9, description="Mean length of a block in rows.")

    def value(self) -> regimes.StationaryBootstrap:
        """Return the bootstrap."""
        if (self.returns is None) == (self.prices is None):
            raise InputError("returns or prices must be given, and not both")
        if self.returns is not None:
            return regimes.StationaryBootstrap(self.returns, mean_block=self.mean_block)
        closes = datasets.prices(str(self.prices).partition(":")[2])
        return regimes.StationaryBootstrap(closes[1:] / closes[:-1] - 1.0, mean_block=self.mean_block)


AnyProcessTable = (
    GBMTable
    | GARCHTable
    | GJRGARCHTable
    | EGARCHTable
    | MertonTable
    | KouTable
    | HawkesTable
    | HestonTable
    | BatesTable
    | MarkovSwitchingTable
    | BootstrapTable
)
