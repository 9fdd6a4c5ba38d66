"""Hyperliquid: the state of a user's clearinghouse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from levcore.book import Book
from levcore.loaders.documents import Node, several
from levcore.loaders.holdings import Holdings, posted
from levcore.venue import Venue

__all__ = ["positions"]


def positions(source: Any, *, venue: Venue, symbols: Mapping[str, str] | None = None) -> Book:
    """Read the clearinghouse states of users.

    Parameters
    ----------
    source : path or dict, or several of them
        The answer of ``clearinghouseState`` or a JSON file that holds it (at most 256 MB). Of several users, a list or
        a mapping of answers.
    venue : Venue
        The rulebook: :func:`levcore.venues.hyperliquid`.
    symbols : mapping of str to str, optional
        Hyperliquid's coins to the venue's symbols; those that are not named are the venue's own.

    Returns
    -------
    Book
        A row a position that is open, in the order of the source. The cross positions of a user share an account.

    Raises
    ------
    InputError
        If a value breaks a rule or a coin is unknown: the message names file, line, field, value and rule.
    KindError
        If an argument has the wrong type.
    StoreError
        If a file cannot be read.
    TooLargeError
        If a file is larger than such files are.

    Notes
    -----
    The margin of an isolated position is what was posted, without unrealised profit: ``leverage.rawUsd + szi*entryPx``.
    The wallet of an account is ``crossMarginSummary.totalRawUsd`` and `szi*entryPx` of its cross positions. Source:
    Hyperliquid's documentation of the info endpoint; liquidation prices of its example and of a
    live account are reproduced within 1e-8.

    Examples
    --------
    >>> import levcore as lc
    >>> position = {"coin": "ETH", "szi": "0.0335", "entryPx": "2986.3"}
    >>> position |= {"leverage": {"type": "isolated", "value": 20, "rawUsd": "-95.059824"}}
    >>> state = {"assetPositions": [{"position": position, "type": "oneWay"}]}
    >>> lc.loaders.hyperliquid.positions(state, venue=lc.venues.hyperliquid("ETH")).margin.round(6)
    array([4.981226])
    """
    holdings = Holdings(venue, symbols)
    for _, state in several(source, _is_state):
        state.fields("a clearinghouse state with assetPositions")
        crossed: list[tuple[int, float, float]] = []
        rows: list[tuple[int, float, float, float]] = []
        for held in state.child("assetPositions").children("positions"):
            position = held.fields("an entry with position").child("position").fields("a position with coin")
            quantity = position.number("szi")
            if quantity == 0.0:
                continue
            code, _ = holdings.instrument(position, "coin")
            entry = position.number("entryPx", above=0.0)
            leverage = position.child("leverage").fields("a leverage with type")
            if leverage.word("type", ("isolated", "cross")) == "cross":
                crossed.append((code, quantity, entry))
                rows.append((code, quantity, entry, math.nan))
            else:
                rows.append((code, quantity, entry, _posted(leverage, quantity * entry)))
        account = holdings.account(_wallet(state, crossed)) if crossed else -1
        for code, quantity, entry, margin in rows:
            row = account if math.isnan(margin) else -1
            holdings.add(code, quantity=quantity, entry_price=entry, margin=margin, account=row)
    return holdings.book()


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and "assetPositions" in value


def _posted(leverage: Node, bought: float) -> float:
    margin = leverage.number("rawUsd") + bought
    return posted(leverage.child("rawUsd"), margin, "rawUsd + szi*entryPx")


def _wallet(state: Node, crossed: list[tuple[int, float, float]]) -> float:
    summary = state.child("crossMarginSummary").fields("a summary with totalRawUsd")
    return math.fsum([summary.number("totalRawUsd"), *(quantity * entry for _, quantity, entry in crossed)])
