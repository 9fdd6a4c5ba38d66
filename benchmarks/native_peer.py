"""The peer in C++: full revaluation by AVX-512, compiled for this machine when it is asked for."""

from __future__ import annotations

import atexit
import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import levcore as lc

SOURCE = Path(__file__).parent / "native" / "revaluation.cpp"
COMMAND = ("g++", "-std=c++20", "-O3", "-march=native", "-shared", "-fPIC", "-pthread")


def lacking() -> str | None:
    """Why this machine cannot run it, in a sentence; None: it can."""
    if shutil.which("g++") is None:
        return "there is no g++ to compile the full revaluation with"
    macros = subprocess.run(
        [*COMMAND[:4], "-dM", "-E", "-x", "c++", "-"], input="", capture_output=True, text=True, check=False
    )
    if "__AVX512F__" not in macros.stdout:
        return "this CPU, or its g++, has no AVX-512 for the full revaluation"
    return None


@functools.cache
def library() -> ctypes.CDLL:
    """Compile it and load it; the file is gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="revaluation-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    built = folder / "revaluation.so"
    subprocess.run([*COMMAND, str(SOURCE), "-o", str(built)], check=True)
    found = ctypes.CDLL(str(built))
    found.revalue.restype = ctypes.c_int64
    return found


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


class Revaluation:
    """The book as raw columns, which each run uses up: take a fresh copy of them for each, outside the clock."""

    def __init__(self, ready: lc.Ready) -> None:
        book = ready.book
        self.rows = -(-len(book) // 8) * 8
        more = self.rows - len(book)
        self.cash = np.append(book.margin - book.quantity * book.entry_price, np.ones(more))
        self.quantity = np.append(book.quantity, np.zeros(more))
        tiers = book.venue.instruments[0].tiers
        self.cap = np.append(tiers.floor[1:], np.inf)
        self.rate, self.deduction = np.array(tiers.maintenance_rate), np.array(tiers.deduction)
        self.slope = 1.0 / ready.market["X"].impact.depth

    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """Cash and quantity, to be used up."""
        return self.cash.copy(), self.quantity.copy()

    def run(self, columns: tuple[np.ndarray, np.ndarray], logs: np.ndarray, threads: int) -> tuple[int, float]:
        """Positions liquidated along these log prices, and log of the last mark."""
        last = np.empty(1)
        path = np.ascontiguousarray(logs)
        whole, slope = ctypes.c_int64, ctypes.c_double(self.slope)
        cash, quantity = columns
        count = library().revalue(
            whole(self.rows), pointer(cash), pointer(quantity), whole(len(self.rate)), pointer(self.cap),
            pointer(self.rate), pointer(self.deduction), whole(len(path)), pointer(path), slope, whole(threads),
            pointer(last),
        )  # fmt: skip
        return int(count), float(last[0])
