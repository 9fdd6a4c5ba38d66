"""levcore's values as JSON and back, to the last bit: by the names and arguments of their public constructors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from levcore.errors import StoreError
from levcore.per_asset import PerAsset


def to_json(value: Any) -> Any:
    """Return what JSON can hold of a value."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"kind": "float", "value": repr(value)}
    if isinstance(value, timedelta):
        return {"kind": "timedelta", "microseconds": value // timedelta(microseconds=1)}
    if isinstance(value, (tuple, list)):
        return [to_json(one) for one in value]
    if isinstance(value, Mapping):
        return {"kind": "mapping", "fields": {name: to_json(one) for name, one in value.items()}}
    if type(value).__name__ in _kinds():
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return {"kind": type(value).__name__, "fields": {name: to_json(getattr(value, name)) for name in names}}
    raise StoreError(f"a value of type {type(value).__name__} cannot be stored")


def from_json(stored: Any) -> Any:
    """Return the value, made and checked by its constructor."""
    if isinstance(stored, list):
        return tuple(from_json(one) for one in stored)
    if not isinstance(stored, dict):
        return stored
    kind = stored["kind"]
    if kind == "float":
        return float(stored["value"])
    if kind == "timedelta":
        return timedelta(microseconds=stored["microseconds"])
    fields = {name: from_json(one) for name, one in stored["fields"].items()}
    return PerAsset(fields) if kind == "mapping" else _kinds()[kind](**fields)


def _kinds() -> dict[str, Any]:
    """Return the frozen dataclasses of the front door by name: rulebooks, markets and processes."""
    import levcore

    public = ((name, getattr(levcore, name)) for name in levcore.__all__)
    return {name: value for name, value in public if isinstance(value, type) and dataclasses.is_dataclass(value)}
