"""One page of the risk measures of simulated paths, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from levcore import checks, grouped, run_measures
from levcore.display import money, plural, table_html
from levcore.errors import InputError
from levcore.estimates import Estimate
from levcore.frames import pandas_frame
from levcore.grouped import Draw
from levcore.per_asset import PerAsset
from levcore.runs import Runs

if TYPE_CHECKING:
    import pandas

Floats = npt.NDArray[np.float64]

HEADER = ("measure", "value", "interval", "unit")
SECONDS = ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"))


@dataclass(frozen=True, eq=False)
class RiskTable:
    """The risk measures of simulated paths by name, each an estimate; it reads as a page.

    Attributes
    ----------
    title : str
        What was simulated.
    measures : mapping of str to Estimate
        By name; nan where too few paths were simulated for it.
    units : mapping of str to str
        "share", "positions", "seconds", or the market's numeraire.

    Notes
    -----
    What :func:`levcore.risk.table` returns; `table["bad debt, mean"]` is one estimate.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[3_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 100, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> table = lc.risk.table(lc.simulate(book, market, lc.GBM(volatility=0.6), **day))
    >>> table.units["bad debt, mean"]
    'USD'
    """

    title: str
    measures: Mapping[str, Estimate]
    units: Mapping[str, str]

    def __getitem__(self, name: str) -> Estimate:
        if name not in self.measures:
            raise InputError(f"no measure {name!r} in the table; it has: {', '.join(self.measures)}")
        return self.measures[name]

    def to_pandas(self) -> pandas.DataFrame:
        """Return one row a measure as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            Columns measure, value, low, high, confidence, n, low_sample, unit.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        found = list(self.measures.values())
        columns: dict[str, npt.NDArray[np.generic]] = {"measure": np.array(list(self.measures), dtype=object)}
        for name in ("value", "low", "high", "confidence", "n", "low_sample"):
            columns[name] = np.array([getattr(one, name) for one in found])
        columns["unit"] = np.array([self.units[name] for name in self.measures], dtype=object)
        return pandas_frame(columns)

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        for name, one in self.measures.items():
            write, unit = _written(self.units[name], one.value)
            if math.isnan(one.value):
                yield name, "unknown", "too few paths", ""
                continue
            mark = " *" if one.low_sample else ""
            yield name, write(one.value), f"{write(one.low)} to {write(one.high)}{mark}", unit

    def _notes(self) -> list[str]:
        few = any(one.low_sample for one in self.measures.values())
        return ["* fewer than 200 paths decide: the interval itself is uncertain"] if few else []

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{note}</p>" for note in self._notes())
        return table_html(self.title, HEADER, self._rows()) + notes

    def __repr__(self) -> str:
        rows = [HEADER, *self._rows()]
        wide = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [self.title]
        for name, value, interval, unit in rows:
            lines.append(f"{name:<{wide[0]}}  {value:>{wide[1]}}  {interval:<{wide[2]}}  {unit}".rstrip())
        return "\n".join(lines + self._notes())


def table(runs: Runs, level: float = 0.99, confidence: float = 0.95) -> RiskTable:
    """Estimate the risk measures of simulated paths: one page of them, each with its interval.

    Parameters
    ----------
    runs : Runs
        What :func:`levcore.simulate` returned.
    level : float
        Of value at risk and expected shortfall, in (0, 1).
    confidence : float
        Of the intervals, in (0, 1).

    Returns
    -------
    RiskTable
        Probabilities of liquidations, bad debt and an exhausted fund; mean, value at risk and expected shortfall of
        liquidated notional, bad debt and what the fund pays; the median time to the first liquidation; the
        probability of liquidation by leverage. Value at risk and expected shortfall are nan where no path lies beyond
        the level.

    Raises
    ------
    InputError, KindError
        If a path stopped early, or the level or the confidence breaks a rule.

    Notes
    -----
    Each row is what the function of its name returns; :mod:`levcore.risk`.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[3_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 100, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> lc.risk.table(lc.simulate(book, market, lc.GBM(volatility=0.6), **day))["fund exhausted, probability"].value
    0.0
    """
    run_measures.whole(runs)
    share = checks.number("level", level, above=0.0, below=1.0)
    draw = run_measures.draw_of(runs, confidence)
    found = {
        "any liquidation, probability": (grouped.probability(runs.liquidated_count > 0, draw), "share"),
        "bad debt, probability": (grouped.probability(runs.bad_debt > 0.0, draw), "share"),
        "fund exhausted, probability": (run_measures.exhaustion_probability(runs, confidence), "share"),
        "positions liquidated, mean": (_mean(runs.liquidated_count.astype(np.float64), draw), "positions"),
    }
    drawn = runs.book.venue.backstop.total_funds - runs.insurance_fund_low
    losses = {"liquidated notional": runs.liquidated_notional, "bad debt": runs.bad_debt, "drawn from the fund": drawn}
    for name, amounts in losses.items():
        found[f"{name}, mean"] = _mean(amounts, draw), runs.numeraire
        tails = ("value at risk", grouped.value_at_risk), ("expected shortfall", grouped.expected_shortfall)
        for label, measure in tails:
            found[f"{name}, {label} {_percent(share)}"] = _tail(measure, amounts, share, draw), runs.numeraire
    found["first liquidation, median time"] = run_measures.time_to_liquidation(runs, 0.5, confidence), "seconds"
    if runs.sampling != "sobol":  # which keeps nothing of how they vary by position
        for bucket, one in run_measures.liquidation_probability_by_leverage(runs, confidence=confidence).items():
            found[f"liquidation at {bucket}, probability"] = one, "share"
    title = f"Risk over {_span(runs)}: {plural(runs.paths, 'path')}, {plural(len(runs.book), 'position')}, "
    title += f"intervals at {_percent(confidence)}"
    return RiskTable(
        title,
        PerAsset({name: one for name, (one, _) in found.items()}),
        PerAsset({name: unit for name, (_, unit) in found.items()}),
    )


def _mean(amounts: Floats, draw: Draw) -> Estimate:
    return run_measures.of_an_amount(grouped.mean(amounts, draw))


def _tail(measure: Callable[[Floats, float, Draw], Estimate], amounts: Floats, level: float, draw: Draw) -> Estimate:
    if len(amounts) * (1.0 - level) < 1.0 - 1e-9:
        return Estimate(math.nan, math.nan, math.nan, draw.confidence, len(amounts), True)
    return measure(amounts, level, draw)


def _percent(share: float) -> str:
    return f"{100.0 * share:.6g} %"


def _span(runs: Runs) -> str:
    seconds = runs.step.total_seconds() * runs.steps
    write, unit = _written("seconds", seconds)
    amount = write(seconds)
    return f"{amount} {unit.removesuffix('s') if amount == '1' else unit}"


def _written(unit: str, value: float) -> tuple[Callable[[float], str], str]:
    """Return how numbers of a unit are written, and the unit they are then in."""
    if unit == "share":
        return (lambda share: f"{100.0 * share:.3g} %"), ""
    if unit == "positions":
        return (lambda count: f"{count:,.4g}"), unit
    if unit != "seconds":
        return (lambda amount: money(float(f"{amount:.3g}"))), unit
    size, name = next(((size, name) for size, name in SECONDS if math.isfinite(value) and value >= size), (1.0, unit))
    return (lambda seconds: "beyond the end" if math.isinf(seconds) else f"{seconds / size:,.4g}"), name
