"""Data frames at the edge: columns out of pandas, polars, pyarrow or a mapping, and into pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore.errors import InputError, KindError, MissingExtraError

if TYPE_CHECKING:
    import pandas


def pandas_frame(columns: Mapping[str, npt.NDArray[Any]]) -> pandas.DataFrame:
    """Return a pandas data frame of copies of the columns."""
    try:
        import pandas
    except ImportError:
        raise MissingExtraError('data frames need pandas: pip install "levcore[io]"') from None
    return pandas.DataFrame({name: np.array(values) for name, values in columns.items()})


def frame_columns(
    frame: Any, wanted: tuple[str, ...], renames: Mapping[str, str] | None, *, optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the wanted columns of a frame by name; `renames` maps the frame's names to ours."""
    present = _names(frame)
    theirs = _theirs(present, wanted, renames)
    wanted = tuple(name for name in wanted if theirs[name] in present or name not in optional)
    missing = [theirs[name] for name in wanted if theirs[name] not in present]
    if missing:
        raise InputError(f"frame has no column {', '.join(map(repr, missing))}; it has: {', '.join(map(str, present))}")
    for name in wanted:
        if present.count(theirs[name]) > 1:
            raise InputError(f"frame has {present.count(theirs[name])} columns {theirs[name]!r}")
    return {name: _column(theirs[name], frame[theirs[name]]) for name in wanted}


def position_columns(frame: Any, renames: Mapping[str, str] | None, *, with_accounts: bool) -> dict[str, Any]:
    """Return the columns of a table of positions; where there are accounts, `account` and perhaps no margins."""
    names = ("instrument", "quantity", "entry_price", "margin")
    if with_accounts:
        return frame_columns(frame, (*names, "account"), renames, optional=("margin",))
    if "account" in _names(frame):
        raise InputError(
            "frame has a column 'account': accounts must be given with it; where every position is isolated, drop it"
        )
    return frame_columns(frame, names, renames)


def _names(frame: Any) -> list[Any]:
    if hasattr(frame, "collect") and not hasattr(frame, "__len__"):
        raise KindError("frame must hold its values: collect() a lazy frame first")
    if isinstance(frame, Mapping):
        return list(frame)
    if hasattr(frame, "column_names"):
        return list(frame.column_names)
    if hasattr(frame, "columns"):
        return list(frame.columns)
    raise KindError(f"frame must be a pandas, polars or pyarrow table or a mapping, was {type(frame).__name__}")


def _theirs(present: list[Any], wanted: tuple[str, ...], renames: Mapping[str, str] | None) -> dict[str, str]:
    """Return what the frame calls each of the wanted columns."""
    if renames is not None and not isinstance(renames, Mapping):
        raise KindError(f"columns must be a mapping of their names to ours, was {type(renames).__name__}")
    theirs, taken = {name: name for name in wanted}, dict[str, str]()
    for their_name, our_name in (renames or {}).items():
        if our_name not in wanted:
            raise InputError(f"columns maps {their_name!r} to {our_name!r}; ours are: {', '.join(wanted)}")
        if our_name in taken:
            raise InputError(f"columns maps both {taken[our_name]!r} and {their_name!r} to {our_name!r}")
        if our_name in present and their_name != our_name:
            raise InputError(f"columns maps {their_name!r} to {our_name!r}, which the frame has already")
        taken[our_name] = their_name
        theirs[our_name] = their_name
    return theirs


def _column(name: str, values: Any) -> Any:
    if not hasattr(values, "to_numpy"):
        return values
    if hasattr(values, "null_count"):  # polars, pyarrow
        nulls = np.asarray(values.is_null())
        if nulls.any():
            raise InputError(f"{name}[{int(np.flatnonzero(nulls)[0])}] must be a number, was null")
    try:
        return values.to_numpy(zero_copy_only=False)  # pyarrow
    except TypeError:
        return values.to_numpy()
