"""Presets of real venues: what each rulebook holds, published numbers through them, and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
from levcore import venues
from levcore.venues.deribit import RULES, standard_margin

ORACLES = Path(__file__).parent / "oracles"
PROFIT = lc.Deleveraging(ranking="profit")
INDEX = lc.Deleveraging(ranking="index", price="previous_mark")
UNRANKED = lc.Deleveraging(ranking="unranked")
ONE = lc.MarginTiers([0.0], [0.005], max_leverage=[100])
TWO = lc.MarginTiers([0.0, 1e6], [0.005, 0.01], max_leverage=[100, 50])
TWO_WHOLE = lc.MarginTiers([0.0, 1e6], [0.005, 0.01], whole_position=True)
TWO_CONTRACTS = lc.MarginTiers([0.0, 20.0], [0.005, 0.01], whole_position=True, measure="contracts")
TWO_ENTRY = lc.MarginTiers([0.0, 1e6], [0.005, 0.01], measure="entry")

# preset, the tiers it takes, settlement, inverse, remainder, equality liquidates, deleveraging, socialised loss
RULEBOOKS = [
    ("binance_usdm", "BTCUSDT", TWO, "USDT", False, "trader", True, PROFIT, False),
    ("binance_coinm", "BTCUSD_PERP", TWO, "BTC", True, "trader", True, PROFIT, False),
    ("bybit_linear", "BTCUSDT", TWO, "USDT", False, "fund", True, PROFIT, False),
    ("bybit_inverse", "BTCUSD", TWO, "BTC", True, "fund", True, PROFIT, False),
    ("okx", "BTC-USDT-SWAP", TWO_CONTRACTS, "USDT", False, "fund", True, PROFIT, False),
    ("gate", "BTC_USDT", TWO_WHOLE, "USDT", False, "fund", True, PROFIT, False),
    ("bitget", "BTCUSDT", TWO_WHOLE, "USDT", False, "fund", True, PROFIT, False),
    ("hyperliquid", "BTC", TWO, "USDC", False, "trader", True, INDEX, False),
    ("dydx_v4", "BTC-USD", TWO, "USDC", False, "trader", False, UNRANKED, False),
    ("drift_v2", "BTC-PERP", TWO, "USDC", False, "trader", False, False, "open_interest"),
    ("deribit_futures", "BTC-PERPETUAL", TWO, "BTC", True, "trader", False, False, "profit"),
]
NAMES = [row[0] for row in RULEBOOKS]
SYMBOL_OF = {row[0]: row[1] for row in RULEBOOKS}
TIERS_OF = {row[0]: row[2] for row in RULEBOOKS}


def preset(name: str, **options) -> lc.Venue:
    return getattr(venues, name)(**{"tiers": {SYMBOL_OF[name]: TIERS_OF[name]}, **options})


def price(venue: lc.Venue, quantity: float, entry: float, margin: float) -> float:
    held = {"quantity": [quantity], "entry_price": [entry], "margin": [margin]}
    return float(lc.Book(venue, instrument=venue.symbols[0], **held).liquidation_price[0])


# ---- what a rulebook holds ----


@pytest.mark.parametrize(
    ("name", "symbol", "tiers", "settlement", "inverse", "remainder", "equality", "adl", "shared"), RULEBOOKS
)
def test_a_preset_holds_its_venues_rules(
    name, symbol, tiers, settlement, inverse, remainder, equality, adl, shared
) -> None:
    venue = preset(name, insurance_fund=7.0)
    (instrument,) = venue.instruments
    assert (instrument.symbol, instrument.asset, instrument.tiers) == (symbol, "BTC", tiers)
    assert isinstance(instrument, lc.InversePerpetual) is inverse
    assert venue.settlement == settlement
    assert venue.remainder == remainder
    assert venue.liquidate_at_equality is equality
    taken = 2.0 / 3.0 if name == "hyperliquid" else 0.0
    assert venue.backstop == lc.Backstop(insurance_fund=7.0, takeover=taken, deleveraging=adl, socialise=shared)
    assert venue.order == ("riskiest" if name == "dydx_v4" else "liquidation_price")
    assert instrument.basis == ("entry" if name == "bybit_linear" else "mark")
    assert (instrument.closing_fee > 0.0) is (name in {"okx", "gate", "bitget"})


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_runs_a_crash_and_keeps_its_accounts(name: str) -> None:
    venue = preset(name, insurance_fund=0.01)
    (instrument,) = venue.instruments
    inverse = isinstance(instrument, lc.InversePerpetual)
    quantity = np.array([2.0, 1.0, -3.0]) * (60_000.0 / instrument.contract_value if inverse else 1.0)
    margin = np.array([0.1, 0.05, 2.0]) * (1.0 if inverse else 60_000.0)
    entry = np.full(3, 60_000.0)
    book = lc.Book(venue, instrument=venue.symbols[0], quantity=quantity, entry_price=entry, margin=margin)
    market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=200.0))})
    crash = lc.shock(book, market, -0.08)
    assert crash.liquidated.tolist() == [True, True, False]
    assert crash.conservation_error < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_says_its_source_with_a_date_or_commit_and_what_it_leaves_out(name: str) -> None:
    text = getattr(venues, name).__doc__
    assert "Source:" in text
    assert "Left out:" in text
    about = text[text.index("Notes") :]
    assert any(mark in about for mark in ("20", "re-computed", "reproduced", "checked", "gives a price"))


def test_presets_are_imported_when_they_are_asked_for() -> None:
    code = (
        "import sys, levcore as lc; assert 'levcore.venues' not in sys.modules; "
        "assert lc.venues.okx and 'levcore.venues' in sys.modules and 'venues' in dir(lc)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shipped_tables_are_there_without_being_asked_for() -> None:
    assert venues.binance_usdm().symbols == ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT")
    assert venues.binance_usdm("ETHUSDT").instruments[0].tiers == lc.datasets.binance_tiers("ETHUSDT")
    assert venues.hyperliquid().symbols == ("BTC", "ETH", "SOL", "XRP")
    assert venues.dydx_v4(["ETH-USD", "SOL-USD"]).assets == ("ETH", "SOL")
    assert venues.deribit_futures("ETH-27MAR26", expiry={"ETH-27MAR26": timedelta(days=9)}).settlement == "ETH"
    assert venues.binance_usdm("BTCUSDT") == venues.binance_usdm(["BTCUSDT"])


def test_hyperliquids_deduction_makes_its_second_tier_continuous() -> None:
    tiers = venues.hyperliquid("BTC").instruments[0].tiers
    assert tiers.deduction == (0.0, 150e6 * 0.0125)
    assert tiers.maintenance_margin(200e6) == 0.025 * 200e6 - 1_875_000.0


# ---- prices: published, and worked out by hand ----


def oracle(file: str) -> list[dict]:
    return json.loads((ORACLES / file).read_text())


def test_binance_coin_margined_gives_the_price_of_a_live_position() -> None:
    (case,) = [c for c in oracle("venue_payloads_and_docs.json") if c["kind"] == "liquidation_price_inverse"]
    given = case["inputs"]
    table = lc.MarginTiers([0.0], [given["mmr"]])
    venue = venues.binance_coinm(tiers={"BTCUSD_PERP": table})
    assert venue.instruments[0].contract_value == given["contract_size"]
    at = price(venue, given["contracts"], given["entry_price"], given["isolated_wallet"])
    assert at == pytest.approx(case["expected"]["liquidation_price"], abs=1e-6)


def test_gate_gives_the_price_of_its_interface() -> None:
    (case,) = [c for c in oracle("venue_payloads_and_docs.json") if c["expected"].get("liquidation_price") == 665.69]
    given = case["inputs"]
    venue = venues.gate(tiers={"ETH_USDT": lc.MarginTiers([0.0], [given["mmr"]], whole_position=True)})
    assert venue.instruments[0].closing_fee == given["taker_fee"]
    assert round(price(venue, given["amount"], given["entry_price"], given["isolated_margin"]), 2) == 665.69


def test_hyperliquid_gives_the_prices_of_live_positions() -> None:
    cases = [c for c in oracle("hyperliquid_live_positions.json") if c["origin"] == "live_exchange_position"]
    assert len(cases) >= 10
    for case in cases:
        given = case["inputs"]
        leverage = given["max_leverage"]
        table = lc.MarginTiers([0.0], [0.5 / leverage], max_leverage=[leverage])
        side = 1.0 if given["side"] == "long" else -1.0
        venue = venues.hyperliquid(tiers={given["symbol"]: table})
        at = price(venue, side * given["amount"], given["entry_price"], given["isolated_margin"])
        assert at == pytest.approx(case["expected"]["liquidation_price"], rel=case["tolerance"]["rel"]), case["id"]


@pytest.mark.parametrize(
    ("name", "long", "short"),
    [  # one coin at 60,000 with 6,000 of margin, maintenance 0.5 %
        ("binance_usdm", 54_000.0 / 0.995, 66_000.0 / 1.005),
        ("hyperliquid", 54_000.0 / 0.995, 66_000.0 / 1.005),
        ("bybit_linear", 54_300.0, 65_700.0),  # the requirement stays 300
        ("okx", 54_000.0 / (1 - 0.0055), 66_000.0 / 1.0055),
        ("gate", 54_000.0 / (1 - 0.00575), 66_000.0 / 1.00575),
        ("bitget", 54_000.0 / (1 - 0.0056), 66_000.0 / 1.0056),
        ("dydx_v4", 54_000.0 / 0.995, 66_000.0 / 1.005),
        ("drift_v2", 54_000.0 / 0.995, 66_000.0 / 1.005),
    ],
)
def test_one_position_through_a_linear_preset(name: str, long: float, short: float) -> None:
    venue = preset(name, tiers={SYMBOL_OF[name]: ONE})
    assert price(venue, 1.0, 60_000.0, 6_000.0) == pytest.approx(long, rel=1e-14)
    assert price(venue, -1.0, 60_000.0, 6_000.0) == pytest.approx(short, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "options", "contracts"),
    [("binance_coinm", {}, 600), ("bybit_inverse", {}, 60_000), ("deribit_futures", {}, 6_000)],
)
def test_one_position_through_an_inverse_preset(name: str, options: dict, contracts: float) -> None:
    # 60,000 USD at 60,000 with 0.1 coins: long Q(1 + m)/(Q/E + W), short Q(1 - m)/(Q/E - W)
    venue = preset(name, tiers={SYMBOL_OF[name]: ONE}, **options)
    assert price(venue, contracts, 60_000.0, 0.1) == pytest.approx(60_000 * 1.005 / 1.1, rel=1e-14)
    assert price(venue, -contracts, 60_000.0, 0.1) == pytest.approx(60_000 * 0.995 / 0.9, rel=1e-14)


def test_bybits_older_inverse_formula_takes_the_requirement_at_entry() -> None:
    # LP = Q/(V + IM - MM), V = 1 coin, MM = 0.005
    venue = preset("bybit_inverse", tiers={"BTCUSD": ONE}, basis="entry")
    assert price(venue, 60_000.0, 60_000.0, 0.1) == pytest.approx(60_000 / 1.095, rel=1e-14)


def test_bybits_tier_is_that_of_the_entry_notional_and_okxs_that_of_the_contracts() -> None:
    # 20 coins at 60,000: 1.2 million at entry, in the second tier; at the liquidation price it would be the first
    entry = preset("bybit_linear", tiers={"BTCUSDT": TWO})
    required = 0.01 * 1.2e6 - 5_000.0
    margin = 20.0 * 60_000.0 / 4.0
    assert price(entry, 20.0, 60_000.0, margin) == pytest.approx(60_000.0 - (margin - required) / 20.0, rel=1e-14)
    assert entry != preset("bybit_linear", tiers={"BTCUSDT": TWO_ENTRY})
    measured = preset("bybit_linear", tiers={"BTCUSDT": TWO_ENTRY})
    assert price(measured, 20.0, 60_000.0, margin) == price(entry, 20.0, 60_000.0, margin)
    counted = preset("okx")
    assert price(counted, 20.0, 60_000.0, margin) == pytest.approx(45_000.0 / (1 - 0.0105), rel=1e-14)
    assert price(counted, 19.9, 60_000.0, margin * 0.995) == pytest.approx(45_000.0 / (1 - 0.0055), rel=1e-14)


@pytest.mark.parametrize("coin", RULES)
def test_deribits_tiers_stand_for_its_rule_within_a_ten_thousandth(coin: str) -> None:
    rule = RULES[coin]
    tiers = standard_margin(rule)
    size = np.geomspace(1e-4, tiers.floor[-1], 20_000)
    exact = size * (rule.maintenance + rule.per_coin * size)
    share = tiers.maintenance_margin(size) / exact - 1.0
    assert share.min() > -1e-12
    assert share.max() < 1e-4
    floors = np.array(tiers.floor)
    met = floors * (rule.maintenance + rule.per_coin * floors)
    np.testing.assert_allclose(tiers.maintenance_margin(floors), met, rtol=1e-11)


def test_deribits_printed_example_of_350_coins() -> None:
    # 1 % + 350 * 0.005 % = 2.75 %
    tiers = venues.deribit_futures().instruments[0].tiers
    assert tiers.maintenance_margin(350.0) == pytest.approx(9.625, rel=1e-4)


# ---- what is refused ----


def test_missing_symbols_are_named_and_what_there_is_is_listed() -> None:
    with pytest.raises(lc.InputError, match=r"Binance USD-M has no tiers of 'ABCUSDT', 'XYZUSDT' here; there are BTCU"):
        venues.binance_usdm(["BTCUSDT", "ABCUSDT", "XYZUSDT"])
    with pytest.raises(lc.InputError, match="Deribit has no tiers of 'SOL-PERPETUAL' here; there are BTC-PERPETUAL, E"):
        venues.deribit_futures("SOL-PERPETUAL")
    many = {f"A{k}USDT": ONE for k in range(25)}
    with pytest.raises(lc.InputError, match=r"A19USDT and 5 more$"):
        venues.binance_usdm("BTCUSDT", tiers=many)


@pytest.mark.parametrize(
    "name", ["binance_coinm", "bybit_linear", "bybit_inverse", "okx", "gate", "bitget", "drift_v2"]
)
def test_a_venue_without_shipped_tables_asks_for_them(name: str) -> None:
    with pytest.raises(lc.InputError, match=r"needs tiers: none are shipped for it; pass tiers=\{"):
        getattr(venues, name)()


@pytest.mark.parametrize("name", ["binance_usdm", "binance_coinm", "bybit_linear", "hyperliquid", "deribit_futures"])
def test_whole_position_tiers_are_refused_where_tiers_are_continuous(name: str) -> None:
    symbol = SYMBOL_OF[name]
    with pytest.raises(lc.InputError, match=rf"tiers\['{symbol}'\] must not be whole_position: at \w+"):
        preset(name, tiers={symbol: TWO_WHOLE})


@pytest.mark.parametrize("name", ["okx", "gate", "bitget"])
def test_continuous_tiers_are_refused_where_the_whole_position_takes_its_rate(name: str) -> None:
    symbol = SYMBOL_OF[name]
    with pytest.raises(lc.InputError, match=rf"tiers\['{symbol}'\] must have whole_position=True: at \w+"):
        preset(name, tiers={symbol: TWO})
    deducted = lc.MarginTiers([0.0], [0.005], deduction=[3.0])
    with pytest.raises(lc.InputError, match="must have whole_position=True"):
        preset(name, tiers={symbol: deducted})


def test_tiers_that_measure_something_else_are_refused() -> None:
    with pytest.raises(lc.InputError, match=r"tiers\['BTC-USDT-SWAP'\] must measure 'contracts' at OKX, measured 'not"):
        preset("okx", tiers={"BTC-USDT-SWAP": TWO_WHOLE})
    with pytest.raises(lc.InputError, match=r"must measure 'notional' at Gate, measured 'contracts'"):
        preset("gate", tiers={"BTC_USDT": TWO_CONTRACTS})
    with pytest.raises(lc.InputError, match=r"must measure 'notional' at Binance USD-M, measured 'entry'"):
        preset("binance_usdm", tiers={"BTCUSDT": TWO_ENTRY})
    with pytest.raises(lc.InputError, match=r"must measure 'notional' at Bybit, measured 'entry'"):
        preset("bybit_linear", tiers={"BTCUSDT": TWO_ENTRY}, basis="mark")


def test_symbols_of_another_form_or_currency_are_refused() -> None:
    with pytest.raises(
        lc.InputError, match="must read like 'BTCUSDT' at Binance USD-M, settled in USDT; was 'BTCUSDC'"
    ):
        venues.binance_usdm(tiers={"BTCUSDC": ONE})
    assert venues.binance_usdm(tiers={"BTCUSDC": ONE}, settlement="USDC").assets == ("BTC",)
    with pytest.raises(lc.InputError, match="must read like 'BTC-USDT-SWAP' at OKX"):
        venues.okx(tiers={"BTC-USD-SWAP": ONE})
    with pytest.raises(lc.InputError, match="settled in its coin; was 'BTCUSDT'"):
        venues.binance_coinm(tiers={"BTCUSDT": ONE})


def test_symbols_as_ccxt_writes_them_are_understood() -> None:
    both = {"BTC/USDT:USDT": ONE, "ETH/USDT:USDT-260327": ONE}
    assert venues.gate(tiers=both, expiry={"ETH/USDT:USDT-260327": timedelta(days=9)}).assets == ("BTC", "ETH")
    assert venues.bybit_inverse(tiers={"ETH/USD:ETH": ONE}).settlement == "ETH"
    with pytest.raises(lc.InputError, match="was 'BTC/USDC:USDC'"):
        venues.gate(tiers={"BTC/USDC:USDC": ONE})
    with pytest.raises(lc.InputError, match="was 'ETH/USD:BTC'"):
        venues.bybit_inverse(tiers={"ETH/USD:BTC": ONE})


def test_coins_that_settle_apart_do_not_share_a_venue() -> None:
    both = {"BTCUSD_PERP": ONE, "ETHUSD_PERP": ONE}
    with pytest.raises(lc.InputError, match="'ETHUSD_PERP' is of ETH, 'BTCUSD_PERP' of BTC; name the symbols of one"):
        venues.binance_coinm(tiers=both)
    assert venues.binance_coinm("ETHUSD_PERP", tiers=both).instruments[0].contract_value == 10.0
    assert venues.binance_coinm("ETHUSD_PERP", tiers=both, contract_value=5.0).instruments[0].contract_value == 5.0
    with pytest.raises(lc.InputError, match="contract_value must be given for 'SOL-PERPETUAL'"):
        venues.deribit_futures(tiers={"SOL-PERPETUAL": ONE})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"symbols": []}, lc.InputError, "symbols must not be empty; None stands for all"),
        ({"symbols": ["BTCUSDT", "BTCUSDT"]}, lc.InputError, r"symbols\[1\] must differ from the others, 'BTCUSDT'"),
        ({"symbols": ["BTCUSDT", 3]}, lc.KindError, r"symbols\[1\] must be text, was int 3"),
        ({"symbols": 3}, lc.KindError, "symbols must be a symbol or a sequence of them, was int 3"),
        ({"tiers": {}}, lc.InputError, "tiers must not be empty"),
        ({"tiers": [ONE]}, lc.KindError, "tiers must be a mapping of symbols to MarginTiers, was list"),
        ({"tiers": {"BTCUSDT": 0.005}}, lc.KindError, r"tiers\['BTCUSDT'\] must be a MarginTiers, was float"),
        ({"insurance_fund": -1.0}, lc.InputError, r"insurance_fund must be >= 0, was -1.0"),
        ({"liquidation_fee": 1.0}, lc.InputError, "liquidation_fee must be < 1, was 1.0"),
        (
            {"liquidation_fee": 0.01, "liquidation": lc.FullClose()},
            lc.InputError,
            "liquidation_fee belongs to the venue's own policy: with a liquidation of yours, set its fee_rate",
        ),
        ({"collateral": {"BTC": 1.2}}, lc.InputError, r"collateral\['BTC'\] must be <= 1, was 1.2"),
        ({"settlement": ""}, lc.InputError, "settlement must not be empty"),
    ],
)
def test_a_value_that_breaks_a_rule_is_named(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        venues.binance_usdm(**options)
