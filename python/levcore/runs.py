"""What happened on many paths: one value a path of everything that an outcome has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from levcore.batch import COUNTED, Batch, Count
from levcore.book import Book
from levcore.cascade import Ready
from levcore.checks import frozen, number
from levcore.control import TopUp
from levcore.display import money, plural
from levcore.errors import NotKeptError
from levcore.market import Market
from levcore.outcome import Outcome
from levcore.outcomes import as_in_batch
from levcore.run_tables import RunTables
from levcore.sampling import together
from levcore.step_trace import StepTrace
from levcore.unpack import path_columns, step_trace

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Spans = npt.NDArray[np.timedelta64]

NOT_YET: Counts = np.empty(0, np.int64)  # in the place of a column that is worked out when asked for


@dataclass(frozen=True, kw_only=True, eq=False)
class Runs(Batch, RunTables):
    """What many paths did to a book and its market: the names of :class:`Outcome`, one value a path.

    Attributes
    ----------
    rounds, cascade_depth : int64[paths]
        Rounds of the path, and most rounds in one step; counted when first asked for where the ladder ran.
    liquidated_count, liquidated_notional, bad_debt, insurance_fund, fees, topped_up, ... : array[paths]
        As in Outcome; money in the market's numeraire.
    final_price, lowest_price, highest_price, fundamental_price, depth_used : mapping of str to float64[paths]
        As in Outcome.
    amplification : mapping of str to float64[paths]
        By the larger extreme of the fundamental price: log of the mark's extreme over log of the price's own.
    first_liquidation : timedelta64[ns][paths]
        Time of the first liquidation since the start; NaT where there is none.
    error : tuple of (str or None)
        Why a path stopped early, if it did.
    engine, engine_reason : str
        Which engine ran, "ledger" or "ladder", and why that one; paths that left the ladder went by the ledger.
    book, market, scenario, steps, step, seed, control
        What was run; seed is None for returns that were given, unless controllers draw.
    sampling : str
        How the numbers of the paths were drawn: "independent", "antithetic" or "sobol".
    steps_kept : StepTrace or None
        Series of every path and step, where `keep_steps` asked for them.

    Notes
    -----
    Names and definitions: the page "The model" of the documentation. Estimates with intervals: :mod:`levcore.risk`.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> runs = lc.simulate(book, market, [[0.01], [-0.1]], step=timedelta(hours=1))
    >>> runs.liquidation_probability
    array([0.5])
    """

    rounds: Counts
    cascade_depth: Counts
    liquidated_count_long: Counts
    liquidated_count_short: Counts
    liquidated_notional_long: Floats
    liquidated_notional_short: Floats
    bad_debt: Floats
    insurance_fund: Floats
    insurance_fund_low: Floats
    deleveraged_notional: Floats
    taken_over_notional: Floats
    socialised_loss: Floats
    fees: Floats
    topped_up: Floats
    withdrawn: Floats
    top_ups: Counts
    withdrawals: Counts
    exhausted: npt.NDArray[np.bool_]
    waiting: Counts
    conservation_error: Floats
    final_price: Mapping[str, Floats]
    lowest_price: Mapping[str, Floats]
    highest_price: Mapping[str, Floats]
    fundamental_price: Mapping[str, Floats]
    amplification: Mapping[str, Floats]
    depth_used: Mapping[str, Floats]
    first_liquidation: Spans
    error: tuple[str | None, ...]
    engine: str
    numeraire: str
    book: Book = field(repr=False)
    market: Market = field(repr=False)
    scenario: object = field(repr=False)
    steps: int
    step: timedelta
    seed: int | None
    control: tuple[TopUp, ...] = ()
    steps_kept: StepTrace | None = field(repr=False)
    _liquidations: Counts = field(repr=False)
    _step_sum: Counts = field(repr=False)
    _again: Callable[[int], Outcome] | None = field(repr=False)
    engine_reason: str = field(default="", repr=False)
    _count: Count | None = field(default=None, repr=False)
    _tally: Count | None = field(default=None, repr=False)
    sampling: str = "independent"

    _LATE: ClassVar[Mapping[str, tuple[str, str]]] = {"_count": COUNTED, "_tally": ("_liquidations", "_step_sum")}

    @property
    def paths(self) -> int:
        """How many paths."""
        return len(self.bad_debt)

    @property
    def together(self) -> int:
        """How many paths, one after the other, were drawn together: 1 where all are independent, 2 in pairs."""
        return together(self.sampling, self.paths)

    @property
    def _trials(self) -> int:
        """As how many independent paths they count at the least, position by position."""
        if self.sampling == "sobol":
            raise NotKeptError("paths of Sobol's points do not keep how liquidations of a position vary: draw others")
        return self.paths // self.together

    @property
    def liquidation_probability(self) -> Floats:
        """Share of the paths in which each position was liquidated, in the book's order."""
        return self._liquidations / self.paths

    @property
    def mean_liquidation_time(self) -> Spans:
        """Mean time from the start to each position's liquidation, over the paths that liquidate it; NaT: none does."""
        each = np.timedelta64(self.step).astype("timedelta64[ns]").astype(np.int64)
        with np.errstate(invalid="ignore"):
            nanoseconds = (self._step_sum / self._liquidations + 1.0) * each
        never = self._liquidations == 0
        times: Spans = np.where(never, 0.0, nanoseconds).round().astype("timedelta64[ns]")
        times[never] = np.timedelta64("NaT", "ns")
        return times

    def liquidation_probability_interval(self, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Return Wilson's interval of each position's liquidation probability.

        Parameters
        ----------
        confidence : float
            In (0, 1).

        Returns
        -------
        low, high : float64[n]

        Raises
        ------
        InputError, KindError
            If the confidence is no number in (0, 1).
        NotKeptError
            If the paths are of Sobol's points: how much they vary by position is not kept.

        Notes
        -----
        Of antithetic paths a pair counts as one: never too narrow.
        """
        wanted = number("confidence", confidence, above=0.0, below=1.0)
        z = NormalDist().inv_cdf(0.5 + wanted / 2.0)
        n, p = self._trials, self.liquidation_probability
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return np.clip(middle - half, 0.0, p), np.clip(middle + half, p, 1.0)

    @property
    def liquidated(self) -> npt.NDArray[np.bool_]:
        """Not kept for many paths."""
        raise NotKeptError("paths keep no matrix of liquidated positions: use at(i).liquidated")

    @property
    def trace(self) -> npt.NDArray[Any]:
        """Not kept for many paths."""
        raise NotKeptError("paths keep no traces: use at(i).trace")

    def at(self, i: int) -> Outcome:
        """Return one path whole: who was liquidated, its rounds, its steps. It is run again.

        Parameters
        ----------
        i : int
            Which; negative numbers count from the end.

        Returns
        -------
        Outcome

        Raises
        ------
        InputError
            If there is no such path.
        NotKeptError
            If the returns came from an iterator and are gone.
        """
        place = self._place(i)
        if self._again is None:
            raise NotKeptError("the returns of this path are not kept: run its block on its own")
        return as_in_batch(self, place, self._again(place))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._counted() | {"_again": None},)

    def __repr__(self) -> str:
        lines = [f"<levcore.Runs: {plural(self.paths, 'path')} of {plural(self.steps, 'step')} of {self.step}>"]
        n, p = self.paths, float(np.mean(self.liquidated_count > 0))
        debt = float(self.bad_debt.mean())
        means = self.bad_debt.reshape(-1, self.together).mean(axis=1)
        error = float(means.std(ddof=1)) / np.sqrt(len(means)) if len(means) > 1 else float("nan")
        lines.append(f"  paths with liquidations  {p:.2%}, mean {float(self.liquidated_count.mean()):,.4g} positions")
        lines.append(f"  mean bad debt            {money(debt)} {self.numeraire} (standard error {money(error)})")
        lines.append(f"  fund exhausted           in {int(self.exhausted.sum()):,} of {plural(n, 'path')}")
        if self.seed is not None:
            lines.append(f"  seed                     {self.seed}")
        failed = sum(error is not None for error in self.error)
        if failed:
            lines.append(f"  ERROR in {failed:,} of them: see .error")
        return "\n".join(lines)


def _rebuild(values: dict[str, Any]) -> Runs:
    from levcore.path_runs import again

    what = {name: values[name] for name in ("book", "market", "scenario", "steps", "step", "seed")}
    what |= {name: values[name] for name in ("sampling", "control")}
    if what["scenario"] is not None:  # what was run is there, so that a path can be run again
        values = values | {"_again": again(**what, paths=len(values["rounds"]))}
    return Runs(**values)


def runs_of(
    columns: Mapping[str, Any],
    ready: Ready,
    steps: int,
    step: timedelta,
    *,
    seed: int | None,
    scenario: object,
    again: Callable[[int], Outcome] | None,
    reason: str,
    count: Count | None,
    sampling: str = "independent",
    control: tuple[TopUp, ...] = (),
) -> Runs:
    """Build the outcome of many paths from native columns."""
    names = ready.market.names
    each = np.timedelta64(step).astype("timedelta64[ns]")
    first = columns["first_liquidation"]
    times = np.where(first >= 0, (first + 1) * each, np.timedelta64("NaT", "ns"))
    kept, counted = columns.get("steps"), columns.get("counted")
    return Runs(
        **path_columns(columns, names),
        first_liquidation=times,
        numeraire=ready.market.numeraire,
        book=ready.book,
        market=ready.market,
        scenario=scenario,
        steps=steps,
        step=step,
        seed=seed,
        steps_kept=None if kept is None else step_trace(kept, names, frozen(np.arange(1, steps + 1) * each)),
        _liquidations=columns.get("position_count", NOT_YET),
        _step_sum=columns.get("position_step_sum", NOT_YET),
        _tally=None if counted is None else lambda: tuple(counted.columns().values()),
        _again=again,
        engine_reason=reason,
        _count=count,
        sampling=sampling,
        control=control,
    )
