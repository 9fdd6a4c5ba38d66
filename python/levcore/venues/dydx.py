"""dYdX v4: margin, liquidation, deleveraging and funding, with the chain's own rounding.

Amounts are in USD, sizes in base units, rates plain numbers. They are counted as the chain counts: money in whole
millionths of a USD, rates in millionths, requirements rounded up. A float means the decimal that it prints as; ints,
Fraction and Decimal are taken as they are, so that nothing is lost on the way in. Results are floats, which hold every
millionth up to 4e9 USD. Arguments that may be arrays broadcast.

Left out: trading fees, the random account that deleveraging starts at, limits a block over all of an account's markets.
Source: the code of dydxprotocol/v4-chain (the file is named by each function) and its tests.

>>> from levcore.venues import dydx
>>> fractions = {"oracle_price": 50_000, "initial_margin_fraction": 0.2, "maintenance_fraction": 0.5}
>>> account = dydx.Subaccount(-4_501, (dydx.Position("BTC", quantity=0.1, **fractions),))
>>> dydx.is_liquidatable(account), dydx.bankruptcy_price(account, "BTC", -0.1), dydx.fillable_price(account, "BTC")
(True, 45010.0, 49999.0)
"""

from levcore.venues.dydx_account import Position, Risk, Subaccount, risk, transition_is_valid
from levcore.venues.dydx_deleveraging import Deleveraged, deleverage, deleverage_against, deleveraging_price_rule
from levcore.venues.dydx_funding import funding_index_change, funding_settlement, max_funding_rate, premium
from levcore.venues.dydx_liquidation import (
    bankruptcy_price,
    bankruptcy_value,
    fillable_price,
    fund_can_cover,
    insurance_fund_change,
    liquidatable_notional,
)
from levcore.venues.dydx_margin import (
    below_maintenance,
    compare_risk,
    initial_margin_units,
    is_liquidatable,
    margin_requirement,
    riskiest_first,
    scaled_initial_margin_fraction,
)
from levcore.venues.dydx_orders import Liquidated, liquidate

__all__ = [
    "Deleveraged",
    "Liquidated",
    "Position",
    "Risk",
    "Subaccount",
    "bankruptcy_price",
    "bankruptcy_value",
    "below_maintenance",
    "compare_risk",
    "deleverage",
    "deleverage_against",
    "deleveraging_price_rule",
    "fillable_price",
    "fund_can_cover",
    "funding_index_change",
    "funding_settlement",
    "initial_margin_units",
    "insurance_fund_change",
    "is_liquidatable",
    "liquidatable_notional",
    "liquidate",
    "margin_requirement",
    "max_funding_rate",
    "premium",
    "risk",
    "riskiest_first",
    "scaled_initial_margin_fraction",
    "transition_is_valid",
]
