"""Margin rates that rise with the size of a position, without tiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from levcore import _core, checks
from levcore.errors import InputError
from levcore.tiers import sizes_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SizeMargin:
    """A maintenance rate that rises with the size of a position, without tiers: an instrument's `tiers`.

    Parameters
    ----------
    rate : float
        The lowest maintenance rate, a share of notional, in [0, 1).
    per_size : float
        What a contract (base unit) adds to `share` of the rate, or its square root does; >= 0.
    share : float
        Share of the rate that the growth begins at, in [0, 1].
    growth : {"square_root", "linear"}
        How the rate rises with the size.
    initial_rate : float, optional
        The lowest initial rate, in [`rate`, 1], that grows in the same way; None: no limit at opening.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    A position of S contracts requires ``max(rate, share*rate + per_size*sqrt(S))`` of its notional, or the same with
    ``per_size*S``. A part that a partial close keeps is counted at the rate of the size before, as the program does
    it: it may keep a little less than its target allows. A book refuses positions whose rate reaches 1.
    Source: ``PerpMarket::get_margin_ratio`` of drift-labs/protocol-v2 (share 0.8 and the square root).

    Examples
    --------
    >>> import levcore as lc
    >>> margin = lc.SizeMargin(0.05, per_size=0.001, share=0.8)
    >>> margin.rate_at([1.0, 100.0, 2_500.0])
    array([0.05, 0.05, 0.09])
    """

    rate: float
    _: KW_ONLY
    per_size: float
    share: float = 1.0
    growth: Literal["square_root", "linear"] = "square_root"
    initial_rate: float | None = None
    _native: _core.MarginTiers = field(init=False, repr=False, compare=False)

    #: As a table of tiers would say it: one, from a size of 0, by contracts.
    floor = (0.0,)
    deduction = (0.0,)
    whole_position = False
    measure = "contracts"

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        rate = checks.number("rate", self.rate, at_least=0.0, below=1.0)
        set_field(self, "rate", rate)
        set_field(self, "per_size", checks.number("per_size", self.per_size, at_least=0.0))
        set_field(self, "share", checks.number("share", self.share, at_least=0.0, at_most=1.0))
        square_root = checks.choice("growth", self.growth, ("square_root", "linear")) == "square_root"
        if self.initial_rate is not None:
            initial = checks.number("initial_rate", self.initial_rate, at_least=rate, at_most=1.0)
            if initial == 0.0:
                raise InputError("initial_rate must be > 0, was 0.0")
            set_field(self, "initial_rate", initial)
        native = _core.MarginTiers.by_size(rate=rate, share=self.share, per_size=self.per_size, square_root=square_root)
        set_field(self, "_native", native)

    def __reduce__(self) -> tuple[object, ...]:
        names = ("rate", "per_size", "share", "growth", "initial_rate")
        return _rebuild, ({name: getattr(self, name) for name in names},)

    @property
    def maintenance_rate(self) -> tuple[float, ...]:
        """The lowest maintenance rate, as a table of one tier has it."""
        return (self.rate,)

    @property
    def max_leverage(self) -> tuple[float, ...] | None:
        """The highest leverage of the smallest positions, as a table of one tier has it; None: no limit."""
        return None if self.initial_rate is None else (1.0 / self.initial_rate,)

    @overload
    def rate_at(self, size: float) -> float: ...
    @overload
    def rate_at(self, size: Floats | Sequence[float]) -> Floats: ...
    def rate_at(self, size: float | Floats | Sequence[float]) -> float | Floats:
        """Return the maintenance rate of a size, closing fee not counted.

        Parameters
        ----------
        size : float or array of float
            Contracts (base units), >= 0.

        Returns
        -------
        float or float64 array
            Share of notional; may reach 1 or more.

        Raises
        ------
        InputError
            If a size is negative or not finite.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.SizeMargin(0.01, per_size=0.00005, growth="linear").rate_at(100.0)
        0.015
        """
        values, single = sizes_of("size", size)
        rates = self._native.rate_at(values)
        return float(rates[0]) if single else rates

    @overload
    def max_leverage_at(self, size: float) -> float: ...
    @overload
    def max_leverage_at(self, size: Floats | Sequence[float]) -> Floats: ...
    def max_leverage_at(self, size: float | Floats | Sequence[float]) -> float | Floats:
        """Return the highest leverage at opening of a size: 1 over its initial rate.

        Parameters
        ----------
        size : float or array of float
            Contracts (base units), >= 0.

        Returns
        -------
        float or float64 array
            inf where there is no limit.

        Raises
        ------
        InputError
            If a size is negative or not finite.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.SizeMargin(0.05, per_size=0.001, share=0.8, initial_rate=0.1).max_leverage_at(40_000.0)
        3.571428571428571
        """
        values, single = sizes_of("size", size)
        if self.initial_rate is None:
            leverage = np.full(values.shape, np.inf)
        else:
            grown = np.sqrt(values) if self.growth == "square_root" else values
            leverage = 1.0 / np.maximum(self.initial_rate, self.share * self.initial_rate + self.per_size * grown)
        return float(leverage[0]) if single else leverage

    def tier(self, size: float | Floats | Sequence[float]) -> int | npt.NDArray[np.int64]:
        """Return 0, or 0 for each size: there is one tier.

        Parameters
        ----------
        size : float or array of float
            Contracts (base units), >= 0.

        Returns
        -------
        int or int64 array

        Raises
        ------
        InputError
            If a size is negative or not finite.
        """
        values, single = sizes_of("size", size)
        return 0 if single else np.zeros(values.shape, np.int64)


def _rebuild(values: dict[str, float | None]) -> SizeMargin:
    return SizeMargin(values.pop("rate"), **values)  # type: ignore[arg-type]


def refuse_too_large(symbol: str, tiers: object, largest: float) -> None:
    """Refuse a drawn book whose largest position would need more than its notional, where rates rise with the size."""
    if isinstance(tiers, SizeMargin) and not tiers.rate_at(largest) < 1.0:
        raise InputError(
            f"open_interest of {symbol!r} must be smaller, or size larger: the largest position drawn, {largest:,.6g}, "
            f"would have a maintenance rate of {float(tiers.rate_at(largest)):.3g}, >= 1"
        )
