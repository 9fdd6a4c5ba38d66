"""Books and outcomes as tables: Arrow without a library, frames, Parquet, Zarr; a round trip changes no bit."""

from __future__ import annotations

import gc
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas
import polars
import pyarrow
import pytest
import xarray
from pyarrow import parquet

import levcore as lc

HOUR = timedelta(hours=1)
TIERS = lc.MarginTiers(floor=[0, 1e6], maintenance_rate=[0.005, 0.01])
VENUE = lc.Venue(
    [lc.LinearPerpetual("X-P", asset="X", tiers=TIERS), lc.LinearPerpetual("Ÿ-P", asset="Y", tiers=TIERS)],
    backstop=lc.Backstop(insurance_fund=2e3),
)
MARKET = lc.Market(
    {name: lc.Asset(price, impact=lc.LinearImpact(depth=2e4)) for name, price in (("X", 100.0), ("Y", 7.0))}
)
BOOK = lc.Book.synthetic(VENUE, size=400, prices=MARKET.prices, open_interest={"X": 1e6, "Y": 1e5}, seed=4)
RUNS = lc.simulate(BOOK, MARKET, lc.GBM(volatility=0.9), paths=40, steps=24, step=HOUR, seed=7, keep_steps=True)
SHOCKS = lc.shock(BOOK, MARKET, np.linspace(-0.2, 0.2, 9))
CROSS = lc.Book(
    VENUE,
    instrument="X-P",
    quantity=[1.0, -2.0, 3.0],
    entry_price=[100.0, 101.0, 102.0],
    margin=[np.nan, np.nan, 9.0],
    account=[0, 1, -1],
    accounts=lc.Accounts(USD=[50.0, 70.0]),
)
EVERYTHING = {
    "book": BOOK,
    "cross book": CROSS,
    "paths": RUNS,
    "shocks": SHOCKS,
    "positions": RUNS.per_position(),
    "rounds": RUNS.per_round(),
}


def same(ours: Any, theirs: Any) -> None:
    """The bits are equal, what is missing is missing; names may have become categories."""
    theirs = np.asarray(theirs)
    if ours.dtype.kind == "O":
        assert [None if value is None or value != value else value for value in theirs.tolist()] == ours.tolist()
    elif ours.dtype.kind == "m":
        theirs = theirs.astype("timedelta64[ns]")
        assert np.array_equal(ours.astype("timedelta64[ns]").view(np.int64), theirs.view(np.int64))
    else:
        assert np.ascontiguousarray(ours).tobytes() == np.ascontiguousarray(theirs).astype(ours.dtype).tobytes()


@pytest.mark.parametrize("what", EVERYTHING)
@pytest.mark.parametrize("reader", ["arrow", "polars", "pandas", "parquet", "duckdb"])
def test_a_table_comes_out_to_the_last_bit(what: str, reader: str, tmp_path: Path) -> None:
    given = EVERYTHING[what]
    table = given.to_table()
    if reader == "arrow":
        got: Any = pyarrow.table(given)
        got.validate(full=True)
        read = {name: got[name].to_numpy(zero_copy_only=False) for name in got.column_names}
    elif reader == "polars":
        got = given.to_polars()
        read = {name: got[name].to_numpy() for name in got.columns}
    elif reader == "pandas":
        got = given.to_pandas()
        read = {name: got[name].to_numpy() for name in got.columns}
    elif reader == "parquet":
        got = lc.parquet_files.read(given.to_parquet(tmp_path / "table.parquet"))
        read = {name: got[name].to_numpy(zero_copy_only=False) for name in got.column_names}
    else:
        got = duckdb.arrow(pyarrow.table(given)).to_arrow_table()
        read = {name: got[name].to_numpy(zero_copy_only=False) for name in got.column_names}
        read = {name: values for name, values in read.items() if table[name].dtype.kind != "m"}  # has no nanoseconds
    assert set(read) <= set(table.columns)
    assert len(read) >= len(table.columns) - 2
    for name, values in read.items():
        same(table[name], values)


@pytest.mark.parametrize("frame", ["arrow", "polars", "pandas", "parquet", "table", "itself", "duckdb"])
def test_a_book_comes_back_from_every_frame(frame: str, tmp_path: Path) -> None:
    for book in (BOOK, CROSS):
        held: Any = {
            "arrow": lambda book=book: pyarrow.table(book),
            "polars": book.to_polars,
            "pandas": book.to_pandas,
            "parquet": lambda book=book: lc.parquet_files.read(book.to_parquet(tmp_path / "book.parquet")),
            "table": book.to_table,
            "itself": lambda book=book: book,
            "duckdb": lambda book=book: duckdb.arrow(pyarrow.table(book)),
        }[frame]()
        accounts = book.accounts if len(book.accounts) else None
        again = lc.Book.from_frame(VENUE, held, accounts=accounts)
        for name in ("instrument", "quantity", "entry_price", "margin", "account"):
            same(getattr(book, name), getattr(again, name))


def test_numbers_are_handed_over_where_they_are() -> None:
    table = pyarrow.table(BOOK)
    for name in ("quantity", "entry_price", "margin"):
        assert table[name].chunk(0).buffers()[1].address == getattr(BOOK, name).ctypes.data
    assert pyarrow.table(RUNS)["bad_debt"].chunk(0).buffers()[1].address == RUNS.bad_debt.ctypes.data
    frame = BOOK.to_polars()
    assert frame["margin"].to_numpy().ctypes.data == BOOK.margin.ctypes.data


