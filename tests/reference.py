"""docs/model.md in plain Python: isolated perpetuals, linear and inverse, one shock, one cascade (its sections 1 to 9
and 16).

Paths of many steps, with refill and funding, are in reference_paths.py, cross accounts in reference_accounts.py,
liquidation in parts in reference_parts.py.

This file *is* the specification, made to run: written from the model alone, sharing no code with the core, and naive on
purpose (every round looks at every position, every check adds up everything). The compiled engines must match it.
Quantities in base units (long > 0), money in the settlement currency, rates as plain numbers, time in days.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from itertools import pairwise
from typing import Any

from reference_impact import DepthCurve, Linear, Power, Shape, SquareRoot, average_ratio
from reference_liquidity import Reaction, begin, reaction_from

NAN, INFINITY = math.nan, math.inf


# --- What is given: market, rulebook, book (model 2) -----------------------------------------------------------------


@dataclass(frozen=True)
class Asset:
    price: float
    impact: Shape
    permanent: float = 1.0
    resilience: float = 0.0
    half_spread: float = 0.0
    mark_follow: float = 1.0
    refill_delay: timedelta = timedelta(0)
    reaction: Reaction | None = None


@dataclass(frozen=True)
class Tiers:
    """Margin tiers (model 3); the deduction of a continuous table is filled in when it is not given."""

    floor: tuple[float, ...]
    rate: tuple[float, ...]
    deduction: tuple[float, ...] = ()
    whole_position: bool = False
    measure: str = "notional"
    premium: tuple[float, float, str] | None = None  # share, per size, how it grows: where a rate rises with the size

    def __post_init__(self) -> None:
        filled = [0.0]
        for k in range(1, len(self.floor)):
            step = self.floor[k] * (self.rate[k] - self.rate[k - 1])
            filled.append(0.0 if self.whole_position else filled[-1] + step)
        object.__setattr__(self, "deduction", self.deduction or tuple(filled))

    def tier(self, size: float) -> int:
        return max(k for k, floor in enumerate(self.floor) if floor <= size)


@dataclass(frozen=True)
class Funding:
    """Shares of the notional that longs pay shorts: at these times since the start, or every `interval`."""

    rate: float | tuple[float, ...]  # one for every payment, or one a payment
    interval: timedelta = timedelta(hours=8)
    times: tuple[timedelta, ...] | None = None


@dataclass(frozen=True)
class Instrument:
    asset: str
    tiers: Tiers
    closing_fee: float = 0.0
    basis: str = "mark"
    funding: Funding | None = None
    contract_value: float = 0.0  # quote units a contract of an inverse perpetual; 0: a linear one
    closing_fee_at: str = "mark"

    @property
    def inverse(self) -> bool:
        return self.contract_value > 0.0

    def price_of(self, mark: float) -> float:
        """The variable in which a position's worth is a straight line: the mark, of an inverse one its reciprocal."""
        return 1.0 / mark if self.inverse else mark

    def rate(self, k: int, contracts: float = 0.0) -> float:
        rate = self.tiers.rate[k]
        if self.tiers.premium:
            share, per_size, growth = self.tiers.premium
            rate = max(rate, share * rate + per_size * (math.sqrt(contracts) if growth == "square_root" else contracts))
        return rate + (self.closing_fee if self.closing_fee_at == "mark" else 0.0)

    @property
    def jumps(self) -> bool:
        """Whether slack jumps with the price: whole-position tiers picked by the notional at the mark."""
        return self.tiers.whole_position and self.tiers.measure == "notional" and self.basis == "mark"


@dataclass(frozen=True)
class Position:
    quantity: float
    entry_price: float
    margin: float
    instrument: int = 0
    account: int = -1  # a row of the book's accounts; -1: isolated


@dataclass(frozen=True)
class Policy:
    """How much a liquidation closes (model 18)."""

    kind: str  # "to target", "down tiers", "portion"
    target: float = 1.0
    buffer: float = 0.0  # a share of notional, on top of the requirement
    initial_share: float = 1.0  # of the shortage, what may be freed at once
    duration: timedelta = timedelta(0)  # in which that share rises by 1
    small_shortage: float = 0.0
    tiers: int = 1
    portion: float = 1.0
    above: float = 0.0
    minimum: float = 0.0
    wait: timedelta = timedelta(0)
    then: str = "again"
    lot: float = 0.0
    dust: float = 0.0


