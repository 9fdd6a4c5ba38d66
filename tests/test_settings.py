"""Scenario files: what they name becomes values; what is wrong is told whole, by line and key, before any work."""

from __future__ import annotations

import copy
import dataclasses
import random
import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import levcore as lc
from levcore import (
    datasets,
    settings_liquidation,
    settings_models,
    settings_processes,
    settings_read,
    settings_types,
    settings_venue,
    toml_lines,
)
from levcore.process import Process
from making_scenario_files import GBM, MARKET, SHOCK, VENUE, text, written

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(ROOT.glob("docs/examples/*.toml"))


def mistakes(path: Path) -> list[str]:
    """What is wrong with a file, without its name."""
    with pytest.raises(lc.SettingsError) as caught:
        settings_read.read(path)
    return [line.removeprefix(str(path)).lstrip(":") for line in str(caught.value).splitlines()]


# --- What a file becomes ----------------------------------------------------------------------------------------------


def test_a_file_becomes_the_values_that_it_names(tmp_path: Path) -> None:
    plan = lc.settings.load(written(tmp_path))
    tiers = lc.MarginTiers(floor=[0, 1e6], maintenance_rate=[0.005, 0.01])
    instrument = lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers, closing_fee=0.0005)
    assert plan.book.venue == lc.Venue([instrument], backstop=lc.Backstop(insurance_fund=1e5))
    assert plan.market == lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=2e4))}, numeraire="USDT")
    book = lc.Book.synthetic(
        plan.book.venue, size=60, prices={"BTC": 60_000.0}, open_interest={"BTC": 1e8}, seed=1
    )  # fmt: skip
    assert np.array_equal(plan.book.quantity, book.quantity)
    assert np.array_equal(plan.book.margin, book.margin)
    assert (plan.kind, plan.scenario) == ("gbm", lc.GBM(volatility=0.9))
    assert plan.options == {
        "paths": 40, "steps": 24, "step": timedelta(hours=1), "seed": 7, "keep_steps": False, "sampling": "independent",
    }  # fmt: skip
    assert plan.text == text()


