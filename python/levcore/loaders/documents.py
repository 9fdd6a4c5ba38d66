"""JSON of others: read within bounds, and every value knows its file, its line and the way to it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from json.decoder import JSONObject, scanstring  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, NoReturn

from levcore import checks
from levcore.errors import InputError, KindError, StoreError, TooLargeError
from levcore.loaders import cells
from levcore.memory import refuse_if_too_large

Step = str | int

MOST_BYTES = 256 * 2**20
#: A file beyond this is held against the memory that there is.
LARGE = 2**20
#: What a byte of JSON takes at most as Python objects: `0,` or `{},` in a long list.
BYTES_PER_BYTE = 24
BLANK = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Document:
    """What stands in a file, with its text; or what was handed over, without one."""

    name: str
    text: str | None

    def place(self, path: tuple[Step, ...]) -> str:
        """Return the file and the line of a value, or of what should hold it."""
        if self.text is None:
            return self.name
        return f"{self.name}:{line_at(self.text, _offset(self.text, path))}"


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document and the way to it."""

    document: Document
    path: tuple[Step, ...]
    value: Any

    def where(self, *steps: Step) -> str:
        """Return what an error calls the value at these steps from here."""
        path = (*self.path, *steps)
        place = self.document.place(path)
        way = spelled(*path)
        if self.document.text is None:
            return f"{place}{way}"
        return f"{place}: {way.removeprefix('.')}".rstrip()

    def refuse(self, said: str, *steps: Step) -> NoReturn:
        """Raise what is wrong with the value at these steps."""
        raise InputError(f"{self.where(*steps)} {said}")

    def child(self, step: Step) -> Node:
        """Return the value at a step, which must be there."""
        if isinstance(self.value, Mapping) and step not in self.value:
            has = ", ".join(map(str, list(self.value)[:20])) or "no fields"
            self.refuse(f"is missing; there are {has}", step)
        return Node(self.document, (*self.path, step), self.value[step])

    def children(self, what: str) -> Iterator[Node]:
        """Return the values of a list."""
        if not is_list(self.value):
            self.refuse(f"must be a list of {what}, was {checks.describe(self.value)}")
        return (self.child(row) for row in range(len(self.value)))

    def entries(self, what: str) -> Iterator[Node]:
        """Return the values of a mapping."""
        self.fields(what)
        return (self.child(name) for name in self.value)

    def fields(self, what: str) -> Node:
        """Return this value, which must be a mapping by names."""
        if not isinstance(self.value, Mapping) or not all(isinstance(name, str) for name in self.value):
            self.refuse(f"must be {what}, was {checks.describe(self.value)}")
        return self

    def get(self, field: str) -> Any:
        """Return a field, None where it is missing or null."""
        return self.value.get(field)

    def number(
        self, field: str, *, above: float | None = None, at_least: float | None = None, below: float | None = None
    ) -> float:
        """Return a field as a number; many venues write theirs as text."""
        child = self.child(field)
        found = cells.number(child.value, above=above, at_least=at_least, below=below)
        if found is None:
            child.refuse(
                f"must be {cells.rule(above=above, at_least=at_least, below=below)}, was {_shown(child.value)}"
            )
        return found

    def word(self, field: str, allowed: Sequence[str] = ()) -> str:
        """Return a field that is text, or one of the words allowed."""
        child = self.child(field)
        if not isinstance(child.value, str) or not child.value or (allowed and child.value not in allowed):
            rule = " or ".join(map(repr, allowed)) or "text"
            child.refuse(f"must be {rule}, was {_shown(child.value)}")
        return child.value


