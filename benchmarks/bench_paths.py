"""Many paths on a hundred thousand positions, and drawing the same count of numbers.

Run `pytest benchmarks` for timings; `python benchmarks/table.py 1 2 3 4 5 6` compares them with numpy, numba and C++.
"""

from __future__ import annotations

import numpy as np
import pytest

import levcore as lc
import rows_paths

PATHS = 256


@pytest.fixture(scope="module")
def ready() -> lc.Ready:
    held = rows_paths.prepared(100_000)
    rows_paths.check_ledger(held)
    return held


def test_paths_on_a_hundred_thousand_positions(benchmark, ready):
    benchmark(rows_paths.run, ready, PATHS)


def test_normals_that_the_paths_take(benchmark):
    benchmark(np.random.default_rng(7).standard_normal, PATHS * rows_paths.STEPS)