@dataclass(frozen=True)
class Losses:
    """Who bears losses, by richer rules (model 19)."""

    own_funds: Mapping[int, float]  # by instrument
    takeover: float
    ranking: str  # "" where the short rule holds: isolated positions, pro rata, at the bankruptcy price
    price: str
    lot: float
    charged: str
    order: str


@dataclass(frozen=True)
class Book:
    """A venue's instruments and rules, and what is held there."""

    instruments: tuple[Instrument, ...]
    positions: tuple[Position, ...]
    fee_rate: float = 0.0
    fee_to: str = "fund"
    insurance_fund: float = 0.0
    deleveraging: bool = False
    socialise: bool = False
    losses: Losses | None = None  # richer rules than these
    remainder: str = "fund"
    liquidate_at_equality: bool = False
    collateral: Mapping[str, float] = field(default_factory=dict)  # the share of each coin that counts
    accounts: tuple[Mapping[str, float], ...] = ()  # balances by coin, "" the settlement currency
    policy: Policy | None = None  # None: everything is closed at once


# --- A position: equity c + q*P, requirement, slack, liquidation price (model 2 and 3) --------------------------------


@dataclass
class Held:
    """A position while the cascade runs; `open` turns False when liquidation or deleveraging closes it.

    Prices are those of Instrument.price_of: an inverse long is short of the quote unit, whose price in coin is 1/P.
    """

    instrument: Instrument
    code: int
    quantity: float
    entry_price: float
    cash: float
    account: int = -1
    open: bool = True
    liquidated: bool = False
    charged: float = 0.0  # socialised losses that its profit has paid so far

    @property
    def long(self) -> bool:
        return (self.quantity > 0.0) != self.instrument.inverse

    def equity(self, price: float) -> float:
        return self.cash + self.quantity * price

    def slack(self, price: float) -> float:
        return self.equity(price) - requirement(self, price)


def hold(p: Position, instruments: Sequence[Instrument]) -> Held:
    """A linear perpetual is cash m - x*E and quantity x (model 2), an inverse one m + n*W/E and -n*W (model 16)."""
    instrument = instruments[p.instrument]
    quantity = -p.quantity * instrument.contract_value if instrument.inverse else p.quantity
    entry = instrument.price_of(p.entry_price)
    cash = (p.margin if p.account < 0 else 0.0) - quantity * entry
    return Held(instrument, p.instrument, quantity, entry, cash, p.account)


def requirement_lines(held: Held, price: float) -> list[tuple[float, float]]:
    """The requirement as lines slope*P - offset whose maximum (0 included) it is; `price` only where it jumps."""
    instrument, tiers, size = held.instrument, held.instrument.tiers, abs(held.quantity)
    if tiers.measure == "contracts":
        unit = instrument.contract_value or 1.0
        k = tiers.tier(size / unit)
        contracts = max(0.0, instrument.rate(k, size / unit) * size - tiers.deduction[k] * unit)
        return [(contracts, 0.0)] if instrument.basis == "mark" else [(0.0, -contracts * held.entry_price)]
    at_entry = tiers.tier(size * held.entry_price)
    if instrument.basis == "entry":
        return [(0.0, tiers.deduction[at_entry] - instrument.rate(at_entry) * size * held.entry_price)]
    if tiers.measure == "entry":
        return [(instrument.rate(at_entry) * size, tiers.deduction[at_entry])]
    if tiers.whole_position:
        return [(instrument.rate(tiers.tier(size * price)) * size, 0.0)]
    return [(instrument.rate(k) * size, tiers.deduction[k]) for k in range(len(tiers.floor))]


def requirement(held: Held, price: float) -> float:
    """Maintenance margin at a mark price; that of the tiers is never negative (model 3)."""
    return max(0.0, *(slope * price - offset for slope, offset in requirement_lines(held, price))) + reserved_fee(held)