def test_everything_that_a_file_can_name_is_handed_over(tmp_path: Path) -> None:
    content = """
[venue]
remainder = "trader"
liquidate_at_equality = true
liquidation = { kind = "full_close", fee_rate = 0.01, fee_to = "outside" }
backstop = { insurance_fund = 5, deleveraging = true, socialise = true }
[[venue.instruments]]
kind = "linear_perpetual"
symbol = "A"
asset = "BTC"
tiers = "binance:BTCUSDT"
basis = "entry"
funding = { rate = [0.001, -0.001], times = ["1h", "90min"] }
[[venue.instruments]]
symbol = "B"
asset = "ETH"
[venue.instruments.tiers]
floor = [0, 5]
maintenance_rate = [0.01, 0.02]
max_leverage = [50, 20]
whole_position = true
measure = "contracts"
[book]
kind = "synthetic"
size = 40
open_interest = { A = 1e7, B = 1e7 }
seed = 3
history = { BTC = "binance:BTC", ETH = [2_900, 3_000.0] }
leverage = { 5 = 0.5, "12.5" = 0.5 }
extra_margin = 0.5
tail_exponent = 1.5
room = 1.5
[market.assets.BTC]
price = 73_399.9
impact = { kind = "depth_curve", data = "binance:BTCUSDT", scale = 2 }
permanent = 0
resilience = 3
half_spread = 0.001
mark_follow = 0.5
[market.assets.ETH]
price = 3_000
impact.kind = "depth_curve"
impact.distance = [0.01, 0.1]
impact.quantity = [10, 50]
impact.ask_distance = [0.02]
impact.ask_quantity = [30]
[market.assets.SOL]
price = 100
impact = { kind = "power", scale = 1e6, exponent = 0.6 }
[market.assets.XRP]
price = 2
impact = { kind = "square_root", daily_volatility = 0.05, daily_volume = 1e9, coefficient = 0.5 }
[market.assets.USDC]
price = 1
impact = { kind = "linear", depth = inf }
[scenario]
kind = "gbm"
volatility = { BTC = 0.5, ETH = 0.7, SOL = 1, XRP = 1, USDC = 0 }
drift = -0.1
correlation = [[1, 0.5, 0, 0, 0], [0.5, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
[run]
paths = 2
steps = 3
step = "0.5 d"
seed = 18_446_744_073_709_551_615
threads = 1
chunk = 2
keep_steps = true
"""
    plan = lc.settings.load(written(tmp_path, content))
    first, second = plan.book.venue.instruments
    assert first.tiers == datasets.binance_tiers("BTCUSDT")
    assert first.funding == lc.Funding((0.001, -0.001), times=(timedelta(hours=1), timedelta(minutes=90)))
    assert (first.basis, second.tiers.measure, second.tiers.whole_position) == ("entry", "contracts", True)
    venue = plan.book.venue
    assert venue.liquidation == lc.FullClose(fee_rate=0.01, fee_to="outside")
    assert venue.backstop == lc.Backstop(insurance_fund=5.0, deleveraging=True, socialise=True)
    assert (venue.remainder, venue.liquidate_at_equality) == ("trader", True)
    assets = plan.market.assets
    assert list(assets) == ["BTC", "ETH", "SOL", "XRP", "USDC"]
    depth = datasets.depth_curve("BTCUSDT", scale=2.0)
    assert assets["BTC"] == lc.Asset(
        73_399.9, impact=depth, permanent=0.0, resilience=3.0, half_spread=0.001, mark_follow=0.5
    )  # fmt: skip
    assert assets["ETH"].impact == lc.DepthCurve(
        distance=[0.01, 0.1], quantity=[10, 50], ask_distance=[0.02], ask_quantity=[30]
    )  # fmt: skip
    assert assets["SOL"].impact == lc.PowerImpact(scale=1e6, exponent=0.6)
    assert assets["XRP"].impact == lc.SquareRootImpact(daily_volatility=0.05, daily_volume=1e9, coefficient=0.5)
    assert assets["USDC"].impact == lc.LinearImpact(depth=float("inf"))
    assert plan.scenario.drift == -0.1
    assert plan.scenario.correlation[0][1] == 0.5
    assert plan.options["step"] == timedelta(hours=12)
    runs = lc.simulate(plan.book, plan.market, plan.scenario, **plan.options)
    assert (runs.paths, runs.seed, runs.steps_kept.mark_price["SOL"].shape) == (2, 2**64 - 1, (2, 3))


@pytest.mark.parametrize(
    ("said", "shocks"),
    [
        ("-0.1", -0.1),
        ("{ BTC = -0.1 }", {"BTC": -0.1}),
        ("[-0.1]", [[-0.1, -0.1]]),
        ("[-0.1, { ETH = 0.5 }, { BTC = -0.2, ETH = -0.3 }]", [[-0.1, -0.1], [0.0, 0.5], [-0.2, -0.3]]),
    ],
)
def test_a_shock_is_a_number_a_table_or_an_array_of_either(tmp_path: Path, said: str, shocks: object) -> None:
    market = MARKET + 'assets.ETH = { price = 1, impact = { kind = "linear", depth = 1 } }\n'
    scenario = f"[scenario]\nkind = 'shock'\nshock = {said}\n"
    plan = lc.settings.load(written(tmp_path, market=market, scenario=scenario))
    found = plan.scenario.tolist() if isinstance(plan.scenario, np.ndarray) else plan.scenario
    assert found == shocks
    lc.shock(plan.book, plan.market, plan.scenario, **plan.options)


def test_arguments_stand_in_for_what_a_run_says(tmp_path: Path) -> None:
    plan = lc.settings.load(written(tmp_path), paths=3, seed=8, threads=2)
    assert (plan.options["paths"], plan.options["seed"], plan.options["threads"]) == (3, 8, 2)
    rest = GBM.replace("paths = 40", "")
    assert lc.settings.load(written(tmp_path, scenario=rest), paths=3).options["paths"] == 3


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_of_the_documentation_obeys_every_rule(path: Path) -> None:
    assert settings_read.read(path).text == path.read_text(encoding="utf-8")


