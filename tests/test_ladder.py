"""The ladder against the ledger: the same counts and money, whichever of them runs."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
from datetime import timedelta

import numpy as np
import pytest

import levcore as lc
from how_many import some
from making import flat_tiers

HOUR = timedelta(hours=1)
BOOKS = 1_200
COUNTS = ("liquidated_count_long", "liquidated_count_short", "exhausted", "rounds", "cascade_depth")
MONEY = (
    "liquidated_notional_long",
    "liquidated_notional_short",
    "bad_debt",
    "insurance_fund",
    "insurance_fund_low",
    "fees",
    "socialised_loss",
    "deleveraged_notional",
)
PRICES = ("final_price", "lowest_price", "highest_price", "fundamental_price")


def random_pair(random: np.random.Generator, names: str) -> tuple[lc.Book, lc.Market]:
    """A small book of hard cases: tight and underwater positions, empty and full funds, every rule of the ladder's."""
    inverse = len(names) == 1 and random.random() < 0.35
    rates = np.sort(random.choice([0.0, 0.004, 0.01, 0.05, 0.2], 3, replace=False))
    measure = str(random.choice(["notional", "contracts", "entry"]))
    floors = [0.0, 40.0, 200.0] if measure == "contracts" else [0.0, 4_000.0, 20_000.0]
    if inverse and measure != "contracts":
        floors = [0.0, 40.0, 200.0]  # coins
    tiers = lc.MarginTiers(floor=floors, maintenance_rate=rates.tolist(), measure=measure)

    def funding() -> lc.Funding | None:
        if measure == "contracts" or random.random() < 0.6:  # continuous tiers by contracts: see OUTSIDE
            return None
        rates = float(random.choice([1e-4, 3e-3, 0.05])) * random.normal(float(random.choice([0.0, 1.0])), 1.0, 40)
        return lc.Funding(rate=rates.tolist(), interval=HOUR * int(random.choice([4, 8, 12])))

    def instrument(symbol: str, name: str) -> lc.LinearPerpetual | lc.InversePerpetual:
        given = {"asset": name, "tiers": tiers, "closing_fee": float(random.choice([0.0, 5e-4])), "funding": funding()}
        return (
            lc.InversePerpetual(symbol, contract_value=100.0, **given)
            if inverse
            else lc.LinearPerpetual(symbol, **given)
        )

    traded = [instrument(f"{name}{i}", name) for name in names for i in range(int(random.integers(1, 3)))]
    venue = lc.Venue(
        traded,
        liquidation=lc.FullClose(
            fee_rate=float(random.choice([0.0, 0.002, 0.03])), fee_to=str(random.choice(["fund", "outside"]))
        ),
        backstop=lc.Backstop(
            insurance_fund=float(random.choice([0.0, 50.0, 1e6])) / (100.0 if inverse else 1.0),
            deleveraging=bool(random.random() < 0.15),
            socialise=bool(random.random() < 0.15),
        ),
        remainder=str(random.choice(["fund", "trader"])),
        liquidate_at_equality=bool(random.random() < 0.5),
    )
    size = int(random.integers(1, 160))
    quantity = random.choice([-1.0, 1.0], size) * random.lognormal(2.0, 1.0, size)
    entry = 100.0 * np.exp(random.normal(0.0, 0.02, size))
    notional = np.abs(quantity) * (100.0 / entry if inverse else entry)
    margin = notional / random.uniform(0.9 if inverse else 2.0, 60.0, size)
    margin[random.random(size) < 0.02] *= 0.01  # underwater from the start
    book = lc.Book(
        venue,
        instrument=random.integers(0, len(traded), size).astype(np.int32),
        quantity=quantity,
        entry_price=entry,
        margin=margin,
    )
    depth = float(np.abs(quantity).sum()) * float(random.choice([0.3, 2.0, 20.0, math.inf]))
    impact: object = lc.LinearImpact(depth=depth)
    if math.isfinite(depth) and random.random() < 0.5:
        impact = [
            lc.SquareRootImpact(daily_volatility=0.05, daily_volume=depth),
            lc.PowerImpact(scale=depth, exponent=float(random.uniform(0.3, 0.9))),
            lc.DepthCurve(distance=[0.01, 0.05, 0.2], quantity=[0.05 * depth, 0.2 * depth, depth]),
        ][int(random.integers(3))]
    resilience = float(random.choice([0.0, 3.0]))
    asset = {
        "impact": impact,
        "half_spread": float(random.choice([0.0, 0.001])),
        "mark_follow": float(random.choice([1.0, 0.5, 0.0])),
        "resilience": resilience,
        "permanent": float(random.choice([0.0, 0.4, 1.0]))
        if isinstance(impact, lc.LinearImpact) or resilience == 0.0
        else 0.0,
    }
    return book, lc.Market({name: lc.Asset(100.0, **asset) for name in names})