def test_what_was_handed_over_outlives_what_it_came_from() -> None:
    runs = lc.simulate(BOOK, MARKET, lc.GBM(volatility=0.9), paths=40, steps=24, step=HOUR, seed=7)
    table, known = pyarrow.table(runs), runs.bad_debt.tolist()
    column = table["bad_debt"].chunk(0)
    del runs, table
    gc.collect()
    assert column.to_pylist() == known


def test_a_stream_is_read_once_and_one_that_is_not_read_is_let_go() -> None:
    for _ in range(50):
        BOOK.__arrow_c_stream__()
    gc.collect()
    reader = pyarrow.RecordBatchReader.from_stream(BOOK)
    assert sum(len(batch) for batch in reader) == len(BOOK)
    assert list(reader) == []


def test_arrow_needs_no_library(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "import levcore as lc\n"
        "tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])\n"
        "venue = lc.Venue([lc.LinearPerpetual('X', asset='X', tiers=tiers)])\n"
        "book = lc.Book(venue, instrument='X', quantity=[1.0], entry_price=[100.0], margin=[10.0])\n"
        "print(type(book.__arrow_c_stream__()).__name__, 'pyarrow' in sys.modules, 'pandas' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["PyCapsule", "False", "False"]


def test_units_version_and_what_was_run_stand_in_the_metadata(tmp_path: Path) -> None:
    schema = parquet.read_schema(RUNS.to_parquet(tmp_path / "runs.parquet"))
    about = {key.decode(): value.decode() for key, value in schema.metadata.items()}
    assert about["levcore.levcore"] == lc.__version__
    assert (about["levcore.kind"], about["levcore.schema"], about["levcore.seed"]) == ("path", "1", "7")
    assert schema.field("bad_debt").metadata[b"unit"] == b"USD"
    assert schema.field("final_price_Y").metadata[b"unit"] == b"USD"
    assert RUNS.to_pandas().attrs["units"]["bad_debt"] == "USD"


def test_numbers_of_a_parquet_file_are_split_into_streams_of_bytes(tmp_path: Path) -> None:
    content = parquet.ParquetFile(RUNS.to_parquet(tmp_path / "runs.parquet")).metadata.row_group(0)
    columns = {content.column(i).path_in_schema: content.column(i) for i in range(content.num_columns)}
    assert "BYTE_STREAM_SPLIT" in columns["bad_debt"].encodings
    assert {column.compression for column in columns.values()} == {"ZSTD"}


def test_a_parquet_of_a_later_schema_is_refused(tmp_path: Path) -> None:
    table = pyarrow.table(BOOK)
    parquet.write_table(
        table.replace_schema_metadata({"levcore.schema": "2", "levcore.levcore": "9.0"}), tmp_path / "x"
    )
    with pytest.raises(lc.StoreError, match=r"x has schema 2, by levcore 9\.0; this levcore reads up to 1"):
        lc.parquet_files.read(tmp_path / "x")
    (tmp_path / "x").write_bytes(b"no parquet")
    with pytest.raises(lc.StoreError, match="is no Parquet file"):
        lc.parquet_files.read(tmp_path / "x")
    with pytest.raises(lc.StoreError, match="cannot be written"):
        BOOK.to_parquet(tmp_path / "nowhere" / "book.parquet")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_paths_as_a_labelled_cube_and_as_a_zarr_store(tmp_path: Path) -> None:
    cube = RUNS.to_xarray()
    assert dict(cube.sizes) == {"path": 40, "asset": 2, "step": 24}
    kept = RUNS.steps_kept
    assert kept is not None
    one = cube["step_mark_price"].sel(asset="Y", path=3)
    assert one.to_numpy().tolist() == kept.mark_price["Y"][3].tolist()
    assert cube["bad_debt"].attrs["units"] == "USD"
    store = xarray.open_zarr(RUNS.to_zarr(tmp_path / "store"), consolidated=False)
    assert store.identical(cube) or store.equals(cube)
    assert (tmp_path / "store" / "zarr.json").exists()
    with pytest.raises(lc.StoreError, match="is there already"):
        RUNS.to_zarr(tmp_path / "store")


def test_a_round_belongs_to_its_path() -> None:
    rounds = RUNS.per_round(paths=[3, -1])
    assert sorted(set(rounds["path"])) == [3, 39]
    assert rounds["bad_debt"][rounds["path"] == 3].sum() == pytest.approx(RUNS.at(3).bad_debt)
    assert len(RUNS.per_round(paths=[])) == 0
    assert len(RUNS.per_round()) == RUNS.rounds.sum()
    with pytest.raises(lc.InputError, match="i must lie in -40 to 39, was 40"):
        RUNS.per_round(paths=[40])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (polars.DataFrame({"instrument": ["X-P"], "quantity": [1.0], "entry_price": [1.0]}), "has no column 'margin'"),
        (pyarrow.table({"instrument": ["X-P"], "quantity": [None], "entry_price": [1.0], "margin": [1.0]}), "null"),
        (
            pandas.DataFrame({"instrument": ["X-P"], "quantity": ["a"], "entry_price": [1.0], "margin": [1.0]}),
            "quantity",
        ),
        ("text", "must be a pandas, polars or pyarrow table or a mapping, was str"),
        (3, "must be a pandas, polars or pyarrow table or a mapping, was int"),
    ],
)
def test_frames_that_are_no_books_are_refused(frame: Any, message: str) -> None:
    with pytest.raises(lc.LevcoreError, match=message):
        lc.Book.from_frame(VENUE, frame)