def test_a_file_from_windows_is_read_like_any_other(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + text().replace("\n", "\r\n").encode()
    assert len(lc.settings.load(written(tmp_path, content)).book) == 60


# --- What is wrong ----------------------------------------------------------------------------------------------------

WRONG = """[[venue.instruments]]
symbol = "BTCUSDT"
aset = "BTC"
tiers = "binance:LUNA"
closing_fee = -0.1
[[venue.instruments]]
symbol = "X"
asset = "X"
tiers = { floor = [0, 10, 5], maintenance_rate = [0.01, 0.02,
   0.03] }
funding = { rate = 2, interval = "8 hours" }
[venue]
remainder = "trade"
backstop = { insurance_fund = -3, deleveraging = 1 }
[book]
kind = "synthetc"
[market]
assets.BTC.price = "60000"
assets.BTC.impact = { kind = "linear", depth = 0 }
assets.ETH = { price = -1, impact = { depth = 3 } }
[scenario]
kind = "gbm"
volatility = { BTC = -1 }
correlation = [[1, 2], [0, 1]]
[run]
paths = 0
steps = 1.5
step = 60
sede = 2
[runn]
"""


def test_every_mistake_is_told_at_once_with_its_line_its_key_and_what_was_found(tmp_path: Path) -> None:
    shipped = ", ".join(f"'{name}'" for name in get_args(settings_types.ShippedTiers))
    shipped = " or ".join(shipped.rsplit(", ", 1))
    assert mistakes(written(tmp_path, WRONG)) == [
        "1: venue.instruments[0].asset must be given: text that is not empty",
        "3: venue.instruments[0].aset is no key of this table; did you mean asset?",
        f"4: venue.instruments[0].tiers must be {shipped}, was 'binance:LUNA'",
        "5: venue.instruments[0].closing_fee must be a number >= 0 and < 1, was -0.1",
        "9: venue.instruments[1].tiers.floor[2] must be above the floor before it, was 5",
        "11: venue.instruments[1].funding.rate must be a number > -1 and < 1, was 2",
        "11: venue.instruments[1].funding.interval must be text such as '1min', '8h' or '1d', was '8 hours'",
        "13: venue.remainder must be 'fund' or 'trader', was 'trade'",
        "14: venue.backstop.insurance_fund must be a number >= 0, was -3",
        "14: venue.backstop.deleveraging must be true or false or a table, was 1",
        "16: book.kind must be 'file' or 'synthetic', was 'synthetc'",
        "18: market.assets.BTC.price must be a number > 0, was '60000'",
        "19: market.assets.BTC.impact.depth must be a number > 0, was 0",
        "20: market.assets.ETH.price must be a number > 0, was -1",
        "20: market.assets.ETH.impact.kind must be given: 'depth_curve', 'linear', 'power' or 'square_root'",
        "23: scenario.volatility.BTC must be a number >= 0 and <= 1,000, was -1",
        "24: scenario.correlation[0][1] must be a number >= -1 and <= 1, was 2",
        "26: run.paths must be a whole number >= 1 and <= 2**32, was 0",
        "27: run.steps must be a whole number >= 1 and <= 2**24, was 1.5",
        "28: run.step must be text such as '1min', '8h' or '1d', was 60",
        "29: run.sede is no key of this table; did you mean seed?",
        "30: runn is no key of this table; did you mean run?",
    ]


def test_what_tables_say_of_each_other_is_checked_too(tmp_path: Path) -> None:
    market = MARKET.replace("assets.BTC", "assets.ETH")
    scenario = "[scenario]\nkind = 'gbm'\nvolatility = { BTC = 1 }\n[run]\nsteps = 1_000_000\nstep = '1d'\n"
    assert mistakes(written(tmp_path, market=market, scenario=scenario)) == [
        "19: market.assets must have every asset of the venue; missing: BTC",
        "22: scenario.volatility.BTC must be one of ETH, was 'BTC'",
        "23: run.paths must be given: a whole number >= 1 and <= 2**32",
        "24: run.steps must last at most 100 years, was 1,000,000 times 1 day, 0:00:00",
    ]


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        ("", lc.FullClose()),
        ("liquidation = { fee_rate = 0.01 }", lc.FullClose(fee_rate=0.01)),
        (
            """liquidation = { kind = "partial_close", target = 1, buffer = 0.02, initial_share = 0, duration = "1min",
            small_shortage = 50, lot = 0.1 }""".replace("\n", " "),
            lc.PartialClose(
                target=1.0,
                buffer=0.02,
                initial_share=0.0,
                duration=timedelta(minutes=1),
                small_shortage=50.0,
                lot=0.1,
            ),
        ),
        ('liquidation = { kind = "tier_step", tiers = 2, dust = 1 }', lc.TierStep(tiers=2, dust=1.0)),
        (
            'liquidation = { kind = "portion_close", portion = 0.2, above = 1e5, wait = "30s", then = "all" }',
            lc.PortionClose(portion=0.2, above=1e5, wait=timedelta(seconds=30), then="all"),
        ),
    ],
)
def test_a_liquidation_policy_is_named_by_its_kind(tmp_path: Path, said: str, policy: object) -> None:
    path = written(tmp_path, venue=f"[venue]\n{said}\n{VENUE}")
    assert lc.settings.load(path).book.venue.liquidation == policy


