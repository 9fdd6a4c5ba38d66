"""The demo runs offline on the shipped data, on a terminal and in a pipe, and fails with a word and a code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import levcore as lc
from levcore import datasets
from levcore.__main__ import application
from levcore.demo import COLUMNS, IN_TABLE, SHOCKS, annual_volatility, crash_test, facts, numbers, one_day, rows
from levcore.demo_screen import aligned

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def crash():
    return crash_test(positions=4_000, seed=3)


@pytest.fixture(scope="module")
def day(crash):
    return one_day(crash, paths=100)


def invoke(*arguments: object):
    return CliRunner().invoke(application(), [str(argument) for argument in arguments], prog_name="levcore")


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "levcore", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "MPLBACKEND": "Agg", **environment},
    )  # fmt: skip


def test_the_demo_prints_its_tables_and_writes_a_report_and_two_pictures(tmp_path: Path) -> None:
    place = tmp_path / "new" / "place"
    result = invoke("demo", "--positions", 3_000, "--paths", 4, "--seed", 5, "--out", place)
    assert result.exit_code == 0, result.output
    paths = [Path(line) for line in result.stdout.splitlines()[-3:]]
    assert paths == [place / name for name in ("report.html", "liquidation-map.png", "amplification.png")]
    assert all(path.read_bytes().startswith(PNG) for path in paths[1:])
    said = " ".join(result.stdout.split())
    for word in (
        *("3,000 synthetic positions (seed 5)", "assumption", "Deleveraging is off", "amplified", "bad debt", "-30%"),
        *("volatility 50.7 % a year", "5 December 2025 to 5 March 2026", "One day, 4 paths", "95 % interval"),
    ):
        assert word in said
    page = paths[0].read_text(encoding="utf-8")
    for word in (
        "BTCUSDT: one day of 3,000 positions",
        "order book of 8 August 2024",
        "Sudden moves",
        "fan-0",
        "cascade",
    ):
        assert word in page


def test_the_numbers_on_screen_are_those_of_the_run(crash, day, tmp_path: Path) -> None:
    result = invoke("demo", "--positions", 4_000, "--paths", 100, "--seed", 3, "--out", tmp_path)
    said = result.stdout.split("One day, 100 paths")[1]
    lines = {" ".join(line.split()) for line in said.splitlines()}
    listed = numbers(day)
    assert {f"{name} {value} {interval}" for name, value, interval in listed} <= lines
    shown = {name: value for name, value, _ in listed}
    orders = day.liquidated_notional
    second, worst = np.sort(orders)[-2:]  # of 100 paths
    for measure, found in (("mean", orders.mean()), ("VaR 99 %", second), ("ES 99 %", worst)):
        digits, letters = re.fullmatch(r"([\d.]+)(M|bn) USDT", shown[f"Forced orders, notional, {measure}"]).groups()
        assert float(digits) * {"M": 1e6, "bn": 1e9}[letters] == pytest.approx(found, rel=0.005)
    assert shown["Probability of bad debt"] == f"{100 * (day.bad_debt > 0).mean():.0f} %"
    assert shown["Positions liquidated, mean of the paths"] == f"{day.liquidated_count.mean():.3g}"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(f">{value.removesuffix(' USDT')}" in page for value in shown.values())
    mildest = SHOCKS[crash.outcome.bad_debt > 0].max()
    assert f"the mildest that leaves bad debt is BTC \N{MINUS SIGN}{-100 * mildest:.0f} %" in " ".join(said.split())


def test_the_day_is_a_simulation_anyone_can_run_again(crash, day) -> None:
    again = lc.simulate(
        crash.book, crash.market, lc.GBM(0.507), paths=100, steps=1_440, step=timedelta(minutes=1), seed=3
    )
    np.testing.assert_array_equal(day.liquidated_notional, again.liquidated_notional)
    np.testing.assert_array_equal(day.final_price["BTC"], again.final_price["BTC"])
    assert (day.conservation_error < 1e-12).all()
    assert day.seed == 3


def test_the_volatility_is_that_of_the_shipped_closes() -> None:
    closes = datasets.prices("BTC")
    returns = np.log(closes[1:] / closes[:-1])
    value, low, high = annual_volatility()
    assert value == pytest.approx(returns.std(ddof=1) * np.sqrt(8_760))
    draws = np.random.default_rng(1).choice(returns, (2_000, len(returns))).std(axis=1) * np.sqrt(8_760)
    assert (low, high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), rel=0.02)


def test_in_a_pipe_the_demo_writes_plain_text_and_nothing_else(tmp_path: Path) -> None:
    done = command("demo", "--positions", 2_000, "--paths", 3, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    table = [line for line in done.stdout.splitlines() if line.lstrip().startswith("-")]
    assert len(table) == len(IN_TABLE)
    assert len({len(line) for line in table}) == 1
    assert max(len(line) for line in done.stdout.splitlines() if str(tmp_path) not in line) <= 100
    assert (tmp_path / "report.html").exists()


def test_on_a_terminal_progress_is_shown_and_colour_left_out_where_the_user_asks_for_none(tmp_path: Path) -> None:
    asked = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "120"}
    small = ("demo", "--positions", 500, "--paths", 2, "--out", tmp_path)
    loud = command(*small, **asked)
    quiet = command(*small, NO_COLOR="1", **asked)
    assert "\x1b[31m" in loud.stdout
    assert "Simulating 2 days" in loud.stderr
    assert "\x1b[31m" not in quiet.stdout
    assert "bad debt" in quiet.stdout


def test_a_reader_that_goes_away_ends_the_demo_without_a_word(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "levcore", "demo", "--positions", "500", "--paths", "2", "--out", str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == ""
        assert run.wait(timeout=60) == 1


def test_the_same_seed_tells_the_same_story(tmp_path: Path) -> None:
    def told(seed: int) -> tuple[str, bytes]:
        said = invoke("demo", "--positions", 1_000, "--paths", 3, "--seed", seed, "--out", tmp_path).stdout
        return said, (tmp_path / "report.html").read_bytes()

    first, again, other = told(9), told(9), told(10)
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_the_version_is_printed_on_request() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert result.stdout == f"levcore {lc.__version__}\n"
    assert command("--version").stdout == result.stdout


@pytest.mark.parametrize(
    "wrong", [["--positions", "1"], ["--paths", "0"], ["--seed", "-1"], ["--seed", "x"], ["--colour"]]
)
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

    monkeypatch.setattr("levcore.demo_screen.crash_test", interrupted)
    assert invoke("demo", "--positions", 100, "--out", tmp_path).exit_code == 130


@pytest.mark.parametrize(("missing", "extra"), [("matplotlib", "plot"), ("jinja2", "report"), ("plotly", "report")])
def test_what_the_demo_needs_is_asked_for_before_the_work(
    missing: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr("levcore.demo_screen.crash_test", None)
    result = invoke("demo", "--positions", 100, "--out", tmp_path)
    assert result.exit_code == 1
    assert f'pip install "levcore[{extra}]"' in result.stderr


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
    assert len({len(line) for line in aligned(cells)}) == 1
    assert [topic for topic, _ in facts(crash)] == ["Venue", "Book", "Market", "Day"]


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
