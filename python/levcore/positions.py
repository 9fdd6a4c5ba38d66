"""The two tables of a book: what a column of instruments may be, and the table of accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError, KindError
from levcore.per_asset import PerAsset
from levcore.venue import Venue

Floats = npt.NDArray[np.float64]

#: The account of an isolated position: none.
ISOLATED = -1


class Accounts:
    """The table of accounts that share collateral between positions: a balance per collateral asset, a row an account.

    A book of isolated positions has no rows in it: each position stands for itself.

    Parameters
    ----------
    **balances : array of float, shape (accounts,)
        Balance per collateral asset by its name, in units of that asset.

    Raises
    ------
    InputError
        If lengths differ or a balance is not finite.
    KindError
        If a column is not numeric.

    Notes
    -----
    Source: venues keep positions and collateral accounts apart, and so does levcore.

    Examples
    --------
    >>> import levcore as lc
    >>> len(lc.Accounts()), len(lc.Accounts(USDT=[1_000.0, 250.0]))
    (0, 2)
    """

    __slots__ = ("balances",)
    balances: Mapping[str, Floats]

    def __init__(self, **balances: npt.ArrayLike) -> None:
        columns = {name: checks.column(name, values) for name, values in balances.items()}
        if columns:
            checks.same_length(**columns)
        for name, column in columns.items():
            wrong = np.flatnonzero(~(np.abs(column) <= checks.LARGEST))
            if wrong.size:
                raise InputError(f"{name}[{wrong[0]}] must be finite and at most 1e90 in size, was {column[wrong[0]]}")
        kept = {name: checks.frozen(private(balances[name], column)) for name, column in columns.items()}
        object.__setattr__(self, "balances", PerAsset(kept))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("accounts never change")

    def __len__(self) -> int:
        return max((len(column) for column in self.balances.values()), default=0)

    def __reduce__(self) -> tuple[Any, ...]:
        return _accounts, (dict(self.balances),)

    def __repr__(self) -> str:
        return f"<levcore.Accounts: {len(self):,} rows of {', '.join(self.balances) or 'nothing'}>"


def _accounts(balances: dict[str, Floats]) -> Accounts:
    return Accounts(**balances)


def instrument_codes(venue: Venue, instrument: Any) -> npt.NDArray[np.int32]:
    """Return the place of each position's instrument in the venue's list, one place where all have the same name."""
    symbols = {symbol: code for code, symbol in enumerate(venue.symbols)}
    if isinstance(instrument, str):
        checks.names_in("instrument", {instrument: None}, venue.symbols)
        return np.array([symbols[instrument]], dtype=np.int32)
    to_numpy = getattr(instrument, "to_numpy", None)
    array = np.asarray(instrument if to_numpy is None else to_numpy())
    if array.ndim != 1:
        raise KindError(f"instrument must be a name or a one-dimensional array, was {checks.describe(instrument)}")
    if array.size == 0:
        return np.empty(0, dtype=np.int32)
    if array.dtype.kind in "iu":
        wrong = np.flatnonzero((array < 0) | (array >= len(symbols)))
        if wrong.size:
            row = wrong[0]
            raise InputError(f"instrument[{row}] must lie in 0 to {len(symbols) - 1}, was {array[row]}")
        return np.array(array, dtype=np.int32)
    if array.dtype.kind not in "OUT":
        raise KindError(f"instrument must be names or integer codes, had dtype {array.dtype}")
    codes = np.empty(len(array), dtype=np.int32)
    for row, symbol in enumerate(array.tolist()):
        code = symbols.get(symbol) if isinstance(symbol, str) else None
        if code is None:
            raise InputError(f"instrument[{row}] must be one of {', '.join(symbols)}, was {checks.describe(symbol)}")
        codes[row] = code
    return codes


def is_foreign(given: Any) -> bool:
    """Say whether a column's memory may be somebody else's, so that a later write to it would show."""
    return not isinstance(given, (list, tuple))


def private(given: Any, values: Floats) -> Floats:
    """Copy a column whose memory may be somebody else's."""
    return values.copy() if is_foreign(given) else values


def pick(rows: Any, size: int) -> npt.NDArray[np.int64]:
    """Return the places that a mask, indices, a slice or one index pick out of a table of this size."""
    if not isinstance(rows, slice):
        array = np.asarray(rows)
        if array.size == 0 and array.ndim == 1 and not isinstance(rows, (str, tuple)):
            return np.empty(0, dtype=np.int64)
        usable = array.dtype.kind in "iu" or (array.dtype.kind == "b" and array.ndim == 1)
        if not usable or array.ndim > 1 or isinstance(rows, (tuple, np.ma.MaskedArray)):
            raise KindError(f"rows must be a mask, indices, a slice or an index, was {checks.describe(rows)}")
    try:
        return np.atleast_1d(np.arange(size)[rows])
    except IndexError as error:
        raise InputError(f"no such rows in a book of {size}: {error}") from None


def account_rows(account: Any, accounts: Accounts | None) -> npt.NDArray[np.int64]:
    """Return each position's row in the table of accounts, -1 where it is isolated; one -1 where all are."""
    if account is None:
        if accounts is not None and len(accounts):
            raise InputError("account must be given with accounts: for each position a row of it, or -1")
        return np.array([ISOLATED], dtype=np.int64)
    array = np.asarray(account)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise KindError(f"account must be a column of rows of accounts (integers), was {checks.describe(account)}")
    if accounts is None:
        raise InputError("accounts must be given with account: the table that its rows stand in")
    return np.array(array, dtype=np.int64)


def margin_column(margin: Any, account: npt.NDArray[np.int64]) -> Any:
    """Return the margins: of positions in accounts nan, and nothing else can be meant."""
    if margin is not None:
        return margin
    isolated = np.flatnonzero(account == ISOLATED)
    if isolated.size:
        raise InputError(f"margin must be given: margin[{isolated[0]}] is that of an isolated position (account -1)")
    return np.full(len(account), np.nan)


def balance_table(venue: Venue, accounts: Accounts) -> Floats:
    """Return balances, accounts x currencies: the settlement currency, then the venue's collateral in its order."""
    columns = (venue.settlement, *venue.collateral)
    for name, column in accounts.balances.items():
        if name not in columns:
            raise InputError(f"accounts holds {name!r}, which is no collateral of the venue: {', '.join(columns)}")
        wrong = np.flatnonzero(column < 0.0)
        if wrong.size and name != venue.settlement:
            raise InputError(f"accounts[{name!r}][{wrong[0]}] must be >= 0, was {column[wrong[0]]}")
    table = np.zeros((len(accounts), len(columns)))
    for place, name in enumerate(columns):
        if name in accounts.balances:
            table[:, place] = accounts.balances[name]
    return table


def joined(tables: list[Accounts]) -> Accounts:
    """Return one table of the rows of several, in order; a balance that a table does not have is 0."""
    if not any(len(table) for table in tables):
        return Accounts()
    names = dict.fromkeys(name for table in tables for name in table.balances)
    return Accounts(
        **{name: np.concatenate([table.balances.get(name, np.zeros(len(table))) for table in tables]) for name in names}
    )
