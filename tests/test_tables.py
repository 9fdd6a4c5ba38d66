"""Books and prices from CSV and Parquet files: exact to the last bit, and refused by file, column and row."""

from __future__ import annotations

import sys
import tracemalloc
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import levcore as lc
from levcore import tables
from making_scenario_files import REPLAY, SHOCK, written

ROWS = 400
CHANCE = np.random.default_rng(3)
POSITIONS = pd.DataFrame(
    {
        "instrument": ["BTCUSDT"] * ROWS,
        "quantity": CHANCE.normal(size=ROWS),
        "entry_price": 60_000.0 * np.exp(CHANCE.normal(size=ROWS) / 9.0),
        "margin": 1e4 * CHANCE.random(ROWS),
    }
)
HEADER = b"instrument,quantity,entry_price,margin\n"
ROW = b"BTCUSDT,1.0,60000,5000\n"


def scenario(folder: Path, book: str, **parts: str) -> Path:
    return written(folder, book=f"[book]\nkind = 'file'\n{book}\n", **{"scenario": SHOCK} | parts)


def stored(folder: Path, name: str, frame: pd.DataFrame) -> None:
    """Write a frame as its name's ending says."""
    if name.endswith(".csv"):
        frame.to_csv(folder / name, index=False)
    else:
        frame.to_parquet(folder / name, index=False)


# --- Books ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["book.csv", "book.parquet", "BOOK.CSV"])
def test_a_book_comes_from_its_file_to_the_last_bit(tmp_path: Path, name: str) -> None:
    frame = POSITIONS.assign(comment="not for us")
    stored(tmp_path, name, frame) if name.islower() else frame.to_csv(tmp_path / name, index=False)
    book = lc.settings.load(scenario(tmp_path, f"file = '{name}'")).book
    for column in ("quantity", "entry_price", "margin"):
        assert getattr(book, column).tolist() == POSITIONS[column].tolist()
    assert book.instrument.tolist() == [0] * ROWS


def test_columns_are_renamed_and_one_symbol_stands_for_all_rows(tmp_path: Path) -> None:
    stored(tmp_path, "theirs.csv", POSITIONS.rename(columns={"quantity": "size", "margin": "collateral"}).iloc[:, 1:])
    keys = "file = 'theirs.csv'\ninstrument = 'BTCUSDT'\ncolumns = { size = 'quantity', collateral = 'margin' }"
    assert lc.settings.load(scenario(tmp_path, keys)).book.margin.tolist() == POSITIONS["margin"].tolist()


def test_dictionaries_of_words_and_whole_numbers_are_columns_too(tmp_path: Path) -> None:
    frame = POSITIONS.assign(instrument=POSITIONS["instrument"].astype("category"), quantity=np.arange(1, ROWS + 1))
    stored(tmp_path, "book.parquet", frame)
    assert lc.settings.load(scenario(tmp_path, "file = 'book.parquet'")).book.quantity.tolist() == [*range(1, ROWS + 1)]


def refused(folder: Path, book: str = "file = 'book.csv'", **parts: str) -> str:
    path = scenario(folder, book, **parts)
    with pytest.raises(lc.SettingsError) as caught:
        lc.settings.load(path)
    return str(caught.value).removeprefix(str(path)).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "book.csv must be a CSV file with a header, was empty"),
        (b"\x89PNG\r\n\0\0\0" * 99, "book.csv must be a CSV file, byte 6 was 0: no text"),
        (HEADER + b"B\xe9,1,1,1\n", "book.csv:2 must be text in UTF-8, had a byte 0xe9"),
        (HEADER + ROW * 5_000 + b"B\xe9,1,1,1\n", "book.csv must be text in UTF-8"),
        (b"x" * 70_000, "book.csv must be a CSV file, had no end of line in the first 65,536 bytes"),
        (b"instrument,size\nBTCUSDT,1\n", "missing: quantity, entry_price, margin; it has: instrument, size"),
        (b"margin," + HEADER + b"1," + ROW, "book.csv must have one column margin, had 2"),
        (HEADER + 3 * ROW + b"BTCUSDT,1.0,60", "margin[3] must be a number, was empty or nan"),
        (HEADER + 3 * ROW + b"BTCUSDT", "quantity[3] must be a number, was empty or nan"),
        (HEADER + ROW + b"BTCUSDT,1,60000,5000,7\n", "Expected 4 fields in line 3, saw 5"),
        (HEADER + b"a," + ROW + b"b," + ROW, "book.csv cannot be read: Length of header or names does not match"),
        (HEADER + ROW + b'BTC"USDT,1,1,"1\n', "book.csv cannot be read: "),
        (HEADER + ROW + b"BTCUSDT,1;0,60000,5000\n", "quantity[1] must be a number, was '1;0'"),
        (HEADER + 150_000 * ROW + b"BTCUSDT,1.0,sixty,5000\n", "entry_price[150000] must be a number, was 'sixty'"),
        (HEADER + ROW + b"BTCUSDT,1.0,-3,5000\n", "book.csv: entry_price[1] must be > 0, was -3"),
        (HEADER + ROW + b"BTCUSDT,inf,3,5000\n", "book.csv: quantity[1] must be finite, was inf"),
        (HEADER + ROW + b"LUNAUSDT,1.0,3,5000\n", "instrument[1] must be one of BTCUSDT, was str 'LUNAUSDT'"),
        (HEADER + ROW + b",1.0,3,5000\n", "instrument[1] must be one of BTCUSDT, was str ''"),
    ],
    ids=[
        *("empty", "binary", "latin", "latin later", "no lines", "other columns", "column twice"),
        *("cut in a row", "cut early", "long row", "long rows", "open quote", "no number", "no number far on"),
        *("negative", "infinite", "unknown symbol", "no symbol"),
    ],
)  # fmt: skip
def test_a_csv_file_that_is_wrong_is_refused_by_column_and_row(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "book.csv").write_bytes(content)
    told = refused(tmp_path)
    assert told.startswith(":12: book.file: book.csv")
    assert said in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.drop(columns="margin"), "missing: margin; it has: instrument, quantity, entry_price"),
        (lambda frame: frame.assign(margin="much"), "margin must be a column of numbers, was one of "),
        (lambda frame: frame.assign(quantity=[*range(ROWS - 1), None]), f"quantity[{ROWS - 1}] must not be null"),
        (lambda frame: frame.assign(instrument=7), "instrument[0] must be one of BTCUSDT, was int 7"),
        (lambda frame: frame.assign(margin=-1.0), "margin[0] must be > 0, was -1"),
    ],
)
def test_a_parquet_file_that_is_wrong_is_refused_by_column_and_row(tmp_path: Path, change, said: str) -> None:
    stored(tmp_path, "book.parquet", change(POSITIONS))
    told = refused(tmp_path, "file = 'book.parquet'")
    assert said in told
    assert "book.file: book.parquet" in told


