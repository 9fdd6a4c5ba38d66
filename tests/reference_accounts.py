"""Cross accounts in plain Python, from docs/model.md (its section 17): one pool of collateral behind many positions.

Positions, order books and the cascade are in reference.py; how much of an account is closed is for reference_parts.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from reference import Asset, Book, Held, Run, requirement


@dataclass(eq=False)
class Account:
    """A balance in the settlement currency, balances of coins, and the positions that they stand behind."""

    cash: float
    coins: dict[str, float]
    positions: list[Held]
    place: int  # of its first position in the book


class AccountRun(Run):
    """A run whose positions may belong to accounts. A position's cash is then its part of the account's: what it has
    cost, paid and been charged."""

    def __init__(self, book: Book, market: Mapping[str, Asset]) -> None:
        self.accounts: list[Account] = []
        self.owners = [position.account for position in book.positions]
        for balances in book.accounts:
            coins = {coin: balances.get(coin, 0.0) for coin in book.collateral}
            self.accounts.append(Account(balances.get("", 0.0), coins, [], len(book.positions)))
        self.coins_at_start = {coin: math.fsum(a.coins[coin] for a in self.accounts) for coin in book.collateral}
        self.coin_marks_at_start = {coin: market[coin].price for coin in book.collateral}
        self.paid_for_coins: list[float] = []  # by the outside market, a sale each
        super().__init__(book, market)
        for place, (held, owner) in enumerate(zip(self.held, self.owners, strict=True)):
            if owner >= 0 and held.quantity != 0.0:
                self.accounts[owner].place = min(self.accounts[owner].place, place)
                self.accounts[owner].positions.append(held)

    # --- What an account is worth ---

    def cash(self, account: Account) -> float:
        return math.fsum([account.cash, *(held.cash for held in account.positions)])

    def equity(self, account: Account, shares: Mapping[str, float] | None = None) -> float:
        """Collateral at full value, or by the share of it that counts."""
        terms = [account.cash]
        terms += [held.equity(self.price(held.instrument)) for held in account.positions]
        terms += [(shares[k] if shares else 1.0) * b * self.books[k].mark() for k, b in account.coins.items()]
        return math.fsum(terms)

    def required(self, account: Account) -> float:
        return math.fsum(requirement(h, self.price(h.instrument)) for h in account.positions if h.open)

    def scale(self, account: Account) -> float:
        """The sum of all that its slack is made of, without regard to sign."""
        terms = [abs(account.cash)]
        for held in account.positions:
            terms += [abs(held.cash), abs(held.quantity) * self.price(held.instrument)]
        return math.fsum(terms + [b * self.books[k].mark() for k, b in account.coins.items()])

    def liquidatable(self, member: Any) -> bool:
        if not isinstance(member, Account):
            return (
                super().liquidatable(member) if member.account < 0 else self.liquidatable(self.accounts[member.account])
            )
        positions = [held for held in member.positions if held.open and held.quantity != 0.0]
        if not positions and not (member.positions and self.cash(member) < 0.0):
            return False  # nothing is at stake but what an account owes whose positions were taken from it
        slack = self.equity(member, self.rules.collateral) - self.required(member)
        self.out.nearest_slack = min(self.out.nearest_slack, abs(slack) / self.scale(member))
        for held in positions:
            if held.instrument.jumps:
                notional = abs(held.quantity) * self.price(held.instrument)
                distances = [abs(notional / floor - 1.0) for floor in held.instrument.tiers.floor if floor > 0.0]
                self.out.nearest_slack = min([self.out.nearest_slack, *distances])
        return slack < 0.0 or (slack == 0.0 and self.rules.liquidate_at_equality)

    # --- When its turn comes, and what it does then ---

    def round_members(self) -> list[Any]:
        """The accounts come after all isolated positions, by rising ratio of equity to requirement."""
        failing = sorted((a for a in self.accounts if self.may_go(a)), key=lambda a: (self.ratio(a), a.place))
        for one, two in pairwise(map(self.ratio, failing)):
            if one != two:
                self.note_choice(one - two, max(1.0, abs(two)))
        return super().round_members() + failing

    def ratio(self, account: Account) -> float:
        equity, required = self.equity(account), self.required(account)
        return equity / required if required > 0.0 else -math.inf if equity < 0.0 else math.inf

    def act_on(self, member: Any) -> None:
        if isinstance(member, Account):
            self.close_account(member, self.orders(member, self.by_requirement(member)))
        else:
            super().act_on(member)

    def by_requirement(self, account: Account) -> list[Held]:
        """Open positions by falling requirement at the marks of its turn, ties by position."""
        held = [h for h in account.positions if h.open and h.quantity != 0.0]
        rows = [(requirement(h, self.price(h.instrument)), h) for h in held]
        rows.sort(key=lambda row: -row[0])
        for (one, h), (two, k) in pairwise(rows):
            if (h.code, h.quantity, h.entry_price) != (k.code, k.quantity, k.entry_price):
                self.note_choice(one - two, one)
        return [h for _, h in rows]

    def orders(self, account: Account, queue: list[Held]) -> list[tuple[Held, float]]:
        """Which positions it closes, and how much of each: here all."""
        return [(held, held.quantity) for held in queue]

    def close_account(self, account: Account, orders: list[tuple[Held, float]]) -> None:
        """An order a position, one fee for all of them; where no position is left, at most one deficit."""
        traded = 0.0
        for held, x in orders:
            price = self.send(held, x)
            self.count(held)
            traded += abs(x) * price
            held.cash += x * price
            held.quantity = 0.0 if x == held.quantity else held.quantity - x
            held.open = held.quantity != 0.0
            self.out.part_orders += held.open
            self.note_state()
        fee, _ = self.fee_and_rest(traded, self.equity(account))
        account.cash -= fee
        if any(held.open and held.quantity != 0.0 for held in account.positions):
            self.settle(fee, 0.0, 0.0)
            return
        account.cash = self.cash(account)
        for held in account.positions:
            held.cash = 0.0
        self.sell_coins(account)
        cash, account.cash = account.cash, 0.0
        owed = max(0.0, -cash)
        taken_back = min(fee, owed)
        deficit = owed - taken_back
        if deficit > 0.0:
            self.note_choice(self.fund() - deficit, max(traded, deficit))
        self.out.exhausted |= deficit > self.fund()
        self.settle(fee - taken_back, max(0.0, cash), deficit)

    def sell_coins(self, account: Account) -> None:
        """Coin by coin in the venue's order, on its own asset's walk, just as much as yields what is owed."""
        for coin in self.rules.collateral:
            balance, book = account.coins[coin], self.books[coin]
            if account.cash < 0.0 < balance:
                order = book.order_worth(-account.cash, balance)
                money = -order * book.order_price(order)
                book.walk(order, self.now)
                self.paid_for_coins.append(money)
                self.out.coin_sales += 1
                account.coins[coin] = balance + order
                account.cash = account.cash + money if -order == balance else 0.0

    # --- Money is conserved: coins are held by the accounts or by the outside market ---

    def whole_sum(self) -> float:
        coins = [held * self.books[coin].mark() for coin, held in self.coins_at_start.items()]
        cash = [account.cash for account in self.accounts] + [-paid for paid in self.paid_for_coins]
        return math.fsum([super().whole_sum(), *coins, *cash])

    def moves(self) -> list[float]:
        coins = self.coins_at_start.items()
        moved = [held * (self.books[coin].mark() - self.coin_marks_at_start[coin]) for coin, held in coins]
        return super().moves() + moved
