"""Merton, Kou and Hawkes jumps fitted to returns by maximum likelihood."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Self

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.fitted import (
    Fitted,
    Floats,
    Found,
    extra,
    most_likely,
    of_one,
    stretches,
    whole_rows,
    years_of,
)
from levcore.per_asset import PerAsset
from levcore.process import Process, span

FEWEST, FEWEST_JUMPS = 100, 10
MOST_TERMS = 40  # of the Poisson sum: beyond, less than 1e-12 of the mass where two jumps a step are expected
GRID = 2**13


class FittedByLikelihood(Process):
    """What Merton and Kou have in common: returns are independent, and their density is known."""

    _sizes = "normal"

    @classmethod
    def fit(cls, returns: npt.ArrayLike, *, step: timedelta) -> Self:
        """Return the process that makes returns most likely.

        Parameters
        ----------
        returns : array of shape (rows,)
            Simple returns of one step each, > -1, at least 100. nan is a missing return: it is left out, and none is
            bridged.
        step : timedelta
            Time of one return, > 0.

        Returns
        -------
        process
            `fitted` has estimates and standard errors.

        Raises
        ------
        InputError, KindError
            If returns are too few, all alike or out of range, the likelihood has no maximum, or an argument breaks a
            rule.
        MissingExtraError
            If scipy is not installed.

        Notes
        -----
        The likelihood of a jump diffusion grows without bound where jumps without spread fall on one return; the
        maximum beside the moments of returns beyond three deviations is taken (Honore 1998). Merton's density is a
        Poisson sum of normal ones, Kou's the Fourier inverse of its characteristic function. Standard errors are
        those of the observed information.

        Examples
        --------
        >>> from datetime import timedelta
        >>> import numpy as np
        >>> import levcore as lc
        >>> random = np.random.default_rng(1)
        >>> jumps = np.where(random.random(500) < 0.1, random.normal(-0.05, 0.05, 500), 0.0)
        >>> process = lc.Merton.fit(0.02 * random.standard_normal(500) + jumps, step=timedelta(days=1))
        >>> process.fitted["jump_mean"].high < 0.0
        True
        """
        years = years_of(span("step", step))
        fit = _fit_merton if cls._sizes == "normal" else _fit_kou
        process: Self = of_one(cls, returns, lambda name, logs: fit(name, logs, years))
        return process


class FittedByThreshold(Process):
    """What Hawkes has of its own: jumps are told from the diffusion by their size."""

    @classmethod
    def fit(cls, returns: npt.ArrayLike, *, step: timedelta, threshold: float = 4.0) -> Self:
        """Return the process whose jumps are the large returns.

        Parameters
        ----------
        returns : array of shape (rows,)
            Simple returns of one step each, > -1, at least 100, oldest first. nan is a missing return: what comes after
            begins anew, at the long-run intensity, and none is bridged.
        step : timedelta
            Time of one return, > 0, short beside ``1/decay``.
        threshold : float
            From how many deviations of the diffusion on a return is a jump, >= 2.

        Returns
        -------
        process
            `fitted` has estimates and standard errors, those of the intensity as if the jumps were seen.

        Raises
        ------
        InputError, KindError
            If returns are too few, all alike or out of range, fewer than 10 of them are jumps, the likelihood has no
            maximum, or an argument breaks a rule.
        MissingExtraError
            If scipy is not installed.

        Notes
        -----
        The deviation is that of bipower variation, which jumps do not move. Returns beyond the threshold are the
        jumps, the others the diffusion (Mancini 2009): smaller jumps are not seen, so that `rate` is that of large
        ones. The intensity is fitted to whether a step has a jump, given those before (Ogata 1978; Ozaki 1979); of
        several jumps in a step one calls others, so that where steps have more than a tenth of a jump at times,
        `jump_deviation` comes out too large: take shorter steps.

        Examples
        --------
        >>> from datetime import timedelta
        >>> import numpy as np
        >>> import levcore as lc
        >>> random = np.random.default_rng(1)
        >>> jumps = np.where(random.random(2_000) < 0.05, random.normal(-0.02, 0.03, 2_000), 0.0)
        >>> returns = 0.004 * random.standard_normal(2_000) + jumps
        >>> lc.Hawkes.fit(returns, step=timedelta(hours=1)).fitted["jump_mean"].high < 0.0
        True
        """
        years, beyond = years_of(span("step", step)), checks.number("threshold", threshold, at_least=2.0)
        process: Self = of_one(cls, returns, lambda name, logs: _fit_hawkes(name, logs, years, beyond))
        return process


def _diffusion_deviation(logs: Floats) -> float:
    """Return the deviation of the returns between jumps, by bipower variation (Barndorff-Nielsen and Shephard 2004)."""
    sizes = np.abs(logs - float(np.nanmedian(logs)))
    neighbours = sizes[1:] * sizes[:-1]
    return math.sqrt(0.5 * math.pi * float(np.nanmean(neighbours)))


def _beyond(logs: Floats, deviation: float, threshold: float) -> npt.NDArray[np.bool_]:
    """Return which returns are jumps; a missing one is none."""
    return np.abs(np.nan_to_num(logs - float(np.nanmedian(logs)))) > threshold * deviation


def _start(name: str, logs: Floats) -> tuple[Floats, float, float, float, Floats]:
    """Return rows, and a first guess: mean and deviation of the diffusion, jumps a step, their sizes."""
    rows = whole_rows(name, logs, FEWEST)
    deviation = _diffusion_deviation(logs) or float(rows.std())
    sizes = rows[_beyond(rows, deviation, 3.0)]
    if len(sizes) < 2:
        sizes = np.array([-3.0 * deviation, 3.0 * deviation])
    return rows, float(np.median(rows)), deviation, len(sizes) / len(rows), sizes


def _fit_merton(name: str, logs: Floats, years: float) -> Found:
    rows, mean, deviation, rate, sizes = _start(name, logs)
    terms = np.arange(MOST_TERMS)[:, None]
    factorials = np.array([math.lgamma(k + 1.0) for k in range(MOST_TERMS)])[:, None]

    def log_likelihood(at: Floats) -> float:
        with np.errstate(all="ignore"):
            jumps, spread = math.exp(min(at[2], 3.0)), np.exp(2.0 * at[1]) + terms * np.exp(2.0 * at[4])
            weights = terms * at[2] - jumps - factorials
            each = weights - 0.5 * ((rows - at[0] - terms * at[3]) ** 2 / spread + np.log(2.0 * math.pi * spread))
            top = each.max(axis=0)
            return float((top + np.log(np.exp(each - top).sum(axis=0))).sum())

    def natural(at: Floats) -> dict[str, float]:
        volatility, jump_deviation = math.exp(at[1]) / math.sqrt(years), math.exp(at[4])
        a_year = math.exp(at[2]) / years
        brought = a_year * math.expm1(at[3] + 0.5 * jump_deviation**2)
        return {
            "volatility": volatility,
            "rate": a_year,
            "jump_mean": float(at[3]),
            "jump_deviation": jump_deviation,
            "drift": float(at[0]) / years + 0.5 * volatility**2 + brought,
        }

    spread = max(float(sizes.std()), deviation)
    begin = [mean, math.log(deviation), math.log(rate), float(sizes.mean()), math.log(spread)]
    starts = [np.array(begin), np.array([*begin[:2], math.log(3.0 * rate), 0.5 * begin[3], begin[4] - 0.5])]
    _, fitted = most_likely(log_likelihood, starts, natural, len(rows))
    return Found(fitted.values, fitted, logs)


def _fit_kou(name: str, logs: Floats, years: float) -> Found:
    try:
        from scipy.interpolate import CubicSpline
    except ImportError:
        raise extra("scipy") from None
    rows, mean, deviation, rate, sizes = _start(name, logs)
    reach = 1.5 * float(np.abs(rows - mean).max()) + 10.0 * deviation
    width = 2.0 * reach / GRID
    grid = mean - reach + width * np.arange(GRID)
    frequency = 2.0 * math.pi * np.fft.fftfreq(GRID, width)

    def parts(at: Floats) -> tuple[float, float, float, float]:
        """Return jumps a step, the share of those that go up, and their mean sizes."""
        return math.exp(min(at[2], 3.0)), 1.0 / (1.0 + math.exp(-at[3])), math.exp(at[4]), math.exp(at[5])

    def log_likelihood(at: Floats) -> float:
        with np.errstate(all="ignore"):
            jumps, up, rise, fall = parts(np.clip(at, -40.0, 40.0))
            size = up / (1.0 - 1j * frequency * rise) + (1.0 - up) / (1.0 + 1j * frequency * fall)
            exponent = 1j * frequency * (at[0] - grid[0]) - 0.5 * np.exp(2.0 * at[1]) * frequency**2
            density = np.fft.fft(np.exp(exponent + jumps * (size - 1.0))).real / (GRID * width)
            if not np.isfinite(density).all():
                return -math.inf
            return float(np.log(np.maximum(CubicSpline(grid, density)(rows), 1e-12)).sum())

    def natural(at: Floats) -> dict[str, float]:
        jumps, up, rise, fall = parts(at)
        volatility, a_year = math.exp(at[1]) / math.sqrt(years), jumps / years
        brought = a_year * (up / (1.0 - rise) + (1.0 - up) / (1.0 + fall) - 1.0)
        return {
            "volatility": volatility,
            "rate": a_year,
            "up_share": up,
            "up_mean": rise,
            "down_mean": fall,
            "drift": float(at[0]) / years + 0.5 * volatility**2 + brought,
        }

    rises, falls = sizes[sizes > mean], sizes[sizes <= mean]
    up = min(max(len(rises) / len(sizes), 0.1), 0.9)
    ends = [math.log(float(np.abs(some).mean()) if len(some) else 3.0 * deviation) for some in (rises, falls)]
    begin = [mean, math.log(deviation), math.log(2.0 * rate), math.log(up / (1.0 - up)), *(end - 0.5 for end in ends)]
    _, fitted = most_likely(log_likelihood, [np.array(begin)], natural, len(rows))
    return Found(fitted.values, fitted, logs)


def _fit_hawkes(name: str, logs: Floats, years: float, threshold: float) -> Found:
    try:
        from scipy.signal import lfilter
    except ImportError:
        raise extra("scipy") from None
    rows = whole_rows(name, logs, FEWEST)
    jump = _beyond(logs, _diffusion_deviation(logs), threshold)
    if int(jump.sum()) < FEWEST_JUMPS:
        rule = f"at least {FEWEST_JUMPS} returns beyond {threshold:g} deviations"
        raise InputError(f"{name} must have {rule}, had {int(jump.sum())}: no jumps to fit, or too high a threshold")
    pieces = [jump[begin:end].astype(np.float64) for begin, end in stretches(logs)]

    def expected(at: Floats) -> list[Floats]:
        """Return the jumps expected in each step of each stretch, given those seen in the steps before."""
        base, calls, decay = math.exp(min(at[0], 5.0)), 1.0 / (1.0 + math.exp(-at[1])), math.exp(min(at[2], 5.0))
        kept = math.exp(-decay)
        average = (1.0 - kept) / decay  # over a step, and of what a jump within it leaves at its end
        above = base * calls / (1.0 - calls)
        called = [lfilter([0.0, calls * decay * average], [1.0, -kept], seen) for seen in pieces]
        return [base + average * (one + above * kept ** np.arange(len(one))) for one in called]

    def log_likelihood(at: Floats) -> float:
        each = zip(pieces, expected(at), strict=True)
        return sum(float(np.where(seen > 0.0, np.log(-np.expm1(-of)), -of).sum()) for seen, of in each)

    def natural(at: Floats) -> dict[str, float]:
        calls, decay = 1.0 / (1.0 + math.exp(-at[1])), math.exp(at[2]) / years
        return {"rate": math.exp(at[0]) / years, "excitation": calls * decay, "decay": decay}

    share = float(jump.sum()) / len(rows)
    begin = [
        [math.log(share * (1.0 - n)), math.log(n / (1.0 - n)), math.log(b)]
        for n, b in ((0.3, 0.05), (0.5, 0.3), (0.7, 0.02))
    ]
    at, intensity = most_likely(log_likelihood, [np.array(one) for one in begin], natural, len(rows))
    return _with_jumps(logs[~np.isnan(logs)], jump[~np.isnan(logs)], np.concatenate(expected(at)), intensity, years)


def _with_jumps(logs: Floats, jump: npt.NDArray[np.bool_], expected: Floats, intensity: Fitted, years: float) -> Found:
    """Return the whole of Hawkes: the intensity, and the moments of jumps and of what lies between them.

    A step of jumps has `number` of them on average where `expected` are, Poisson but not none; and what jumps are
    expected to bring is taken off the diffusion step by step, so that it is put back here.
    """
    of = expected[jump]
    number = of / -np.expm1(-of)
    squares = number * (1.0 + of)
    growth = 0.0
    for _ in range(50):
        diffusion = logs + growth * expected
        mean, variance = float(diffusion[~jump].mean()), float(diffusion[~jump].var(ddof=1))
        sizes = diffusion[jump] - mean
        jump_mean = float(sizes.sum() / number.sum())
        apart = float(((sizes - jump_mean * number) ** 2 - jump_mean**2 * (squares - number**2) - variance).sum())
        jump_deviation = math.sqrt(max(apart / float(number.sum()), 0.0))
        growth = math.expm1(jump_mean + 0.5 * jump_deviation**2)
    volatility = math.sqrt(variance / years)
    values = dict(intensity.values) | {
        "volatility": volatility,
        "jump_mean": jump_mean,
        "jump_deviation": jump_deviation,
        "drift": mean / years + 0.5 * volatility**2,
    }
    n, jumps = len(logs) - len(of), float(number.sum())
    errors = dict(intensity.standard_errors) | {
        "volatility": volatility / math.sqrt(2.0 * n),
        "jump_mean": math.sqrt((jump_deviation**2 + variance) / jumps),
        "jump_deviation": math.sqrt((jump_deviation**2 + variance) / (2.0 * jumps)),
        "drift": math.sqrt(variance / n) / years,
    }
    fitted = Fitted(PerAsset(values), PerAsset(errors), intensity.log_likelihood, intensity.n)
    return Found(values, fitted, logs)
