"""How much is held against what stands behind it: leverage, margin and collateralisation ratios of a book."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from levcore import checks, positions
from levcore.exposures import Exposures

if TYPE_CHECKING:
    from levcore.market import Market

Floats = npt.NDArray[np.float64]


class LeverageMeasures(Exposures):
    """The part of a Book that sets exposure, requirement and collateral against each other.

    Where a method answers by account, an isolated position is an account of its own: first come the rows of the
    accounts table, then the isolated positions in the book's order.
    """

    __slots__ = ()

    @overload
    def leverage_factor(self, prices: float | Mapping[str, float] | Market, by: None = None) -> float: ...
    @overload
    def leverage_factor(self, prices: float | Mapping[str, float] | Market, by: Literal["account"]) -> Floats: ...
    def leverage_factor(
        self, prices: float | Mapping[str, float] | Market, by: Literal["account"] | None = None
    ) -> float | Floats:
        """Return the leverage factor: gross exposure over equity.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.
        by : {"account"}, optional
            None: of the whole venue.

        Returns
        -------
        float or float64[accounts + isolated]
            inf where equity is not above 0 and something is held; 0 where nothing is held. By account: the accounts
            table's rows, then the isolated positions.

        Raises
        ------
        InputError
            If a price is missing or not > 0.

        Notes
        -----
        Equity at full value of collateral, as :meth:`account_equity`. Source: the usual definition; of one isolated
        position it is :meth:`leverage`.

        Examples
        --------
        >>> import levcore as lc
        >>> venue = lc.venues.hyperliquid("BTC")
        >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[6_000.0])
        >>> book.leverage_factor(57_000.0)
        19.0
        """
        ratio: float | Floats = _over(
            self._gross(prices, by), _total(self._equities(prices), by), empty=0.0, broke=np.inf
        )
        return ratio

    @overload
    def leverage_ratio(self, prices: float | Mapping[str, float] | Market, by: None = None) -> float: ...
    @overload
    def leverage_ratio(self, prices: float | Mapping[str, float] | Market, by: Literal["account"]) -> Floats: ...
    def leverage_ratio(
        self, prices: float | Mapping[str, float] | Market, by: Literal["account"] | None = None
    ) -> float | Floats:
        """Return the leverage ratio: equity over gross exposure.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.
        by : {"account"}, optional
            None: of the whole venue.

        Returns
        -------
        float or float64[accounts + isolated]
            Below 0 where equity is; nan where nothing is held. By account: the accounts table's rows, then the isolated
            positions.

        Raises
        ------
        InputError
            If a price is missing or not > 0.

        Notes
        -----
        As banks have it: capital over exposure, not weighted by risk. Source: Basel III leverage ratio (BCBS 270).

        Examples
        --------
        >>> import levcore as lc
        >>> venue = lc.venues.hyperliquid("BTC")
        >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[6_000.0])
        >>> round(book.leverage_ratio(57_000.0), 4)
        0.0526
        """
        ratio: float | Floats = _over(_total(self._equities(prices), by), self._gross(prices, by))
        return ratio

    @overload
    def collateralisation_ratio(self, prices: float | Mapping[str, float] | Market, by: None = None) -> float: ...
    @overload
    def collateralisation_ratio(
        self, prices: float | Mapping[str, float] | Market, by: Literal["account"]
    ) -> Floats: ...
    def collateralisation_ratio(
        self, prices: float | Mapping[str, float] | Market, by: Literal["account"] | None = None
    ) -> float | Floats:
        """Return the collateralisation ratio: collateral posted, at market value, over gross exposure.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.
        by : {"account"}, optional
            None: of the whole venue.

        Returns
        -------
        float or float64[accounts + isolated]
            nan where nothing is held. By account: the accounts table's rows, then the isolated positions.

        Raises
        ------
        InputError
            If a price is missing or not > 0.

        Notes
        -----
        Lending has collateral over debt; here exposure takes the place of the debt. Collateral is margins and balances,
        full value, no haircut, without unrealised profit: with it, the ratio would be :meth:`leverage_ratio`.
        Source: the usual definition of lending protocols (MakerDAO).

        Examples
        --------
        >>> import levcore as lc
        >>> venue = lc.venues.hyperliquid("BTC")
        >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[6_000.0])
        >>> book.collateralisation_ratio(50_000.0)
        0.12
        """
        ratio: float | Floats = _over(_total(self._collateral_posted(prices), by), self._gross(prices, by))
        return ratio

    def margin_ratio(
        self, prices: float | Mapping[str, float] | Market, by: Literal["position", "account"] = "position"
    ) -> Floats:
        """Return the margin ratio: maintenance requirement over equity.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.
        by : {"position", "account"}
            "position": one value a position, that of its account where it belongs to one.

        Returns
        -------
        float64[n], or float64[accounts + isolated]
            1 and above is what liquidates (1 itself where equality does); inf where equity is not above 0 and something
            is required; 0 where nothing is. By account: the accounts table's rows, then the isolated positions.

        Raises
        ------
        InputError
            If a price is missing or not > 0.

        Notes
        -----
        Equity here is what checks count: coins of collateral by the share that counts. Source: Binance's margin ratio.

        Examples
        --------
        >>> import levcore as lc
        >>> venue = lc.venues.hyperliquid("BTC")
        >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[6_000.0])
        >>> book.margin_ratio(56_000.0)
        array([0.35])
        """
        each = checks.choice("by", by, ("position", "account")) == "position"
        isolated = self._account < 0
        required = self.maintenance_margin(prices)[isolated]
        equity = self.equity(prices)[isolated]
        if len(self._accounts):
            _, shared, slack = self._native.accounts_health(self._price_column(prices), self._coin_prices(prices))
            required = np.concatenate([shared, required])
            equity = np.concatenate([slack + shared, equity])
        ratio: Floats = _over(required, equity, empty=0.0, broke=np.inf)
        return ratio[self._account_of_each()] if each else ratio

    def market_leverage(self, prices: float | Mapping[str, float] | Market) -> float:
        """Return the market's leverage: open interest over all collateral posted.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset and per coin of collateral; a number where there is one asset.

        Returns
        -------
        float
            nan where no collateral is posted.

        Raises
        ------
        InputError
            If a price is missing or not > 0.

        Notes
        -----
        Open interest is one side's notional, instrument by instrument the larger side's where the book does not
        balance; collateral at market value, without haircut or unrealised profit. With a balanced book it is half of
        the inverse of :meth:`collateralisation_ratio`. Source: CryptoQuant's estimated leverage ratio, open interest
        over reserves.

        Examples
        --------
        >>> import levcore as lc
        >>> venue = lc.venues.hyperliquid("BTC")
        >>> held = {"quantity": [1.0, -1.0], "entry_price": [60_000.0] * 2, "margin": [6_000.0, 9_000.0]}
        >>> lc.Book(venue, instrument="BTC", **held).market_leverage(60_000.0)
        4.0
        """
        exposure = self.exposure(prices)
        size = len(self._venue.instruments)
        long = np.bincount(self._instrument, np.maximum(exposure, 0.0), size)
        short = np.bincount(self._instrument, np.maximum(-exposure, 0.0), size)
        return float(_over(np.maximum(long, short).sum(), self._collateral_posted(prices).sum()))

    def _gross(self, prices: float | Mapping[str, float] | Market, by: object) -> float | Floats:
        if by is not None:
            checks.choice("by", by, ("account",))
        gross: float | Floats = self._grouped(np.abs(self.exposure(prices)), by)
        return gross

    def _equities(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return the equity of each account and then of each isolated position, quote units."""
        alone = self.equity(prices)[self._account < 0]
        everyone = np.concatenate([self.account_equity(prices), alone]) if len(self._accounts) else alone
        return everyone * self._settlement_price(prices)

    def _collateral_posted(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return what each account and then each isolated position has posted, at market value in quote units."""
        worth = self._settlement_price(prices)
        alone = self._columns["margin"][self._account < 0] * worth
        if not len(self._accounts):
            return alone
        table = positions.balance_table(self._venue, self._accounts)
        unit = np.concatenate([[worth], self._coin_prices(prices)])
        return np.concatenate([table @ unit, alone])


def _total(values: Floats, by: object) -> float | Floats:
    return float(values.sum()) if by is None else values


def _over(above: object, below: object, *, empty: float = np.nan, broke: float = np.nan) -> Any:
    """Return a quotient: `empty` where nothing stands above or below what is not > 0, `broke` where something does."""
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    result = np.where(above == 0.0, empty, broke)
    np.divide(above, below, out=result, where=below > 0.0)
    return result if result.ndim else float(result)
