"""Paths in mirrored pairs and on Sobol's points: what they are made of, and the same bits however they are run."""

from __future__ import annotations

import math
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import levcore as lc
import making
from levcore import _core, sampling
from levcore.__main__ import application
from making_scenario_files import written
from test_jumps_and_variance import CALLING, EXPONENTIAL, NORMAL, VARIANCE
from test_processes import CORRELATION, DAY, HOUR, log_returns, market
from test_regimes import EACH as REGIMES
from test_simulate import crowd, digest

CLUSTERING = {"volatility": 0.8, "alpha": 0.1, "beta": 0.85}
LAWS = {
    "gbm": lc.GBM(volatility=0.8, drift=0.3),
    "garch": lc.GARCH(**CLUSTERING),
    "student": lc.GARCH(**CLUSTERING, degrees_of_freedom=4.0),
    "egarch": lc.EGARCH(**CLUSTERING, gamma=-0.1),
    "merton": lc.Merton(volatility=0.6, **NORMAL),
    "kou": lc.Kou(volatility=0.6, **EXPONENTIAL),
    "hawkes": lc.Hawkes(volatility=0.6, **CALLING),
    "heston": lc.Heston(**VARIANCE),
    "bates": lc.Bates(**VARIANCE, **NORMAL),
    "switching": lc.MarkovSwitching([0.4, 1.6], transition=[[0.9, 0.1], [0.2, 0.8]]),
    "bootstrap": REGIMES["bootstrap"][0],
}
each = pytest.mark.parametrize("law", LAWS)
SCHEMES = ("antithetic", "sobol")


def impact_market() -> lc.Market:
    return making.market(impact=lc.LinearImpact(depth=3_000.0), resilience=20.0)


# --- Mirrored pairs ---------------------------------------------------------------------------------------------------


@each
def test_every_second_path_is_the_independent_one_and_the_other_its_mirror(law):
    many = {"paths": 30, "steps": 40, "step": DAY, "seed": 5}
    plain = LAWS[law].paths(market(), **many)
    pairs = LAWS[law].paths(market(), **many, sampling="antithetic")
    assert np.array_equal(pairs[::2], plain[::2])
    assert not np.array_equal(pairs[1::2], plain[1::2])


def test_the_mirror_has_the_same_normals_with_the_other_sign():
    three = lc.GBM(volatility={"A": 0.6, "B": 0.9, "C": 1.4}, correlation=CORRELATION)
    many = {"paths": 20, "steps": 33, "step": HOUR, "seed": 5, "sampling": "antithetic"}
    logs = np.log(three.paths(market("ABC"), **many) / np.array(list(market("ABC").prices.values())))
    middle = -0.5 * np.array([0.6, 0.9, 1.4]) ** 2 * np.arange(1, 34)[:, None] / 8_760  # of the drift alone
    assert 0.5 * (logs[::2] + logs[1::2]) == pytest.approx(np.broadcast_to(middle, (10, 33, 3)), abs=1e-13)
    student = log_returns(LAWS["student"], paths=1, steps=1)  # both of its normals change sign, so that it does
    pair = np.log(LAWS["student"].paths(market(), paths=2, steps=1, step=DAY, seed=1, sampling="antithetic")[:, 0, 0])
    drift = -0.5 * 0.8**2 / 365
    assert pair - math.log(100.0) - drift == pytest.approx((student[0, 0] - drift) * np.array([1.0, -1.0]), abs=1e-13)


@each
def test_a_mirrored_path_has_the_law_of_any_other(law):
    n = 6_000
    many = {"paths": n, "steps": 20, "step": DAY, "seed": 3}
    mirrors = np.sort(np.log(LAWS[law].paths(market(), **many, sampling="antithetic")[1::2, -1, 0]))
    plain = np.sort(np.log(LAWS[law].paths(market(), **many | {"seed": 4})[:, -1, 0]))
    places = np.concatenate([mirrors, plain])
    below, of_plain = (np.searchsorted(some, places, side="right") / len(some) for some in (mirrors, plain))
    assert np.abs(below - of_plain).max() < 1.95 * math.sqrt(
        1 / (n / 2) + 1 / n
    )  # Kolmogorov and Smirnov, one in a thousand


@each
def test_pairs_are_the_same_whatever_is_drawn_beside_them(law):
    many = {"steps": 45, "step": DAY, "seed": 5, "sampling": "antithetic"}
    whole = LAWS[law].paths(market(), paths=130, **many)
    for paths in (2, 6, 8, 62, 64, 66):
        assert np.array_equal(LAWS[law].paths(market(), paths=paths, **many), whole[:paths])


