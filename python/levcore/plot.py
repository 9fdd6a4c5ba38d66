"""Pictures of books, cascades, risks and studies, drawn with matplotlib (`pip install "levcore[plot]"`)."""

from levcore.plot_books import amplification, liquidation_map
from levcore.plot_maps import exploitation, stability_map
from levcore.plot_paths import clustering, volatility
from levcore.plot_risk import attribution, covar, estimates, tail, time_to_liquidation
from levcore.plot_studies import critical_shock, fragility_curve, fund_needed, max_leverage, sweep
from levcore.plot_style import GRID as GRID
from levcore.plot_style import INK as INK
from levcore.plot_style import LINES as LINES
from levcore.plot_style import LONG as LONG
from levcore.plot_style import MUTED as MUTED
from levcore.plot_style import NEEDS as NEEDS
from levcore.plot_style import SCALES as SCALES
from levcore.plot_style import SHORT as SHORT
from levcore.plot_style import SIZE as SIZE

__all__ = [
    "amplification",
    "attribution",
    "clustering",
    "covar",
    "critical_shock",
    "estimates",
    "exploitation",
    "fragility_curve",
    "fund_needed",
    "liquidation_map",
    "max_leverage",
    "stability_map",
    "sweep",
    "tail",
    "time_to_liquidation",
    "volatility",
]
