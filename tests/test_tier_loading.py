"""Tables of margin tiers as Binance and ccxt give them out: read exactly, or refused with the place of the mistake."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

import levcore as lc
from levcore import venues

REAL = {
    symbol: rows
    for symbol, rows in json.loads((Path(__file__).parent / "oracles/binance_usdm_tiers.json").read_text()).items()
    if symbol != "_meta"
}


def as_binance(floor: str = "notionalFloor", cap: str = "notionalCap") -> list[dict]:
    """The real tables in the form of Binance's interface."""
    return [
        {
            "symbol": symbol,
            "notionalCoef": 1.5,
            "brackets": [
                {
                    "bracket": number,
                    "initialLeverage": int(row["maxLeverage"]),
                    floor: row["minNotional"],
                    cap: row["maxNotional"],
                    "maintMarginRatio": row["mmr"],
                    "cum": row["maintAmt"],
                }
                for number, row in enumerate(rows, 1)
            ],
        }
        for symbol, rows in REAL.items()
    ]


def as_ccxt() -> dict[str, list[dict]]:
    """The real tables in ccxt's unified form; `info` holds what the venue wrote, numbers as text."""
    return {
        symbol.replace("USDT", "/USDT:USDT"): [
            {
                "tier": float(number),
                "symbol": symbol,
                "currency": "USDT",
                "minNotional": row["minNotional"],
                "maxNotional": row["maxNotional"],
                "maintenanceMarginRate": row["mmr"],
                "maxLeverage": row["maxLeverage"],
                "info": {"bracket": str(number), "cum": str(row["maintAmt"])},
            }
            for number, row in enumerate(rows, 1)
        ]
        for symbol, rows in REAL.items()
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "tiers.json"
    path.write_text(json.dumps(content))
    return path


# ---- what is right is read exactly ----


def test_binances_brackets_become_the_shipped_tiers(tmp_path: Path) -> None:
    from_file = venues.read_binance_tiers(written(tmp_path, as_binance()))
    assert list(from_file) == list(REAL)
    assert from_file == venues.read_binance_tiers(as_binance())
    for symbol, tiers in from_file.items():
        assert tiers == lc.datasets.binance_tiers(symbol)


def test_coin_margined_brackets_are_in_coin() -> None:
    tiers = venues.read_binance_tiers(as_binance("qtyFloor", "qtyCap"))
    assert tiers["BTCUSDT"] == lc.datasets.binance_tiers("BTCUSDT")
    table = {"BTCUSD_PERP": tiers["BTCUSDT"]}
    assert venues.binance_coinm(tiers=table).instruments[0].tiers.floor[1] == 300_000.0


def test_one_symbols_entry_alone_and_a_pair_instead_of_a_symbol_are_read() -> None:
    entry = as_binance()[0]
    assert list(venues.read_binance_tiers(entry)) == ["BTCUSDT"]
    entry["pair"] = entry.pop("symbol")
    assert list(venues.read_binance_tiers([entry])) == ["BTCUSDT"]


def test_ccxts_tiers_are_the_same_and_go_into_presets(tmp_path: Path) -> None:
    tiers = venues.read_ccxt_tiers(str(written(tmp_path, as_ccxt())))
    for symbol, table in tiers.items():
        assert table == lc.datasets.binance_tiers(symbol.replace("/USDT:USDT", "USDT"))
    assert venues.binance_usdm(tiers=tiers).assets == ("BTC", "ETH", "SOL", "BNB", "XRP", "DOGE")


def test_a_deduction_that_is_not_given_is_filled_in() -> None:
    content = as_ccxt()
    for rows in content.values():
        for row in rows:
            row["info"] = {}
    given = venues.read_ccxt_tiers(as_ccxt())
    for symbol, table in venues.read_ccxt_tiers(content).items():
        assert table.deduction == pytest.approx(given[symbol].deduction, rel=1e-12)
        assert table.maintenance_rate == given[symbol].maintenance_rate


def test_whole_position_tiers_ignore_deductions() -> None:
    table = venues.read_ccxt_tiers(as_ccxt(), whole_position=True)["BTC/USDT:USDT"]
    assert table.whole_position
    assert set(table.deduction) == {0.0}
    assert venues.gate(tiers={"BTC/USDT:USDT": table}).assets == ("BTC",)


def test_contracts_are_turned_into_base_units_and_may_begin_one_contract_later() -> None:
    rows = [
        {"minNotional": 0, "maxNotional": 500, "maintenanceMarginRate": 0.004, "maxLeverage": 100},
        {"minNotional": 501, "maxNotional": 2_000, "maintenanceMarginRate": 0.005, "maxLeverage": 75},
    ]
    kind = {"whole_position": True, "measure": "contracts"}
    for size in (0.01, {"BTC/USDT:USDT": 0.01}):
        table = venues.read_ccxt_tiers({"BTC/USDT:USDT": rows}, contract_size=size, **kind)["BTC/USDT:USDT"]
        assert table.floor == (0.0, 5.01)
        assert venues.okx(tiers={"BTC/USDT:USDT": table}).instruments[0].tiers.measure == "contracts"
    with pytest.raises(lc.InputError, match=r"\[1\].minNotional must be 500, where the row before ends, was 501"):
        venues.read_ccxt_tiers({"BTC/USDT:USDT": rows}, whole_position=True)
    with pytest.raises(lc.InputError, match="contract_size must name every symbol; 'BTC/USDT:USDT' is missing"):
        venues.read_ccxt_tiers({"BTC/USDT:USDT": rows}, contract_size={"ETH/USDT:USDT": 0.1}, **kind)


def test_a_last_row_without_an_end_is_read() -> None:
    content = as_ccxt()
    content["BTC/USDT:USDT"][-1]["maxNotional"] = None
    assert venues.read_ccxt_tiers(content) == venues.read_ccxt_tiers(as_ccxt())


# ---- what is wrong is named ----

WRONG_BINANCE = [
    ("maintMarginRatio", 1.5, "must be < 1, was 1.5"),
    ("maintMarginRatio", "many", "must be a number, was str 'many'"),
    ("maintMarginRatio", True, "must be a number, was bool True"),
    ("maintMarginRatio", 0.001, "must not fall, was 0.001 after 0.005"),
    ("maintMarginRatio", None, "must be a number, was NoneType None"),
    ("initialLeverage", 0, "must be > 0, was 0.0"),
    ("notionalFloor", 799_999.0, "must be 800000, where the row before ends, was 799999"),
    ("notionalFloor", -1.0, "must be >= 0, was -1.0"),
    ("notionalFloor", 10**400, "must be finite, was an int beyond all floats"),
    ("notionalCap", 800_000.0, "must be > 800000, was 800000.0"),
    ("cum", -5.0, "must be >= 0, was -5.0"),
]


@pytest.mark.parametrize(("field", "value", "rule"), WRONG_BINANCE)
def test_a_wrong_field_is_named_with_file_symbol_row_value_and_rule(
    field: str, value: object, rule: str, tmp_path: Path
) -> None:
    content = as_binance()
    content[1]["brackets"][2][field] = value
    with pytest.raises(lc.InputError) as caught:
        venues.read_binance_tiers(written(tmp_path, content))
    assert str(caught.value) == f"tiers.json:1: ETHUSDT brackets[2].{field} {rule}"
    with pytest.raises(lc.InputError) as caught:
        venues.read_binance_tiers(content)
    assert str(caught.value) == f"source: ETHUSDT brackets[2].{field} {rule}"


def test_a_deduction_that_breaks_continuity_is_refused_with_its_symbol() -> None:
    content = as_binance()
    content[1]["brackets"][2]["cum"] += 1.0
    with pytest.raises(lc.InputError, match=r"^source: ETHUSDT brackets: deduction\[2\] "):
        venues.read_binance_tiers(content)
    unified = as_ccxt()
    unified["ETH/USDT:USDT"][2]["info"]["cum"] = "1501.0"
    with pytest.raises(lc.InputError, match=r"^source: ETH/USDT:USDT: deduction\[2\] "):
        venues.read_ccxt_tiers(unified)


def test_a_missing_field_and_a_first_row_that_does_not_begin_at_zero_are_named() -> None:
    content = as_binance()
    del content[0]["brackets"][3]["initialLeverage"]
    with pytest.raises(
        lc.InputError, match=r"BTCUSDT brackets\[3\].initialLeverage is missing; there are bracket, not"
    ):
        venues.read_binance_tiers(content)
    content = as_binance()
    content[0]["brackets"] = content[0]["brackets"][1:]
    with pytest.raises(lc.InputError, match=r"brackets\[0\].notionalFloor must be 0 in the first row, was 300000"):
        venues.read_binance_tiers(content)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda c: c[1].update(symbol="BTCUSDT"),
            lc.InputError,
            r"source\[1\].symbol must differ from the others, 'BT",
        ),
        (lambda c: c[1].update(symbol=7), lc.InputError, r"source\[1\].symbol must be text, was int 7"),
        (
            lambda c: c[1].pop("brackets"),
            lc.InputError,
            "ETHUSDT brackets must be a list of at least one row, was None",
        ),
        (lambda c: c[1].update(brackets=[]), lc.InputError, "ETHUSDT brackets must be a list of at least one row"),
        (lambda c: c[1].update(brackets=[3]), lc.InputError, r"ETHUSDT brackets\[0\] must be a row with notionalFloor"),
        (
            lambda c: c.insert(0, "text"),
            lc.InputError,
            r"source\[0\] must be an entry with symbol and brackets, was str",
        ),
        (lambda c: c.clear(), lc.InputError, "source must have at least one symbol"),
        (lambda c: c[1].update(brackets=[{}] * 1_001), lc.TooLargeError, "must have at most 1,000 tiers, had 1,001"),
        (lambda c: c.extend([{}] * 20_000), lc.TooLargeError, "must have at most 20,000 symbols, had 20,006"),
    ],
)
def test_a_list_of_another_form_is_refused(change, error: type[Exception], message: str) -> None:
    content = copy.deepcopy(as_binance())
    change(content)
    with pytest.raises(error, match=message):
        venues.read_binance_tiers(content)


