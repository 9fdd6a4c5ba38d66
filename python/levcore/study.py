"""Studies: what changes when a parameter does, and which shock or fund is just enough."""

from levcore.study_funds import FundNeeded, fund_needed
from levcore.study_leverage import MaxLeverage, max_leverage
from levcore.study_shocks import CriticalShock, critical_shock, fragility_curve
from levcore.sweeps import Sweep, sweep

__all__ = [
    "CriticalShock",
    "FundNeeded",
    "MaxLeverage",
    "Sweep",
    "critical_shock",
    "fragility_curve",
    "fund_needed",
    "max_leverage",
    "sweep",
]
