"""Count how often the intervals of risk measures hold the truth, and write it as a Markdown table.

    python docs/studies/interval_coverage.py --repetitions 10000

Each repetition draws n losses of a law whose measures are known, estimates them, and looks whether the 95 % interval
holds the truth. The counts of the page "Risk measures" are these.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

import levcore as lc
from levcore.estimates import binomial_cdf

Floats = npt.NDArray[np.float64]

LEVELS = (0.95, 0.99)
SIZES = (1_000, 10_000, 30_000)
NORMAL = NormalDist()
RHO, LOSES = 0.6, 0.03


@dataclass(frozen=True)
class Law:
    """A law of losses: how they are drawn, and its value at risk and expected shortfall."""

    name: str
    draw: Callable[[int, int], Floats]
    value_at_risk: Callable[[float], float]
    expected_shortfall: Callable[[float], float]


def student(seed: int, n: int) -> Floats:
    """Draw Student t with three degrees of freedom."""
    drawn = lc.normals(seed, (4, n))
    losses: Floats = drawn[0] / np.sqrt((drawn[1:] ** 2).sum(axis=0) / 3.0)
    return losses


def student_quantile(q: float) -> float:
    """Return the quantile of t(3), q > 1/2, by halving."""
    low, high = 0.0, 1e6
    for _ in range(200):
        x = 0.5 * (low + high)
        z = x / math.sqrt(3.0)
        below = 0.5 + (z / (1.0 + z * z) + math.atan(z)) / math.pi
        low, high = (x, high) if below < q else (low, x)
    return low


def student_shortfall(q: float) -> float:
    """Return the expected shortfall of t(3): ``f(x)*(3 + x*x)/(2*(1 - q))``."""
    x = student_quantile(q)
    density = 2.0 / (math.pi * math.sqrt(3.0) * (1.0 + x * x / 3.0) ** 2)
    return density * (3.0 + x * x) / (2.0 * (1.0 - q))


def mostly_nothing(seed: int, n: int) -> Floats:
    """Draw losses that are zero 97 times in 100, and exponential with mean 1 the other times."""
    random = np.random.default_rng(seed)
    return np.where(random.random(n) < LOSES, random.exponential(size=n), 0.0)


def nothing_quantile(q: float) -> float:
    """Return the value at risk of losses that are mostly zero."""
    return max(0.0, math.log(LOSES / (1.0 - q)))


def nothing_shortfall(q: float) -> float:
    """Return their expected shortfall."""
    return nothing_quantile(q) + min(1.0, LOSES / (1.0 - q))


LAWS = (
    Law("normal", lc.normals, NORMAL.inv_cdf, lambda q: NORMAL.pdf(NORMAL.inv_cdf(q)) / (1.0 - q)),
    Law("Student t(3)", student, student_quantile, student_shortfall),
    Law("zero 97 times in 100", mostly_nothing, nothing_quantile, nothing_shortfall),
)


def exact(n: int, level: float) -> float:
    """Return how probable it is that an interval between order statistics holds a quantile of a law without jumps."""
    first, cdf = binomial_cdf(n, level)
    low = first + int(np.searchsorted(cdf, 0.025, side="right")) - 1
    high = first + int(np.searchsorted(cdf, 0.975, side="left"))
    return float(cdf[min(high, n - 1) - first] - (cdf[low - first] if low >= first else 0.0))


def of_losses(law: Law, n: int, repetitions: int) -> Counter[tuple[str, float]]:
    """Count the intervals of value at risk and expected shortfall that hold the truth, by measure and level."""
    hits: Counter[tuple[str, float]] = Counter()
    for seed in range(repetitions):
        losses = law.draw(seed, n)
        for level in LEVELS:
            for name, measure, truth in (
                ("var", lc.risk.value_at_risk, law.value_at_risk(level)),
                ("es", lc.risk.expected_shortfall, law.expected_shortfall(level)),
            ):
                one = measure(losses, level)
                hits[name, level] += one.low <= truth <= one.high
    return hits


def of_a_system(n: int, repetitions: int) -> Counter[tuple[str, float]]:
    """Count those of marginal expected shortfall, CoVaR and delta-CoVaR of two normal losses."""
    hits: Counter[tuple[str, float]] = Counter()
    residual = math.sqrt(1.0 - RHO * RHO)
    for seed in range(repetitions):
        own, other = lc.normals(seed, (2, n))
        system = RHO * own + residual * other
        for level in LEVELS:
            z = NORMAL.inv_cdf(level)
            for name, measure, truth in (
                ("mes", lc.risk.marginal_expected_shortfall, RHO * NORMAL.pdf(z) / (1.0 - level)),
                ("covar", lc.risk.covar, (RHO + residual) * z),
                ("delta", lc.risk.delta_covar, RHO * z),
            ):
                one = measure(own, system, level)
                hits[name, level] += one.low <= truth <= one.high
    return hits


def tables(repetitions: int) -> str:
    """Return both tables."""
    rows = [
        "| law | n | level | losses beyond it | VaR | exactly | ES |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for law in LAWS:
        for n in SIZES:
            hits = of_losses(law, n, repetitions)
            for level in LEVELS:
                var, es = (hits[name, level] / repetitions for name in ("var", "es"))
                jumps = law.value_at_risk(level) == 0.0
                known = "100 %" if jumps else f"{exact(n, level):.1%}"
                rows.append(f"| {law.name} | {n:,} | {level} | {_tail(n, level)} | {var:.1%} | {known} | {es:.1%} |")
    rows += [
        "",
        "| n | level | losses beyond it | MES | CoVaR | delta-CoVaR |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for n in SIZES:
        hits = of_a_system(n, repetitions)
        for level in LEVELS:
            shares = (f"{hits[name, level] / repetitions:.1%}" for name in ("mes", "covar", "delta"))
            rows.append(f"| {n:,} | {level} | {_tail(n, level)} | {' | '.join(shares)} |")
    return "\n".join(rows).replace("%", " %").replace("  %", " %") + "\n"


def _tail(n: int, level: float) -> str:
    beyond = round(n * (1.0 - level))
    return f"{beyond:,}, low sample" if beyond < 200 else f"{beyond:,}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=10_000)
    print(tables(parser.parse_args().repetitions), end="")
