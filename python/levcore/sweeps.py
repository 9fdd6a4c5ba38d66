"""Many simulations that differ in parameters alone, on the same random numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore import checks, kept_sweeps, run_measures
from levcore.book import Book
from levcore.control import TopUp, rules_in
from levcore.display import table_html
from levcore.errors import InputError, KindError, StoreError
from levcore.estimates import Estimate
from levcore.frames import pandas_frame
from levcore.market import Market
from levcore.montecarlo import simulate
from levcore.per_asset import PerAsset
from levcore.runs import Runs
from levcore.study_parameters import Setup, unit_of

if TYPE_CHECKING:
    import pandas

Floats = npt.NDArray[np.float64]

MeasureOfRuns = Callable[[Runs], Estimate]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Measures at many points of parameters: a table.

    Attributes
    ----------
    parameters : mapping of str to tuple
        The value of each parameter, a point each.
    measures : mapping of str to tuple of Estimate
        By name, a point each.
    units : mapping of str to str
        What parameters and measures are in, of those that are known; measures in "share" are drawn in per cent.

    Notes
    -----
    What :func:`levcore.study.sweep` and :func:`levcore.study.fragility_curve` return.

    Examples
    --------
    >>> import levcore as lc
    >>> known = lc.Estimate(0.5, 0.4, 0.6, 0.95, 1_000, False)
    >>> len(lc.study.Sweep({"scenario.volatility": (0.5, 1.0)}, {"exhausted": (known, known)}))
    2
    """

    parameters: Mapping[str, tuple[Any, ...]]
    measures: Mapping[str, tuple[Estimate, ...]]
    units: Mapping[str, str] = field(default_factory=PerAsset)

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    def to_pandas(self) -> pandas.DataFrame:
        """Return one row a point as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A column for each parameter; for each measure its name, and its name with _low, _high and _low_sample.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        columns: dict[str, npt.NDArray[Any]] = {}
        for name, values in self.parameters.items():
            plain = all(isinstance(value, int | float) for value in values)
            columns[name] = np.array(values) if plain else np.array([*values, None], dtype=object)[:-1]
        for name, found in self.measures.items():
            columns[name] = np.array([one.value for one in found])
            for end in ("low", "high", "low_sample"):
                columns[f"{name}_{end}"] = np.array([getattr(one, end) for one in found])
        return pandas_frame(columns)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        shown = [_told_apart(values) for values in self.parameters.values()]
        for i in range(len(self)):
            yield (
                *(words[i] for words in shown),
                *(_interval(found[i]) for found in self.measures.values()),
            )

    def _repr_html_(self) -> str:
        return table_html(f"{len(self)} points", (*self.parameters, *self.measures), self._rows())

    def __repr__(self) -> str:
        rows = [(*self.parameters, *self.measures), *self._rows()]
        wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return "\n".join("  ".join(f"{cell:>{width}}" for cell, width in zip(row, wide, strict=True)) for row in rows)


def sweep(
    book: Book,
    market: Market,
    scenario: Any,
    parameters: Mapping[str, Sequence[Any]],
    measures: Mapping[str, MeasureOfRuns] | None = None,
    *,
    paths: int,
    steps: int,
    step: timedelta,
    seed: int,
    design: str = "grid",
    points: int | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    directory: str | os.PathLike[str] | None = None,
    sampling: str = "independent",
    control: TopUp | Sequence[TopUp] | None = None,
) -> Sweep:
    """Simulate with every combination of parameters, on the same random numbers, and estimate measures of each.

    Parameters
    ----------
    book, market, scenario
        As :func:`levcore.simulate` takes them; the scenario is a process.
    parameters : mapping of str to sequence
        By name, "venue.", "market.", "scenario." or "control." and the way to a field:
        "venue.backstop.insurance_fund", "market.BTC.impact.depth", "scenario.volatility", "control.probability" (of
        several controllers "control.0.probability"); `*` stands for every asset, instrument or controller, and a first
        word alone for the whole, of which fields may then be set: "control": [None, TopUp(0.8, 0.5)]. Of a grid the
        values to take; of a Latin hypercube the lowest and the highest.
    measures : mapping of str to function of Runs to Estimate, optional
        What to estimate; left out: the probability of an exhausted fund, and the expected bad debt.
    paths, steps, step, seed, threads, executor, sampling, control
        As :func:`levcore.simulate`; the same seed at every point (common random numbers), so that differences between
        points are of the parameters.
    design : {"grid", "latin_hypercube"}
        Every combination, or a given number of points that each parameter's range is cut into.
    points : int, optional
        Of a Latin hypercube, >= 2; drawn with the seed.
    directory : str or path, optional
        Where the runs are kept, in a directory each, `point-00000` and so on, beside `sweep.json`, which names the
        points. The same call again goes on where the first was stopped.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError, KindError
        If a parameter leads to nothing, has no values, or a value breaks the rule of its field; if the design or the
        points break a rule.
    StoreError
        If the directory holds something else, or another run at one of the points.

    Notes
    -----
    Source: McKay, Beckman and Conover (1979), Technometrics 21, for the hypercube; common random numbers as in
    Glasserman, Monte Carlo Methods in Financial Engineering (2003), chapter 4.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> venue = lc.venues.hyperliquid("BTC")
    >>> book = lc.Book(venue, instrument="BTC", quantity=[1.0], entry_price=[60_000.0], margin=[3_000.0])
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e4))})
    >>> day = {"paths": 100, "steps": 24, "step": timedelta(hours=1), "seed": 1}
    >>> wild = {"scenario.volatility": [0.5, 1.0], "market.*.impact.depth": [1e2, 1e4]}
    >>> found = lc.study.sweep(book, market, lc.GBM(volatility=0.6), wild, **day)
    >>> found.parameters["scenario.volatility"]
    (0.5, 0.5, 1.0, 1.0)
    """
    start = Setup(
        checks.instance("book", book, Book), checks.instance("market", market, Market), scenario, rules_in(control)
    )
    names, values = _values(parameters)
    word = checks.choice("design", design, ("grid", "latin_hypercube"))
    if word == "grid":
        if points is not None:
            raise KindError("points goes with a Latin hypercube: a grid has as many as its values make")
        chosen = list(product(*values))
    else:
        chosen = _hypercube(names, values, points, seed)
    wanted = _measures(measures)
    # All of them before any is run: a mistake is told at once.
    setups = [start.changed(dict(zip(names, point, strict=True))) for point in chosen]
    folder = None if directory is None else _place(directory)
    options: dict[str, Any] = {"paths": paths, "steps": steps, "step": step, "seed": seed}
    options |= {"threads": threads, "executor": executor, "sampling": sampling}
    if folder is not None:
        shown = [_told_apart(column) for column in zip(*chosen, strict=True)]
        kept_sweeps.begin(folder, dict(zip(names, shown, strict=True)), len(chosen))
    found: dict[str, list[Estimate]] = {name: [] for name in wanted}
    for number, setup in enumerate(setups):
        place = None if folder is None else kept_sweeps.place_of(folder, number)
        runs = simulate(setup.book, setup.market, setup.scenario, **options, directory=place, control=setup.control)
        for name, measure in wanted.items():
            found[name].append(checks.instance(f"measures[{name!r}] of a run", measure(runs), Estimate))
    columns = zip(*chosen, strict=True)
    units = {name: unit_of(name, start) for name in names}
    units |= {name: run_measures.unit_of(measure, market.numeraire) for name, measure in wanted.items()}
    return Sweep(
        PerAsset(dict(zip(names, columns, strict=True))),
        PerAsset({name: tuple(of) for name, of in found.items()}),
        PerAsset({name: unit for name, unit in units.items() if unit}),
    )


def _place(directory: str | os.PathLike[str]) -> Path:
    """Return a directory that may hold a sweep: it is not there yet, or holds points and nothing else."""
    folder = Path(checks.text("directory", directory) if not isinstance(directory, os.PathLike) else directory)
    try:
        foreign = kept_sweeps.foreign(folder)
    except FileNotFoundError:
        return folder
    except OSError as reason:
        raise StoreError(f"{folder} cannot be looked at: {reason}") from reason
    if foreign:
        raise StoreError(f"{folder} must be empty or hold an earlier sweep, it holds {', '.join(foreign[:5])}")
    return folder


def _values(parameters: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[list[Any]]]:
    if not isinstance(parameters, Mapping):
        raise KindError(f"parameters must be a mapping of names to values, was {checks.describe(parameters)}")
    if not parameters:
        raise InputError("parameters must not be empty")
    for name, values in parameters.items():
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise KindError(f"parameters[{name!r}] must be a sequence of values, was {checks.describe(values)}")
        if not len(values):
            raise InputError(f"parameters[{name!r}] must not be empty")
    plain = [values.tolist() if isinstance(values, np.ndarray) else list(values) for values in parameters.values()]
    return list(parameters), plain


def _measures(measures: Mapping[str, MeasureOfRuns] | None) -> dict[str, MeasureOfRuns]:
    if measures is None:
        return {
            "exhaustion_probability": run_measures.exhaustion_probability,
            "expected_bad_debt": run_measures.expected_bad_debt,
        }
    if not isinstance(measures, Mapping) or not all(callable(measure) for measure in measures.values()):
        raise KindError("measures must be a mapping of names to functions of Runs")
    if not measures:
        raise InputError("measures must not be empty")
    return dict(measures)


def _hypercube(names: list[str], values: list[list[Any]], points: int | None, seed: int) -> list[tuple[Any, ...]]:
    """Return points of which each parameter has one in every so-many-th part of its range."""
    if points is None:
        raise KindError("points must be an int: how many points of a Latin hypercube")
    count = checks.integer("points", points, at_least=2)
    generator = np.random.default_rng(checks.integer("seed", seed, at_least=0))
    columns = []
    for name, ends in zip(names, values, strict=True):
        if len(ends) != 2:
            raise InputError(f"parameters[{name!r}] must be the lowest and the highest value, were {len(ends)}")
        low = checks.number(f"parameters[{name!r}][0]", ends[0])
        high = checks.number(f"parameters[{name!r}][1]", ends[1], above=low)
        part = (generator.permutation(count) + generator.random(count)) / count
        columns.append((low + (high - low) * part).tolist())
    return list(zip(*columns, strict=True))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    shown = repr(value) if not isinstance(value, str) else value
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _told_apart(values: Sequence[Any]) -> list[str]:
    """Return values in few words; where these are alike and the values are not, with what number each is."""
    words = [_short(value) for value in values]
    whole = [repr(value) for value in values]
    if len(set(words)) == len(set(whole)):
        return words
    number = {text: i for i, text in enumerate(dict.fromkeys(whole))}
    return [f"#{number[text]} {word}" for text, word in zip(whole, words, strict=True)]


def _interval(one: Estimate) -> str:
    if math.isnan(one.value):
        return "nan"
    return f"{one.value:.4g} ({one.low:.3g} to {one.high:.3g}){' *' if one.low_sample else ''}"
