"""A report says what its worst paths are made of, and holds the studies that it is handed as pictures."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

import levcore as lc
from levcore import report, report_losses, report_studies, report_tails, run_measures
from levcore.report_figures import unit_of
from making_runs import STEP, made_runs
from test_report import HOSTILE, Words, browser, crowd, seen

__all__ = ["browser"]

KNOWN = lc.Estimate(0.5, 0.4, 0.6, 0.95, 40, True)
ONE = np.array([[-5.0, 3.0]])


@cache
def studies() -> dict[str, object]:
    own = Figure().subplots()
    lc.plot.tail(lc.normals(1, 1_000), level=0.9, ax=own)
    ratios = np.array([[1.5, 0.2], [0.8, 0.1]])
    return {
        "Where it is unstable": lc.study.StabilityMap("BTC", 95.0, 0.01, [90.0, 100.0], [1.0, 2.0], ratios),
        "An attack": lc.study.Exploitation("BTC", [-1.0, -2.0], [1.0], ONE, ONE, ONE, ONE),
        "What breaks it": lc.study.Sweep({"shock": (-0.1, -0.2)}, {"probability": (KNOWN, KNOWN)}),
        "By volatility": lc.study.Sweep({"scenario.volatility": (0.5, 1.0)}, {"exhausted": (KNOWN, KNOWN)}),
        "Reverse stress": lc.study.CriticalShock(-0.1, [-0.05, -0.1], [False, True], True),
        "Who caused it": lc.risk.euler_attribution({"a": [0.0, 1.0, 4.0], "b": [1.0, 0.0, 0.0]}, level=0.5),
        "How likely": {"at 2x": KNOWN, "at 5x": KNOWN},
        "Losses": own,
        "Losses again": own.figure,
    }


@pytest.fixture(scope="module")
def runs() -> lc.Runs:
    return made_runs(*crowd(), paths=600, keep_steps=False)


@pytest.fixture(scope="module")
def page(runs: lc.Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(runs, tmp_path_factory.mktemp("page") / "report.html", studies=studies())


def drawn(figure: Any) -> list[dict[str, Any]]:
    return json.loads(figure.json)["data"]


@pytest.mark.parametrize(("own", "said"), [("", "USDT"), ("BTC", "BTC")])
def test_an_attribution_is_labelled_in_its_own_unit_and_else_in_that_of_the_run(own: str, said: str) -> None:
    found = lc.risk.euler_attribution({"a": [0.0, 1.0, 4.0], "b": [1.0, 0.0, 0.0]}, level=0.5, unit=own)
    ((_, _, (figure,)),) = report_studies.sections({"Who": found}, "USDT")
    assert f"Part of the expected shortfall, {said}" in figure.alt


def test_buckets_by_leverage_hold_what_those_of_the_risk_table_hold_accounts_too() -> None:
    """Positions at an edge belong to the bucket above it; those of an account have the account's leverage."""
    venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=lc.MarginTiers(floor=[0], maintenance_rate=[0.005]))])
    book = lc.Book(
        venue,
        instrument="X",
        quantity=[1.0, 1.0, 1.0, -1.0],
        entry_price=[100.0] * 4,
        margin=[10.0, 50.0, np.nan, 5.0],
        account=[-1, -1, 0, -1],
        accounts=lc.Accounts(USD=[20.0]),
    )
    market = lc.Market({"X": lc.Asset(100.0, impact=lc.LinearImpact(depth=1e4))})
    runs = lc.simulate(book, market, lc.GBM(volatility=0.9), paths=50, steps=20, step=STEP, seed=1)
    leverage = run_measures.leverage_of_each(runs)
    assert leverage.tolist() == [10.0, 2.0, 5.0, 20.0]
    figure = report_losses.by_leverage(leverage, book.quantity, runs.liquidation_probability, 50, "x")
    longs, shorts = (trace["customdata"] for trace in drawn(figure))
    assert [said.partition("<br>")[0] for said in longs] == [
        "1 longs of 2\N{EN DASH}5 times", "1 longs of 5\N{EN DASH}10 times", "1 longs of 10\N{EN DASH}20 times"
    ]  # fmt: skip
    assert shorts[0].startswith("1 shorts of 20")
    assert list(lc.risk.liquidation_probability_by_leverage(runs)) == [
        "2x to 5x", "5x to 10x", "10x to 20x", "20x to 50x"
    ]  # fmt: skip


# --- The worst paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", ["independent", "antithetic"])
def test_the_worst_paths_are_shared_out_among_longs_and_shorts(runs: lc.Runs, sampling: str) -> None:
    if sampling == "antithetic":
        many = {"paths": 600, "steps": 96, "step": STEP, "seed": 7}
        runs = lc.simulate(runs.book, runs.market, runs.scenario, **many, sampling=sampling)
    sides = {"longs": runs.liquidated_notional_long, "shorts": runs.liquidated_notional_short}
    level = report_tails.level_of(runs.paths)
    assert level == 0.95
    found = lc.variance_reduction.euler_attribution(sides, level, together=runs.together)
    unit, _ = unit_of(np.array([part.high for part in found.parts.values()]))
    for bar, part in zip(drawn(report_tails.worst_by_side(runs, "USDT", "x")), found.parts.values(), strict=True):
        assert bar["x"][0] * unit == pytest.approx(part.value)
        assert (bar["x"][0] + bar["error_x"]["array"][0]) * unit == pytest.approx(part.high)
        assert (bar["x"][0] - bar["error_x"]["arrayminus"][0]) * unit == pytest.approx(part.low)
    total = lc.risk.expected_shortfall(runs.liquidated_notional, level).value
    assert found.total == pytest.approx(total)


