"""Positions as venues give them out: read to the last digit, or refused with file, line and field."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
from levcore.loaders import documents

HERE = Path(__file__).parent
DATA = HERE / "data/loaders"


def rated(rate: float) -> lc.MarginTiers:
    return lc.MarginTiers([0.0], [rate], max_leverage=[0.5 / rate])


HYPERLIQUID = lc.venues.hyperliquid(["ETH", "HYPE"], tiers={"ETH": rated(0.01), "HYPE": rated(1.0 / 6.0)})
COINM = lc.venues.binance_coinm("BTCUSD_PERP", tiers={"BTCUSD_PERP": rated(0.004)})
USDM = lc.venues.binance_usdm(
    tiers={"BTCUSDT": rated(0.004), "WLDUSDT": rated(0.006), "XEMUSDT": rated(0.01)},
)


def sample(name: str):
    return json.loads((DATA / name).read_text())


def written(tmp_path: Path, content: object, name: str = "positions.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(content, indent=2))
    return path


def line_of(path: Path, words: str, occurrence: int = 0) -> int:
    return [n for n, line in enumerate(path.read_text().splitlines(), 1) if words in line][occurrence]


# --- Hyperliquid ------------------------------------------------------------------------------------------------------


def test_an_isolated_position_has_the_margin_and_the_liquidation_price_of_the_venue() -> None:
    book = lc.loaders.hyperliquid.positions(DATA / "hyperliquid_isolated.json", venue=HYPERLIQUID)
    position = sample("hyperliquid_isolated.json")["assetPositions"][0]["position"]
    # What the venue calls marginUsed is equity: what was posted, and the open profit.
    assert book.margin[0] == pytest.approx(float(position["marginUsed"]) - float(position["unrealizedPnl"]), rel=1e-12)
    # Its rawUsd is printed to a millionth of a dollar in 95.
    assert book.liquidation_price[0] == pytest.approx(float(position["liquidationPx"]), rel=1e-8)
    assert (len(book), len(book.accounts), book.account[0]) == (1, 0, -1)


def test_a_cross_account_has_the_value_and_the_liquidation_price_of_the_venue() -> None:
    book = lc.loaders.hyperliquid.positions(DATA / "hyperliquid_cross.json", venue=HYPERLIQUID)
    state = sample("hyperliquid_cross.json")
    position = state["assetPositions"][0]["position"]
    wallet = book.accounts.balances["USDC"][0]
    assert wallet + float(position["unrealizedPnl"]) == pytest.approx(
        float(state["crossMarginSummary"]["accountValue"]), rel=1e-12
    )
    mark = float(position["positionValue"]) / 1.95
    found = book.liquidation_price_at({"ETH": 2_986.0, "HYPE": mark}, side="above")
    assert found[0] == pytest.approx(float(position["liquidationPx"]), rel=1e-9)


def test_users_in_a_list_or_under_names_have_an_account_each_where_they_need_one() -> None:
    cross, isolated = sample("hyperliquid_cross.json"), sample("hyperliquid_isolated.json")
    for source in ([cross, isolated, cross], {"one": cross, "two": isolated, "three": cross}):
        book = lc.loaders.hyperliquid.positions(source, venue=HYPERLIQUID)
        assert book.account.tolist() == [0, -1, 1]
        assert np.isnan(book.margin).tolist() == [True, False, True]
        assert book.accounts.balances["USDC"].tolist() == [pytest.approx(49.981188)] * 2
    files = [DATA / "hyperliquid_cross.json", DATA / "hyperliquid_isolated.json"]
    assert lc.loaders.hyperliquid.positions(files, venue=HYPERLIQUID).account.tolist() == [0, -1]


def test_users_in_one_file_are_named_by_their_line(tmp_path: Path) -> None:
    second = sample("hyperliquid_cross.json")
    second["assetPositions"][0]["position"]["entryPx"] = "-25"
    path = written(tmp_path, {"0xabc": sample("hyperliquid_cross.json"), "0xdef": second}, "states.json")
    with pytest.raises(lc.InputError) as caught:
        lc.loaders.hyperliquid.positions(path, venue=HYPERLIQUID)
    line = line_of(path, '"entryPx"', 1)
    assert str(caught.value) == (
        f"states.json:{line}: ['0xdef'].assetPositions[0].position.entryPx must be a number > 0, was '-25'"
    )


# --- dYdX -------------------------------------------------------------------------------------------------------------


def test_a_subaccount_of_many_positions_has_the_equity_of_the_venue() -> None:
    held = sample("dydx_subaccount.json")["subaccount"]
    markets = list(held["openPerpetualPositions"])
    venue = lc.venues.dydx_v4(markets, tiers={market: rated(0.03) for market in markets})
    book = lc.loaders.dydx.positions(DATA / "dydx_subaccount.json", venue=venue)
    profit = sum(float(position["unrealizedPnl"]) for position in held["openPerpetualPositions"].values())
    assert len(book) == 42
    assert book.accounts.balances["USDC"][0] + profit == pytest.approx(float(held["equity"]), rel=1e-14)
    assert (book.quantity > 0).sum() == 3
    assert set(book.account.tolist()) == {0}


def one_market(**changes: object) -> dict:
    position = {"market": "BTC-USD", "status": "OPEN", "side": "SHORT", "size": "-0.5", "entryPrice": "60000"} | changes
    return {
        "openPerpetualPositions": {"BTC-USD": position},
        "assetPositions": {"USDC": {"symbol": "USDC", "side": "LONG", "size": "33000"}},
    }


def test_subaccounts_of_an_address_are_accounts_and_those_without_positions_are_none() -> None:
    owing = one_market(side="LONG", size="1")
    owing["assetPositions"]["USDC"] |= {"side": "SHORT", "size": "50000"}
    empty = one_market() | {"openPerpetualPositions": {}}
    venue = lc.venues.dydx_v4("BTC-USD")
    book = lc.loaders.dydx.positions({"subaccounts": [one_market(), empty, owing]}, venue=venue)
    assert book.accounts.balances["USDC"].tolist() == [3_000.0, 10_000.0]
    assert book.account.tolist() == [0, 1]
    assert lc.loaders.dydx.positions(one_market(status="CLOSED"), venue=venue).quantity.size == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "0.5"}, r"\.size must be < 0 where side is SHORT, was 0\.5$"),
        ({"side": "SELL"}, r"\.side must be 'LONG' or 'SHORT', was 'SELL'$"),
        ({"market": "ETH-USD"}, r"\.market must be a symbol of the venue \(BTC-USD\) or stand in symbols=, was 'ETH-U"),
        ({"entryPrice": "NaN"}, r"\.entryPrice must be a number > 0, was 'NaN'$"),
    ],
)
def test_a_wrong_field_of_a_subaccount_is_named(change: dict, message: str) -> None:
    with pytest.raises(lc.InputError, match=r"^source\.openPerpetualPositions\['BTC-USD'\]" + message):
        lc.loaders.dydx.positions(one_market(**change), venue=lc.venues.dydx_v4("BTC-USD"))


def test_collateral_that_is_no_dollars_is_refused() -> None:
    held = one_market()
    held["assetPositions"]["ETH"] = {"symbol": "ETH", "side": "LONG", "size": "1"}
    with pytest.raises(lc.InputError, match=r"^source\.assetPositions\.ETH\.symbol must be 'USDC', was 'ETH'$"):
        lc.loaders.dydx.positions(held, venue=lc.venues.dydx_v4("BTC-USD"))


# --- Binance ----------------------------------------------------------------------------------------------------------


def test_a_coin_margined_position_has_the_liquidation_price_of_the_venue() -> None:
    book = lc.loaders.binance.positions(DATA / "binance_position_risk_coinm.json", venue=COINM)
    assert book.liquidation_price[0] == pytest.approx(25119.9744576, rel=1e-6)
    assert (book.quantity[0], book.margin[0]) == (2.0, 0.00268058)


def test_position_risk_has_isolated_margins_and_one_wallet_for_what_is_crossed() -> None:
    book = lc.loaders.binance.positions(DATA / "binance_position_risk_usdm.json", venue=USDM, wallet=5_301.64961823)
    assert [USDM.symbols[code] for code in book.instrument] == ["WLDUSDT", "XEMUSDT", "BTCUSDT"]
    assert book.quantity.tolist() == [5.0, 67_797.0, 0.003]
    assert book.account.tolist() == [0, 0, -1]
    assert book.margin[2] == 1.0467606
    assert book.accounts.balances["USDT"].tolist() == [5_301.64961823]
    # The venue's own maintenance margin of the isolated position is 0.51835560, at its mark.
    assert book.maintenance_margin({"BTC": 43_196.3, "WLD": 2.3956, "XEM": 0.02965372})[2] == pytest.approx(0.5183556)


def test_margin_without_a_wallet_of_its_own_is_what_is_left_without_the_profit() -> None:
    row = sample("binance_position_risk_usdm.json")[3]
    del row["isolatedWallet"], row["marginType"]  # version 3 says isolated by the margin alone
    assert lc.loaders.binance.positions([row], venue=USDM).margin[0] == pytest.approx(1.0467606, rel=1e-12)
    row["isolatedMargin"] = "0.3"
    with pytest.raises(
        lc.InputError,
        match=r"^source\[0\]\.isolatedMargin must leave a margin > 0 \(isolatedMargin - unRealizedProfit\), was -0",
    ):
        lc.loaders.binance.positions([row], venue=USDM)


def test_a_crossed_position_without_a_wallet_is_refused_by_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, sample("binance_position_risk_usdm.json"))
    with pytest.raises(lc.InputError, match=r"^positions\.json:2: \[0\] is in cross margin: wallet must be given, the"):
        lc.loaders.binance.positions(path, venue=USDM)


def test_wallets_of_several_accounts_go_by_name_or_by_place() -> None:
    rows = sample("binance_position_risk_usdm.json")[:1]
    read = lc.loaders.binance.positions
    named = read({"a": rows, "b": rows}, venue=USDM, wallet={"b": 2.0, "a": 1.0})
    assert named.accounts.balances["USDT"].tolist() == [1.0, 2.0]
    assert read([rows, rows], venue=USDM, wallet=[1.0, 2.0]).accounts.balances["USDT"].tolist() == [1.0, 2.0]
    with pytest.raises(lc.InputError, match="wallet must have an entry for each account, had none for 'b'"):
        read({"a": rows, "b": rows}, venue=USDM, wallet={"a": 1.0})
    with pytest.raises(lc.KindError, match="wallet must have an entry for each account, was float"):
        read([rows, rows], venue=USDM, wallet=1.0)


def test_a_side_that_contradicts_its_sign_is_refused() -> None:
    row = sample("binance_position_risk_usdm.json")[0] | {"positionSide": "SHORT"}
    with pytest.raises(lc.InputError, match=r"positionAmt must be < 0 where positionSide is SHORT, was 5$"):
        lc.loaders.binance.positions([row], venue=USDM, wallet=1.0)


# --- ccxt -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "own", "options"),
    [
        ("binance_usdm", "binance_position_risk_usdm", {"venue": USDM, "wallet": 100.0}),
        ("binance_coinm", "binance_position_risk_coinm", {"venue": COINM}),
    ],
)
def test_what_ccxt_makes_of_an_answer_is_the_book_that_the_answer_is(name: str, own: str, options: dict) -> None:
    unified = lc.loaders.ccxt.positions(DATA / f"ccxt_positions_{name}.json", **options)
    theirs = lc.loaders.binance.positions(DATA / f"{own}.json", **options)
    for column in ("instrument", "quantity", "entry_price", "margin", "account"):
        assert np.array_equal(getattr(unified, column), getattr(theirs, column), equal_nan=True), column


def test_what_ccxt_makes_of_hyperliquid_is_the_book_that_its_state_is() -> None:
    wallet = 49.981188
    unified = lc.loaders.ccxt.positions(DATA / "ccxt_positions_hyperliquid.json", venue=HYPERLIQUID, wallet=wallet)
    states = [DATA / "hyperliquid_isolated.json", DATA / "hyperliquid_cross.json"]
    theirs = lc.loaders.hyperliquid.positions(states, venue=HYPERLIQUID)
    assert unified.quantity.tolist() == theirs.quantity.tolist() == [0.0335, -1.95]
    assert unified.margin == pytest.approx(theirs.margin, rel=1e-12, nan_ok=True)
    assert unified.account.tolist() == theirs.account.tolist() == [-1, 0]


def test_live_positions_have_the_liquidation_prices_that_the_venue_returned() -> None:
    cases = json.loads((HERE / "oracles/hyperliquid_live_positions.json").read_text())
    seen = 0
    for case in cases:
        given = case["inputs"]
        row = {
            "symbol": f"{given['symbol']}/USDC:USDC",
            "side": given["side"],
            "contracts": given["amount"],
            "contractSize": 1.0,
            "entryPrice": given["entry_price"],
            "marginMode": "isolated",
            "positionMargin": given["isolated_margin"],
        }
        venue = lc.venues.hyperliquid(given["symbol"], tiers={given["symbol"]: rated(given["mmr"])})
        found = lc.loaders.ccxt.positions([row], venue=venue).liquidation_price[0]
        assert found == pytest.approx(case["expected"]["liquidation_price"], rel=1e-4), case["id"]
        seen += 1
    assert seen == 14


def unified(**changes: object) -> dict:
    row = {"symbol": "BTC/USDT:USDT", "side": "long", "contracts": 2.0, "contractSize": 0.01, "entryPrice": 60_000.0}
    return row | {"marginMode": "isolated", "collateral": 130.0, "unrealizedPnl": 10.0} | changes


def test_the_margin_of_a_unified_position_leaves_its_profit_out() -> None:
    book = lc.loaders.ccxt.positions([unified(side="short")], venue=USDM)
    assert (book.margin[0], book.quantity[0]) == (120.0, -0.02)
    assert lc.loaders.ccxt.positions([unified(positionMargin=119.0)], venue=USDM).margin[0] == 119.0
    assert lc.loaders.ccxt.positions([unified(collateral=Decimal("130"))], venue=USDM).margin[0] == 120.0


@pytest.mark.parametrize(
    ("theirs", "venue"),
    [
        ("BTC/USDT:USDT", lc.venues.binance_usdm("BTCUSDT", tiers={"BTCUSDT": rated(0.004)})),
        ("BTC/USDT:USDT", lc.venues.bybit_linear("BTCUSDT", tiers={"BTCUSDT": rated(0.005)})),
        ("BTC/USDC:USDC", lc.venues.hyperliquid("BTC")),
        ("BTC/USDC:USDC", lc.venues.dydx_v4("BTC-USD")),
        ("BTC/USDT:USDT", lc.Venue([lc.LinearPerpetual("BTC-USDT-SWAP", asset="BTC", tiers=rated(0.01))])),
    ],
)
def test_a_unified_symbol_is_found_as_the_venue_writes_it(theirs: str, venue: lc.Venue) -> None:
    assert len(lc.loaders.ccxt.positions([unified(symbol=theirs)], venue=venue)) == 1


def test_a_symbol_that_settles_in_another_currency_is_unknown_until_it_is_mapped() -> None:
    venue = lc.venues.hyperliquid(["BTC", "ETH"])
    with pytest.raises(
        lc.InputError,
        match=r"^source\[0\]\.symbol must be a symbol of the venue \(BTC, ETH\) or stand in symbols=, was 'BT",
    ):
        lc.loaders.ccxt.positions([unified()], venue=venue)
    assert len(lc.loaders.ccxt.positions([unified()], venue=venue, symbols={"BTC/USDT:USDT": "BTC"})) == 1
    with pytest.raises(lc.InputError, match=r"^symbols\['A'\] must be a symbol of the venue \(BTC, ETH\), was 'B'$"):
        lc.loaders.ccxt.positions([unified()], venue=venue, symbols={"A": "B"})


def test_contracts_without_a_size_need_one() -> None:
    read = lc.loaders.ccxt.positions
    with pytest.raises(
        lc.InputError, match=r"^source\[0\]\.contractSize is null: contract_size must be given for 'BTC/U"
    ):
        read([unified(contractSize=None)], venue=USDM)
    assert read([unified(contractSize=None)], venue=USDM, contract_size=0.5).quantity[0] == 1.0
    assert read([unified(contractSize=None)], venue=USDM, contract_size={"BTC/USDT:USDT": 2.0}).quantity[0] == 4.0
    wrong = sample("ccxt_positions_binance_coinm.json")[0] | {"contractSize": 10.0}
    with pytest.raises(lc.InputError, match=r"contractSize must be 100, the venue's contract_value, was 10\.0$"):
        read([wrong], venue=COINM)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entryPrice": "abc"}, "entryPrice must be a number > 0, was 'abc'"),
        ({"entryPrice": None}, "entryPrice must be a number > 0, was NoneType None"),
        ({"entryPrice": True}, "entryPrice must be a number > 0, was bool True"),
        ({"entryPrice": "1_000"}, "entryPrice must be a number > 0, was '1_000'"),
        ({"contracts": "1e999"}, "contracts must be a number >= 0, was '1e999'"),
        ({"contracts": -1}, "contracts must be a number >= 0, was int -1"),
        ({"side": "buy"}, "side must be 'long' or 'short', was 'buy'"),
        ({"marginMode": None}, "marginMode must be 'isolated' or 'cross', was NoneType None"),
        ({"collateral": None}, "collateral must be a number, at most 1e90 in size, was NoneType None"),
        ({"symbol": 3}, "symbol must be text, was int 3"),
    ],
)
def test_a_wrong_field_is_named_with_file_line_value_and_rule(change: dict, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, [unified(), unified(**change)])
    with pytest.raises(lc.InputError) as caught:
        lc.loaders.ccxt.positions(path, venue=USDM)
    line = line_of(path, f'"{next(iter(change))}"', 1)
    assert str(caught.value) == f"positions.json:{line}: [1].{message}"
    with pytest.raises(lc.InputError) as caught:
        lc.loaders.ccxt.positions([unified(), unified(**change)], venue=USDM)
    assert str(caught.value) == f"source[1].{message}"


def test_a_missing_field_is_named_with_the_line_of_its_position(tmp_path: Path) -> None:
    row = unified()
    del row["entryPrice"]
    path = written(tmp_path, [unified(), row])
    with pytest.raises(
        lc.InputError, match=r"^positions\.json:12: \[1\]\.entryPrice is missing; there are symbol, side"
    ):
        lc.loaders.ccxt.positions(path, venue=USDM)
    assert path.read_text().splitlines()[11].strip() == "{"


def test_tiers_have_the_line_of_what_is_wrong_with_them(tmp_path: Path) -> None:
    row = {"minNotional": 0, "maxNotional": 5e4, "maintenanceMarginRate": 0.004, "maxLeverage": 125, "info": {}}
    path = written(tmp_path, {"A/USDT:USDT": [row], "B/USDT:USDT": [row | {"maintenanceMarginRate": -1}]}, "tiers.json")
    with pytest.raises(lc.InputError) as caught:
        lc.loaders.ccxt.tiers(path)
    line = line_of(path, '"maintenanceMarginRate": -1')
    assert str(caught.value) == f"tiers.json:{line}: B/USDT:USDT[0].maintenanceMarginRate must be >= 0, was -1.0"
    bracket = {"initialLeverage": 150, "notionalFloor": 0, "notionalCap": 3e5, "maintMarginRatio": 0.004, "cum": "x"}
    path = written(tmp_path, [{"symbol": "BTCUSDT", "brackets": [bracket]}], "brackets.json")
    with pytest.raises(lc.InputError) as caught:
        lc.loaders.binance.brackets(path)
    assert str(caught.value) == (
        f"brackets.json:{line_of(path, 'cum')}: BTCUSDT brackets[0].cum must be a number, was str 'x'"
    )


# --- Documents --------------------------------------------------------------------------------------------------------


def test_a_file_that_is_cut_anywhere_is_refused_and_named(tmp_path: Path) -> None:
    content = (DATA / "hyperliquid_cross.json").read_bytes().rstrip()
    path = tmp_path / "cut.json"
    for size in range(0, len(content), 5):
        path.write_bytes(content[:size])
        with pytest.raises(lc.InputError, match=r"^cut\.json:\d+: must hold JSON, is "):
            lc.loaders.hyperliquid.positions(path, venue=HYPERLIQUID)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'[\n{"a": 1,\n "a": 2}]', r"^x\.json:2: must hold JSON: str 'a' stands twice in one object$"),
        (b'[\n[],\n{"a":\n NaN}]', r"^x\.json:3: must hold JSON: NaN is no JSON number$"),
        (b"[NaN]", r"^x\.json:1: must hold JSON: NaN is no JSON number$"),
        (b'[\n"\xff"]', r"^x\.json:2: must be text in UTF-8, had a byte 0xff$"),
        (b"[1,\n2;]", r"^x\.json:2: must hold JSON, is malformed: Expecting ',' delimiter \(column 2\)$"),
        (b"[" * 100_000, r"^x\.json must hold JSON: "),
        (b"[" * 900 + b"NaN" + b"]" * 900, r"^x\.json(:1:)? must hold JSON: "),
        (b"[" + b"9" * 5_000 + b"]", r"^x\.json must hold JSON: "),
        (b"", r"^x\.json:1: must hold JSON, is cut off: "),
        (b"3", r"^x\.json:1: must be the answer of the venue, or several of them, was int 3$"),
        (b"[3]", r"^x\.json:1: \[0\] must be a list of positions, was int 3$"),
        (b'[["x"]]', r"^x\.json:1: \[0\]\[0\] must be a position with symbol, was str 'x'$"),
    ],
)
def test_what_is_no_document_is_refused_by_its_line(text: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)
    with pytest.raises(lc.InputError, match=message):
        lc.loaders.ccxt.positions(path, venue=USDM)


def test_files_that_are_not_there_or_too_large_and_other_kinds_are_refused(tmp_path: Path) -> None:
    read = lc.loaders.ccxt.positions
    with pytest.raises(lc.StoreError, match=r"nothing\.json cannot be read"):
        read(tmp_path / "nothing.json", venue=USDM)
    large = tmp_path / "large.json"
    with large.open("wb") as opened:
        opened.truncate(300 * 2**20)
    with pytest.raises(lc.TooLargeError, match=r"large\.json (must have at most|.*needs)"):
        read(large, venue=USDM)
    with pytest.raises(lc.KindError, match="source must be the answer of the venue, or several of them, was NoneType"):
        read(None, venue=USDM)
    with pytest.raises(lc.KindError, match="venue must be a Venue"):
        read([], venue="binance")
    with pytest.raises(lc.KindError, match="symbols must be a mapping"):
        read([], venue=USDM, symbols=["BTCUSDT"])
    assert len(read([], venue=USDM)) == 0


def test_the_line_of_every_value_is_found() -> None:
    text = '\ufeff{\n "a": [\n  {"b": "x\\"}", "c": []},\n  {"b": {}, "c":\n   [1, 2,\n    3]}\n ],\n "d": null\n}'[1:]
    document = documents.Document("f", text)
    ways = {
        ("a",): 2,
        ("a", 0): 3,
        ("a", 0, "c"): 3,
        ("a", 1, "b"): 4,
        ("a", 1, "c"): 5,
        ("a", 1, "c", 2): 6,
        ("d",): 8,
    }
    assert {way: document.place(way) for way in ways} == {way: f"f:{line}" for way, line in ways.items()}
    assert document.place(("a", 1, "missing")) == "f:4"  # where it should be


ODD = (None, "", "x", -1, 0, True, 1e300, 10**400, [], [[]], {}, {"a": 1}, "nan", b"3", float("nan"))
MARKETS = ("BTC-USD", "ETH-USD")


def ways(value: object, way: tuple = ()) -> list[tuple]:
    """The way to every value within a document."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(inner for step, child in steps for inner in ways(child, (*way, step)))]


def replaced(value: object, way: tuple, odd: object) -> object:
    if not way:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = replaced(value[way[0]], way[1:], odd)
    return copy


@pytest.mark.parametrize(
    ("read", "name", "options"),
    [
        (lc.loaders.hyperliquid.positions, "hyperliquid_isolated.json", {"venue": HYPERLIQUID}),
        (lc.loaders.hyperliquid.positions, "hyperliquid_cross.json", {"venue": HYPERLIQUID}),
        (lc.loaders.binance.positions, "binance_position_risk_usdm.json", {"venue": USDM, "wallet": 9.0}),
        (lc.loaders.ccxt.positions, "ccxt_positions_binance_coinm.json", {"venue": COINM}),
        (lc.loaders.dydx.positions, None, {"venue": lc.venues.dydx_v4("BTC-USD")}),
    ],
)
def test_whatever_stands_in_a_field_is_read_or_refused(read, name: str | None, options: dict) -> None:
    content = {"subaccount": one_market()} if name is None else sample(name)
    refused = 0
    for way in ways(content):
        for odd in ODD:
            try:
                assert isinstance(read(replaced(content, way, odd), **options), lc.Book)
            except lc.LevcoreError:
                refused += 1
    assert refused > len(ODD)
