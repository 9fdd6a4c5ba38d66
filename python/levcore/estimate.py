"""How many bytes a request will take, told before it is made."""

from __future__ import annotations

from levcore import memory
from levcore.book import Book
from levcore.checks import instance
from levcore.errors import InputError, KindError
from levcore.market import Market


def estimate_bytes(book: Book | int, market: Market | None = None, *, shocks: int = 1) -> int:
    """Return an upper estimate of the bytes that preparing a book and running shocks on it takes.

    Parameters
    ----------
    book : Book or int
        The book, or its number of positions.
    market : Market, optional
        The market; without it one asset is assumed.
    shocks : int
        Number of shocks in the batch.

    Returns
    -------
    int
        Bytes: the book's columns, its sorted copy, the outcomes.

    Raises
    ------
    KindError
        If an argument has the wrong type.
    InputError
        If a number is negative.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.estimate_bytes(1_000_000) // 10**6
    84
    """
    if isinstance(book, bool) or not isinstance(book, (int, Book)):
        raise KindError(f"book must be a Book or a number of positions, was {type(book).__name__}")
    if isinstance(shocks, bool) or not isinstance(shocks, int):
        raise KindError(f"shocks must be an int, was {type(shocks).__name__}")
    positions = book if isinstance(book, int) else len(book)
    if positions < 0 or shocks < 0:
        raise InputError(f"positions and shocks must be >= 0, were {positions} and {shocks}")
    assets = 1 if market is None else len(instance("market", market, Market).names)
    return memory.book_bytes(positions) + memory.outcome_bytes(shocks, assets)
