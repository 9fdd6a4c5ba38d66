"""What a report says of its inputs: the venue, the book, the market and the scenario in words and tables."""

from __future__ import annotations

import dataclasses
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np

from levcore._version import __version__
from levcore.control import habit
from levcore.depth_reaction import words
from levcore.display import money, plural, price
from levcore.report_numbers import percent, span

NOT_MODELLED = (
    "Limit-price liquidation orders that stay unfilled, price bands, vaults that take inventory and sell later.",
    "Time inside a cascade, and how fast the venue's engine works: a cascade takes no time.",
    "Dip buyers, other than the order book that refills.",
    "Stop orders and voluntary de-risking.",
    "Several order books of one asset with arbitrage between them.",
    "Positions opened by the counterparties of forced orders.",
)
PROCESSES = {
    "GBM": "geometric Brownian motion",
    "GARCH": "GARCH(1,1)",
    "GJRGARCH": "GJR-GARCH(1,1)",
    "EGARCH": "EGARCH(1,1)",
    "Merton": "Merton jump diffusion",
    "Kou": "Kou jump diffusion",
    "Hawkes": "Hawkes jumps",
    "Heston": "Heston stochastic volatility",
    "MarkovSwitching": "volatility that switches between regimes",
    "StationaryBootstrap": "stationary bootstrap of given returns",
    "Bates": "Bates stochastic volatility with jumps",
}
A_YEAR = ("volatility", "initial_volatility", "drift")  # rates of a process
MOST_TIERS = 12
MOST_COLUMNS = 2


@dataclass(frozen=True)
class Table:
    """A table: its first column to the left, figures to the right."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def upright(self) -> Table:
        """Return the table with its rows as columns where they are few: a phone is narrow."""
        if len(self.rows) > MOST_COLUMNS:
            return self
        header, *rows = zip(self.header, *self.rows, strict=True)
        return Table(self.caption, header, tuple(rows))


def venue_sentences(venue: Any, numeraire: str) -> list[str]:
    """Say how the venue liquidates and who pays."""
    policy, backstop = venue.liquidation, venue.backstop
    fee = "without a fee"
    if policy.fee_rate:
        receiver = "to the insurance fund" if policy.fee_to == "fund" else "to somebody outside the model"
        fee = f"for a fee of {percent(policy.fee_rate)} of the notional traded, {receiver}"
    kind = "the whole position is closed at once" if type(policy).__name__ == "FullClose" else f"by {policy!r}"
    at = "at or below" if venue.liquidate_at_equality else "below"
    layers = [f"an insurance fund of {money(backstop.insurance_fund)} {numeraire}"]
    layers[0] += "".join(f", of {symbol} {money(fund)}" for symbol, fund in backstop.own_funds.items())
    layers += ["deleveraging of opposite positions"] if backstop.deleveraging else []
    carriers = {
        "profit": "unrealised profits",
        "open_interest": "open interest",
        "deposits": "what traders have at the venue",
    }
    layers += [f"losses socialised over {carriers[backstop.charged]}"] if backstop.socialise else []
    keeper = "insurance fund" if venue.remainder == "fund" else "trader"
    if backstop.takeover:
        kind += f" (by the backstop, at the mark, below {percent(backstop.takeover)} of maintenance)"
    what = (
        f"A position {at} its maintenance margin is liquidated: {kind}, {fee}. What is left of its margin goes to the "
        f"{keeper}."
    )
    return [
        what,
        f"A deficit is paid by {', then '.join(layers)}; what remains is bad debt.",
    ]


def tiers(venue: Any) -> list[Table]:
    """Tabulate each instrument's margin tiers."""
    tables = []
    for instrument in venue.instruments:
        if not hasattr(instrument, "tiers"):
            continue
        table = instrument.tiers
        limits = table.max_leverage or (None,) * len(table.floor)
        rows = [
            (money(floor), f"{100 * rate:.4g} %", "none" if limit is None else f"{limit:g}\N{MULTIPLICATION SIGN}")
            for floor, rate, limit in zip(table.floor, table.maintenance_rate, limits, strict=True)
        ]
        more = f"; the first {MOST_TIERS} of {len(rows)}" if len(rows) > MOST_TIERS else ""
        how = "the whole position at its tier's rate" if table.whole_position else "each part at its own tier's rate"
        if hasattr(table, "per_size"):
            root = "the square root of " if table.growth == "square_root" else ""
            how = f"the rate, or {percent(table.share)} of it and {table.per_size:g} times {root}the size if more"
        unit = {"notional": "notional", "contracts": "contracts", "entry": "notional at entry"}[table.measure]
        extra = f"; closing fee {percent(instrument.closing_fee)}" if instrument.closing_fee else ""
        extra += " at the bankruptcy price" if extra and instrument.closing_fee_at == "bankruptcy" else ""
        caption = f"{instrument.symbol} on {instrument.asset}: margin tiers, {how}, requirement at {instrument.basis}"
        header = (f"{unit} from", "maintenance rate", "highest leverage at opening")
        tables.append(Table(f"{caption}{extra}{more}", header, tuple(rows[:MOST_TIERS])))
    return tables


