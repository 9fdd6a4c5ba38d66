"""What happened: the outcome of one run, with its own audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from levcore.display import money, plural, price, table_html
from levcore.per_asset import PerAsset
from levcore.step_trace import StepTrace

Floats = npt.NDArray[np.float64]


class Runner(Protocol):
    """What can run one shock again: a prepared pair."""

    def _run(self, moves: Floats) -> Outcome: ...


class _Result:
    """What both kinds of outcome share: mappings and arrays that cannot be written to."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if type(value) is dict:
                object.__setattr__(self, name, PerAsset(value))
            for array in value.values() if type(value) is dict else (value,):
                if isinstance(array, np.ndarray):
                    array.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(vars(self)))


def _rebuild(kind: type[Any], values: dict[str, Any]) -> Any:
    return kind(**values)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome(_Result):
    """What one shock did to a book and its market. Money in the market's numeraire.

    Attributes
    ----------
    rounds, cascade_depth : int
        Rounds of margin checks that liquidated anything; of a shock they are the same.
    final_price, lowest_price, highest_price, fundamental_price : mapping of str to float
        Mark price at the end, its extremes (start and marks inside the cascade count), and the price without impact.
    amplification : mapping of str to float
        log(final/start) over log(fundamental/start): 1 without feedback; nan where the shock did not move the asset.
    depth_used : mapping of str to float
        Largest displacement over a depth curve's last node, above 1: beyond the data; nan for other shapes.
    liquidated : bool[n]
        Which positions were liquidated.
    liquidated_count, liquidated_count_long, liquidated_count_short : int
        How many.
    liquidated_notional, liquidated_notional_long, liquidated_notional_short : float
        Sum of abs(quantity) times average price of the forced orders.
    bad_debt : float
        Losses that nobody has covered.
    insurance_fund, insurance_fund_low : float
        The fund at the end and at its lowest.
    deleveraged_notional, taken_over_notional, socialised_loss, fees : float
        What the other layers of the waterfall carried, and liquidation fees.
    topped_up, withdrawn : float
        Collateral that owners have added and taken out where controllers act; `top_ups`, `withdrawals`: how often.
    own_funds : mapping of str to float
        Of instruments that have a fund of their own, what is in it at the end; `insurance_fund` is all funds together.
    exhausted : bool
        Whether some deficit was more than the fund could pay.
    waiting : int
        Positions liquidatable at the end that the venue's policy makes wait; 0 where it never does.
    conservation_error : float
        Largest violation of money conservation seen, as a share of gross notional at the start, or of what forced
        orders traded where that is more.
    engine, engine_reason : str
        Which engine ran, "ledger" or "ladder", and why that one.
    error : str or None
        Why the run stopped early, if it did.
    trace : structured array
        A row a round: counts, notionals, losses, the fund, and mark_price_<asset>; of a path also its step and time.
    first_liquidation : timedelta64[ns]
        Of a path: the time of the first liquidation since the start; NaT where there is none.
    steps_kept : StepTrace or None
        Of a path: its prices and losses step by step.

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
    >>> lc.shock(book, market, -0.1).liquidated_count
    1
    """

    rounds: int
    cascade_depth: int
    liquidated_count_long: int
    liquidated_count_short: int
    liquidated_notional_long: float
    liquidated_notional_short: float
    bad_debt: float
    insurance_fund: float
    insurance_fund_low: float
    deleveraged_notional: float
    taken_over_notional: float
    socialised_loss: float
    fees: float
    topped_up: float
    withdrawn: float
    top_ups: int
    withdrawals: int
    exhausted: bool
    waiting: int
    conservation_error: float
    final_price: Mapping[str, float]
    lowest_price: Mapping[str, float]
    highest_price: Mapping[str, float]
    fundamental_price: Mapping[str, float]
    amplification: Mapping[str, float]
    depth_used: Mapping[str, float]
    liquidated: npt.NDArray[np.bool_] = field(repr=False)
    trace: npt.NDArray[Any] = field(repr=False)
    shock: Mapping[str, float]
    error: str | None
    engine: str
    numeraire: str
    first_liquidation: np.timedelta64 = field(default=np.timedelta64("NaT", "ns"), repr=False)
    steps_kept: StepTrace | None = field(default=None, repr=False)
    own_funds: Mapping[str, float] = field(default_factory=PerAsset, repr=False)
    engine_reason: str = field(default="one run is kept whole, with its rounds", repr=False)

    @property
    def liquidated_count(self) -> int:
        """Positions liquidated."""
        return self.liquidated_count_long + self.liquidated_count_short

    @property
    def liquidated_notional(self) -> float:
        """Notional of the forced orders, numeraire."""
        return self.liquidated_notional_long + self.liquidated_notional_short

    def _money(self, amount: float) -> str:
        return f"{money(amount)} {self.numeraire}"

    def _rows(self) -> list[tuple[str, str]]:
        rows = []
        for name, moved in self.shock.items():
            start = self.fundamental_price[name] / (1.0 + moved)
            end = self.final_price[name]
            what = "shock" if self.steps_kept is None else "fundamental"
            said = f"{what} {moved:+.2%}, mark {price(start)} -> {price(end)} ({end / start - 1.0:+.2%})"
            amplified = self.amplification[name]
            rows.append((name, said if np.isnan(amplified) else f"{said}, amplification {amplified:.4g}"))
            if self.depth_used[name] > 1.0:
                rows.append(("", f"{self.depth_used[name]:.3g} times the depth data: extrapolated"))
        of = (
            f"{self.liquidated_count:,} of {plural(len(self.liquidated), 'position')} in {plural(self.rounds, 'round')}"
        )
        rows.append(("liquidated", f"{of}, forced orders of {self._money(self.liquidated_notional)}"))
        exhausted = " (exhausted)" if self.exhausted else ""
        fund = f"{self._money(self.insurance_fund)}, low {self._money(self.insurance_fund_low)}{exhausted}"
        rows.append(("insurance fund", fund))
        rows.append(("bad debt", self._money(self.bad_debt)))
        seldom = {
            "deleveraged": self.deleveraged_notional,
            "taken over": self.taken_over_notional,
            "socialised loss": self.socialised_loss,
            "topped up": self.topped_up,
            "withdrawn": self.withdrawn,
        }
        for label, amount in seldom.items():
            if amount:
                rows.append((label, self._money(amount)))
        if self.error:
            rows.append(("ERROR", self.error))
        return rows

    def __repr__(self) -> str:
        width = max(len(label) for label, _ in self._rows())
        return "<levcore.Outcome>\n" + "\n".join(f"  {label:<{width}}  {said}" for label, said in self._rows())

    def _repr_html_(self) -> str:
        what = "shock" if self.steps_kept is None else "path"
        return table_html(f"Outcome of a {what}", ("", ""), self._rows())
