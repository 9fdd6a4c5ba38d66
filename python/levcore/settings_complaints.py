"""What is wrong with a scenario file, in words: where, what was expected, and what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from levcore.toml_lines import Place

Schema = Mapping[str, Any]

_OWN_NAME = re.compile(r"(\w+)((?:\[[^\]]*\])*) (.*)", re.DOTALL)
_INDEX = re.compile(r"\[(?:'([^']*)'|(\d+)(?:, (\d+))?)\]")
_WORDS = {"number": "a number", "integer": "a whole number", "boolean": "true or false", "object": "a table"}
_BOUNDS = (("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="))


@dataclass(frozen=True)
class Complaint:
    """One mistake: the place of the key, and what is wrong with it."""

    place: Place
    said: str

    def __str__(self) -> str:
        said = self.said if self.said.startswith(("must ", "is ")) else f": {self.said}"
        return f"{dotted(self.place)}{'' if said[0] == ':' else ' '}{said}".lstrip(": ")


def dotted(place: Place) -> str:
    """Write a place as in ``venue.instruments[0].tiers``."""
    written = ""
    for part in place:
        if isinstance(part, int):
            written += f"[{part}]"
        else:
            key = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else repr(part)
            written += f".{key}" if written else key
    return written


def complaint(error: Mapping[str, Any], schema: Schema) -> Complaint:
    """Say what pydantic found wrong."""
    location = tuple(error["loc"])
    place, node = _follow(location, schema)
    found = describe(error["input"])
    if error["type"] == "missing":
        return Complaint(place, f"must be given: {expected(node, schema)}")
    if error["type"] == "extra_forbidden":
        parent = _follow(location[:-1], schema)[1]
        return Complaint(place, f"is no key of this table{_known(place[-1], known_keys(parent, schema))}")
    if error["type"].startswith("union_tag") and "discriminator" in node and isinstance(error["input"], dict):
        kinds = _choice(node["discriminator"]["mapping"])
        kind = error["input"].get("kind")
        said = f"must be given: {kinds}" if kind is None else f"must be {kinds}, was {describe(kind)}"
        return Complaint((*place, "kind"), said)
    if error["type"] == "value_error" and str(error["ctx"]["error"]):
        return rule(place, str(error["ctx"]["error"]), known_keys(node, schema))
    return Complaint(place, f"must be {expected(node, schema)}, was {found}")


def rule(place: Place, said: str, names: Sequence[str] = ()) -> Complaint:
    """Say which rule a value breaks; a message that opens with one of the table's keys is about that key."""
    match = _OWN_NAME.fullmatch(said)
    if match is None or match[1] not in names or not match[3].startswith("must "):
        return Complaint(place, said)
    inner: list[str | int] = [match[1]]
    for name, row, column in _INDEX.findall(match[2]):
        inner += [name] if name else [int(row), *([int(column)] if column else [])]
    return Complaint((*place, *inner), match[3])


def describe(value: object) -> str:
    """Say what stands in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return f"{'a table' if isinstance(value, dict) else 'an array'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    shown = repr(value) if isinstance(value, (str, int, float)) else str(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def expected(node: Schema, schema: Schema) -> str:
    """Say what a part of the schema allows."""
    node = _resolved(node, schema)
    if members := _members(node):
        if "discriminator" in node:
            return f"a table with kind {_choice(node['discriminator']['mapping'])}"
        return _or(list(dict.fromkeys(expected(member, schema) for member in members)))
    if "enum" in node or "const" in node:
        return _choice(node.get("enum") or [node["const"]])
    if node.get("type") == "string":
        if "examples" in node:
            return f"text such as {_choice(node['examples'])}"
        return "text that is not empty" if node.get("minLength") else "text"
    if node.get("type") == "array":
        inner = expected(node.get("items", {}), schema)
        return f"an array{' that is not empty' if node.get('minItems') else ''}, each entry {inner}"
    bounds = " and ".join(f"{sign} {_short(node[key])}" for key, sign in _BOUNDS if key in node and node[key] != 1e90)
    word = _WORDS.get(str(node.get("type")), "another value")
    if isinstance(node.get("additionalProperties"), Mapping):
        word += f"{' that is not empty' if node.get('minProperties') else ''} of names, for each "
        word += expected(node["additionalProperties"], schema)
    return f"{word} {bounds}".strip()


def known_keys(node: Schema, schema: Schema) -> list[str]:
    """Return the keys of a table."""
    return list(_resolved(node, schema).get("properties", {}))


def _follow(location: Sequence[Any], schema: Schema) -> tuple[Place, Schema]:
    """Walk along a location of pydantic's, which names members of unions as well: the place and its schema."""
    place: list[str | int] = []
    node = schema
    for part in location:
        kinds = node.get("discriminator", {}).get("mapping", {})
        if part in kinds:
            node = _resolved({"$ref": kinds[part]}, schema)
        elif isinstance(part, str) and part.startswith("<"):
            node = _member(node, part, schema)
        else:
            place.append(part)
            node = _resolved(_child(node, part), schema)
    return tuple(place), node


def _child(node: Schema, part: str | int) -> Schema:
    if isinstance(part, int):
        found = node.get("items", {})
    else:
        found = node.get("properties", {}).get(part, node.get("additionalProperties", {}))
    return found if isinstance(found, Mapping) else {}


def _members(node: Schema) -> list[Schema]:
    return list(node.get("oneOf", node.get("anyOf", ())))


def _member(node: Schema, tag: str, schema: Schema) -> Schema:
    kind = {"<table>": "object", "<array>": "array", "<text>": "string", "<number>": "number", "<truth>": "boolean"}[
        tag
    ]
    for member in _members(node):
        resolved = _resolved(member, schema)
        if resolved.get("type") == kind:
            return resolved
    return {}


def _resolved(node: Schema, schema: Schema) -> Schema:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def _known(key: str | int, names: Sequence[str]) -> str:
    close = get_close_matches(str(key), names, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(names)}"


def _choice(words: Iterable[str]) -> str:
    return _or([repr(word) for word in words])


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _short(bound: float) -> str:
    powers = {2**64: "2**64", 2**48: "2**48", 2**32: "2**32", 2**24: "2**24"}
    if bound == int(bound) and abs(bound) <= 2**64:
        return powers.get(int(bound), f"{int(bound):,}")
    return f"{bound:g}"
