"""Hypothesis strategies for whole random cases, as levcore's public values.

Sizes, kinds and flags are drawn by Hypothesis, so that they shrink; numpy expands the numbers from a drawn seed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import levcore as lc

ASSETS = ("BTC", "ETH", "SOL")
LEVERAGE = np.array([0.8, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 25.0, 40.0, 50.0, 75.0])
SHAPES = ("linear", "no impact", "square root", "power", "depth curve", "asymmetric depth curve")


class Case(NamedTuple):
    """What one call of lc.shock needs."""

    venue: lc.Venue
    book: lc.Book
    market: lc.Market
    shock: float | dict[str, float] | np.ndarray

    @property
    def single_shock(self) -> Any:
        """The shock of this case as the reference takes it: a row of a batch stands for itself."""
        return self.shock[0].tolist() if isinstance(self.shock, np.ndarray) else self.shock

    def run(self) -> lc.Outcome:
        """lc.shock of this case, always as the outcome of one run."""
        outcome = lc.shock(self.book, self.market, self.shock)
        return outcome.at(0) if isinstance(self.shock, np.ndarray) else outcome


@st.composite
def tiers(draw, rng: np.random.Generator, notional: float, price: float, whole_position: bool | None = None):
    """A table of one to four tiers whose floors lie among the positions' sizes."""
    whole = draw(st.booleans()) if whole_position is None else whole_position
    measure = draw(st.sampled_from(["notional", "notional", "contracts", "entry"]))
    count = draw(st.integers(1, 4))
    unit = notional / price if measure == "contracts" else notional
    floor = np.concatenate([[0.0], unit * rng.uniform(0.1, 0.8) * np.cumprod(rng.uniform(1.3, 4.0, count - 1))])
    rate = rng.uniform(0.002, 0.02) * np.cumprod(np.concatenate([[1.0], rng.uniform(1.0, 2.5, count - 1)]))
    limits = [100.0, 50.0, 20.0, 10.0][:count] if draw(st.booleans()) else None
    deduction = None
    if count == 1 and not whole and draw(st.booleans()):
        deduction = [rate[0] * unit * rng.uniform(0.0, 1.5)]  # a table of one tier may have any; above 1 it binds
    return lc.MarginTiers(
        floor=floor.tolist(),
        maintenance_rate=rate.tolist(),
        max_leverage=limits,
        deduction=deduction,
        whole_position=whole,
        measure=measure,
    )


def linear_impact(rng: np.random.Generator, quantity: float, reach: float) -> lc.LinearImpact:
    return lc.LinearImpact(depth=quantity / reach)


def no_impact(rng: np.random.Generator, quantity: float, reach: float) -> lc.LinearImpact:
    return lc.LinearImpact(depth=math.inf)


def square_root_impact(rng: np.random.Generator, quantity: float, reach: float) -> lc.SquareRootImpact:
    volume, coefficient = quantity * rng.uniform(0.5, 20.0), rng.uniform(0.5, 1.5)
    volatility = reach / (coefficient * math.sqrt(quantity / volume))
    return lc.SquareRootImpact(daily_volatility=volatility, daily_volume=volume, coefficient=coefficient)


def power_impact(rng: np.random.Generator, quantity: float, reach: float) -> lc.PowerImpact:
    exponent = float(rng.choice([0.3, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0]))
    return lc.PowerImpact(scale=quantity / reach ** (1.0 / exponent), exponent=exponent)


def depth_nodes(rng: np.random.Generator, quantity: float, reach: float) -> tuple[list[float], list[float]]:
    """Relative distances up to about `reach` and the cumulative quantities there; some end before `quantity`."""
    count = int(rng.integers(1, 5))
    distance = np.cumsum(rng.uniform(0.05, 1.0, count))
    cumulative = np.cumsum(rng.uniform(0.05, 1.0, count))
    distance *= min(reach, 0.6) / distance[-1]
    cumulative *= quantity * rng.uniform(0.3, 1.5) / cumulative[-1]
    return distance.tolist(), cumulative.tolist()


def depth_curve(rng: np.random.Generator, quantity: float, reach: float) -> lc.DepthCurve:
    distance, cumulative = depth_nodes(rng, quantity, reach)
    return lc.DepthCurve(distance=distance, quantity=cumulative)


def asymmetric_depth_curve(rng: np.random.Generator, quantity: float, reach: float) -> lc.DepthCurve:
    distance, cumulative = depth_nodes(rng, quantity, reach)
    ask_distance, ask_cumulative = depth_nodes(rng, quantity, reach)
    return lc.DepthCurve(distance=distance, quantity=cumulative, ask_distance=ask_distance, ask_quantity=ask_cumulative)


MAKERS = dict(
    zip(
        SHAPES,
        (linear_impact, no_impact, square_root_impact, power_impact, depth_curve, asymmetric_depth_curve),
        strict=True,
    )
)


@st.composite
def assets(draw, rng: np.random.Generator, price: float, quantity: float):
    """An asset whose book gives way by `reach` in log price when all of `quantity` is sold (the curves: about that)."""
    shape = draw(st.sampled_from(SHAPES))
    reach = draw(st.sampled_from([0.1, 0.02, 0.3, 0.8]))
    resilience = draw(st.sampled_from([0.0, 0.0, 3.0]))
    linear = shape in ("linear", "no impact")
    return lc.Asset(
        price=price,
        impact=MAKERS[shape](rng, quantity, reach),
        permanent=draw(st.sampled_from([1.0, 0.5, 0.0])) if linear or resilience == 0.0 else 0.0,
        resilience=resilience,
        half_spread=draw(st.sampled_from([0.0, 0.0, 0.0005, 0.01])),
        mark_follow=draw(st.sampled_from([1.0, 1.0, 0.0, 0.5, 0.93])),
    )


