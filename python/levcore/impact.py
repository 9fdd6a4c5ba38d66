"""Impact shapes: how far net forced volume moves a price, and what a walk along the order book pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from levcore import _core, checks
from levcore.errors import InputError

Floats = npt.NDArray[np.float64]
Numbers = Sequence[float] | npt.NDArray[Any]


class _Shape:
    """What the four shapes share: questions asked of the native one."""

    _native: _core.Impact

    @overload
    def log_impact(self, displacement: float) -> float: ...
    @overload
    def log_impact(self, displacement: Numbers) -> Floats: ...
    def log_impact(self, displacement: float | Numbers) -> float | Floats:
        """Return the move of the log price at a displacement of the order book.

        Parameters
        ----------
        displacement : float or array of float
            Net forced volume not yet replenished, base units; sells negative.

        Returns
        -------
        float or float64 array

        Raises
        ------
        InputError
            If a displacement is not finite.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.LinearImpact(depth=1_000.0).log_impact(-10.0)
        -0.01
        """
        values, single = _displacements("displacement", displacement)
        moved = _within_prices(self._native.log_impact(values))
        return float(moved[0]) if single else moved

    @overload
    def average_ratio(self, displacement: float, order: float) -> float: ...
    @overload
    def average_ratio(self, displacement: Numbers, order: float | Numbers) -> Floats: ...
    @overload
    def average_ratio(self, displacement: float | Numbers, order: Numbers) -> Floats: ...
    def average_ratio(self, displacement: float | Numbers, order: float | Numbers) -> float | Floats:
        """Return the average price that an order pays along its walk, as a ratio to the undisturbed price.

        Parameters
        ----------
        displacement : float or array of float
            Where the order book stands, base units.
        order : float or array of float
            Signed size of the order, base units; sells negative.

        Returns
        -------
        float or float64 array
            ``(1/x) * integral of exp(I(y)) dy`` from X to X + x; half-spread not counted.

        Raises
        ------
        InputError
            If a number is not finite.

        Examples
        --------
        >>> import levcore as lc
        >>> round(lc.LinearImpact(depth=1_000.0).average_ratio(0.0, -10.0), 6)
        0.995017
        """
        starts, first_single = _displacements("displacement", displacement)
        sizes, second_single = _displacements("order", order)
        starts, sizes = (np.ascontiguousarray(side) for side in np.broadcast_arrays(starts, sizes))
        for ends in (starts, starts + sizes):
            _within_prices(self._native.log_impact(ends))
        ratios = self._native.average_ratio(starts, sizes)
        return float(ratios[0]) if first_single and second_single else ratios


def _within_prices(moved: Floats) -> Floats:
    wrong = np.flatnonzero(~(np.abs(moved) < 460.0))
    if wrong.size:
        raise InputError(f"displacement[{wrong[0]}] moves the log price by {moved[wrong[0]]:.6g}, beyond all prices")
    return moved


def _displacements(name: str, values: object) -> tuple[Floats, bool]:
    single = np.ndim(values) == 0  # type: ignore[arg-type]
    column = np.array([checks.number(name, values)]) if single else checks.column(name, values)
    if (wrong := np.flatnonzero(~np.isfinite(column))).size:
        raise InputError(f"{name}[{wrong[0]}] must be finite, was {column[wrong[0]]}")
    return column, single


@dataclass(frozen=True, kw_only=True)
class LinearImpact(_Shape):
    """Log price moves in proportion to net forced volume: ``I = X/depth``.

    Parameters
    ----------
    depth : float
        Base units that move the log price by 1; ``inf``: no impact.

    Raises
    ------
    InputError
        If the depth is not > 0.
    KindError
        If it is not a number.

    Notes
    -----
    Source: Kyle (1985); the permanent part of Almgren and Chriss (2000).

    Examples
    --------
    >>> import levcore as lc
    >>> lc.LinearImpact(depth=50_000.0)
    LinearImpact(depth=50000.0)
    """

    depth: float
    _native: _core.Impact = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        depth = checks.number("depth", self.depth, above=0.0, at_most=checks.LARGEST, infinite=True)
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "_native", _core.Impact.linear(depth))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (LinearImpact, {"depth": self.depth})


@dataclass(frozen=True, kw_only=True)
class SquareRootImpact(_Shape):
    """Square-root law: ``I = sign(X) * coefficient * daily_volatility * sqrt(abs(X)/daily_volume)``.

    Parameters
    ----------
    daily_volatility : float
        Standard deviation of a day's log return, >= 0.
    daily_volume : float
        Volume traded in a day, base units, > 0.
    coefficient : float
        The law's Y, of order 1, >= 0.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If one is not a number.

    Notes
    -----
    Source: Donier and Bonart (2015), on more than a million Bitcoin metaorders.

    Examples
    --------
    >>> import levcore as lc
    >>> round(lc.SquareRootImpact(daily_volatility=0.03, daily_volume=400_000.0).log_impact(-4_000.0), 9)
    -0.003
    """

    daily_volatility: float
    daily_volume: float
    coefficient: float = 1.0
    _native: _core.Impact = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        volatility = checks.number("daily_volatility", self.daily_volatility, at_least=0.0, at_most=100.0)
        volume = checks.number("daily_volume", self.daily_volume, above=0.0, at_most=checks.LARGEST)
        coefficient = checks.number("coefficient", self.coefficient, at_least=0.0, at_most=1e6)
        set_field(self, "daily_volatility", volatility)
        set_field(self, "daily_volume", volume)
        set_field(self, "coefficient", coefficient)
        set_field(self, "_native", _core.Impact.square_root(float(coefficient * volatility / np.sqrt(volume))))

    def __reduce__(self) -> tuple[Any, ...]:
        values = {
            "daily_volatility": self.daily_volatility,
            "daily_volume": self.daily_volume,
            "coefficient": self.coefficient,
        }
        return _rebuild, (SquareRootImpact, values)


@dataclass(frozen=True, kw_only=True)
class PowerImpact(_Shape):
    """Power law: ``I = sign(X) * (abs(X)/scale)**exponent``.

    Parameters
    ----------
    scale : float
        Base units that move the log price by 1, > 0.
    exponent : float
        Exponent in (0, 4]; 1 is linear, 0.5 the square-root law.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If one is not a number.

    Notes
    -----
    Source: Almgren, Thum, Hauptmann and Li (2005), exponent 0.6.

    Examples
    --------
    >>> import levcore as lc
    >>> round(lc.PowerImpact(scale=1e6, exponent=0.6).log_impact(-1_000.0), 6)
    -0.015849
    """

    scale: float
    exponent: float
    _native: _core.Impact = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scale = checks.number("scale", self.scale, above=0.0, at_most=checks.LARGEST)
        exponent = checks.number("exponent", self.exponent, above=0.0, at_most=4.0)
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "exponent", exponent)
        object.__setattr__(self, "_native", _core.Impact.power(scale, exponent))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (PowerImpact, {"scale": self.scale, "exponent": self.exponent})


@dataclass(frozen=True, kw_only=True)
class DepthCurve(_Shape):
    """An order book's cumulative depth, piecewise linear in price, each side its own.

    Parameters
    ----------
    distance : sequence of float
        Relative distances from mid below it, not falling, in [0, 1); (0, 0) is understood as the first node.
    quantity : sequence of float
        Cumulative base quantity bid up to each distance, strictly rising, > 0.
    ask_distance, ask_quantity : sequence of float, optional
        The same above mid (distances may exceed 1); without them asks mirror the bids.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If one is not a number.

    Notes
    -----
    Selling X moves the price to ``F*(1 - d)``, d the distance at which X is reached. Beyond the last node the log
    price goes on with the slope (in log price) of the last segment, and the outcome reports `depth_used`, the largest
    displacement over the last node.

    Examples
    --------
    >>> import levcore as lc
    >>> curve = lc.DepthCurve(distance=[0.001, 0.01], quantity=[100.0, 500.0])
    >>> round(curve.average_ratio(0.0, -100.0), 6)
    0.9995
    """

    distance: tuple[float, ...]
    quantity: tuple[float, ...]
    ask_distance: tuple[float, ...] | None = None
    ask_quantity: tuple[float, ...] | None = None
    _native: _core.Impact = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        *,
        distance: Numbers,
        quantity: Numbers,
        ask_distance: Numbers | None = None,
        ask_quantity: Numbers | None = None,
    ) -> None:
        if (ask_distance is None) != (ask_quantity is None):
            raise InputError("ask_distance and ask_quantity must be given together")
        bids = _depth_side("distance", distance, "quantity", quantity, furthest=1.0)
        asks = None
        if ask_distance is not None and ask_quantity is not None:
            asks = _depth_side("ask_distance", ask_distance, "ask_quantity", ask_quantity, furthest=checks.LARGEST)
        set_field = object.__setattr__
        set_field(self, "distance", bids[0])
        set_field(self, "quantity", bids[1])
        set_field(self, "ask_distance", None if asks is None else asks[0])
        set_field(self, "ask_quantity", None if asks is None else asks[1])
        upper = asks or bids
        native = _core.Impact.depth_curve(list(bids[0]), list(bids[1]), list(upper[0]), list(upper[1]))
        set_field(self, "_native", native)

    def __reduce__(self) -> tuple[Any, ...]:
        values = {
            "distance": self.distance,
            "quantity": self.quantity,
            "ask_distance": self.ask_distance,
            "ask_quantity": self.ask_quantity,
        }
        return _rebuild, (DepthCurve, values)

    def __repr__(self) -> str:
        sides = "" if self.ask_distance is None else f", {len(self.ask_distance)} asks"
        last = f"{self.quantity[-1]:,.6g} base units within {self.distance[-1]:.4%}"
        return f"DepthCurve({len(self.distance)} {'nodes' if not sides else 'bids'}{sides}; bid depth {last})"


def _depth_side(
    distance_name: str, distances: Numbers, quantity_name: str, quantities: Numbers, *, furthest: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    distance = checks.numbers(distance_name, distances)
    quantity = checks.numbers(quantity_name, quantities)
    if not distance:
        raise InputError(f"{distance_name} must have at least one node")
    if len(distance) != len(quantity):
        raise InputError(f"{distance_name} had {len(distance)} nodes, {quantity_name} {len(quantity)}")
    for row in range(len(distance)):
        checks.number(f"{distance_name}[{row}]", distance[row], at_least=0.0, below=furthest)
        checks.number(f"{quantity_name}[{row}]", quantity[row], above=0.0, at_most=checks.LARGEST)
        if row and distance[row] < distance[row - 1]:
            raise InputError(f"{distance_name}[{row}] must not be below the one before it, was {distance[row]}")
        if row and quantity[row] <= quantity[row - 1]:
            raise InputError(f"{quantity_name}[{row}] must be above the one before it, was {quantity[row]}")
    return distance, quantity


def _rebuild(kind: type[Any], values: dict[str, Any]) -> Any:
    return kind(**values)


Impact = LinearImpact | SquareRootImpact | PowerImpact | DepthCurve
