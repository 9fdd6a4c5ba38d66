"""The demo runs offline on the shipped data, on a terminal and in a pipe, and fails with a word and a code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import levcore as lc
from levcore import datasets
from levcore.__main__ import application
from levcore.demo import COLUMNS, IN_TABLE, SHOCKS, aligned, crash_test, facts, rows

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def crash():
    return crash_test(positions=4_000, seed=3)


def invoke(*arguments: object):
    return CliRunner().invoke(application(), [str(argument) for argument in arguments], prog_name="levcore")


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "levcore", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "MPLBACKEND": "Agg", **environment},
    )  # fmt: skip


def test_the_demo_prints_a_table_and_writes_two_pictures(tmp_path: Path) -> None:
    result = invoke("demo", "--positions", 3_000, "--seed", 5, "--out", tmp_path / "new" / "place")
    assert result.exit_code == 0, result.output
    paths = [Path(line) for line in result.stdout.splitlines()[-2:]]
    assert [path.name for path in paths] == ["liquidation-map.png", "amplification.png"]
    assert all(path.read_bytes().startswith(PNG) for path in paths)
    for word in (
        "3,000 synthetic positions (seed 5)",
        "assumption",
        "Deleveraging is off",
        "amplified",
        "bad debt",
        "-30%",
    ):
        assert word in " ".join(result.stdout.split())


def test_in_a_pipe_the_demo_writes_plain_text_and_nothing_else(tmp_path: Path) -> None:
    done = command("demo", "--positions", 2_000, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    table = [line for line in done.stdout.splitlines() if line.lstrip().startswith("-")]
    assert len(table) == len(IN_TABLE)
    assert len({len(line) for line in table}) == 1
    assert (tmp_path / "amplification.png").exists()


def test_on_a_terminal_colour_is_left_out_where_the_user_asks_for_none(tmp_path: Path) -> None:
    asked = {"positions": 500, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "120"}
    loud = command("demo", "--positions", asked.pop("positions"), "--out", tmp_path, **asked)
    quiet = command("demo", "--positions", 500, "--out", tmp_path, NO_COLOR="1", **asked)
    assert "\x1b[31m" in loud.stdout
    assert "\x1b[31m" not in quiet.stdout
    assert "bad debt" in quiet.stdout


def test_a_reader_that_goes_away_ends_the_demo_without_a_word(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "levcore", "demo", "--positions", "500", "--out", str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == ""
        assert run.wait(timeout=60) == 1


def test_the_same_seed_tells_the_same_story(tmp_path: Path) -> None:
    first, again = (invoke("demo", "--positions", 1_000, "--seed", 9, "--out", tmp_path).stdout for _ in range(2))
    other = invoke("demo", "--positions", 1_000, "--seed", 10, "--out", tmp_path).stdout
    assert first == again != other


def test_the_version_is_printed_on_request() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert result.stdout == f"levcore {lc.__version__}\n"
    assert command("--version").stdout == result.stdout


@pytest.mark.parametrize("wrong", [["--positions", "1"], ["--seed", "-1"], ["--seed", "x"], ["--colour"]])
def test_wrong_usage_ends_with_2(wrong: list[str]) -> None:
    assert invoke("demo", *wrong).exit_code == 2


def test_a_place_that_cannot_be_written_ends_with_1_and_a_word(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = invoke("demo", "--positions", 100, "--out", tmp_path / "file" / "below")
    assert result.exit_code == 1
    assert result.stderr.startswith("levcore: ")
    assert "Traceback" not in result.output


def test_a_book_too_large_for_the_machine_ends_with_1_and_a_word(tmp_path: Path) -> None:
    result = invoke("demo", "--positions", 10**14, "--out", tmp_path)
    assert result.exit_code == 1
    assert "100000000000000" in result.stderr.replace(",", "")


def test_an_interrupt_ends_with_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("levcore.demo.crash_test", interrupted)
    assert invoke("demo", "--positions", 100, "--out", tmp_path).exit_code == 130


def test_without_typer_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from levcore.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert 'pip install "levcore[cli]"' in done.stderr
    assert done.stdout == ""


def test_the_demo_conserves_money_and_amplifies(crash) -> None:
    outcome = crash.outcome
    assert (outcome.conservation_error < 1e-12).all()
    assert (outcome.amplification["BTC"] >= 1.0).all()
    assert (np.diff(outcome.liquidated_count) >= 0).all()
    assert (outcome.final_price["BTC"] <= crash.market.prices["BTC"] * (1 + SHOCKS) * (1 + 1e-12)).all()


def test_the_table_has_a_cell_for_every_column_and_shock(crash) -> None:
    cells = rows(crash)
    assert [row[0] for row in cells] == [f"-{percent}%" for percent in IN_TABLE]
    assert {len(row) for row in cells} == {len(COLUMNS)}
    assert len(aligned(cells)) == len(cells) + 2
    assert [topic for topic, _ in facts(crash)] == ["Venue", "Book", "Market"]


def test_shipped_tiers_are_those_of_binance() -> None:
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT"):
        tiers = datasets.binance_tiers(symbol)
        assert tiers.floor[0] == 0.0
        assert tiers.max_leverage is not None
        assert tiers.max_leverage[-1] >= 1
    tiers = datasets.binance_tiers("BTCUSDT")
    assert tiers.maintenance_margin(1_000_000.0) == pytest.approx(1_000_000 * 0.0065 - 1_500)


def test_shipped_depth_grows_with_distance_and_with_scale() -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        curve, double = datasets.depth_curve(symbol), datasets.depth_curve(symbol, scale=2)
        assert (np.diff(curve.quantity) > 0).all()
        assert (np.diff(curve.ask_quantity) > 0).all()
        np.testing.assert_allclose(double.quantity, 2 * np.asarray(curve.quantity))
    bids, asks = datasets.depth_curve("BTCUSDT").log_impact(np.array([-1_330.325, 4_387.269]))
    assert bids == pytest.approx(np.log(0.99))
    assert asks == pytest.approx(np.log(1.01))


def test_shipped_closes_are_ninety_days_and_cannot_be_written_to() -> None:
    for asset in ("BTC", "ETH", "SOL"):
        closes = datasets.prices(asset)
        assert closes.shape == (2_160,)
        assert (closes > 0).all()
        assert datasets.open_interest(asset) > 1e8
        with pytest.raises(ValueError, match="read-only"):
            closes[0] = 1.0


def test_shipped_minute_bars_are_one_whole_day_that_a_replay_takes() -> None:
    day = {asset: datasets.minute_bars(asset) for asset in ("BTC", "ETH")}
    for bars in day.values():
        assert bars.time[0] == np.datetime64("2025-06-22T00:00")
        assert (np.diff(bars.time) == np.timedelta64(1, "m")).all()
        assert {len(column) for column in bars} == {1_440}
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        for column in bars:
            with pytest.raises(ValueError, match="read-only"):
                column[0] = column[1]
    # Four numbers of the record by hand: the first open and the day's low of each.
    assert (day["BTC"].open[0], day["BTC"].low.min()) == (102_079.8, 98_115.4)
    assert (day["ETH"].open[0], day["ETH"].low.min()) == (2_294.64, 2_111.0)

    market = lc.Market({a: lc.Asset(b.open[0], impact=lc.LinearImpact(depth=float("inf"))) for a, b in day.items()})
    venue = lc.Venue([lc.LinearPerpetual(a, asset=a, tiers=datasets.binance_tiers(f"{a}USDT")) for a in day])
    book = lc.Book.synthetic(venue, size=100, prices=market, open_interest=dict.fromkeys(day, 1e6), seed=1)
    high, low = ({a: getattr(bars, name) for a, bars in day.items()} for name in ("high", "low"))
    closes = {a: bars.close for a, bars in day.items()}
    outcome = lc.replay(book, market, closes, high=high, low=low, times=day["BTC"].time)
    assert outcome.lowest_price == {"BTC": pytest.approx(98_115.4), "ETH": pytest.approx(2_111.0)}


def test_what_is_not_shipped_is_refused_with_the_list_of_what_is() -> None:
    with pytest.raises(lc.InputError, match=r"BTCUSDT, ETHUSDT.*was 'LUNAUSDT'"):
        datasets.binance_tiers("LUNAUSDT")
    with pytest.raises(lc.InputError, match="BTC, ETH, SOL"):
        datasets.prices("DOGE")
    with pytest.raises(lc.InputError, match=r"asset must be one of BTC, ETH, was 'SOL'"):
        datasets.minute_bars("SOL")
    with pytest.raises(lc.KindError):
        datasets.minute_bars(1)
    with pytest.raises(lc.InputError, match="scale must be > 0"):
        datasets.depth_curve("BTCUSDT", scale=0.0)
    with pytest.raises(lc.KindError, match="scale must be a number"):
        datasets.depth_curve("BTCUSDT", scale="8")
    with pytest.raises(lc.InputError):
        datasets.depth_curve("SOLUSDT")
    with pytest.raises(lc.InputError):
        datasets.open_interest("DOGE")
