"""Positions of others becoming a book: their symbols, wallets and margins put in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from levcore import checks
from levcore.book import Book
from levcore.errors import InputError, KindError
from levcore.instruments import Instrument
from levcore.loaders.documents import Node, Step, is_list
from levcore.positions import ISOLATED, Accounts
from levcore.venue import Venue

#: How many symbols an error lists.
LISTED = 20


class Holdings:
    """Positions and wallets as they are found, a row each."""

    def __init__(
        self, venue: Any, symbols: Any, ours: Callable[[str, Venue], Iterable[str]] = lambda theirs, venue: (theirs,)
    ) -> None:
        self.venue = checks.instance("venue", venue, Venue)
        self._ours = ours
        self._codes = {symbol: code for code, symbol in enumerate(self.venue.symbols)}
        self._known: dict[str, int] = {}
        self._codes_found: list[int] = []
        self._columns: dict[str, list[float]] = {"quantity": [], "entry_price": [], "margin": []}
        self._accounts: list[int] = []
        self._wallets: list[float] = []
        self._map(symbols)

    def _map(self, symbols: Any) -> None:
        if symbols is None:
            return
        if not isinstance(symbols, Mapping):
            raise KindError(
                f"symbols must be a mapping of their symbols to the venue's, was {checks.describe(symbols)}"
            )
        for theirs, ours in symbols.items():
            if not isinstance(theirs, str) or ours not in self._codes:
                raise InputError(f"symbols[{theirs!r}] must be a symbol of the venue ({self._listed()}), was {ours!r}")
            self._known[theirs] = self._codes[ours]

    def instrument(self, node: Node, field: str) -> tuple[int, Instrument]:
        """Return the instrument that a field names, as the venue writes it."""
        theirs = node.word(field)
        code = self._known.get(theirs)
        if code is None:
            code = next((self._codes[one] for one in self._ours(theirs, self.venue) if one in self._codes), None)
            if code is None:
                node.refuse(
                    f"must be a symbol of the venue ({self._listed()}) or stand in symbols=, was {theirs!r}", field
                )
            self._known[theirs] = code
        return code, self.venue.instruments[code]

    def add(self, code: int, *, quantity: float, entry_price: float, margin: float, account: int = ISOLATED) -> None:
        """Note a position; the margin of one that belongs to an account is nan."""
        self._codes_found.append(code)
        for name, value in (("quantity", quantity), ("entry_price", entry_price), ("margin", margin)):
            self._columns[name].append(value)
        self._accounts.append(account)

    def account(self, wallet: float) -> int:
        """Note an account and return its row."""
        self._wallets.append(wallet)
        return len(self._wallets) - 1

    def book(self) -> Book:
        """Return the book of what was noted."""
        return Book(
            self.venue,
            instrument=np.array(self._codes_found, dtype=np.int32),
            **{name: np.array(values, dtype=np.float64) for name, values in self._columns.items()},
            account=np.array(self._accounts, dtype=np.int64),
            accounts=Accounts(**{self.venue.settlement: self._wallets}) if self._wallets else Accounts(),
        )

    def _listed(self) -> str:
        symbols = self.venue.symbols
        return ", ".join(symbols[:LISTED]) + (f" and {len(symbols) - LISTED} more" if len(symbols) > LISTED else "")


def posted(node: Node, margin: float, made_of: str) -> float:
    """Return what was posted to an isolated position, which must be something."""
    if not (margin >= checks.SMALLEST):
        node.refuse(f"must leave a margin > 0 ({made_of}), was {margin:.10g}")
    return margin


def wallet_of(wallet: Any, key: Step | None, node: Node, venue: Venue) -> float:
    """Return the wallet of an account whose positions do not tell it: the number, or the entry of its key."""
    name = "wallet"
    if key is not None and wallet is not None:
        if not (isinstance(wallet, Mapping) or is_list(wallet) or hasattr(wallet, "__array__")):
            raise KindError(f"wallet must have an entry for each account, was {checks.describe(wallet)}")
        try:
            wallet, name = wallet[key], f"wallet[{key!r}]"
        except (KeyError, IndexError, TypeError):
            raise InputError(f"wallet must have an entry for each account, had none for {key!r}") from None
    if wallet is None:
        node.refuse(
            f"is in cross margin: wallet must be given, the balance of the account in {venue.settlement} without "
            "unrealised profit"
        )
    return checks.number(name, wallet, at_most=checks.LARGEST)
