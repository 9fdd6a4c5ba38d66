"""Closed forms of risk measures: of Gaussian losses, whose samples must find them, and of plain arithmetic."""

import math

import numpy as np

import levcore as lc
from oracle_checks import EXACT, near

SAMPLES = 1_000_000
Z = 1.959963984540054  # standard errors that a 95 % interval reaches


def finds(estimate, expected, *, scale):
    """Within four standard errors, which are below a hundredth of the scale."""
    error = (estimate.high - estimate.value) / Z
    assert 0.0 < error < 0.01 * scale
    near(estimate.value, expected, {"abs": 4.0 * error})
    assert not estimate.low_sample


def check_gaussian(document, name, case):
    """The system's loss is normal, correlated with the institution's; a new million of pairs for each case."""
    number, rho, q = int(name.rsplit("/", 1)[1]), case["rho"], case["q"]
    common, own = lc.normals(2 * number, SAMPLES), lc.normals(2 * number + 1, SAMPLES)
    institution = case["sd_i"] * common
    system = case["sd_sys"] * (rho * common + math.sqrt(1.0 - rho * rho) * own)
    finds(lc.risk.value_at_risk(system, q), case["VaR_sys"], scale=case["sd_sys"])
    finds(lc.risk.expected_shortfall(system, q), case["ES_sys"], scale=case["sd_sys"])
    finds(lc.risk.marginal_expected_shortfall(institution, system, q), case["MES_i_given_sys_tail"], scale=case["sd_i"])
    change = lc.risk.delta_covar(institution, system, q)
    finds(change, case["dCoVaR_sys_given_i"], scale=case["sd_sys"])
    at_risk, ordinary = (lc.risk.covar(institution, system, q, given=given) for given in (None, 0.5))
    near(at_risk.value - ordinary.value, change.value, {"abs": 1e-9 * case["sd_sys"]})
    finds(change, case["CoVaR_i_at_VaR_minus_median"], scale=case["sd_sys"])
    residual = math.sqrt(1.0 - rho * rho) * case["VaR_sys"]  # of the system where the institution loses nothing
    finds(ordinary, residual, scale=case["sd_sys"])
    finds(at_risk, case["dCoVaR_sys_given_i"] + residual, scale=case["sd_sys"])


def samples_with(covariance, n):
    """Samples whose own covariance is the given one."""
    covariance = np.array(covariance)
    drawn = lc.normals(7, (n, len(covariance)))
    drawn -= drawn.mean(axis=0)
    whitened = np.linalg.solve(np.linalg.cholesky(np.cov(drawn.T)), drawn.T)
    return np.linalg.cholesky(covariance) @ whitened


def check_euler(document, name, case):
    """The weighted columns share out the standard deviation; in normal losses the shortfall in the same proportions."""
    columns = samples_with(case["cov"], 200_000)
    parts = {str(i): w * column for i, (w, column) in enumerate(zip(case["weights"], columns, strict=True))}
    found = lc.risk.euler_attribution(parts, measure="standard_deviation")
    near(found.total, case["sd"], EXACT)
    near(sum(case["contributions_to_sd"]), found.total, EXACT)
    for part, expected in zip(found.parts.values(), case["contributions_to_sd"], strict=True):
        near(part.value, expected, EXACT)
    tail = lc.risk.euler_attribution(parts, level=0.95)
    shortfall = lc.risk.expected_shortfall(sum(parts.values()), level=0.95)
    near(tail.total, shortfall.value, EXACT)
    near(sum(float(part) for part in tail.parts.values()), tail.total, EXACT)
    for part, expected in zip(tail.parts.values(), case["contributions_to_sd"], strict=True):
        finds(part, expected * 2.0627128075074257, scale=case["sd"])  # the normal law's, of standard deviation 1


def check_standard_error(document, name, case):
    """The mean variance that intervals claim: the asymptote is reached as the tail grows."""
    n, q = case["n"], case["q"]
    repetitions = 4_000_000 // n
    claimed = [lc.risk.expected_shortfall(losses, q) for losses in lc.normals(11, (repetitions, n))]
    errors = np.array([(one.high - one.value) / Z for one in claimed])
    near(math.sqrt(float(np.mean(errors**2))), case["asymptotic_se"], {"rel": 0.015 + 0.4 / (n * (1.0 - q))})
    values = np.array([one.value for one in claimed])
    missed = np.abs(values - case["ES"]).mean() / (case["asymptotic_se"] * math.sqrt(2.0 / math.pi))
    near(missed, 1.0, {"abs": 4.0 / math.sqrt(repetitions) + 0.02})


def check_srisk(document, name, case):
    daily = case["MES"]
    near(lc.risk.long_run_marginal_expected_shortfall(daily).value, case["LRMES"], EXACT)
    short = lc.risk.capital_shortfall(daily, debt=case["D"], equity=case["W"], capital_ratio=case["k"])
    near(short.value, case["SRISK"], {"abs": 1e-12 * case["D"], "rel": 1e-12})


DOCUMENTS = {
    "systemic_measures.json": {
        "cases/*": check_gaussian,
        "euler_allocation": check_euler,
        "es_mc_standard_error/cases/*": check_standard_error,
        "srisk/cases/*": check_srisk,
    }
}