def reserved_fee(held: Held) -> float:
    """The fee on size times bankruptcy price, where the rules count it there; in an account on the entry value."""
    if held.instrument.closing_fee_at == "mark" or not held.quantity:
        return 0.0
    at = held.entry_price if held.account >= 0 else bankruptcy_price(held)
    return 0.0 if math.isnan(at) else held.instrument.closing_fee * abs(held.quantity) * at


def bankruptcy_price(held: Held) -> float:
    """The root of equity; nan where there is none on P > 0 (model 4)."""
    root = -held.cash / held.quantity if held.quantity else NAN
    return root if root > 0.0 else NAN


def liquidation_price(held: Held) -> float:
    """The root of slack; where slack jumps, the highest (shorts: lowest) price next to which it is < 0 (model 4)."""
    x, size, floors = held.quantity, abs(held.quantity), held.instrument.tiers.floor
    c = held.cash - reserved_fee(held)
    if x == 0.0:
        return NAN
    ends = []
    if held.instrument.jumps:
        for k, (floor, ceiling) in enumerate(zip(floors, (*floors[1:], INFINITY), strict=True)):
            low, high, root = floor / size, ceiling / size, -c / (x - held.instrument.rate(k) * size)
            if x > 0.0 and root > low:  # slack < 0 from low to root
                ends.append(min(root, high))
            if x < 0.0 and root < high:  # slack < 0 from root to high
                ends.append(max(root, low))
    else:  # slack is the lowest of these lines, each rising for a long and falling for a short
        lines = [(0.0, 0.0), *requirement_lines(held, NAN)]
        ends = [-(c + offset) / (x - slope) for slope, offset in lines]
    end = (max(ends) if x > 0.0 else min(ends)) if ends else NAN
    return end if 0.0 < end < INFINITY else NAN


def place_in_round(held: Held) -> float:
    """The liquidation price; a short that is liquidatable at every price comes before all others (model 6)."""
    price = liquidation_price(held)
    return 0.0 if math.isnan(price) else price


# --- What changes while the cascade runs -----------------------------------------------------------------------------


def checked(price: float) -> float:
    if not 1e-100 <= price <= 1e100:
        raise OverflowError("a price would leave the range 1e-100 to 1e100")
    return price


@dataclass
class OrderBook:
    """An asset's fundamental price F, permanent log impact A, and displacement X, the exact sum of its orders."""

    asset: Asset
    fundamental: float
    permanent: float = 0.0
    orders: list[float] = field(default_factory=list)
    walked_at: timedelta | None = None  # by a forced order
    stated: Shape | None = None  # the shape at the depth that the asset states
    share: float = 1.0  # of the stated depth
    variance: float = 0.0  # of the mark, a day
    log_mark_before: float = 0.0

    def __post_init__(self) -> None:
        begin(self)

    def walk(self, order: float, now: timedelta) -> None:
        self.orders.append(order)
        self.walked_at = now

    @property
    def displacement(self) -> float:
        return math.fsum(self.orders)

    def impact_on_mark(self) -> float:
        return self.permanent + self.asset.mark_follow * self.asset.impact.log_impact(self.displacement)

    def log_mark(self) -> float:
        return math.log(self.fundamental) + self.impact_on_mark()

    def mark(self) -> float:
        return checked(self.fundamental * math.exp(self.impact_on_mark()))

    def order_price(self, order: float) -> float:
        """What an order of this size pays on average, half-spread included; asking moves nothing."""
        ratio = average_ratio(self.asset.impact, self.displacement, order)
        spread = 1.0 + math.copysign(self.asset.half_spread, order)
        return checked(self.fundamental * math.exp(self.permanent) * ratio * spread)

    def order_worth(self, money: float, most: float = INFINITY) -> float:
        """The order that yields (money > 0: sells) or spends just so much, at most so large; asking moves nothing."""
        sign, low, high = -math.copysign(1.0, money), 0.0, min(most, abs(money) / self.mark())
        while (short := abs(money) - high * self.order_price(sign * high)) > 0.0:
            if high >= most:
                return sign * most
            checked(self.mark() * math.exp(self.asset.impact.log_impact(self.displacement + sign * high)))
            low, high = high, min(most, 2.0 * high)
        size = high
        for _ in range(200):
            short = abs(money) - size * self.order_price(sign * size)
            low, high = (size, high) if short > 0.0 else (low, size)
            end = self.displacement + sign * size
            spread = 1.0 + sign * self.asset.half_spread
            slope = self.fundamental * math.exp(self.permanent + self.asset.impact.log_impact(end)) * spread
            better = size + short / slope
            better = better if low <= better <= high else 0.5 * (low + high)
            if abs(better - size) <= 1e-16 * size:
                break
            size = better
        return sign * size


