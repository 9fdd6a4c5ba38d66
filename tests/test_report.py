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
from making_runs import STEP, made_runs

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
            self.text += " " + data.strip().replace("\N{NO-BREAK SPACE}", " ")


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
        *("Positions liquidated, mean of the paths", "Bad debt", "Forced orders, notional", "Insurance fund, start to"),
        *("USDT", "of paths: no bad debt", "of 12 sudden moves the mildest that leaves bad debt is"),
        *("What was assumed", "BTCUSDT", "ETHUSDT", "LinearImpact(depth=9000.0)", "volatility", "maintenance rate"),
        *("What is not modelled", "time inside a cascade", "Dip buyers", "money conservation", lc.__version__, "seed"),
        *(f"{runs.paths:,} paths", "1,000 positions", "96 of 15 minutes"),
    ):
        assert said.lower() in text.lower(), said


def test_every_figure_is_there_with_a_text_of_its_own(page: Path) -> None:
    words = Words(page)
    paths = {"worst-path", "cascade", "bad-debt", "fund", "notional", "leverage", "fan-0", "fan-1", "first-liquidation"}
    paths |= {"worst-by-side", "worst-by-asset"}
    assert set(words.figures) == paths | {"map-0", "map-1", "amplification", "who-pays", "shock-cascade"}
    assert len(set(words.labels)) == len(words.figures)
    assert all(figure["data"] for figure in words.figures.values())


def heights(figure: Any) -> list[Any]:
    """The heights of a figure's bars, trace by trace."""
    columns = [trace["y"] for trace in json.loads(figure.json)["data"]]
    return [np.frombuffer(base64.b64decode(y["bdata"])) if isinstance(y, dict) else y for y in columns]


def test_a_histogram_holds_every_path_that_its_words_do_not(page: Path, runs: lc.Runs) -> None:
    from levcore.report_losses import distribution

    figure = distribution(
        runs.bad_debt, "Bad debt", "USDT", "x", colour="#000000", atoms={"no bad debt": 0.0}, log=False
    )
    assert np.sum(heights(figure)[0]) / 100 == pytest.approx(float((runs.bad_debt > 0).mean()))
    assert f"{100 * float((runs.bad_debt == 0).mean()):.1f} % of paths: no bad debt" in figure.caption


def test_the_same_runs_give_the_same_page(page: Path, runs: lc.Runs, shocks: lc.Outcomes, tmp_path: Path) -> None:
    assert report.write(runs, str(tmp_path / "again.html"), shocks=shocks).read_bytes() == page.read_bytes()


def test_without_kept_steps_and_shocks_their_figures_are_left_out(tmp_path: Path) -> None:
    made = made_runs(*crowd(), paths=20, keep_steps=False)
    figures = Words(report.write(made, tmp_path / "report.html")).figures
    assert not {"amplification", "who-pays", "shock-cascade"} & set(figures)
    assert not [name for name in figures if name.startswith("fan")]


def test_liquidations_begin_when_the_paths_say_so(runs: lc.Runs) -> None:
    from levcore.report_times import first_liquidation

    first, step = runs.first_liquidation, np.timedelta64(runs.step)
    figure = first_liquidation(first, step, runs.steps, "x")
    low, high, share = heights(figure)
    assert share[-1] == pytest.approx(100 * np.count_nonzero(first <= runs.steps * step) / runs.paths)
    assert share[20] == pytest.approx(100 * np.count_nonzero(first <= 20 * step) / runs.paths)
    assert len(share) == runs.steps + 1
    known = lc.risk.probability(~np.isnat(first))
    assert (low[-1], high[-1]) == pytest.approx((100 * known.low, 100 * known.high))
    never = first_liquidation(np.full(3, np.timedelta64("NaT", "ns")), step, runs.steps, "x")
    assert never.statement == "No path liquidates anything"