def test_a_policy_that_is_none_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = written(tmp_path, venue='[venue]\nliquidation = { kind = "half" }\n' + VENUE)
    (said,) = mistakes(path)
    assert "venue.liquidation" in said
    assert "partial_close" in said


def test_a_future_is_named_by_its_kind_and_a_run_must_not_outlast_it(tmp_path: Path) -> None:
    dated = VENUE.replace('symbol = "BTCUSDT"', 'kind = "linear_future"\nsymbol = "BTCUSDT_261225"\nexpiry = "1d"')
    (future,) = lc.settings.load(written(tmp_path, venue=dated)).book.venue.instruments
    assert future == lc.LinearFuture(
        "BTCUSDT_261225", asset="BTC", tiers=future.tiers, closing_fee=0.0005, expiry=timedelta(days=1)
    )
    with pytest.raises(lc.SettingsError, match=r"2: venue.instruments: a run .* the expiry of 'BTCUSDT_261225', 23:00"):
        lc.settings.load(written(tmp_path, venue=dated.replace('"1d"', '"23h"')))
    assert mistakes(written(tmp_path, venue=dated.replace('expiry = "1d"\n', ""))) == [
        "2: venue.instruments[0].expiry must be given: text such as '1min', '8h' or '1d'"
    ]
    assert mistakes(written(tmp_path, venue=dated.replace("linear_future", "option"))) == [
        "3: venue.instruments[0].kind must be 'linear_future' or 'linear_perpetual', was 'option'"
    ]
    (said,) = mistakes(written(tmp_path, venue=dated.replace("linear_future", "linear_perpetual")))
    assert said.startswith("5: venue.instruments[0].expiry is no key of this table; known: ")


