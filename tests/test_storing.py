"""Stored paths come back to the last bit; what is damaged or not ours is refused by name and left as it is."""

from __future__ import annotations

import csv
import errno
import io
import itertools
import json
import os
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levcore as lc
from levcore import storing
from levcore.per_asset import PerAsset
from levcore.stored_values import from_json, to_json

HOUR = timedelta(hours=1)
TIERS = lc.MarginTiers(floor=[0, 1e6], maintenance_rate=[0.005, 0.01], max_leverage=[50, 20])
PAID = lc.Funding(rate=0.001, interval=timedelta(hours=2))
VENUE = lc.Venue(
    [
        lc.LinearPerpetual("X-P", asset="X", tiers=TIERS, funding=PAID),
        lc.LinearPerpetual("Y-P", asset="Y", tiers=TIERS),
    ],
    backstop=lc.Backstop(insurance_fund=1e4, socialise=True),
)
MARKET = lc.Market(
    {
        "X": lc.Asset(100.0, impact=lc.DepthCurve(distance=[0.01, 0.1], quantity=[1e3, 5e3])),
        "Y": lc.Asset(7.0, impact=lc.LinearImpact(depth=float("inf"))),
    },
    numeraire="EUR",
)
BOOK = lc.Book.synthetic(VENUE, size=80, prices=MARKET.prices, open_interest={"X": 1e6, "Y": 1e5}, seed=4)
PROCESS = lc.GBM({"X": 0.9, "Y": 1.3}, drift=0.1, correlation=[[1.0, 0.3], [0.3, 1.0]])
KEPT = lc.simulate(BOOK, MARKET, PROCESS, paths=30, steps=24, step=HOUR, seed=7, keep_steps=True)
PLAIN = lc.simulate(BOOK, MARKET, PROCESS, paths=5, steps=6, step=HOUR, seed=8)
GIVEN = lc.simulate(BOOK, MARKET, np.random.default_rng(1).normal(size=(4, 6, 2)) / 30, step=HOUR)


def assert_same(ours: Any, theirs: Any, where: str = "") -> None:
    assert type(ours) is type(theirs), where
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype, where
        assert ours.tobytes() == np.ascontiguousarray(theirs).tobytes(), where
        assert not theirs.flags.writeable, where
    elif isinstance(ours, PerAsset):
        assert list(ours) == list(theirs)
        for name, value in ours.items():
            assert_same(value, theirs[name], f"{where} of {name}")
    elif isinstance(ours, lc.StepTrace):
        for name, value in vars(ours).items():
            assert_same(value, getattr(theirs, name), name)
    elif isinstance(ours, lc.Book):
        assert ours.venue == theirs.venue
        for name in ("instrument", "quantity", "entry_price", "margin", "account"):
            assert_same(getattr(ours, name), getattr(theirs, name), name)
    else:
        assert ours == theirs or (ours != ours and theirs != theirs), where


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return storing.write(KEPT, tmp_path / "kept", scenario_file="text = 'as it was'\r\n")


# --- Round trip -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [KEPT, PLAIN, GIVEN], ids=["with steps", "plain", "returns given"])
def test_paths_come_back_to_the_last_bit(tmp_path: Path, runs: lc.Runs) -> None:
    again = lc.storing.read(lc.storing.write(runs, tmp_path / "some" / "where"))
    for name, value in vars(runs).items():
        if name not in ("_again", "_count", "_tally"):  # what works columns out
            assert_same(value, vars(again)[name], name)
    assert KEPT.liquidated_count.any()
    assert again.liquidation_probability.tolist() == runs.liquidation_probability.tolist()


@pytest.mark.parametrize("runs", [KEPT, GIVEN], ids=["process", "returns given"])
def test_a_path_that_was_stored_is_run_again_as_it_was(tmp_path: Path, runs: lc.Runs) -> None:
    again = lc.storing.read(lc.storing.write(runs, tmp_path))
    for path in (0, runs.paths - 1):
        ours, theirs = runs.at(path), again.at(path)
        for name, value in vars(ours).items():
            assert_same(value, getattr(theirs, name), name)
        assert theirs.bad_debt == runs.bad_debt[path]


