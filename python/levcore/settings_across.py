"""What the tables of a scenario file say of each other, checked before any work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from levcore.book import Book
from levcore.errors import LevcoreError
from levcore.sampling import check_sampling
from levcore.settings_complaints import Complaint, expected, known_keys, rule
from levcore.settings_models import Draft, FileBook, ReplayTable, RunTable, ShockTable
from levcore.settings_processes import AnyProcessTable, ProcessTable
from levcore.toml_lines import Place

PROCESSES = tuple(get_args(table.model_fields["kind"].annotation)[0] for table in get_args(AnyProcessTable))
COMMANDS = {"shock": "shock", **dict.fromkeys(PROCESSES, "simulate"), "replay": "replay"}
LONGEST_RUN = timedelta(days=36_500)


def across(draft: Draft, folder: Path, schema: Mapping[str, Any], command: str | None) -> list[Complaint]:
    """Return every mistake between tables that are right on their own."""
    if command is not None and draft.scenario is not None and COMMANDS[draft.scenario.kind] != command:
        kind = draft.scenario.kind
        known = [repr(one) for one, runs in COMMANDS.items() if runs == command]
        wanted = " or ".join(filter(None, (", ".join(known[:-1]), known[-1])))
        said = f"must be {wanted} for `levcore {command}`, was {kind!r}: run `levcore {COMMANDS[kind]}`"
        return [Complaint(("scenario", "kind"), said)]
    return [
        *_files(draft, folder),
        *_book(draft, schema),
        *_market(draft),
        *_scenario(draft, schema),
        *_control(draft),
        *_run(draft, schema),
    ]


def _files(draft: Draft, folder: Path) -> Iterator[Complaint]:
    for name, table in (("book", draft.book), ("scenario", draft.scenario)):
        if isinstance(table, (FileBook, ReplayTable)):
            if not table.file.lower().endswith((".csv", ".parquet")):
                yield Complaint((name, "file"), f"must end in .csv or .parquet, was {table.file!r}")
            elif "\0" in table.file or not (folder / table.file).is_file():
                yield Complaint((name, "file"), f"must name a file, {table.file!r} is not there")


def _book(draft: Draft, schema: Mapping[str, Any]) -> Iterator[Complaint]:
    if draft.venue is None or draft.book is None:
        return
    venue, book = draft.venue.value(), draft.book
    if isinstance(book, FileBook):
        if book.instrument is not None and book.instrument not in venue.symbols:
            yield _unknown(("book", "instrument"), book.instrument, venue.symbols)
    elif draft.market is not None and set(venue.assets) <= set(draft.market.assets):
        options = book.value()
        few = {"size": min(book.size, 2 * len(book.open_interest))}  # a trial costs nothing and knows every rule
        try:
            Book.synthetic(venue, prices=draft.market.value().prices, **options | few)
        except LevcoreError as reason:
            yield rule(("book",), str(reason), known_keys(schema["$defs"]["SyntheticBook"], schema))


def _market(draft: Draft) -> Iterator[Complaint]:
    if draft.venue is not None and draft.market is not None:
        missing = [name for name in draft.venue.value().assets if name not in draft.market.assets]
        if missing:
            yield Complaint(("market", "assets"), f"must have every asset of the venue; missing: {', '.join(missing)}")


def _scenario(draft: Draft, schema: Mapping[str, Any]) -> Iterator[Complaint]:
    if draft.market is None or draft.scenario is None:
        return
    market, scenario = draft.market.value(), draft.scenario
    if isinstance(scenario, ShockTable):
        several = isinstance(scenario.shock, tuple)
        entries = scenario.shock if isinstance(scenario.shock, tuple) else (scenario.shock,)
        for row, entry in enumerate(entries):
            yield from _names(("scenario", "shock", row) if several else ("scenario", "shock"), entry, market.names)
    elif isinstance(scenario, ReplayTable):
        for what, columns in scenario.value().items():
            yield from _names(("scenario", what), columns, market.names)
            missing = [name for name in market.names if name not in columns]
            if missing:
                said = f"must have every asset of the market; missing: {', '.join(missing)}"
                yield Complaint(("scenario", what), said)
    else:
        wrong = [
            one
            for name, value in scenario
            if isinstance(value, dict)
            for one in _names(("scenario", name), value, market.names)
        ]
        try:
            if not wrong:
                scenario.value().paths(market, paths=1, steps=1, step=timedelta(days=1), seed=0)
        except LevcoreError as reason:
            wrong.append(rule(("scenario",), str(reason), known_keys(schema["$defs"][type(scenario).__name__], schema)))
        yield from wrong


def _control(draft: Draft) -> Iterator[Complaint]:
    control, scenario = draft.control, draft.scenario
    if control is None or scenario is None:
        return
    is_drawn = 0.0 < control.probability < 1.0
    if isinstance(scenario, ShockTable):
        yield Complaint(("control",), f"is nothing to a scenario of kind {scenario.kind!r}")
    elif isinstance(scenario, ProcessTable) and control.seed is not None:
        yield Complaint(("control", "seed"), f"is nothing to a scenario of kind {scenario.kind!r}: run.seed is")
    elif isinstance(scenario, ReplayTable) and is_drawn and control.seed is None:
        yield Complaint(("control", "seed"), "must be given where calls are answered by chance: a whole number")
    elif isinstance(scenario, ReplayTable) and not is_drawn and control.seed is not None:
        yield Complaint(("control", "seed"), "is nothing where no call is answered by chance")


def _names(place: Place, given: object, known: Iterable[str]) -> Iterator[Complaint]:
    """Refuse a table that names an asset which is not there; a number is for all of them."""
    if isinstance(given, dict):
        yield from (_unknown((*place, name), name, known) for name in given if name not in known)


def _run(draft: Draft, schema: Mapping[str, Any]) -> Iterator[Complaint]:
    if draft.scenario is None or draft.run is None:
        return
    run, kind = draft.run, draft.scenario.kind
    if not isinstance(draft.scenario, ProcessTable):
        for name in sorted(run.model_fields_set):
            yield Complaint(("run", name), f"is nothing to a scenario of kind {kind!r}")
        return
    for name in ("paths", "steps", "step"):
        if getattr(run, name) is None:
            node = schema["$defs"][RunTable.__name__]["properties"][name]
            yield Complaint(("run", name), f"must be given: {expected(node, schema)}")
    if run.steps is not None and run.step is not None and run.steps > LONGEST_RUN / run.step:
        yield Complaint(("run", "steps"), f"must last at most 100 years, was {run.steps:,} times {run.step}")
    elif draft.market is not None and run.paths is not None and run.steps is not None:
        try:
            check_sampling(run.sampling, paths=run.paths, steps=run.steps, assets=len(draft.market.assets))
        except LevcoreError as reason:
            yield rule(("run",), str(reason), known_keys(schema["$defs"][RunTable.__name__], schema))


def _unknown(place: Place, name: str, known: Iterable[str]) -> Complaint:
    return Complaint(place, f"must be one of {', '.join(known)}, was {name!r}")
