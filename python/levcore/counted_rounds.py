"""Rounds of a batch: kept where they were counted, else counted when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Count = Callable[[], tuple[Counts, Counts]]
COUNTED = ("rounds", "cascade_depth")


class CountedRounds:
    """The ladder needs no rounds: where it ran, `rounds` and `cascade_depth` are counted by walking again."""

    _count: Count | None

    def _count_later(self) -> None:
        if self._count is not None:
            for name in COUNTED:
                del self.__dict__[name]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            count = self.__dict__.get("_count")
            if name not in COUNTED or count is None:
                return object.__getattribute__(self, name)  # says itself what is wrong
            self.__dict__.update(zip(COUNTED, count(), strict=True))
            return self.__dict__[name]

    def _counted(self) -> dict[str, Any]:
        """Return all fields, rounds counted."""
        rounds = {name: getattr(self, name) for name in COUNTED}
        return rounds | vars(self) | {"_count": None}
