"""Liquidation in parts in plain Python, from docs/model.md (its section 18): to a target, down a tier, a portion.

Sizes are amounts of abs(quantity), worked out at the mark of the check. Accounts are in reference_accounts.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reference import INFINITY, Held, requirement
from reference_accounts import Account, AccountRun

ROUNDS = 500  # more in one step mean orders that get smaller for ever: the case counts as a near tie


@dataclass(frozen=True)
class Piece:
    """Sizes from low up to high, which is the next one's, in which the requirement is max(0, slope*size - offset)."""

    low: float
    high: float
    slope: float
    offset: float


def pieces(held: Held, price: float) -> list[Piece]:
    """The requirement of a smaller position, tier by tier (model 3)."""
    instrument, tiers = held.instrument, held.instrument.tiers
    unit = instrument.contract_value or 1.0
    by_mark = tiers.measure == "notional" and instrument.basis == "mark"
    size_at = {"contracts": unit, "entry": 1.0 / held.entry_price, "notional": 1.0 / held.entry_price}
    per_floor = 1.0 / price if by_mark else size_at[tiers.measure]
    charged = price if instrument.basis == "mark" else held.entry_price
    found = []
    for k, (floor, deduction) in enumerate(zip(tiers.floor, tiers.deduction, strict=True)):
        high = tiers.floor[k + 1] * per_floor if k + 1 < len(tiers.floor) else INFINITY
        offset = deduction * unit * charged if tiers.measure == "contracts" else deduction
        # A rate that rises with the size is that of the size before the order.
        found.append(Piece(floor * per_floor, high, instrument.rate(k, abs(held.quantity) / unit) * charged, offset))
    return found


def tier_of(held: Held, size: float, price: float) -> int:
    """The tier that a size of this position will be found in."""
    instrument, tiers = held.instrument, held.instrument.tiers
    if tiers.measure == "contracts":
        return tiers.tier(size / (instrument.contract_value or 1.0))
    return tiers.tier(
        size * (price if tiers.measure == "notional" and instrument.basis == "mark" else held.entry_price)
    )


