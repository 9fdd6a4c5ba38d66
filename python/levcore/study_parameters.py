"""Parameters of a run by name: "venue.backstop.insurance_fund", "market.BTC.impact.depth", "control.probability"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from levcore import checks
from levcore.book import Book
from levcore.control import TopUp, rule_of_each, rules_in
from levcore.errors import InputError, KindError
from levcore.instruments import Instrument
from levcore.market import Market
from levcore.process import Process
from levcore.tiers import MarginTiers
from levcore.venue import Venue

ROOTS = ("venue", "market", "scenario", "control")


@dataclass(frozen=True)
class Setup:
    """What is run: a book at its venue, a market, a scenario, and controllers."""

    book: Book
    market: Market
    scenario: Any
    control: tuple[TopUp, ...] = ()

    def changed(self, values: Mapping[str, Any]) -> Setup:
        """Return the setup with parameters set, whole ones first; `*` in a name stands for all of a kind."""
        here = self
        for name, value in sorted(values.items(), key=lambda item: "." in checks.text("parameter", item[0])):
            root, *path = name.split(".")
            if root not in ROOTS or not all(path):
                raise InputError(
                    f"a parameter must be named venue, market, scenario or control, or one of them and a path, was "
                    f"{name!r}"
                )
            if root == "market":
                market = checks.instance(name, _set(here.market, path, value, name), Market)
                here = replace(here, market=market)
            elif root == "scenario":
                if not path and not isinstance(value, Process):
                    raise KindError(f"scenario must be a process such as GBM, was {checks.describe(value)}")
                here = replace(here, scenario=_set(here.scenario, path, value, name))
            elif root == "venue":
                venue = checks.instance(name, _set(here.book.venue, path, value, name), Venue)
                here = replace(here, book=moved(here.book, venue))
            elif not path:
                here = replace(here, control=rules_in(value))
        rule_of_each(here.control, here.book)  # before fields are set: then a mask has become places
        here = replace(here, control=_controlled(here.control, values))
        rule_of_each(here.control, here.book)
        return here


def moved(book: Book, venue: Venue) -> Book:
    """Return what a book holds, at another venue of the same instruments."""
    known, there = ([one.symbol for one in at.instruments] for at in (book.venue, venue))
    if known != there:
        raise InputError(f"venue must have the book's instruments, {', '.join(known)}, had {', '.join(there)}")
    held: dict[str, Any] = {"account": book.account, "accounts": book.accounts, **book._columns}
    return Book(venue, instrument=book._instrument, **held)


def _controlled(rules: tuple[TopUp, ...], values: Mapping[str, Any]) -> tuple[TopUp, ...]:
    """Return controllers with their parameters set: those of one all at once, for its bands must not contradict."""
    known = [field.name for field in fields(TopUp) if field.init]
    changes: list[dict[str, Any]] = [{} for _ in rules]
    for name, value in values.items():
        root, *path = name.split(".")
        if root != "control" or not path:
            continue
        if not rules:
            raise InputError(f"{name} leads to nothing: there is no controller, control= gives some")
        if len(path) == 1 and len(rules) != 1:
            raise InputError(f"{name} must name one of {len(rules)} controllers: control.0.probability, or control.*")
        which = [str(i) for i in range(len(rules))]
        chosen = _keys(dict.fromkeys(which), path[0], name) if len(path) > 1 else set(which)
        if len(path) > 2 or path[-1] not in known:
            raise InputError(f"{name} leads to nothing: a TopUp has: {', '.join(known)}")
        for i in chosen:
            changes[int(i)][path[-1]] = value
    return tuple(replace(rule, **new) if new else rule for rule, new in zip(rules, changes, strict=True))


def _set(of: Any, path: list[str], value: Any, name: str) -> Any:
    """Return a value like this one with what a path leads to replaced."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(of, Mapping):
        chosen = _keys(of, head, name)
        return {key: _set(old, rest, value, name) if key in chosen else old for key, old in of.items()}
    if isinstance(of, tuple):
        names = [one.symbol if isinstance(one, Instrument) else str(row) for row, one in enumerate(of)]
        chosen = _keys(dict.fromkeys(names), head, name)
        return tuple(_set(old, rest, value, name) if key in chosen else old for key, old in zip(names, of, strict=True))
    if not is_dataclass(of) or isinstance(of, type):
        raise KindError(f"{name} leads to nothing: {checks.describe(of)} has no {head!r}")
    known = [one.name for one in fields(of) if one.init]
    if head not in known:
        within = {Market: "assets", Venue: "instruments"}.get(type(of))
        if within is None:
            raise InputError(
                f"{name} leads to nothing: {type(of).__name__} has no {head!r}; it has: {', '.join(known)}"
            )
        head, rest = within, path
    changes = {head: _set(getattr(of, head), rest, value, name)}
    if isinstance(of, MarginTiers) and head in ("floor", "maintenance_rate"):
        changes["deduction"] = None  # it follows from them
    return replace(of, **changes)


def _keys(of: Mapping[str, Any], head: str, name: str) -> set[str]:
    if head != "*" and head not in of:
        raise InputError(f"{name} leads to nothing: there is no {head!r} among {', '.join(of)}")
    return set(of) if head == "*" else {head}


#: What numbers are in, by the last word of their names; of all others nothing is said.
_UNITS = {
    "volatility": "a year",
    "drift": "a year",
    "reference_volatility": "a year",
    "initial_volatility": "a year",
    "daily_volatility": "a day",
    "resilience": "a day",
    "depth": "base units",
    "daily_volume": "base units",
    "half_spread": "share",
    "fee_rate": "share",
    "closing_fee": "share",
}


def unit_of(name: str, setup: Setup) -> str:
    """Return the unit of a parameter, empty where it has none or is not known."""
    last = name.rpartition(".")[2]
    if last == "insurance_fund":
        return setup.book.venue.settlement
    return setup.market.numeraire if last == "price" else _UNITS.get(last, "")