@pytest.mark.parametrize(
    ("part", "old", "new", "expected"),
    [
        ("venue", '"BTC"', '"BTC"\nfunding = { rate = [] }', "venue.instruments[0].funding.rate must be an array that"),
        ("venue", "closing_fee = 0.0005", "closing_fee = 0.995", "venue.instruments[0]: maintenance_rate with closing"),
        ("book", "size = 60", "size = 1", "book.size must be >= 2 (a long and a short per instrument), was 1"),
        ("book", "seed = 1", "seed = 1\nleverage = { high = 1 }", "leverage must have numbers as keys, was 'high'"),
        ("book", "seed = 1", "seed = 1\nhistory.BTC = 'binance:XRP'", "history.BTC must be 'binance:BTC', 'bin"),
        ("book", "BTC = 1e8", "LUNA = 1e8", "book: open_interest['LUNA'] fits 0 of BTCUSDT: name one"),
        ("market", '"linear", depth = 2e4', '"depth_curve"', "BTC.impact: data, or distance and quantity"),
        ("market", '"linear", depth = 2e4', '"depth_curve", distance = [0.1], quantity = [1], scale = 2', "scale must"),
        ("market", '"linear", depth = 2e4', '"depth_curve", distance = [0.2, 0.1], quantity = [1, 2]', "distance[1] m"),
        ("market", "{ price", "{ resilience = 1, price", None),
        ("market", "assets.BTC", "assets = {}\nx", "market.assets must be a table that is not empty of names"),
        ("scenario", "volatility = 0.9", "volatility = 0.9\ncorrelation = [[2]]", "scenario.correlation[0][0] must be"),
        ("scenario", "volatility = 0.9", "volatility = 0.9\ncorrelation = [[1, 0], [0, 1]]", "correlation must"),
        ("scenario", 'step = "1h"', 'step = "0ms"', "run.step must be text such as"),
        ("scenario", 'step = "1h"', 'step = "999999999d"', "run.step must be text such as"),
        ("scenario", "seed = 7", "seed = 18446744073709551616", "run.seed must be a whole number >= 0 and < 2**64"),
        ("scenario", "seed = 7", f"seed = 0x{'f' * 9000}", "was a whole number of 36000 bits"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told_at_its_key(tmp_path: Path, part: str, old: str, new: str, expected: str | None) -> None:
    parts = {"venue": VENUE, "book": text(venue="", market="", scenario=""), "market": MARKET, "scenario": GBM}
    assert old in parts[part]
    path = written(tmp_path, **{part: parts[part].replace(old, new)})
    if expected is None:
        settings_read.read(path)
    else:
        assert expected in "\n".join(mistakes(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ": venue must be given: a table"),
        (b"run = 1\nrun = 2\n", "must be TOML: A key stands twice (at line 2, column 8)"),
        (b"[venue]\n[venue]\n", "must be TOML: Cannot declare ('venue',) twice (at line 2, column 7)"),
        (b"a = 1\nb = '\xe9'\n", ":2: must be text in UTF-8, byte 11 was 0xe9"),
        (bytes(range(256)), "must be text in UTF-8"),
        (b"a = 1\0", "must be TOML"),
        (b"a = " + b"[" * 20_000, "nested too deeply"),
        (b"a = " + b"9" * 20_000, "must be TOML: Exceeds the limit"),
        (b".".join([b"a"] * 50_000) + b" = 1", "must have keys of at most 32 parts"),
        (b"# " + b"x" * 11_000_000, "at most 1,000,000 bytes, had 11,000,002"),
        (b"[run]\n" + b"".join(b"x%d = 1\n" % i for i in range(2_000)), "and 1,904 mistakes more"),
    ],
    ids=["empty", "key twice", "table twice", "latin", "binary", "nul", "deep", "digits", "dots", "huge", "many"],
)
def test_a_file_that_is_no_scenario_file_is_refused_with_one_word(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(lc.SettingsError) as caught:
        lc.settings.load(written(tmp_path, content))
    assert said in str(caught.value)
    assert str(tmp_path / "day.toml") in str(caught.value)


def test_a_run_is_nothing_to_a_shock(tmp_path: Path) -> None:
    path = written(tmp_path, scenario=SHOCK + "[run]\npaths = 3\n")
    assert mistakes(path) == ["25: run.paths is nothing to a scenario of kind 'shock'"]


# --- Mutations --------------------------------------------------------------------------------------------------------

OTHERS: tuple[Any, ...] = (True, "x", "", -1, 0, 10**30, -0.5, float("nan"), float("inf"), [], [1, "x"], {}, {"a": 1})


def places(node: Any, place: toml_lines.Place = ()) -> Iterator[toml_lines.Place]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*place, key)
        yield from places(value, (*place, key))


def holder(document: Any, place: toml_lines.Place) -> Any:
    for key in place[:-1]:
        document = document[key]
    return document


def test_whatever_stands_at_a_key_the_file_is_read_or_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, path = tomllib.loads(text()), written(tmp_path)
    refused = []
    for place in list(places(document)):
        for other in (*OTHERS, None):
            mutated = copy.deepcopy(document)
            if other is None:
                del holder(mutated, place)[place[-1]]
            else:
                holder(mutated, place)[place[-1]] = other
            monkeypatch.setattr(settings_read, "_parsed", lambda *_, mutated=mutated: mutated)
            try:
                settings_read.read(path)
            except lc.SettingsError as reason:
                refused.append(str(reason))
    assert len(refused) > 300
    assert all(said.startswith(str(path)) for said in refused)


def test_whatever_byte_is_changed_the_file_is_read_or_refused_by_name(tmp_path: Path) -> None:
    chance = random.Random(5)
    content, path = text().encode(), tmp_path / "day.toml"
    read = 0
    refused = []
    for _ in range(300):
        mutated = bytearray(content)
        for _ in range(chance.choice([1, 1, 1, 2, 4])):
            at = chance.randrange(len(mutated))
            mutated[at : at + chance.choice([0, 1, 1, 5])] = bytes(
                [chance.choice(b"0123456789-.e\"'[]{}=,\n#anif\xff\0")]
            )
        path.write_bytes(mutated)
        try:
            settings_read.read(path)
            read += 1
        except lc.SettingsError as reason:
            refused.append(str(reason))
    assert all(str(path) in said for said in refused)
    assert 10 < read < 290


# --- Lines ------------------------------------------------------------------------------------------------------------

keys = st.one_of(
    st.from_regex(r"[a-z0-9_-]{1,4}", fullmatch=True), st.sampled_from(["a.b", 'q"u', "[x]", "# no", "é", ""])
)
NUMBERS = ["1", "-2.5e3", "true", "inf", "2020-01-01 07:00:00"]
TEXTS = ['"a # [b] = c"', "'it\\'", '"""x\n"q" ]\n"""', "'''y\n{'''", '"""a"""""']
scalars = st.sampled_from(NUMBERS + TEXTS)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(keys, inner.filter(lambda v: "\n" not in str(v)), max_size=3)
    ),
    max_leaves=8,
)


