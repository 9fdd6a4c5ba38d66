"""What a run in a directory was asked for, written down first: its numbers, and digests of what went in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from levcore._version import __version__
from levcore.book import Book
from levcore.errors import StoreError
from levcore.market import Market
from levcore.run_parts import Floats, Job
from levcore.stored_values import to_json

PLAN = "plan.json"
LARGEST_PLAN = 100_000_000
FORMAT = 2
EARLIER_FORMATS = (1,)
#: How random numbers are laid out over seed, path and step; another layout gives other paths.
STREAMS = "philox4x64-10, by path"
#: In the order in which differences are told.
FIELDS = (
    "levcore",
    "streams",
    "paths",
    "steps",
    "step",
    "control",
    "seed",
    "sampling",
    "engine",
    "keep_steps",
    "scenario",
    "market",
    "venue",
    "book",
)

Plan = dict[str, Any]


def plan_of(book: Book, market: Market, job: Job, returns: Floats | None, *, part: int) -> Plan:
    """Return what a run is asked for; everything that its numbers depend on, and how many paths a file holds."""
    return {
        "format": FORMAT,
        "levcore": __version__,
        "streams": STREAMS,
        "paths": job.paths,
        "steps": job.steps,
        "step": to_json(job.step),
        "seed": job.seed,
        "sampling": job.sampling,
        "control": to_json(job.rules),
        "engine": job.engine,
        "keep_steps": job.keep_steps,
        "scenario": to_json(job.process) if returns is None else {"kind": "returns", "blake2b": digest(returns)},
        "market": to_json(market),
        "venue": to_json(book.venue),
        "book": book_digest(book),
        "part": part,
    }


def book_digest(book: Book) -> str:
    """Return the BLAKE2b-256 of a book's columns and balances."""
    state = blake2b(digest_size=32)
    columns = {name: getattr(book, name) for name in ("instrument", "quantity", "entry_price", "margin", "account")}
    columns |= {f"balance {name}": balances for name, balances in book.accounts.balances.items()}
    for name, values in columns.items():
        state.update(f"{name} {values.dtype.str} {len(values)}\n".encode())
        state.update(np.ascontiguousarray(values).data)
    return state.hexdigest()


def digest(values: Floats) -> str:
    """Return the BLAKE2b-256 of an array and its shape."""
    state = blake2b(f"{values.dtype.str} {values.shape}\n".encode(), digest_size=32)
    state.update(np.ascontiguousarray(values).data)
    return state.hexdigest()


def key_of(book: Book, market: Market) -> str:
    """Return what is equal for equal pairs."""
    words = json.dumps([to_json(book.venue), to_json(market), book_digest(book)])
    return blake2b(words.encode(), digest_size=32).hexdigest()


def plan_digest(plan: Mapping[str, Any]) -> str:
    """Return what parts of a plan are known by."""
    return blake2b(json.dumps(plan, sort_keys=True, allow_nan=False).encode(), digest_size=32).hexdigest()


def as_text(plan: Plan) -> str:
    """Return the plan as it is written: an entry a line, and its digest."""
    whole = plan | {"blake2b": plan_digest(plan)}
    lines = [f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in whole.items()]
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def read(folder: Path) -> Plan | None:
    """Return the plan in a directory; None where there is none."""
    path = folder / PLAN
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > LARGEST_PLAN:
            raise StoreError(f"{path} must be at most {LARGEST_PLAN:,} bytes, had {path.stat().st_size:,}")
        plan = json.loads(path.read_bytes())
        known = plan.pop("blake2b")
        whole = known == plan_digest(plan)
        if whole and plan["format"] in EARLIER_FORMATS:
            raise StoreError(
                f"{path} is of an earlier levcore: finish the run with that one, or take another directory"
            )
        right = whole and plan["format"] == FORMAT and {*FIELDS, "part"} <= {*plan}
    except StoreError:
        raise
    except OSError as reason:
        raise StoreError(f"{path} cannot be read: {reason}") from reason
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as reason:
        raise StoreError(f"{path} is damaged: {reason!r}") from None
    if not right:
        raise StoreError(f"{path} is damaged, or of a later levcore: it does not have the digest that it names")
    return dict(plan)


def refuse_differences(folder: Path, there: Plan, here: Plan) -> None:
    """Raise where a run in a directory was asked for something else; the message names the field that differs."""
    for name in FIELDS:
        if there[name] != here[name]:
            field, one, other = _difference(name, there[name], here[name])
            raise StoreError(
                f"{folder} holds another run: {field} is {_short(one)} there and {_short(other)} here; "
                f"take the same, or another directory"
            )


def _difference(name: str, there: Any, here: Any) -> tuple[str, Any, Any]:
    """Return the first thing in which two stored values differ, by its name from the outside in."""
    if isinstance(there, dict) and isinstance(here, dict) and there.get("kind") == here.get("kind"):
        ours, theirs = there.get("fields", {}), here.get("fields", {})
        for inner, value in ours.items() if ours.keys() == theirs.keys() else ():
            if value != theirs[inner]:
                return _difference(f"{name}.{inner}", value, theirs[inner])
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        at = next(i for i, value in enumerate(there) if value != here[i])
        return _difference(f"{name}[{at}]", there[at], here[at])
    return name, there, here


def _short(value: Any) -> str:
    if isinstance(value, dict) and value.get("kind") == "timedelta":
        return f"{value['microseconds'] / 1e6:,.6g} s"
    if isinstance(value, dict) and "kind" in value:
        return str(value["kind"])
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:60]}..."
