"""CSV and Parquet files as columns: bounded before they are read; a mistake is told with file, column and row."""

from __future__ import annotations

import csv
import inspect
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from levcore.errors import InputError, MissingExtraError
from levcore.memory import refuse_if_too_large

Column = npt.NDArray[Any]

#: So much of a CSV file is looked at before the rest is read.
SAMPLE = 2**16
#: A number read, and a copy of it; a word, as a pointer and a copy of it.
BYTES_PER_CELL = 2 * 8
ROWS_AT_A_TIME = 100_000
NEEDS_PANDAS = 'CSV files need pandas: pip install "levcore[io]"'
NEEDS_PYARROW = 'Parquet files need pyarrow: pip install "levcore[parquet]"'


def read(path: Path, *, numbers: Sequence[str], words: Sequence[str] = ()) -> dict[str, Column]:
    """Return columns of a file whose name ends in .csv or .parquet: float64 numbers, and words as objects."""
    wanted = list(dict.fromkeys((*numbers, *words)))
    load = _parquet if path.name.lower().endswith(".parquet") else _csv
    return load(path, wanted, set(words))


def times(path: Path, name: str, column: Column, unit: str | None) -> npt.NDArray[np.datetime64]:
    """Return a column of times in UTC: text in ISO 8601, or whole numbers of a unit since 1970."""
    pandas = _pandas()
    if unit is None:
        texts = column if column.dtype.kind == "M" else [one if isinstance(one, str) else None for one in column]
        parsed = pandas.to_datetime(pandas.Series(texts), utc=True, format="ISO8601", errors="coerce")
        expected = "a time in ISO 8601 such as 2024-08-05T00:00Z"
    else:
        whole = pandas.to_numeric(pandas.Series(column, dtype=object), errors="coerce")
        parsed = pandas.to_datetime(whole, unit=unit, utc=True, errors="coerce")
        expected = f"a number of {unit} since 1970"
    missing = np.flatnonzero(parsed.isna().to_numpy())
    if missing.size:
        _refuse(path, name, int(missing[0]), f"must be {expected}, was {column[missing[0]]!r}")
    return np.asarray(parsed.dt.tz_localize(None).to_numpy(), dtype="datetime64[ns]")


def _refuse(path: Path, name: str, row: int, said: str) -> NoReturn:
    raise InputError(f"{path}: {name}[{row}] {said} (rows counted from 0)")


def _present(path: Path, wanted: Sequence[str], present: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in present]
    if missing:
        has = ", ".join(present[:20]) + (", ..." if len(present) > 20 else "")
        raise InputError(
            f"{path} must have the columns {', '.join(wanted)}; missing: {', '.join(missing)}; it has: {has}"
        )
    for name in wanted:
        if present.count(name) > 1:
            raise InputError(f"{path} must have one column {name}, had {present.count(name)}")


# ---- CSV ----


def _csv(path: Path, wanted: list[str], words: set[str]) -> dict[str, Column]:
    pandas = _pandas()
    size, text, newlines = _sample(path)
    header = next(csv.reader(text.splitlines()), [])
    _present(path, wanted, header)
    rows = size if newlines == 0 else size * newlines // len(text.encode())
    refuse_if_too_large(rows * len(wanted) * BYTES_PER_CELL, f"{path} of about {rows:,} rows")
    kinds = {name: "float64" if name in wanted and name not in words else "category" for name in header}
    options: dict[str, Any] = {
        "index_col": False,
        "encoding": "utf-8-sig",
        "keep_default_na": False,
        "na_values": {name: [""] for name in wanted if name not in words},
        "chunksize": ROWS_AT_A_TIME,
    }
    parts: dict[str, list[Column]] = {name: [] for name in wanted}
    with _told(path):
        try:
            # Every column is read, for with some left out pandas lets a row pass that is too long.
            for chunk in pandas.read_csv(path, dtype=kinds, **_exact(pandas), **options):
                for name in wanted:
                    parts[name].append(chunk[name].to_numpy(dtype=object if name in words else np.float64))
        except UnicodeDecodeError:
            raise
        except ValueError:
            _find_word(path, [name for name in wanted if name not in words], options)
            raise
    columns = {name: np.concatenate(some) for name, some in parts.items()}
    for name, column in columns.items():
        if name not in words and (empty := np.flatnonzero(np.isnan(column))).size:
            _refuse(path, name, int(empty[0]), "must be a number, was empty or nan")
    return columns


