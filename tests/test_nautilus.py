"""nautilus_trader under a venue's rules: margins by tiers, and an account that is closed when it falls short.

Needs Python 3.12 or later and nautilus_trader; run with `pytest -m nautilus`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levcore as lc
from levcore import datasets

# nautilus_trader asks pandas for what pandas is about to drop.
pytestmark = [pytest.mark.nautilus, pytest.mark.filterwarnings("default")]

SECOND = 1_000_000_000
TIERS = lc.MarginTiers(floor=[0, 1_000], maintenance_rate=[0.01, 0.02], max_leverage=[50, 20])


def venue(*symbols: str, fee: float = 0.005, remainder: str = "trader") -> lc.Venue:
    instruments = [lc.LinearPerpetual(symbol, asset=symbol[:3], tiers=TIERS) for symbol in symbols]
    return lc.Venue(instruments, liquidation=lc.FullClose(fee_rate=fee), remainder=remainder)  # type: ignore[arg-type]


def perpetual(symbol: str, multiplier: int = 1) -> Any:
    """A linear perpetual in USDT without commissions."""
    from nautilus_trader.model.currencies import BTC, USDT
    from nautilus_trader.model.identifiers import InstrumentId, Symbol
    from nautilus_trader.model.instruments import CryptoPerpetual
    from nautilus_trader.model.objects import Price, Quantity

    return CryptoPerpetual(
        InstrumentId.from_str(f"{symbol}-PERP.TEST"),
        Symbol(symbol),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=2,
        size_precision=3,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.001"),
        multiplier=Quantity.from_int(multiplier),
        ts_event=0,
        ts_init=0,
    )


def trades(instrument: Any, prices: Sequence[float], start: int = 0) -> list[Any]:
    from nautilus_trader.model.data import TradeTick
    from nautilus_trader.model.enums import AggressorSide
    from nautilus_trader.model.identifiers import TradeId

    one = instrument.make_qty(1_000)
    sides = AggressorSide.BUYER
    return [
        TradeTick(instrument.id, instrument.make_price(p), one, sides, TradeId(str(n)), *[(start + n) * SECOND] * 2)
        for n, p in enumerate(prices)
    ]


def bars(
    instrument: Any, rows: Sequence[tuple[float, float, float, float]], prices: str = "LAST", start: int = 0
) -> list[Any]:
    from nautilus_trader.model.data import Bar, BarType

    kind, many = BarType.from_str(f"{instrument.id}-1-SECOND-{prices}-EXTERNAL"), instrument.make_qty(1_000)
    return [Bar(kind, *map(instrument.make_price, row), many, *[n * SECOND] * 2) for n, row in enumerate(rows, start)]


Acting = Callable[[Any, int], None]


def strategy(acts: Acting) -> Any:
    """A strategy that is asked at each piece of data, with the number of those before, and notes its fills."""
    from nautilus_trader.model.data import BarType
    from nautilus_trader.trading.strategy import Strategy

    class Acts(Strategy):  # type: ignore[misc]
        def on_start(self) -> None:
            self.seen, self.fills = 0, []
            for instrument in self.cache.instruments():
                self.subscribe_trade_ticks(instrument.id)
                self.subscribe_quote_ticks(instrument.id)
                self.subscribe_bars(BarType.from_str(f"{instrument.id}-1-SECOND-LAST-EXTERNAL"))

        def asked(self, data: Any) -> None:
            acts(self, self.seen)
            self.seen += 1

        on_trade_tick = on_quote_tick = on_bar = asked

        def on_order_filled(self, event: Any) -> None:
            self.fills.append((event.last_px.as_double(), event.last_qty.as_double()))

        def market(self, instrument: Any, quantity: float) -> None:
            from nautilus_trader.model.enums import OrderSide

            side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(instrument.id, side, instrument.make_qty(abs(quantity))))

    return Acts()


def buys(instrument: Any, quantity: float) -> Acting:
    return lambda self, seen: self.market(instrument, quantity) if seen == 0 else None


@pytest.fixture
def backtest() -> Iterator[Callable[..., Any]]:
    """Run data and a strategy on an account: (balance at the end, the module's table, the strategy)."""
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import USDT
    from nautilus_trader.model.enums import AccountType, OmsType
    from nautilus_trader.model.objects import Money

    engines = []

    def run(
        rules: lc.Venue, instruments: Sequence[Any], data: list[Any], acts: Acting, cash: float, **options: Any
    ) -> tuple[float, Any, Any]:
        engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
        engines.append(engine)
        module, place = lc.adapters.nautilus.liquidation(rules), instruments[0].id.venue
        engine.add_venue(
            place,
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(cash, USDT)],
            default_leverage=Decimal(20),
            margin_model=lc.adapters.nautilus.margin_model(rules),
            modules=[module],
            **options,
        )
        for instrument in instruments:
            engine.add_instrument(instrument)
        engine.add_data(data)
        asked = strategy(acts)
        engine.add_strategy(asked)
        engine.run()
        balance = engine.cache.account_for_venue(place).balance_total(USDT).as_double()
        return balance, module.liquidations, asked

    yield run
    for engine in engines:
        engine.dispose()


