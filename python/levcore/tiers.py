"""Margin tiers: which maintenance margin a size of position requires."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from levcore import _core, checks
from levcore.errors import InputError

Floats = npt.NDArray[np.float64]
Numbers = Sequence[float] | npt.NDArray[Any]


@dataclass(frozen=True)
class MarginTiers:
    """A table of margin tiers: which maintenance margin a size of position requires.

    Parameters
    ----------
    floor : sequence of float
        Where each tier begins, strictly rising from 0; in the unit that `measure` says.
    maintenance_rate : sequence of float
        Maintenance margin as a share of notional, one a tier, not falling, in [0, 1).
    max_leverage : sequence of float, optional
        Highest leverage at opening, one a tier; None: no limit. It never refuses a Book.
    deduction : sequence of float, optional
        "Maintenance amount" of each tier in money (contracts where `measure` is "contracts"). Filled in where not
        given, so that the requirement is continuous; refused where it breaks continuity. A table of one tier may
        have any deduction >= 0.
    whole_position : bool
        True: the whole position takes the rate of its tier, without deduction, and the requirement jumps (OKX, Gate).
    measure : {"notional", "contracts", "entry"}
        What the floors measure: notional at the price in question, number of contracts (base units), or notional at
        entry.

    Raises
    ------
    InputError
        If a value breaks a rule; the message names column, tier, value and rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    The requirement of a notional N is ``max(0, max_k(r_k*N - d_k))``, with
    ``d_k = d_{k-1} + floor_k*(r_k - r_{k-1})``. Source: Binance, "Leverage and Margin of USD-M Futures", as
    reproduced on all 6,369 published bracket boundaries.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0, 50_000, 600_000], maintenance_rate=[0.004, 0.005, 0.01])
    >>> tiers.deduction
    (0.0, 50.0, 3050.0)
    >>> tiers.maintenance_margin(100_000.0)
    450.0
    """

    floor: tuple[float, ...]
    _: KW_ONLY
    maintenance_rate: tuple[float, ...]
    max_leverage: tuple[float, ...] | None = None
    deduction: tuple[float, ...] = ()
    whole_position: bool = False
    measure: Literal["notional", "contracts", "entry"] = "notional"
    _native: _core.MarginTiers = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        floor: Numbers,
        maintenance_rate: Numbers,
        *,
        max_leverage: Numbers | None = None,
        deduction: Numbers | None = None,
        whole_position: bool = False,
        measure: Literal["notional", "contracts", "entry"] = "notional",
    ) -> None:
        floors = checks.numbers("floor", floor)
        rates = checks.numbers("maintenance_rate", maintenance_rate)
        leverages = None if max_leverage is None else checks.numbers("max_leverage", max_leverage)
        deductions = None if deduction is None else checks.numbers("deduction", deduction)
        for name, values in (("maintenance_rate", rates), ("max_leverage", leverages), ("deduction", deductions)):
            if values is not None and len(values) != len(floors):
                raise InputError(f"{name} must have one value a tier: floor had {len(floors)}, {name} {len(values)}")
        for tier, value in enumerate(leverages or ()):
            if not value > 0.0 or math.isinf(value):
                raise InputError(f"max_leverage[{tier}] must be > 0, was {value}")
        whole = checks.flag("whole_position", whole_position)
        measured = checks.choice("measure", measure, ("notional", "contracts", "entry"))
        try:
            native = _core.MarginTiers(
                list(floors), list(rates), None if deductions is None else list(deductions), whole, measured
            )
        except ValueError as error:
            raise InputError(str(error)) from None
        set_field = object.__setattr__
        set_field(self, "floor", floors)
        set_field(self, "maintenance_rate", rates)
        set_field(self, "max_leverage", leverages)
        set_field(self, "deduction", tuple(native.deduction))
        set_field(self, "whole_position", whole)
        set_field(self, "measure", measured)
        set_field(self, "_native", native)

    def __len__(self) -> int:
        return len(self.floor)

    def __reduce__(self) -> tuple[Any, ...]:
        names = ("floor", "maintenance_rate", "max_leverage", "deduction", "whole_position", "measure")
        return _rebuild, ({name: getattr(self, name) for name in names},)

    @overload
    def tier(self, size: float) -> int: ...
    @overload
    def tier(self, size: Floats | Sequence[float]) -> npt.NDArray[np.int64]: ...
    def tier(self, size: float | Floats | Sequence[float]) -> int | npt.NDArray[np.int64]:
        """Return the tier, counted from 0, that a measured size falls in: ``floor[k] <= size < floor[k + 1]``.

        Parameters
        ----------
        size : float or array of float
            Size >= 0 in the unit of `floor`.

        Returns
        -------
        int or int64 array

        Raises
        ------
        InputError
            If a size is negative or not finite.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.MarginTiers(floor=[0, 50_000], maintenance_rate=[0.004, 0.005]).tier(50_000)
        1
        """
        values, single = sizes_of("size", size)
        tiers = self._native.tier(values)
        return int(tiers[0]) if single else tiers

    @overload
    def rate_at(self, size: float) -> float: ...
    @overload
    def rate_at(self, size: Floats | Sequence[float]) -> Floats: ...
    def rate_at(self, size: float | Floats | Sequence[float]) -> float | Floats:
        """Return the maintenance rate of the tier that a measured size falls in, closing fee not counted.

        Parameters
        ----------
        size : float or array of float
            Size >= 0 in the unit of `floor`.

        Returns
        -------
        float or float64 array
            Share of notional.

        Raises
        ------
        InputError
            If a size is negative or not finite.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.MarginTiers(floor=[0, 50_000], maintenance_rate=[0.004, 0.005]).rate_at(60_000.0)
        0.005
        """
        values, single = sizes_of("size", size)
        rates = np.array(self.maintenance_rate)[self._native.tier(values)]
        return float(rates[0]) if single else rates

    @overload
    def max_leverage_at(self, size: float) -> float: ...
    @overload
    def max_leverage_at(self, size: Floats | Sequence[float]) -> Floats: ...
    def max_leverage_at(self, size: float | Floats | Sequence[float]) -> float | Floats:
        """Return the highest leverage at opening of a measured size: that of its tier.

        Parameters
        ----------
        size : float or array of float
            Size >= 0 in the unit of `floor`.

        Returns
        -------
        float or float64 array
            inf where the table has no `max_leverage`.

        Raises
        ------
        InputError
            If a size is negative or not finite.

        Examples
        --------
        >>> import levcore as lc
        >>> tiers = lc.MarginTiers(floor=[0, 50_000], maintenance_rate=[0.004, 0.005], max_leverage=[125, 100])
        >>> tiers.max_leverage_at([10_000.0, 50_000.0])
        array([125., 100.])
        """
        values, single = sizes_of("size", size)
        limits = (np.inf,) * len(self) if self.max_leverage is None else self.max_leverage
        leverage = np.array(limits)[self._native.tier(values)]
        return float(leverage[0]) if single else leverage

    @overload
    def maintenance_margin(self, notional: float) -> float: ...
    @overload
    def maintenance_margin(self, notional: Floats | Sequence[float]) -> Floats: ...
    def maintenance_margin(self, notional: float | Floats | Sequence[float]) -> float | Floats:
        """Return the maintenance margin that the table requires of a notional, closing fee not counted.

        Parameters
        ----------
        notional : float or array of float
            Notional >= 0 in the unit of `floor`.

        Returns
        -------
        float or float64 array

        Raises
        ------
        InputError
            If a notional is negative or not finite.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.MarginTiers(floor=[0, 50_000], maintenance_rate=[0.004, 0.005]).maintenance_margin([50_000.0, 60_000.0])
        array([200., 250.])
        """
        values, single = sizes_of("notional", notional)
        required = self._native.requirement(values)
        return float(required[0]) if single else required


def sizes_of(name: str, values: object) -> tuple[Floats, bool]:
    """Return sizes as a column, each finite and >= 0, and whether one number was given."""
    single = np.ndim(values) == 0  # type: ignore[arg-type]
    column = np.array([checks.number(name, values)]) if single else checks.column(name, values)
    wrong = np.flatnonzero(~(np.isfinite(column) & (column >= 0.0)))
    if wrong.size:
        where = name if single else f"{name}[{wrong[0]}]"
        raise InputError(f"{where} must be finite and >= 0, was {column[wrong[0]]}")
    return column, single


def _rebuild(values: dict[str, Any]) -> MarginTiers:
    return MarginTiers(**values)
