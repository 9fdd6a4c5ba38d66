"""Recorded crashes, and what synthetic books lose to liquidations when they are replayed.

Prices are in US dollars; positions, depth and leverage are assumptions, stated beside the results. Where a record has a
gap, the parts are replayed on their own, each with books drawn at its start: no return across a gap is ever used.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import levcore as lc
from levcore.datasets import binance_tiers

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

POSITIONS = 50_000  # per asset and book
BOOKS = 20  # drawn with seeds 1, 2, ...
REFILL = timedelta(minutes=30)  # in which half of the order book's displacement goes
CAUTIOUS = {1: 0.25, 2: 0.20, 3: 0.20, 5: 0.15, 10: 0.12, 20: 0.08}  # the synthetic book's mix of its largest tenth
HOURS = 24
LONG, SHORT = 0, 1


@dataclass(frozen=True, kw_only=True)
class Crash:
    """A day, where its record lies, and what is assumed or reported of it; sources: the page docs/replays.md."""

    day: str
    title: str
    bars: str
    history: str  # the bars before the day; may be the same file
    open_interest: Mapping[str, float]  # US dollars, one side, all venues, before the crash
    volume: float  # of all venues, in the recorded one's
    reported: Mapping[str, str]  # billions of US dollars
    loans: str | None = None


CRASHES = (
    Crash(
        day="2021-05-19",
        title="19 May 2021",
        bars="crash_2021-05_spot_1m_btc_eth.csv.gz",
        history="crash_2021-05_spot_5m_btc_eth.csv.gz",
        open_interest={"BTC": 17.4e9, "ETH": 9.5e9},
        volume=10.0,
        reported={"BTC": "3.57 (both sides)", "ETH": "not found"},
        loans="aave_v2_liquidations_2020-12_2022-04.csv.gz",
    ),
    Crash(
        day="2024-08-05",
        title="5 August 2024",
        bars="crash_2024-08_perp_5m_btc_sol.csv.gz",
        history="crash_2024-08_perp_5m_btc_sol.csv.gz",
        open_interest={"BTC": 31.2e9, "SOL": 2.0e9},
        volume=3.0,
        reported={"BTC": "0.36 to 0.42 (both sides)", "SOL": "below 0.075 (both sides)"},
    ),
)


@dataclass(frozen=True)
class Variant:
    """How a crash is replayed."""

    name: str
    depth: float = math.inf  # the volume in the square-root law, as a share of what all venues trade
    extremes: bool = True
    cautious: bool = False


VARIANTS = (
    Variant("as recorded"),
    Variant("with impact", depth=1.0),
    Variant("with impact, a tenth of the volume", depth=0.1),
    Variant("as recorded, closes only", extremes=False),
    Variant("as recorded, cautious leverage", cautious=True),
)


@dataclass(frozen=True)
class Bars:
    """Bars of one asset, oldest first."""

    time: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice) -> Bars:
        return Bars(*(column[rows] for column in vars(self).values()))

    def between(self, start: np.datetime64, end: np.datetime64) -> Bars:
        """The bars that open in [start, end)."""
        return self[slice(*np.searchsorted(self.time, [start, end]))]

    @property
    def step(self) -> np.timedelta64:
        """Time between neighbouring bars."""
        return np.diff(self.time).min()

    def parts(self) -> Iterator[Bars]:
        """Stretches without a gap."""
        breaks = np.flatnonzero(np.diff(self.time) != self.step) + 1 if len(self) > 1 else []
        for start, end in zip([0, *breaks], [*breaks, len(self)], strict=True):
            yield self[start:end]


@dataclass(frozen=True)
class Study:
    """What the replays of a crash say; US dollars."""

    crash: Crash
    bars: Mapping[str, Bars]
    notional: Floats  # variant, book, asset, hour, side
    lowest: Floats  # mark price: variant, book, asset
    loans: Floats | None  # hour


def read_bars(path: Path) -> dict[str, Bars]:
    """Return a file's bars by asset."""
    with gzip.open(path, "rt", encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("open", "high", "low", "close", "volume")
    found = {}
    for asset in dict.fromkeys(row["symbol"] for row in rows):
        mine = [row for row in rows if row["symbol"] == asset]
        time = np.array([int(row["ts_ms"]) for row in mine]).astype("datetime64[ms]").astype("datetime64[m]")
        found[asset] = Bars(time, *(np.array([float(row[name]) for row in mine]) for name in names))
    return found


def read_loans(path: Path, day: np.datetime64) -> Floats:
    """Return the collateral that liquidators of loans took, hour by hour; what has no price counts nothing."""
    hours = np.zeros(HOURS)
    with gzip.open(path, "rt", encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            hour = (np.datetime64(int(row["ts_ms"]), "ms") - day) // np.timedelta64(1, "h")
            if 0 <= hour < HOURS:
                hours[hour] += float(row["collateral_usd"] or row["debt_usd"] or 0.0)
    return hours


def past(history: Bars, start: np.datetime64) -> Bars:
    """Return the bars that lead up to a moment without a gap, possibly none."""
    before = history.between(history.time[0], start)
    if not len(before) or before.time[-1] + history.step != start:
        return before[:0]
    return list(before.parts())[-1]


def hourly(bars: Bars) -> Floats:
    """Return the last close and those a whole number of hours before it, oldest first."""
    each = int(np.timedelta64(1, "h") / bars.step) if len(bars) > 1 else 1
    return bars.close[::-1][::each][::-1]


def market(asset: str, price: float, before: Bars, volume: float) -> lc.Market:
    """Return where forced orders go: a square-root law by the volatility and volume before the crash, or no impact.

    `volume` multiplies the recorded volume; infinity, or no bars before, is infinite depth.
    """
    if math.isinf(volume) or len(before) < 2:
        return lc.Market({asset: lc.Asset(price, impact=lc.LinearImpact(depth=math.inf))})
    days = len(before) * (before.step / np.timedelta64(1, "D"))
    law = lc.SquareRootImpact(
        daily_volatility=float(np.diff(np.log(hourly(before))).std() * math.sqrt(HOURS)),
        daily_volume=float(volume * before.volume.sum() / days),
    )
    rate = math.log(2.0) / (REFILL / timedelta(days=1))
    return lc.Market({asset: lc.Asset(price, impact=law, permanent=0.0, resilience=rate)})


def by_hour(bars: Bars, outcome: lc.Outcome, day: np.datetime64) -> Floats:
    """Return the notional of the forced orders, hour by hour and side; a bar belongs to the hour in which it opened."""
    hours = np.zeros((HOURS, 2))
    kept = outcome.steps_kept
    hour = (bars.time[0] + kept.time - day) // np.timedelta64(1, "h")
    for side, notional in ((LONG, kept.liquidated_notional_long), (SHORT, kept.liquidated_notional_short)):
        np.add.at(hours[:, side], hour.astype(np.int64), notional[0])
    return hours


def replayed(
    crash: Crash, asset: str, bars: Bars, history: Bars, *, seed: int, positions: int
) -> tuple[Floats, Floats]:
    """Return the notional that one drawn book loses (variant, hour, side), and the lowest mark (variant)."""
    venue = lc.Venue([lc.LinearPerpetual(f"{asset}USDT", asset=asset, tiers=binance_tiers(f"{asset}USDT"))])
    day = np.datetime64(crash.day)
    total, lowest = np.zeros((len(VARIANTS), HOURS, 2)), np.full(len(VARIANTS), math.inf)
    for part in bars.parts():
        price, before = float(part.open[0]), past(history, part.time[0])
        drawn: dict[str, Any] = {
            "size": positions,
            "prices": {asset: price},
            "open_interest": {asset: crash.open_interest[asset]},
            "history": {asset: hourly(before) if len(before) else [price]},
            "seed": seed,
        }
        books = [lc.Book.synthetic(venue, **drawn, leverage=mix) for mix in (None, CAUTIOUS)]
        for row, variant in enumerate(VARIANTS):
            where = market(asset, price, before, variant.depth * crash.volume)
            extremes = {"high": {asset: part.high}, "low": {asset: part.low}} if variant.extremes else {}
            outcome = lc.replay(books[variant.cautious], where, {asset: part.close}, times=part.time, **extremes)
            if outcome.error:
                raise RuntimeError(f"{crash.day} {asset} seed {seed}: {outcome.error}")
            total[row] += by_hour(part, outcome, day)
            lowest[row] = min(lowest[row], outcome.lowest_price[asset])
    return total, lowest


def study(data: Path, crash: Crash, *, books: int, positions: int) -> Study:
    """Replay a crash on many drawn books, one asset at a time: without a fund nothing ties them together."""
    recorded, history = read_bars(data / crash.bars), read_bars(data / crash.history)
    day, assets = np.datetime64(crash.day), tuple(crash.open_interest)
    of_day = {asset: recorded[asset].between(day, day + np.timedelta64(1, "D")) for asset in assets}
    notional = np.zeros((len(VARIANTS), books, len(assets), HOURS, 2))
    lowest = np.zeros((len(VARIANTS), books, len(assets)))
    for k, asset in enumerate(assets):
        for i in range(books):
            told = replayed(crash, asset, of_day[asset], history[asset], seed=i + 1, positions=positions)
            notional[:, i, k], lowest[:, i, k] = told
    return Study(crash, of_day, notional, lowest, read_loans(data / crash.loans, day) if crash.loans else None)
