"""The headline numbers of a report, and how numbers are written in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from levcore.display import money

Z = 1.959963984540054  # the normal quantile of a two-sided 95 % interval


@dataclass(frozen=True)
class Number:
    """An estimate in words: its value, its interval, and whether too few paths stand behind it."""

    value: str
    interval: str
    low_sample: bool


@dataclass(frozen=True)
class Headline:
    """The numbers on top of the page: three in large type, and a table of losses."""

    large: tuple[tuple[str, Number], ...]
    rows: tuple[tuple[str, tuple[Number, ...]], ...]
    sentence: str

    @property
    def low_sample(self) -> bool:
        """Whether any of them rests on too few paths."""
        numbers = [number for _, number in self.large] + [number for _, row in self.rows for number in row]
        return any(number.low_sample for number in numbers)


def headline(runs: Any) -> Headline:
    """Estimate what the page opens with."""
    from levcore import risk

    debt, orders = np.asarray(runs.bad_debt), np.asarray(runs.liquidated_notional)
    indebted, exhausted = risk.probability(debt > 0), risk.probability(runs.exhausted)
    closed = risk.mean(np.asarray(runs.liquidated_count, dtype=np.float64))
    measures = (risk.mean, risk.value_at_risk, risk.expected_shortfall)
    rows = tuple(
        (name, tuple(_number(measure(values), money) for measure in measures))
        for name, values in (("Bad debt", debt), ("Liquidated notional", orders))
    )
    large = (
        ("Probability of bad debt", _number(indebted, percent)),
        ("Probability that the insurance fund is exhausted", _number(exhausted, percent)),
        (
            "Mean number of positions liquidated",
            _number(closed, lambda value: f"{value:,.{1 if value < 1000 else 0}f}"),
        ),
    )
    ends = "No path ends" if not (debt > 0).any() else f"{percent(float(indebted.value))} of paths end"
    tail = rows[0][1][2].value
    sentence = f"{ends} with losses that nobody covers"
    if (debt > 0).any():
        sentence += f"; in the worst hundredth of paths they come to {tail} {runs.numeraire} on average"
    return Headline(large, rows, sentence + ".")


def _number(estimate: Any, write: Any) -> Number:
    low, high = float(estimate.low), float(estimate.high)
    known = not (math.isnan(low) or math.isnan(high))
    interval = f"{write(low)} to {write(high)}" if known else "no interval: too few paths"
    return Number(write(float(estimate.value)), interval, bool(estimate.low_sample))


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share seen in n paths."""
    if n == 0:
        return 0.0, 1.0
    centre, width = share + Z * Z / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, min(share, (centre - width) / scale)), min(1.0, max(share, (centre + width) / scale))


def percent(share: float) -> str:
    """Return a share as a percentage of three digits, none of them idle."""
    if math.isnan(share):
        return "nan"
    value = 100 * share
    digits = 0 if value in (0.0, 100.0) else 1 if value >= 0.95 else 2
    return f"{value:.{digits}f} %" if value == 0 or value >= 0.005 else "< 0.01 %"


def signed(value: float) -> str:
    """Return a number with its sign, a true minus."""
    return f"{value:+.3g}".replace("-", "\N{MINUS SIGN}") if abs(value) > 1e-9 else "0"


def span(moment: Any) -> str:
    """Return a span of time in its natural unit."""
    seconds = float(np.timedelta64(moment) / np.timedelta64(1, "s"))
    for size, unit in ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            amount = f"{seconds / size:,.3g}"
            return f"{amount} {unit}" if amount == "1" else f"{amount} {unit}s"
    return f"{seconds:,.3g} seconds"
