"""A plausible exchange, drawn at random: heavy-tailed sizes, a retail mix of leverage, entries on past prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import frexp, ldexp
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.errors import InputError, KindError
from levcore.instruments import Instrument
from levcore.memory import refuse_if_too_large
from levcore.size_margin import refuse_too_large
from levcore.venue import Venue

if TYPE_CHECKING:
    from levcore.market import Market

__all__ = ["draw"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Mixes = tuple[tuple[Floats, Floats], tuple[Floats, Floats]]

BYTES_PER_POSITION = 120  # the four columns and the working arrays of one side

RETAIL_LEVERAGE: dict[float, float] = {
    1: 0.03, 2: 0.05, 3: 0.07, 5: 0.10, 10: 0.15, 20: 0.16, 25: 0.06, 50: 0.10, 75: 0.03, 100: 0.04, 125: 0.21,
}  # fmt: skip
LARGE_LEVERAGE: dict[float, float] = {1: 0.25, 2: 0.20, 3: 0.20, 5: 0.15, 10: 0.12, 20: 0.08}
LARGE_SHARE = 0.10
LARGEST_POSITION = 0.01
WALK_STEPS = 720
WALK_VOLATILITY = 0.03 / 24**0.5
REDRAWS = 60
OPTIONS = ("leverage", "extra_margin", "tail_exponent", "room")  # the laws' parameters that may be given


def draw(
    venue: Venue,
    *,
    size: int,
    prices: Mapping[str, float] | Market | float,
    open_interest: Mapping[str, float] | float,
    seed: int,
    history: Mapping[str, npt.ArrayLike] | npt.ArrayLike | None = None,
    leverage: Mapping[float, float] | None = None,
    extra_margin: float = 0.25,
    tail_exponent: float = 1.2,
    room: float = 1.25,
) -> dict[str, npt.NDArray[Any]]:
    """Draw the columns of a synthetic book of isolated linear positions.

    Parameters
    ----------
    venue : Venue
        The rules every position must obey. All its instruments that have open interest must be linear.
    size : int
        Number of positions, at least two for each instrument that has open interest. Instruments share it by open
        interest; half are longs.
    prices : mapping, Market or float
        Mark price per asset, quote currency per base unit, > 0. A number where there is one instrument.
    open_interest : mapping or float
        Per asset (or per symbol, where an asset has several instruments): notional of one side at `prices`, quote
        currency, > 0. Instruments that are not named get no positions. A number where there is one instrument.
    seed : int
        Seed of numpy's PCG64, 0 <= seed < 2**64; the same arguments and seed give the same book on the same numpy.
    history : mapping or array_like, optional
        Past closing prices per asset, oldest first, evenly spaced, at least one; the current price is added where it is
        not the last. Left out: a random walk of 720 steps (30 days of hours) with 3 % volatility a day that ends at the
        current price, of its own for each asset.
    leverage : mapping, optional
        Mix of leverage at opening, {leverage: share}, for all positions alike, instead of the two mixes below. The
        tiers still cap it.
    extra_margin : float
        Each position posts up to this share more margin than its leverage asks for, uniform, >= 0; 0 for exactly what
        it asks.
    tail_exponent : float
        Exponent of the Pareto law of sizes, > 1.
    room : float
        Equity over maintenance margin at the current price is at least this, > 1.

    Returns
    -------
    dict of ndarray
        `instrument` (codes), `quantity` (signed base units), `entry_price` and `margin` (quote), each of shape (size,):
        instruments in the venue's order, longs before shorts.

    Raises
    ------
    KindError, InputError, TooLargeError
        Before anything is allocated.

    Notes
    -----
    *Sizes.* Pareto with exponent 1.2, the largest held to 1 % of a side's open interest (or to ten mean
    positions in a small book). Between the 3/2 of trade volumes and the 1 of large investors' assets (Gabaix,
    Gopikrishnan, Plerou and Stanley, Nature 423, 2003); Hill's estimate on the 100 largest of some 5,000 orders in
    BTCUSDT on 8 August 2024 is 1.15. The cap is an assumption. Quantities are whole multiples of a power of two, so
    that in each instrument longs and shorts sum to the very same number in whatever order: open interest to 15 digits.

    *Leverage at opening.* Nine in ten draw from what Binance Futures said of its first months (2019, as reported): 60 %
    of trades at 20x or more and 21 % at 125x; within these two numbers the split over 1x to 100x is an assumption. The
    largest tenth (about two thirds of open interest) stay at 20x or below, as Binance says of institutions; their split
    is an assumption. The tiers at the entry notional cap all of them. Up to a quarter more margin is posted than that
    leverage asks for, an assumption.

    *Entries.* The density of a position's age, in bars of the history, falls as 1 / (1 + age) to the history's length,
    an assumption: most are young, few are old. Its entry lies between the two closes then, on the line of log prices.

    *Survival.* Age and leverage are drawn conditional on being alive: a position that any later close would have
    liquidated, or that has less than `room` now, is drawn again (same size), 60 times if need be, then opened at the
    current price. So what is held is less levered than what was opened: a third to a half are above 10x. Real books
    differ widely: on GMX in June 2023 fewer than 20 % of open positions were above 10x (Panoptic, 2023), on BitMEX in
    2018 and 2019 the mean effective leverage was 22x to 30x (BitMEX, 2019, as reported). Between closes nothing is
    looked at. Margin is never added to or taken out of a position; no funding is charged.

    Examples
    --------
    >>> import levcore as lc
    >>> from levcore.datasets import binance_tiers
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=binance_tiers("BTCUSDT"))])
    >>> from levcore.synthetic import draw
    >>> columns = draw(venue, size=1_000, prices={"BTC": 60_000.0}, open_interest={"BTC": 5e6}, seed=1)
    >>> float(columns["quantity"].sum())
    0.0
    """
    size, seed = checks.integer("size", size, at_least=1), checks.integer("seed", seed, at_least=0, at_most=2**64 - 1)
    exponent = checks.number("tail_exponent", tail_exponent, above=1.0, at_most=100.0)
    room = checks.number("room", room, above=1.0, at_most=100.0)
    extra = checks.number("extra_margin", extra_margin, at_least=0.0, at_most=100.0)
    refuse_if_too_large(size * BYTES_PER_POSITION, f"a synthetic book of {size} positions")
    codes, interests, marks = _named(venue, open_interest, prices)
    given = None if leverage is None else _mix(leverage)
    mixes = (given or _mix(RETAIL_LEVERAGE), given or _mix(LARGE_LEVERAGE))
    counts = _shares(size, interests)
    closes = [_history(history, venue.instruments[code].asset, len(codes) == 1) for code in codes]

    random = np.random.Generator(np.random.PCG64(seed))
    parts: list[tuple[Floats, Floats, Floats]] = []
    for code, interest, mark, count, past in zip(codes, interests, marks, counts, closes, strict=True):
        instrument, path = venue.instruments[code], _path(random, mark, past)
        for side, members in ((1.0, count - count // 2), (-1.0, count // 2)):
            quantity, large = _sizes(random, members, interest / mark, exponent)
            refuse_too_large(instrument.symbol, instrument.tiers, float(quantity.max()))
            trade = _Side(instrument, side, quantity, path, room, extra, venue.liquidate_at_equality)
            parts.append((side * quantity, *trade.open(random, mixes, large)))
    quantity, entry_price, margin = (np.concatenate(column) for column in zip(*parts, strict=True))
    names = np.repeat(np.array(codes, dtype=np.int32), counts)
    return {"instrument": names, "quantity": quantity, "entry_price": entry_price, "margin": margin}


def _sizes(random: np.random.Generator, members: int, total: float, exponent: float) -> tuple[Floats, Flags]:
    """Quantities of one side, whole multiples of a power of two that sum to the total, and which are the largest."""
    raw = (1.0 - random.random(members)) ** (-1.0 / exponent)
    largest = max(LARGEST_POSITION, min(1.0, 10.0 / members))
    for _ in range(100):
        cap = largest * float(raw.sum())
        if raw.max() <= cap * (1 + 1e-9):
            break
        np.minimum(raw, cap, out=raw)
    unit = ldexp(1.0, frexp(total)[1] - 52)
    units = round(total / unit)
    share = np.floor(raw * (units / float(raw.sum())))
    share[share.argmax()] += units - float(share.sum())
    tenth = max(1, round(members * LARGE_SHARE))
    return share * unit, raw >= np.partition(raw, members - tenth)[members - tenth]


def _mix(shares: Mapping[float, float]) -> tuple[Floats, Floats]:
    """Levels of leverage and their cumulative shares."""
    if not isinstance(shares, Mapping):
        raise KindError(f"leverage must be a mapping of leverage to share, was {checks.describe(shares)}")
    if not shares:
        raise InputError("leverage must have at least one level, was empty")
    level = [checks.number("leverage", one, above=0.0, at_most=checks.LARGEST) for one in shares]
    share = [checks.number(f"leverage[{one}]", shares[one], above=0.0, at_most=checks.LARGEST) for one in shares]
    return np.array(level), np.cumsum(share) / np.sum(share)


def _path(random: np.random.Generator, mark: float, past: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Closes that end at the mark, and the lowest and highest that came at or after each of them."""
    if past is None:
        back = np.cumsum(random.standard_normal(WALK_STEPS) * WALK_VOLATILITY)
        past = mark * np.exp(back[::-1])
    close = past if past.size > 1 and past[-1] == mark else np.append(past, mark)
    backward = close[::-1]
    return close, np.minimum.accumulate(backward)[::-1], np.maximum.accumulate(backward)[::-1]


