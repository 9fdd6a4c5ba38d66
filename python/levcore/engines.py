"""Which engine runs: the ledger, which knows everything, or the ladder, where a whole cascade is one search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from levcore.checks import choice
from levcore.errors import DomainError

ENGINES = ("auto", "ladder", "ledger")

#: What keeps a pair off the ladder, by the core's number.
OUTSIDE = {
    1: "cross accounts hold positions",
    2: "liquidations close in parts",
    3: "the backstop takes positions over",
    4: "the riskiest positions go first",
    5: "instruments have funds of their own",
    6: "a requirement jumps between whole-position tiers",
    7: "funding is paid on requirements that differ with the size of a position",
    8: "there are few shocks",
    10: "an order book reacts to volatility, or waits before it refills",
    11: "controllers act",
}
FUNDING, FEW_SHOCKS, CONTROL = 7, 8, 11
#: With fewer there is little to gain, and the ledger counts rounds on the way. How many paths or steps there are is no
#: matter: a path's numbers are the same among few and among many.
MANY_SHOCKS = 64
INSIDE = "positions stand alone and close whole"


def on_ladder(engine: str, outside: int) -> bool:
    """Say whether the ladder runs; where it is asked for and cannot, raise what takes the run out of its domain."""
    choice("engine", engine, ENGINES)
    if engine == "ladder" and outside:
        raise DomainError(
            f"engine='ladder' is for isolated positions that close whole; here {OUTSIDE[outside]}: "
            f"leave engine out, or take 'ledger'"
        )
    return engine != "ledger" and not outside


def reason(engine: str, outside: int, by_ladder: npt.NDArray[np.uint8]) -> str:
    """Say why the engine that ran did."""
    if engine == "ledger":
        return "asked for"
    if outside:
        return OUTSIDE[outside]
    left = len(by_ladder) - int(by_ladder.sum())
    if not left:
        return INSIDE
    return (
        f"{INSIDE}; {left:,} of {len(by_ladder):,} runs by the ledger: losses were deleveraged, charged to others, or "
        f"paid by a fund that several assets share, or a price left all prices"
    )
