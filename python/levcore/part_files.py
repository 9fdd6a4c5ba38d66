"""Finished parts of a run as files: whole or not there, and believed only when every byte is right.

A file is: the magic, a version byte, the length of a header (8 bytes, little-endian), the header (JSON: the digest of
the plan, the span of paths, and of each column its name, dtype, shape; one row where all have the same bits), the
columns one after the other in little-endian order, and the BLAKE2b-256 of all that comes before.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore.errors import StoreError

Columns = dict[str, Any]
Span = tuple[int, int]

MAGIC = b"levcore part\n"
VERSION = 2
DIGEST_BYTES = 32
LONGEST_HEADER = 100_000
#: What a column may be: numbers and flags, nothing that could be run.
DTYPES = ("<f8", "<i8", "|u1", "|b1")
SERIES = "steps/"  # before the name of a series of steps


def name_of(span: Span) -> str:
    """Return the file's name."""
    return f"paths-{span[0]:012d}-{span[0] + span[1]:012d}.part"


def span_of(name: str) -> Span | None:
    """Return which paths a file holds by its name; None where it is no part's."""
    pieces = name.removeprefix("paths-").removesuffix(".part").split("-")
    if len(pieces) != 2 or not all(piece.isdecimal() and piece.isascii() for piece in pieces):
        return None
    first, end = (int(piece) for piece in pieces)
    span = (first, end - first)
    return span if end > first and name_of(span) == name else None


def write(folder: Path, span: Span, plan: str, part: Mapping[str, Any]) -> Path:
    """Write a part under another name, flush it to disk and rename it: a kill leaves the old state or the new."""
    columns = flat(part)
    header = {
        "plan": plan,
        "first": span[0],
        "paths": span[1],
        "columns": [[name, values.dtype.str, list(values.shape)] for name, values in columns.items()],
    }
    path = folder / name_of(span)
    partial = folder / f".{path.name}.partial"
    try:
        with partial.open("wb") as file:
            digest = blake2b(digest_size=DIGEST_BYTES)
            for piece in _pieces(json.dumps(header).encode(), columns.values()):
                digest.update(piece)
                file.write(piece)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        flush_folder(folder)
    except OSError as reason:
        partial.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {reason}") from reason
    return path


def read(folder: Path, span: Span, plan: str) -> Columns:
    """Return the columns of a part.

    Raises
    ------
    StoreError
        If the file is not there, is damaged, or belongs to another plan; the message names it.
    """
    path = folder / name_of(span)
    try:
        content = path.read_bytes()
    except OSError as reason:
        raise StoreError(f"{path} cannot be read: {reason}") from reason
    body = content[:-DIGEST_BYTES]
    if not body.startswith(MAGIC) or blake2b(body, digest_size=DIGEST_BYTES).digest() != content[-DIGEST_BYTES:]:
        raise _damaged(path, "its content does not have the digest that it ends with")
    try:
        return _columns(path, memoryview(body), span, plan)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as reason:
        raise _damaged(path, repr(reason)) from None


def flush_folder(folder: Path) -> None:
    """Let the names in a folder reach the disk."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path} is damaged: {reason}; delete it, and its paths are run again")


def _pieces(header: bytes, columns: Iterable[npt.NDArray[Any]]) -> Iterable[bytes]:
    yield MAGIC + bytes([VERSION]) + len(header).to_bytes(8, "little") + header
    for values in columns:
        if values.size:
            yield values.tobytes()


def flat(part: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a part, series of steps among them, as they lie in a file."""
    columns = {name: values for name, values in part.items() if name != "steps"}
    columns |= {f"{SERIES}{name}": values for name, values in part.get("steps", {}).items()}
    return {name: np.ascontiguousarray(values, values.dtype.newbyteorder("<")) for name, values in columns.items()}


def put(columns: Columns, name: str, values: npt.NDArray[Any]) -> None:
    """Put an array of a file where it was in its part."""
    target = columns.setdefault("steps", {}) if name.startswith(SERIES) else columns
    target[name.removeprefix(SERIES)] = values


def _columns(path: Path, body: memoryview, span: Span, plan: str) -> Columns:
    at = len(MAGIC)
    if body[at] != VERSION:
        raise StoreError(f"{path} has version {body[at]}; this levcore reads {VERSION}")
    length = int.from_bytes(body[at + 1 : at + 9], "little")
    at += 9
    if length > min(LONGEST_HEADER, len(body) - at):
        raise _damaged(path, f"its header of {length} bytes is not there")
    header = json.loads(bytes(body[at : at + length]))
    at += length
    if header["plan"] != plan:
        raise StoreError(f"{path} belongs to another run: delete it, or take another directory")
    if (header["first"], header["paths"]) != span:
        raise _damaged(path, "it holds other paths than its name says")
    columns: Columns = {}
    for name, dtype, shape in header["columns"]:
        if dtype not in DTYPES or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise _damaged(path, f"{name} is no column of numbers")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > len(body) - at:
            raise _damaged(path, f"{name} is not there whole")
        values = np.frombuffer(body[at : at + size], dtype).reshape(shape)
        put(columns, name, values)
        at += size
    if at != len(body):
        raise _damaged(path, "it holds more than it says")
    return columns
