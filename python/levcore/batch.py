"""What batches of runs share: how many, which one, and columns that are worked out when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from levcore.checks import frozen, integer
from levcore.errors import InputError
from levcore.outcome import _Result
from levcore.table import Tabular

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Count = Callable[[], tuple[Counts, Counts]]
COUNTED = ("rounds", "cascade_depth")


class Batch(_Result, Tabular):
    """The ladder needs no rounds: where it ran, `rounds` and `cascade_depth` are counted by walking again."""

    liquidated_count_long: Counts
    liquidated_count_short: Counts
    liquidated_notional_long: Floats
    liquidated_notional_short: Floats
    bad_debt: Floats
    _count: Count | None

    #: What works columns out, where it is not None, and which.
    _LATE: ClassVar[Mapping[str, tuple[str, str]]] = {"_count": COUNTED}

    def __post_init__(self) -> None:
        super().__post_init__()
        for source, names in self._LATE.items():
            if getattr(self, source) is not None:
                for name in names:
                    del self.__dict__[name]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            for source, names in type(self)._LATE.items():
                count = self.__dict__.get(source)
                if name in names and count is not None:
                    self.__dict__.update(zip(names, map(frozen, count()), strict=True))
                    self.__dict__[source] = None  # with all that it holds
                    return self.__dict__[name]
            return object.__getattribute__(self, name)  # says itself what is wrong

    @property
    def liquidated_count(self) -> Counts:
        """Positions liquidated."""
        return self.liquidated_count_long + self.liquidated_count_short

    @property
    def liquidated_notional(self) -> Floats:
        """Notional of the forced orders, numeraire."""
        return self.liquidated_notional_long + self.liquidated_notional_short

    def __len__(self) -> int:
        return len(self.bad_debt)

    def _place(self, i: int) -> int:
        """Return which run is meant, counted from the beginning."""
        place = integer("i", i)
        if not -len(self) <= place < len(self):
            raise InputError(f"i must lie in {-len(self)} to {len(self) - 1}, was {place}")
        return place % len(self)

    def _counted(self) -> dict[str, Any]:
        """Return all fields, none of them late."""
        late = {name: getattr(self, name) for names in self._LATE.values() for name in names}
        return late | vars(self) | dict.fromkeys(self._LATE)
