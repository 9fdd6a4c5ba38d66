"""The branching ratio: how many units of forced orders a unit of forced orders sets off, over price and depth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.book import Book
from levcore.display import price
from levcore.errors import InputError
from levcore.impact import DepthCurve, Impact, LinearImpact, PowerImpact, SquareRootImpact
from levcore.market import Asset, Market

Floats = npt.NDArray[np.float64]

DEPTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, eq=False)
class StabilityMap:
    """The branching ratio of a book's positions in one asset, over price and depth.

    Attributes
    ----------
    asset : str
        The asset.
    mark_price : float
        The mark price that the map is drawn around.
    window : float
        How far beyond each price liquidations count, as a share of it.
    prices : float64[n]
        Where the price stands, rising. Below the mark longs count, above it shorts.
    depths : float64[m]
        Multiples of the market's depth, rising.
    ratios : float64[m, n]
        Units of forced orders that a unit of them sets off; above 1 the price runs through the window by itself.

    Notes
    -----
    What :func:`levcore.study.stability_map` returns.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.study.StabilityMap("BTC", 100.0, 0.01, [90.0, 100.0], [1.0], np.array([[1.5, 0.2]])).unstable_share
    0.5
    """

    asset: str
    mark_price: float
    window: float
    prices: Floats
    depths: Floats
    ratios: Floats

    @property
    def unstable_share(self) -> float:
        """The share of the map's points with a ratio of 1 or more."""
        return float(np.mean(self.ratios >= 1.0))

    def __repr__(self) -> str:
        row, place = np.unravel_index(int(np.argmax(self.ratios)), self.ratios.shape)
        where = f"at {price(float(self.prices[place]))} and {self.depths[row]:g} times the depth"
        share = f"1 or more at {self.unstable_share:.0%} of the points"
        return "\n".join(
            [
                f"<levcore.StabilityMap of {self.asset} around {price(self.mark_price)}, windows of {self.window:.2%}>",
                f"  branching ratio at most {float(self.ratios[row, place]):.3g}, {where}",
                f"  {share}",
            ]
        )


def branching_ratio(
    book: Book,
    market: Market,
    *,
    asset: str | None = None,
    window: float = 0.01,
    prices: npt.ArrayLike | None = None,
    side: str = "long",
    depth: float = 1.0,
) -> Floats:
    """Return how many units of forced orders a unit of forced orders sets off.

    Parameters
    ----------
    book : Book
        The positions.
    market : Market
        Where their forced orders would go.
    asset : str, optional
        Which asset; may be left out where the venue has one.
    window : float
        How far beyond each price liquidations count, as a share of it, in (0, 1).
    prices : array of shape (n,), optional
        Where the price stands, > 0; left out: the market's price alone.
    side : {"long", "short"}
        Longs, of a price that falls, or shorts, of one that rises.
    depth : float
        Multiple of the market's depth, > 0.

    Returns
    -------
    float64[n]
        Above 1 the forced orders of the window alone move the mark through it, and on.

    Raises
    ------
    InputError, KindError
        If an argument breaks a rule.

    Notes
    -----
    ``R = follow*abs(I(Q/depth)) / abs(log(1 -+ window))``, Q the base units whose liquidation prices lie in the window,
    I the shape of the impact, from an order book that is undisturbed. Q units move the mark by R windows, and each
    window holds Q: a unit sets off R. Where liquidation prices are evenly spread and impact is linear, a small shock
    ends as ``1/(1 - R)`` times itself. Positions are taken to close whole; those of accounts are left out, as on the
    liquidation map. Depth that follows volatility is that of the start. A window narrower than the gaps between
    positions finds none or one. Source: elementary, derived on the page "The model", section 15.

    Examples
    --------
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[100.0], entry_price=[60_000.0], margin=[200_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5_000.0))})
    >>> lc.study.branching_ratio(book, market, window=0.05).round(2)
    array([0.39])
    """
    levels = _levels(book, market, asset)
    at = np.array([levels.mark]) if prices is None else checks.column("prices", prices)
    for i, one in enumerate(at.tolist()):
        checks.number(f"prices[{i}]", one, above=0.0, at_most=checks.LARGEST)
    scale = checks.number("depth", depth, above=0.0)
    return levels.ratios(at, _window(window), checks.choice("side", side, ("long", "short")), scale)


