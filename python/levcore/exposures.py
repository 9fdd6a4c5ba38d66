"""Exposure and leverage of a book: by account, by asset, by instrument, and for the venue as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from levcore import checks, positions
from levcore.account_valuation import AccountValuation
from levcore.per_asset import PerAsset

if TYPE_CHECKING:
    from levcore.market import Market

Floats = npt.NDArray[np.float64]
Name = Literal["asset", "instrument"]
Grouping = Literal["account", "asset", "instrument"]


class Exposures(AccountValuation):
    """The part of a Book that answers how large its positions are, and how large against what stands behind them.

    Amounts are in quote units: the settlement currency of linear instruments; of inverse ones what their contracts are
    counted in. Where a method answers by account, an isolated position is an account of its own: first come the rows of
    the accounts table, then the isolated positions in the book's order: ``numpy.flatnonzero(book.account < 0)``.
    """

    __slots__ = ()

    @overload
    def gross_exposure(self, prices: float | Mapping[str, float] | Market, by: None = None) -> float: ...
    @overload
    def gross_exposure(self, prices: float | Mapping[str, float] | Market, by: Literal["account"]) -> Floats: ...
    @overload
    def gross_exposure(self, prices: float | Mapping[str, float] | Market, by: Name) -> PerAsset[float]: ...
    def gross_exposure(
        self, prices: float | Mapping[str, float] | Market, by: Grouping | None = None
    ) -> float | Floats | PerAsset[float]:
        """Return the gross exposure: notional at the mark, longs and shorts added.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.
        by : {"account", "asset", "instrument"}, optional
            None: of the whole venue.

        Returns
        -------
        float, float64[accounts + isolated], or mapping of names to float
            Quote units. By account: the accounts table's rows, then the isolated positions in the book's order.

        Raises
        ------
        InputError
            If a price is missing or not > 0.

        Notes
        -----
        ``sum(abs(quantity)*price)``; of inverse positions ``sum(abs(quantity)*contract_value)``. Source: the usual
        definition of funds' reports (AIFMD's gross method, without cash).

        Examples
        --------
        >>> import levcore as lc
        >>> venue = lc.venues.hyperliquid(["BTC", "ETH"])
        >>> held = {"quantity": [1.0, -20.0], "entry_price": [60_000.0, 2_500.0], "margin": [9_000.0, 4_000.0]}
        >>> book = lc.Book(venue, instrument=["BTC", "ETH"], **held)
        >>> book.gross_exposure({"BTC": 60_000.0, "ETH": 2_500.0})
        110000.0
        """
        answer: float | Floats | PerAsset[float] = self._grouped(np.abs(self.exposure(prices)), by)
        return answer

    @overload
    def net_exposure(self, prices: float | Mapping[str, float] | Market, by: None = None) -> float: ...
    @overload
    def net_exposure(self, prices: float | Mapping[str, float] | Market, by: Literal["account"]) -> Floats: ...
    @overload
    def net_exposure(self, prices: float | Mapping[str, float] | Market, by: Name) -> PerAsset[float]: ...
    def net_exposure(
        self, prices: float | Mapping[str, float] | Market, by: Grouping | None = None
    ) -> float | Floats | PerAsset[float]:
        """Return the net exposure: notional at the mark, longs less shorts.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.
        by : {"account", "asset", "instrument"}, optional
            None: of the whole venue, where it is 0 if every position has its opposite.

        Returns
        -------
        float, float64[accounts + isolated], or mapping of names to float
            Quote units, short < 0. By account: the accounts table's rows, then the isolated positions.

        Raises
        ------
        InputError
            If a price is missing or not > 0.

        Notes
        -----
        ``sum(quantity*price)``; of inverse positions ``sum(quantity*contract_value)``. Source: the usual definition.

        Examples
        --------
        >>> import levcore as lc
        >>> venue = lc.venues.hyperliquid(["BTC", "ETH"])
        >>> held = {"quantity": [1.0, -20.0], "entry_price": [60_000.0, 2_500.0], "margin": [9_000.0, 4_000.0]}
        >>> book = lc.Book(venue, instrument=["BTC", "ETH"], **held)
        >>> book.net_exposure({"BTC": 60_000.0, "ETH": 2_500.0}, by="asset")
        {'BTC': 60000.0, 'ETH': -50000.0}
        """
        answer: float | Floats | PerAsset[float] = self._grouped(self.exposure(prices), by)
        return answer

    @overload
    def delta_exposure(self, prices: float | Mapping[str, float] | Market, by: None = None) -> float: ...
    @overload
    def delta_exposure(self, prices: float | Mapping[str, float] | Market, by: Literal["account"]) -> Floats: ...
    @overload
    def delta_exposure(self, prices: float | Mapping[str, float] | Market, by: Name) -> PerAsset[float]: ...
    def delta_exposure(
        self, prices: float | Mapping[str, float] | Market, by: Grouping | None = None
    ) -> float | Floats | PerAsset[float]:
        """Return the delta exposure: what equity, in quote units, gains by a rise of the prices, per relative rise.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.
        by : {"account", "asset", "instrument"}, optional
            None: of the whole venue. By instrument collateral is left out, for it belongs to none.

        Returns
        -------
        float, float64[accounts + isolated], or mapping of names to float
            Quote units, short < 0. By account: the accounts table's rows, then the isolated positions. By asset: the
            venue's assets, then its other coins of collateral.

        Raises
        ------
        InputError
            If a price is missing or not > 0.

        Notes
        -----
        Where equity is ``c + sum(q*price)`` it is ``sum(q*price)``. A linear position has its net exposure. Coins have
        the price's risk themselves: collateral counts with its full value, and an inverse position of n contracts of W,
        entered at E with m coins, has ``q = m + n*W/E``. So an inverse short margined at 1x has a delta of 0. Source:
        the page "The model", section 2.

        Examples
        --------
        >>> import levcore as lc
        >>> table = lc.MarginTiers([0.0], [0.005])
        >>> venue = lc.venues.bybit_inverse(tiers={"BTCUSD": table})
        >>> held = {"quantity": [-60_000.0], "entry_price": [60_000.0], "margin": [1.0]}
        >>> book = lc.Book(venue, instrument="BTCUSD", **held)
        >>> book.net_exposure(60_000.0), book.delta_exposure(60_000.0)
        (-60000.0, 0.0)
        """
        at = self._price_column(prices)[self._instrument]
        inverse = self._inverse[self._instrument]
        margin = np.where(self._account < 0, self._columns["margin"], 0.0)
        coins = margin + self.exposure(prices) / self._columns["entry_price"]
        own = np.where(inverse, coins * at, self.exposure(prices))
        if by == "instrument" or not len(self._accounts):
            alone: float | Floats | PerAsset[float] = self._grouped(own, by)
            return alone
        coin = {name: balance * price for name, (balance, price) in self._coins(prices).items()}
        if by == "account":
            together: Floats = self._grouped(own, by)
            for worth in coin.values():
                together[: len(self._accounts)] += worth
            return together
        per_asset = dict(self._grouped(own, "asset"))
        for name, worth in coin.items():
            per_asset[name] = per_asset.get(name, 0.0) + float(worth.sum())
        if by is None:
            return float(sum(per_asset.values()))
        self._grouped(own, by)  # refuses a grouping that there is not
        return PerAsset(per_asset)

    def _grouped(self, values: Floats, by: object) -> Any:
        """Return sums of a value a position over the whole book or over groups of it."""
        if by is None:
            return float(values.sum())
        if checks.choice("by", by, ("account", "asset", "instrument")) == "account":
            return np.bincount(self._account_of_each(), values, len(self._accounts) + self._isolated_count())
        at_venue = self._venue
        names = at_venue.symbols if by == "instrument" else at_venue.assets
        codes = range(len(names)) if by == "instrument" else [names.index(i.asset) for i in at_venue.instruments]
        sums = np.bincount(np.array(codes)[self._instrument], values, len(names))
        return PerAsset(dict(zip(names, sums.tolist(), strict=True)))

    def _account_of_each(self) -> npt.NDArray[np.int64]:
        """Return which account each position belongs to, isolated ones after the rows of the table."""
        isolated = self._account < 0
        own: npt.NDArray[np.int64] = np.where(isolated, len(self._accounts) - 1 + np.cumsum(isolated), self._account)
        return own

    def _isolated_count(self) -> int:
        return int(np.count_nonzero(self._account < 0))

    def _coins(self, prices: float | Mapping[str, float] | Market) -> dict[str, tuple[Floats, float]]:
        """Return the balances of accounts in coins whose price moves, each with that price in quote units."""
        table = positions.balance_table(self._venue, self._accounts)
        if self._inverse.any():
            return {self._venue.settlement: (table[:, 0], self._settlement_price(prices))}
        held = zip(self._venue.collateral, self._coin_prices(prices).tolist(), strict=True)
        return {coin: (table[:, 1 + place], price) for place, (coin, price) in enumerate(held)}

    def _settlement_price(self, prices: float | Mapping[str, float] | Market) -> float:
        """Return what a unit of the settlement currency is worth in quote units."""
        return float(self._price_column(prices)[0]) if self._inverse.any() else 1.0
