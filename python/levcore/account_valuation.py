"""What cross accounts are worth and owe at given prices, and where they fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.valuation import Valuation

if TYPE_CHECKING:
    from levcore.market import Market
    from levcore.positions import Accounts

Floats = npt.NDArray[np.float64]


class AccountValuation(Valuation):
    """The part of a Book that answers questions about its cross accounts."""

    __slots__ = ("_account", "_accounts")

    _account: npt.NDArray[np.int64]
    _accounts: Accounts

    def account_equity(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return each account's equity: balances at full value and the unrealised profit of its positions.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.

        Returns
        -------
        float64[accounts]
            Settlement currency.

        Raises
        ------
        InputError
            If a price is missing or not > 0.
        """
        return self._health(prices, 0)

    def account_maintenance_margin(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return each account's maintenance requirement, one sum over its positions.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.

        Returns
        -------
        float64[accounts]
            Settlement currency.

        Raises
        ------
        InputError
            If a price is missing or not > 0.
        """
        return self._health(prices, 1)

    def account_slack(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return each account's slack: collateral by the share that counts and unrealised profit, less maintenance.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.

        Returns
        -------
        float64[accounts]
            Settlement currency; below 0 the account is liquidatable.

        Raises
        ------
        InputError
            If a price is missing or not > 0.
        """
        return self._health(prices, 2)

    def liquidatable(self, prices: float | Mapping[str, float] | Market) -> npt.NDArray[np.bool_]:
        """Return which positions are liquidatable at these mark prices: on their own, or with their account.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.

        Returns
        -------
        bool[n]
            ``numpy.flatnonzero`` lists them; ``book[mask]`` is the book of them.

        Raises
        ------
        InputError
            If a price is missing or not > 0.
        """
        alone = super().liquidatable(prices)
        if not len(self._accounts):
            return alone
        slack = self.account_slack(prices)
        failing = (slack < 0.0) | (self._venue.liquidate_at_equality & (slack == 0.0))
        held = self._columns["quantity"] != 0.0
        together = failing[self._account] & held
        answers: npt.NDArray[np.bool_] = np.where(self._account >= 0, together, alone)
        return answers

    def liquidation_price_at(
        self, prices: float | Mapping[str, float] | Market, *, side: Literal["falling", "below", "above"] = "falling"
    ) -> Floats:
        """Return each position's liquidation price, every other asset's price held still.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.
        side : {"falling", "below", "above"}
            Where to look for the price of an account's position: on the side on which its slack falls at the mark, or
            below or above the mark. A hedge may fail on both.

        Returns
        -------
        float64[n]
            Of an isolated position its `liquidation_price`, on whichever side; of an account's position the first price
            of its asset on that side at which the account fails, its other positions and its collateral on that asset
            moving along; nan where there is none. An account that fails already: where it would come back.

        Raises
        ------
        InputError
            If a price is missing or not > 0, or the side is none of these.

        Notes
        -----
        Both legs of a hedge share one price. Source: Binance's cross-margin formula, its own notional picking the
        tier of each position.

        Examples
        --------
        >>> import levcore as lc
        >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
        >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
        >>> held = {"instrument": "BTCUSDT", "quantity": [1.0], "entry_price": [100.0], "account": [0]}
        >>> book = lc.Book(venue, **held, accounts=lc.Accounts(USD=[10.0]))
        >>> book.liquidation_price_at(100.0).round(3)
        array([90.452])
        """
        checks.choice("side", side, ("falling", "below", "above"))
        at, marks = np.array(self.liquidation_price), self._price_column(prices)
        if not len(self._accounts):
            return at
        names = list(dict.fromkeys((*self._venue.assets, *self._venue.collateral)))
        codes = np.array([names.index(instrument.asset) for instrument in self._venue.instruments], dtype=np.int32)
        coins = np.array([names.index(coin) for coin in self._venue.collateral], dtype=np.int32)
        of_accounts = self._native.account_prices(marks, self._coin_prices(prices), codes, coins, side)
        answers: Floats = np.where(self._account >= 0, of_accounts, at)
        return answers

    def _health(self, prices: float | Mapping[str, float] | Market, which: int) -> Floats:
        rows: Floats = self._native.accounts_health(self._price_column(prices), self._coin_prices(prices))[which]
        return rows

    def _coin_prices(self, prices: object) -> Floats:
        from levcore.market import Market

        prices = checks.labelled(prices)
        if isinstance(prices, Market):
            prices = prices.prices
        coins = self._venue.collateral
        given: Mapping[str, float] = prices if isinstance(prices, Mapping) else {}
        if not isinstance(prices, Mapping) and self._venue.assets == tuple(coins):
            given = dict.fromkeys(coins, float(prices))  # type: ignore[arg-type]
        missing = [coin for coin in coins if coin not in given]
        if missing:
            raise InputError(f"prices must have every coin of collateral; missing: {', '.join(missing)}")
        limit = checks.LARGEST
        return np.array([checks.number(f"prices[{c!r}]", given[c], above=0.0, at_most=limit) for c in coins])