def assert_agree(book: lc.Book, market: lc.Market, ladder: object, ledger: object, case: object) -> None:
    gross = float(np.abs(book.quantity).sum()) * 100.0
    for name in COUNTS:
        assert np.array_equal(getattr(ladder, name), getattr(ledger, name)), (case, name)
    for name in MONEY:
        ours, theirs = getattr(ladder, name), getattr(ledger, name)
        assert (np.abs(ours - theirs) <= 1e-9 * np.abs(theirs) + 1e-12 * gross).all(), (case, name)
    for name in PRICES:
        for asset in market.names:
            # Orders of inverse positions move prices by amounts, not by shares: all are as exact as the start's.
            least = 1e-10 if book.venue.instruments[0].is_inverse else 0.0
            theirs = pytest.approx(getattr(ledger, name)[asset], rel=1e-12, abs=least)
            assert getattr(ladder, name)[asset] == theirs, (case, name)
    for asset in market.names:
        ours, theirs = ladder.amplification[asset], ledger.amplification[asset]
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9, nan_ok=True), (case, "amplification")
        assert ladder.depth_used[asset] == pytest.approx(ledger.depth_used[asset], rel=1e-9, nan_ok=True), case
    whole = np.array([error is None for error in ladder.error])
    assert (ladder.conservation_error[whole] <= 1e-12).all(), case


def matrix_for(market: lc.Market) -> np.ndarray | None:
    return np.array([[1.0, 0.6], [0.6, 1.0]]) if len(market) == 2 else None


def agree(books: int, seed: int) -> dict[str, int]:
    """How many books, and of how many of their runs something was liquidated, lost, or left to the ledger."""
    random = np.random.default_rng(seed)
    seen = dict.fromkeys(("books", "runs", "liquidated", "bad debt", "fund drawn", "left"), 0)
    for case in range(books):
        book, market = random_pair(random, "XY" if random.random() < 0.25 else "X")
        moves = random.normal(0.0, 0.12, (8, len(market))).clip(-0.6, 0.6)
        shocks = [lc.shock(book, market, moves, engine=engine) for engine in ("ladder", "ledger")]
        returns = random.normal(0.0, 0.06, (4, 5, len(market))).clip(-0.5, 0.5)
        runs = [lc.simulate(book, market, returns, step=8 * HOUR, engine=engine) for engine in ("ladder", "ledger")]
        process = lc.GBM(volatility=float(random.uniform(0.3, 4.0)), correlation=matrix_for(market))
        given = {"paths": 5, "steps": 19, "step": 4 * HOUR, "seed": case}
        drawn = [lc.simulate(book, market, process, **given, engine=engine) for engine in ("ladder", "ledger")]
        for ladder, ledger in (shocks, runs, drawn):
            assert_agree(book, market, ladder, ledger, (seed, case))
            assert ledger.engine == "ledger"
            seen["runs"] += len(ladder)
            seen["liquidated"] += int((ladder.liquidated_count > 0).sum())
            seen["bad debt"] += int((ladder.bad_debt > 0.0).sum())
            seen["fund drawn"] += int((ladder.insurance_fund_low < book.venue.backstop.total_funds).sum())
            left = "by the ledger: losses" in ladder.engine_reason or ladder.engine == "ledger"
            seen["left"] += left
        for both in (runs, drawn):
            assert np.array_equal(*(one.liquidation_probability for one in both)), case
            for name in ("mean_liquidation_time", "first_liquidation"):  # NaT equals NaT as a number
                assert np.array_equal(*(getattr(one, name).view(np.int64) for one in both)), (case, name)
        seen["books"] += 1
    return seen