def test_the_fund_is_drawn_at_its_lowest_and_at_the_end_and_the_rest_is_said(runs: lc.Runs) -> None:
    from levcore.report_losses import fund

    start = runs.book.venue.backstop.insurance_fund
    figure = fund(runs.insurance_fund_low, runs.insurance_fund, start, "USDT", "x")
    ends, lowest = (np.sum(values) / 100 for values in heights(figure))
    assert ends == pytest.approx(float((runs.insurance_fund > 0).mean()))
    within = (runs.insurance_fund_low > 0) & (runs.insurance_fund_low < start)
    assert lowest == pytest.approx(float(within.mean()))
    untouched = float((runs.insurance_fund_low == start).mean())
    assert f"{100 * untouched:.1f} % of paths: never below its start" in figure.caption


def test_the_rounds_of_a_cascade_add_up_to_what_the_words_say(runs: lc.Runs) -> None:
    from levcore.report_cascades import largest

    outcome = runs.at(int(runs.liquidated_notional.argmax()))
    rows = largest(outcome.trace)
    notional = rows["liquidated_notional_long"].sum() + rows["liquidated_notional_short"].sum()
    kept = outcome.steps_kept
    assert len(np.unique(rows["time"])) == 1
    assert notional == pytest.approx(float((kept.liquidated_notional_long + kept.liquidated_notional_short).max()))


def test_notes_open_what_was_assumed(tmp_path: Path) -> None:
    path = report.write(made_runs(*crowd(), paths=5), tmp_path / "report.html", notes={"Source": "a ledger of ours"})
    assert "a ledger of ours" in Words(path).text.split("What was assumed")[1]


# --- Awkward runs -----------------------------------------------------------------------------------------------------


def longs(depth: float) -> tuple[lc.Book, lc.Market]:
    """Nobody is short, and there is no fund."""
    tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.005])
    venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    entries = np.linspace(59_000.0, 60_500.0, 50)
    book = lc.Book(venue, instrument="BTCUSDT", quantity=np.ones(50), entry_price=entries, margin=np.full(50, 1_500.0))
    return book, lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=depth))}, numeraire="USDT")


def falling(depth: float = 3_000.0, *, blocks: bool = False) -> lc.Runs:
    returns = np.random.default_rng(1).normal(-0.03, 0.005, (30, 5, 1))
    given = iter([returns, returns]) if blocks else returns
    return lc.simulate(*longs(depth), given, step=STEP, keep_steps=not blocks)


def quiet() -> lc.Runs:
    book, market = crowd()
    safe = lc.Book(book.venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[60_000.0], margin=[60_000.0])
    return made_runs(safe, market, paths=10)


def without_positions() -> lc.Runs:
    book, market = crowd()
    nothing = lc.Book(book.venue, instrument="BTCUSDT", quantity=[], entry_price=[], margin=[])
    return made_runs(nothing, market, paths=3)


def many_assets() -> lc.Runs:
    prices = {"A": 1e-5, "B": 0.3, "C": 7.0, "D": 120.0, "E": 3_000.0, "F": 60_000.0}
    tiers = lc.MarginTiers(floor=[0.0], maintenance_rate=[0.005])
    funding = lc.Funding(rate=0.0001)
    perpetuals = [lc.LinearPerpetual(f"{name}-P", asset=name, tiers=tiers, funding=funding) for name in prices]
    backstop = lc.Backstop(insurance_fund=1e3, deleveraging=True, socialise=True)
    venue = lc.Venue(perpetuals, backstop=backstop)
    book = lc.Book.synthetic(venue, size=300, prices=prices, open_interest=dict.fromkeys(prices, 1e6), seed=3)
    assets = {name: lc.Asset(p, impact=lc.LinearImpact(depth=2e7 / p), resilience=1.0) for name, p in prices.items()}
    return made_runs(book, lc.Market(assets), paths=25)


