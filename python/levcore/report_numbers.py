"""The headline numbers of a report, and how numbers are written in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import grouped
from levcore.display import money
from levcore.grouped import Draw
from levcore.run_measures import draw_of

Floats = npt.NDArray[np.float64]

Z = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
LEVEL = 0.99
ENOUGH_FOR_A_TAIL = 200  # two samples in the worst hundredth
STOPPED = "no estimate: paths stopped early"
NO_INTERVAL = "no interval: too few paths"
FEWEST_FOR_A_TAIL = 100  # one sample in the worst hundredth
NO_TAIL = f"no estimate: fewer than {FEWEST_FOR_A_TAIL} paths"
MEASURES = ("mean", "VaR 99 %", "ES 99 %")


@dataclass(frozen=True)
class Number:
    """An estimate in words: its value, its interval, and whether too few paths stand behind it."""

    value: str
    interval: str
    low_sample: bool


@dataclass(frozen=True)
class Headline:
    """The numbers on top of the page: three in large type, a table of losses, and what they come to in sentences.

    A row has a number for each of `MEASURES`, or one where every path has the same amount.
    """

    large: tuple[tuple[str, Number], ...]
    rows: tuple[tuple[str, tuple[Number, ...]], ...]
    sentences: tuple[str, ...]

    @property
    def low_sample(self) -> bool:
        """Whether any of them rests on too few paths."""
        numbers = [number for _, number in self.large] + [number for _, row in self.rows for number in row]
        return any(number.low_sample for number in numbers)


def headline(runs: Any, shocks: Any = None) -> Headline:
    """Estimate what the page opens with."""
    debt = np.asarray(runs.bad_debt)
    losses = [("Forced orders, notional", np.asarray(runs.liquidated_notional))]
    backstop = runs.book.venue.backstop
    if backstop.total_funds:
        losses.append(("Insurance fund, start to lowest", backstop.total_funds - np.asarray(runs.insurance_fund_low)))
    losses += [("Deleveraged notional", np.asarray(runs.deleveraged_notional))] if backstop.deleveraging else []
    losses += [("Taken over notional", np.asarray(runs.taken_over_notional))] if backstop.takeover else []
    losses += [("Socialised loss", np.asarray(runs.socialised_loss))] if backstop.socialise else []
    losses += [("Collateral added by owners", np.asarray(runs.topped_up))] if runs.control else []
    losses.append(("Bad debt", debt))
    draw, gone = draw_of(runs, 0.95), np.asarray(runs.liquidated_count, dtype=float)
    rows = tuple((name, _row(values, draw)) for name, values in losses)
    indebted = _share(debt > 0, draw)
    large: tuple[tuple[str, Number], ...] = (
        ("Probability of bad debt", indebted),
        ("Probability that the insurance fund is exhausted", _share(np.asarray(runs.exhausted), draw)),
        (
            "Positions liquidated, mean of the paths",
            _mean(gone, rounded, draw),
        ),
    )
    said = [
        _debt_sentence(debt, indebted, rows[-1][1], runs.numeraire),
        _orders_sentence(losses[0][1], rows[0][1], runs.numeraire),
    ]
    failed = sum(error is not None for error in runs.error)
    if failed:  # nobody knows how they end
        unknown = Number("unknown", STOPPED, True)
        large = tuple((name, unknown) for name, _ in large)
        rows = tuple((name, (unknown,)) for name, _ in rows)
        said = [f"{failed:,} of {runs.paths:,} paths stopped early, so that nothing can be said of all of them."]
    said += [_shock_sentence(shocks)] if shocks is not None and len(shocks) else []
    return Headline(large, rows, tuple(said))


def _debt_sentence(debt: Floats, share: Number, row: tuple[Number, ...], numeraire: str) -> str:
    count, bad = len(debt), int((debt > 0).sum())
    if count == 1:
        return f"The one path ends {f'with bad debt of {row[0].value} {numeraire}' if bad else 'without bad debt'}."
    if not bad:
        return f"None of {count:,} paths ends with bad debt, a loss that nobody covers (probability {share.interval})."
    which = "All" if bad == count else f"{bad:,} of"
    worst = (
        f"in the worst hundredth of paths it comes to {row[2].value} {numeraire} on average"
        if count >= ENOUGH_FOR_A_TAIL and len(row) > 1
        else f"it comes to {_amount(float(debt.max()))} {numeraire} at most"
    )
    return (
        f"{which} {count:,} paths end with bad debt, a loss that nobody covers (probability {share.interval}); {worst}."
    )


def _orders_sentence(orders: Floats, row: tuple[Number, ...], numeraire: str) -> str:
    if not orders.any():
        return "No path liquidated anything."
    if len(orders) == 1:
        return f"Its forced orders come to {row[0].value} {numeraire}."
    if len(row) == 1:
        return f"Forced orders come to {row[0].value} {numeraire} in every path."
    worst = (
        f"more than {row[1].value} in one path of a hundred"
        if len(orders) >= ENOUGH_FOR_A_TAIL
        else f"{_amount(float(orders.max()))} at most"
    )
    return f"Forced orders come to {row[0].value} {numeraire} a path on average, and to {worst}."


def _shock_sentence(shocks: Any) -> str:
    debt, moves = np.asarray(shocks.bad_debt), np.asarray(shocks.shocks)
    many = f"{len(debt):,} sudden moves"
    if not (debt > 0).any():
        return f"None of {many} leaves bad debt." if len(debt) > 1 else "The one sudden move leaves no bad debt."
    size = np.where(debt > 0, np.abs(np.log1p(moves)).max(axis=1), np.inf)
    mildest = int(size.argmin())
    names, row = list(shocks.final_price), moves[mildest]
    said = [f"{name} {signed(100 * float(move))} %" for name, move in zip(names, row, strict=True) if move]
    if len(names) > 1 and (row == row[0]).all():
        said = [f"{signed(100 * float(row[0]))} % of every asset"]
    amount = f"{money(float(debt[mildest]))} {shocks.numeraire}"
    move = ", ".join(said) or "no move at all"
    if len(debt) == 1:
        return f"The one sudden move, {move}, leaves bad debt of {amount}."
    return f"Of {many} the mildest that leaves bad debt is {move}: {amount}."


# --- Estimates in words -----------------------------------------------------------------------------------------------


def _row(values: Floats, draw: Draw) -> tuple[Number, ...]:
    mean = _mean(values, _amount, draw)
    if _constant(values):
        return (mean,)
    if len(values) < FEWEST_FOR_A_TAIL:
        return (mean, *[Number("unknown", NO_TAIL, True)] * 2)
    return mean, _var(values, draw), _shortfall(values, draw)


def _constant(values: Floats) -> bool:
    return len(values) > 1 and bool((values == values[0]).all())


def _share(events: npt.NDArray[np.bool_], draw: Draw) -> Number:
    found = grouped.probability(events, draw)
    return Number(percent(found.value), f"{percent(found.low)} to {percent(found.high)}", found.low_sample)


def _mean(values: Floats, write: Callable[[float], str], draw: Draw) -> Number:
    if _constant(values):
        return Number(write(float(values[0])), f"the same in all {len(values):,} paths", False)
    found = grouped.mean(values, draw)
    low = max(0.0, found.low)  # none of these amounts can be negative
    interval = f"{write(low)} to {write(found.high)}" if math.isfinite(found.high) else NO_INTERVAL
    return Number(write(found.value), interval, found.low_sample)


def _var(values: Floats, draw: Draw) -> Number:
    found = grouped.value_at_risk(values, LEVEL, draw)
    open_ended = LEVEL ** len(values) > 0.025  # the largest sample is no upper end yet
    interval = f"{_amount(found.low)} or more" if open_ended else f"{_amount(found.low)} to {_amount(found.high)}"
    return Number(_amount(found.value), interval, found.low_sample)


def _shortfall(values: Floats, draw: Draw) -> Number:
    found = grouped.expected_shortfall(values, LEVEL, draw)
    known = len(values) >= ENOUGH_FOR_A_TAIL
    interval = f"{_amount(max(0.0, found.low))} to {_amount(found.high)}" if known else NO_INTERVAL
    return Number(_amount(found.value), interval, found.low_sample)


def _amount(value: float) -> str:
    """Return money to the three digits that an estimate is good for."""
    return money(float(f"{value:.3g}"))


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share seen in n paths."""
    if n == 0:
        return 0.0, 1.0
    centre, width = share + Z * Z / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, min(share, (centre - width) / scale)), min(1.0, max(share, (centre + width) / scale))


