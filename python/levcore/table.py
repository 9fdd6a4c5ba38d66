"""Tables that everybody reads: columns with names and units, handed over as Arrow, and made into frames and files."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from levcore._version import __version__
from levcore.errors import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas
    import polars

#: Of the schema of tables: names and units of columns. A reader refuses a later one.
SCHEMA = 1


class Tabular(ABC):
    """What has rows and columns: readable by everything that speaks Arrow, and as frames and files."""

    __slots__ = ()

    @abstractmethod
    def to_table(self) -> Table:
        """Return the columns with their units.

        Returns
        -------
        Table
        """

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows once, by the Arrow C stream interface; numbers are not copied."""
        from levcore.arrow_columns import stream

        return stream(self.to_table())

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas data frame of copies of the columns; `attrs` holds the units and what the table is of.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from levcore.frames import pandas_table

        return pandas_table(self.to_table())

    def to_frame(self) -> pandas.DataFrame:
        """Return the same as :meth:`to_pandas`."""
        return self.to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """Return a polars data frame; numbers are not copied.

        Returns
        -------
        polars.DataFrame

        Raises
        ------
        MissingExtraError
            If polars is not installed.
        """
        try:
            import polars
        except ImportError:
            raise MissingExtraError('polars is not installed: pip install "levcore[polars]"') from None
        return polars.DataFrame(self.to_table())

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file: zstd, numbers split into streams of bytes, units and version in the metadata.

        Parameters
        ----------
        path : str or path
            The file; one of this name is replaced once the new one is whole.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        StoreError
            If it cannot be written; nothing half-written remains.
        """
        from levcore.parquet_files import write

        return write(self.to_table(), path)


@dataclass(frozen=True, eq=False)
class Table(Tabular):
    """Columns of equal length.

    Attributes
    ----------
    kind : str
        What a row is of: "path", "shock", "position", "account", "round".
    columns : mapping of str to array
        In order: numbers, flags, spans of time, or text with None where there is none.
    units : mapping of str to str
        Of the columns that have one: a currency, "s", "base units"; spans of time bring their own.
    about : mapping of str to str
        What was run: seed, steps, numeraire.

    Notes
    -----
    The schema is the page "Tables" of the documentation.

    Examples
    --------
    >>> import levcore as lc
    >>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
    >>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
    >>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
    >>> book.to_table()
    <levcore.Table: 1 position, columns instrument, quantity, entry_price, margin>
    """

    kind: str
    columns: Mapping[str, npt.NDArray[Any] | Codes]
    units: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        column = self.columns[name]
        return column.values() if isinstance(column, Codes) else column

    def to_table(self) -> Table:
        """Return the table itself."""
        return self

    @property
    def metadata(self) -> dict[str, str]:
        """What stands in the metadata of a schema: the schema's number, the version, what a row is of, what was run."""
        own = {"levcore": __version__, "schema": str(SCHEMA), "kind": self.kind}
        return own | {name: str(value) for name, value in self.about.items()}

    def __repr__(self) -> str:
        from levcore.display import plural

        return f"<levcore.Table: {plural(len(self), self.kind)}, columns {', '.join(self.columns)}>"


@dataclass(frozen=True, eq=False)
class Codes:
    """A column of names by their places in a short list."""

    codes: npt.NDArray[np.int32]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def values(self) -> npt.NDArray[np.object_]:
        """Return the names, one a row."""
        return np.array(self.names, dtype=object)[self.codes]
