"""Risk measures of simulated losses, each with its interval: losses are positive, in the unit they come in."""

from levcore.attribution import Attribution, euler_attribution
from levcore.estimates import Estimate, mean, probability, quantile
from levcore.shapley import shapley_attribution
from levcore.systemic import capital_shortfall, covar, delta_covar, long_run_marginal_expected_shortfall
from levcore.tails import expected_shortfall, marginal_expected_shortfall, value_at_risk

__all__ = [
    "Attribution",
    "Estimate",
    "capital_shortfall",
    "covar",
    "delta_covar",
    "euler_attribution",
    "expected_shortfall",
    "long_run_marginal_expected_shortfall",
    "marginal_expected_shortfall",
    "mean",
    "probability",
    "quantile",
    "shapley_attribution",
    "value_at_risk",
]
