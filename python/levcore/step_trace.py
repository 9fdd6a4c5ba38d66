"""Prices and losses of paths step by step, where they were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore.per_asset import PerAsset

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class StepTrace:
    """What happened step by step: a row a path, a column a step. Money in the market's numeraire.

    Attributes
    ----------
    time : timedelta64[ns][steps]
        Time of the steps' ends since the start.
    mark_price, fundamental_price : mapping of str to float64[paths, steps]
        Prices at the steps' ends.
    liquidated_notional_long, liquidated_notional_short, bad_debt : float64[paths, steps]
        Of the step.
    insurance_fund : float64[paths, steps]
        At the step's end.

    Notes
    -----
    Kept where `keep_steps` asks for it, and for one path whole.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
    >>> runs = lc.simulate(book, market, [[-0.05, -0.06]], step=timedelta(hours=1), keep_steps=True)
    >>> runs.steps_kept.fundamental_price["BTC"].round(2)
    array([[95. , 89.3]])
    """

    time: npt.NDArray[np.timedelta64]
    mark_price: Mapping[str, Floats]
    fundamental_price: Mapping[str, Floats]
    liquidated_notional_long: Floats
    liquidated_notional_short: Floats
    bad_debt: Floats
    insurance_fund: Floats

    def of_path(self, i: int) -> StepTrace:
        """Return the series of one path, as a row.

        Parameters
        ----------
        i : int
            Which.

        Returns
        -------
        StepTrace
        """
        rows: dict[str, Any] = {
            name: PerAsset({asset: column[i : i + 1] for asset, column in value.items()})
            if isinstance(value, PerAsset)
            else value[i : i + 1]
            for name, value in vars(self).items()
            if name != "time"
        }
        return replace(self, **rows)
