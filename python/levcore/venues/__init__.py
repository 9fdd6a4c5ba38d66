"""Venues by name: each one's rules as functions, exact to the last unit that the venue counts in.

A module a venue, imported when it is asked for: :mod:`levcore.venues.dydx`, :mod:`levcore.venues.drift`, and
:mod:`levcore.venues.deleveraging` for rankings and shares that several venues have in common.

>>> import levcore as lc
>>> lc.venues.dydx.max_funding_rate(6, initial_margin_fraction=0.15, maintenance_fraction=0.8)
0.18
"""

from __future__ import annotations

_MODULES = ("deleveraging", "drift", "dydx")

__all__ = ["deleveraging", "drift", "dydx"]


def __dir__() -> list[str]:
    return [*__all__]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        import importlib

        return importlib.import_module(f"levcore.venues.{name}")
    raise AttributeError(f"module 'levcore.venues' has no attribute {name!r}")
