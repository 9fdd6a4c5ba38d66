"""dYdX v4: perpetuals settled in USDC."""

from __future__ import annotations

from collections.abc import Mapping

from levcore.backstop import Backstop, Deleveraging
from levcore.liquidation import Policy, PortionClose
from levcore.tiers import MarginTiers
from levcore.venue import Venue
from levcore.venues.presets import Fundings, House, Symbols, Tables, linear, own_or_given

#: Initial margin fraction and share of it that must be maintained: liquidity tiers of the protocol's genesis script.
LARGE_CAP = (0.05, 0.6)
MID_CAP = (0.10, 0.5)
LIQUIDITY_TIER = {"BTC-USD": LARGE_CAP, "ETH-USD": LARGE_CAP, "SOL-USD": MID_CAP, "LINK-USD": MID_CAP}


def dydx_v4(
    symbols: Symbols = None,
    *,
    tiers: Tables | None = None,
    insurance_fund: float = 0.0,
    own_funds: Mapping[str, float] | None = None,
    max_liquidation_fee: float | None = None,
    liquidation: Policy | None = None,
    funding: Fundings = None,
) -> Venue:
    """Give the rulebook of dYdX v4: linear, one maintenance rate a market, at the oracle price.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Such as "BTC-USD"; None: all that have tiers.
    tiers : mapping of str to MarginTiers, optional
        Tiers per market; the protocol has one tier each, of rate initial margin fraction times maintenance fraction.
        None: BTC, ETH, SOL and LINK as the public genesis script sets them.
    insurance_fund : float
        In USDC, >= 0: of the cross markets.
    own_funds : mapping of str to float, optional
        Isolated markets, and what is in the fund that each has of its own, in USDC, >= 0. None: all are cross markets.
    max_liquidation_fee : float, optional
        Share of the notional closed that the fund takes at most, in [0, 1); never more than what is left.
        None: 1.5 %.
    liquidation : FullClose, PartialClose, TierStep or PortionClose, optional
        Instead of the venue's own policy, then without a `max_liquidation_fee`. None: its own.
    funding : Funding or mapping of str to Funding, optional
        What longs and shorts of the perpetuals pay each other: one for all, or one a symbol. None: nothing.

    Returns
    -------
    Venue
        Equity equal to the requirement is safe; below it a tenth of the position is closed a step, of at least 1,000
        USDC, the riskiest first; what is left after the fee is the trader's; deficits go to the market's fund, then to
        deleveraging at the bankruptcy price, counterparties in no rank.

    Raises
    ------
    InputError, KindError
        If a market has no tiers, tiers are of another kind, or a value breaks a rule.

    Notes
    -----
    The chain closes a tenth a block, of which there is about one a second; levcore closes one a step: take steps of
    that length, or a `liquidation` of another portion. A shock is one step, at whose end the rest waits
    (`Outcome.waiting`).

    Source: the protocol's code and tests (x/perpetuals, x/subaccounts, x/clob), re-computed; fee, portion, minimum and
    shipped margin fractions are those of its public genesis script (protocol/testing/genesis.sh at 012df2d4), set for
    local and test networks: governance has changed them since, so pass `tiers` for today's. The default of the
    program's tests is a fee of 0.5 % and the whole position at once.

    Left out: initial margin that rises with open interest (it limits opening only), requirements rounded up to 1e-6
    USDC, the limit price of liquidation orders, limits a block over all of an account's markets, the random start among
    the counterparties of deleveraging (levcore: the next in the book). The chain deleverages what found no fill;
    levcore, where an order would leave a deficit that the fund cannot pay. Marks stand for oracle prices.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.venues.dydx_v4("BTC-USD").instruments[0].tiers.maintenance_rate
    (0.03,)
    """
    house = House("dYdX", r"(?P<asset>[\w.,-]+)-USD", "BTC-USD", "USDC")
    shipped = {
        symbol: MarginTiers([0.0], [initial * fraction], max_leverage=[1.0 / initial])
        for symbol, (initial, fraction) in LIQUIDITY_TIER.items()
    }

    def a_tenth(fee: float) -> PortionClose:
        return PortionClose(portion=0.1, minimum=1_000.0, then="again", fee_rate=fee)

    return Venue(
        linear(house, symbols, tiers, shipped=shipped, funding=funding),
        liquidation=own_or_given(liquidation, "max_liquidation_fee", max_liquidation_fee, 0.015, a_tenth),
        backstop=Backstop(
            insurance_fund=insurance_fund,
            own_funds={} if own_funds is None else own_funds,
            deleveraging=Deleveraging(ranking="unranked"),
        ),
        remainder="trader",
        liquidate_at_equality=False,
        order="riskiest",
        settlement="USDC",
    )
