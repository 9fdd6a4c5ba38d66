"""The level of vector instructions in use, decided once, when levcore is imported; every level gives the same bits."""

from __future__ import annotations

import os

from levcore import _core
from levcore.errors import InputError

#: From the least to the most.
LEVELS = ("baseline", "avx2", "avx512")

#: The variable that asks for a level other than the best; empty asks for none.
VARIABLE = "LEVCORE_SIMD"

#: Those that this build and this CPU have, from the least to the most.
AVAILABLE = tuple(_core.simd_levels())


def decide(wish: str) -> str:
    """Return the level in use, which is the one wished for.

    Parameters
    ----------
    wish : str
        One of `LEVELS`; empty: the best there is.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the word is no level, or the CPU lacks it, or another one has been decided on.

    Examples
    --------
    >>> from levcore import simd
    >>> simd.decide("") in simd.AVAILABLE
    True
    """
    if wish and wish not in LEVELS:
        raise InputError(f"{VARIABLE} must be one of {', '.join(LEVELS)}, was {wish!r}")
    if wish and wish not in AVAILABLE:
        raise InputError(
            f"{VARIABLE} asks for {wish}, which this CPU or this build lacks; there are: {', '.join(AVAILABLE)}"
        )
    used = _core.use_simd(wish or AVAILABLE[-1])
    if wish and used != wish:
        raise InputError(f"{VARIABLE} asks for {wish}, but {used} is in use already")
    return used


#: Decided by now.
IN_USE = decide(os.environ.get(VARIABLE, ""))
