"""The report is one page that loads nothing, says what it must, and is drawn on a wide screen and on a narrow one."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levcore as lc
from levcore import report
from making_runs import made_runs

HOSTILE = "<script>alert(1)</script>"
SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}


def crowd(symbol: str = "BTCUSDT", asset: str = "BTC") -> tuple[lc.Book, lc.Market]:
    tiers = lc.MarginTiers(floor=[0.0, 50_000.0], maintenance_rate=[0.005, 0.01], max_leverage=[100, 50])
    venue = lc.Venue(
        [lc.LinearPerpetual(symbol, asset=asset, tiers=tiers), lc.LinearPerpetual("ETHUSDT", asset="ETH", tiers=tiers)],
        backstop=lc.Backstop(insurance_fund=1e5),
    )
    prices = {asset: 60_000.0, "ETH": 3_000.0}
    interest = {asset: 1e8, "ETH": 4e7}
    book = lc.Book.synthetic(venue, size=1_000, prices=prices, open_interest=interest, seed=1)
    depths = {asset: 9_000.0, "ETH": 60_000.0}
    market = {name: lc.Asset(prices[name], impact=lc.LinearImpact(depth=depth)) for name, depth in depths.items()}
    return book, lc.Market(market, numeraire="USDT")


@pytest.fixture(scope="module")
def runs() -> lc.Runs:
    return made_runs(*crowd())


@pytest.fixture(scope="module")
def shocks() -> lc.Outcomes:
    return lc.shock(*crowd(), np.linspace(-0.01, -0.3, 12)[:, None] * [1.0, 1.2])


@pytest.fixture(scope="module")
def page(runs: lc.Runs, shocks: lc.Outcomes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(runs, tmp_path_factory.mktemp("page") / "report.html", shocks=shocks)


class Words(HTMLParser):
    """The text of a page without scripts and styles, its figures, its elements and what they refer to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.figures, self.links, self.labels = "", {}, [], []
        self._inside, self._figure = "", ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        named = dict(attrs)
        self._inside, self._figure = tag, named.get("data-for", "")
        self.links += [named[name] for name in ("src", "href") if name in named]
        self.labels += [named["aria-label"]] if named.get("role") == "img" else []

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._figure:
            self.figures[self._figure] = json.loads(data)
            self._figure = ""
        elif self._inside not in ("script", "style"):
            self.text += f" {data.strip()}"


def test_the_page_is_one_file_that_refers_to_nothing_else(page: Path) -> None:
    assert 1e6 < page.stat().st_size < 6e6
    assert Words(page).links == ["data:,"]
    assert "default-src 'none'" in page.read_text(encoding="utf-8")
    styles = re.search(r"<style>(.*?)</style>", page.read_text(encoding="utf-8"), re.DOTALL)
    assert styles
    assert "url(" not in styles[1]
    assert "@import" not in styles[1]


def test_the_page_says_the_numbers_the_assumptions_and_the_limits(page: Path, runs: lc.Runs) -> None:
    text = Words(page).text
    for said in (
        *(
            "Probability of bad debt",
            "insurance fund is exhausted",
            "VaR 99 %",
            "ES 99 %",
            "95 % interval",
            "low sample",
        ),
        *("Mean number of positions liquidated", "Bad debt", "Liquidated notional", "USDT", "of paths: no bad debt"),
        *("What was assumed", "BTCUSDT", "ETHUSDT", "LinearImpact(depth=9000.0)", "volatility", "maintenance rate"),
        *("What is not modelled", "time inside a cascade", "Dip buyers", "money conservation", lc.__version__, "seed"),
        *(f"{runs.paths:,} paths", "1,000 positions", "96 of 15 minutes"),
    ):
        assert said.lower() in text.lower(), said


def test_every_figure_is_there_with_a_text_of_its_own(page: Path) -> None:
    words = Words(page)
    single = {"cascade", "bad-debt", "fund", "notional", "leverage", "amplification"}
    assert set(words.figures) == single | {"map-0", "map-1", "fan-0", "fan-1"}
    assert len(set(words.labels)) == len(words.figures)
    assert all(figure["data"] for figure in words.figures.values())


