"""The liquidation map of a book: how much notional is liquidated at which price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.display import money, price

if TYPE_CHECKING:
    import pandas


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class LiquidationMap:
    """How much notional of one asset is liquidated at which mark price, longs and shorts.

    Attributes
    ----------
    asset : str
        The asset.
    mark_price : float
        The mark price that the map is drawn around.
    edges : float64[bins + 1]
        Bounds of the price bins, rising.
    long_notional, short_notional : float64[bins]
        Notional at the liquidation price (``abs(quantity) * liquidation_price``) in each bin, settlement currency.
    long_beyond, short_beyond : float
        The same of positions whose liquidation price lies outside the edges.

    Notes
    -----
    What the sorted book says before any impact: a cascade adds to it.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> float(book.liquidation_map({"BTC": 100.0}).long_notional.sum().round(3))
    90.452
    """

    asset: str
    mark_price: float
    edges: Floats
    long_notional: Floats
    short_notional: Floats
    long_beyond: float
    short_beyond: float

    def to_frame(self) -> pandas.DataFrame:
        """Return one row a bin as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            Columns price_from, price_to, long_notional, short_notional.
        """
        from levcore.frames import pandas_frame

        columns: dict[str, npt.NDArray[Any]] = {
            "price_from": self.edges[:-1],
            "price_to": self.edges[1:],
            "long_notional": self.long_notional,
            "short_notional": self.short_notional,
        }
        return pandas_frame(columns)

    def __repr__(self) -> str:
        lines = [f"<levcore.LiquidationMap of {self.asset} around {price(self.mark_price)}>"]
        for side, notional, beyond in (
            ("longs", self.long_notional, self.long_beyond),
            ("shorts", self.short_notional, self.short_beyond),
        ):
            inside = f"{money(float(notional.sum()))} between {price(self.edges[0])} and {price(self.edges[-1])}"
            lines.append(f"  {side}: {inside}, {money(beyond)} beyond")
        return "\n".join(lines)


def build(
    asset: str,
    mark_price: float,
    liquidation_price: Floats,
    quantity: Floats,
    notional: Floats,
    *,
    bins: object,
    span: object,
) -> LiquidationMap:
    """Work out the liquidation map of one asset's positions."""
    count = checks.integer("bins", bins, at_least=1, at_most=100_000)
    width = checks.number("span", span, above=0.0, below=1.0)
    edges = mark_price * np.linspace(1.0 - width, 1.0 + width, count + 1)
    held = np.isfinite(liquidation_price)
    at, quantity, notional = liquidation_price[held], quantity[held], notional[held]
    inside = (at >= edges[0]) & (at <= edges[-1])
    sides = [quantity > 0.0, quantity < 0.0]
    filled = [np.histogram(at[side & inside], edges, weights=notional[side & inside])[0] for side in sides]
    beyond = [float(notional[side & ~inside].sum()) for side in sides]
    return LiquidationMap(
        asset=asset,
        mark_price=mark_price,
        edges=edges,
        long_notional=filled[0].astype(np.float64),
        short_notional=filled[1].astype(np.float64),
        long_beyond=beyond[0],
        short_beyond=beyond[1],
    )