class PartRun(AccountRun):
    """A run at a venue whose policy closes a part, or all where it has none."""

    def __init__(self, *given: Any) -> None:
        self.last_order: dict[int, tuple[int, timedelta]] = {}  # of whom: the step and time of its portion
        self.freeing: dict[int, tuple[timedelta, float]] = {}  # of whom: since when, and what has been freed
        self.round_in_step = (0, 0)
        super().__init__(*given)

    # --- Who waits ---

    def waits(self, member: Any) -> bool:
        if id(member) not in self.last_order:
            return False
        step, time = self.last_order[id(member)]
        return step == self.step or self.now - time < self.rules.policy.wait

    def may_go(self, member: Any) -> bool:
        waits = self.waits(member) and not self.is_empty(member)
        return not waits and self.liquidatable(member)

    def is_empty(self, member: Any) -> bool:
        return isinstance(member, Account) and not any(held.open and held.quantity != 0.0 for held in member.positions)

    def round_members(self) -> list[Any]:
        step, count = self.round_in_step
        self.round_in_step = (self.step, count + 1 if step == self.step else 1)
        if self.round_in_step[1] > ROUNDS:
            self.out.nearest = 0.0
            return []
        return super().round_members()

    def finish(self) -> None:
        for held in self.held:
            member = held if held.account < 0 else self.accounts[held.account]
            waits = held.open and held.quantity != 0.0 and self.waits(member)
            self.out.waiting += waits and self.liquidatable(member)
        super().finish()

    def cascade(self) -> None:
        """A liquidation in small parts has ended where the check that begins a step finds nothing short."""
        for member in [*self.held, *self.accounts]:
            if id(member) in self.freeing and (isinstance(member, Account) or member.open):
                shortage = self.shortage(member)
                self.note_choice(shortage, self.scale(member) if isinstance(member, Account) else abs(member.cash))
                if shortage <= 0.0:
                    del self.freeing[id(member)]
        super().cascade()

    def shortage(self, member: Any) -> float:
        if isinstance(member, Account):
            equity, positions = self.equity(member, self.rules.collateral), self.by_requirement(member)
        else:
            equity, positions = member.equity(self.price(member.instrument)), [member]
        return math.fsum(self.required_with_buffer(held) for held in positions) - self.rules.policy.target * equity

    # --- How much of a position ---

    def act_on(self, member: Any) -> None:
        if isinstance(member, Account) or self.rules.policy is None:
            super().act_on(member)
            return
        x, whole = self.part(member), member.quantity
        if x == whole or self.fails_at_its_price(member, x):
            self.close(member)
            return
        price = self.send(member, x)
        fee, _ = self.fee_and_rest(abs(x) * price, member.equity(price))
        self.count(member)
        member.cash += x * price - fee
        member.quantity -= x
        self.out.part_orders += 1
        self.settle(fee, 0.0, 0.0)
        self.note_portion(member)

    def fails_at_its_price(self, held: Held, x: float) -> bool:
        price, _ = self.quote(held, x)
        self.note_choice(held.equity(price), abs(held.quantity) * price)
        return held.equity(price) < 0.0

    def note_portion(self, member: Any) -> None:
        if self.rules.policy is not None and self.rules.policy.kind == "portion":
            self.last_order[id(member)] = (self.step, self.now)

    def part(self, held: Held) -> float:
        """What an isolated position closes, signed as it is; all where nothing smaller will do."""
        policy, size, price = self.rules.policy, abs(held.quantity), self.price(held.instrument)
        kept: float | None = 0.0
        tier: int | None = None
        if policy.kind == "to target" and held.equity(price) > 0.0:
            kept, tier = self.kept_at_target(held, held.equity(price), -self.left_short(held, self.shortage(held)))
        elif policy.kind == "down tiers":
            kept, tier = self.kept_down_tiers(held)
        elif policy.kind == "portion":
            kept = self.kept_of_portion(held, again=id(held) in self.last_order)
        return math.copysign(size if kept is None else self.in_lots(held, kept, tier), held.quantity)

    def in_lots(self, held: Held, kept: float, tier: int | None = None) -> float:
        """Rounded up to whole lots, as many as bring the rest into a tier; a rest that is dust goes too."""
        order = abs(held.quantity) - kept
        unit, size = held.instrument.contract_value or 1.0, abs(held.quantity)
        lot, dust = self.rules.policy.lot * unit, self.rules.policy.dust * unit
        if lot > 0.0:
            lots = order / lot
            self.note_choice(lots - round(lots), max(1.0, lots))
            order = max(1, math.ceil(lots)) * lot
        self.note_choice(order, size)
        order = min(max(order, 1e-12 * size), size)  # an order that closes nothing would never end
        little = 1e-16 * size
        for _ in range(60):
            if tier is None or order >= size or tier_of(held, size - order, self.price(held.instrument)) <= tier:
                break
            order, little = order + (lot or little), 2.0 * little
        order = min(order, size)
        if size - order > 0.0:
            self.note_choice(size - order - dust, dust)
        return size if size - order < dust else order

    def left_short(self, member: Any, shortage: float) -> float:
        """What may stay short for now, where only a share that grows with time may be freed; it then waits."""
        policy = self.rules.policy
        if policy.initial_share >= 1.0:
            return 0.0
        since, freed = self.freeing.setdefault(id(member), (self.now, 0.0))
        share = policy.initial_share + (self.now - since) / policy.duration
        self.note_choice(shortage - policy.small_shortage, max(shortage, policy.small_shortage))
        self.note_choice(share - 1.0, 1.0)
        if shortage <= 0.0 or shortage < policy.small_shortage or share >= 1.0:
            del self.freeing[id(member)]
            self.last_order.pop(id(member), None)
            return 0.0
        now = max(0.0, share * (shortage + freed) - freed)
        self.freeing[id(member)] = (since, freed + now)
        self.last_order[id(member)] = (self.step, self.now)
        return shortage - now

    def kept_at_target(self, held: Held, equity: float, others: float) -> tuple[float | None, int | None]:
        """The largest size whose requirement and buffer, with those of others, are at most target times the equity
        after the fee, and its tier; None where no size will do."""
        target, size, price = self.rules.policy.target, abs(held.quantity), self.price(held.instrument)
        fee, buffer = self.rules.fee_rate * price, self.rules.policy.buffer * price
        reserve = self.reserve_of_what_is_kept(held, price)
        for tier, piece in reversed(list(enumerate(pieces(held, price)))):
            low, high = piece.low, min(piece.high, size)
            # max(0, slope*s - offset) + reserve + buffer*s + others <= target*(equity - fee*(size - s)): conditions
            # a*s <= b
            room = target * (equity - fee * size) - others
            sums = [(x + u, y + v) for x, y in ((piece.slope, piece.offset), (0.0, 0.0)) for u, v in reserve]
            for a, b in ((slope + buffer - target * fee, room + offset) for slope, offset in sums):
                if a == 0.0:
                    high = high if b >= 0.0 else -INFINITY
                else:
                    low, high = (low, min(high, b / a)) if a > 0.0 else (max(low, b / a), high)
            if low > 0.0 and high > -INFINITY and piece.low < size:
                self.note_choice(high - low, size)
            if low <= high and piece.low < size:
                return (math.nextafter(high, 0.0) if high == piece.high else high), tier
        return None, None

    def reserve_of_what_is_kept(self, held: Held, price: float) -> list[tuple[float, float]]:
        """The fee at the bankruptcy price that a smaller position has, as lines of its size: what the order earns, less
        its fee, is its own; in an account the fee goes by the entry value."""
        if held.instrument.closing_fee_at == "mark":
            return [(0.0, 0.0)]
        rate, size, side = held.instrument.closing_fee, abs(held.quantity), math.copysign(1.0, held.quantity)
        if held.account >= 0:
            return [(rate * held.entry_price, 0.0)]
        all_closed = held.cash + held.quantity * price - self.rules.fee_rate * size * price
        owed, owed_at_end = -side * held.cash, -side * all_closed
        return [(0.0, 0.0), (rate * (owed - owed_at_end) / size, -rate * owed_at_end)]

    def kept_down_tiers(self, held: Held) -> tuple[float | None, int | None]:
        """The largest size in the tier so many below, and that tier; None where there is none."""
        table, size = pieces(held, self.price(held.instrument)), abs(held.quantity)
        for piece in table[1:]:
            if size != piece.low:  # just as many contracts as a floor says is no matter of rounding
                self.note_choice(size - piece.low, piece.low)
        tier = max(k for k, piece in enumerate(table) if piece.low <= size) - self.rules.policy.tiers
        return (math.nextafter(table[tier].high, 0.0), tier) if tier >= 0 else (None, None)

    def kept_of_portion(self, held: Held, again: bool) -> float:
        policy, size, price = self.rules.policy, abs(held.quantity), self.price(held.instrument)
        self.note_choice(size * price - policy.above, policy.above)
        if size * price <= policy.above or (again and policy.then == "all"):
            return 0.0
        return size - min(size, max(policy.portion * size, policy.minimum / price))

    # --- How much of an account ---

    def orders(self, account: Account, queue: list[Held]) -> list[tuple[Held, float]]:
        policy, whole = self.rules.policy, super().orders(account, queue)
        if policy is None or not queue:
            return whole
        self.note_choice(self.equity(account), self.scale(account))
        if self.equity(account) <= 0.0:
            return whole
        if policy.kind == "to target":
            return self.orders_to_target(account, queue)
        if policy.kind == "down tiers":
            queue = queue[:1]
        again = id(account) in self.last_order
        sizes = []
        for held in queue:
            kept, tier = self.kept_of_portion(held, again), None
            if policy.kind == "down tiers":
                kept, tier = self.kept_down_tiers(held)
            sizes.append(abs(held.quantity) if kept is None else self.in_lots(held, kept, tier))
        self.note_portion(account)
        return [(held, math.copysign(size, held.quantity)) for held, size in zip(queue, sizes, strict=True)]

    def required_with_buffer(self, held: Held) -> float:
        price = self.price(held.instrument)
        return requirement(held, price) + self.rules.policy.buffer * abs(held.quantity) * price

    def orders_to_target(self, account: Account, queue: list[Held]) -> list[tuple[Held, float]]:
        """As many whole positions as it takes, and then a part of one."""
        equity, left = self.equity(account, self.rules.collateral), list(queue)
        later = self.left_short(account, self.shortage(account))
        found = []
        while left:
            held, *left = left
            others = math.fsum([-later, *(self.required_with_buffer(h) for h in left)])
            kept, tier = self.kept_at_target(held, equity, others)
            size = abs(held.quantity) if kept is None else self.in_lots(held, kept, tier)
            found.append((held, math.copysign(size, held.quantity)))
            if kept is not None:
                break
            equity -= self.rules.fee_rate * size * self.price(held.instrument)
        return found