def refill(state: OrderBook, days: float) -> None:
    """X' = X*exp(-resilience*dt), A' = A + permanent*(I(X) - I(X')) (model 5)."""
    impact, before = state.asset.impact, state.displacement
    after = before * math.exp(-state.asset.resilience * days)
    state.permanent += state.asset.permanent * (impact.log_impact(before) - impact.log_impact(after))
    state.orders = [after]


@dataclass
class Outcome:
    """One shock (model 9), the positions as they were left, and how near the run came to deciding otherwise."""

    insurance_fund: float
    insurance_fund_low: float
    positions: list[Held]
    rounds: int = 0
    cascade_depth: int = 0  # most rounds in one step
    liquidated_count_long: int = 0
    liquidated_count_short: int = 0
    liquidated_notional_long: float = 0.0
    liquidated_notional_short: float = 0.0
    bad_debt: float = 0.0
    deleveraged_notional: float = 0.0
    taken_over_notional: float = 0.0
    socialised_loss: float = 0.0
    fees: float = 0.0
    paid_to_traders: float = 0.0
    topped_up: float = 0.0
    withdrawn: float = 0.0
    top_ups: int = 0
    withdrawals: int = 0
    exhausted: bool = False
    waiting: int = 0
    conservation_error: float = 0.0
    part_orders: int = 0  # that left something of the position
    coin_sales: int = 0
    error: str | None = None
    final_price: dict[str, float] = field(default_factory=dict)
    lowest_price: dict[str, float] = field(default_factory=dict)
    highest_price: dict[str, float] = field(default_factory=dict)
    amplification: dict[str, float] = field(default_factory=dict)
    depth_used: dict[str, float] = field(default_factory=dict)
    trace: list[dict[str, Any]] = field(default_factory=list)
    nearest: float = INFINITY  # smallest abs(y - g) of any predicate asked
    nearest_slack: float = INFINITY  # where slack jumps: the same of slack over notional, and of notional from a floor
    nearest_choice: float = INFINITY  # of every other yes or no: the same, over notional or price

    @property
    def liquidated(self) -> list[bool]:
        return [held.liquidated for held in self.positions]

    @property
    def liquidated_count(self) -> int:
        return self.liquidated_count_long + self.liquidated_count_short

    @property
    def liquidated_notional(self) -> float:
        return self.liquidated_notional_long + self.liquidated_notional_short


