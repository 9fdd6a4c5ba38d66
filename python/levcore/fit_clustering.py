"""GARCH, GJR-GARCH and EGARCH fitted by arch."""

from __future__ import annotations

import math
import warnings
from datetime import timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError
from levcore.fitted import Fitted, Floats, Found, extra, fitted_process, one_stretch, whole_rows, years_of
from levcore.per_asset import PerAsset
from levcore.process import Process, span

INNOVATIONS = ("normal", "student")
FEWEST = 100


class FittedByArch(Process):
    """What GARCH and its relations have in common: they are fitted by the package arch."""

    _family = "garch"

    @classmethod
    def fit(cls, returns: npt.ArrayLike | dict[str, Any], *, step: timedelta, innovations: str = "student") -> Self:
        """Return the process that makes returns most likely.

        Parameters
        ----------
        returns : array of shape (rows,), or mapping of str to such arrays
            Simple returns of one step each, > -1, oldest first; a series an asset by name, in the market's order, whose
            rows are the same times. At least 100 rows. nan is a missing return, and may stand before the first and
            after the last one only: the variance after a gap is not known, so that none is bridged.
        step : timedelta
            Time of one return, > 0; steps of a run are to be as long.
        innovations : {"student", "normal"}
            Their law; Student's t brings `degrees_of_freedom`.

        Returns
        -------
        process
            Its first step follows the last return: `initial_volatility` is the volatility then. `fitted` has estimates
            and standard errors (Bollerslev and Wooldridge's, 1992), of each asset by name.

        Raises
        ------
        InputError, KindError
            If returns are too few, all alike, out of range or with a gap, the likelihood has no maximum, or an
            argument breaks a rule.
        MissingExtraError
            If arch is not installed.

        Warns
        -----
        RuntimeWarning
            If there is no long-run variance.

        Notes
        -----
        arch fits log returns with a constant mean; the process' drift is that which has this mean over the sample. The
        correlation is that of standardised residuals: with Student's t a little less than that of its normals. Source:
        Bollerslev (1986); Sheppard, arch.

        Examples
        --------
        >>> from datetime import timedelta
        >>> import numpy as np
        >>> import levcore as lc
        >>> returns = 0.03 * np.random.default_rng(1).standard_t(5, 1_000)
        >>> process = lc.GARCH.fit(returns, step=timedelta(days=1))
        >>> process.fitted["degrees_of_freedom"].low_sample
        False
        """
        years = years_of(span("step", step))
        law = checks.choice("innovations", innovations, INNOVATIONS)
        process: Self = fitted_process(cls, returns, lambda name, logs: _fit(cls._family, name, logs, years, law))
        return process


def _fit(family: str, name: str, logs: Floats, years: float, law: str) -> Found:
    try:
        from arch import univariate
    except ImportError:
        raise extra("arch") from None
    begin, end = one_stretch(name, logs)
    rows = whole_rows(name, logs, FEWEST)
    scale = float(rows.std())
    asymmetric = int(family != "garch")
    volatility = (univariate.EGARCH if family == "egarch" else univariate.GARCH)(p=1, o=asymmetric, q=1)
    innovations = univariate.StudentsT() if law == "student" else univariate.Normal()
    model = univariate.ConstantMean(rows / scale, volatility=volatility, distribution=innovations, rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what arch warns of is looked at here
        result = model.fit(disp="off", show_warning=False)
        next_variance = float(result.forecast(horizon=1, reindex=False).variance.iloc[-1, 0]) * scale * scale
        errors = np.sqrt(np.maximum(np.diag(np.asarray(result.param_cov)), 0.0))
    if result.convergence_flag != 0:
        raise InputError(f"{name} must allow a fit: the likelihood was still rising when arch gave up")
    values, said = _natural(family, result, errors, scale, years)
    # The constant mean weighs a return by the inverse of its variance, half of which the drift makes up for.
    harmonic = scale * scale / float(np.mean(1.0 / np.asarray(result.conditional_volatility) ** 2))
    values["drift"] = (float(result.params["mu"]) * scale + 0.5 * harmonic) / years
    said["drift"] = float(errors[0]) * scale / years
    residuals = np.full(len(logs), math.nan)
    residuals[begin:end] = np.asarray(result.std_resid)
    log_likelihood = float(result.loglikelihood) - len(rows) * math.log(scale)
    arguments = values | {"initial_volatility": math.sqrt(next_variance / years)}
    return Found(arguments, Fitted(PerAsset(values), PerAsset(said), log_likelihood, len(rows)), residuals)


def _natural(
    family: str, result: Any, errors: Floats, scale: float, years: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the parameters of log returns that are not scaled, and their standard errors."""
    names = list(result.params.index)
    found = {name: float(result.params[name]) for name in names}
    error = dict(zip(names, errors.tolist(), strict=True))
    ours = {"omega": "omega", "alpha": "alpha[1]", "gamma": "gamma[1]", "beta": "beta[1]", "degrees_of_freedom": "nu"}
    values = {name: found[theirs] for name, theirs in ours.items() if theirs in found}
    said = {name: error[theirs] for name, theirs in ours.items() if theirs in found}
    if family != "egarch":
        values["omega"] *= scale * scale
        said["omega"] *= scale * scale
        return values, said
    # arch takes the mean size of a normal innovation off, whatever the law; and scaling moves the log variance.
    of_normal = math.sqrt(2.0 / math.pi)
    apart = mean_size(values["degrees_of_freedom"]) - of_normal if "degrees_of_freedom" in values else 0.0
    moved = 2.0 * math.log(scale)
    values["omega"] += (1.0 - values["beta"]) * moved + values["alpha"] * apart
    weights = np.array([{"omega": 1.0, "alpha[1]": apart, "beta[1]": -moved}.get(name, 0.0) for name in names])
    said["omega"] = math.sqrt(max(float(weights @ np.asarray(result.param_cov) @ weights), 0.0))
    return values, said


def mean_size(degrees_of_freedom: float) -> float:
    """Return E abs(z) of Student's t scaled to unit variance; plain arithmetic: the same bits on every CPU.

    It is sqrt((nu - 2)/pi) times gamma((nu - 1)/2)/gamma(nu/2), by its recurrence and, far out, its series.
    """
    z, below = 0.5 * (degrees_of_freedom - 1.0), 1.0
    while z < 200.0:
        below *= z / (z + 0.5)
        z += 1.0
    w = 1.0 / z
    series = 1.0 + w * (-1 / 8 + w * (1 / 128 + w * (5 / 1024 + w * (-21 / 32768 - w * 399 / 262144))))
    return math.sqrt((degrees_of_freedom - 2.0) / math.pi) / (math.sqrt(z) * series * below)
