"""A measure of a loss shared out among the parts that add up to it, by Euler's rule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.display import table_html
from levcore.errors import InputError, KindError
from levcore.estimates import ENOUGH, Estimate, normal_quantile, samples_of
from levcore.frames import pandas_frame
from levcore.per_asset import PerAsset
from levcore.tails import Tail, tail_of

if TYPE_CHECKING:
    import pandas

Floats = npt.NDArray[np.float64]

#: Parts add up to the loss if they do to this share of the largest amount in their row.
ADD_UP = 1e-9


@dataclass(frozen=True, eq=False)
class Attribution:
    """A measure of a loss, shared out among what it is made of or caused by; the shares add up to it.

    Attributes
    ----------
    measure : str
        What was shared out.
    total : float
        Its value, in the unit of the losses.
    parts : mapping of str to Estimate
        What falls to each, in the same unit; below 0 is what it takes away.
    unit : str
        What the losses are in; empty where nobody has said.

    Notes
    -----
    What :func:`levcore.risk.euler_attribution` and :func:`levcore.risk.shapley_attribution` return; sorted by nothing,
    in the order given.

    Examples
    --------
    >>> import levcore as lc
    >>> found = lc.risk.euler_attribution({"longs": [0.0, 1.0, 4.0, 2.0], "shorts": [1.0, 0.0, 0.0, 1.0]}, level=0.5)
    >>> {name: float(part) for name, part in found.parts.items()}
    {'longs': 3.0, 'shorts': 0.5}
    """

    measure: str
    total: float
    parts: Mapping[str, Estimate]
    unit: str = ""

    def to_pandas(self) -> pandas.DataFrame:
        """Return one row a part as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            Columns part, value, low, high, share (of the total), low_sample.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        found = list(self.parts.values())
        return pandas_frame(
            {
                "part": np.array(list(self.parts), dtype=object),
                "value": np.array([part.value for part in found]),
                "low": np.array([part.low for part in found]),
                "high": np.array([part.high for part in found]),
                "share": np.array([self._share(part) for part in found]),
                "low_sample": np.array([part.low_sample for part in found]),
            }
        )

    def _share(self, part: Estimate) -> float:
        return part.value / self.total if self.total else math.nan

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for name, part in self.parts.items():
            interval = f"{part.low:.3g} to {part.high:.3g}" + (", low sample" if part.low_sample else "")
            yield name, f"{part.value:.6g}", f"{self._share(part):.1%}", interval

    def _title(self) -> str:
        return f"{self.measure}: {self.total:.6g} {self.unit}".rstrip()

    def _repr_html_(self) -> str:
        return table_html(self._title(), ("part", "value", "share", "interval"), self._rows())

    def __repr__(self) -> str:
        wide = max(len(name) for name in self.parts)
        lines = [f"<levcore.Attribution of {self._title()}>"]
        lines += [f"  {name:<{wide}}  {value:>12}  {share:>7}  {span}" for name, value, share, span in self._rows()]
        return "\n".join(lines)


