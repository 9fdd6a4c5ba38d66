"""ccxt: unified positions and leverage tiers, of every venue that ccxt knows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from levcore import checks
from levcore.book import Book
from levcore.errors import InputError
from levcore.futures import InverseFuture
from levcore.instruments import InversePerpetual
from levcore.loaders.documents import Node, is_list, several
from levcore.loaders.holdings import Holdings, posted, wallet_of
from levcore.venue import Venue
from levcore.venues.loading import read_ccxt_tiers as tiers

__all__ = ["positions", "tiers"]

UNIFIED = re.compile(r"(?P<base>[^/:]+)/(?P<quote>[^/:]+):(?P<settle>[^/:-]+)")


def positions(
    source: Any,
    *,
    venue: Venue,
    wallet: float | Mapping[str, float] | Sequence[float] | None = None,
    symbols: Mapping[str, str] | None = None,
    contract_size: float | Mapping[str, float] | None = None,
) -> Book:
    """Read ccxt's unified positions.

    Parameters
    ----------
    source : path or list of dict, or several of them
        The answer of ``fetch_positions()`` or a JSON file that holds it (at most 256 MB). Of several accounts, a list
        or a mapping of answers.
    venue : Venue
        The rulebook.
    wallet : float, or one an account, optional
        Balance of the account in the settlement currency, without unrealised profit; needed where a position is in
        cross margin, for a unified position does not tell it.
    symbols : mapping of str to str, optional
        ccxt's symbols to the venue's. Those of perpetuals are understood: "BTC/USDT:USDT" is BTCUSDT, BTC-USDT-SWAP,
        BTC_USDT, BTC-USD or BTC, whichever the venue has.
    contract_size : float or mapping of str to float, optional
        Base units a contract, > 0, by ccxt's symbol, for positions whose `contractSize` is null.

    Returns
    -------
    Book
        A row a position that is open, in the order of the source. Those in cross margin share one account an answer.

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
    The margin of an isolated position is what was posted, without unrealised profit: `positionMargin`, or else
    `collateral` less `unrealizedPnl`. Source: ccxt's manual, "Positions".

    Examples
    --------
    >>> import levcore as lc
    >>> row = {"symbol": "BTC/USDC:USDC", "side": "short", "contracts": 2.0, "contractSize": 1.0, "entryPrice": 100.0}
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.loaders.ccxt.positions([row | {"marginMode": "cross"}], venue=venue, wallet=50.0)
    >>> book.quantity, book.accounts.balances["USDC"]
    (array([-2.]), array([50.]))
    """
    holdings = Holdings(venue, symbols, _spellings)
    for key, node in several(source, _is_answer):
        account = None
        for position in node.children("positions"):
            position.fields("a position with symbol")
            contracts = position.number("contracts", at_least=0.0)
            if contracts == 0.0:
                continue
            code, instrument = holdings.instrument(position, "symbol")
            side = 1.0 if position.word("side", ("long", "short")) == "long" else -1.0
            if isinstance(instrument, (InversePerpetual, InverseFuture)):
                _same_contracts(position, instrument.contract_value)
            else:
                contracts *= _size(position, contract_size)
            margin, row = math.nan, -1
            if position.word("marginMode", ("isolated", "cross")) == "isolated":
                margin = _posted(position)
            else:
                if account is None:
                    account = holdings.account(wallet_of(wallet, key, position, venue))
                row = account
            entry = position.number("entryPrice", above=0.0)
            holdings.add(code, quantity=side * contracts, entry_price=entry, margin=margin, account=row)
    return holdings.book()


def _is_answer(value: Any) -> bool:
    return is_list(value) and all(isinstance(row, Mapping) for row in value)


def _posted(position: Node) -> float:
    if position.get("positionMargin") is not None:
        return position.number("positionMargin", above=0.0)
    margin = position.number("collateral") - position.number("unrealizedPnl")
    return posted(position.child("collateral"), margin, "collateral - unrealizedPnl")


def _size(position: Node, contract_size: float | Mapping[str, float] | None) -> float:
    """Return the base units a contract."""
    if position.get("contractSize") is not None:
        return position.number("contractSize", above=0.0)
    symbol, given = position.value["symbol"], contract_size
    if isinstance(given, Mapping):
        given = given.get(symbol)
    if given is None:
        raise InputError(
            f"{position.where('contractSize')} is null: contract_size must be given for {symbol!r}, in base units"
        )
    return checks.number("contract_size", given, above=0.0, at_most=checks.LARGEST)


def _same_contracts(position: Node, value: float) -> None:
    if position.get("contractSize") is not None and position.number("contractSize", above=0.0) != value:
        position.refuse(
            f"must be {value:g}, the venue's contract_value, was {position.get('contractSize')}", "contractSize"
        )


def _spellings(theirs: str, venue: Venue) -> Iterator[str]:
    """Return how venues may write the symbol of a perpetual."""
    yield theirs
    parts = UNIFIED.fullmatch(theirs)
    if parts is None or venue.settlement not in (parts["settle"], "USD"):  # a venue that was not told says USD
        return
    base, quote = parts["base"], parts["quote"]
    yield from (f"{base}{quote}", f"{base}-{quote}-SWAP", f"{base}_{quote}", f"{base}{quote}_PERP")
    yield from (f"{base}-PERPETUAL", f"{base}-PERP", f"{base}-{quote}", f"{base}-USD", base)
