"""Standard normals, against numpy's PCG64 with its ziggurat.

Run `pytest benchmarks` for timings; `python benchmarks/bench_normals.py` prints medians of one interleaved run.
LEVCORE_SIMD=baseline, avx2 or avx512 picks the level of vector instructions.
"""

from __future__ import annotations

import math
import statistics
import time

import numpy as np
import pytest

import levcore as lc
from levcore import _core, simd

# What stays in the second cache, so that drawing is timed and not the kernel's giving of pages.
SIZE, RUNS, REPEATS = 20_000, 101, 5
SHAPES = {"one path": SIZE, "paths of 100": (SIZE // 100, 100), "paths of 2": (SIZE // 2, 2), "a million": 1_000_000}


def check() -> None:
    """The first numbers are Box and Muller's of Philox's words, and all of them have the moments of a normal."""
    z = lc.normals(7, 200_000)
    for block in range(50):
        words = _core.philox([0, 0, block, 0], [7, 0])
        radius = math.sqrt(-2.0 * math.log((((words[0] | words[1] << 32) >> 11) + 1) / 2**53))
        angle = 2.0 * math.pi * ((words[2] | words[3] << 32) >> 11) / 2**53
        expected = [radius * math.cos(angle), radius * math.sin(angle)]
        assert z[2 * block : 2 * block + 2] == pytest.approx(expected, rel=1e-12)
    assert abs(float(z.mean())) < 4.0 / math.sqrt(len(z))
    assert abs(float(z.var()) - 1.0) < 4.0 * math.sqrt(2.0 / len(z))
    assert np.array_equal(_core.normal_block(7, 0, 1, 0, 100)[:, 0], z[:100])


@pytest.fixture(scope="module", autouse=True)
def checked() -> None:
    check()


def test_normals_of_one_path(benchmark):
    benchmark(lc.normals, 7, SIZE)


def test_normals_of_many_paths_of_two_numbers(benchmark):
    benchmark(lc.normals, 7, (SIZE // 2, 2))


def test_normals_of_numpy(benchmark):
    benchmark(np.random.default_rng(7).standard_normal, SIZE)


def compare(shape: int | tuple[int, ...]) -> tuple[float, float, float]:
    """Median nanoseconds a number of ours and numpy's, and the median of their ratios, interleaved."""
    generator = np.random.default_rng(7)
    numbers = math.prod(shape) if isinstance(shape, tuple) else shape
    rows = []
    for _ in range(RUNS if numbers == SIZE else RUNS // 5):
        took = []
        for call in (lambda: lc.normals(7, shape), lambda: generator.standard_normal(shape)):
            began = time.perf_counter()
            for _ in range(REPEATS):
                call()
            took.append(1e9 * (time.perf_counter() - began) / (REPEATS * numbers))
        rows.append((*took, took[1] / took[0]))
    return tuple(statistics.median(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def main() -> None:
    """Print the table."""
    check()
    print(f"level {simd.IN_USE}; nanoseconds a number, one thread")
    for name, shape in SHAPES.items():
        ours, theirs, ratio = compare(shape)
        print(f"{name:<14} levcore {ours:6.2f}   numpy {theirs:6.2f}   ratio {ratio:5.2f}")


if __name__ == "__main__":
    main()
