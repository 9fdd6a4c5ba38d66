"""Exact arithmetic for rules written in integers: decimals as they print, millionths, arrays an element at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks, memory
from levcore.errors import InputError, KindError

#: What counts as one number: floats mean the decimal that they print as.
Number = int | float | Decimal | Fraction

#: Millionths in a unit, of money and of rates ("ppm").
MILLION = 10**6


def exact(name: str, value: object, *, at_least: int | None = None, at_most: int | None = None) -> Fraction:
    """Return the decimal that a number prints as, exactly."""
    if isinstance(value, (Fraction, Decimal)):
        if isinstance(value, Decimal) and not (value.is_finite() and abs(value.adjusted()) <= 100):
            raise InputError(f"{name} must be finite and of a size between 1e-90 and 1e90, was {value}")
        result = Fraction(value)
    elif isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        result = Fraction(int(value))
    else:
        result = Fraction(repr(checks.number(name, value)))
    if abs(result) > checks.LARGEST or 0 < abs(result) < checks.SMALLEST:
        raise InputError(f"{name} must be 0 or of a size between 1e-90 and 1e90, was {value}")
    if at_least is not None and result < at_least:
        raise InputError(f"{name} must be >= {at_least}, was {value}")
    if at_most is not None and result > at_most:
        raise InputError(f"{name} must be <= {at_most}, was {value}")
    return result


def above_zero(name: str, value: object) -> Fraction:
    """Return a number that is > 0, exactly."""
    result = exact(name, value)
    if result <= 0:
        raise InputError(f"{name} must be > 0, was {value}")
    return result


def millionths(name: str, value: object, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """Return a number in whole millionths, the nearest."""
    return round(exact(name, value, at_least=at_least, at_most=at_most) * MILLION)


def whole(name: str, value: object, *, at_least: int | None = None) -> int:
    """Return an integer of any size; a float or a fraction must be one."""
    result = exact(name, value, at_least=at_least)
    if result.denominator != 1:
        raise InputError(f"{name} must be a whole number, was {value}")
    return int(result)


def up(amount: int, rate: int) -> int:
    """Return amount times a rate in millionths, rounded up."""
    return -(-amount * rate // MILLION)


def down(amount: int, rate: int) -> int:
    """Return amount times a rate in millionths, rounded down."""
    return amount * rate // MILLION


def plain(value: Fraction) -> Number:
    """Return a number as the float that prints as it, or as it is where there is none."""
    nearest = float(value)
    return nearest if Fraction(repr(nearest)) == value else value


def toward_zero(value: Fraction) -> int:
    """Return the integer next to a number on the side of zero."""
    return math.trunc(value)


def each(function: Callable[..., Any], *values: Any) -> Any:
    """Return the function of scalars, or an array of it where an argument is one; arrays broadcast.

    A function that returns a tuple gives a tuple of arrays.
    """
    if not any(isinstance(value, (np.ndarray, list, tuple)) or hasattr(value, "to_numpy") for value in values):
        return function(*values)
    arrays = [_array(value) for value in values]
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        raise InputError(f"arrays must broadcast, had shapes {[array.shape for array in arrays]}") from None
    memory.refuse_if_too_large(64 * math.prod(shape) * (len(arrays) + 1), f"an answer of shape {shape}")
    columns = (np.broadcast_to(array, shape).reshape(-1).tolist() for array in arrays)
    results = [_row(function, row, values) for row, values in enumerate(zip(*columns, strict=True))]
    if results and isinstance(results[0], tuple):
        return tuple(np.array(column).reshape(shape) for column in zip(*results, strict=True))
    return np.array(results).reshape(shape)


def unwrapped(values: npt.NDArray[Any]) -> Any:
    """Return an array as it is, one without dimensions as the number in it."""
    return values if values.ndim else values.item()


def _array(values: Any) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise KindError(f"arrays must hold numbers in rows of one length: {error}") from None
    if array.dtype.kind not in "iufO":
        raise KindError(f"arrays must hold numbers, had dtype {array.dtype}")
    return array


def _row(function: Callable[..., Any], row: int, values: tuple[Any, ...]) -> Any:
    """Return the function of one row; an error says which row it was."""
    try:
        return function(*values)
    except (InputError, KindError) as error:
        raise type(error)(f"row {row}: {error}") from None