# --- On real prices ---------------------------------------------------------------------------------------------------


def test_the_example_of_the_docs_shows_a_profit_where_a_wick_had_ended_the_account() -> None:
    text = (Path(__file__).parents[1] / "docs/adapters.md").read_text(encoding="utf-8")
    section = text.partition("## nautilus_trader")[2].partition("\n## ")[0]
    names: dict[str, Any] = {}
    for block in re.findall(r"^```py\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        code = compile(block, "docs/adapters.md", "exec")
        exec(code, names)
    account = {name: names[name].cache.account_for_venue(names["eth"].id.venue) for name in ("plain", "adjusted")}
    balance = {name: one.balance_total(names["USDT"]).as_double() for name, one in account.items()}
    # By hand: the commission is 0.04 %, the first tier's rate 0.4 %.
    wallet = 330.0 - 0.0004 * 4.5 * 2_183.03
    price = (2_183.03 - wallet / 4.5) / (1.0 - datasets.binance_tiers("ETHUSDT").maintenance_rate[0])
    assert balance["plain"] == pytest.approx(wallet)
    (held,) = names["plain"].cache.positions_open()
    last = names["eth"].make_price(2_226.33)
    assert held.unrealized_pnl(last).as_double() == pytest.approx(194.85)
    assert names["evening"]["close"].iloc[-1] == 2_226.33
    assert names["evening"]["close"].min() > price > names["evening"]["low"].min()
    found = names["module"].liquidations
    assert found["fill_price"].tolist() == [round(price, 2)] == [2_119.05]
    assert str(found["time"][0]).startswith("2025-06-22T20:")
    assert found["fee"].tolist() == pytest.approx([wallet + 4.5 * (2_119.05 - 2_183.03)])
    assert not names["adjusted"].cache.positions_open()
    assert balance["adjusted"] == 0.0


# --- Margins ----------------------------------------------------------------------------------------------------------


def test_margins_are_those_of_the_tiers_and_of_the_leverage_that_they_allow() -> None:
    eth = perpetual("ETH", multiplier=10)
    model = lc.adapters.nautilus.margin_model(venue("ETH"))
    price, small, large = eth.make_price(100.0), eth.make_qty(0.5), eth.make_qty(3)
    assert model.calculate_margin_maint(eth, None, small, price, 20).as_double() == 500.0 * 0.01
    assert model.calculate_margin_maint(eth, None, large, price, 20).as_double() == pytest.approx(3_000 * 0.02 - 10.0)
    assert model.calculate_margin_init(eth, small, price, 40).as_double() == 500.0 / 40.0
    assert model.calculate_margin_init(eth, small, price, 80).as_double() == 500.0 / 50.0
    assert model.calculate_margin_init(eth, large, price, 80).as_double() == 3_000.0 / 20.0
    assert str(model.calculate_margin_init(eth, large, price, 80).currency) == "USDT"


def test_an_open_order_and_a_position_hold_what_the_tiers_ask_for(backtest: Callable[..., Any]) -> None:
    eth, held = perpetual("ETH"), []

    def acts(self: Any, seen: int) -> None:
        from nautilus_trader.model.enums import OrderSide

        account = self.cache.account_for_venue(eth.id.venue)
        held.append([m and m.as_double() for m in (account.margin_init(eth.id), account.margin_maint(eth.id))])
        if seen == 0:
            self.market(eth, 9.0)
            self.submit_order(self.order_factory.limit(eth.id, OrderSide.BUY, eth.make_qty(2), eth.make_price(90)))

    backtest(venue("ETH"), [eth], trades(eth, [100.0] * 2), acts, 600.0)
    assert held == [[None, None], [2.0 * 90.0 / 20.0, 9.0 * 100.0 * 0.01]]


# --- When and at what cost --------------------------------------------------------------------------------------------


def test_a_long_is_closed_at_the_first_trade_below_its_price_and_the_rest_is_the_traders(
    backtest: Callable[..., Any],
) -> None:
    eth = perpetual("ETH")
    # 9 from 100 with 60: short of 1 % at (100 - 60/9) / 0.99 = 94.276.
    data = trades(eth, [100.0, 95.0, 94.28, 94.27, 200.0])
    balance, found, asked = backtest(venue("ETH"), [eth], data, buys(eth, 9.0), 60.0)
    assert found["time"].tolist() == [3 * SECOND]
    assert (found["fill_price"][0], found["quantity"][0], found["entry_price"][0]) == (94.27, 9.0, 100.0)
    fee = 0.005 * 9.0 * 94.27
    assert found["fee"][0] == pytest.approx(fee)
    assert balance == pytest.approx(60.0 - 9.0 * 5.73 - fee)
    assert asked.fills == [(100.0, 9.0), (94.27, 9.0)]


def test_what_is_left_goes_to_the_fund_where_the_venue_keeps_it(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")
    rules = venue("ETH", remainder="fund")
    balance, found, _ = backtest(rules, [eth], trades(eth, [100.0, 94.27]), buys(eth, 9.0), 60.0)
    assert balance == 0.0
    assert found["remainder"][0] == pytest.approx(60.0 - 9.0 * 5.73 - 0.005 * 9.0 * 94.27)


def test_a_gap_beyond_the_bankruptcy_price_pays_no_fee_and_the_deficit_is_the_venues(
    backtest: Callable[..., Any],
) -> None:
    eth = perpetual("ETH")
    balance, found, _ = backtest(venue("ETH"), [eth], trades(eth, [100.0, 80.0]), buys(eth, 9.0), 60.0)
    assert balance == 0.0
    assert (found["fee"][0], found["deficit"][0]) == (0.0, pytest.approx(9.0 * 20.0 - 60.0))


def test_a_quote_is_asked_at_its_middle_and_filled_at_its_bid(backtest: Callable[..., Any]) -> None:
    from nautilus_trader.model.data import QuoteTick

    eth, size = perpetual("ETH"), perpetual("ETH").make_qty(1_000)
    sides = [(99.9, 100.0), (94.2, 94.36), (94.1, 94.3)]
    data = [
        QuoteTick(eth.id, *map(eth.make_price, pair), size, size, *[n * SECOND] * 2) for n, pair in enumerate(sides)
    ]
    _, found, _ = backtest(venue("ETH"), [eth], data, buys(eth, 9.0), 60.0)
    assert (found["time"].tolist(), found["fill_price"].tolist()) == ([2 * SECOND], [94.1])


def test_a_short_is_asked_at_the_high_of_a_bar_and_filled_where_it_fails(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")
    data = bars(eth, [(100.0, 100.0, 100.0, 100.0), (100.0, 110.0, 99.0, 100.0)])
    _, found, _ = backtest(venue("ETH"), [eth], data, buys(eth, -9.0), 60.0)
    assert found["fill_price"].tolist() == [round((100.0 + 60.0 / 9.0) / 1.01, 2)]


@pytest.mark.parametrize("order", [("BID", "ASK"), ("ASK", "BID")])
def test_bars_of_bids_and_asks_are_asked_at_their_middle_and_filled_at_the_bid(
    backtest: Callable[..., Any], order: Sequence[str]
) -> None:
    eth = perpetual("ETH")
    rows = {"BID": [(99.8, 99.9, 93.9, 99.0)], "ASK": [(100.2, 100.3, 94.3, 99.4)]}
    data = trades(eth, [100.0]) + [bar for name in order for bar in bars(eth, rows[name], name, start=1)]
    _, found, _ = backtest(venue("ETH"), [eth], data, buys(eth, 9.0), 60.0)
    fails = (100.0 - 60.0 / 9.0) / 0.99
    assert 94.1 < fails < 94.3  # the middle of the lows, and the low of the asks
    assert (found["time"].tolist(), found["fill_price"].tolist()) == ([SECOND], [round(fails - 0.2, 2)])


def test_one_half_of_a_bar_of_quotes_says_nothing_yet(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")
    bids = bars(eth, [(99.8, 99.9, 90.0, 99.0), (99.0, 99.0, 99.0, 99.0)], "BID", start=1)
    data = trades(eth, [100.0]) + bids + bars(eth, [(99.4, 99.4, 99.4, 99.4)], "ASK", start=2)
    _, found, _ = backtest(venue("ETH"), [eth], data, buys(eth, 9.0), 60.0)
    assert len(found) == 0


def test_a_bar_that_opens_beyond_the_price_fills_there(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")
    data = bars(eth, [(100.0, 100.0, 100.0, 100.0), (94.0, 100.0, 90.0, 100.0)])
    assert backtest(venue("ETH"), [eth], data, buys(eth, 9.0), 60.0)[1]["fill_price"].tolist() == [94.0]


def test_a_position_bought_at_the_close_of_a_bar_is_not_asked_at_the_low_of_that_bar(
    backtest: Callable[..., Any],
) -> None:
    eth = perpetual("ETH")
    data = bars(eth, [(100.0, 100.0, 80.0, 100.0), (100.0, 101.0, 99.0, 100.0)])
    assert len(backtest(venue("ETH"), [eth], data, buys(eth, 9.0), 60.0)[1]) == 0


def test_a_longer_bar_that_tells_of_times_before_the_position_is_not_asked(backtest: Callable[..., Any]) -> None:
    from nautilus_trader.model.data import Bar, BarType

    eth = perpetual("ETHUSDT")
    short = bars(eth, [(50.0, 100.0, 50.0, 100.0), (100.0, 101.0, 99.0, 100.0), (100.0, 101.0, 99.0, 100.0)])
    kind, many = BarType.from_str(f"{eth.id}-3-SECOND-LAST-EXTERNAL"), eth.make_qty(1_000)
    long = Bar(kind, *map(eth.make_price, (50.0, 101.0, 50.0, 100.0)), many, SECOND + 1, SECOND + 1)
    _, found, _ = backtest(venue("ETHUSDT"), [eth], [short[0], short[1], long, short[2]], buys(eth, 10.0), 60.0)
    assert len(found) == 0


@pytest.mark.parametrize("at_equality", [False, True])
def test_a_bar_whose_low_is_the_price_itself_liquidates_where_the_venue_says_so(
    backtest: Callable[..., Any], at_equality: bool
) -> None:
    eth = perpetual("ETHUSDT")
    tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.5], max_leverage=[2])
    rules = lc.Venue([lc.LinearPerpetual("ETHUSDT", asset="ETH", tiers=tiers)], liquidate_at_equality=at_equality)
    # 96 + (8 - 100) is 4, half of 8
    rows = [(100.0, 100.0, 100.0, 100.0), (100.0, 100.0, 8.0, 90.0)]
    _, found, _ = backtest(rules, [eth], bars(eth, rows), buys(eth, 1.0), 96.0)
    assert len(found) == int(at_equality)


def test_a_strategy_that_sells_when_it_sees_the_fall_is_too_late(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")

    def acts(self: Any, seen: int) -> None:
        if seen == 0:
            self.market(eth, 9.0)
        elif self.cache.positions_open():
            self.market(eth, -9.0)

    _, found, asked = backtest(venue("ETH"), [eth], trades(eth, [100.0, 94.0, 100.0]), acts, 60.0)
    assert len(found) == 1
    assert asked.fills == [(100.0, 9.0), (94.0, 9.0)]


def stopped(eth: Any, trigger: float) -> Acting:
    def acts(self: Any, seen: int) -> None:
        from nautilus_trader.model.enums import OrderSide

        if seen == 0:
            self.market(eth, 9.0)
            stop = self.order_factory.stop_market(
                eth.id, OrderSide.SELL, eth.make_qty(9), eth.make_price(trigger), reduce_only=True
            )
            self.submit_order(stop)

    return acts


def test_a_stop_above_the_price_is_filled_and_one_below_it_is_cancelled(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")
    data = bars(eth, [(100.0, 100.0, 100.0, 100.0), (100.0, 100.0, 90.0, 100.0), (100.0, 100.0, 50.0, 100.0)])
    _, found, asked = backtest(venue("ETH"), [eth], data, stopped(eth, 97.0), 60.0)
    assert len(found) == 0
    assert asked.fills[1] == (97.0, 9.0)
    _, found, asked = backtest(venue("ETH"), [eth], data, stopped(eth, 92.0), 60.0)
    assert found["fill_price"].tolist() == [round((100.0 - 60.0 / 9.0) / 0.99, 2)]
    assert len(asked.fills) == 2
    assert not asked.cache.orders_open()


def test_a_stop_of_a_long_is_reached_by_the_bid(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")
    halves = {"BID": [(99.8, 99.9, 93.9, 99.0)], "ASK": [(100.2, 100.3, 94.3, 99.4)]}
    data = trades(eth, [100.0]) + [bar for name, rows in halves.items() for bar in bars(eth, rows, name, start=1)]
    fails = (100.0 - 60.0 / 9.0) / 0.99  # the middle; the bid is 0.2 lower
    _, found, asked = backtest(venue("ETH"), [eth], data, stopped(eth, 94.2), 60.0)
    assert fails - 0.2 < 94.2 < fails
    assert (len(found), asked.fills[1][1]) == (0, 9.0)
    _, found, _ = backtest(venue("ETH"), [eth], data, stopped(eth, 94.0), 60.0)
    assert found["fill_price"].tolist() == [round(fails - 0.2, 2)]


def test_orders_of_an_account_that_fails_are_cancelled(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")

    def acts(self: Any, seen: int) -> None:
        from nautilus_trader.model.enums import OrderSide

        if seen == 0:
            self.market(eth, 9.0)
            self.submit_order(self.order_factory.limit(eth.id, OrderSide.BUY, eth.make_qty(1), eth.make_price(50)))

    _, found, asked = backtest(venue("ETH"), [eth], trades(eth, [100.0, 94.0, 40.0]), acts, 60.0)
    assert len(found) == 1
    assert asked.fills == [(100.0, 9.0), (94.0, 9.0)]


def test_the_balance_backs_all_positions_and_all_are_closed_with_one_fee(backtest: Callable[..., Any]) -> None:
    eth, btc = perpetual("ETH"), perpetual("BTC")

    def acts(self: Any, seen: int) -> None:
        if seen == 1:
            self.market(eth, 5.0)
            self.market(btc, -5.0)

    data = trades(eth, [100.0]) + trades(btc, [100.0], 1) + trades(eth, [90.0], 2) + trades(btc, [95.0], 3)
    data += trades(eth, [85.0], 4) + trades(eth, [84.0], 5)
    balance, found, _ = backtest(venue("ETH", "BTC"), [eth, btc], data, acts, 60.0)
    # At 85 and 95 the account is worth 60 - 75 + 25 = 10 and needs 9.00; at 84 it is worth 5 and needs 8.95.
    assert found["time"].tolist() == [5 * SECOND] * 2
    # The larger requirement first.
    assert found["instrument"].tolist() == ["BTC-PERP.TEST", "ETH-PERP.TEST"]
    assert found["fill_price"].tolist() == [95.0, 84.0]
    assert found["fee"].tolist() == pytest.approx([0.005 * 5.0 * 95.0, 0.005 * 5.0 * 84.0])
    assert balance == pytest.approx(5.0 - 0.005 * 5.0 * (95.0 + 84.0))


@pytest.mark.parametrize("seed", range(6))
def test_an_account_ends_as_it_does_in_a_replay_of_levcore(backtest: Callable[..., Any], seed: int) -> None:
    """On trades, without impact: the same step, the same fee, and what is left, or what the fund must pay."""
    eth, rules = perpetual("ETH"), venue("ETH")
    size = 12.0 if seed % 2 else -12.0
    moves = np.random.default_rng(seed).normal(0.0, 0.02, 200)
    moves[0] = 0.0
    prices = np.round(100.0 * np.exp(np.cumsum(moves)), 2)
    balance, found, _ = backtest(rules, [eth], trades(eth, prices.tolist()), buys(eth, size), 100.0)
    held = {"quantity": [size], "entry_price": [100.0], "account": [0], "accounts": lc.Accounts(USD=[100.0])}
    book = lc.Book(rules, instrument="ETH", **held)
    market = lc.Market({"ETH": lc.Asset(100.0, impact=lc.LinearImpact(depth=np.inf))})
    times = np.datetime64("2025-01-01") + np.arange(len(prices)) * np.timedelta64(1, "s")
    ran = lc.replay(book, market, {"ETH": prices}, times=times)
    assert ran.liquidated_count == len(found) == 1
    assert found["time"][0].astype(np.int64) == ran.first_liquidation / np.timedelta64(1, "ns")
    assert found["fee"][0] == pytest.approx(ran.fees, abs=1e-7)
    assert found["deficit"][0] == pytest.approx(ran.bad_debt, abs=1e-7)
    assert balance == pytest.approx(max(0.0, 100.0 + size * (found["fill_price"][0] - 100.0) - ran.fees), abs=1e-7)


# --- What is refused --------------------------------------------------------------------------------------------------


def test_a_symbol_that_the_venue_does_not_have_is_refused_and_can_be_named(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")
    rules = venue("ETHUSDT")
    model = lc.adapters.nautilus.margin_model(rules)
    with pytest.raises(lc.InputError, match=r"ETH-PERP.TEST: 'ETH' is none of the venue's symbols, ETHUSDT; symbols="):
        model.calculate_margin_maint(eth, None, eth.make_qty(1), eth.make_price(100), 20)
    named = lc.adapters.nautilus.margin_model(rules, symbols={"ETH-PERP.TEST": "ETHUSDT"})
    assert named.calculate_margin_maint(eth, None, eth.make_qty(1), eth.make_price(100), 20).as_double() == 1.0


def test_an_inverse_instrument_is_refused() -> None:
    from nautilus_trader.test_kit.providers import TestInstrumentProvider

    xbt = TestInstrumentProvider.xbtusd_bitmex()
    model = lc.adapters.nautilus.margin_model(venue("XBTUSD"))
    with pytest.raises(lc.InputError, match=r"BTC/USD\.BITMEX: must be linear, is inverse"):
        model.calculate_margin_maint(xbt, None, xbt.make_qty(1), xbt.make_price(100), 20)


def test_a_frozen_account_is_refused(backtest: Callable[..., Any]) -> None:
    eth = perpetual("ETH")
    with pytest.raises(lc.InputError, match="TEST: a frozen account cannot be liquidated"):
        backtest(venue("ETH"), [eth], trades(eth, [100.0] * 3), buys(eth, 1.0), 60.0, frozen_account=True)
