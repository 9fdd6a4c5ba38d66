"""Other people's backtests under a venue's rules: which positions would have been liquidated, when, at what cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from levcore.adapters.audit import Audit

if TYPE_CHECKING:  # what checkers see of what is imported when it is asked for
    from levcore.adapters import backtesting as backtesting
    from levcore.adapters import nautilus as nautilus
    from levcore.adapters import vectorbt as vectorbt

__all__ = ["Audit", "backtesting", "nautilus", "vectorbt"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in ("backtesting", "nautilus", "vectorbt"):
            import importlib

            return importlib.import_module(f"levcore.adapters.{name}")
        raise AttributeError(f"module 'levcore.adapters' has no attribute {name!r}")
