"""How many random cases a test looks at: all of them, or the share that LEVCORE_TEST_SHARE names.

A share is for sanitizers, under which each case takes many times as long and it is not its answer that is asked for.
"""

from __future__ import annotations

import math
import os

SHARE = float(os.environ.get("LEVCORE_TEST_SHARE", "1"))
ALL = SHARE >= 1.0


def some(cases: int) -> int:
    """Return the share of so many cases, at least one."""
    return cases if ALL else max(1, math.ceil(SHARE * cases))
