"""Backtests under a venue's rules: who would have been liquidated, when and at what cost; equity without them."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import levcore as lc
from levcore import datasets

TIERS = lc.MarginTiers(floor=[0], maintenance_rate=[0.01])
VENUE = lc.Venue([lc.LinearPerpetual("X-P", asset="X", tiers=TIERS)], liquidation=lc.FullClose(fee_rate=0.005))
KIND = lc.Venue(
    [lc.LinearPerpetual("X-P", asset="X", tiers=TIERS)],
    liquidation=lc.FullClose(fee_rate=0.005),
    remainder="trader",
)
#: A long of 10 from 100 at ten times: margin 100, liquidated at 90 / 0.99 = 90.909...
LIQUIDATED_AT = (100.0 - 10.0) / 0.99


def statistics(size: float, bars: pd.DataFrame, *, first: int, last: int, end: float, cash: float = 1_000.0) -> Any:
    """What backtesting.py returns of one trade, entered at the open of a bar, without commission."""
    entry = float(bars["Open"].iloc[first])
    profit = size * (end - entry)
    close = bars["Close"].to_numpy()
    equity = np.full(len(bars), cash)
    equity[first:last] += size * (close[first:last] - entry)
    equity[last:] += profit
    trade = {"Size": size, "EntryBar": first, "ExitBar": last, "EntryPrice": entry, "ExitPrice": end, "PnL": profit}
    return {"_trades": pd.DataFrame([trade]), "_equity_curve": pd.DataFrame({"Equity": equity}, bars.index)}


def day(close: list[float], low: dict[int, float] | None = None, high: dict[int, float] | None = None) -> pd.DataFrame:
    opened = [close[0], *close[:-1]]
    frame = pd.DataFrame({"Open": opened, "High": np.maximum(opened, close), "Low": np.minimum(opened, close)})
    frame["Close"] = close
    for at, price in (low or {}).items():
        frame.loc[at, "Low"] = price
    for at, price in (high or {}).items():
        frame.loc[at, "High"] = price
    return frame


def portfolio(close: pd.Series | pd.DataFrame, orders: list[tuple[int, int, float, float]], cash: float) -> Any:
    """What vectorbt returns of orders (column, bar, signed size, fees) filled at closes."""
    table = np.asarray(close, dtype=float).reshape(len(close), -1)
    records = pd.DataFrame(
        [
            {
                "id": n,
                "col": k,
                "idx": at,
                "size": abs(size),
                "price": table[at, k],
                "fees": fees,
                "side": int(size < 0),
            }
            for n, (k, at, size, fees) in enumerate(orders)
        ],
        columns=["id", "col", "idx", "size", "price", "fees", "side"],
    )
    value = np.full(table.shape, cash)
    for k, at, size, fees in orders:
        value[at:, k] += size * (table[at:, k] - table[at, k]) - fees
    shaped = pd.Series(value[:, 0], close.index) if close.ndim == 1 else pd.DataFrame(value, close.index, close.columns)
    columns = [close.name] if close.ndim == 1 else list(close.columns)
    wrapper = SimpleNamespace(columns=columns)
    return SimpleNamespace(orders=SimpleNamespace(records=records), close=close, value=lambda: shaped, wrapper=wrapper)


# --- Trades of backtesting.py -----------------------------------------------------------------------------------------


def test_a_wick_that_no_close_shows_liquidates_a_trade_and_its_profit_is_gone() -> None:
    bars = day([100.0, 100.0, 99.0, 104.0, 110.0, 110.0], low={2: 90.0})
    stats = statistics(10.0, bars, first=1, last=5, end=110.0)
    found = lc.adapters.backtesting.audit(stats, bars, venue=VENUE, leverage=10.0)
    row = {name: found.liquidations[name][0] for name in found.liquidations.columns}
    assert (row["bar"], row["on_a_wick"], row["margin"], row["loss"]) == (2, True, 100.0, 100.0)
    assert row["liquidation_price"] == pytest.approx(LIQUIDATED_AT)
    assert row["fill_price"] == pytest.approx(LIQUIDATED_AT)
    assert row["backtest_profit"] == 100.0
    assert found.equity.tolist() == [1_000.0, 1_000.0, 900.0, 900.0, 900.0, 900.0]
    assert found.backtest_equity.iloc[-1] == 1_100.0
    assert "1 of 1 position would have been liquidated" in repr(found)


def test_what_is_left_after_the_fee_goes_back_where_the_venue_gives_it() -> None:
    bars = day([100.0, 100.0, 99.0, 104.0], low={2: 90.0})
    stats = statistics(10.0, bars, first=1, last=3, end=99.0)
    found = lc.adapters.backtesting.audit(stats, bars, venue=KIND, leverage=10.0)
    left = 100.0 + 10.0 * (LIQUIDATED_AT - 100.0) - 0.005 * 10.0 * LIQUIDATED_AT
    assert found.liquidations["loss"][0] == pytest.approx(100.0 - left)
    assert found.equity.iloc[-1] == pytest.approx(1_000.0 - 100.0 + left)


def test_a_bar_that_opens_beyond_the_price_fills_there_and_the_margin_is_all_that_is_lost() -> None:
    bars = day([100.0, 100.0, 80.0, 120.0])
    bars.loc[2, ["Open", "High", "Low"]] = [80.0, 81.0, 79.0]
    stats = statistics(10.0, bars, first=1, last=3, end=80.0)
    found = lc.adapters.backtesting.audit(stats, bars, venue=KIND, leverage=10.0)
    assert found.liquidations["fill_price"][0] == 80.0
    assert found.liquidations["loss"][0] == 100.0


def test_a_short_is_asked_at_the_highs_and_a_trade_that_was_left_before_is_not_asked() -> None:
    bars = day([100.0, 100.0, 101.0, 100.0, 100.0], high={3: 112.0})
    short = statistics(-10.0, bars, first=1, last=4, end=100.0)
    assert lc.adapters.backtesting.audit(short, bars, venue=VENUE, leverage=10.0).liquidations["bar"].tolist() == [3]
    left = statistics(-10.0, bars, first=1, last=3, end=101.0)  # at the open of the bar with the wick
    assert len(lc.adapters.backtesting.audit(left, bars, venue=VENUE, leverage=10.0).liquidations) == 0


def test_the_bar_of_the_entry_is_asked_too() -> None:
    bars = day([100.0, 100.0, 101.0, 102.0], low={1: 90.0})
    stats = statistics(10.0, bars, first=1, last=3, end=101.0)
    assert lc.adapters.backtesting.audit(stats, bars, venue=VENUE, leverage=10.0).liquidations["bar"].tolist() == [1]


def test_in_cross_margin_the_whole_equity_backs_a_trade() -> None:
    bars = day([100.0, 100.0, 99.0, 104.0, 104.0], low={2: 60.0})
    stats = statistics(10.0, bars, first=1, last=4, end=104.0)
    assert len(lc.adapters.backtesting.audit(stats, bars, venue=VENUE, leverage=10.0, mode="cross").liquidations) == 0
    poor = statistics(10.0, bars, first=1, last=4, end=104.0, cash=300.0)
    found = lc.adapters.backtesting.audit(poor, bars, venue=VENUE, leverage=10.0, mode="cross")
    assert found.liquidations["liquidation_price"][0] == pytest.approx((100.0 - 30.0) / 0.99)
    assert found.equity.tolist() == [300.0, 300.0, 0.0, 0.0, 0.0]
    assert found.ruined == {"X-P": 2}


def test_a_backtest_without_leverage_is_left_as_it_is() -> None:
    bars = day([100.0, 100.0, 60.0, 104.0, 104.0])
    stats = statistics(10.0, bars, first=1, last=4, end=104.0)
    found = lc.adapters.backtesting.audit(stats, bars, venue=VENUE, leverage=1.0)
    assert len(found.liquidations) == 0
    assert found.equity.tolist() == found.backtest_equity.tolist()


# --- Orders of vectorbt -----------------------------------------------------------------------------------------------


def test_orders_from_flat_to_flat_are_a_position_and_orders_after_a_liquidation_are_left_out() -> None:
    close = pd.Series([100.0, 100.0, 99.0, 103.0, 104.0, 104.0, 110.0], name="a")
    low = close.copy()
    low[2] = 90.0
    orders = [(0, 0, 10.0, 1.0), (0, 3, 5.0, 0.5), (0, 4, -15.0, 1.5), (0, 5, 10.0, 1.0)]
    found = lc.adapters.vectorbt.audit(portfolio(close, orders, 1_000.0), low=low, venue=VENUE, leverage=10.0)
    assert (found.positions, found.liquidations["bar"].tolist()) == (2, [2])
    # 1 of fees and 100 of margin are gone; the second position makes 60 and pays 1.
    assert found.equity.tolist() == pytest.approx([999.0, 999.0, 899.0, 899.0, 899.0, 898.0, 958.0])


def test_a_position_that_grew_is_liquidated_by_its_average_price() -> None:
    close = pd.Series([100.0, 110.0, 105.0, 105.0], name="a")
    low = close.copy()
    low[3] = 95.0
    orders = [(0, 0, 10.0, 0.0), (0, 1, 10.0, 0.0)]
    found = lc.adapters.vectorbt.audit(portfolio(close, orders, 1_000.0), low=low, venue=VENUE, leverage=10.0)
    assert found.liquidations["entry_price"].tolist() == [105.0]
    assert found.liquidations["liquidation_price"][0] == pytest.approx(105.0 * 0.9 / 0.99)


def test_an_order_that_turns_a_position_round_ends_it_and_begins_another() -> None:
    close = pd.Series([100.0, 102.0, 101.0, 100.0], name="a")
    high = close.copy()
    high[2] = 120.0
    orders = [(0, 0, 10.0, 0.0), (0, 1, -20.0, 0.0), (0, 3, 10.0, 0.0)]
    found = lc.adapters.vectorbt.audit(portfolio(close, orders, 1_000.0), high=high, venue=VENUE, leverage=10.0)
    assert found.positions == 2
    assert (found.liquidations["position"].tolist(), found.liquidations["quantity"].tolist()) == ([1], [-10.0])
    assert found.equity.tolist() == pytest.approx([1_000.0, 1_020.0, 918.0, 918.0])


def test_columns_are_audited_on_their_own() -> None:
    close = pd.DataFrame({"calm": [100.0, 99.0, 101.0], "wild": [100.0, 80.0, 120.0]})
    orders = [(0, 0, 1.0, 0.0), (1, 0, 1.0, 0.0)]
    found = lc.adapters.vectorbt.audit(portfolio(close, orders, 100.0), venue=VENUE, leverage=10.0)
    assert found.liquidations["column"].tolist() == ["wild"]
    assert found.equity["calm"].tolist() == [100.0, 99.0, 101.0]
    assert found.equity["wild"].tolist() == [100.0, 90.0, 90.0]


# --- What is refused --------------------------------------------------------------------------------------------------

BARS = day([100.0, 100.0, 99.0])
STATS = statistics(10.0, BARS, first=1, last=2, end=100.0)
CLOSE = pd.Series([100.0, 101.0, 102.0], name="a")
BOUGHT = portfolio(CLOSE, [(0, 0, 1.0, 0.0)], 100.0)


@pytest.mark.parametrize(
    ("stats", "bars", "options", "message"),
    [
        ({}, BARS, {}, "must have _trades and _equity_curve"),
        (STATS, BARS.drop(columns="Low"), {}, "data must have a column Low"),
        (STATS, BARS[:2], {}, "data must have 3 bars, as the backtest has, had 2"),
        (STATS, BARS.assign(Low=-1.0), {}, r"data\.low\[0\] must be a price > 0, was -1"),
        (STATS, BARS + 50.0, {}, "trade 0 is entered at 100.0, which bar 1 does not have"),
        (STATS, 3, {}, "data must be a data frame"),
        (STATS, BARS, {"leverage": 0.5}, "leverage must be >= 1"),
        (STATS, BARS, {"mode": "both"}, "mode must be"),
        (STATS, BARS, {"instrument": "Y"}, "instrument must be one of the venue's: X-P; was 'Y'"),
    ],
)
def test_a_backtest_that_cannot_be_read_is_refused(stats: Any, bars: Any, options: Any, message: str) -> None:
    with pytest.raises(lc.LevcoreError, match=message):
        lc.adapters.backtesting.audit(stats, bars, **({"venue": VENUE, "leverage": 10.0} | options))


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (3, {}, "portfolio must be a vectorbt"),
        (BOUGHT, {"low": CLOSE[:2]}, "low must be shaped as the portfolio's close"),
        (BOUGHT, {"low": CLOSE + 1.0}, r"low\[0, 0\] contradicts the close of 100"),
        (BOUGHT, {"high": CLOSE - 1.0}, r"high\[0, 0\] contradicts the close of 100"),
        (BOUGHT, {"high": CLOSE * np.nan}, r"high\[0, 0\] must be a price > 0, was nan"),
    ],
)
def test_a_portfolio_that_cannot_be_read_is_refused(given: Any, options: Any, message: str) -> None:
    with pytest.raises(lc.LevcoreError, match=message):
        lc.adapters.vectorbt.audit(given, **({"venue": VENUE, "leverage": 10.0} | options))


INVERSE = lc.Venue([lc.InversePerpetual("X-P", asset="X", contract_value=1.0, tiers=TIERS)])
WITH_COINS = lc.Venue([lc.LinearPerpetual("X-P", asset="X", tiers=TIERS)], collateral={"X": 0.9})


@pytest.mark.parametrize("make", [lc.adapters.nautilus.margin_model, lc.adapters.nautilus.liquidation])
@pytest.mark.parametrize(
    ("venue", "symbols", "message"),
    [
        ("X", None, "venue must be a Venue, was str 'X'"),
        (INVERSE, None, r"venue\.instruments\[0\] must be linear, X-P is inverse"),
        (WITH_COINS, None, "venue must take no collateral in other coins, takes X"),
        (VENUE, ["X"], "symbols must be a mapping of instrument ids to symbols, was list"),
        (VENUE, {"X.Y": "Z"}, r"symbols\['X.Y'\] must be one of the venue's: X-P; was 'Z'"),
    ],
)
def test_rules_that_a_venue_of_nautilus_cannot_follow_are_refused(
    make: Any, venue: Any, symbols: Any, message: str
) -> None:
    with pytest.raises(lc.LevcoreError, match=message):
        make(venue, symbols=symbols)


@pytest.mark.parametrize("make", [lc.adapters.nautilus.margin_model, lc.adapters.nautilus.liquidation])
def test_without_nautilus_it_is_said_what_to_install(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("levcore.adapters._nautilus", "levcore.adapters._nautilus_margin"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "nautilus_trader", None)
    with pytest.raises(lc.MissingExtraError, match=r"on Python 3\.12 or later: pip install \"levcore\[nautilus\]\""):
        make(VENUE)


# --- The libraries themselves, on real prices -------------------------------------------------------------------------


def evening() -> pd.DataFrame:
    """Minutes of ETH from 20:00 to 23:59 on 22 June 2025: at 20:09 the low is 2,118.00, the lowest close 2,125.94."""
    bars = datasets.minute_bars("ETH")
    frame = pd.DataFrame({"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close}, bars.time)
    return frame["2025-06-22 20:00":"2025-06-22 23:59"].assign(Volume=1.0)


def by_hand(entry: float, leverage: float) -> float:
    """A long's liquidation price in the first tier of ETHUSDT: entry (1 - 1 / leverage) / (1 - rate)."""
    return entry * (1.0 - 1.0 / leverage) / (1.0 - datasets.binance_tiers("ETHUSDT").maintenance_rate[0])


