"""Returns that somebody gives: checked number by number, and copied where their owner may write to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks, memory
from levcore.errors import InputError, KindError

Floats = npt.NDArray[np.float64]


def checked_returns(name: str, values: Any, assets: int) -> Floats:
    """Return a checked array of returns, paths x steps x assets."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InputError(f"{name} must be an array of returns, some were masked")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise KindError(f"{name} must be an array of returns: {error}") from None
    if array.dtype.kind not in "fiu":
        raise KindError(f"{name} must be an array of returns, had dtype {array.dtype}")
    if array.ndim == 2 and assets == 1:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] != assets or not array.size:
        raise InputError(f"{name} must have shape (paths, steps, {assets}), at least 1 each, had {array.shape}")
    array = np.ascontiguousarray(array, dtype=np.float64)
    wrong = ~(np.isfinite(array) & (array > -1.0) & (array <= checks.LARGEST))
    if wrong.any():
        i, t, k = (int(v) for v in np.argwhere(wrong)[0])
        raise InputError(f"{name}[{i}, {t}, {k}] must be a return > -1 and at most 1e90, was {array[i, t, k]}")
    return array


def own_copy(array: Floats, given: Any) -> Floats:
    """Return the array, copied where it is the caller's, who may write to it before a path is run again."""
    if not isinstance(given, np.ndarray) and not hasattr(given, "__array__"):
        return array  # made here, from a list
    if not np.may_share_memory(array, np.asarray(given)):
        return array
    memory.refuse_if_too_large(array.nbytes, f"a copy of {array.shape[0]:,} paths of returns")
    return array.copy()
