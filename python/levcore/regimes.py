"""Volatility that switches between regimes, and returns drawn again from those of the past."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import _core, checks
from levcore.errors import InputError, KindError
from levcore.fit_regimes import FittedBlocks, FittedRegimes
from levcore.market import Market
from levcore.process import YEAR, PerAssetRate, correlation_matrix, in_order, loading, rates

Floats = npt.NDArray[np.float64]

#: arXiv:2512.20190 (2025), Table 1: variance of a day in percent squared, calm and wild, and the chances that a day
#: stays calm and becomes so; BTC and ETH, 2018-12 to 2024-05.
PUBLISHED = {"BTC": (2.455, 28.6134, 0.771, 0.3659), "ETH": (6.0647, 51.832, 0.8873, 0.2498)}
MOST_REGIMES = 100


@dataclass(frozen=True)
class MarkovSwitching(FittedRegimes):
    """Geometric Brownian motion whose volatility switches between regimes, all assets at once.

    Parameters
    ----------
    volatility : sequence of float or of mapping of str to float
        Of each regime, per square root of a year of 365 days (0.6 is 60 %), >= 0; a number for every asset, or one
        each by name.
    transition : array of shape (regimes, regimes)
        Probabilities of a step, whatever its length: from the regime of the row to that of the column; rows sum to 1.
    drift : float or mapping of str to float
        Of the expected price, per year, in every regime; 0 is a martingale.
    correlation : array of shape (assets, assets), optional
        Of the assets' log returns within a regime, in the market's order; None: independent.
    initial : array of shape (regimes,), optional
        Probabilities of the first step's regime; None: those of the long run.

    Raises
    ------
    InputError
        If a number is out of range, probabilities do not sum to 1, the chain has no single long run and no initial is
        given, or the correlation is not symmetric with ones on the diagonal and positive definite.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    A regime lasts ``1/(1 - transition[r, r])`` steps on average: transitions fitted to daily returns go with a step of
    a day. Given its regime, a step is that of :class:`GBM`, on the same normals; regimes come from a stream of their
    own. Source: Hamilton (1989).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.MarkovSwitching([0.3, 1.1], transition=[[0.9, 0.1], [0.3, 0.7]])
    >>> process.paths(market, paths=3, steps=30, step=timedelta(days=1), seed=1).shape
    (3, 30, 1)
    """

    volatility: Sequence[PerAssetRate]
    _: KW_ONLY
    transition: npt.ArrayLike
    drift: PerAssetRate = 0.0
    correlation: npt.ArrayLike | None = None
    initial: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        if isinstance(self.volatility, (str, Mapping)) or not hasattr(self.volatility, "__len__"):
            raise KindError(f"volatility must be a sequence, one a regime, was {checks.describe(self.volatility)}")
        regimes = checks.integer("len(volatility)", len(self.volatility), at_least=1, at_most=MOST_REGIMES)
        each = [
            rates(f"volatility[{r}]", one, at_least=0.0, at_most=1e3) for r, one in enumerate(list(self.volatility))
        ]
        set_field(self, "volatility", tuple(each))
        set_field(self, "transition", _chances("transition", self.transition, (regimes, regimes)))
        set_field(self, "drift", rates("drift", self.drift, at_least=-1e3, at_most=1e3))
        if self.correlation is not None:
            set_field(self, "correlation", correlation_matrix(self.correlation))
        if self.initial is None:
            _long_run(np.array(self.transition))
        else:
            set_field(self, "initial", _chances("initial", [self.initial], (1, regimes))[0])

    @classmethod
    def published(cls, asset: str) -> MarkovSwitching:
        """Return the two regimes of BTC or ETH, calm and wild, for steps of a day.

        Parameters
        ----------
        asset : str
            "BTC" or "ETH".

        Raises
        ------
        InputError
            If there is no such asset.

        Notes
        -----
        Normal within a regime, where the paper has GARCH. Source: arXiv:2512.20190 (2025), Table 1.

        Examples
        --------
        >>> import levcore as lc
        >>> lc.MarkovSwitching.published("BTC").transition
        ((0.771, 0.229), (0.3659, 0.6341))
        """
        calm, wild, stays, comes = PUBLISHED[checks.choice("asset", asset, tuple(PUBLISHED))]
        volatility = tuple(math.sqrt(variance * 1e-4 * 365) for variance in (calm, wild))
        return cls(volatility, transition=((stays, round(1 - stays, 9)), (comes, round(1 - comes, 9))))

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        years, names = step / YEAR, market.names
        volatility = np.array([in_order(f"volatility[{r}]", one, names) for r, one in enumerate(self.volatility)])
        drift = in_order("drift", self.drift, names)
        transition = np.array(self.transition)
        first = _long_run(transition) if self.initial is None else np.array(self.initial)
        up_to = np.vstack([transition, first]).cumsum(axis=1)[:, :-1]
        below = _core.normal_quantile(np.clip(up_to, 0.0, 1.0).ravel())
        return _core.Scenario.switching(
            mean=((drift - 0.5 * volatility * volatility) * years).ravel().tolist(),
            deviation=(volatility * np.sqrt(years)).ravel().tolist(),
            below=below.tolist(),
            loading=loading(self.correlation, len(market)).reshape(-1).tolist(),
            regimes=len(volatility),
            seed=seed,
        )


def _chances(name: str, value: object, shape: tuple[int, int]) -> tuple[tuple[float, ...], ...]:
    """Return rows of probabilities that sum to 1."""
    try:
        rows = [list(row) for row in value]  # type: ignore[attr-defined]
    except TypeError:
        raise KindError(f"{name} must be an array of probabilities, was {checks.describe(value)}") from None
    if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
        wanted = f"({shape[1]},)" if name == "initial" else shape
        raise InputError(f"{name} must have shape {wanted}, one a regime of volatility")
    for r, row in enumerate(rows):
        label = name if name == "initial" else f"{name}[{r}]"
        for c, one in enumerate(row):
            row[c] = checks.number(f"{label}[{c}]", one, at_least=0.0, at_most=1.0)
        if abs(math.fsum(row) - 1.0) > 1e-9:
            raise InputError(f"{label} must sum to 1, was {math.fsum(row):.12g}")
    return tuple(tuple(row) for row in rows)


def _long_run(transition: Floats) -> Floats:
    """Return the chain's long-run probabilities, by Grassmann, Taksar and Heyman's elimination."""
    rest, size = transition.copy(), len(transition)
    for last in range(size - 1, 0, -1):
        leaving = float(rest[last, :last].sum())
        if leaving <= 0.0:
            raise InputError(f"initial must be given: regime {last} of transition is not left for those before it")
        rest[:last, last] /= leaving
        rest[:last, :last] += rest[:last, last : last + 1] * rest[last, :last]
    chances = np.ones(size)
    for r in range(1, size):
        chances[r] = float((chances[:r] * rest[:r, r]).sum())
    return np.asarray(chances / chances.sum())


@dataclass(frozen=True)
class StationaryBootstrap(FittedBlocks):
    """Returns of the past drawn again in blocks of random length, all assets at once.

    Parameters
    ----------
    returns : array of shape (rows,) or (rows, assets)
        Simple returns of one step each, > -1, oldest first, assets in the market's order. A row with nan is missing.
    mean_block : float
        Mean length of a block in rows, >= 1; 1 draws every row alone.

    Raises
    ------
    InputError
        If a return is out of range, no row is whole, or there are more than 2**31.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    A block starts anywhere with the same chance and ends after each row with chance ``1/mean_block``. After the last
    row comes the first, as Politis and Romano have it, and so it is for each stretch between missing rows: a block
    never goes over a gap, and every row is drawn equally often. The drift is that of the returns. A step of the run
    stands for one row, whatever its length. Source: Politis and Romano (1994).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import levcore as lc
    >>> market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=50_000.0))})
    >>> process = lc.StationaryBootstrap([0.01, -0.02, 0.005, -0.01], mean_block=2)
    >>> process.paths(market, paths=3, steps=30, step=timedelta(days=1), seed=1).shape
    (3, 30, 1)
    """

    returns: npt.ArrayLike
    _: KW_ONLY
    mean_block: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean_block", checks.number("mean_block", self.mean_block, at_least=1.0, at_most=1e9))
        array = _rows(self.returns)
        if array.ndim not in (1, 2) or not array.size:
            raise InputError(f"returns must have shape (rows,) or (rows, assets), had {array.shape}")
        array = array.astype(np.float64).reshape(len(array), -1)
        if len(array) >= 2**31:
            raise InputError(f"returns must have fewer than 2**31 rows, had {len(array)}")
        for row, asset in np.argwhere((array <= -1.0) | (array > checks.LARGEST)):
            raise InputError(f"returns[{row}, {asset}] must be > -1 and finite, was {array[row, asset]}")
        missing = np.isnan(array).any(axis=1)
        if missing.all():
            raise InputError(f"returns must have a row without nan, had none among {len(array)}")
        array[missing] = np.nan
        kept = tuple(tuple(None if math.isnan(one) else one for one in row) for row in array.tolist())
        object.__setattr__(self, "returns", kept)

    def __repr__(self) -> str:
        rows, assets = len(self.returns), len(self.returns[0])  # type: ignore[arg-type, index]
        shape = f"{rows:,} rows" + (f" of {assets} assets" if assets > 1 else "")
        return f"{type(self).__name__}(returns=<{shape}>, mean_block={self.mean_block:g})"

    def _to_native(self, market: Market, step: timedelta, seed: int) -> _core.Scenario:
        array = np.array(self.returns, dtype=np.float64)
        if array.shape[1] != len(market):
            raise InputError(f"returns must have {len(market)} columns, one an asset, had {array.shape[1]}")
        whole = ~np.isnan(array[:, 0])
        logs = _core.log1p(np.ascontiguousarray(array[whole]).ravel())
        return _core.Scenario.bootstrap(
            returns=logs.tolist(),
            after=_after(whole),
            leaps=float(_core.normal_quantile(np.array([1.0 / self.mean_block]))[0]),
            assets=len(market),
            seed=seed,
        )


def _rows(value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return numbers; None, as they are kept, is nan."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise KindError(f"returns must be an array of numbers: {error}") from None
    if array.dtype.kind == "O" and all(one is None or isinstance(one, float) for one in array.ravel()):
        array = array.astype(np.float64)
    if array.dtype.kind not in "fiu":
        raise KindError(f"returns must be an array of numbers, had dtype {array.dtype}")
    return array


def _after(whole: npt.NDArray[np.bool_]) -> list[int]:
    """Return for each whole row the one that follows it: after a stretch's last its first."""
    after: list[int] = []
    start = 0
    for row, there in enumerate(whole):
        if not there:
            continue
        place = len(after)
        if row == 0 or not whole[row - 1]:
            start = place
        ends = row + 1 == len(whole) or not whole[row + 1]
        after.append(start if ends else place + 1)
    return after
