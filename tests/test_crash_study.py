"""The study of crashes: what it reads, what it replays, what it tells, and what it must not make up."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
from making_crashes import BEFORE, HOUR, ROOT, START, bars, room, stamp, waves, windows, write

crashes, crash_data, crash_replays, crash_tables, crash_windows, crash_pictures = (
    room(f"crash{name}") for name in ("es", "_data", "_replays", "_tables", "_windows", "_pictures")
)
LONG, SHORT = crash_replays.LONG, crash_replays.SHORT

RECORDS = """
[[window.reported]]
asset = "BTC"
start = 2021-05-19T08:00:00
end = 2021-05-19T12:00:00
low = 1e6
high = 3e6
side = "long"
source = "nobody"
[[window.recorded]]
name = "a venue"
file = "liquidations.csv"
columns = ["usd", "other"]
asset = "BTC"
"""


def window_of(text: str, path: Path):
    path.write_text(text, encoding="utf-8")
    return crash_windows.read_windows(path)[0]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("recorded")
    closes = waves(BEFORE + 48)
    closes[BEFORE + 10 :] *= 0.75  # at ten o'clock of the first day
    closes[BEFORE + 30 :] *= 1.2  # at six of the second, not beyond where it was
    write(place / "below" / "bars.csv.gz", bars(closes) + bars(0.1 * closes, asset="ETH"))
    rows = ["1621393200000,BTC,500,", "1621393200000,BTC,,250", "1621393200000,ETH,7,7", "1621393200000,BTC,,"]
    rows += [f"{1621382400000 - 1},BTC,9,9", f"{1621382400000 + 48 * 3_600_000},BTC,9,9", "1621555199999,BTC,1000,"]
    write(place / "liquidations.csv", rows, "ts_ms,coin,usd,other")
    return place


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory):
    eth = '[[window.asset]]\nname = "ETH"\nbars = "bars.csv.gz"\nopen_interest = 5e6\n'
    return window_of(windows(eth + RECORDS), tmp_path_factory.mktemp("windows") / "windows.toml")


@pytest.fixture(scope="module")
def found(data, window):
    return crash_replays.study([data], window, books=3, positions=400)


# --- What is replayed -------------------------------------------------------------------------------------------------


def test_liquidations_that_can_be_counted_by_hand_come_out_on_their_day(tmp_path, monkeypatch):
    # Everybody entered at 100 with a margin of 10 to 12.5: 93 liquidates nobody, 80 all longs, 125 all shorts. One side
    # is a million dollars at 100.
    only = (crash_replays.Variant("ten times", leverage={10: 1.0}),)
    monkeypatch.setattr(crash_replays, "VARIANTS", only)
    monkeypatch.setattr(crash_tables, "VARIANTS", only)
    closes = np.full(BEFORE + 72, 100.0)
    closes[BEFORE + 5 : BEFORE + 8] = 93.0
    closes[BEFORE + 24 + 7 :] = 80.0
    closes[BEFORE + 48 + 20 :] = 125.0
    write(tmp_path / "bars.csv.gz", bars(closes))
    window = window_of(windows(end="2021-05-22").replace("1e7", "1e6"), tmp_path / "w.toml")
    told = crash_replays.study([tmp_path], window, books=2, positions=300)
    wanted = np.zeros((72, 2))
    wanted[24 + 7, LONG], wanted[48 + 20, SHORT] = 0.80e6, 1.25e6
    for book in range(2):
        assert told.notional[0, book, 0] == pytest.approx(wanted, rel=1e-12)
    days = {line.split(" | ")[0][2:]: line.split(" | ")[2:] for line in crash_tables.day_table(told)[2:]}
    assert days == {"2021-05-19": ["0", "0 |"], "2021-05-20": ["1", "0 |"], "2021-05-21": ["0", "1 |"]}
    crash_tables.write_csv(told, tmp_path / "told.csv")
    rows = list(csv.DictReader((tmp_path / "told.csv").read_text(encoding="utf-8").splitlines()))
    amounts = {(row["day"], row["side"]): float(row["median_usd"]) for row in rows}
    assert {key: value for key, value in amounts.items() if value} == {
        ("2021-05-20", "longs"): 0.80e6,
        ("2021-05-21", "shorts"): 1.25e6,
    }


def test_a_book_drawn_anew_holds_as_many_coins_as_the_first(tmp_path, monkeypatch):
    # Ten thousand coins a side: 80 takes the longs that entered at 100, 40 those that entered at 80 the next day.
    only = (crash_replays.Variant("ten times, anew", leverage={10: 1.0}, anew=True),)
    monkeypatch.setattr(crash_replays, "VARIANTS", only)
    closes = np.full(BEFORE + 48, 100.0)
    closes[BEFORE + 23 :] = 80.0
    closes[BEFORE + 30 :] = 40.0
    write(tmp_path / "bars.csv.gz", bars(closes))
    window = window_of(windows().replace("1e7", "1e6"), tmp_path / "w.toml")
    longs = crash_replays.study([tmp_path], window, books=1, positions=300).notional[0, 0, 0, :, LONG]
    assert {int(hour): longs[hour] for hour in np.flatnonzero(longs)} == pytest.approx({23: 0.8e6, 30: 0.4e6})


def test_what_happens_within_a_bar_counts_unless_only_closes_do(tmp_path, monkeypatch):
    mix = {10: 1.0}
    both = tuple(crash_replays.Variant(str(given), extremes=given, leverage=mix) for given in (True, False))
    monkeypatch.setattr(crash_replays, "VARIANTS", both)
    rows = bars(np.full(BEFORE + 48, 100.0))
    rows[BEFORE + 5] = rows[BEFORE + 5].replace(",100.0,100.0,100.0,100.0,", ",100.0,100.0,80.0,100.0,")
    write(tmp_path / "bars.csv.gz", rows)
    told = crash_replays.study([tmp_path], window_of(windows(), tmp_path / "w.toml"), books=1, positions=300)
    assert told.notional[:, 0, 0].sum(axis=(1, 2)) == pytest.approx([0.8e7, 0.0])


def test_a_market_with_more_volume_gives_way_less(data, tmp_path):
    thin, thick = (
        crash_replays.study(
            [data], window_of(windows(volume=volume), tmp_path / "w.toml"), books=1, positions=100
        ).lowest[4, 0, 0]
        for volume in ("1e3", "1e5")
    )
    assert crash_replays.VARIANTS[4].name == "with impact"
    assert thin < thick


def test_longs_go_in_the_hour_in_which_the_price_fell(found):
    longs = found.notional[crash_replays.RETAIL, :, :, :, LONG]
    assert longs.shape == (3, 2, 48)
    assert (longs.argmax(axis=2) == 10).all()
    assert (longs[:, :, 11:] == 0.0).all()


def test_infinite_depth_keeps_to_the_record_and_impact_deepens_it(found):
    names = [variant.name for variant in crash_replays.VARIANTS]
    lowest = dict(zip(names, found.lowest, strict=True))
    low = np.array([one.low.min() for one in found.bars.values()])
    assert lowest["retail leverage"] == pytest.approx(np.broadcast_to(low, (3, 2)), rel=1e-12)
    assert (lowest["with impact"] < lowest["retail leverage"]).all()
    assert (lowest["with impact, a tenth of the volume"] < lowest["with impact"]).all()
    assert (lowest["half the open interest, with impact"] > lowest["with impact"]).all()


def test_less_leverage_loses_less_and_a_new_book_each_day_no_less(found):
    total = found.notional.sum(axis=(3, 4))
    retail, careful, least, anew = (
        total[v] for v in (crash_replays.RETAIL, crash_replays.CAREFUL, crash_replays.LEAST, crash_replays.ANEW)
    )
    assert (least < careful).all()
    assert (careful < retail).all()
    assert (anew > retail).all()
    by_hour = found.notional
    assert by_hour[crash_replays.ANEW, :, :, :24].tolist() == by_hour[crash_replays.RETAIL, :, :, :24].tolist()
    assert (by_hour[crash_replays.ANEW, ..., SHORT].argmax(axis=2) == 30).all()


def test_each_drawn_book_differs_and_each_seed_repeats(data, window, found):
    assert len(set(found.notional[0].sum(axis=(1, 2, 3)).tolist())) == 3
    again = crash_replays.study([data], window, books=3, positions=400)
    assert again.notional.tobytes() == found.notional.tobytes()


def test_a_fall_across_a_gap_liquidates_nobody_and_the_gap_is_told(tmp_path):
    closes = waves(BEFORE + 48)
    closes[BEFORE + 20 :] *= 0.5
    rows = bars(closes)
    opened = rows[BEFORE + 23].replace(f",{closes[BEFORE + 22]},", f",{closes[BEFORE + 23]},")
    write(tmp_path / "bars.csv.gz", [*rows[: BEFORE + 20], opened, *rows[BEFORE + 24 :]])
    window = window_of(windows(), tmp_path / "w.toml")
    told = crash_replays.study([tmp_path], window, books=2, positions=300)
    longs = told.notional[crash_replays.RETAIL, :, 0, :, LONG].sum(axis=1)
    assert (longs < 0.05 * 1e7).all()
    assert "No record of 2021-05-19 20:00 to 2021-05-19 23:00: the parts are replayed apart." in crash_tables.page(told)


def test_a_day_without_a_record_is_no_day_without_liquidations(tmp_path):
    write(tmp_path / "bars.csv.gz", bars(waves(BEFORE + 26)))
    report = '[[window.reported]]\nasset = "BTC"\nstart = 2021-05-20\nend = 2021-05-20T06:00:00\nlow = 1.0\n'
    window = window_of(windows(report), tmp_path / "w.toml")
    told = crash_replays.study([tmp_path], window, books=1, positions=20)
    assert "2021-05-20 00:00 to 2021-05-20 06:00<br>4 hours without a record" in crash_tables.reported_table(told)[2]
    write(tmp_path / "bars.csv", bars(waves(BEFORE + 24)))
    window = window_of(windows().replace("bars.csv.gz", "bars.csv"), tmp_path / "w.toml")
    told = crash_replays.study([tmp_path], window, books=1, positions=20)
    prices = crash_pictures.picture(told).axes[0]
    assert "no record of BTC" in [words.get_text() for words in prices.get_legend().get_texts()]
    assert crash_tables.day_table(told)[3] == "| 2021-05-20 | no record | no record | no record |"
    crash_tables.write_csv(told, tmp_path / "told.csv")
    days = {row.split(",")[1] for row in (tmp_path / "told.csv").read_text(encoding="utf-8").splitlines()[1:]}
    assert days == {"2021-05-19"}


def test_a_past_is_what_has_closed_before_without_a_gap():
    def bars_of(hours):
        column = np.ones(len(hours))
        return crash_data.Bars((START + np.array(hours) * HOUR).astype("datetime64[ms]"), *[column] * 5)

    history = bars_of([*range(-100, -60), *range(-50, 0)])
    assert len(crash_replays.past(history, START)) == 50
    half_past = START - np.timedelta64(90, "m")
    assert crash_replays.past(history, half_past).time[-1] == START - 3 * HOUR  # the bar that holds it looks ahead
    assert len(crash_replays.past(history, START - 50 * HOUR)) == 0  # right after the gap
    assert len(crash_replays.past(history, START - 200 * HOUR)) == 0  # before the record
    assert len(crash_replays.past(bars_of(range(-1000, 0)), START)) == 30 * 24


def test_the_impact_is_by_the_volume_and_volatility_of_the_days_before(tmp_path):
    # An hour moves the log price by 0.01, up and down; 24 bars a day of 100 coins each.
    closes = 100.0 * np.exp(0.01 * (np.arange(BEFORE + 48) % 2))
    write(tmp_path / "bars.csv.gz", bars(closes))
    window = window_of(windows(volume="3"), tmp_path / "w.toml")
    before = crash_replays.study([tmp_path], window, books=1, positions=10).before["BTC"]
    assert before.volume == pytest.approx(2_400.0)
    assert before.volatility == pytest.approx(0.01 * 24**0.5, rel=1e-3)
    asset = crash_replays.market("BTC", 100.0, before, 3.0)["BTC"]
    assert asset.impact.daily_volume == pytest.approx(7_200.0)
    assert np.exp(-asset.resilience * 30 / 1_440) == pytest.approx(0.5)
    assert crash_replays.market("BTC", 100.0, before, np.inf)["BTC"].impact == lc.LinearImpact(depth=np.inf)


# --- What is read -----------------------------------------------------------------------------------------------------


def test_recorded_liquidations_are_summed_by_hour_of_their_asset_and_the_window(found):
    hours = found.recorded["a venue"]
    assert hours[3] == 750.0  # the first column that is not blank; a row without an amount counts nothing
    assert hours[47] == 1_000.0
    assert hours.sum() == 1_750.0


def test_a_record_is_read_plain_or_gzipped_by_coin_venue_and_symbol(tmp_path):
    rows = [f"{row},{venue}" for venue in ("there", "here") for row in bars(waves(5), asset="XBT")]
    head = "ts_ms,coin,open,high,low,close,volume,venue"
    for name in ("plain.csv", "packed.csv.gz"):
        path = write(tmp_path / name, rows, head)
        assert len(crash_data.read_bars(path, "BTC", "XBT", "here")) == 5


def test_without_opens_a_bar_opens_at_the_close_before_but_not_across_a_gap(tmp_path):
    rows = [f"{stamp(hour)},BTC,{high},{low},{close},1" for hour, high, low, close in [
        (0, 12, 8, 10), (1, 13, 9, 12), (2, 11, 10, 11), (5, 30, 20, 25), (6, 26, 24, 26),
    ]]  # fmt: skip
    path = write(tmp_path / "bars.csv", rows, "ts_ms,symbol,high,low,close,volume")
    assert crash_data.read_bars(path, "BTC").open.tolist() == [10.0, 10.0, 11.0, 25.0, 25.0]


def test_days_are_calendar_days_of_the_window(tmp_path):
    text = windows(start='"2021-05-19T22:00"', end='"2021-05-21T02:00+01:00"')
    days = window_of(text, tmp_path / "w.toml").days()
    assert [(str(day), hours.start, hours.stop) for day, hours in days.items()] == [
        ("2021-05-19", 0, 2),
        ("2021-05-20", 2, 26),
        ("2021-05-21", 26, 27),
    ]


# --- What is told -----------------------------------------------------------------------------------------------------


def test_a_reported_figure_stands_beside_its_own_hours_side_and_asset(found):
    report = found.window.reported[0]
    longs = found.notional[:, :, 0, 8:12, LONG].sum(axis=2)
    assert crash_tables.within(found, report).tolist() == longs.tolist()
    middle = float(np.median(longs[0]))
    row = crash_tables.reported_table(found)[2]
    assert row.startswith("| BTC longs | 2021-05-19 08:00 to 2021-05-19 12:00 | 1")
    assert f"({crash_tables.TIMES}{middle / 2e6:.2g})" in row
    assert len(crash_tables.comparable(found)) == 2  # and what was recorded of the asset
    assert f"{found.window.title} | BTC | 0.01 | 1" in crash_tables.summary([found])


def test_the_page_has_a_row_a_day_the_assumptions_and_no_number_that_is_none(found):
    page = crash_tables.page(found)
    assert [line[2:12] for line in page.splitlines() if line.startswith("| 2021")] == ["2021-05-19", "2021-05-20"]
    assert "median of 3 drawn books (seeds 1 to 3)" in page
    assert "- BTC, open interest: 0.01 billion; made up." in page
    assert "- BTC, before: 72 hours from bars.csv.gz" in page
    assert "nan" not in page
    for variant in crash_replays.VARIANTS:
        assert f"\n| {variant.name} | " in page
    for block in page.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


def test_a_spread_is_the_median_with_the_least_and_the_most():
    said = crash_tables.spread(np.array([3e6, 1e6, 1.5e9]), 1e6, 0)
    assert said.replace("\N{WORD JOINER}", "") == "3<br>1–1,500"
    assert crash_tables.spread(np.array([2e9, 2e9]), 1e9, 2) == "2.00"


def test_the_picture_says_what_its_axes_are(found):
    figure = crash_pictures.picture(found)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0].endswith("%")
    assert "millions of US dollars" in titles[1]
    assert titles[2] == "Recorded a day, millions of US dollars: a venue; and BTC replayed"
    assert [ax.get_xlabel() for ax in figure.axes] == [
        *("", "", "UTC"),
        "Liquidated notional in these hours, millions of US dollars (powers of ten)",
    ]
    tops = [bar.get_height() for bar in figure.axes[1].containers[0]]
    assert tops == pytest.approx(np.median(found.notional[0].sum(axis=1)[:, :, LONG], axis=0) / 1e6)


def test_the_command_studies_a_file_of_windows_and_looks_in_every_folder(data, tmp_path, capsys):
    (tmp_path / "w.toml").write_text(windows(RECORDS), encoding="utf-8")
    empty, out = tmp_path / "empty", tmp_path / "new" / "place"
    empty.mkdir()
    given = [str(empty), str(data), "--windows", str(tmp_path / "w.toml"), "--out", str(out), "--csv"]
    assert crashes.main([*given, "--books", "2", "--positions", "100", "--only", "made-up"]) == 0
    assert (out / "crash-made-up.png").read_bytes().startswith(b"\x89PNG")
    assert "two made-up days" in (out / "crash-made-up.md").read_text(encoding="utf-8")
    assert (out / "crash-made-up.csv").read_text(encoding="utf-8").count("recorded: a venue") == 2
    assert "two made-up days" in (out / "crash-summary.md").read_text(encoding="utf-8")
    assert "crash-made-up.md" in capsys.readouterr().out


def test_the_command_studies_one_window_of_options(data, tmp_path):
    given = [str(data), "--asset", "BTC=1e7", "--bars", "bars.csv.gz", "--start", "2021-05-19T02:00"]
    given += ["--end", "2021-05-20", "--name", "mine", "--recorded", "liquidations.csv:usd", "--out", str(tmp_path)]
    assert crashes.main([*given, "--books", "1", "--positions", "50"]) == 0
    page = (tmp_path / "crash-mine.md").read_text(encoding="utf-8")
    assert f"| BTC | 2021-05-19 02:00 to 2021-05-20 00:00 | {500 / 1e6:,.0f} | " in page
    assert page.count("| 2021-05-19 |") == 1


# --- The page of the docs ---------------------------------------------------------------------------------------------


DEFAULT = crash_windows.read_windows(crashes.WINDOWS)


def test_the_five_crashes_are_among_the_windows():
    names = [window.name for window in DEFAULT]
    assert {"2020-03", "2021-05", "2022-06", "2024-08", "2025-04"} <= set(names)


@pytest.mark.parametrize("window", DEFAULT, ids=lambda window: window.name)
def test_the_page_on_crashes_shows_what_the_study_has_written_of_each(window):
    page = (ROOT / "docs" / "crashes.md").read_text(encoding="utf-8")
    for suffix in ("png", "md"):
        assert f"images/crash-{window.name}.{suffix}" in page
        assert (ROOT / "docs" / "images" / f"crash-{window.name}.{suffix}").is_file()
    told = (ROOT / "docs" / "images" / f"crash-{window.name}.md").read_text(encoding="utf-8")
    assert (
        f"by day, {window.title}, prices as recorded, millions of US dollars: median of {crash_replays.BOOKS}" in told
    )
    assert re.findall(r"^\| (\d{4}-\d\d-\d\d) \|", told, re.M) == [str(day) for day in window.days()]
    assert f"{crash_replays.POSITIONS:,} positions an asset; volume of all venues: {window.volume:g} times" in told
    for asset in window.assets:
        interest = f"{asset.open_interest / 1e9:,.2f} billion; {asset.note}."
        assert f"- {asset.name}, open interest: {interest}" in told
    for variant in crash_replays.VARIANTS:
        assert f"\n| {variant.name} | " in told
    for one in window.reported:
        assert f"- Reported, {one.asset}: {one.source}." in told
        assert f"| {crash_tables.span(one.low, one.high)} |" in told
    assert all(record.name in told for record in window.recorded)


def test_the_summary_on_the_page_has_every_window():
    assert "images/crash-summary.md" in (ROOT / "docs" / "crashes.md").read_text(encoding="utf-8")
    told = (ROOT / "docs" / "images" / "crash-summary.md").read_text(encoding="utf-8")
    head = ["Window", "asset", "open interest, billions", "reported, millions"]
    head += [crash_replays.VARIANTS[v].name for v in crash_tables.BESIDE]
    assert f"| {' | '.join(head)} |" in told
    compared = [row for row in told.splitlines() if crash_tables.TIMES in row]
    wanted = [w.title for w in DEFAULT for _ in (*w.reported, *(r for r in w.recorded if r.asset))]
    assert [row.split(" | ")[0][2:] for row in compared] == wanted


def test_nothing_of_the_recorded_data_is_among_the_images():
    names = {path.suffix for path in (ROOT / "docs" / "images").glob("crash-*")}
    assert names == {".png", ".md"}