def euler_attribution(
    parts: Mapping[str, npt.ArrayLike],
    level: float = 0.99,
    confidence: float = 0.95,
    *,
    losses: npt.ArrayLike | None = None,
    measure: str = "expected_shortfall",
    unit: str = "",
) -> Attribution:
    """Share out the expected shortfall of a loss among the parts that add up to it: leverage buckets, assets, venues.

    Parameters
    ----------
    parts : mapping of str to array of shape (n,)
        The losses of each part, positive where money is lost, all in one unit.
    level : float
        Of the expected shortfall, in (0, 1).
    confidence : float
        Of the intervals, in (0, 1).
    losses : array of shape (n,), optional
        What the parts should add up to, path by path; left out: their sum.
    measure : {"expected_shortfall", "standard_deviation"}
        What is shared out; the level is no matter for a standard deviation.
    unit : str
        What the losses are in, for what is shown.

    Returns
    -------
    Attribution
        The parts add up to the total to rounding, the total is the measure of the summed loss.

    Raises
    ------
    InputError, KindError
        If a loss, the level or the confidence breaks a rule, the parts differ in length or do not add up to the losses,
        or no loss lies beyond the level: ``n*(1 - level) < 1``.

    Notes
    -----
    A part's share is the derivative of the measure by the part's size: ``E[X | L > VaR(L)]``, estimated as
    :func:`marginal_expected_shortfall` with its interval, or ``Cov(X, L)/sd(L)`` with the normal interval of its
    influences. Source: Tasche (1999), Risk contributions and performance measurement.

    Examples
    --------
    >>> import levcore as lc
    >>> parts = {"BTC": [0.0, 1.0, 4.0, 2.0], "ETH": [1.0, 0.0, 0.0, 1.0]}
    >>> lc.risk.euler_attribution(parts, level=0.5)
    <levcore.Attribution of expected_shortfall: 3.5>
      BTC             3    85.7%  0.689 to 5.31, low sample
      ETH           0.5    14.3%  -0.48 to 1.48, low sample
    """
    columns, whole, word, share = asked(parts, losses, measure, level)
    z, n, said = normal_quantile(confidence), len(whole), checks.instance("unit", unit, str)
    if word == "expected_shortfall":
        tail = tail_of(whole, share, "parts")
        found, few = _of_tail(columns, tail), tail.deciding < ENOUGH - 1e-6
    else:
        found, few = _of_deviation(columns, whole), n < ENOUGH
    estimates = {
        name: Estimate(value, value - z * error, value + z * error, float(confidence), n, few)
        for name, (value, error) in found.items()
    }
    return Attribution(word, math.fsum(one.value for one in estimates.values()), PerAsset(estimates), said)


def asked(
    parts: Mapping[str, npt.ArrayLike], losses: npt.ArrayLike | None, measure: str, level: float
) -> tuple[dict[str, Floats], Floats, str, float]:
    """Return the parts, what they add up to, what is shared out and its level, each of which follows its rules."""
    columns = _columns(parts)
    whole = _whole(columns, losses)
    word = checks.choice("measure", measure, ("expected_shortfall", "standard_deviation"))
    return columns, whole, word, checks.number("level", level, above=0.0, below=1.0)


def _columns(parts: Mapping[str, npt.ArrayLike]) -> dict[str, Floats]:
    if not isinstance(parts, Mapping):
        raise KindError(f"parts must be a mapping of names to losses, was {checks.describe(parts)}")
    if not parts:
        raise InputError("parts must not be empty")
    columns = {str(name): samples_of(f"parts[{name!r}]", values) for name, values in parts.items()}
    first, *others = columns
    for name in others:
        if len(columns[name]) != len(columns[first]):
            raise InputError(
                f"parts must have the same length: {first!r} had {len(columns[first])} rows, "
                f"{name!r} had {len(columns[name])}"
            )
    return columns


def _whole(columns: dict[str, Floats], losses: npt.ArrayLike | None) -> Floats:
    first, *others = columns.values()
    summed = first.copy()
    for values in others:
        summed += values
    if losses is None:
        return summed
    wanted = samples_of("losses", losses)
    if len(wanted) != len(summed):
        raise InputError(f"losses must have as many rows as the parts, {len(summed)}, had {len(wanted)}")
    largest = np.max([np.abs(values) for values in columns.values()], axis=0)
    wrong = np.flatnonzero(np.abs(summed - wanted) > ADD_UP * np.maximum(largest, np.abs(wanted)))
    if wrong.size:
        row = int(wrong[0])
        raise InputError(f"parts must add up to losses[{row}], {wanted[row]}, added up to {summed[row]}")
    return summed


def _of_tail(columns: dict[str, Floats], tail: Tail) -> dict[str, tuple[float, float]]:
    means = {name: tail.mean(values) for name, values in columns.items()}
    return {name: (mean, tail.error(columns[name], mean)) for name, mean in means.items()}


def _of_deviation(columns: dict[str, Floats], whole: Floats) -> dict[str, tuple[float, float]]:
    n = len(whole)
    if n < 2:
        raise InputError(f"parts must have at least 2 rows for a standard deviation, had {n}")
    apart = whole - whole.mean()
    deviation = math.sqrt(float((apart * apart).sum()) / (n - 1))
    found = {}
    for name, values in columns.items():
        if deviation == 0.0:
            found[name] = 0.0, 0.0
            continue
        product = (values - values.mean()) * apart / deviation
        value = float(product.sum()) / (n - 1)
        influence = product - 0.5 * value * (1.0 + (apart / deviation) ** 2)
        found[name] = value, float(influence.std()) / math.sqrt(n)
    return found
