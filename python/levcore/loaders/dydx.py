"""dYdX v4: subaccounts as the indexer gives them out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from levcore.book import Book
from levcore.loaders.documents import Node, several
from levcore.loaders.holdings import Holdings
from levcore.venue import Venue

__all__ = ["positions"]

SIDES = ("LONG", "SHORT")


def positions(source: Any, *, venue: Venue, symbols: Mapping[str, str] | None = None) -> Book:
    """Read the positions of subaccounts.

    Parameters
    ----------
    source : path or dict, or several of them
        The answer of the indexer for an address (`subaccounts`), for a subaccount (`subaccount`), or a subaccount
        itself, or a JSON file that holds one (at most 256 MB). Of several addresses, a list or a mapping of answers.
    venue : Venue
        The rulebook: :func:`levcore.venues.dydx_v4`.
    symbols : mapping of str to str, optional
        dYdX's markets to the venue's symbols; those that are not named are the venue's own.

    Returns
    -------
    Book
        A row a position that is open, in the order of the source. A subaccount is an account, for its positions share
        its collateral; positions in isolated markets have subaccounts of their own. Subaccounts without positions are
        left out.

    Raises
    ------
    InputError
        If a value breaks a rule, a market is unknown, or collateral is no USDC: the message names file, line, field,
        value and rule.
    KindError
        If an argument has the wrong type.
    StoreError
        If a file cannot be read.
    TooLargeError
        If a file is larger than such files are.

    Notes
    -----
    The wallet of an account is its USDC, a short of it counted below zero, and `size*entryPrice` of its positions, so
    that wallet and unrealised profits are its equity. Source: the schema of the indexer's API; the equity of a live
    subaccount of 42 positions is reproduced to fifteen digits.

    Examples
    --------
    >>> import levcore as lc
    >>> position = {"market": "BTC-USD", "status": "OPEN", "side": "SHORT", "size": "-0.5", "entryPrice": "60000"}
    >>> dollars = {"symbol": "USDC", "side": "LONG", "size": "33000"}
    >>> held = {"openPerpetualPositions": {"BTC-USD": position}, "assetPositions": {"USDC": dollars}}
    >>> book = lc.loaders.dydx.positions({"subaccount": held}, venue=lc.venues.dydx_v4("BTC-USD"))
    >>> book.accounts.balances["USDC"]
    array([3000.])
    """
    holdings = Holdings(venue, symbols)
    for _, answer in several(source, _is_answer):
        for subaccount in _subaccounts(answer):
            rows = list(_open(subaccount, holdings))
            if not rows:
                continue
            account = holdings.account(math.fsum([_dollars(subaccount), *(size * entry for _, size, entry in rows)]))
            for code, size, entry in rows:
                holdings.add(code, quantity=size, entry_price=entry, margin=math.nan, account=account)
    return holdings.book()


def _is_answer(value: Any) -> bool:
    return isinstance(value, Mapping) and any(
        name in value for name in ("subaccounts", "subaccount", "openPerpetualPositions")
    )


def _subaccounts(answer: Node) -> Iterator[Node]:
    answer.fields("a subaccount with openPerpetualPositions")
    if "subaccounts" in answer.value:
        found = answer.child("subaccounts").children("subaccounts")
    else:
        found = iter([answer.child("subaccount") if "subaccount" in answer.value else answer])
    return (subaccount.fields("a subaccount with openPerpetualPositions") for subaccount in found)


def _open(subaccount: Node, holdings: Holdings) -> Iterator[tuple[int, float, float]]:
    for position in subaccount.child("openPerpetualPositions").entries("positions by market"):
        position.fields("a position with market")
        if position.get("status") is not None and position.word("status") != "OPEN":
            continue
        size = position.number("size")
        if size == 0.0:
            continue
        side = position.word("side", SIDES)
        if (side == "LONG") != (size > 0.0):
            position.refuse(f"must be {'>' if side == 'LONG' else '<'} 0 where side is {side}, was {size:g}", "size")
        code, _ = holdings.instrument(position, "market")
        yield code, size, position.number("entryPrice", above=0.0)


def _dollars(subaccount: Node) -> float:
    """Return the USDC of a subaccount, below zero where it owes them."""
    found = 0.0
    for asset in subaccount.child("assetPositions").entries("assets by symbol"):
        asset.fields("an asset with symbol").word("symbol", ("USDC",))
        size = asset.number("size", at_least=0.0)
        found += size if asset.word("side", SIDES) == "LONG" else -size
    return found
