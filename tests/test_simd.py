"""Levels of vector instructions: the same bits at each, chosen by a word; blocks of normals are the normals."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import levcore as lc
from levcore import _core, simd

DRAW = """
import datetime, hashlib
import numpy as np
import levcore as lc
from levcore import _core, simd

drawn = hashlib.sha256()
for shape in (1, 2, 3, 15, 16, 17, 64, 4_099, (3, 1), (300, 3), (1_000, 31), (130, 127), (7, 128), (5, 333)):
    drawn.update(lc.normals(2**63 + 5, shape).tobytes())
for paths, first, count in ((1, 3, 8), (7, 1, 2), (8, 1, 1), (33, 5, 6), (100, 0, 3)):
    drawn.update(_core.normal_block(11, 2**32 - 9, paths, first, count).tobytes())
market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=1_000.0))})
paths = lc.GBM(volatility=0.8).paths(market, paths=9, steps=33, step=datetime.timedelta(hours=1), seed=3)
drawn.update(paths.tobytes())
three = lc.Market({name: lc.Asset(100.0, impact=lc.LinearImpact(depth=1_000.0)) for name in "ABC"})
correlated = {"correlation": [[1.0, 0.5, 0.2], [0.5, 1.0, 0.3], [0.2, 0.3, 1.0]]}
jump_sizes = {"jump_mean": -0.02, "jump_deviation": 0.05}
garch = {"volatility": 0.8, "alpha": 0.1, "beta": 0.88, "initial_volatility": 2.0}
for process, of in (
    (lc.GARCH(**garch), market),
    (lc.GARCH(**garch, **correlated), three),
    (lc.GBM(volatility=0.8, **correlated), three),
    (lc.GBM(volatility=300.0), market),
    (lc.GJRGARCH(**garch, gamma=0.02, degrees_of_freedom=3.0), market),
    (lc.Merton(volatility=0.8, rate=900.0, **jump_sizes), market),
    (lc.Kou(volatility=0.8, rate=900.0, up_share=0.5, up_mean=0.02, down_mean=0.05, **correlated), three),
    (lc.Merton(volatility=0.8, rate=9.0, **jump_sizes, shared_jumps=True), three),
    (lc.Hawkes(volatility=0.8, rate=90.0, excitation=500.0, decay=900.0, jump_mean=0.0, jump_deviation=0.05), market),
    (lc.Heston(volatility=0.8, reversion=9.0, volatility_of_variance=3.0, skew=-0.5, **correlated), three),
    (lc.Bates(volatility=0.8, reversion=9.0, volatility_of_variance=3.0, skew=-0.5, rate=900.0, **jump_sizes), market),
    (lc.MarkovSwitching([0.5, 2.0], transition=[[0.9, 0.1], [0.3, 0.7]], **correlated), three),
    (lc.StationaryBootstrap([0.01, -0.03, 0.02, 0.0, -0.01], mean_block=3), market),
    (lc.EGARCH(**garch, gamma=-0.1, degrees_of_freedom=5.0, **correlated), three),
):
    for count, steps in ((1, 700), (9, 33), (67, 130)):
        drawn.update(process.paths(of, paths=count, steps=steps, step=datetime.timedelta(hours=1), seed=3).tobytes())
    for count in (2, 66):
        many = {"steps": 21, "step": datetime.timedelta(hours=1), "seed": 3, "sampling": "antithetic"}
        drawn.update(process.paths(of, paths=count, **many).tobytes())
tiers = lc.MarginTiers([0.0, 5e3, 4e4, 1e6], [0.004, 0.01, 0.05, 0.2])
venue = lc.Venue([lc.LinearPerpetual("X", asset="BTC", tiers=tiers)])
random = np.random.default_rng(3)
for size in (1, 2, 7, 8, 9, 4_000):
    quantity = random.choice([-1.0, 1.0], size) * 10.0 ** random.uniform(-3.0, 5.0, size)
    margin = np.abs(quantity) * 100.0 / random.uniform(1.5, 50.0, size)
    book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=np.full(size, 100.0), margin=margin)
    drawn.update(book.liquidation_price.tobytes())
paid = lc.Funding(rate=0.001, interval=datetime.timedelta(hours=8))
coins = lc.MarginTiers([0.0, 5e1, 4e2, 1e4], [0.004, 0.01, 0.05, 0.2])
funded = lc.Venue([lc.LinearPerpetual("X", asset="BTC", tiers=tiers, funding=paid)])
inverse = lc.Venue([lc.InversePerpetual("X", asset="BTC", contract_value=100.0, tiers=coins)])
held = {"instrument": "X", "quantity": quantity, "entry_price": np.full(size, 100.0)}
deep = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=3.0 * np.abs(quantity).sum()))})
hours = {"steps": 40, "step": datetime.timedelta(hours=1), "seed": 3}
for ready, process in (
    (lc.prepare(book, deep), lc.GBM(volatility=2.0)),
    (lc.prepare(book, deep), lc.GARCH(volatility=2.0, alpha=0.2, beta=0.7)),
    (lc.prepare(lc.Book(funded, **held, margin=margin), deep), lc.GBM(volatility=2.0)),
    (lc.prepare(lc.Book(inverse, **held, margin=margin / 100.0), deep), lc.GBM(volatility=2.0)),
):
    runs = lc.simulate(ready, scenario=process, paths=43, **hours)
    assert runs.engine == "ladder"
    for values in (runs.liquidated_notional, runs.bad_debt, runs.lowest_price["BTC"], runs.liquidation_probability):
        drawn.update(values.tobytes())