@dataclass(frozen=True)
class _Side:
    """The longs or the shorts of one instrument, on their way to being opened."""

    instrument: Instrument
    sign: float
    quantity: Floats
    path: tuple[Floats, Floats, Floats]
    room: float
    extra: float
    equality: bool

    def open(self, random: np.random.Generator, mixes: Mixes, large: Flags) -> tuple[Floats, Floats]:
        """Entry prices and margins of positions that are alive today."""
        entry_price, margin = np.empty((2, self.quantity.size))
        waiting = np.arange(self.quantity.size)
        for attempt in range(REDRAWS + 1):
            quantity = self.quantity[waiting]
            entry, bar = self._enter(random, quantity.size, now=attempt == REDRAWS)
            uniform = random.random(quantity.size)
            chosen, cautious = (level[np.searchsorted(share[:-1], uniform, side="right")] for level, share in mixes)
            chosen[large[waiting]] = cautious[large[waiting]]
            asked = quantity * entry / np.minimum(chosen, self._highest_leverage(quantity, entry))
            posted = asked * (1.0 + self.extra * random.random(quantity.size))
            alive = self._alive(quantity, entry, posted, bar) | (attempt == REDRAWS)
            kept = waiting[alive]
            entry_price[kept], margin[kept] = entry[alive], posted[alive]
            if not (waiting := waiting[~alive]).size:
                break
        return entry_price, margin

    def _enter(self, random: np.random.Generator, count: int, *, now: bool) -> tuple[Floats, Indices]:
        """Entry prices, and the first close after each."""
        close = self.path[0]
        last = close.size - 1
        age = (last + 1.0) ** random.random(count) - 1.0
        moment = np.full(count, float(last)) if now else last - age
        before = np.minimum(moment.astype(np.int64), last - 1)
        log_close = np.log(close)
        entry = np.exp(log_close[before] + (moment - before) * np.diff(log_close)[before])
        return (np.full(count, close[-1]) if now else entry), before + 1

    def _highest_leverage(self, quantity: Floats, entry: Floats) -> Floats:
        tiers, notional = self.instrument.tiers, quantity * entry
        required = self.room * self._requirement(quantity, entry, entry)
        affordable = notional / np.maximum(required, 1e-9 * notional)
        allowed = tiers.max_leverage_at(self._measured(quantity, entry, entry))
        return np.where(allowed < affordable, allowed, affordable)

    def _alive(self, quantity: Floats, entry: Floats, margin: Floats, bar: Indices) -> Flags:
        """Solvent at the extremes since entry and, with room to spare, now."""
        now, (adverse, favourable) = self.path[0][-1], self.path[1:] if self.sign > 0 else self.path[:0:-1]
        looks = [(adverse[bar], 1.0), (np.full(bar.size, now), self.room)]
        if self.instrument.tiers.whole_position:  # a requirement that jumps may bind at the good extreme too
            looks.append((favourable[bar], 1.0))
        alive: Flags = margin + self.sign * quantity * (now - entry) > 0.0
        for price, factor in looks:
            equity = margin + self.sign * quantity * (price - entry)
            required = factor * self._requirement(quantity, entry, price)
            alive &= (equity > required) if self.equality else (equity >= required)
        return alive

    def _measured(self, quantity: Floats, entry: Floats, valuation: Floats) -> Floats:
        """Sizes as the tiers measure them."""
        measure = self.instrument.tiers.measure
        return quantity if measure == "contracts" else quantity * (entry if measure == "entry" else valuation)

    def _requirement(self, quantity: Floats, entry: Floats, price: Floats) -> Floats:
        """Maintenance margin at a price, closing fee included, as the margin check has it."""
        tiers = self.instrument.tiers
        valuation = entry if self.instrument.basis == "entry" else price
        measured = self._measured(quantity, entry, valuation)
        # A bankruptcy price is at most twice the price, of a short with leverage 1.
        fee = self.instrument.closing_fee * (2.0 if self.instrument.closing_fee_at == "bankruptcy" else 1.0)
        rate = tiers.rate_at(measured) + fee
        deduction = np.asarray(tiers.deduction)[tiers.tier(measured)]
        if tiers.measure == "contracts":
            deduction = deduction * valuation
        required: Floats = rate * (quantity * valuation) - deduction
        return np.where(required > 0.0, required, 0.0)