class Run:
    """The state of one run: positions, order books, fund, and what the outside market holds (model 6 to 8)."""

    def __init__(self, book: Book, market: Mapping[str, Asset]) -> None:
        self.rules, self.market = book, market
        self.step, self.now = 0, timedelta(0)
        self.held = [hold(position, book.instruments) for position in book.positions]
        self.books = {name: OrderBook(asset, asset.price) for name, asset in market.items()}
        self.out = Outcome(book.insurance_fund, book.insurance_fund, self.held)
        self.unpaid = 0.0  # deficits of the round still to be socialised
        self.liable = 0  # the instrument whose fund and open interest stand behind what is settled
        self.codes = range(len(book.instruments))
        self.inventory = [0.0 for _ in self.codes]  # Z of model 8, kept per instrument
        self.outside_cash = [0.0 for _ in self.codes]  # K of model 8
        self.marks_at_start = self.marks()
        self.net_at_start = [math.fsum(h.quantity for h in self.held if h.code == code) for code in self.codes]
        self.gross_at_start = math.fsum(abs(h.quantity) * self.marks_at_start[h.code] for h in self.held)
        self.sum_at_start = self.whole_sum()
        self.deposits: list[float] = []  # by owners, into positions and accounts
        self.unmatched_funding: list[float] = []  # what payments on the net quantity have brought in
        self.note_state()

    def marks(self) -> list[float]:
        """The mark price of each instrument, of an inverse one its reciprocal."""
        return [self.price(instrument) for instrument in self.rules.instruments]

    def price(self, instrument: Instrument) -> float:
        return instrument.price_of(self.books[instrument.asset].mark())

    def note_choice(self, distance: float, scale: float) -> None:
        if scale > 0.0:
            self.out.nearest_choice = min(self.out.nearest_choice, abs(distance) / scale)

    def note_state(self) -> None:
        """Final, deepest and highest mark, depth used (model 9), and whether money is still conserved (model 8)."""
        out = self.out
        for name, book in self.books.items():
            price, x, impact = book.mark(), book.displacement, book.asset.impact
            used = impact.share_of_last_node(x) if isinstance(impact, DepthCurve) else NAN
            out.final_price[name] = price
            out.lowest_price[name] = min(price, out.lowest_price.get(name, price))
            out.highest_price[name] = max(price, out.highest_price.get(name, price))
            out.depth_used[name] = max(used, out.depth_used.get(name, used))
        out.conservation_error = max(out.conservation_error, self.violation())

    def liquidatable(self, held: Held) -> bool:
        """A long goes iff y < g, a short iff y > g (or equal, by the rules); a slack that jumps iff it is < 0."""
        if not held.open or held.quantity == 0.0:
            return False
        out, book, tiers = self.out, self.books[held.instrument.asset], held.instrument.tiers
        if held.instrument.jumps:
            price = self.price(held.instrument)
            notional, slack = abs(held.quantity) * price, held.slack(price)
            near_floors = [abs(notional / floor - 1.0) for floor in tiers.floor if floor > 0.0]
            out.nearest_slack = min(out.nearest_slack, abs(slack) / notional, *near_floors)
            return slack < 0.0 or (slack == 0.0 and self.rules.liquidate_at_equality)
        if math.isnan(liquidation_price(held)):
            return held.quantity < 0.0  # only payments bring a short there: its slack is < 0 at every price
        y, g = book.log_mark() * (-1.0 if held.instrument.inverse else 1.0), math.log(liquidation_price(held))
        out.nearest = min(out.nearest, abs(y - g))
        return (y < g if held.quantity > 0.0 else y > g) or (y == g and self.rules.liquidate_at_equality)

    def cascade(self) -> None:
        """Rounds, until no position is liquidatable (model 6)."""
        rounds_before = self.out.rounds
        while members := self.round_members():
            closed = 0
            for member in members:
                if self.liquidatable(member):  # asked once more just before its order
                    self.act_on(member)
                    self.note_state()
                    closed += 1
            self.socialise()
            self.note_state()
            self.out.rounds += 1
            self.out.cascade_depth = max(self.out.cascade_depth, self.out.rounds - rounds_before)
            row = {"orders": closed, "bad_debt": self.out.bad_debt, "insurance_fund": self.out.insurance_fund}
            self.out.trace.append(row | {"prices": dict(self.out.final_price)})

    def may_go(self, member: Any) -> bool:
        """Whether it is liquidatable and need not wait."""
        return self.liquidatable(member)

    def act_on(self, member: Any) -> None:
        self.close(member)

    def round_members(self) -> list[Any]:
        """In each asset, in the Market's order, the liquidatable longs, the shorts only when there is none: longs by
        falling, shorts by rising liquidation price, ties by place in the book (model 6)."""
        members: list[Held] = []
        for name in self.market:
            found = [h for h in self.held if h.instrument.asset == name and h.account < 0 and self.may_go(h)]
            members += self.in_turn([h for h in found if h.long] or found)
        return members

    def in_turn(self, queue: list[Held]) -> list[Held]:
        queue.sort(key=place_in_round, reverse=bool(queue) and queue[0].quantity > 0.0)
        for one, two in pairwise(queue):
            if (one.quantity, one.entry_price, one.cash) != (two.quantity, two.entry_price, two.cash):
                self.note_choice(place_in_round(one) - place_in_round(two), place_in_round(two))
        return queue

    def fund(self) -> float:
        """What stands behind what is settled."""
        return self.out.insurance_fund

    def close(self, held: Held) -> None:
        """Foretell the deficit; walk if the fund can pay it whole, else deleverage if the rules say so (model 7)."""
        out, x, c = self.out, held.quantity, held.cash
        price, _ = self.quote(held, x)
        deficit = max(0.0, -(c + x * price))
        self.note_choice(c + x * price, abs(x) * price)
        transferred = 0.0
        if deficit > 0.0:
            self.note_choice(self.fund() - deficit, abs(x) * price)
        if deficit > self.fund():
            out.exhausted = True
            transferred = self.deleverage(held) if self.rules.deleveraging else 0.0
        self.count(held)
        held.open, held.quantity, held.cash = False, 0.0, 0.0
        if transferred < abs(x):
            left = 1.0 - transferred / abs(x)
            x, c = x * left, c * left
            price = self.send(held, x)
            fee, remainder = self.fee_and_rest(abs(x) * price, c + x * price)
            self.settle(fee, remainder, max(0.0, -(c + x * price)))

    def count(self, held: Held) -> None:
        """A position counts once, whatever number of orders it has."""
        if not held.liquidated:
            held.liquidated = True
            self.out.liquidated_count_long += held.long
            self.out.liquidated_count_short += not held.long

    def quote(self, held: Held, x: float) -> tuple[float, float]:
        """The average price of closing x of a position, and the order in base units: of an inverse position the coins
        that so many quote units cost on the walk (model 16)."""
        book = self.books[held.instrument.asset]
        if not held.instrument.inverse:
            return book.order_price(-x), -x
        order = book.order_worth(-x)  # a long, x < 0, sells for as many quote units
        return abs(order / x), order

    def send(self, held: Held, x: float) -> float:
        """Send the order that closes x, which moves the mark; return its average price (model 6)."""
        price, order = self.quote(held, x)
        self.books[held.instrument.asset].walk(order, self.now)
        self.inventory[held.code] += x
        self.outside_cash[held.code] -= x * price
        notional = abs(x) if held.instrument.inverse else abs(x) * price
        self.out.liquidated_notional_long += notional if (x > 0.0) != held.instrument.inverse else 0.0
        self.out.liquidated_notional_short += notional if (x > 0.0) == held.instrument.inverse else 0.0
        return price

    def fee_and_rest(self, notional: float, equity: float) -> tuple[float, float]:
        """The fee, at most what is left, and what remains after it (model 7)."""
        fee = min(self.rules.fee_rate * notional, max(0.0, equity))
        return fee, max(0.0, equity) - fee

    def settle(self, fee: float, remainder: float, deficit: float) -> None:
        """Book the fee, what remains, and what the fund pays of a deficit (model 7)."""
        out, rules = self.out, self.rules
        out.fees += fee
        out.paid_to_traders += remainder if rules.remainder == "trader" else 0.0
        out.insurance_fund += fee if rules.fee_to == "fund" else 0.0
        out.insurance_fund += remainder if rules.remainder == "fund" else 0.0
        from_fund = min(out.insurance_fund, deficit)
        out.insurance_fund -= from_fund
        out.insurance_fund_low = min(out.insurance_fund_low, out.insurance_fund)
        self.unpaid += deficit - from_fund

    def deleverage(self, held: Held) -> float:
        """Close against opposite positions at the bankruptcy price, pro rata (model 7); returns the quantity moved."""
        price, eligible = bankruptcy_price(held), []
        if math.isnan(price):  # a short whose money is gone: there is no price at which it could be closed
            return 0.0
        for other in self.held:
            opposite = other.code == held.code and other.quantity * held.quantity < 0.0
            if other.open and other.account < 0 and opposite:
                self.note_choice(other.equity(price), abs(other.quantity) * price)
                if not self.liquidatable(other) and other.equity(price) >= 0.0:
                    eligible.append(other)
        available = math.fsum(abs(other.quantity) for other in eligible)
        transferred = min(abs(held.quantity), available)
        for other in eligible:
            share = transferred / available
            self.out.paid_to_traders += share * other.equity(price)
            other.quantity *= 1.0 - share
            other.cash *= 1.0 - share
            other.charged *= 1.0 - share
            other.open = other.quantity != 0.0
        self.out.deleveraged_notional += transferred if held.instrument.inverse else transferred * price
        return transferred

    def socialise(self) -> None:
        """Charge the round's unpaid deficits to unrealised profits, each at most its own; the rest is bad debt. What a
        profit has paid in an earlier round it has no more."""
        marks, charged = self.marks(), 0.0
        winners = [(h, h.quantity * (marks[h.code] - h.entry_price) - h.charged) for h in self.held if h.open]
        total = math.fsum(profit for _, profit in winners if profit > 0.0)
        if self.rules.socialise and total > 0.0:
            charged = min(self.unpaid, total)
            for held, profit in winners:
                held.cash -= charged * (max(0.0, profit) / total)
                held.charged += charged * (max(0.0, profit) / total)
        self.out.socialised_loss += charged
        self.out.bad_debt += self.unpaid - charged
        self.unpaid = 0.0

    def whole_sum(self) -> float:
        """Equity + paid out + fund + fees paid out - bad debt (also what is still to place) + K + Z*P (model 8)."""
        out, marks = self.out, self.marks()
        fees_paid_out = out.fees if self.rules.fee_to == "outside" else 0.0
        terms = [out.paid_to_traders, out.insurance_fund, fees_paid_out, -out.bad_debt, -self.unpaid]
        terms += [h.cash for h in self.held] + [h.quantity * marks[h.code] for h in self.held]
        return math.fsum(terms + self.outside_cash + [self.inventory[k] * marks[k] for k in self.codes])

    def violation(self) -> float:
        """The sum moves only by (net open quantity + Z)*dP, whose factor stays what it was at the start, and by funding
        on that quantity (model 8)."""
        difference = abs(math.fsum([self.whole_sum(), -self.sum_at_start, *(-move for move in self.moves())]))
        traded = self.out.liquidated_notional_long + self.out.liquidated_notional_short
        return difference / max(self.gross_at_start, traded) if self.gross_at_start > 0.0 else 0.0

    def moves(self) -> list[float]:
        moved = [self.net_at_start[k] * (self.marks()[k] - self.marks_at_start[k]) for k in self.codes]
        return moved + self.unmatched_funding + self.deposits

    def finish(self) -> None:
        """Coin becomes money once, at the final mark (model 16)."""
        if self.rules.instruments[0].inverse:
            mark = self.out.final_price[self.rules.instruments[0].asset]
            for name in (
                "insurance_fund",
                "insurance_fund_low",
                "bad_debt",
                "socialised_loss",
                "fees",
                "topped_up",
                "withdrawn",
            ):
                setattr(self.out, name, getattr(self.out, name) * mark)