AWKWARD = {
    "one path": (lambda: made_runs(*crowd(), paths=1), ("The one path ends without bad debt", "no interval: too few")),
    "one path of one step": (lambda: made_runs(*crowd(), paths=1, steps=1), ("1 path of 15 minutes", "0 % to 79.3 %")),
    "nothing liquidated": (
        quiet,
        ("No path liquidated anything", "None of 10 paths ends with bad debt", "No BTC position is liquidated between"),
    ),
    "bad debt everywhere": (falling, ("All 30 paths end with bad debt", "No fund at the start", "30 paths drawn")),
    "paths that stopped": (lambda: falling(0.2), ("30 of 30 paths stopped early", "paths that stopped early")),
    "returns not kept": (lambda: falling(blocks=True), ("its returns are not kept", "none: returns were given")),
    "no positions": (without_positions, ("No position has any leverage", "No path liquidated anything")),
    "many assets": (
        many_assets,
        ("A-P, B-P, C-P, D-P and 2 more", "left out: 2 assets", "Deleveraged notional", "funding of 0.01 %"),
    ),
}


@pytest.mark.filterwarnings("ignore:.* stopped early:RuntimeWarning")
@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_runs_are_reported_too(case: str, tmp_path: Path) -> None:
    make, said = AWKWARD[case]
    text = Words(report.write(make(), tmp_path / "report.html")).text
    assert not [words for words in said if words not in text]
    assert not re.search(r"\b(nan|inf|None)\b(?! of )", text)


@pytest.mark.parametrize("moves", [[-0.1], [0.0], [0.1, -0.1]])
def test_few_sudden_moves_are_drawn_too(moves: list[float], tmp_path: Path) -> None:
    made = made_runs(*crowd(), paths=5)
    words = Words(report.write(made, tmp_path / "report.html", shocks=lc.shock(*crowd(), moves)))
    assert {"amplification", "who-pays"} <= set(words.figures)
    assert ("shock-cascade" in words.figures) == any(moves)
    assert "sudden move" in words.text


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
    with pytest.raises(lc.InputError, match=r"shocks must be of the market of the runs \(BTC, ETH\), were of BTC"):
        report.write(runs, tmp_path / "report.html", shocks=lc.shock(*longs(3_000.0), [-0.1]))
    other = lc.Market(dict(runs.market.assets), numeraire="JPY")
    with pytest.raises(lc.InputError, match="shocks must be in USDT, as the runs are, were in JPY"):
        report.write(runs, tmp_path / "report.html", shocks=lc.shock(runs.book, other, [-0.1]))
    with pytest.raises(lc.InputError, match="shocks must be of the book and the market of the runs"):
        report.write(runs, tmp_path / "report.html", shocks=lc.shock(runs.book[:5], runs.market, [-0.1]))
    with pytest.raises(lc.KindError, match="notes must be a mapping"):
        report.write(runs, tmp_path / "report.html", notes=["a source"])  # type: ignore[arg-type]
    with pytest.raises(lc.KindError, match="'Source'"):
        report.write(runs, tmp_path / "report.html", notes={"Source": 3})  # type: ignore[dict-item]
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
    tab.set_default_timeout(120_000)  # a machine may be busy
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
    assert len(drawn) == 16
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


# Text of a plot that leaves its plot would be cut off.
CUT_OFF = """[...document.querySelectorAll('.plot')].flatMap(plot => {
    const box = plot.getBoundingClientRect();
    return [...plot.querySelectorAll('text')].filter(text => {
        const own = text.getBoundingClientRect();
        return own.width && (own.left < box.left - 1 || own.right > box.right + 1 || own.bottom > box.bottom + 1);
    }).map(text => `${plot.id}: ${text.textContent}`);
})"""


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore:.* stopped early:RuntimeWarning")
@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_runs_are_drawn_on_a_phone(browser: Any, case: str, tmp_path: Path) -> None:
    tab, complaints = seen(browser, report.write(AWKWARD[case][0](), tmp_path / "report.html"), "phone")
    assert complaints == []
    assert tab.evaluate(CUT_OFF) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SCREENS["phone"][0]
    tab.close()


@pytest.mark.browser
def test_on_paper_the_plots_are_as_wide_as_the_page(browser: Any, page: Path) -> None:
    tab, complaints = seen(browser, page, "desktop")
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 680, "height": 900})
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    widths = tab.evaluate("[...document.querySelectorAll('.main-svg')].map(svg => svg.getBoundingClientRect().right)")
    assert complaints == []
    assert max(widths) <= 680
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    tab.close()