def quoted(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Written:
    """A writer of TOML that notes on which line it puts what."""

    def __init__(self) -> None:
        self.text, self.lines = "", {}

    def note(self, place: toml_lines.Place) -> None:
        self.lines.setdefault(place, self.text.count("\n") + 1)

    def value(self, place: toml_lines.Place, value: Any, *, inline: bool = False) -> None:
        if isinstance(value, str):
            self.text += value
        elif isinstance(value, list):
            self.text += "["
            for row, one in enumerate(value):
                self.text += "" if inline else "\n  # a comment, ]\n "
                self.note((*place, row))
                self.value((*place, row), one, inline=inline)
                self.text += ","
            self.text += "]"
        else:
            self.text += "{ "
            for at, (key, one) in enumerate(value.items()):
                self.text += ", " if at else ""
                self.pair(place, key, one, inline=True)
            self.text += " }"

    def pair(self, table: toml_lines.Place, key: str, value: Any, *, inline: bool = False) -> None:
        self.note((*table, key))
        self.text += f"{quoted(key)} = "
        self.value((*table, key), value, inline=inline)


def flat(value: Any) -> bool:
    """Whether a value can stand within braces, which must not break their line."""
    return "\n" not in str(value) and not isinstance(value, list)


@given(st.dictionaries(keys, values, max_size=4), st.lists(st.dictionaries(keys, values, max_size=2), max_size=3))
def test_every_key_of_a_document_is_found_on_its_line(table: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    document = Written()
    for key, value in table.items():
        document.pair((), key, value)
        document.text += "  # said\n"
    for row, entry in enumerate(entries):
        document.text += "\n[[ z.'list of' ]]\n"
        for place in (("z",), ("z", "list of"), ("z", "list of", row)):
            document.lines.setdefault(place, document.text.count("\n"))
        for key, value in entry.items():
            document.pair(("z", "list of", row), key, value)
            document.text += "\n"
    try:
        tomllib.loads(document.text)
    except tomllib.TOMLDecodeError:
        return  # a key of the table named z, or braces over several lines
    assert toml_lines.lines(document.text) == document.lines


def test_a_place_that_is_not_in_the_file_has_the_line_of_what_would_hold_it() -> None:
    where = toml_lines.lines("[a.b]\nc.d = 1\n[[a.e]]\n[a.e.f]\ng = 2\n")
    assert where[("a", "e", 0, "f", "g")] == 5
    assert toml_lines.line_of(where, ("a", "b", "c", "x")) == 2
    assert toml_lines.line_of(where, ("q",)) is None


# --- Schema, documentation and constructors say the same --------------------------------------------------------------


def test_the_schema_knows_no_null_and_every_table() -> None:
    schema = lc.settings.schema()
    assert '"null"' not in repr(schema).replace("'", '"')
    assert set(schema["properties"]) == {"venue", "book", "market", "scenario", "control", "run"}
    assert all(table["additionalProperties"] is False for table in schema["$defs"].values())
    described = [key for table in schema["$defs"].values() for key in table["properties"].values()]
    assert all("description" in key for key in described)


def documented() -> dict[str, dict[str, str]]:
    """The tables of keys on the page of the command line, each by the words above it, and their defaults."""
    page = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"^\| key \| value \| default \|\n", page, flags=re.MULTILINE)[1:]:
        lines = [line for line in part.split("\n\n")[0].splitlines() if line.startswith("| `")]
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
        table = {cells[0].strip(" `"): cells[2].strip(" `") for cells in rows}
        found[",".join(table)] = table
    return found


def test_the_page_of_the_command_line_names_every_key_and_its_default() -> None:
    tables = documented()
    schema = lc.settings.schema()["$defs"]
    assert len(tables) == len(schema)
    for name, table in schema.items():
        names = ",".join(table["properties"])
        assert names in tables, f"{name}: {names}"
        for key, said in tables[names].items():
            default = table["properties"][key].get("default")
            assert (said == "") <= (key in table.get("required", ()) or default is None), f"{name}.{key}"
            if isinstance(default, (bool, int, float, str)):
                assert said == (f'"{default}"' if isinstance(default, str) else str(default).lower()), f"{name}.{key}"


def test_the_names_of_shipped_data_are_those_that_are_shipped() -> None:
    for kind, load in (
        (settings_types.ShippedTiers, datasets.binance_tiers),
        (settings_types.ShippedDepth, datasets.depth_curve),
        (settings_types.ShippedPrices, datasets.prices),
    ):
        names = [name.partition(":")[2] for name in get_args(kind)]
        for name in names:
            load(name)
        with pytest.raises(lc.InputError, match=", ".join(names)):
            load("none of them")


JUMPS = {"rate": 1.0, "jump_mean": 0.0, "jump_deviation": 0.1}
VARIANCE = {"volatility": 1.0, "reversion": 1.0, "volatility_of_variance": 1.0}
MADE = [
    (settings_liquidation.FullCloseTable, lc.FullClose, {}),
    (settings_liquidation.PartialCloseTable, lc.PartialClose, {"duration": timedelta(days=1)}),
    (settings_liquidation.TierStepTable, lc.TierStep, {}),
    (settings_liquidation.PortionCloseTable, lc.PortionClose, {}),
    (settings_venue.BackstopTable, lc.Backstop, {}),
    (settings_venue.DeleveragingTable, lc.Deleveraging, {}),
    (settings_models.LinearTable, lc.LinearImpact, {"depth": 1.0}),
    (settings_models.SquareRootTable, lc.SquareRootImpact, {"daily_volatility": 0.1, "daily_volume": 1.0}),
    (settings_models.PowerTable, lc.PowerImpact, {"scale": 1.0, "exponent": 1.0}),
    (settings_models.AssetTable, lc.Asset, {"price": 1.0, "impact": lc.LinearImpact(depth=1.0)}),
    (settings_processes.GBMTable, lc.GBM, {"volatility": 1.0}),
    (settings_processes.GARCHTable, lc.GARCH, {"volatility": 1.0, "alpha": 0.1, "beta": 0.8}),
    (settings_processes.GJRGARCHTable, lc.GJRGARCH, {"volatility": 1.0, "alpha": 0.1, "gamma": 0.1, "beta": 0.8}),
    (settings_processes.MertonTable, lc.Merton, {"volatility": 1.0} | JUMPS),
    (
        settings_processes.KouTable,
        lc.Kou,
        {"volatility": 1.0, "rate": 1.0, "up_share": 0.5, "up_mean": 0.1, "down_mean": 0.1},
    ),
    (settings_processes.HawkesTable, lc.Hawkes, {"volatility": 1.0, "excitation": 1.0, "decay": 2.0} | JUMPS),
    (settings_processes.HestonTable, lc.Heston, VARIANCE),
    (settings_processes.BatesTable, lc.Bates, VARIANCE | JUMPS),
    (settings_processes.MarkovSwitchingTable, lc.MarkovSwitching, {"volatility": [1.0], "transition": [[1.0]]}),
    (settings_processes.EGARCHTable, lc.EGARCH, {"volatility": 1.0, "alpha": 0.1, "gamma": 0.1, "beta": 0.8}),
    (
        settings_venue.LinearPerpetualTable,
        lc.LinearPerpetual,
        {"symbol": "X", "asset": "X", "tiers": lc.MarginTiers([0], [0.0])},
    ),
    (
        settings_venue.LinearFutureTable,
        lc.LinearFuture,
        {"symbol": "X", "asset": "X", "tiers": lc.MarginTiers([0], [0.0]), "expiry": timedelta(days=1)},
    ),
]


@pytest.mark.parametrize(("table", "kind", "arguments"), MADE, ids=lambda value: getattr(value, "__name__", ""))
def test_the_bounds_of_a_table_are_those_of_the_value_that_it_makes(table: Any, kind: Any, arguments: Any) -> None:
    schema = lc.settings.schema()["$defs"][table.__name__]["properties"]
    ours = {field.name for field in dataclasses.fields(kind) if field.init}
    assert set(schema) - {"kind"} == ours
    looked_at = 0
    for name, node in schema.items():
        for bound, beyond in (
            ("minimum", -1e-3),
            ("maximum", 1e-3),
            ("exclusiveMinimum", 0.0),
            ("exclusiveMaximum", 0.0),
        ):
            if bound in node and node["type"] == "number":
                outside = node[bound] + beyond * max(1.0, abs(node[bound]))
                with pytest.raises(lc.LevcoreError, match=name):
                    kind(**arguments | {name: outside})
                if bound in ("minimum", "maximum"):
                    kind(**arguments | {name: float(node[bound])})
                looked_at += 1
    assert looked_at or issubclass(kind, Process)  # a number, or one each by asset


def test_without_pydantic_a_file_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_read.schema.cache_clear()
    monkeypatch.setitem(sys.modules, "levcore.settings_models", None)
    with pytest.raises(ImportError):
        lc.settings.load(written(tmp_path))
    monkeypatch.undo()
    settings_read.schema.cache_clear()


def test_a_column_of_the_file_is_read_once() -> None:
    with pytest.raises(ValueError, match="must not read 'quantity' as both quantity and margin"):
        settings_models.FileBook(kind="file", file="b.csv", columns={"quantity": "margin"}).value()
