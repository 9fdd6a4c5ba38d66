"""Dumps of archives as columns: real numbers read back, and whatever is cut, doubled or missing named with its line."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
from levcore import datasets

DATA = Path(__file__).parent / "data/loaders"
ZIPPED = DATA / "BTCUSDT-1m-2025-06-22.zip"
HEAD = "open_time,open,high,low,close,volume,close_time,ignore"


def bars(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


def minute(number: int, rest: str = "10,12,9,11,5") -> str:
    opened = 1_700_000_040_000 + 60_000 * number
    return f"{opened},{rest},{opened + 59_999},0"


def written(tmp_path: Path, text: str, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def refused(read, path, message: str, **options: object) -> None:
    with pytest.raises(lc.InputError) as caught:
        read(path, **options)
    assert str(caught.value) == message


# --- Klines -----------------------------------------------------------------------------------------------------------


def test_klines_in_a_zip_are_the_bars_that_ship_with_the_package() -> None:
    found = lc.loaders.binance.klines(ZIPPED)
    shipped = datasets.minute_bars("BTC")
    assert len(found.time) == 30
    for name in ("time", "open", "high", "low", "close"):
        assert np.array_equal(getattr(found, name), getattr(shipped, name)[:30]), name
    assert found.volume[0] == 771.218
    assert not any(column.flags.writeable for column in found)


def test_klines_without_a_header_and_in_microseconds_are_the_same_bars() -> None:
    spot = lc.loaders.binance.klines(DATA / "BTCUSDT-spot-layout-1m.csv")
    futures = lc.loaders.binance.klines(ZIPPED)
    assert all(np.array_equal(one, other[:10]) for one, other in zip(spot, futures, strict=True))


def test_klines_go_into_a_replay_as_they_are() -> None:
    found = lc.loaders.binance.klines(ZIPPED)
    tiers = lc.MarginTiers([0.0], [0.004])
    venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    start = found.open[0]
    falls_to = (found.low.min() + found.close.min()) / 2.0
    margin = [start - (1.0 - 0.004) * falls_to]
    book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[start], margin=margin)
    market = lc.Market({"BTC": lc.Asset(found.close[0], impact=lc.LinearImpact(depth=np.inf))})
    outcome = lc.replay(
        book, market, {"BTC": found.close}, times=found.time, high={"BTC": found.high}, low={"BTC": found.low}
    )
    first = np.flatnonzero(found.low[1:] < book.liquidation_price[0])[0] + 1
    assert found.close.min() > book.liquidation_price[0]  # seen by the lows alone
    assert outcome.first_liquidation == found.time[first] - found.time[0]


def test_columns_are_read_by_their_names_and_others_are_passed_over(tmp_path: Path) -> None:
    text = "note,close,volume,low,high,open,open_time\nx,11,5,9,12,10,1700000040000\n"
    found = lc.loaders.binance.klines(written(tmp_path, text))
    assert [float(column[0]) for column in found[1:]] == [10.0, 12.0, 9.0, 11.0, 5.0]
    assert found.time[0] == np.datetime64("2023-11-14T22:14:00")


def test_files_that_follow_each_other_are_one_series(tmp_path: Path) -> None:
    first = written(tmp_path, bars(minute(0), minute(1)), "a.csv")
    second = tmp_path / "b.csv.gz"
    second.write_bytes(gzip.compress(bars(minute(2), minute(3)).encode()))
    assert len(lc.loaders.binance.klines([first, second]).time) == 4
    message = "a.csv:2: open_time must be later than in the row before it, 2023-11-14T22:14:00.000 goes back, after "
    refused(lc.loaders.binance.klines, [second, first], message + "2023-11-14T22:17:00.000")


def test_gaps_and_repeated_bars_are_named_and_never_bridged(tmp_path: Path) -> None:
    read = lc.loaders.binance.klines
    gap = written(tmp_path, bars(minute(0), minute(1), minute(5), minute(6)))
    message = "x.csv:4: open_time must be 2023-11-14T22:16:00.000, when the bar before it ends, was "
    refused(read, gap, message + "2023-11-14T22:19:00.000, bars missing: 3")
    assert np.diff(read(gap, gaps="keep").time).astype(int).tolist() == [60 * 10**9, 240 * 10**9, 60 * 10**9]
    twice = written(tmp_path, bars(minute(0), minute(1), minute(1)))
    message = "x.csv:4: open_time must be later than in the row before it, 2023-11-14T22:15:00.000 stands twice"
    for gaps in ("refuse", "keep"):
        refused(read, twice, message, gaps=gaps)
    # Without close_time the first two bars say how long one is.
    plain = [",".join(minute(number).split(",")[:6]) for number in (0, 1, 3)]
    message = "x.csv:4: open_time must be 2023-11-14T22:16:00.000, when the bar before it ends, was "
    text = bars(*plain, head="open_time,open,high,low,close,volume")
    refused(read, written(tmp_path, text), message + "2023-11-14T22:17:00.000, bars missing: 1")
    with pytest.raises(lc.InputError, match="gaps must be 'refuse' or 'keep', was 'fill'"):
        read(gap, gaps="fill")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (minute(1, "abc,12,9,11,5"), "open must be a number > 0, was 'abc'"),
        (minute(1, "0,12,9,11,5"), "open must be a number > 0, was '0'"),
        (minute(1, "10,12,9,nan,5"), "close must be a number > 0, was 'nan'"),
        (minute(1, "10,12,9,,5"), "close must be a number > 0, was ''"),
        (minute(1, "10,12,9,11,-5"), "volume must be a number >= 0, was '-5'"),
        (minute(1, "10,10.5,9,11,5"), "high must be >= open and close, 11, was 10.5"),
        (minute(1, "10,12,10.5,11,5"), "low must be <= open and close, 10, was 10.5"),
        ("1700000100,10,12,9,11,5,0,0", "open_time must be a time in milliseconds or microseconds since 1970, was '17"),
        (
            "1700000100000000,10,12,9,11,5,0,0",
            "open_time must be in milliseconds, as in the rows before it, was '1700000100000000' (microseconds)",
        ),
        (
            "1700000100000,10,12,9,11,5,1700000000000,0",
            "close_time must be later than open_time, 2023-11-14T22:15:00.0",
        ),
        (
            "1700000100000,10,12,9",
            "must have 8 cells, one a column, had 4: the row is cut off or malformed",
        ),
    ],
)
def test_a_wrong_cell_is_named_with_file_line_column_and_value(row: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(lc.InputError) as caught:
        lc.loaders.binance.klines(written(tmp_path, bars(minute(0), row)))
    assert str(caught.value).startswith(f"x.csv:3: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^x\.csv: must be a CSV file with a header, was empty$"),
        (
            b"open_time,open\n1,2\n",
            r"^x\.csv:1: must have the columns high, low, close, volume; it has open_time, open$",
        ),
        (HEAD.encode() + b",open\n", r"^x\.csv:1: must have one column open, had 2$"),
        (HEAD.encode() + b"\n1\0\n", r"^x\.csv:2: must be text, had a byte 0x00$"),
        (HEAD.encode() + b"\n\xff\n", r"^x\.csv:2: must be text in UTF-8, had a byte 0xff$"),
        (HEAD.encode() + b'\n"a', r"^x\.csv:2: must be CSV: unexpected end of data$"),
        (b"a" * (2**20 + 1), r"^x\.csv:1: must have lines of at most 1,048,576 bytes$"),
    ],
)
def test_what_is_no_dump_is_refused_by_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(lc.InputError, match=message):
        lc.loaders.binance.klines(path)


# --- Archives ---------------------------------------------------------------------------------------------------------


def test_an_archive_that_is_cut_anywhere_is_refused_and_named(tmp_path: Path) -> None:
    whole = ZIPPED.read_bytes()
    path = tmp_path / "cut.zip"
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(lc.StoreError, match=r"cut\.zip cannot be read: the archive is damaged or cut off"):
            lc.loaders.binance.klines(path)
    whole = gzip.compress(bars(*map(minute, range(50))).encode())
    path = tmp_path / "cut.csv.gz"
    for size in range(1, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(lc.LevcoreError, match=r"cut\.csv\.gz"):
            lc.loaders.binance.klines(path)


def test_an_archive_with_a_changed_byte_is_no_bars(tmp_path: Path) -> None:
    whole = bytearray(ZIPPED.read_bytes())
    path = tmp_path / "hurt.zip"
    right = lc.loaders.binance.klines(ZIPPED)
    named = same = 0
    for place in range(0, len(whole), 11):
        hurt = bytearray(whole)
        hurt[place] ^= 0xFF
        path.write_bytes(hurt)
        try:
            found = lc.loaders.binance.klines(path)
        except lc.LevcoreError as error:
            named += "hurt.zip" in str(error)
        else:  # a date or a comment of the archive, no number
            same += all(np.array_equal(one, other) for one, other in zip(found, right, strict=True))
    assert named + same == len(range(0, len(whole), 11))
    assert named > same


def test_an_archive_holds_one_file(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    with pytest.raises(lc.StoreError, match=r"two\.zip must hold one CSV file, held 2 \(it has a\.csv, b\.csv\)"):
        lc.loaders.binance.klines(path)
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(lc.StoreError, match=r"two\.zip must hold one CSV file, held 0 \(it has nothing\)"):
        lc.loaders.binance.klines(path)


def test_files_that_are_not_there_and_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(lc.StoreError, match=r"nothing\.csv cannot be read"):
        lc.loaders.binance.klines(tmp_path / "nothing.csv")
    with pytest.raises(lc.StoreError, match="cannot be read"):
        lc.loaders.binance.funding_rates(tmp_path)
    with pytest.raises(lc.KindError, match="source must be a path or a sequence of paths, was int 3"):
        lc.loaders.binance.klines(3)
    with pytest.raises(lc.KindError, match="source must be the path of a CSV file, was list"):
        lc.loaders.binance.depth([])
    with pytest.raises(lc.InputError, match="source must name at least one file"):
        lc.loaders.tardis.liquidations([])


# --- Funding ----------------------------------------------------------------------------------------------------------


def test_funding_rates_become_the_payments_of_a_run() -> None:
    found = lc.loaders.binance.funding_rates(DATA / "BTCUSDT-fundingRate-2023-12.csv")
    assert (len(found.time), found.hours.tolist(), found.rate[0]) == (9, [8.0] * 9, 0.0001)
    paid = found.since("2023-12-01T04:00:00Z")
    assert paid.times[:2] == (timedelta(hours=4), timedelta(hours=12))
    assert paid.rate == tuple(found.rate[1:].tolist())
    assert found.since(datetime(2023, 12, 1, 4, tzinfo=UTC)) == paid == found.since(np.datetime64("2023-12-01T04"))
    with pytest.raises(lc.InputError, match=r"start must be before the last payment \(2023-12-03T16"):
        found.since("2023-12-03T16:00")
    with pytest.raises(lc.KindError, match="start must be a time"):
        found.since(1_701_388_800_000)


def test_a_wrong_rate_is_named(tmp_path: Path) -> None:
    head = "calc_time,funding_interval_hours,last_funding_rate\n"
    read = lc.loaders.binance.funding_rates
    first = "1701388800000,8,0.0001\n"
    refused(
        read,
        written(tmp_path, f"{head}{first}1701388800000,8,0.0001\n"),
        "x.csv:3: calc_time must be later than in the row before it, was 2023-12-01T00:00:00.000",
    )
    message = "x.csv:3: last_funding_rate must be a number < 1, at most 1e90 in size, was '1.5'"
    refused(read, written(tmp_path, f"{head}{first}1701417600000,8,1.5\n"), message)
    message = "x.csv:3: last_funding_rate must be a number > -1 and < 1, was -1"
    refused(read, written(tmp_path, f"{head}{first}1701417600000,8,-1\n"), message)
    message = "x.csv:3: funding_interval_hours must be a number > 0, was '0'"
    refused(read, written(tmp_path, f"{head}{first}1701417600000,0,0\n"), message)


# --- Depth ------------------------------------------------------------------------------------------------------------


def test_depth_by_bands_is_the_curve_of_a_snapshot() -> None:
    found = lc.loaders.binance.depth(DATA / "BTCUSDT-bookDepth-2024-08-08.csv")
    assert found.bid_distance.tolist() == found.ask_distance.tolist() == [0.002, 0.01, 0.02, 0.05]
    assert found.bid_quantity.shape == (3, 4)
    curve = found.curve(at="2024-08-08T23:54:24")  # the last one before it, of 23:54:20
    assert curve.quantity == (294.001, 498.178, 582.653, 647.426)
    assert curve.ask_quantity == (243.748, 1886.839, 1978.348, 1991.334)
    assert found.curve(scale=2.0).quantity[0] == 2.0 * 293.987
    with pytest.raises(lc.InputError, match=r"at must be a time from 2024-08-08T23:54:20\.0* on, was 2024-08-08"):
        found.curve(at="2024-08-08")


def depths(*snapshots: str) -> str:
    rows = [f"2024-08-08 23:54:{20 + number},{row}" for number, rows in enumerate(snapshots) for row in rows.split()]
    return "\n".join(["timestamp,percentage,depth,notional", *rows]) + "\n"


WHOLE = "-2,9,0 -1,5,0 1,4,0 2,8,0"


@pytest.mark.parametrize(
    ("snapshots", "message"),
    [
        (
            (WHOLE, "-2,9,0 -1,5,0 1,4,0"),
            "x.csv:8: percentage must have the bands of the snapshots before it, this one lacks 2",
        ),
        (
            (WHOLE, WHOLE + " 3,9,0"),
            "x.csv:10: percentage must have the bands of the snapshots before it, this one adds 3",
        ),
        (("-1,5,0 -1,5,0 1,4,0",), "x.csv:3: percentage must differ within a snapshot, -1 stands twice"),
        (("-1,5,0 -2,9,0",), "x.csv:3: percentage must have bands below and above zero in a snapshot"),
        (
            ("-2,4,0 -1,5,0 1,4,0",),
            "x.csv:4: depth must not fall with distance in a snapshot, 4 at -2 was below 5 at -1",
        ),
        (("-1,5,0 0,4,0",), "x.csv:3: percentage must be a number > -100 and < 100 other than 0, was 0"),
        (("-1,5,0 1,-4,0",), "x.csv:3: depth must be a number >= 0, was '-4'"),
        ((), "x.csv: must have at least one snapshot"),
    ],
)
def test_a_snapshot_of_another_form_is_refused(snapshots: tuple[str, ...], message: str, tmp_path: Path) -> None:
    refused(lc.loaders.binance.depth, written(tmp_path, depths(*snapshots)), message)


def test_bands_that_add_nothing_are_left_out_and_an_empty_side_is_none(tmp_path: Path) -> None:
    read = lc.loaders.binance.depth
    curve = read(written(tmp_path, depths("-2,5,0 -1,5,0 -0.2,0,0 0.2,1,0 1,4,0 2,4,0"))).curve()
    assert (curve.distance, curve.quantity) == ((0.01,), (5.0,))
    assert (curve.ask_distance, curve.ask_quantity) == ((0.002, 0.01), (1.0, 4.0))
    with pytest.raises(lc.InputError, match="must have bids, had none"):
        read(written(tmp_path, depths("-1,0,0 1,4,0"))).curve()


# --- Tardis -----------------------------------------------------------------------------------------------------------


def test_a_book_snapshot_is_a_curve_with_a_node_a_level() -> None:
    path = DATA / "tardis_book_snapshot_5.csv.gz"
    curve = lc.loaders.tardis.book_snapshot(path)
    mid = (61_814.0 + 61_813.9) / 2.0
    assert curve.quantity == pytest.approx(np.cumsum([5.273, 0.041, 0.092, 0.326, 0.002]), rel=1e-12)
    assert curve.ask_distance == pytest.approx(np.array([61_814.0, 61_814.5, 61_815.0, 61_815.3, 61_816.0]) / mid - 1.0)
    assert curve.distance[0] == pytest.approx(0.05 / mid)
    earlier = lc.loaders.tardis.book_snapshot(path, at="2024-08-08T23:54:29", symbol="BTCUSDT")
    assert earlier.quantity[0] == 3.99
    assert lc.loaders.tardis.book_snapshot(path, scale=10.0).quantity[0] == 52.73
    with pytest.raises(lc.InputError, match=r"csv\.gz: must have a snapshot up to 2024-08-08$"):
        lc.loaders.tardis.book_snapshot(path, at="2024-08-08")
    with pytest.raises(lc.InputError, match=r"csv\.gz: must have a snapshot of ETHUSDT$"):
        lc.loaders.tardis.book_snapshot(path, symbol="ETHUSDT")


BOOK = "symbol,timestamp," + ",".join(
    f"{side}[{level}].{what}" for level in (0, 1) for side in ("asks", "bids") for what in ("price", "amount")
)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ("101,1,102,1,103,1,99,1", "bids[0].price must be below asks[0].price, 101, was 102"),
        ("101,1,100,1,101,1,99,1", "asks[1].price must be above the level before it, 101, was 101"),
        ("101,1,100,1,102,1,100.5,1", "bids[1].price must be below the level before it, 100, was 100.5"),
        ("101,x,100,1,102,1,99,1", "asks[0].amount must be a number > 0, was 'x'"),
        (",,100,1,102,1,99,1", "asks[0].price must be a number > 0, was ''"),
        ("101,1,100,1,102,,99,1", "asks[1].amount must be a number > 0, was ''"),
    ],
)
def test_levels_that_are_no_book_are_refused(levels: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{BOOK}\nX,1700000000000000,{levels}\n")
    refused(lc.loaders.tardis.book_snapshot, path, f"x.csv:2: {message}")


def test_levels_may_be_fewer_than_columns_and_symbols_several(tmp_path: Path) -> None:
    read = lc.loaders.tardis.book_snapshot
    row = "1700000000000000,101,1,100,2,,,99,1"
    assert read(written(tmp_path, f"{BOOK}\nX,{row}\n")).ask_quantity == (1.0,)
    path = written(tmp_path, f"{BOOK}\nX,{row}\nY,{row}\n")
    refused(read, path, "x.csv:3: symbol must be 'X' as in the rows before it, was 'Y': give symbol=")
    assert read(path, symbol="Y").quantity == (2.0, 3.0)


def test_a_forced_order_that_sells_liquidates_a_long(tmp_path: Path) -> None:
    found = lc.loaders.tardis.liquidations(DATA / "tardis_liquidations.csv")
    assert found.is_long.tolist() == [True, True]
    assert found.symbol.tolist() == ["BTCUSDT", "BTCUSD_200925"]
    assert (found.price[0], found.amount[0], found.time[0]) == (
        10913.21,
        0.001,
        np.datetime64("2020-07-30T11:13:40.087"),
    )
    assert len(lc.loaders.tardis.liquidations(DATA / "tardis_liquidations.csv", symbol="BTCUSDT").time) == 1
    head = "symbol,timestamp,side,price,amount\n"
    path = written(tmp_path, f"{head}X,1700000000000000,buy,1,1\nX,1700000000000000,SELL,1,1\n")
    refused(lc.loaders.tardis.liquidations, path, "x.csv:3: side must be 'buy' or 'sell', was 'SELL'")
    found = lc.loaders.tardis.liquidations(written(tmp_path, f"{head}X,1700000000000000,buy,1,1\n"))
    assert found.is_long.tolist() == [False]


def test_every_file_of_samples_is_described() -> None:
    described = (DATA / "README.md").read_text()
    for path in DATA.iterdir():
        family = "`ccxt_positions_*.json`" if path.name.startswith("ccxt_positions_") else f"`{path.name}`"
        assert family in described or path.name == "README.md"
        if path.suffix == ".json":
            json.loads(path.read_text())


def test_the_page_about_loaders_runs_and_says_what_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[1] / "docs/loaders.md").read_text(encoding="utf-8")
    names: dict = {}
    monkeypatch.chdir(DATA)
    for block in page.split("```py\n")[1:]:
        exec(compile(block.split("```")[0], "loaders.md", "exec"), names)
    assert f"{names['price']:,.5f}" == "2,866.26938"
    assert len(names["recorded"]["times"]) == 30
    assert names["funding"].times[0] == timedelta(hours=4)
    assert names["impact"].quantity[0] == 294.001


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (lc.loaders.binance.klines, "BTCUSDT-spot-layout-1m.csv"),
        (lc.loaders.binance.funding_rates, "BTCUSDT-fundingRate-2023-12.csv"),
        (lc.loaders.binance.depth, "BTCUSDT-bookDepth-2024-08-08.csv"),
        (lc.loaders.tardis.liquidations, "tardis_liquidations.csv"),
        (lc.loaders.tardis.book_snapshot, "tardis_book_snapshot_5.csv.gz"),
    ],
)
def test_whatever_stands_in_a_cell_is_read_or_refused_with_its_line(read, name: str, tmp_path: Path) -> None:
    content = (DATA / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    rows = [line.split(",") for line in text.splitlines()]
    refused = 0
    for place in range(len(rows[-1])):
        for odd in ("", "x", "-1", "0", "nan", "1e400", "9" * 90, "1_0", " 1", '"', "2024-13-45 00:00:00", "\u0661"):
            changed = [*rows[:-1], [*rows[-1][:place], odd, *rows[-1][place + 1 :]]]
            path = written(tmp_path, "\n".join(map(",".join, changed)) + "\n", "odd.csv")
            try:
                read(path)
            except lc.LevcoreError as error:
                refused += str(error).startswith(f"odd.csv:{len(rows)}: ")
                told = str(error)
                assert "odd.csv" in told or "snapshot" in told
    assert refused > 0
