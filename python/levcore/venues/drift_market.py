"""Drift v2: perpetuals settled in USDC."""

from __future__ import annotations

from collections.abc import Mapping

from levcore.backstop import Backstop
from levcore.liquidation import PartialClose, Policy
from levcore.venue import Venue
from levcore.venues.presets import Fundings, House, Symbols, Tables, linear, own_or_given

#: What a liquidation adds to each margin ratio, until which it goes on: the program's default.
BUFFER = 0.02


def drift_v2(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    liquidation_fee: float | None = None,
    collateral: Mapping[str, float] | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
) -> Venue:
    """Give the rulebook of Drift v2: linear, losses beyond the fund socialised, no deleveraging.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "SOL-PERP"; None: all that have tiers.
    tiers : mapping of str to SizeMargin or MarginTiers
        Per market: a SizeMargin of its maintenance ratio, ``share=0.8`` and ``per_size`` its imf factor; without that
        factor one tier. None are shipped.
    insurance_fund : float
        In USDC, >= 0.
    liquidation_fee : float, optional
        Fees of liquidator and insurance together as a share of the notional, in [0, 1); they leave the model.
        None: 0.
    collateral : mapping of str to float, optional
        The maintenance asset weight of each coin.
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the venue's own policy, then without a `liquidation_fee`. None: its own.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.

    Returns
    -------
    Venue
        Equity equal to the requirement is safe; below it just so much is closed that equity covers the requirement and
        a buffer of 2 % of the notional; what is left after the fee is the trader's; deficits go to the fund and are
        then socialised over open interest.

    Raises
    ------
    InputError, KindError
        If there are no tiers, they are of another kind, or a value breaks a rule.

    Notes
    -----
    Source: the protocol's code and tests (programs/drift/src/math), re-computed.

    A position that its order's own impact leaves between requirement and buffer is healthy here; the program goes on
    until the buffer is met.

    The state, not the code, says which share of its shortage a liquidation may free at once and how fast that grows
    (150 slots in the program's tests): ``liquidation=lc.PartialClose(target=1.0, buffer=0.02, initial_share=...,
    duration=..., small_shortage=50.0)`` has both; by default all is freed at once.

    Left out: the liquidator who takes the position over at the oracle price less a fee (levcore: it walks the order
    book), the rounding of ratios to ten-thousandths, and weights that fall with deposits. Marks stand for oracle
    prices.

    Examples
    --------
    >>> import levcore as lc
    >>> ratio = lc.SizeMargin(0.05, per_size=0.0001, share=0.8, initial_rate=0.1)
    >>> lc.venues.drift_v2(tiers={"SOL-PERP": ratio}).backstop
    Backstop(insurance_fund=0.0, own_funds={}, takeover=0.0, deleveraging=False, socialise='open_interest')
    """
    house = House("Drift", r"(?P<asset>\w+)-PERP", "SOL-PERP", "USDC", by_size=True)

    def to_buffer(fee: float) -> PartialClose:
        return PartialClose(target=1.0, buffer=BUFFER, fee_rate=fee, fee_to="outside")

    return Venue(
        linear(house, symbols, tiers, funding=funding),
        liquidation=own_or_given(liquidation, "liquidation_fee", liquidation_fee, 0.0, to_buffer),
        backstop=Backstop(insurance_fund=insurance_fund, socialise="open_interest"),
        remainder="trader",
        liquidate_at_equality=False,
        settlement="USDC",
        collateral=collateral,
    )
