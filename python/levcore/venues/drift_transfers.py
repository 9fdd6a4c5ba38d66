"""Drift v2: what one liquidation does to an account with one perpetual position."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from levcore import checks
from levcore.errors import InputError
from levcore.exact_numbers import Number, above_zero, exact
from levcore.venues.drift_fees import insurance_fee
from levcore.venues.drift_liquidation import quantity_to_cover


@dataclass(frozen=True, kw_only=True)
class PerpetualTerms:
    """What Drift asks of a perpetual market's positions, and takes when it liquidates them.

    Parameters
    ----------
    maintenance_margin_ratio : number
        Share of notional that must be held, >= 0; sized by :func:`margin_ratio` where size weighs.
    liquidation_buffer : number
        What is added to the ratio while an account is being liquidated, >= 0.
    liquidator_fee : number
        How far from the oracle price the liquidator takes over, as a share of it, in [0, 1].
    max_insurance_fee : number
        The highest insurance fee (:func:`insurance_fee`), in [0, 1].
    step : number
        Order step, base units, > 0; what is handed over is rounded up to it.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: programs/drift/src/state/perp_market.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.PerpetualTerms(maintenance_margin_ratio=0.05, liquidator_fee=0.01).liquidation_buffer
    0.02
    """

    maintenance_margin_ratio: Number
    liquidation_buffer: Number = 0.02
    liquidator_fee: Number
    max_insurance_fee: Number = 0
    step: Number = 0.000000001

    def __post_init__(self) -> None:
        exact("maintenance_margin_ratio", self.maintenance_margin_ratio, at_least=0)
        exact("liquidation_buffer", self.liquidation_buffer, at_least=0)
        exact("liquidator_fee", self.liquidator_fee, at_least=0, at_most=1)
        exact("max_insurance_fee", self.max_insurance_fee, at_least=0, at_most=1)
        above_zero("step", self.step)


@dataclass(frozen=True)
class PerpetualTransfer:
    """What a liquidation of a perpetual position did.

    Attributes
    ----------
    quantity, quote : float
        What the account holds afterwards: base units and its quote amount, USD, fees taken.
    transferred : float
        Base units handed over or filled, unsigned.
    taker_quote : float
        Quote amount that the liquidator (or the makers) got for it, USD.
    insurance_fee, taker_fee : float
        What went to the insurance fund and to the exchange, USD.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.PerpetualTransfer(0.5, -50.0, 0.5, -50.0, 0.0, 0.0).transferred
    0.5
    """

    quantity: float
    quote: float
    transferred: float
    taker_quote: float
    insurance_fee: float
    taker_fee: float


def liquidate_perpetual(
    quantity: Number,
    *,
    quote: Number,
    deposit: Number,
    oracle_price: Number,
    terms: PerpetualTerms,
    liquidator_max: float = math.inf,
    max_share: Number = 1,
) -> PerpetualTransfer:
    """Return what a liquidator's take-over does to an account with one perpetual position.

    Parameters
    ----------
    quantity : number
        Signed base units, not 0.
    quote : number
        Quote amount of the position: minus what was paid for it, USD.
    deposit : number
        The account's USD.
    oracle_price : number
        USD, > 0.
    terms : PerpetualTerms
        What the market asks and takes.
    liquidator_max : float
        The most that the liquidator takes, base units, > 0.
    max_share : number
        Share of what covers the shortage that may go now (:func:`max_share_to_liquidate`), in [0, 1].

    Returns
    -------
    PerpetualTransfer
        Nothing is handed over where the account has its maintenance margin.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    At the oracle price less the liquidator's fee (a short's: plus it). A position worth at most 50 USD may go whole.
    Source: liquidate_perp, programs/drift/src/controller/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> fees = {"liquidator_fee": 0.01, "max_insurance_fee": 0.01}
    >>> terms = drift.PerpetualTerms(maintenance_margin_ratio=0.05, step=0.01, **fees)
    >>> round(drift.liquidate_perpetual(2, quote=-200, deposit=5, oracle_price=100, terms=terms).quantity, 9)
    0.2
    """
    size, price = exact("quantity", quantity), above_zero("oracle_price", oracle_price)
    cover, rate = _to_cover(size, quote, deposit, price, terms)
    allowed = cover * exact("max_share", max_share, at_least=0, at_most=1) if cover != math.inf else abs(size)
    least = abs(size) if cover and abs(size) * price <= 50 else 0
    most = abs(size) if liquidator_max == math.inf else above_zero("liquidator_max", liquidator_max)
    moved = min(abs(size), most, _up_to(max(allowed, least), terms.step))
    side = 1 if size > 0 else -1
    value = moved * price * (1 - side * exact("liquidator_fee", terms.liquidator_fee))
    insured = moved * price * rate
    left = exact("quote", quote) + side * value - insured
    return PerpetualTransfer(
        float(size - side * moved), float(left), float(moved), float(-side * value), float(insured), 0.0
    )


def liquidate_perpetual_into_book(
    quantity: Number,
    *,
    quote: Number,
    deposit: Number,
    oracle_price: Number,
    terms: PerpetualTerms,
    makers: Iterable[Sequence[object]],
    taker_fee: Number = 0,
    max_share: Number = 1,
) -> PerpetualTransfer:
    """Return what a liquidation order into the order book does to an account with one perpetual position.

    Parameters
    ----------
    quantity : number
        Signed base units, not 0.
    quote : number
        Quote amount of the position: minus what was paid for it, USD.
    deposit : number
        The account's USD.
    oracle_price : number
        USD, > 0.
    terms : PerpetualTerms
        What the market asks and takes; the order's limit is the liquidator's price.
    makers : sequence of (price, quantity)
        Resting orders on the other side, best first.
    taker_fee : number
        Share of the value filled, in [0, 1].
    max_share : number
        Share of what covers the shortage that may go now (:func:`max_share_to_liquidate`), in [0, 1].

    Returns
    -------
    PerpetualTransfer
        Nothing is filled where the account has its maintenance margin.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    The insurance fee is taken of the value filled. Source: liquidate_perp_with_fill,
    programs/drift/src/controller/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> fees = {"liquidator_fee": 0.01, "max_insurance_fee": 0.01}
    >>> terms = drift.PerpetualTerms(maintenance_margin_ratio=0.05, liquidation_buffer=0.001, step=0.01, **fees)
    >>> account = {"quote": -100, "deposit": 4, "oracle_price": 100, "terms": terms}
    >>> done = drift.liquidate_perpetual_into_book(1, **account, makers=[(100, 0.5)], taker_fee=0.001)
    >>> done.quantity, done.quote
    (0.64, -64.396)
    """
    size, price = exact("quantity", quantity), above_zero("oracle_price", oracle_price)
    cover, rate = _to_cover(size, quote, deposit, price, terms)
    allowed = cover * exact("max_share", max_share, at_least=0, at_most=1) if cover != math.inf else abs(size)
    wanted, filled, value = min(abs(size), _up_to(allowed, terms.step)), Fraction(0), Fraction(0)
    side = 1 if size > 0 else -1
    limit = price * (1 - side * exact("liquidator_fee", terms.liquidator_fee))
    for row, maker in enumerate(makers):
        if len(maker) != 2:
            raise InputError(f"makers[{row}] must be (price, quantity), had {len(maker)} entries")
        at, offered = above_zero(f"makers[{row}] price", maker[0]), above_zero(f"makers[{row}] quantity", maker[1])
        if side * at < side * limit or filled == wanted:
            break
        taken = min(offered, wanted - filled)
        filled, value = filled + taken, value + taken * at
    insured, paid = value * rate, value * exact("taker_fee", taker_fee, at_least=0, at_most=1)
    left = exact("quote", quote) + side * value - insured - paid
    money = float(left), float(filled), float(-side * value), float(insured), float(paid)
    return PerpetualTransfer(float(size - side * filled), *money)


def _to_cover(
    size: Fraction, quote: Number, deposit: Number, price: Fraction, terms: PerpetualTerms
) -> tuple[Fraction | float, Fraction]:
    """Return what covers the shortage of margin, base units or inf, and the insurance fee; nothing for the healthy."""
    checks.instance("terms", terms, PerpetualTerms)
    if size == 0:
        raise InputError("quantity must not be 0")
    ratio = exact("maintenance_margin_ratio", terms.maintenance_margin_ratio)
    buffered = ratio + exact("liquidation_buffer", terms.liquidation_buffer)
    worth = exact("deposit", deposit) + exact("quote", quote) + size * price
    if worth >= abs(size) * price * ratio:
        return Fraction(0), Fraction(0)
    shortage = abs(size) * price * buffered - worth
    asked = {"margin_ratio": buffered, "liquidator_fee": terms.liquidator_fee, "oracle_price": price}
    rate = insurance_fee(shortage, quantity=size, max_insurance_fee=terms.max_insurance_fee, **asked)
    cover = quantity_to_cover(shortage, insurance_fee=rate, **asked)
    return (cover if cover == math.inf else exact("cover", cover)), exact("rate", rate)


def _up_to(quantity: Fraction | float, step: Number) -> Fraction:
    unit = exact("step", step)
    return math.ceil(Fraction(quantity) / unit) * unit
