"""The tables that many paths make: by path, by position, by round, and as labelled arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from levcore.table import Table, Tabular

if TYPE_CHECKING:
    import xarray

    from levcore.runs import Runs


class RunTables(Tabular):
    """The part of :class:`Runs` that hands its numbers on."""

    def to_table(self) -> Table:
        """Return a row a path: everything that an outcome has."""
        from levcore.outcome_tables import of_runs

        return of_runs(_runs(self))

    def per_position(self, confidence: float = 0.95) -> Table:
        """Return a row a position of the book: its liquidation probability with Wilson's interval, and mean time.

        Parameters
        ----------
        confidence : float
            In (0, 1).

        Returns
        -------
        Table

        Raises
        ------
        InputError, KindError
            If the confidence is no number in (0, 1).
        """
        from levcore.outcome_tables import of_positions

        return of_positions(_runs(self), confidence)

    def per_round(self, paths: Iterable[int] | None = None) -> Table:
        """Return a row a round of liquidations; each path is run again for it.

        Parameters
        ----------
        paths : iterable of int, optional
            Which; None: all with liquidations.

        Returns
        -------
        Table
            `path`, `time` since the start, and the columns of :attr:`Outcome.trace`.

        Raises
        ------
        InputError
            If there is no such path.
        NotKeptError
            If the returns came from an iterator and are gone.
        """
        from levcore.outcome_tables import of_rounds

        return of_rounds(_runs(self), paths)

    def to_xarray(self) -> xarray.Dataset:
        """Return a labelled data set: paths, and where steps are kept paths x steps x assets.

        Returns
        -------
        xarray.Dataset
            Dimensions path, asset, step (its coordinate `time` since the start); units in the attributes.

        Raises
        ------
        MissingExtraError
            If xarray is not installed.
        """
        from levcore.cubes import dataset

        return dataset(_runs(self))

    def to_zarr(self, path: str | os.PathLike[str]) -> Path:
        """Write the labelled data set as a Zarr 3 store, a new directory.

        Parameters
        ----------
        path : str or path
            The directory; it must not be there.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        MissingExtraError
            If xarray or zarr is not installed.
        StoreError
            If the directory is there, or cannot be written; nothing half-written remains.
        """
        from levcore.cubes import write

        return write(_runs(self), path)


def _runs(tables: RunTables) -> Runs:
    return cast("Runs", tables)