def position_columns(
    rng: np.random.Generator, size: int, price: np.ndarray, notional: float, longs: float, duplicates: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quantity, entry price and margin of `size` positions in instruments at these prices (an array of that size)."""
    side = np.where(rng.random(size) < longs, 1.0, -1.0)
    entry = price * np.exp(rng.normal(0.0, 0.03, size))
    quantity = side * notional * np.exp(rng.normal(0.0, 1.2, size)) / price
    quantity[rng.random(size) < 0.04] = 0.0
    margin = np.abs(quantity) * entry / rng.choice(LEVERAGE, size)
    margin[rng.random(size) < 0.05] *= 0.1  # some are below maintenance before anything happens
    margin[quantity == 0.0] = 1.0
    if duplicates and size > 1:
        for column in (quantity, entry, margin):
            column[1::2] = column[: size - 1 : 2]
    return quantity, entry, margin


@st.composite
def shocks(draw, names: tuple[str, ...]):
    """A number, a mapping of some assets, or a batch of one scenario in either form of array."""
    moves = (st.integers(-8, 8) | st.integers(-35, 40)).map(lambda percent: percent / 100.0)
    kind = draw(st.sampled_from(["number", "mapping", "numbers", "rows"]))
    if kind == "number":
        return draw(moves)
    if kind == "numbers":
        return np.array([draw(moves)])
    row = [draw(moves) for _ in names]
    if kind == "rows":
        return np.array([row])
    return {name: move for name, move in zip(names, row, strict=True) if draw(st.booleans())}


@st.composite
def cases(
    draw,
    *,
    max_size: int = 40,
    max_assets: int = 3,
    sides: tuple[float, ...] = (0.5, 1.0, 0.0, 0.8, 0.2),
    deleveraging: bool | None = None,
    socialise: bool | None = None,
    whole_position: bool | None = None,
) -> Case:
    """A whole case; `sides` are the shares of longs to draw from, None leaves a flag to Hypothesis."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = ASSETS[: draw(st.integers(1, max_assets))]
    prices = {name: float(np.exp(rng.uniform(-3.0, 11.0))) for name in names}
    notional = float(np.exp(rng.uniform(4.0, 14.0)))
    instruments = []
    for name in names:
        for symbol in [f"{name}-A", f"{name}-B"][: draw(st.integers(1, 2))]:
            table = draw(tiers(rng, notional, prices[name], whole_position))
            fee, basis = draw(st.sampled_from([0.0, 0.0006])), draw(st.sampled_from(["mark", "mark", "entry"]))
            instruments.append(lc.LinearPerpetual(symbol, asset=name, tiers=table, closing_fee=fee, basis=basis))

    size = draw(st.integers(0, max_size))
    code = rng.integers(0, len(instruments), size).astype(np.int32)
    duplicates = draw(st.booleans())
    if duplicates and size > 1:
        code[1::2] = code[: size - 1 : 2]
    marks = np.array([prices[instrument.asset] for instrument in instruments])[code]
    columns = position_columns(rng, size, marks, notional, draw(st.sampled_from(sides)), duplicates)
    gross = float(np.sum(np.abs(columns[0]) * marks))

    fund = {"none": 0.0, "scarce": gross * 10 ** rng.uniform(-4.5, -2.0), "ample": 1.0 + 10.0 * gross}
    venue = lc.Venue(
        instruments,
        liquidation=lc.FullClose(
            fee_rate=draw(st.sampled_from([0.0, 0.0005, 0.01, 0.05])), fee_to=draw(st.sampled_from(["fund", "outside"]))
        ),
        backstop=lc.Backstop(
            insurance_fund=fund[draw(st.sampled_from(["none", "scarce", "ample"]))],
            deleveraging=draw(st.booleans()) if deleveraging is None else deleveraging,
            socialise=draw(st.booleans()) if socialise is None else socialise,
        ),
        remainder=draw(st.sampled_from(["fund", "trader"])),
        liquidate_at_equality=draw(st.booleans()),
    )
    by_name = draw(st.booleans())
    symbols = np.array([instrument.symbol for instrument in instruments], dtype=object)
    instrument = symbols[code] if by_name and size else code
    book = lc.Book(venue, instrument=instrument, quantity=columns[0], entry_price=columns[1], margin=columns[2])

    listed = {}
    for name in names:
        of_asset = np.array([instrument.asset == name for instrument in instruments])[code]
        quantity = float(np.sum(np.abs(columns[0][of_asset]))) or notional / prices[name]
        listed[name] = draw(assets(rng, prices[name], quantity))
    if draw(st.booleans()):
        listed["IDLE"] = lc.Asset(price=1.0, impact=lc.LinearImpact(depth=1.0))  # an asset that nobody trades
    if draw(st.booleans()):
        listed = dict(reversed(listed.items()))
    market = lc.Market(listed)
    return Case(venue, book, market, draw(shocks(tuple(listed))))