def shock(
    book: Book,
    market: Mapping[str, Asset],
    shocks: float | Mapping[str, float] | Sequence[float],
    kind: type[Run] = Run,
) -> Outcome:
    """F <- F*(1 + s), then the cascade loop: no refill, no funding (model 6).

    `shocks` is a number for every asset, a mapping for those it names, or one number an asset in the Market's order.
    """
    run, moves = kind(book, market), shocks_by_asset(market, shocks)
    try:
        for name, order_book in run.books.items():
            order_book.fundamental = checked(market[name].price * (1.0 + moves[name]))
        run.note_state()
        run.cascade()
    except OverflowError as problem:
        run.out.error = str(problem)
    run.finish()
    for name, asset in market.items():
        moved = math.log(run.books[name].fundamental / asset.price)
        of_mark = math.log(run.out.final_price[name] / asset.price)
        run.out.amplification[name] = of_mark / moved if moved != 0.0 else NAN
    return run.out


def shocks_by_asset(market: Mapping[str, Asset], shocks: Any) -> dict[str, float]:
    if isinstance(shocks, Mapping):
        return {name: float(shocks.get(name, 0.0)) for name in market}
    row = list(shocks) if hasattr(shocks, "__len__") else [shocks] * len(market)
    return {name: float(move) for name, move in zip(market, row, strict=True)}


