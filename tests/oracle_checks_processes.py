"""Closed forms of processes, which a million steps must find within three standard errors, and published parameters."""

import math

import numpy as np
import pytest

import levcore as lc
from oracle_checks import EXACT, near
from test_processes import YEAR, kurtosis_and_autocorrelations, log_returns, off

PERCENT_SQUARED = 1e-4


def mean_is(values, exact):
    """Within three standard errors of the mean of independent pieces."""
    assert abs(values.mean() - exact) < 3.0 * values.std(ddof=1) / math.sqrt(len(values))


def check_garch(document, name, case):
    """Normal innovations, steps of a day: kurtosis, the autocorrelations of squares, and the variance of a step."""
    process = lc.GARCH(omega=case["omega"], alpha=case["alpha"], beta=case["beta"])
    near(case["omega"] / (1.0 - case["alpha"] - case["beta"]), case["uncond_var"], EXACT)
    squares = log_returns(process, paths=1, steps=1_000_000).reshape(100, -1) ** 2
    found = kurtosis_and_autocorrelations(squares, (1, 10))
    for row, exact in zip(found, (case["kurtosis"], case["acf_sq_lag1"], case["acf_sq_lag10"]), strict=True):
        assert off(row[:-1], row[-1], exact) < 3.0
    mean_is(squares.mean(axis=1), case["uncond_var"])


def check_hawkes(document, name, case):
    """Jumps of one size alone, at prices that would stay where they are: jumps a year, and the Fano factor."""
    near(1.0 / (1.0 - case["n"]), case["cluster"], EXACT)
    size, growth = -0.5, math.expm1(-0.5)
    process = lc.Hawkes(
        volatility=0.0,
        rate=case["mu"],
        excitation=case["a"],
        decay=case["b"],
        jump_mean=size,
        jump_deviation=0.0,
        drift=(growth - size) * case["rate"],
    )
    paths, steps, years = 100, 80_000, 0.0125
    returns = log_returns(process, paths=paths, steps=steps, step=YEAR * years) - process.drift * years
    # What is taken off is less than a jump as long as a step expects less than 1.27 of them.
    counts = np.ceil(returns / size - 1e-9).sum(axis=1)
    mean_is(counts / (steps * years), case["rate"])
    ratio = [one.var() / one.mean() for one in (counts, *(np.delete(counts, i) for i in range(paths)))]
    assert off(np.array(ratio[1:]), ratio[0], case["fano"]) < 3.0


def check_published_garch(document, name, case):
    """The regime of its name, normal in the mean: omega in percent squared, the degrees of freedom as eta."""
    regime = name.rsplit("/", 1)[1].replace("_", " ")
    process = (lc.GJRGARCH if "gamma" in case else lc.GARCH).published(regime)
    near(process.omega, case["omega"] * PERCENT_SQUARED, EXACT)
    assert (process.alpha, process.beta, process.degrees_of_freedom) == (case["alpha"], case["beta"], case["eta"])
    assert getattr(process, "gamma", 0.0) == case.get("gamma", 0.0)
    near(process.alpha + process.beta + 0.5 * case.get("gamma", 0.0), case["persistence"], EXACT)


def check_published_regimes(document, name, case):
    """The calm regime first, whichever comes first in the paper; variances of a day."""
    calm, wild = sorted(case["sigma2"])
    process = lc.MarkovSwitching.published(name.rsplit("/", 1)[1])
    for volatility, variance in zip(process.volatility, (calm, wild), strict=True):
        near(volatility**2 / 365.0, variance * PERCENT_SQUARED, EXACT)
    stays, comes = case["p00"], case["p10"]  # of the paper's first regime
    if case["regime0"] == "high":
        stays, comes = 1.0 - case["p10"], 1.0 - case["p00"]
    (found, _), (back, _) = process.transition
    assert (found, back) == pytest.approx((stays, comes), abs=1e-9)


DOCUMENTS = {
    "volatility_processes.json": {
        "garch11_closed_form/cases/*": check_garch,
        "hawkes_closed_form/cases/*": check_hawkes,
        "published_params/garch/*": check_published_garch,
        "published_params/markov/*": check_published_regimes,
    }
}
