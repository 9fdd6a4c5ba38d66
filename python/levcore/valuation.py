"""What a book is worth and owes at given prices: equity, requirements, liquidation prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from levcore import _core, checks, thread_count
from levcore.errors import InputError, KindError
from levcore.instruments import Instrument
from levcore.venue import Venue

if TYPE_CHECKING:
    from levcore.liquidation_map import LiquidationMap
    from levcore.market import Market

Floats = npt.NDArray[np.float64]


class Valuation:
    """The half of a Book that answers questions about it; the columns are in :class:`levcore.Book`."""

    __slots__ = ("_columns", "_instrument", "_liquidation_price", "_native", "_venue")

    _venue: Venue
    _native: _core.Book
    _columns: dict[str, Floats]
    _instrument: npt.NDArray[np.int32]
    _liquidation_price: Floats | None

    @property
    def liquidation_price(self) -> Floats:
        """Liquidation prices, nan where there is none; float64[n], read-only.

        The price at which equity equals the maintenance requirement, the tier picked by the notional at that very
        price. Where the requirement jumps: the highest (shorts: lowest) price at or next to which equity falls short.
        """
        if self._liquidation_price is None:
            self._liquidation_price = checks.frozen(self._native.liquidation_price(thread_count.asked(None)))
        return self._liquidation_price

    @property
    def bankruptcy_price(self) -> Floats:
        """Prices at which equity is zero, nan where there is none; float64[n], read-only."""
        return checks.frozen(self._native.bankruptcy_price())

    def equity(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return each position's equity: margin and unrealised profit.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.

        Returns
        -------
        float64[n]
            Settlement currency.

        Raises
        ------
        InputError
            If a price is missing or not > 0.
        """
        return self._native.equity(self._price_column(prices))

    def maintenance_margin(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return each position's maintenance requirement, closing fee included where the instrument counts one.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.

        Returns
        -------
        float64[n]
            Settlement currency.

        Raises
        ------
        InputError
            If a price is missing or not > 0.
        """
        return self._native.maintenance_margin(self._price_column(prices))

    def initial_margin(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return the least margin that opening each position would take: notional over its tier's highest leverage.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.

        Returns
        -------
        float64[n]
            Settlement currency. Where requirements are taken at entry (`basis`), so is this.

        Raises
        ------
        InputError
            If a price is missing or not > 0, or the tiers of an instrument held have no `max_leverage`.

        Examples
        --------
        >>> import levcore as lc
        >>> tiers = lc.MarginTiers(floor=[0, 50_000], maintenance_rate=[0.004, 0.005], max_leverage=[125, 100])
        >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
        >>> held = {"quantity": [0.5, -2.0], "entry_price": [50_000.0] * 2, "margin": [5_000.0] * 2}
        >>> book = lc.Book(venue, instrument="BTCUSDT", **held)
        >>> book.initial_margin(60_000.0)
        array([ 240., 1200.])
        """
        marks = self._price_column(prices).tolist()
        required = np.empty(len(self._instrument))
        for code, (instrument, mark) in enumerate(zip(self._venue.instruments, marks, strict=True)):
            rows = np.flatnonzero(self._instrument == code)
            table = instrument.tiers
            if rows.size and table.max_leverage is None:
                raise InputError(f"initial_margin needs a max_leverage, {instrument.symbol!r} has none in its tiers")
            required[rows] = _initial_margin(
                instrument, np.abs(self._columns["quantity"][rows]), self._columns["entry_price"][rows], mark
            )
        return required

    def exposure(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return each position's signed notional, ``quantity * price``; of an inverse one its contracts' value.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.

        Returns
        -------
        float64[n]
            Quote units (settlement currency of linear instruments), shorts negative.

        Raises
        ------
        InputError
            If a price is missing or not > 0.
        """
        per_unit = [
            instrument._quote_units if instrument.is_inverse else price
            for instrument, price in zip(self._venue.instruments, self._price_column(prices).tolist(), strict=True)
        ]
        notional: Floats = self._columns["quantity"] * np.array(per_unit)[self._instrument]
        return notional

    def leverage(self, prices: float | Mapping[str, float] | Market) -> Floats:
        """Return each position's leverage, notional over equity; inf where equity is not above 0.

        A position of an account has none of its own: nan; :meth:`leverage_factor` has the account's.

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.

        Returns
        -------
        float64[n]

        Raises
        ------
        InputError
            If a price is missing or not > 0.
        """
        worth = np.where(self._inverse, self._price_column(prices), 1.0)  # quote units of a settlement unit
        equity = self.equity(prices) * worth[self._instrument]
        notional = np.abs(self.exposure(prices))
        result = np.where(np.isnan(equity), np.nan, np.inf)
        np.divide(notional, equity, out=result, where=equity > 0.0)
        return result

    def liquidatable(self, prices: float | Mapping[str, float] | Market) -> npt.NDArray[np.bool_]:
        """Return which positions are liquidatable at these mark prices.

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
        answers: npt.NDArray[np.bool_] = self._native.liquidatable(self._price_column(prices)) != 0.0
        return answers

    def liquidation_map(
        self,
        prices: float | Mapping[str, float] | Market,
        *,
        asset: str | None = None,
        bins: int = 120,
        span: float = 0.5,
    ) -> LiquidationMap:
        """Return how much notional is liquidated at which price, longs and shorts.

        Positions of accounts are not on it: their price depends on what else the account holds
        (:meth:`liquidation_price_at`).

        Parameters
        ----------
        prices : mapping of str to float, Market, or float
            Mark price per asset; a number where the venue has one asset.
        asset : str, optional
            Which asset; needed where the venue has several.
        bins : int
            Number of price bins.
        span : float
            The map reaches from ``(1 - span)`` to ``(1 + span)`` times the mark price, in (0, 1).

        Returns
        -------
        LiquidationMap

        Raises
        ------
        InputError
            If an argument breaks a rule.
        """
        from levcore import liquidation_map

        names = self._venue.assets
        if asset is None and len(names) != 1:
            raise InputError(f"asset must be named where a venue has several: {', '.join(names)}")
        named = names[0] if asset is None else asset
        checks.names_in("asset", {named: None}, names)
        at, quantity, notional = self._liquidations(named)
        return liquidation_map.build(named, self._prices(prices)[named], at, quantity, notional, bins=bins, span=span)

    def _liquidations(self, asset: str) -> tuple[Floats, Floats, Floats]:
        """Return of an asset's positions the liquidation price, quantity, and notional there in quote units."""
        codes = [code for code, instrument in enumerate(self._venue.instruments) if instrument.asset == asset]
        mine = np.isin(self._instrument, codes)
        at, quantity = self.liquidation_price[mine], self._columns["quantity"][mine]
        value = np.array([instrument._quote_units or np.nan for instrument in self._venue.instruments])
        per_unit = value[self._instrument[mine]]
        return at, quantity, np.abs(quantity) * np.where(np.isnan(per_unit), at, per_unit)

    @property
    def _inverse(self) -> npt.NDArray[np.bool_]:
        return np.array([instrument.is_inverse for instrument in self._venue.instruments])

    def _prices(self, prices: object) -> dict[str, float]:
        from levcore.market import Market

        names = self._venue.assets
        prices = checks.labelled(prices)
        if isinstance(prices, Market):
            prices = prices.prices
        if not isinstance(prices, Mapping):
            if np.ndim(cast("Any", prices)) != 0 or isinstance(prices, str) or prices is None:
                raise KindError(f"prices must be a mapping, a Market or a number, was {checks.describe(prices)}")
            if len(names) != 1:
                raise InputError(f"prices must be a mapping where a venue has several assets: {', '.join(names)}")
            prices = {names[0]: prices}
        missing = [name for name in names if name not in prices]
        if missing:
            raise InputError(f"prices must have every asset of the venue; missing: {', '.join(missing)}")
        limit = checks.LARGEST
        return {name: checks.number(f"prices[{name!r}]", prices[name], above=0.0, at_most=limit) for name in names}

    def _price_column(self, prices: object) -> Floats:
        by_asset = self._prices(prices)
        return np.array([by_asset[instrument.asset] for instrument in self._venue.instruments])


def _initial_margin(instrument: Instrument, size: Floats, entry: Floats, mark: float) -> Floats:
    """Return notional over the highest leverage of each size."""
    quote, tiers = instrument._quote_units, instrument.tiers
    at_mark, at_entry = (size * (quote / price if quote else price) for price in (mark, entry))
    notional = at_mark if instrument.basis == "mark" else at_entry
    measured = {"contracts": size, "entry": at_entry, "notional": notional}[tiers.measure]
    return notional / tiers.max_leverage_at(measured)
