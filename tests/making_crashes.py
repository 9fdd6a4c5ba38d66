"""Recorded bars and windows that the tests of the crash study write for it."""

from __future__ import annotations

import gzip
import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
START = np.datetime64("2021-05-19T00", "h")
HOUR = np.timedelta64(1, "h")
BEFORE = 72  # hours of record before the window
HEAD = "ts_ms,symbol,open,high,low,close,volume"


def room(name: str) -> ModuleType:
    """A module of docs/studies."""
    folder = str(ROOT / "docs" / "studies")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def stamp(hour: float) -> int:
    """Epoch milliseconds of an hour of the window."""
    return int((START + np.timedelta64(round(hour * 3_600_000), "ms")).astype(int))


def bars(closes: np.ndarray, *, asset: str = "BTC", first: float = -BEFORE, step: float = 1.0) -> list[str]:
    """Rows of bars that open at the close before and have no wicks; 100 coins each."""
    opens = np.concatenate([closes[:1], closes[:-1]])
    return [
        f"{stamp(first + step * i)},{asset},{o},{max(o, c)},{min(o, c)},{c},100"
        for i, (o, c) in enumerate(zip(opens.tolist(), closes.tolist(), strict=True))
    ]


def write(path: Path, rows: list[str], head: str = HEAD) -> Path:
    text = "\n".join([head, *rows]) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode("utf-8")) if path.suffix == ".gz" else text.encode("utf-8"))
    return path


def waves(hours: int) -> np.ndarray:
    """A price near 40,000 that moves a little every hour."""
    return 40_000.0 * (1.0 + 0.002 * np.sin(np.arange(hours)))


def windows(text: str = "", **changes: object) -> str:
    """A windows file of one window of two days; `changes` replace a key's value."""
    given = {
        "name": '"made-up"',
        "title": '"two made-up days"',
        "start": "2021-05-19",
        "end": "2021-05-21",
    } | changes
    head = "\n".join(f"{key} = {value}" for key, value in given.items() if value is not None)
    asset = '[[window.asset]]\nname = "BTC"\nbars = "bars.csv.gz"\nopen_interest = 1e7\nnote = "made up"\n'
    return f"[[window]]\n{head}\n{asset}{text}"
