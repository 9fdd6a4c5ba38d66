"""What liquidates an account in nautilus_trader: only to be imported where it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.data import Bar, QuoteTick, TradeTick
from nautilus_trader.model.enums import LiquiditySide, OrderSide, OrderType, PriceType
from nautilus_trader.model.identifiers import ClientOrderId, TradeId, VenueOrderId
from nautilus_trader.model.objects import Money
from nautilus_trader.model.orders import MarketOrder

from levcore.adapters._nautilus_margin import Names, account_book, units
from levcore.book import Book
from levcore.errors import InputError
from levcore.table import Table
from levcore.venue import Venue

ENDS = ("open", "low", "high", "close")
HALVES = (PriceType.BID, PriceType.ASK)
STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_STOP_LIMIT)


@dataclass(frozen=True)
class Closed:
    """A position that was closed by force, and what became of its account with the first of them."""

    time: int
    instrument: str
    position: str
    quantity: float
    entry_price: float
    fill_price: float
    fee: float
    remainder: float
    deficit: float


@dataclass(frozen=True)
class Part:
    """Mark, bid and ask at an end of a bar, or at its low or high."""

    mark: float
    bid: float
    ask: float

    def moved(self, mark: float) -> Part:
        """Return it at another mark, the spread held still."""
        return Part(mark, mark - (self.mark - self.bid), mark + (self.ask - self.mark))


class AccountLiquidation(SimulationModule):
    """Asks the account at every quote, trade and bar, and closes it by force where it falls short."""

    def __init__(self, venue: Venue, symbols: Mapping[str, str] | None) -> None:
        super().__init__(SimulationModuleConfig())
        self._venue = venue
        self._names = Names(venue, symbols)
        self._fee_rate = float(venue.liquidation.fee_rate)
        self.reset()

    def reset(self) -> None:
        """Forget a run."""
        self._closed: list[Closed] = []
        self._marks: dict[str, float] = {}
        self._quotes: dict[Any, tuple[float, float]] = {}  # of each instrument the last bid and ask, trade or bar
        self._bars: dict[Any, Any] = {}  # of each instrument the shortest bars, by which nautilus fills orders, too
        self._halves: dict[Any, dict[Any, Any]] = {}  # of each instrument the last bar of bids, and that of asks
        self._orders = 0
        self._known: tuple[Any, Book | None] = (None, None)

    def process(self, ts_now: int) -> None:
        """Do nothing: a strategy that has seen the data could be out by now."""

    def log_diagnostics(self, logger: Any) -> None:
        """Say how many positions were closed by force."""
        logger.info(f"levcore: positions closed by force: {len(self._closed)}")

    @property
    def liquidations(self) -> Table:
        """A row a position that was closed by force."""
        kinds = {"int": np.int64, "str": object, "float": np.float64}
        fields = Closed.__dataclass_fields__.items()
        rows = self._closed
        columns = {name: np.array([getattr(row, name) for row in rows], kinds[str(f.type)]) for name, f in fields}
        columns["time"] = columns["time"].astype("datetime64[ns]")
        return Table("liquidation", columns)

    def pre_process(self, data: Any) -> None:
        """Ask the account at what a quote, a trade or a bar says, before anybody else has seen it."""
        if isinstance(data, QuoteTick):
            bid, ask = data.bid_price.as_double(), data.ask_price.as_double()
            self._at(data.instrument_id, (bid + ask) / 2.0, bid, ask, data.ts_init)
        elif isinstance(data, TradeTick):
            price = data.price.as_double()
            self._at(data.instrument_id, price, price, price, data.ts_init)
        elif isinstance(data, Bar):
            self._within(data)

    # --- When ---------------------------------------------------------------------------------------------------------

    def _asset(self, instrument_id: Any) -> str | None:
        """Return what an instrument's prices are prices of; None: nothing that the venue knows."""
        instrument = self.exchange.instruments.get(instrument_id)
        if instrument is None:
            return None
        try:
            return self._names.asset(self._names.symbol(instrument))
        except InputError:
            return None  # refused when a position is held in it

    def _at(self, instrument_id: Any, mark: float, bid: float, ask: float, time: int) -> None:
        asset = self._asset(instrument_id)
        if asset is None:
            return
        self._marks[asset] = mark
        self._quotes[instrument_id] = bid, ask
        book = self._book()
        if book is not None and self._fails(book):
            self._liquidate(time)

    def _within(self, bar: Any) -> None:
        instrument_id = bar.bar_type.instrument_id
        asset = self._asset(instrument_id)
        if asset is None or not self._is_shortest(bar.bar_type):
            return
        parts = self._parts(bar)
        if parts is None:
            return
        opened, low, high, closed = parts
        self._set(instrument_id, asset, opened)
        book = self._book()
        if book is not None:
            at = opened if self._fails(book) else self._touched(book, asset, opened, low, high)
            if at is not None:
                self._set(instrument_id, asset, at)
                self._liquidate(bar.ts_init)
        self._set(instrument_id, asset, closed)

    def _set(self, instrument_id: Any, asset: str, part: Part) -> None:
        self._marks[asset], self._quotes[instrument_id] = part.mark, (part.bid, part.ask)

    def _is_shortest(self, kind: Any) -> bool:
        """Say whether bars are the shortest seen of an instrument: a longer one tells of times that are past."""
        known = self._bars.setdefault(kind.instrument_id, kind)
        if kind.spec.timedelta < known.spec.timedelta:
            known = self._bars[kind.instrument_id] = kind
            self._halves.pop(kind.instrument_id, None)  # of the longer ones
        halves = kind.spec.price_type in HALVES and known.spec.price_type in HALVES
        return bool(kind == known or (halves and kind.spec.timedelta == known.spec.timedelta))

    def _parts(self, bar: Any) -> tuple[Part, Part, Part, Part] | None:
        """Return a bar's open, low, high and close; None: of bids or asks it is the first half, and nothing yet.

        Both halves of a bar make quotes, their mark in the middle, as they do where nautilus fills orders by them.
        """
        kind = bar.bar_type.spec.price_type
        bids = asks = bar
        if kind in HALVES:
            halves = self._halves.setdefault(bar.bar_type.instrument_id, {})
            halves[kind] = bar
            if len(halves) < 2 or len({half.ts_event for half in halves.values()}) > 1:
                return None
            bids, asks = halves.pop(PriceType.BID), halves.pop(PriceType.ASK)
        ends = [(getattr(bids, name).as_double(), getattr(asks, name).as_double()) for name in ENDS]
        opened, low, high, closed = (Part((bid + ask) / 2.0, bid, ask) for bid, ask in ends)
        return opened, low, high, closed

    def _fails(self, book: Book) -> bool:
        slack = float(book.account_slack(self._prices())[0])
        return slack < 0.0 or (self._venue.liquidate_at_equality and slack == 0.0)

    def _touched(self, book: Book, asset: str, opened: Part, low: Part, high: Part) -> Part | None:
        """Return where within a bar the account fails; None: nowhere, or a stop has closed it before."""
        rows = [row for row, place in enumerate(book.instrument) if self._venue.instruments[place].asset == asset]
        for side, extreme in (("below", low), ("above", high)):
            prices = book.liquidation_price_at(self._prices(), side=side)[rows]  # type: ignore[arg-type]
            price = float(prices[0]) if rows else np.nan
            beyond = extreme.mark < price if side == "below" else extreme.mark > price
            reached = beyond or (self._venue.liquidate_at_equality and extreme.mark == price)
            at = extreme.moved(price)
            if reached and not self._stopped_before(opened, at):
                return at
        return None

    def _stopped_before(self, opened: Part, fails: Part) -> bool:
        """Say whether an only position has a stop between the open of a bar and where it fails, a long by the bid."""
        positions = self._positions()
        if len(positions) != 1:
            return False
        is_long = positions[0].signed_qty > 0
        closing = OrderSide.SELL if is_long else OrderSide.BUY
        begin, end = (opened.bid, fails.bid) if is_long else (opened.ask, fails.ask)
        for order in self.exchange.get_open_orders(positions[0].instrument_id):
            whole = order.side == closing and order.leaves_qty >= positions[0].quantity
            if whole and order.order_type in STOPS and order.has_trigger_price:
                at = order.trigger_price.as_double()
                if min(begin, end) < at <= max(begin, end) or at == begin:
                    return True
        return False

    def _prices(self) -> dict[str, float]:
        """Return a mark of every asset, 1 where there is none yet: nobody holds it."""
        return {asset: self._marks.get(asset, 1.0) for asset in self._venue.assets}

    def _positions(self) -> list[Any]:
        return sorted(self.exchange.cache.positions_open(venue=self.exchange.id), key=lambda held: str(held.id))

    def _book(self) -> Book | None:
        """Return the account as a book, anew only where something has changed; None: it holds nothing."""
        positions = self._positions()
        if not positions:
            return None
        instruments = [self.exchange.instruments[position.instrument_id] for position in positions]
        symbols = [self._names.symbol(instrument) for instrument in instruments]
        quantity = [p.signed_qty * units(i) for p, i in zip(positions, instruments, strict=True)]
        entry = [float(position.avg_px_open) for position in positions]
        unknown = [symbol for symbol in symbols if self._names.asset(symbol) not in self._marks]
        if unknown:
            raise InputError(f"{unknown[0]} is held, and no quote, trade or bar has told its price")
        wallet = self._wallet(instruments)
        key = (symbols, quantity, entry, wallet)
        if self._known[0] != key:
            self._known = (key, account_book(self._venue, symbols, quantity, entry, wallet))
        return self._known[1]

    def _wallet(self, instruments: Sequence[Any]) -> float:
        currencies = {instrument.quote_currency for instrument in instruments}
        base = self.exchange.get_account().base_currency
        if len(currencies | ({base} if base else set())) != 1:
            listed = ", ".join(sorted(str(one) for one in currencies))
            raise InputError(f"{self.exchange.id}: positions and account must settle in one currency, are in {listed}")
        if self.exchange.is_frozen_account:
            raise InputError(f"{self.exchange.id}: a frozen account cannot be liquidated")
        return float(self.exchange.get_account().balance_total(currencies.pop()).as_double())

    # --- What then ----------------------------------------------------------------------------------------------------

    def _liquidate(self, time: int) -> None:
        for order in self.exchange.get_open_orders():
            self.exchange.get_matching_engine(order.instrument_id).cancel_order(order)
        positions, book = self._positions(), self._book()
        if book is None:
            return
        needed = -book.maintenance_margin(self._prices())
        positions = [positions[row] for row in np.argsort(needed, kind="stable")]
        instruments = [self.exchange.instruments[position.instrument_id] for position in positions]
        fills = [self._fill_price(p, i) for p, i in zip(positions, instruments, strict=True)]
        sizes = [p.signed_qty * units(i) for p, i in zip(positions, instruments, strict=True)]
        entries = [float(position.avg_px_open) for position in positions]
        equity = self._wallet(instruments)
        equity += sum(q * (f.as_double() - e) for q, f, e in zip(sizes, fills, entries, strict=True))
        notional = [abs(q) * f.as_double() for q, f in zip(sizes, fills, strict=True)]
        # One fee for all that is traded, at most what is left.
        fee = max(0.0, min(self._fee_rate * sum(notional), equity))
        currency = instruments[0].quote_currency
        fees = [Money(fee * part / sum(notional), currency) for part in notional]
        for row, position in enumerate(positions):
            self._fill(position, instruments[row], fills[row], fees[row], time)
        left = self.exchange.get_account().balance_total(currency)
        deficit = max(0.0, -left.as_double())
        remainder = left.as_double() if left.as_double() > 0.0 and self._venue.remainder == "fund" else 0.0
        if deficit or remainder:
            self.exchange.adjust_account(Money(deficit - remainder, currency))
        for row, position in enumerate(positions):
            whole = (remainder, deficit) if row == 0 else (0.0, 0.0)
            names = str(position.instrument_id), str(position.id)
            at = fills[row].as_double()
            self._closed.append(Closed(time, *names, sizes[row], entries[row], at, fees[row].as_double(), *whole))

    def _fill_price(self, position: Any, instrument: Any) -> Any:
        """Return what a forced order gets: the last bid or ask of its instrument; of one without, the asset's mark."""
        mark = self._marks[self._names.asset(self._names.symbol(instrument))]
        bid, ask = self._quotes.get(position.instrument_id, (mark, mark))
        return instrument.make_price(bid if position.signed_qty > 0 else ask)

    def _fill(self, position: Any, instrument: Any, price: Any, fee: Any, time: int) -> None:
        """Send the engine an order of the venue's own and its fill."""
        self._orders += 1
        number = f"LIQUIDATION-{self._orders}-{time}-{position.id}"
        side = OrderSide.SELL if position.signed_qty > 0 else OrderSide.BUY
        named = position.strategy_id, position.instrument_id, ClientOrderId(number)
        order = MarketOrder(
            position.trader_id, *named, side, position.quantity, UUID4(), time, reduce_only=True, tags=["LIQUIDATION"]
        )
        self.exchange.cache.add_order(order, position_id=position.id)
        client, venue_order = self.exchange.exec_client, VenueOrderId(number)
        client.generate_order_submitted(*named, time)
        client.generate_order_accepted(*named, venue_order, time)
        trade = position.id, TradeId(f"L{self._orders}-{time}"), side, OrderType.MARKET, order.quantity, price
        booked = instrument.quote_currency, fee, LiquiditySide.TAKER, time
        client.generate_order_filled(*named, venue_order, *trade, *booked)
