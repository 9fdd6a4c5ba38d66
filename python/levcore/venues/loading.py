"""Tables of margin tiers as venues and ccxt give them out, read and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from levcore import checks
from levcore.errors import InputError, KindError, TooLargeError
from levcore.loaders import documents
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
        If a value breaks a rule: the message names file, line, symbol, row, field, value and rule.
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
    root = documents.read(source, MOST_BYTES)
    entries = root.value
    if isinstance(entries, Mapping) and "brackets" in entries:
        entries = [entries]  # asked for one symbol, some versions answer with its entry alone
    if not documents.is_list(entries):
        raise KindError(
            f"{root.where()} must be a list of entries with symbol and brackets, was {checks.describe(entries)}"
        )
    _bounded(root.where(), len(entries), MOST_SYMBOLS, "symbols")
    found: dict[str, MarginTiers] = {}
    for row, entry in enumerate(entries):
        path = () if entry is root.value else (row,)
        if not isinstance(entry, Mapping):
            root.refuse(f"must be an entry with symbol and brackets, was {checks.describe(entry)}", *path)
        field = "symbol" if "symbol" in entry else "pair"
        symbol = entry.get(field)
        if not isinstance(symbol, str) or not symbol:
            root.refuse(f"must be text, was {checks.describe(symbol)}", *path, "symbol")
        if symbol in found:
            root.refuse(f"must differ from the others, {symbol!r} stands twice", *path, field)
        brackets = entry.get("brackets")
        found[symbol] = _table(_Rows(root, (*path, "brackets"), f"{symbol} brackets", brackets), _of_binance(brackets))
    return _not_empty(root, found)


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
        If a value breaks a rule: the message names file, line, symbol, row, field, value and rule.
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
    root = documents.read(source, MOST_BYTES)
    if not isinstance(root.value, Mapping):
        raise KindError(f"{root.where()} must be a mapping of symbols to rows, was {checks.describe(root.value)}")
    _bounded(root.where(), len(root.value), MOST_SYMBOLS, "symbols")
    found = {}
    for symbol, rows in root.value.items():
        if not isinstance(symbol, str) or not symbol:
            raise InputError(f"{root.where()} must have symbols as its keys, one was {checks.describe(symbol)}")
        columns = _Columns(
            "minNotional", "maxNotional", "maintenanceMarginRate", "maxLeverage", None if whole else _cum
        )
        size = _size(symbol, contract_size) if counted else 1.0
        step = 1.0 if counted else 0.0
        given = _Rows(root, (symbol,), symbol, rows)
        found[symbol] = _table(given, columns, whole=whole, size=size, step=step, counted=counted)
    return _not_empty(root, found)


class _Rows(NamedTuple):
    """The rows of one symbol, and what errors call them."""

    root: documents.Node
    path: tuple[documents.Step, ...]
    label: str
    rows: Any

    def at(self, *steps: documents.Step) -> str:
        """Return the place of what stands at these steps, and its name."""
        return f"{self.root.document.place((*self.path, *steps))}: {self.label}{documents.spelled(*steps)}"


class _Columns(NamedTuple):
    """What the fields of a row are called."""

    floor: str
    cap: str
    rate: str
    leverage: str
    deduction: Callable[[_Rows, int, Mapping[str, Any]], float | None] | None


def _of_binance(brackets: Any) -> _Columns:
    first = brackets[0] if isinstance(brackets, list) and brackets and isinstance(brackets[0], Mapping) else {}
    unit = "qty" if "qtyFloor" in first else "notional"
    return _Columns(f"{unit}Floor", f"{unit}Cap", "maintMarginRatio", "initialLeverage", _own_cum)


def _own_cum(given: _Rows, number: int, row: Mapping[str, Any]) -> float | None:
    return _number(given, (number, "cum"), row, at_least=0.0)


def _cum(given: _Rows, number: int, row: Mapping[str, Any]) -> float | None:
    info = row.get("info")
    found = isinstance(info, Mapping) and "cum" in info
    return _number(given, (number, "info", "cum"), info, at_least=0.0) if found else None


def _table(
    given: _Rows,
    columns: _Columns,
    *,
    whole: bool = False,
    size: float = 1.0,
    step: float = 0.0,
    counted: bool = False,
) -> MarginTiers:
    """Return the tiers of one symbol, each row checked."""
    rows = given.rows
    if not documents.is_list(rows) or not rows:
        raise InputError(f"{given.at()} must be a list of at least one row, was {checks.describe(rows)}")
    if len(rows) > MOST_TIERS:
        _bounded(given.at(), len(rows), MOST_TIERS, "tiers")
    floors, rates, leverages, deductions = [], [], [], []
    end = 0.0
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InputError(f"{given.at(number)} must be a row with {columns.floor}, was {checks.describe(row)}")
        floor = _number(given, (number, columns.floor), row, at_least=0.0)
        if floor != end and not (number and floor == end + step):
            rule = f"{end:g}, where the row before ends" if number else "0 in the first row"
            raise InputError(f"{given.at(number, columns.floor)} must be {rule}, was {floor:g}")
        rates.append(_number(given, (number, columns.rate), row, at_least=0.0, below=1.0))
        if number and rates[-1] < rates[-2]:
            place = given.at(number, columns.rate)
            raise InputError(f"{place} must not fall, was {rates[-1]:g} after {rates[-2]:g}")
        leverages.append(_number(given, (number, columns.leverage), row, above=0.0))
        deductions.append(None if columns.deduction is None else columns.deduction(given, number, row))
        floors.append(floor * size)
        open_end = number == len(rows) - 1 and row.get(columns.cap) is None
        end = floor if open_end else _number(given, (number, columns.cap), row, above=floor)
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
        raise InputError(f"{given.at()}: {error}") from None


def _number(given: _Rows, steps: tuple[documents.Step, ...], row: Any, **bounds: Any) -> float:
    """Return a field as a number; venues write some of theirs as text."""
    field = str(steps[-1])
    if field not in row:
        raise InputError(f"{given.at(*steps)} is missing; there are {', '.join(map(str, row)) or 'no fields'}"[:300])
    value = row[field]
    if isinstance(value, str) and len(value) <= 40:
        with suppress(ValueError):
            value = float(value)
    try:
        return checks.number("", value, at_most=checks.LARGEST, **bounds)
    except (InputError, KindError) as error:
        raise InputError(f"{given.at(*steps)}{error}") from None


def _size(symbol: str, contract_size: float | Mapping[str, float]) -> float:
    if isinstance(contract_size, Mapping):
        if symbol not in contract_size:
            raise InputError(f"contract_size must name every symbol; {symbol!r} is missing")
        return checks.number(f"contract_size[{symbol!r}]", contract_size[symbol], above=0.0, at_most=checks.LARGEST)
    return checks.number("contract_size", contract_size, above=0.0, at_most=checks.LARGEST)


def _bounded(where: str, count: int, most: int, what: str) -> None:
    if count > most:
        held = f"more than {most:,}" if what == "bytes" else f"{count:,}"
        raise TooLargeError(f"{where} must have at most {most:,} {what}, had {held}")


def _not_empty(root: documents.Node, found: dict[str, MarginTiers]) -> dict[str, MarginTiers]:
    if not found:
        raise InputError(f"{root.where()} must have at least one symbol")
    return found
