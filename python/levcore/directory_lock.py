"""One run at a time in a directory: a lock that the system takes back when its holder dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from levcore.errors import StoreError

NAME = ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of a directory.

    Raises
    ------
    StoreError
        If somebody else holds it.
    """
    path = folder / NAME
    try:
        file = path.open("a+b")
    except OSError as reason:
        raise StoreError(f"{path} cannot be written: {reason}") from reason
    with file:
        try:
            _lock(file)
        except OSError:
            raise StoreError(f"{folder} is in use: another run is writing there") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _lock(file: IO[bytes]) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_there(file):  # its former holder has taken the name away since it was opened
            raise BlockingIOError


def _is_there(file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), Path(file.name).stat())
    except FileNotFoundError:
        return False