def stability_map(
    book: Book,
    market: Market,
    *,
    asset: str | None = None,
    window: float = 0.01,
    span: float = 0.3,
    points: int = 121,
    depths: npt.ArrayLike = DEPTHS,
) -> StabilityMap:
    """Map the branching ratio over where the price stands and how deep the market is.

    Parameters
    ----------
    book : Book
        The positions.
    market : Market
        Where their forced orders would go.
    asset : str, optional
        Which asset; may be left out where the venue has one.
    window : float
        How far beyond each price liquidations count, as a share of it, in (0, 1).
    span : float
        How far the map reaches to either side of the mark price, as a share of it, in (0, 1).
    points : int
        Prices, >= 2, evenly spread.
    depths : array of shape (m,)
        Multiples of the market's depth, rising, > 0.

    Returns
    -------
    StabilityMap

    Raises
    ------
    InputError, KindError
        If an argument breaks a rule.

    Notes
    -----
    See :func:`branching_ratio`. At a price below the mark the longs that a further fall would take count, at the mark
    and above it the shorts that a further rise would. What was liquidated on the way there is gone, and the order book
    has refilled.

    Examples
    --------
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> draw = {"size": 2_000, "prices": {"BTC": 60_000.0}, "open_interest": {"BTC": 2e9}, "seed": 1}
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> found = lc.study.stability_map(lc.Book.synthetic(venue, **draw), market, points=5)
    >>> found.ratios.shape, bool((found.ratios[0] >= found.ratios[-1]).all())
    ((5, 5), True)
    """
    levels = _levels(book, market, asset)
    width, reach = _window(window), checks.number("span", span, above=0.0, below=1.0)
    count = checks.integer("points", points, at_least=2, at_most=100_000)
    scales = checks.rising("depths", depths, above=0.0)
    prices = levels.mark * np.linspace(1.0 - reach, 1.0 + reach, count)
    below = prices < levels.mark
    ratios = np.array(
        [
            np.concatenate(
                [
                    levels.ratios(prices[below], width, "long", scale),
                    levels.ratios(prices[~below], width, "short", scale),
                ]
            )
            for scale in scales.tolist()
        ]
    )
    grids = (checks.frozen(prices), checks.frozen(scales), checks.frozen(ratios))
    return StabilityMap(levels.asset, levels.mark, width, *grids)


class _Levels(NamedTuple):
    """What is liquidated at which price, each side sorted by price, and where its orders go."""

    asset: str
    mark: float
    impact: Impact
    follow: float
    sides: dict[str, tuple[Floats, Floats]]

    def ratios(self, prices: Floats, window: float, side: str, depth: float) -> Floats:
        at, up_to = self.sides[side]  # at its own liquidation price a position is still there, beyond it gone
        if side == "long":
            edge, width, sign = prices * (1.0 - window), -np.log1p(-window), -1.0
            held = up_to[np.searchsorted(at, prices, side="right")] - up_to[np.searchsorted(at, edge, side="right")]
        else:
            edge, width, sign = prices * (1.0 + window), np.log1p(window), 1.0
            held = up_to[np.searchsorted(at, edge)] - up_to[np.searchsorted(at, prices)]
        moved = np.abs(self.impact.log_impact(sign * held / depth))
        ratios: Floats = self.follow * moved / width
        return ratios


def _levels(book: Book, market: Market, asset: str | None) -> _Levels:
    named, mark = asset_of(book, market, asset)
    at, quantity, notional = book._liquidations(named)
    sides = {}
    for side, sign in (("long", 1.0), ("short", -1.0)):
        mine = np.flatnonzero(np.isfinite(at) & (sign * quantity > 0.0))
        mine = mine[np.argsort(at[mine], kind="stable")]
        sides[side] = at[mine], np.concatenate([[0.0], np.cumsum(notional[mine] / at[mine])])
    return _Levels(named, mark, shape_at_start(market[named]), market[named].mark_follow, sides)


def shape_at_start(asset: Asset) -> Impact:
    """Return the shape of an asset's impact at the depth that is there at first, where that follows volatility."""
    return asset.impact if asset.reaction is None else deeper(asset.impact, asset.reaction._share_at_start())


def asset_of(book: Book, market: Market, asset: str | None) -> tuple[str, float]:
    """Return the asset that a study is of, and its price."""
    names = checks.instance("book", book, Book).venue.assets
    checks.instance("market", market, Market)
    if asset is None and len(names) != 1:
        raise InputError(f"asset must be named where a venue has several: {', '.join(names)}")
    named = names[0] if asset is None else checks.text("asset", asset)
    checks.names_in("asset", {named: None}, names)
    checks.names_in("asset", {named: None}, market.names)
    return named, market[named].price


def _window(window: object) -> float:
    return checks.number("window", window, above=0.0, below=1.0)


def deeper(impact: Impact, by: float) -> Impact:
    """Return a shape that takes so many times the volume to move the price as far."""
    if isinstance(impact, LinearImpact):
        return LinearImpact(depth=impact.depth * by)
    if isinstance(impact, SquareRootImpact):
        return replace(impact, daily_volume=impact.daily_volume * by)
    if isinstance(impact, PowerImpact):
        return PowerImpact(scale=impact.scale * by, exponent=impact.exponent)
    asks = None if impact.ask_quantity is None else np.array(impact.ask_quantity) * by
    return DepthCurve(
        distance=impact.distance,
        quantity=np.array(impact.quantity) * by,
        ask_distance=impact.ask_distance,
        ask_quantity=asks,
    )