def test_a_histogram_holds_every_path_that_its_words_do_not(page: Path, runs: lc.Runs) -> None:
    from levcore.report_losses import distribution

    figure = distribution(
        runs.bad_debt, "Bad debt", "USDT", "x", colour="#000000", atoms={"no bad debt": 0.0}, log=False
    )
    heights = json.loads(figure.json)["data"][0]["y"]
    values = np.frombuffer(base64.b64decode(heights["bdata"])) if isinstance(heights, dict) else heights
    assert np.sum(values) / 100 == pytest.approx(float((runs.bad_debt > 0).mean()))
    assert f"{100 * float((runs.bad_debt == 0).mean()):.1f} % of paths: no bad debt" in figure.caption


def test_the_same_runs_give_the_same_page(page: Path, runs: lc.Runs, shocks: lc.Outcomes, tmp_path: Path) -> None:
    assert report.write(runs, str(tmp_path / "again.html"), shocks=shocks).read_bytes() == page.read_bytes()


def test_without_kept_steps_and_shocks_their_figures_are_left_out(tmp_path: Path) -> None:
    made = made_runs(*crowd(), paths=20, keep_steps=False)
    figures = Words(report.write(made, tmp_path / "report.html")).figures
    assert "amplification" not in figures
    assert not [name for name in figures if name.startswith("fan")]


def test_a_book_that_nothing_happens_to_is_reported_too(tmp_path: Path) -> None:
    book, market = crowd()
    quiet = lc.Book(book.venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[60_000.0], margin=[60_000.0])
    words = Words(report.write(made_runs(quiet, market, paths=10), tmp_path / "report.html"))
    assert "No path liquidated anything" in words.text
    assert "No path ends with losses" in words.text
    assert "cascade" not in words.figures


def hostile_page(tmp_path: Path) -> Path:
    runs = made_runs(*crowd(symbol=HOSTILE, asset=HOSTILE), paths=20)
    runs = dataclasses.replace(
        runs, market=dataclasses.replace(runs.market, numeraire='"><img src=x onerror=alert(1)>')
    )
    return report.write(runs, tmp_path / "hostile.html", title=f"</title>{HOSTILE}")


def test_names_and_titles_cannot_smuggle_in_markup(tmp_path: Path) -> None:
    path = hostile_page(tmp_path)
    source = path.read_text(encoding="utf-8")
    assert HOSTILE not in source
    assert "<img" not in source.split("<main>")[1].split("</main>")[0]
    assert "&lt;script&gt;alert(1)" in source
    assert Words(path).links == ["data:,"]


def test_what_are_no_runs_is_refused(runs: lc.Runs, tmp_path: Path) -> None:
    with pytest.raises(lc.KindError, match="runs must be"):
        report.write({"paths": 3}, tmp_path / "report.html")
    with pytest.raises(lc.KindError, match="shocks must be"):
        report.write(runs, tmp_path / "report.html", shocks=[-0.1])  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        report.write(runs, tmp_path / "nowhere" / "report.html")


# --- In a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "the browser tests need chromium: apt-get install chromium"
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def seen(browser: Any, path: Path, screen: str) -> tuple[Any, list[str]]:
    """The page opened, and what it complained about or asked for besides itself."""
    width, height = SCREENS[screen]
    tab, complaints = browser.new_page(viewport={"width": width, "height": height}), []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda asked: None if asked.url == path.as_uri() else complaints.append(asked.url))
    tab.goto(path.as_uri())
    tab.wait_for_function(
        "document.querySelectorAll('.js-plotly-plot').length === document.querySelectorAll('.plot').length"
    )
    tab.wait_for_timeout(300)
    return tab, complaints


@pytest.mark.browser
@pytest.mark.parametrize("screen", SCREENS)
def test_the_page_is_drawn_without_a_complaint_a_request_or_a_sideways_scroll(
    browser: Any, page: Path, screen: str
) -> None:
    tab, complaints = seen(browser, page, screen)
    assert complaints == []
    drawn = tab.evaluate("[...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('svg .trace').length)")
    assert len(drawn) == 10
    assert min(drawn) > 0
    boxes = "[...document.querySelectorAll('.plot, .main-svg, figure, h1, p')].map(e => e.getBoundingClientRect())"
    assert tab.evaluate(f"{boxes}.filter(box => box.right > innerWidth).length") == 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen][0]
    tab.close()


@pytest.mark.browser
def test_hostile_names_do_nothing_in_a_browser(browser: Any, tmp_path: Path) -> None:
    tab, complaints = seen(browser, hostile_page(tmp_path), "phone")
    assert complaints == []
    assert tab.evaluate("document.images.length") == 0
    tab.close()
