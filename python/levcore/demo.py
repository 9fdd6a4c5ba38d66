"""The demo: one exchange, thirty shocks and a day of many paths. Real tiers, prices and order book, no network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from levcore import datasets, plot, report
from levcore.backstop import Backstop
from levcore.book import Book
from levcore.cascade import shock
from levcore.display import money
from levcore.errors import MissingExtraError
from levcore.instruments import LinearPerpetual
from levcore.liquidation import FullClose
from levcore.market import Asset, Market
from levcore.montecarlo import simulate
from levcore.outcomes import Outcomes
from levcore.report_numbers import MEASURES, headline
from levcore.runs import Runs
from levcore.scenario import GBM
from levcore.venue import Venue

__all__ = ["COLUMNS", "CrashTest", "annual_volatility", "crash_test", "facts", "numbers", "one_day", "rows", "save"]

ASSET, SYMBOL = "BTC", "BTCUSDT"
REFILLS = 8.0
RESILIENCE = 24.0
INSURANCE_FUND = 100e6
SHOCKS = -np.arange(1, 31) / 100
IN_TABLE = (1, 2, 3, 5, 7, 10, 12, 15, 20, 25, 30)
STEP, STEPS = timedelta(minutes=1), 1_440
HOURS_A_YEAR = 365 * 24
COLUMNS = (
    ("shock", ""),
    ("rounds", ""),
    ("liquidated", "positions"),
    ("notional", "M USDT"),
    ("final", "move"),
    ("amplified", "times"),
    ("depth", "used"),
    ("fund", "M USDT"),
    ("bad debt", "M USDT"),
)


@dataclass(frozen=True)
class CrashTest:
    """A book, its market, and what thirty shocks did to them."""

    book: Book
    market: Market
    outcome: Outcomes
    open_interest: float
    seed: int


def crash_test(positions: int = 1_000_000, seed: int = 1) -> CrashTest:
    """Draw a synthetic BTCUSDT book and shock it by -1 % to -30 %.

    Parameters
    ----------
    positions : int
        Size of the book, at least 2.
    seed : int
        Seed of the book, 0 <= seed < 2**64.

    Returns
    -------
    CrashTest
        The outcome is a batch, one entry for each of `SHOCKS`.

    Raises
    ------
    InputError, KindError, TooLargeError
        As `Book.synthetic`.

    Notes
    -----
    Source of the tiers, closes, open interest and order book: `levcore.datasets`. Assumptions: the
    positions (`levcore.synthetic.draw`); the visible order book counts eight times, as if it came back every 7.5
    minutes of an hour; on a path it refills at a rate of 24 a day; a fund of 100 million USDT; an index that follows
    the book.

    Examples
    --------
    >>> from levcore.demo import crash_test
    >>> crash_test(positions=1_000).outcome.rounds.shape
    (30,)
    """
    closes = datasets.prices(ASSET)
    mark_price, open_interest = float(closes[-1]), datasets.open_interest(ASSET)
    venue = Venue(
        [LinearPerpetual(SYMBOL, asset=ASSET, tiers=datasets.binance_tiers(SYMBOL))],
        liquidation=FullClose(),
        backstop=Backstop(insurance_fund=INSURANCE_FUND, deleveraging=False),
        remainder="fund",
    )
    book = Book.synthetic(
        venue,
        size=positions,
        prices={ASSET: mark_price},
        open_interest={ASSET: open_interest},
        seed=seed,
        history={ASSET: closes},
    )
    depth = datasets.depth_curve(SYMBOL, scale=REFILLS)
    asset = Asset(mark_price, impact=depth, permanent=0.0, resilience=RESILIENCE)
    market = Market({ASSET: asset}, numeraire="USDT")
    return CrashTest(book, market, shock(book, market, SHOCKS), open_interest, seed)


def annual_volatility() -> tuple[float, float, float]:
    """Estimate the volatility of the shipped hourly closes.

    Returns
    -------
    tuple of float
        The estimate and its 95 % interval, per square root of a year of 365 days.

    Notes
    -----
    Standard deviation of log returns; its variance by the fourth moment, as the returns are not normal (the delta
    method: ``(kurtosis - 1)/(4*n)`` relative). Dependence between hours is left out.

    Examples
    --------
    >>> from levcore.demo import annual_volatility
    >>> [round(number, 3) for number in annual_volatility()]
    [0.507, 0.474, 0.54]
    """
    deviation, kurtosis, n = _hours()
    value, spread = deviation * math.sqrt(HOURS_A_YEAR), 1.96 * math.sqrt((kurtosis - 1) / (4 * n))
    return value, value * (1 - spread), value * (1 + spread)


def _hours() -> tuple[float, float, int]:
    """Return the standard deviation, the kurtosis and the number of the hourly log returns."""
    returns = np.diff(np.log(datasets.prices(ASSET)))
    centred = returns - returns.mean()
    return float(returns.std(ddof=1)), float((centred**4).mean() / (centred**2).mean() ** 2), len(returns)


def one_day(test: CrashTest, paths: int = 1_000, progress: Callable[[int, int], object] | None = None) -> Runs:
    """Simulate a day of the crash test's book, minute by minute.

    Parameters
    ----------
    test : CrashTest
        What `crash_test` returned; its seed is that of the paths.
    paths : int
        How many, >= 1.
    progress : callable, optional
        Called as progress(done, total).

    Returns
    -------
    Runs
        Of geometric Brownian motion with `annual_volatility`, with its steps kept.

    Raises
    ------
    InputError, KindError, TooLargeError
        As `levcore.simulate`.

    Examples
    --------
    >>> from levcore.demo import crash_test, one_day
    >>> one_day(crash_test(positions=1_000), paths=2).steps
    1440
    """
    process = GBM(round(annual_volatility()[0], 3))
    return simulate(
        test.book,
        test.market,
        process,
        paths=paths,
        steps=STEPS,
        step=STEP,
        seed=test.seed,
        keep_steps=True,
        progress=progress,
    )


def facts(test: CrashTest) -> list[tuple[str, str]]:
    """Say what is real, what is drawn and what is assumed, by topic.

    Parameters
    ----------
    test : CrashTest
        What `crash_test` returned.

    Returns
    -------
    list of (str, str)
        Topic and sentence.
    """
    depth = datasets.depth_curve(SYMBOL, scale=REFILLS)
    volatility, low, high = (100 * number for number in annual_volatility())
    _, kurtosis, hours = _hours()
    venue = (
        f"Binance's {SYMBOL} margin tiers of 2026; full close; an insurance fund of {money(INSURANCE_FUND)} USDT "
        "(assumption) takes what is left and pays deficits. Deleveraging is off: what the fund cannot pay is bad debt."
    )
    book = (
        f"{len(test.book):,} synthetic positions (seed {test.seed}); longs = shorts = {money(test.open_interest)} "
        f"USDT, Binance's {ASSET} open interest of 7 March 2026; entries on the real hourly closes of the 90 days "
        f"before; mark price {test.market.prices[ASSET]:,.1f} USDT."
    )
    market = (
        f"Binance's {SYMBOL} order book of 8 August 2024, quantities times {REFILLS:g} (assumption: the visible book "
        f"comes back every {60 / REFILLS:g} minutes of an hour): {depth.quantity[-1]:,.0f} {ASSET} of bids within "
        f"{100 * depth.distance[-1]:g} %. Depth used above 1 is beyond the data, where the last slope continues. On a "
        f"path it refills at a rate of {RESILIENCE:g} a day (assumption): after an hour "
        f"{100 * math.exp(-RESILIENCE / 24):.0f} % of what was sold still weighs on the price."
    )
    day = (
        f"{STEPS:,} minutes; geometric Brownian motion without drift, its volatility {volatility:.1f} % a year (95 % "
        f"interval {low:.1f} to {high:.1f} %), that of {hours:,} hourly returns of Binance's {SYMBOL}, 5 December 2025 "
        f"to 5 March 2026. Real hours have fatter tails (kurtosis {kurtosis:.1f}, here 3), and real prices jump: that "
        "is what the shocks are for. No funding."
    )
    return [("Venue", venue), ("Book", book), ("Market", market), ("Day", day)]


def rows(test: CrashTest) -> list[tuple[str, ...]]:
    """Give the table's cells, one row a shock, in the order of `COLUMNS`.

    Parameters
    ----------
    test : CrashTest
        What `crash_test` returned.

    Returns
    -------
    list of tuple of str
        A choice of the shocks that were run.
    """
    outcome, start = test.outcome, test.market.prices[ASSET]
    return [
        (
            f"{SHOCKS[k]:.0%}",
            f"{outcome.rounds[k]:,}",
            f"{outcome.liquidated_count[k]:,}",
            f"{outcome.liquidated_notional[k] / 1e6:,.1f}",
            f"{outcome.final_price[ASSET][k] / start - 1:.1%}",
            f"{outcome.amplification[ASSET][k]:.2f}",
            f"{outcome.depth_used[ASSET][k]:.2f}",
            f"{outcome.insurance_fund[k] / 1e6:,.1f}",
            f"{outcome.bad_debt[k] / 1e6:,.1f}",
        )
        for k in (percent - 1 for percent in IN_TABLE)
    ]


def numbers(runs: Runs) -> list[tuple[str, str, str]]:
    """Give the headline numbers of simulated paths, those of the report.

    Parameters
    ----------
    runs : Runs
        What `one_day` returned.

    Returns
    -------
    list of (str, str, str)
        What it is, the estimate with its unit, its 95 % interval.
    """
    top = headline(runs)
    listed = [(name, number.value, number.interval) for name, number in top.large]
    for name, row in top.rows:
        names = [name] if len(row) == 1 else [f"{name}, {measure}" for measure in MEASURES]
        listed += [
            (each, number.value if number.value == "unknown" else f"{number.value} {runs.numeraire}", number.interval)
            for each, number in zip(names, row, strict=True)
        ]
    return listed


def save(test: CrashTest, runs: Runs, directory: Path) -> list[Path]:
    """Write the report, and the liquidation map and the amplification by shock as PNG files.

    Parameters
    ----------
    test : CrashTest
        What `crash_test` returned.
    runs : Runs
        What `one_day` returned.
    directory : Path
        Made if it is not there; files of the same names are overwritten.

    Returns
    -------
    list of Path
        The three files, the report first.

    Raises
    ------
    MissingExtraError
        matplotlib, jinja2 or plotly is not installed.
    OSError
        The directory cannot be written.
    """
    need_extras()
    from matplotlib.figure import Figure

    directory.mkdir(parents=True, exist_ok=True)
    figures = [Figure(figsize=plot.SIZE, layout="constrained") for _ in range(2)]
    plot.liquidation_map(test.book.liquidation_map(test.market.prices), ax=figures[0].subplots())
    plot.amplification(SHOCKS, test.outcome, ax=figures[1].subplots())
    paths = [directory / "liquidation-map.png", directory / "amplification.png"]
    for figure, path in zip(figures, paths, strict=True):
        figure.savefig(path, dpi=160)
    title = f"{SYMBOL}: one day of {len(test.book):,} positions"
    notes = dict(facts(test))
    return [report.write(runs, directory / "report.html", title=title, shocks=test.outcome, notes=notes), *paths]


def need_extras() -> None:
    """Raise MissingExtraError where the report or the pictures could not be made."""
    for needed, message in (("matplotlib", plot.NEEDS), ("jinja2", report.NEEDS), ("plotly", report.NEEDS)):
        if find_spec(needed) is None:
            raise MissingExtraError(message)
