"""What many shocks did, each on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore.batch import Batch, Count
from levcore.display import money, plural
from levcore.errors import NotKeptError
from levcore.outcome import Outcome, Runner
from levcore.per_asset import PerAsset

if TYPE_CHECKING:
    from levcore.table import Table

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes(Batch):
    """What many shocks did, each on its own: the names of :class:`Outcome`, an array with a leading axis each.

    There is no `liquidated` matrix and no `trace`: :meth:`at` gives one run whole.

    Attributes
    ----------
    shocks : float64[n, assets]
        The shocks, in the market's order of assets.
    rounds, cascade_depth : int64[n]
        As in Outcome; counted when first asked for where the ladder ran, which needs none.
    bad_debt, ... : array of shape (n,)
        As in Outcome.
    final_price, ... : mapping of str to float64[n]
        As in Outcome.
    error : tuple of (str or None)
        Why each run stopped early, if it did.

    Notes
    -----
    Names and definitions: the page "The model" of the documentation.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> lc.shock(book, market, [-0.05, -0.1]).liquidated_count
    array([0, 1])
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
    waiting: npt.NDArray[np.int64]
    conservation_error: Floats
    final_price: Mapping[str, Floats]
    lowest_price: Mapping[str, Floats]
    highest_price: Mapping[str, Floats]
    fundamental_price: Mapping[str, Floats]
    amplification: Mapping[str, Floats]
    depth_used: Mapping[str, Floats]
    shocks: Floats
    error: tuple[str | None, ...]
    engine: str
    numeraire: str
    _ready: Runner = field(repr=False)
    engine_reason: str = field(default="", repr=False)
    _count: Count | None = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._counted(),)

    @property
    def liquidated(self) -> npt.NDArray[np.bool_]:
        """Not kept for a batch."""
        raise NotKeptError("a batch keeps no matrix of liquidated positions: use at(i).liquidated")

    @property
    def trace(self) -> npt.NDArray[Any]:
        """Not kept for a batch."""
        raise NotKeptError("a batch keeps no traces: use at(i).trace")

    def at(self, i: int) -> Outcome:
        """Return one run whole, with who was liquidated and its trace; it is run again.

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
            If there is no such run.
        """
        place = self._place(i)
        return as_in_batch(self, place, self._ready._run(self.shocks[place : place + 1]))

    def to_table(self) -> Table:
        """Return a row a shock: its moves, then everything that an outcome has."""
        from levcore.outcome_tables import of_outcomes

        return of_outcomes(self)

    def __repr__(self) -> str:
        if not len(self):
            return "<levcore.Outcomes: no shocks>"
        span = f"{float(self.shocks.min()):+.2%} to {float(self.shocks.max()):+.2%}"
        lines = [f"<levcore.Outcomes of {plural(len(self), 'shock')}, {span}>"]
        worst = int(np.argmax(self.bad_debt))
        fewest, most = int(self.liquidated_count.min()), int(self.liquidated_count.max())
        lines.append(
            f"  liquidated: {fewest:,} to {most:,} positions, forced orders "
            f"of {money(float(self.liquidated_notional.max()))} {self.numeraire} at most, in up to "
            f"{plural(int(self.rounds.max()), 'round')}"
        )
        lines.append(
            f"  bad debt: up to {money(float(self.bad_debt[worst]))} {self.numeraire} (shock {worst}); "
            f"fund exhausted in {int(self.exhausted.sum()):,}"
        )
        failed = sum(error is not None for error in self.error)
        if failed:
            lines.append(f"  ERROR in {failed:,} of them: see .error")
        return "\n".join(lines)


def as_in_batch(batch: Any, i: int, outcome: Outcome) -> Outcome:
    """Give a run that was made whole by another engine the very numbers of its batch; they differ by rounding."""
    if batch.engine == outcome.engine:
        return outcome
    numbers = {
        name: value[i].item()
        for name, value in vars(batch).items()
        if name in vars(outcome) and isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 1
    }
    prices = {
        name: {asset: column[i].item() for asset, column in value.items()}
        for name, value in vars(batch).items()
        if isinstance(value, PerAsset) and name in vars(outcome)
    }
    changes: dict[str, Any] = numbers | prices
    kept = getattr(batch, "steps_kept", None)
    if kept is not None:
        changes["steps_kept"] = kept.of_path(i)
    return replace(outcome, **changes)


def _rebuild(values: dict[str, Any]) -> Outcomes:
    return Outcomes(**values)
