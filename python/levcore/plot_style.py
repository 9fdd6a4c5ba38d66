"""What all pictures share: colours, axes, and how numbers are written beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from levcore import checks
from levcore.errors import KindError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette: told apart by colour-blind readers, and in grey.
LONG, SHORT, INK, MUTED, GRID = "#D55E00", "#0072B2", "#222222", "#6B6B6B", "#E4E4E4"
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SIZE = (8.0, 4.0)
NEEDS = 'pictures need matplotlib: pip install "levcore[plot]"'
SCALES = ((1e12, "trillions"), (1e9, "billions"), (1e6, "millions"), (1e3, "thousands"))


def axes_for(ax: Axes | None) -> Axes:
    """Return the axes to draw on: those given, or those of a new figure."""
    try:
        import matplotlib.pyplot as plt
        from matplotlib.axes import Axes
    except ImportError as reason:
        raise MissingExtraError(NEEDS) from reason
    if ax is not None:
        if not isinstance(ax, Axes):
            raise KindError(f"ax must be matplotlib axes, was {checks.describe(ax)}")
        return ax
    return plt.subplots(figsize=SIZE, layout="constrained")[1]


def finish(ax: Axes) -> None:
    """Take away what is not needed, and give the rest its colours and sizes."""
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.grid(axis="y", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="both", labelcolor=INK, labelsize=9, length=3, color=MUTED)
    ax.tick_params(axis="y", length=0)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(size=9.5, color=INK)


def signed(value: float, unit: str) -> str:
    """Write a number with its sign."""
    return f"{value:+.3g}{unit}".replace("-", "\N{MINUS SIGN}") if abs(value) > 1e-9 else "0"


def price_label(value: float) -> str:
    """Write a price as short as it can be read."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
