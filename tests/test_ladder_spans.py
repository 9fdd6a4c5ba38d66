"""Impact that is not linear on books large enough for every length of span: the ladder and the ledger agree."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
from levcore import simd

HOUR = timedelta(hours=1)
SIZE = 14_000  # more than one span of 4,096 rows a side
COUNTS = ("liquidated_count_long", "liquidated_count_short", "exhausted")
MONEY = (
    "liquidated_notional_long",
    "liquidated_notional_short",
    "bad_debt",
    "insurance_fund",
    "insurance_fund_low",
    "fees",
)
SHAPES = {
    "square root": lambda held: lc.SquareRootImpact(daily_volatility=0.02, daily_volume=held),
    "power": lambda held: lc.PowerImpact(scale=600.0 * held, exponent=0.6),
    "depth curve": lambda held: lc.DepthCurve(
        distance=[0.01, 0.03, 0.1], quantity=[0.5 * held, 2.0 * held, 5.0 * held]
    ),
}


def large_pair(
    shape: str, fund: float = 0.0, fee_rate: float = 0.0, size: int = SIZE, **asset: float
) -> tuple[lc.Book, lc.Market]:
    """A heavy-tailed book in tiers, of which a large cascade closes most and leaves deficits."""
    random = np.random.default_rng(5)
    tiers = lc.MarginTiers([0.0, 5e4, 2.5e5, 1e6], [0.004, 0.005, 0.02, 0.1])
    venue = lc.Venue(
        [lc.LinearPerpetual("X", asset="X", tiers=tiers)],
        liquidation=lc.FullClose(fee_rate=fee_rate),
        backstop=lc.Backstop(insurance_fund=fund),
        remainder="trader",
        liquidate_at_equality=fee_rate > 0.0,
    )
    entry = 100.0 * np.exp(0.02 * random.standard_normal(size))
    notional = np.minimum(5_000.0 * (1.0 - random.random(size)) ** (-1 / 1.2), 2e6)
    quantity = np.where(np.arange(size) % 2 == 0, 1.0, -1.0) * notional / entry
    margin = np.maximum(notional / random.uniform(3.0, 60.0, size), 1.3 * tiers.maintenance_margin(notional))
    margin += np.maximum(0.0, quantity * (entry - 100.0))
    book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
    held = float(quantity[quantity > 0.0].sum())
    return book, lc.Market({"X": lc.Asset(100.0, impact=SHAPES[shape](held), **asset)})


def assert_agree(book: lc.Book, ladder: object, ledger: object) -> None:
    gross = float(np.abs(book.quantity).sum()) * 100.0
    for name in COUNTS:
        assert np.array_equal(getattr(ladder, name), getattr(ledger, name)), name
    for name in MONEY:
        ours, theirs = getattr(ladder, name), getattr(ledger, name)
        assert (np.abs(ours - theirs) <= 1e-9 * np.abs(theirs) + 1e-12 * gross).all(), name
    for name in ("final_price", "lowest_price", "highest_price"):
        assert getattr(ladder, name)["X"] == pytest.approx(getattr(ledger, name)["X"], rel=1e-12), name
    assert (ladder.conservation_error <= 1e-12).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fund", [0.0, 2e6, 1e12])
@pytest.mark.parametrize("fee_rate", [0.0, 0.002])
def test_small_and_large_cascades_of_a_large_book_are_the_ledgers(shape, fund, fee_rate):
    book, market = large_pair(shape, fund, fee_rate, half_spread=fee_rate / 4)
    moves = np.concatenate([-np.geomspace(0.01, 0.3, 20), np.geomspace(0.01, 0.3, 20)])
    shocks = [lc.shock(book, market, moves[:, None], engine=engine) for engine in ("ladder", "ledger")]
    assert_agree(book, *shocks)
    assert (shocks[0].liquidated_count > 0.6 * SIZE / 2).any()
    assert (shocks[0].bad_debt > 0.0).any() == (fund < 1e12)
    assert ((shocks[0].liquidated_count > 0) & (shocks[0].liquidated_count < 2_000)).any()
    given = {"paths": 6, "steps": 40, "step": HOUR, "seed": 3}
    runs = [lc.simulate(book, market, lc.GBM(volatility=2.0), **given, engine=e) for e in ("ladder", "ledger")]
    assert runs[0].engine == "ladder"
    assert_agree(book, *runs)
    assert np.array_equal(*(run.liquidation_probability for run in runs))
    assert np.array_equal(*(run.mean_liquidation_time.view(np.int64) for run in runs))
    assert np.array_equal(*(run.rounds for run in runs))


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 127, 128, 129, 1_023, 1_024, 1_025, 8_191, 8_192])
def test_books_that_end_where_a_span_does_or_beside_it(size):
    book, market = large_pair("square root", size=size)
    moves = np.array([-0.5, -0.2, -0.05, 0.05, 0.2, 0.5])[:, None]
    assert_agree(book, *(lc.shock(book, market, moves, engine=engine) for engine in ("ladder", "ledger")))


@pytest.mark.parametrize("asset", [{"resilience": 4.0, "permanent": 0.0}, {"mark_follow": 0.5}, {"mark_follow": 0.0}])
def test_order_books_that_refill_and_marks_that_follow_in_part_fall_as_in_the_ledger(asset):
    book, market = large_pair("square root", **asset)
    given = {"paths": 4, "steps": 40, "step": HOUR, "seed": 3}
    assert_agree(
        book, *(lc.simulate(book, market, lc.GBM(volatility=2.0), **given, engine=e) for e in ("ladder", "ledger"))
    )


FALL = """
import hashlib
import levcore as lc
from test_ladder_spans import HOUR, SHAPES, large_pair

seen = hashlib.sha256()
for shape in SHAPES:
    book, market = large_pair(shape, fund=2e6, fee_rate=0.002)
    for threads, chunk in ((1, 64), (2, 1), (3, 7)):
        runs = lc.simulate(book, market, lc.GBM(volatility=2.0), paths=30, steps=40, step=HOUR, seed=3, threads=threads,
                           chunk=chunk)
        one = hashlib.sha256()
        for values in (runs.liquidated_count, runs.liquidated_notional, runs.bad_debt, runs.lowest_price["X"],
                       runs.insurance_fund, runs.liquidation_probability):
            one.update(values.tobytes())
        print(shape, one.hexdigest())
"""


def test_levels_threads_and_chunks_do_not_show_where_impact_is_not_linear():
    said = set()
    for level in simd.AVAILABLE:
        given = os.environ | {simd.VARIABLE: level, "PYTHONPATH": str(Path(__file__).parent)}
        result = subprocess.run([sys.executable, "-c", FALL], env=given, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        said |= set(result.stdout.splitlines())
    assert len(said) == len(SHAPES)
