"""The demo: one exchange, thirty shocks. Real tiers, prices and order book, synthetic positions, no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from levcore import datasets, plot
from levcore.book import Book
from levcore.cascade import shock
from levcore.errors import MissingExtraError
from levcore.instruments import LinearPerpetual
from levcore.market import Asset, Market
from levcore.venue import Backstop, FullClose, Venue

if TYPE_CHECKING:
    from levcore.outcome import Outcomes

__all__ = ["COLUMNS", "CrashTest", "aligned", "crash_test", "facts", "pictures", "rows"]

ASSET, SYMBOL = "BTC", "BTCUSDT"
REFILLS = 8.0
INSURANCE_FUND = 100e6
SHOCKS = -np.arange(1, 31) / 100
IN_TABLE = (1, 2, 3, 5, 7, 10, 12, 15, 20, 25, 30)
COLUMNS = (
    ("shock", ""),
    ("rounds", ""),
    ("liquidated", "positions"),
    ("notional", "m USDT"),
    ("final", "move"),
    ("amplified", "times"),
    ("depth", "used"),
    ("fund", "m USDT"),
    ("bad debt", "m USDT"),
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
    minutes of an hour; a fund of 100 million USDT; an index that follows the book.

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
    market = Market({ASSET: Asset(mark_price, impact=datasets.depth_curve(SYMBOL, scale=REFILLS))}, numeraire="USDT")
    return CrashTest(book, market, shock(book, market, SHOCKS), open_interest, seed)


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
    venue = (
        f"Binance's {SYMBOL} margin tiers of 2026; full close; an insurance fund of {INSURANCE_FUND / 1e6:,.0f} m USDT "
        "(assumption) takes what is left and pays deficits. Deleveraging is off: what the fund cannot pay is bad debt."
    )
    book = (
        f"{len(test.book):,} synthetic positions (seed {test.seed}); longs = shorts = {test.open_interest / 1e9:,.2f} "
        f"bn USDT, Binance's {ASSET} open interest of 7 March 2026; entries on the real hourly closes of the 90 days "
        f"before; mark price {test.market.prices[ASSET]:,.1f} USDT."
    )
    market = (
        f"Binance's {SYMBOL} order book of 8 August 2024, quantities times {REFILLS:g} (assumption: the visible book "
        f"comes back every {60 / REFILLS:g} minutes of an hour): {depth.quantity[-1]:,.0f} {ASSET} of bids within "
        f"{depth.distance[-1]:.0%}. Depth used above 1 is beyond the data, where the last slope continues."
    )
    return [("Venue", venue), ("Book", book), ("Market", market)]


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


def aligned(cells: list[tuple[str, ...]]) -> list[str]:
    """Lay the table out as plain text.

    Parameters
    ----------
    cells : list of tuple of str
        What `rows` returned.

    Returns
    -------
    list of str
        Two header lines, then a line a row, all columns flush right.
    """
    lines = [tuple(name for name, _ in COLUMNS), tuple(unit for _, unit in COLUMNS), *cells]
    widths = [max(len(line[k]) for line in lines) for k in range(len(COLUMNS))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]


def pictures(test: CrashTest, directory: Path) -> list[Path]:
    """Save the liquidation map and the amplification by shock as PNG files.

    Parameters
    ----------
    test : CrashTest
        What `crash_test` returned.
    directory : Path
        Made if it is not there; files of the same names are overwritten.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    OSError
        The directory cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as reason:
        raise MissingExtraError(plot.NEEDS) from reason
    figures = [Figure(figsize=plot.SIZE, layout="constrained") for _ in range(2)]
    plot.liquidation_map(test.book.liquidation_map(test.market.prices), ax=figures[0].subplots())
    plot.amplification(SHOCKS, test.outcome, ax=figures[1].subplots())
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / "liquidation-map.png", directory / "amplification.png"]
    for figure, path in zip(figures, paths, strict=True):
        figure.savefig(path, dpi=160)
    return paths
