"""How long does one prepared shock take, against the same cascade by a numpy mask loop?

Run `pytest benchmarks` for timings, `python benchmarks/bench_shock.py` for the tables of the docs.
"""

from __future__ import annotations

import statistics
import time

import pytest

import levcore as lc
from workload import MaskLoop, book, market

SHOCKS = (-0.02, -0.05, -0.10, -0.20)
SIZE = 1_000_000


@pytest.fixture(scope="module")
def sides():
    """The prepared pair and the loop over the same book."""
    held = book(SIZE)
    to = market(held)
    return lc.prepare(held, to), MaskLoop(held, to)


def assert_equal_answers(ready: lc.Ready, loop: MaskLoop, shock: float) -> lc.Outcome:
    outcome, expected = lc.shock(ready, shock), loop.shock(shock)
    assert outcome.liquidated_count == expected.liquidated
    assert outcome.rounds == expected.rounds
    assert outcome.final_price["X"] == pytest.approx(expected.final_price, rel=1e-12)
    assert outcome.liquidated_notional == pytest.approx(expected.notional, rel=1e-9)
    assert outcome.bad_debt == pytest.approx(expected.bad_debt, rel=1e-9)
    return outcome


@pytest.mark.parametrize("shock", SHOCKS)
def test_a_prepared_shock_on_a_million_positions(benchmark, sides, shock):
    ready, loop = sides
    outcome = assert_equal_answers(ready, loop, shock)
    benchmark.extra_info["liquidated"] = outcome.liquidated_count
    benchmark(lc.shock, ready, shock)


@pytest.mark.parametrize("shock", SHOCKS)
def test_the_same_cascade_by_a_numpy_mask_loop(benchmark, sides, shock):
    ready, loop = sides
    assert_equal_answers(ready, loop, shock)
    benchmark(loop.shock, shock)


def test_preparing_a_million_positions(benchmark, sides):
    ready, _ = sides
    held, to = ready.book, ready.market
    assert lc.shock(lc.prepare(held, to), -0.05).bad_debt == lc.shock(ready, -0.05).bad_debt
    benchmark(lc.prepare, held, to)


def seconds(call, *arguments) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def interleaved(ready: lc.Ready, loop: MaskLoop, shock: float, times: int = 9) -> tuple[float, float, float]:
    """Medians of both sides, and the median of their ratios, A B A B in one run."""
    pairs = [(seconds(lc.shock, ready, shock), seconds(loop.shock, shock)) for _ in range(times)]
    ours, theirs = zip(*pairs, strict=True)
    return statistics.median(ours), statistics.median(theirs), statistics.median(b / a for a, b in pairs)


def main() -> None:
    """Print both tables in Markdown."""
    held = book(SIZE)
    to = market(held)
    ready, loop = lc.prepare(held, to), MaskLoop(held, to)
    print("One prepared shock on 1,000,000 positions, medians of 9 interleaved runs:\n")
    print("| shock | liquidated | levcore, ms | numpy mask loop, ms | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for shock in SHOCKS:
        outcome = assert_equal_answers(ready, loop, shock)
        ours, theirs, ratio = interleaved(ready, loop, shock)
        print(f"| {shock:+.0%} | {outcome.liquidated_count:,} | {1e3 * ours:.2f} | {1e3 * theirs:.1f} | {ratio:.0f} |")
    print("\nTime against positions, shock -5 %:\n")
    print("| positions | prepare, ms | levcore, ms | numpy mask loop, ms | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for size in (10**3, 10**4, 10**5, 10**6, 10**7):
        held = book(size)
        to = market(held)
        preparing = seconds(lc.prepare, held, to)
        ready, loop = lc.prepare(held, to), MaskLoop(held, to)
        assert_equal_answers(ready, loop, -0.05)
        ours, theirs, ratio = interleaved(ready, loop, -0.05, times=5 if size > 10**6 else 9)
        print(f"| {size:,} | {1e3 * preparing:.1f} | {1e3 * ours:.3f} | {1e3 * theirs:.2f} | {ratio:.0f} |")


if __name__ == "__main__":
    main()