print(simd.IN_USE, drawn.hexdigest())
"""


def run(code: str, wish: str | None) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if name != simd.VARIABLE}
    given |= {} if wish is None else {simd.VARIABLE: wish}
    return subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=False)


def test_every_level_draws_the_same_bits():
    said = {}
    for wish in (None, "", *simd.AVAILABLE):
        result = run(DRAW, wish)
        assert result.returncode == 0, result.stderr
        level, said[wish] = result.stdout.split()
        assert level == (wish or simd.AVAILABLE[-1])
    assert len(set(said.values())) == 1


def test_the_best_level_is_used_and_the_baseline_is_everywhere():
    assert simd.AVAILABLE[0] == "baseline"
    assert list(simd.AVAILABLE) == [level for level in simd.LEVELS if level in simd.AVAILABLE]
    assert os.environ.get(simd.VARIABLE, "") or simd.AVAILABLE[-1] == simd.IN_USE


def test_a_word_that_is_no_level_is_refused_with_the_words_there_are():
    result = run("import levcore", "AVX")
    assert result.returncode == 1
    assert result.stderr.strip().endswith("InputError: LEVCORE_SIMD must be one of baseline, avx2, avx512, was 'AVX'")


def test_a_level_that_the_cpu_lacks_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(simd, "AVAILABLE", ("baseline",))
    with pytest.raises(lc.InputError, match=r"asks for avx2, which this CPU or this build lacks; there are: baseline"):
        simd.decide("avx2")
    with pytest.raises(ValueError, match="no such level here: mmx"):
        _core.use_simd("mmx")


def test_a_level_once_decided_on_stays():
    assert {simd.decide(wish) for wish in ("", simd.IN_USE)} == {simd.IN_USE}
    for other in set(simd.AVAILABLE) - {simd.IN_USE}:
        assert _core.use_simd(other) == simd.IN_USE
        with pytest.raises(lc.InputError, match=f"asks for {other}, but {simd.IN_USE} is in use already"):
            simd.decide(other)


def test_the_versions_name_the_level_in_use_and_those_there_are(capsys):
    lc.show_versions()
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("simd"))
    assert line.split(maxsplit=1)[1] == f"{simd.IN_USE} (of {', '.join(simd.AVAILABLE)})"


@pytest.mark.parametrize("paths", [1, 2, 7, 8, 9, 31, 32, 33, 100])
def test_a_block_of_normals_is_the_normals_of_its_paths(paths):
    whole = lc.normals(2**40 + 3, (paths + 5, 700))
    for first in (0, 1, 2, 63, 64):
        for count in (0, 1, 2, 3, 15, 16, 257, 300):
            for path in (0, 5):
                block = _core.normal_block(2**40 + 3, path, paths, first, count)
                assert np.array_equal(block, whole[path : path + paths, first : first + count].T)


def test_a_number_does_not_change_with_the_length_that_is_asked_for():
    whole = lc.normals(4, 500)
    for size in (*range(1, 140), 499):
        assert np.array_equal(lc.normals(4, size), whole[:size])
        assert np.array_equal(lc.normals(4, (1, size)), whole[None, :size])


def test_paths_and_blocks_beyond_32_bits_and_at_their_end_keep_their_words():
    seed, path, first = 2**64 - 1, 2**32 - 3, 2**33 - 4
    block = _core.normal_block(seed, path, 9, first, 4)
    for p in range(9):
        for pair in range(2):
            counter = [(path + p) % 2**32, (path + p) >> 32, first // 2 + pair, 0]
            words = _core.philox(counter, [seed % 2**32, seed >> 32])
            radius = math.sqrt(-2 * math.log((((words[0] | words[1] << 32) >> 11) + 1) / 2**53))
            angle = 2 * math.pi * ((words[2] | words[3] << 32) >> 11) / 2**53
            expected = [radius * math.cos(angle), radius * math.sin(angle)]
            assert block[2 * pair : 2 * pair + 2, p] == pytest.approx(expected, rel=1e-12)


def test_every_stretch_of_a_path_has_numbers_of_its_own():
    digests = {hashlib.sha256(_core.normal_block(1, 0, 16, first, 2).tobytes()).digest() for first in range(50)}
    assert len(digests) == 50
