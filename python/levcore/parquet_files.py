"""Tables as Parquet files, through pyarrow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from levcore import checks
from levcore.errors import KindError, MissingExtraError, StoreError
from levcore.table import SCHEMA, Table

__all__ = ["read", "write"]


def write(table: Table, path: str | os.PathLike[str]) -> Path:
    """Write a table as a Parquet file; nothing half-written remains."""
    pyarrow, parquet = _pyarrow()
    target = Path(checks.text("path", path) if not isinstance(path, os.PathLike) else path)
    partial = target.with_name(f".{target.name}.partial")
    arrow = pyarrow.table(table)
    numbers = [field.name for field in arrow.schema if pyarrow.types.is_floating(field.type)]
    names = [field.name for field in arrow.schema if pyarrow.types.is_dictionary(field.type)]
    try:
        parquet.write_table(
            arrow,
            partial,
            compression="zstd",
            use_dictionary=names,
            use_byte_stream_split=numbers,
        )
        partial.replace(target)
    except (OSError, pyarrow.ArrowException) as reason:
        raise StoreError(f"{target} cannot be written: {reason}") from reason
    finally:
        partial.unlink(missing_ok=True)
    return target


def read(path: str | os.PathLike[str]) -> Any:
    """Read a Parquet file that :meth:`Table.to_parquet` wrote, or anybody's.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    pyarrow.Table
        Its schema holds the units and what the table is of.

    Raises
    ------
    StoreError
        If the file is missing, is no Parquet, or has a later schema of levcore's than this version reads.
    MissingExtraError
        If pyarrow is not installed.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.parquet_files.read("nowhere.parquet")
    Traceback (most recent call last):
    levcore.errors.StoreError: nowhere.parquet is missing
    """
    pyarrow, parquet = _pyarrow()
    if not isinstance(path, (str, os.PathLike)):
        raise KindError(f"path must be a file's, was {checks.describe(path)}")
    source = Path(path)
    if not source.is_file():
        raise StoreError(f"{source} is missing")
    try:
        table = parquet.read_table(source)
    except (OSError, pyarrow.ArrowException) as reason:
        raise StoreError(f"{source} is no Parquet file that can be read: {reason}") from reason
    said = (table.schema.metadata or {}).get(b"levcore.schema", b"1")
    if not said.isdigit() or int(said) > SCHEMA:
        version = (table.schema.metadata or {}).get(b"levcore.levcore", b"a later one").decode()
        raise StoreError(
            f"{source} has schema {said.decode()}, by levcore {version}; this levcore reads up to {SCHEMA}"
        )
    return table


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError('Parquet files need pyarrow: pip install "levcore[parquet]"') from None
    return pyarrow, parquet
