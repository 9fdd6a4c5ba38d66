"""The processes of a scenario file as pydantic models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from levcore import clustering, egarch, scenario
from levcore.settings_types import (
    Drift,
    Made,
    Matrix,
    ShareBelowOne,
    Volatility,
    as_number,
    as_table,
    by_shape,
)

VolatilityOrTable = Annotated[Annotated[Volatility, as_number] | Annotated[dict[str, Volatility], as_table], by_shape]
WeightOrTable = Annotated[Annotated[ShareBelowOne, as_number] | Annotated[dict[str, ShareBelowOne], as_table], by_shape]
NumberOrTable = Annotated[Annotated[float, as_number] | Annotated[dict[str, float], as_table], by_shape]


class ProcessTable(Made):
    """What every process has."""

    kind: str
    drift: Annotated[Annotated[Drift, as_number] | Annotated[dict[str, Drift], as_table], by_shape] = Field(
        default=0.0, description="Of the expected price, per year: a number, or one each by asset."
    )
    correlation: Matrix | None = Field(
        default=None, description="Of log returns, a row an asset, in the market's order."
    )


class GBMTable(ProcessTable):
    """Geometric Brownian motion: run by `levcore simulate`."""

    makes = scenario.GBM
    kind: Literal["gbm"] = Field(description="What the outside world does.")
    volatility: VolatilityOrTable = Field(description="Per square root of a year: a number, or one each by asset.")


class ClusteringTable(ProcessTable):
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


AnyProcessTable = GBMTable | GARCHTable | GJRGARCHTable | EGARCHTable
