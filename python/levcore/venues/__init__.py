"""Presets: real venues' rulebooks built from public values, and loaders of their tables of margin tiers."""

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
