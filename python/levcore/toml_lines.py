"""Where the keys of a TOML document stand: the standard library's reader keeps values and forgets lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

Place = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
      (?P<string> \"{3} (?:\\.|[^\\])*? \"{3,5} | '{3} .*? '{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*' )
    | (?P<newline> \n )
    | (?P<skip> [ \t\r]+ | \#[^\n]* )
    | (?P<mark> [\[\]{}=,.] )
    | (?P<bare> [^\s\[\]{}=,."'\#]+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDS = (",", "]", "}", "\n", "")


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def lines(text: str) -> dict[Place, int]:
    """Return the line, counted from 1, at which each key and each entry of an array of a valid document stands."""
    try:
        return _Reader(text).document()
    except (KeyError, IndexError, ValueError, RecursionError):  # lines are a courtesy: without one a message stands
        return {}


def longest_key(text: str) -> int:
    """Return the most parts that dots join outside of strings and comments; of no TOML, up to where it ends."""
    longest = parts = 0
    try:
        for token in _tokens(text):
            parts = 0 if token.kind == "mark" and token.text != "." else parts + (token.kind != "mark")
            longest = max(longest, parts)
    except ValueError:
        pass
    return longest


def line_of(where: dict[Place, int], place: Place) -> int | None:
    """Return the line of a place or, where it is not in the document, of what would hold it."""
    for size in range(len(place), 0, -1):
        if place[:size] in where:
            return where[place[:size]]
    return None


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"line {line} is no TOML")
        kind, token = str(match.lastgroup), match[0]
        if kind != "skip":
            yield _Token("mark" if kind == "newline" else kind, token, line)
        line += token.count("\n")
        at = match.end()
    yield _Token("mark", "", line)


class _Reader:
    """A walk over the tokens of a document that is known to be valid."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._entries: dict[Place, int] = {}  # of arrays of tables: how many so far
        self._lines: dict[Place, int] = {}

    def document(self) -> dict[Place, int]:
        table: Place = ()
        while self._peek().text:
            if self._takes("\n"):
                continue
            if self._takes("["):
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> Place:
        repeated = self._takes("[")
        line = self._peek().line
        keys = self._key()
        self._at += 2 if repeated else 1
        place: Place = ()
        for key in keys[:-1]:
            place = self._latest((*place, key), line)
        last = (*place, keys[-1])
        if not repeated:
            self._lines.setdefault(last, line)
            return last
        self._entries[last] = self._entries.get(last, 0) + 1
        return self._latest(last, line)

    def _latest(self, place: Place, line: int) -> Place:
        """Go on into the last entry where a key names an array of tables."""
        self._lines.setdefault(place, line)
        if place in self._entries:
            place = (*place, self._entries[place] - 1)
            self._lines.setdefault(place, line)
        return place

    def _pair(self, table: Place) -> None:
        line = self._peek().line
        place = table
        for key in self._key():
            place = (*place, key)
            self._lines.setdefault(place, line)
        self._at += 1  # the sign of equality
        self._value(place)

    def _key(self) -> list[str]:
        keys = [self._name()]
        while self._takes("."):
            keys.append(self._name())
        return keys

    def _name(self) -> str:
        token = self._next()
        if token.kind == "string":
            return next(iter(tomllib.loads(f"{token.text} = 0")))
        return token.text

    def _value(self, place: Place) -> None:
        if self._takes("["):
            self._array(place)
        elif self._takes("{"):
            while not self._takes("}"):
                if not (self._takes(",") or self._takes("\n")):
                    self._pair(place)
        else:
            while self._peek().kind != "mark" or self._peek().text not in _ENDS:
                self._at += 1

    def _array(self, place: Place) -> None:
        row = 0
        while not self._takes("]"):
            if self._takes(",") or self._takes("\n"):
                continue
            if self._peek().text in _ENDS:
                raise ValueError("an array that does not end is no TOML")
            self._lines[(*place, row)] = self._peek().line
            self._value((*place, row))
            row += 1

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, mark: str) -> bool:
        if self._peek().kind == "mark" and self._peek().text == mark:
            self._at += 1
            return True
        return False