def test_a_damaged_parquet_file_is_refused_by_name(tmp_path: Path) -> None:
    stored(tmp_path, "whole.parquet", POSITIONS)
    whole = (tmp_path / "whole.parquet").read_bytes()
    said = set()
    for content in (b"", b"CSV", whole[:-9], whole[:200], whole[:40] + b"\xff" * 60 + whole[100:]):
        (tmp_path / "book.parquet").write_bytes(content)
        said.add(refused(tmp_path, "file = 'book.parquet'").split("book.parquet", 1)[1][:40])
    assert {"must be a Parquet file" in one or "cannot be read as Parquet" in one for one in said} == {True}


def test_a_parquet_file_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1.0])] * 2, names=["quantity", "quantity"])
    parquet.write_table(twice, tmp_path / "book.parquet")
    with pytest.raises(lc.InputError, match="one column quantity, had 2"):
        tables.read(tmp_path / "book.parquet", numbers=["quantity"])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("file = 'nowhere.csv'", "book.file must name a file, 'nowhere.csv' is not there"),
        ("file = 'book.xlsx'", "book.file must end in .csv or .parquet, was 'book.xlsx'"),
        ("file = \"a\\u0000.csv\"", "book.file must name a file"),
        ("file = 'day.csv'\ninstrument = 'ETH'", "book.instrument must be one of BTCUSDT, was 'ETH'"),
        ("file = 'a.csv'\ncolumns = { a = 'margin', b = 'margin' }", "columns must name margin once, was 'a' and 'b'"),
        ("file = 'a.csv'\ncolumns = { a = 'account' }", "columns.a must be 'instrument', 'quantity', 'entry_price'"),
        ("file = 'a.csv'\ncolumns = { a = 'instrument' }\ninstrument = 'B'", "columns must not rename to instrument"),
    ],
)  # fmt: skip
def test_keys_of_a_file_that_make_no_sense_are_told_before_it_is_read(tmp_path: Path, keys: str, said: str) -> None:
    assert said in refused(tmp_path, keys)


@pytest.mark.parametrize("name", ["book.csv", "book.parquet"])
def test_a_file_that_is_too_large_for_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stored(tmp_path, name, pd.concat([POSITIONS] * 150))
    monkeypatch.setattr("levcore.memory.available_bytes", lambda: 500_000)
    monkeypatch.setattr(pd, "read_csv", None)
    with pytest.raises(lc.TooLargeError, match=r"book\.\w+ of (about )?[56]\d,\d{3} rows needs .* GB of memory"):
        tables.read(tmp_path / name, numbers=["quantity"], words=["instrument"])


@pytest.mark.parametrize(("name", "module"), [("book.csv", "pandas"), ("book.parquet", "pyarrow")])
def test_what_reads_a_file_and_is_missing_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    stored(tmp_path, name, POSITIONS)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(lc.MissingExtraError, match=r'pip install "levcore\[(io|parquet)\]"'):
        lc.settings.load(scenario(tmp_path, f"file = '{name}'"))


# --- Recorded prices --------------------------------------------------------------------------------------------------

CLOSES = 60_000.0 * np.exp(-0.01 * np.arange(8))
TIMES = pd.date_range("2024-08-05T00:00", periods=8, freq="5min", tz="UTC")
AS_TIMES = REPLAY.replace('step = "1h"', "times = 'at'")


