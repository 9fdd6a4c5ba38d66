"""Binance futures: position risk, leverage brackets, and the archive's klines, funding rates and depth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from levcore.book import Book
from levcore.loaders.binance_dumps import depth, funding_rates, klines
from levcore.loaders.columns import Bars, DepthSnapshots, FundingRates
from levcore.loaders.documents import Node, is_list, several
from levcore.loaders.holdings import Holdings, posted, wallet_of
from levcore.venue import Venue
from levcore.venues.loading import read_binance_tiers as brackets

__all__ = ["Bars", "DepthSnapshots", "FundingRates", "brackets", "depth", "funding_rates", "klines", "positions"]


def positions(
    source: Any,
    *,
    venue: Venue,
    wallet: float | Mapping[str, float] | Sequence[float] | None = None,
    symbols: Mapping[str, str] | None = None,
) -> Book:
    """Read Binance's position risk, USD-M or COIN-M.

    Parameters
    ----------
    source : path or list of dict, or several of them
        The answer of ``/fapi/v2/positionRisk``, ``/fapi/v3/positionRisk`` or ``/dapi/v1/positionRisk``, or a JSON file
        that holds it (at most 256 MB). Of several accounts, a list or a mapping of answers.
    venue : Venue
        The rulebook; of COIN-M, one for each coin.
    wallet : float, or one an account, optional
        Cross wallet balance of the account in the settlement currency, without unrealised profit
        (`crossWalletBalance`); needed where a position is in cross margin, for position risk does not tell it.
    symbols : mapping of str to str, optional
        Binance's symbols to the venue's; those that are not named are the venue's own.

    Returns
    -------
    Book
        A row a position that is open, in the order of the source: base units (COIN-M: contracts). Those in cross margin
        share one account an answer.

    Raises
    ------
    InputError
        If a value breaks a rule or a symbol is unknown: the message names file, line, field, value and rule.
    KindError
        If an argument has the wrong type.
    StoreError
        If a file cannot be read.
    TooLargeError
        If a file is larger than such files are.

    Notes
    -----
    The margin of an isolated position is what was posted, without unrealised profit: `isolatedWallet`, or where that is
    missing `isolatedMargin` less `unRealizedProfit`. Version 3 has no `marginType`: a position with an `isolatedMargin`
    other than 0 is isolated. Source: Binance's documentation of the three interfaces.

    Examples
    --------
    >>> import levcore as lc
    >>> row = {"symbol": "BTCUSD_PERP", "positionAmt": "2", "entryPrice": "37643.10000021", "marginType": "isolated"}
    >>> row |= {"isolatedMargin": "0.00274471", "isolatedWallet": "0.00268058", "unRealizedProfit": "0.00006413"}
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.004])
    >>> venue = lc.venues.binance_coinm("BTCUSD_PERP", tiers={"BTCUSD_PERP": tiers})
    >>> lc.loaders.binance.positions([row], venue=venue).liquidation_price.round(2)
    array([25119.97])
    """
    holdings = Holdings(venue, symbols)
    for key, node in several(source, _is_answer):
        account = None
        for position in node.children("positions"):
            position.fields("a position with symbol")
            quantity = position.number("positionAmt")
            if quantity == 0.0:
                continue
            _sided(position, quantity)
            code, _ = holdings.instrument(position, "symbol")
            margin, row = math.nan, -1
            if _is_isolated(position):
                margin = _posted(position)
            else:
                if account is None:
                    account = holdings.account(wallet_of(wallet, key, position, venue))
                row = account
            entry = position.number("entryPrice", above=0.0)
            holdings.add(code, quantity=quantity, entry_price=entry, margin=margin, account=row)
    return holdings.book()


def _is_answer(value: Any) -> bool:
    return is_list(value) and all(isinstance(row, Mapping) for row in value)


def _sided(position: Node, quantity: float) -> None:
    """Refuse an amount whose sign is not that of the side; in one-way mode there is no side."""
    if position.get("positionSide") is None:
        return
    side = position.word("positionSide", ("BOTH", "LONG", "SHORT"))
    if side != "BOTH" and (side == "LONG") != (quantity > 0.0):
        sign = ">" if side == "LONG" else "<"
        position.refuse(f"must be {sign} 0 where positionSide is {side}, was {quantity:g}", "positionAmt")


def _is_isolated(position: Node) -> bool:
    if position.get("marginType") is not None:
        return position.word("marginType", ("isolated", "cross")) == "isolated"
    return position.get("isolatedMargin") is not None and position.number("isolatedMargin") != 0.0


def _posted(position: Node) -> float:
    if position.get("isolatedWallet") is not None:
        return position.number("isolatedWallet", above=0.0)
    margin = position.number("isolatedMargin") - position.number("unRealizedProfit")
    return posted(position.child("isolatedMargin"), margin, "isolatedMargin - unRealizedProfit")
