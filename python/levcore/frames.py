"""Data frames at the edge: columns out of pandas, polars, pyarrow or a mapping, and into pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore.errors import InputError, KindError, MissingExtraError
from levcore.table import Codes, Table

if TYPE_CHECKING:
    import pandas

#: By which a frame of no library that narwhals knows can be read.
ARROW = ("__arrow_c_stream__", "__arrow_c_array__")


def pandas_frame(columns: Mapping[str, npt.NDArray[Any]]) -> pandas.DataFrame:
    """Return a pandas data frame of copies of the columns."""
    try:
        import pandas
    except ImportError:
        raise MissingExtraError('data frames need pandas: pip install "levcore[io]"') from None
    return pandas.DataFrame({name: np.array(values) for name, values in columns.items()})


def pandas_table(table: Table) -> pandas.DataFrame:
    """Return a table as a pandas data frame of copies; names by code become a categorical column."""
    try:
        import pandas
    except ImportError:
        raise MissingExtraError('data frames need pandas: pip install "levcore[io]"') from None
    columns: dict[str, Any] = {}
    for name, values in table.columns.items():
        if isinstance(values, Codes):
            columns[name] = pandas.Categorical.from_codes(values.codes, list(values.names))
        else:
            columns[name] = np.array(values)
    frame = pandas.DataFrame(columns)
    frame.attrs = {"units": dict(table.units), "levcore": table.metadata}
    return frame


def frame_columns(
    frame: Any, wanted: tuple[str, ...], renames: Mapping[str, str] | None, *, optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the wanted columns of a frame by name; `renames` maps the frame's names to ours."""
    frame = _plain(frame)
    present = _names(frame)
    theirs = _theirs(present, wanted, renames)
    wanted = tuple(name for name in wanted if theirs[name] in present or name not in optional)
    missing = [theirs[name] for name in wanted if theirs[name] not in present]
    if missing:
        raise InputError(f"frame has no column {', '.join(map(repr, missing))}; it has: {', '.join(map(str, present))}")
    return {name: _column(theirs[name], frame[theirs[name]]) for name in wanted}


def position_columns(frame: Any, renames: Mapping[str, str] | None, *, with_accounts: bool) -> dict[str, Any]:
    """Return the columns of a table of positions; where there are accounts, `account` and perhaps no margins."""
    names = ("instrument", "quantity", "entry_price", "margin")
    if with_accounts:
        return frame_columns(frame, (*names, "account"), renames, optional=("margin",))
    if "account" in _names(_plain(frame)):
        raise InputError(
            "frame has a column 'account': accounts must be given with it; where every position is isolated, drop it"
        )
    return frame_columns(frame, names, renames)


def _plain(frame: Any) -> Any:
    """Return what has columns by name: a mapping, or a frame of any library as narwhals shows it."""
    if isinstance(frame, Mapping):
        return frame
    if isinstance(frame, Table):
        return {name: frame[name] for name in frame.columns}
    if hasattr(frame, "collect"):
        raise KindError("frame must hold its values: collect() a lazy frame first")
    if isinstance(frame, (str, bytes)) or not any(hasattr(frame, name) for name in ("columns", *ARROW)):
        raise KindError(f"frame must be a pandas, polars or pyarrow table or a mapping, was {type(frame).__name__}")
    _refuse_twins(frame)
    try:
        import narwhals
    except ImportError:
        raise MissingExtraError('data frames are read through narwhals: pip install "levcore[io]"') from None
    try:
        return narwhals.from_native(frame, eager_only=True)
    except TypeError:  # no frame that narwhals knows, or one that is not worked out yet
        if not any(hasattr(frame, name) for name in ARROW):
            raise KindError(
                f"frame must be a pandas, polars or pyarrow table or a mapping, was {type(frame).__name__}"
            ) from None
    import pyarrow

    return narwhals.from_arrow(frame, backend=pyarrow)


def _refuse_twins(frame: Any) -> None:
    """Raise where a frame has two columns of a name: nobody can say which is meant."""
    names = list(getattr(frame, "column_names", getattr(frame, "columns", ())))
    for name in names:
        if isinstance(name, str) and names.count(name) > 1:
            raise InputError(f"frame has {names.count(name)} columns {name!r}")


def _names(frame: Any) -> list[Any]:
    return list(frame) if isinstance(frame, Mapping) else list(frame.columns)


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
    if not hasattr(values, "is_null"):
        return values
    nulls = values.is_null()
    if nulls.any() and not _is_floating(values):
        raise InputError(f"{name}[{int(nulls.arg_true()[0])}] must be a number, was null")
    return values.to_numpy()


def _is_floating(values: Any) -> bool:
    """Whether nan stands for what is missing, as in pandas: the rules of the column have a word for it."""
    return bool(values.implementation.is_pandas_like() and values.dtype.is_float())