def _named(
    venue: Venue, open_interest: Mapping[str, float] | float, prices: Mapping[str, float] | Market | float
) -> tuple[list[int], list[float], list[float]]:
    """Codes, open interests and marks of the instruments that get positions."""
    symbols, assets = [one.symbol for one in venue.instruments], [one.asset for one in venue.instruments]
    marks = _table("prices", getattr(prices, "prices", prices), assets)
    found: dict[int, tuple[float, float]] = {}
    for name, interest in _table("open_interest", open_interest, assets).items():
        names = symbols if name in symbols else assets
        if names.count(name) != 1:
            raise InputError(f"open_interest[{name!r}] fits {names.count(name)} of {', '.join(symbols)}: name one")
        code = names.index(name)
        if venue.instruments[code].is_inverse:
            raise KindError(f"instruments[{code}] of a synthetic book must be linear, {symbols[code]!r} is inverse")
        if code in found:
            raise InputError(f"open_interest names {symbols[code]} twice, by symbol and by asset")
        if assets[code] not in marks:
            raise InputError(f"prices must name {assets[code]}, has {', '.join(marks) or 'nothing'}")
        mark = checks.number(f"prices[{assets[code]!r}]", marks[assets[code]], above=0.0, at_most=checks.LARGEST)
        notional = checks.number(f"open_interest[{name!r}]", interest, above=0.0, at_most=checks.LARGEST)
        if not 1 / checks.LARGEST <= notional / mark <= checks.LARGEST:
            raise InputError(f"open_interest[{name!r}] must be a quantity within float64, was {notional} at {mark}")
        found[code] = (notional, mark)
    if not found:
        raise InputError("open_interest must name at least one instrument")
    codes = sorted(found)
    return codes, [found[code][0] for code in codes], [found[code][1] for code in codes]


