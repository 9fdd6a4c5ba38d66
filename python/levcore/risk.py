"""Risk measures of simulated losses, each with its interval: losses are positive, in the unit they come in."""

from levcore.estimates import Estimate, mean, probability, quantile
from levcore.tails import expected_shortfall, value_at_risk

__all__ = [
    "Estimate",
    "expected_shortfall",
    "mean",
    "probability",
    "quantile",
    "value_at_risk",
]
