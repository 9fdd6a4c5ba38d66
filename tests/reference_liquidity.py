"""Liquidity that reacts, in plain Python, from docs/model.md (its section 21): depth that follows volatility, and an
order book that waits before it refills.

Depth is changed as the section says it: the shape itself is scaled, and the displacement with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from reference_impact import DepthCurve, Linear, Power, Shape, SquareRoot

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Reaction:
    """Volatilities a square root of a year of 365 days."""

    reference: float
    half_life: timedelta
    elasticity: float
    floor: float
    ceiling: float
    form: str
    initial: float

    def share(self, variance: float) -> float:
        """The share of the stated depth at a variance a day."""
        if self.elasticity == 0.0:
            return 1.0
        restless = math.sqrt(365.0 * variance) / self.reference
        if self.form == "exponential":
            share = math.exp(self.elasticity * (1.0 - restless))
        else:
            share = restless**-self.elasticity if restless > 0.0 else math.inf
        return min(max(share, self.floor), self.ceiling)


def scaled(shape: Shape, share: float) -> Shape:
    """The shape of a book with this share of the depth: it takes that share of the quantity to move it as far."""
    if isinstance(shape, Linear):
        return Linear(shape.depth * share)
    if isinstance(shape, SquareRoot):
        return replace(shape, daily_volume=shape.daily_volume * share)
    if isinstance(shape, Power):
        return replace(shape, scale=shape.scale * share)
    bids, asks = (
        tuple((quantity * share, distance) for quantity, distance in side) for side in (shape.bids, shape.asks)
    )
    return DepthCurve(bids, asks)


def begin(order_book: Any) -> None:
    """At the start nothing has been sold: only the shape is scaled."""
    order_book.stated = order_book.asset.impact
    reaction = order_book.asset.reaction
    if reaction is None:
        return
    order_book.variance = reaction.initial**2 / 365.0
    order_book.share = reaction.share(order_book.variance)
    order_book.asset = replace(order_book.asset, impact=scaled(order_book.stated, order_book.share))
    order_book.log_mark_before = order_book.log_mark()


def react(order_book: Any, step: timedelta, now: timedelta) -> None:
    """After the step's move and refill: the variance is weighed anew, and the depth and the displacement scaled."""
    reaction = order_book.asset.reaction
    if reaction is None:
        return
    moved = order_book.log_mark() - order_book.log_mark_before
    if step > timedelta(0):
        kept = 0.5 ** (step / reaction.half_life)
        order_book.variance = kept * order_book.variance + (1.0 - kept) * moved**2 / (step / DAY)
        share = reaction.share(order_book.variance)
        order_book.orders = [order_book.displacement * (share / order_book.share)]
        order_book.share = share
        order_book.asset = replace(order_book.asset, impact=scaled(order_book.stated, share))
    if step > timedelta(0) or now == timedelta(0):
        order_book.log_mark_before = order_book.log_mark()


def refill_time(order_book: Any, step: timedelta, now: timedelta) -> timedelta:
    """How long the book has refilled in the step that ends now."""
    if order_book.walked_at is None:
        return step
    return min(step, max(timedelta(0), now - order_book.walked_at - order_book.asset.refill_delay))


def reaction_from(given: Any) -> Reaction | None:
    """The same, read from the public attributes of a levcore one."""
    if given is None:
        return None
    reference = given.reference_volatility
    initial = reference if given.initial_volatility is None else given.initial_volatility
    return Reaction(reference, given.half_life, given.elasticity, given.floor, given.ceiling, given.form, initial)