@pytest.mark.filterwarnings("ignore:.*stopped early")
@pytest.mark.parametrize("part", range(4))
def test_the_ladder_and_the_ledger_agree_on_random_books(part):
    seen = agree(some(BOOKS // 4), 20_260 + part)
    assert seen["liquidated"] > 0.3 * seen["runs"]
    for name in ("bad debt", "fund drawn", "left"):
        assert seen[name] > some(20), seen


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*stopped early")
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("part", range(4))
def test_the_ladder_and_the_ledger_agree_on_many_more_books(part):
    books = int(os.environ.get("LEVCORE_LADDER_BOOKS", "20000")) // 4
    assert agree(books, 1_000 + part)["books"] == books


def simple_pair(**rules: object) -> tuple[lc.Book, lc.Market]:
    random = np.random.default_rng(3)
    quantity = random.choice([-1.0, 1.0], 400) * random.lognormal(0.0, 1.0, 400)
    traded = rules.pop("traded", None) or [lc.LinearPerpetual("X", asset="X", tiers=flat_tiers(0.01))]
    notional = np.abs(quantity) * (1.0 if traded[0].is_inverse else 100.0)  # inverse: coins
    margin = notional / random.uniform(3.0, 40.0, 400)
    impact = rules.pop("impact", lc.LinearImpact(depth=3_000.0))
    venue = lc.Venue(traded, **rules)
    book = lc.Book(
        venue, instrument=traded[0].symbol, quantity=quantity, entry_price=np.full(400, 100.0), margin=margin
    )
    return book, lc.Market({"X": lc.Asset(100.0, impact=impact)})


BY_SIZE = lc.MarginTiers([0.0, 150.0, 400.0], [0.01, 0.02, 0.05])
PAID = lc.Funding(rate=1e-3, interval=HOUR)
CONTRACTS = lc.MarginTiers([0.0, 2.0], [0.01, 0.02], measure="contracts")
TRADED = {
    "linear": {},
    "linear, funded": {"traded": [lc.LinearPerpetual("X", asset="X", tiers=BY_SIZE, funding=PAID)]},
    "inverse, funded": {
        "traded": [lc.InversePerpetual("X", asset="X", contract_value=100.0, tiers=flat_tiers(0.01), funding=PAID)]
    },
    "inverse": {"traded": [lc.InversePerpetual("X", asset="X", contract_value=100.0, tiers=flat_tiers(0.01))]},
}
WHOLE = lc.MarginTiers([0.0, 5e3], [0.01, 0.02], whole_position=True)
OUTSIDE = {
    "close in parts": {"liquidation": lc.PartialClose()},
    "takes positions over": {"backstop": lc.Backstop(takeover=0.5)},
    "riskiest": {"order": "riskiest"},
    "funds of their own": {"backstop": lc.Backstop(own_funds={"X": 1.0})},
    "jumps": {"traded": [lc.LinearPerpetual("X", asset="X", tiers=WHOLE)]},
    "funding is paid on requirements that differ": {
        "traded": [lc.LinearPerpetual("X", asset="X", tiers=CONTRACTS, funding=PAID)],
    },
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_keeps_a_run_off_the_ladder_is_said_and_refused_where_it_is_asked_for(what):
    book, market = simple_pair(**OUTSIDE[what])
    runs = lc.simulate(book, market, lc.GBM(volatility=0.5), paths=3, steps=5, step=HOUR, seed=1)
    assert runs.engine == "ledger"
    assert what in runs.engine_reason
    with pytest.raises(lc.DomainError, match=f"engine='ladder' is for isolated positions .* here .*{what}"):
        lc.simulate(book, market, lc.GBM(volatility=0.5), paths=3, steps=5, step=HOUR, seed=1, engine="ladder")


@pytest.mark.parametrize("kind", TRADED)
def test_keeping_steps_changes_no_number_and_they_are_the_ledgers(kind):
    backstop = lc.Backstop(insurance_fund=200.0 if "linear" in kind else 2.0)
    book, market = simple_pair(backstop=backstop, **TRADED[kind])
    given = {"paths": 12, "steps": 24, "step": HOUR, "seed": 5}
    kept, plain = (
        lc.simulate(book, market, lc.GBM(volatility=3.0), **given, keep_steps=keep) for keep in (True, False)
    )
    assert kept.engine == plain.engine == "ladder"
    for name in (*COUNTS, *MONEY):
        assert np.array_equal(getattr(kept, name), getattr(plain, name)), name
    ledger = lc.simulate(book, market, lc.GBM(volatility=3.0), **given, keep_steps=True, engine="ledger")
    for name, series in vars(ledger.steps_kept).items():
        ours = getattr(kept.steps_kept, name)
        for mine, theirs in zip(*((s.values() if hasattr(s, "values") else [s]) for s in (ours, series)), strict=True):
            if mine.dtype.kind == "f":
                np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-7, err_msg=name)
            else:
                assert np.array_equal(mine, theirs), name
    assert kept.bad_debt.max() > 0.0


@pytest.mark.parametrize(("follow", "fee_rate"), [(1.0, 0.0), (0.5, 0.002)])
def test_paths_side_by_side_are_the_paths_walked_step_by_step_to_the_bit(follow, fee_rate):
    # More than a block of paths and of steps, of neither a whole number; most stretches are sums, some are not.
    random = np.random.default_rng(8)
    size = 3_000
    quantity = random.choice([-1.0, 1.0], size) * random.lognormal(0.0, 1.0, size)
    margin = np.abs(quantity) * 100.0 / random.uniform(3.0, 40.0, size)
    venue = lc.Venue(
        [lc.LinearPerpetual("X", asset="X", tiers=flat_tiers(0.01))],
        liquidation=lc.FullClose(fee_rate=fee_rate),
        backstop=lc.Backstop(insurance_fund=300.0),
    )
    book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=np.full(size, 100.0), margin=margin)
    impact = lc.LinearImpact(depth=float(np.abs(quantity).sum()) * 40.0)
    market = lc.Market({"X": lc.Asset(100.0, impact=impact, half_spread=0.0005, mark_follow=follow)})
    given = {"paths": 300, "steps": 53, "step": HOUR, "seed": 5}
    side_by_side, alone = (
        lc.simulate(book, market, lc.GBM(volatility=1.0), **given, keep_steps=keep) for keep in (False, True)
    )
    assert side_by_side.engine == alone.engine == "ladder"
    for name in (*COUNTS, *MONEY):
        assert np.array_equal(getattr(side_by_side, name), getattr(alone, name)), name
    for name in PRICES:
        assert np.array_equal(getattr(side_by_side, name)["X"], getattr(alone, name)["X"]), name
    assert np.array_equal(side_by_side.liquidation_probability, alone.liquidation_probability)
    times = (one.mean_liquidation_time.view(np.int64) for one in (side_by_side, alone))
    assert np.array_equal(*times)
    for count in (side_by_side.liquidated_count_long, side_by_side.liquidated_count_short):
        assert (count > 0).sum() > 100
    assert 0 < (side_by_side.bad_debt > 0.0).sum() < 300


def test_accounts_are_for_the_ledger():
    book, market = simple_pair()
    held = {"quantity": [1.0], "entry_price": [100.0], "account": [0], "accounts": lc.Accounts(USD=[10.0])}
    runs = lc.simulate(lc.Book(book.venue, instrument="X", **held), market, [[-0.2]], step=HOUR)
    assert (runs.engine, runs.engine_reason) == ("ledger", "cross accounts hold positions")


def test_auto_takes_the_ladder_for_paths_and_for_many_shocks():
    book, market = simple_pair()
    for steps in (1, 16):
        runs = lc.simulate(book, market, lc.GBM(volatility=0.5), paths=3, steps=steps, step=HOUR, seed=1)
        assert (runs.engine, runs.engine_reason) == ("ladder", "positions stand alone and close whole")
    assert lc.shock(book, market, np.linspace(-0.3, 0.3, 64)).engine == "ladder"
    few = lc.shock(book, market, np.linspace(-0.3, 0.3, 63))
    assert (few.engine, few.engine_reason) == ("ledger", "there are few shocks")
    one = lc.shock(book, market, -0.3)
    assert (one.engine, one.engine_reason) == ("ledger", "one run is kept whole, with its rounds")
    with pytest.raises(lc.DomainError, match="one shock is kept whole"):
        lc.shock(book, market, -0.3, engine="ladder")
    asked = lc.simulate(book, market, [[-0.3]], step=HOUR, engine="ledger")
    assert (asked.engine, asked.engine_reason) == ("ledger", "asked for")


def test_a_path_that_deleverages_is_run_by_the_ledger_and_that_path_alone():
    book, market = simple_pair(backstop=lc.Backstop(deleveraging=True))
    returns = np.array([[[-0.001]], [[-0.45]], [[0.001]]])
    ladder, ledger = (lc.simulate(book, market, returns, step=HOUR, engine=name) for name in ("ladder", "ledger"))
    assert "1 of 3 runs by the ledger" in ladder.engine_reason
    assert ladder.deleveraged_notional.tolist() == ledger.deleveraged_notional.tolist()
    assert ladder.deleveraged_notional[1] > 0.0
    assert ladder.bad_debt[1] == ledger.bad_debt[1]


def test_one_run_whole_has_the_numbers_of_its_batch_to_the_bit():
    book, market = simple_pair(liquidation=lc.FullClose(fee_rate=0.001))
    runs = lc.simulate(book, market, lc.GBM(volatility=2.0), paths=20, steps=24, step=HOUR, seed=5)
    shocks = lc.shock(book, market, np.linspace(-0.4, 0.4, 101))
    for batch in (runs, shocks):
        for i in (0, 7, 19):
            one = batch.at(i)
            for name in (*COUNTS, *MONEY):
                assert getattr(one, name) == getattr(batch, name)[i], name
            assert one.final_price["X"] == batch.final_price["X"][i]
            assert one.liquidated.sum() == one.liquidated_count


def test_money_on_the_ladder_is_audited_against_the_ledgers():
    # Ten times levered, so that a fall of 9.5 % takes the longs with something left; entries that no double holds
    # exactly: the ledger's sum moves by its rounding, and so must what is reported.
    random = np.random.default_rng(6)
    size = 300
    quantity = random.choice([-1.0, 1.0], size) * random.lognormal(0.0, 1.0, size)
    entry = 100.0 * np.exp(random.normal(0.0, 0.0005, size))
    margin = np.abs(quantity) * entry / 10.0
    deleverages = lc.Backstop(deleveraging=True)
    for backstop in (lc.Backstop(insurance_fund=1e5), deleverages):
        venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=flat_tiers(0.01))], backstop=backstop)
        book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=entry, margin=margin)
        market = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=math.inf))})
        # The first of them deleverages, where the rules say so, and is the ledger's own.
        moves = np.array([[[-0.45]], [[-0.095]], [[0.095]]])
        runs = lc.simulate(book, market, moves, step=HOUR, engine="ladder")
        shocks = lc.shock(book, market, moves[:, 0, :], engine="ladder")
        assert ("1 of 3 runs by the ledger" in runs.engine_reason) == (backstop is deleverages)
        for batch in (runs, shocks):
            assert ((batch.conservation_error > 0.0) & (batch.conservation_error < 1e-13)).all()


