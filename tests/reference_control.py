"""Owners who add and take out collateral, in plain Python, from docs/model.md (its section 22).

Naive on purpose: everybody is asked in every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reference import Held, Run, requirement
from reference_processes import philox


@dataclass(frozen=True)
class Rule:
    above: float
    to: float
    probability: float
    delay: timedelta
    reserve: float
    below: float
    members: frozenset[int]  # places in the book


@dataclass
class Owner:
    """An isolated position, or an account with all of its positions."""

    member: Any
    rule: Rule
    place: int  # of its first position
    reserve: float
    call: str = ""  # "add" or "take out", while there is one
    since: timedelta = timedelta(0)
    answers: bool = False


class Control:
    """What owners do on one path."""

    def __init__(self, rules: Sequence[Rule], seed: int, path: int, run: Run) -> None:
        self.seed, self.path, self.owners = seed, path, []
        accounts = getattr(run, "accounts", [])
        for number, member in enumerate([*run.held, *accounts]):
            isolated = isinstance(member, Held)
            if (isolated and member.account >= 0) or (not isolated and not member.positions):
                continue
            place = number if isolated else member.place
            for rule in rules:
                if place in rule.members:
                    worth = member.equity(run.price(member.instrument)) if isolated else run.equity(member)
                    reserve = rule.reserve * worth if worth > 0.0 else 0.0
                    self.owners.append(Owner(member, rule, place, reserve))

    def act(self, run: Run) -> None:
        for owner in self.owners:
            self.ask(run, owner)

    def ask(self, run: Run, owner: Owner) -> None:
        """Call whose ratio is out of its band; who answers brings it back, as far as the reserve goes."""
        member, rule = owner.member, owner.rule
        if isinstance(member, Held):
            if not member.open or member.quantity == 0.0:
                return
            price = run.price(member.instrument)
            worth, required = member.equity(price), requirement(member, price)
            scale = abs(member.quantity) * price
        else:
            if not any(held.open and held.quantity != 0.0 for held in member.positions):
                return
            worth, required = run.equity(member, run.rules.collateral), run.required(member)
            scale = run.scale(member)
        run.note_choice(required - rule.above * worth, scale)
        if rule.below > 0.0:
            run.note_choice(required - rule.below * worth, scale)
        call = "add" if required > rule.above * worth else ""
        if 0.0 < required < rule.below * worth:
            call = "take out"
        if call != owner.call:
            owner.call, owner.since, owner.answers = call, run.now, call != "" and self.answers(owner, run.step - 1)
        if owner.answers and run.now - owner.since >= rule.delay:
            self.answer(run, owner, required / rule.to - worth)

    def answers(self, owner: Owner, step: int) -> bool:
        words = philox([self.path, owner.place, step, 4], [self.seed % 2**32, self.seed >> 32])
        return ((words[0] + (words[1] << 32) >> 11) + 1) / 2**53 <= owner.rule.probability

    def answer(self, run: Run, owner: Owner, wanted: float) -> None:
        owner.answers = False
        money = wanted
        if owner.call == "add":
            money = min(wanted, owner.reserve)
        elif not isinstance(owner.member, Held):
            coins = sum(held * run.books[coin].mark() for coin, held in owner.member.coins.items())
            money = -min(-wanted, max(0.0, run.equity(owner.member) - coins))
        if money == wanted:
            owner.call = ""
        if money == 0.0:
            return
        owner.member.cash += money
        owner.reserve -= money
        run.deposits.append(money)
        if money > 0.0:
            run.out.topped_up += money
            run.out.top_ups += 1
        else:
            run.out.withdrawn -= money
            run.out.withdrawals += 1


def rules_from(given: Sequence[Any], size: int) -> list[Rule]:
    """The rules of levcore's TopUps, by their public attributes."""
    names = ("above", "to", "probability", "delay", "reserve", "withdraw_below")
    everybody = frozenset(range(size))
    return [
        Rule(*(getattr(one, name) for name in names), everybody if one.members is None else frozenset(one.members))
        for one in given
    ]
