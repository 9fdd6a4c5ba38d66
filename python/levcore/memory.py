"""How much memory a request takes, and whether there is that much; asked before anything is allocated."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from levcore.errors import TooLargeError

#: Columns of a book: instrument (int32), quantity, entry price, margin, account.
COLUMN_BYTES = 4 + 4 * 8
#: A sorted row: key, quantity, cash, position, instrument, its share of its block's sums. While it is sorted, the row
#: as dealt; before that the row, its key and its bucket's number.
SORTED_BYTES = 3 * 8 + 2 * 4 + 1
SORTING_BYTES = 32
#: A ladder's row: its rung, two cells of a grid, and its share of its block's bounds.
LADDER_BYTES = 32 + 2 * 4 + 1
#: A position of one shock that is kept whole: the step in which it was liquidated, and whether it was.
SHOCK_BYTES = 8 + 1
#: What a run of its own takes where claims change: pools of counterparties, own claims and their order.
CHANGING_BYTES = 280
#: Of an account: its places and row as gathered, and whether it is asked first. Of each of its balances: the column,
#: the core's and the gathered copy; a watched price and account, twice while they are sorted.
ACCOUNT_BYTES = 8 + 4 + 4
BALANCE_BYTES = 3 * 8 + 3 * 16
#: Of a position in an account: position, instrument and claim as gathered; watched prices and accounts, at most one
#: each way, twice while they are sorted.
PLACE_BYTES = 4 + 4 + 16 + 2 * 3 * 16
#: What each run keeps. An account: until when it rests, its last step, its rank in a round, what it has freed, its
#: watches' stamp, whether it has changed, is asked and will be. A balance: what is left of it, its watch. A position:
#: its claim, what it has been charged, whether it has had an order, its place in a closing sequence, its watches.
ACCOUNT_STATE_BYTES = 8 + 8 + 16 + 16 + 4 + 4 + 1 + 2 * 4
BALANCE_STATE_BYTES = 8 + 64
PLACE_STATE_BYTES = 16 + 8 + 1 + 16 + 2 * 64
#: A run's row: twenty-two numbers, two flags and what is added up of them when it is asked for; per asset, six prices
#: or ratios.
OUTCOME_BYTES = 22 * 8 + 2 + 5 * 8
ASSET_BYTES = 6 * 8


def control_bytes(positions: int, *, threads: int) -> int:
    """Return what controllers take: owners and the prices of their calls, and each run's owners, if all answer."""
    return positions * (4 + 40 + 2 * 16 + threads * (2 * 4 + 40 + 24 + 16 + 2 * 4 + 8 * 16))


def available_bytes() -> int:
    """Return how many bytes a process may still take: free memory, or what its own limit leaves."""
    if sys.platform == "win32":
        return 2**40  # not known without help: the allocation itself has the last word
    import resource

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


def book_bytes(positions: int, *, changing: bool) -> int:
    """Return the bytes of a book's columns, of its sorted copy while it is made, and of a run's own claims."""
    prepared = LADDER_BYTES + SHOCK_BYTES + (CHANGING_BYTES if changing else 0)
    return positions * (COLUMN_BYTES + SORTED_BYTES + max(SORTING_BYTES, prepared))


def account_bytes(accounts: int, places: int, *, balances: int, states: int) -> int:
    """Return the bytes of accounts of so many balances and of the positions in them, and of so many runs' own."""
    once = accounts * (ACCOUNT_BYTES + balances * BALANCE_BYTES) + places * PLACE_BYTES
    each = accounts * (ACCOUNT_STATE_BYTES + balances * BALANCE_STATE_BYTES) + places * PLACE_STATE_BYTES
    return once + states * each


def outcome_bytes(shocks: int, assets: int) -> int:
    """Return the bytes of a batch of outcomes."""
    return shocks * (OUTCOME_BYTES + assets * ASSET_BYTES)


#: A row of a class of rates, where funding is paid: its rung and place, and itself while it is sorted; as many again
#: for those that stand in several.
CLASS_BYTES = 2 * (32 + 4 + 24 + 1)
#: A step's kept series, a position's tally of a thread.
STEP_BYTES = 4 * 8
TALLY_BYTES = 2 * 8


def step_bytes(assets: int) -> int:
    """Return the bytes that are kept of a step of a path."""
    return STEP_BYTES + 4 * assets * 8


def path_bytes(positions: int, assets: int, *, paths: int, steps: int, keep_steps: bool, threads: int) -> int:
    """Return the bytes of a run of paths beside its book: outcomes, tallies, prices of a path a thread, kept series."""
    needed = outcome_bytes(paths, assets) + (2 * threads + 3) * positions * TALLY_BYTES
    needed += threads * steps * assets * 8
    if keep_steps:
        needed += paths * steps * step_bytes(assets)
    return needed
