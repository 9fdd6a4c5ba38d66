"""Studies in a report: each drawn as `lc.plot` draws it, and held by the page as a picture."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from levcore import checks
from levcore.attribution import Attribution
from levcore.errors import InputError, KindError, MissingExtraError
from levcore.estimates import Estimate
from levcore.liquidation_map import LiquidationMap
from levcore.report_figures import Figure
from levcore.study_exploitation import Exploitation
from levcore.study_funds import FundNeeded
from levcore.study_leverage import MaxLeverage
from levcore.study_shocks import CriticalShock
from levcore.study_stability import StabilityMap
from levcore.sweeps import Sweep

#: The same picture, the same bytes: no date, and names within it that are not drawn by chance.
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "levcore",
    "svg.fonttype": "path",
    "savefig.dpi": 110,
    "savefig.bbox": None,
    "savefig.facecolor": "auto",
}
KNOWN = "a study, a map, an attribution or estimates by name, as lc.plot draws them, matplotlib axes or a figure"


def sections(studies: Mapping[str, object], unit: str) -> list[tuple[str, str, list[Figure]]]:
    """Return a section for each heading, with the picture of its study."""
    return [
        (heading, "", [_figure(heading, study, unit, f"study-{place}")])
        for place, (heading, study) in enumerate(studies.items())
    ]


def checked(studies: object) -> Mapping[str, object]:
    """Return studies by heading, each of a kind that can be drawn."""
    if studies is None:
        return {}
    if not isinstance(studies, Mapping):
        raise KindError(f"studies must be a mapping of headings to studies, was {checks.describe(studies)}")
    for heading, study in studies.items():
        checks.text("studies", heading)
        if _drawer(study) is None and _own_figure(study) is None:
            raise KindError(f"studies[{heading!r}] must be {KNOWN}, was {checks.describe(study)}")
    return studies


def _drawer(study: object) -> Callable[..., Any] | None:
    """Return what draws a study; None for what is none."""
    from levcore import plot

    if isinstance(study, Mapping) and study and all(isinstance(one, Estimate) for one in study.values()):
        return plot.estimates
    if isinstance(study, Sweep):
        is_curve = tuple(study.parameters) == ("shock",) and "probability" in study.measures
        return plot.fragility_curve if is_curve else plot.sweep
    kinds: dict[type, Callable[..., Any]] = {
        Attribution: plot.attribution,
        CriticalShock: plot.critical_shock,
        Exploitation: plot.exploitation,
        FundNeeded: plot.fund_needed,
        LiquidationMap: plot.liquidation_map,
        MaxLeverage: plot.max_leverage,
        StabilityMap: plot.stability_map,
    }
    return kinds.get(type(study))


def _own_figure(study: object) -> Any:
    """Return the matplotlib figure that somebody else has drawn; None where it is none."""
    try:
        from matplotlib.axes import Axes
        from matplotlib.figure import Figure as Drawn
        from matplotlib.figure import SubFigure
    except ImportError:
        return None
    found = study.figure if isinstance(study, Axes) else study
    while isinstance(found, SubFigure):
        found = found.figure
    return found if isinstance(found, Drawn) else None


def _figure(heading: str, study: object, unit: str, name: str) -> Figure:
    draw = _drawer(study)
    if draw is None:
        return Figure(name=name, title="", caption="", alt=heading, picture=_given(heading, _own_figure(study)))
    from levcore.plot import NEEDS, SIZE

    try:
        from matplotlib import style
        from matplotlib.figure import Figure as Drawn
    except ImportError as reason:
        raise MissingExtraError(NEEDS) from reason
    with style.context("default"):  # whatever the caller's own pictures look like
        ax = Drawn(figsize=SIZE, layout="constrained").subplots()
        draw(study, unit=study.unit or unit, ax=ax) if isinstance(study, Attribution) else draw(study, ax=ax)
        picture = _picture(ax.figure)
    said = "" if isinstance(study, Sweep | Attribution) else _words(study)
    alt = f"{heading}: {ax.get_ylabel()} over {ax.get_xlabel()}. {said}".strip()
    return Figure(name=name, title="", caption=said, alt=alt, picture=picture)


def _words(study: object) -> str:
    """Return what a study says of itself in a line, as a sentence."""
    first, *rest = repr(study).strip("<>").splitlines()
    said = "; ".join(row.strip() for row in rest) if rest else first.partition(": ")[2]
    return f"{said[:1].upper()}{said[1:]}."


def _given(heading: str, figure: Any) -> str:
    try:
        return _picture(figure)
    except (ValueError, TypeError, RuntimeError) as reason:  # such as a formula in a title that does not end
        raise InputError(f"studies[{heading!r}] cannot be drawn: {reason}") from reason


def _picture(figure: Any) -> str:
    from matplotlib import rc_context

    drawn = BytesIO()
    with rc_context(STYLE):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + b64encode(drawn.getvalue()).decode("ascii")