# --- Reading levcore's public values ---------------------------------------------------------------------------------


def from_levcore(book: Any, market: Any) -> tuple[Book, dict[str, Asset]]:
    """The reference's inputs, read from the public attributes of a levcore book and market."""
    venue, instruments = book.venue, []
    for given in book.venue.instruments:
        t = given.tiers
        premium = (t.share, t.per_size, t.growth) if hasattr(t, "per_size") else None
        table = (tuple(t.floor), tuple(t.maintenance_rate), tuple(t.deduction))
        tiers = Tiers(*table, t.whole_position, t.measure, premium)
        f = given.funding
        funding = None if f is None else Funding(f.rate, f.interval, f.times)
        worth = getattr(given, "contract_value", 0.0)
        fee = (given.closing_fee, given.closing_fee_at)
        instruments.append(Instrument(given.asset, tiers, fee[0], given.basis, funding, worth, fee[1]))
    names = ("quantity", "entry_price", "margin", "instrument", "account")
    columns = (getattr(book, name).tolist() for name in names)
    positions = tuple(Position(*row) for row in zip(*columns, strict=True))
    rules = {name: getattr(venue.liquidation, name) for name in ("fee_rate", "fee_to")}
    rules |= {name: getattr(venue.backstop, name) for name in ("insurance_fund", "deleveraging", "socialise")}
    rules["losses"] = losses_from(venue)
    rules |= {name: getattr(venue, name) for name in ("remainder", "liquidate_at_equality")}
    balances = {"" if coin == venue.settlement else coin: b.tolist() for coin, b in book.accounts.balances.items()}
    rules["accounts"] = tuple({coin: b[row] for coin, b in balances.items()} for row in range(len(book.accounts)))
    rules |= {"collateral": dict(venue.collateral), "policy": policy_from(venue.liquidation)}
    return Book(tuple(instruments), positions, **rules), {name: asset_from(market[name]) for name in market.names}


