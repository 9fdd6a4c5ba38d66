"""Other people's backtests under a venue's rules: which positions would have been liquidated, when, at what cost."""

from __future__ import annotations

from levcore.adapters.audit import Audit

__all__ = ["Audit", "backtesting", "nautilus", "vectorbt"]


def __getattr__(name: str) -> object:
    if name in ("backtesting", "nautilus", "vectorbt"):
        import importlib

        return importlib.import_module(f"levcore.adapters.{name}")
    raise AttributeError(f"module 'levcore.adapters' has no attribute {name!r}")
