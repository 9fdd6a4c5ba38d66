"""Pictures of books, cascades, risks and studies, drawn with matplotlib (`pip install "levcore[plot]"`)."""

from levcore.plot_books import amplification, liquidation_map
from levcore.plot_style import GRID as GRID
from levcore.plot_style import INK as INK
from levcore.plot_style import LINES as LINES
from levcore.plot_style import LONG as LONG
from levcore.plot_style import MUTED as MUTED
from levcore.plot_style import NEEDS as NEEDS
from levcore.plot_style import SCALES as SCALES
from levcore.plot_style import SHORT as SHORT
from levcore.plot_style import SIZE as SIZE

__all__ = ["amplification", "liquidation_map"]