def test_rounds_are_counted_when_asked_for_and_travel():
    book, market = simple_pair()
    given = {"paths": 30, "steps": 24, "step": HOUR, "seed": 5}
    runs = lc.simulate(book, market, lc.GBM(volatility=2.0), **given)
    assert "rounds" not in vars(runs)
    travelled = pickle.loads(pickle.dumps(runs))
    ledger = lc.simulate(book, market, lc.GBM(volatility=2.0), **given, engine="ledger")
    for one in (runs, travelled):
        assert one.rounds.tolist() == ledger.rounds.tolist()
        assert one.cascade_depth.tolist() == ledger.cascade_depth.tolist()
    assert runs.rounds.sum() > 30
    assert list(runs.to_frame().columns) == list(ledger.to_frame().columns)
    with pytest.raises(AttributeError, match="'Runs' object has no attribute 'squares'"):
        _ = runs.squares


@pytest.mark.parametrize("kind", TRADED)
def test_threads_and_chunks_do_not_show_on_the_ladder(kind):
    book, market = simple_pair(backstop=lc.Backstop(insurance_fund=50.0, deleveraging=True), **TRADED[kind])
    hashes = set()
    for threads in (1, 2, 3, 7):
        for chunk in (1, 7, 64, 1_000):
            runs = lc.simulate(
                book,
                market,
                lc.GBM(volatility=3.0),
                paths=150,
                steps=12,
                step=HOUR,
                seed=9,
                threads=threads,
                chunk=chunk,
            )
            columns = runs.to_frame().to_numpy(dtype=object, na_value=0.0).astype(str)
            hashes.add(
                hashlib.sha256(
                    repr((columns.tolist(), runs.liquidation_probability.tolist(), runs.engine_reason)).encode()
                ).hexdigest()
            )
    assert len(hashes) == 1


def test_a_price_that_leaves_all_prices_is_told_as_the_ledger_tells_it():
    book, market = simple_pair()
    with pytest.warns(RuntimeWarning, match="stopped early"):
        wild = lc.simulate(book, market, [[0.1, 1e89, 1e89], [0.0, 0.0, 0.0]], step=HOUR, engine="ladder")
    assert wild.error[0] is not None
    assert wild.error[1] is None
    assert "1 of 2 runs by the ledger" in wild.engine_reason