def test_paths_of_blocks_come_back_without_the_returns_that_are_gone(tmp_path: Path) -> None:
    blocks = iter([np.full((2, 3, 2), -0.05)])
    again = lc.storing.read(lc.storing.write(lc.simulate(BOOK, MARKET, blocks, step=HOUR), tmp_path))
    assert again.scenario is None
    assert again.paths == 2


@pytest.mark.filterwarnings("ignore:.* stopped early:RuntimeWarning")
def test_paths_that_stopped_early_keep_their_reasons(tmp_path: Path) -> None:
    runs = lc.simulate(BOOK, MARKET, [[[0.0, 0.0]], [[1e89, 0.0]], [[1e89, 1e89]]], step=HOUR)
    steep = lc.simulate(BOOK, MARKET, np.full((2, 3, 2), 1e60), step=HOUR)
    for one in (runs, steep):
        assert lc.storing.read(lc.storing.write(one, tmp_path)).error == one.error
    assert any(steep.error)


def test_the_same_paths_give_the_same_bytes(tmp_path: Path) -> None:
    again = lc.simulate(
        BOOK, MARKET, PROCESS, paths=30, steps=24, step=HOUR, seed=7, keep_steps=True, threads=2, chunk=3
    )
    first, second = (contents(storing.write(runs, tmp_path / str(at))) for at, runs in enumerate((KEPT, again)))
    assert first == second
    assert set(first) == {"run.json", "paths.npz", "positions.npz", "book.npz", "steps.npz", "paths.csv"}


def test_the_table_for_people_has_a_row_a_path_and_units_in_its_names(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "paths.csv").read_text(encoding="utf-8"))))
    assert [int(row["path"]) for row in rows] == list(range(30))
    assert [float(row["bad_debt_EUR"]) for row in rows] == KEPT.bad_debt.tolist()
    assert [float(row["final_price_X_EUR"]) for row in rows] == KEPT.final_price["X"].tolist()
    assert [row["depth_used_Y"] for row in rows] == [""] * 30
    hours = [float(row["first_liquidation_seconds"] or "nan") / 3_600 for row in rows]
    assert np.array_equal(hours, KEPT.first_liquidation / np.timedelta64(1, "h"), equal_nan=True)
    assert (folder / "scenario.toml").read_bytes() == b"text = 'as it was'\r\n"


