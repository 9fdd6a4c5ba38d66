"""Every process in a scenario file: what is asked for is what is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import levcore as lc
from levcore import datasets
from making_scenario_files import written
from test_processes import HOUR

RUN = '[run]\npaths = 9\nsteps = 24\nstep = "1h"\nseed = 7\n'
JUMPS = {"rate": 40.0, "jump_mean": -0.02, "jump_deviation": 0.03}
VARIANCE = {"volatility": {"BTC": 0.8}, "reversion": 5.0, "volatility_of_variance": 1.2, "skew": -0.4}
CASES = {
    "gjr_garch": lc.GJRGARCH(volatility=0.8, alpha=0.1, gamma={"BTC": 0.1}, beta=0.8, degrees_of_freedom=4.0),
    "egarch": lc.EGARCH(omega=-0.1, alpha=0.1, gamma=-0.05, beta=0.9, initial_volatility=0.8),
    "merton": lc.Merton(volatility=0.8, drift=0.1, shared_jumps=True, **JUMPS),
    "kou": lc.Kou(volatility=0.8, rate=40.0, up_share=0.4, up_mean=0.02, down_mean=0.03),
    "hawkes": lc.Hawkes(volatility=0.8, excitation=300.0, decay=500.0, **JUMPS),
    "heston": lc.Heston(**VARIANCE, initial_volatility=1.1),
    "bates": lc.Bates(**VARIANCE, **JUMPS),
    "markov_switching": lc.MarkovSwitching(
        [0.4, {"BTC": 1.5}], transition=[[0.9, 0.1], [0.3, 0.7]], initial=[1.0, 0.0]
    ),
}


def in_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {one}" for name, one in value.items()) + " }"
    return "[" + ", ".join(map(in_toml, value)) + "]" if isinstance(value, tuple) else str(value)


def scenario(kind: str, keys: str) -> str:
    return f'[scenario]\nkind = "{kind}"\n{keys}\n{RUN}'


@pytest.mark.parametrize("kind", CASES)
def test_a_scenario_file_names_every_process(tmp_path: Path, kind: str) -> None:
    keys = "\n".join(f"{name} = {in_toml(value)}" for name, value in vars(CASES[kind]).items() if value is not None)
    plan = lc.settings.load(written(tmp_path, scenario=scenario(kind, keys)))
    assert (plan.kind, plan.scenario) == (kind, CASES[kind])
    runs = lc.simulate(plan.book, plan.market, plan.scenario, **plan.options)
    prices = CASES[kind].paths(plan.market, paths=9, steps=24, step=HOUR, seed=7)
    assert np.array_equal(runs.fundamental_price["BTC"], prices[:, -1, 0])


def test_a_bootstrap_takes_returns_or_shipped_prices(tmp_path: Path) -> None:
    plan = lc.settings.load(
        written(tmp_path, scenario=scenario("bootstrap", "returns = [[0.01], [nan], [-0.02]]\nmean_block = 2"))
    )
    assert plan.scenario == lc.StationaryBootstrap([0.01, float("nan"), -0.02], mean_block=2)
    plan = lc.settings.load(
        written(tmp_path, scenario=scenario("bootstrap", 'prices = "binance:BTC"\nmean_block = 48'))
    )
    closes = datasets.prices("BTC")
    assert plan.scenario == lc.StationaryBootstrap(closes[1:] / closes[:-1] - 1.0, mean_block=48)


@pytest.mark.parametrize(
    ("kind", "keys", "rule"),
    [
        (
            "merton",
            "volatility = 0.8\nrate = 1e7\njump_mean = 0\njump_deviation = 0.1",
            "rate must be at most 100 jumps a step",
        ),
        (
            "heston",
            "volatility = 0.8\nreversion = 1\nvolatility_of_variance = 1\nskew = 2",
            r"scenario.skew must be <= 1, was 2",
        ),
        (
            "hawkes",
            "volatility = 0.8\nrate = 1\nexcitation = 3\ndecay = 2\njump_mean = 0\njump_deviation = 0.1",
            "scenario.excitation must be < decay, was 3.0 and 2.0",
        ),
        (
            "markov_switching",
            "volatility = [0.8]\ntransition = [[0.9]]",
            r"scenario.transition.* must sum to 1, was 0\.9",
        ),
        ("bootstrap", "mean_block = 2", "returns or prices must be given, and not both"),
        ("bootstrap", "returns = [[0.1, 0.2]]\nmean_block = 2", "returns must have 1 columns, one an asset, had 2"),
        (
            "kou",
            "volatility = 0.8\nrate = 1\nup_share = { ETH = 1 }\nup_mean = 0.1\ndown_mean = 0.1",
            "scenario.up_share.ETH must be one of BTC",
        ),
    ],
)
def test_a_wrong_process_in_a_scenario_file_is_told(tmp_path: Path, kind: str, keys: str, rule: str) -> None:
    with pytest.raises(lc.SettingsError, match=rule):
        lc.settings.load(written(tmp_path, scenario=scenario(kind, keys)))
