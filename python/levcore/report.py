"""A report of a simulation as one HTML page that can be mailed: no network, no other file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from levcore import checks
from levcore.display import plural
from levcore.errors import MissingExtraError
from levcore.outcome import Outcomes
from levcore.runs import Runs

__all__ = ["write"]

NEEDS = 'reports need jinja2 and plotly: pip install "levcore[report]"'
MOST_ASSETS = 4


def write(
    runs: Runs, path: str | os.PathLike[str], *, title: str | None = None, shocks: Outcomes | None = None
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
        A batch of shocks on the same book; adds amplification against shock.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    MissingExtraError
        jinja2 or plotly is not installed.
    KindError
        An argument has the wrong type.
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
    checks.instance("runs", runs, Runs)
    if title is not None:
        checks.text("title", title)
    if shocks is not None:
        checks.instance("shocks", shocks, Outcomes)
    rooms = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_template),
    )
    page = rooms.get_template("report.html.j2").render(_content(runs, title, shocks))
    file = Path(path)
    file.write_text(page, encoding="utf-8")
    return file


def _template(name: str) -> str:
    from importlib.resources import files

    return files("levcore").joinpath("templates", name).read_text(encoding="utf-8")


def _content(runs: Any, title: str | None, shocks: Outcomes | None) -> dict[str, Any]:
    from plotly.offline import get_plotlyjs

    from levcore import report_numbers, report_words

    market, venue = runs.market, runs.book.venue
    duration = report_numbers.span(np.timedelta64(runs.step) * runs.steps)
    return {
        "title": title or f"{', '.join(venue.symbols[:MOST_ASSETS])}: {plural(len(runs.book), 'position')}, {duration}",
        "paths": plural(runs.paths, "path"),
        "duration": duration,
        "numeraire": market.numeraire,
        "positions": plural(len(runs.book), "position"),
        "headline": report_numbers.headline(runs),
        "measures": ("mean", "VaR 99 %", "ES 99 %"),
        "sections": _figures(runs, shocks),
        "failed": sum(error is not None for error in runs.error),
        "venue_sentences": report_words.venue_sentences(venue, market.numeraire),
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


def _figures(runs: Any, shocks: Outcomes | None) -> list[tuple[str, str, list[Any]]]:
    """Draw every figure, by section: its name, its note, its figures."""
    from levcore import report_figures as draw
    from levcore import report_losses as loss

    book, market, money_of = runs.book, runs.market, runs.market.numeraire
    held = [name for name in market.names if name in book.venue.assets]
    drawn = held[:MOST_ASSETS]
    note = (
        f"Drawn for {', '.join(drawn)}; left out: {plural(len(held) - len(drawn), 'asset')}." if drawn != held else ""
    )
    worst = int(np.lexsort((runs.liquidated_notional, runs.bad_debt))[-1])
    outcome = runs.at(worst)
    moved = max(drawn, key=lambda name: abs(np.log(outcome.final_price[name] / market.prices[name])))
    maps = [
        draw.liquidation_map(book.liquidation_map(market.prices, asset=name), money_of, f"map-{k}")
        for k, name in enumerate(drawn)
    ]
    worst_path = draw.cascade(outcome, worst, moved, market.prices[moved], money_of, "cascade")
    losses = [
        loss.distribution(np.asarray(runs.bad_debt), "Bad debt", money_of, "bad-debt", colour=loss.DEBT,
                          atoms={"no bad debt": 0.0}),
        loss.distribution(np.asarray(runs.insurance_fund_low), "Insurance fund at its lowest", money_of, "fund",
                          colour=loss.FUND, log=False, atoms=_fund_atoms(book.venue.backstop.insurance_fund)),
        loss.distribution(np.asarray(runs.liquidated_notional), "Liquidated notional", money_of, "notional",
                          colour=loss.ORDERS, atoms={"nothing liquidated": 0.0}),
    ]  # fmt: skip
    fans = []
    if runs.steps_kept is not None:
        fans = [draw.fan(runs.steps_kept, name, market.prices[name], money_of, worst, f"fan-{k}")
                for k, name in enumerate(drawn)]  # fmt: skip
    who = loss.by_leverage(
        book.leverage(market.prices), book.quantity, np.asarray(runs.liquidation_probability), runs.paths, "leverage"
    )
    sections = [
        ("Where the fuel lies", note, maps),
        ("What the paths cost", "", losses),
        ("Who is liquidated", "", [who]),
        ("The worst path", "" if worst_path else "No path liquidated anything.", [worst_path] if worst_path else []),
        ("Prices", note, fans),
        (
            "Amplification",
            "",
            [draw.amplification(shocks, "amplification")] if shocks is not None and len(shocks) else [],
        ),
    ]
    return [section for section in sections if section[2] or (section[1] and section[1] != note)]


def _fund_atoms(fund: float) -> dict[str, float]:
    return {"fund never below its start": fund, "fund empty": 0.0} if fund else {"no fund": 0.0}