def book(held: Any, market: Any) -> Table:
    """Tabulate the book by instrument."""
    exposure = np.abs(held.exposure(market.prices))
    rows = []
    for code, instrument in enumerate(held.venue.instruments):
        mine = held.instrument == code
        cells = [instrument.symbol]
        for side in (held.quantity > 0, held.quantity < 0):
            cells += [f"{int((mine & side).sum()):,}", money(float(exposure[mine & side].sum()))]
        rows.append((*cells, money(float(held.margin[mine].sum()))))
    header = ("instrument", "longs", "their notional", "shorts", "their notional", "margin")
    caption = f"{plural(len(held), 'position')} at the start, money in {market.numeraire}"
    return Table(caption, header, tuple(rows)).upright()


def funding_sentences(venue: Any) -> list[str]:
    """Say what longs and shorts pay each other."""
    said = []
    for instrument in venue.instruments:
        given = getattr(instrument, "funding", None)
        if given is None:
            continue
        several = isinstance(given.rate, tuple)
        rate = "of changing size" if several else f"of {100 * given.rate:.4g} % of the notional"
        when = (
            f"every {span(given.interval)}" if given.times is None else f"at {plural(len(given.times), 'given time')}"
        )
        said.append(f"{instrument.symbol}: funding {rate} {when}, from longs to shorts where it is positive.")
    return said


def market(given: Any) -> Table:
    """Tabulate the market by asset."""
    rows = []
    for name, asset in given.assets.items():
        refill = f"{asset.resilience:g} a day" if asset.resilience else "none"
        impact = ", ".join([_impact(asset.impact, name), *words(asset.reaction, asset.refill_delay)])
        cells = (price(asset.price), impact, refill, percent(asset.permanent))
        rows.append((name, *cells, percent(asset.half_spread), percent(asset.mark_follow)))
    header = ("asset", "price", "impact", "refill", "permanent impact", "half-spread", "mark follows the book by")
    return Table(f"Where forced orders go, prices in {given.numeraire}", header, tuple(rows)).upright()


def _impact(shape: Any, asset: str) -> str:
    if not hasattr(shape, "quantity"):
        return repr(shape)
    asks = f" of bids, {shape.ask_quantity[-1]:,.0f} {asset} of asks" if shape.ask_quantity is not None else " a side"
    return (
        f"order book: {shape.quantity[-1]:,.0f} {asset}{asks} within {100 * shape.distance[-1]:.3g} %, in "
        f"{plural(len(shape.distance), 'step')}; beyond, the last slope continues"
    )


def scenario(runs: Any) -> Table:
    """Tabulate what moved the prices."""
    given = runs.scenario
    rows = [
        ("kind", _kind(given)),
        ("paths", f"{runs.paths:,}"),
        ("steps", f"{runs.steps:,} of {span(runs.step)}, {span(np.timedelta64(runs.step) * runs.steps)} in all"),
    ]
    if dataclasses.is_dataclass(given):
        for field in dataclasses.fields(given):
            value = getattr(given, field.name)
            if value is not None and field.repr:
                said = _a_year(value) if field.name in A_YEAR else _short(value)
                if field.name == "returns":
                    said = f"{len(value):,} rows"
                rows.append((field.name.replace("_", " "), said))
    rows += [("owners add collateral", habit(rule)) for rule in runs.control]
    return Table("What moves the prices before any liquidation", ("", ""), tuple(rows))


def _kind(given: Any) -> str:
    if isinstance(given, np.ndarray):
        return f"given returns, {' by '.join(f'{size:,}' for size in given.shape)}"
    name = type(given).__name__
    return PROCESSES.get(name, name)


def _a_year(value: Any) -> str:
    if hasattr(value, "items"):
        return ", ".join(f"{name} {100 * rate:.4g} %" for name, rate in value.items()) + " a year"
    return f"{100 * value:.4g} % a year"


def _short(value: Any, most: int = 200) -> str:
    if hasattr(value, "items"):
        said = ", ".join(
            f"{name}: {one:g}" if isinstance(one, float) else f"{name}: {one}" for name, one in value.items()
        )
    else:
        said = str(value.tolist()) if isinstance(value, np.ndarray) else str(value)
    return said if len(said) <= most else f"{said[:most]}\N{HORIZONTAL ELLIPSIS}"


def provenance(runs: Any) -> Table:
    """Tabulate what is needed to run it again, and how well money was conserved."""
    import plotly

    worst = float(np.max(runs.conservation_error, initial=0.0))
    failed = sum(error is not None for error in runs.error)
    rows = [
        ("levcore", __version__),
        ("seed", "none: returns were given" if runs.seed is None else str(runs.seed)),
        ("paths", f"{runs.paths:,}"),
        ("engine", str(runs.engine)),
        ("largest violation of money conservation", f"{worst:.2g} of gross notional"),
        ("paths that stopped early", f"{failed:,}"),
        ("Python, numpy, plotly", f"{platform.python_version()}, {np.__version__}, {plotly.__version__}"),
        ("platform", f"{platform.system()} {platform.machine()}"),
    ]
    return Table("What it takes to run this again, and its own audit", ("", ""), tuple(rows))
