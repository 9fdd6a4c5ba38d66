"""Funding: what longs and shorts of a perpetual pay each other, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError, KindError

Nanoseconds = npt.NDArray[np.int64]

#: More payments than this in one run are a mistake of units.
MOST_PAYMENTS = 10**6


@dataclass(frozen=True)
class Funding:
    """Payments between longs and shorts of one instrument, a share of the notional at the mark.

    Parameters
    ----------
    rate : float or array of shape (payments,)
        Share of the notional a payment, in (-1, 1); longs pay shorts where it is positive. A number: every time.
    interval : timedelta
        Time between payments, > 0, from the start of a run on; the first falls due after one interval.
    times : array of timedelta64 or timedelta, optional
        When payments fall due, since the start of a run; rising, > 0. Then `interval` is not looked at.

    Raises
    ------
    InputError
        If a rate or a time breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Due at the end of the step that reaches its time, before anybody is liquidated, out of the margin: liquidation
    prices follow. A shock knows no funding. Source: perpetual futures venues' public rules.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.Funding(rate=0.0001).interval
    datetime.timedelta(seconds=28800)
    """

    rate: float | tuple[float, ...]
    interval: timedelta = timedelta(hours=8)
    times: tuple[timedelta, ...] | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        if np.ndim(self.rate) == 0:
            set_field(self, "rate", _rate("rate", self.rate))
        else:
            rates = checks.numbers("rate", self.rate)
            set_field(self, "rate", tuple(_rate(f"rate[{i}]", rate) for i, rate in enumerate(rates)))
        if not isinstance(self.interval, timedelta):
            raise KindError(f"interval must be a timedelta, was {checks.describe(self.interval)}")
        if not self.interval > timedelta(0):
            raise InputError(f"interval must be > 0, was {self.interval}")
        if self.times is not None:
            set_field(self, "times", _times(self.times))
            if isinstance(self.rate, tuple) and len(self.rate) != len(self.times or ()):
                raise InputError(f"rate must have {len(self.times or ())} entries, one a time, had {len(self.rate)}")

    def due(self, elapsed: Nanoseconds) -> list[tuple[int, float]]:
        """Return the step and the rate of each payment of a run whose steps end at these times, in nanoseconds."""
        end = int(elapsed[-1])
        if self.times is not None:
            at = np.array(self.times, dtype="timedelta64[ns]").astype(np.int64)
            at = at[at <= end]
        else:
            each = int(np.timedelta64(self.interval).astype("timedelta64[ns]").astype(np.int64))
            if end // each > MOST_PAYMENTS:
                raise InputError(
                    f"interval must leave at most {MOST_PAYMENTS:,} payments in a run, had {end // each:,}"
                )
            at = np.arange(1, end // each + 1, dtype=np.int64) * each
        if isinstance(self.rate, tuple) and len(self.rate) < len(at):
            raise InputError(f"rate must have an entry for each of {len(at)} payments of the run, had {len(self.rate)}")
        rates = self.rate[: len(at)] if isinstance(self.rate, tuple) else [self.rate] * len(at)
        return list(zip(np.searchsorted(elapsed, at, side="left").tolist(), rates, strict=True))


def schedule(fundings: list[Funding | None], elapsed: Nanoseconds) -> dict[str, npt.NDArray[Any]]:
    """Return the payments of a run as the core takes them: by step, then in the instruments' order."""
    payments = sorted(
        (step, instrument, rate)
        for instrument, funding in enumerate(fundings)
        if funding is not None
        for step, rate in funding.due(elapsed)
    )
    return {
        "funding_step": np.array([p[0] for p in payments], dtype=np.int64),
        "funding_instrument": np.array([p[1] for p in payments], dtype=np.int32),
        "funding_rate": np.array([p[2] for p in payments], dtype=np.float64),
    }


def _rate(name: str, value: object) -> float:
    rate = checks.number(name, value, below=1.0)
    if not rate > -1.0:
        raise InputError(f"{name} must be > -1, was {rate}")
    return rate


def _times(values: Any) -> tuple[timedelta, ...]:
    try:
        array = np.asarray(values, dtype="timedelta64[us]")
    except (TypeError, ValueError) as error:
        raise KindError(f"times must be time spans since the start: {error}") from None
    if array.ndim != 1 or not array.size:
        raise InputError(f"times must have shape (payments,), at least 1, had {array.shape}")
    spans = array.tolist()
    before = timedelta(0)
    for row, at in enumerate(spans):
        if not isinstance(at, timedelta) or not at > before:
            raise InputError(f"times must rise from above 0: times[{row}] was {at}, after {before}")
        before = at
    return tuple(spans)
