"""The study of two crashes: what it reads, what it replays, and what it must not make up."""

from __future__ import annotations

import gzip
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import levcore as lc
from levcore.datasets import binance_tiers

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "docs" / "studies"))
crashes = importlib.import_module("crashes")
replay_crashes = importlib.import_module("replay_crashes")

DAY = np.datetime64("2021-05-19", "m")
FIVE = np.timedelta64(5, "m")
CRASH = crashes.Crash(
    day="2021-05-19",
    title="a made-up day",
    bars="bars.csv.gz",
    history="bars.csv.gz",
    open_interest={"BTC": 1e9, "ETH": 5e8},
    volume=1.0,
    reported={"BTC": "0.5", "ETH": "nobody knows"},
    loans="loans.csv.gz",
)


def write_bars(path: Path, closes: np.ndarray, *, leave_out: slice = slice(0, 0)) -> None:
    """Bars of 5 minutes from two days before the day on; ETH costs a tenth of BTC."""
    times = DAY - 576 * FIVE + np.arange(len(closes)) * FIVE
    rows = []
    for asset, scale in (("BTC", 1.0), ("ETH", 0.1)):
        opens = np.concatenate([closes[:1], closes[:-1]])
        for row in np.delete(np.arange(len(closes)), leave_out):
            first, last = opens[row] * scale, closes[row] * scale
            stamp = times[row].astype("datetime64[ms]").astype(int)
            rows.append(f"{stamp},{asset},{first},{max(first, last)},{min(first, last)},{last},100.0")
    text = "\n".join(["ts_ms,symbol,open,high,low,close,volume", *rows])
    path.write_bytes(gzip.compress(text.encode("ascii")))


def write_loans(path: Path) -> None:
    stamp = (DAY + np.timedelta64(200, "m")).astype("datetime64[ms]").astype(int)
    rows = [
        f"{stamp},1000.0,2000.0",
        f"{stamp},500.0,",
        f"{stamp},,",
        f"{stamp - 86_400_000},,7.0",
        f"{stamp + 86_400_000},,7.0",
    ]
    path.write_bytes(gzip.compress("\n".join(["ts_ms,debt_usd,collateral_usd", *rows]).encode("ascii")))


