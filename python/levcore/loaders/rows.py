"""CSV of others, plain, gzipped or in a zip: a row at a time, by the names of its columns, each row with its line."""

from __future__ import annotations

import csv
import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

from levcore import checks
from levcore.errors import InputError, KindError, LevcoreError, StoreError, TooLargeError
from levcore.loaders import cells
from levcore.memory import refuse_if_too_large

MOST_LINE = 2**20
MOST_ROWS = 200_000_000
ROWS_BETWEEN_CHECKS = 2**18
#: A cell kept as a float64, and its copy.
BYTES_PER_CELL = 16


class Row:
    """A row of a file: its cells by the names of their columns."""

    __slots__ = ("_cells", "_reader", "line")

    def __init__(self, reader: Reader, line: int, found: list[str]) -> None:
        self._reader, self.line, self._cells = reader, line, found

    def has(self, field: str) -> bool:
        """Whether the file has a column."""
        return field in self._reader.places

    def unit(self, field: str) -> str:
        """Return the unit that times of a column, read before, are written in."""
        return self._reader.units[field]

    def text(self, field: str) -> str:
        """Return a cell as it stands."""
        return self._cells[self._reader.places[field]]

    def number(
        self, field: str, *, above: float | None = None, at_least: float | None = None, below: float | None = None
    ) -> float:
        """Return a cell as a number."""
        value = self.text(field)
        found = cells.number(value, above=above, at_least=at_least, below=below)
        if found is None:
            rule = cells.rule(above=above, at_least=at_least, below=below)
            self.refuse(field, f"must be {rule}, was {_shown(value)}")
        return found

    def time(self, field: str) -> int:
        """Return a cell as nanoseconds since 1970 UTC; a file keeps to one unit."""
        value = self.text(field)
        found = cells.time(value)
        if found is None:
            self.refuse(field, f"must be a time in milliseconds or microseconds since 1970, was {_shown(value)}")
        unit = self._reader.units.setdefault(field, found[1])
        if unit != found[1]:
            self.refuse(field, f"must be in {unit}, as in the rows before it, was {_shown(value)} ({found[1]})")
        return found[0]

    def word(self, field: str, allowed: Sequence[str]) -> str:
        """Return a cell that is one of some words."""
        value = self.text(field)
        if value not in allowed:
            self.refuse(field, f"must be {' or '.join(map(repr, allowed))}, was {_shown(value)}")
        return value

    def refuse(self, field: str, said: str) -> NoReturn:
        """Raise what is wrong with a cell."""
        raise InputError(f"{self._reader.name}:{self.line}: {field} {said}")


class Reader:
    """The rows of an open file."""

    def __init__(self, name: str, stream: IO[bytes], needed: Sequence[str], without_header: Sequence[str] = ()) -> None:
        self.name = name
        self.units: dict[str, str] = {}
        self._rows = csv.reader(_lines(name, stream), strict=True)
        self._needed = needed
        self._first: list[str] | None = None
        header = self._next()
        if header is None:
            raise InputError(f"{name}: must be a CSV file with a header, was empty")
        if without_header and cells.number(header[0].strip()) is not None:
            self._first, header = header, list(without_header)
        self.header = [column.strip() for column in header]
        self.places = {column: place for place, column in enumerate(self.header)}
        missing = [column for column in needed if column not in self.places]
        if missing:
            has = ", ".join(self.header[:20]) + (", ..." if len(self.header) > 20 else "")
            raise InputError(f"{name}:1: must have the columns {', '.join(missing)}; it has {has[:500]}")
        for column in needed:
            if self.header.count(column) > 1:
                raise InputError(f"{name}:1: must have one column {column}, had {self.header.count(column)}")

    def __iter__(self) -> Iterator[Row]:
        count = 0
        while (found := self._next()) is not None:
            if len(found) != len(self.header):
                raise InputError(
                    f"{self.name}:{self._rows.line_num}: must have {len(self.header)} cells, one a column, had "
                    f"{len(found)}: the row is cut off or malformed"
                )
            count += 1
            if count > MOST_ROWS:
                raise TooLargeError(f"{self.name} must have at most {MOST_ROWS:,} rows")
            if count % ROWS_BETWEEN_CHECKS == 0:
                refuse_if_too_large(count * len(self._needed) * BYTES_PER_CELL, f"{self.name} of {count:,} rows")
            yield Row(self, self._rows.line_num, found)

    def _next(self) -> list[str] | None:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            return next((row for row in self._rows if row), None)
        except csv.Error as reason:
            raise InputError(f"{self.name}:{self._rows.line_num}: must be CSV: {reason}") from None


@contextmanager
def reader(source: Any, needed: Sequence[str], *, without_header: Sequence[str] = ()) -> Iterator[Reader]:
    """Open a file and read its header; in files that have none, columns stand in the order of `without_header`."""
    if not isinstance(source, (str, os.PathLike)):
        raise KindError(f"source must be the path of a CSV file, was {checks.describe(source)}")
    path = Path(source)
    try:
        with _opened(path) as stream:
            yield Reader(path.name, stream, needed, without_header)
    except LevcoreError:
        raise
    except EOFError:
        raise StoreError(f"{path} cannot be read: the archive is cut off") from None
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error) as reason:
        raise StoreError(f"{path} cannot be read: the archive is damaged or cut off: {reason}") from None
    except (OSError, ValueError, NotImplementedError) as reason:  # the last: a ZIP packed in a way zipfile cannot read
        raise StoreError(f"{path} cannot be read: {reason}") from None


def paths(source: Any) -> list[Any]:
    """Return the files of a source, which is one or a sequence of them in the order of their times."""
    if isinstance(source, (str, os.PathLike)):
        return [source]
    if not isinstance(source, Sequence) or isinstance(source, bytes):
        raise KindError(f"source must be a path or a sequence of paths, was {checks.describe(source)}")
    if not source:
        raise InputError("source must name at least one file")
    return list(source)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        if start[:2] == b"\x1f\x8b" or path.suffix == ".gz":
            with gzip.open(raw) as unpacked:
                yield unpacked  # type: ignore[misc]
        elif start[:2] == b"PK" or path.suffix == ".zip":
            with zipfile.ZipFile(raw) as archive, archive.open(_member(path, archive)) as unpacked:
                yield unpacked
        else:
            yield raw


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one CSV file of an archive."""
    found = [member for member in archive.infolist() if member.filename.lower().endswith(".csv")]
    if len(found) != 1:
        names = ", ".join(archive.namelist()[:5]) or "nothing"
        raise StoreError(f"{path} must hold one CSV file, held {len(found)} (it has {names[:200]})")
    if found[0].flag_bits & 1 or found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise StoreError(f"{path} cannot be read: the archive is encrypted or packed in another way than deflate")
    return found[0]


def _lines(name: str, stream: IO[bytes]) -> Iterator[str]:
    number = 0
    while raw := stream.readline(MOST_LINE):
        number += 1
        if len(raw) == MOST_LINE and not raw.endswith(b"\n"):
            raise InputError(f"{name}:{number}: must have lines of at most {MOST_LINE:,} bytes")
        if b"\0" in raw:
            raise InputError(f"{name}:{number}: must be text, had a byte 0x00")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as reason:
            raise InputError(f"{name}:{number}: must be text in UTF-8, had a byte 0x{raw[reason.start]:02x}") from None


def _shown(value: str) -> str:
    return checks.describe(value).removeprefix("str ")
