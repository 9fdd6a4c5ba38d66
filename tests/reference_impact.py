"""How an order book gives way, in plain Python, from docs/model.md (its section 5): shapes and what a walk pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Linear:
    depth: float

    def log_impact(self, displacement: float) -> float:
        return displacement / self.depth


@dataclass(frozen=True)
class SquareRoot:
    daily_volatility: float
    daily_volume: float
    coefficient: float = 1.0

    def log_impact(self, displacement: float) -> float:
        size = self.coefficient * self.daily_volatility * math.sqrt(abs(displacement) / self.daily_volume)
        return math.copysign(size, displacement)


@dataclass(frozen=True)
class Power:
    scale: float
    exponent: float

    def log_impact(self, displacement: float) -> float:
        return math.copysign((abs(displacement) / self.scale) ** self.exponent, displacement)


@dataclass(frozen=True)
class DepthCurve:
    """Nodes (cumulative quantity, relative distance) of each side; (0, 0) is implied."""

    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]

    def log_impact(self, displacement: float) -> float:
        """Piecewise linear in price; beyond the data the last segment's secant slope in log price goes on."""
        sign, quantity = math.copysign(1.0, displacement), abs(displacement)
        nodes = [(0.0, 0.0), *(self.asks if sign > 0.0 else self.bids)]
        for (q0, d0), (q1, d1) in pairwise(nodes):
            if quantity <= q1:
                return math.log1p(sign * (d0 + (d1 - d0) * (quantity - q0) / (q1 - q0)))
        slope = (math.log1p(sign * d1) - math.log1p(sign * d0)) / (q1 - q0)
        return math.log1p(sign * d1) + slope * (quantity - q1)

    def share_of_last_node(self, displacement: float) -> float:
        return abs(displacement) / (self.asks if displacement > 0.0 else self.bids)[-1][0]


Shape = Linear | SquareRoot | Power | DepthCurve


def double_exponential_rule(step: float = 1 / 24, reach: int = 80) -> list[tuple[float, float]]:
    """Nodes and weights on [0, 1]: a root or a kink of the integrand at either end does no harm (Takahasi and Mori)."""
    rule = []
    for k in range(-reach, reach + 1):
        node = 1.0 / (1.0 + math.exp(-math.pi * math.sinh(k * step)))
        rule.append((node, node * (1.0 - node) * math.cosh(k * step)))
    total = math.fsum(weight for _, weight in rule)
    return [(node, weight / total) for node, weight in rule]


RULE = double_exponential_rule()


def average_ratio(shape: Shape, displacement: float, order: float) -> float:
    """Average price of a walk over F*exp(A): (1/x) * integral of exp(I(y)) dy from X to X + x (model 5)."""
    low, high = sorted((displacement, displacement + order))
    if low == high:
        return math.exp(shape.log_impact(displacement))
    kinks = {0.0}
    if isinstance(shape, DepthCurve):
        kinks |= {q for q, _ in shape.asks} | {-q for q, _ in shape.bids}
    points = [low, *sorted(kink for kink in kinks if low < kink < high), high]
    terms = []
    for a, b in pairwise(points):
        terms += [w * (b - a) * math.exp(shape.log_impact(a + (b - a) * v)) for v, w in RULE]
    return math.fsum(terms) / (high - low)
