"""How many threads a call may start."""

from __future__ import annotations

import os

from levcore import checks


def asked(value: int | None) -> int:
    """Return `threads` checked; where None, the CPUs that the process may use, or OMP_NUM_THREADS where it is less."""
    if value is not None:
        return checks.integer("threads", value, at_least=1, at_most=1024)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")[:9]
    return max(1, min(allowed, int(limit))) if limit.isdecimal() and int(limit) > 0 else allowed
