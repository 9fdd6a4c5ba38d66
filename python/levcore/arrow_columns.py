"""Columns of a table as Arrow lays them out: numbers where they are, flags packed, text in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import _core
from levcore.errors import InternalError
from levcore.table import Codes, Table

#: The interface's letters for numbers that are handed over as they are.
FORMATS = {"<f8": "g", "<i8": "l", "<i4": "i", "|u1": "C"}
SPAN = "tDn"  # nanoseconds


def stream(table: Table) -> object:
    """Return a capsule of the Arrow C stream interface with all rows of a table."""
    children = [_column(name, values, _field(table, name)) for name, values in table.columns.items()]
    whole = _described("", "+s", len(table), [None], _encoded({f"levcore.{k}": v for k, v in table.metadata.items()}))
    return _core.arrow_stream(whole | {"children": children})


def _field(table: Table, name: str) -> bytes:
    return _encoded({"unit": table.units[name]}) if name in table.units else b""


def _column(name: str, values: npt.NDArray[Any] | Codes, metadata: bytes) -> dict[str, Any]:
    if isinstance(values, Codes):
        names = _text("", np.array(values.names, dtype=object), b"")
        codes = np.ascontiguousarray(values.codes, np.int32)
        return _described(name, "i", len(codes), [None, codes], metadata) | {"dictionary": names}
    if values.dtype.kind == "O":
        return _text(name, values, metadata)
    if values.dtype.kind == "b":
        return _described(name, "b", len(values), [None, np.packbits(values, bitorder="little")], metadata)
    if values.dtype.kind == "m":
        return _span(name, values, metadata)
    values = np.ascontiguousarray(values)
    if values.dtype.str not in FORMATS:
        raise InternalError(f"a column {name} of dtype {values.dtype} has no place in a table")
    return _described(name, FORMATS[values.dtype.str], len(values), [None, values], metadata)


def _span(name: str, values: npt.NDArray[Any], metadata: bytes) -> dict[str, Any]:
    nanoseconds = np.ascontiguousarray(values.astype("timedelta64[ns]").view(np.int64))
    known = ~np.isnat(values)
    valid = None if known.all() else np.packbits(known, bitorder="little")
    nulls = int(np.count_nonzero(~known))
    return _described(name, SPAN, len(values), [valid, nanoseconds], metadata, nulls)


def _text(name: str, values: npt.NDArray[Any], metadata: bytes) -> dict[str, Any]:
    """Lay out text as one piece and where each begins, in 64 bits: nobody knows how long it gets."""
    pieces = [b"" if value is None else str(value).encode() for value in values]
    offsets = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    known = np.array([value is not None for value in values], dtype=bool)
    valid = None if known.all() else np.packbits(known, bitorder="little")
    content = np.frombuffer(b"".join(pieces) or b"\0", np.uint8)
    return _described(name, "U", len(values), [valid, offsets, content], metadata, int(np.count_nonzero(~known)))


def _described(
    name: str, form: str, length: int, buffers: list[Any], metadata: bytes, null_count: int = 0
) -> dict[str, Any]:
    return {
        "name": name,
        "format": form,
        "metadata": metadata,
        "length": length,
        "null_count": null_count,
        "buffers": buffers,
        "children": [],
        "dictionary": None,
    }


def _encoded(pairs: Mapping[str, str]) -> bytes:
    """Return pairs as the interface has them: how many, then of each key and value the length and the bytes."""
    content = len(pairs).to_bytes(4, "little")
    for pair in pairs.items():
        for text in pair:
            content += len(text.encode()).to_bytes(4, "little") + text.encode()
    return content