# --- Sobol's points ---------------------------------------------------------------------------------------------------


def test_each_replicate_fills_every_coordinate_evenly():
    points, steps = 64, 12
    normals = sampling.sobol_normals(3, sampling.REPLICATES * points, steps, 2, 0, sampling.REPLICATES * points)
    ends = normals.sum(axis=1) / math.sqrt(steps)  # the bridge's first number says where a path ends
    for replicate in ends.reshape(sampling.REPLICATES, points, 2):
        for column in replicate.T:
            strata = np.floor(_core.normal_cdf(np.ascontiguousarray(column)) * points)
            assert sorted(strata) == list(range(points))
    assert not np.array_equal(ends[:points], ends[points : 2 * points])  # each moved by a shift of its own


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 24, 100])
def test_the_bridge_is_a_rotation(steps):
    turned = sampling.bridged(np.eye(steps)[:, :, None])[:, :, 0]
    assert turned @ turned.T == pytest.approx(np.eye(steps), abs=1e-12)
    assert turned[0] == pytest.approx(np.full(steps, 1.0 / math.sqrt(steps)))


@each
def test_laws_on_sobol_points_have_the_moments_of_their_paths(law):
    many = {"steps": 8, "step": DAY, "seed": 3}
    even = np.log(LAWS[law].paths(market(), paths=4_096, **many, sampling="sobol")[:, -1, 0])
    plain = np.log(LAWS[law].paths(market(), paths=20_000, **many)[:, -1, 0])
    assert abs(even.mean() - plain.mean()) < 4 * plain.std() * math.sqrt(1 / 4_096 + 1 / 20_000)
    assert even.std() == pytest.approx(plain.std(), rel=0.1)


# --- Run on a book ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("law", ["gbm", "student", "kou"])
def test_threads_chunks_engines_and_storing_do_not_show(law, scheme, tmp_path: Path):
    ready = lc.prepare(crowd(), impact_market())
    many: dict[str, Any] = {"paths": 64, "steps": 40, "step": DAY, "seed": 3, "sampling": scheme}
    runs = lc.simulate(ready, LAWS[law], **many)
    assert (runs.engine, runs.sampling, runs.together) == ("ladder", scheme, {"antithetic": 2, "sobol": 4}[scheme])
    for options in ({"threads": 2, "chunk": 7}, {"threads": 2, "chunk": 1}, {"chunk": 64}, {"keep_steps": True}):
        assert digest(lc.simulate(ready, LAWS[law], **many, **options)) == digest(runs)
    ledger = lc.simulate(ready, LAWS[law], **many, engine="ledger", chunk=5)
    assert ledger.liquidated_notional == pytest.approx(runs.liquidated_notional, rel=1e-9)
    assert np.array_equal(runs.fundamental_price["X"], LAWS[law].paths(ready.market, **many)[:, -1, 0])
    stored = lc.storing.read(lc.storing.write(runs, tmp_path / "runs"))
    for again in (runs, stored, pickle.loads(pickle.dumps(runs))):
        assert (again.sampling, again.together) == (scheme, runs.together)
        for path in (0, 7, 63):
            assert again.at(path).fundamental_price["X"] == runs.fundamental_price["X"][path]


@pytest.mark.parametrize(
    ("change", "error", "rule"),
    [
        ({"sampling": "antithetic", "paths": 9}, lc.InputError, "paths must be even where sampling is 'antithetic'"),
        ({"sampling": "sobol", "paths": 80}, lc.InputError, "paths must be 16 times a power of two, such as 1,024"),
        ({"sampling": "sobol", "paths": 33}, lc.InputError, "paths must be 16 times a power of two"),
        (
            {"sampling": "sobol", "steps": 30_000},
            lc.InputError,
            "at most 21,201 numbers .* had 30,000: 30,000 steps",
        ),
        ({"sampling": "halton"}, lc.InputError, "sampling must be 'independent' or 'antithetic' or 'sobol'"),
    ],
)
def test_paths_that_make_no_groups_are_refused(change, error, rule):
    many = {"paths": 32, "steps": 4, "step": HOUR, "seed": 1} | change
    with pytest.raises(error, match=rule):
        lc.simulate(crowd(), impact_market(), lc.GBM(volatility=0.8), **many)
    with pytest.raises(error, match=rule):
        lc.GBM(volatility=0.8).paths(impact_market(), **many)


