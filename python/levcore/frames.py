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


def frame_columns(frame: Any, wanted: tuple[str, ...], renames: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the wanted columns of a frame by name; `renames` maps the frame's names to ours."""
    if isinstance(frame, Mapping):
        present = list(frame)
    elif hasattr(frame, "column_names"):
        present = list(frame.column_names)
    elif hasattr(frame, "columns"):
        present = list(frame.columns)
    else:
        raise KindError(f"frame must be a pandas, polars or pyarrow table or a mapping, was {type(frame).__name__}")
    if renames is not None and not isinstance(renames, Mapping):
        raise KindError(f"columns must be a mapping of their names to ours, was {type(renames).__name__}")
    theirs = {name: name for name in wanted}
    for their_name, our_name in (renames or {}).items():
        if our_name not in wanted:
            raise InputError(f"columns maps {their_name!r} to {our_name!r}; ours are: {', '.join(wanted)}")
        theirs[our_name] = their_name
    missing = [theirs[name] for name in wanted if theirs[name] not in present]
    if missing:
        raise InputError(f"frame has no column {', '.join(map(repr, missing))}; it has: {', '.join(map(str, present))}")
    return {name: _column(theirs[name], frame[theirs[name]]) for name in wanted}


def _column(name: str, values: Any) -> Any:
    to_numpy = getattr(values, "to_numpy", None)
    missing = getattr(values, "null_count", None)  # pyarrow: a number, polars: a method
    nulls = missing() if callable(missing) else missing
    if nulls:
        raise InputError(f"{name} must have no nulls, had {nulls}")
    return values if to_numpy is None else to_numpy()
