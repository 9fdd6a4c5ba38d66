"""How many bytes a request will take, told before it is made."""

from __future__ import annotations

import numpy as np

from levcore import checks, memory
from levcore.book import Book
from levcore.market import Market


def estimate_bytes(
    book: Book | int,
    market: Market | None = None,
    *,
    shocks: int = 1,
    paths: int = 0,
    steps: int = 0,
    keep_steps: bool = False,
    threads: int = 1,
) -> int:
    """Return an upper estimate of the bytes that preparing a book and running shocks or paths on it takes.

    Parameters
    ----------
    book : Book or int
        The book, or its number of positions (then deleveraging and socialised loss, which change claims one by one
        and take more, and accounts are not counted).
    market : Market, optional
        The market; without it one asset is assumed.
    shocks : int
        Number of shocks in the batch.
    paths, steps : int
        Number of paths to simulate and of their steps; 0: none.
    keep_steps : bool
        Whether the series of every path and step are kept.
    threads : int
        Threads of the simulation, >= 1; each counts liquidations by position for itself and has accounts of its own.

    Returns
    -------
    int
        Bytes: the columns of positions and accounts, their sorted copy, the outcomes, and what runs keep of accounts
        and the paths take.

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
    119
    """
    positions = len(book) if isinstance(book, Book) else checks.integer("book", book, at_least=0)
    rows = checks.integer("shocks", shocks, at_least=0)
    assets = 1 if market is None else len(checks.instance("market", market, Market).names)
    backstop = book.venue.backstop if isinstance(book, Book) else None
    changing = backstop is not None and bool(backstop.deleveraging or backstop.socialise)
    needed = memory.book_bytes(positions, changing=changing) + memory.outcome_bytes(rows, assets)
    count, length = checks.integer("paths", paths, at_least=0), checks.integer("steps", steps, at_least=0)
    shared = checks.integer("threads", threads, at_least=1)
    kept = checks.flag("keep_steps", keep_steps)
    if isinstance(book, Book):
        needed += accounts_bytes(book, states=shared if count else 1)
    if not count:
        return needed
    return needed + memory.path_bytes(positions, assets, paths=count, steps=length, keep_steps=kept, threads=shared)


def accounts_bytes(book: Book, *, states: int) -> int:
    """Return the bytes of a book's accounts, and of what so many runs at a time keep of them; 0 where it has none."""
    if not len(book.accounts):
        return 0
    places = int(np.count_nonzero(book.account >= 0))
    balances = 1 + len(book.venue.collateral)
    return memory.account_bytes(len(book.accounts), places, balances=balances, states=states)