def waves(bars: int) -> np.ndarray:
    """A price near 40,000 that moves a little at every bar."""
    return 40_000.0 * (1.0 + 0.002 * np.sin(np.arange(bars)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("recorded")
    closes = waves(576 + 288)
    closes[576 + 120 : 576 + 126] *= np.linspace(0.95, 0.75, 6)  # ten o'clock: down by a quarter in half an hour
    closes[576 + 126 :] *= 0.75
    write_bars(place / "bars.csv.gz", closes)
    write_loans(place / "loans.csv.gz")
    return place


@pytest.fixture(scope="module")
def found(data: Path):
    return crashes.study(data, CRASH, books=3, positions=400)


def test_longs_go_in_the_hour_in_which_the_price_fell(found):
    longs = found.notional[replay_crashes.RECORDED, :, :, :, crashes.LONG]
    assert longs.shape == (3, 2, 24)
    assert (longs.argmax(axis=2) == 10).all()
    assert (longs[:, :, 11:] == 0.0).all()


def test_infinite_depth_keeps_to_the_record_and_impact_deepens_it(found):
    lows = np.array([bars.low.min() for bars in found.bars.values()])
    recorded, impact, thin = (found.lowest[v] for v in (0, 1, 2))
    assert recorded == pytest.approx(np.broadcast_to(lows, recorded.shape), rel=1e-12)
    assert (impact < recorded).all()
    assert (thin < impact).all()
    assert (found.lowest[3] >= recorded).all()  # closes only


def test_each_drawn_book_differs_and_each_seed_repeats(data, found):
    totals = found.notional[0].sum(axis=(1, 2, 3))
    assert len(set(totals.tolist())) == 3
    again = crashes.study(data, CRASH, books=3, positions=400)
    assert again.notional.tobytes() == found.notional.tobytes()


def test_a_fall_across_a_gap_liquidates_nobody(tmp_path):
    closes = waves(576 + 288)
    closes[576 + 126 :] *= 0.5
    write_bars(tmp_path / "bars.csv.gz", closes, leave_out=slice(576 + 126, 576 + 132))
    bars = crashes.read_bars(tmp_path / "bars.csv.gz")["BTC"]
    day = bars.between(DAY, DAY + 288 * FIVE)
    assert [len(part) for part in day.parts()] == [126, 156]
    total, lowest = crashes.replayed(CRASH, "BTC", day, bars, seed=1, positions=400)
    before, _ = crashes.replayed(CRASH, "BTC", day[:126], bars, seed=1, positions=400)
    assert total[0, :10].tolist() == before[0, :10].tolist()
    assert total[0, 11:, crashes.LONG].sum() < 0.05 * CRASH.open_interest["BTC"]
    assert lowest[0] == pytest.approx(day.low.min())


def test_a_past_that_a_gap_cuts_off_is_not_used(tmp_path):
    write_bars(tmp_path / "bars.csv.gz", waves(576), leave_out=slice(500, 510))
    bars = crashes.read_bars(tmp_path / "bars.csv.gz")["BTC"]
    assert len(crashes.past(bars, DAY)) == 576 - 510
    assert len(crashes.past(bars, DAY - 66 * FIVE)) == 0  # right after the gap
    assert len(crashes.past(bars, DAY - 600 * FIVE)) == 0  # before the record


def test_hourly_closes_end_with_the_last(tmp_path):
    write_bars(tmp_path / "bars.csv.gz", np.arange(1.0, 577.0))
    bars = crashes.read_bars(tmp_path / "bars.csv.gz")["BTC"]
    assert crashes.hourly(bars).tolist() == list(range(12, 577, 12))


def test_the_impact_is_by_the_volume_and_volatility_of_the_days_before(tmp_path):
    write_bars(tmp_path / "bars.csv.gz", 100.0 * np.exp(np.repeat(0.01 * (np.arange(48) % 2), 12)))
    before = crashes.read_bars(tmp_path / "bars.csv.gz")["BTC"]
    asset = crashes.market("BTC", 100.0, before, 3.0)["BTC"]
    # 288 bars a day of 100 coins each, three times over; an hour moves the log price by 0.01, up and down.
    assert asset.impact.daily_volume == pytest.approx(3 * 288 * 100.0)
    assert asset.impact.daily_volatility == pytest.approx(0.01 * 24**0.5, rel=1e-3)
    assert np.exp(-asset.resilience * 30 / 1_440) == pytest.approx(0.5)
    assert crashes.market("BTC", 100.0, before, np.inf)["BTC"].impact == lc.LinearImpact(depth=np.inf)
    assert crashes.market("BTC", 100.0, before[:0], 3.0)["BTC"].impact == lc.LinearImpact(depth=np.inf)


def test_a_spread_is_the_median_with_the_least_and_the_most():
    said = replay_crashes.spread(np.array([3e6, 1e6, 1.5e9]), 1e6, 0)
    assert said.replace("\N{WORD JOINER}", "") == "3<br>1–1,500"
    assert replay_crashes.spread(np.array([2e9, 2e9]), 1e9, 2) == "2.00"


def test_loans_are_summed_by_hour_of_the_day(data):
    loans = crashes.read_loans(data / "loans.csv.gz", DAY)
    assert loans[3] == 2_500.0  # collateral, else debt; what has no price counts nothing
    assert loans.sum() == 2_500.0


def test_assets_replayed_apart_are_the_assets_replayed_together(found):
    assets, bars = ("BTC", "ETH"), found.bars
    venue = lc.Venue([lc.LinearPerpetual(f"{a}USDT", asset=a, tiers=binance_tiers(f"{a}USDT")) for a in assets])
    start = {a: bars[a].open[0] for a in assets}
    market = lc.Market({a: lc.Asset(start[a], impact=lc.LinearImpact(depth=float("inf"))) for a in assets})
    history = waves(576)[::-1][::12][::-1]
    parts = [
        lc.Book.synthetic(
            venue,
            size=400,
            prices=start,
            open_interest={a: CRASH.open_interest[a]},
            history={a: history * scale},
            seed=1,
        )
        for a, scale in (("BTC", 1.0), ("ETH", 0.1))
    ]
    closes, high, low = ({a: getattr(bars[a], name) for a in assets} for name in ("close", "high", "low"))
    outcome = lc.replay(lc.concat(parts), market, closes, high=high, low=low, times=bars["BTC"].time)
    apart = found.notional[0, 0].sum(axis=(0, 1))
    assert apart[0] == pytest.approx(outcome.liquidated_notional_long, rel=1e-9)
    assert apart[1] == pytest.approx(outcome.liquidated_notional_short, rel=1e-9)


def test_the_page_has_a_row_an_hour_and_says_how_many_books(found):
    page = replay_crashes.page(found)
    hours = [line for line in page.splitlines() if line[:2] == "| " and line[4:8] == ":00 "]
    assert len(hours) == 24
    assert "median of 3 drawn books (seeds 1 to 3)" in page
    assert "nan" not in page
    for block in page.split("\n\n")[1::2]:
        assert len({line.count("|") for line in block.splitlines()}) == 1
    assert "| reported | 0.5 |  | nobody knows |  |" in page


def test_an_hour_without_a_record_shows_no_price(found):
    bars = {asset: day[:24] for asset, day in found.bars.items()}
    short = crashes.Study(found.crash, bars, found.notional, found.lowest, found.loans)
    rows = replay_crashes.hour_table(short)
    assert "| 01:00 | −" in rows[3]
    assert rows[4].startswith("| 02:00 | no record | no record |")


def test_the_picture_says_what_its_axes_are(found):
    figure = replay_crashes.picture(found)
    assert [ax.get_title(loc="left").rpartition(",")[2].strip() for ax in figure.axes] == [
        "%",
        "billions of US dollars",
        "millions of US dollars",
    ]
    assert figure.axes[-1].get_xlabel() == "Hour of a made-up day, UTC"
    tops = [bar.get_height() for bar in figure.axes[1].containers[0]]
    assert tops == pytest.approx(np.median(found.notional[0].sum(axis=1)[:, :, 0], axis=0) / 1e9)


def test_the_command_writes_a_picture_and_a_table_of_each_crash(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(replay_crashes, "CRASHES", (CRASH,))
    out = tmp_path / "new" / "place"
    assert replay_crashes.main([str(data), "--out", str(out), "--books", "2", "--positions", "100"]) == 0
    assert (out / "replay-2021-05-19.png").read_bytes().startswith(b"\x89PNG")
    assert "a made-up day" in (out / "replay-2021-05-19.md").read_text(encoding="utf-8")
    assert "replay-2021-05-19.md" in capsys.readouterr().out


def test_a_folder_that_is_none_ends_with_2(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        replay_crashes.main([str(tmp_path / "nowhere")])
    assert "is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("crash", crashes.CRASHES, ids=lambda crash: crash.day)
def test_the_page_on_replays_shows_what_the_study_has_written(crash):
    page = (ROOT / "docs" / "replays.md").read_text(encoding="utf-8")
    for suffix in ("png", "md"):
        assert f"images/replay-{crash.day}.{suffix}" in page
        assert (ROOT / "docs" / "images" / f"replay-{crash.day}.{suffix}").is_file()
    table = (ROOT / "docs" / "images" / f"replay-{crash.day}.md").read_text(encoding="utf-8")
    assert f"median of {crashes.BOOKS} drawn books" in table
    interest = [f"{value / 1e9:,.1f}" for value in crash.open_interest.values() for _ in range(2)]
    assert f"| open interest before | {' | '.join(interest)} |" in table
    for told in crash.reported.values():
        assert told in table
