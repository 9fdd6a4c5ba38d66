"""What may enter: numbers and columns are checked once, at the door, with errors that name what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from levcore.errors import InputError, KindError
from levcore.memory import refuse_if_too_large

Floats = npt.NDArray[np.float64]
T = TypeVar("T")

#: Prices, sizes and margins stay between these, so that no product of three of them leaves float64.
LARGEST = 1e90
SMALLEST = 1e-90

#: A column beyond this many rows is held against the memory that there is before it is copied.
LONG_COLUMN = 2**24


def number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    infinite: bool = False,
) -> float:
    """Return a plain float that obeys the bounds."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise KindError(f"{name} must be a number, was {describe(value)}")
    try:
        result = float(value)
    except OverflowError:
        raise InputError(f"{name} must be finite, was an int beyond all floats") from None
    if math.isnan(result) or (math.isinf(result) and not infinite):
        raise InputError(f"{name} must be finite, was {result}")
    if above == 0.0 and 0.0 < result < SMALLEST:
        raise InputError(f"{name} must be at least 1e-90, was {result}")
    if above is not None and not result > above:
        raise InputError(f"{name} must be > {above:g}, was {result}")
    if at_least is not None and not result >= at_least:
        raise InputError(f"{name} must be >= {at_least:g}, was {result}")
    if below is not None and not result < below:
        raise InputError(f"{name} must be < {below:g}, was {result}")
    if at_most is not None and not result <= at_most and not (infinite and math.isinf(result)):
        raise InputError(f"{name} must be <= {at_most:g}, was {result}")
    return result


def integer(name: str, value: object, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """Return a plain int that obeys the bounds."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise KindError(f"{name} must be an int, was {describe(value)}")
    result = int(value)
    if at_least is not None and result < at_least:
        raise InputError(f"{name} must be >= {at_least}, was {result}")
    if at_most is not None and result > at_most:
        raise InputError(f"{name} must be <= {at_most}, was {result}")
    return result


def flag(name: str, value: object) -> bool:
    """Return a plain bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise KindError(f"{name} must be True or False, was {describe(value)}")
    return bool(value)


def choice(name: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed words."""
    words = " or ".join(repr(word) for word in allowed)
    if not isinstance(value, str):
        raise KindError(f"{name} must be {words}, was {describe(value)}")
    if value not in allowed:
        raise InputError(f"{name} must be {words}, was {value!r}")
    return value


def text(name: str, value: object) -> str:
    """Return a word that is not empty."""
    if not isinstance(value, str):
        raise KindError(f"{name} must be text, was {describe(value)}")
    if not value:
        raise InputError(f"{name} must not be empty")
    return value


def instance(name: str, value: object, kind: type[T]) -> T:
    """Return the value if it is of this class."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise KindError(f"{name} must be {article} {kind.__name__}, was {describe(value)}")
    return value


def column(name: str, values: object) -> Floats:
    """Return one-dimensional, contiguous float64 numbers; a copy only where the layout or the dtype asks for one."""
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__"):
        raise KindError(f"{name} must be an array of numbers, was {describe(values)}")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        row = int(np.flatnonzero(np.ma.getmaskarray(values))[0])
        raise InputError(f"{name}[{row}] must be a number, was masked")
    to_numpy: Callable[[], Any] | None = getattr(values, "to_numpy", None)
    try:
        array = np.asarray(to_numpy() if to_numpy is not None else values)
    except (TypeError, ValueError) as error:
        raise KindError(f"{name} must be a one-dimensional array of numbers: {error}") from None
    if array.dtype.kind == "O" and array.ndim == 1:
        _complain_about_objects(name, array)
        array = array.astype(np.float64)
    if array.size == 0 and array.ndim == 1 and array.dtype.kind in "fiub":
        return np.empty(0, dtype=np.float64)
    if array.dtype.kind not in "fiu":
        raise KindError(f"{name} must be an array of numbers, had dtype {array.dtype}")
    if array.ndim != 1:
        raise InputError(f"{name} must be one-dimensional, had shape {array.shape}")
    if array.size > LONG_COLUMN:
        refuse_if_too_large(8 * array.size, f"{name} with {array.size:,} rows")
    return np.ascontiguousarray(array, dtype=np.float64)


def _complain_about_objects(name: str, array: npt.NDArray[Any]) -> None:
    for row, value in enumerate(array):
        if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
            raise KindError(f"{name}[{row}] must be a number, was {describe(value)}")


def span(name: str, value: object) -> timedelta:
    """Return a time span above zero; numpy's kind becomes a timedelta."""
    if isinstance(value, np.timedelta64):
        if np.isnat(value):
            raise InputError(f"{name} must be a time span, was NaT")
        if np.datetime_data(value.dtype)[0] in ("M", "Y"):
            raise InputError(f"{name} must be a time span, was {value}: months and years have no fixed length")
        value = value.astype("timedelta64[us]").item()
    if not isinstance(value, timedelta):
        raise KindError(f"{name} must be a timedelta, was {describe(value)}")
    if not timedelta(0) < value:
        raise InputError(f"{name} must be > 0, was {value}")
    return value


def numbers(name: str, values: object) -> tuple[float, ...]:
    """Return a row of numbers as a tuple of floats; the rule that each obeys is checked where it is known."""
    return tuple(column(name, values).tolist())


def rising(name: str, values: object, *, above: float | None = None, at_least: float | None = None) -> Floats:
    """Return a column that is not empty, each value within the bounds and larger than the one before."""
    grid = column(name, values)
    if not grid.size:
        raise InputError(f"{name} must not be empty")
    for i, value in enumerate(grid.tolist()):
        number(f"{name}[{i}]", value, above=above, at_least=at_least)
        if i and not value > grid[i - 1]:
            raise InputError(f"{name}[{i}] must be > {name}[{i - 1}], {grid[i - 1]:g}, was {value:g}")
    return grid


def same_length(**columns: npt.NDArray[Any]) -> int:
    """Return the common length of the columns."""
    first, *others = columns.items()
    for name, values in others:
        if len(values) != len(first[1]):
            raise InputError(
                f"columns must have the same length: {first[0]} had {len(first[1])} rows, {name} had {len(values)}"
            )
    return len(first[1])


def names_in(what: str, given: Mapping[str, object], known: tuple[str, ...]) -> None:
    """Refuse a mapping that names something unknown."""
    for name in given:
        if name not in known:
            raise InputError(f"unknown {what} {name!r}; known: {', '.join(known)}")


def labelled(value: Any) -> Any:
    """Return a pandas Series whose labels are words as a dict; anything else as it is."""
    index = getattr(value, "index", None)
    if hasattr(value, "to_dict") and index is not None and not callable(index) and getattr(value, "ndim", 0) == 1:
        labels = list(index)
        if labels and all(isinstance(label, str) for label in labels):
            return dict(zip(labels, value.to_numpy().tolist(), strict=True))
    return value


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a read-only view of the array."""
    view = array.view()
    view.flags.writeable = False
    return view


def describe(value: object) -> str:
    """Say in a few words what a value is."""
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 40 else shown[:37] + '...'}"
