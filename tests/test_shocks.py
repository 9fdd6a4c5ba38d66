"""Shocks, one and many: the same bits on any threads."""

from __future__ import annotations

import numpy as np
import pytest

import levcore as lc

NUMBERS = (
    "liquidated_count_long",
    "liquidated_count_short",
    "liquidated_notional_long",
    "liquidated_notional_short",
    "bad_debt",
    "insurance_fund",
    "insurance_fund_low",
    "fees",
    "rounds",
    "cascade_depth",
    "exhausted",
    "conservation_error",
)
PRICES = ("final_price", "lowest_price", "highest_price", "amplification", "depth_used")


def pair(size: int, seed: int = 3, assets: str = "X", **rules: object) -> tuple[lc.Book, lc.Market]:
    """Longs and shorts of all sizes, some under water, on several instruments of each asset."""
    random = np.random.default_rng(seed)
    tiers = lc.MarginTiers([0.0, 5e4, 1e6], [0.004, 0.01, 0.05])
    traded = [lc.LinearPerpetual(f"{name}{i}", asset=name, tiers=tiers) for name in assets for i in (0, 1)]
    quantity = random.choice([-1.0, 1.0], size) * random.lognormal(1.0, 1.5, size)
    entry = 100.0 * np.exp(0.02 * random.standard_normal(size))
    margin = np.abs(quantity) * entry / random.uniform(1.5, 60.0, size)
    margin[random.random(size) < 0.01] *= 0.01
    code = random.integers(0, len(traded), size).astype(np.int32)
    venue = lc.Venue(traded, **rules)
    book = lc.Book(venue, instrument=code, quantity=quantity, entry_price=entry, margin=margin)
    depth = 8.0 * float(np.abs(quantity).sum()) / len(assets)
    return book, lc.Market({name: lc.Asset(100.0, impact=lc.LinearImpact(depth=depth)) for name in assets})


def bits(outcome: lc.Outcome | lc.Outcomes) -> list[bytes]:
    """All numbers, to the bit."""
    of_assets = [np.asarray(column).tobytes() for name in PRICES for column in getattr(outcome, name).values()]
    return [np.asarray(getattr(outcome, name)).tobytes() for name in NUMBERS] + of_assets


@pytest.mark.parametrize("fund", [0.0, 5e4])
def test_a_batch_of_shocks_has_the_same_bits_on_any_threads(fund, monkeypatch):
    book, market = pair(20_000, backstop=lc.Backstop(insurance_fund=fund))
    moves = np.random.default_rng(1).uniform(-0.4, 0.4, 500)
    seen = []
    for threads in (1, 2, 3, 7):
        monkeypatch.setattr("levcore.thread_count.asked", lambda _, threads=threads: threads)
        outcome = lc.shock(lc.prepare(book, market), moves)
        assert outcome.engine == "ladder"
        seen.append(bits(outcome))
    assert seen[0] == seen[1] == seen[2] == seen[3]
    alone = lc.shock(book, market, moves[:100], engine="ladder")
    assert alone.bad_debt.tobytes() == outcome.bad_debt[:100].tobytes()
    assert np.count_nonzero(outcome.bad_debt) > 100


def test_a_batch_of_no_shocks_has_no_rows():
    book, market = pair(100)
    assert len(lc.shock(book, market, np.empty(0), engine="ladder")) == 0
