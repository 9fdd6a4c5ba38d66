"""A mapping from asset names to values that cannot be written to, and that copies and pickles like a dict."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class PerAsset(dict[str, T]):
    """A read-only dict, a value per asset."""

    def __reduce__(self) -> tuple[Any, ...]:
        return PerAsset, (dict(self),)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a mapping of results or rules does not support item assignment")

    __setitem__ = _refuse
    __delitem__ = _refuse
    clear = _refuse
    pop = _refuse
    popitem = _refuse
    setdefault = _refuse
    update = _refuse
    __ior__ = _refuse
