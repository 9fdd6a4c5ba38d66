"""What do risk measures of a million paths cost, against sorting the losses twice?

Run `pytest benchmarks/bench_risk.py` for timings.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import levcore as lc

SIZE, LEVEL = 1_000_000, 0.99
Z, TAIL = 2.3263478740408408, 2.6652142203458076  # quantile and mean of the tail of the normal law beyond LEVEL
NEAR = 0.02


@pytest.fixture(scope="module")
def losses() -> tuple[np.ndarray, np.ndarray]:
    """An institution's losses, and those of a system: normal, with a correlation of 0.6."""
    own, other = lc.normals(1, (2, SIZE))
    return own, 0.6 * own + 0.8 * other


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