# --- Numbers in words -------------------------------------------------------------------------------------------------


def percent(share: float) -> str:
    """Return a share as a percentage of three digits, none of them idle; what is not all is not written as 100."""
    if math.isnan(share):
        return "nan"
    value = 100 * share
    if 0 < value < 0.005:
        return "< 0.01 %"
    if 99.95 <= value < 100:
        return "> 99.9 %"
    digits = 0 if value in (0.0, 100.0) else 1 if value >= 0.95 else 2
    return f"{value:.{digits}f} %"


def signed(value: float) -> str:
    """Return a number with its sign, a true minus."""
    return f"{value:+.3g}".replace("-", "\N{MINUS SIGN}") if abs(value) > 1e-9 else "0"


def percent_move(price: float, start: float) -> str:
    """Return how far a price is from its start: -9.8 %."""
    return f"{signed(100 * (float(price) / start - 1))} %"


def span(moment: Any) -> str:
    """Return a span of time in its natural unit."""
    seconds = float(np.timedelta64(moment) / np.timedelta64(1, "s"))
    for size, unit in ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            amount = f"{seconds / size:,.3g}"
            return f"{amount} {unit}" if amount == "1" else f"{amount} {unit}s"
    return f"{seconds:,.3g} seconds"


def clock(moment: Any) -> str:
    """Return a time since the start to the second: 13:05, 13:05:20, or 2 d 13:05."""
    seconds = round(float(np.timedelta64(moment) / np.timedelta64(1, "s")))
    days, rest = divmod(seconds, 86400)
    said = f"{rest // 3600:02d}:{rest // 60 % 60:02d}" + (f":{rest % 60:02d}" if rest % 60 else "")
    return f"{days} d {said}" if days else said


def rounded(value: float, digits: int = 3) -> str:
    """Return a number to so many digits, written in full: 106,000."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if places > 12:
        return f"{value:.{digits}g}"
    shown = round(value, places)
    return f"{shown:,.{max(0, places)}f}" if abs(shown) < 1e15 else f"{shown:.{digits}g}"
