"""A run that is split: over an executor's workers, over time in a directory, or both."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levcore import checks, part_runners, resuming, run_plan, storing
from levcore.control import draws
from levcore.path_runs import PathSettings
from levcore.process import Process
from levcore.run_parts import Columns, Floats, Job, Pair, Span, Whole, spans, usual_size
from levcore.runs import Runs


@dataclass(frozen=True)
class Split:
    """Who runs the parts, and where they are kept."""

    executor: Executor | None
    directory: Path | None
    threads: int | None  # of each task of an executor
    replace: bool = False
    scenario_file: bytes | None = None

    @classmethod
    def asked(cls, executor: object, directory: object, threads: int | None) -> Split | None:
        """Return how a run is split; None where it is not."""
        if executor is None and directory is None:
            return None
        by = None if executor is None else part_runners.checked(executor)
        if directory is None or isinstance(directory, os.PathLike):
            return cls(by, None if directory is None else Path(directory), threads)
        return cls(by, Path(checks.text("directory", directory)), threads)

    def run(
        self, settings: PathSettings, scenario: Process | Floats, paths: int, steps: int, *, seed: int | None
    ) -> Runs:
        """Run the paths, or what is left of them."""
        by_process = isinstance(scenario, Process)
        returns: Floats | None = None if isinstance(scenario, Process) else scenario
        settings.refuse_if_too_large(paths, steps)
        workers = None if self.executor is None else part_runners.workers_of(self.executor)
        size = settings.chunk or usual_size(settings, paths, steps, workers=workers)
        settings.seed = self._seed(seed) if by_process or draws(settings.rules) else None
        job = Job(
            process=scenario if isinstance(scenario, Process) else None,
            paths=paths,
            steps=steps,
            step=settings.step,
            seed=settings.seed,
            engine=settings.engine,
            keep_steps=settings.keep_steps,
            rounds=self.directory is not None and paths <= storing.MOST_ROWS,
            threads=self.threads,
            chunk=None,
            sampling=settings.sampling,
            rules=settings.rules,
        )
        settings.chunk = None  # it was that of the parts
        run_parts = self._runner(settings, job, returns)
        if self.directory is not None:
            return resuming.run(
                self.directory,
                settings,
                job,
                returns,
                run_parts,
                part=size,
                replace=self.replace,
                scenario_file=self.scenario_file,
            )
        whole = Whole(paths, steps)
        run_parts(list(spans(paths, size)), whole.put, 0)
        return whole.runs(settings, job, returns)

    def _seed(self, given: int | None) -> int:
        """Return the seed that was given, that of the run in the directory, or one from the system."""
        if given is not None:
            return given
        plan = None if self.directory is None else resuming.planned(self.directory, finished=not self.replace)
        return secrets.randbits(64) if plan is None or plan["seed"] is None else int(plan["seed"])

    def _runner(self, settings: PathSettings, job: Job, returns: Floats | None) -> Any:
        executor = self.executor

        def here(parts: list[Span], finished: Callable[[Span, Columns], None], before: int) -> None:
            part_runners.run_here(settings, job, returns, parts, finished, before=before)

        def there(parts: list[Span], finished: Callable[[Span, Columns], None], before: int) -> None:
            assert executor is not None
            book, market = settings.ready.book, settings.ready.market
            pair = Pair(run_plan.key_of(book, market), book, market)
            part_runners.run_by(executor, settings, pair, job, returns, parts, finished, before=before)

        return here if executor is None else there