@pytest.mark.parametrize("way", ["antithetic", "sobol"])
@pytest.mark.parametrize("part", [3, 7, 16])
def test_groups_run_by_an_executor_or_resumed_in_a_directory_are_those_of_one_piece(way, part, tmp_path: Path):
    ready, law = lc.prepare(crowd(), impact_market()), LAWS["student"]
    many: dict[str, Any] = {"paths": 64, "steps": 40, "step": DAY, "seed": 3, "sampling": way}
    whole = lc.simulate(ready, law, **many)

    def stop(done: int, total: int) -> None:
        if done >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lc.simulate(ready, law, **many, chunk=part, directory=tmp_path / "runs", progress=stop)
    resumed = lc.simulate(ready, law, **many, chunk=part, directory=tmp_path / "runs")
    with ThreadPoolExecutor(2) as pool:
        split = lc.simulate(ready, law, **many, chunk=part, executor=pool)
    for runs in (resumed, split, lc.storing.read(tmp_path / "runs")):
        assert digest(runs) == digest(whole)
        assert (runs.sampling, runs.together) == (way, {"antithetic": 2, "sobol": 4}[way])
        assert runs.at(9).fundamental_price["X"] == whole.fundamental_price["X"][9]
        assert np.array_equal(runs.rounds, whole.rounds)
    with pytest.raises(lc.StoreError, match=f'sampling is "{way}" there and "independent" here'):
        lc.simulate(ready, law, **many | {"sampling": "independent"}, directory=tmp_path / "runs")


@pytest.mark.parametrize(("first", "count"), [(0, 1), (0, 7), (5, 1), (3, 9), (8, 8), (15, 2), (7, 121), (127, 1)])
def test_a_part_of_sobols_points_is_that_part_of_all_of_them(first: int, count: int):
    whole = sampling.sobol_normals(3, 128, 5, 2, 0, 128)
    assert np.array_equal(sampling.sobol_normals(3, 128, 5, 2, first, count), whole[first : first + count])


def test_points_without_scipy_are_told_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(lc.MissingExtraError, match=r'Sobol points need scipy: pip install "levcore\[calibrate\]"'):
        lc.GBM(volatility=0.8).paths(market(), paths=32, steps=2, step=HOUR, seed=1, sampling="sobol")


def test_given_returns_are_not_drawn():
    with pytest.raises(lc.KindError, match="sampling 'sobol' goes with a process"):
        lc.simulate(crowd(), impact_market(), np.zeros((32, 2)), step=HOUR, sampling="sobol")


# --- Scenario files ---------------------------------------------------------------------------------------------------

RUN = """
[run]
paths = 64
steps = 24
step = "1h"
seed = 7
sampling = "WAY"
"""


@pytest.mark.parametrize("way", ["antithetic", "sobol"])
def test_a_scenario_file_names_a_sampling_and_the_command_runs_it(way: str, tmp_path: Path):
    file = written(tmp_path, scenario='[scenario]\nkind = "gbm"\nvolatility = 0.9\n' + RUN.replace("WAY", way))
    plan = lc.settings.load(file)
    assert plan.options["sampling"] == way
    known = lc.simulate(plan.book, plan.market, plan.scenario, **plan.options)
    assert known.sampling == way
    result = CliRunner().invoke(application(), ["simulate", str(file), "-o", str(tmp_path / "runs"), "--quiet"])
    assert result.exit_code == 0, result.output
    kept = lc.storing.read(tmp_path / "runs")
    assert (kept.sampling, kept.together) == (way, known.together)
    for name in ("liquidated_notional", "bad_debt", "insurance_fund", "liquidation_probability"):
        assert np.array_equal(getattr(kept, name), getattr(known, name)), name
    assert np.array_equal(kept.fundamental_price["BTC"], known.fundamental_price["BTC"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("paths = 64", "paths = 40", "25: run.paths must be 16 times a power of two, such as 1,024 or 4,096, where"),
        ("steps = 24", "steps = 30_000", "run: a path must have at most 21,201 numbers where sampling is 'sobol'"),
        ('"sobol"', '"halton"', "29: run.sampling must be 'independent', 'antithetic' or 'sobol', was 'halton'"),
    ],
)
def test_a_sampling_that_does_not_fit_its_paths_is_told_with_its_line(old: str, new: str, said: str, tmp_path: Path):
    scenario = '[scenario]\nkind = "gbm"\nvolatility = 0.9\n' + RUN.replace("WAY", "sobol").replace(old, new)
    with pytest.raises(lc.SettingsError) as caught:
        lc.settings.load(written(tmp_path, scenario=scenario))
    assert said in str(caught.value)
