"""Risk measures of simulated losses, each with its interval: losses are positive, in the unit they come in."""

from levcore.attribution import Attribution, euler_attribution
from levcore.estimates import Estimate, mean, probability, quantile
from levcore.risk_table import RiskTable, table
from levcore.run_measures import (
    exhaustion_probability,
    expected_bad_debt,
    liquidation_probability_by_leverage,
    time_to_liquidation,
)
from levcore.shapley import shapley_attribution
from levcore.systemic import capital_shortfall, covar, delta_covar, long_run_marginal_expected_shortfall
from levcore.tails import expected_shortfall, marginal_expected_shortfall, value_at_risk

__all__ = [
    "Attribution",
    "Estimate",
    "RiskTable",
    "capital_shortfall",
    "covar",
    "delta_covar",
    "euler_attribution",
    "exhaustion_probability",
    "expected_bad_debt",
    "expected_shortfall",
    "liquidation_probability_by_leverage",
    "long_run_marginal_expected_shortfall",
    "marginal_expected_shortfall",
    "mean",
    "probability",
    "quantile",
    "shapley_attribution",
    "table",
    "time_to_liquidation",
    "value_at_risk",
]
