"""Shocks, one and many: the same bits on any threads, and of a book that is sorted only as far as a shock can reach."""

from __future__ import annotations

import numpy as np
import pytest

import levcore as lc
import making

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


@pytest.fixture
def any_size(monkeypatch) -> None:
    """Books of any size are sorted in part at a first shock."""
    monkeypatch.setattr("levcore.cascade.ONCE_FROM", 1)


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


RULES = {
    "plain": {},
    "a fund and fees": {
        "backstop": lc.Backstop(insurance_fund=2e4),
        "liquidation": lc.FullClose(fee_rate=0.002),
        "remainder": "fund",
    },
    "the riskiest first": {"order": "riskiest"},
    "funds of their own": {"backstop": lc.Backstop(insurance_fund=1e3, own_funds={"X0": 500.0})},
    "at equality": {"liquidate_at_equality": True, "remainder": "trader"},
}
MOVES = (-0.6, -0.25, -0.05, -0.001, 0.0, 0.02, 0.1, 0.9)


def assert_first_equals_prepared(book: lc.Book, market: lc.Market, move: object) -> lc.Outcome:
    """A first shock gives all that one of a sorted book does; returns it."""
    again = lc.Book(book.venue, instrument=book.instrument, **{n: getattr(book, n) for n in COLUMNS})
    first, sorted_whole = lc.shock(again, market, move), lc.shock(lc.prepare(book, market), move)
    assert isinstance(again._ready, lc.Market)
    assert bits(first) == bits(sorted_whole)
    assert np.array_equal(first.liquidated, sorted_whole.liquidated)
    assert first.trace.tobytes() == sorted_whole.trace.tobytes()
    assert first.own_funds == sorted_whole.own_funds
    assert first.conservation_error < 1e-12
    return first


COLUMNS = ("quantity", "entry_price", "margin")


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("assets", ["X", "XY"])
def test_a_first_shock_gives_to_the_bit_what_one_of_a_sorted_book_does(rules, assets):
    book, market = pair(3_000, assets=assets, **RULES[rules])
    counts = [assert_first_equals_prepared(book, market, move).liquidated_count for move in MOVES]
    assert counts[0] > 0.3 * len(book)
    assert 0 < min(counts) < max(counts)


IMPACTS = {
    "none": lc.LinearImpact(depth=np.inf),
    "linear, so shallow that nothing holds": lc.LinearImpact(depth=2e3),
    "square root": lc.SquareRootImpact(daily_volatility=0.03, daily_volume=1e4),
    "power": lc.PowerImpact(scale=5e4, exponent=0.7),
    "a depth curve": lc.DepthCurve(distance=[0.01, 0.05, 0.2], quantity=[1e3, 5e3, 1e4]),
}


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("impact", IMPACTS)
@pytest.mark.parametrize("mark_follow", [1.0, 0.4, 0.0])
def test_a_first_shock_reaches_as_far_as_the_impact_leads(impact, mark_follow):
    book, _ = pair(2_000)
    market = lc.Market({"X": lc.Asset(100.0, impact=IMPACTS[impact], mark_follow=mark_follow, half_spread=1e-3)})
    assert sum(assert_first_equals_prepared(book, market, move).liquidated_count for move in MOVES) > 0


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("size", [1, 2, 64, 70_000])
def test_a_first_shock_is_the_same_on_any_threads_and_of_any_size(size, monkeypatch):
    book, market = pair(size, assets="XYZ")
    whole = lc.shock(lc.prepare(book, market), {"X": -0.2, "Z": 0.3})
    seen = []
    for threads in (1, 2, 5):
        monkeypatch.setattr("levcore.thread_count.asked", lambda _, threads=threads: threads)
        again = lc.Book(book.venue, instrument=book.instrument, **{n: getattr(book, n) for n in COLUMNS})
        seen.append(lc.shock(again, market, {"X": -0.2, "Z": 0.3}))
    assert bits(seen[0]) == bits(seen[1]) == bits(seen[2]) == bits(whole)
    assert len({outcome.conservation_error for outcome in seen}) == 1


def of_one(quantity: object, margin: object, depth: float) -> tuple[lc.Book, lc.Market]:
    """Positions on one instrument, named once for all, entered at 100."""
    tiers = lc.MarginTiers([0.0, 5e4, 1e6], [0.004, 0.01, 0.05])
    venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=tiers)])
    entry = np.full(len(np.asarray(quantity)), 100.0)
    book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
    return book, lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=depth))})


