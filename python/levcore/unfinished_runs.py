"""A run that was stopped, finished from what its directory holds alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from levcore import run_plan, storing, thread_count
from levcore.cascade import Ready
from levcore.control import TopUp, rules_in
from levcore.errors import LevcoreError, StoreError
from levcore.market import Market
from levcore.path_runs import PathSettings
from levcore.process import Process
from levcore.resuming import UNFINISHED
from levcore.run_parts import Floats
from levcore.runs import Runs
from levcore.split_runs import Split
from levcore.stored_runs import read_book, read_returns
from levcore.stored_values import from_json


def finish(folder: Path, *, threads: int | None, progress: Callable[[int, int], object] | None) -> Runs:
    """Return the outcome of a run; what is left of it is run first."""
    work = folder / UNFINISHED
    plan = run_plan.read(work)
    if plan is None:
        if run_plan.read(folder) is None:
            raise StoreError(f"{folder} holds no run: there is no {run_plan.PLAN}")
        return storing.read(folder)
    ready, scenario, step, rules = _what_was_asked(work, plan)
    settings = PathSettings(
        ready,
        step,
        thread_count.asked(threads),
        plan["part"],
        plan["keep_steps"],
        plan["engine"],
        rules=rules,
        progress=progress,
        cancel=None,
    )
    settings.sampling = plan["sampling"]
    text = work / "scenario.toml"
    split = Split(None, folder, threads, replace=True, scenario_file=text.read_bytes() if text.exists() else None)
    return split.run(settings, scenario, plan["paths"], plan["steps"], seed=plan["seed"])


def _what_was_asked(work: Path, plan: run_plan.Plan) -> tuple[Ready, Process | Floats, Any, tuple[TopUp, ...]]:
    try:
        book = read_book(work / "book.npz", from_json(plan["venue"]))
        market, step = from_json(plan["market"]), from_json(plan["step"])
        by_returns = plan["scenario"]["kind"] == "returns"
        rules = rules_in(from_json(plan["control"]))
        scenario = read_returns(work) if by_returns else from_json(plan["scenario"])
    except StoreError:
        raise
    except OSError as reason:
        raise StoreError(f"{work} cannot be read: {reason}") from reason
    except (LevcoreError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as reason:
        raise StoreError(f"{work / run_plan.PLAN} does not say what was run: {reason!r}") from reason
    if not isinstance(market, Market) or not (by_returns or isinstance(scenario, Process)):
        raise StoreError(f"{work / run_plan.PLAN} must name a market and a scenario that levcore has")
    return Ready(book, market), scenario, step, rules
