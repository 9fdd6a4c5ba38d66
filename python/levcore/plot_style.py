"""What all pictures share: colours, axes, and how numbers are written beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.display import money
from levcore.errors import KindError, MissingExtraError
from levcore.estimates import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

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


PLATE: dict[str, Any] = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.85, "fontsize": 9}


def scale_of(highest: float) -> tuple[float, str]:
    """Return a unit that makes an amount readable, and its name with a space after it."""
    return next(((size, f"{name} of ") for size, name in SCALES if highest >= size), (1.0, ""))


def intervals(
    ax: Axes, x: Any, estimates: Sequence[Estimate], colour: str, *, by: float = 1.0, label: str = ""
) -> None:
    """Draw estimates as a line of dots, each with its interval; those on few samples are hollow."""
    value, low, high = (by * np.array([getattr(one, end) for one in estimates]) for end in ("value", "low", "high"))
    ax.plot(x, value, color=colour, linewidth=1.6, label=label or None, zorder=3)
    ax.vlines(x, low, high, color=colour, linewidth=1.4, zorder=3)
    few = np.array([one.low_sample for one in estimates])
    face = ["white" if hollow else colour for hollow in few]
    ax.scatter(x, value, s=30, c=face, edgecolors=colour, linewidths=1.4, zorder=4)


def note_of_few(ax: Axes, estimates: Sequence[Estimate]) -> None:
    """Say under a picture what its hollow dots are, if it has any."""
    percent = f"{100 * estimates[0].confidence:.4g} %" if estimates else ""
    few = "; hollow: fewer than 200 samples decide" if any(one.low_sample for one in estimates) else ""
    ax.set_title(f"bars: {percent} intervals{few}", loc="right", size=8.5, color=MUTED)


def spread_out(values: Floats) -> bool:
    """Say whether an axis of these values is better logarithmic."""
    return bool(len(values) > 1 and values.min() > 0.0 and values.max() / values.min() >= 20.0)


def plain(value: float) -> str:
    """Write a number on an axis: large ones as money is written."""
    return money(value) if abs(value) >= 1e5 else f"{value:,.6g}"


def log_axis(ax: Axes, values: Floats) -> None:
    """Make the x axis logarithmic where its values are far apart, with a label at each."""
    if not spread_out(values):
        return
    ax.set_xscale("log")
    ax.set_xticks(values, [plain(value) for value in values.tolist()])
    ax.minorticks_off()


def distance_axis(ax: Axes, mark: float) -> None:
    """Put the distance from the mark price on the upper axis."""

    def distance(price: Any) -> Any:
        return 100 * (price / mark - 1)

    def price(distance: Any) -> Any:
        return mark * (1 + distance / 100)

    upper = ax.secondary_xaxis("top", functions=(distance, price))
    upper.xaxis.set_major_formatter(lambda value, _: signed(value, " %"))
    upper.spines["top"].set_visible(False)
    upper.tick_params(axis="x", colors=MUTED, labelsize=8.5, length=0)
