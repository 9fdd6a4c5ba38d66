"""Who bears losses in plain Python, from docs/model.md (its section 19): several funds, takeover, rankings, charges.

Positions, accounts and parts are in reference.py, reference_accounts.py and reference_parts.py.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from reference import INFINITY, Held, bankruptcy_price, requirement
from reference_accounts import Account
from reference_parts import PartRun


class LossRun(PartRun):
    """A run at a venue whose backstop has rules of its own."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.funds = {-1: self.rules.insurance_fund, **self.rules.losses.own_funds}  # -1: the venue's
        self.unpaid_of = dict.fromkeys(self.codes, 0.0)
        self.out.insurance_fund = self.out.insurance_fund_low = math.fsum(self.funds.values())
        self.sum_at_start = self.whole_sum()
        self.checked = self.before = self.now_marks()
        self.queues: dict[tuple[int, bool], list[Held]] = {}

    # --- The margin check ---

    def now_marks(self) -> dict[str, float]:
        return {name: book.mark() for name, book in self.books.items()}

    def round_members(self) -> list[Any]:
        self.before, self.checked, self.queues = self.checked, self.now_marks(), {}
        return super().round_members()

    def in_turn(self, queue: list[Held]) -> list[Held]:
        if self.rules.losses.order != "riskiest":
            return super().in_turn(queue)

        def ratio(held: Held) -> float:
            price = self.price(held.instrument)
            equity, required = held.equity(price), requirement(held, price)
            return equity / required if required > 0.0 else math.copysign(INFINITY, equity)

        queue.sort(key=ratio)
        for one, two in pairwise(queue):
            if (one.code, one.quantity, one.cash) != (two.code, two.quantity, two.cash):
                self.note_choice(ratio(one) - ratio(two), max(1.0, abs(ratio(two))))
        return queue

    # --- Funds ---

    def fund_of(self, code: int) -> int:
        return code if code in self.funds else -1

    def fund(self) -> float:
        return self.funds[self.fund_of(self.liable)]

    def to_fund(self, money: float) -> None:
        self.funds[self.fund_of(self.liable)] += money
        self.out.insurance_fund = math.fsum(self.funds.values())

    def settle(self, fee: float, remainder: float, deficit: float) -> None:
        out, rules = self.out, self.rules
        out.fees += fee
        out.paid_to_traders += remainder if rules.remainder == "trader" else 0.0
        self.to_fund(fee if rules.fee_to == "fund" else 0.0)
        self.to_fund(remainder if rules.remainder == "fund" else 0.0)
        from_fund = min(self.fund(), deficit)
        self.to_fund(-from_fund)
        out.insurance_fund_low = min(out.insurance_fund_low, out.insurance_fund)
        self.unpaid += deficit - from_fund
        self.unpaid_of[self.liable] += deficit - from_fund

    def liable_for(self, account: Account) -> int:
        """Its riskiest position's instrument; one with the venue's fund where its positions have different funds."""
        codes = [held.code for held in self.by_requirement(account) or account.positions]
        shared = [code for code in codes if self.fund_of(code) < 0]
        return shared[0] if shared and len({self.fund_of(code) for code in codes}) > 1 else codes[0]

    # --- A turn ---

    def act_on(self, member: Any) -> None:
        if isinstance(member, Account):
            self.liable = self.liable_for(member)
            self.act_on_account(member)
            return
        self.liable, price = member.code, self.price(member.instrument)
        if self.is_taken_over(member.equity(price), requirement(member, price), abs(member.quantity) * price):
            self.take(member, price)
        else:
            super().act_on(member)

    def is_taken_over(self, equity: float, required: float, scale: float) -> bool:
        takeover = self.rules.losses.takeover
        if takeover > 0.0:
            self.note_choice(equity - takeover * required, scale)
        return takeover > 0.0 and equity < takeover * required

    def take(self, held: Held, price: float) -> None:
        """The backstop takes a position at the mark; a deficit is first deleveraged, where the rules say so."""
        x, c, transferred = held.quantity, held.cash, 0.0
        self.note_choice(held.equity(price), abs(x) * price)
        if held.equity(price) < 0.0:
            self.note_choice(self.fund() + held.equity(price), abs(x) * price)
        if -held.equity(price) > self.fund():
            self.out.exhausted = True
            transferred = self.deleverage(held) if self.rules.deleveraging else 0.0
        self.count(held)
        held.open, held.quantity, held.cash = False, 0.0, 0.0
        left = 1.0 - transferred / abs(x)
        if left > 0.0:
            self.hand_over(held, x * left, price)
            equity = (c + x * price) * left
            if equity >= 0.0:
                self.to_fund(equity)
            else:
                self.settle(0.0, 0.0, -equity)

    def hand_over(self, held: Held, x: float, price: float) -> None:
        self.inventory[held.code] += x
        self.outside_cash[held.code] -= x * price
        self.out.taken_over_notional += abs(x) if held.instrument.inverse else abs(x) * price

    def act_on_account(self, account: Account) -> None:
        losses, equity, required = self.rules.losses, self.equity(account), self.required(account)
        queue, deleveraged = self.by_requirement(account), False
        if losses.ranking and queue:
            self.note_choice(self.fund() + equity, self.scale(account))
            if -equity > self.fund():
                self.out.exhausted = deleveraged = True
                self.deleverage_account(queue, equity, required)
        if self.is_taken_over(equity, required, self.scale(account)):
            self.take_account(account)
        elif deleveraged:
            self.close_account(account, [(held, held.quantity) for held in queue if held.open])
        else:
            super().act_on(account)

    def take_account(self, account: Account) -> None:
        for held in self.by_requirement(account):
            price = self.price(held.instrument)
            self.count(held)
            self.hand_over(held, held.quantity, price)
            held.cash += held.quantity * price
            held.open, held.quantity = False, 0.0
        left = self.cash(account)
        for coin, balance in account.coins.items():
            self.paid_for_coins.append(balance * self.books[coin].mark())
            left += balance * self.books[coin].mark()
            account.coins[coin] = 0.0
        for held in account.positions:
            held.cash = 0.0
        account.cash = 0.0
        self.note_choice(left, max(abs(left), 1e-300))
        if left >= 0.0:
            self.to_fund(left)
            return
        self.note_choice(self.fund() + left, abs(left))
        self.out.exhausted |= -left > self.fund()
        self.settle(0.0, 0.0, -left)

    # --- Deleveraging ---

    def previous(self, held: Held) -> float:
        return held.instrument.price_of(self.before[held.instrument.asset])

    def deleverage(self, held: Held) -> float:
        if not self.rules.losses.ranking:
            return super().deleverage(held)
        by_mark = self.rules.losses.price == "previous_mark"
        price = self.previous(held) if by_mark else bankruptcy_price(held)
        moved = self.take_over(held, price)
        if by_mark and moved > 0.0:
            equity = held.equity(price) * moved / abs(held.quantity)
            self.note_choice(equity, moved * price)
            self.settle(0.0, max(0.0, equity), max(0.0, -equity))
        return moved

    def deleverage_account(self, queue: list[Held], equity: float, required: float) -> None:
        """Each position at the price that leaves it its share, by requirement, of the account's equity."""
        notional = math.fsum(abs(h.quantity) * self.price(h.instrument) for h in queue)
        for held in queue:
            mark = self.price(held.instrument)
            share = requirement(held, mark) / required if required > 0.0 else abs(held.quantity) * mark / notional
            price = mark - equity * share / held.quantity
            if self.rules.losses.price == "previous_mark":
                price = self.previous(held)
            moved = min(self.take_over(held, price), abs(held.quantity))
            if moved > 0.0:
                self.count(held)
                x = math.copysign(moved, held.quantity)
                held.cash += x * price
                held.quantity = 0.0 if x == held.quantity else held.quantity - x
                held.open = held.quantity != 0.0

    def take_over(self, held: Held, price: float) -> float:
        """The other side takes over what it can; returns the quantity."""
        if not price > 0.0:
            return 0.0
        changes: dict[int, float] = {}  # of an account's equity, by its positions that have been asked
        takers = [
            other
            for other in self.queue_against(held)
            if self.may_take(other, held) and self.stands(other, price, changes)
        ]
        wanted = left = abs(held.quantity)
        amounts = []
        for amount in self.given_up([abs(other.quantity) for other in takers], wanted, held):
            amounts.append(min(amount, left))
            left = max(0.0, wanted - math.fsum(amounts))
        for other, amount in zip(takers, amounts, strict=True):
            if amount > 0.0:
                self.give_up(other, amount, price)
        moved = math.fsum(amounts)
        moved = wanted if moved > wanted * (1.0 - 1e-14) else moved
        self.out.deleveraged_notional += moved if held.instrument.inverse else moved * price
        return moved

    def queue_against(self, held: Held) -> list[Held]:
        """Open positions of the other side as the round's check ranks them, fixed when the first of them is asked."""
        side = (held.code, held.quantity < 0.0)
        if side not in self.queues:
            others = [o for o in self.held if o.code == held.code and o.open and o.quantity * held.quantity < 0.0]
            scores = [self.score(other) for other in others]
            ranked = sorted(zip(scores, others, strict=True), key=lambda row: -row[0])
            for (one, a), (two, b) in pairwise(ranked):
                if one != two and (a.quantity, a.entry_price, a.cash) != (b.quantity, b.entry_price, b.cash):
                    self.note_choice(one - two, max(abs(one), abs(two)))
            self.queues[side] = [other for _, other in ranked]
        queue = self.queues[side]
        if self.rules.losses.ranking != "unranked":
            return queue
        place = {id(one): row for row, one in enumerate(self.held)}  # two that look alike are two
        after = [o for o in queue if place[id(o)] > place[id(held)]]
        return after + [o for o in queue if place[id(o)] < place[id(held)]]

    def score(self, held: Held) -> float:
        if self.rules.losses.ranking not in ("profit", "index"):
            return 0.0
        price = held.instrument.price_of(self.checked[held.instrument.asset])
        equity = held.equity(price) if held.account < 0 else self.equity_at_check(self.accounts[held.account])
        leverage = abs(held.quantity) * price / equity if equity > 0.0 else INFINITY
        if self.rules.losses.ranking == "index":
            return (price / held.entry_price if held.quantity > 0.0 else held.entry_price / price) * leverage
        gain = (price - held.entry_price) / held.entry_price * math.copysign(1.0, held.quantity)
        return gain * leverage if gain > 0.0 else gain / leverage if gain < 0.0 else 0.0

    def equity_at_check(self, account: Account) -> float:
        terms = [account.cash] + [b * self.checked[coin] for coin, b in account.coins.items()]
        prices = [held.instrument.price_of(self.checked[held.instrument.asset]) for held in account.positions]
        return math.fsum(terms + [h.equity(p) for h, p in zip(account.positions, prices, strict=True)])

    def may_take(self, other: Held, held: Held) -> bool:
        return other.quantity != 0.0 and (held.account < 0 or other.account != held.account)

    def stands(self, other: Held, price: float, changes: dict[int, float]) -> bool:
        """Not liquidatable itself, and its equity is not negative at this price; nor its account's, with what of it
        stood before."""
        if other.account < 0:
            equity, scale = other.equity(price), abs(other.quantity) * price
        else:
            account = self.accounts[other.account]
            change = changes.get(other.account, 0.0) + other.quantity * (price - self.price(other.instrument))
            equity, scale = self.equity(account) + change, self.scale(account)
        self.note_choice(equity, scale)
        if equity < 0.0 or self.liquidatable(other):
            return False
        if other.account >= 0:
            changes[other.account] = change
        return True

    def give_up(self, other: Held, amount: float, price: float) -> None:
        share = amount / abs(other.quantity)
        if other.account < 0:
            self.out.paid_to_traders += share * other.equity(price)
            other.cash *= 1.0 - share
        else:
            other.cash += math.copysign(amount, other.quantity) * price
        other.quantity = other.quantity * (1.0 - share) if share < 1.0 else 0.0
        other.charged *= 1.0 - share
        other.open = other.quantity != 0.0
        if share >= 1.0 and other.account < 0:
            other.cash = 0.0

    def given_up(self, sizes: list[float], wanted: float, held: Held) -> list[float]:
        """The same share of each, or the first ones everything; in whole lots where there are lots."""
        losses, lot = self.rules.losses, self.rules.losses.lot * (held.instrument.contract_value or 1.0)
        shared = losses.ranking in ("pro_rata", "min_max")
        if lot == 0.0:
            if not shared:
                return first_ones(sizes, wanted)
            total = math.fsum(sizes)
            return list(sizes) if wanted >= total else [size * wanted / total for size in sizes]
        for size in (*sizes, wanted):
            count = size / lot
            if abs(count - round(count)) > lots_room(count):
                self.note_choice(count - round(count), max(1.0, count))
        lots, pieces = [in_lots(size, lot) for size in sizes], in_lots(wanted, lot)
        if not shared or pieces >= sum(lots):
            given = first_ones(lots, pieces)
        elif losses.ranking == "pro_rata":
            given = self.largest_remainders(lots, pieces)
        else:
            given = smallest_largest_share(lots, pieces)
        whole = [abs(size / lot - n) <= lots_room(n) for size, n in zip(sizes, lots, strict=True)]
        pairs = zip(given, lots, whole, sizes, strict=True)
        return [size if is_whole and n == all_lots else n * lot for n, all_lots, is_whole, size in pairs]

    def largest_remainders(self, lots: list[int], pieces: int) -> list[int]:
        total = sum(lots)
        given, remainder = [n * pieces // total for n in lots], [n * pieces % total for n in lots]
        order = sorted(range(len(lots)), key=lambda i: -remainder[i])
        for i in order[: pieces - sum(given)]:
            given[i] += 1
        return given

    # --- Socialised loss ---

    def socialise(self) -> None:
        losses = self.rules.losses
        if not self.rules.socialise or losses.charged == "profit":
            super().socialise()
        elif losses.charged == "deposits":
            self.charge_deposits()
        else:
            for code, loss in self.unpaid_of.items():
                self.charge_sizes(code, loss)
        self.unpaid, self.unpaid_of = 0.0, dict.fromkeys(self.codes, 0.0)

    def charge_sizes(self, code: int, loss: float) -> None:
        """Both sides of an instrument pay by quantity, whatever they have."""
        held = [h for h in self.held if h.open and h.code == code]
        total = math.fsum(abs(h.quantity) for h in held)
        if total == 0.0:
            self.out.bad_debt += loss
            return
        for h in held:
            h.cash -= loss * abs(h.quantity) / total
            h.charged += loss * abs(h.quantity) / total
        self.out.socialised_loss += loss

    def charge_deposits(self) -> None:
        """By equity at the marks where it is positive, each at most its own; an account's stands with its first
        position."""
        rows = [(h, h.equity(self.price(h.instrument))) for h in self.held if h.open and h.quantity and h.account < 0]
        took_part = [a for a in self.accounts if any(abs(h.quantity) > 0.0 or not h.open for h in a.positions)]
        rows += [(a.positions[0], self.equity(a)) for a in took_part]
        rows = [(h, equity) for h, equity in rows if equity > 0.0]
        total = math.fsum(equity for _, equity in rows)
        charged = min(self.unpaid, total)
        if 0.0 < total * (1.0 - 1e-9) <= self.unpaid:  # to the last cent: who is left with less is rounding
            self.out.nearest_choice = 0.0
        for h, equity in rows:
            h.cash -= charged * (equity / total)
        self.out.socialised_loss += charged
        self.out.bad_debt += self.unpaid - charged


def in_lots(size: float, lot: float) -> int:
    count = size / lot
    near = round(count)
    return near if abs(count - near) <= lots_room(near) else math.floor(count)


def lots_room(count: float) -> float:
    return 1e-9 + 1e-15 * count


def first_ones(sizes: list[Any], wanted: Any) -> list[Any]:
    given = []
    for size in sizes:
        given.append(min(size, wanted))
        wanted -= given[-1]
    return given


def smallest_largest_share(lots: list[int], pieces: int) -> list[int]:
    """Lots one by one to whoever's share stays smallest, ties in the order given."""
    given = [0] * len(lots)
    for _ in range(pieces):
        open_ones = [i for i in range(len(lots)) if given[i] < lots[i]]
        given[min(open_ones, key=lambda i: (given[i] + 1) / lots[i])] += 1
    return given
