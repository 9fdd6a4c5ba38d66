"""The market that forced orders go to: per asset a price, an impact shape, and how its order book refills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any

from levcore import _core, checks
from levcore.depth_reaction import DepthReaction, refill_delay, words
from levcore.errors import InputError, KindError
from levcore.impact import DepthCurve, Impact, LinearImpact, PowerImpact, SquareRootImpact
from levcore.per_asset import PerAsset


@dataclass(frozen=True)
class Asset:
    """One asset's price and order book.

    Parameters
    ----------
    price : float
        Price at the start, in the market's numeraire per base unit, > 0.
    impact : LinearImpact, SquareRootImpact, PowerImpact or DepthCurve
        How forced volume moves the price.
    permanent : float
        Share of the impact that the price keeps when the order book refills, in [0, 1].
    resilience : float
        Rate at which the order book refills, per day; 0: it does not.
    half_spread : float
        Half the bid-ask spread as a share of the price, paid by each order, in [0, 1).
    mark_follow : float
        How far the mark price follows the order book, in [0, 1]; 1: the mark is the book's price.
    refill_delay : timedelta
        Time from a forced order to when the order book begins to refill, >= 0.
    reaction : DepthReaction, optional
        How depth follows the volatility of the mark; None: it does not.

    Raises
    ------
    InputError
        If a value breaks a rule; also for a shape that is not linear with resilience and permanent both above 0,
        which would let a round trip earn money (Huberman and Stanzl 2004).
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Orders trade at ``F*exp(A + I(X))``, the mark is ``F*exp(A + mark_follow*I(X))``. A shock knows no refill.
    Where depth reacts, a round trip that buys when it is low and sells when it is back may earn money.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0)).permanent
    1.0
    """

    price: float
    _: KW_ONLY
    impact: Impact
    permanent: float = 1.0
    resilience: float = 0.0
    half_spread: float = 0.0
    mark_follow: float = 1.0
    refill_delay: timedelta = timedelta(0)
    reaction: DepthReaction | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.impact, (LinearImpact, SquareRootImpact, PowerImpact, DepthCurve)):
            raise KindError(f"impact must be an impact shape, was {checks.describe(self.impact)}")
        set_field = object.__setattr__
        set_field(self, "price", checks.number("price", self.price, above=0.0, at_most=checks.LARGEST))
        set_field(self, "permanent", checks.number("permanent", self.permanent, at_least=0.0, at_most=1.0))
        set_field(self, "resilience", checks.number("resilience", self.resilience, at_least=0.0, at_most=1e9))
        set_field(self, "half_spread", checks.number("half_spread", self.half_spread, at_least=0.0, below=1.0))
        set_field(self, "mark_follow", checks.number("mark_follow", self.mark_follow, at_least=0.0, at_most=1.0))
        set_field(self, "refill_delay", refill_delay(self.refill_delay))
        if self.reaction is not None:
            checks.instance("reaction", self.reaction, DepthReaction)
        linear = isinstance(self.impact, LinearImpact) or (
            isinstance(self.impact, PowerImpact) and self.impact.exponent == 1.0
        )
        if not linear and self.resilience > 0.0 and self.permanent > 0.0:
            raise InputError(
                f"resilience and permanent must not both be above 0 where impact is not linear (a round trip would "
                f"earn money), were {self.resilience} and {self.permanent}"
            )

    def _to_native(self) -> _core.Asset:
        return _core.Asset(
            self.price,
            self.impact._native,
            permanent=self.permanent,
            resilience=self.resilience,
            half_spread=self.half_spread,
            mark_follow=self.mark_follow,
            refill_delay=self.refill_delay / timedelta(days=1),
            reaction=None if self.reaction is None else self.reaction._to_native(),
        )


@dataclass(frozen=True)
class Market:
    """The assets and how their prices give way to forced orders.

    Parameters
    ----------
    assets : mapping of str to Asset
        By name, in the order in which a round works through them.
    numeraire : str
        The currency that prices and outcomes are in.

    Raises
    ------
    InputError
        If there is no asset or a name is empty.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Source: the model's section on the market: a book that is walked and refills.

    Examples
    --------
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> market.prices
    {'BTC': 60000.0}
    """

    assets: Mapping[str, Asset]
    _: KW_ONLY
    numeraire: str = "USD"

    def __post_init__(self) -> None:
        if not isinstance(self.assets, Mapping):
            raise KindError(f"assets must be a mapping of names to Asset, was {checks.describe(self.assets)}")
        if not self.assets:
            raise InputError("assets must not be empty")
        for name, asset in self.assets.items():
            checks.text("asset name", name)
            checks.instance(f"assets[{name!r}]", asset, Asset)
        checks.text("numeraire", self.numeraire)
        object.__setattr__(self, "assets", PerAsset(self.assets))

    def __getitem__(self, name: str) -> Asset:
        checks.names_in("asset", {checks.text("asset name", name): None}, self.names)
        return self.assets[name]

    def __len__(self) -> int:
        return len(self.assets)

    def __hash__(self) -> int:
        return hash((tuple(self.assets.items()), self.numeraire))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Market):
            return NotImplemented
        return tuple(self.assets.items()) == tuple(other.assets.items()) and self.numeraire == other.numeraire

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (dict(self.assets), self.numeraire)

    @property
    def names(self) -> tuple[str, ...]:
        """The assets' names, in the market's order."""
        return tuple(self.assets)

    @property
    def prices(self) -> dict[str, float]:
        """The assets' prices at the start, in the numeraire."""
        return {name: asset.price for name, asset in self.assets.items()}

    def __repr__(self) -> str:
        return f"<levcore.Market in {self.numeraire}>\n" + "\n".join(
            f"  {n}: {_line(a)}" for n, a in self.assets.items()
        )

    def _repr_html_(self) -> str:
        from levcore.display import table_html

        rows = [(name, f"{asset.price:,.8g}", repr(asset.impact)) for name, asset in self.assets.items()]
        return table_html(f"Market in {self.numeraire}", ("asset", "price", "impact"), rows)

    def _to_native(self) -> _core.Market:
        return _core.Market([asset._to_native() for asset in self.assets.values()])


def _line(asset: Asset) -> str:
    parts = [f"{asset.price:,.8g}", repr(asset.impact)]
    if asset.half_spread:
        parts.append(f"half-spread {asset.half_spread:g}")
    if asset.mark_follow != 1.0:
        parts.append(f"mark follows {asset.mark_follow:g}")
    if asset.resilience:
        parts.append(f"resilience {asset.resilience:g} a day, permanent {asset.permanent:g}")
    return ", ".join([*parts, *words(asset.reaction, asset.refill_delay)])


def _rebuild(assets: dict[str, Asset], numeraire: str) -> Market:
    return Market(assets, numeraire=numeraire)
