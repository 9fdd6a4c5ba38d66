"""A report of a simulation as one HTML page that can be mailed: no network, no other file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from levcore import checks, run_measures
from levcore.cascade import Ready
from levcore.display import plural, tied
from levcore.errors import InputError, KindError, MissingExtraError, NotKeptError
from levcore.outcomes import Outcomes
from levcore.runs import Runs

__all__ = ["write"]

NEEDS = 'reports need jinja2 and plotly: pip install "levcore[report]"'
MOST_ASSETS = 4
Section = tuple[str, str, list[Any]]  # its name, its note, its figures


def write(
    runs: Runs,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    shocks: Outcomes | None = None,
    notes: Mapping[str, str] | None = None,
    studies: Mapping[str, object] | None = None,
) -> Path:
    """Write a report of simulated paths: one self-contained HTML page.

    Parameters
    ----------
    runs : Runs
        What `lc.simulate` returned. Kept steps (``keep_steps=True``) add a fan of prices.
    path : str or path
        The file; overwritten if it is there. Its folder must exist.
    title : str, optional
        Heading of the page; made from the book and the scenario where not given.
    shocks : Outcomes, optional
        A batch of shocks on the same book and market; adds amplification and losses against shock.
    notes : mapping of str to str, optional
        Topics and sentences of yours, such as sources and assumptions; they open "What was assumed".
    studies : mapping of str to object, optional
        Headings and what stands below them, a section each: results that `lc.plot` draws (stability and liquidation
        maps, exploitations, sweeps, fragility curves, critical shocks, funds, leverages, attributions, mappings of
        names to estimates), or matplotlib axes or figures of yours. Wants matplotlib. Attributions without a unit are
        taken to be in the run's.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    MissingExtraError
        jinja2 or plotly is not installed, or matplotlib where there are studies.
    KindError
        An argument has the wrong type.
    InputError
        The shocks are of other assets, or a text is empty.
    OSError
        The file cannot be written.

    Notes
    -----
    The page holds plotly's code and loads nothing: about 5 MB. Same runs, same page. Colours are Okabe and Ito's
    (2008), told apart by colour-blind readers. Intervals are those of `levcore.risk`, at 95 %.

    Examples
    --------
    >>> from datetime import timedelta
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> runs = lc.simulate(book, market, lc.GBM(volatility=0.8), paths=100, steps=24, step=timedelta(hours=1), seed=7)
    >>> with TemporaryDirectory() as directory:
    ...     lc.report.write(runs, Path(directory) / "report.html").name
    'report.html'
    """
    try:
        import jinja2
        import plotly.graph_objects  # noqa: F401
    except ImportError as reason:
        raise MissingExtraError(NEEDS) from reason
    from levcore import report_studies

    checks.instance("runs", runs, Runs)
    if title is not None:
        checks.text("title", title)
    if shocks is not None:
        checks.instance("shocks", shocks, Outcomes)
        if shocks.numeraire != runs.numeraire:
            raise InputError(f"shocks must be in {runs.numeraire}, as the runs are, were in {shocks.numeraire}")
        if list(shocks.final_price) != list(runs.market.names):
            raise InputError(
                f"shocks must be of the market of the runs ({', '.join(runs.market.names)}), were of "
                f"{', '.join(shocks.final_price)}"
            )
        ready = getattr(shocks, "_ready", None)
        if isinstance(ready, Ready) and (ready.market != runs.market or len(ready.book) != len(runs.book)):
            raise InputError("shocks must be of the book and the market of the runs")
    if notes is not None:
        if not isinstance(notes, Mapping):
            raise KindError(f"notes must be a mapping of topics to sentences, was {checks.describe(notes)}")
        for topic, sentence in notes.items():
            checks.text("notes", topic)
            checks.text(f"notes[{topic!r}]", sentence)
    drawn = report_studies.sections(report_studies.checked(studies), runs.numeraire)
    rooms = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_template),
    )
    rooms.filters["tied"] = tied
    page = rooms.get_template("report.html.j2").render(_content(runs, title, shocks, notes, drawn))
    file = Path(path)
    file.write_text(page, encoding="utf-8")
    return file


def _template(name: str) -> str:
    from importlib.resources import files

    return files("levcore").joinpath("templates", name).read_text(encoding="utf-8")


def _content(
    runs: Any, title: str | None, shocks: Outcomes | None, notes: Mapping[str, str] | None, studies: list[Section]
) -> dict[str, Any]:
    from plotly.offline import get_plotlyjs

    from levcore import report_numbers, report_words

    market, venue = runs.market, runs.book.venue
    duration = report_numbers.span(np.timedelta64(runs.step) * runs.steps)
    return {
        "title": title or f"{_some(venue.symbols)}: {plural(len(runs.book), 'position')}, {duration}",
        "paths": plural(runs.paths, "path"),
        "duration": duration,
        "step": report_numbers.span(runs.step),
        "numeraire": market.numeraire,
        "positions": plural(len(runs.book), "position"),
        "headline": report_numbers.headline(runs, shocks),
        "measures": report_numbers.MEASURES,
        "sections": _sections(runs, shocks) + studies,
        "failed": sum(error is not None for error in runs.error),
        "notes": dict(notes or {}),
        "venue_sentences": report_words.venue_sentences(venue, market.numeraire),
        "funding_sentences": report_words.funding_sentences(venue),
        "tiers": report_words.tiers(venue),
        "book": report_words.book(runs.book, market),
        "market": report_words.market(market),
        "scenario": report_words.scenario(runs),
        "not_modelled": report_words.NOT_MODELLED,
        "provenance": report_words.provenance(runs),
        "style": _template("report.css"),
        "script": _template("report.js"),
        "plotly": get_plotlyjs(),
    }


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_ASSETS
    return ", ".join(names[:MOST_ASSETS]) + (f" and {more} more" if more > 0 else "")


def _sections(runs: Any, shocks: Outcomes | None) -> list[Section]:
    """Draw every figure, by section: its name, its note, its figures."""
    from levcore import report_figures as draw
    from levcore import report_losses as loss
    from levcore import report_tails as tails
    from levcore import report_times as times

    book, market, money_of = runs.book, runs.market, runs.market.numeraire
    held = [name for name in market.names if name in book.venue.assets]
    drawn = held[:MOST_ASSETS]
    left = plural(len(held) - len(drawn), "asset")
    note = f"Drawn for {', '.join(drawn)}; left out: {left}." if drawn != held else ""
    worst = int(np.lexsort((runs.liquidated_notional, runs.bad_debt))[-1])
    maps = [
        draw.liquidation_map(book.liquidation_map(market.prices, asset=name), money_of, f"map-{k}")
        for k, name in enumerate(drawn)
    ]
    losses = [
        loss.distribution(np.asarray(runs.liquidated_notional), "Forced orders", money_of, "notional",
                          colour=loss.ORDERS, atoms={"nothing liquidated": 0.0}),
        loss.fund(np.asarray(runs.insurance_fund_low), np.asarray(runs.insurance_fund),
                  book.venue.backstop.total_funds, money_of, "fund"),
        loss.distribution(np.asarray(runs.bad_debt), "Bad debt", money_of, "bad-debt", colour=loss.DEBT,
                          atoms={"no bad debt": 0.0}),
    ]  # fmt: skip
    fans = []
    if runs.steps_kept is not None:
        fans = [draw.fan(runs.steps_kept, name, market.prices[name], money_of, worst, f"fan-{k}")
                for k, name in enumerate(drawn)]  # fmt: skip
    leverage, chance = run_measures.leverage_of_each(runs), np.asarray(runs.liquidation_probability)
    who = loss.by_leverage(leverage, book.quantity, chance, runs.paths // runs.together, "leverage")
    when = times.first_liquidation(runs.first_liquidation, np.timedelta64(runs.step), runs.steps, "first-liquidation")
    worst_paths = [
        tails.worst_by_side(runs, money_of, "worst-by-side"),
        tails.worst_by_asset(runs, drawn, money_of, "worst-by-asset"),
    ]
    sections = [
        ("Where the fuel lies", note, maps),
        ("Sudden moves", *_sudden_moves(shocks, drawn, market)),
        ("Prices", note, fans),
        ("What the paths cost", "", losses),
        ("Who is liquidated", "", [who, when]),
        ("What the worst paths are made of", "", [figure for figure in worst_paths if figure]),
        ("The worst path", *_worst_path(runs, worst, drawn)),
    ]
    return [section for section in sections if section[2] or (section[1] and section[1] != note)]


def _worst_path(runs: Any, worst: int, drawn: list[str]) -> tuple[str, list[Any]]:
    from levcore import report_cascades as draw

    if not runs.liquidated_count[worst]:
        return "No path liquidated anything.", []
    try:
        outcome = runs.at(worst)
    except NotKeptError:
        return f"Path {worst:,} is the worst; its returns are not kept, so that it cannot be drawn.", []
    start, money_of = runs.market.prices, runs.market.numeraire
    moved = max(drawn, key=lambda name: abs(np.log(outcome.final_price[name] / start[name])))
    figures = [draw.through_time(outcome, worst, moved, start[moved], money_of, "worst-path")]
    return "", [*figures, draw.rounds_of_path(outcome.trace, moved, money_of, "cascade")]


def _sudden_moves(shocks: Outcomes | None, drawn: list[str], market: Any) -> tuple[str, list[Any]]:
    from levcore import report_cascades as draw

    if shocks is None or not len(shocks):
        return "", []
    figures = [
        draw.amplification(shocks, drawn, "amplification"),
        draw.who_pays(shocks, market.numeraire, "who-pays"),
    ]
    sizes = np.nan_to_num(np.array([shocks.amplification[name] for name in drawn]), nan=-np.inf)
    asset, most = np.unravel_index(int(sizes.argmax()), sizes.shape)
    outcome, name = shocks.at(int(most)), drawn[int(asset)]
    if len(outcome.trace):
        figures.append(draw.rounds_of_shock(outcome, name, market.prices[name], market.numeraire, "shock-cascade"))
    return f"What {plural(len(shocks), 'move')} at once, each on its own, do to the same book and market.", figures