def losses_from(venue: Any) -> Losses:
    given = venue.backstop
    own = {venue.symbols.index(symbol): money for symbol, money in given.own_funds.items()}
    adl = given.deleveraging if hasattr(given.deleveraging, "ranking") else None
    rules = (adl.ranking, adl.price, adl.lot) if adl else ("", "bankruptcy", 0.0)
    return Losses(own, given.takeover, *rules, given.charged, venue.order)


def policy_from(given: Any) -> Policy | None:
    """Read a liquidation policy by what it has; one that closes all has nothing to read."""
    kinds = {"target": "to target", "tiers": "down tiers", "portion": "portion"}
    kind = next((kinds[name] for name in kinds if hasattr(given, name)), None)
    names = [each.name for each in fields(Policy) if each.name != "kind"]
    return kind and Policy(kind, **{name: getattr(given, name) for name in names if hasattr(given, name)})


def asset_from(asset: Any) -> Asset:
    impact, shape = asset.impact, None
    if hasattr(impact, "depth"):
        shape = Linear(impact.depth)
    elif hasattr(impact, "daily_volume"):
        shape = SquareRoot(impact.daily_volatility, impact.daily_volume, impact.coefficient)
    elif hasattr(impact, "exponent"):
        shape = Power(impact.scale, impact.exponent)
    else:
        bids = tuple(zip(impact.quantity, impact.distance, strict=True))
        given = impact.ask_quantity is not None
        shape = DepthCurve(bids, tuple(zip(impact.ask_quantity, impact.ask_distance, strict=True)) if given else bids)
    rest = (asset.permanent, asset.resilience, asset.half_spread, asset.mark_follow, asset.refill_delay)
    return Asset(asset.price, shape, *rest, reaction_from(asset.reaction))
