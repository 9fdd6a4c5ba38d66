"""Presets: real venues' rulebooks built from public values, and loaders of their tables of margin tiers.

Their rules as functions, exact to the last unit that a venue counts in, are modules of their own, imported when they
are asked for: :mod:`levcore.venues.dydx`, :mod:`levcore.venues.drift`, and :mod:`levcore.venues.deleveraging` for
rankings and shares that several venues have in common.

>>> import levcore as lc
>>> lc.venues.dydx.max_funding_rate(6, initial_margin_fraction=0.15, maintenance_fraction=0.8)
0.18
"""

from typing import TYPE_CHECKING

from levcore.venues.binance import binance_coinm, binance_usdm
from levcore.venues.bitget import bitget
from levcore.venues.bybit import bybit_inverse, bybit_linear
from levcore.venues.deribit import deribit_futures
from levcore.venues.drift_market import drift_v2
from levcore.venues.dydx_market import dydx_v4
from levcore.venues.gate import gate
from levcore.venues.hyperliquid import hyperliquid
from levcore.venues.loading import read_binance_tiers, read_ccxt_tiers
from levcore.venues.okx import okx

if TYPE_CHECKING:  # what checkers see of what is imported when it is asked for
    from levcore.venues import deleveraging as deleveraging
    from levcore.venues import drift as drift
    from levcore.venues import dydx as dydx

__all__ = [
    "binance_coinm",
    "binance_usdm",
    "bitget",
    "bybit_inverse",
    "bybit_linear",
    "deribit_futures",
    "drift_v2",
    "dydx_v4",
    "gate",
    "hyperliquid",
    "okx",
    "read_binance_tiers",
    "read_ccxt_tiers",
]

_LATER = ("deleveraging", "drift", "dydx")


def __dir__() -> list[str]:
    return [*__all__, *_LATER]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _LATER:
            import importlib

            return importlib.import_module(f"levcore.venues.{name}")
        raise AttributeError(f"module 'levcore.venues' has no attribute {name!r}")
