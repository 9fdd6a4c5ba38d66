"""What the presets share: a symbol's tiers, its asset, its funding and its expiry, and whether they fit the venue."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from levcore import checks
from levcore.errors import InputError, KindError
from levcore.funding import Funding
from levcore.futures import InverseFuture, LinearFuture
from levcore.instruments import Instrument, InversePerpetual, LinearPerpetual
from levcore.liquidation import Policy
from levcore.size_margin import SizeMargin
from levcore.tiers import MarginTiers

Symbols = str | Sequence[str] | None
Tables = Mapping[str, MarginTiers | SizeMargin]
Fundings = Funding | Mapping[str, Funding] | None
Expiries = Mapping[str, timedelta] | None

#: How many symbols an error lists.
LISTED = 20


class House(NamedTuple):
    """How a venue writes its symbols, and which kind of tiers it has."""

    name: str
    symbol: str  # a pattern with a group `asset`, and `dated` where it has futures with an expiry
    example: str
    settlement: str | None = "USDT"  # None: each coin on its own
    whole_position: bool = False
    measure: tuple[str, ...] = ("notional",)
    by_size: bool = False  # whether rates rise with the size, without tiers


def linear(
    house: House,
    symbols: Symbols,
    tiers: Tables | None,
    *,
    shipped: Tables | None = None,
    closing_fee: float = 0.0,
    basis: Literal["mark", "entry"] = "mark",
    funding: Fundings = None,
    expiry: Expiries = None,
) -> list[Instrument]:
    """Return the linear instruments of these symbols."""
    known = _known(house, tiers, shipped)
    fee = checks.number("closing fee", closing_fee, at_least=0.0, below=1.0)
    paid, ends = _payments(house, funding, known), _expiries(house, expiry, known)
    found: list[Instrument] = []
    for symbol, table in _chosen(house, symbols, known).items():
        given: dict[str, Any] = {"asset": _asset(house, symbol), "tiers": table, "closing_fee": fee, "basis": basis}
        if symbol in ends:
            found.append(LinearFuture(symbol, expiry=ends[symbol], **given))
        else:
            _refuse_without_expiry(house, symbol)
            found.append(LinearPerpetual(symbol, funding=paid.get(symbol), **given))
    return found


def inverse(
    house: House,
    symbols: Symbols,
    tiers: Tables | None,
    *,
    contract_value: Mapping[str, float] | float,
    shipped: Tables | None = None,
    basis: Literal["mark", "entry"] = "mark",
    funding: Fundings = None,
    expiry: Expiries = None,
) -> list[Instrument]:
    """Return the inverse instruments of these symbols; they must be of one coin."""
    known = _known(house, tiers, shipped)
    paid, ends = _payments(house, funding, known), _expiries(house, expiry, known)
    found: list[Instrument] = []
    for symbol, table in _chosen(house, symbols, known).items():
        coin = _asset(house, symbol)
        if found and coin != found[0].asset:
            raise InputError(
                f"{house.name} settles each coin on its own: {symbol!r} is of {coin}, {found[0].symbol!r} of "
                f"{found[0].asset}; name the symbols of one coin, and make a venue for each"
            )
        value = contract_value.get(coin) if isinstance(contract_value, Mapping) else contract_value
        if value is None:
            raise InputError(f"contract_value must be given for {symbol!r}: the quote units of a contract on {coin}")
        given: dict[str, Any] = {"asset": coin, "contract_value": value, "tiers": table, "basis": basis}
        if symbol in ends:
            found.append(InverseFuture(symbol, expiry=ends[symbol], **given))
        else:
            _refuse_without_expiry(house, symbol)
            found.append(InversePerpetual(symbol, funding=paid.get(symbol), **given))
    return found


def own_or_given(
    liquidation: Policy | None, name: str, fee: float | None, usual: float, own: Callable[[float], Policy]
) -> Policy:
    """Return the venue's own policy at its fee, or the one that is given, which has a fee itself."""
    rate = usual if fee is None else checks.number(name, fee, at_least=0.0, below=1.0)
    if liquidation is None:
        return own(rate)
    if fee is not None:
        raise InputError(f"{name} belongs to the venue's own policy: with a liquidation of yours, set its fee_rate")
    return liquidation


def _chosen(
    house: House, symbols: Symbols, known: dict[str, MarginTiers | SizeMargin]
) -> dict[str, MarginTiers | SizeMargin]:
    """Return the tiers of each symbol asked for; of all that there are where none is named."""
    if symbols is None:
        return known
    if not isinstance(symbols, (str, Sequence)):
        raise KindError(f"symbols must be a symbol or a sequence of them, was {checks.describe(symbols)}")
    named = [symbols] if isinstance(symbols, str) else list(symbols)
    if not named:
        raise InputError("symbols must not be empty; None stands for all")
    for row, symbol in enumerate(named):
        checks.text(f"symbols[{row}]", symbol)
        if symbol in named[:row]:
            raise InputError(f"symbols[{row}] must differ from the others, {symbol!r} stands twice")
    missing = [repr(symbol) for symbol in named if symbol not in known]
    if missing:
        raise InputError(f"{house.name} has no tiers of {', '.join(missing)} here; there are {_listed(known)}")
    return {symbol: known[symbol] for symbol in named}


