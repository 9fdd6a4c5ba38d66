"""A sweep in a directory says which of its points are finished, and what the directory alone can go on with."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import levcore as lc
from levcore import sweeps
from levcore.__main__ import application
from making_split_runs import ASKED, BOOK, MARKET

ASKED_OF_EACH = ASKED | {"paths": 100}
VOLATILITIES = [0.6, 1.2, 1.8, 2.4]
GBM = lc.GBM(volatility=1.0)


class StopError(Exception):
    pass


def swept(directory: Path | None = None) -> lc.study.Sweep:
    return lc.study.sweep(
        BOOK, MARKET, GBM, {"scenario.volatility": VOLATILITIES}, **ASKED_OF_EACH, directory=directory
    )


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep of four points: the first is finished, the second was stopped on the way, two were not begun."""
    real = sweeps.simulate
    runs = 0

    def stop(done: int, total: int) -> None:
        if done >= 60:
            raise StopError

    def simulate(*given: Any, **options: Any) -> lc.Runs:
        nonlocal runs
        runs += 1
        return real(*given, **options, **({"chunk": 20, "progress": stop} if runs == 2 else {}))

    with monkeypatch.context() as patched:
        patched.setattr(sweeps, "simulate", simulate)
        with pytest.raises(StopError):
            swept(tmp_path / "sweep")
    return tmp_path / "sweep"


def invoke(*words: object) -> Result:
    return CliRunner().invoke(application(), [str(word) for word in words], prog_name="levcore")


def test_a_sweep_that_was_stopped_says_how_far_each_point_is(stopped: Path) -> None:
    found = lc.study.sweep_status(stopped)
    assert (found.points, found.finished, found.unfinished, found.not_begun) == (4, (0,), (1,), (2, 3))
    assert found.parameters == {"scenario.volatility": ("0.6", "1.2", "1.8", "2.4")}
    assert 40 <= found.runs[1].done < 100
    said = invoke("status", stopped)
    assert said.exit_code == 0, said.output
    assert "a sweep, not finished" in said.stdout
    assert "4 points: 1 finished, 1 stopped on the way, 2 not begun" in said.stdout
    rows = [line.split() for line in said.stdout.splitlines() if line.strip() and line.split()[0].isdigit()][1:]
    assert rows[0] == ["0", "finished", "100", "100", "0.6"]
    assert rows[1][:2] + rows[1][3:] == ["1", "unfinished", str(found.runs[1].done), "1.2"]
    assert rows[3] == ["3", "not", "begun", "0", "2.4"]
    assert f"`levcore resume {stopped}` finishes those that were stopped on the way" in said.stdout
    assert "points that were not begun cannot be run from the directory: the same call of lc.study.sweep" in said.stdout


def test_status_of_a_sweep_is_json_and_csv_too(stopped: Path) -> None:
    found = json.loads(invoke("status", stopped, "-f", "json").stdout)
    counts = [found[name] for name in ("points", "points_finished", "points_unfinished", "points_not_begun")]
    assert counts == [4, 1, 1, 2]
    assert [run["state"] for run in found["runs"]] == ["finished", "unfinished", "not begun", "not begun"]
    rows = list(csv.DictReader(io.StringIO(invoke("status", stopped, "-f", "csv").stdout)))
    assert [row["scenario.volatility"] for row in rows] == ["0.6", "1.2", "1.8", "2.4"]
    assert [row["paths"] for row in rows] == ["100", "100", "", ""]


def test_resume_finishes_what_was_begun_says_what_it_cannot_and_the_same_call_does_the_rest(stopped: Path) -> None:
    known = repr(swept())
    said = invoke("resume", stopped)
    assert said.exit_code == 1  # half of the sweep is still unknown
    assert "4 points: 2 finished, 0 stopped on the way, 2 not begun" in said.stdout
    assert "points that were not begun cannot be run from the directory" in said.stdout
    assert "levcore resume" not in said.stdout
    assert lc.study.sweep_status(stopped).finished == (0, 1)
    assert repr(swept(stopped)) == known
    done = invoke("resume", stopped)
    assert done.exit_code == 0
    assert "a sweep, finished" in done.stdout
    assert "measures are made by the same call of lc.study.sweep" in done.stdout
    assert "cannot" not in done.stdout


def test_a_finished_point_was_not_run_again_by_the_call_that_goes_on(stopped: Path) -> None:
    invoke("resume", stopped)
    before = {
        path: path.stat().st_mtime_ns for number in (0, 1) for path in (stopped / f"point-0000{number}").iterdir()
    }
    swept(stopped)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_directory_of_points_alone_does_not_tell_how_many_there_should_be(stopped: Path) -> None:
    (stopped / "sweep.json").unlink()
    assert lc.study.sweep_status(stopped).points is None
    said = invoke("status", stopped)
    assert "an unknown number of points (there is no sweep.json): 1 finished, 1 stopped on the way" in said.stdout
    assert "cannot be run from the directory" in said.stdout


def test_a_sweep_that_was_killed_before_its_first_point_says_so(stopped: Path) -> None:
    for place in stopped.glob("point-*"):
        for path in sorted(place.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    assert lc.study.sweep_status(stopped).not_begun == (0, 1, 2, 3)
    assert invoke("resume", stopped).exit_code == 1


@pytest.mark.parametrize(
    "bad",
    ["", "{", "[]", '{"format": 2, "points": 4, "parameters": {}}', '{"format": 1, "points": 0, "parameters": {}}'],
)
def test_a_damaged_list_of_points_is_refused_by_name(stopped: Path, bad: str) -> None:
    (stopped / "sweep.json").write_text(bad)
    done = invoke("status", stopped)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "sweep.json is damaged" in done.stderr
    assert repr(swept(stopped)) == repr(swept())  # which writes it again


def test_damage_to_a_point_is_told_by_its_name(stopped: Path) -> None:
    (stopped / "point-00001" / "unfinished" / "plan.json").write_text("{")
    for command in ("status", "resume"):
        done = invoke(command, stopped)
        assert done.exit_code == 1
        assert "point-00001/unfinished/plan.json is damaged" in done.stderr


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"scenario.volatility": [0.6, 1.1]},
            r"point-00001 holds another run: scenario\.volatility is 1\.2 there and 1\.1",
        ),
        ({"scenario.volatility": VOLATILITIES[:1]}, "holds another sweep: 4 points there, 1 here"),
        ({"scenario.drift": [0.0]}, r"another sweep: of scenario\.volatility there, of scenario\.drift here"),
    ],
)
def test_a_directory_of_another_sweep_is_refused_and_left_as_it_is(
    stopped: Path, parameters: dict[str, list[float]], said: str
) -> None:
    before = (stopped / "sweep.json").read_bytes()
    with pytest.raises(lc.StoreError, match=said):
        lc.study.sweep(BOOK, MARKET, GBM, parameters, **ASKED_OF_EACH, directory=stopped)
    assert (stopped / "sweep.json").read_bytes() == before
    assert lc.study.sweep_status(stopped).points == 4


def test_resume_of_points_alone_exits_with_one_for_nobody_knows_how_many_there_are(stopped: Path) -> None:
    (stopped / "sweep.json").unlink()
    assert invoke("resume", stopped).exit_code == 1