def _table(what: str, given: Any, assets: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    number = checks.number(what, given)
    if len(assets) != 1:
        raise InputError(f"{what} must name its assets where a venue has {len(assets)} instruments, was {number}")
    return {assets[0]: number}


def _shares(size: int, interests: Sequence[float]) -> list[int]:
    """Split the positions by open interest, largest remainders first, two at least for each."""
    spare, total = size - 2 * len(interests), sum(interests)
    if spare < 0:
        raise InputError(f"size must be >= {2 * len(interests)} (a long and a short per instrument), was {size}")
    exact = [spare * (interest / total) for interest in interests]
    counts = [int(part) for part in exact]
    by_remainder = sorted(range(len(counts)), key=lambda k: counts[k] - exact[k])
    for k in by_remainder[: spare - sum(counts)]:
        counts[k] += 1
    return [2 + count for count in counts]


def _history(history: Any, asset: str, alone: bool) -> Floats | None:
    if history is None:
        return None
    if isinstance(history, Mapping):
        if asset not in history:
            raise InputError(f"history must name {asset}, has {', '.join(map(str, history)) or 'nothing'}")
        history = history[asset]
    elif not alone:
        raise InputError("history must name its assets where several instruments have open interest")
    closes = checks.column(f"history[{asset!r}]", history)
    if not closes.size:
        raise InputError(f"history[{asset!r}] must have at least one close, was empty")
    wrong = np.flatnonzero(~((closes > 0) & (closes <= checks.LARGEST)))
    if wrong.size:
        raise InputError(f"history[{asset!r}][{wrong[0]}] must be finite and > 0, was {closes[wrong[0]]}")
    return closes