@pytest.mark.parametrize(
    "value",
    [
        *(VENUE, MARKET, PROCESS, TIERS, PAID, lc.FullClose(fee_rate=0.1), lc.Backstop()),
        *(lc.PowerImpact(scale=1.0, exponent=0.3), lc.SquareRootImpact(daily_volatility=0.1, daily_volume=3.0)),
        *(lc.Funding([0.1, 0.2], times=[HOUR, 2 * HOUR]), lc.DepthCurve(distance=[0.1], quantity=[3.0])),
        *(float("-inf"), 0.1 + 0.2, 2**64 - 1, True, None, "text", (1, (2.5,)), timedelta(microseconds=1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_written_by_its_constructor_and_comes_back_equal(value: object) -> None:
    again = from_json(json.loads(json.dumps(to_json(value), allow_nan=False)))
    assert again == value
    assert type(again) is type(value)


def test_what_is_no_value_of_levcore_is_not_stored() -> None:
    with pytest.raises(lc.StoreError, match="a value of type complex cannot be stored"):
        to_json({"a": 1j})


# --- Where it goes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["notes.txt", "paths.csv", "report.html", "run.json", ".hidden"])
def test_a_directory_that_holds_something_else_is_refused_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(lc.StoreError, match=f"must be empty or hold an earlier simulation, it holds {name}"):
        storing.write(PLAIN, tmp_path)
    assert contents(tmp_path) == {name: b"mine"}


def test_something_else_beside_an_earlier_simulation_is_not_lost(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    before = contents(folder)
    with pytest.raises(lc.StoreError, match=r"it holds notes\.txt"):
        storing.write(PLAIN, folder)
    assert contents(folder) == before


def test_an_earlier_simulation_makes_way_with_all_that_belongs_to_it(folder: Path) -> None:
    (folder / "report.html").write_text("of the earlier one")
    (folder / ".paths.npz.partial").write_bytes(b"left by a power cut")
    storing.write(PLAIN, folder)
    assert set(contents(folder)) == {"run.json", "paths.npz", "positions.npz", "book.npz", "paths.csv"}
    assert lc.storing.read(folder).paths == 5


def test_what_a_power_cut_left_makes_way(tmp_path: Path) -> None:
    for name in (".run.json.partial", "paths.npz", ".paths.csv.partial"):
        (tmp_path / name).write_bytes(b"half")
    assert lc.storing.read(storing.write(PLAIN, tmp_path)).paths == 5


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(lc.StoreError, match="must be a directory"):
            storing.write(PLAIN, place)
    with pytest.raises(lc.KindError, match="directory must be text"):
        storing.write(PLAIN, 3)  # type: ignore[arg-type]
    with pytest.raises(lc.KindError, match="runs must be a Runs"):
        storing.write(BOOK, tmp_path)  # type: ignore[arg-type]


def test_a_place_that_may_not_be_written_to_is_refused_before_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    with pytest.raises(lc.StoreError, match="must be a place to write to"):
        storing.check_place(tmp_path / "new")


def flushes_that_fail(at: int, reason: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a flush to disk fail, counted from 0."""
    flush, count = os.fsync, itertools.count()

    def fails(handle: int) -> None:
        if next(count) == at:
            raise reason
        flush(handle)

    monkeypatch.setattr(os, "fsync", fails)


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize(
    ("reason", "told", "said"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (OSError(errno.ENOSPC, "No space left on device"), lc.StoreError, r"cannot be written: .*No space left"),
    ],
    ids=["interrupted", "disk full"],
)
def test_a_write_that_fails_anywhere_leaves_nothing_new_and_nothing_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, reason: BaseException, told: Any, said: str | None
) -> None:
    earlier = storing.write(PLAIN, tmp_path / "earlier")
    before = contents(earlier)
    for place in (tmp_path / "new" / "place", earlier):
        with monkeypatch.context() as patch:
            flushes_that_fail(at, reason, patch)
            with pytest.raises(told, match=said):
                storing.write(KEPT, place)
    assert not (tmp_path / "new").exists()
    assert contents(earlier) == before


@pytest.mark.parametrize("at", range(4))
def test_a_write_that_fails_between_renames_is_told_and_the_place_can_be_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    rename, count = Path.replace, itertools.count()

    def fails(self: Path, to: Path) -> Path:
        if next(count) == at:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, to)

    place = tmp_path / "new"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(lc.StoreError, match="cannot be written"):
            storing.write(KEPT, place)
    with pytest.raises(lc.StoreError):
        storing.read(place)
    storing.write(KEPT, place)
    assert storing.read(place).paths == KEPT.paths


# --- What is damaged --------------------------------------------------------------------------------------------------

FILES = ("paths.npz", "positions.npz", "book.npz", "steps.npz", "paths.csv", "scenario.toml")


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_by_its_name(folder: Path, name: str) -> None:
    path = folder / name
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (bytes(flipped), whole[:-1], whole + b"\0", b""):
        path.write_bytes(damaged)
        with pytest.raises(lc.StoreError, match=rf"{name} is damaged"):
            lc.storing.read(folder)
    path.unlink()
    with pytest.raises(lc.StoreError, match=rf"{name} is missing"):
        lc.storing.read(folder)


def test_a_damaged_index_is_refused_whichever_letter_is_wrong(folder: Path) -> None:
    whole = (folder / "run.json").read_bytes()
    for at in range(0, len(whole) - 2, 37):
        damaged = bytearray(whole)
        damaged[at] = ord("7") if damaged[at] != ord("7") else ord("1")
        (folder / "run.json").write_bytes(damaged)
        with pytest.raises(lc.StoreError, match=r"run\.json"):
            lc.storing.read(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is damaged"),
        (b"\xff\xfe\0", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"[]", "is no index of simulated paths"),
        (b'{"format": 3}', "is damaged: its content does not have the digest"),
        (b'{"format": 3, "paths": NaN}', "is damaged"),
        (b'{"format": 4, "levcore": "9.1"}', "has format 4, of levcore 9.1; this levcore reads 3"),
    ],
    ids=["empty", "binary", "deep", "list", "short", "nan", "later"],
)
def test_an_index_that_says_nothing_is_refused(folder: Path, content: bytes, said: str) -> None:
    (folder / "run.json").write_bytes(content)
    with pytest.raises(lc.StoreError, match=rf"run\.json {said}"):
        lc.storing.read(folder)


def test_a_directory_without_paths_says_so(tmp_path: Path) -> None:
    with pytest.raises(lc.StoreError, match=r"holds no simulated paths: there is no run\.json"):
        lc.storing.read(tmp_path)


def forged(folder: Path, name: str | None = None, content: bytes = b"", **changes: Any) -> None:
    """Change a store so that every digest is right again: what somebody could do who means it."""
    index = json.loads((folder / "run.json").read_text(encoding="utf-8")) | changes
    if name is not None:
        (folder / name).write_bytes(content)
        index["files"][name] = {"bytes": len(content), "blake2b": storing.file_digest(folder / name)}
    index["blake2b"] = storing.digest_of(index)
    (folder / "run.json").write_text(json.dumps(index), encoding="utf-8")


def archive(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as opened:
        for name, member in members.items():
            opened.writestr(f"{name}.npy", member)
    return content.getvalue()


def array(values: Any, **header: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, np.asarray(values), allow_pickle=True)
    return content.getvalue()


HUGE = array(np.zeros(2)).replace(b"(2,)", b"(9000000000,)").replace(b" " * 9 + b"\n", b"\n")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("positions.npz", b"no archive", "is damaged"),
        ("positions.npz", archive(liquidations=array([1, 2]), step_sum=array([1, 2])), "must have a value a position"),
        ("positions.npz", archive(liquidations=array([{"a": 1}])), "is damaged: .* is no plain array"),
        ("positions.npz", archive(liquidations=HUGE), "is damaged: .* is no plain array"),
        (
            "positions.npz",
            archive(zipfile.ZIP_DEFLATED, liquidations=array(np.zeros(10**6))),
            "is damaged: .* is no plain array",
        ),
        ("positions.npz", archive(liquidations=b"no array"), "is damaged"),
        ("paths.npz", archive(rounds=array([1, 2, 3])), "is damaged: rounds had shape"),
        ("book.npz", archive(quantity=array([1.0])), "is damaged"),
        ("steps.npz", archive(time=array([1.0])), "is damaged: time had shape"),
    ],
)
def test_a_forged_file_is_refused_before_it_is_believed(folder: Path, name: str, content: bytes, said: str) -> None:
    forged(folder, name, content)
    with pytest.raises(lc.StoreError, match=rf"{name} {said}"):
        lc.storing.read(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"venue": {"kind": "Venue", "fields": {"instruments": []}}},
        {"venue": {"kind": "Path", "fields": {}}},
        {"market": 7},
        {"scenario": {"kind": "GBM", "fields": {"volatility": -1.0}}},
        {"step": {"kind": "timedelta", "microseconds": "x"}},
        {"paths": "many"},
        {"errors": []},
        {"files": []},
        {"files": {"../../etc/passwd": {"bytes": 1, "blake2b": ""}}},
        {"files": {}},
    ],
    ids=str,
)
def test_a_forged_index_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    forged(folder, **changes)
    with pytest.raises(lc.StoreError, match=r"run\.json|rounds had shape"):
        lc.storing.read(folder)


def test_more_than_the_memory_holds_is_refused_before_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("levcore.memory.available_bytes", lambda: 10_000)
    with pytest.raises(lc.TooLargeError, match=r"reading .* needs"):
        lc.storing.read(folder)


def test_rounds_of_very_many_paths_are_counted_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = lc.Venue([lc.LinearPerpetual("X-P", asset="X", tiers=TIERS)])
    market = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=1e4))})
    book = lc.Book.synthetic(venue, size=80, prices=market.prices, open_interest={"X": 1e6}, seed=4)
    runs = lc.simulate(book, market, lc.GBM(0.9), paths=30, steps=24, step=HOUR, seed=7)
    monkeypatch.setattr(storing, "MOST_ROWS", 29)
    again = storing.read(storing.write(runs, tmp_path / "many"))
    assert not (tmp_path / "many" / "paths.csv").exists()
    assert again.bad_debt.tolist() == runs.bad_debt.tolist()
    assert again.rounds.sum() > 0
    assert (again.rounds.tolist(), again.cascade_depth.tolist()) == (runs.rounds.tolist(), runs.cascade_depth.tolist())