def assert_first_of_one_equals_prepared(book: lc.Book, market: lc.Market, move: float) -> lc.Outcome:
    again = lc.Book(book.venue, instrument="X", **{n: getattr(book, n) for n in COLUMNS})
    first, sorted_whole = lc.shock(again, market, move), lc.shock(lc.prepare(book, market), move)
    assert isinstance(again._ready, lc.Market)
    assert bits(first) == bits(sorted_whole)
    assert np.array_equal(first.liquidated, sorted_whole.liquidated)
    return first


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("rows", [1, 2, 4, 9, 11])
def test_wherever_the_one_stands_that_pushes_the_others_over_a_first_shock_counts_it(rows, side):
    for place in range(rows):
        quantity, margin = np.full(rows, side), np.full(rows, 30.0)
        quantity[place], margin[place] = 1_000.0 * side, 5_000.0
        book, market = of_one(quantity, margin, depth=2_000.0)
        assert assert_first_of_one_equals_prepared(book, market, -0.06 * side).liquidated_count == rows
        still = of_one(quantity, margin, depth=1e9)
        assert assert_first_of_one_equals_prepared(*still, -0.06 * side).liquidated_count == 1


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("move", MOVES)
def test_a_first_shock_of_one_instrument_gives_to_the_bit_what_one_of_a_sorted_book_does(move):
    random = np.random.default_rng(5)
    quantity = random.choice([-1.0, 1.0], 5_003) * random.lognormal(1.0, 1.5, 5_003)
    margin = np.abs(quantity) * 100.0 / random.uniform(0.5, 60.0, 5_003)  # some longs have no liquidation price
    quantity[::50] = 0.0
    book, market = of_one(quantity, margin, depth=3.0 * float(np.abs(quantity).sum()))
    assert np.isnan(book.liquidation_price[quantity > 0.0]).any()
    gone = assert_first_of_one_equals_prepared(book, market, move).liquidated
    assert not gone[quantity == 0.0].any()


@pytest.mark.usefixtures("any_size")
def test_longs_that_nothing_reaches_and_empty_positions_are_left_alone():
    book, market = pair(500)
    margin, quantity = np.array(book.margin), np.array(book.quantity)
    margin[::3] = 2.0 * np.abs(quantity[::3]) * 100.0 * 1.2
    quantity[::7] = 0.0
    held = lc.Book(
        book.venue, instrument=book.instrument, quantity=quantity, entry_price=book.entry_price, margin=margin
    )
    for move in (-0.9999, 50.0):
        assert 0 < assert_first_equals_prepared(held, market, move).liquidated_count < 500


WANTS_ALL = {
    "deleveraging": {"backstop": lc.Backstop(deleveraging=True)},
    "socialised losses": {"backstop": lc.Backstop(socialise=True)},
    "takeover": {"backstop": lc.Backstop(takeover=0.5)},
    "closing in parts": {"liquidation": lc.PartialClose()},
}


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("rules", WANTS_ALL)
def test_where_others_have_a_part_in_it_a_first_shock_sorts_the_whole_book(rules):
    book, market = pair(300, **WANTS_ALL[rules])
    outcome = lc.shock(book, market, -0.2)
    assert isinstance(book._ready, lc.Ready)
    assert bits(outcome) == bits(lc.shock(lc.prepare(book, market), -0.2))


@pytest.mark.usefixtures("any_size")
def test_a_second_shock_on_the_same_market_sorts_the_book_and_a_third_finds_it_sorted():
    book, market = pair(300)
    first = lc.shock(book, market, -0.2)
    assert book._ready == market
    second = lc.shock(book, market, -0.2)
    ready = book._ready
    assert isinstance(ready, lc.Ready)
    assert lc.shock(book, market, -0.1).liquidated_count < first.liquidated_count == second.liquidated_count
    assert book._ready is ready
    assert bits(first) == bits(second)


def test_a_small_book_is_sorted_at_its_first_shock():
    book, market = pair(300)
    lc.shock(book, market, -0.2)
    assert isinstance(book._ready, lc.Ready)


@pytest.mark.parametrize("engine", ["ledger", "ladder"])
@pytest.mark.parametrize("scale", [20.0, 40.0, 60.0])
def test_money_is_conserved_where_a_thin_book_makes_orders_trade_many_times_what_was_held(engine, scale):
    rng = np.random.default_rng(1)
    quantity = rng.lognormal(0.0, 1.0, 200) * np.where(rng.random(200) < 0.3, 1.0, -1.0)
    margin = np.abs(quantity) * 100.0 / rng.uniform(3.0, 40.0, 200)
    book = making.book(making.venue(0.01, fund=50.0), quantity, np.full(200, 100.0), margin)
    market = making.market(impact=lc.PowerImpact(scale=scale, exponent=2.0))
    gone = lc.shock(book, market, [0.3, 0.31], engine=engine)
    held = np.abs(book.exposure(market)).sum()
    assert all(error is None for error in gone.error)
    assert (gone.liquidated_notional_long + gone.liquidated_notional_short > 1_000.0 * held).all()
    assert (gone.conservation_error <= 1e-12).all()
