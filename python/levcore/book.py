"""What is held at a venue: a table of positions and a table of accounts, a numpy column per field."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import _core, book_summary, checks, memory, positions, thread_count
from levcore.errors import InputError, KindError
from levcore.leverage_measures import LeverageMeasures
from levcore.table import Table, Tabular
from levcore.venue import Venue

Floats = npt.NDArray[np.float64]


class Book(LeverageMeasures, Tabular):
    """Positions held at a venue, each in isolated margin or in a cross account.

    Parameters
    ----------
    venue : Venue
        The rulebook.
    instrument : str, array of str, or array of int
        One symbol for all, a symbol a position, or codes (places in ``venue.instruments``).
    quantity : array of float, shape (n,)
        Signed size in base units, long > 0; zero is inert.
    entry_price : array of float, shape (n,)
        Average entry price, > 0.
    margin : array of float, shape (n,), optional
        Margin posted to the position, settlement currency, > 0; nan for a position of an account. May be left out
        where every position belongs to one.
    account : array of int, shape (n,), optional
        The row of `accounts` that a position belongs to, -1 for an isolated one; None: all are isolated.
    accounts : Accounts, optional
        Balances of the cross accounts, in the settlement currency and the venue's collateral.

    Raises
    ------
    InputError
        If lengths differ, an instrument is unknown or a number breaks its rule: column, row, value and rule named.
    KindError
        If a column is not numeric.

    Notes
    -----
    A Book never changes; its columns are read-only; books are equal only to themselves. A position below its
    maintenance margin is accepted and goes in the first round. Source: the page "The model" of the documentation.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> entry = [100.0, 100.0]
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0, -2.0], entry_price=entry, margin=[10.0, 10.0])
    >>> book.liquidation_price.round(3)
    array([ 90.452, 104.478])
    """

    __slots__ = ("__weakref__", "_guard", "_ready")

    def __init__(
        self,
        venue: Venue,
        *,
        instrument: str | npt.ArrayLike,
        quantity: npt.ArrayLike,
        entry_price: npt.ArrayLike,
        margin: npt.ArrayLike | None = None,
        account: npt.ArrayLike | None = None,
        accounts: positions.Accounts | None = None,
    ) -> None:
        checks.instance("venue", venue, Venue)
        if accounts is not None:
            checks.instance("accounts", accounts, positions.Accounts)
        sizes = checks.column("quantity", quantity)
        rows = positions.account_rows(account, accounts)
        margin = positions.margin_column(margin, np.broadcast_to(rows, len(sizes)) if account is None else rows)
        prices, margins = checks.column("entry_price", entry_price), checks.column("margin", margin)
        columns = {"quantity": sizes, "entry_price": prices, "margin": margins}
        codes = positions.instrument_codes(venue, instrument)
        named = {} if isinstance(instrument, str) else {"instrument": codes}
        size = checks.same_length(**named, **columns, **({} if account is None else {"account": rows}))
        if size >= 2**32 - 1:
            raise InputError(f"a book must have fewer than 4294967295 positions, had {size}")
        self._accounts = positions.Accounts() if accounts is None else accounts
        balance = positions.balance_table(venue, self._accounts)
        copies = positions.is_foreign(quantity), positions.is_foreign(entry_price), positions.is_foreign(margin)
        held = codes, sizes, prices, margins, rows, balance
        try:
            native = _core.Book(venue._to_native(), *held, copies, thread_count.asked(None))
        except ValueError as error:
            raise InputError(str(error)) from None
        self._venue = venue
        self._liquidation_price: Floats | None = None
        self._columns = {name: checks.frozen(getattr(native, name)) for name in columns}
        self._instrument = np.broadcast_to(codes, size)
        self._account = np.broadcast_to(rows, size)
        self._native = native
        self._guard = threading.Lock()
        self._ready: object = None  # the last pair prepared, or the market of a first shock, for cascade to find

    @classmethod
    def from_frame(
        cls,
        venue: Venue,
        frame: Any,
        columns: Mapping[str, str] | None = None,
        *,
        accounts: positions.Accounts | None = None,
    ) -> Book:
        """Return a book from a data frame.

        Parameters
        ----------
        venue : Venue
            The rulebook.
        frame : pandas, polars or pyarrow table, or mapping of columns
            Columns named as the arguments of Book: instrument, quantity, entry_price, margin.
        columns : mapping of str to str, optional
            Renames: ``{their_name: our_name}``.
        accounts : Accounts, optional
            The table of accounts; the frame then has a column account.

        Returns
        -------
        Book

        Raises
        ------
        InputError
            If a column is missing or holds nulls or values that break a rule.
        KindError
            If the frame or a column is of the wrong kind.

        Examples
        --------
        >>> import levcore as lc
        >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
        >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
        >>> frame = {"instrument": ["BTCUSDT"], "size": [1.0], "entry_price": [100.0], "margin": [10.0]}
        >>> len(lc.Book.from_frame(venue, frame, columns={"size": "quantity"}))
        1
        """
        from levcore.frames import position_columns

        given: dict[str, Any] = position_columns(frame, columns, with_accounts=accounts is not None)
        return cls(venue, **given, accounts=accounts)

    @classmethod
    def synthetic(
        cls,
        venue: Venue,
        *,
        size: int,
        prices: Mapping[str, float],
        open_interest: Mapping[str, float],
        seed: int,
        history: Mapping[str, npt.ArrayLike] | None = None,
        **options: Any,
    ) -> Book:
        """Return a plausible exchange's book: see :func:`levcore.synthetic.draw` for its laws and their sources.

        Parameters
        ----------
        venue : Venue
            The rulebook; every position is valid under its tiers.
        size : int
            Number of positions over all instruments.
        prices : mapping of str to float
            Current price per asset.
        open_interest : mapping of str to float
            Notional of one side (longs and shorts are equal) per asset, at the current price.
        seed : int
            Same seed, same book.
        history : mapping of str to array, optional
            Recent closing prices per asset, oldest first; entries are spread over them. Made where not given.
        **options
            Parameters of the laws.

        Returns
        -------
        Book

        Raises
        ------
        InputError, KindError
            If a value breaks a rule.
        TooLargeError
            If there is not enough memory.

        Examples
        --------
        >>> import levcore as lc
        >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005], max_leverage=[100])
        >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
        >>> len(lc.Book.synthetic(venue, size=1_000, prices={"BTC": 60_000.0}, open_interest={"BTC": 1e8}, seed=1))
        1000
        """
        from levcore import synthetic

        checks.names_in("option", options, synthetic.OPTIONS)
        columns: dict[str, Any] = synthetic.draw(
            venue, size=size, prices=prices, open_interest=open_interest, seed=seed, history=history, **options
        )
        return cls(venue, **columns)

    # ---- the columns ----

    @property
    def venue(self) -> Venue:
        """The rulebook."""
        return self._venue

    @property
    def instrument(self) -> npt.NDArray[np.int32]:
        """Codes of the instruments: places in ``venue.instruments``; int32[n], read-only."""
        return self._instrument

    @property
    def quantity(self) -> Floats:
        """Signed quantities in base units; float64[n], read-only."""
        return self._columns["quantity"]

    @property
    def entry_price(self) -> Floats:
        """Average entry prices; float64[n], read-only."""
        return self._columns["entry_price"]

    @property
    def margin(self) -> Floats:
        """Margins posted, settlement currency; float64[n], read-only."""
        return self._columns["margin"]

    @property
    def account(self) -> npt.NDArray[np.int64]:
        """Rows of the accounts table, -1 for an isolated position; int64[n], read-only."""
        return self._account

    @property
    def accounts(self) -> positions.Accounts:
        """The table of accounts; no rows where every position is isolated."""
        return self._accounts

    def to_table(self) -> Table:
        """Return a row a position, as :meth:`from_frame` reads it."""
        from levcore.outcome_tables import of_book

        return of_book(self)

    def __len__(self) -> int:
        return len(self.quantity)

    __iter__ = None  # a book is a table, not a sequence of books
    __contains__ = None

    def __getitem__(self, rows: int | slice | Sequence[int] | npt.NDArray[Any]) -> Book:
        """Return the book of some rows: a mask, indices, a slice or one index."""
        picked = positions.pick(rows, len(self))
        columns: dict[str, Any] = {name: values[picked] for name, values in self._columns.items()}
        columns |= {"account": self._account[picked], "accounts": self._accounts}
        return Book(self._venue, instrument=self._instrument[picked], **columns)

    def __reduce__(self) -> tuple[Any, ...]:
        held = {"account": self.account, "accounts": self.accounts, **self._columns}
        return _rebuild, (self._venue, self._instrument, held)

    def __repr__(self) -> str:
        return book_summary.as_text(self)

    def _repr_html_(self) -> str:
        return book_summary.as_html(self)


def _rebuild(venue: Venue, instrument: Any, held: dict[str, Any]) -> Book:
    return Book(venue, instrument=instrument, **held)


def concat(books: Sequence[Book]) -> Book:
    """Return one book of several at the same venue, in order.

    Parameters
    ----------
    books : sequence of Book
        At least one; their venues must be equal.

    Returns
    -------
    Book

    Raises
    ------
    InputError
        If there is none or the venues differ.
    KindError
        If one is not a Book.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> len(lc.concat([book, book]))
    2
    """
    if isinstance(books, Book) or not isinstance(books, Sequence):
        raise KindError(f"books must be a sequence of Book, was {checks.describe(books)}")
    if not books:
        raise InputError("books must not be empty")
    for row, book in enumerate(books):
        checks.instance(f"books[{row}]", book, Book)
        if book.venue != books[0].venue:
            raise InputError(f"books[{row}] must be at the same venue as books[0]")
    memory.refuse_if_too_large(sum(len(book) for book in books) * memory.COLUMN_BYTES, "concat")
    before = np.cumsum([0, *(len(book.accounts) for book in books[:-1])])
    rows = [np.where(book.account < 0, book.account, book.account + n) for book, n in zip(books, before, strict=True)]
    return Book(
        books[0].venue,
        instrument=np.concatenate([book.instrument for book in books]),
        quantity=np.concatenate([book.quantity for book in books]),
        entry_price=np.concatenate([book.entry_price for book in books]),
        margin=np.concatenate([book.margin for book in books]),
        account=np.concatenate(rows),
        accounts=positions.joined([book.accounts for book in books]),
    )
