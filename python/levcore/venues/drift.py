"""Drift v2: weights, margin, liquidation in parts, fees that grow, and losses shared by everybody.

Amounts are in USD or tokens, rates plain numbers. Where the program counts in whole units (ten-thousandths of a weight,
millionths of a fee) so do these functions; a float means the decimal that it prints as. Arguments that may be arrays
broadcast.

Left out: accounts of several positions at once in the transfers (their shortage is an argument of the functions
beneath), oracle guard rails, the auction that a liquidation order runs through.
Source: the code of drift-labs/protocol-v2 (the file is named by each function) and its tests.

>>> from levcore.venues import drift
>>> drift.quantity_to_cover(10, margin_ratio=0.1, liquidator_fee=0.01, oracle_price=100)
1.111111111
"""

from levcore.venues.drift_bankruptcy import (
    Socialised,
    SocialisedDeposits,
    deposit_index_decrease,
    funding_rate,
    resolve_loan_bankruptcy,
    resolve_perpetual_bankruptcy,
    socialised_loss_per_unit,
    socialised_payment,
)
from levcore.venues.drift_fees import (
    insurance_fee,
    loan_insurance_fee,
    max_liquidator_fee,
    max_share_to_liquidate,
    ramped_liquidator_fee,
)
from levcore.venues.drift_liquidation import (
    collateral_seized,
    loan_for_collateral,
    loan_to_repay,
    quantity_to_cover,
    swap_is_within_bounds,
)
from levcore.venues.drift_loans import LoanTransfer, liquidate_loan
from levcore.venues.drift_margin import (
    asset_weight,
    fill_ratio,
    liability_weight,
    margin_ratio,
    scaled_asset_weight,
    weighted_profit,
)
from levcore.venues.drift_transfers import (
    PerpetualTerms,
    PerpetualTransfer,
    liquidate_perpetual,
    liquidate_perpetual_into_book,
)

__all__ = [
    "LoanTransfer",
    "PerpetualTerms",
    "PerpetualTransfer",
    "Socialised",
    "SocialisedDeposits",
    "asset_weight",
    "collateral_seized",
    "deposit_index_decrease",
    "fill_ratio",
    "funding_rate",
    "insurance_fee",
    "liability_weight",
    "liquidate_loan",
    "liquidate_perpetual",
    "liquidate_perpetual_into_book",
    "loan_for_collateral",
    "loan_insurance_fee",
    "loan_to_repay",
    "margin_ratio",
    "max_liquidator_fee",
    "max_share_to_liquidate",
    "quantity_to_cover",
    "ramped_liquidator_fee",
    "resolve_loan_bankruptcy",
    "resolve_perpetual_bankruptcy",
    "scaled_asset_weight",
    "socialised_loss_per_unit",
    "socialised_payment",
    "swap_is_within_bounds",
    "weighted_profit",
]
