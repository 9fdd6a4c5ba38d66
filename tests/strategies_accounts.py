"""Random cases of inverse perpetuals, cross accounts and liquidation in parts, as levcore's public values."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

import levcore as lc
import strategies
from strategies import ASSETS, LEVERAGE

STEPS = (timedelta(hours=8), timedelta(minutes=1), timedelta(days=1))


class AccountCase(NamedTuple):
    """One shock, or one path of a few steps."""

    book: lc.Book
    market: lc.Market
    returns: np.ndarray  # steps x assets
    step: timedelta | None  # None: a shock
    control: tuple[lc.TopUp, ...] = ()

    def run(self) -> lc.Outcome:
        if self.step is None:
            return lc.shock(self.book, self.market, self.returns).at(0)
        seed = {"seed": strategies.SEED} if strategies.control_draws(self.control) else {}
        options = {"step": self.step, "control": self.control} | seed
        return lc.simulate(self.book, self.market, self.returns[np.newaxis], **options).at(0)


@st.composite
def inverse_perpetuals(draw, rng: np.random.Generator, price: float, notional: float, step: timedelta | None):
    """One or two contracts on one coin; `notional` is in coin."""
    value = draw(st.sampled_from([100.0, 1.0]))
    found = []
    for symbol in ["BTC-A", "BTC-B"][: draw(st.integers(1, 2))]:
        table = draw(strategies.tiers(rng, notional, value / price))
        fee, basis = draw(st.sampled_from([0.0, 0.0006])), draw(st.sampled_from(["mark", "mark", "entry"]))
        paid = None if step is None else draw(strategies.fundings(rng, step))
        rules = {"closing_fee": fee, "closing_fee_at": draw(strategies.FEES_AT), "basis": basis, "funding": paid}
        found.append(lc.InversePerpetual(symbol, asset="BTC", contract_value=value, tiers=table, **rules))
    return found


def inverse_position(
    rng: np.random.Generator, instrument: lc.InversePerpetual, price: float, notional: float, longs: float
) -> tuple[float, float, float]:
    """A linear position in contracts whose price is in coin, turned round."""
    value = instrument.contract_value
    quantity, entry, margin = strategies.position(rng, instrument, value / price, notional, 1.0 - longs)
    return -quantity, value / entry, margin


@st.composite
def policies(draw, rng: np.random.Generator, size: float, notional: float, step: timedelta | None):
    """A policy that closes parts; `size` and `notional` are those of a usual position."""
    lot, dust = (draw(st.sampled_from([0.0, 1.0])) * size * rng.uniform(0.01, 0.5) for _ in range(2))
    fee_rate, fee_to = draw(st.sampled_from([0.0, 0.0005, 0.005, 0.05])), draw(st.sampled_from(["fund", "outside"]))
    common = {"fee_rate": fee_rate, "fee_to": fee_to, "lot": lot, "dust": dust}
    kind = draw(st.sampled_from(["to target", "down tiers", "down tiers", "portion", "portion"]))
    if kind == "to target":
        buffer = float(rng.choice([0.0, 0.0, 0.02, 0.2]))
        usual, span = rng.uniform(0.0, 0.05) * notional, rng.uniform(0.7, 4.0) * (step or timedelta(seconds=30))
        limited = {"initial_share": rng.uniform(0.0, 0.9), "duration": span, "small_shortage": rng.choice([0.0, usual])}
        common |= limited if rng.random() < 0.6 else {}
        return lc.PartialClose(target=draw(st.sampled_from([0.8, 0.5, 0.95, 1.0])), buffer=buffer, **common)
    if kind == "down tiers":
        return lc.TierStep(tiers=draw(st.integers(1, 2)), **common)
    return lc.PortionClose(
        portion=draw(st.sampled_from([0.2, 0.1, 0.5, 0.9])),
        above=draw(st.sampled_from([0.0, 1.0])) * notional * rng.uniform(0.1, 2.0),
        minimum=draw(st.sampled_from([0.0, 1.0])) * notional * rng.uniform(0.01, 1.0),
        wait=draw(st.sampled_from([1.0, 0.0, 2.0, 1.5, 2.5])) * (step or timedelta(seconds=30)),
        then=draw(st.sampled_from(["again", "all"])),
        **common,
    )


def balances(
    rng: np.random.Generator, gross: np.ndarray, prices: dict[str, float], settlement: str, coins: tuple[str, ...]
) -> lc.Accounts:
    """What accounts of such gross notional hold in money and coins; some owe money against their coins."""
    worth = gross / rng.choice(LEVERAGE[3:], gross.size) * rng.uniform(0.5, 1.5, gross.size)
    in_coins = rng.choice([0.0, 0.3, 0.9, 1.3], gross.size) if coins else np.zeros(gross.size)
    split = rng.dirichlet(np.ones(len(coins)), gross.size) if coins else np.zeros((gross.size, 0))
    held = {coin: worth * in_coins * split[:, k] / prices[coin] for k, coin in enumerate(coins)}
    return lc.Accounts(**{settlement: worth * (1.0 - in_coins)}, **held)


@st.composite
def backstops(
    draw, rng: np.random.Generator, instruments: list[lc.LinearPerpetual], size: float, fund: float, ranking: str | None
):
    """Rules of its own for who bears losses; `size` is that of a usual position. Most have a ranking that is asked for,
    by a number that Hypothesis does not draw: what it draws clusters."""
    of = ranking or draw(st.sampled_from(["profit", "index", "unranked", "pro_rata", "min_max"]))
    lot = size * rng.uniform(0.01, 0.4) * (1.0 if of == "min_max" else draw(st.sampled_from([0.0, 1.0])))
    price = draw(st.sampled_from(["bankruptcy", "bankruptcy", "previous_mark"]))
    own = {i.symbol: fund * rng.uniform(0.0, 1.0) for i in instruments if draw(st.sampled_from([False, False, True]))}
    ranked = lc.Deleveraging(ranking=of, price=price, lot=lot)
    drawn = draw(st.sampled_from([True, False, *[ranked] * 4]))
    return lc.Backstop(
        insurance_fund=fund,
        own_funds=own,
        takeover=draw(st.sampled_from([0.0, 0.0, 2.0 / 3.0, 0.3])),
        deleveraging=ranked if ranking and rng.random() < 0.8 else drawn,
        socialise=draw(st.sampled_from([False, "profit", "open_interest", "open_interest", "deposits"])),
    )


@st.composite
def account_cases(
    draw,
    *,
    inverse: bool = False,
    cross: bool = False,
    parts: bool = False,
    losses: bool = False,
    ranking: str | None = None,
) -> AccountCase:
    """A whole case: 2 or 3 assets with `cross`, one coin with `inverse`, a policy of parts with `parts`, a backstop
    with rules of its own with `losses`, whose deleveraging has the ranking."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    step = draw(st.sampled_from([None, None, *STEPS])) if cross and not parts else draw(st.sampled_from([None, *STEPS]))
    names = ASSETS[:1] if inverse else ASSETS[: draw(st.integers(2 if cross else 1, 3))]
    around = rng.uniform(-1.0, 9.0)
    prices = {name: math.exp(around + rng.uniform(-0.6, 0.6)) for name in names}
    notional = math.exp(rng.uniform(4.0, 14.0))
    if inverse:
        instruments = draw(inverse_perpetuals(rng, prices["BTC"], notional, step))
    else:
        instruments = draw(strategies.instruments_of(rng, prices, notional, None, step))
    owned = draw(st.integers(2, 10)) if cross else 0
    size = owned + draw(st.integers(0, 4) if cross else st.integers(2, 12))
    owner = np.full(size, -1)
    accounts = draw(st.integers(1, 4)) if cross else 0
    owner[:owned] = rng.integers(0, max(accounts, 1), owned)
    code = rng.integers(0, len(instruments), size).astype(np.int32)
    kinds, longs = [instruments[k] for k in code], draw(st.sampled_from([0.5, 0.8, 0.2]))
    make = inverse_position if inverse else strategies.position
    rows = [make(rng, kind, prices[kind.asset], notional, longs) for kind in kinds]
    if draw(st.booleans()):  # ties are broken by the place in the book
        code[1::2], rows[1::2] = code[: 2 * (size // 2) : 2], rows[: 2 * (size // 2) : 2]
    quantity, entry, margin = np.array(rows, dtype=float).reshape(size, 3).T
    order = rng.permutation(size)  # positions of an account need not stand together
    code, quantity, entry, margin, owner = (column[order] for column in (code, quantity, entry, margin, owner))

    worth = np.array([getattr(instruments[k], "contract_value", 0.0) or prices[instruments[k].asset] for k in code])
    base = np.abs(quantity) * worth / np.array([prices[instruments[k].asset] for k in code])
    gross = np.abs(quantity) * worth / (prices["BTC"] if inverse else 1.0)  # in the settlement currency
    held = {n: float(base[[instruments[k].asset == n for k in code]].sum()) for n in names}
    coins: tuple[str, ...] = ()
    if cross and not inverse:
        prices["GOLD"] = math.exp(around)
        coins = tuple(rng.permutation([*names, "GOLD"])[: draw(st.integers(0, 3))].tolist())
    at = draw(strategies.venues(instruments, draw(funds(rng, float(gross.sum()))), None, None))
    usual = float(np.median(np.abs(quantity))) or 1.0
    at = lc.Venue(
        instruments,
        liquidation=draw(policies(rng, usual, notional, step)) if parts else at.liquidation,
        backstop=draw(backstops(rng, instruments, usual, at.backstop.insurance_fund, ranking))
        if losses
        else at.backstop,
        order=draw(st.sampled_from(["liquidation_price", "riskiest"])) if losses else "liquidation_price",
        remainder=at.remainder,
        liquidate_at_equality=at.liquidate_at_equality,
        collateral={coin: draw(st.sampled_from([0.9, 1.0, 0.5, 0.0])) for coin in coins},
    )
    accounts_of = None
    if cross:
        of_accounts = np.bincount(owner[owner >= 0], gross[owner >= 0], accounts) + 1e-3 * notional
        accounts_of = balances(rng, of_accounts, prices, at.settlement, coins)
    book = lc.Book(
        at,
        instrument=code,
        quantity=quantity,
        entry_price=entry,
        margin=np.where(owner < 0, margin, np.nan),
        account=owner if cross else None,
        accounts=accounts_of,
    )
    refills = (0.0,) if step is None else (0.0, 3.0, 0.3 / (step / timedelta(days=1)))
    deeper = draw(st.sampled_from([1.0, 30.0, 300.0]))
    quantities = {name: deeper * (held.get(name, 0.0) or notional / prices[name]) for name in prices}
    market = draw(strategies.markets(rng, prices, quantities, refills, step is not None))
    scale = draw(st.sampled_from([0.1, 0.03, 0.2]))
    shape = (1 if step is None else draw(st.integers(2, 4)), len(market))
    returns = np.expm1(scale * rng.standard_normal(shape)).clip(-0.6, 1.0)
    moved = {
        name: price * (1.0 + move)
        for name, price, move in zip(market.names, market.prices.values(), returns[0], strict=True)
    }
    control = () if step is None else draw(strategies.controls(rng, owner, step))
    return AccountCase(brought_near(rng, book, moved), market, returns, step, control)


def brought_near(rng: np.random.Generator, book: lc.Book, prices: dict[str, float]) -> lc.Book:
    """About half of them with margin or cash such that at these prices their equity is a part of what they require."""
    isolated = book.account < 0
    required = book.maintenance_margin(prices)
    short = rng.uniform(0.05, 1.05, len(book)) * required - book.equity(prices)
    moved = (rng.random(len(book)) < 0.5) & (required > 0.0) & (book.margin + short > 0.0)
    margin = np.where(moved, book.margin + short, book.margin)
    if not len(book.accounts):
        return lc.Book(
            book.venue, instrument=book.instrument, quantity=book.quantity, entry_price=book.entry_price, margin=margin
        )
    rows = len(book.accounts)
    required = book.account_maintenance_margin(prices)
    short = rng.uniform(0.05, 1.05, rows) * required - book.account_equity(prices)
    moved = (rng.random(rows) < 0.5) & (required > 0.0)
    cash = book.accounts.balances[book.venue.settlement] + np.where(moved, short, 0.0)
    return lc.Book(
        book.venue,
        instrument=book.instrument,
        quantity=book.quantity,
        entry_price=book.entry_price,
        margin=np.where(isolated, margin, np.nan),
        account=book.account,
        accounts=lc.Accounts(**dict(book.accounts.balances) | {book.venue.settlement: cash}),
    )


@st.composite
def funds(draw, rng: np.random.Generator, gross: float):
    """Nothing, less than is needed, or enough, in the settlement currency."""
    kind = draw(st.sampled_from(["none", "scarce", "ample"]))
    return {"none": 0.0, "scarce": gross * 10.0 ** rng.uniform(-4.5, -2.0), "ample": 1.0 + 10.0 * gross}[kind]
