"""What do risk measures of a million paths cost, against sorting the losses twice?

Run `pytest benchmarks/bench_risk.py` for timings, or `python benchmarks/bench_risk.py` for the table of the README.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict

import numpy as np
import pytest

import levcore as lc

SIZE, LEVEL = 1_000_000, 0.99
Z, TAIL = 2.3263478740408408, 2.6652142203458076  # quantile and mean of the tail of the normal law beyond LEVEL
NEAR = 0.02
NORMAL_97 = 1.8807936081512509


def drawn(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw an institution's losses, and those of a system: normal, with a correlation of 0.6."""
    own, other = lc.normals(seed, (2, SIZE))
    return own, 0.6 * own + 0.8 * other


@pytest.fixture(scope="module")
def losses() -> tuple[np.ndarray, np.ndarray]:
    """Both."""
    return drawn()


def test_sorting_the_losses_twice(benchmark, losses):
    own, system = losses
    assert abs(np.sort(own)[int(LEVEL * SIZE)] - Z) < NEAR
    benchmark(lambda: (np.sort(own), np.sort(system)))


def test_value_at_risk_of_a_million(benchmark, losses):
    assert abs(lc.risk.value_at_risk(losses[1], LEVEL).value - Z) < NEAR
    benchmark(lc.risk.value_at_risk, losses[1], LEVEL)


def test_expected_shortfall_of_a_million(benchmark, losses):
    assert abs(lc.risk.expected_shortfall(losses[1], LEVEL).value - TAIL) < NEAR
    benchmark(lc.risk.expected_shortfall, losses[1], LEVEL)


def test_marginal_expected_shortfall_of_a_million(benchmark, losses):
    assert abs(lc.risk.marginal_expected_shortfall(*losses, LEVEL).value - 0.6 * TAIL) < NEAR
    benchmark(lc.risk.marginal_expected_shortfall, *losses, LEVEL)


def test_covar_of_a_million(benchmark, losses):
    assert abs(lc.risk.covar(*losses, LEVEL).value - 1.4 * Z) < NEAR
    benchmark(lc.risk.covar, *losses, LEVEL)


def test_delta_covar_of_a_million(benchmark, losses):
    assert abs(lc.risk.delta_covar(*losses, LEVEL).value - 0.6 * Z) < NEAR
    benchmark(lc.risk.delta_covar, *losses, LEVEL)


def test_attribution_of_a_million_to_two_parts(benchmark, losses):
    parts = dict(zip(("own", "other"), losses, strict=True))
    found = lc.risk.euler_attribution(parts, LEVEL)
    assert abs(found.total - TAIL * math.sqrt(1.6**2 + 0.8**2)) < 2 * NEAR
    benchmark(lc.risk.euler_attribution, parts, LEVEL)


def measures_of(own: np.ndarray, system: np.ndarray) -> dict:
    """What is timed, by name: functions of the level."""
    reduction, weights = lc.variance_reduction, np.exp(0.1 * own - 0.005)
    rare = np.where(system > NORMAL_97, system, 0.0)  # zero 97 times in 100
    return {
        "value at risk": lambda level: lc.risk.value_at_risk(system, level),
        "expected shortfall": lambda level: lc.risk.expected_shortfall(system, level),
        "value at risk, losses mostly zero": lambda level: lc.risk.value_at_risk(rare, level),
        "expected shortfall, losses mostly zero": lambda level: lc.risk.expected_shortfall(rare, level),
        "marginal expected shortfall": lambda level: lc.risk.marginal_expected_shortfall(own, system, level),
        "CoVaR": lambda level: lc.risk.covar(own, system, level),
        "delta-CoVaR": lambda level: lc.risk.delta_covar(own, system, level),
        "value at risk, paths in pairs": lambda level: reduction.value_at_risk(system, level, together=2),
        "expected shortfall, paths in pairs": lambda level: reduction.expected_shortfall(system, level, together=2),
        "expected shortfall, weights": lambda level: reduction.expected_shortfall(system, level, weights=weights),
        "Euler attribution, two parts": lambda level: lc.risk.euler_attribution({"a": own, "b": system}, level),
    }


def table() -> None:
    """Print CPU time of each measure, and over that of two sorts: medians of interleaved runs on seven samples."""
    ours, sorts = defaultdict(list), defaultdict(list)
    for seed in range(1, 8):
        own, system = drawn(seed)
        for name, measure in measures_of(own, system).items():
            for level in (0.95, 0.99):
                for _ in range(3):
                    ours[name, level].append(_seconds(lambda measure=measure, level=level: measure(level)))
                    sorts[name, level].append(_seconds(lambda own=own, system=system: (np.sort(own), np.sort(system))))
    print("| measure | level | CPU, ms | over two sorts |\n| --- | ---: | ---: | ---: |")
    for (name, level), times in ours.items():
        cost, limit = np.median(times), np.median(sorts[name, level])
        print(f"| {name} | {level} | {1e3 * cost:.1f} | {cost / limit:.2f} |")


def _seconds(call) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


if __name__ == "__main__":
    table()