def _sample(path: Path) -> tuple[int, str, int]:
    """Return the file's size, its first characters in whole lines where it has lines, and how many those are."""
    with path.open("rb") as opened:
        content = opened.read(SAMPLE)
    size = path.stat().st_size
    if not content:
        raise InputError(f"{path} must be a CSV file with a header, was empty")
    if b"\0" in content:
        raise InputError(f"{path} must be a CSV file, byte {content.index(0)} was 0: no text")
    whole = content if size <= SAMPLE else content[: content.rfind(b"\n") + 1]
    if not whole:
        raise InputError(f"{path} must be a CSV file, had no end of line in the first {SAMPLE:,} bytes")
    try:
        return size, whole.decode("utf-8-sig"), whole.count(b"\n")
    except UnicodeDecodeError as reason:
        line = whole.count(b"\n", 0, reason.start) + 1
        raise InputError(f"{path}:{line} must be text in UTF-8, had a byte 0x{whole[reason.start]:02x}") from None


def _find_word(path: Path, numbers: list[str], options: dict[str, Any]) -> None:
    """Name the first cell that should be a number and is none."""
    pandas = _pandas()
    before = 0
    for chunk in pandas.read_csv(path, dtype=str, **options):
        for name in numbers:
            wrong = np.flatnonzero(
                (pandas.to_numeric(chunk[name], errors="coerce").isna() & chunk[name].notna()).to_numpy()
            )
            if wrong.size:
                row = int(wrong[0])
                _refuse(path, name, before + row, f"must be a number, was {chunk[name].iloc[row]!r}")
        before += len(chunk)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what a reader says of a file into one clear error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # but what loses data
            warnings.filterwarnings("error", "Length of header")
            yield
    except InputError:
        raise
    except UnicodeDecodeError as reason:
        raise InputError(f"{path} must be text in UTF-8: {reason.reason} at byte {reason.start}") from None
    except (ValueError, OverflowError, Warning) as reason:
        said = " ".join(str(reason).split())
        raise InputError(f"{path} cannot be read: {said[:300]}") from None


def _exact(pandas: Any) -> dict[str, str]:
    """Ask for numbers to the last bit, where pandas does not give them anyway."""
    known = inspect.signature(pandas.read_csv).parameters
    return {"float_precision": "round_trip"} if "float_precision" in known else {}


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as reason:
        raise MissingExtraError(NEEDS_PANDAS) from reason
    return pandas


# ---- Parquet ----


def _parquet(path: Path, wanted: list[str], words: set[str]) -> dict[str, Column]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as reason:
        raise MissingExtraError(NEEDS_PYARROW) from reason
    with path.open("rb") as opened:
        if opened.read(4) != b"PAR1":
            raise InputError(f"{path} must be a Parquet file, did not begin with PAR1")
    try:
        # Words stay what the file has them as, one copy each, however many rows repeat them.
        with parquet.ParquetFile(path, read_dictionary=list(words)) as file:
            _present(path, wanted, file.schema_arrow.names)
            rows = file.metadata.num_rows
            refuse_if_too_large(_parquet_bytes(file.metadata, wanted), f"{path} of {rows:,} rows")
            table = file.read(columns=wanted)
    except (pyarrow.ArrowException, ValueError, OSError) as reason:
        if isinstance(reason, InputError):
            raise
        said = " ".join(str(reason).split())
        raise InputError(f"{path} cannot be read as Parquet: {said[:300]}") from None
    return {name: _arrow_column(path, name, table[name], is_word=name in words) for name in wanted}


def _parquet_bytes(metadata: Any, wanted: list[str]) -> int:
    needed = int(metadata.num_rows) * len(wanted) * BYTES_PER_CELL
    for group in range(metadata.num_row_groups):
        chunks = metadata.row_group(group)
        for place in range(chunks.num_columns):
            if chunks.column(place).path_in_schema in wanted:
                needed += int(chunks.column(place).total_uncompressed_size)
    return needed


def _arrow_column(path: Path, name: str, column: Any, *, is_word: bool) -> Column:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        _refuse(path, name, row, "must not be null")
    if is_word:
        kind = getattr(column.type, "value_type", column.type)
        if str(kind).startswith("timestamp"):
            return np.asarray(column.cast(kind).to_numpy())
        if hasattr(column.type, "value_type"):
            chunks = [np.asarray(c.dictionary.to_pylist(), dtype=object)[c.indices.to_numpy()] for c in column.chunks]
            return np.concatenate(chunks) if chunks else np.empty(0, dtype=object)
        return np.asarray(column.to_numpy(), dtype=object)
    values = column.to_numpy()
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name} must be a column of numbers, was one of {column.type}")
    return np.asarray(values, dtype=np.float64)
