"""The commands that run a scenario file: what they print where, what they leave, and how they end."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import levcore as lc
from levcore import command_tables
from levcore.__main__ import application
from levcore.display import money
from making_scenario_files import GBM, MARKET, REPLAY, SHOCK, VENUE, text, written

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "docs/examples"
WIDTH = 80


def invoke(*arguments: object):
    return CliRunner().invoke(application(), [str(argument) for argument in arguments], prog_name="levcore")


def started(*arguments: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "levcore", *map(str, arguments)], text=True, **options)  # type: ignore[call-overload]


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "levcore", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def on_a_terminal(*arguments: object, interrupt_at: bytes | None = None, **environment: str) -> tuple[int, bytes]:
    """Run a command on a terminal of 80 columns; its exit code and all that it wrote."""
    ours, theirs = pty.openpty()
    settings = {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": "24"} | environment
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    said = b""
    with started(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=kept | settings) as run:
        os.close(theirs)
        end = time.monotonic() + 60.0
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    block = os.read(ours, 65_536)
                except OSError:  # Linux's way to say that the other side is closed
                    block = b""
                if not block:
                    break
                said += block
                if interrupt_at is not None and interrupt_at in said:
                    run.send_signal(signal.SIGINT)
                    interrupt_at = None
            elif run.poll() is not None:
                break
        code = run.wait(timeout=60)
    os.close(ours)
    return code, said


@pytest.fixture
def day(tmp_path: Path) -> Path:
    return written(tmp_path)


# --- simulate and report ----------------------------------------------------------------------------------------------


def test_simulate_keeps_the_paths_and_sums_them_up(tmp_path: Path, day: Path) -> None:
    done = invoke("simulate", day, "-o", tmp_path / "new" / "out")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    for words in (
        "40 paths of 1 day in steps of 1 hour, 60 positions, seed 7",
        "95 % interval",
        "VaR 99 %",
        "drawn from the fund",
        "* fewer than 200 paths decide this",
        f"`levcore report {tmp_path / 'new' / 'out'}` makes a page of them",
    ):
        assert words in done.stdout
    runs = lc.storing.read(tmp_path / "new" / "out")
    plan = lc.settings.load(day)
    again = lc.simulate(plan.book, plan.market, plan.scenario, **plan.options)
    assert runs.bad_debt.tolist() == again.bad_debt.tolist()
    assert (tmp_path / "new" / "out" / "scenario.toml").read_text(encoding="utf-8") == text()


def test_the_measures_of_a_simulation_are_the_same_in_every_format(tmp_path: Path, day: Path) -> None:
    out = tmp_path / "out"
    told = json.loads(invoke("simulate", day, "-o", out, "-n", 120, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(invoke("simulate", day, "-o", out, "-n", 120, "-f", "csv").stdout)))
    runs = lc.storing.read(out)
    assert (told["seed"], told["paths"], told["steps"], told["step_seconds"]) == (7, 120, 24, 3_600.0)
    assert (told["positions"], told["numeraire"], told["failed_paths"]) == (60, "USDT", 0)
    measures = {one["measure"]: one for one in told["measures"]}
    assert [row["measure"] for row in rows] == list(measures)
    assert [float(row["value"]) for row in rows] == [one["value"] for one in measures.values()]
    for name, estimate, unit in (
        ("bad_debt_mean", lc.risk.mean(runs.bad_debt), "USDT"),
        ("bad_debt_expected_shortfall_99", lc.risk.expected_shortfall(runs.bad_debt), "USDT"),
        ("liquidated_notional_value_at_risk_99", lc.risk.value_at_risk(runs.liquidated_notional), "USDT"),
        ("liquidation_probability", lc.risk.probability(runs.liquidated_count > 0), "share"),
        ("insurance_fund_drawn_mean", lc.risk.mean(1e5 - runs.insurance_fund_low), "USDT"),
    ):
        found = measures[name]
        assert (found["value"], found["low"], found["high"]) == (estimate.value, estimate.low, estimate.high)
        assert (found["unit"], found["n"], found["low_sample"]) == (unit, 120, True)


def test_too_few_paths_for_a_tail_say_so(tmp_path: Path, day: Path) -> None:
    done = invoke("simulate", day, "-o", tmp_path / "out", "-n", 99)
    assert done.exit_code == 0, done.output
    assert "VaR and ES at 99 % are unknown of fewer than 100 paths" in done.stdout
    told = json.loads(invoke("simulate", day, "-o", tmp_path / "out", "-n", 99, "-f", "json").stdout)
    tails = [one for one in told["measures"] if one["measure"].endswith("_99")]
    assert {(one["value"], one["low"], one["high"]) for one in tails} == {(None, None, None)}
    assert "are unknown" not in invoke("simulate", day, "-o", tmp_path / "out", "-n", 100).stdout


def test_a_result_of_which_a_part_is_unknown_is_no_success(tmp_path: Path) -> None:
    day = written(tmp_path, market=MARKET.replace("2e4", "1e-3"))
    done = invoke("simulate", day, "-o", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (1, "")
    assert "stopped early" in done.stdout


def test_a_single_path_has_no_interval_and_still_valid_json(tmp_path: Path, day: Path) -> None:
    done = invoke("simulate", day, "-o", tmp_path / "out", "-n", 1, "-f", "json")
    told = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(word))
    assert {one["low"] for one in told["measures"] if one["measure"] == "bad_debt_mean"} == {None}
    assert "unknown to unknown" in invoke("simulate", day, "-o", tmp_path / "out", "-n", 1).stdout


def test_options_stand_in_for_what_the_file_says(tmp_path: Path, day: Path) -> None:
    def stored(*options: object) -> lc.Runs:
        done = invoke("simulate", day, "-o", tmp_path / "out", "--quiet", *options)
        assert done.exit_code == 0, done.output
        return lc.storing.read(tmp_path / "out")

    usual, other = stored(), stored("--seed", 2**64 - 1, "--paths", 12)
    assert (other.seed, other.paths) == (2**64 - 1, 12)
    assert other.lowest_price["BTC"].tolist() != usual.lowest_price["BTC"][:12].tolist()
    assert stored("--threads", 3).bad_debt.tolist() == usual.bad_debt.tolist()


def test_report_makes_a_page_beside_the_paths(tmp_path: Path, day: Path) -> None:
    invoke("simulate", day, "-o", tmp_path / "out")
    before = {path.name for path in (tmp_path / "out").iterdir()}
    done = invoke("report", tmp_path / "out", "--title", "A day")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{tmp_path / 'out' / 'report.html'}\n", "")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<title>A day" in page
    assert "How much the cascade adds" in page
    assert {path.name for path in (tmp_path / "out").iterdir()} - before == {"report.html"}
    assert invoke("simulate", day, "-o", tmp_path / "out").exit_code == 0  # an earlier simulation, with its page


def test_a_report_of_what_is_no_simulation_ends_with_1(tmp_path: Path, day: Path) -> None:
    done = invoke("report", tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"levcore: {tmp_path} holds no simulated paths: there is no run.json\n"
    invoke("simulate", day, "-o", tmp_path / "out")
    (tmp_path / "out" / "paths.npz").write_bytes(b"damaged")
    done = invoke("report", tmp_path / "out")
    assert done.exit_code == 1
    assert "paths.npz is damaged" in done.stderr
    assert not (tmp_path / "out" / "report.html").exists()


def test_a_report_that_fails_leaves_no_half_page(tmp_path: Path, day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    invoke("simulate", day, "-o", tmp_path / "out")

    def fails(runs: object, path: Path, **_: object) -> None:
        path.write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(lc.report, "write", fails)
    done = invoke("report", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (1, "levcore: No space left on device\n")
    assert not [path for path in (tmp_path / "out").iterdir() if "report" in path.name]


def test_a_directory_that_holds_something_else_ends_with_1_before_the_work(
    tmp_path: Path, day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    monkeypatch.setattr("levcore.montecarlo.simulate", lambda *_, **__: pytest.fail("worked"))
    done = invoke("simulate", day, "-o", tmp_path / "mine")
    assert done.exit_code == 1
    assert done.stderr.startswith("levcore: ")
    assert "it holds thesis.tex" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


# --- shock ------------------------------------------------------------------------------------------------------------


def test_shock_tells_each_shock_in_every_format(tmp_path: Path) -> None:
    path = written(tmp_path, scenario=SHOCK)
    plan = lc.settings.load(path)
    crashes = lc.shock(plan.book, plan.market, plan.scenario)
    told = json.loads(invoke("shock", path, "-f", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(invoke("shock", path, "-f", "csv").stdout)))
    assert [row["shock_BTC"] for row in told["outcomes"]] == [-0.05, -0.2]
    for name, values in (
        ("liquidated_count", crashes.liquidated_count),
        ("bad_debt_USDT", crashes.bad_debt),
        ("final_price_BTC_USDT", crashes.final_price["BTC"]),
        ("amplification_BTC", crashes.amplification["BTC"]),
    ):
        assert [row[name] for row in told["outcomes"]] == values.tolist()
        assert [float(row[name]) for row in rows] == values.tolist()
    assert {row["depth_used_BTC"] for row in told["outcomes"]} == {None}
    table = invoke("shock", path).stdout
    assert "60 positions, 2 shocks" in table
    assert "-20 %" in table
    assert f"{crashes.liquidated_count[1]:,}" in table
    assert "deleveraged" not in table


@pytest.mark.parametrize("shock", ["-0.2", "{ BTC = -0.2 }", "[-0.2]"])
def test_one_shock_is_a_table_of_one_row(tmp_path: Path, shock: str) -> None:
    path = written(tmp_path, scenario=f"[scenario]\nkind = 'shock'\nshock = {shock}\n")
    assert [row["shock_BTC"] for row in json.loads(invoke("shock", path, "-f", "json").stdout)["outcomes"]] == [-0.2]


def test_layers_of_the_waterfall_are_told_where_they_carried_something(tmp_path: Path) -> None:
    venue = VENUE.replace("insurance_fund = 1e5", "insurance_fund = 0\ndeleveraging = true\nsocialise = true")
    table = invoke("shock", written(tmp_path, venue=venue, scenario=SHOCK.replace("-0.2", "-0.5"))).stdout
    assert "deleveraged" in table


def test_a_shock_that_leaves_all_prices_says_so(tmp_path: Path) -> None:
    market = MARKET.replace("60_000.0", "1e80").replace("2e4", "1e-9")
    book = '[book]\nkind = "file"\nfile = "one.csv"\n'
    (tmp_path / "one.csv").write_text("instrument,quantity,entry_price,margin\nBTCUSDT,1,1e80,1e78\n")
    done = invoke("shock", written(tmp_path, market=market, book=book, scenario=SHOCK))
    assert done.exit_code == 1
    assert "shock 2: the price of BTC would leave the range" in done.stdout


# --- replay -----------------------------------------------------------------------------------------------------------


def recorded(folder: Path, *, steps: int = 60, times: bool = True) -> Path:
    closes = 60_000.0 * np.exp(-0.004 * np.arange(steps))
    at = pd.date_range("2024-08-05T00:00", periods=steps, freq="1min", tz="UTC")
    pd.DataFrame({"at": at, "close": closes}).to_csv(folder / "prices.csv", index=False)
    return written(folder, scenario=REPLAY.replace('step = "1h"', "times = 'at'") if times else REPLAY)


@pytest.mark.parametrize(
    ("row", "change", "said"),
    [
        (1, {"close": -59_000.0}, "must be a price > 0"),
        (1, {"at": "2024-08-05T00:00:00Z"}, "times must rise"),
        (2, {"at": "2024-08-05T00:02:30Z"}, "gap"),
    ],
)
def test_recorded_prices_that_are_wrong_are_a_wrong_file(
    tmp_path: Path, row: int, change: dict[str, object], said: str
) -> None:
    path = recorded(tmp_path, steps=3)
    frame = pd.read_csv(tmp_path / "prices.csv").astype({"at": object})
    for name, value in change.items():
        frame.loc[row, name] = value
    frame.to_csv(tmp_path / "prices.csv", index=False)
    done = invoke("replay", path)
    assert done.exit_code == 2
    assert f"{path}: scenario.file: " in done.stderr
    assert said in done.stderr


def test_replay_tells_a_history_stretch_by_stretch_and_step_by_step(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    plan = lc.settings.load(path)
    outcome = lc.replay(plan.book, plan.market, plan.scenario, **plan.options)
    table = invoke("replay", path).stdout
    assert "60 positions, 60 steps" in table
    assert "2024-08-05 00:05:00" in table
    assert len([line for line in table.splitlines() if line.startswith("2024-08-05")]) == 12
    rows = list(csv.DictReader(io.StringIO(invoke("replay", path, "-f", "csv").stdout)))
    assert [float(row["mark_price_BTC_USDT"]) for row in rows] == outcome.steps_kept.mark_price["BTC"][0].tolist()
    assert [row["time_utc"] for row in rows[:2]] == ["2024-08-05T00:00:00.000Z", "2024-08-05T00:01:00.000Z"]
    assert [float(row["time_seconds"]) for row in rows[:2]] == [0.0, 60.0]
    told = json.loads(invoke("replay", path, "-f", "json").stdout)
    assert told["outcome"]["bad_debt_USDT"] == outcome.bad_debt
    assert told["outcome"]["first_liquidation_seconds"] == outcome.first_liquidation / np.timedelta64(1, "s")
    assert told["steps"]["insurance_fund_USDT"] == outcome.steps_kept.insurance_fund[0].tolist()


def test_what_is_liquidated_in_the_stretches_is_what_is_liquidated_in_all(tmp_path: Path) -> None:
    plan = lc.settings.load(recorded(tmp_path, times=False))
    outcome = lc.replay(plan.book, plan.market, plan.scenario, **plan.options)
    table = command_tables.replay(outcome, plan.book, plan.market, tmp_path, None)[-1]
    names = [name for name, _ in table.header]
    assert names == ["until", "BTC", "longs closed", "shorts closed", "bad debt", "fund"]
    assert [row[0] for row in table.rows][:2] == ["4:00:00", "8:00:00"]
    hours = (outcome.steps_kept.time / np.timedelta64(1, "h")).astype(int)
    for row in table.rows:
        until = int(row[0].partition(":")[0]) if "day" not in row[0] else None
        if until is not None:
            within = (hours <= until) & (hours > until - 4 if until > 4 else hours >= 0)
            closed = outcome.steps_kept.liquidated_notional_long[0][within].sum()
            assert row[names.index("longs closed")] == money(closed)
    assert outcome.liquidated_notional_long > 0.0


PROCESSES = (
    "'gbm', 'garch', 'gjr_garch', 'egarch', 'merton', 'kou', 'hawkes', 'heston', 'bates', 'markov_switching' or "
    "'bootstrap'"
)

# --- Wrong files and wrong usage --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "scenario", "advice"),
    [
        ("shock", GBM, "must be 'shock' for `levcore shock`, was 'gbm': run `levcore simulate`"),
        ("shock", REPLAY, "must be 'shock' for `levcore shock`, was 'replay': run `levcore replay`"),
        ("simulate", SHOCK, f"must be {PROCESSES} for `levcore simulate`, was 'shock': run `levcore shock`"),
        ("replay", GBM, "must be 'replay' for `levcore replay`, was 'gbm': run `levcore simulate`"),
    ],
)
def test_a_file_of_another_kind_names_the_command_for_it(tmp_path: Path, verb: str, scenario: str, advice: str) -> None:
    path = written(tmp_path, scenario=scenario)
    options = ["-o", tmp_path / "out", "--seed", 3] if verb == "simulate" else []
    done = invoke(verb, path, *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"levcore: {path}:22: scenario.kind {advice}\n"


def test_all_mistakes_of_a_file_are_told_and_it_ends_with_2(tmp_path: Path) -> None:
    path = written(tmp_path, text().replace("size", "sise").replace('"1h"', "60"))
    done = invoke("simulate", path, "-o", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "levcore: a wrong scenario file",
        f"{path}:11: book.size must be given: a whole number >= 1 and <= 4,294,967,294",
        f"{path}:13: book.sise is no key of this table; did you mean size?",
        f"{path}:28: run.step must be text such as '1min', '8h' or '1d', was 60",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        ["simulate"],
        ["simulate", "{file}"],
        ["simulate", "{folder}/nowhere.toml", "-o", "out"],
        ["simulate", "{folder}", "-o", "out"],
        ["simulate", "{file}", "-o", "out", "--paths", "0"],
        ["simulate", "{file}", "-o", "out", "--seed", "-1"],
        ["simulate", "{file}", "-o", "out", "--threads", "many"],
        ["simulate", "{file}", "-o", "out", "--format", "yaml"],
        ["shock", "{file}", "--seed", "3"],
        ["report"],
        ["schema", "extra"],
        ["crash"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(tmp_path: Path, day: Path, wrong: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoke(*(part.format(file=day, folder=tmp_path) for part in wrong))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_status_and_resume_of_a_run_that_was_stopped(tmp_path: Path, day: Path) -> None:
    out = tmp_path / "out"

    def progress(done: int, total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    plan = lc.settings.load(day)
    with pytest.raises(KeyboardInterrupt):
        lc.simulate(plan.book, plan.market, plan.scenario, **plan.options, directory=out, chunk=5, progress=progress)
    said = invoke("status", out)
    assert said.exit_code == 0
    assert "40 paths of 1 day, seed 7" in said.stdout
    assert "15 of them (37.5%) are finished, in 3 of 8 files" in said.stdout
    found = json.loads(invoke("status", out, "-f", "json").stdout)
    assert (found["state"], found["paths_done"], found["parts_done"]) == ("unfinished", 15, 3)
    done = invoke("resume", out)
    assert done.exit_code == 0, done.output
    assert "40 paths of 1 day in steps of 1 hour" in done.stdout
    assert invoke("resume", out).stdout == done.stdout
    assert "finished" in invoke("status", out).stdout
    again = lc.simulate(plan.book, plan.market, plan.scenario, **plan.options)
    assert lc.storing.read(out).bad_debt.tolist() == again.bad_debt.tolist()


def test_the_same_command_goes_on_with_a_run_that_was_stopped(
    tmp_path: Path, day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from levcore import part_files

    real, written_parts = part_files.write, []

    def write(*args: Any) -> Path:
        written_parts.append(args[1])
        if len(written_parts) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr("levcore.split_runs.usual_size", lambda *_, **__: 10)
    monkeypatch.setattr(part_files, "write", write)
    invoke("simulate", day, "-o", tmp_path / "out")
    assert json.loads(invoke("status", tmp_path / "out", "-f", "json").stdout)["paths_done"] == 20
    other = invoke("simulate", day, "-o", tmp_path / "out", "--seed", 8)
    assert (other.exit_code, "seed is 7 there and 8 here" in other.stderr) == (1, True)
    done = invoke("simulate", day, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert written_parts == [(0, 10), (10, 10), (20, 10), (20, 10), (30, 10)]
    assert (tmp_path / "out" / "scenario.toml").read_text(encoding="utf-8") == text()


@pytest.mark.parametrize("command", ["status", "resume"])
def test_a_directory_without_a_run_ends_with_1(tmp_path: Path, command: str) -> None:
    done = invoke(command, tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "holds no run: there is no plan.json" in done.stderr


def test_too_many_paths_for_the_memory_end_with_1(tmp_path: Path, day: Path) -> None:
    done = invoke("simulate", day, "-o", tmp_path / "out", "-n", 4_000_000_000)
    assert done.exit_code == 1
    assert "4,000,000,000 paths of 24 steps needs" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_data_file_that_is_wrong_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "book.csv").write_text("instrument,quantity,entry_price,margin\nBTCUSDT,1,60000\n")
    path = written(tmp_path, book="[book]\nkind = 'file'\nfile = 'book.csv'\n", scenario=SHOCK)
    done = invoke("shock", path)
    assert done.exit_code == 2
    assert "margin[0] must be a number, was empty or nan" in done.stderr


# --- The rest ---------------------------------------------------------------------------------------------------------


def test_the_schema_is_printed_as_json() -> None:
    done = invoke("schema")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == lc.settings.schema()


def test_every_command_says_what_it_does() -> None:
    listed = invoke("--help").stdout
    for name in ("demo", "shock", "simulate", "replay", "report", "schema"):
        assert f"  {name} " in listed
        helped = invoke(name, "--help")
        assert helped.exit_code == 0
        assert max(map(len, helped.stdout.splitlines())) <= WIDTH


def test_the_examples_of_the_documentation_run(tmp_path: Path) -> None:
    simulated = invoke("simulate", EXAMPLES / "btc-day.toml", "-o", tmp_path / "out", "-n", 3)
    assert simulated.exit_code == 0, simulated.output
    shocked = invoke("shock", EXAMPLES / "crash.toml")
    assert shocked.exit_code == 0, shocked.output
    kinds = {tomllib.loads(path.read_text(encoding="utf-8"))["scenario"]["kind"] for path in EXAMPLES.glob("*.toml")}
    assert kinds == {"gbm", "shock"}
    for output in (simulated.stdout, shocked.stdout):
        assert max(map(len, output.splitlines()[2:-1])) <= WIDTH


def test_in_a_pipe_there_are_results_and_nothing_else(tmp_path: Path, day: Path) -> None:
    done = command("simulate", day, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout == invoke("simulate", day, "-o", tmp_path / "out").stdout
    failed = command("simulate", day, "-o", day)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert command("shock", day).returncode == 2


def test_on_a_terminal_there_is_a_bar_and_a_table_that_fits(tmp_path: Path) -> None:
    path = written(tmp_path, scenario=GBM.replace("paths = 40", "paths = 3_000"))
    code, said = on_a_terminal("simulate", path, "-o", tmp_path / "out")
    assert code == 0
    assert b"Running paths" in said
    assert b"\x1b[1m" in said
    code, quiet = on_a_terminal("simulate", path, "-o", tmp_path / "out", "--quiet", NO_COLOR="1")
    assert code == 0
    assert b"Running paths" not in quiet
    assert b"VaR 99 %" in quiet
    assert b"\x1b[3" not in quiet


def test_an_interrupt_ends_with_130_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = written(tmp_path, scenario=GBM.replace("paths = 40", "paths = 4_000_000"))
    code, _ = on_a_terminal("simulate", path, "-o", tmp_path / "new" / "out", interrupt_at=b"Running paths")
    assert code == 130
    assert [place.name for place in tmp_path.iterdir()] == ["day.toml"]
