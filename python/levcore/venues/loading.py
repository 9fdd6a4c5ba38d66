"""Tables of margin tiers as venues and ccxt give them out, read and checked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from levcore import checks
from levcore.errors import InputError, KindError, StoreError, TooLargeError
from levcore.tiers import MarginTiers

Source = str | os.PathLike[str] | Sequence[Mapping[str, Any]] | Mapping[str, Any]

#: What a file and a table may hold; those of today hold a few megabytes, hundreds of symbols and a dozen tiers.
MOST_BYTES = 16 * 2**20
MOST_SYMBOLS = 20_000
MOST_TIERS = 1_000


def read_binance_tiers(source: Source) -> dict[str, MarginTiers]:
    """Read Binance's leverage brackets, USD-M or COIN-M.

    Parameters
    ----------
    source : path, or list of dict
        The answer of ``/fapi/v1/leverageBracket`` or ``/dapi/v2/leverageBracket``, or a JSON file that holds it (at
        most 16 MB): for each symbol its brackets with `initialLeverage`, `maintMarginRatio`, `cum`, and `notionalFloor`
        and `notionalCap` (COIN-M: `qtyFloor` and `qtyCap`, in coin).

    Returns
    -------
    dict of str to MarginTiers
        Continuous tiers by notional, in the settlement currency (COIN-M: in coin), per symbol.

    Raises
    ------
    InputError
        If a value breaks a rule: the message names file, symbol, row, field, value and rule.
    KindError
        If the source is neither a path nor a list.
    StoreError
        If the file cannot be read.
    TooLargeError
        If the file or a table is larger than such tables are.

    Notes
    -----
    The brackets of one's own account are read as they stand; `notionalCoef` has no part in it. Each bracket must begin
    where the one before ends; `cum` must make the requirement continuous. Source: Binance's documentation of both
    interfaces.

    Examples
    --------
    >>> import levcore as lc
    >>> first = {"initialLeverage": 150, "notionalFloor": 0, "notionalCap": 3e5, "maintMarginRatio": 0.004, "cum": 0}
    >>> tiers = lc.venues.read_binance_tiers([{"symbol": "BTCUSDT", "brackets": [first]}])
    >>> tiers["BTCUSDT"].max_leverage
    (150.0,)
    """
    place, content = _content(source)
    if isinstance(content, Mapping) and "brackets" in content:
        content = [content]  # asked for one symbol, some versions answer with its entry alone
    if not isinstance(content, Sequence) or isinstance(content, (str, bytes)):
        raise KindError(f"{place} must be a list of entries with symbol and brackets, was {checks.describe(content)}")
    _bounded(place, len(content), MOST_SYMBOLS, "symbols")
    found: dict[str, MarginTiers] = {}
    for row, entry in enumerate(content):
        where = f"{place}[{row}]"
        if not isinstance(entry, Mapping):
            raise InputError(f"{where} must be an entry with symbol and brackets, was {checks.describe(entry)}")
        symbol = entry.get("symbol", entry.get("pair"))
        if not isinstance(symbol, str) or not symbol:
            raise InputError(f"{where}.symbol must be text, was {checks.describe(symbol)}")
        if symbol in found:
            raise InputError(f"{where}.symbol must differ from the others, {symbol!r} stands twice")
        found[symbol] = _binance_table(f"{place}: {symbol}", entry.get("brackets"))
    return _not_empty(place, found)


def read_ccxt_tiers(
    source: Source,
    *,
    whole_position: bool = False,
    measure: Literal["notional", "contracts"] = "notional",
    contract_size: float | Mapping[str, float] = 1.0,
) -> dict[str, MarginTiers]:
    """Read ccxt's unified leverage tiers.

    Parameters
    ----------
    source : path, or dict
        The answer of ``fetch_leverage_tiers()``, or a JSON file that holds it (at most 16 MB): for each symbol rows
        with `minNotional`, `maxNotional`, `maintenanceMarginRate`, `maxLeverage` and `info`.
    whole_position : bool
        True for venues whose tiers have no deduction (OKX, Gate, Bitget).
    measure : {"notional", "contracts"}
        What `minNotional` and `maxNotional` hold; of OKX ccxt hands on numbers of contracts.
    contract_size : float or mapping of str to float
        Base units a contract, per symbol, > 0; used where `measure` is "contracts".

    Returns
    -------
    dict of str to MarginTiers
        Per unified symbol, such as "BTC/USDT:USDT", which presets understand.

    Raises
    ------
    InputError
        If a value breaks a rule: the message names file, symbol, row, field, value and rule.
    KindError
        If the source is neither a path nor a dict.
    StoreError
        If the file cannot be read.
    TooLargeError
        If the file or a table is larger than such tables are.

    Notes
    -----
    Each row must begin where the one before ends, or one contract later. A deduction that `info` holds (`cum`) must
    make the requirement continuous; where there is none it is filled in. Source: ccxt's manual, "Leverage Tiers".

    Examples
    --------
    >>> import levcore as lc
    >>> row = {"minNotional": 0, "maxNotional": 5e4, "maintenanceMarginRate": 0.004, "maxLeverage": 125, "info": {}}
    >>> lc.venues.read_ccxt_tiers({"BTC/USDT:USDT": [row]})["BTC/USDT:USDT"].maintenance_rate
    (0.004,)
    """
    whole = checks.flag("whole_position", whole_position)
    counted = checks.choice("measure", measure, ("notional", "contracts")) == "contracts"
    place, content = _content(source)
    if not isinstance(content, Mapping):
        raise KindError(f"{place} must be a mapping of symbols to rows, was {checks.describe(content)}")
    _bounded(place, len(content), MOST_SYMBOLS, "symbols")
    found = {}
    for symbol, rows in content.items():
        if not isinstance(symbol, str) or not symbol:
            raise InputError(f"{place} must have symbols as its keys, one was {checks.describe(symbol)}")
        columns = _Columns(
            "minNotional", "maxNotional", "maintenanceMarginRate", "maxLeverage", None if whole else _cum
        )
        size = _size(symbol, contract_size) if counted else 1.0
        step = 1.0 if counted else 0.0
        found[symbol] = _table(f"{place}: {symbol}", rows, columns, whole=whole, size=size, step=step, counted=counted)
    return _not_empty(place, found)


class _Columns(NamedTuple):
    """What the fields of a row are called."""

    floor: str
    cap: str
    rate: str
    leverage: str
    deduction: Callable[[str, Mapping[str, Any]], float | None] | None


def _binance_table(where: str, brackets: Any) -> MarginTiers:
    first = brackets[0] if isinstance(brackets, list) and brackets and isinstance(brackets[0], Mapping) else {}
    unit = "qty" if "qtyFloor" in first else "notional"
    columns = _Columns(f"{unit}Floor", f"{unit}Cap", "maintMarginRatio", "initialLeverage", _own_cum)
    return _table(f"{where} brackets", brackets, columns)


def _own_cum(where: str, row: Mapping[str, Any]) -> float | None:
    return _number(where, row, "cum", at_least=0.0)


def _cum(where: str, row: Mapping[str, Any]) -> float | None:
    info = row.get("info")
    return _number(f"{where}.info", info, "cum", at_least=0.0) if isinstance(info, Mapping) and "cum" in info else None


def _table(
    where: str,
    rows: Any,
    columns: _Columns,
    *,
    whole: bool = False,
    size: float = 1.0,
    step: float = 0.0,
    counted: bool = False,
) -> MarginTiers:
    """Return the tiers of one symbol, each row checked."""
    if not isinstance(rows, Sequence) or isinstance(rows, (str, bytes)) or not rows:
        raise InputError(f"{where} must be a list of at least one row, was {checks.describe(rows)}")
    _bounded(where, len(rows), MOST_TIERS, "tiers")
    floors, rates, leverages, deductions = [], [], [], []
    end = 0.0
    for number, row in enumerate(rows):
        at = f"{where}[{number}]"
        if not isinstance(row, Mapping):
            raise InputError(f"{at} must be a row with {columns.floor}, was {checks.describe(row)}")
        floor = _number(at, row, columns.floor, at_least=0.0)
        if floor != end and not (number and floor == end + step):
            rule = f"{end:g}, where the row before ends" if number else "0 in the first row"
            raise InputError(f"{at}.{columns.floor} must be {rule}, was {floor:g}")
        rates.append(_number(at, row, columns.rate, at_least=0.0, below=1.0))
        if number and rates[-1] < rates[-2]:
            raise InputError(f"{at}.{columns.rate} must not fall, was {rates[-1]:g} after {rates[-2]:g}")
        leverages.append(_number(at, row, columns.leverage, above=0.0))
        deductions.append(None if columns.deduction is None else columns.deduction(at, row))
        floors.append(floor * size)
        last = number == len(rows) - 1
        end = floor if last and row.get(columns.cap) is None else _number(at, row, columns.cap, above=floor)
    known = [value for value in deductions if value is not None]
    try:
        return MarginTiers(
            floors,
            rates,
            max_leverage=leverages,
            deduction=known if len(known) == len(rows) else None,
            whole_position=whole,
            measure="contracts" if counted else "notional",
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _number(where: str, row: Mapping[str, Any], field: str, **bounds: Any) -> float:
    """Return a field as a number; venues write some of theirs as text."""
    if field not in row:
        raise InputError(f"{where}.{field} is missing; there are {', '.join(map(str, row)) or 'no fields'}"[:300])
    value = row[field]
    if isinstance(value, str) and len(value) <= 40:
        with suppress(ValueError):
            value = float(value)
    try:
        return checks.number(f"{where}.{field}", value, at_most=checks.LARGEST, **bounds)
    except KindError as error:
        raise InputError(str(error)) from None


def _size(symbol: str, contract_size: float | Mapping[str, float]) -> float:
    if isinstance(contract_size, Mapping):
        if symbol not in contract_size:
            raise InputError(f"contract_size must name every symbol; {symbol!r} is missing")
        return checks.number(f"contract_size[{symbol!r}]", contract_size[symbol], above=0.0, at_most=checks.LARGEST)
    return checks.number("contract_size", contract_size, above=0.0, at_most=checks.LARGEST)


def _content(source: Source) -> tuple[str, Any]:
    """Return what stands in a JSON file, or the value itself, and what errors call it."""
    if not isinstance(source, (str, os.PathLike)):
        return "source", source
    path = Path(source)
    try:
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
    _bounded(str(path), len(content), MOST_BYTES, "bytes")
    try:
        return path.name, json.loads(content, parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} must hold JSON: {error}") from None


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{checks.describe(name)} stands twice in one object")
        found[name] = value
    return found


def _bounded(where: str, count: int, most: int, what: str) -> None:
    if count > most:
        held = f"more than {most:,}" if what == "bytes" else f"{count:,}"
        raise TooLargeError(f"{where} must have at most {most:,} {what}, had {held}")


def _not_empty(place: str, found: dict[str, MarginTiers]) -> dict[str, MarginTiers]:
    if not found:
        raise InputError(f"{place} must have at least one symbol")
    return found
