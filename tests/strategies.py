"""Hypothesis strategies for whole random cases, as levcore's public values.

Sizes, kinds and flags are drawn by Hypothesis, so that they shrink; numpy expands the numbers from a drawn seed.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import levcore as lc

ASSETS = ("BTC", "ETH", "SOL")
FEES_AT = st.sampled_from(["mark", "bankruptcy"])
LEVERAGE = np.array([0.8, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 25.0, 40.0, 50.0, 75.0])


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


SEED = 2**40 + 11


def control_draws(control: tuple[lc.TopUp, ...]) -> bool:
    return any(0.0 < rule.probability < 1.0 for rule in control)


@st.composite
def controls(draw, rng: np.random.Generator, owner: np.ndarray, step: timedelta):
    """None, or one or two groups of owners; positions of an account (owner >= 0) stay together."""
    count = draw(st.sampled_from([0, 1, 2]))
    own = np.where(owner < 0, np.arange(len(owner)) + 1_000, owner)  # who answers for each position
    group = rng.integers(0, count + 1, own.max(initial=0) + 1)[own]
    rules = []
    for k in range(count):
        above = math.exp(rng.uniform(-3.0, 0.0))
        to = above * rng.uniform(0.2, 0.95)
        rules.append(
            lc.TopUp(
                above,
                to,
                probability=draw(st.sampled_from([1.0, 0.5])),
                delay=draw(st.sampled_from([0, 1, 2])) * step,
                reserve=draw(st.sampled_from([math.inf, 0.3, 0.02])),
                withdraw_below=draw(st.sampled_from([0.0, 0.1, 0.9])) * to,
                members=group == k,
            )
        )
    return tuple(rules)


class PathCase(NamedTuple):
    """What one call of lc.simulate with given returns needs."""

    book: lc.Book
    market: lc.Market
    returns: np.ndarray  # paths x steps x assets
    step: timedelta
    control: tuple[lc.TopUp, ...] = ()

    def run(self, engine: str = "ledger") -> lc.Runs:
        seed = {"seed": SEED} if control_draws(self.control) else {}
        options = {"step": self.step, "keep_steps": True, "control": self.control, "engine": engine} | seed
        return lc.simulate(self.book, self.market, self.returns, **options)


@st.composite
def tiers(draw, rng: np.random.Generator, notional: float, price: float, whole_position: bool | None = None):
    """A table of one to four tiers whose floors lie among the positions' sizes."""
    whole = draw(st.booleans()) if whole_position is None else whole_position
    measure = draw(st.sampled_from(["notional", "notional", "contracts", "entry"]))
    count = draw(st.integers(1, 4))
    unit = notional / price if measure == "contracts" else notional
    floor = np.concatenate([[0.0], unit * rng.uniform(0.1, 0.8) * np.cumprod(rng.uniform(1.3, 4.0, count - 1))])
    rate = rng.uniform(0.002, 0.02) * np.cumprod(np.concatenate([[1.0], rng.uniform(1.0, 2.5, count - 1)]))
    if measure == "contracts" and count == 1 and draw(st.booleans()):
        growth = draw(st.sampled_from(["square_root", "linear"]))
        # The largest position of a large book is tens of thousands of units: its rate is to stay below 1.
        usual = unit**0.5 * 5.0 if growth == "square_root" else unit * 1_000.0
        per_size = rate[0] * rng.uniform(0.1, 1.0) / usual
        return lc.SizeMargin(rate[0], per_size=per_size, share=rng.uniform(0.5, 1.0), growth=growth)
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


MAKERS = {
    "linear": linear_impact,
    "no impact": no_impact,
    "square root": square_root_impact,
    "power": power_impact,
    "depth curve": depth_curve,
    "asymmetric depth curve": asymmetric_depth_curve,
}


@st.composite
def assets(
    draw, rng: np.random.Generator, price: float, quantity: float, refills: tuple[float, ...], reacts: bool = False
):
    """An asset whose book gives way by `reach` in log price when all of `quantity` is sold (the curves: about that)."""
    shape = draw(st.sampled_from(list(MAKERS)))
    reach = draw(st.sampled_from([0.1, 0.02, 0.3, 0.8]))
    resilience = draw(st.sampled_from(refills))
    linear = shape in ("linear", "no impact")
    return lc.Asset(
        price=price,
        impact=MAKERS[shape](rng, quantity, reach),
        permanent=draw(st.sampled_from([1.0, 0.5, 0.0])) if linear or resilience == 0.0 else 0.0,
        resilience=resilience,
        half_spread=draw(st.sampled_from([0.0, 0.0, 0.0005, 0.01])),
        mark_follow=draw(st.sampled_from([1.0, 1.0, 0.0, 0.5, 0.93])),
        **(draw(reacting(rng)) if reacts else {}),
    )