def test_the_fall_of_each_asset_has_the_forced_orders_of_covar(runs: lc.Runs) -> None:
    figure = report_tails.worst_by_asset(runs, ["BTC", "ETH"], "USDT", "x")
    usual, fallen = drawn(figure)
    for at, (name, start) in enumerate({"BTC": 60_000.0, "ETH": 3_000.0}.items()):
        fall = 1.0 - runs.lowest_price[name] / start
        known = lc.risk.covar(fall, runs.liquidated_notional, 0.95)
        assert fallen["y"][at] * 1e6 == pytest.approx(known.value)
        assert fallen["error_y"]["array"][at] * 1e6 == pytest.approx(known.high - known.value)
        assert usual["y"][at] * 1e6 == pytest.approx(
            lc.risk.covar(fall, runs.liquidated_notional, 0.95, given=0.5).value
        )


def test_what_too_few_paths_or_one_asset_say_nothing_of_is_left_out(runs: lc.Runs) -> None:
    few = made_runs(*crowd(), paths=40, keep_steps=False)
    assert report_tails.worst_by_side(few, "USDT", "x") is None
    assert report_tails.worst_by_asset(few, ["BTC", "ETH"], "USDT", "x") is None
    assert report_tails.worst_by_asset(runs, ["BTC"], "USDT", "x") is None


# --- Studies ----------------------------------------------------------------------------------------------------------


def pictures(page: Path) -> list[tuple[str, str]]:
    text = page.read_text(encoding="utf-8")
    return re.findall(
        r'<img class="picture" id="study-\d" alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]*)">', text
    )


def test_each_study_is_a_section_with_a_picture_that_the_page_holds(page: Path) -> None:
    text, found = page.read_text(encoding="utf-8"), pictures(page)
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert [one for one in headings if one in studies()] == list(studies())
    assert len(found) == len(studies())
    for alt, picture in found:
        assert ElementTree.fromstring(base64.b64decode(picture)).tag.endswith("svg")
        assert alt
    assert "Branching ratio, " not in text  # the axis is in the picture
    assert found[0][0].startswith("Where it is unstable: Depth, multiples of the market&#39;s over BTC price")
    for said in ("Pays at 1 of 1 depths; the most: 3", "Branching ratio at most 1.5"):
        assert said in Words(page).text
    assert all(link.startswith("data:") for link in Words(page).links)


def test_the_same_studies_are_the_same_pictures(page: Path, runs: lc.Runs, tmp_path: Path) -> None:
    again = report.write(runs, tmp_path / "report.html", studies=studies())
    assert again.read_bytes() == page.read_bytes()


def test_a_heading_cannot_smuggle_in_markup(runs: lc.Runs, tmp_path: Path) -> None:
    one = {HOSTILE: studies()["An attack"]}
    assert HOSTILE not in report.write(runs, tmp_path / "r.html", studies=one).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda: [1.0], "studies must be a mapping of headings to studies"),
        (lambda: {"Mine": 3.0}, r"studies\['Mine'\] must be a study, a map, an attribution or estimates by name"),
        (lambda: {3: ONE}, "studies must be"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_its_heading(
    runs: lc.Runs, given: Callable[[], Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(lc.KindError, match=said):
        report.write(runs, tmp_path / "report.html", studies=given())
    assert not (tmp_path / "report.html").exists()


def test_without_matplotlib_a_study_says_what_to_install(
    runs: lc.Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = {"An attack": studies()["An attack"]}
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(lc.MissingExtraError, match=r'pictures need matplotlib: pip install "levcore\[plot\]"'):
        report.write(runs, tmp_path / "report.html", studies=one)


@pytest.mark.browser
@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_pictures_of_studies_are_shown_within_the_page(browser: Any, page: Path, screen: str) -> None:
    tab, complaints = seen(browser, page, screen)
    assert [one for one in complaints if not one.startswith("data:")] == []
    sizes = "[...document.querySelectorAll('.picture')].map(p => [p.naturalWidth, p.getBoundingClientRect().right])"
    shown = tab.evaluate(sizes)
    assert len(shown) == len(studies())
    assert all(width > 0 and right <= tab.viewport_size["width"] for width, right in shown)
    tab.close()


def test_a_study_has_the_same_bytes_whatever_the_callers_own_pictures_look_like() -> None:
    import matplotlib

    def pictures() -> list[str | None]:
        found = report_studies.sections(
            {name: study for name, study in studies().items() if not name.startswith("Losses")}, "USD"
        )
        return [figure.picture for _, _, figures in found for figure in figures]

    expected = pictures()
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.bbox": "tight"}):
        assert pictures() == expected


def test_axes_in_a_part_of_a_figure_stand_for_the_whole_figure() -> None:
    whole = Figure()
    ax = whole.subfigures(1, 2)[0].subplots()
    ((_, _, (figure,)),) = report_studies.sections({"Mine": ax}, "USD")
    assert figure.picture == report_studies.sections({"Mine": whole}, "USD")[0][2][0].picture


def test_a_figure_that_cannot_be_drawn_is_refused_by_its_heading() -> None:
    ax = Figure().subplots()
    ax.set_title(r"$\frac{$")
    with pytest.raises(lc.InputError, match=r"studies\['Mine'\] cannot be drawn"):
        report_studies.sections({"Mine": ax}, "USD")
