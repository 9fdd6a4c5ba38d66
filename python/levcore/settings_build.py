"""From a scenario file that was read to the values that it names: its book, its market, and what moves the prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from levcore import tables
from levcore.book import Book
from levcore.errors import InputError, KindError
from levcore.futures import MICROSECOND, refuse_beyond_expiry
from levcore.market import Market
from levcore.settings_complaints import Complaint
from levcore.settings_models import FileBook, ReplayTable, ShockTable
from levcore.settings_processes import ProcessTable
from levcore.settings_read import ScenarioFile, refusal
from levcore.toml_lines import Place


@dataclass(frozen=True)
class Plan:
    """What a scenario file asks for, as values.

    Attributes
    ----------
    kind : str
        "shock", "replay" or that of a process, such as "gbm": whether it is for `lc.shock`, `lc.replay` or
        `lc.simulate`.
    book : Book
        The positions.
    market : Market
        Where the forced orders go.
    scenario : float, mapping, array, Process, or mapping of prices
        What the outside world does, as that function takes it.
    options : mapping of str to object
        Its keyword arguments.
    text : str
        The file as it stands.
    """

    kind: str
    book: Book
    market: Market
    scenario: Any
    options: Mapping[str, Any]
    text: str


def build(file: ScenarioFile) -> Plan:
    """Make the values; a data file that breaks a rule is a mistake of the scenario file that names it."""
    settings = file.settings
    market = settings.market.value()
    with _told(file, ("scenario", "file")):
        scenario, options = _scenario(file, market)
    if settings.control is not None:
        options["control"] = settings.control.value()
        if settings.control.seed is not None:
            options["seed"] = settings.control.seed
    book = _book(file, market)
    run = settings.run
    if isinstance(settings.scenario, ProcessTable) and run.steps is not None and run.step is not None:
        with _told(file, ("venue", "instruments")):
            refuse_beyond_expiry(book, run.steps * (run.step // MICROSECOND) * 1000)
    return Plan(settings.scenario.kind, book, market, scenario, options, file.text)


def _book(file: ScenarioFile, market: Market) -> Book:
    venue, table = file.settings.venue.value(), file.settings.book
    if not isinstance(table, FileBook):
        with _told(file, ("book",)):
            return Book.synthetic(venue, prices=market.prices, **table.value())
    theirs, path = table.value(), file.folder / table.file
    word = theirs.pop("instrument", None)
    with _told(file, ("book", "file")):
        columns = tables.read(path, numbers=list(theirs.values()), words=[] if word is None else [word])
        instrument = str(table.instrument) if word is None else columns[word]
        try:
            given: dict[str, Any] = {ours: columns[name] for ours, name in theirs.items()}
            return Book(venue, instrument=instrument, **given)
        except (InputError, KindError) as reason:
            raise InputError(f"{path}: {reason} (rows counted from 0)") from None


def _scenario(file: ScenarioFile, market: Market) -> tuple[Any, dict[str, Any]]:
    table, run = file.settings.scenario, file.settings.run
    if isinstance(table, ShockTable):
        return _moves(table.shock, market), {}
    if isinstance(table, ProcessTable):
        return table.value(), {name: value for name, value in run if value is not None}
    return _recorded(file, table, market)


def _moves(shock: Any, market: Market) -> Any:
    """Return one shock as it is, and several as an array, a row each."""
    if not isinstance(shock, tuple):
        return shock
    rows = [entry if isinstance(entry, dict) else dict.fromkeys(market.names, entry) for entry in shock]
    return np.array([[row.get(name, 0.0) for name in market.names] for row in rows])


def _recorded(file: ScenarioFile, table: ReplayTable, market: Market) -> tuple[Any, dict[str, Any]]:
    path, wanted = file.folder / table.file, table.value()
    names = [column for columns in wanted.values() for column in columns.values()]
    columns = tables.read(path, numbers=names, words=[] if table.times is None else [table.times])
    series = {what: {asset: columns[name] for asset, name in of.items()} for what, of in wanted.items()}
    options: dict[str, Any] = {**series, "rescale": table.rescale}
    prices = options.pop("prices")
    if table.times is None:
        options["step"] = table.step
    else:
        options["times"] = tables.times(path, table.times, columns[table.times], table.time_unit)
    return prices, options


@contextmanager
def _told(file: ScenarioFile, place: Place) -> Iterator[None]:
    try:
        yield
    except (InputError, KindError) as reason:
        raise refusal(file.path, file.text, [Complaint(place, str(reason))]) from None