@st.composite
def reacting(draw, rng: np.random.Generator):
    """Order books of constant depth, and every third one that is not."""
    if not draw(st.sampled_from([False, False, True])):
        return {}
    reaction = lc.DepthReaction(
        rng.uniform(0.3, 5.0),
        timedelta(minutes=float(rng.uniform(5.0, 1_000.0))),
        elasticity=draw(st.sampled_from([1.0, 0.0, 0.5, 2.0])),
        floor=rng.uniform(0.05, 1.0),
        ceiling=draw(st.sampled_from([1.0, 3.0])),
        form=draw(st.sampled_from(["power", "exponential"])),
        initial_volatility=draw(st.sampled_from([None, 0.0, 2.0])),
    )
    delay = draw(st.sampled_from([timedelta(0), timedelta(minutes=40), timedelta(hours=7)]))
    return {"reaction": draw(st.sampled_from([reaction, None])), "refill_delay": delay}


@st.composite
def fundings(draw, rng: np.random.Generator, step: timedelta):
    """None, or payments from seldom to several a step, some of which fall between steps' ends; some ruinous."""
    kind = draw(st.sampled_from(["none", "interval", "series", "times", "series at times"]))
    if kind == "none":
        return None
    size = draw(st.sampled_from([0.0005, 0.01, 0.1, 0.9]))
    interval = draw(st.sampled_from([step, 2 * step, step * rng.uniform(0.3, 3.0)]))
    count = 8 * step // interval
    times = None
    if kind.endswith("times"):
        times = tuple(sorted({step * t for t in (*rng.uniform(0.01, 9.0, 5), draw(st.integers(1, 8)))}))
        count = len(times)
    rate = rng.uniform(-size, size, count).tolist() if kind.startswith("series") else rng.uniform(-size, size)
    return lc.Funding(rate=rate, interval=interval, times=times)


@st.composite
def instruments_of(
    draw,
    rng: np.random.Generator,
    prices: dict[str, float],
    notional: float,
    whole: bool | None,
    step: timedelta | None,
):
    """One or two perpetuals an asset; with funding where there are steps."""
    instruments = []
    for name, price in prices.items():
        for symbol in [f"{name}-A", f"{name}-B"][: draw(st.integers(1, 2))]:
            table = draw(tiers(rng, notional, price, whole))
            fee, basis = draw(st.sampled_from([0.0, 0.0006])), draw(st.sampled_from(["mark", "mark", "entry"]))
            paid = None if step is None else draw(fundings(rng, step))
            rules = {"closing_fee": fee, "closing_fee_at": draw(FEES_AT), "basis": basis, "funding": paid}
            instruments.append(lc.LinearPerpetual(symbol, asset=name, tiers=table, **rules))
    return instruments


def position(
    rng: np.random.Generator, instrument: lc.LinearPerpetual, price: float, notional: float, longs: float
) -> tuple[float, float, float]:
    """Quantity, entry price and margin: usually healthy, seldom of no quantity or already below maintenance."""
    side = 1.0 if rng.random() < longs else -1.0
    entry = price * math.exp(rng.normal(0.0, 0.03))
    quantity = side * notional * math.exp(rng.normal(0.0, 1.2)) / price
    leverage, kind = rng.choice(LEVERAGE), rng.random()
    if kind < 0.04:
        return 0.0, entry, 1.0
    if kind < 0.08:
        leverage *= 10.0
    usual = (quantity, entry, abs(quantity) * entry / leverage)
    if kind > 0.8 and len(instrument.tiers.floor) > 1:
        return at_a_floor(rng, instrument, price, side, entry, leverage) or usual
    return usual


def at_a_floor(
    rng: np.random.Generator,
    instrument: lc.LinearPerpetual,
    price: float,
    side: float,
    entry: float,
    leverage: float,
) -> tuple[float, float, float] | None:
    """A position of a tier's floor to the contract, or one whose slack jumps below 0 just under today's price."""
    table = instrument.tiers
    k = int(rng.integers(1, len(table.floor)))
    if table.measure == "contracts":
        return side * table.floor[k], entry, table.floor[k] * entry / leverage
    if not table.whole_position or table.measure != "notional" or instrument.basis != "mark" or side < 0.0:
        return None
    jump, entry = price * rng.uniform(0.95, 1.0), max(entry, price)
    between = rng.uniform(table.maintenance_rate[k - 1], table.maintenance_rate[k]) + instrument.closing_fee
    quantity = table.floor[k] / jump
    return quantity, entry, quantity * (entry - jump * (1.0 - between))


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
def venues(draw, instruments: list[lc.LinearPerpetual], fund: float, deleveraging: bool | None, socialise: bool | None):
    """A rulebook for these instruments; None leaves a flag to Hypothesis."""
    fee_rate, fee_to = draw(st.sampled_from([0.0, 0.0005, 0.01, 0.05])), draw(st.sampled_from(["fund", "outside"]))
    return lc.Venue(
        instruments,
        liquidation=lc.FullClose(fee_rate=fee_rate, fee_to=fee_to),
        backstop=lc.Backstop(
            insurance_fund=fund,
            deleveraging=draw(st.booleans()) if deleveraging is None else deleveraging,
            socialise=draw(st.booleans()) if socialise is None else socialise,
        ),
        remainder=draw(st.sampled_from(["fund", "trader"])),
        liquidate_at_equality=draw(st.booleans()),
    )


