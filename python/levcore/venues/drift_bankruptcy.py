"""Drift v2: who pays for what a bankrupt owes: fee pool, insurance, then everybody; and the funding rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from levcore.errors import InputError
from levcore.exact_numbers import Number, above_zero, each, exact


@dataclass(frozen=True)
class Socialised:
    """How a bankrupt's loss was paid for.

    Attributes
    ----------
    loss_per_unit : float
        What every base unit of open interest pays, longs and shorts alike, USD.
    social_loss : float
        What they pay in all, USD.
    fee_pool, insurance : float
        What is left in the market's fee pool and of the insurance, USD.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.Socialised(10.0, 100.0, 0.0, 0.0).social_loss
    100.0
    """

    loss_per_unit: float
    social_loss: float
    fee_pool: float
    insurance: float


@dataclass(frozen=True)
class SocialisedDeposits:
    """What a token's market looks like after depositors paid for a loan.

    Attributes
    ----------
    deposit_index : float
        The cumulative deposit index.
    deposits, loans : float
        Tokens deposited and borrowed in all.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.SocialisedDeposits(0.9, 900.0, 0.0).deposit_index
    0.9
    """

    deposit_index: float
    deposits: float
    loans: float


def socialised_loss_per_unit(loss: Any, *, long_open_interest: Any, short_open_interest: Any) -> Any:
    """Return what every base unit of a market pays for a loss: ``loss/(abs(longs) + abs(shorts))``.

    Parameters
    ----------
    loss : number or array
        What is owed, USD, sign ignored.
    long_open_interest, short_open_interest : number or array
        Base units of both sides, signs ignored; not both 0.

    Returns
    -------
    float or array
        USD a base unit, charged to both sides through the funding index.

    Raises
    ------
    InputError
        If there is no open interest.

    Notes
    -----
    Source: calculate_funding_rate_deltas_to_resolve_bankruptcy, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.socialised_loss_per_unit(100, long_open_interest=5, short_open_interest=5)
    10.0
    """

    def one(owed: object, longs: object, shorts: object) -> float:
        total = abs(exact("long_open_interest", longs)) + abs(exact("short_open_interest", shorts))
        if total == 0:
            raise InputError("long_open_interest and short_open_interest must not both be 0")
        return float(abs(exact("loss", owed)) / total)

    return each(one, loss, long_open_interest, short_open_interest)


def deposit_index_decrease(loss: Any, *, deposits: Any, deposit_index: Any) -> Any:
    """Return by how much the deposit index of a token falls to pay for a loan that nobody repays.

    Parameters
    ----------
    loss : number or array
        Tokens owed, >= 0.
    deposits : number or array
        Tokens deposited in all, >= 0.
    deposit_index : number or array
        The cumulative deposit index, > 0.

    Returns
    -------
    float or array
        ``deposit_index*loss/deposits``, at most the index; 0 where nothing is deposited.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: calculate_cumulative_deposit_interest_delta_to_resolve_bankruptcy, programs/drift/src/math/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.deposit_index_decrease(100, deposits=1_000, deposit_index=1)
    0.1
    """

    def one(owed: object, held: object, index: object) -> float:
        total, now = exact("deposits", held, at_least=0), above_zero("deposit_index", index)
        missing = exact("loss", owed, at_least=0)
        return float(min(now, now * missing / total)) if total else 0.0

    return each(one, loss, deposits, deposit_index)


def resolve_perpetual_bankruptcy(
    quote: Number,
    *,
    long_open_interest: Number,
    short_open_interest: Number,
    fee_pool: Number = 0,
    insurance: Number = 0,
) -> Socialised:
    """Return who pays for a bankrupt's debt in a perpetual market: its fee pool, insurance, then open interest.

    Parameters
    ----------
    quote : number
        What the bankrupt is left with, USD, <= 0.
    long_open_interest, short_open_interest : number
        Base units of both sides, signs ignored.
    fee_pool, insurance : number
        What the market's fee pool and the insurance fund may pay, USD, >= 0.

    Returns
    -------
    Socialised

    Raises
    ------
    InputError
        If a number breaks its rule, or open interest must pay and there is none.

    Notes
    -----
    Source: resolve_perp_bankruptcy, programs/drift/src/controller/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.resolve_perpetual_bankruptcy(-100, long_open_interest=5, short_open_interest=-5, fee_pool=50)
    Socialised(loss_per_unit=5.0, social_loss=50.0, fee_pool=0.0, insurance=0.0)
    """
    owed = -exact("quote", quote, at_most=0)
    pool, insured = exact("fee_pool", fee_pool, at_least=0), exact("insurance", insurance, at_least=0)
    from_pool = min(pool, owed)
    from_insurance = min(insured, owed - from_pool)
    left = owed - from_pool - from_insurance
    sides = {"long_open_interest": long_open_interest, "short_open_interest": short_open_interest}
    each_pays = socialised_loss_per_unit(left, **sides) if left else 0.0
    return Socialised(each_pays, float(left), float(pool - from_pool), float(insured - from_insurance))


def resolve_loan_bankruptcy(
    loan: Number, *, deposits: Number, loans: Number, deposit_index: Number, insurance: Number = 0
) -> SocialisedDeposits:
    """Return what a token's market looks like after a bankrupt's loan is forgiven: insurance pays, then depositors.

    Parameters
    ----------
    loan : number
        Tokens that the bankrupt owes, >= 0.
    deposits, loans : number
        Tokens deposited and borrowed in all, >= 0, the loan included.
    deposit_index : number
        The cumulative deposit index, > 0.
    insurance : number
        Tokens that the insurance fund pays, >= 0.

    Returns
    -------
    SocialisedDeposits

    Raises
    ------
    InputError
        If a number breaks its rule or the loan exceeds all loans.

    Notes
    -----
    Source: resolve_spot_bankruptcy, programs/drift/src/controller/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.resolve_loan_bankruptcy(100, deposits=1_000, loans=100, deposit_index=1)
    SocialisedDeposits(deposit_index=0.9, deposits=900.0, loans=0.0)
    """
    owed, index = exact("loan", loan, at_least=0), above_zero("deposit_index", deposit_index)
    all_loans, held = exact("loans", loans, at_least=0), exact("deposits", deposits, at_least=0)
    if owed > all_loans:
        raise InputError(f"loan must be at most all loans, was {loan} of {loans}")
    left = max(Fraction(0), owed - exact("insurance", insurance, at_least=0))
    paid = min(left, held)
    share = paid / held if held else Fraction(0)
    return SocialisedDeposits(float(index * (1 - share)), float(held - paid), float(all_loans - owed))


def socialised_payment(quantity: Any, *, loss_per_unit: Any) -> Any:
    """Return the change of a position's quote amount by a socialised loss: ``-abs(quantity)*loss_per_unit``.

    Parameters
    ----------
    quantity : number or array
        Signed base units.
    loss_per_unit : number or array
        USD a base unit, >= 0.

    Returns
    -------
    float or array
        USD.

    Raises
    ------
    InputError
        If a number breaks its rule.

    Notes
    -----
    Source: resolve_perp_bankruptcy, programs/drift/src/controller/liquidation.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.socialised_payment([5, -5], loss_per_unit=10)
    array([-50., -50.])
    """

    def one(size: object, loss: object) -> float:
        return float(0 - abs(exact("quantity", size)) * exact("loss_per_unit", loss, at_least=0))

    return each(one, quantity, loss_per_unit)


def funding_rate(mark_price: Any, *, oracle_price: Any) -> Any:
    """Return an hour's funding rate: the gap of time-weighted prices, a 24th of it, at most a 33rd of the oracle's.

    Parameters
    ----------
    mark_price, oracle_price : number or array
        Time-weighted average prices of the perpetual and of the oracle, USD, > 0.

    Returns
    -------
    float or array
        ``clamp(mark - oracle, -oracle/33, oracle/33)/24``, USD a base unit; longs pay where it is positive.

    Raises
    ------
    InputError
        If a price is not > 0.

    Notes
    -----
    Source: programs/drift/src/controller/funding.rs.

    Examples
    --------
    >>> from levcore.venues import drift
    >>> drift.funding_rate([101.2, 110.0], oracle_price=[100.0, 99.0])
    array([0.05 , 0.125])
    """

    def one(mark: object, oracle: object) -> float:
        index = above_zero("oracle_price", oracle)
        gap = above_zero("mark_price", mark) - index
        return float(max(-index / 33, min(index / 33, gap)) / 24)

    return each(one, mark_price, oracle_price)
