"""Numbers and times as others write them: text or numbers, milliseconds or microseconds."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from levcore import checks
from levcore.errors import KindError

#: What counts as a number: no words such as nan, no underscores, no blanks.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
LONGEST = 80
SECONDS = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)?", re.ASCII)
#: Whole numbers of these many digits are milliseconds (1973 to 5138) or microseconds.
MILLISECONDS, MICROSECONDS, BEYOND = 10**11, 10**14, 10**17


def number(
    value: Any, *, above: float | None = None, at_least: float | None = None, below: float | None = None
) -> float | None:
    """Return a value as a float, or None where it is no number or breaks a bound."""
    if isinstance(value, str):
        if len(value) > LONGEST or NUMBER.fullmatch(value) is None:
            return None
    elif isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, Decimal, np.integer, np.floating)):
        return None
    try:
        found = float(value)
    except (OverflowError, ValueError):
        return None
    if not abs(found) <= checks.LARGEST or math.isnan(found):
        return None
    if above is not None and not (found > above and (above != 0.0 or found >= checks.SMALLEST)):
        return None
    return None if _outside(found, at_least, below) else found


def _outside(found: float, at_least: float | None, below: float | None) -> bool:
    return (at_least is not None and not found >= at_least) or (below is not None and not found < below)


def rule(*, above: float | None = None, at_least: float | None = None, below: float | None = None) -> str:
    """Say in words what :func:`number` asks for."""
    bounds = [
        f"{sign} {bound:g}" for sign, bound in ((">", above), (">=", at_least), ("<", below)) if bound is not None
    ]
    words = f"a number {' and '.join(bounds)}".rstrip()
    return f"{words}, at most 1e90 in size" if above is None and at_least is None else words


def time(value: Any) -> tuple[int, str] | None:
    """Return a time in nanoseconds since 1970 UTC and the unit it was written in; None where it is none."""
    if isinstance(value, str):
        if SECONDS.fullmatch(value) is not None:
            return _written(value)
        if not (value.isascii() and value.isdigit() and len(value) <= LONGEST):
            return None
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    if MILLISECONDS <= value < MICROSECONDS:
        return value * 10**6, "milliseconds"
    if MICROSECONDS <= value < BEYOND and value * 10**3 < 2**63:
        return value * 10**3, "microseconds"
    return None


def _written(value: str) -> tuple[int, str] | None:
    try:
        moment = datetime.fromisoformat(value.removesuffix("Z").removesuffix("+00:00")).replace(tzinfo=UTC)
    except ValueError:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 10**6 + since.microseconds) * 1_000, "text"


def nanoseconds(name: str, value: Any) -> int:
    """Return a moment that was asked for, datetime64 or what becomes one, in nanoseconds since 1970 UTC."""
    given: Any = value
    if isinstance(given, datetime) and given.tzinfo is not None:
        given = given.astimezone(UTC).replace(tzinfo=None)
    if isinstance(given, str):
        given = given.removesuffix("Z").removesuffix("+00:00")
    if isinstance(given, (str, datetime, np.datetime64)):
        try:
            moment = np.datetime64(given).astype("datetime64[ns]")
        except ValueError:
            moment = np.datetime64("NaT", "ns")
        if not np.isnat(moment):
            return int(moment.astype(np.int64))
    raise KindError(f"{name} must be a time (datetime64, datetime or text in ISO 8601), was {checks.describe(value)}")