@st.composite
def markets(
    draw,
    rng: np.random.Generator,
    prices: dict[str, float],
    quantities: dict[str, float],
    refills: tuple[float, ...],
    reacts: bool = False,
):
    """These assets in either order, sometimes with one that nobody trades."""
    listed = {name: draw(assets(rng, price, quantities[name], refills, reacts)) for name, price in prices.items()}
    if draw(st.booleans()):
        listed["IDLE"] = lc.Asset(price=1.0, impact=lc.LinearImpact(depth=1.0))
    return lc.Market(dict(reversed(listed.items())) if draw(st.booleans()) else listed)


@st.composite
def cases(
    draw,
    *,
    min_size: int = 0,
    max_size: int = 40,
    max_assets: int = 3,
    sides: tuple[float, ...] = (0.5, 1.0, 0.0, 0.8, 0.2),
    deleveraging: bool | None = None,
    socialise: bool | None = None,
    whole_position: bool | None = None,
    refills: tuple[float, ...] = (0.0, 0.0, 3.0),
    step: timedelta | None = None,
) -> Case:
    """A whole case; `sides` are the shares of longs to draw from, None leaves a flag to Hypothesis, with `step` there
    is funding."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = ASSETS[: draw(st.integers(1, max_assets))]
    prices = {name: math.exp(rng.uniform(-3.0, 11.0)) for name in names}
    notional = math.exp(rng.uniform(4.0, 14.0))
    instruments = draw(instruments_of(rng, prices, notional, whole_position, step))

    size, longs, duplicates = draw(st.integers(min_size, max_size)), draw(st.sampled_from(sides)), draw(st.booleans())
    code = rng.integers(0, len(instruments), size)
    kinds = [instruments[k] for k in code]
    rows = [position(rng, kind, prices[kind.asset], notional, longs) for kind in kinds]
    if duplicates:  # ties are broken by the place in the book
        code[1::2], rows[1::2] = code[: 2 * (size // 2) : 2], rows[: 2 * (size // 2) : 2]
    quantity, entry, margin = np.array(rows, dtype=float).reshape(size, 3).T

    held = dict.fromkeys(names, 0.0)
    for k, amount in zip(code, np.abs(quantity), strict=True):
        held[instruments[k].asset] += float(amount)
    gross = sum(prices[name] * held[name] for name in names)
    fund = {"none": 0.0, "scarce": gross * 10.0 ** rng.uniform(-4.5, -2.0), "ample": 1.0 + 10.0 * gross}
    funded = fund[draw(st.sampled_from(["none", "scarce", "ample"]))]
    venue = draw(venues(instruments, funded, deleveraging, socialise))
    symbols = np.array([instrument.symbol for instrument in instruments], dtype=object)
    named = symbols[code] if size and draw(st.booleans()) else code.astype(np.int32)
    book = lc.Book(venue, instrument=named, quantity=quantity, entry_price=entry, margin=margin)
    quantities = {name: held[name] or notional / prices[name] for name in names}
    market = draw(markets(rng, prices, quantities, refills, step is not None))
    return Case(venue, book, market, draw(shocks(market.names)))


@st.composite
def path_cases(draw, controlled: bool = False) -> PathCase:
    """A small case and one to three paths of one to eight steps; some steps do not move, some move far."""
    step = draw(st.sampled_from([timedelta(hours=8), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)]))
    days = step / timedelta(days=1)
    refills = (0.0, 0.3 / days, 3.0, 0.02 / days)
    case = draw(cases(min_size=2, max_size=12, sides=(0.5, 0.8, 0.2), refills=refills, step=step))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 8)), len(case.market))
    volatility = draw(st.sampled_from([0.03, 0.01, 0.1]))
    moves = np.expm1(volatility * rng.standard_t(4, shape)).clip(-0.6, 1.0)
    moves[rng.random(shape[:2]) < 0.1] = 0.0
    control = draw(controls(rng, np.full(len(case.book), -1), step)) if controlled else ()
    return PathCase(case.book, case.market, moves, step, control)
