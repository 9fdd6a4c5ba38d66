"""How many threads a call may start."""

from __future__ import annotations

import os

from levcore import checks


def asked(value: int | None) -> int:
    """Return `threads` checked; where None, the CPUs that the process may use, or what the environment says if less."""
    if value is not None:
        return checks.integer("threads", value, at_least=1, at_most=1024)
    limit = _limit()
    return allowed() if limit is None else min(allowed(), limit)


def in_a_pool() -> int:
    """Return the threads of one of several workers on a machine: one, where the environment does not say more."""
    limit = _limit()
    return 1 if limit is None else min(allowed(), limit)


def allowed() -> int:
    """Return how many CPUs the process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _limit() -> int | None:
    """Return the number of threads that the environment allows, levcore's own word first."""
    for name in ("LEVCORE_NUM_THREADS", "OMP_NUM_THREADS"):
        said = os.environ.get(name, "")[:9]
        if said.isdecimal() and int(said) > 0:
            return int(said)
    return None
