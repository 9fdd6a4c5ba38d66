"""Liquidity that reacts: how much of an order book's depth is left while prices are restless."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Literal

from levcore import _core, checks

FORMS = ("power", "exponential")
DAYS_A_YEAR = 365.0


@dataclass(frozen=True)
class DepthReaction:
    """Market makers quote less the more volatile the mark has lately been.

    Parameters
    ----------
    reference_volatility : float
        The volatility at which the depth is what the impact shape states; per square root of a year of 365 days, > 0.
    half_life : timedelta
        Time in which the weight of a past move of the mark halves, > 0: how long market makers remember.
    elasticity : float
        By how many per cent depth falls where volatility rises by one per cent, at the reference, >= 0. 1 is Kyle's
        depth, inversely proportional to volatility; 0: depth does not react.
    floor : float
        The least share of the stated depth that always remains, in (0, 1].
    ceiling : float
        The largest share of it, in calm times, >= 1.
    form : {"power", "exponential"}
        With ``s`` the volatility over the reference, the share of the depth is ``s**-elasticity`` or
        ``exp(elasticity*(1 - s))``, within floor and ceiling.
    initial_volatility : float, optional
        The volatility at the start, like `reference_volatility`, >= 0; None: the reference.

    Raises
    ------
    InputError
        If a number is out of range.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Before a step's orders the variance of the mark is weighed anew, ``w*variance + (1 - w)*return**2/time``,
    ``w = 0.5**(time/half_life)``; the cascades of earlier steps are in it. The displacement keeps its impact when depth
    changes: only new orders meet the new depth. The floor of a tenth is an assumption. Source: Kyle (1985), whose depth
    is ``2*sigma_u/sigma_v``; that depth falls with volatility in futures' order books: Journal of Risk and Financial
    Management 14 (2021) 545; exponential weights: RiskMetrics (1996).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> reaction = lc.DepthReaction(reference_volatility=0.6, half_life=timedelta(hours=1))
    >>> reaction.share(1.2), reaction.share(60.0)
    (0.5, 0.1)
    """

    reference_volatility: float
    half_life: timedelta
    _: KW_ONLY
    elasticity: float = 1.0
    floor: float = 0.1
    ceiling: float = 1.0
    form: Literal["power", "exponential"] = "power"
    initial_volatility: float | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        reference = checks.number("reference_volatility", self.reference_volatility, at_least=1e-6, at_most=1e3)
        set_field(self, "reference_volatility", reference)
        set_field(self, "half_life", checks.span("half_life", self.half_life))
        set_field(self, "elasticity", checks.number("elasticity", self.elasticity, at_least=0.0, at_most=100.0))
        set_field(self, "floor", checks.number("floor", self.floor, at_least=1e-6, at_most=1.0))
        set_field(self, "ceiling", checks.number("ceiling", self.ceiling, at_least=1.0, at_most=1e6))
        checks.choice("form", self.form, FORMS)
        if self.initial_volatility is not None:
            initial = checks.number("initial_volatility", self.initial_volatility, at_least=0.0, at_most=1e3)
            set_field(self, "initial_volatility", initial)

    def share(self, volatility: float) -> float:
        """Return the share of the stated depth that is there at a volatility.

        Parameters
        ----------
        volatility : float
            Per square root of a year of 365 days, >= 0.

        Returns
        -------
        float

        Raises
        ------
        InputError, KindError
            If it is no number >= 0.
        """
        wanted = checks.number("volatility", volatility, at_least=0.0, at_most=1e6)
        return self._to_native().share(wanted / math.sqrt(DAYS_A_YEAR))

    def _share_at_start(self) -> float:
        return self.share(self._initial)

    @property
    def _initial(self) -> float:
        return self.reference_volatility if self.initial_volatility is None else self.initial_volatility

    def _to_native(self) -> _core.DepthReaction:
        return _core.DepthReaction(
            exponential=self.form == "exponential",
            elasticity=self.elasticity,
            reference=self.reference_volatility / math.sqrt(DAYS_A_YEAR),
            initial=self._initial / math.sqrt(DAYS_A_YEAR),
            half_life=self.half_life / timedelta(days=1),
            floor=self.floor,
            ceiling=self.ceiling,
        )


def refill_delay(value: object) -> timedelta:
    """Return a delay, which may be none."""
    return timedelta(0) if value == timedelta(0) else checks.span("refill_delay", value)


def words(reaction: DepthReaction | None, delay: timedelta) -> list[str]:
    """Say what an order book does that one of constant depth does not."""
    said = [] if delay == timedelta(0) else [f"refills {delay} after a forced order"]
    if reaction is not None and reaction.elasticity > 0.0:
        s = f"s = volatility/{reaction.reference_volatility:g}, half-life {reaction.half_life}"
        share = f"s^-{reaction.elasticity:g}" if reaction.form == "power" else f"exp({reaction.elasticity:g}*(1 - s))"
        said.append(f"depth times {share} within {reaction.floor:g} to {reaction.ceiling:g} ({s})")
    return said
