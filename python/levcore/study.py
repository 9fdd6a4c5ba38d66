"""Studies: what changes when a parameter does, and which shock or fund is just enough."""

from levcore.kept_sweeps import SweepStatus
from levcore.kept_sweeps import status as sweep_status
from levcore.study_exploitation import Exploitation, exploitation
from levcore.study_funds import FundNeeded, fund_needed
from levcore.study_leverage import MaxLeverage, max_leverage
from levcore.study_shocks import CriticalShock, critical_shock, fragility_curve
from levcore.study_stability import StabilityMap, branching_ratio, stability_map
from levcore.sweeps import Sweep, sweep

__all__ = [
    "CriticalShock",
    "Exploitation",
    "FundNeeded",
    "MaxLeverage",
    "StabilityMap",
    "Sweep",
    "SweepStatus",
    "branching_ratio",
    "critical_shock",
    "exploitation",
    "fragility_curve",
    "fund_needed",
    "max_leverage",
    "stability_map",
    "sweep",
    "sweep_status",
]
