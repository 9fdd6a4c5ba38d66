"""Synthetic books on the prices before a window, and what they lose to liquidations when it is replayed.

Where a record has a gap, the parts are replayed on their own, each with books drawn at its start: no return across a
gap is ever used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from crash_data import Bars, Floats, find, missing, read_bars, read_recorded
from crash_windows import HOUR, AssetWindow, StudyError, Window

import levcore as lc
from levcore.datasets import binance_tiers

POSITIONS = 50_000  # per asset and book
BOOKS = 20  # drawn with seeds 1, 2, ...
REFILL = timedelta(minutes=30)  # in which half of the order book's displacement goes
DAYS_BEFORE = 30  # at most; entries are drawn on them, and the impact's volatility and volume are theirs
LEAST_BEFORE = 24  # hours
DAY = 24
LONG, SHORT = 0, 1

# The synthetic book's mix of its largest tenth; and one with a twentieth at 10x, nobody above.
CAUTIOUS = {1: 0.25, 2: 0.20, 3: 0.20, 5: 0.15, 10: 0.12, 20: 0.08}
LOW = {1: 0.40, 2: 0.30, 3: 0.15, 5: 0.10, 10: 0.05}


@dataclass(frozen=True)
class Variant:
    """How a window is replayed."""

    name: str
    depth: float = math.inf  # the volume in the square-root law, as a share of what all venues trade
    share: float = 1.0  # of the open interest that is in the book
    extremes: bool = True
    leverage: Mapping[float, float] | None = None  # at opening; None is the book's own, retail mix
    anew: bool = False  # whether a new book is drawn at each midnight


VARIANTS = (
    Variant("retail leverage"),  # and prices as recorded: what the others differ from
    Variant("cautious leverage", leverage=CAUTIOUS),
    Variant("low leverage", leverage=LOW),
    Variant("drawn anew each day", anew=True),
    Variant("with impact", depth=1.0),
    Variant("with impact, a tenth of the volume", depth=0.1),
    Variant("half the open interest, with impact", share=0.5, depth=1.0),
    Variant("closes only", extremes=False),
)
RETAIL, CAREFUL, LEAST, ANEW = range(4)  # places in VARIANTS


@dataclass(frozen=True)
class Before:
    """An asset before the window."""

    history: Bars
    price: float  # the first of the window
    volatility: float  # of a day
    volume: float  # a day, base units, of the history's file


@dataclass(frozen=True)
class Study:
    """What the replays of a window say; US dollars."""

    window: Window
    bars: Mapping[str, Bars]
    before: Mapping[str, Before]
    notional: Floats  # variant, book, asset, hour, side
    lowest: Floats  # lowest mark: variant, book, asset
    highest: Floats
    recorded: Mapping[str, Floats]  # by hour
    positions: int

    @property
    def books(self) -> int:
        """How many were drawn."""
        return self.notional.shape[1]


def past(history: Bars, start: np.datetime64) -> Bars:
    """Return the bars that lead up to a moment without a gap and have closed by then, possibly none."""
    before = history.between(history.time[0], start - history.step + np.timedelta64(1, "ms"))
    if not len(before) or start - (before.time[-1] + history.step) >= history.step:
        return before[:0]
    return list(before.parts())[-1].between(start - np.timedelta64(DAYS_BEFORE, "D"), start)


def hourly(bars: Bars) -> Floats:
    """Return the last close and those a whole number of hours before it, oldest first."""
    each = max(1, int(HOUR / bars.step))
    return bars.close[::-1][::each][::-1]


def before_window(window: Window, asset: AssetWindow, bars: Bars, history: Bars) -> Before:
    """Return what is known of an asset before the first bar, at least a day without a gap."""
    known = past(history, bars.time[0])
    hours = len(known) * (history.step / HOUR)
    if hours < LEAST_BEFORE:
        found = f"{hours:g} hours" if len(known) else f"nothing; it has {history.time[0]} to {history.time[-1]}"
        raise StudyError(
            f"{window.name} {asset.name}: the {DAY} hours before {bars.time[0].astype('datetime64[m]')} must be in "
            f"{asset.history} without a gap, found {found.replace('.000', '')}"
        )
    moves = np.diff(np.log(hourly(known)))
    return Before(
        known,
        float(bars.open[0]),
        float(moves.std() * math.sqrt(DAY * HOUR / max(history.step, HOUR))),
        float(known.volume.sum() / hours * DAY),
    )


def market(asset: str, price: float, before: Before, volume: float) -> lc.Market:
    """Return where forced orders go: a square-root law by the volatility and volume before, or infinite depth."""
    if math.isinf(volume):
        return lc.Market({asset: lc.Asset(price, impact=lc.LinearImpact(depth=math.inf))})
    law = lc.SquareRootImpact(daily_volatility=before.volatility, daily_volume=volume * before.volume)
    rate = math.log(2.0) / (REFILL / timedelta(days=1))
    return lc.Market({asset: lc.Asset(price, impact=law, permanent=0.0, resilience=rate)})


def by_hour(window: Window, bars: Bars, outcome: lc.Outcome) -> Floats:
    """Return the notional of the forced orders, hour by hour and side; a bar belongs to the hour in which it opened."""
    hours = np.zeros((window.hours, 2))
    kept = outcome.steps_kept
    hour = np.floor((bars.time[0] + kept.time - window.start) / HOUR).astype(np.int64)
    for side, notional in ((LONG, kept.liquidated_notional_long), (SHORT, kept.liquidated_notional_short)):
        np.add.at(hours[:, side], hour, notional[0])
    return hours


def stretches(bars: Bars, *, anew: bool) -> Iterator[Bars]:
    """Stretches without a gap, and no longer than a calendar day where books are drawn anew."""
    for part in bars.parts():
        days = part.time.astype("datetime64[D]")
        breaks = np.flatnonzero(days[1:] != days[:-1]) + 1 if anew else []
        for start, end in zip([0, *breaks], [*breaks, len(part)], strict=True):
            yield part[start:end]


def replayed(
    window: Window, asset: AssetWindow, bars: Bars, history: Bars, before: Before, *, seed: int, positions: int
) -> tuple[Floats, Floats, Floats]:
    """Return what one drawn book loses (variant, hour, side), and the lowest and highest mark (variant)."""
    symbol = f"{asset.name}USDT"
    venue = lc.Venue([lc.LinearPerpetual(symbol, asset=asset.name, tiers=binance_tiers(asset.tiers or symbol))])
    total = np.zeros((len(VARIANTS), window.hours, 2))
    lowest, highest = np.full(len(VARIANTS), math.inf), np.full(len(VARIANTS), -math.inf)
    drawn: dict[Any, lc.Book] = {}
    for row, variant in enumerate(VARIANTS):
        for part in stretches(bars, anew=variant.anew):
            price = float(part.open[0])
            known = past(history, part.time[0])
            key = part.time[0], variant.share, variant.leverage and tuple(variant.leverage.items())
            if key not in drawn:
                drawn[key] = lc.Book.synthetic(
                    venue,
                    size=positions,
                    prices={asset.name: price},
                    # The same number of coins wherever it is drawn.
                    open_interest={asset.name: variant.share * asset.open_interest * (price / before.price)},
                    history={asset.name: hourly(known) if len(known) else [price]},
                    leverage=variant.leverage,
                    seed=seed,
                )
            where = market(asset.name, price, before, variant.depth * window.volume)
            extremes = {"high": {asset.name: part.high}, "low": {asset.name: part.low}} if variant.extremes else {}
            outcome = lc.replay(drawn[key], where, {asset.name: part.close}, times=part.time, **extremes)
            if outcome.error:
                raise RuntimeError(f"{window.name} {asset.name} seed {seed}, {variant.name}: {outcome.error}")
            total[row] += by_hour(window, part, outcome)
            lowest[row] = min(lowest[row], outcome.lowest_price[asset.name])
            highest[row] = max(highest[row], outcome.highest_price[asset.name])
    return total, lowest, highest


def study(folders: list[Path], window: Window, *, books: int = BOOKS, positions: int = POSITIONS) -> Study:
    """Replay a window on many drawn books, one asset at a time: without a fund nothing ties them together."""
    recorded = {one.name: read_recorded(find(folders, one.file), one, window) for one in window.recorded}
    of_window, histories, before = {}, {}, {}
    for asset in window.assets:
        read = partial(read_bars, asset=asset.name, symbol=asset.symbol, venue=asset.venue)
        bars = read(find(folders, asset.bars))
        inside = bars.between(window.start, window.end)
        refuse_too_little(window, asset, bars, inside)
        of_window[asset.name], histories[asset.name] = inside, read(find(folders, asset.history))
        before[asset.name] = before_window(window, asset, inside, histories[asset.name])
        known_tiers(window, asset)
    shape = (len(VARIANTS), books, len(window.assets))
    notional = np.zeros((*shape, window.hours, 2))
    lowest, highest = np.zeros(shape), np.zeros(shape)
    for k, asset in enumerate(window.assets):
        given = of_window[asset.name], histories[asset.name], before[asset.name]
        for i in range(books):
            told = replayed(window, asset, *given, seed=i + 1, positions=positions)
            notional[:, i, k], lowest[:, i, k], highest[:, i, k] = told
    return Study(window, of_window, before, notional, lowest, highest, recorded, positions)


def refuse_too_little(window: Window, asset: AssetWindow, bars: Bars, inside: Bars) -> None:
    """Refuse a record that lacks more than half of the window."""
    gone = missing(inside, window)
    hours = sum(float((end - start) / HOUR) for start, end in gone)
    if hours > 0.5 * window.hours:
        span = " to ".join(str(time.astype("datetime64[m]")) for time in (bars.time[0], bars.time[-1]))
        raise StudyError(
            f"{window.name} {asset.name}: {asset.bars} lacks {hours:g} of the {window.hours} hours from {window.start} "
            f"to {window.end}; it has {len(inside)} bars there, and altogether {span}"
        )


def known_tiers(window: Window, asset: AssetWindow) -> None:
    """Refuse an asset whose margin tiers are not known."""
    symbol = asset.tiers or f"{asset.name}USDT"
    try:
        binance_tiers(symbol)
    except lc.InputError as error:
        raise StudyError(
            f"{window.name} {asset.name}: {error}; give `tiers`, the symbol whose margin tiers it takes"
        ) from error
