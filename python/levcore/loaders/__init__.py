"""What venues and archives give out, as books, tiers, rates, bars and depth: a module a source.

Positions become an :class:`levcore.Book`, dumps become columns. Everything is read by name, never by position; what is
malformed is refused with file, line and field.

>>> import levcore as lc
>>> row = {"symbol": "BTC/USDT:USDT", "side": "long", "contracts": 2.0, "contractSize": 1.0, "entryPrice": 100.0}
>>> row |= {"marginMode": "isolated", "collateral": 25.0, "unrealizedPnl": 5.0}
>>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
>>> lc.loaders.ccxt.positions([row], venue=lc.venues.binance_usdm("BTCUSDT", tiers={"BTCUSDT": tiers})).margin
array([20.])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what checkers see of what is imported when it is asked for
    from levcore.loaders import binance as binance
    from levcore.loaders import ccxt as ccxt
    from levcore.loaders import dydx as dydx
    from levcore.loaders import hyperliquid as hyperliquid
    from levcore.loaders import tardis as tardis

__all__ = ["binance", "ccxt", "dydx", "hyperliquid", "tardis"]


def __dir__() -> list[str]:
    return list(__all__)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in __all__:
            import importlib

            return importlib.import_module(f"levcore.loaders.{name}")
        raise AttributeError(f"module 'levcore.loaders' has no attribute {name!r}")
