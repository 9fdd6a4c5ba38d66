"""A book and the outcome of its paths through Arrow, Parquet, pandas and polars, and back: not a bit is lost.

Run it as `python round_trip.py`; it wants `pip install "levcore[io,polars,parquet]"`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars

import levcore as lc


def through_arrow(made: lc.Book | lc.Runs) -> Any:
    """Give a pyarrow table, by the Arrow stream that everybody reads."""
    return nw.from_arrow(made, backend="pyarrow").to_native()


def through_parquet(made: lc.Book | lc.Runs) -> Any:
    """Give the pyarrow table of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path: Path = made.to_parquet(Path(folder) / "table.parquet")
        return lc.parquet_files.read(path)


def through_pandas(made: lc.Book | lc.Runs) -> Any:
    """Give a pandas data frame."""
    return made.to_pandas()


def through_polars(made: lc.Book | lc.Runs) -> polars.DataFrame:
    """Give a polars data frame."""
    return made.to_polars()


WAYS: tuple[Callable[[lc.Book | lc.Runs], Any], ...] = (
    through_arrow,
    through_parquet,
    through_pandas,
    through_polars,
)


def same(ours: npt.NDArray[Any], theirs: nw.Series[Any]) -> bool:
    """Say whether a column came out as it was: numbers to the last bit, nan included, and text word for word."""
    if ours.dtype == object:
        return list(theirs.to_list()) == list(ours.tolist())
    return np.asarray(theirs.to_numpy(), dtype=ours.dtype).tobytes() == ours.tobytes()


def main() -> None:
    """Send a book and a run all ways."""
    venue: lc.Venue = lc.venues.hyperliquid("BTC")
    market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=5e3))})
    book: lc.Book = lc.Book.synthetic(venue, size=500, prices=market.prices, open_interest={"BTC": 1e8}, seed=1)
    hour = timedelta(hours=1)
    runs: lc.Runs = lc.simulate(book, market, lc.GBM(volatility=1.2), paths=200, steps=24, step=hour, seed=7)
    for way in WAYS:
        back: lc.Book = lc.Book.from_frame(venue, way(book))
        for name in ("instrument", "quantity", "entry_price", "margin"):
            assert getattr(back, name).tobytes() == getattr(book, name).tobytes(), (way.__name__, name)
        again: lc.Runs = lc.simulate(back, market, lc.GBM(volatility=1.2), paths=200, steps=24, step=hour, seed=7)
        assert again.bad_debt.tobytes() == runs.bad_debt.tobytes(), way.__name__
        frame: nw.DataFrame[Any] = nw.from_native(way(runs), eager_only=True)
        table: lc.Table = runs.to_table()
        assert frame.columns == list(table.columns), way.__name__
        for name in table.columns:
            assert same(table[name], frame[name]), (way.__name__, name)
        print(f"{way.__name__}: {len(back):,} positions and {len(frame):,} paths in {len(frame.columns)} columns")


if __name__ == "__main__":
    main()
