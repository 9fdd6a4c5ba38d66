"""A scenario file read and checked: every mistake at once, each with its place and line, before any work."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levcore.errors import MissingExtraError, SettingsError
from levcore.settings_complaints import Complaint, complaint
from levcore.toml_lines import line_of, lines, longest_key

if TYPE_CHECKING:
    from levcore.settings_models import Settings

NEEDS = 'scenario files need pydantic: pip install "levcore[cli]"'

#: More than this is no scenario file: books and prices have files of their own.
LARGEST_FILE = 1_000_000
MOST_PARTS = 32
MOST_TOLD = 100


@dataclass(frozen=True)
class ScenarioFile:
    """A scenario file that obeys every rule of its own."""

    path: Path
    text: str
    settings: Settings

    @property
    def folder(self) -> Path:
        """Where the paths in the file start from."""
        return self.path.parent


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file; TOML knows no null, so that it knows none either."""
    try:
        from levcore.settings_models import Settings
    except ImportError as reason:
        if (reason.name or "").partition(".")[0] != "pydantic":
            raise
        raise MissingExtraError(NEEDS) from reason
    tidy: dict[str, Any] = _without_null(Settings.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "levcore scenario file", **tidy}


def _without_null(node: Any) -> Any:
    """Leave out titles and null, and what a union of one or a part of one wraps."""
    if isinstance(node, list):
        return [_without_null(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {
        name: _without_null(value)
        for name, value in node.items()
        if name not in ("anyOf", "allOf")
        and (name, value) != ("default", None)
        and not (name == "title" and isinstance(value, str))
    }
    members = [
        _without_null(one) for one in (*node.get("anyOf", ()), *node.get("allOf", ())) if one != {"type": "null"}
    ]
    if len(members) == 1:
        return kept | members[0]
    return kept | {"anyOf": members} if members else kept


def read(path: Path, overrides: Mapping[str, object] | None = None, command: str | None = None) -> ScenarioFile:
    """Read and check a scenario file, one for the command; overrides stand in for keys of its table `run`."""
    expected = schema()
    text = _text(path)
    raw = _parsed(path, text)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    if given and isinstance(raw.setdefault("run", {}), dict):
        raw["run"] |= given
    from pydantic import ValidationError

    from levcore.settings_across import across
    from levcore.settings_models import Draft, RunTable, Settings

    complaints: list[Complaint] = []
    unusable: set[int | str] = set()
    untold = 0
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as found:
        # Entries that are wrong do not count for pydantic, so that it may call an array short that is not.
        errors = [one for one in found.errors(include_url=False) if one["type"] != "too_short" or not one["input"]]
        unusable = {one["loc"][0] for one in errors}
        complaints = [complaint(one, expected) for one in errors[:MOST_TOLD]]
        untold = len(errors) - len(complaints)
    draft = Draft.model_validate({name: table for name, table in raw.items() if name not in unusable})
    if "run" not in unusable and "run" not in raw:
        draft = draft.model_copy(update={"run": RunTable()})
    complaints += across(draft, path.parent, expected, command)
    if complaints:
        raise refusal(path, text, complaints, untold)
    return ScenarioFile(path, text, settings)


def refusal(path: Path, text: str, complaints: list[Complaint], untold: int = 0) -> SettingsError:
    """Return the error that tells all mistakes of a file, in the order of its lines."""
    where = lines(text)
    numbered = sorted(((line_of(where, one.place) or 0, str(one)) for one in complaints), key=lambda pair: pair[0])
    said = [f"{path}:{line}: {words}" if line else f"{path}: {words}" for line, words in numbered]
    more = [f"{path}: and {untold:,} mistakes more"] if untold else []
    return SettingsError("\n".join([*dict.fromkeys(said), *more]))


def _text(path: Path) -> str:
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise SettingsError(f"{path} must be a scenario file of at most {LARGEST_FILE:,} bytes, had {size:,}")
    with path.open("rb") as opened:
        content = opened.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:  # of a pipe or a device the size is not known before
        raise SettingsError(f"{path} must be a scenario file of at most {LARGEST_FILE:,} bytes, had more")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as reason:
        line = content.count(b"\n", 0, reason.start) + 1
        raise SettingsError(
            f"{path}:{line}: must be text in UTF-8, byte {reason.start} was 0x{content[reason.start]:02x}"
        ) from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    # The standard library's reader takes memory by the square of a key's parts.
    if longest_key(text) > MOST_PARTS:
        raise SettingsError(f"{path} must have keys of at most {MOST_PARTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise SettingsError(f"{path} must be TOML, was nested too deeply") from None
    except ValueError as reason:
        said = str(reason).replace("Cannot overwrite a value", "A key stands twice")
        raise SettingsError(f"{path} must be TOML: {said}") from None
