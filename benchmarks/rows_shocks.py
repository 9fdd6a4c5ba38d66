"""Rows of shocks, of preparing, and of the nearest library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import levcore as lc
import native_peer
import peers_numba
import peers_numpy
import workload
from comparing import Case, Counts, Limit
from rows_paths import prepared

try:  # here, not where it is used: it cannot be loaded once other libraries have thrown or started threads
    import lrvx
except ImportError:
    lrvx = None


def row_7(counts: Counts) -> Iterator[Case]:
    yield from shocks_against_numpy(counts)
    if native_peer.lacking() is None:
        yield from shocks_against_revaluation(counts)


def falls(count: int) -> np.ndarray:
    """Random shocks down to -30 %."""
    return -0.30 * np.random.default_rng(5).random(count)


def shocks_against_numpy(counts: Counts) -> Iterator[Case]:
    ready, moves = prepared(counts.large), falls(counts.shocks)
    peer = peers_numpy.SortedShock(ready)
    ours = lc.shock(ready, moves)
    found = np.array([peer.shock(move) for move in moves.tolist()])
    assert ours.liquidated_count.sum() > 0
    np.testing.assert_array_equal(found[:, 0].astype(np.int64), ours.liquidated_count)
    np.testing.assert_allclose(found[:, 1], ours.final_price["X"], rtol=1e-12)
    np.testing.assert_allclose(found[:, 2], ours.bad_debt, rtol=1e-9)
    yield Case(
        f"{len(moves):,} prepared shocks to -30 % in one batch on all CPUs, {len(ready.book):,} positions",
        "numpy, prepared: `searchsorted`, prefix sums, bad debt in one pass",
        "a shock",
        lambda _: lc.shock(ready, moves),
        lambda _: [peer.shock(move) for move in moves.tolist()],
        (len(moves), len(moves)),
        Limit(">=", 50.0, 200.0),
    )


def shocks_against_revaluation(counts: Counts) -> Iterator[Case]:
    ready, moves = prepared(counts.large), falls(counts.shocks)
    some = np.sort(moves)[:: max(1, len(moves) // 20)]  # of all depths
    peer = native_peer.Revaluation(ready)
    logs = np.log(workload.START * (1.0 + some))[:, None]

    def all_of(columns: list[Any]) -> list[tuple[int, float]]:
        return [peer.run(own, log, 2) for own, log in zip(columns, logs, strict=True)]

    def copies() -> list[Any]:
        return [peer.columns() for _ in some]

    ours, found = lc.shock(ready, some), np.array(all_of(copies()))
    np.testing.assert_array_equal(found[:, 0].astype(np.int64), ours.liquidated_count)
    np.testing.assert_allclose(np.exp(found[:, 1]), ours.final_price["X"], rtol=1e-12)
    yield Case(
        f"the same {len(moves):,} shocks",
        f"C++ with AVX-512, all positions revalued each round, 2 threads; {len(some)} of the shocks; no money",
        "a shock",
        lambda _: lc.shock(ready, moves),
        all_of,
        (len(moves), len(some)),
        Limit(">=", 300.0, 1500.0),
        made=copies,
    )


def row_8(counts: Counts) -> Iterator[Case]:
    given = workload.book(counts.large)
    to, venue, move = workload.market(given), given.venue, -0.10
    quantity, entry, margin = (np.array(c) for c in (given.quantity, given.entry_price, given.margin))
    tiers = venue.instruments[0].tiers
    peer = peers_numba.plain_shock(
        np.array(tiers.maintenance_rate),
        np.array(tiers.deduction),
        np.append(tiers.floor[1:], np.inf),
        1.0 / to["X"].impact.depth,
    )
    start = float(np.log(workload.START * (1.0 + move)))

    def ours(_: object) -> lc.Outcome:
        held = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
        return lc.shock(held, to, move)

    one, (count, mark) = ours(None), peer(quantity, entry, margin, start)
    assert one.liquidated_count == int(count) > 0
    np.testing.assert_allclose(np.exp(mark), one.final_price["X"], rtol=1e-9)
    yield Case(
        f"one shock of -10 % from raw arrays, book built and used once, {len(quantity):,} positions",
        "numba, 2 threads: every position in every round; no money",
        "a shock",
        ours,
        lambda _: peer(quantity, entry, margin, start),
        (1.0, 1.0),
        Limit(">=", 3.0, 7.0),
    )


def row_11(counts: Counts) -> Iterator[Case]:
    given = workload.book(counts.large)
    to, columns = workload.market(given), {n: getattr(given, n) for n in ("quantity", "entry_price", "margin")}
    keys = np.log(given.liquidation_price)
    moves = falls(counts.shocks)

    def book() -> lc.Book:
        """A new one, which has worked nothing out."""
        return lc.Book(given.venue, instrument="X", **columns)

    ready = lc.prepare(book(), to)
    ladder, ledger = (lc.shock(ready, moves[:4], engine=engine) for engine in ("ladder", "ledger"))
    np.testing.assert_array_equal(ladder.liquidated_count, ledger.liquidated_count)
    np.testing.assert_allclose(ladder.bad_debt, ledger.bad_debt, rtol=1e-9)
    yield Case(
        f"preparing {len(given):,} positions",
        "`numpy.argsort` of as many doubles",
        "a book",
        lambda held: lc.prepare(held, to),
        lambda _: np.argsort(keys),
        (1.0, 1.0),
        Limit("<=", 2.0, 0.4),
        made=book,
    )


def row_12(counts: Counts) -> Iterator[Case]:
    """Longs of one flat rate; the mark falls to the median of their liquidation prices, and nobody's orders move it."""
    size, rate = counts.small, 0.005
    given = workload.book(2 * size)
    longs = np.flatnonzero(given.quantity > 0.0)
    quantity, entry, margin = (c[longs] for c in (given.quantity, given.entry_price, given.margin))
    venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=lc.MarginTiers([0.0], [rate]))])
    held = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
    prices = held.liquidation_price
    mark = float(np.median(prices))
    ready = lc.prepare(held, lc.Market({"X": lc.Asset(workload.START, impact=lc.LinearImpact(depth=np.inf))}))
    move = mark / workload.START - 1.0
    columns = list(zip(range(1, size + 1), quantity.tolist(), entry.tolist(), margin.tolist(), strict=True))

    def engine() -> Any:
        made = lrvx.LiquidationEngine()
        made.add_tier(0.0, rate)
        made.set_adl_enabled(False)
        for account, q, e, m in columns:
            made.open_position(account, 1, q, e, m)
        return made

    tried, ours = engine(), lc.shock(ready, move)
    tried.on_mark(1, mark)
    theirs = np.array([closes(tried, account) for account in range(1, size + 1)])
    assert abs(theirs.mean() - 0.5) < 0.01
    np.testing.assert_array_equal(~theirs, ours.liquidated)
    yield Case(
        f"one mark on {size:,} isolated positions, half of them liquidated",
        "lrvx 0.11, `LiquidationEngine.on_mark`",
        "a mark",
        lambda _: lc.shock(ready, move),
        lambda made: made.on_mark(1, mark),
        (1.0, 1.0),
        Limit(">=", 100.0, 10_000.0),
        made=engine,
    )


def closes(engine: Any, account: int) -> bool:
    """Whether the account still had a position to close."""
    before = engine.position_count()
    engine.close_position(account, 1)
    return bool(engine.position_count() < before)
