"""What takes minutes: many more random books, and large ones."""

from __future__ import annotations

import importlib
import math
import re
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import levcore as lc
import strategies
from making import market, venue
from test_agreement import MONEY, agree
from test_risk import chance_of_the_var_interval

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.long
PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=20_000, suppress_health_check=PATIENT)
@given(strategies.cases())
def test_the_ledger_and_the_reference_agree_on_twenty_thousand_books(case):
    agree(case)


@settings(max_examples=500, suppress_health_check=PATIENT)
@given(strategies.cases(max_size=300, max_assets=2))
def test_they_agree_on_larger_books(case):
    agree(case)


@pytest.mark.parametrize("percent", [-30, -12, -3, 8, 25])
@pytest.mark.parametrize("fund_share", [0.0, 1e-3, 1.0])
def test_blocks_change_nothing_on_a_million_positions(percent, fund_share):
    random = np.random.default_rng(percent + 100)
    size = 1_000_000
    quantity = random.pareto(1.3, size) * random.choice([-1.0, 1.0], size)
    entry = 100.0 * np.exp(0.02 * random.standard_normal(size))
    margin = np.abs(quantity) * entry / np.clip(np.exp(2.3 + 0.9 * random.standard_normal(size)), 1.5, 90.0)
    gross = float(np.abs(quantity).sum()) * 100.0
    tiers = lc.MarginTiers(floor=[0.0, 5e3, 5e4], maintenance_rate=[0.004, 0.01, 0.025])
    held = lc.Book(
        venue(tiers=tiers, fund=fund_share * gross, liquidation=lc.FullClose(fee_rate=0.002)),
        instrument="X",
        quantity=quantity,
        entry_price=entry,
        margin=margin,
    )
    ready = lc.prepare(held, market(100.0, lc.LinearImpact(depth=gross / 100.0 * 4.0)))
    moves = np.array([[percent / 100.0]])
    blocks = ready._native.shock(ready._native_market, moves, True)
    singly = ready._native.shock(ready._native_market, moves, True, one_by_one=True)
    assert np.array_equal(blocks["liquidated_at"], singly["liquidated_at"])
    assert blocks["rounds"].tolist() == singly["rounds"].tolist()
    for name in (*MONEY, "final_price"):
        assert blocks[name] == pytest.approx(singly[name], rel=1e-9, abs=1e-12 * gross), name
    assert blocks["conservation_error"].max() <= 1e-12


def test_deleveraging_and_socialising_a_large_book_stay_affordable_and_conserve_money():
    random = np.random.default_rng(4)
    size = 200_000
    quantity = random.pareto(1.3, size) * random.choice([-1.0, 1.0], size)
    entry = 100.0 * np.exp(0.02 * random.standard_normal(size))
    margin = np.abs(quantity) * entry / np.clip(np.exp(2.3 + 0.9 * random.standard_normal(size)), 1.5, 90.0)
    for rules in ({"deleveraging": True}, {"socialise": True}, {"deleveraging": True, "socialise": True}):
        held = lc.Book(venue(0.005, **rules), instrument="X", quantity=quantity, entry_price=entry, margin=margin)
        to = market(100.0, lc.LinearImpact(depth=float(np.abs(quantity).sum()) * 4.0))
        outcome = lc.shock(held, to, -0.3)
        assert outcome.conservation_error <= 1e-12
        assert outcome.exhausted
        assert outcome.deleveraged_notional + outcome.socialised_loss > 0.0


INTERRUPTED = """
import signal, sys, threading, time
from datetime import timedelta
import numpy as np, levcore as lc
random = np.random.default_rng(0)
size = 200_000
tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.005])
venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=tiers)])
quantity = random.lognormal(0.0, 1.0, size) * np.where(np.arange(size) % 2, 1.0, -1.0)
margin = np.abs(quantity) * random.uniform(1, 30, size)
book = lc.Book(venue, instrument="X", quantity=quantity, entry_price=np.full(size, 100.0), margin=margin)
ready = lc.prepare(book, lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=1e7))}))
step = timedelta(hours=1)
def few():
    return lc.simulate(ready, lc.GBM(volatility=1.0), paths=4, steps=10, step=step, seed=1).bad_debt.tobytes()
expected, worst, caught = few(), 0.0, 0
for i in range(200):
    sent = []
    def interrupt():
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)
    timer = threading.Timer(random.uniform(0.0, 0.15), interrupt)
    try:
        timer.start()
        lc.simulate(ready, lc.GBM(volatility=1.0), paths=10**5, steps=1_000, step=step, seed=1)
    except KeyboardInterrupt:
        worst, caught = max(worst, time.monotonic() - sent[0]), caught + 1
    timer.join()
    assert few() == expected
print(caught, worst)
"""


def test_two_hundred_interrupts_each_end_the_run_and_leave_everything_usable():
    run = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=True)
    caught, worst = run.stdout.split()
    print(f"200 interrupts: worst latency {float(worst) * 1e3:.0f} ms")
    assert int(caught) == 200


def test_intervals_of_risk_measures_hold_the_truth_as_often_as_they_say():
    repetitions, n, level = 10_000, 10_000, 0.95
    var = NormalDist().inv_cdf(level)
    shortfall = NormalDist().pdf(var) / (1 - level)
    of_var = of_shortfall = 0
    for seed in range(repetitions):
        losses = lc.normals(10_000 + seed, n)
        one, two = lc.risk.value_at_risk(losses, level), lc.risk.expected_shortfall(losses, level)
        of_var += one.low <= var <= one.high
        of_shortfall += two.low <= shortfall <= two.high
    exact = chance_of_the_var_interval(n, level)
    error = math.sqrt(exact * (1 - exact) / repetitions)
    print(f"95 % intervals of {repetitions:,} Gaussian samples of {n:,} at level {level}: expected shortfall holds the")
    print(
        f"truth in {of_shortfall / repetitions:.2%}, value at risk in {of_var / repetitions:.2%}, exactly {exact:.2%}"
    )
    assert 0.94 <= of_shortfall / repetitions <= 0.96
    assert abs(of_var / repetitions - exact) <= 3 * error


def test_the_page_says_how_often_intervals_hold_the_truth():
    sys.path.append(str(ROOT / "docs/studies"))
    study = importlib.import_module("interval_coverage")
    page = (ROOT / "docs/risk.md").read_text(encoding="utf-8")
    printed = page.partition("<!-- coverage: begin -->\n")[2].partition("<!-- coverage: end -->")[0].strip()
    repetitions = 1_000
    measured = study.tables(repetitions).strip()
    print(measured)
    numbers = re.compile(r"[\d.]+(?= %)")
    assert numbers.sub("", measured) == numbers.sub("", printed)
    for here, there in zip(numbers.findall(measured), numbers.findall(printed), strict=True):
        share = float(there) / 100.0
        error = math.sqrt(max(share * (1.0 - share), 1e-4) * (1.0 / repetitions + 1e-4))
        assert abs(float(here) / 100.0 - share) <= 4.0 * error + 1e-3, (here, there)
