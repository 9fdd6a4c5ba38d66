"""What the study of crashes refuses, in words that say where and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from making_crashes import BEFORE, HEAD, bars, room, stamp, waves, windows, write

crashes = room("crashes")

ROWS = bars(waves(BEFORE + 48))
ASSET = '\n[[window.asset]]\nname = "BTC"\nbars = "bars.csv.gz"\nopen_interest = 1\n'
REPORT = '\n[[window.reported]]\nasset = "{}"\nstart = {}\nend = {}\nlow = {}\n'
RECORD = '\n[[window.recorded]]\nname = "r"\nfile = "r.csv"\ncolumns = ["usd"]\n'


def refused(folder: Path, capsys, text: str | None = None, *more: str) -> str:
    """What the command says of a windows file."""
    (folder / "w.toml").write_text(windows() if text is None else text, encoding="utf-8")
    given = [str(folder), "--windows", str(folder / "w.toml"), "--out", str(folder / "out"), *more]
    assert crashes.main([*given, "--books", "1", "--positions", "20"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("crashes.py: ")
    assert said.count("\n") == 1
    assert not list((folder / "out").glob("*"))
    return said.removeprefix("crashes.py: ").strip()


def with_row(at: int, **changes: object) -> list[str]:
    """The rows, one of them with other cells."""
    cells = dict(zip(HEAD.split(","), ROWS[at].split(","), strict=True)) | changes
    return [*ROWS[:at], ",".join(str(cell) for cell in cells.values()), *ROWS[at + 1 :]]


# --- Bars -------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_named_with_the_folders(tmp_path, capsys):
    assert refused(tmp_path, capsys) == f"bars.csv.gz: no such file in {tmp_path}, nor below"


def test_a_name_that_two_folders_have_is_not_guessed(tmp_path, capsys):
    for place in ("a", "b"):
        write(tmp_path / place / "bars.csv.gz", ROWS)
    assert "several files have this name" in refused(tmp_path, capsys)
    assert "b/bars.csv.gz; give the whole path" in refused(tmp_path, capsys)
    assert crashes.main([str(tmp_path / "a"), str(tmp_path / "b"), *ONE, "--out", str(tmp_path)]) == 2
    assert "several files have this name" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08\x00", b"\xff\xfe\x00\x01,\n"])
def test_a_file_that_is_empty_or_broken_is_no_record(tmp_path, capsys, content):
    (tmp_path / "bars.csv.gz").write_bytes(content)
    said = refused(tmp_path, capsys)
    assert said.startswith(f"{tmp_path / 'bars.csv.gz'}: ")
    assert ("is empty" in said) or ("cannot be read" in said) or ("is no CSV" in said)


def test_a_column_that_lacks_is_named_with_those_there_are(tmp_path, capsys):
    write(tmp_path / "bars.csv.gz", [row.rpartition(",")[0] for row in ROWS], HEAD.removesuffix(",volume"))
    assert "has no column volume; there are ts_ms, symbol, open, high, low, close" in refused(tmp_path, capsys)


def test_a_file_of_columns_alone_has_no_rows(tmp_path, capsys):
    write(tmp_path / "bars.csv.gz", [])
    assert "has no rows of BTC or BTCUSDT; there are none" in refused(tmp_path, capsys)


def test_an_asset_that_a_file_lacks_is_named_with_those_there_are(tmp_path, capsys):
    write(tmp_path / "bars.csv.gz", bars(waves(5), asset="DOGE") + bars(waves(5), asset="ETH"))
    assert "has no rows of BTC or BTCUSDT; there are DOGE, ETH" in refused(tmp_path, capsys)


def test_several_venues_are_not_mixed(tmp_path, capsys):
    rows = [f"{row},{venue}" for venue in ("okx", "bybit") for row in ROWS]
    write(tmp_path / "bars.csv.gz", rows, f"{HEAD},venue")
    assert "has BTC of several venues, bybit, okx: name one" in refused(tmp_path, capsys)
    text = windows().replace("note", 'venue = "binance"\nnote')
    assert "has no rows of BTC or BTCUSDT at binance; there are BTC, bybit, okx" in refused(tmp_path, capsys, text)


@pytest.mark.parametrize(
    ("at", "changes", "rule"),
    [
        (3, {"close": "abc"}, "line 5: close must be a number, was 'abc'"),
        (3, {"low": "nan"}, "line 5: low must be a number, was 'nan'"),
        (80, {"open": "0", "low": "0"}, "line 82: open must be > 0, was 0"),
        (80, {"high": "1"}, "line 82: high must be >= open and close, was 1"),
        (80, {"low": "1e9"}, "line 82: low must be <= open and close, was 1e+09"),
        (80, {"volume": "-1"}, "line 82: volume must be >= 0, was -1"),
        (80, {"ts_ms": stamp(0)}, f"line 82: ts_ms must rise within a symbol, {stamp(0)} follows {stamp(7)}"),
        (80, {"volume": "1,2"}, "line 82: must have 7 cells, had 8"),
    ],
)
def test_a_cell_that_is_wrong_is_named_by_line_column_and_rule(tmp_path, capsys, at, changes, rule):
    write(tmp_path / "bars.csv.gz", with_row(at, **changes))
    assert refused(tmp_path, capsys) == f"{tmp_path / 'bars.csv.gz'} {rule}"


def test_a_window_that_is_mostly_not_recorded_says_what_there_is(tmp_path, capsys):
    write(tmp_path / "bars.csv.gz", ROWS[: BEFORE + 20])
    said = refused(tmp_path, capsys)
    assert "bars.csv.gz lacks 28 of the 48 hours from 2021-05-19T00 to 2021-05-21T00; it has 20 bars there" in said
    assert said.endswith("altogether 2021-05-16T00:00 to 2021-05-19T19:00")


@pytest.mark.parametrize("rows", [ROWS[BEFORE - 20 :], ROWS[: BEFORE - 20] + ROWS[BEFORE - 19 :], ROWS[BEFORE:]])
def test_a_day_before_the_window_must_be_recorded_without_a_gap(tmp_path, capsys, rows):
    write(tmp_path / "bars.csv.gz", rows)
    said = refused(tmp_path, capsys)
    assert "made-up BTC: the 24 hours before 2021-05-19T00:00 must be in bars.csv.gz without a gap, found " in said


def test_margin_tiers_that_are_not_known_are_asked_for(tmp_path, capsys):
    write(tmp_path / "bars.csv.gz", [row.replace("BTC", "FTT") for row in ROWS])
    text = windows().replace('"BTC"', '"FTT"')
    assert "give `tiers`, the symbol whose margin tiers it takes" in refused(tmp_path, capsys, text)
    (tmp_path / "w.toml").write_text(text.replace("note", 'tiers = "SOLUSDT"\nnote'), encoding="utf-8")
    given = [str(tmp_path), "--windows", str(tmp_path / "w.toml"), "--out", str(tmp_path)]
    assert crashes.main([*given, "--books", "1", "--positions", "20"]) == 0


def test_an_open_interest_beyond_all_bounds_ends_in_a_line(tmp_path, capsys):
    write(tmp_path / "bars.csv.gz", ROWS)
    assert "open_interest['BTC'] must be <= " in refused(tmp_path, capsys, windows().replace("1e7", "1e99"))


# --- Recorded liquidations --------------------------------------------------------------------------------------------


def test_recorded_liquidations_that_miss_the_window_are_not_zero(tmp_path, capsys):
    write(tmp_path / "bars.csv.gz", ROWS)
    write(tmp_path / "r.csv", [f"{stamp(-1)},5"], "ts_ms,usd")
    assert "r.csv: has no row between 2021-05-19T00 and 2021-05-21T00" in refused(tmp_path, capsys, windows(RECORD))
    write(tmp_path / "r.csv", [f"{stamp(1)},x"], "ts_ms,usd")
    assert "r.csv line 2: usd must be a number, was 'x'" in refused(tmp_path, capsys, windows(RECORD))
    write(tmp_path / "r.csv", [f"{stamp(1)},1"], "ts_ms,eur")
    assert "r.csv: has no column usd; there are ts_ms, eur" in refused(tmp_path, capsys, windows(RECORD))


# --- Windows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("name = ", "no TOML, "),
        ('wnidow = "x"', "must have tables [[window]] and nothing else; found wnidow"),
        ("", "must have tables [[window]] and nothing else"),
        (windows() + windows(), "two windows have the name 'made-up', and would overwrite each other"),
        (windows(name='"a/b"'), "window[0].name must be letters, digits, dots, dashes: it names files; was 'a/b'"),
        (windows(name=None), "window[0].name is missing"),
        (windows(title="3"), "window[0].title must be text, was 3"),
        (windows(start=None), "window[0].start is missing"),
        (windows(start='"noon"'), "window[0].start must be a day or a time as 2021-05-19T00:00, was 'noon'"),
        (windows(start="2021-05-19T00:30:00"), "window[0].start must be a whole hour, was 2021-05-19 00:30:00"),
        (windows(end="2021-05-19"), "window[0].end must be after the start 2021-05-19T00, was 2021-05-19T00"),
        (windows(volume="-1"), "window[0].volume must be a number > 0, was -1"),
        (windows(volume="nan"), "window[0].volume must be a number > 0, was nan"),
        (windows(vol="1"), "window[0] has a key 'vol'; there are name, title, start, end, asset, volume, "),
        (windows().partition("[[window.asset")[0], "window[0].asset must have at least one table [[window.asset]]"),
        (windows().replace("[[window.asset]]", "[window.asset]"), "window[0].asset must be an array of tables"),
        (windows().replace("1e7", "0"), "window[0].asset[0].open_interest must be a number > 0, was 0"),
        (windows().replace("open_interest = 1e7", ""), "window[0].asset[0].open_interest is missing"),
        (windows(ASSET), "window[0]: two assets have the name 'BTC'"),
        (
            windows(REPORT.format("ETH", "2021-05-19", "2021-05-20", 1)),
            "window[0].reported[0].asset must be one of BTC, was 'ETH'",
        ),
        (
            windows(REPORT.format("BTC", "2021-05-18", "2021-05-20", 1)),
            "window[0].reported[0] must lie within the window 2021-05-19T00 to 2021-05-21T00, was 2021-05-18T00 to",
        ),
        (
            windows(REPORT.format("BTC", "2021-05-19", "2021-05-20", "2\nhigh = 1")),
            "window[0].reported[0].high must be >= low 2, was 1",
        ),
        (
            windows(REPORT.format("BTC", "2021-05-19", "2021-05-20", '1\nside = "up"')),
            "window[0].reported[0].side must be long, short or both, was 'up'",
        ),
        (windows(RECORD.replace('["usd"]', '"usd"')), "window[0].recorded[0].columns must be a list of names of"),
        (windows(RECORD + 'asset = "ETH"'), "window[0].recorded[0].asset must be one of BTC, was 'ETH'"),
    ],
)
def test_a_windows_file_that_is_wrong_is_named_by_table_key_and_rule(tmp_path, capsys, text, rule):
    write(tmp_path / "bars.csv.gz", ROWS)
    assert refused(tmp_path, capsys, text).startswith(f"{tmp_path / 'w.toml'}: {rule}")


# --- Options ----------------------------------------------------------------------------------------------------------


ONE = ("--asset", "BTC=1e7", "--bars", "bars.csv.gz", "--start", "2021-05-19", "--end", "2021-05-20")


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (("--books", "0"), "--books must be >= 1, was 0"),
        (("--positions", "1"), "--positions must be >= 2, was 1"),
        (("--start", "2021-05-19"), "one window needs --asset, --bars, --end as well"),
        ((*ONE, "--only", "a"), "give --windows, or the options of one window, not both"),
        (("--only",), "expected at least one argument"),
    ],
)
def test_options_that_do_not_fit_end_with_2(tmp_path, capsys, given, rule):
    with pytest.raises(SystemExit, match="2"):
        crashes.main([str(tmp_path), *given])
    assert rule in capsys.readouterr().err


def test_a_folder_that_is_none_ends_with_2(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        crashes.main([str(tmp_path / "nowhere")])
    assert f"{tmp_path / 'nowhere'} is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (("--windows", "nowhere.toml"), "nowhere.toml: cannot be read, No such file or directory"),
        (("--only", "2019"), "crashes.toml: has no window '2019'; there are 2020-03, 2021-05, "),
        (("--asset", "BTC", *ONE[2:]), "--asset must be a name and its open interest, as BTC=12.8e9, was 'BTC'"),
        (("--asset", "BTC=-1", *ONE[2:]), "options: window[0].asset[0].open_interest must be a number > 0, was -1.0"),
        ((*ONE, "--recorded", "file.csv"), "--recorded must be a file and a column, as FILE:COLUMN, was 'file.csv'"),
        ((*ONE, "--end", "soon"), "options: window[0].end must be a day or a time as 2021-05-19T00:00, was 'soon'"),
        (ONE, "bars.csv.gz: no such file in "),
        (("--out", "/proc/self/mem/out"), "crashes.py: "),
    ],
)
def test_what_options_ask_for_and_is_not_there_is_said_in_a_line(tmp_path, capsys, given, rule):
    assert crashes.main([str(tmp_path), "--out", str(tmp_path / "out"), *given]) == 2
    assert rule in capsys.readouterr().err


def test_prices_before_the_window_may_lie_in_another_file(tmp_path):
    write(tmp_path / "before.csv", ROWS[:BEFORE])
    write(tmp_path / "bars.csv.gz", ROWS[BEFORE:])
    given = [str(tmp_path), *ONE, "--history", "before.csv", "--out", str(tmp_path)]
    assert crashes.main([*given, "--books", "1", "--positions", "20"]) == 0
    told = (tmp_path / "crash-2021-05-19.md").read_text(encoding="utf-8")
    assert "- BTC, before: 72 hours from before.csv" in told
    assert np.char.count(told, "nan") == 0