@pytest.mark.long
def test_vectorbt_shows_a_profit_where_a_wick_had_ended_the_position() -> None:
    import vectorbt

    bars = evening()
    entries = pd.Series(np.arange(len(bars)) == 0, bars.index)
    bought = vectorbt.Portfolio.from_signals(bars["Close"], entries, init_cash=1_000.0, size=10_000.0 / 2_200.0)
    venue = lc.Venue([lc.LinearPerpetual("ETHUSDT", asset="ETH", tiers=datasets.binance_tiers("ETHUSDT"))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = lc.adapters.vectorbt.audit(bought, low=bars["Low"], high=bars["High"], venue=venue, leverage=30.0)
    size = float(bought.orders.records["size"].iloc[0])
    entry = float(bars["Close"].iloc[0])
    price = by_hand(entry, 30.0)
    assert 2_118.0 < price < 2_125.94
    assert found.liquidations["liquidation_price"].tolist() == pytest.approx([price])
    assert bars.index[found.liquidations["bar"][0]] == pd.Timestamp("2025-06-22 20:09")
    assert found.liquidations["on_a_wick"].tolist() == [True]
    assert found.backtest_equity.iloc[-1] == pytest.approx(1_000.0 + size * (float(bars["Close"].iloc[-1]) - entry))
    assert found.equity.iloc[-1] == pytest.approx(1_000.0 - size * entry / 30.0)


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_backtesting_shows_a_profit_where_a_wick_had_ended_the_trade() -> None:
    from backtesting import Strategy
    from backtesting.lib import FractionalBacktest

    class Buy(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            if len(self.data) == 2:
                self.buy(size=0.9)

    bars = evening()
    ran = FractionalBacktest(bars, Buy, cash=1_000.0, margin=1 / 30, finalize_trades=True).run()
    venue = lc.Venue([lc.LinearPerpetual("ETHUSDT", asset="ETH", tiers=datasets.binance_tiers("ETHUSDT"))])
    found = lc.adapters.backtesting.audit(ran, bars, venue=venue, leverage=30.0)
    entry = float(ran["_trades"]["EntryPrice"].iloc[0])
    size = float(ran["_trades"]["Size"].iloc[0])
    assert found.liquidations["liquidation_price"].tolist() == pytest.approx([by_hand(entry, 30.0)])
    assert bars.index[found.liquidations["bar"][0]] == pd.Timestamp("2025-06-22 20:09")
    assert float(ran["Equity Final [$]"]) > 1_000.0
    assert found.equity.iloc[-1] == pytest.approx(1_000.0 - size * entry / 30.0)


def example(section: str) -> dict[str, Any]:
    """What the example in a section of the page leaves."""
    page = (Path(__file__).parents[1] / "docs" / "adapters.md").read_text(encoding="utf-8")
    (block,) = re.findall(
        r"^```py\n(.*?)^```$", page.partition(f"## {section}\n")[2].partition("\n## ")[0], re.M | re.S
    )
    names: dict[str, Any] = {}
    exec(compile(block, "adapters.md", "exec"), names)
    return names


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_the_example_of_vectorbt_says_what_the_page_works_out_by_hand() -> None:
    found = example("vectorbt")["found"]
    assert found.liquidations["entry_price"].tolist() == [2_183.03]
    assert found.liquidations["liquidation_price"].round(2).tolist() == [2_118.74]
    assert str(found.equity.index[found.liquidations["bar"][0]]) == "2025-06-22 20:09:00"
    assert found.backtest_equity.iloc[-1] > 1_000.0 > found.equity.iloc[-1]


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_the_example_of_backtesting_says_what_the_page_works_out_by_hand() -> None:
    names = example("backtesting.py")
    found = names["found"]
    assert found.liquidations["entry_price"].tolist() == [2_185.26]
    assert found.liquidations["liquidation_price"].round(2).tolist() == [2_120.90]
    assert found.liquidations["margin"].round(6).tolist() == [900.0]
    assert str(found.equity.index[found.liquidations["bar"][0]]) == "2025-06-22 20:09:00"
    assert names["stats"]["Equity Final [$]"] == pytest.approx(1_509.42, abs=0.005)
    assert found.equity.iloc[-1] == pytest.approx(100.0, abs=1e-6)
