"""Controllers: owners who add collateral before they are liquidated, and take some out when they have plenty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from levcore import _core, checks
from levcore.book import Book
from levcore.errors import InputError, KindError

Rules = npt.NDArray[np.int32]


@dataclass(frozen=True)
class TopUp:
    """A group's habit: whose margin ratio has left its band is called, and by some chance brings it back.

    Parameters
    ----------
    above : float
        A margin ratio, maintenance margin over equity, above this calls for collateral, in (0, 1]: 0.8 calls when
        equity is a quarter above what is required; above 1 the owner is liquidatable.
    to : float
        The margin ratio that an answer brings back, in (0, `above`).
    probability : float
        That a call is answered at all, in [0, 1].
    delay : timedelta
        Time from a call to its answer, >= 0; 0: in the same step, before anybody is liquidated.
    reserve : float
        What an owner has outside to add, as a multiple of its equity at the start, >= 0; ``inf``: as much as it takes.
    withdraw_below : float
        A margin ratio below this calls for taking collateral out, in [0, `to`); 0: never. What is taken out comes to
        the reserve.
    members : array of bool or of int, optional
        Positions of the book, by mask or place, whose owners are the group: an isolated position owns itself, a
        position of an account is the account's. None: all.

    Raises
    ------
    InputError
        If a number is out of range, or the bands contradict each other.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Owners are asked once a step, after its move, refill and funding and before its cascade. A call begins with the step
    in which the ratio leaves the band, and ends when it is back; whether it is answered is one draw for the call, so
    that halving the step changes nothing. Amounts are worked out at the marks of the answer. Source: margin ratios as
    venues show them; rebalancing towards a target of leverage: Adrian and Shin (2010).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.05])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> step = timedelta(hours=1)
    >>> runs = lc.simulate(book, market, [[-0.04, -0.01]], step=step, control=lc.TopUp(0.75, 0.5))
    >>> int(runs.liquidated_count[0]), runs.topped_up.round(2)  # equity 6, required 4.8: 3.6 more make the ratio 0.5
    (0, array([3.6]))
    """

    above: float
    to: float
    _: KW_ONLY
    probability: float = 1.0
    delay: timedelta = timedelta(0)
    reserve: float = float("inf")
    withdraw_below: float = 0.0
    members: tuple[int, ...] | None = None
    _rows_of_mask: ClassVar[int | None] = None  # of the book that members given as a mask are for

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "above", checks.number("above", self.above, above=0.0, at_most=1.0))
        set_field(self, "to", checks.number("to", self.to, above=0.0, at_most=1.0))
        set_field(self, "probability", checks.number("probability", self.probability, at_least=0.0, at_most=1.0))
        if isinstance(self.delay, timedelta) and self.delay < timedelta(0):
            raise InputError(f"delay must be >= 0, was {self.delay}")
        set_field(self, "delay", timedelta(0) if self.delay == timedelta(0) else checks.span("delay", self.delay))
        reserve = checks.number("reserve", self.reserve, at_least=0.0, infinite=True)
        set_field(self, "reserve", reserve)
        below = checks.number("withdraw_below", self.withdraw_below, at_least=0.0, at_most=1.0)
        set_field(self, "withdraw_below", below)
        if not self.to < self.above:
            raise InputError(f"to must be below above, which calls for collateral, was {self.to:g} with {self.above:g}")
        if not self.withdraw_below < self.to:
            raise InputError(f"withdraw_below must be below to, was {self.withdraw_below:g} with {self.to:g}")
        if self.members is not None:
            array = np.asarray(self.members)
            set_field(self, "_rows_of_mask", array.size if array.dtype.kind == "b" else None)
            set_field(self, "members", _places(self.members))

    def _to_native(self) -> _core.TopUp:
        return _core.TopUp(
            above=self.above,
            below=self.withdraw_below,
            to=self.to,
            probability=self.probability,
            delay=self.delay / timedelta(days=1),
            reserve=self.reserve,
        )


def _places(members: Any) -> tuple[int, ...]:
    """Return members as rising places."""
    array = np.asarray(members)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "biu"):
        raise KindError(f"members must be a mask or places of positions, was {checks.describe(members)}")
    places = np.flatnonzero(array) if array.dtype.kind == "b" else array.astype(np.int64)
    if places.size and places.min() < 0:
        raise InputError(f"members must be places of positions, >= 0, was {int(places.min())}")
    return tuple(np.unique(places).tolist())


def habit(rule: TopUp) -> str:
    """Say what a group does."""
    who = "all" if rule.members is None else f"{len(rule.members):,} of the positions"
    said = f"{who}: above a margin ratio of {rule.above:g} back to {rule.to:g}, {rule.probability:.0%} of calls"
    said += "" if rule.delay == timedelta(0) else f", after {rule.delay}"
    said += "" if rule.reserve == float("inf") else f", up to {rule.reserve:g} times equity at the start"
    return said + (f"; below {rule.withdraw_below:g} taken out" if rule.withdraw_below else "")


def rules_in(control: object) -> tuple[TopUp, ...]:
    """Return checked controllers; None: there are none."""
    if control is None:
        return ()
    if isinstance(control, TopUp):
        return (control,)
    if isinstance(control, (str, bytes)) or not isinstance(control, Sequence):
        raise KindError(f"control must be a TopUp or a sequence of them, was {checks.describe(control)}")
    return tuple(checks.instance(f"control[{i}]", one, TopUp) for i, one in enumerate(control))


def draws(rules: tuple[TopUp, ...]) -> bool:
    """Whether some call is answered by chance."""
    return any(0.0 < rule.probability < 1.0 for rule in rules)


def rule_of_each(rules: tuple[TopUp, ...], book: Book) -> Rules:
    """Return the rule of each position, -1 where it has none; that of an account is all its positions'."""
    of = np.full(len(book), -1, dtype=np.int32)
    for i, rule in enumerate(rules):
        if rule._rows_of_mask not in (None, len(book)):
            raise InputError(
                f"control[{i}].members must be a mask with a row for each of the {len(book):,} positions, "
                f"had {rule._rows_of_mask:,}"
            )
        places = np.arange(len(book)) if rule.members is None else np.array(rule.members, dtype=np.int64)
        if places.size and places[-1] >= len(book):
            raise InputError(
                f"control[{i}].members must be places in the book of {len(book):,} positions, was {int(places[-1])}"
            )
        taken = places[of[places] >= 0]
        if taken.size:
            first = int(taken[0])
            raise InputError(f"control[{i}].members must not have position {first}, which control[{of[first]}] has")
        of[places] = i
    _refuse_divided_accounts(of, book)
    return of


def _refuse_divided_accounts(of: Rules, book: Book) -> None:
    in_accounts = np.flatnonzero(book.account >= 0)
    if not in_accounts.size:
        return
    first = np.full(len(book.accounts), -1, dtype=np.int64)
    first[book.account[in_accounts[::-1]]] = in_accounts[::-1]
    wrong = in_accounts[of[in_accounts] != of[first[book.account[in_accounts]]]]
    if wrong.size:
        row = int(wrong[0])
        raise InputError(
            f"control must have all positions of an account in one group: position {row} of account "
            f"{int(book.account[row])} is in another than position {int(first[book.account[row]])}"
        )


def native(rules: tuple[TopUp, ...], book: Book, seed: int | None, first_path: int = 0) -> _core.Control | None:
    """Return what the core needs; None where there are no controllers."""
    if not rules:
        return None
    each = [rule._to_native() for rule in rules]
    return _core.Control(each, rule_of_each(rules, book), seed=seed or 0, first_path=first_path)