def _known(house: House, tiers: Tables | None, shipped: Tables | None) -> dict[str, MarginTiers | SizeMargin]:
    if tiers is None:
        if shipped is None:
            kind = "SizeMargin" if house.by_size else "MarginTiers"
            raise InputError(
                f"{house.name} needs tiers: none are shipped for it; pass tiers={{{house.example!r}: {kind}(...)}}"
            )
        return dict(shipped)
    if not isinstance(tiers, Mapping):
        raise KindError(f"tiers must be a mapping of symbols to MarginTiers, was {checks.describe(tiers)}")
    if not tiers:
        raise InputError("tiers must not be empty")
    for symbol, table in tiers.items():
        checks.text("tiers", symbol)
        if not (house.by_size and isinstance(table, SizeMargin)):
            _check_kind(house, symbol, checks.instance(f"tiers[{symbol!r}]", table, MarginTiers))
    return dict(tiers)


def _check_kind(house: House, symbol: str, table: MarginTiers) -> None:
    """Refuse tiers of a kind that the venue does not have; one tier without deduction is of every kind."""
    if len(table) == 1 and table.deduction == (0.0,):
        return
    where = f"tiers[{symbol!r}]"
    if house.whole_position and not table.whole_position:
        raise InputError(
            f"{where} must have whole_position=True: at {house.name} the whole position takes the rate of its tier"
        )
    if table.whole_position and not house.whole_position:
        raise InputError(
            f"{where} must not be whole_position: at {house.name} a deduction makes the requirement continuous"
        )
    if table.measure not in house.measure:
        words = " or ".join(repr(word) for word in house.measure)
        raise InputError(f"{where} must measure {words} at {house.name}, measured {table.measure!r}")


def _payments(house: House, funding: Fundings, known: Mapping[str, object]) -> Mapping[str, Funding]:
    """Return the funding of each symbol that has one."""
    if funding is None or isinstance(funding, Funding):
        return {} if funding is None else dict.fromkeys(known, funding)
    for symbol, paid in _of_symbols("funding", "Funding", funding, known).items():
        checks.instance(f"funding[{symbol!r}]", paid, Funding)
        if _is_dated(house, symbol):
            raise InputError(f"funding must not name {symbol!r}: a future with an expiry has none")
    return funding


def _expiries(house: House, expiry: Expiries, known: Mapping[str, object]) -> Mapping[str, timedelta]:
    """Return the expiry of each symbol that has one."""
    if expiry is None:
        return {}
    for symbol in _of_symbols("expiry", "timedelta", expiry, known):
        if not _is_dated(house, symbol):
            raise InputError(f"expiry must name futures with a date in their symbol, {symbol!r} is a perpetual")
    return expiry


def _of_symbols(name: str, of: str, given: Any, known: Mapping[str, object]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise KindError(f"{name} must be a mapping of symbols to {of}, was {checks.describe(given)}")
    for symbol in given:
        if symbol not in known:
            raise InputError(
                f"{name} must name symbols that have tiers, {symbol!r} has none; there are {_listed(known)}"
            )
    return given


def _refuse_without_expiry(house: House, symbol: str) -> None:
    if _is_dated(house, symbol):
        raise InputError(
            f"expiry must be given for {symbol!r}, a future: expiry={{{symbol!r}: timedelta(days=...)}}, counted from "
            "the start of a run; or name the symbols without it"
        )


def _asset(house: House, symbol: str) -> str:
    """Return the asset of a symbol."""
    return _parts(house, symbol)["asset"]


def _is_dated(house: House, symbol: str) -> bool:
    return bool(_parts(house, symbol).groupdict().get("dated"))


def _parts(house: House, symbol: str) -> re.Match[str]:
    """Return the parts of a symbol, written as the venue writes it or as ccxt does."""
    settled = "USD:(?P=asset)" if house.settlement is None else "{0}:{0}".format(re.escape(house.settlement))
    date = r"(?P<dated>-\d{6})?" if "(?P<dated>" in house.symbol else ""
    found = re.fullmatch(house.symbol, symbol) or re.fullmatch(rf"(?P<asset>[^/:]+)/{settled}{date}", symbol)
    if found is None:
        currency = "its coin" if house.settlement is None else house.settlement
        raise InputError(
            f"symbols must read like {house.example!r} at {house.name}, settled in {currency}; was {symbol!r}"
        )
    return found


def _listed(names: Mapping[str, object]) -> str:
    more = len(names) - LISTED
    return ", ".join(list(names)[:LISTED]) + (f" and {more:,} more" if more > 0 else "")
