"""Liquidation cascades: what happens to a book of leveraged positions, and to its market, when prices move.

>>> import levcore as lc
>>> tiers = lc.MarginTiers(floor=[0, 50_000], maintenance_rate=[0.004, 0.005])
>>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
>>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[60_000.0], margin=[6_000.0])
>>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
>>> lc.shock(book, market, -0.10).liquidated_count
1
"""

from typing import TYPE_CHECKING

from levcore._version import __version__
from levcore.backstop import Backstop, Deleveraging
from levcore.book import Book, concat
from levcore.cascade import Ready, prepare, shock
from levcore.clustering import GARCH, GJRGARCH
from levcore.control import TopUp
from levcore.depth_reaction import DepthReaction
from levcore.egarch import EGARCH
from levcore.errors import (
    CancelledError,
    DomainError,
    InputError,
    InternalError,
    KindError,
    LevcoreError,
    MissingExtraError,
    NotKeptError,
    SettingsError,
    StoreError,
    TooLargeError,
)
from levcore.estimate import estimate_bytes
from levcore.estimates import Estimate
from levcore.fitted import Fitted
from levcore.funding import Funding
from levcore.futures import InverseFuture, LinearFuture
from levcore.heston import Bates, Heston
from levcore.impact import DepthCurve, LinearImpact, PowerImpact, SquareRootImpact
from levcore.instruments import InversePerpetual, LinearPerpetual
from levcore.jumps import Hawkes, Kou, Merton
from levcore.liquidation import FullClose, PartialClose, PortionClose, TierStep
from levcore.liquidation_map import LiquidationMap
from levcore.market import Asset, Market
from levcore.montecarlo import simulate
from levcore.outcome import Outcome
from levcore.outcomes import Outcomes
from levcore.positions import Accounts
from levcore.regimes import MarkovSwitching, StationaryBootstrap
from levcore.replaying import replay
from levcore.runs import Runs
from levcore.scenario import GBM, normals
from levcore.size_margin import SizeMargin
from levcore.step_trace import StepTrace
from levcore.table import Table
from levcore.tiers import MarginTiers
from levcore.venue import Venue
from levcore.versions import show_versions

if TYPE_CHECKING:  # what checkers see of what is imported when it is asked for
    from levcore import adapters as adapters
    from levcore import datasets as datasets
    from levcore import distributed as distributed
    from levcore import funding_rates as funding_rates
    from levcore import loaders as loaders
    from levcore import parquet_files as parquet_files
    from levcore import plot as plot
    from levcore import report as report
    from levcore import resuming as resuming
    from levcore import risk as risk
    from levcore import settings as settings
    from levcore import storing as storing
    from levcore import study as study
    from levcore import synthetic as synthetic
    from levcore import variance_reduction as variance_reduction
    from levcore import venues as venues

__all__ = [
    "EGARCH",
    "GARCH",
    "GBM",
    "GJRGARCH",
    "Accounts",
    "Asset",
    "Backstop",
    "Bates",
    "Book",
    "CancelledError",
    "Deleveraging",
    "DepthCurve",
    "DepthReaction",
    "DomainError",
    "Estimate",
    "Fitted",
    "FullClose",
    "Funding",
    "Hawkes",
    "Heston",
    "InputError",
    "InternalError",
    "InverseFuture",
    "InversePerpetual",
    "KindError",
    "Kou",
    "LevcoreError",
    "LinearFuture",
    "LinearImpact",
    "LinearPerpetual",
    "LiquidationMap",
    "MarginTiers",
    "Market",
    "MarkovSwitching",
    "Merton",
    "MissingExtraError",
    "NotKeptError",
    "Outcome",
    "Outcomes",
    "PartialClose",
    "PortionClose",
    "PowerImpact",
    "Ready",
    "Runs",
    "SettingsError",
    "SizeMargin",
    "SquareRootImpact",
    "StationaryBootstrap",
    "StepTrace",
    "StoreError",
    "Table",
    "TierStep",
    "TooLargeError",
    "TopUp",
    "Venue",
    "__version__",
    "concat",
    "estimate_bytes",
    "normals",
    "prepare",
    "replay",
    "shock",
    "show_versions",
    "simulate",
]


_LATER = (
    "adapters",
    "datasets",
    "distributed",
    "funding_rates",
    "loaders",
    "parquet_files",
    "plot",
    "report",
    "resuming",
    "risk",
    "settings",
    "storing",
    "study",
    "synthetic",
    "variance_reduction",
    "venues",
)  # imported when they are asked for


def __dir__() -> list[str]:
    return [*__all__, *_LATER]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _LATER:
            import importlib

            return importlib.import_module(f"levcore.{name}")
        raise AttributeError(f"module 'levcore' has no attribute {name!r}")