def prices(folder: Path, name: str = "prices.csv", at=TIMES, **columns: object) -> None:
    stored(folder, name, pd.DataFrame({"at": at, "close": CLOSES, **columns}))


@pytest.mark.parametrize("name", ["prices.csv", "prices.parquet"])
@pytest.mark.parametrize(
    ("at", "keys"),
    [
        (TIMES, "times = 'at'"),
        (TIMES.tz_localize(None), "times = 'at'"),
        (TIMES.tz_convert("Asia/Tokyo"), "times = 'at'"),
        (TIMES.strftime("%Y-%m-%dT%H:%M:%SZ"), "times = 'at'"),
        (TIMES.as_unit("ms").astype("int64"), "times = 'at'\ntime_unit = 'ms'"),
        (TIMES.as_unit("s").astype("int64"), "times = 'at'\ntime_unit = 's'"),
        (TIMES.as_unit("ns").astype("int64"), "times = 'at'\ntime_unit = 'ns'"),
        (TIMES, "step = '5min'"),
    ],
)
def test_recorded_prices_come_with_their_times_or_a_step(tmp_path: Path, name: str, at, keys: str) -> None:
    prices(tmp_path, name, at)
    replay = REPLAY.replace("prices.csv", name).replace('step = "1h"', keys)
    plan = lc.settings.load(written(tmp_path, scenario=replay))
    assert (plan.kind, plan.scenario["BTC"].tolist()) == ("replay", CLOSES.tolist())
    outcome = lc.replay(plan.book, plan.market, plan.scenario, **plan.options)
    again = lc.replay(plan.book, plan.market, {"BTC": CLOSES}, step=timedelta(minutes=5))
    assert outcome.final_price == again.final_price
    assert outcome.steps_kept.time.tolist() == again.steps_kept.time.tolist()
    if "times" in plan.options:
        assert plan.options["times"][1] == np.datetime64("2024-08-05T00:05")


def test_bars_have_their_highs_and_lows(tmp_path: Path) -> None:
    prices(tmp_path, high=CLOSES * 1.01, low=CLOSES * 0.99)
    replay = AS_TIMES + "high = { BTC = 'high' }\nlow = { BTC = 'low' }\nrescale = true\n"
    plan = lc.settings.load(written(tmp_path, scenario=replay))
    assert plan.options["low"]["BTC"].tolist() == (CLOSES * 0.99).tolist()
    assert plan.options["rescale"] is True
    assert lc.replay(plan.book, plan.market, plan.scenario, **plan.options).steps_kept.time.size == 3 * 8


@pytest.mark.parametrize(
    ("replay", "said"),
    [
        (AS_TIMES + "step = '1h'\n", "scenario: times or step must be given, and not both"),
        (AS_TIMES + "high = { BTC = 'high' }\n", "scenario: high and low must be given together"),
        (REPLAY + "time_unit = 's'\n", "scenario.time_unit must go with times"),
        (REPLAY.replace("{ BTC", "{ ETH = 'close', BTC"), "scenario.prices.ETH must be one of BTC, was 'ETH'"),
        (REPLAY.replace("{ BTC", "{ ETH"), "scenario.prices must have every asset of the market; missing: BTC"),
        (REPLAY.replace("'close'", "''").replace('"close"', '""'), "prices.BTC must be text that is not empty"),
        (REPLAY.replace('"close"', '"open"'), "scenario.file: prices.csv must have the columns open; missing: open"),
        (AS_TIMES + "time_unit = 's'\n", "at[0] must be a number of s since 1970, was '2024-08-05 00:00:00+00:00'"),
        (AS_TIMES.replace("'at'", "'close'"), "scenario.times must name a column of its own, was 'close'"),
        (AS_TIMES.replace("'at'", "'no'"), "no[0] must be a time in ISO 8601 such as 2024-08-05T00:00Z, was 'x'"),
        (REPLAY + "[run]\nseed = 3\n", "run.seed is nothing to a scenario of kind 'replay'"),
    ],
)  # fmt: skip
def test_a_replay_that_is_wrong_is_told_at_its_key(tmp_path: Path, replay: str, said: str) -> None:
    prices(tmp_path, no="x")
    path = written(tmp_path, scenario=replay)
    with pytest.raises(lc.SettingsError) as caught:
        lc.settings.load(path)
    assert said in str(caught.value).replace(f"{tmp_path}/", "")


def test_a_long_word_that_many_rows_repeat_is_held_once(tmp_path: Path) -> None:
    word = "X" * 20_000
    column = pa.DictionaryArray.from_arrays(np.zeros(20_000, dtype=np.int32), pa.array([word]))
    table = pa.table({"instrument": column, "quantity": np.ones(20_000)})
    parquet.write_table(table, tmp_path / "book.parquet")
    tracemalloc.start()
    read = tables.read(tmp_path / "book.parquet", numbers=["quantity"], words=["instrument"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read["instrument"][-1] == word
    assert peak < 5_000_000
    assert pa.total_allocated_bytes() < 50_000_000
