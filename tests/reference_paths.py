"""Paths in plain Python, from docs/model.md: steps of fundamental prices, refill, funding, and each step's cascade.

What a position is, the order books and the cascade itself are in reference.py; this room adds time to them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from reference import INFINITY, NAN, Asset, Book, Funding, Outcome, Run, checked, refill
from reference_control import Control, Rule
from reference_liquidity import react, refill_time

DAY = timedelta(days=1)


@dataclass
class Step:
    """What happened in one step, and prices and fund at its end (model 14)."""

    time: timedelta
    mark_price: dict[str, float]
    fundamental_price: dict[str, float]
    liquidated_notional_long: float
    liquidated_notional_short: float
    bad_debt: float
    insurance_fund: float
    rounds: int
    liquidated: list[int]  # places in the book


@dataclass
class Path:
    """One path: the outcome at its end and what each step added to it."""

    outcome: Outcome
    steps: list[Step] = field(default_factory=list)
    nearest_extremes: float = INFINITY  # the fundamental price's extremes: how nearly the lower is as far as the upper

    @property
    def first_liquidation(self) -> timedelta | None:
        return next((step.time for step in self.steps if step.liquidated), None)

    def liquidation_time(self, position: int) -> timedelta | None:
        return next((step.time for step in self.steps if position in step.liquidated), None)


def simulate(
    book: Book,
    market: Mapping[str, Asset],
    returns: Sequence[Sequence[float]],
    step: timedelta,
    kind: type[Run] = Run,
    control: tuple[Sequence[Rule], int, int] | None = None,
) -> Path:
    """A row of simple returns a step, a column an asset in the Market's order; nobody is asked but at steps' ends."""
    run = kind(book, market)
    controllers = None if control is None else Control(*control, run)
    path = Path(run.out)
    fundamentals = {name: [asset.price] for name, asset in market.items()}
    try:
        for number, row in enumerate(returns, start=1):
            began = (run.out.liquidated_notional_long, run.out.liquidated_notional_short, run.out.bad_debt)
            rounds, gone = run.out.rounds, run.out.liquidated
            run.step, run.now = number, number * step
            move(run, row)
            for name, order_book in run.books.items():
                fundamentals[name].append(order_book.fundamental)
                refill(order_book, refill_time(order_book, step, run.now) / DAY)
                react(order_book, step, run.now)
            for code, instrument in enumerate(book.instruments):
                for rate in due(instrument.funding, (number - 1) * step, number * step):
                    pay(run, code, rate)
            if controllers is not None:
                controllers.act(run)
            run.note_state()
            run.cascade()
            path.steps.append(
                Step(
                    number * step,
                    dict(run.out.final_price),
                    {name: order_book.fundamental for name, order_book in run.books.items()},
                    run.out.liquidated_notional_long - began[0],
                    run.out.liquidated_notional_short - began[1],
                    run.out.bad_debt - began[2],
                    run.out.insurance_fund,
                    run.out.rounds - rounds,
                    [i for i, (now, then) in enumerate(zip(run.out.liquidated, gone, strict=True)) if now and not then],
                )
            )
    except OverflowError as problem:
        run.out.error = str(problem)
    run.finish()
    for name, asset in market.items():
        amplification(path, name, asset.price, fundamentals[name])
    return path


def garch_prices(
    start: Sequence[float],
    normals: Sequence[Sequence[float]],
    years: float,
    laws: Sequence[Mapping[str, float]],
    factor: Sequence[Sequence[float]],
) -> list[list[float]]:
    """GARCH(1,1) prices at the ends of steps (model 12): a row of normals a step, a law and a row of the Cholesky
    factor an asset."""
    variance = [law.get("initial_volatility", law["volatility"]) ** 2 * years for law in laws]
    place, rows = [math.log(price) for price in start], []
    for row in normals:
        for k, law in enumerate(laws):
            innovation = math.sqrt(variance[k]) * math.fsum(factor[k][j] * row[j] for j in range(k + 1))
            place[k] += law["drift"] * years - variance[k] / 2 + innovation
            left = 1.0 - law["alpha"] - law["beta"]
            variance[k] = (
                law["volatility"] ** 2 * years * left + law["alpha"] * innovation**2 + law["beta"] * variance[k]
            )
        rows.append([math.exp(log_price) for log_price in place])
    return rows


def move(run: Run, row: Sequence[float]) -> None:
    """The fundamental prices move (model 10)."""
    for order_book, change in zip(run.books.values(), row, strict=True):
        order_book.fundamental = checked(order_book.fundamental * (1.0 + change))


def due(funding: Funding | None, after: timedelta, until: timedelta) -> list[float]:
    """The rates whose time the step reaches: later than the end of the step before, and no later than its own."""
    if funding is None:
        return []
    if funding.times is None:
        last = until // funding.interval
        numbers = range(after // funding.interval, last)  # payment k is due at (k + 1) * interval
    else:
        numbers = [k for k, time in enumerate(funding.times) if after < time <= until]
    return [funding.rate[k] if isinstance(funding.rate, tuple) else funding.rate for k in numbers]


def pay(run: Run, code: int, rate: float) -> None:
    """Positions pay rate * mark * quantity out of margin, a short the negative of it, and the outside market pays on
    what it took in (model 8 and 11)."""
    rate *= -1.0 if run.rules.instruments[code].inverse else 1.0  # the quantity of an inverse long is negative
    mark = run.marks()[code]
    for held in run.held:
        if held.open and held.code == code:
            held.cash -= rate * mark * held.quantity
    run.outside_cash[code] -= rate * mark * run.inventory[code]
    run.unmatched_funding.append(-rate * mark * run.net_at_start[code])


def amplification(path: Path, name: str, start: float, fundamental: Sequence[float]) -> None:
    """By the larger extreme of the fundamental price: minima where it fell further than it rose, else maxima."""
    out = path.outcome
    down, up = math.log(min(fundamental) / start), math.log(max(fundamental) / start)
    if down != up:
        path.nearest_extremes = min(path.nearest_extremes, abs(-down - up))
    if -down > up:
        out.amplification[name] = math.log(out.lowest_price[name] / start) / down
    else:
        out.amplification[name] = math.log(out.highest_price[name] / start) / up if up > 0.0 else NAN
