"""Funding: what longs and shorts of a perpetual pay each other, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from levcore import checks, funding_rates
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
        _span("interval", self.interval)
        if self.times is not None:
            set_field(self, "times", _times(self.times))
            if isinstance(self.rate, tuple) and len(self.rate) != len(self.times or ()):
                raise InputError(f"rate must have {len(self.times or ())} entries, one a time, had {len(self.rate)}")

    @classmethod
    def from_premium(
        cls,
        premium: npt.ArrayLike,
        *,
        interval: timedelta = timedelta(hours=8),
        spacing: timedelta = timedelta(minutes=1),
        weighting: Literal["equal", "rising"] = "equal",
        interest: float = 0.0001,
        clamp: float = 0.0005,
        cap: float | None = None,
    ) -> Funding:
        """Give the payments that follow from a record of the premium index: a rate for each interval, by its average.

        Parameters
        ----------
        premium : array of float, shape (samples,)
            Premium index, a share of the index price, at even times from the start of a run on: a whole number of
            intervals. :func:`levcore.funding_rates.premium_index` works it out from impact prices.
        interval : timedelta
            Time between payments, > 0: 8, 4 or 1 hours (Binance), 1 hour (Hyperliquid, dYdX).
        spacing : timedelta
            Time between samples, > 0; an interval is a whole number of them.
        weighting : {"equal", "rising"}
            All samples of an interval count the same; or the k-th of them k times, the last one most (Binance).
        interest : float
            Interest a funding of 8 hours: 0.01 % at most venues; 0 at dYdX.
        clamp : float
            How far interest may pull the rate away from the premium, >= 0; 0: not at all (dYdX).
        cap : float, optional
            Largest absolute rate of a payment, >= 0: 0.04 at Hyperliquid; at dYdX an eighth of
            ``6*(initial - maintenance)``, :func:`levcore.funding_rates.margin_cap`, for its rate is that of 8 hours.
            None: no cap.

        Returns
        -------
        Funding
            Rates ``(average + clamp(interest - average, -clamp, clamp))/(8 h/interval)`` within the cap, one at the end
            of each interval. A run may not be longer than the record.

        Raises
        ------
        InputError
            If the record is not a whole number of intervals, or a value breaks a rule.
        KindError
            If an argument has the wrong type.

        Notes
        -----
        The premium is taken as it was recorded: forced orders of a run do not move it. Source: Binance's funding
        formula as of 2025-09-18 (rates of N hours are divided by 8/N; that its average has rising weights is general
        knowledge); Hyperliquid's documentation (an eighth an hour); dYdX v4, x/perpetuals (rates of 8 hours, paid by
        time).

        Examples
        --------
        >>> from datetime import timedelta
        >>> import levcore as lc
        >>> hour = timedelta(hours=1)
        >>> lc.Funding.from_premium([0.0, 0.002, 0.0, 0.0], interval=2 * hour, spacing=hour).rate
        (0.000125, 2.5e-05)
        """
        record = checks.column("premium", premium)
        if not np.all(np.isfinite(record)):
            row = int(np.flatnonzero(~np.isfinite(record))[0])
            raise InputError(f"premium[{row}] must be finite, was {record[row]}")
        samples, rest = divmod(_span("interval", interval), _span("spacing", spacing))
        if rest or not samples:
            raise InputError(f"interval must be a whole number of spacings of {spacing}, was {interval}")
        if not len(record) or len(record) % samples:
            raise InputError(f"premium must have whole intervals of {samples:,} samples, had {len(record):,} samples")
        rising = checks.choice("weighting", weighting, ("equal", "rising")) == "rising"
        rows = record.reshape(-1, samples)
        average = np.average(rows, axis=1, weights=np.arange(1, samples + 1)) if rising else rows.mean(axis=1)
        rates = funding_rates.funding_rate(
            average,
            interest=interest,
            clamp=clamp,
            hours=interval / timedelta(hours=1),
            cap=np.inf if cap is None else checks.number("cap", cap, at_least=0.0),
        )
        return cls(rate=tuple(rates.tolist()), interval=interval)

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


def _span(name: str, value: object) -> timedelta:
    if not isinstance(value, timedelta):
        raise KindError(f"{name} must be a timedelta, was {checks.describe(value)}")
    if not value > timedelta(0):
        raise InputError(f"{name} must be > 0, was {value}")
    return value


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