def is_list(value: Any) -> bool:
    """Whether a value is a list, whatever its class."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def is_path(value: Any) -> bool:
    """Whether a value names a file."""
    return isinstance(value, (str, os.PathLike))


def read(source: Any, most_bytes: int = MOST_BYTES) -> Node:
    """Return what stands in a JSON file, or the value itself."""
    if not is_path(source):
        return Node(Document("source", None), (), source)
    path = Path(source)
    try:
        with path.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            if LARGE < size <= most_bytes:
                refuse_if_too_large(size * BYTES_PER_BYTE, str(path))
            content = opened.read(most_bytes + 1) if size <= most_bytes else None
    except (OSError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path} cannot be read: {error}") from None
    if content is None or len(content) > most_bytes:
        raise TooLargeError(f"{path} must have at most {most_bytes:,} bytes, had more than {most_bytes:,}")
    text = _decoded(path.name, content)
    return Node(Document(path.name, text), (), _parsed(path.name, text))


def several(source: Any, is_one: Callable[[Any], bool]) -> list[tuple[Step | None, Node]]:
    """Return the documents of one account or of several: a list or a mapping of them, or of their files."""
    root = read(source)
    if is_one(root.value):
        return [(None, root)]
    value = root.value
    if not isinstance(value, Mapping) and not is_list(value):
        kind = KindError if root.document.text is None else InputError
        raise kind(f"{root.where()} must be the answer of the venue, or several of them, was {checks.describe(value)}")
    steps: list[Step] = list(value) if isinstance(value, Mapping) else list(range(len(value)))
    for step in steps:
        if not isinstance(step, (str, int)):
            raise KindError(f"{root.where()} must have names as its keys, one was {checks.describe(step)}")
    from_files = root.document.text is None
    return [(step, read(value[step]) if from_files and is_path(value[step]) else root.child(step)) for step in steps]


def line_at(text: str, offset: int) -> int:
    """Return the line of a place in a text, from 1."""
    return text.count("\n", 0, offset) + 1


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = content.count(b"\n", 0, reason.start) + 1
        raise InputError(f"{name}:{line}: must be text in UTF-8, had a byte 0x{content[reason.start]:02x}") from None


class _RefusedError(ValueError):
    """What JSON may not hold: it is told with the line on which the innermost object begins."""

    offset: int | None = None


def _parsed(name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        said = "is cut off" if cut else "is malformed"
        raise InputError(f"{name}:{error.lineno}: must hold JSON, {said}: {error.msg} (column {error.colno})") from None
    except _RefusedError as error:
        offset = _offset_of_refused(text)
        raise InputError(f"{name}:{line_at(text, offset)}: must hold JSON: {error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} must hold JSON: {error}") from None


def _no_constant(word: str) -> float:
    raise _RefusedError(f"{word} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _RefusedError(f"{checks.describe(name)} stands twice in one object")
        found[name] = value
    return found


def _offset_of_refused(text: str) -> int:
    """Read the text once more, in Python, for the object that was refused."""

    def noting(place: tuple[str, int], *rest: Any) -> Any:
        try:
            return JSONObject(place, *rest)
        except _RefusedError as error:
            error.offset = place[1] - 1 if error.offset is None else error.offset
            raise

    decoder: Any = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_once)
    decoder.parse_object = noting
    decoder.scan_once = py_make_scanner(decoder)
    try:
        decoder.decode(text)
    except _RefusedError as error:
        return error.offset or 0
    except RecursionError:  # deeper than Python reads, though not than C does
        pass
    return 0


def _offset(text: str, path: tuple[Step, ...]) -> int:
    """Return where the value at a path begins in a text of sound JSON, or the last on the way that is there."""
    at = _skipped(text, 0)
    for step in path:
        inner = _inner(text, at, step)
        if inner is None:
            break
        at = inner
    return at


def _inner(text: str, at: int, step: Step) -> int | None:
    if text[at] not in "{[":
        return None
    named = text[at] == "{"
    decode = json.JSONDecoder().raw_decode
    at = _skipped(text, at + 1)
    count = 0
    while text[at] not in "}]":
        name: Step = count
        if named:
            name, at = scanstring(text, at + 1)
            at = _skipped(text, _skipped(text, at) + 1)  # beyond the colon
        if name == step:
            return at
        _, at = decode(text, at)
        at = _skipped(text, at)
        at = _skipped(text, at + 1) if text[at] == "," else at
        count += 1
    return None


def _skipped(text: str, at: int) -> int:
    blank = BLANK.match(text, at)
    return at if blank is None else blank.end()


def spelled(*steps: Step) -> str:
    """Return a way as it is written in errors: a name after a dot, a row in brackets."""
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" if step.isidentifier() else f"[{step!r}]" for step in steps
    )


def _shown(value: Any) -> str:
    return checks.describe(value).removeprefix("str ") if isinstance(value, str) else checks.describe(value)
