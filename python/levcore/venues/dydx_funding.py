"""dYdX v4: premium of an order book, funding index, settlement and clamp."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from levcore.errors import InputError
from levcore.exact_numbers import MILLION, Number, above_zero, down, each, exact, millionths, toward_zero, whole

_SECONDS_OF_A_RATE = 8 * 60 * 60


def premium(
    bids: Iterable[Sequence[object]],
    asks: Iterable[Sequence[object]],
    *,
    index_price: Number,
    impact_notional: Number,
    max_premium: Number = 1,
) -> float:
    """Return the premium of an order book over the index price.

    Parameters
    ----------
    bids, asks : sequence of (price, quantity)
        Levels, best first; base units.
    index_price : number
        USD, > 0.
    impact_notional : number
        Notional of the impact order, USD; 0: the best prices are the impact prices.
    max_premium : number
        The clamp, >= 0.

    Returns
    -------
    float
        ``(max(0, impact_bid - index) - max(0, index - impact_ask))/index``, toward zero to a millionth, within the
        clamp. A side too thin for the impact order counts as a bid of 0 or an ask of infinity.

    Raises
    ------
    InputError
        If a level is not a price and a quantity > 0, levels are not ordered, or a number breaks its rule.

    Notes
    -----
    An impact price is the notional over the base units that it buys or sells along the levels. Source:
    GetPricePremium, protocol/x/clob/memclob/memclob.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.premium([(9_999.8, 1)], [(10_000.1, 0.1)], index_price=9_999, impact_notional=5_000, max_premium=0.1)
    8e-05
    """
    index, notional = above_zero("index_price", index_price), exact("impact_notional", impact_notional, at_least=0)
    most = millionths("max_premium", max_premium, at_least=0)
    bid = _impact_price(_levels("bids", bids, falling=True), notional)
    ask = _impact_price(_levels("asks", asks, falling=False), notional)
    over = max(Fraction(0), bid - index) if bid is not None else Fraction(0)
    under = max(Fraction(0), index - ask) if ask is not None else Fraction(0)
    return max(-most, min(most, toward_zero((over - under) / index * MILLION))) / MILLION


def funding_index_change(
    funding_rate_ppm: Any,
    *,
    seconds: Any,
    price: Any,
    price_exponent: Any,
    atomic_resolution: Any,
    quote_resolution: Any = -6,
) -> Any:
    """Return the change of a market's funding index, in the chain's integers.

    Parameters
    ----------
    funding_rate_ppm : int or array
        Rate of 8 hours in millionths.
    seconds : int or array
        Time since the last change, >= 0.
    price, price_exponent : int or array
        Oracle price as ``price * 10**price_exponent``, USD.
    atomic_resolution, quote_resolution : int or array
        Powers of ten of the smallest amounts of base and of quote.

    Returns
    -------
    int or array of int
        Millionths of the smallest quote amount for the smallest base amount:
        ``rate*seconds/28800 * price*10**(price_exponent + atomic_resolution - quote_resolution)``, toward zero.

    Raises
    ------
    InputError
        If an argument is not whole or an exponent lies beyond 40.

    Notes
    -----
    Source: GetFundingIndexDelta, protocol/x/perpetuals/funding/funding.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.funding_index_change(-1_001_999, seconds=3_600, price=1_000, price_exponent=-6, atomic_resolution=0)
    -125249875
    """

    def one(rate: object, time: object, mantissa: object, *exponents: object) -> int:
        names = ("price_exponent", "atomic_resolution", "quote_resolution")
        powers = [whole(name, value) for name, value in zip(names, exponents, strict=True)]
        if any(abs(power) > 40 for power in powers):
            raise InputError(f"exponents must lie within -40 and 40, were {powers}")
        value = (
            whole("funding_rate_ppm", rate) * whole("seconds", time, at_least=0) * whole("price", mantissa, at_least=0)
        )
        scaled = toward_zero(value * Fraction(10) ** (powers[0] + powers[1] - powers[2]))
        return toward_zero(Fraction(scaled, _SECONDS_OF_A_RATE))

    return each(one, funding_rate_ppm, seconds, price, price_exponent, atomic_resolution, quote_resolution)


def funding_settlement(quantity: Any, *, funding_index: Any, position_index: Any) -> Any:
    """Return what a position receives when funding is settled: ``-(index now - index then)*quantity``.

    Parameters
    ----------
    quantity : int or array
        Signed size in the smallest base amounts.
    funding_index, position_index : int or array
        The market's index now, and when the position was last settled.

    Returns
    -------
    int or array of int
        Millionths of the smallest quote amount; longs pay when the index rises.

    Raises
    ------
    InputError
        If an argument is not whole.

    Notes
    -----
    Source: GetSettlementPpmWithPerpetual, protocol/x/perpetuals/lib/lib.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.funding_settlement(30_000, funding_index=100, position_index=-100)
    -6000000
    """

    def one(size: object, now: object, then: object) -> int:
        return -(whole("funding_index", now) - whole("position_index", then)) * whole("quantity", size)

    return each(one, quantity, funding_index, position_index)


def max_funding_rate(clamp_factor: Any, *, initial_margin_fraction: Any, maintenance_fraction: Any) -> Any:
    """Return the largest absolute funding rate of a market.

    Parameters
    ----------
    clamp_factor : number or array
        6 for the rate of 8 hours, 60 for a premium vote; >= 0.
    initial_margin_fraction : number or array
        The base fraction, in [0, 1].
    maintenance_fraction : number or array
        Maintenance margin as a share of it, in [0, 1].

    Returns
    -------
    float or array
        ``clamp_factor*(initial - maintenance)``, the maintenance fraction and the product rounded down to a millionth.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: GetMaxAbsFundingClampPpm, protocol/x/perpetuals/types/liquidity_tier.go.

    Examples
    --------
    >>> from levcore.venues import dydx
    >>> dydx.max_funding_rate(6, initial_margin_fraction=0.15, maintenance_fraction=0.8)
    0.18
    """

    def one(factor: object, base: object, fraction: object) -> float:
        initial = millionths("initial_margin_fraction", base, at_least=0, at_most=1)
        maintenance = down(initial, millionths("maintenance_fraction", fraction, at_least=0, at_most=1))
        return down(millionths("clamp_factor", factor, at_least=0), initial - maintenance) / MILLION

    return each(one, clamp_factor, initial_margin_fraction, maintenance_fraction)


def _levels(name: str, levels: Iterable[Sequence[object]], *, falling: bool) -> list[tuple[Fraction, Fraction]]:
    found: list[tuple[Fraction, Fraction]] = []
    for row, level in enumerate(levels):
        if len(level) != 2:
            raise InputError(f"{name}[{row}] must be (price, quantity), had {len(level)} entries")
        price, quantity = above_zero(f"{name}[{row}] price", level[0]), above_zero(f"{name}[{row}] quantity", level[1])
        if found and (price > found[-1][0]) is falling and price != found[-1][0]:
            raise InputError(f"{name} must stand best first: {name}[{row}] had {level[0]}")
        found.append((price, quantity))
    return found


def _impact_price(levels: list[tuple[Fraction, Fraction]], notional: Fraction) -> Fraction | None:
    """Return the average price at which the notional is traded along the levels; None where they are too thin."""
    if not levels or notional == 0:
        return levels[0][0] if levels else None
    left, quantity = notional, Fraction(0)
    for price, size in levels:
        taken = min(left, price * size)
        quantity += taken / price
        left -= taken
        if left == 0:
            return notional / quantity
    return None
