"""How much memory a request takes, and whether there is that much; asked before anything is allocated."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from levcore.checks import instance
from levcore.errors import InputError, KindError, TooLargeError

if TYPE_CHECKING:
    from levcore.book import Book
    from levcore.market import Market

#: Columns of a book: instrument (int32), quantity, entry price, margin, account.
COLUMN_BYTES = 4 + 4 * 8
#: A sorted row: key, quantity, cash, position, instrument; and as much again while it is sorted.
SORTED_BYTES = 3 * 8 + 2 * 4
SORTING_BYTES = 16
#: A scenario's row: every number and, per asset, six prices or ratios.
OUTCOME_BYTES = 15 * 8 + 400
ASSET_BYTES = 6 * 8 * 2


def available_bytes() -> int:
    """Return how many bytes a process may still take: free memory, or what its own limit leaves."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        statm = Path("/proc/self/statm")
        used = int(statm.read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0
        free = min(free, max(0, limit - used))
    return free


def refuse_if_too_large(needed: int, what: str) -> None:
    """Raise TooLargeError where a request needs more memory than there is."""
    free = available_bytes()
    if needed > free:
        raise TooLargeError(f"{what} needs {needed / 1e9:,.3g} GB of memory, {free / 1e9:,.3g} GB are available")


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
    from levcore.book import Book
    from levcore.market import Market

    if isinstance(book, bool) or not isinstance(book, (int, Book)):
        raise KindError(f"book must be a Book or a number of positions, was {type(book).__name__}")
    if isinstance(shocks, bool) or not isinstance(shocks, int):
        raise KindError(f"shocks must be an int, was {type(shocks).__name__}")
    positions = book if isinstance(book, int) else len(book)
    if positions < 0 or shocks < 0:
        raise InputError(f"positions and shocks must be >= 0, were {positions} and {shocks}")
    assets = 1 if market is None else len(instance("market", market, Market).names)
    return positions * (COLUMN_BYTES + SORTED_BYTES + SORTING_BYTES) + shocks * (OUTCOME_BYTES + assets * ASSET_BYTES)