def test_the_other_readers_form_and_other_kinds_are_refused() -> None:
    with pytest.raises(lc.KindError, match="source must be a list of entries with symbol and brackets, was dict"):
        venues.read_binance_tiers(as_ccxt())
    with pytest.raises(lc.KindError, match="source must be a mapping of symbols to rows, was list"):
        venues.read_ccxt_tiers(as_binance())
    with pytest.raises(lc.KindError, match="was NoneType"):
        venues.read_binance_tiers(None)
    with pytest.raises(lc.InputError, match="must have symbols as its keys, one was int 3"):
        venues.read_ccxt_tiers({3: []})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "must hold JSON"),
        (b"\xff\xfe\x00", "must be text in UTF-8, had a byte 0xff"),
        (b"", "must hold JSON"),
        (b'[{"symbol": "A", "brackets": NaN}]', "must hold JSON: NaN is no JSON number"),
        (b"[" * 100_000, "must hold JSON"),
        (b"[" + b"9" * 5_000 + b"]", "must hold JSON"),
        (b'{"A/B:B": [], "A/B:B": []}', "'A/B:B' stands twice in one object"),
    ],
)
def test_a_file_that_is_no_json_is_refused_by_its_name(text: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(text)
    for read in (venues.read_binance_tiers, venues.read_ccxt_tiers):
        with pytest.raises(lc.InputError, match=rf"broken\.json {message}|broken\.json.*{message}"):
            read(path)


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(lc.StoreError, match=r"nothing\.json cannot be read"):
        venues.read_binance_tiers(tmp_path / "nothing.json")
    with pytest.raises(lc.StoreError, match="cannot be read"):
        venues.read_ccxt_tiers(tmp_path)
    large = tmp_path / "large.json"
    with large.open("wb") as opened:
        opened.truncate(17 * 2**20)
    with pytest.raises(lc.TooLargeError, match=r"large\.json must have at most 16,777,216 bytes, had more than"):
        venues.read_binance_tiers(large)
